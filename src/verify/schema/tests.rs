use std::fmt::Write as _;

use super::*;
use crate::model::samples::{collection, field};
use crate::model::{ConsistencyLevel, DataType, Field, FunctionKind, Index};

fn index(field: &str, params: &[(&str, &str)]) -> Index {
    let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Index { name: String::new(), field: field.to_owned(), params }
}

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn sized(name: &str, data_type: DataType, param: &str, size: &str) -> Field {
    let mut field = field(name, data_type);
    field.type_params.insert(param.to_owned(), size.to_owned());
    field
}

fn source() -> Collection {
    let fields = vec![
        field("id", DataType::INT64),
        sized("title", DataType::VARCHAR, "max_length", "128"),
        field("old", DataType::INT32),
        sized("vec", DataType::FLOAT_VECTOR, "dim", "768"),
    ];
    let mut of = collection("articles", fields);
    of.description = "articles of the shop".to_owned();
    of.properties.insert("collection.ttl.seconds".to_owned(), "86400".to_owned());
    of.properties.insert("max_field_id".to_owned(), "104".to_owned());
    of.partitions = texts(&["north", "south"]);
    of.aliases = texts(&["current"]);
    of.indexes = vec![
        index("vec", &[("index_type", "HNSW"), ("metric_type", "COSINE"), ("M", "16")]),
        index("title", &[("index_type", "Trie")]),
    ];
    of
}

/// The source with another limit, another name of a field, and without one.
fn wanted() -> (Collection, RowSettings) {
    let mut of = source();
    of.name = "articles_v2".to_owned();
    of.fields.retain(|field| field.name != "old");
    "headline".clone_into(&mut of.fields[1].name);
    of.fields[1].type_params.insert("max_length".to_owned(), "512".to_owned());
    of.properties.remove("max_field_id");
    of.indexes[0].params.insert("index_type".to_owned(), "DISKANN".to_owned());
    of.indexes[0].params.remove("M");
    "headline".clone_into(&mut of.indexes[1].field);
    let mut settings = RowSettings::default();
    settings.renamed.insert("title".to_owned(), "headline".to_owned());
    settings.left_behind.insert("old".to_owned());
    (of, settings)
}

const LOADED: Serving = Serving { load: LoadState::Loaded, replicas: Some(1) };

/// The items for a target that was made as wanted and then changed.
fn items_of(change: impl FnOnce(&mut Collection), keeps_details: bool) -> Vec<SchemaItem> {
    let (wanted, settings) = wanted();
    let mut to = wanted.clone();
    to.properties.insert("max_field_id".to_owned(), "103".to_owned());
    change(&mut to);
    schema_items(&Sides {
        from: &source(),
        from_serving: LOADED,
        wanted: &wanted,
        wishes: &Wishes::default(),
        to: &to,
        to_serving: LOADED,
        built: &Built::new(),
        settings: &settings,
        keeps_details,
    })
}

fn table(items: &[SchemaItem]) -> String {
    let mut out = String::new();
    for SchemaItem { attribute, source, target, wanted, status } in items {
        let wanted = wanted.as_ref().map(|text| format!(", not {text}")).unwrap_or_default();
        writeln!(out, "{attribute}: {source} → {target}{wanted}: {status:?}").unwrap();
    }
    out
}

fn status_of(items: &[SchemaItem], attribute: &str) -> Option<SchemaStatus> {
    items.iter().find(|item| item.attribute == attribute).map(|item| item.status)
}

#[test]
fn a_target_as_wanted_is_same_or_overridden() {
    let items = items_of(|_| {}, true);
    assert!(!schema_differs(&items));
    insta::assert_snapshot!(table(&items));
}

#[test]
fn what_is_neither_is_different() {
    let items = items_of(
        |to| {
            to.description.clear();
            to.fields[1].type_params.insert("max_length".to_owned(), "64".to_owned());
            to.fields[2].type_params.insert("dim".to_owned(), "512".to_owned());
            to.fields.push(field("extra", DataType::INT8));
            to.shards = 1;
            to.consistency = ConsistencyLevel::Strong;
            to.properties.remove("collection.ttl.seconds");
            to.partitions = texts(&["north", "west"]);
            to.aliases.clear();
            to.indexes[0].params.insert("metric_type".to_owned(), "L2".to_owned());
            to.indexes.remove(1);
            to.indexes.push(index("id", &[("index_type", "INVERTED")]));
        },
        true,
    );
    assert!(schema_differs(&items));
    insta::assert_snapshot!(table(&items));
}

#[test]
fn what_a_server_does_not_keep_is_its_own() {
    let change = |to: &mut Collection| {
        to.description.clear();
        to.shards = 1;
        to.properties.clear();
        to.indexes[0].name = "made_up".to_owned();
    };
    let items = items_of(change, false);
    assert!(!schema_differs(&items), "{}", table(&items));
    for own in ["description", "shards", "properties.collection.ttl.seconds"] {
        assert_eq!(status_of(&items, own), Some(SchemaStatus::TargetsOwn), "{own}");
    }
    assert!(schema_differs(&items_of(change, true)));
    let change = |to: &mut Collection| {
        to.indexes[0].params.remove("metric_type");
    };
    let of = |keeps_details| status_of(&items_of(change, keeps_details), "indexes.vec");
    assert_eq!(of(false), Some(SchemaStatus::TargetsOwn));
    assert_eq!(of(true), Some(SchemaStatus::Different));
    // A partition that nobody asked for may hold rows, and nobody is asked for one.
    let items = items_of(|to| to.partitions.push("another".to_owned()), false);
    assert_eq!(status_of(&items, "partitions"), Some(SchemaStatus::Different));
    // What rows depend on is never its own.
    assert!(schema_differs(&items_of(|to| to.fields[2].auto_id = true, false)));
}

#[test]
fn rows_that_expire_at_the_target_alone_are_no_affair_of_its_own() {
    let mut from = source();
    from.properties.clear();
    let lasting = |seconds: &str| {
        let mut of = from.clone();
        of.properties.insert(LIFETIME.to_owned(), seconds.to_owned());
        of
    };
    let items_of_wanted = |seconds: &str, as_made: bool, wanted: &Collection| {
        let to = lasting(seconds);
        let created = as_made.then(|| to.clone());
        schema_items(&Sides {
            from: &from,
            from_serving: LOADED,
            wanted,
            wishes: &Wishes { created, ..Wishes::default() },
            to: &to,
            to_serving: LOADED,
            built: &Built::new(),
            settings: &RowSettings::default(),
            keeps_details: true,
        })
    };
    let items_of = |seconds, as_made| items_of_wanted(seconds, as_made, &from);
    let items = items_of("77", false);
    let different = Some(SchemaStatus::Different);
    assert_eq!(status_of(&items, "properties.collection.ttl.seconds"), different);
    assert!(!schema_differs(&items_of("0", false)));
    // It was so when it was adopted.
    assert!(!schema_differs(&items_of("77", true)));
    // It was asked for.
    assert!(!schema_differs(&items_of_wanted("77", false, &lasting("77"))));
}

#[test]
fn what_the_server_never_kept_is_blamed_on_nobody() {
    let (wanted, settings) = wanted();
    let mut to = wanted.clone();
    to.fields[1].clustering_key = false;
    to.description = "changed since".to_owned();
    let mut asked = wanted.clone();
    asked.fields[1].clustering_key = true;
    let mut created = to.clone();
    created.description.clone_from(&wanted.description);
    let items = schema_items(&Sides {
        from: &source(),
        from_serving: LOADED,
        wanted: &asked,
        wishes: &Wishes { created: Some(created), ..Wishes::default() },
        to: &to,
        to_serving: LOADED,
        built: &Built::new(),
        settings: &settings,
        keeps_details: true,
    });
    let of = |attribute| status_of(&items, attribute);
    assert_eq!(of("fields.headline.clustering_key"), Some(SchemaStatus::TargetsOwn));
    assert_eq!(of("description"), Some(SchemaStatus::Different));
}

/// The item of an index, or the load state, under these circumstances.
fn serving(built: &Built, wishes: &Wishes, to: Serving, attribute: &str) -> SchemaItem {
    let (wanted, settings) = wanted();
    let items = schema_items(&Sides {
        from: &source(),
        from_serving: LOADED,
        wanted: &wanted,
        wishes,
        to: &wanted,
        to_serving: to,
        built,
        settings: &settings,
        keeps_details: true,
    });
    items.into_iter().find(|item| item.attribute == attribute).unwrap()
}

#[test]
fn an_index_has_to_be_built() {
    let progress = |indexed| {
        let progress = IndexProgress { indexed, total: 1_000, finished: indexed == 1_000 };
        Built::from([(("vec".to_owned(), String::new()), Ok(progress))])
    };
    let of = |built: &Built| serving(built, &Wishes::default(), LOADED, "indexes.vec");
    assert_eq!(of(&progress(1_000)).status, SchemaStatus::Overridden);
    let item = of(&progress(800));
    assert_eq!(item.status, SchemaStatus::Different);
    assert_eq!(item.target, "DISKANN/COSINE, building, 800 of 1,000 rows");
    let failed = Err("building the index failed: no room".to_owned());
    let item = of(&Built::from([(("vec".to_owned(), String::new()), failed)]));
    assert_eq!(item.status, SchemaStatus::Different);
    assert_eq!(item.target, "DISKANN/COSINE, building the index failed: no room");
}

#[test]
fn what_is_in_memory_is_as_asked_for_or_more() {
    use LoadState::{Loaded, Loading, NotLoaded};
    let of = |wanted, load| {
        let wishes = Wishes { load: wanted, ..Wishes::default() };
        serving(&Built::new(), &wishes, Serving { load, replicas: None }, "load").status
    };
    assert_eq!(of(None, Loaded), SchemaStatus::Same);
    assert_eq!(of(None, NotLoaded), SchemaStatus::Different);
    assert_eq!(of(None, Loading), SchemaStatus::Different);
    assert_eq!(of(Some(NotLoaded), NotLoaded), SchemaStatus::Overridden);
    assert_eq!(of(Some(NotLoaded), Loaded), SchemaStatus::TargetsOwn);
    let of = |wanted, replicas| {
        let wishes = Wishes { replicas: wanted, ..Wishes::default() };
        let to = Serving { load: Loaded, replicas: Some(replicas) };
        serving(&Built::new(), &wishes, to, "replicas").status
    };
    assert_eq!(of(None, 1), SchemaStatus::Same);
    assert_eq!(of(None, 2), SchemaStatus::TargetsOwn);
    assert_eq!(of(Some(2), 2), SchemaStatus::Overridden);
    assert_eq!(of(Some(2), 1), SchemaStatus::Different);
}

#[test]
fn a_function_that_is_not_described_is_not_missing() {
    let mut from = source();
    from.fields
        .push(Field { function_output: true, ..field("terms", DataType::SPARSE_FLOAT_VECTOR) });
    from.functions.push(crate::model::Function {
        name: "by_terms".to_owned(),
        description: String::new(),
        kind: FunctionKind::BM25,
        inputs: texts(&["title"]),
        outputs: texts(&["terms"]),
        params: BTreeMap::new(),
    });
    let mut to = from.clone();
    to.functions.clear();
    let items = schema_items(&Sides {
        from: &from,
        from_serving: LOADED,
        wanted: &from,
        wishes: &Wishes::default(),
        to: &to,
        to_serving: LOADED,
        built: &Built::new(),
        settings: &RowSettings::default(),
        keeps_details: false,
    });
    assert!(!schema_differs(&items), "{}", table(&items));
    assert_eq!(status_of(&items, "functions.by_terms"), None);
    assert_eq!(status_of(&items, "fields.terms.function_output"), Some(SchemaStatus::Same));
}

#[test]
fn an_index_with_fewer_parameters_than_at_the_source_is_another() {
    let from = source();
    let mut wanted = from.clone();
    wanted.indexes[0].params.remove("M");
    let items = schema_items(&Sides {
        from: &from,
        from_serving: LOADED,
        wanted: &wanted,
        wishes: &Wishes::default(),
        to: &wanted,
        to_serving: LOADED,
        built: &Built::new(),
        settings: &RowSettings::default(),
        keeps_details: true,
    });
    assert_eq!(status_of(&items, "indexes.vec"), Some(SchemaStatus::Overridden));
    assert_eq!(status_of(&items, "indexes.title"), Some(SchemaStatus::Same));
}
