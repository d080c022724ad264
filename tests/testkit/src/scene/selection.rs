//! Rows that arrive under other names, without some columns, or from some partitions only: shared by
//! a test on real servers and one on doubles.

use std::collections::{BTreeMap, BTreeSet};

use milvus_ferry::model::{Collection as Model, DynamicData, RowSettings};

use super::library::{Pair, agree};
use crate::collection::{Collection, plain, var_char};
use crate::data;
use crate::pb::schema::DataType;
use crate::table::{Table, assert_same, assert_same_by_partition};

const NAMES: [&str; 3] = ["_default", "north", "south"];

fn regions() -> (Collection, Table) {
    let mut collection = plain("regions", DataType::Int64).partitions(&["north", "south"]);
    collection.fields.push(var_char("note", 100));
    let rows = data::table(&collection, 900, 5).spread_over(&NAMES);
    (collection, rows)
}

/// A selection, with the key and another field under new names, and a field left behind.
fn settings(by_partition: bool, partitions: &[&str]) -> RowSettings {
    let names = [("id", "key"), ("text", "note"), ("embedding", "embedding_2")];
    RowSettings {
        by_partition,
        dynamic_data: DynamicData::Carry,
        partitions: Some(partitions.iter().map(|name| (*name).to_owned()).collect()),
        renamed: names.map(|(from, to)| (from.to_owned(), to.to_owned())).into(),
        left_behind: BTreeSet::from(["note".to_owned()]),
    }
}

fn target(from: &Model, settings: &RowSettings, named: Model) -> Model {
    let mut to = Model { partitions: Vec::new(), ..named };
    to.fields.retain(|field| !settings.left_behind.contains(&field.name));
    let renamed = |name: &mut String, names: &BTreeMap<String, String>| {
        if let Some(new) = names.get(name) {
            new.clone_into(name);
        }
    };
    to.fields.iter_mut().for_each(|field| renamed(&mut field.name, &settings.renamed));
    to.indexes.iter_mut().for_each(|index| renamed(&mut index.field, &settings.renamed));
    if settings.by_partition {
        let selected = settings.partitions.clone().unwrap_or_default();
        to.partitions.clone_from(&from.partitions);
        to.partitions.retain(|name| selected.contains(name));
    }
    to
}

fn expected(rows: &Table, partitions: &[&str]) -> Table {
    let mut rows = rows.clone();
    rows.rows.retain(|row| partitions.contains(&row.partition.as_str()));
    rows.without("note")
        .renamed("id", "key")
        .renamed("text", "note")
        .renamed("embedding", "embedding_2")
}

/// Copies a selection by partition and one that merges them, and holds both against what was put in.
pub async fn chosen_parts_arrive(scene: Pair) {
    let (collection, rows) = regions();
    scene.source.probe.fill(&collection, &rows).await;
    let from = scene.source.describe("regions").await;

    for chosen in [["_default", "south"], ["north", "south"]] {
        let name = format!("by_{}", chosen[0].trim_start_matches('_'));
        let by_partition = settings(true, &chosen);
        let to = target(&from, &by_partition, scene.same(&from, &name));
        let counts = scene.copy_and_count(&from, &to, &by_partition).await.unwrap();
        let wanted = expected(&rows, &chosen);
        agree(&counts, wanted.rows.len());
        let places: Vec<&str> =
            if chosen.contains(&"_default") { chosen.to_vec() } else { NAMES.to_vec() };
        let read = scene.target.probe.read_all(&name, &wanted.keys(), &places).await;
        assert_same_by_partition(&wanted, &read);
    }

    let merged = settings(false, &["north", "south"]);
    let to = target(&from, &merged, scene.same(&from, "merged"));
    let counts = scene.copy_and_count(&from, &to, &merged).await.unwrap();
    let wanted = expected(&rows, &["north", "south"]);
    agree(&counts, wanted.rows.len());
    assert_same(&wanted, &scene.target.probe.read_all("merged", &wanted.keys(), &[]).await);
}
