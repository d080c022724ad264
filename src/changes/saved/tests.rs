//! What moved and what did not, case by case. On real servers it is tested by `tests/live/saved.rs`.

use super::*;
use crate::changes::{
    Action, Capacity, Ending, Finding, Known, Loaded, SourceState, TargetState, Update,
};
use crate::model::samples::{collection, field};
use crate::model::{Collection, DataType, LoadState, Partition, RowSettings};

fn made() -> Collection {
    let mut made = collection("a", vec![field("id", DataType::INT64)]);
    made.partitions = vec!["p".to_owned(), "q".to_owned()];
    made.properties.insert("x".to_owned(), "1".to_owned());
    made
}

fn target(id: i64) -> TargetState {
    TargetState {
        id,
        collection: made(),
        load: LoadState::Loaded,
        rows: Some(3),
        row_statistic: 3,
        marks: Vec::new(),
    }
}

fn known() -> Known {
    Known {
        wanted: made(),
        created: Some(made()),
        settings: RowSettings::default(),
        target_id: Some(7),
        source_id: 1,
        finished: false,
        adopted: false,
        to_repair: false,
        half_caught_up: false,
        to_take_back: false,
        owner: None,
        marked: false,
        rows: 2,
        chunks_done: 1,
        chunks_open: 1,
        source_address: "default/a".to_owned(),
    }
}

fn change() -> CollectionChange {
    let partition = Partition { name: "_default".to_owned(), load: LoadState::Loaded };
    CollectionChange {
        source_address: "default/a".to_owned(),
        target_address: "default/a".to_owned(),
        action: Action::Create,
        reason: "target_missing".into(),
        explanation: String::new(),
        source: Some(SourceState {
            id: 1,
            collection: made(),
            partitions: vec![partition],
            load: LoadState::Loaded,
            rows: Some(10),
            row_statistic: 10,
            row_bytes: Some(8),
            dynamic_rows: None,
            nulls: [].into(),
            shadowed: [].into(),
            replicas: None,
        }),
        target: None,
        wanted: Some(made()),
        settings: RowSettings::default(),
        known: None,
        create_database: false,
        database_properties: [].into(),
        during: [].into(),
        alter: [].into(),
        ending: Ending { loaded: Loaded::All, ..Ending::default() },
        keeps_details: true,
        load_source: false,
        update: None,
        overrides: Vec::new(),
        findings: Vec::new(),
    }
}

/// One that was there already, and was finished by an earlier run.
fn unchanged() -> CollectionChange {
    CollectionChange {
        action: Action::Unchanged,
        target: Some(target(7)),
        known: Some(Known { finished: true, ..known() }),
        ..change()
    }
}

fn changes(collections: Vec<CollectionChange>) -> Changes {
    let end = |uri: &str| End { uri: uri.to_owned(), version: "Milvus 2.3.5".to_owned() };
    Changes {
        name: "p".to_owned(),
        environment: None,
        source: end("http://a:1"),
        target: end("http://b:1"),
        capacity: Capacity::default(),
        databases: Vec::new(),
        collections,
        findings: Vec::new(),
    }
}

fn saved(was: CollectionChange) -> Saved {
    Saved {
        tool_version: "0.1.0".to_owned(),
        saved: "2026-08-31T12:34:56.789Z".to_owned(),
        plan_file: PlanFile {
            path: "p.ferry.toml".into(),
            env: None,
            vars_files: Vec::new(),
            vars: Vec::new(),
            state: ".milvus-ferry".into(),
            parts: [("[copy]".to_owned(), Digest(1))].into(),
        },
        selection: Selection::default(),
        changes: changes(vec![was]),
    }
}

fn texts(saved: &Saved, now: &Changes) -> Vec<String> {
    let moved = moved(saved, now, &saved.plan_file.parts);
    moved.iter().map(|moved| format!("{}: {}", moved.what, moved.how)).collect()
}

/// What moved between one change and another.
fn between(was: CollectionChange, edit: impl FnOnce(&mut CollectionChange)) -> Vec<String> {
    let mut is = was.clone();
    edit(&mut is);
    texts(&saved(was), &changes(vec![is]))
}

fn source(change: &mut CollectionChange) -> &mut SourceState {
    change.source.as_mut().unwrap()
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_moves_all_the_time_is_no_reason() {
    let found = between(change(), |is| {
        let source = source(is);
        (source.rows, source.row_statistic, source.row_bytes) = (None, 99, Some(1));
        source.replicas = Some(crate::model::Replicas::of(2));
        source.collection.partitions.reverse();
        is.explanation = "else".to_owned();
        is.findings.push(Finding::warning("room", "default/a", "less room".to_owned(), ""));
    });
    assert_eq!(found, NOTHING);
    // A load goes on, and what was agreed on stays: not loaded in the end.
    let mut was = change();
    source(&mut was).load = LoadState::Loading;
    was.ending.loaded = Loaded::Nothing;
    was.load_source = true;
    let saved = saved(was);
    let mut now = changes(vec![change()]);
    assert_eq!(texts(&saved, &now), NOTHING);
    settle(&saved, &mut now);
    assert_eq!(now.collections[0].ending.loaded, Loaded::Nothing);
}

#[test]
fn servers_and_parts_of_the_plan_file_that_moved_are_named() {
    let saved = saved(change());
    let mut now = changes(vec![change()]);
    now.source.version = "Milvus 2.4.1".to_owned();
    now.target.uri = "http://c:1".to_owned();
    let parts = [("[copy]".to_owned(), Digest(2)), ("[verify]".to_owned(), Digest(3))].into();
    let found: Vec<String> =
        moved(&saved, &now, &parts).iter().map(|m| format!("{}: {}", m.what, m.how)).collect();
    assert_eq!(
        found,
        [
            "plan file: [copy] is not as it was",
            "plan file: [verify] is new",
            "source: the server is Milvus 2.4.1, and was Milvus 2.3.5",
            "target: it is http://c:1, and was http://b:1",
        ]
    );
    let gone = moved(&saved, &changes(vec![change()]), &BTreeMap::new());
    assert_eq!(gone, [Moved::new("plan file", "[copy] is gone")]);
}

#[test]
fn each_part_of_a_source_that_moved_is_named() {
    let at = |edit: fn(&mut Collection)| between(change(), |is| edit(&mut source(is).collection));
    let said = |text: &str| [format!("default/a: source: {text}")];
    assert_eq!(
        at(|is| is.description = "new".to_owned()),
        said("description is \"new\", not \"\"")
    );
    assert_eq!(
        at(|is| is.fields.push(field("t", DataType::INT8))),
        said("there is a new field \"t\"")
    );
    assert_eq!(at(|is| is.partitions.truncate(1)), said("the partition \"q\" is gone"));
    assert_eq!(
        at(|is| is.properties = [("x".to_owned(), "2".to_owned())].into()),
        said("property x is 2, not 1")
    );
    assert_eq!(
        at(|is| is.namespaces = true),
        said("its description by the server is not what it was")
    );
    let found = between(change(), |is| source(is).id = 2);
    assert_eq!(found, said("it was dropped and made again"));
    let found = between(change(), |is| is.source = None);
    assert_eq!(found, said("it is gone"));
    let found =
        between(change(), |is| (is.load_source, source(is).load) = (true, LoadState::NotLoaded));
    assert_eq!(found.len(), 1);
    // What is wanted moves with it, and is not named besides.
    let found = between(change(), |is| {
        source(is).collection.description = "new".to_owned();
        is.wanted.as_mut().unwrap().description = "new".to_owned();
    });
    assert_eq!(found.len(), 1);
    // By itself, as when the tool decides otherwise than the one that saved.
    let found = between(change(), |is| is.wanted.as_mut().unwrap().shards = 7);
    assert_eq!(found, ["default/a: wanted at the target: shards is 7, not 2"]);
    let found = between(change(), |is| is.settings.by_partition = true);
    assert_eq!(found.len(), 1);
}

#[test]
fn a_target_that_these_changes_made_is_none_that_moved() {
    let ours = |is: &mut CollectionChange| {
        (is.target, is.known, is.action) = (Some(target(7)), Some(known()), Action::Resume);
    };
    assert_eq!(between(change(), ours), NOTHING);
    let finished = |is: &mut CollectionChange| {
        ours(is);
        is.known.as_mut().unwrap().finished = true;
        is.action = Action::Unchanged;
    };
    assert_eq!(between(change(), finished), NOTHING);
    assert_eq!(
        between(
            CollectionChange { action: Action::Adopt, target: Some(target(7)), ..change() },
            finished
        ),
        NOTHING
    );
    // Killed between making it and noting that.
    let unnoted = |is: &mut CollectionChange| {
        ours(is);
        is.known.as_mut().unwrap().target_id = None;
    };
    assert_eq!(between(change(), unnoted), NOTHING);
    // One that another plan made, one of another id, and one that nobody knows.
    for edit in [
        (|is| is.known.as_mut().unwrap().wanted.shards = 9) as fn(&mut CollectionChange),
        |is| is.known.as_mut().unwrap().target_id = Some(8),
        |is| is.known.as_mut().unwrap().source_id = 2,
        |is| (is.known, is.action) = (None, Action::Adopt),
    ] {
        let found = between(change(), |is| {
            ours(is);
            edit(is);
        });
        assert!(found[0].contains("target: a collection is there now that was not"), "{found:?}");
    }
    // Ours, and spoiled since.
    let found = between(change(), |is| {
        ours(is);
        is.action = Action::Conflict;
        is.findings = vec![Finding::error("target_drifted", "", "it drifted".to_owned(), "")];
    });
    assert_eq!(found, ["default/a: target: it drifted"]);
}

/// Nothing is done to what is finished that was not shown, and its source does not matter any more.
#[test]
fn what_would_be_done_to_a_finished_target_is_compared() {
    let resumed = CollectionChange { action: Action::Resume, ..unchanged() };
    let edits: [fn(&mut CollectionChange); 3] = [
        |is| is.update = Some(Update::Repair),
        |is| is.update = Some(Update::CatchUp),
        |is| drop(is.alter.insert("mmap.enabled".to_owned(), Some("true".to_owned()))),
    ];
    for edit in edits {
        let found = between(resumed.clone(), edit);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("default/a: target: "), "{found:?}");
        let mut shown = resumed.clone();
        edit(&mut shown);
        assert_eq!(between(shown, |_| {}), NOTHING);
        // Made by these very changes, and spoiled since.
        let found = between(change(), |is| {
            *is = resumed.clone();
            edit(is);
        });
        assert_eq!(found.len(), 1, "{found:?}");
    }
    assert_eq!(between(unchanged(), |is| source(is).collection.indexes.clear()), NOTHING);
    assert_eq!(between(unchanged(), |is| source(is).collection.description.push('x')), NOTHING);
}

#[test]
fn what_would_be_lost_and_was_not_shown_is_named() {
    let warning =
        |text: &str| Finding::warning("nulls_become_default", "default/a/x", text.to_owned(), "");
    let found = between(change(), |is| is.findings.push(warning("7 nulls become 0")));
    assert_eq!(found, ["default/a: 7 nulls become 0 (nulls_become_default)"]);
    let told = CollectionChange { findings: vec![warning("6 nulls become 0")], ..change() };
    assert_eq!(between(told, |is| is.findings = vec![warning("7 nulls become 0")]), NOTHING);
    let mut without = change();
    source(&mut without).dynamic_rows = Some(0);
    let found = between(without.clone(), |is| source(is).dynamic_rows = Some(5));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(between(without, |is| source(is).dynamic_rows = Some(0)), NOTHING);
    let made = CollectionChange { create_database: true, ..change() };
    let found = between(made, |is| {
        is.database_properties.insert("database.replica.number".to_owned(), "2".to_owned());
    });
    assert_eq!(found, ["default/a: target: its database would be made otherwise than was shown"]);
}

/// On one server, an alias goes from a source to its target; an interrupted run has done it for some.
#[test]
fn an_alias_that_these_changes_took_over_is_not_gone() {
    let mut was = change();
    was.target_address = "default/a_v2".to_owned();
    source(&mut was).collection.aliases = vec!["live".to_owned()];
    was.wanted.as_mut().unwrap().aliases = vec!["live".to_owned()];
    was.ending.move_aliases = true;
    let mut is = was.clone();
    source(&mut is).collection.aliases.clear();
    let with_uri = |of: CollectionChange, uri: &str| {
        let mut changes = changes(vec![of]);
        changes.source.uri = uri.to_owned();
        changes
    };
    for (uri, taken, stale) in
        [("http://b:1", true, false), ("http://b:1", false, true), ("http://a:1", true, true)]
    {
        let mut is = is.clone();
        if taken {
            let mut target = target(7);
            target.collection.aliases = vec!["live".to_owned()];
            let mut known = known();
            known.wanted = was.wanted.clone().unwrap();
            (is.target, is.known, is.action) = (Some(target), Some(known), Action::Resume);
        }
        let saved = Saved { changes: with_uri(was.clone(), uri), ..saved(was.clone()) };
        let found = texts(&saved, &with_uri(is, uri));
        assert_eq!(!found.is_empty(), stale, "{uri} {taken}: {found:?}");
    }
}

#[test]
fn a_target_that_was_there_and_moved_is_named() {
    assert_eq!(between(unchanged(), |_| {}), NOTHING);
    // These very changes took an alias from it.
    let mut was = unchanged();
    was.target.as_mut().unwrap().collection.aliases = vec!["live".to_owned()];
    assert_eq!(between(was, |is| is.target = Some(target(7))), NOTHING);
    let found = between(unchanged(), |is| (is.target, is.action) = (None, Action::Create));
    assert_eq!(found, ["default/a: target: it is gone"]);
    let found = between(unchanged(), |is| (is.known, is.action) = (None, Action::Conflict));
    assert_eq!(found, ["default/a: target: the ledger does not know it any more"]);
    let found = between(unchanged(), |is| {
        (is.action, is.update) = (Action::Resume, Some(Update::Repair));
        is.explanation = "a verification found rows that differ".to_owned();
    });
    assert_eq!(found, ["default/a: target: a verification found rows that differ"]);
    let adopted = CollectionChange { action: Action::Adopt, known: None, ..unchanged() };
    let found = between(adopted.clone(), |is| is.target = Some(target(8)));
    assert_eq!(found, ["default/a: target: it was dropped and made again"]);
    let found = between(adopted, |is| {
        let target = is.target.as_mut().unwrap();
        (target.rows, target.load) = (Some(99), LoadState::NotLoaded);
        target.collection.properties.insert("y".to_owned(), "1".to_owned());
    });
    assert_eq!(found, ["default/a: target: property y is new, or has another value"]);
    let found = between(change(), |is| {
        let message = "the alias leads to \"b\"".to_owned();
        is.findings.push(Finding::warning("alias_taken_over", "default/a/live", message, ""));
    });
    assert_eq!(found, ["default/a: target: the alias leads to \"b\""]);
}

#[test]
fn collections_that_come_and_go_are_named() {
    let other = CollectionChange {
        source_address: "default/b".to_owned(),
        target_address: "default/b".to_owned(),
        ..change()
    };
    assert_eq!(
        texts(&saved(change()), &changes(vec![other])),
        [
            "default/a: the source collection default/a is gone",
            "default/b: the plan file means the source collection default/b now, which the saved \
             changes do not hold",
        ]
    );
}
