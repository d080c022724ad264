//! Writing rows: insert, upsert, delete, flush, and the counters.

use std::collections::BTreeSet;

use super::expression;
use super::intake::{Accepted, Delivery, accept, key_of};
use super::refused::{Refused, Result};
use super::shards::{Landed, shard_of};
use super::state::{Collection, DEFAULT_PARTITION, Row, State};
use crate::pb::common::ErrorCode;
use crate::pb::milvus;
use crate::pb::schema::i_ds::IdField;
use crate::pb::schema::{DataType, IDs, LongArray, StringArray};
use crate::table::{Key, Value};

impl State {
    pub fn insert(
        &mut self,
        database: &str,
        request: &milvus::InsertRequest,
    ) -> Result<milvus::MutationResult> {
        let delivery = Delivery {
            columns: &request.fields_data,
            rows: request.num_rows,
            partition: &request.partition_name,
            upsert: false,
        };
        let name = &request.collection_name;
        self.check_schema_timestamp(database, name, request.schema_timestamp)?;
        let keys = self.write(database, name, &delivery)?;
        Ok(milvus::MutationResult { insert_cnt: keys.len() as i64, ..self.done(&keys) })
    }

    pub fn upsert(
        &mut self,
        database: &str,
        request: &milvus::UpsertRequest,
    ) -> Result<milvus::MutationResult> {
        if request.partial_update || !request.field_ops.is_empty() {
            let text = "the double does not merge rows";
            return Err(Refused::Grpc(Box::new(tonic::Status::unimplemented(text))));
        }
        let delivery = Delivery {
            columns: &request.fields_data,
            rows: request.num_rows,
            partition: &request.partition_name,
            upsert: true,
        };
        let name = &request.collection_name;
        self.check_schema_timestamp(database, name, request.schema_timestamp)?;
        let old = self.profile.version < (2, 4, 10);
        if old && self.collection(database, name)?.key().auto_id {
            let reason = "upsert don't support autoid == true";
            return Err(Refused::new(1100, ErrorCode::UpsertAutoIdTrue, reason));
        }
        let keys = self.write(database, name, &delivery)?;
        Ok(milvus::MutationResult { upsert_cnt: keys.len() as i64, ..self.done(&keys) })
    }

    fn check_schema_timestamp(&self, database: &str, name: &str, given: u64) -> Result<()> {
        let updated = self.collection(database, name)?.updated;
        if given == 0 || given == updated || self.profile.version < (2, 5, 0) {
            return Ok(());
        }
        let reason = format!("collection schema mismatch[collection={name}]");
        Err(Refused::new(109, ErrorCode::SchemaMismatch, reason))
    }

    /// Checks and keeps rows; answers their keys.
    fn write(&mut self, database: &str, name: &str, delivery: &Delivery) -> Result<Vec<Key>> {
        let collection = self.collection(database, name)?;
        let Accepted { rows, embeddings } = accept(&self.profile, collection, delivery)?;
        let partitions = partitions_of(collection, delivery.partition, &rows)?;
        let place = collection.key_column();
        let key_type = collection.key().data_type();
        let auto_id = collection.key().auto_id;
        let (keyed, shards) = (collection.partition_key().is_some(), collection.shards);
        self.embeddings += embeddings;
        let written = self.now();
        let mut keys = Vec::with_capacity(rows.len());
        let mut made = Vec::with_capacity(rows.len());
        for (mut values, partition) in rows.into_iter().zip(partitions) {
            let sent = key_of(&values[place]);
            // An upsert of a key that the server makes up replaces the row under a new one.
            let key = match sent.clone().filter(|_| !(auto_id && delivery.upsert)) {
                Some(key) => key,
                None if key_type == DataType::VarChar => Key::Text(self.id().to_string()),
                None => Key::Int(self.id()),
            };
            values[place] = key.clone().into();
            keys.push(key.clone());
            let replaced = sent.filter(|_| delivery.upsert);
            made.push((
                replaced,
                Row { partition, key, values, written, deleted: None, moved_to: None },
            ));
        }
        let landed = self.landing(if delivery.upsert { "Upsert" } else { "Insert" }, shards);
        let collection = self.collection_mut(database, name)?;
        if delivery.upsert {
            let replaced: BTreeSet<(i64, Key)> = made
                .iter()
                .filter_map(|(key, row)| {
                    Some((if keyed { 0 } else { row.partition }, key.clone()?))
                })
                .filter(|(_, key)| {
                    landed.as_ref().is_none_or(|at| at.has_deletes(shard_of(key, shards)))
                })
                .collect();
            let hit = |row: &Row| {
                replaced.contains(&(if keyed { 0 } else { row.partition }, row.key.clone()))
            };
            collection.delete_rows(written, hit);
        }
        let rows = made.into_iter().map(|(_, row)| row);
        collection.rows.extend(rows.filter(|row| {
            landed.as_ref().is_none_or(|at| at.has_rows(shard_of(&row.key, shards)))
        }));
        if landed.is_some() { Err(Landed::refusal()) } else { Ok(keys) }
    }

    fn done(&self, keys: &[Key]) -> milvus::MutationResult {
        milvus::MutationResult {
            status: Some(Default::default()),
            i_ds: Some(ids(keys)),
            succ_index: (0..keys.len() as u32).collect(),
            timestamp: self.clock(),
            ..Default::default()
        }
    }

    pub fn delete(
        &mut self,
        database: &str,
        request: &milvus::DeleteRequest,
    ) -> Result<milvus::MutationResult> {
        let words = "Failed to get collection id: ";
        let collection = self
            .collection(database, &request.collection_name)
            .map_err(|refused| refused.led_by(words))?;
        if request.expr.trim().is_empty() {
            return Err(Refused::invalid(format!(
                "delete plan can't be empty or always true : {}",
                request.expr
            )));
        }
        let expression =
            expression::parse("delete", &request.expr, &collection.columns, &self.profile)
                .map_err(Refused::invalid)?;
        if !expression.is_key_list(&collection.columns) && !collection.is_loaded() {
            return Err(Refused::not_loaded(collection.id));
        }
        let keyed = collection.partition_key().is_some();
        let partition = match request.partition_name.as_str() {
            "" => None,
            _ if keyed => {
                return Err(self.profile.invalid(
                    "not support manually specifying the partition names if partition key mode is used",
                ));
            }
            name => {
                let found = collection.partition(name);
                let led = |refused: Refused| refused.led_by("Failed to get partition id: ");
                Some(found.map_err(led)?.id)
            }
        };
        let shards = collection.shards;
        let (now, landed) = (self.now(), self.landing("Delete", shards));
        let collection = self.collection_mut(database, &request.collection_name)?;
        let keys = collection.delete_rows(now, |row| {
            partition.is_none_or(|id| row.partition == id)
                && expression.finds(&row.values)
                && landed.as_ref().is_none_or(|at| at.has_deletes(shard_of(&row.key, shards)))
        });
        if landed.is_some() {
            return Err(Landed::refusal());
        }
        Ok(milvus::MutationResult { delete_cnt: keys.len() as i64, ..self.done(&keys) })
    }

    pub fn flush(&mut self, database: &str, names: &[String]) -> Result<milvus::FlushResponse> {
        let now = self.now();
        let mut answer = milvus::FlushResponse {
            status: Some(Default::default()),
            db_name: database.to_owned(),
            ..Default::default()
        };
        for name in names {
            let collection = self.collection_mut(database, name)?;
            let sealed = collection.flushed < collection.rows.len();
            let segments =
                LongArray { data: sealed.then_some(collection.id + 1).into_iter().collect() };
            collection.flushed = collection.rows.len();
            answer.coll_seg_i_ds.insert(name.clone(), segments);
            answer.coll_flush_ts.insert(name.clone(), now);
            answer.coll_seal_times.insert(name.clone(), (now >> 18) as i64 / 1000);
        }
        Ok(answer)
    }
}

impl Collection {
    /// Deletes rows that are in the shards of their keys; answers the keys.
    fn delete_rows(&mut self, now: u64, hit: impl Fn(&Row) -> bool) -> Vec<Key> {
        let shards = self.shards;
        let live = self.rows.iter_mut().filter(|row| row.deleted.is_none());
        let mut keys = Vec::new();
        for row in live.filter(|row| hit(row)) {
            if row.moved_to.is_none_or(|shard| shard == shard_of(&row.key, shards)) {
                row.deleted = Some(now);
                keys.push(row.key.clone());
            }
        }
        keys
    }
}

/// The partition of every row.
fn partitions_of(collection: &Collection, named: &str, rows: &[Vec<Value>]) -> Result<Vec<i64>> {
    let Some(place) = collection.partition_key() else {
        let name = if named.is_empty() { DEFAULT_PARTITION } else { named };
        let id = collection.partition(name)?.id;
        return Ok(vec![id; rows.len()]);
    };
    let count = collection.partitions.len() as u64;
    let number = |value: &Value| match value {
        Value::Int(value) => value.unsigned_abs() % count,
        Value::Text(text) => {
            text.bytes().fold(5381_u64, |hash, b| hash.wrapping_mul(33) ^ u64::from(b)) % count
        }
        other => panic!("{other:?} is no partition key"),
    };
    Ok(rows.iter().map(|row| collection.partitions[number(&row[place]) as usize].id).collect())
}

pub(super) fn ids(keys: &[Key]) -> IDs {
    let ints: Vec<i64> = keys
        .iter()
        .filter_map(|key| if let Key::Int(key) = key { Some(*key) } else { None })
        .collect();
    let texts: Vec<String> = keys
        .iter()
        .filter_map(|key| if let Key::Text(key) = key { Some(key.clone()) } else { None })
        .collect();
    let id_field = if texts.is_empty() {
        IdField::IntId(LongArray { data: ints })
    } else {
        IdField::StrId(StringArray { data: texts })
    };
    IDs { id_field: Some(id_field) }
}
