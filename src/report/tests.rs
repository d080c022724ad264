//! What the reports look like. The snapshots are the specification: read them as a user would.

use std::time::Duration;

use super::samples::{
    change, change_with_overrides, changes, collection, conflict, counts, error, outcome, resumed,
    unchanged,
};
use super::style::Style;
use crate::apply::event::{Outcome, Status};
use crate::changes::{Action, Capacity, Changes, CollectionChange};
use crate::model::LoadState;

fn plan(changes: &Changes) -> String {
    super::plan::render(changes, &Style::new(false))
}

#[test]
fn plan_create_with_overrides() {
    insta::assert_snapshot!(plan(&changes(vec![change_with_overrides()])));
}

#[test]
fn plan_of_several() {
    let mut moved = unchanged("brands");
    moved.source_address = "old/brands".to_owned();
    insta::assert_snapshot!(plan(&changes(vec![moved, resumed(), unchanged("tags")])));
}

#[test]
fn plan_where_only_the_load_is_missing() {
    let mut change = resumed();
    change.explanation = "it is not loaded, unlike the source".to_owned();
    change.load_source = true;
    change.known.as_mut().unwrap().finished = true;
    let text = plan(&changes(vec![change]));
    assert!(
        text.contains("rows           400,000; 120,000 were copied, none are to go\n"),
        "{text}"
    );
    assert!(text.ends_with("0 conflicts · 0 rows · 0 B\n"), "{text}");
    assert!(!text.contains("for the copy"), "{text}");
}

#[test]
fn plan_conflict() {
    let mut all = changes(vec![change_with_overrides(), conflict()]);
    all.findings.push(error(
        "selection_matches_nothing",
        "orders_*",
        "--only orders_* matches no collection of the plan file",
        "patterns are matched against `collection` and `database/collection` of the source",
    ));
    insta::assert_snapshot!(plan(&all));
}

#[test]
fn plan_nothing_to_do() {
    let mut all = changes(vec![unchanged("brands"), unchanged("tags")]);
    all.environment = None;
    insta::assert_snapshot!(plan(&all));
}

#[test]
fn plan_in_colour() {
    let all = changes(vec![change_with_overrides(), conflict(), unchanged("tags")]);
    insta::assert_snapshot!(super::plan::render(&all, &Style::new(true)).replace('\u{1b}', "␛"));
}

/// A collection of which little is known, with texts that are out to do harm.
fn strange() -> CollectionChange {
    let mut change = change("strange", Action::Adopt, None);
    let mut to = collection("strange");
    to.description = format!("line one\nline two \u{1b}[2J\u{1b}]0;owned\u{7}{}", "尺".repeat(90));
    to.fields[1].description = "\u{1b}[31mred\u{1b}[0m \u{202e}desrever".to_owned();
    to.fields[1].partition_key = true;
    to.shards = 0;
    to.properties.clear();
    to.indexes.truncate(1);
    to.indexes[0].params.remove("index_type");
    to.partitions = (0..40).map(|number| format!("partition_{number:02}")).collect();
    change.explanation = "written into; its rows are not counted, as it is not loaded".to_owned();
    change.ending.loaded = crate::changes::Loaded::Nothing;
    change.wanted = Some(to);
    if let Some(source) = &mut change.source {
        source.load = LoadState::NotLoaded;
        source.row_statistic = 2_500;
        source.row_bytes = None;
    }
    change
}

#[test]
fn plan_with_little_known_and_hostile_texts() {
    let mut empty = change("uncounted", Action::Create, None);
    empty.wanted.as_mut().unwrap().indexes.clear();
    let text = plan(&changes(vec![strange(), empty, resumed()]));
    assert!(!text.chars().any(|character| character.is_control() && character != '\n'));
    insta::assert_snapshot!(text);
}

#[test]
fn plan_with_the_rate_and_the_room_of_the_target() {
    let mut all = changes(vec![change_with_overrides()]);
    let mut end_with = |capacity: Capacity, end: &str| {
        all.capacity = capacity;
        let text = plan(&all);
        assert!(text.ends_with(end), "{text}");
    };
    let quota = |bytes: u64| Capacity { write_quota: Some(bytes), storage: None };
    end_with(
        quota(10_000_000),
        " · ~3.6 GiB · at most 10 MB/s, the quota of its plan: at least ~7 min\n",
    );
    end_with(quota(256_000_000), " · ~3.6 GiB · at most 256 MB/s, the quota of its plan\n");
    end_with(
        Capacity { storage: Some(5_000_000_000), ..quota(2_000_000) },
        " · ~3.6 GiB of the target's 4.7 GiB · at most 2 MB/s, the quota of its plan: at least \
         ~33 min\n",
    );
}

fn summary(outcomes: &[Outcome]) -> String {
    let command = "milvus-ferry apply catalog.ferry.toml --env prod";
    let elapsed = Duration::from_millis(83_400);
    super::summary::render(outcomes, &Style::new(false), command, elapsed, None)
}

#[test]
fn summary_done() {
    let mut renamed = outcome("products", Status::Done, 1_203_442);
    renamed.target = "catalog/products_v2".to_owned();
    renamed.retries = 12;
    let outcomes =
        [renamed, outcome("reviews", Status::Done, 40_000), outcome("tags", Status::Unchanged, 0)];
    insta::assert_snapshot!(summary(&outcomes));
}

#[test]
fn summary_done_with_explanations() {
    let mut duplicates = outcome("products", Status::Done, 20_000);
    let mut numbers = counts(20_000);
    numbers.source_count = Some(40_000);
    numbers.explanations.push(
        "the source holds duplicate keys: 20000 rows have a key that another row has too; a query \
         gives each key once, so each arrives once"
            .to_owned(),
    );
    duplicates.counts = Some(numbers);
    duplicates.warnings.push("the target keeps no description".to_owned());
    insta::assert_snapshot!(summary(&[duplicates]));
}

#[test]
fn summary_done_but_for_rows_that_the_target_refuses() {
    let mut some = outcome("products", Status::Done, 19_997);
    some.rejected = 3;
    some.rejects_file = Some(".milvus-ferry/catalog.rejects.jsonl".into());
    let mut numbers = counts(19_997);
    numbers.source_count = Some(20_000);
    (numbers.read, numbers.rejected) = (20_000, 3);
    let text = "the target refuses 3 of the rows read: set aside, and not there";
    numbers.explanations.push(text.to_owned());
    some.counts = Some(numbers);
    // The file is of all collections.
    let mut none = outcome("reviews", Status::Done, 40_000);
    none.rejects_file.clone_from(&some.rejects_file);
    insta::assert_snapshot!(summary(&[some, none]));
}

#[test]
fn summary_counts_differ() {
    let text = "500 rows that the target acknowledged are not there (1 < key <= 900)".to_owned();
    let mut lost = outcome("products", Status::CountsDiffer(vec![text.clone()]), 20_000);
    let mut numbers = counts(20_000);
    numbers.target_count = Some(19_500);
    numbers.target_distinct = Some(19_500);
    numbers.unexplained.push(text);
    lost.counts = Some(numbers);
    insta::assert_snapshot!(summary(&[lost, outcome("tags", Status::Done, 12)]));
}

#[test]
fn summary_stopped() {
    let mut stopped = outcome("products", Status::Stopped, 20_000);
    stopped.counts = None;
    insta::assert_snapshot!(summary(&[outcome("brands", Status::Done, 7), stopped]));
}

#[test]
fn summary_failed() {
    let why = "cannot write to the target: the disk quota is exhausted\n  give it more room, then \
               go on";
    let mut failed = outcome("products", Status::Failed(why.to_owned()), 20_000);
    failed.counts = None;
    insta::assert_snapshot!(summary(&[outcome("brands", Status::Done, 7), failed]));
}

/// The last line.
fn verdict(outcomes: &[Outcome]) -> String {
    summary(outcomes).lines().last().unwrap().to_owned()
}

#[test]
fn nothing_is_called_verified_that_was_not() {
    let counted = || outcome("brands", Status::Done, 7);
    let mut uncounted = outcome("tags", Status::Done, 5);
    uncounted.counts = None;
    let mut target_unknown = outcome("sizes", Status::Done, 5);
    target_unknown.counts.as_mut().unwrap().target_count = None;
    assert_eq!(verdict(&[counted()]), "Done: 1 collection, 7 rows. Verified: counts.");
    assert_eq!(
        verdict(&[counted(), uncounted.clone()]),
        "Done: 2 collections, 12 rows. Verified: counts of 1 of 2 collections."
    );
    for unverified in [uncounted, target_unknown] {
        assert_eq!(
            verdict(&[unverified]),
            "Done: 1 collection, 5 rows. Not verified: counts were not compared."
        );
    }
}

#[test]
fn where_nothing_was_done_the_verdict_says_which_kind_of_nothing() {
    assert_eq!(
        verdict(&[outcome("tags", Status::Unchanged, 0)]),
        "Nothing to do: 1 collection is as the plan file asks."
    );
    // Stopped before the first collection's turn.
    assert_eq!(
        verdict(&[]),
        "Stopped: run the same command to continue: milvus-ferry apply catalog.ferry.toml --env \
         prod"
    );
}
