//! A scene between two doubles, and what only doubles can show: what was sent, and that nothing was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use super::{Scene, expect_words};
use crate::fake::{Fake, Plan, Profile};
pub use crate::ferry::{Ferry, Outcome};
use crate::pb::milvus::{InsertRequest, UpsertRequest};
use crate::pb::schema::field_data::Field;
use crate::pb::schema::{DataType, FieldData, FunctionType};
use crate::probe::Probe;

/// Every RPC that changes something.
const WRITES: [&str; 25] = [
    "AddFileResource",
    "AlterAlias",
    "AlterCollection",
    "AlterDatabase",
    "AlterIndex",
    "CreateAlias",
    "CreateCollection",
    "CreateDatabase",
    "CreateIndex",
    "CreatePartition",
    "Delete",
    "DropAlias",
    "DropCollection",
    "DropDatabase",
    "DropIndex",
    "DropPartition",
    "Flush",
    "Insert",
    "LoadCollection",
    "LoadPartitions",
    "ReleaseCollection",
    "ReleasePartitions",
    "RenameCollection",
    "TruncateCollection",
    "Upsert",
];

/// A [`Scene`] between two doubles.
pub struct Doubles {
    pub from: Fake,
    pub to: Fake,
    scene: Scene,
}

impl Deref for Doubles {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}

impl Doubles {
    pub async fn of(from: Profile, to: Profile) -> Self {
        let target_settings = match to.plan {
            None => String::new(),
            Some(Plan::Free) => "kind = \"zilliz-free\"".to_owned(),
            Some(Plan::Serverless) => "kind = \"zilliz-serverless\"".to_owned(),
            Some(Plan::Dedicated { units }) => {
                format!("kind = \"zilliz-dedicated\"\ncompute_units = {units}")
            }
        };
        let (from, to) = (Fake::start(from), Fake::start(to));
        let source = Probe::connect(&from.uri()).await;
        let target = Probe::connect(&to.uri()).await;
        let scene = Scene::of((source, &from.uri()), (target, &to.uri()));
        Self { from, to, scene: Scene { target_settings, ..scene } }
    }

    /// The same with a binary that has more in its environment.
    pub fn with_ferry(self, ferry: Ferry) -> Self {
        Self { scene: self.scene.with_ferry(ferry), ..self }
    }

    /// Between two releases of Milvus.
    pub async fn between(from: &str, to: &str) -> Self {
        Self::of(Profile::milvus(from), Profile::milvus(to)).await
    }

    /// [`Scene::converge`], and nothing was sent that the target does not store.
    pub async fn converge(&self) -> (Outcome, Outcome) {
        let outcomes = self.scene.converge().await;
        self.only_columns_were_sent().await;
        outcomes
    }

    /// `plan` and `apply` refuse and say each of these, and nothing was written to the target.
    pub async fn expect_refusal(&self, reasons: &[&str]) {
        self.to.forget_calls();
        for outcome in [self.plan().await, self.apply().await] {
            expect_words(&outcome.expect_code(1), reasons);
        }
        self.nothing_was_written();
    }

    /// Since the calls were forgotten last.
    #[track_caller]
    pub fn nothing_was_written(&self) {
        let written: Vec<_> =
            self.to.calls().into_iter().filter(|call| WRITES.contains(&call.rpc)).collect();
        assert!(written.is_empty(), "{written:?}");
    }

    /// Every write at the target with rows: the collection and the columns.
    pub fn writes(&self) -> Vec<(String, String, Vec<FieldData>)> {
        let calls = self.to.calls();
        let writes = calls.iter().filter_map(|call| {
            let (name, columns) = match (call.request::<InsertRequest>(), call.request()) {
                (Some(InsertRequest { collection_name, fields_data, .. }), _)
                | (_, Some(UpsertRequest { collection_name, fields_data, .. })) => {
                    (collection_name, fields_data)
                }
                _ => return None,
            };
            Some((call.database.clone(), name.clone(), columns.clone()))
        });
        writes.collect()
    }

    /// No write held the output of a function that the target computes, a column that is not there,
    /// one of them twice, or the source's id of a field.
    async fn only_columns_were_sent(&self) {
        for (database, name, columns) in self.writes() {
            let described = self.target.in_database(&database).describe(&name).await;
            let schema = described.schema.unwrap();
            let computed: BTreeSet<&String> = schema
                .functions
                .iter()
                .filter(|function| function.r#type() != FunctionType::TextEmbedding)
                .flat_map(|function| &function.output_field_names)
                .collect();
            let fields = schema.fields.iter().map(|field| &field.name);
            let structs = schema.struct_array_fields.iter().map(|field| &field.name);
            let meta = "$meta".to_owned();
            let mut allowed: BTreeSet<&String> = fields.chain(structs).collect();
            allowed.extend(schema.enable_dynamic_field.then_some(&meta));
            allowed.retain(|name| !computed.contains(name));
            let mut seen = BTreeSet::new();
            for column in &columns {
                let sent = &column.field_name;
                assert!(allowed.contains(sent), "{sent} was sent to {name}");
                assert!(seen.insert(sent), "{sent} was sent twice to {name}");
                let parts = match &column.field {
                    Some(Field::StructArrays(parts)) => parts.fields.as_slice(),
                    _ => &[],
                };
                let ids = parts.iter().chain([column]).map(|column| column.field_id);
                assert!(ids.into_iter().all(|id| id == 0), "{sent} was sent with an id");
            }
        }
    }

    /// Everything that both ends say about a collection, but ids and times, is the same.
    pub async fn expect_alike(&self, collection: &str) {
        let one = described(&self.source, collection).await;
        let other = described(&self.target, collection).await;
        for (name, value) in &one {
            assert_eq!(other.get(name), Some(value), "{name}");
        }
        assert_eq!(one.len(), other.len(), "{one:#?}\n{other:#?}");
    }

    /// The properties of a collection at the target.
    pub async fn properties(&self, collection: &str) -> BTreeMap<String, String> {
        let described = self.target.describe(collection).await;
        described.properties.into_iter().map(|pair| (pair.key, pair.value)).collect()
    }
}

/// What a server says about a collection, piece by piece.
async fn described(probe: &Probe, collection: &str) -> BTreeMap<String, String> {
    let described = probe.describe(collection).await;
    let schema = described.schema.unwrap();
    // Some releases tell more of what they made up themselves.
    let mut properties = described.properties;
    let made_up = |key: &str, value: &str| {
        key == "max_field_id"
            || [("timezone", "UTC"), ("namespace.sharding.enabled", "false")]
                .contains(&(key, value))
    };
    properties.retain(|pair| !made_up(&pair.key, &pair.value));
    properties.sort_by(|a, b| a.key.cmp(&b.key));
    let mut said = BTreeMap::from([
        ("shards".to_owned(), described.shards_num.to_string()),
        ("consistency".to_owned(), described.consistency_level.to_string()),
        ("partitions".to_owned(), described.num_partitions.to_string()),
        ("properties".to_owned(), format!("{properties:?}")),
        ("description".to_owned(), schema.description),
        ("dynamic".to_owned(), schema.enable_dynamic_field.to_string()),
    ]);
    for (number, mut field) in schema.fields.into_iter().enumerate() {
        field.field_id = 0;
        field.type_params.sort_by(|a, b| a.key.cmp(&b.key));
        if field.data_type() == DataType::Timestamptz {
            field.default_value = None; // a number or a text, by release
        }
        said.insert(format!("field {number}"), format!("{field:?}"));
    }
    for mut field in schema.struct_array_fields {
        field.field_id = 0;
        for field in &mut field.fields {
            field.field_id = 0;
            field.type_params.sort_by(|a, b| a.key.cmp(&b.key));
        }
        said.insert(format!("struct {}", field.name), format!("{field:?}"));
    }
    for mut function in schema.functions {
        function.id = 0;
        function.input_field_ids.clear();
        function.params.sort_by(|a, b| a.key.cmp(&b.key));
        function.output_field_ids.clear();
        said.insert(format!("function {}", function.name), format!("{function:?}"));
    }
    for index in probe.describe_index(collection).await {
        let text = format!("{} on {}: {:?}", index.index_name, index.field_name, index.params);
        said.insert(format!("index {}", index.index_name), text);
    }
    said
}
