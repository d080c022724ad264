//! A collection with something to override in each of its parts, for the tests of overrides.

use super::{Scene, says};
use crate::collection::{Collection, FieldWords, Index, field, key, var_char, vector};
use crate::data;
use crate::ferry::Outcome;
use crate::pb::schema::{DataType, FieldSchema};
use crate::table::{Table, Value, assert_same};

/// A collection with something to override: two scalars, a vector with an index, dynamic fields.
pub fn articles(name: &str) -> Collection {
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
pub fn article_rows(collection: &Collection, count: usize) -> Table {
    let mut rows = data::table(collection, count, 21);
    let tenant = rows.column("tenant");
    for (number, row) in rows.rows.iter_mut().enumerate() {
        row.values[tenant] = Value::Int(number as i64 % 10);
    }
    rows
}

impl Scene {
    /// [`articles`] at the source, loaded, with so many rows.
    pub async fn articles(&self, name: &str, count: usize) -> Table {
        let collection = articles(name);
        let rows = article_rows(&collection, count);
        self.source.fill(&collection, &rows).await;
        rows
    }

    /// [`Scene::expect`] for a server that writes JSON anew.
    pub async fn expect_parsed(&self, collection: &str, rows: &Table) {
        let read = self.target.read_all(collection, &rows.keys(), &[]).await;
        assert_same(&rows.clone().with_json_parsed(), &read.with_json_parsed());
    }

    /// There is nothing to do, and nothing to warn of but what these codes are about.
    pub async fn settled(&self, but: &[&str]) -> Outcome {
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

/// A param of a field.
pub fn param(field: &FieldSchema, name: &str) -> Option<String> {
    field.type_params.iter().find(|pair| pair.key == name).map(|pair| pair.value.clone())
}
