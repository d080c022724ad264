//! The writing half of the probe: rows in and out of collections, and the wait until they are kept.

use std::time::{Duration, Instant};

use super::{PATIENCE, Probe, call, refusal};
use crate::collection::Collection;
use crate::columns;
use crate::pb::common::Status;
use crate::pb::milvus;
use crate::pb::schema::FieldData;
use crate::structs;
use crate::table::{Row, Table};

/// Rows of one insert unless a test says otherwise.
const BATCH: usize = 2000;

#[derive(Clone, PartialEq, prost::Message)]
struct CreateCredentialRequest {
    #[prost(string, tag = "2")]
    username: String,
    /// In base64.
    #[prost(string, tag = "3")]
    password: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OperateUserRoleRequest {
    #[prost(string, tag = "2")]
    username: String,
    #[prost(string, tag = "3")]
    role_name: String,
}

impl Probe {
    /// Adds a user who may look at things. On a server with authentication only.
    pub async fn create_user(&self, name: &str, password: &str) {
        let request = CreateCredentialRequest {
            username: name.to_owned(),
            password: super::base64(password.as_bytes()),
        };
        self.order("CreateCredential", request).await;
    }

    /// Lets a user do everything.
    pub async fn make_admin(&self, user: &str) {
        let request =
            OperateUserRoleRequest { username: user.to_owned(), role_name: "admin".to_owned() };
        self.order("OperateUserRole", request).await;
    }

    /// Calls an RPC that is not among the generated ones and whose answer is a status.
    async fn order<T: prost::Message + 'static>(&self, rpc: &str, request: T) {
        let mut grpc = tonic::client::Grpc::new(self.service.clone());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<T, Status>::default();
        let path = format!("/milvus.proto.milvus.MilvusService/{rpc}");
        let path = path.parse().unwrap();
        let answer = grpc.unary(tonic::Request::new(request), path, codec).await;
        let answer = answer.unwrap_or_else(|status| panic!("{rpc}: {status:?}")).into_inner();
        assert_eq!(refusal(Some(&answer)), None, "{rpc}");
    }

    /// Creates the collection, fills it, flushes, builds its indexes and loads it.
    pub async fn fill(&self, collection: &Collection, table: &Table) {
        self.create_collection(collection).await;
        self.insert(&collection.name, table).await;
        self.flush(&collection.name).await;
        self.build_and_load(collection).await;
    }

    /// Gives the collection its aliases, builds its indexes and loads it.
    pub async fn build_and_load(&self, collection: &Collection) {
        for alias in &collection.aliases {
            self.create_alias(&collection.name, alias).await;
        }
        for index in &collection.indexes {
            self.create_index(&collection.name, index).await;
        }
        self.load(&collection.name).await;
    }

    /// Inserts the rows, each into its partition, in requests of 2000 rows.
    pub async fn insert(&self, collection: &str, table: &Table) {
        self.insert_batches(collection, table, BATCH).await;
    }

    /// Inserts the rows, each into its partition, in requests of up to `rows` rows.
    pub async fn insert_batches(&self, collection: &str, table: &Table, rows: usize) {
        for request in self.insert_requests(collection, table, rows) {
            let count = i64::from(request.num_rows);
            let answer = call!(self, insert, request);
            assert_eq!(answer.insert_cnt, count);
        }
    }

    /// What [`Probe::insert_batches`] sends, for tests that want the refusal.
    pub fn insert_requests(
        &self,
        collection: &str,
        table: &Table,
        rows: usize,
    ) -> Vec<milvus::InsertRequest> {
        let request = |(partition, batch): (String, Vec<&Row>)| milvus::InsertRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_name: partition,
            num_rows: u32::try_from(batch.len()).unwrap(),
            fields_data: request_columns(table, &batch),
            ..Default::default()
        };
        batches(table, rows).into_iter().map(request).collect()
    }

    /// Upserts the rows, each within its partition. Not on 2.2.
    pub async fn upsert(&self, collection: &str, table: &Table) {
        for (partition, batch) in batches(table, BATCH) {
            let request = milvus::UpsertRequest {
                db_name: self.database.clone(),
                collection_name: collection.to_owned(),
                partition_name: partition.clone(),
                num_rows: u32::try_from(batch.len()).unwrap(),
                fields_data: request_columns(table, &batch),
                ..Default::default()
            };
            call!(self, upsert, request);
        }
    }

    /// Deletes by expression; 2.2 knows only `key in [...]`.
    pub async fn delete(&self, collection: &str, partition: &str, expression: &str) {
        let request = milvus::DeleteRequest {
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
            partition_name: partition.to_owned(),
            expr: expression.to_owned(),
            ..Default::default()
        };
        call!(self, delete, request);
    }

    /// Seals what was inserted and waits until it is written.
    pub async fn flush(&self, collection: &str) {
        let request = milvus::FlushRequest {
            db_name: self.database.clone(),
            collection_names: vec![collection.to_owned()],
            ..Default::default()
        };
        let answer = call!(self, flush, request);
        let state = milvus::GetFlushStateRequest {
            segment_i_ds: answer
                .coll_seg_i_ds
                .get(collection)
                .map(|ids| ids.data.clone())
                .unwrap_or_default(),
            flush_ts: answer.coll_flush_ts.get(collection).copied().unwrap_or_default(),
            db_name: self.database.clone(),
            collection_name: collection.to_owned(),
        };
        let began = Instant::now();
        while !call!(self, get_flush_state, state.clone()).flushed {
            assert!(began.elapsed() < PATIENCE, "{collection} is not flushed in {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The rows by partition, in requests of up to `size` rows.
fn batches(table: &Table, size: usize) -> Vec<(String, Vec<&Row>)> {
    let mut partitions: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in &table.rows {
        match partitions.iter_mut().find(|(name, _)| *name == row.partition) {
            Some((_, rows)) => rows.push(row),
            None => partitions.push((row.partition.clone(), vec![row])),
        }
    }
    partitions
        .into_iter()
        .flat_map(|(name, rows)| {
            rows.chunks(size).map(|rows| (name.clone(), rows.to_vec())).collect::<Vec<_>>()
        })
        .collect()
}

/// The columns of a request; a key that the server makes is left out.
fn request_columns(table: &Table, rows: &[&Row]) -> Vec<FieldData> {
    let columns = table.columns.iter().enumerate().filter(|(_, column)| !column.auto_id);
    let columns = columns.map(|(place, column)| {
        let values: Vec<_> = rows.iter().map(|row| &row.values[place]).collect();
        columns::encode(column, &values)
    });
    structs::grouped(columns.collect())
}
