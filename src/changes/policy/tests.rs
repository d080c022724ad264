use std::borrow::Cow;
use std::collections::BTreeMap;

use super::*;
use crate::changes::{Action, Ending, Known, Override, Severity, SourceState, Update};
use crate::model::samples::{self, field};
use crate::model::{DataType, LoadState, RowSettings};

fn change(name: &str, action: Action, rows: Option<u64>) -> CollectionChange {
    let collection = samples::collection(name, vec![field("id", DataType::INT64)]);
    let source = SourceState {
        id: 1,
        collection: collection.clone(),
        partitions: Vec::new(),
        load: LoadState::Loaded,
        rows,
        row_statistic: 0,
        row_bytes: Some(100),
        dynamic_rows: None,
        nulls: BTreeMap::new(),
        shadowed: BTreeMap::new(),
        replicas: None,
    };
    CollectionChange {
        source_address: format!("default/{name}"),
        target_address: format!("default/{name}"),
        action,
        reason: "".into(),
        explanation: String::new(),
        source: Some(source),
        target: None,
        wanted: Some(collection),
        settings: RowSettings::default(),
        known: None,
        create_database: false,
        database_properties: BTreeMap::new(),
        during: BTreeMap::new(),
        alter: BTreeMap::new(),
        ending: Ending::default(),
        keeps_details: true,
        load_source: false,
        update: None,
        overrides: Vec::new(),
        findings: Vec::new(),
    }
}

fn known(change: &CollectionChange, rows: u64, finished: bool) -> Option<Known> {
    Some(Known {
        wanted: change.wanted.clone()?,
        created: None,
        settings: RowSettings::default(),
        target_id: Some(1),
        source_id: 1,
        finished,
        adopted: false,
        to_repair: false,
        half_caught_up: false,
        to_take_back: false,
        owner: None,
        marked: false,
        rows,
        chunks_done: 1,
        chunks_open: 1,
        source_address: change.source_address.clone(),
    })
}

fn placed<T>(value: T) -> Placed<T> {
    Placed { value, location: "p.ferry.toml:9".to_owned() }
}

fn codes(policy: &Policy, changes: &[CollectionChange]) -> Vec<(&'static str, String)> {
    let findings = breaches(policy, changes, "http://target");
    for finding in &findings {
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.message.contains("p.ferry.toml:9"), "{}", finding.message);
        assert!(!finding.advice.is_empty());
    }
    let told = |finding: Finding| match finding.code {
        Cow::Borrowed(code) => (code, finding.address),
        Cow::Owned(code) => panic!("{code} was made up"),
    };
    findings.into_iter().map(told).collect()
}

#[test]
fn what_is_left_behind_is_a_breach() {
    let policy = Policy { forbid_lossy: Some(placed(())), ..Policy::default() };
    let mut lossy = change("a", Action::Create, Some(1));
    let warn = |code, address: &str| Finding::warning(code, address, "gone".to_owned(), "");
    lossy.findings = vec![
        warn("field_dropped", "default/a/x"),
        warn("partitions_merged", "default/a"),
        warn("ttl_restarts", "default/a"),
    ];
    let changed = |attribute: &str, target: &str| Override {
        attribute: attribute.to_owned(),
        source: "there".to_owned(),
        target: target.to_owned(),
    };
    lossy.overrides = vec![changed("y.default", "none"), changed("partition_key", "none")];
    let expected = [
        ("policy_lossy", "default/a/x"),
        ("policy_lossy", "default/a"),
        ("policy_lossy", "default/a/y"),
    ];
    let expected = expected.map(|(code, address)| (code, address.to_owned()));
    assert_eq!(codes(&policy, &[lossy.clone()]), expected);
    assert_eq!(codes(&Policy::default(), &[lossy.clone()]), []);
    // Nothing is left to lose where nothing is written.
    lossy.action = Action::Unchanged;
    assert_eq!(codes(&policy, &[lossy]), []);
}

#[test]
fn names_and_descriptions_are_those_of_the_target() {
    let policy = Policy {
        collection_names: Some(placed(vec!["prod_*".to_owned(), "*_v2".to_owned()])),
        require_description: Some(placed(())),
        ..Policy::default()
    };
    let mut described = change("prod_a", Action::Create, Some(1));
    if let Some(wanted) = &mut described.wanted {
        wanted.description = "things".to_owned();
    }
    let changes = [
        described,
        change("b_v2", Action::Adopt, Some(1)),
        change("c", Action::Unchanged, Some(1)),
        change("d", Action::Conflict, Some(1)),
    ];
    let expected = [
        ("policy_description", "default/b_v2"),
        ("policy_collection_names", "default/d"),
        ("policy_description", "default/d"),
    ];
    assert_eq!(codes(&policy, &changes), expected.map(|(code, at)| (code, at.to_owned())));
}

#[test]
fn rows_and_bytes_are_those_that_are_still_to_be_copied() {
    let rows = |limit| Policy { max_rows: Some(placed(limit)), ..Policy::default() };
    let bytes = |limit| Policy { max_bytes: Some(placed(ByteSize(limit))), ..Policy::default() };
    let mut begun = change("b", Action::Resume, Some(10));
    begun.known = known(&begun, 4, false);
    let mut finished = change("c", Action::Resume, Some(1000));
    finished.known = known(&finished, 1000, true);
    let changes = [
        change("a", Action::Create, Some(3)),
        begun,
        finished,
        change("d", Action::Unchanged, Some(1000)),
    ];
    let target = || "http://target".to_owned();
    assert_eq!(codes(&rows(9), &changes), []);
    assert_eq!(codes(&rows(8), &changes), [("policy_max_rows", target())]);
    assert_eq!(codes(&bytes(900), &changes), []);
    assert_eq!(codes(&bytes(899), &changes), [("policy_max_bytes", target())]);
    // Of one that is brought up to date, what came since the copy.
    let mut caught_up = change("e", Action::Resume, Some(1000));
    caught_up.known = known(&caught_up, 900, true);
    caught_up.update = Some(Update::CatchUp);
    assert_eq!(codes(&rows(100), &[caught_up.clone()]), []);
    assert_eq!(codes(&rows(99), &[caught_up]), [("policy_max_rows", target())]);
}

#[test]
fn what_is_not_known_is_no_pass() {
    let policy = Policy { max_rows: Some(placed(100)), ..Policy::default() };
    let changes = [change("a", Action::Create, Some(3)), change("b", Action::Create, None)];
    let findings = breaches(&policy, &changes, "http://target");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("not known of default/b"), "{}", findings[0].message);
}
