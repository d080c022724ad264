//! Indexes: which, and whether they are built.

use std::collections::BTreeSet;

use super::{NONE, Sides, item, kept};
use crate::milvus::IndexProgress;
use crate::model::differences::{index_difference, place, told_index_difference};
use crate::model::quantity::count;
use crate::model::{Collection, Index};
use crate::verify::result::{SchemaItem, SchemaStatus};

/// One item for each index of either end.
pub(super) fn items(sides: &Sides<'_>, from: &Collection) -> Vec<SchemaItem> {
    let (wanted, to) = (&sides.wanted.indexes, &sides.to.indexes);
    let mut items = Vec::new();
    let mut told = BTreeSet::new();
    for index in wanted.iter().chain(&from.indexes).chain(to) {
        let at = place(index);
        if !told.insert(at) {
            continue;
        }
        let attribute = match at {
            (field, None) => format!("indexes.{field}"),
            (field, Some(path)) => format!("indexes.{field} ({path})"),
        };
        let (of_source, of_wanted, of_target) = (on(&from.indexes, at), on(wanted, at), on(to, at));
        let progress = of_wanted
            .and(of_target)
            .and_then(|index| sides.built.get(&(index.field.clone(), index.name.clone())));
        let unfinished = progress.and_then(|progress| match progress {
            Ok(progress) => building(*progress),
            Err(why) => Some(why.clone()),
        });
        let status = match (of_wanted, of_target) {
            (Some(wanted), Some(have)) => {
                if unfinished.is_some()
                    || told_index_difference(wanted, have, sides.keeps_details).is_some()
                {
                    SchemaStatus::Different
                } else if index_difference(wanted, have).is_some() {
                    // Its server does not tell all that it was asked for.
                    SchemaStatus::TargetsOwn
                } else {
                    let as_source = |source| is_same(source, wanted);
                    kept(of_source.is_some_and(as_source))
                }
            }
            (Some(_), None) => SchemaStatus::Different,
            (None, None) => SchemaStatus::Overridden,
            // Nobody asked for it, and it does no harm.
            (None, Some(_)) => SchemaStatus::TargetsOwn,
        };
        // Servers add parameters of their own.
        let shown: BTreeSet<String> = [of_source, of_wanted]
            .into_iter()
            .flatten()
            .flat_map(|index| index.settings().into_keys())
            .collect();
        let mut texts = [of_source, of_wanted, of_target]
            .map(|index| index.map_or_else(|| NONE.to_owned(), |index| text(index, &shown)));
        if let Some(why) = unfinished {
            texts[2] = format!("{}, {why}", texts[2]);
        }
        items.push(item(attribute, status, texts));
    }
    items
}

fn on<'a>(indexes: &'a [Index], at: (&str, Option<&str>)) -> Option<&'a Index> {
    indexes.iter().find(|index| place(index) == at)
}

/// How far one is that is not finished.
fn building(progress: IndexProgress) -> Option<String> {
    let number = |rows: i64| count(u64::try_from(rows).unwrap_or(0));
    (progress.indexed < progress.total).then(|| {
        format!("building, {} of {} rows", number(progress.indexed), number(progress.total))
    })
}

fn is_same(one: &Index, other: &Index) -> bool {
    index_difference(one, other).is_none() && index_difference(other, one).is_none()
}

/// `HNSW/COSINE (M = 16, efConstruction = 200)`, with its name where a user chose one.
fn text(index: &Index, shown: &BTreeSet<String>) -> String {
    let mut settings = index.settings();
    let kind = settings.remove("index_type").unwrap_or_else(|| "default".to_owned());
    let mut text = match settings.remove("metric_type") {
        Some(metric) => format!("{kind}/{metric}"),
        None => kind,
    };
    settings.remove("json_path");
    settings.retain(|name, _| shown.contains(name));
    if !settings.is_empty() {
        let list: Vec<String> =
            settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        text = format!("{text} ({})", list.join(", "));
    }
    if index.name.is_empty() { text } else { format!("{text} {:?}", index.name) }
}
