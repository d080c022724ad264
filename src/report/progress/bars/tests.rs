use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::super::samples::{at, finished, minute, run, started, step};
use super::*;
use crate::apply::event::Status;

/// A terminal that shows what a person would see.
#[derive(Debug, Clone)]
struct Grid {
    width: u16,
    cells: Arc<Mutex<Cells>>,
}

#[derive(Debug, Default)]
struct Cells {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Grid {
    fn new(width: u16) -> Self {
        Self { width, cells: Arc::default() }
    }

    fn writer(&self) -> BarWriter {
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(self.clone()), 255);
        let bars = MultiProgress::with_draw_target(target);
        BarWriter { bars, screen: Arc::new(self.clone()), status: Arc::default() }
    }

    fn seen(&self) -> String {
        let cells = self.cells();
        let lines = cells.lines.iter().map(|line| line.iter().collect::<String>());
        let lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn put(&self, text: &str) {
        let mut cells = self.cells();
        for character in text.chars() {
            cells.put(character, self.width.into());
        }
    }

    fn cells(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().unwrap()
    }
}

impl Cells {
    fn put(&mut self, character: char, width: usize) {
        match character {
            '\n' => (self.row, self.column) = (self.row + 1, 0),
            '\r' => self.column = 0,
            character => {
                if self.column == width {
                    (self.row, self.column) = (self.row + 1, 0);
                }
                while self.lines.len() <= self.row {
                    self.lines.push(Vec::new());
                }
                let line = &mut self.lines[self.row];
                line.resize(line.len().max(self.column + 1), ' ');
                line[self.column] = character;
                self.column += 1;
            }
        }
    }
}

impl Screen for Grid {
    fn size(&self) -> (u16, u16) {
        (24, self.width)
    }
    fn write(&self, text: &[u8]) -> io::Result<()> {
        self.put(std::str::from_utf8(text).unwrap());
        Ok(())
    }
}

impl TermLike for Grid {
    fn width(&self) -> u16 {
        self.width
    }
    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        let mut cells = self.cells();
        cells.row = cells.row.saturating_sub(lines);
        Ok(())
    }
    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.cells().row += lines;
        Ok(())
    }
    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.cells().column += columns;
        Ok(())
    }
    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        let mut cells = self.cells();
        cells.column = cells.column.saturating_sub(columns);
        Ok(())
    }
    fn write_line(&self, line: &str) -> io::Result<()> {
        self.put(&format!("{line}\n"));
        Ok(())
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.put(text);
        Ok(())
    }
    fn clear_line(&self) -> io::Result<()> {
        let mut cells = self.cells();
        let row = cells.row;
        cells.column = 0;
        if let Some(line) = cells.lines.get_mut(row) {
            line.clear();
        }
        Ok(())
    }
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Shows the events as they come, drawing at every one of them.
fn show(events: &[(u64, Event)], start: Instant, grid: &Grid) -> Bars {
    let mut bars = Bars::new(grid.writer(), Style::new(false));
    for (second, event) in events {
        bars.handle(event, at(start, *second)).unwrap();
        bars.draw(at(start, *second));
    }
    bars
}

/// Draws until it is seen: bars are drawn at a bounded rate.
fn settle(bars: &mut Bars, grid: &Grid, now: Instant) {
    let start = Instant::now();
    loop {
        bars.drawn.clear();
        bars.draw(now);
        if grid.seen().ends_with(&bars.drawn) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{}", grid.seen());
    }
}

#[test]
fn several_collections_at_eighty_columns() {
    let (start, grid) = (Instant::now(), Grid::new(80));
    let mut bars = show(&minute(), start, &grid);
    settle(&mut bars, &grid, at(start, 60));
    insta::assert_snapshot!(grid.seen());
    bars.finish();
    let left = grid.seen();
    assert_eq!(left.lines().count(), 3, "{left}");
}

#[test]
fn several_collections_at_a_hundred_and_forty_columns() {
    let (start, grid) = (Instant::now(), Grid::new(140));
    let mut bars = show(&minute(), start, &grid);
    settle(&mut bars, &grid, at(start, 60));
    insta::assert_snapshot!(grid.seen());
}

#[test]
fn lines_of_others_appear_above_at_once() {
    let (start, grid) = (Instant::now(), Grid::new(80));
    let events =
        [(0, run(1, Some(10), 0)), (0, started("tags", Some(10), 0)), (1, step("tags", "load\n"))];
    let mut bars = show(&events, start, &grid);
    settle(&mut bars, &grid, at(start, 1));
    bars.writer.clone().write_all(b"a line of the log\n").unwrap();
    assert_eq!(grid.seen(), "a line of the log\ndefault/tags  load\\n");
    bars.handle(&finished("tags", Status::Done, 10), at(start, 2)).unwrap();
    let line = "default/tags: done, 10 rows in 202 ms";
    assert_eq!(grid.seen(), format!("a line of the log\n{line}"));
    bars.handle(&finished("others", Status::Unchanged, 0), at(start, 3)).unwrap();
    assert_eq!(grid.seen(), format!("a line of the log\n{line}"));
}

/// Standard error that is gone.
#[derive(Debug)]
struct Gone;

impl Screen for Gone {
    fn size(&self) -> (u16, u16) {
        (24, 80)
    }
    fn write(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn a_standard_error_that_is_gone_is_no_error() {
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::hidden());
    let mut writer = BarWriter { bars, screen: Arc::new(Gone), status: Arc::default() };
    writer.write_all(b"a line of the log\n").unwrap();
    let mut bars = Bars::new(writer, Style::new(false));
    bars.handle(&finished("tags", Status::Done, 10), Instant::now()).unwrap();
}
