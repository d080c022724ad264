//! The attributes in which two collections differ, named. Pure.

use crate::model::{Collection, Field};

/// An attribute in which two collections differ.
pub(super) struct Difference {
    text: String,
    /// Whether rows could be refused or changed by it.
    pub(super) essential: bool,
}

pub(super) fn list(differences: &[Difference]) -> Option<String> {
    let texts: Vec<&str> = differences.iter().map(|difference| difference.text.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
}

/// Names the attributes in which `is` differs from `should`. `details` compares also what only
/// describes: descriptions, shards, partition count, consistency, properties.
pub(super) fn differences(should: &Collection, is: &Collection, details: bool) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |essential: bool, name: &str, should: String, is: String| {
        if should != is {
            found.push(Difference { text: format!("{name} is {is}, not {should}"), essential });
        }
    };
    note(true, "dynamic_field", should.dynamic_field.to_string(), is.dynamic_field.to_string());
    for field in &should.fields {
        match is.field(&field.name) {
            None => {
                note(true, &format!("field {:?}", field.name), field.type_text(), "missing".into());
            }
            Some(have) => compare_fields(field, have, details, &mut note),
        }
    }
    for field in &is.fields {
        if should.field(&field.name).is_none() {
            note(true, &format!("field {:?}", field.name), "there".into(), field.type_text());
        }
    }
    if details {
        note(
            false,
            "description",
            format!("{:?}", should.description),
            format!("{:?}", is.description),
        );
        if should.shards > 0 {
            note(false, "shards", should.shards.to_string(), is.shards.to_string());
        }
        note(false, "consistency", should.consistency.to_string(), is.consistency.to_string());
        if let Some(count @ 1..) = should.num_partitions {
            let have = is.num_partitions.unwrap_or(0);
            note(false, "number of partitions", count.to_string(), have.to_string());
        }
        for (name, value) in &should.properties {
            let have = is.properties.get(name).cloned().unwrap_or_else(|| "missing".to_owned());
            note(false, &format!("property {name}"), value.clone(), have);
        }
    }
    found
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

fn compare_fields(
    should: &Field,
    is: &Field,
    details: bool,
    note: &mut impl FnMut(bool, &str, String, String),
) {
    let name = |attribute: &str| format!("field {:?} {attribute}", should.name);
    let takes_all = takes_all_values(should, is);
    if details || !takes_all {
        note(!takes_all, &name("type"), should.type_text(), is.type_text());
    }
    for (attribute, should, is) in [
        ("primary_key", should.primary_key, is.primary_key),
        ("auto_id", should.auto_id, is.auto_id),
        ("partition_key", should.partition_key, is.partition_key),
        ("nullable", should.nullable, is.nullable),
        ("function_output", should.function_output, is.function_output),
    ] {
        note(true, &name(attribute), should.to_string(), is.to_string());
    }
    if details {
        note(
            false,
            &name("clustering_key"),
            should.clustering_key.to_string(),
            is.clustering_key.to_string(),
        );
        note(
            false,
            &name("description"),
            format!("{:?}", should.description),
            format!("{:?}", is.description),
        );
        let default = |field: &Field| match &field.default_value {
            Some(value) => format!("{:02x?}", value.0),
            None => "none".to_owned(),
        };
        note(false, &name("default value"), default(should), default(is));
        for (key, value) in &should.type_params {
            if ["dim", "max_length", "max_capacity"].contains(&key.as_str()) {
                continue; // said with the type
            }
            let have = is.type_params.get(key).cloned().unwrap_or_else(|| "missing".to_owned());
            note(false, &name(key), value.clone(), have);
        }
    }
}

/// Those of the differences by which rows could be refused or changed.
pub(super) fn essential(differences: Vec<Difference>) -> Vec<Difference> {
    differences.into_iter().filter(|difference| difference.essential).collect()
}

/// The attributes in which a collection, described right after it was made, differs from what was
/// asked for: first those that could change or refuse rows, then those that only describe.
pub fn not_kept(wanted: &Collection, created: &Collection) -> (Vec<String>, Vec<String>) {
    let (essential, details): (Vec<_>, Vec<_>) =
        differences(wanted, created, true).into_iter().partition(|difference| difference.essential);
    let texts = |list: Vec<Difference>| list.into_iter().map(|d| d.text).collect();
    (texts(essential), texts(details))
}
