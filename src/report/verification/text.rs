//! A verification as text: the verdict, and per collection what leads to it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::{Proof, Word, explained_rows, name, number, percent, proof, status, values, verdict};
use crate::model::FieldDifference;
use crate::report::page::{Page, Side, Table, Text};
use crate::report::size;
use crate::report::style::{Role, Style};
use crate::report::text::shorten;
use crate::verify::result::{
    Basis, Content, Explanation, RowDifference, RowDifferenceKind, SchemaItem, SchemaStatus,
    SearchParity, Status, Verification,
};

/// Rows that differ are named so often in the text of one collection; the file names all.
const NAMED: usize = 10;
/// Explanations and differences in words, of one collection.
const WORDED: usize = 20;
/// Characters of one value.
const VALUE: usize = 40;
/// Characters of a key.
const KEY: usize = 48;

/// The verdict in the first line, then the collections. `differences` is the file that names all
/// rows that differ, where there are any.
pub fn text(all: &[Verification], differences: Option<&Path>, style: &Style) -> String {
    let mut page = Page::new(*style);
    let verdict = verdict(all);
    let role = if verdict.is_good() { Role::Create } else { Role::Problem };
    page.line(0, &Text::new(role, &verdict.sentence));
    // The verdict has the first reason.
    let mut told = verdict.word == Word::NotVerified;
    for found in all {
        page.gap();
        let first = found.status == Status::Unfinished && std::mem::take(&mut told);
        collection(&mut page, found, differences, first);
    }
    if let Some(file) = differences {
        page.gap();
        let text = format!("All rows that differ, one JSON object a line: {}", file.display());
        page.line(0, &Text::plain(text));
    }
    page.finish()
}

/// One line about a collection that was compared: what became of it.
pub fn line(found: &Verification) -> String {
    let rows = found.content.as_ref().map_or(String::new(), |content| {
        format!(", {} compared", size::counted(content.rows, "row"))
    });
    let elapsed = size::duration(elapsed(found));
    let words = match found.status {
        // The report says why.
        Status::Unfinished => return status(found).to_owned(),
        Status::Different => match &found.content {
            Some(content) if content.missing + content.extra + content.different > 0 => {
                format!(": {}", numbers(content))
            }
            _ => String::new(),
        },
        Status::Verified | Status::Repaired => String::new(),
    };
    format!("{}{words}{rows} in {elapsed}", status(found))
}

fn elapsed(found: &Verification) -> Duration {
    Duration::try_from_secs_f64(found.seconds).unwrap_or_default()
}

/// One collection; `told`: the first line of why it was not compared was said.
fn collection(page: &mut Page, found: &Verification, differences: Option<&Path>, told: bool) {
    let role = match found.status {
        Status::Verified | Status::Repaired if proof(found) != Proof::Nothing => Role::Create,
        Status::Different => Role::Problem,
        _ => Role::Change,
    };
    let time = format!(" · {}", size::duration(elapsed(found)));
    let line = Text::new(Role::Heading, name(found))
        .with(Role::Plain, ": ")
        .with(role, status(found))
        .with(Role::Secondary, time);
    page.line(0, &line);
    if let Some(why) = &found.failure {
        for line in why.lines().skip(usize::from(told)) {
            page.paragraph(2, Role::Problem, line.trim());
        }
    }
    counts(page, found);
    if let Some(content) = &found.content {
        compared(page, found, content);
        rows(page, content, differences);
    }
    let explanations = explanations(found);
    for explanation in explanations.iter().take(WORDED) {
        page.paragraph(2, Role::Plain, &format!("explained: {}", explanation.message));
    }
    more(page, explanations.len(), WORDED, "explanation");
    if let Some(pending) = found.pending() {
        page.paragraph(2, Role::Change, &format!("pending: {}", pending.message));
    }
    for text in found.unexplained.iter().take(WORDED) {
        page.paragraph(2, Role::Problem, &format!("unexplained: {text}"));
    }
    more(page, found.unexplained.len(), WORDED, "difference");
    schema(page, &found.schema);
    searches(page, &found.searches);
}

/// What accounts for differences, where that is not said already as why nothing was compared.
pub(super) fn explanations(found: &Verification) -> Vec<&Explanation> {
    let failure = found.failure.as_deref().unwrap_or_default();
    found.accounted().filter(|one| !failure.contains(&one.message)).collect()
}

fn more(page: &mut Page, all: usize, shown: usize, what: &str) {
    if let Some(rest @ 1..) = all.checked_sub(shown) {
        let text = format!("… and {} more in the report", size::counted(rest as u64, what));
        page.line(2, &Text::new(Role::Secondary, text));
    }
}

fn counts(page: &mut Page, found: &Verification) {
    use Side::{Left, Right};
    if found.counts.is_empty() {
        return;
    }
    let distinct = |end: fn(&crate::verify::result::RowCounts) -> Option<u64>| {
        found.counts.iter().any(|counts| end(counts).is_some())
    };
    let of_source = distinct(|counts| counts.source_distinct);
    let of_target = distinct(|counts| counts.target_distinct);
    let mut table = Table::new(&[Left, Right, Right, Right, Right, Right, Right]);
    let cells = |cells: [Option<Text>; 7]| cells.into_iter().flatten().collect::<Vec<_>>();
    let title = |text: &str| Some(Text::new(Role::Secondary, text));
    table.row(cells([
        title(""),
        title("source"),
        title("source keys").filter(|_| of_source),
        title("read"),
        title("acknowledged"),
        title("target"),
        title("target keys").filter(|_| of_target),
    ]));
    for counts in &found.counts {
        let label = counts.partition.as_deref().unwrap_or("rows");
        let value = |value| Some(Text::plain(number(value)));
        table.row(cells([
            Some(Text::new(Role::Secondary, shorten(label, KEY))),
            value(counts.source_count),
            value(counts.source_distinct).filter(|_| of_source),
            value(counts.read),
            value(counts.acknowledged),
            value(counts.target_count),
            value(counts.target_distinct).filter(|_| of_target),
        ]));
    }
    page.table(2, table);
}

/// `1 missing, 2 different`: as many as there are.
fn numbers(content: &Content) -> String {
    let Content { missing, different, extra, .. } = content;
    let parts = [(missing, "missing"), (different, "different"), (extra, "extra")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| **number > 0)
        .map(|(number, what)| format!("{} {what}", size::count(**number)))
        .collect();
    parts.join(", ")
}

fn compared(page: &mut Page, found: &Verification, content: &Content) {
    let mut text = format!("content: {}", size::counted(content.rows, "row"));
    if content.ranges > 0 {
        let ranges = size::counted(content.ranges, "key range");
        // Writing to a string cannot fail.
        let _ = write!(text, " in {ranges}, {} unequal", size::count(content.unequal_ranges));
        if content.ranges_before > 0 {
            let _ = write!(text, " ({} compared before)", size::count(content.ranges_before));
        }
    }
    text += match content.basis {
        Basis::Source => ", against the source",
        Basis::Ledger => ", against what was copied",
        Basis::Changes => ", of what changed at the source since the copy",
    };
    let numbers = numbers(content);
    let _ = if numbers.is_empty() {
        write!(text, ": no difference")
    } else {
        let parts = [(explained_rows(found), "explained"), (content.pending, "pending")];
        let parts = parts.iter().filter(|(rows, _)| *rows > 0);
        let parts: Vec<_> =
            parts.map(|(rows, what)| format!("{} of them {what}", size::count(*rows))).collect();
        let also = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
        write!(text, ": {numbers}{also}")
    };
    page.paragraph(2, Role::Plain, &text);
    if let Some(confidence) = content.confidence {
        let level = percent(confidence.level);
        let share = percent(confidence.fewer_than);
        let text = format!(
            "with {level} confidence fewer than {share} of the source's rows are missing or different"
        );
        page.paragraph(2, Role::Plain, &text);
    }
    if let Some(repair) = content.repair {
        let text = format!(
            "repair: {} copied, {} deleted, compared again {}",
            size::counted(repair.copied, "row"),
            size::count(repair.deleted),
            size::counted(u64::from(repair.rounds), "time")
        );
        page.paragraph(2, Role::Plain, &text);
    }
}

/// The first rows that differ, by key and field.
fn rows(page: &mut Page, content: &Content, file: Option<&Path>) {
    let mut table = Table::default();
    for difference in content.differences.iter().take(NAMED) {
        let mut heads = vec![
            Text::new(role(difference), kind(difference.kind)),
            Text::plain(shorten(&key(difference), KEY)),
        ];
        let known = difference.explanation.as_ref();
        let known = known.map(|code| Text::new(Role::Secondary, format!("({code})")));
        if difference.fields.is_empty() {
            heads.extend(known);
            table.row(heads);
            continue;
        }
        let mut known = known;
        for field in &difference.fields {
            let (source, target) = values(&field.source, &field.target, VALUE);
            let place = match field.first_byte {
                Some(byte) => format!(" (byte {})", size::count(byte)),
                None => String::new(),
            };
            let same = note(field);
            let mut value = Text::new(Role::Change, format!("{source} → {target}"))
                .with(Role::Secondary, format!("{place}{same}"));
            if let Some(known) = known.take() {
                value.append(Text::plain(" "));
                value.append(known);
            }
            let mut cells = std::mem::replace(&mut heads, vec![Text::default(); 2]);
            cells.extend([Text::plain(shorten(&field.field, KEY)), value]);
            table.row(cells);
        }
    }
    page.table(4, table);
    let all = content.missing.saturating_add(content.extra).saturating_add(content.different);
    let shown = content.differences.len().min(NAMED) as u64;
    if shown > 0 && all > shown {
        let place =
            file.map_or("in the report".to_owned(), |file| format!("in {}", file.display()));
        let text = format!("… and {} more {place}", size::counted(all - shown, "row"));
        page.line(4, &Text::new(Role::Secondary, text));
    }
}

/// What is known of values that differ.
pub(super) fn note(field: &FieldDifference) -> &'static str {
    match field {
        FieldDifference { same_value: true, .. } => " (the same value, written otherwise)",
        FieldDifference { default_value: true, .. } => " (its default value)",
        _ => "",
    }
}

fn role(difference: &RowDifference) -> Role {
    if difference.explanation.is_some() { Role::Secondary } else { Role::Problem }
}

/// How a row differs, in one word.
pub(super) fn kind(kind: RowDifferenceKind) -> &'static str {
    match kind {
        RowDifferenceKind::Missing => "missing",
        RowDifferenceKind::Extra => "extra",
        RowDifferenceKind::Different => "different",
    }
}

/// The key of a row, with its partition.
pub(super) fn key(difference: &RowDifference) -> String {
    match &difference.partition {
        Some(partition) => format!("{} in {partition}", difference.key),
        None => difference.key.to_string(),
    }
}

/// What is to be looked at of a schema, and in which word.
pub(super) fn notable(item: &SchemaItem) -> Option<&'static str> {
    match item.status {
        SchemaStatus::Different => Some("different"),
        SchemaStatus::Overridden => Some("overridden"),
        SchemaStatus::Same | SchemaStatus::TargetsOwn => None,
    }
}

/// What is not as at the source.
fn schema(page: &mut Page, items: &[SchemaItem]) {
    let mut table = Table::default();
    for item in items {
        let Some(word) = notable(item) else { continue };
        let is_problem = item.status == SchemaStatus::Different;
        let role = if is_problem { Role::Problem } else { Role::Change };
        let (source, target) = values(&item.source, &item.target, VALUE);
        let mut value = Text::new(role, format!("{source} → {target}"));
        if let Some(wanted) = &item.wanted {
            value = value.with(role, format!(", asked for: {}", shorten(wanted, VALUE)));
        }
        table.row([
            Text::new(Role::Secondary, "schema"),
            Text::new(role, word),
            Text::plain(shorten(&item.attribute, KEY)),
            value,
        ]);
    }
    page.table(2, table);
    let of = |status| items.iter().filter(|item| item.status == status).count() as u64;
    let (same, own) = (of(SchemaStatus::Same), of(SchemaStatus::TargetsOwn));
    let own = match own {
        0 => String::new(),
        own => format!(", {} the target's own", size::count(own)),
    };
    if same > 0 {
        let rest = if same == items.len() as u64 { "" } else { "other " };
        let text = format!(
            "schema: {} as at the source{own}",
            size::counted(same, &format!("{rest}attribute"))
        );
        page.line(2, &Text::new(Role::Secondary, text));
    }
}

fn searches(page: &mut Page, all: &[SearchParity]) {
    for search in all {
        let SearchParity { field, queries, top_k, passed, source_index, target_index, .. } = search;
        let text = if *queries == 0 {
            format!("searches in {field}: none")
        } else {
            format!(
                "searches in {field}: {}, top {}: {} of the results agree, at least {}; {} asked for; \
                 largest difference of a score {}; {source_index} → {target_index}",
                size::count(*queries),
                size::count(*top_k),
                share(search.overlap),
                share(search.lowest_overlap),
                share(search.min_overlap),
                score(search.largest_score_difference),
            )
        };
        let role = if *passed { Role::Plain } else { Role::Problem };
        page.paragraph(2, role, &text);
        if let Some(note) = &search.note {
            page.paragraph(4, Role::Secondary, note);
        }
    }
}

/// A share in percent, rounded down to a tenth: 99.96 % is not 100 %.
pub(super) fn share(share: f64) -> String {
    let tenths = (share.clamp(0.0, 1.0) * 1_000.0 + 1e-6).floor() / 10.0;
    format!("{tenths:.1} %")
}

pub(super) fn score(difference: f64) -> String {
    if difference == 0.0 { "0".to_owned() } else { format!("{difference:.2e}") }
}
