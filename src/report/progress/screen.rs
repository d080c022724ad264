//! The moving part of a terminal: a line per active collection and one for the whole run, in
//! columns that fit its width. Pure.

use std::time::Instant;

use console::measure_text_width;

use super::super::size;
use super::super::style::{Role, Style};
use super::super::text::escape;
use super::figures::Figures;
use super::tally::{Ended, Tally};

/// No more collections than this have a line.
const MOST_LINES: usize = 12;
/// A name is cut down to this many columns before something else is left out.
const LEAST_NAME: usize = 14;
/// Numbers are shortened before it is cut down to this many.
const GOOD_NAME: usize = 32;
const MOST_NAME: usize = 44;
const LEAST_BAR: usize = 6;
/// It gets this many before longer names.
const GOOD_BAR: usize = 16;
const MOST_BAR: usize = 40;
/// What percent, rows, rows/s, bytes/s, time left and retries take mostly, so that columns stand still.
const LEAST_CELLS: [usize; 6] = [4, 0, 7, 10, 6, 0];
/// Spaces between columns.
const GAP: usize = 2;

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) style: Style,
}

/// What there is room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Room {
    /// Numbers in full.
    Full,
    /// Short numbers, with their units.
    Short,
    /// Short numbers, rows per second without their unit.
    Terse,
    /// The same without bars.
    NoBar,
    /// Without bytes per second as well.
    NoBytes,
    /// Without rows per second as well.
    NoSpeed,
}

/// From much to little.
const ROOMS: [Room; 6] =
    [Room::Full, Room::Short, Room::Terse, Room::NoBar, Room::NoBytes, Room::NoSpeed];

/// A text with its meaning.
type Part = (Role, String);

struct Line {
    name: Name,
    what: What,
}

enum Name {
    /// May be cut in the middle.
    Collection(String),
    /// Stays whole.
    Total { collections: usize, ended: Ended },
    /// A remark without a name.
    Nothing,
}

enum What {
    Rows(Figures),
    Step(String),
    /// Why calls are made again; where there is little room without what is in parentheses.
    Trouble(String),
}

/// The lines to show at this moment, none of them wider than the view.
pub(super) fn draw(tally: &Tally, view: View, now: Instant) -> Vec<String> {
    let lines = lines(tally, view, now);
    // The last column stays free: some terminals begin a new line when it is filled.
    let width = view.width.saturating_sub(1);
    let (mut widths, mut room) = (Widths::default(), Room::Full);
    for next in ROOMS {
        room = next;
        widths = Widths::of(&lines, room);
        if widths.fit(room, width) {
            break;
        }
    }
    lines.iter().map(|line| line.text(&widths, room, width, view.style)).collect()
}

fn lines(tally: &Tally, view: View, now: Instant) -> Vec<Line> {
    let several = tally.collections > 1 || tally.active.len() > 1;
    // Two lines of others, and the total.
    let most = MOST_LINES.min(view.height.saturating_sub(4)).max(1);
    let collections = tally.active.iter().take(most).map(|active| {
        let what = match active.trouble(now) {
            Some(trouble) => What::Trouble(trouble),
            None if active.is_copying() => What::Rows(active.figures(now)),
            None => What::Step(active.what_and_since(now)),
        };
        Line { name: Name::Collection(escape(&active.target).into_owned()), what }
    });
    let mut lines: Vec<Line> = collections.collect();
    if let Some(more @ 1..) = tally.active.len().checked_sub(most) {
        let text = format!("… and {more} more");
        lines.push(Line { name: Name::Nothing, what: What::Step(text) });
    }
    if several {
        let name = Name::Total { collections: tally.collections, ended: tally.ended };
        lines.push(Line { name, what: What::Rows(tally.figures(now)) });
    }
    lines
}

/// Columns of the table.
#[derive(Debug, Default)]
struct Widths {
    name: usize,
    /// What the name may not be cut below.
    least_name: usize,
    bar: usize,
    /// The longest step.
    step: usize,
    cells: [usize; 6],
}

impl Widths {
    /// The widest of each column.
    fn of(lines: &[Line], room: Room) -> Self {
        let mut widths = Self::default();
        for line in lines {
            let name = text_width(&line.name.parts(room));
            widths.name = widths.name.max(name);
            let least = if matches!(line.name, Name::Total { .. }) { name } else { LEAST_NAME };
            widths.least_name = widths.least_name.max(least.min(name));
            match &line.what {
                What::Rows(figures) => {
                    for (place, (_, cell)) in cells(figures, room).iter().enumerate() {
                        if !cell.is_empty() {
                            let width = measure_text_width(cell).max(LEAST_CELLS[place]);
                            widths.cells[place] = widths.cells[place].max(width);
                        }
                    }
                }
                // It is cut as it is needed.
                What::Trouble(_) => {}
                What::Step(step) => {
                    widths.step = widths.step.max(measure_text_width(&escape(step)));
                }
            }
        }
        widths
    }

    /// Divides what the cells leave between names and bars; `false` when that is not enough.
    fn fit(&mut self, room: Room, width: usize) -> bool {
        let cells = self.cells.iter().filter(|width| **width > 0);
        let fixed: usize = cells.map(|width| width + GAP).sum();
        let least_bar = if room < Room::NoBar { LEAST_BAR + GAP } else { 0 };
        let rest = width.saturating_sub(fixed + least_bar);
        // Steps are no longer than that, as a rule.
        let beside_step = width.saturating_sub(self.step + GAP);
        let wanted = self.name.min(MOST_NAME).min(beside_step).max(self.least_name);
        // Numbers in full are no reason to cut names much.
        let good = wanted.min(GOOD_NAME.max(self.least_name));
        let least = if room == Room::Full { good } else { self.least_name };
        if least_bar == 0 {
            self.name = wanted.min(rest);
        } else {
            let spare = rest.saturating_sub(good);
            self.name = (good + spare.saturating_sub(GOOD_BAR - LEAST_BAR)).min(wanted).min(rest);
            self.bar = (rest - self.name + LEAST_BAR).min(MOST_BAR);
        }
        rest >= least
    }
}

impl Name {
    fn parts(&self, room: Room) -> Vec<Part> {
        match self {
            Self::Collection(name) => vec![(Role::Plain, name.clone())],
            Self::Total { collections, ended } => {
                let otherwise = ended.otherwise();
                let what = match room {
                    Room::Full => " collections done",
                    Room::Short => " done",
                    _ if otherwise.is_empty() => " done",
                    _ => "",
                };
                let done = format!("{} of {collections}{what}", ended.done);
                std::iter::once((Role::Heading, done)).chain(otherwise).collect()
            }
            Self::Nothing => vec![(Role::Plain, String::new())],
        }
    }
}

impl Ended {
    /// `, 2 failed`, and whatever else did not end well.
    pub(super) fn otherwise(&self) -> Vec<Part> {
        [
            (self.failed, Role::Problem, "failed"),
            (
                self.counts_differ,
                Role::Problem,
                if self.counts_differ == 1 { "differs" } else { "differ" },
            ),
            (self.stopped, Role::Change, "stopped"),
        ]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, role, word)| (role, format!(", {number} {word}")))
        .collect()
    }
}

impl Line {
    fn text(&self, widths: &Widths, room: Room, width: usize, style: Style) -> String {
        let mut parts = self.name.parts(room);
        let used = text_width(&parts);
        if used > widths.name {
            let whole: String = parts.iter().map(|(_, text)| text.as_str()).collect();
            parts = vec![(parts[0].0, cut_middle(&whole, widths.name))];
        } else {
            parts.push((Role::Plain, " ".repeat(widths.name - used)));
        }
        match &self.what {
            What::Step(step) => {
                parts.push((Role::Plain, " ".repeat(GAP)));
                parts.push((Role::Plain, escape(step).into_owned()));
            }
            What::Trouble(trouble) => {
                let free = width.saturating_sub(widths.name + GAP);
                parts.push((Role::Plain, " ".repeat(GAP)));
                parts.push((Role::Change, without_cause(trouble, free)));
            }
            What::Rows(figures) => {
                if widths.bar > 0 {
                    parts.push((Role::Plain, " ".repeat(GAP)));
                    parts.extend(bar(figures, widths.bar));
                }
                for ((role, cell), width) in cells(figures, room).into_iter().zip(widths.cells) {
                    if width > 0 {
                        let space = width - measure_text_width(&cell).min(width) + GAP;
                        parts.push((Role::Plain, " ".repeat(space)));
                        parts.push((role, cell));
                    }
                }
            }
        }
        paint(parts, width, style)
    }
}

/// `target unreachable (connection refused), retrying until 10:20:00 UTC`, without what is in
/// parentheses where it does not fit.
fn without_cause(trouble: &str, width: usize) -> String {
    match (trouble.find(" ("), trouble.rfind("),")) {
        (Some(open), Some(close)) if measure_text_width(trouble) > width && open < close => {
            format!("{}{}", &trouble[..open], &trouble[close + 1..])
        }
        _ => trouble.to_owned(),
    }
}

/// Percent, rows, rows/s, bytes/s, time left, retries: as much as there is room for.
fn cells(figures: &Figures, room: Room) -> [Part; 6] {
    let percent = figures.percent().map_or(String::new(), |percent| format!("{percent} %"));
    let rows = match figures.total() {
        _ if room == Room::Full => figures.amount(),
        Some(total) => {
            format!("{} of {}", size::short_count(figures.rows), size::short_count(total))
        }
        None => format!("{} rows", size::short_count(figures.rows)),
    };
    // While nothing comes, that is what matters.
    let speed = figures.speed.filter(|_| figures.stalled.is_none());
    let rows_per_second = speed.map_or(String::new(), |(rows, _)| match room {
        Room::Full => format!("{} rows/s", size::count(rows)),
        Room::Short => format!("{} rows/s", size::short_count(rows)),
        Room::Terse | Room::NoBar | Room::NoBytes => format!("{}/s", size::short_count(rows)),
        Room::NoSpeed => String::new(),
    });
    let bytes_per_second = speed
        .filter(|_| room < Room::NoBytes)
        .map_or(String::new(), |(_, bytes)| format!("{}/s", size::bytes(bytes)));
    let left = match (figures.stalled, figures.left.filter(|left| !left.is_zero())) {
        (Some(stalled), _) if room == Room::Full => {
            format!("no rows for {}", super::figures::seconds(stalled))
        }
        (Some(stalled), _) => format!("idle {}", size::short_remaining(stalled)),
        (None, Some(left)) if room == Room::Full => format!("{} left", size::remaining(left)),
        (None, Some(left)) => size::short_remaining(left),
        (None, None) => String::new(),
    };
    let of_left = if figures.stalled.is_some() { Role::Change } else { Role::Plain };
    let retries = super::figures::retried(figures.retries);
    [
        (Role::Plain, percent),
        (Role::Plain, rows),
        (Role::Plain, rows_per_second),
        (Role::Plain, bytes_per_second),
        (of_left, left),
        (Role::Change, retries.trim_start_matches(", ").to_owned()),
    ]
}

/// A bar of what is there; only a line where nobody knows of how much.
fn bar(figures: &Figures, width: usize) -> Vec<Part> {
    let total = figures.total().unwrap_or(0);
    let full = match u128::from(total) {
        0 if figures.percent().is_some() => width,
        0 => 0,
        total => {
            let full = u128::from(figures.rows) * width as u128 / total;
            usize::try_from(full).unwrap_or(width).min(width)
        }
    };
    vec![(Role::Create, "━".repeat(full)), (Role::Secondary, "─".repeat(width - full))]
}

fn text_width(parts: &[Part]) -> usize {
    parts.iter().map(|(_, text)| measure_text_width(text)).sum()
}

/// The parts in their colours, cut at `width` columns, without spaces at the end.
fn paint(mut parts: Vec<Part>, width: usize, style: Style) -> String {
    while parts.last().is_some_and(|(_, text)| text.trim_end().is_empty()) {
        parts.pop();
    }
    let mut room = width;
    let mut line = String::new();
    for (role, text) in parts {
        let text = cut_end(&text, room);
        room -= measure_text_width(&text).min(room);
        line.push_str(&style.paint(role, &text));
    }
    line
}

/// At most `width` columns from the beginning of a text; `…` stands for the rest.
fn cut_end(text: &str, width: usize) -> String {
    let rest = if width == 0 { "" } else { "…" };
    console::truncate_str(text, width, rest).into_owned()
}

/// At most `width` columns of a text, from both of its ends; `…` stands for the middle.
fn cut_middle(text: &str, width: usize) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    if width < 3 {
        return cut_end(text, width);
    }
    let tail = (width - 1) / 2;
    let head = console::truncate_str(text, width - 1 - tail, "");
    let mut end = String::new();
    for character in text.chars().rev() {
        end.insert(0, character);
        if measure_text_width(&end) > tail {
            end.remove(0);
            break;
        }
    }
    format!("{head}…{end}")
}

#[cfg(test)]
mod tests;
