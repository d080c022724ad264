//! The attributes in which two collections differ, named.

use std::collections::BTreeMap;
use std::fmt;

use super::{Collection, Field, Function, Index, StructField};

/// What an attribute is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Rows could be refused or changed by it.
    Rows,
    /// It describes, or changes how the server treats the rows.
    Attribute,
    /// How the server spreads the rows: it may have its own mind about that.
    Sizing,
}

/// What of a collection has an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Collection,
    Properties,
    Field(String),
    Function(String),
}

/// The name of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attribute {
    of: Of,
    /// Empty for the field or the function itself.
    name: String,
}

impl Attribute {
    /// As a path: `description`, `fields.title.max_length`, `properties.mmap.enabled`.
    pub fn path(&self) -> String {
        let name = match self.name.as_str() {
            "number of partitions" => "num_partitions",
            "default value" => "default_value",
            other => other,
        };
        let dot = if name.is_empty() { "" } else { "." };
        match &self.of {
            Of::Collection => name.to_owned(),
            Of::Properties => format!("properties.{name}"),
            Of::Field(of) => format!("fields.{of}{dot}{name}"),
            Of::Function(of) => format!("functions.{of}{dot}{name}"),
        }
    }

    /// The property that it is.
    pub fn property(&self) -> Option<&str> {
        (self.of == Of::Properties).then_some(&self.name)
    }
}

/// As in a sentence: `description`, `field "t" type`, `property mmap.enabled`.
impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let space = if self.name.is_empty() { "" } else { " " };
        match &self.of {
            Of::Collection => f.write_str(&self.name),
            Of::Properties => write!(f, "property {}", self.name),
            Of::Field(of) => write!(f, "field {of:?}{space}{}", self.name),
            Of::Function(of) => write!(f, "function {of:?}{space}{}", self.name),
        }
    }
}

/// An attribute of two collections.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Which one.
    pub attribute: Attribute,
    /// What it is about.
    pub weight: Weight,
    /// As it should be; absent where it should not be there.
    pub should: Option<String>,
    /// As it is; absent where it is not there.
    pub is: Option<String>,
    /// Whether that is the same.
    pub same: bool,
}

/// An attribute in which two collections differ.
#[derive(Debug, Clone)]
pub struct Difference {
    /// `description`, `field "t" type`, `property mmap.enabled`, …
    pub name: String,
    text: String,
    /// What it is about.
    pub weight: Weight,
    /// The property that it is about; the others cannot be altered in place.
    pub property: Option<String>,
}

impl From<Compared> for Difference {
    fn from(compared: Compared) -> Self {
        let name = compared.attribute.to_string();
        let should = compared.should.as_deref().unwrap_or("there");
        let is = compared.is.as_deref().unwrap_or("missing");
        Self {
            text: format!("{name} is {is}, not {should}"),
            name,
            weight: compared.weight,
            property: compared.attribute.property().map(str::to_owned),
        }
    }
}

/// Differences in words; `None` for none.
pub fn list(differences: &[Difference]) -> Option<String> {
    let texts: Vec<&str> = differences.iter().map(|difference| difference.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Names the attributes in which `is` differs from `should`. `details` compares also what only
/// describes: descriptions, shards, partition count, consistency, properties.
pub fn differences(should: &Collection, is: &Collection, details: bool) -> Vec<Difference> {
    let mut found = compared(should, is, details);
    found.retain(|compared| !compared.same);
    found.into_iter().map(Difference::from).collect()
}

/// Every attribute that `should` says something of, and what `is` has beyond it that matters to
/// rows.
pub fn compared(should: &Collection, is: &Collection, details: bool) -> Vec<Compared> {
    let mut found = Found(Vec::new());
    let (dynamic, have) = (should.dynamic_field.to_string(), is.dynamic_field.to_string());
    found.note(Weight::Rows, Of::Collection, "dynamic_field", dynamic, have);
    for field in &should.fields {
        match is.field(&field.name) {
            None => found.presence(Of::Field(field.name.clone()), Some(field.type_text()), None),
            Some(have) => found.fields(field, have, details),
        }
    }
    for field in is.fields.iter().filter(|field| should.field(&field.name).is_none()) {
        found.presence(Of::Field(field.name.clone()), None, Some(field.type_text()));
    }
    found.structs(should, is, details);
    found.functions(should, is);
    if details {
        found.details(should, is);
    }
    found.0
}

struct Found(Vec<Compared>);

impl Found {
    fn note(&mut self, weight: Weight, of: Of, name: &str, should: String, is: String) {
        let attribute = Attribute { of, name: name.to_owned() };
        let same = should == is;
        let (should, is) = (Some(should), Some(is));
        self.0.push(Compared { attribute, weight, should, is, same });
    }

    /// A field or a function as a whole.
    fn presence(&mut self, of: Of, should: Option<String>, is: Option<String>) {
        let attribute = Attribute { of, name: String::new() };
        let same = should == is;
        self.0.push(Compared { attribute, weight: Weight::Rows, should, is, same });
    }

    fn attribute(&mut self, of: Of, name: &str, should: String, is: String) {
        self.note(Weight::Attribute, of, name, should, is);
    }

    fn details(&mut self, should: &Collection, is: &Collection) {
        let of = || Of::Collection;
        let quoted = |text: &str| format!("{text:?}");
        self.attribute(of(), "description", quoted(&should.description), quoted(&is.description));
        if should.shards > 0 {
            let (should, is) = (should.shards.to_string(), is.shards.to_string());
            self.note(Weight::Sizing, of(), "shards", should, is);
        }
        let (level, have) = (should.consistency.to_string(), is.consistency.to_string());
        self.note(Weight::Sizing, of(), "consistency", level, have);
        if let Some(count @ 1..) = should.num_partitions {
            let have = is.num_partitions.unwrap_or(0);
            let name = "number of partitions";
            self.note(Weight::Sizing, of(), name, count.to_string(), have.to_string());
        }
        self.params(&Of::Properties, &should.properties, &is.properties);
    }

    /// Parameters that should be there; others may be.
    fn params(
        &mut self,
        of: &Of,
        should: &BTreeMap<String, String>,
        is: &BTreeMap<String, String>,
    ) {
        for (name, value) in should {
            let have = is.get(name);
            self.0.push(Compared {
                attribute: Attribute { of: of.clone(), name: name.clone() },
                weight: Weight::Attribute,
                should: Some(value.clone()),
                is: have.cloned(),
                same: have.is_some_and(|have| same_value(value, have)),
            });
        }
    }

    fn fields(&mut self, should: &Field, is: &Field, details: bool) {
        let of = || Of::Field(should.name.clone());
        let takes_all = takes_all_values(should, is);
        if details || !takes_all {
            let weight = if takes_all { Weight::Attribute } else { Weight::Rows };
            self.note(weight, of(), "type", should.type_text(), is.type_text());
        }
        for (attribute, should, is) in [
            ("primary_key", should.primary_key, is.primary_key),
            ("auto_id", should.auto_id, is.auto_id),
            ("partition_key", should.partition_key, is.partition_key),
            ("nullable", should.nullable, is.nullable),
            ("function_output", should.function_output, is.function_output),
        ] {
            self.note(Weight::Rows, of(), attribute, should.to_string(), is.to_string());
        }
        if !details {
            return;
        }
        let (clustering, have) = (should.clustering_key, is.clustering_key);
        self.attribute(of(), "clustering_key", clustering.to_string(), have.to_string());
        let (text, have) = (&should.description, &is.description);
        self.attribute(of(), "description", format!("{text:?}"), format!("{have:?}"));
        let default = |field: &Field| match &field.default_value {
            Some(value) => format!("{:02x?}", value.0),
            None => "none".to_owned(),
        };
        self.attribute(of(), "default value", default(should), default(is));
        let mut params = should.type_params.clone();
        // Said with the type.
        params.retain(|key, _| !["dim", "max_length", "max_capacity"].contains(&key.as_str()));
        self.params(&of(), &params, &is.type_params);
    }

    fn structs(&mut self, should: &Collection, is: &Collection, details: bool) {
        let text = |of: &StructField| {
            let nullable = if of.nullable { ", nullable" } else { "" };
            let fields: Vec<String> = of
                .fields
                .iter()
                .map(|field| format!("{} {}", short_name(&of.name, field), field.type_text()))
                .collect();
            format!("struct of {}{nullable}", fields.join(", "))
        };
        for of in &should.struct_fields {
            let have = is.struct_fields.iter().find(|have| have.name == of.name);
            self.presence(Of::Field(of.name.clone()), Some(text(of)), have.map(text));
            if let Some(have) = have
                && details
            {
                let (should, is) = (&of.description, &have.description);
                let of = Of::Field(of.name.clone());
                self.attribute(of, "description", format!("{should:?}"), format!("{is:?}"));
            }
        }
        for of in &is.struct_fields {
            if !should.struct_fields.iter().any(|have| have.name == of.name) {
                self.presence(Of::Field(of.name.clone()), None, Some(text(of)));
            }
        }
    }

    fn functions(&mut self, should: &Collection, is: &Collection) {
        let text = |function: &Function| {
            let (inputs, outputs) = (function.inputs.join(", "), function.outputs.join(", "));
            format!("{} from {inputs} to {outputs}", function.kind)
        };
        for function in &should.functions {
            let of = Of::Function(function.name.clone());
            match is.functions.iter().find(|have| have.name == function.name) {
                None if is_untold(function, is) => {}
                None => self.presence(of, Some(text(function)), None),
                Some(have) => {
                    self.presence(of.clone(), Some(text(function)), Some(text(have)));
                    self.params(&of, &function.params, &have.params);
                }
            }
        }
        for function in &is.functions {
            if !should.functions.iter().any(|have| have.name == function.name) {
                self.presence(Of::Function(function.name.clone()), None, Some(text(function)));
            }
        }
    }
}

/// Whether a server says of a function's outputs that they are computed, and not by what: Milvus
/// Lite 2 has functions and does not describe them.
fn is_untold(function: &Function, is: &Collection) -> bool {
    let untold = |field: &Field| field.function_output && is.function_of(&field.name).is_none();
    !function.outputs.is_empty()
        && function.outputs.iter().all(|name| is.field(name).is_some_and(untold))
}

/// The name of a struct's field; servers describe it as it is, or as `struct[field]`.
fn short_name<'a>(of: &str, field: &'a Field) -> &'a str {
    let inner = field.name.strip_prefix(of).and_then(|rest| rest.strip_prefix('['));
    inner.and_then(|rest| rest.strip_suffix(']')).unwrap_or(&field.name)
}

/// Whether every value of one field fits into the other: the type is the same and no limit is
/// lower. A server that tells no limit, as Milvus Lite does for texts in arrays, has none.
fn takes_all_values(should: &Field, is: &Field) -> bool {
    let kind = |field: &Field| (field.data_type, field.element_type, field.numeric_param("dim"));
    let limit = |field: &Field, name| field.numeric_param(name).unwrap_or(u64::MAX);
    kind(should) == kind(is)
        && ["max_length", "max_capacity"]
            .into_iter()
            .all(|name| limit(is, name) >= limit(should, name))
}

/// Whether two texts are one value: servers change the case of booleans and the spaces of JSON.
pub fn same_value(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    if ["true", "false"].iter().any(|word| one.eq_ignore_ascii_case(word)) {
        return one.eq_ignore_ascii_case(other);
    }
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((json(one), json(other)), (Some(one), Some(other)) if one == other)
}

/// What an index is on, by which it is known: a field, or a path of a JSON field.
pub fn place(index: &Index) -> (&str, Option<&str>) {
    (&index.field, index.params.get("json_path").map(String::as_str))
}

/// In what an index differs from what it should be, as far as the latter says. A server may add
/// parameters, and repeat those in `params` beside it.
pub fn index_difference(should: &Index, is: &Index) -> Option<String> {
    let have = is.settings();
    let mut wrong: Vec<String> = should
        .settings()
        .into_iter()
        .filter(|(name, value)| !have.get(name).is_some_and(|other| same_value(value, other)))
        .map(|(name, value)| {
            let other = have.get(&name).map_or("missing", String::as_str);
            format!("{name} is {other}, not {value}")
        })
        .collect();
    // Of one that is called as its field nobody can tell that a user chose that name.
    let unnamed = is.name.is_empty() && should.name == is.field;
    if !should.name.is_empty() && should.name != is.name && !unnamed {
        wrong.push(format!("name is {:?}, not {:?}", is.name, should.name));
    }
    (!wrong.is_empty()).then(|| wrong.join(", "))
}

/// The same for what a server described that is not known to describe all that it was asked for
/// (Milvus Lite): a name or a parameter that it does not tell is unknown, not missing.
pub fn told_index_difference(should: &Index, is: &Index, tells_all: bool) -> Option<String> {
    if tells_all {
        return index_difference(should, is);
    }
    let (told, mut should) = (is.settings(), should.clone());
    should.name.clear();
    should.params = should.settings();
    should.params.retain(|name, _| told.contains_key(name));
    index_difference(&should, is)
}

/// The indexes that are there and otherwise than they should be, named. `tells_all`: as in
/// [`told_index_difference`].
pub fn other_indexes(should: &Collection, is: &Collection, tells_all: bool) -> Option<String> {
    let texts: Vec<String> = should
        .indexes
        .iter()
        .filter_map(|index| {
            let have = is.indexes.iter().find(|have| place(have) == place(index))?;
            Some(format!(
                "index on {}: {}",
                index.field,
                told_index_difference(index, have, tells_all)?
            ))
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Those of the differences by which rows could be refused or changed.
pub fn essential(mut differences: Vec<Difference>) -> Vec<Difference> {
    differences.retain(|difference| difference.weight == Weight::Rows);
    differences
}

/// The attributes in which a collection, described right after it was made, differs from what was
/// asked for: first those for which it must not be filled, then those that are told. `details`: the
/// server is known to keep what only describes.
pub fn not_kept(
    wanted: &Collection,
    created: &Collection,
    details: bool,
) -> (Vec<String>, Vec<String>) {
    let (failing, told): (Vec<_>, Vec<_>) = differences(wanted, created, true)
        .into_iter()
        .partition(|difference| match difference.weight {
            Weight::Rows => true,
            Weight::Attribute => details,
            Weight::Sizing => false,
        });
    let texts = |list: Vec<Difference>| list.into_iter().map(|d| d.text).collect();
    (texts(failing), texts(told))
}

#[cfg(test)]
mod tests;
