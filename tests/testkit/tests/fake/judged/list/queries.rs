//! Queries: filters, limits, columns.

use testkit::collection::{Collection, FieldWords, Index, field, key, plain, var_char, vector};
use testkit::data;
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, kv, query};

fn with(
    name: &str,
    filter: &str,
    output: &[&str],
    params: &[(&str, &str)],
) -> milvus::QueryRequest {
    milvus::QueryRequest { query_params: kv(params), ..query(name, filter, output) }
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("queries");
    let mut collection = plain("q", DataType::Int64).dynamic();
    collection.fields.push(field("n", DataType::Int64).nullable());
    talk.ready(&collection).await;
    let keys: Vec<_> = [i64::MIN, i64::MIN + 1, -1, 0, 1, 2, i64::MAX - 1, i64::MAX]
        .into_iter()
        .map(testkit::table::Key::Int)
        .collect();
    talk.probe.insert("q", &data::table_of(&collection, &keys, 1)).await;
    for filter in [
        "id in []",
        "id in [1, 2]",
        "id in [1, 1]",
        "id == 1",
        "id != 1",
        "id > 1",
        "id >= 1 and id < 2",
        "id < -9223372036854775807",
        "id <= -9223372036854775808",
        "id == -9223372036854775808",
        "id > 9223372036854775806",
        "id >= 9223372036854775807",
        "id == 9223372036854775807",
        "id == 9223372036854775808",
        "id in [9223372036854775807]",
        "id <= 9223372036854775807",
        "n is null",
        "n is not null",
        "not (n is null)",
        "n is null and id > 0",
        "id is null",
        "none == 1",
        "none > ",
        "id = 1",
        "id > \"a\"",
        "text == 1",
        "id in [\"a\"]",
        "exists none",
        "exists $meta[\"none\"]",
        "id > 0 or id < -1",
        "not (id > 0)",
        "id > 1.5",
        "",
        "true",
        "id",
        "text like \"a%\"",
        "embedding == 1",
        "id >= 0 && id <= 1",
        "1 < id < 3",
    ] {
        talk.ask(format!("{filter:?}"), query("q", filter, &["id"])).await;
    }
    limits(talk).await;
    columns(talk).await;
    texts(talk).await;
}

async fn limits(talk: &mut Talk) {
    let all = "id > 0";
    for (what, params) in [
        ("limit 1", vec![("limit", "1")]),
        ("limit 0", vec![("limit", "0")]),
        ("limit -1", vec![("limit", "-1")]),
        ("limit x", vec![("limit", "x")]),
        ("limit 16384", vec![("limit", "16384")]),
        ("limit 16385", vec![("limit", "16385")]),
        ("limit and offset over the window", vec![("limit", "16384"), ("offset", "1")]),
        ("offset without a limit", vec![("offset", "1")]),
        ("offset -1", vec![("limit", "1"), ("offset", "-1")]),
        ("iterator", vec![("iterator", "true"), ("reduce_stop_for_best", "true"), ("limit", "2")]),
        (
            "iterator of another collection",
            vec![("iterator", "true"), ("limit", "2"), ("collection_id", "5")],
        ),
        ("a time zone", vec![("timezone", "Asia/Tokyo")]),
        ("a time zone that is none", vec![("timezone", "Mars")]),
    ] {
        let request = with("q", all, &["id"], &params);
        let answer = talk.probe.raw().query(request.clone()).await;
        // Which rows a limit leaves is not said.
        let words = match answer {
            Ok(answer) => {
                let answer = answer.into_inner();
                let status = answer.status.unwrap_or_default();
                match status.code {
                    0 => "ok".to_owned(),
                    code => format!("{code}/{} {}", status.error_code, status.reason),
                }
            }
            Err(status) => format!("gRPC {:?} {}", status.code(), status.message()),
        };
        talk.note(what, words);
    }
    talk.ask("nothing asked with a limit", with("q", "", &["count(*)"], &[("limit", "1")])).await;
    talk.ask("count(*)", query("q", "", &["count(*)"])).await;
    talk.ask("count(*) of a range", query("q", "id > 0", &["count(*)"])).await;
    talk.ask("count(*) beside a field", query("q", "id > 0", &["count(*)", "id"])).await;
    talk.ask("count(*) with a limit", with("q", "id > 0", &["count(*)"], &[("limit", "1")])).await;
    talk.ask(
        "count(*) in an unknown partition",
        milvus::QueryRequest {
            partition_names: vec!["none".to_owned()],
            ..query("q", "", &["count(*)"])
        },
    )
    .await;
}

async fn columns(talk: &mut Talk) {
    for names in [
        vec![],
        vec!["id"],
        vec!["*"],
        vec!["text", "embedding"],
        vec!["$meta"],
        vec!["none"],
        vec!["id", "id"],
        vec!["n"],
    ] {
        talk.ask(format!("columns {names:?}"), query("q", "id == 1", &names)).await;
    }
    let still = plain("q_still", DataType::Int64);
    talk.ready(&still).await;
    talk.ask("an unknown column without dynamic fields", query("q_still", "id == 1", &["none"]))
        .await;
    talk.ask(
        "an unknown name in a filter without dynamic fields",
        query("q_still", "none == 1", &["id"]),
    )
    .await;
    talk.ask("no rows", query("q_still", "id == 1", &["id", "text"])).await;
    talk.ask("no rows: count", query("q_still", "", &["count(*)"])).await;
    let fields = vec![
        key(DataType::Int64),
        var_char("text", 500).param("enable_analyzer", "true"),
        field("sparse", DataType::SparseFloatVector),
        vector("embedding", DataType::FloatVector, 4),
    ];
    let searched = Collection::new("q_bm25", fields)
        .function(testkit::collection::bm25("f", "text", "sparse"))
        .index(Index::new("sparse", "SPARSE_INVERTED_INDEX", "BM25", ""))
        .index(Index::new("embedding", "FLAT", "L2", ""));
    talk.ready(&searched).await;
    talk.ask("BM25 output", query("q_bm25", "id == 1", &["sparse"])).await;
    talk.ask("BM25: all columns", query("q_bm25", "id == 1", &["*"])).await;
    let mut written = searched.clone();
    written.fields.remove(2);
    let rows = data::table_of(&written, &data::key_range(1..3), 1);
    let request = talk.probe.insert_requests("q_bm25", &rows, 10).remove(0);
    talk.ask("BM25: insert", request).await;
    let rows = data::table_of(&searched, &data::key_range(1..3), 1);
    let request = talk.probe.insert_requests("q_bm25", &rows, 10).remove(0);
    talk.ask("BM25: insert of the output", request).await;
}

/// Keys that are texts.
async fn texts(talk: &mut Talk) {
    let fields = vec![key(DataType::VarChar), vector("embedding", DataType::FloatVector, 4)];
    let collection =
        Collection::new("q_texts", fields).index(Index::new("embedding", "FLAT", "L2", ""));
    talk.ready(&collection).await;
    let texts = ["", " ", "\"", "'", "\\", "\n", "\r", "\t", "a", "b", "ö", "漢", "𠮷", "😀"];
    let keys: Vec<_> =
        texts.iter().map(|text| testkit::table::Key::Text((*text).to_owned())).collect();
    talk.probe.insert("q_texts", &data::table_of(&collection, &keys, 1)).await;
    for key in &keys {
        let filter = format!("id == {}", key.literal());
        talk.ask(filter.escape_debug().to_string(), query("q_texts", &filter, &["id"])).await;
    }
    for filter in [
        "id >= \"\"",
        "id > \"a\"",
        "id < \"a\"",
        "id in [\"a\", \"b\"]",
        "id == 'a'",
        "id == \"\\U00020BB7\"",
        "id == \"\\u6F22\"",
        "id == \"\\x61\"",
        "id == a",
        "id == 1",
        "id >= \"a\" and id < \"c\"",
    ] {
        talk.ask(filter, query("q_texts", filter, &["id"])).await;
    }
}
