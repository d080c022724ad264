//! The target's schema, indexes, load state and aliases against the source and against what they
//! are to be: one item for each attribute.

mod asked;
mod indexes;

use std::collections::{BTreeMap, BTreeSet};

use super::result::{SchemaItem, SchemaStatus};
use crate::milvus::IndexProgress;
use crate::model::differences::{Weight, compared, same_value};
use crate::model::{Collection, LoadState, RowSettings};

pub use asked::compare_schema;

/// The property after whose time rows are gone, in seconds.
const LIFETIME: &str = "collection.ttl.seconds";
/// Said of what is not there.
const NONE: &str = "none";

/// What is known of the target beyond what it is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// What its server made of it right away, by the ledger: an attribute that it did not keep then
    /// is not blamed on anybody now.
    pub created: Option<Collection>,
    /// Whether the target is loaded, or some of its partitions are; as the source where absent.
    pub load: Option<LoadState>,
    /// In how many replicas; the target's own default where absent.
    pub replicas: Option<u32>,
}

/// What is in memory of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// Its load state.
    pub load: LoadState,
    /// In how many replicas, as far as the server tells.
    pub replicas: Option<u32>,
}

/// How far the index of a field and a name is built, or why that failed.
pub type Built = BTreeMap<(String, String), Result<IndexProgress, String>>;

/// Everything that is compared.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// The source.
    pub from: &'a Collection,
    /// What of it is in memory.
    pub from_serving: Serving,
    /// The target as it is to be.
    pub wanted: &'a Collection,
    /// What else is known of that.
    pub wishes: &'a Wishes,
    /// The target.
    pub to: &'a Collection,
    /// What of it is in memory.
    pub to_serving: Serving,
    /// How far its indexes are.
    pub built: &'a Built,
    /// Names of fields that are others at the target.
    pub settings: &'a RowSettings,
    /// Whether the target's server keeps what only describes: Milvus Lite does not.
    pub keeps_details: bool,
}

impl Sides<'_> {
    /// Fields that have another name at the target. The one that only takes the source's keys is none of
    /// them.
    fn renamed(&self) -> BTreeMap<String, String> {
        let mut renamed = self.settings.renamed.clone();
        if !self.wanted.brings_keys()
            && let Some(key) = self.from.primary_key()
        {
            renamed.remove(&key.name);
        }
        renamed
    }
}

/// Whether any item is neither as at the source nor as it is to be.
pub fn schema_differs(items: &[SchemaItem]) -> bool {
    items.iter().any(|item| item.status == SchemaStatus::Different)
}

/// Every attribute of the target, but for those that are off, empty or absent at both ends.
pub fn schema_items(sides: &Sides<'_>) -> Vec<SchemaItem> {
    let mut from = sides.from.clone();
    // Fields go by the names that they have at the target.
    from.rename_fields(&sides.renamed());
    let mut items: Vec<SchemaItem> = other_names(sides).collect();
    items.extend(described(sides, &from));
    items.extend(left_out(sides, &from));
    items.extend(lifetime(sides, &from));
    // A partition that nobody asked for may hold rows; no target is adopted that has one.
    let partitions = [&from.partitions, &sides.wanted.partitions, &sides.to.partitions];
    items.extend(names("partitions", partitions, SchemaStatus::Different));
    let aliases = [&from.aliases, &sides.wanted.aliases, &sides.to.aliases];
    items.extend(names("aliases", aliases, SchemaStatus::TargetsOwn));
    items.extend(indexes::items(sides, &from));
    items.push(load(sides));
    items.extend(replicas(sides));
    items
}

/// An item, with the wanted value only where it is neither of the others.
fn item(attribute: String, status: SchemaStatus, texts: [String; 3]) -> SchemaItem {
    let [source, wanted, target] = texts;
    let wanted = (wanted != source && wanted != target).then_some(wanted);
    SchemaItem { attribute, source, target, wanted, status }
}

/// As it is to be: is that as at the source?
fn kept(same: bool) -> SchemaStatus {
    if same { SchemaStatus::Same } else { SchemaStatus::Overridden }
}

/// Fields that are called otherwise.
fn other_names(sides: &Sides<'_>) -> impl Iterator<Item = SchemaItem> {
    let renamed = sides.renamed().into_iter();
    let there = renamed.filter(|(_, name)| sides.to.has_field(name));
    there.map(|(source, name)| {
        let texts = [source, name.clone(), name.clone()];
        item(format!("fields.{name}.name"), SchemaStatus::Overridden, texts)
    })
}

/// What a description tells.
fn described(sides: &Sides<'_>, from: &Collection) -> Vec<SchemaItem> {
    let at_source: BTreeMap<String, Option<String>> = compared(from, from, true)
        .into_iter()
        .map(|compared| (compared.attribute.path(), compared.should))
        .collect();
    let made: BTreeMap<String, Option<String>> = sides
        .wishes
        .created
        .iter()
        .flat_map(|created| compared(sides.wanted, created, true))
        .map(|compared| (compared.attribute.path(), compared.is))
        .collect();
    let mut items = Vec::new();
    for compared in compared(sides.wanted, sides.to, true) {
        let text = |value: Option<&String>| value.map_or_else(|| NONE.to_owned(), Clone::clone);
        let path = compared.attribute.path();
        let source = text(at_source.get(&path).and_then(Option::as_ref));
        let (wanted, target) = (text(compared.should.as_ref()), text(compared.is.as_ref()));
        let nothing = ["false", "\"\"", NONE];
        if [&source, &wanted, &target].iter().all(|text| nothing.contains(&text.as_str())) {
            continue;
        }
        let as_made = made.get(&path).is_some_and(|made| *made == compared.is);
        let status = match compared.weight {
            _ if compared.same => kept(same_value(&source, &wanted)),
            Weight::Rows => SchemaStatus::Different,
            Weight::Attribute if sides.keeps_details && !as_made => SchemaStatus::Different,
            Weight::Attribute | Weight::Sizing => SchemaStatus::TargetsOwn,
        };
        items.push(item(path, status, [source, wanted, target]));
    }
    items
}

/// Fields, functions and properties of the source that are not asked for.
fn left_out(sides: &Sides<'_>, from: &Collection) -> Vec<SchemaItem> {
    let told = compared(sides.wanted, sides.to, true).into_iter();
    let told = told.map(|compared| compared.attribute.path());
    // Milvus Lite 2 has functions and does not describe them.
    let functions = sides.wanted.functions.iter();
    let told: BTreeSet<String> =
        told.chain(functions.map(|function| format!("functions.{}", function.name))).collect();
    let empty = Collection {
        fields: Vec::new(),
        struct_fields: Vec::new(),
        functions: Vec::new(),
        properties: BTreeMap::new(),
        ..from.clone()
    };
    let fields = compared(&empty, from, false).into_iter();
    let wholes =
        fields.filter_map(|compared| Some((compared.attribute.path(), compared.is?, None)));
    let properties = from.properties.iter().map(|(name, value)| {
        (format!("properties.{name}"), value.clone(), sides.to.properties.get(name))
    });
    let mut items = Vec::new();
    for (path, source, target) in wholes.chain(properties) {
        // Of a field that is there every attribute is told, and not the whole.
        let inside = format!("{path}.");
        if told.iter().any(|other| *other == path || other.starts_with(&inside)) {
            continue;
        }
        // A property that nobody asked for is the server's own.
        let status = match target {
            None => SchemaStatus::Overridden,
            Some(target) if same_value(target, &source) => SchemaStatus::Same,
            Some(_) => continue,
        };
        let target = target.map_or_else(|| NONE.to_owned(), Clone::clone);
        items.push(item(path, status, [source, target.clone(), target]));
    }
    items
}

/// Rows that somebody lets expire at the target alone: no property takes them that is the server's
/// own affair.
fn lifetime(sides: &Sides<'_>, from: &Collection) -> Option<SchemaItem> {
    let of = |of: &Collection| of.properties.get(LIFETIME).filter(|text| *text != "0").cloned();
    let target = of(sides.to)?;
    let made = sides.wishes.created.as_ref().and_then(of);
    if sides.wanted.properties.contains_key(LIFETIME)
        || [of(from), made].contains(&Some(target.clone()))
    {
        return None;
    }
    let source = of(from).unwrap_or_else(|| NONE.to_owned());
    let texts = [source, NONE.to_owned(), target];
    Some(item(format!("properties.{LIFETIME}"), SchemaStatus::Different, texts))
}

/// Names of which those that are wanted have to be there; `beyond`: what others are.
fn names(
    attribute: &str,
    [source, wanted, target]: [&Vec<String>; 3],
    beyond: SchemaStatus,
) -> Option<SchemaItem> {
    let set = |names: &[String]| -> BTreeSet<String> { names.iter().cloned().collect() };
    let sets = [set(source), set(wanted), set(target)];
    let status = if !sets[1].is_subset(&sets[2]) {
        SchemaStatus::Different
    } else if sets[1] == sets[2] {
        kept(sets[0] == sets[1])
    } else {
        beyond
    };
    let text = |set: &BTreeSet<String>| {
        let names: Vec<&str> = set.iter().map(String::as_str).collect();
        if names.is_empty() { NONE.to_owned() } else { names.join(", ") }
    };
    sets.iter()
        .any(|set| !set.is_empty())
        .then(|| item(attribute.to_owned(), status, sets.each_ref().map(text)))
}

fn load(sides: &Sides<'_>) -> SchemaItem {
    let (from, to) = (sides.from_serving.load, sides.to_serving.load);
    let wanted = sides.wishes.load.unwrap_or(match from {
        LoadState::NotLoaded => LoadState::NotLoaded,
        LoadState::Loading | LoadState::Loaded => LoadState::Loaded,
    });
    let status = match (wanted, to) {
        (wanted, to) if wanted == to => kept(wanted == from),
        // It serves more than it is asked to, such as this verification.
        (LoadState::NotLoaded, _) => SchemaStatus::TargetsOwn,
        _ => SchemaStatus::Different,
    };
    let text = |state| match state {
        LoadState::Loaded => "loaded",
        LoadState::Loading => "loading",
        LoadState::NotLoaded => "not loaded",
    };
    item("load".to_owned(), status, [from, wanted, to].map(|state| text(state).to_owned()))
}

fn replicas(sides: &Sides<'_>) -> Option<SchemaItem> {
    let (from, wanted) = (sides.from_serving.replicas, sides.wishes.replicas);
    let to = sides.to_serving.replicas?;
    let status = match wanted {
        Some(wanted) if wanted == to => kept(from == Some(to)),
        Some(_) => SchemaStatus::Different,
        // How many there is room for is the target's own affair.
        None if from == Some(to) => SchemaStatus::Same,
        None => SchemaStatus::TargetsOwn,
    };
    let text = |count: Option<u32>| count.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
    let texts = [text(from), text(wanted.or(Some(to))), text(Some(to))];
    Some(item("replicas".to_owned(), status, texts))
}

#[cfg(test)]
mod tests;
