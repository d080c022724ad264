//! Sample changes and outcomes for the tests.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::apply::event::{Outcome, Status};
use crate::changes::{
    Action, Capacity, Changes, CollectionChange, End, Ending, Finding, Known, Loaded, Override,
    SourceState,
};
use crate::model::samples as model;
use crate::model::{Collection, DataType, Field, Index, LoadState, RowSettings};
use crate::verify::counts::Counts;

pub(super) fn changes(collections: Vec<CollectionChange>) -> Changes {
    Changes {
        name: "catalog".to_owned(),
        environment: Some("prod".to_owned()),
        source: End {
            uri: "http://milvus.internal:19530".to_owned(),
            version: "Milvus 2.3.5".to_owned(),
        },
        target: End {
            uri: "https://in01-0123456789.aws-us-west-2.vectordb.zillizcloud.com:19530".to_owned(),
            version: "Zilliz Cloud (Milvus 2.6)".to_owned(),
        },
        capacity: Capacity::default(),
        databases: Vec::new(),
        collections,
        findings: Vec::new(),
    }
}

pub(super) fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn field(name: &str, data_type: DataType, type_params: &[(&str, &str)]) -> Field {
    Field { type_params: map(type_params), ..model::field(name, data_type) }
}

pub(super) fn collection(name: &str) -> Collection {
    let id = field("id", DataType::INT64, &[]);
    let tenant = Field {
        description: "Who the product belongs to".to_owned(),
        ..field("tenant_id", DataType::VARCHAR, &[("max_length", "64")])
    };
    let sizes = Field {
        element_type: DataType::INT32,
        ..field("sizes", DataType::ARRAY, &[("max_capacity", "16"), ("mmap.enabled", "true")])
    };
    let fields =
        vec![id, tenant, sizes, field("embedding", DataType::FLOAT_VECTOR, &[("dim", "768")])];
    Collection {
        properties: map(&[("collection.ttl.seconds", "86400")]),
        indexes: vec![
            Index {
                name: "by_meaning".to_owned(),
                field: "embedding".to_owned(),
                params: map(&[
                    ("index_type", "HNSW"),
                    ("metric_type", "COSINE"),
                    ("params", "{\"M\": 16, \"efConstruction\": 200}"),
                ]),
            },
            Index {
                name: String::new(),
                field: "tenant_id".to_owned(),
                params: map(&[("index_type", "Trie")]),
            },
        ],
        ..model::collection(name, fields)
    }
}

pub(super) fn source(collection: Collection, rows: Option<u64>) -> SourceState {
    SourceState {
        id: 1,
        collection,
        partitions: Vec::new(),
        load: LoadState::Loaded,
        rows,
        row_statistic: 0,
        row_bytes: Some(3_200),
        dynamic_rows: None,
        nulls: BTreeMap::new(),
        shadowed: BTreeMap::new(),
        replicas: None,
    }
}

/// A collection that is as at the source.
pub(super) fn change(name: &str, action: Action, rows: Option<u64>) -> CollectionChange {
    let address = format!("default/{name}");
    CollectionChange {
        source_address: address.clone(),
        target_address: address,
        action,
        reason: "sample".into(),
        explanation: String::new(),
        source: Some(source(collection(name), rows)),
        target: None,
        wanted: Some(collection(name)),
        settings: RowSettings::default(),
        known: None,
        create_database: false,
        database_properties: BTreeMap::new(),
        during: BTreeMap::new(),
        alter: BTreeMap::new(),
        ending: Ending { loaded: Loaded::All, ..Ending::default() },
        keeps_details: true,
        load_source: false,
        update: None,
        overrides: Vec::new(),
        findings: Vec::new(),
    }
}

/// A collection where everything that can be asked for is different.
pub(super) fn change_with_overrides() -> CollectionChange {
    let mut change = change("products", Action::Create, Some(1_203_442));
    let mut to = collection("products_v2");
    to.database = "catalog".to_owned();
    to.description = "Product embeddings, 2026".to_owned();
    to.dynamic_field = false;
    to.fields[1].partition_key = true;
    to.num_partitions = Some(64);
    change.target_address = to.address();
    change.wanted = Some(to);
    change.create_database = true;
    change.load_source = true;
    change.source.as_mut().unwrap().load = LoadState::NotLoaded;
    change.ending.loaded = Loaded::Nothing;
    change.overrides = [
        ("database", "default", "catalog"),
        ("name", "products", "products_v2"),
        ("description", "", "Product embeddings, 2026"),
        ("id.auto_id", "true", "false"),
        ("dynamic_field", "true", "false"),
        ("partition_key", "none", "tenant_id (64 partitions)"),
        ("partitions", "y2024, y2025", "merged"),
        ("something_new", "1", "2"),
    ]
    .map(|(attribute, source, target)| Override {
        attribute: attribute.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
    })
    .into();
    change.findings = vec![
        warning(
            "auto_id_off",
            "default/products/id",
            "the keys that the source made up are kept; the target makes up none, so that later \
             inserts must bring their own",
            "",
        ),
        warning(
            "properties_not_carried",
            "default/products",
            "properties are not carried: collection.replica.number",
            "set them at the target by hand",
        ),
    ];
    change
}

pub(super) fn resumed() -> CollectionChange {
    let mut change = change("reviews", Action::Resume, Some(400_000));
    change.explanation =
        "120000 rows in 12 chunks are there; 3 known chunks are to be copied".to_owned();
    change.known = Some(Known {
        wanted: collection("reviews"),
        created: None,
        settings: change.settings.clone(),
        target_id: Some(7),
        source_id: 1,
        finished: false,
        adopted: false,
        to_repair: false,
        half_caught_up: false,
        to_take_back: false,
        owner: None,
        marked: false,
        rows: 120_000,
        chunks_done: 12,
        chunks_open: 3,
        source_address: change.source_address.clone(),
    });
    change
}

pub(super) fn unchanged(name: &str) -> CollectionChange {
    let mut change = change(name, Action::Unchanged, Some(500));
    change.explanation = "500 rows were copied".to_owned();
    change
}

pub(super) fn conflict() -> CollectionChange {
    let mut change = change("media", Action::Conflict, Some(10));
    change.findings = vec![
        error(
            "target_exists",
            "default/media",
            "a collection of this name is at the target, and no run recorded in this ledger made \
             it",
            "choose another `target`, point --state at the ledger of the run that made it, or \
             write into it with `existing = \"adopt\"`",
        ),
        error(
            "unsupported_type",
            "default/media/shape",
            "a field of type Geometry cannot be carried yet",
            "leave this collection out of the plan file",
        ),
        warning(
            "aliases_not_moved",
            "default/media",
            "aliases are not moved: m",
            "move them when you cut over",
        ),
    ];
    change.explanation.clone_from(&change.findings[0].message);
    change
}

pub(super) fn error(code: &'static str, address: &str, message: &str, advice: &str) -> Finding {
    Finding::error(code, address, message.to_owned(), advice)
}

pub(super) fn warning(code: &'static str, address: &str, message: &str, advice: &str) -> Finding {
    Finding::warning(code, address, message.to_owned(), advice)
}

pub(super) fn outcome(name: &str, status: Status, rows: u64) -> Outcome {
    Outcome {
        source: format!("default/{name}"),
        target: format!("default/{name}"),
        status,
        rows,
        bytes: rows * 3_200,
        elapsed: Duration::from_millis(rows / 4 + 200),
        retries: 0,
        rejected: 0,
        rejects_file: None,
        verification: None,
        counts: Some(counts(rows)),
        warnings: Vec::new(),
    }
}

/// Counts that agree.
pub(super) fn counts(rows: u64) -> Counts {
    Counts {
        source_count: Some(rows),
        read: rows,
        acknowledged: rows,
        target_count: Some(rows),
        ..Counts::default()
    }
}
