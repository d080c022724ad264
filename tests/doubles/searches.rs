//! Searches between doubles of servers that do not run here: newer types, nulls, full-text search.

use milvus_ferry::verify::result::SearchParity;
use milvus_ferry::verify::search_parity;

use testkit::collection::{Collection, FieldWords, Index, bm25, field, key, var_char, vector};
use testkit::data;
use testkit::fake::Profile;
use testkit::lines::everything_30;
use testkit::pb::schema::DataType;
use testkit::scene::library::{Pair, SEARCH};
use testkit::table::Value;

async fn newest() -> Pair {
    Pair::between_doubles(Profile::milvus("3.0.0"), Profile::milvus("3.0.0")).await
}

fn of<'a>(found: &'a [SearchParity], field: &str) -> &'a SearchParity {
    found.iter().find(|parity| parity.field == field).unwrap_or_else(|| panic!("no {field}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_30() {
    for kind in [DataType::Int64, DataType::VarChar] {
        let scene = newest().await;
        let collection = everything_30("all", kind);
        let rows = data::table(&collection, 400, 7);
        scene.fill((&collection, &rows), (&collection, &rows)).await;
        let found = scene.search("all").await;
        let searched = [
            "embedding",
            "half",
            "brain",
            "sparse",
            "bytes",
            "bits",
            "maybe_embedding",
            "maybe_sparse",
        ];
        for name in searched {
            let parity = of(&found, name);
            assert!(parity.passed && parity.queries == 20, "{parity:?}");
            assert!(parity.overlap > 0.999 && parity.largest_score_difference == 0.0, "{parity:?}");
        }
        for name in ["things[dense]", "things[bits]"] {
            let parity = of(&found, name);
            assert_eq!((parity.passed, parity.queries), (false, 0));
            let note = "searches in arrays of vectors are not compared";
            assert_eq!(parity.note.as_deref(), Some(note));
        }
        assert_eq!(found.len(), searched.len() + 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_vector_is_null_there_is_nothing_to_compare() {
    let scene = newest().await;
    let fields = vec![
        key(DataType::Int64),
        vector("maybe", DataType::FloatVector, 4).nullable(),
        vector("sure", DataType::FloatVector, 4),
    ];
    let of_nulls = |name: &str| {
        Collection::new(name, fields.clone())
            .index(Index::new("maybe", "FLAT", "L2", ""))
            .index(Index::new("sure", "FLAT", "L2", ""))
    };
    for (name, rows, passes) in [("few", 6, true), ("many", 2_000, false)] {
        let mut rows = data::table(&of_nulls(name), rows, 3);
        let place = rows.column("maybe");
        rows.rows.iter_mut().for_each(|row| row.values[place] = Value::Null);
        scene.fill((&of_nulls(name), &rows), (&of_nulls(name), &rows)).await;
        let found = scene.search(name).await;
        assert!(of(&found, "sure").passed);
        let parity = of(&found, "maybe");
        assert_eq!((parity.passed, parity.queries), (passes, 0), "{parity:?}");
        let note = parity.note.as_deref().unwrap();
        if passes {
            assert_eq!(note, "no row has a value to search for");
        } else {
            assert!(note.starts_with("none of ") && note.ends_with("has a value to search for"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_text_is_searched_with_texts_of_rows() {
    let scene = newest().await;
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
        row.values[place] = Value::Text(format!("w{} v{} u{}", number, number % 7, number % 31));
    }
    let mut other = rows.clone();
    for row in &mut other.rows {
        let Value::Text(text) = &mut row.values[place] else { panic!("no text") };
        *text = text.replace('v', "x").replace('u', "y");
    }
    for (name, there, passes) in [("texts", &rows, true), ("others", &other, false)] {
        scene.fill((&collection(name), &rows), (&collection(name), there)).await;
        let found = scene.search(name).await;
        let parity = of(&found, "terms");
        assert_eq!((parity.passed, parity.queries), (passes, 20), "{parity:?}");
    }
}

/// Fields have other names at the target, and one of them is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn fields_go_by_their_names_at_the_target() {
    let scene = newest().await;
    let of_names = |name: &str, vectors: &[&str]| {
        let mut fields = vec![key(DataType::VarChar)];
        fields.extend(vectors.iter().map(|name| vector(name, DataType::FloatVector, 4)));
        let collection = Collection::new(name, fields);
        vectors.iter().fold(collection, |of, name| of.index(Index::new(name, "FLAT", "COSINE", "")))
    };
    let from = of_names("source", &["one", "two"]);
    let rows = data::table(&from, 200, 5);
    let to = rows.clone().without("two").renamed("one", "first");
    scene.fill((&from, &rows), (&of_names("target", &["first"]), &to)).await;
    let mut subject = scene.subject_like_source("source", "target").await;
    subject.wanted.fields = subject.to.fields.clone();
    subject.settings.renamed.insert("one".to_owned(), "first".to_owned());
    subject.settings.left_behind.insert("two".to_owned());
    let found = search_parity(&scene.check_parity(), &subject, SEARCH).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].field.as_str(), found[0].passed), ("first", true), "{found:?}");
}

/// What a server refuses is told of the field; what it asks to be tried again, is.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_search_is_tried_again_or_told() {
    let scene = newest().await;
    let fields = vec![key(DataType::Int64), vector("vec", DataType::FloatVector, 4)];
    let collection = Collection::new("rows", fields).index(Index::new("vec", "FLAT", "L2", ""));
    let rows = data::table(&collection, 200, 6);
    scene.fill((&collection, &rows), (&collection, &rows)).await;
    scene.fakes[1].refuse_once("Search", 0, 8, "rate limit exceeded, please retry later");
    let found = scene.search("rows").await;
    assert!(found[0].passed, "{found:?}");
    assert_eq!(scene.fakes[1].count("Search"), 2);

    scene.fakes[1].refuse_once(
        "Search",
        0,
        1100,
        "topk is over the limit of this cluster: invalid parameter",
    );
    let found = scene.search("rows").await;
    assert_eq!((found[0].passed, found[0].queries), (false, 0));
    let note = found[0].note.as_deref().unwrap();
    assert!(note.starts_with("cannot be searched at the target: "), "{note}");
    assert!(note.contains("over the limit of this cluster"), "{note}");
}
