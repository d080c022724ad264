//! Searches on real servers: they agree on the same rows, and not on others.

use milvus_ferry::verify::result::SearchParity;
use milvus_ferry::verify::search_parity;

use testkit::collection::{
    Collection, FieldWords, Index, binary, bm25, field, key, plain, var_char, vector,
};
use testkit::data;
use testkit::lab::{self, Kind};
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, SEARCH};
use testkit::table::{Table, Value};

const ROWS: usize = 3_000;

/// Rows whose vectors are those of the next row.
fn shifted(rows: &Table, column: &str) -> Table {
    let place = rows.column(column);
    let mut out = rows.clone();
    let count = out.rows.len();
    for (number, row) in out.rows.iter_mut().enumerate() {
        row.values[place] = rows.rows[(number + 1) % count].values[place].clone();
    }
    out
}

fn negated(rows: &Table, column: &str) -> Table {
    let place = rows.column(column);
    let mut out = rows.clone();
    for row in &mut out.rows {
        let Value::FloatVector(vector) = &mut row.values[place] else { panic!("no vector") };
        for value in vector {
            *value = -*value;
        }
    }
    out
}

/// A collection of float vectors of 16 dimensions under an index.
fn indexed(name: &str, kind: DataType, index: &str, metric: &str, params: &str) -> Collection {
    let fields = vec![key(kind), vector("embedding", DataType::FloatVector, 16)];
    Collection::new(name, fields).index(Index::new("embedding", index, metric, params))
}

#[track_caller]
fn agrees(parity: &SearchParity, indexes: (&str, &str)) {
    assert!(parity.passed, "{parity:?}");
    assert_eq!((parity.queries, parity.top_k), (u64::from(SEARCH.queries), 10), "{parity:?}");
    assert!(parity.overlap > 0.999 && parity.lowest_overlap > 0.999, "{parity:?}");
    assert!(parity.largest_score_difference < 1e-3, "{parity:?}");
    assert_eq!((parity.source_index.as_str(), parity.target_index.as_str()), indexes);
}

#[track_caller]
fn only(mut found: Vec<SearchParity>) -> SearchParity {
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_agrees_and_mixed_up_vectors_do_not() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    for kind in [DataType::Int64, DataType::VarChar] {
        let of = |name: &str| indexed(name, kind, "FLAT", "L2", "");
        let rows = data::table(&of("same"), ROWS, 5);
        for (name, there) in [
            ("same", rows.clone()),
            ("shifted", shifted(&rows, "embedding")),
            ("negated", negated(&rows, "embedding")),
        ] {
            let name = format!("{name}_{kind:?}");
            scene.fill((&of(&name), &rows), (&of(&name), &there)).await;
            let parity = only(scene.search(&name).await);
            if name.starts_with("same") {
                agrees(&parity, ("FLAT/L2", "FLAT/L2"));
                assert_eq!(parity.note, None);
            } else {
                assert!(!parity.passed && parity.overlap < 0.2, "{name}: {parity:?}");
                assert_eq!(parity.queries, 20);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_of_other_types_agree_and_it_is_said() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    let graph = r#"{"M":16,"efConstruction":200}"#;
    let cases = [
        ("graph_flat", ("HNSW", graph), ("FLAT", ""), "COSINE"),
        ("graphs", ("HNSW", graph), ("HNSW", graph), "IP"),
        ("clusters", ("IVF_FLAT", r#"{"nlist":128}"#), ("IVF_SQ8", r#"{"nlist":64}"#), "L2"),
        ("auto", ("AUTOINDEX", ""), ("AUTOINDEX", ""), "L2"),
    ];
    for (name, (from, from_params), (to, to_params), metric) in cases {
        let of = |index, params| indexed(name, DataType::Int64, index, metric, params);
        let rows = data::table(&of(from, from_params), ROWS, 6);
        scene.fill((&of(from, from_params), &rows), (&of(to, to_params), &rows)).await;
        let parity = only(scene.search(name).await);
        assert!(parity.passed && parity.queries == 20, "{parity:?}");
        assert_eq!(parity.source_index, format!("{from}/{metric}"));
        assert_eq!(parity.target_index, format!("{to}/{metric}"));
        let said = parity.note.as_deref().is_some_and(|note| note.contains("small differences"));
        assert_eq!(said, from != to || from == "AUTOINDEX", "{parity:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_vectors_agree() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    let of = binary("bits", DataType::Int64);
    let rows = data::table(&of, ROWS, 7);
    scene.fill((&of, &rows), (&of, &rows)).await;
    agrees(&only(scene.search("bits").await), ("BIN_FLAT/HAMMING", "BIN_FLAT/HAMMING"));
    let of = binary("shifted", DataType::Int64);
    scene.fill((&of, &rows), (&of, &shifted(&rows, "bits"))).await;
    let parity = only(scene.search("shifted").await);
    assert!(!parity.passed && parity.overlap < 0.5, "{parity:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_2216_to_235() {
    let scene = Pair::between(Kind::Milvus2216, Kind::Milvus235B).await;
    let graph = r#"{"M":16,"efConstruction":200}"#;
    for (name, index, params) in [
        ("flat", "FLAT", ""),
        ("graph", "HNSW", graph),
        ("clusters", "IVF_FLAT", r#"{"nlist":64}"#),
    ] {
        let of = indexed(name, DataType::Int64, index, "L2", params);
        let rows = data::table(&of, ROWS, 8);
        scene.fill((&of, &rows), (&of, &rows)).await;
        let parity = only(scene.search(name).await);
        let index = format!("{index}/L2");
        assert_eq!((&parity.source_index, &parity.target_index), (&index, &index));
        // An index that is approximate is built otherwise each time.
        let least = if name == "flat" { 0.999 } else { SEARCH.min_overlap };
        assert!(parity.passed && parity.queries == 20 && parity.overlap >= least, "{parity:?}");
    }
    let of = binary("bits", DataType::VarChar);
    let rows = data::table(&of, ROWS, 8);
    scene.fill((&of, &rows), (&of, &rows)).await;
    agrees(&only(scene.search("bits").await), ("BIN_FLAT/HAMMING", "BIN_FLAT/HAMMING"));
}

/// Several vector fields, of types that Milvus 2.3 lacks.
fn newer(name: &str, kinds: &[(&str, DataType, &str)]) -> Collection {
    let mut out = Collection::new(name, vec![key(DataType::Int64)]);
    for (name, kind, metric) in kinds {
        let sparse = *kind == DataType::SparseFloatVector;
        out.fields.push(if sparse { field(name, *kind) } else { vector(name, *kind, 16) });
        let index = if sparse { "SPARSE_INVERTED_INDEX" } else { "FLAT" };
        out = out.index(Index::new(name, index, metric, ""));
    }
    out
}

async fn newer_types_agree(of: Kind, kinds: &[(&str, DataType, &str)]) {
    let scene = Pair::between(of, of).await;
    let (types, copies) = (lab::unique_name("types"), lab::unique_name("copies"));
    let _lent = scene.source.probe.with_own(&types).with_own(&copies);
    let (from, to) = (newer(&types, kinds), newer(&copies, kinds));
    let rows = data::table(&from, 500, 9);
    scene.fill((&from, &rows), (&to, &rows)).await;
    let subject = scene.subject_like_source(&types, &copies).await;
    let found = search_parity(&scene.check_parity(), &subject, SEARCH).await.unwrap();
    assert_eq!(found.len(), kinds.len(), "{found:?}");
    for parity in found {
        assert!(parity.passed && parity.queries == 20 && parity.overlap > 0.98, "{parity:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_types_agree_on_lite_2() {
    let kinds = [
        ("dense", DataType::FloatVector, "COSINE"),
        ("half", DataType::Float16Vector, "L2"),
        ("brain", DataType::BFloat16Vector, "IP"),
        ("sparse", DataType::SparseFloatVector, "IP"),
    ];
    newer_types_agree(Kind::Lite25, &kinds).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_types_agree_on_lite_3() {
    let kinds =
        [("dense", DataType::FloatVector, "COSINE"), ("sparse", DataType::SparseFloatVector, "IP")];
    newer_types_agree(Kind::Lite3, &kinds).await;
}

/// What a function computes is searched with texts, which each server makes vectors of.
async fn full_text_agrees(of: Kind) {
    let scene = Pair::between(of, of).await;
    let fields = vec![
        key(DataType::Int64),
        var_char("words", 500).param("enable_analyzer", "true"),
        field("terms", DataType::SparseFloatVector).function_output(),
    ];
    let collection = |name: &str| {
        Collection::new(name, fields.clone())
            .function(bm25("score", "words", "terms"))
            .index(Index::new("terms", "SPARSE_INVERTED_INDEX", "BM25", ""))
    };
    let mut rows = data::table(&collection("texts"), 300, 4);
    let place = rows.column("words");
    for (number, row) in rows.rows.iter_mut().enumerate() {
        let text = format!("apple{number} pear{} plum{}", number % 7, number % 31);
        row.values[place] = Value::Text(text);
    }
    for (there, agrees) in [(rows.clone(), true), (shifted(&rows, "words"), false)] {
        let (texts, copies) = (lab::unique_name("texts"), lab::unique_name("copies"));
        let _lent = scene.source.probe.with_own(&texts).with_own(&copies);
        scene.fill((&collection(&texts), &rows), (&collection(&copies), &there)).await;
        let mut subject = scene.subject_like_source(&texts, &copies).await;
        // Milvus Lite 2 does not describe functions.
        let described = !subject.from.functions.is_empty();
        let found = search_parity(&scene.check_parity(), &subject, SEARCH).await.unwrap();
        let parity = only(found);
        if described {
            assert_eq!((parity.passed, parity.queries), (agrees, 20), "{parity:?}");
        } else {
            assert_eq!((parity.passed, parity.queries), (false, 0), "{parity:?}");
            let note = "a function computes it that the source does not describe";
            assert_eq!(parity.note.as_deref(), Some(note));
        }
        subject.settings.left_behind.insert("terms".to_owned());
        subject.wanted.fields.retain(|field| field.name != "terms");
        let none = search_parity(&scene.check_parity(), &subject, SEARCH).await.unwrap();
        assert_eq!(none, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_text_agrees_on_lite_3() {
    full_text_agrees(Kind::Lite3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_text_agrees_on_lite_2() {
    full_text_agrees(Kind::Lite25).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_235_to_lite_3() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Lite3).await;
    let of =
        indexed("rows", DataType::VarChar, "HNSW", "COSINE", r#"{"M":16,"efConstruction":200}"#);
    let rows = data::table(&of, 1_000, 12);
    scene.fill((&of, &rows), (&of, &rows)).await;
    let parity = only(scene.search("rows").await);
    assert!(parity.passed && parity.queries == 20 && parity.overlap > 0.98, "{parity:?}");
}

/// A partition of the source is searched as the part of it that is moved.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_moved_is_searched() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    let of = indexed("parts", DataType::Int64, "FLAT", "L2", "").partitions(&["north", "south"]);
    let rows = data::table(&of, 1_000, 13).spread_over(&["north", "south"]);
    let mut moved = rows.clone();
    moved.rows.retain(|row| row.partition == "north");
    scene.fill((&of, &rows), (&of, &moved)).await;
    assert!(!only(scene.search("parts").await).passed);
    let mut subject = scene.subject_like_source("parts", "parts").await;
    subject.settings.by_partition = true;
    subject.settings.partitions = Some(vec!["north".to_owned()]);
    let found = search_parity(&scene.check_parity(), &subject, SEARCH).await.unwrap();
    agrees(&only(found), ("FLAT/L2", "FLAT/L2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_searched_says_why() {
    let scene = Pair::between(Kind::Milvus235A, Kind::Milvus235B).await;
    let of = |name: &str, metric: &str| indexed(name, DataType::Int64, "FLAT", metric, "");
    let rows = data::table(&of("rows", "L2"), 100, 10);
    let empty = Table { rows: Vec::new(), ..rows.clone() };

    scene.fill((&of("empty", "L2"), &empty), (&of("empty", "L2"), &empty)).await;
    let parity = only(scene.search("empty").await);
    assert_eq!((parity.passed, parity.queries), (true, 0));
    assert_eq!(parity.note.as_deref(), Some("there are no rows to search for"));

    scene.fill((&of("metrics", "L2"), &rows), (&of("metrics", "IP"), &rows)).await;
    let parity = only(scene.search("metrics").await);
    assert_eq!((parity.passed, parity.queries), (false, 0));
    let note = "the metrics differ: L2 at the source, IP at the target";
    assert_eq!(parity.note.as_deref(), Some(note));

    scene.fill((&of("released", "L2"), &rows), (&of("released", "L2"), &rows)).await;
    scene.target.probe.release("released").await;
    let parity = only(scene.search("released").await);
    assert_eq!((parity.passed, parity.queries), (false, 0));
    let note = "the collection is not loaded at the target";
    assert_eq!(parity.note.as_deref(), Some(note));

    let plain = plain("bare", DataType::Int64);
    let rows = data::table(&plain, 100, 10);
    scene.source.probe.fill(&plain, &rows).await;
    scene.target.probe.create_collection(&plain).await;
    let parity = only(scene.search("bare").await);
    assert_eq!((parity.passed, parity.target_index.as_str()), (false, "none"));
    assert_eq!(parity.note.as_deref(), Some("it has no index at the target"));
}
