//! What these tests ask of a server beyond its rows, and do to it behind the tool's back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::scene::{Scene, says};
use crate::support::collection::{
    Collection, FieldWords, Index, field, key, pair, var_char, vector,
};
use crate::support::data;
use crate::support::ferry::{Ferry, Outcome};
use crate::support::lab::{Kind, server};
use crate::support::pb::milvus;
use crate::support::pb::schema::{DataType, FieldSchema};
use crate::support::probe::{Probe, refusal};
use crate::support::table::{Table, Value, assert_same};

/// A collection with something to override: two scalars, a vector with an index, dynamic fields.
pub(super) fn articles(name: &str) -> Collection {
    let fields = vec![
        key(DataType::Int64),
        field("tenant", DataType::Int64),
        var_char("body", 200).described("what it says"),
        vector("embedding", DataType::FloatVector, 8),
    ];
    Collection::new(name, fields).dynamic().index(Index::new(
        "embedding",
        "IVF_FLAT",
        "L2",
        r#"{"nlist": 16}"#,
    ))
}

/// Rows of [`articles`]: ten tenants.
pub(super) fn article_rows(collection: &Collection, count: usize) -> Table {
    let mut rows = data::table(collection, count, 21);
    let tenant = rows.column("tenant");
    for (number, row) in rows.rows.iter_mut().enumerate() {
        row.values[tenant] = Value::Int(number as i64 % 10);
    }
    rows
}

impl Scene {
    /// Both ends are one database of one server.
    pub(super) async fn on_one(kind: Kind) -> Self {
        let server = server(kind);
        let probe = Probe::of(server).await.in_new_database().await;
        Self {
            source: probe.clone(),
            target: probe,
            ferry: Arc::new(Ferry::new()),
            source_uri: server.uri().to_owned(),
            target_uri: server.uri().to_owned(),
        }
    }

    /// [`articles`] at the source, loaded, with so many rows.
    pub(super) async fn articles(&self, name: &str, count: usize) -> Table {
        let collection = articles(name);
        let rows = article_rows(&collection, count);
        self.source.fill(&collection, &rows).await;
        rows
    }

    /// [`Scene::expect`] for a server that writes JSON anew.
    pub(super) async fn expect_parsed(&self, collection: &str, rows: &Table) {
        let read = self.target.read_all(collection, &rows.keys(), &[]).await;
        assert_same(&rows.clone().with_json_parsed(), &read.with_json_parsed());
    }

    /// There is nothing to do, and nothing to warn of but what these codes are about.
    pub(super) async fn settled(&self, but: &[&str]) -> Outcome {
        let plan = self.plan().await.expect_code(0);
        let warned = plan.stdout.lines().chain(plan.stderr.lines());
        let codes = |line: &&str| line.starts_with("warning") || line.starts_with("error");
        let unexpected: Vec<&str> = warned
            .filter(codes)
            .filter(|line| !but.iter().any(|code| line.contains(code)))
            .collect();
        assert!(unexpected.is_empty(), "{}\n{}", plan.stdout, plan.stderr);
        assert!(says(&plan, "No changes"), "{}\n{}", plan.stdout, plan.stderr);
        plan
    }
}

impl Probe {
    pub(super) async fn properties(&self, collection: &str) -> BTreeMap<String, String> {
        let properties = self.describe(collection).await.properties;
        properties.into_iter().map(|pair| (pair.key, pair.value)).collect()
    }

    pub(super) async fn field(&self, collection: &str, name: &str) -> FieldSchema {
        let fields = self.describe(collection).await.schema.unwrap().fields;
        fields.into_iter().find(|field| field.name == name).unwrap()
    }

    /// Every parameter of the index on a field, and its name as `name`; empty without one.
    pub(super) async fn index(&self, collection: &str, field: &str) -> BTreeMap<String, String> {
        let request = milvus::DescribeIndexRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        // Without any index, servers refuse to describe them.
        let all = self.raw().describe_index(request).await.unwrap().into_inner();
        let Some(index) = all.index_descriptions.into_iter().find(|one| one.field_name == field)
        else {
            return BTreeMap::new();
        };
        let mut params: BTreeMap<String, String> =
            index.params.into_iter().map(|pair| (pair.key, pair.value)).collect();
        params.insert("name".to_owned(), index.index_name);
        params
    }

    /// The collection that a name leads to, or nothing.
    pub(super) async fn leads_to(&self, name: &str) -> Option<String> {
        let request = milvus::DescribeCollectionRequest {
            db_name: self.database().to_owned(),
            collection_name: name.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().describe_collection(request).await.unwrap().into_inner();
        match refusal(answer.status.as_ref()) {
            Some(_) => None,
            None => Some(answer.schema.unwrap().name),
        }
    }

    /// Rows that were ever written to it, as the server says without loading it.
    pub(super) async fn written(&self, collection: &str) -> String {
        self.flush(collection).await;
        let request = milvus::GetCollectionStatisticsRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().get_collection_statistics(request).await.unwrap().into_inner();
        assert_eq!(refusal(answer.status.as_ref()), None);
        answer.stats.into_iter().find(|pair| pair.key == "row_count").unwrap().value
    }

    pub(super) async fn set_property(&self, collection: &str, name: &str, value: &str) {
        let request = milvus::AlterCollectionRequest {
            db_name: self.database().to_owned(),
            collection_name: collection.to_owned(),
            properties: vec![pair(name, value)],
            ..Default::default()
        };
        let answer = self.raw().alter_collection(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }

    pub(super) async fn move_alias(&self, alias: &str, collection: &str) {
        let request = milvus::AlterAliasRequest {
            db_name: self.database().to_owned(),
            alias: alias.to_owned(),
            collection_name: collection.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().alter_alias(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }

    pub(super) async fn drop_alias(&self, alias: &str) {
        let request = milvus::DropAliasRequest {
            db_name: self.database().to_owned(),
            alias: alias.to_owned(),
            ..Default::default()
        };
        let answer = self.raw().drop_alias(request).await.unwrap().into_inner();
        assert_eq!(refusal(Some(&answer)), None);
    }
}

/// A param of a field.
pub(super) fn param(field: &FieldSchema, name: &str) -> Option<String> {
    field.type_params.iter().find(|pair| pair.key == name).map(|pair| pair.value.clone())
}
