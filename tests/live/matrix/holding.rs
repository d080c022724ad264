//! What each server holds, found out by trying: every group is put into every server once, and
//! what is read back is what has to arrive elsewhere.

use std::time::{Duration, Instant};

use tokio::sync::OnceCell;

use super::expectation::{Lacks, lacks};
use super::groups::Group;
use testkit::collection::Collection;
use testkit::lab::{self, Kind, Spec, unique_name};
use testkit::pb::common::Status;
use testkit::pb::milvus;
use testkit::pb::schema::{CollectionSchema, DataType, FieldSchema};
use testkit::probe::{Probe, refusal};
use testkit::table::{Table, Value, differences};

/// How long a server may take to die.
const PATIENCE: Duration = Duration::from_secs(60);

/// Rows of one request, at most.
const BATCH: usize = 1000;

/// A collection at its source.
pub(super) struct Held {
    /// Of the database; "" where there are none.
    pub(super) database: String,
    pub(super) name: String,
    /// As the source answers it.
    pub(super) rows: Table,
}

/// What became of a group in a server.
pub(super) enum Seen {
    Holds(Held),
    Lacks,
}

/// Puts a group into a server, the first time that somebody asks.
///
/// # Errors
/// When the server does not do what [`lacks`] says.
pub(super) async fn seen(server: Kind, group: Group) -> Result<&'static Seen, String> {
    const GROUPS: usize = Group::ALL.len();
    static SEEN: [[OnceCell<Seen>; GROUPS]; Kind::ALL.len()] =
        [const { [const { OnceCell::const_new() }; GROUPS] }; Kind::ALL.len()];
    let cell = &SEEN[server as usize][group as usize];
    cell.get_or_try_init(|| async {
        let said = lacks(server, group);
        match (try_out(server, group, said).await, said) {
            (Ok(held), None) => Ok(Seen::Holds(held)),
            (Err((shown, _)), Some(lacks)) if shown == lacks => Ok(Seen::Lacks),
            (Ok(_), Some(lacks)) => {
                Err(format!("{server:?} holds {group:?}, though it was to show {lacks:?}"))
            }
            (Err((shown, why)), said) => Err(format!(
                "{server:?} does not hold {group:?}: {shown:?} ({why}); expected was {said:?}"
            )),
        }
    })
    .await
}

/// The database of the sources of a server, or of the targets of a test.
pub(super) async fn database(probe: &Probe) -> Probe {
    if probe.is_lite_25() { probe.clone() } else { probe.in_new_database().await }
}

async fn of_sources(server: Kind) -> Probe {
    static NAMES: [OnceCell<String>; Kind::ALL.len()] =
        [const { OnceCell::const_new() }; Kind::ALL.len()];
    let probe = Probe::of(lab::server(server)).await;
    let make = || async { database(&probe).await.kept().database().to_owned() };
    let name = NAMES[server as usize].get_or_init(make).await;
    probe.in_database(name)
}

type Trial = Result<Held, (Lacks, String)>;

async fn try_out(server: Kind, group: Group, said: Option<Lacks>) -> Trial {
    let name = unique_name(&group.name());
    let (collection, table) = group.collection(&name);
    if said == Some(Lacks::Kills) {
        let private = lab::private(&Spec::milvus_235());
        let probe = Probe::of(&private).await;
        // Whatever of this it survives: the end of it is what counts.
        let deadly = tokio::spawn(async move {
            let _ = put(&probe, &collection, &table).await;
            let _ = probe.raw().load_collection(load_request(&probe, &name)).await;
        });
        let began = Instant::now();
        while lab::listens(private.port()) && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        deadly.abort();
        if lab::listens(private.port()) {
            return Err((Lacks::NotRead, format!("it lives on after {PATIENCE:?}")));
        }
        return Err((Lacks::Kills, "it is gone".to_owned()));
    }
    let probe = of_sources(server).await;
    put(&probe, &collection, &table).await?;
    let request = load_request(&probe, &name);
    refused(probe.raw().load_collection(request).await).map_err(|why| (Lacks::NotRead, why))?;
    probe.load(&name).await;

    let rows = read(&probe, &name, group, &table).await.map_err(|why| (Lacks::NotRead, why))?;
    let mut put_in = table;
    if group.makes_keys() {
        put_in = with_keys_of(put_in, &rows);
    }
    let changed = difference(&put_in, &rows, server, group);
    if !changed.is_empty() {
        return Err((Lacks::ValuesChange, changed));
    }
    if group == Group::Bm25 {
        let hits = hits(&probe, &name).await;
        assert!(!hits.contains(&0), "{server:?} finds {hits:?} by a function");
    }
    Ok(Held { database: probe.database().to_owned(), name, rows })
}

/// Makes the collection, describes it, fills it and builds its indexes.
async fn put(probe: &Probe, collection: &Collection, table: &Table) -> Result<(), (Lacks, String)> {
    let (database, name) = (probe.database().to_owned(), collection.name.clone());
    refused(probe.raw().create_collection(probe.create_request(collection)).await)
        .map_err(|why| (Lacks::CreateRefused, why))?;
    for partition in &collection.partitions {
        let request = milvus::CreatePartitionRequest {
            db_name: database.clone(),
            collection_name: name.clone(),
            partition_name: partition.clone(),
            ..Default::default()
        };
        refused(probe.raw().create_partition(request).await)
            .map_err(|why| (Lacks::PartitionRefused, why))?;
    }
    let request = milvus::DescribeCollectionRequest {
        db_name: database,
        collection_name: name.clone(),
        ..Default::default()
    };
    let described = probe.raw().describe_collection(request).await.unwrap().into_inner();
    if let Some(why) = refusal(described.status.as_ref()) {
        return Err((Lacks::NotDescribed, why));
    }
    let (mut asked, told) = (collection.to_schema(), described.schema.unwrap());
    if probe.is_lite_25() {
        asked.functions.clear(); // it has them, and does not tell
    }
    if features(&asked) != features(&told) {
        let why = format!("asked for {:#?}, told {:#?}", features(&asked), features(&told));
        return Err((Lacks::Dropped, why));
    }
    let requests = requests_by_nulls(table);
    let requests = requests.iter().flat_map(|table| probe.insert_requests(&name, table, BATCH));
    for request in requests {
        let answer = probe.raw().insert(request).await;
        let status = answer.map(|answer| answer.map(|answer| answer.status.unwrap_or_default()));
        refused(status).map_err(|why| (Lacks::InsertRefused, why))?;
    }
    probe.flush(&name).await;
    for index in &collection.indexes {
        refused(probe.raw().create_index(probe.index_request(&name, index)).await)
            .map_err(|why| (Lacks::IndexRefused, why))?;
    }
    Ok(())
}

/// The rows without a sparse vector apart, in a table without the column: Milvus Lite 3 takes nulls
/// there in no other form.
fn requests_by_nulls(table: &Table) -> Vec<Table> {
    let sparse = |column: &&FieldSchema| {
        column.nullable && column.data_type() == DataType::SparseFloatVector
    };
    let Some(column) = table.columns.iter().find(sparse) else {
        return vec![table.clone()];
    };
    let place = table.column(&column.name);
    let (mut some, mut none) = (table.clone(), table.clone());
    some.rows.retain(|row| row.values[place] != Value::Null);
    none.rows.retain(|row| row.values[place] == Value::Null);
    vec![some, none.without(&column.name)]
}

fn load_request(probe: &Probe, name: &str) -> milvus::LoadCollectionRequest {
    milvus::LoadCollectionRequest {
        db_name: probe.database().to_owned(),
        collection_name: name.to_owned(),
        replica_number: 1,
        ..Default::default()
    }
}

fn refused(answer: Result<tonic::Response<Status>, tonic::Status>) -> Result<(), String> {
    match answer {
        Err(status) => Err(format!("{status:?}")),
        Ok(answer) => refusal(Some(answer.get_ref())).map_or(Ok(()), Err),
    }
}

/// What a schema says beyond names and limits, in an order of its own.
pub(super) fn features(schema: &CollectionSchema) -> Vec<String> {
    let fields = schema.fields.iter().filter(|field| !field.is_dynamic).map(|field| {
        format!(
            "{}: {:?} of {:?}, nullable {}, default {:?}, partition key {}",
            field.name,
            field.data_type(),
            field.element_type(),
            field.nullable,
            field.default_value,
            field.is_partition_key,
        )
    });
    let functions = schema.functions.iter().map(|function| {
        format!(
            "{:?} {} of {:?} for {:?}",
            function.r#type(),
            function.name,
            function.input_field_names,
            function.output_field_names
        )
    });
    let dynamic = format!("dynamic {}", schema.enable_dynamic_field);
    let mut all: Vec<String> = fields.chain(functions).chain([dynamic]).collect();
    all.sort();
    all
}

/// How many rows the BM25 function of the group finds for each of some texts.
pub(super) async fn hits(probe: &Probe, name: &str) -> Vec<usize> {
    let texts = ["ferry", "Größe", "77"];
    probe.search_texts(name, "terms", &texts, 10).await.iter().map(Vec::len).collect()
}

/// Reads a whole collection; a panic of the reader is an error.
pub(super) async fn read(
    probe: &Probe,
    name: &str,
    group: Group,
    known: &Table,
) -> Result<Table, String> {
    let (probe, name) = (probe.clone(), name.to_owned());
    let keys = if group.makes_keys() { Vec::new() } else { known.keys() };
    let read = async move { probe.read_all(&name, &keys, group.partitions()).await };
    tokio::spawn(read).await.map_err(what_panicked)
}

pub(super) fn what_panicked(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "it was stopped".to_owned();
    };
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "it panicked".to_owned())
}

/// The first differences, as `at` answers rows. Milvus Lite 3 writes JSON anew.
pub(super) fn difference(expected: &Table, actual: &Table, at: Kind, group: Group) -> String {
    let by_partition = !group.partitions().is_empty();
    if at == Kind::Lite3 {
        let (expected, actual) =
            (expected.clone().with_json_parsed(), actual.clone().with_json_parsed());
        return differences(&expected, &actual, by_partition);
    }
    differences(expected, actual, by_partition)
}

/// The same rows with the keys that the server gave them; `number` tells which is which.
fn with_keys_of(mut table: Table, made: &Table) -> Table {
    let (key, number) = (table.key_column(), table.column("number"));
    let (made_key, made_number) = (made.key_column(), made.column("number"));
    for row in &mut table.rows {
        let same = |other: &&testkit::table::Row| other.values[made_number] == row.values[number];
        let found = made.rows.iter().find(same);
        row.values[key] = found.map_or(Value::Null, |other| other.values[made_key].clone());
    }
    table
}
