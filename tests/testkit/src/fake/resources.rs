//! Files that were uploaded for analyzers, such as dictionaries and stop words (3.0).

use std::collections::BTreeSet;

use serde_json::Value;

use super::profile::Feature;
use super::refused::{Refused, Result};
use super::state::{State, param};
use crate::pb::milvus::{self, FileResourceInfo};
use crate::pb::schema::{CollectionSchema, FieldSchema};

impl State {
    /// 2.6 has the call and answers that it is not implemented (internal/proxy/impl.go, 2.6.20).
    pub fn add_file_resource(&mut self, request: &milvus::AddFileResourceRequest) -> Result<()> {
        self.has_file_resources("AddFileResource")?;
        let (id, name, path) = (self.id(), request.name.clone(), request.path.clone());
        self.file_resources.entry(name.clone()).or_insert(FileResourceInfo { id, name, path });
        Ok(())
    }

    pub fn list_file_resources(&self) -> Result<Vec<FileResourceInfo>> {
        self.has_file_resources("ListFileResources")?;
        Ok(self.file_resources.values().cloned().collect())
    }

    fn has_file_resources(&self, rpc: &str) -> Result<()> {
        if self.profile.has(Feature::FileResources) {
            return Ok(());
        }
        Err(Refused::other(format!("{rpc} is not implemented")))
    }

    /// The ids of the files that the analyzers of a schema name: a request's own are replaced by them
    /// (`createCollectionTask.prepareSchema` and `validateSchemaAnalyzerFileResources`,
    /// internal/rootcoord, 3.0.0; `get_resource_file_path`, tantivy-binding's resource_info.rs).
    pub fn resources_of(&self, schema: &CollectionSchema) -> Result<Vec<i64>> {
        let mut ids = BTreeSet::new();
        for name in schema.fields.iter().flat_map(names) {
            match self.file_resources.get(&name) {
                Some(there) => drop(ids.insert(there.id)),
                None => {
                    return Err(Refused::other(format!(
                        "file resource: {name} not found in local resource list"
                    )));
                }
            }
        }
        Ok(ids.into_iter().collect())
    }
}

/// The uploaded files that the analyzers of a field name.
fn names(field: &FieldSchema) -> Vec<String> {
    fn within(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                let text = |name: &str| members.get(name).and_then(Value::as_str);
                if let (Some("remote"), Some(name)) = (text("type"), text("resource_name")) {
                    found.push(name.to_owned());
                }
                members.values().for_each(|member| within(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| within(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for params in ["analyzer_params", "multi_analyzer_params"] {
        let parsed = param(field, params).and_then(|text| serde_json::from_str(text).ok());
        within(&parsed.unwrap_or(Value::Null), &mut found);
    }
    found
}
