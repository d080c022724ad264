//! What a server takes as a function, by its release.

use std::collections::BTreeSet;

use super::names;
use super::profile::{Feature, Profile};
use super::refused::{Refused, Result};
use super::state::param;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema, FunctionSchema, FunctionType};

/// Every function of a schema.
pub fn check(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let (mut names, mut outputs) = (BTreeSet::new(), BTreeSet::new());
    for function in &schema.functions {
        names::check(profile, "function", &function.name)?;
        if !names.insert(&function.name) {
            return Err(Refused::invalid(format!("duplicate function name {}", function.name)));
        }
        for output in &function.output_field_names {
            if !outputs.insert(output) {
                return Err(Refused::invalid(format!(
                    "duplicate function output field: function {}, field {output}",
                    function.name
                )));
            }
        }
        check_one(profile, schema, function)?;
    }
    Ok(())
}

fn check_one(
    profile: &Profile,
    schema: &CollectionSchema,
    function: &FunctionSchema,
) -> Result<()> {
    let name = &function.name;
    let fields = |names: &[String], side: &str| -> Result<Vec<FieldSchema>> {
        names
            .iter()
            .map(|wanted| {
                schema.fields.iter().find(|field| field.name == *wanted).cloned().ok_or_else(|| {
                    Refused::invalid(format!(
                        "function {side} field not found: function {name}, field {wanted}"
                    ))
                })
            })
            .collect()
    };
    let inputs = fields(&function.input_field_names, "input")?;
    let outputs = fields(&function.output_field_names, "output")?;
    if inputs.is_empty() || outputs.is_empty() {
        return Err(Refused::invalid(format!("function {name} has no input or no output field")));
    }
    for input in &inputs {
        if input.nullable && !profile.has(Feature::NullableStructs) {
            return Err(Refused::invalid(format!(
                "function input field cannot be nullable: function {name}, field {}",
                input.name
            )));
        }
        if outputs.iter().any(|output| output.name == input.name) {
            return Err(Refused::invalid(format!(
                "function {name}: field {} is input and output",
                input.name
            )));
        }
    }
    for output in &outputs {
        let roles = [
            (output.is_primary_key, "primary key"),
            (output.is_partition_key, "partition key"),
            (output.is_clustering_key, "clustering key"),
            (output.nullable, "nullable"),
        ];
        if let Some((_, role)) = roles.iter().find(|(is, _)| *is) {
            return Err(Refused::invalid(format!(
                "function output field cannot be {role}: function {name}, field {}",
                output.name
            )));
        }
    }
    check_kind(profile, function, &inputs, &outputs)
}

fn check_kind(
    profile: &Profile,
    function: &FunctionSchema,
    inputs: &[FieldSchema],
    outputs: &[FieldSchema],
) -> Result<()> {
    let name = &function.name;
    let wrong = |why: &str| Err(Refused::invalid(format!("function {name}: {why}")));
    let output = outputs[0].data_type();
    let one_text = matches!(inputs, [input]
        if matches!(input.data_type(), DataType::VarChar | DataType::Text));
    match function.r#type() {
        FunctionType::Bm25 => {
            if !one_text {
                return wrong("BM25 function input field must be a VARCHAR/TEXT field");
            }
            if param(&inputs[0], "enable_analyzer") != Some("true") {
                return wrong("BM25 function input field must set enable_analyzer to true");
            }
            if outputs.len() != 1 || output != DataType::SparseFloatVector {
                return wrong("BM25 function output field must be a SparseFloatVector field");
            }
        }
        FunctionType::MinHash if profile.has(Feature::MinHash) => {
            if !one_text {
                return wrong("MinHash function input field must be a VARCHAR/TEXT field");
            }
            if outputs.len() != 1 || output != DataType::BinaryVector {
                return wrong("MinHash function output field must be a BinaryVector field");
            }
        }
        FunctionType::TextEmbedding if profile.has(Feature::TextEmbedding) => {
            if !one_text {
                return wrong("TextEmbedding function input field must be a VARCHAR/TEXT field");
            }
            let fits = matches!(output, DataType::FloatVector | DataType::Int8Vector);
            if outputs.len() != 1 || !fits {
                return wrong(
                    "text embedding function output field must be a FloatVector or Int8Vector field",
                );
            }
            if !function.params.iter().any(|pair| pair.key.eq_ignore_ascii_case("provider")) {
                return wrong("the provider parameter of the text embedding function is missing");
            }
        }
        FunctionType::Rerank => return wrong("a rerank function is not part of a schema"),
        other => {
            return Err(Refused::invalid(format!(
                "check function params with unknown function type {}",
                other.as_str_name()
            )));
        }
    }
    Ok(())
}
