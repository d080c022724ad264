//! What good answers tell, in words that are the same in every run.

use testkit::columns;
use testkit::pb::common::{KeyValuePair, Status};
use testkit::pb::milvus::{self, milvus_service_client::MilvusServiceClient};
use testkit::pb::schema::i_ds::IdField;
use testkit::pb::schema::{FieldData, FieldSchema, IDs};
use testkit::probe::Client;
use testkit::structs;

use super::talk::Ask;

macro_rules! asked {
    ($($request:ident -> $answer:ty, $method:ident, $status:expr, $told:expr;)*) => {
        $(impl Ask for milvus::$request {
            type Answer = $answer;
            async fn send(self, client: &mut Client) -> Result<Self::Answer, tonic::Status> {
                Ok(MilvusServiceClient::$method(client, self).await?.into_inner())
            }
            fn status(answer: &Self::Answer) -> Option<&Status> {
                let status: fn(&Self::Answer) -> Option<&Status> = $status;
                status(answer)
            }
            fn told(answer: &Self::Answer) -> String {
                let told: fn(&Self::Answer) -> String = $told;
                told(answer)
            }
        })*
    };
}

fn nothing<T>(_: &T) -> String {
    String::new()
}

asked! {
    AllocTimestampRequest -> milvus::AllocTimestampResponse, alloc_timestamp, |a| a.status.as_ref(), nothing;
    AlterAliasRequest -> Status, alter_alias, |a| Some(a), nothing;
    AlterCollectionRequest -> Status, alter_collection, |a| Some(a), nothing;
    AlterDatabaseRequest -> Status, alter_database, |a| Some(a), nothing;
    CheckHealthRequest -> milvus::CheckHealthResponse, check_health, |a| a.status.as_ref(), nothing;
    ConnectRequest -> milvus::ConnectResponse, connect, |a| a.status.as_ref(), nothing;
    CreateAliasRequest -> Status, create_alias, |a| Some(a), nothing;
    CreateCollectionRequest -> Status, create_collection, |a| Some(a), nothing;
    CreateDatabaseRequest -> Status, create_database, |a| Some(a), nothing;
    CreateIndexRequest -> Status, create_index, |a| Some(a), nothing;
    CreatePartitionRequest -> Status, create_partition, |a| Some(a), nothing;
    DeleteRequest -> milvus::MutationResult, delete, |a| a.status.as_ref(), nothing;
    DescribeAliasRequest -> milvus::DescribeAliasResponse, describe_alias, |a| a.status.as_ref(), |a| a.collection.clone();
    DescribeCollectionRequest -> milvus::DescribeCollectionResponse, describe_collection, |a| a.status.as_ref(), collection;
    DescribeDatabaseRequest -> milvus::DescribeDatabaseResponse, describe_database, |a| a.status.as_ref(), |a| listed(&a.properties);
    DescribeIndexRequest -> milvus::DescribeIndexResponse, describe_index, |a| a.status.as_ref(), indexes;
    DropAliasRequest -> Status, drop_alias, |a| Some(a), nothing;
    DropCollectionRequest -> Status, drop_collection, |a| Some(a), nothing;
    DropDatabaseRequest -> Status, drop_database, |a| Some(a), nothing;
    DropIndexRequest -> Status, drop_index, |a| Some(a), nothing;
    DropPartitionRequest -> Status, drop_partition, |a| Some(a), nothing;
    GetCollectionStatisticsRequest -> milvus::GetCollectionStatisticsResponse, get_collection_statistics, |a| a.status.as_ref(), nothing;
    GetLoadStateRequest -> milvus::GetLoadStateResponse, get_load_state, |a| a.status.as_ref(), |a| a.state().as_str_name().to_owned();
    GetLoadingProgressRequest -> milvus::GetLoadingProgressResponse, get_loading_progress, |a| a.status.as_ref(), |a| format!("{} %", a.progress);
    GetReplicasRequest -> milvus::GetReplicasResponse, get_replicas, |a| a.status.as_ref(), replicas;
    HasCollectionRequest -> milvus::BoolResponse, has_collection, |a| a.status.as_ref(), |a| a.value.to_string();
    InsertRequest -> milvus::MutationResult, insert, |a| a.status.as_ref(), |a| written(a.insert_cnt, a);
    ListAliasesRequest -> milvus::ListAliasesResponse, list_aliases, |a| a.status.as_ref(), |a| sorted(&a.aliases);
    ListDatabasesRequest -> milvus::ListDatabasesResponse, list_databases, |a| a.status.as_ref(), |a| sorted(&a.db_names);
    LoadCollectionRequest -> Status, load_collection, |a| Some(a), nothing;
    LoadPartitionsRequest -> Status, load_partitions, |a| Some(a), nothing;
    QueryRequest -> milvus::QueryResults, query, |a| a.status.as_ref(), |a| rows(&a.fields_data);
    ReleaseCollectionRequest -> Status, release_collection, |a| Some(a), nothing;
    ReleasePartitionsRequest -> Status, release_partitions, |a| Some(a), nothing;
    ShowCollectionsRequest -> milvus::ShowCollectionsResponse, show_collections, |a| a.status.as_ref(), |a| sorted(&a.collection_names);
    ShowPartitionsRequest -> milvus::ShowPartitionsResponse, show_partitions, |a| a.status.as_ref(), |a| sorted(&a.partition_names);
    UpsertRequest -> milvus::MutationResult, upsert, |a| a.status.as_ref(), |a| written(a.upsert_cnt, a);
}

/// Long numbers, which are ids and moments, are one like the other; lines are one.
pub(super) fn plain(text: &str) -> String {
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What a parser expected instead is its own affair.
    for words in
        ["mismatched input", "extraneous input", "no viable alternative", "token recognition"]
    {
        if let Some(at) = text.find(words) {
            let at = text[..at].rfind("line ").unwrap_or(at);
            text.truncate(at);
            text.push_str("(the parser's words)");
        }
    }
    for words in ["Mismatch type map", "\"Syntax error", "Syntax error"] {
        if let Some(at) = text.find(words) {
            text.truncate(at);
            text.push_str("(the JSON library's words)");
        }
    }
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() > 12 { "N" } else { &digits });
        digits.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

pub(super) fn pairs(pairs: &[KeyValuePair]) -> Vec<String> {
    pairs.iter().map(|pair| format!("{}={}", pair.key, pair.value)).collect()
}

fn listed(of: &[KeyValuePair]) -> String {
    sorted(&pairs(of))
}

fn sorted(names: &[String]) -> String {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.join(", ")
}

fn field(field: &FieldSchema) -> String {
    let mut out = format!("{} {}", field.name, field.data_type().as_str_name());
    if field.element_type != 0 {
        out += &format!(" of {}", field.element_type().as_str_name());
    }
    let flags = [
        (field.is_primary_key, "key"),
        (field.auto_id, "autoID"),
        (field.nullable, "nullable"),
        (field.is_partition_key, "partition key"),
        (field.is_clustering_key, "clustering key"),
        (field.is_function_output, "function output"),
        (field.is_dynamic, "dynamic"),
    ];
    flags.iter().filter(|(is, _)| *is).for_each(|(_, flag)| out += &format!(" {flag}"));
    if !field.description.is_empty() {
        out += &format!(" ({})", field.description);
    }
    if let Some(value) = &field.default_value {
        out += &format!(" default {:?}", value.data);
    }
    if !field.type_params.is_empty() {
        out += &format!(" [{}]", listed(&field.type_params));
    }
    out
}

fn collection(answer: &milvus::DescribeCollectionResponse) -> String {
    let schema = answer.schema.clone().unwrap_or_default();
    let mut out: Vec<String> = schema.fields.iter().map(field).collect();
    for parent in &schema.struct_array_fields {
        let fields: Vec<String> = parent.fields.iter().map(field).collect();
        out.push(format!("{} struct{{{}}}", parent.name, fields.join("; ")));
    }
    for function in &schema.functions {
        out.push(format!(
            "{} {}({:?}) -> {:?}",
            function.name,
            function.r#type().as_str_name(),
            function.input_field_names,
            function.output_field_names
        ));
    }
    let dynamic = if schema.enable_dynamic_field { "; dynamic" } else { "" };
    format!(
        "{} of {}: {}{dynamic}; shards {}, partitions {}, consistency {}, properties [{}], aliases [{}]",
        answer.collection_name,
        schema.name,
        out.join("; "),
        answer.shards_num,
        answer.num_partitions,
        answer.consistency_level,
        listed(&answer.properties),
        sorted(&answer.aliases)
    )
}

fn indexes(answer: &milvus::DescribeIndexResponse) -> String {
    let mut out: Vec<String> = answer
        .index_descriptions
        .iter()
        .map(|one| format!("{} on {} [{}]", one.index_name, one.field_name, listed(&one.params)))
        .collect();
    out.sort_unstable();
    out.join("; ")
}

fn replicas(answer: &milvus::GetReplicasResponse) -> String {
    let mut groups: Vec<&str> =
        answer.replicas.iter().map(|replica| replica.resource_group_name.as_str()).collect();
    groups.sort_unstable();
    format!("{} in {groups:?}", answer.replicas.len())
}

fn keys(ids: Option<&IDs>) -> String {
    match ids.and_then(|ids| ids.id_field.as_ref()) {
        Some(IdField::IntId(keys)) => format!("{:?}", keys.data),
        Some(IdField::StrId(keys)) => format!("{:?}", keys.data),
        _ => "no keys".to_owned(),
    }
}

fn written(count: i64, answer: &milvus::MutationResult) -> String {
    format!("{count} rows {}", keys(answer.i_ds.as_ref()))
}

/// Rows in the order of their words: servers have none of their own.
fn rows(columns: &[FieldData]) -> String {
    let mut columns = structs::ungrouped(columns);
    columns.sort_by(|a, b| a.field_name.cmp(&b.field_name));
    let names: Vec<&str> = columns.iter().map(|column| column.field_name.as_str()).collect();
    let values: Vec<Vec<_>> = columns.iter().map(columns::decode).collect();
    let count = values.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |values: &Vec<_>, row: usize| values.get(row).map(|value| format!("{value:?}"));
    let mut rows: Vec<String> = (0..count)
        .map(|row| {
            let cells = values.iter().map(|values| cell(values, row).unwrap_or_default());
            cells.collect::<Vec<_>>().join(" ")
        })
        .collect();
    rows.sort_unstable();
    format!("{} rows of {}: {}", count, names.join(", "), rows.join(" | "))
}
