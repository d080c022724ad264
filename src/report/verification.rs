//! What a verification found: the verdict, as text and as markdown.
//!
//! The first line is the verdict, and it never says more than was compared.

mod markdown;
mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::size;
use super::text::{escape, quote_both};
use crate::model::quantity::count;
use crate::verify::result::{Basis, Mode, RowCounts, Status, Verification};

pub use markdown::markdown;
pub use text::{line, text};

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// Every row was compared, value by value, and nothing unexplained differs.
    Verified,
    /// So it is for a sample of the rows.
    Sampled,
    /// What changed at the source since the copy was carried over; other rows were not compared.
    CaughtUp,
    /// The numbers of rows agree, and no row was compared.
    CountsAgree,
    /// Something differs, and nothing explains it.
    Different,
    /// It could not be compared, or not to the end.
    NotVerified,
}

impl Word {
    /// The word as reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Sampled => "sampled",
            Self::CaughtUp => "caught_up",
            Self::CountsAgree => "counts_agree",
            Self::Different => "different",
            Self::NotVerified => "not_verified",
        }
    }
}

/// What a verification comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// In one word.
    pub word: Word,
    /// In one sentence, which begins with the word.
    pub sentence: String,
}

impl Verdict {
    fn new(word: Word, sentence: String) -> Self {
        Self { word, sentence }
    }

    /// Whether everything that was to be compared was, and nothing unexplained differs.
    pub fn is_good(&self) -> bool {
        !matches!(self.word, Word::Different | Word::NotVerified)
    }
}

/// The verdict about all collections together: the worst of them decides.
pub fn verdict(all: &[Verification]) -> Verdict {
    let of = |status| move |found: &&Verification| found.status == status;
    let different: Vec<_> = all.iter().filter(of(Status::Different)).collect();
    let unfinished: Vec<_> = all.iter().filter(of(Status::Unfinished)).collect();
    if !different.is_empty() {
        return Verdict::new(Word::Different, differs(&different, &unfinished, all.len()));
    }
    if let Some(first) = unfinished.first() {
        let why = first.failure.as_deref().unwrap_or("it was not compared to the end");
        let why = sentence(why.lines().next().unwrap_or_default());
        let text = format!("{} — {}: {why}", some_of(unfinished.len(), all.len()), first.target);
        return Verdict::new(Word::NotVerified, format!("Not verified: {}", escape(&text)));
    }
    if all.is_empty() {
        let text = "Not verified: there was no collection to compare.".to_owned();
        return Verdict::new(Word::NotVerified, text);
    }
    if let Some(found) = all.iter().find(|found| proof(found) == Proof::Nothing) {
        let text = format!("{}: its rows could not be counted at both ends.", found.target);
        return Verdict::new(Word::NotVerified, format!("Not verified: {}", escape(&text)));
    }
    let weakest = all.iter().map(proof).min().unwrap_or(Proof::Nothing);
    let (word, text) = match weakest {
        Proof::Full => (Word::Verified, every_row(all)),
        Proof::Sample => (Word::Sampled, sample(all)),
        Proof::Changes => (Word::CaughtUp, caught_up(all)),
        Proof::Counts | Proof::Nothing => (Word::CountsAgree, counts_agree(all)),
    };
    Verdict::new(word, format!("{text}{}{}.", repaired(all), explained(all)))
}

/// What the comparison of one collection proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Proof {
    Nothing,
    Counts,
    Changes,
    Sample,
    Full,
}

fn proof(found: &Verification) -> Proof {
    match (&found.content, found.mode) {
        (Some(content), _) if content.basis == Basis::Changes => Proof::Changes,
        (Some(_), Mode::Full) => Proof::Full,
        (Some(_), Mode::Sample) => Proof::Sample,
        _ if found.counts.first().is_some_and(are_counted) => Proof::Counts,
        _ => Proof::Nothing,
    }
}

/// Whether there is a number of each end.
fn are_counted(counts: &RowCounts) -> bool {
    let source = counts.source_count.or(counts.source_distinct).or(counts.read);
    source.is_some() && counts.target_count.or(counts.target_distinct).is_some()
}

fn rows(all: &[Verification]) -> u64 {
    let rows = all.iter().filter_map(|found| Some(found.content.as_ref()?.rows));
    rows.fold(0, u64::saturating_add)
}

fn collections(number: usize) -> String {
    size::counted(number as u64, "collection")
}

/// `2 of 3 collections`, `1 collection`.
fn some_of(some: usize, all: usize) -> String {
    if some == all { collections(all) } else { format!("{some} of {}", collections(all)) }
}

fn every_row(all: &[Verification]) -> String {
    let (number, rows) = (collections(all.len()), size::counted(rows(all), "row"));
    format!("Verified: every row of {number} ({rows}), value by value")
}

fn sample(all: &[Verification]) -> String {
    let sampled = all.iter().filter(|found| proof(found) == Proof::Sample);
    let least = sampled.filter_map(|found| found.content.as_ref()?.confidence);
    let least = least.max_by(|a, b| a.fewer_than.total_cmp(&b.fewer_than));
    let confidence = least.map_or(String::new(), |confidence| {
        let each = if all.len() > 1 { " of each" } else { "" };
        let level = percent(confidence.level);
        let share = percent(confidence.fewer_than);
        format!(": with {level} confidence fewer than {share} of the rows{each} differ")
    });
    let (number, rows) = (collections(all.len()), size::counted(rows(all), "row"));
    format!("Verified by a sample of {rows} of {number}{confidence}")
}

fn caught_up(all: &[Verification]) -> String {
    let number = collections(all.len());
    let differed = |found: &Verification| {
        found.content.as_ref().is_some_and(|content| {
            content.is_repaired() || content.missing + content.extra + content.different > 0
        })
    };
    if !all.iter().any(differed) {
        return format!(
            "Caught up: nothing changed in {number} at the source since the copy; other rows were not \
             compared"
        );
    }
    format!(
        "Caught up: what changed in {number} at the source since the copy is carried over; other \
         rows were not compared"
    )
}

fn counts_agree(all: &[Verification]) -> String {
    let counted = all.iter().filter(|found| proof(found) == Proof::Counts).count();
    if counted == all.len() {
        return "Counts agree; no row was compared".to_owned();
    }
    let (counted, rest) = (collections(counted), collections(all.len() - counted));
    format!("Counts agree; no row of {counted} was compared, those of {rest} were")
}

fn repaired(all: &[Verification]) -> String {
    let repairs = || all.iter().filter_map(|found| found.content.as_ref()?.repair);
    let copied: u64 = repairs().map(|repair| repair.copied).sum();
    let deleted: u64 = repairs().map(|repair| repair.deleted).sum();
    let parts =
        [(copied, "copied"), (deleted, "deleted")].into_iter().filter(|(rows, _)| *rows > 0);
    let parts = parts.map(|(rows, what)| format!("{} {what}", size::counted(rows, "row")));
    match parts.collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        parts => format!("; {} to repair it", parts.join(", ")),
    }
}

fn explained(all: &[Verification]) -> String {
    let known: u64 = all.iter().map(explained_rows).sum();
    let number = all.iter().map(|found| found.explanations.len() as u64).sum();
    match (known, number) {
        (_, 0) => String::new(),
        (0, number) => format!("; {}, see below", size::counted(number, "explanation")),
        (1, _) => "; 1 row differs for a reason that is known".to_owned(),
        (rows, _) => format!("; {} rows differ for reasons that are known", count(rows)),
    }
}

fn explained_rows(found: &Verification) -> u64 {
    let of_content = found.content.as_ref().map_or(0, |content| content.explained);
    if of_content > 0 {
        return of_content;
    }
    found.accounted().map(|explanation| explanation.rows).sum()
}

fn differs(different: &[&Verification], unfinished: &[&Verification], all: usize) -> String {
    let of = |rows: fn(&crate::verify::result::Content) -> u64| -> u64 {
        let rows = different.iter().filter_map(|found| found.content.as_ref().map(rows));
        rows.fold(0, u64::saturating_add)
    };
    let mut parts = Vec::new();
    for (number, what) in [
        (of(|content| content.missing), "missing"),
        (of(|content| content.different), "different"),
        (of(|content| content.extra), "extra"),
    ] {
        match number {
            0 => {}
            _ if parts.is_empty() => {
                parts.push(format!("{} {what}", size::counted(number, "row")));
            }
            _ => parts.push(format!("{} {what}", count(number))),
        }
    }
    let explained = of(|content| content.explained);
    if explained > 0 {
        parts.push(format!("{} of them explained", count(explained)));
    }
    let pending = of(|content| content.pending);
    if pending > 0 {
        let what =
            "of them changed at the source after the copy: `apply --catch-up` carries that over";
        parts.push(format!("{} {what}", count(pending)));
    }
    let what = if parts.is_empty() {
        let first = different
            .iter()
            .find_map(|found| Some((&found.target, found.unexplained.first()?)))
            .map(|(target, text)| format!("{target}: {text}"));
        first.unwrap_or_else(|| "nothing explains it".to_owned())
    } else {
        parts.join(", ")
    };
    let rest = match unfinished.len() {
        0 => String::new(),
        number => format!(" Not compared to the end: {}.", collections(number)),
    };
    let number = some_of(different.len(), all);
    let text = format!("Different: {number} — {}{rest}", sentence(&what));
    escape(&text).into_owned()
}

/// A text with a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// A share between 0 and 1 in percent, with the digits that matter, rounded up: `95 %`, `0.03 %`.
fn percent(share: f64) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    let digits = match percent {
        0.0 => 0,
        small if small < 0.01 => 4,
        small if small < 1.0 => 2,
        small if (small - small.round()).abs() < 1e-9 => 0,
        _ => 1,
    };
    let unit = 10_f64.powi(digits);
    // What is a hair above because numbers are binary is not rounded up.
    let up = (percent * unit - 1e-6).max(0.0).ceil() / unit;
    let text = format!("{up:.*}", usize::try_from(digits).unwrap_or(0));
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

/// How a collection is called: both of its names, where they differ.
fn name(found: &Verification) -> String {
    if found.source == found.target {
        found.target.clone()
    } else {
        format!("{} → {}", found.source, found.target)
    }
}

/// The status of a collection in words that say what was compared.
fn status(found: &Verification) -> &'static str {
    match (found.status, proof(found)) {
        (Status::Different, _) => "different",
        (Status::Unfinished, _) | (_, Proof::Nothing) => "not verified",
        (Status::Repaired, Proof::Full) => "repaired, verified",
        (Status::Repaired, Proof::Sample) => "repaired, sample verified",
        (Status::Repaired, Proof::Counts) => "repaired, counts agree",
        (Status::Verified, Proof::Full) => "verified",
        (Status::Verified, Proof::Sample) => "sample verified",
        (Status::Verified | Status::Repaired, Proof::Changes) => "caught up",
        (Status::Verified, Proof::Counts) => "counts agree",
    }
}

/// Two values shortened, so that their difference shows; quotation marks where there is nothing.
fn values(source: &str, target: &str, limit: usize) -> (String, String) {
    let bare = |quoted: String| match quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')) {
        Some(value) if !value.trim().is_empty() => value.to_owned(),
        _ => quoted,
    };
    let (source, target) = quote_both(source, target, limit);
    (bare(source), bare(target))
}

/// A number that may be unknown.
fn number(number: Option<u64>) -> String {
    number.map_or("–".to_owned(), count)
}

#[cfg(test)]
pub(super) mod samples;
#[cfg(test)]
mod tests;
