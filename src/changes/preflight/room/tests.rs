use super::*;
use crate::changes::{Ending, SourceState};
use crate::model::samples::{collection, field};
use crate::model::{DataType, LoadState, RowSettings, ServerVersion, TargetKind};

const CLOUD: &str = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";

fn cloud(kind: Option<TargetKind>, units: Option<u32>) -> Abilities {
    Abilities::of(&ServerVersion::parse(CLOUD), kind, units)
}

/// A collection to create in a database, of so many rows of so many bytes.
fn change(database: &str, name: &str, rows: u64, row_bytes: u64) -> CollectionChange {
    let mut wanted = collection(name, vec![field("id", DataType::INT64)]);
    database.clone_into(&mut wanted.database);
    CollectionChange {
        source_address: format!("default/{name}"),
        target_address: wanted.address(),
        action: Action::Create,
        reason: "target_missing".into(),
        explanation: String::new(),
        source: Some(SourceState {
            id: 1,
            collection: wanted.clone(),
            partitions: Vec::new(),
            load: LoadState::Loaded,
            rows: Some(rows),
            row_statistic: rows,
            row_bytes: Some(row_bytes),
            dynamic_rows: None,
            nulls: [].into(),
            shadowed: [].into(),
            replicas: None,
        }),
        target: None,
        wanted: Some(wanted),
        settings: RowSettings::default(),
        known: None,
        create_database: database != "default",
        database_properties: [].into(),
        during: [].into(),
        alter: [].into(),
        ending: Ending::default(),
        keeps_details: true,
        load_source: false,
        update: None,
        overrides: Vec::new(),
        findings: Vec::new(),
    }
}

fn several(number: usize) -> Vec<CollectionChange> {
    (0..number).map(|number| change("default", &format!("c{number}"), 10, 10)).collect()
}

/// Codes, errors plain and warnings in brackets.
fn codes(changes: &[CollectionChange], target: &ServerState, abilities: &Abilities) -> Vec<String> {
    let source = ServerState { uri: "http://source:19530".to_owned(), ..ServerState::default() };
    whole(changes, &source, target, abilities)
        .iter()
        .map(|finding| match finding.severity {
            Severity::Error => finding.code.to_string(),
            Severity::Warning => format!("({})", finding.code),
        })
        .collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_is_there_and_what_comes_have_to_fit_together() {
    let free = cloud(Some(TargetKind::ZillizFree), None);
    let holds = |collections| ServerState { collections, ..ServerState::default() };
    assert_eq!(codes(&several(2), &holds(Some(3)), &free), NOTHING);
    assert_eq!(codes(&several(3), &holds(Some(3)), &free), ["too_many_collections"]);
    assert_eq!(codes(&several(0), &holds(Some(9)), &free), NOTHING);
    // What is there is not known: then only what comes counts.
    assert_eq!(codes(&several(5), &holds(None), &free), NOTHING);
    assert_eq!(codes(&several(6), &holds(None), &free), ["too_many_collections"]);

    let milvus = Abilities::of(&ServerVersion::parse("v2.6.0"), None, None);
    let new = vec![change("a", "x", 1, 1), change("b", "y", 1, 1), change("a", "z", 1, 1)];
    let with = |databases| ServerState { databases, ..ServerState::default() };
    assert_eq!(codes(&new, &with(Some(62)), &milvus), NOTHING);
    assert_eq!(codes(&new, &with(Some(63)), &milvus), ["too_many_databases"]);
}

#[test]
fn rows_have_to_fit_into_the_storage_of_the_plan() {
    let fits = vec![change("default", "a", 2_000_000, 1_000), change("default", "b", 3, 1_000)];
    let free = cloud(Some(TargetKind::ZillizFree), None);
    assert_eq!(codes(&fits, &ServerState::default(), &free), NOTHING);
    let mut large = fits;
    large.push(change("default", "c", 3_000_000, 1_000));
    assert_eq!(codes(&large, &ServerState::default(), &free), ["storage_exceeded"]);
    let serverless = cloud(Some(TargetKind::ZillizServerless), None);
    assert_eq!(codes(&large, &ServerState::default(), &serverless), NOTHING);
}

#[test]
fn quotas_stop_what_is_pending_and_nothing_else() {
    let milvus = Abilities::of(&ServerVersion::parse("v2.3.5"), None, None);
    let closed = ServerState {
        uri: "http://target".to_owned(),
        writes: Admission::Denied,
        definitions: Admission::Limited,
        reasons: vec!["memory".to_owned()],
        ..ServerState::default()
    };
    let source = ServerState { reads: Admission::Denied, ..ServerState::default() };
    let found = whole(&several(1), &source, &closed, &milvus);
    let codes: Vec<_> =
        found.iter().map(|finding| (finding.severity, finding.code.as_ref())).collect();
    assert_eq!(
        codes,
        [
            (Severity::Error, "source_denies_reads"),
            (Severity::Error, "target_denies_writes"),
            (Severity::Warning, "target_denies_writes"),
        ]
    );
    assert_eq!(found[1].message, "the target takes no rows at present: memory");
    let mut done = several(1);
    done[0].action = Action::Unchanged;
    assert_eq!(whole(&done, &source, &closed, &milvus), []);
}

#[test]
fn what_is_not_known_of_the_target_is_said() {
    let state = ServerState::default();
    let unknown = Abilities::of(&ServerVersion::parse(""), None, None);
    assert_eq!(codes(&[], &state, &unknown), ["(version_unknown)"]);
    assert_eq!(codes(&[], &state, &cloud(None, None)), ["(target_kind_unknown)"]);
    let by_address = cloud(None, None).hosted_at("https://in03.serverless.aws.zillizcloud.com");
    let found = whole(&[], &state, &state, &by_address);
    assert!(found[0].message.contains("Serverless are assumed"), "{found:?}");
    let named = cloud(Some(TargetKind::ZillizDedicated), None);
    assert_eq!(codes(&[], &state, &named), NOTHING);
}

#[test]
fn a_target_that_is_a_source_too_is_refused_on_one_server_only() {
    let abilities = Abilities::of(&ServerVersion::parse("2.3.5"), None, None);
    let mut changes = several(2);
    changes[0].target_address = "default/c1".to_owned();
    changes[1].target_address = "default/c2".to_owned();
    let source = "http://source:19530";
    let here = ServerState { uri: source.to_owned(), ..ServerState::default() };
    assert_eq!(codes(&changes, &here, &abilities), ["target_is_a_source"]);
    assert_eq!(codes(&changes, &ServerState::default(), &abilities), NOTHING);
    // What is finished is not written any more.
    changes[0].action = Action::Unchanged;
    assert_eq!(codes(&changes, &here, &abilities), NOTHING);
}
