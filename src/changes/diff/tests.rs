mod keys;
mod ownership;

use proptest::prelude::*;

use super::*;
use crate::changes::{Known, TargetState};
use crate::model::samples::{self, field};
use crate::model::{
    Collection, CollectionRule, DataType, DynamicData, DynamicField, Existing, Field, FieldRule,
    Function, FunctionKind, Index, IndexRule, IndexRules, LoadRule, NameTemplate, Partition,
    PartitionKey, Partitions, PropertyRules, ServerVersion, StructField,
};

fn collection() -> Collection {
    let mut vector = field("v", DataType::FLOAT_VECTOR);
    vector.type_params.insert("dim".to_owned(), "8".to_owned());
    let mut text = field("t", DataType::VARCHAR);
    text.type_params.insert("max_length".to_owned(), "64".to_owned());
    let params = [("index_type", "HNSW"), ("metric_type", "COSINE")];
    let fields = vec![field("id", DataType::INT64), field("n", DataType::INT64), text, vector];
    Collection {
        description: "things".to_owned(),
        indexes: vec![Index {
            name: String::new(),
            field: "v".to_owned(),
            params: params.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        }],
        ..samples::collection("products", fields)
    }
}

fn new() -> Abilities {
    Abilities::of(&ServerVersion::parse("v2.6.5"), None, None)
}

fn rule() -> CollectionRule {
    samples::rule("products")
}

fn source(collection: Collection) -> SourceState {
    let partition = Partition { name: "_default".to_owned(), load: LoadState::Loaded };
    SourceState {
        id: 7,
        collection,
        partitions: vec![partition],
        load: LoadState::Loaded,
        rows: Some(1_000),
        row_statistic: 1_000,
        row_bytes: Some(100),
        dynamic_rows: Some(0),
        nulls: [].into(),
        shadowed: [].into(),
        replicas: None,
    }
}

fn inspected(rule: CollectionRule, from: Collection) -> Inspected {
    Inspected {
        description: rule.description.as_ref().map(|text| text.render("products").unwrap()),
        rule,
        source_name: "products".to_owned(),
        target_name: "products".to_owned(),
        source: Some(source(from)),
        target: None,
        database_missing: false,
        database_properties: [].into(),
        aliases: Vec::new(),
        alias_holders: [].into(),
        known: None,
        update: None,
        take_over: false,
        findings: Vec::new(),
    }
}

fn one(inspected: Inspected) -> CollectionChange {
    diff(vec![inspected], &new()).pop().unwrap()
}

/// What both ends and the ledger look like after `change` was carried out on a faithful server.
fn carried_out(before: &Inspected, change: &CollectionChange, finished: bool) -> Inspected {
    let wanted = change.wanted.clone().unwrap();
    let mut created = wanted.clone();
    // The server chooses what was left open.
    if created.partition_key().is_some() && created.num_partitions.is_none() {
        created.num_partitions = Some(64);
    }
    let mut after = before.clone();
    after.known = Some(Known {
        wanted,
        created: Some(created.clone()),
        settings: change.settings.clone(),
        target_id: Some(70),
        source_id: 7,
        finished,
        adopted: false,
        to_repair: false,
        half_caught_up: false,
        to_take_back: false,
        owner: None,
        marked: false,
        rows: 1_000,
        chunks_done: 3,
        chunks_open: 0,
        source_address: "default/products".to_owned(),
    });
    after.target = Some(TargetState {
        id: 70,
        collection: created,
        load: LoadState::Loaded,
        rows: Some(1_000),
        row_statistic: 1_000,
        marks: Vec::new(),
    });
    after
}

fn rules() -> impl Strategy<Value = CollectionRule> {
    let key = prop_oneof![
        Just(PartitionKey::Keep),
        Just(PartitionKey::None),
        Just(PartitionKey::Field { field: "n".to_owned(), partitions: None }),
        Just(PartitionKey::Field { field: "t".to_owned(), partitions: Some(16) }),
    ];
    let dynamic = prop_oneof![
        Just(DynamicField::Keep),
        Just(DynamicField::On),
        Just(DynamicField::Off { drop_data: true }),
        Just(DynamicField::Off { drop_data: false }),
    ];
    let description = proptest::option::of("[a-z ]{0,12}");
    (key, dynamic, description, any::<bool>(), settings()).prop_map(
        |(key, dynamic, description, merge, settings)| CollectionRule {
            partition_key: key,
            dynamic_field: dynamic,
            description: description.map(NameTemplate::fixed),
            partitions: Partitions { merge, ..Partitions::default() },
            ..settings
        },
    )
}

/// Shards, properties, indexes, loading, and other names for any of the fields.
fn settings() -> impl Strategy<Value = CollectionRule> {
    let index = prop_oneof![Just(IndexRule::Keep), Just(IndexRule::Auto)];
    let load = prop_oneof![Just(LoadRule::Keep), Just(LoadRule::Yes), Just(LoadRule::No)];
    let renamed = proptest::sample::subsequence(vec!["id", "n", "t", "v"], 0..=4);
    let property = proptest::option::of("[0-9]{1,4}");
    (proptest::option::of(1..5i32), property, index, load, renamed).prop_map(
        |(shards, property, all, load, renamed)| {
            let rename = |name: &str| {
                let rule = FieldRule { rename: Some(format!("{name}_2")), ..FieldRule::default() };
                (name.to_owned(), rule)
            };
            let set = property.map(|value| ("collection.ttl.seconds".to_owned(), value));
            CollectionRule {
                shards,
                properties: PropertyRules {
                    set: set.into_iter().collect(),
                    ..PropertyRules::default()
                },
                indexes: IndexRules { all, ..IndexRules::default() },
                load,
                fields: renamed.into_iter().map(rename).collect(),
                ..rule()
            }
        },
    )
}

fn sources() -> impl Strategy<Value = Collection> {
    (any::<bool>(), any::<bool>(), any::<bool>(), 1..4i32).prop_map(
        |(dynamic, partitions, auto_id, shards)| {
            let mut collection = collection();
            collection.dynamic_field = dynamic;
            collection.shards = shards;
            collection.fields[0].auto_id = auto_id;
            if partitions {
                collection.partitions = vec!["p1".to_owned(), "p2".to_owned()];
            }
            collection
        },
    )
}

proptest! {
    #[test]
    fn what_was_carried_out_is_no_change(rule in rules(), from in sources()) {
        let before = inspected(rule, from);
        let change = one(before.clone());
        if change.action == Action::Create {
            let done = one(carried_out(&before, &change, true));
            prop_assert_eq!(done.action, Action::Unchanged, "{:?}", done.findings);
            let half = one(carried_out(&before, &change, false));
            prop_assert_eq!(half.action, Action::Resume, "{:?}", half.findings);
        } else {
            // Only partitions that would be lost stand against any of these.
            prop_assert_eq!(change.reason, "partitions_lost");
        }
    }

    #[test]
    fn another_schema_at_the_target_is_never_taken_for_ours(
        rule in rules(), from in sources(), which in 0usize..5,
    ) {
        let before = inspected(rule, from);
        let change = one(before.clone());
        prop_assume!(change.action == Action::Create);
        for finished in [true, false] {
            let mut after = carried_out(&before, &change, finished);
            let target = &mut after.target.as_mut().unwrap().collection;
            match which {
                0 => { target.fields.remove(3); }
                1 => target.fields.push(field("extra", DataType::BOOL)),
                2 => target.fields[1].data_type = DataType::INT32,
                3 => target.dynamic_field = !target.dynamic_field,
                _ => target.description.push('!'),
            }
            let drifted = one(after);
            if finished && which > 3 {
                // A finished collection may be described anew; that is said, and no more.
                prop_assert_eq!(drifted.action, Action::Unchanged);
                prop_assert!(drifted.findings.iter().any(|found| found.code == "target_drifted"));
            } else {
                prop_assert_eq!(drifted.reason, "target_drifted");
            }
        }
    }
}

#[test]
fn a_collection_that_nobody_recorded_is_refused_or_adopted() {
    let mut there = inspected(rule(), collection());
    there.target = Some(TargetState {
        id: 1,
        collection: collection(),
        load: LoadState::NotLoaded,
        rows: None,
        row_statistic: 0,
        marks: Vec::new(),
    });
    assert_eq!(one(there.clone()).reason, "target_exists");
    there.rule.existing = Existing::Adopt;
    assert_eq!(one(there.clone()).action, Action::Adopt);
    there.target.as_mut().unwrap().collection.fields.remove(2);
    assert_eq!(one(there).reason, "target_schema_differs");
}

#[test]
fn what_changed_since_is_named() {
    let before = inspected(rule(), collection());
    let change = one(before.clone());
    let done = carried_out(&before, &change, true);

    let mut replaced = done.clone();
    replaced.target.as_mut().unwrap().id = 71;
    assert_eq!(one(replaced).reason, "target_replaced");

    let mut source_replaced = done.clone();
    source_replaced.source.as_mut().unwrap().id = 8;
    assert_eq!(one(source_replaced).reason, "source_replaced");

    let mut gone = done.clone();
    gone.target = None;
    let gone = one(gone);
    assert_eq!((gone.action, &*gone.reason), (Action::Create, "target_gone"));

    let mut described = done.clone();
    described.description = Some("other".to_owned());
    let finished = one(described.clone());
    assert_eq!(
        (finished.action, &*finished.findings[0].code),
        (Action::Unchanged, "changed_since")
    );
    described.known.as_mut().unwrap().finished = false;
    let described = one(described);
    assert_eq!(described.reason, "plan_changed");
    assert!(described.explanation.contains("description"), "{}", described.explanation);

    let mut emptied = done.clone();
    emptied.target.as_mut().unwrap().rows = Some(0);
    assert_eq!(one(emptied).reason, "target_emptied");

    let mut alias = done.clone();
    alias.target.as_mut().unwrap().collection.name = "real".to_owned();
    assert_eq!(one(alias).reason, "target_is_alias");

    let mut released = done.clone();
    released.target.as_mut().unwrap().load = LoadState::NotLoaded;
    assert_eq!(one(released).reason, "not_loaded");

    let mut dropped = done.clone();
    dropped.target.as_mut().unwrap().collection.indexes.clear();
    assert_eq!(one(dropped).reason, "index_missing");

    let mut half = done.clone();
    half.known.as_mut().unwrap().half_caught_up = true;
    assert_eq!(one(half.clone()).findings[0].code, "half_caught_up");
    half.update = Some(Update::CatchUp);
    assert!(one(half).findings.is_empty());

    let mut fewer = done;
    fewer.target.as_mut().unwrap().rows = Some(999);
    let fewer = one(fewer);
    assert_eq!(fewer.action, Action::Unchanged);
    assert_eq!(fewer.findings[0].code, "target_rows_differ");
}

#[test]
fn what_was_meant_to_be_made_and_not_noted_is_ours_only_while_it_is_untouched() {
    let before = inspected(rule(), collection());
    let change = one(before.clone());
    let mut half = carried_out(&before, &change, false);
    let known = half.known.as_mut().unwrap();
    (known.target_id, known.created) = (None, None);
    known.owner = Some("ours".to_owned());
    let target = half.target.as_mut().unwrap();
    (target.rows, target.row_statistic, target.load) = (None, 0, LoadState::NotLoaded);
    target.collection.indexes.clear();
    // Made by somebody else meanwhile: its rows, not flushed yet, are in no statistic.
    assert_eq!(one(half.clone()).reason, "target_exists");
    half.target.as_mut().unwrap().marks = vec![ownership::mark("ours")];
    assert_eq!(one(half.clone()).action, Action::Resume);
    let mut indexed = half.clone();
    indexed.target.as_mut().unwrap().collection.indexes = collection().indexes;
    assert_eq!(one(indexed).reason, "target_exists");
    half.target.as_mut().unwrap().row_statistic = 5;
    assert_eq!(one(half).reason, "target_exists");
}

#[test]
fn what_the_server_made_differently_is_never_filled() {
    let before = inspected(rule(), collection());
    let change = one(before.clone());
    for finished in [true, false] {
        let mut half = carried_out(&before, &change, finished);
        let mut other = collection();
        other.fields[1].data_type = DataType::INT32;
        half.known.as_mut().unwrap().created = Some(other.clone());
        half.target.as_mut().unwrap().collection = other;
        assert_eq!(one(half).reason, "target_schema_differs");
    }
}

#[test]
fn a_target_with_partitions_of_its_own_is_not_adopted() {
    let mut there = inspected(rule(), collection());
    there.rule.existing = Existing::Adopt;
    let mut target = collection();
    target.partitions = vec!["old".to_owned()];
    there.target = Some(TargetState {
        id: 1,
        collection: target,
        load: LoadState::NotLoaded,
        rows: None,
        row_statistic: 0,
        marks: Vec::new(),
    });
    assert_eq!(one(there).reason, "target_schema_differs");
}

fn bm25() -> Function {
    Function {
        name: "bm25".to_owned(),
        description: String::new(),
        kind: FunctionKind::BM25,
        inputs: vec!["t".to_owned()],
        outputs: vec!["sparse".to_owned()],
        params: [].into(),
    }
}

fn structs() -> StructField {
    StructField {
        name: "s".to_owned(),
        description: String::new(),
        fields: Vec::new(),
        nullable: false,
        type_params: [].into(),
    }
}

#[test]
fn what_the_target_cannot_hold_is_refused_by_name() {
    let old = Abilities::of(&ServerVersion::parse("v2.3.5"), None, None);
    let refuse = |change: &dyn Fn(&mut Collection)| {
        let mut from = collection();
        change(&mut from);
        diff(vec![inspected(rule(), from)], &old).remove(0).reason
    };
    assert_eq!(refuse(&|from| from.fields[1].nullable = true), "target_lacks_nullable");
    assert_eq!(refuse(&|from| from.fields[3].data_type = DataType(104)), "target_lacks_type");
    assert_eq!(refuse(&|from| from.functions.push(bm25())), "target_lacks_functions");
    assert_eq!(refuse(&|from| from.struct_fields.push(structs())), "target_lacks_feature");
}

#[test]
fn only_a_fit_field_becomes_the_partition_key() {
    let reason = |name: &str, change: &dyn Fn(&mut Field)| {
        let mut from = collection();
        from.fields.iter_mut().for_each(change);
        let mut asked = inspected(rule(), from);
        asked.rule.partition_key = PartitionKey::Field { field: name.to_owned(), partitions: None };
        let change = one(asked);
        (change.action, change.findings.iter().map(|found| found.code.clone()).collect::<Vec<_>>())
    };
    let as_it_is = |_: &mut Field| {};
    assert_eq!(reason("t", &as_it_is), (Action::Create, vec![]));
    assert_eq!(reason("v", &as_it_is), (Action::Conflict, vec!["partition_key_unfit".into()]));
    assert_eq!(reason("id", &as_it_is), (Action::Conflict, vec!["partition_key_unfit".into()]));
    assert_eq!(reason("nope", &as_it_is), (Action::Conflict, vec!["partition_key_missing".into()]));
    let (action, codes) = reason("t", &|field| field.nullable = field.name == "t");
    assert_eq!(action, Action::Conflict);
    assert!(codes.contains(&"partition_key_unfit".into()), "{codes:?}");
}

#[test]
fn dynamic_data_is_not_lost_by_accident() {
    let mut lossy = inspected(rule(), collection());
    lossy.rule.dynamic_field = DynamicField::Off { drop_data: false };
    lossy.source.as_mut().unwrap().dynamic_rows = Some(12);
    let refused = one(lossy.clone());
    assert_eq!(refused.reason, "dynamic_data_lost");
    assert!(refused.explanation.contains("12 rows"));
    lossy.rule.dynamic_field = DynamicField::Off { drop_data: true };
    let accepted = one(lossy);
    assert_eq!(accepted.action, Action::Create);
    assert_eq!(accepted.settings.dynamic_data, DynamicData::Discard);
}

#[test]
fn two_onto_one_is_refused() {
    let both = vec![inspected(rule(), collection()), inspected(rule(), collection())];
    let changes = diff(both, &new());
    assert!(changes.iter().all(|change| change.reason == "two_onto_one"));
}

#[test]
fn texts_of_an_array_without_a_limit_get_the_largest() {
    let mut texts = field("texts", DataType::ARRAY);
    texts.element_type = DataType::VARCHAR;
    texts.type_params.insert("max_capacity".to_owned(), "16".to_owned());
    let mut limited = Field { name: "limited".to_owned(), ..texts.clone() };
    limited.type_params.insert("max_length".to_owned(), "200".to_owned());
    let mut from = collection();
    from.fields.extend([texts, limited]);
    let change = one(inspected(rule(), from));
    let length = |name: &str| {
        let wanted = change.wanted.as_ref().unwrap();
        wanted.field(name).unwrap().numeric_param("max_length")
    };
    assert_eq!((length("texts"), length("limited")), (Some(65_535), Some(200)));
    let attributes: Vec<_> = change.overrides.iter().map(|o| o.attribute.as_str()).collect();
    assert_eq!(attributes, ["texts.max_length"]);
}

#[test]
fn rows_of_a_finished_target_are_brought_up_to_date_where_that_is_asked_for() {
    let before = inspected(rule(), collection());
    let mut after = carried_out(&before, &one(before.clone()), true);
    assert_eq!(one(after.clone()).action, Action::Unchanged);
    for (update, reason) in [(Update::Repair, "rows_differ"), (Update::CatchUp, "catch_up")] {
        after.update = Some(update);
        let change = one(after.clone());
        assert_eq!((change.action, &*change.reason), (Action::Resume, reason));
        assert_eq!(change.update, Some(update));
    }
    // What is lacking besides is made too.
    after.target.as_mut().unwrap().collection.indexes.clear();
    let change = one(after.clone());
    assert_eq!((&*change.reason, change.update), ("index_missing", Some(Update::CatchUp)));
    assert!(change.explanation.contains("carried over"), "{}", change.explanation);
    // Rows that were copied in another way cannot be compared.
    after.known.as_mut().unwrap().settings.by_partition = true;
    let change = one(after);
    assert_eq!((change.action, &*change.reason), (Action::Conflict, "plan_changed"));
}
