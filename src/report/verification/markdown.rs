//! A verification as markdown, for comments on pull requests and job summaries: the verdict, one
//! row for each collection, details folded.

use std::fmt::Write as _;
use std::path::Path;

use super::text::{explanations, key, kind, notable, note, score, share};
use super::{Word, name, number, percent, status, values, verdict};
use crate::report::markdown::{html, inline};
use crate::report::size;
use crate::report::text::shorten;
use crate::verify::result::{SearchParity, Status, Verification};

/// Rows that differ are named so often in one collection; the file names all.
const NAMED: usize = 20;
/// Explanations and differences in words, of one collection.
const WORDED: usize = 20;
/// Characters of one value.
const VALUE: usize = 60;
/// Characters of a name.
const NAME: usize = 120;

/// The verdict in the first line, then a table, then what there is to say about collections.
/// `differences` is the file that names all rows that differ, where there are any.
pub fn markdown(all: &[Verification], differences: Option<&Path>) -> String {
    let verdict = verdict(all);
    let mut out = format!("**{}**\n", inline(&verdict.sentence));
    if !all.is_empty() {
        out += "\n| collection | result | source | read | acknowledged | target | compared | missing \
                | extra | different | explained |\n";
        out += "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
        for found in all {
            row(&mut out, found);
        }
    }
    // The verdict has the first reason.
    let mut told = verdict.word == Word::NotVerified;
    for found in all {
        let first = found.status == Status::Unfinished && std::mem::take(&mut told);
        details(&mut out, found, first);
    }
    if let Some(file) = differences {
        let file = inline(&file.display().to_string());
        // Writing to a string cannot fail, here and below.
        let _ = write!(out, "\nAll rows that differ, one JSON object a line: {file}\n");
    }
    out
}

fn row(out: &mut String, found: &Verification) {
    let whole = found.counts.first();
    let content = found.content.as_ref();
    let cells = [
        inline(&shorten(&name(found), NAME)),
        status(found).to_owned(),
        number(whole.and_then(|counts| counts.source_count)),
        number(whole.and_then(|counts| counts.read)),
        number(whole.and_then(|counts| counts.acknowledged)),
        number(whole.and_then(|counts| counts.target_count)),
        number(content.map(|content| content.rows)),
        number(content.map(|content| content.missing)),
        number(content.map(|content| content.extra)),
        number(content.map(|content| content.different)),
        number(content.map(|content| content.explained)),
    ];
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

/// Everything else, folded; nothing where there is nothing to say.
fn details(out: &mut String, found: &Verification, told: bool) {
    let mut inside = String::new();
    words(&mut inside, found, told);
    partitions(&mut inside, found);
    differences(&mut inside, found);
    schema(&mut inside, found);
    searches(&mut inside, &found.searches);
    if inside.is_empty() {
        return;
    }
    let open = if found.status == Status::Different { " open" } else { "" };
    let name = html(&shorten(&name(found), NAME));
    let status = status(found);
    let _ =
        write!(out, "\n<details{open}><summary>{name}: {status}</summary>\n{inside}\n</details>\n");
}

fn words(out: &mut String, found: &Verification, told: bool) {
    let mut items = Vec::new();
    let failure = found.failure.iter().flat_map(|why| why.lines()).skip(usize::from(told));
    items.extend(failure.map(|line| format!("not verified: {}", inline(line.trim()))));
    let more = |all: usize, what: &str| match all.checked_sub(WORDED) {
        Some(rest @ 1..) => {
            Some(format!("and {} more in the report", size::counted(rest as u64, what)))
        }
        _ => None,
    };
    for text in found.unexplained.iter().take(WORDED) {
        items.push(format!("**unexplained:** {}", inline(text)));
    }
    items.extend(more(found.unexplained.len(), "difference"));
    if let Some(pending) = found.pending() {
        items.push(format!("**pending:** {}", inline(&pending.message)));
    }
    let explanations = explanations(found);
    for explanation in explanations.iter().take(WORDED) {
        items.push(format!("explained: {}", inline(&explanation.message)));
    }
    items.extend(more(explanations.len(), "explanation"));
    if let Some(content) = &found.content {
        if let Some(confidence) = content.confidence {
            items.push(format!(
                "with {} confidence fewer than {} of the source's rows are missing or different",
                percent(confidence.level),
                percent(confidence.fewer_than)
            ));
        }
        if let Some(repair) = content.repair {
            items.push(format!(
                "repair: {} copied, {} deleted, compared again {}",
                size::counted(repair.copied, "row"),
                size::count(repair.deleted),
                size::counted(u64::from(repair.rounds), "time")
            ));
        }
    }
    if !items.is_empty() {
        out.push('\n');
    }
    for item in items {
        let _ = writeln!(out, "- {item}");
    }
}

fn partitions(out: &mut String, found: &Verification) {
    if found.counts.iter().all(|counts| counts.partition.is_none()) {
        return;
    }
    *out += "\n| partition | source | read | acknowledged | target |\n|---|--:|--:|--:|--:|\n";
    for counts in &found.counts {
        let Some(partition) = &counts.partition else { continue };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            inline(&shorten(partition, NAME)),
            number(counts.source_count),
            number(counts.read),
            number(counts.acknowledged),
            number(counts.target_count)
        );
    }
}

fn differences(out: &mut String, found: &Verification) {
    let Some(content) = &found.content else { return };
    if content.differences.is_empty() {
        return;
    }
    *out += "\n| row | | field | source | target | first byte |\n|---|---|---|---|---|--:|\n";
    for difference in content.differences.iter().take(NAMED) {
        let key = inline(&shorten(&key(difference), NAME));
        let known = difference.explanation.as_ref();
        let known = known.map_or(String::new(), |code| format!(" ({})", inline(code)));
        let kind = format!("{}{known}", kind(difference.kind));
        if difference.fields.is_empty() {
            let _ = writeln!(out, "| {key} | {kind} | | | | |");
        }
        for field in &difference.fields {
            let (source, target) = values(&field.source, &field.target, VALUE);
            let _ = writeln!(
                out,
                "| {key} | {kind} | {} | {} | {}{} | {} |",
                inline(&shorten(&field.field, NAME)),
                inline(&source),
                inline(&target),
                note(field),
                field.first_byte.map_or(String::new(), size::count)
            );
        }
    }
    let all = content.missing.saturating_add(content.extra).saturating_add(content.different);
    let shown = content.differences.len().min(NAMED) as u64;
    if all > shown {
        let _ = writeln!(out, "\n… and {} more", size::counted(all - shown, "row"));
    }
}

fn schema(out: &mut String, found: &Verification) {
    let words = |item| Some((item, notable(item)?));
    let mut others = found.schema.iter().filter_map(words).peekable();
    if others.peek().is_none() {
        return;
    }
    *out += "\n| attribute | | source | target | asked for |\n|---|---|---|---|---|\n";
    for (item, word) in others {
        let (source, target) = values(&item.source, &item.target, VALUE);
        let wanted = item.wanted.as_deref().unwrap_or_default();
        let _ = writeln!(
            out,
            "| {} | {word} | {} | {} | {} |",
            inline(&shorten(&item.attribute, NAME)),
            inline(&source),
            inline(&target),
            inline(&shorten(wanted, VALUE))
        );
    }
}

fn searches(out: &mut String, all: &[SearchParity]) {
    if all.is_empty() {
        return;
    }
    *out += "\n| searches in | | queries | top | overlap | lowest | asked for | scores differ by \
             | index | note |\n|---|---|--:|--:|--:|--:|--:|--:|---|---|\n";
    for search in all {
        let result = match (search.queries, search.passed) {
            (0, true) => "none",
            (_, true) => "passed",
            (_, false) => "failed",
        };
        let index = format!("{} → {}", search.source_index, search.target_index);
        let _ = writeln!(
            out,
            "| {} | {result} | {} | {} | {} | {} | {} | {} | {} | {} |",
            inline(&shorten(&search.field, NAME)),
            size::count(search.queries),
            size::count(search.top_k),
            share(search.overlap),
            share(search.lowest_overlap),
            share(search.min_overlap),
            score(search.largest_score_difference),
            inline(&index),
            inline(search.note.as_deref().unwrap_or_default())
        );
    }
}
