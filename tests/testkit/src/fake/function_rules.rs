//! What a server takes as a function, by its release: `validateFunction` (internal/proxy/util.go, 2.5.27
//! and 2.6.20; internal/util/function/validator/validator.go, 3.0.0), and what of functions it looks at
//! when a collection is made.

use std::collections::BTreeSet;

use super::profile::{Feature, Profile};
use super::refused::Result;
use super::state::param;
use crate::pb::schema::{CollectionSchema, DataType, FieldSchema, FunctionSchema, FunctionType};

/// Who computes embeddings (`NewTextEmbeddingFunction`, internal/util/function/embedding), 2.6.20.
const PROVIDERS: [&str; 13] = [
    "openai",
    "azure_openai",
    "dashscope",
    "bedrock",
    "vertexai",
    "voyageai",
    "cohere",
    "siliconflow",
    "tei",
    "yc",
    "zilliz",
    "gemini",
    "huggingface",
];

/// Every function of a schema.
pub fn check(profile: &Profile, schema: &CollectionSchema) -> Result<()> {
    let (mut names, mut used) = (BTreeSet::new(), BTreeSet::new());
    for function in &schema.functions {
        let name = &function.name;
        check_form(profile, function)?;
        if !names.insert(name) {
            return Err(profile.invalid(format!("duplicate function name: {name}")));
        }
        let fields = |names: &[String], side: &str| -> Result<Vec<&FieldSchema>> {
            let find = |wanted: &String| {
                schema.fields.iter().find(|field| field.name == *wanted).ok_or_else(|| {
                    profile.invalid(format!("function {side} field not found: {wanted}"))
                })
            };
            names.iter().map(find).collect()
        };
        check_inputs(profile, function, &fields(&function.input_field_names, "input")?)?;
        let outputs = fields(&function.output_field_names, "output")?;
        for output in &outputs {
            let field = &output.name;
            let role = match output {
                output if output.is_primary_key => "primary key",
                output if output.is_partition_key || output.is_clustering_key => {
                    "partition key or clustering key"
                }
                output if output.nullable => "nullable",
                _ if !used.insert(field) => {
                    return Err(profile.invalid(format!(
                        "duplicate function output field: function {name}, field {field}"
                    )));
                }
                _ => continue,
            };
            return Err(profile.invalid(format!(
                "function output field cannot be {role}: function {name}, field {field}"
            )));
        }
        check_outputs(profile, function, &outputs)?;
    }
    Ok(())
}

/// `ValidateFunctions` (internal/util/function/embedding), which `disable_func_runtime_check` spares.
pub fn check_provider(profile: &Profile, function: &FunctionSchema) -> Result<()> {
    if function.r#type() != FunctionType::TextEmbedding {
        return Ok(());
    }
    let mut params = function.params.iter();
    let provider = params.find(|pair| pair.key.eq_ignore_ascii_case("provider"));
    let provider = provider.map_or("", |pair| pair.value.as_str());
    let known: Vec<&str> = PROVIDERS
        .into_iter()
        .filter(|known| *known != "yc" || profile.version >= (3, 0, 0))
        .collect();
    if known.contains(&provider.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(profile.invalid(format!(
        "unsupported text embedding service provider: [{provider}] , list of supported [{}]",
        known.join(", ")
    )))
}

/// `checkFunctionBasicParams`.
fn check_form(profile: &Profile, function: &FunctionSchema) -> Result<()> {
    let (name, inputs, outputs) =
        (&function.name, &function.input_field_names, &function.output_field_names);
    if name.is_empty() {
        return Err(profile.missing("function name cannot be empty"));
    }
    for (side, names) in [("input", inputs), ("output", outputs)] {
        if names.is_empty() {
            let what = format!("function {side} field names cannot be empty, function: {name}");
            return Err(profile.missing(what));
        }
    }
    if let Some(field) = outputs.iter().find(|output| inputs.contains(output)) {
        return Err(profile.invalid(format!(
            "a single field cannot be both input and output in the same function, function: {name}, \
             field: {field}"
        )));
    }
    match function.r#type() {
        FunctionType::Bm25 if function.params.is_empty() => Ok(()),
        FunctionType::Bm25 => Err(profile.invalid("BM25 function accepts no params")),
        FunctionType::TextEmbedding if profile.has(Feature::TextEmbedding) => {
            match function.params.is_empty() {
                true => Err(profile.invalid("TextEmbedding function accepts no params")),
                false => Ok(()),
            }
        }
        FunctionType::MinHash if profile.has(Feature::MinHash) => Ok(()),
        _ => Err(profile.invalid("check function params with unknown function type")),
    }
}

/// `checkFunctionInputField`.
fn check_inputs(
    profile: &Profile,
    function: &FunctionSchema,
    inputs: &[&FieldSchema],
) -> Result<()> {
    let first = inputs[0];
    let (kind, texts) = match profile.has(Feature::TextEmbedding) {
        true => ("VARCHAR/TEXT", [DataType::VarChar, DataType::Text].as_slice()),
        false => ("VARCHAR", [DataType::VarChar].as_slice()),
    };
    let fits = inputs.len() == 1 && texts.contains(&first.data_type());
    let got =
        || format!("got {} field with type {}", inputs.len(), first.data_type().as_str_name());
    let what = match function.r#type() {
        FunctionType::Bm25 if !fits => {
            format!("BM25 function input field must be a {kind} field, {}", got())
        }
        FunctionType::Bm25 if param(first, "enable_analyzer") != Some("true") => {
            "BM25 function input field must set enable_analyzer to true".to_owned()
        }
        FunctionType::MinHash if !fits => {
            format!("MinHash function input field must be a {kind} field, {}", got())
        }
        FunctionType::TextEmbedding if !fits => {
            "TextEmbedding function input field must be a VARCHAR/TEXT field".to_owned()
        }
        FunctionType::TextEmbedding if first.nullable => format!(
            "function input field cannot be nullable: function {}, field {}",
            function.name, first.name
        ),
        _ => return Ok(()),
    };
    Err(profile.invalid(what))
}

/// `checkFunctionOutputField`.
fn check_outputs(
    profile: &Profile,
    function: &FunctionSchema,
    outputs: &[&FieldSchema],
) -> Result<()> {
    let (kind, one) = (outputs[0].data_type(), outputs.len() == 1);
    let (of, wanted) = match function.r#type() {
        FunctionType::Bm25 => ("BM25", DataType::SparseFloatVector),
        FunctionType::MinHash => ("MinHash", DataType::BinaryVector),
        _ if one && matches!(kind, DataType::FloatVector | DataType::Int8Vector) => return Ok(()),
        _ => {
            return Err(profile.invalid(
                "TextEmbedding function output field must be a FloatVector or Int8Vector field",
            ));
        }
    };
    if !one {
        let what = format!("{of} function only need 1 output field, but got {}", outputs.len());
        return Err(profile.invalid(what));
    }
    if kind == wanted {
        return Ok(());
    }
    Err(profile.invalid(format!(
        "{of} function output field must be a {} field, but got {}",
        wanted.as_str_name(),
        kind.as_str_name()
    )))
}
