//! Indexes: which ones a server builds on which column, under which name, and what of one can be
//! altered.

use std::collections::BTreeMap;

use super::index_rules::{self, Checked, MMAP};
use super::json_path;
use super::names;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::{Index, State, to_map, to_pairs};
use crate::pb::common::{ErrorCode, IndexState};
use crate::pb::milvus;
use crate::pb::schema::DataType;

const JSON_PATH: &str = "json_path";

impl State {
    /// `Server.CreateIndex` (internal/datacoord/index_service.go) and `indexMeta.canCreateIndex`
    /// (index_meta.go), 2.5.27 to 3.0.0.
    pub fn create_index(
        &mut self,
        database: &str,
        request: &milvus::CreateIndexRequest,
    ) -> Result<()> {
        let id = self.id();
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, &request.collection_name)?;
        let (asked, extra) = (&request.field_name, to_map(&request.extra_params));
        let Some(column) = json_path::column_of(&collection.columns, asked) else {
            let text = format!("cannot create index on non-exist field: {asked}");
            return Err(profile.invalid(text));
        };
        let Checked { given, mut params } = index_rules::check(&profile, column, extra.clone())?;
        let field = column.path();
        let is_json = column.kind() == DataType::Json;
        if is_json {
            let path = params.entry(JSON_PATH.to_owned()).or_insert_with(|| asked.clone());
            *path = json_path::pointer(&profile, &collection.columns, column, path)?;
        }
        let path = params.get(JSON_PATH).filter(|_| is_json);
        let same_place = |there: &Index| {
            there.field == field && (!is_json || there.params.get(JSON_PATH) == path)
        };
        let name = match request.index_name.as_str() {
            "" => match collection.indexes.iter().find(|there| same_place(there)) {
                Some(there) => there.name.clone(),
                None => format!("{field}{}", path.map_or("", String::as_str)),
            },
            name => {
                names::check_index(&profile, name)?;
                name.to_owned()
            }
        };
        for there in &collection.indexes {
            if there.name == name {
                let cast = |of: &BTreeMap<String, String>| of.get("json_cast_type").cloned();
                // `checkParams` (internal/datacoord/index_meta.go): who named no metric for
                // `AUTOINDEX` contradicts none.
                let auto = |of: &BTreeMap<String, String>| {
                    of.get("index_type").is_none_or(|kind| kind == index_rules::AUTOINDEX)
                };
                let unsaid = !extra.contains_key("metric_type") && auto(&extra);
                let same = same_place(there)
                    && (is_repeated(&profile, there, &given) || unsaid && auto(&there.given))
                    && (!is_json || cast(&there.params) == cast(&params));
                let words = "at most one distinct index is allowed per field";
                return if same { Ok(()) } else { Err(refused(&profile, words)) };
            }
            if same_place(there) {
                let words = "CreateIndex failed: creating multiple indexes on same field is not \
                             supported";
                return Err(refused(&profile, words));
            }
        }
        collection.indexes.push(Index { id, name, field, given, params });
        Ok(())
    }

    pub fn describe_index(
        &self,
        database: &str,
        request: &milvus::DescribeIndexRequest,
    ) -> Result<milvus::DescribeIndexResponse> {
        let collection = self.collection(database, &request.collection_name)?;
        let wanted = |asked: &str, is: &str| asked.is_empty() || asked == is;
        let found = collection.indexes.iter().filter(|index| {
            wanted(&request.field_name, &index.field) && wanted(&request.index_name, &index.name)
        });
        let rows = collection.live().count() as i64;
        let descriptions: Vec<milvus::IndexDescription> = found
            .map(|index| milvus::IndexDescription {
                index_name: index.name.clone(),
                index_id: index.id,
                params: to_pairs(&index.given),
                field_name: json_path::described_field(&index.field, index.params.get(JSON_PATH)),
                indexed_rows: rows,
                total_rows: rows,
                state: IndexState::Finished.into(),
                ..Default::default()
            })
            .collect();
        if descriptions.is_empty() {
            return Err(Refused::no_index(&collection.name));
        }
        Ok(milvus::DescribeIndexResponse {
            status: Some(Default::default()),
            index_descriptions: descriptions,
        })
    }

    /// `alterIndexTask.PreExecute` (internal/proxy/task_index.go) and `Server.AlterIndex`
    /// (internal/datacoord/index_service.go), 2.5.27 to 3.0.0.
    pub fn alter_index(
        &mut self,
        database: &str,
        request: &milvus::AlterIndexRequest,
    ) -> Result<()> {
        let profile = self.profile.clone();
        let (set, delete) = (to_map(&request.extra_params), &request.delete_keys);
        if !set.is_empty() && !delete.is_empty() {
            return Err(Refused::invalid("cannot provide both DeleteKeys and ExtraParams"));
        }
        if let Some(name) = set.keys().chain(delete).find(|name| !is_alterable(&profile, name)) {
            let text = format!("{name} is not a configable index property");
            return Err(Refused::invalid(text));
        }
        let collection = self.collection_mut(database, &request.collection_name)?;
        let index_name = &request.index_name;
        if index_name.is_empty() {
            return Err(Refused::invalid("index name is empty"));
        }
        if collection.is_loaded() {
            let reason = format!(
                "can't alter index on loaded collection, please release the collection first: \
                 collection already loaded[collection={}]",
                collection.name
            );
            return Err(Refused::new(104, ErrorCode::UnexpectedError, reason));
        }
        let columns = &collection.columns;
        let mut altered = false;
        for index in collection.indexes.iter_mut().filter(|index| index.name == *index_name) {
            let column = columns.iter().find(|column| column.path() == index.field).unwrap();
            index_rules::no_mmap_in_the_cloud(&profile, column, &set)?;
            for params in [&mut index.given, &mut index.params] {
                params.extend(set.clone());
                params.retain(|name, _| !delete.contains(name));
            }
            altered = true;
        }
        if altered { Ok(()) } else { Err(Refused::no_index(index_name)) }
    }

    pub fn drop_index(&mut self, database: &str, request: &milvus::DropIndexRequest) -> Result<()> {
        let profile = self.profile.clone();
        let collection = self.collection_mut(database, &request.collection_name)?;
        let hit = |index: &Index| match request.index_name.as_str() {
            "" => index.field == request.field_name,
            name => index.name == name,
        };
        let on_vector = collection.indexes.iter().filter(|index| hit(index)).any(|index| {
            let mut columns = collection.columns.iter();
            columns.any(|column| column.path() == index.field && column.is_vector())
        });
        // `dropIndexTask.PreExecute` (internal/proxy/task_index.go): 2.5.27, and 2.6.20 and 3.0.0.
        if collection.is_loaded() && profile.version < (2, 6, 0) {
            return Err(Refused::other(
                "index cannot be dropped, collection is loaded, please release it first",
            ));
        }
        if on_vector && collection.is_loaded() {
            return Err(profile.invalid(format!(
                "vector index cannot be dropped on loaded collection: {}",
                collection.id
            )));
        }
        collection.indexes.retain(|index| !hit(index));
        Ok(())
    }
}

/// Parameters that `AlterIndex` takes (`IsConfigableIndexParam`, pkg/util/indexparams), and that are
/// compared with nothing.
fn is_alterable(profile: &Profile, name: &str) -> bool {
    match name {
        MMAP | "indexoffsetcache.enabled" => true,
        "warmup" => profile.has(Feature::IndexWarmup),
        _ => false,
    }
}

/// `checkParams` (index_meta.go): what `AlterIndex` takes is left out of what is there, and not of
/// what is asked for, so that a request with any of it is no repetition.
fn is_repeated(profile: &Profile, there: &Index, asked: &BTreeMap<String, String>) -> bool {
    let mut have = there.given.clone();
    have.retain(|name, _| !is_alterable(profile, name));
    have == *asked
}

/// A request that contradicts what is there.
fn refused(profile: &Profile, words: &str) -> Refused {
    let led = words.starts_with("CreateIndex failed") || profile.has(Feature::ParameterErrors);
    let lead = if led { "" } else { "CreateIndex failed: " };
    profile.invalid(format!("{lead}{words}"))
}
