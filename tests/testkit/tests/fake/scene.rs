//! A double, a client of it, and words about refusals.

use testkit::collection::{Collection, plain, vector};
use testkit::data;
use testkit::fake::{Fake, Profile};
use testkit::pb::common::Status;
use testkit::pb::milvus;
use testkit::pb::schema::field_data::Field;
use testkit::pb::schema::scalar_field::Data;
use testkit::pb::schema::{DataType, FieldData, FieldSchema, ScalarField};
use testkit::probe::Probe;
use testkit::table::Table;

pub(super) struct Scene {
    pub(super) fake: Fake,
    pub(super) probe: Probe,
}

impl Scene {
    pub(super) async fn of(profile: Profile) -> Self {
        let fake = Fake::start(profile);
        let probe = fake.probe().await;
        Self { fake, probe }
    }

    pub(super) async fn milvus(version: &str) -> Self {
        Self::of(Profile::milvus(version)).await
    }

    /// What the server says to a collection.
    pub(super) async fn create(&self, collection: &Collection) -> Status {
        let request = self.probe.create_request(collection);
        self.probe.raw().create_collection(request).await.unwrap().into_inner()
    }

    /// Creates a collection with this field beside a key and a vector, and returns it.
    pub(super) async fn with_field(&self, extra: FieldSchema) -> Collection {
        let mut collection = plain("things", DataType::Int64);
        collection.fields.push(extra);
        self.probe.create_collection(&collection).await;
        collection
    }

    /// What the server says to an insert.
    pub(super) async fn insert(&self, request: milvus::InsertRequest) -> Status {
        self.probe.raw().insert(request).await.unwrap().into_inner().status.unwrap()
    }

    pub(super) async fn upsert(&self, request: milvus::InsertRequest) -> milvus::MutationResult {
        let request = milvus::UpsertRequest {
            collection_name: request.collection_name,
            partition_name: request.partition_name,
            num_rows: request.num_rows,
            fields_data: request.fields_data,
            ..Default::default()
        };
        self.probe.raw().upsert(request).await.unwrap().into_inner()
    }

    /// Three good rows, changed by the test before they are sent.
    pub(super) async fn insert_changed(
        &self,
        collection: &Collection,
        change: impl FnOnce(&mut milvus::InsertRequest),
    ) -> Status {
        let mut request = three_rows(&self.probe, collection);
        change(&mut request);
        self.insert(request).await
    }
}

pub(super) fn three_rows(probe: &Probe, collection: &Collection) -> milvus::InsertRequest {
    let table: Table = data::table(collection, 3, 1);
    probe.insert_requests(&collection.name, &table, 3).remove(0)
}

/// The column of a request.
pub(super) fn column<'a>(request: &'a mut milvus::InsertRequest, name: &str) -> &'a mut FieldData {
    request.fields_data.iter_mut().find(|column| column.field_name == name).unwrap()
}

/// The scalar values of a column.
pub(super) fn scalars(column: &mut FieldData) -> &mut Data {
    match column.field.as_mut().unwrap() {
        Field::Scalars(ScalarField { data: Some(data), .. }) => data,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn fine(status: Status) {
    assert_eq!((status.code, status.error_code), (0, 0), "{}", status.reason);
}

/// Refused with this code and these words.
#[track_caller]
pub(super) fn refused(status: Status, code: i32, words: &str) {
    assert_eq!(status.code, code, "{}", status.reason);
    assert_ne!(status.error_code, 0);
    assert!(status.reason.contains(words), "no {words:?} in {:?}", status.reason);
}

/// A key and this field, which is a vector or comes with one.
pub(super) fn small(fields: Vec<FieldSchema>) -> Collection {
    let mut all = vec![testkit::collection::key(DataType::Int64)];
    let bare = fields.iter().all(|field| field.data_type < 100);
    all.extend(fields);
    if bare {
        all.push(vector("embedding", DataType::FloatVector, 4));
    }
    Collection::new("small", all)
}
