//! Indexes of every kind on fields of every kind.

use testkit::collection::{Collection, field, key, plain, var_char, vector};
use testkit::pb::milvus;
use testkit::pb::schema::DataType;

use super::super::talk::{Talk, index};
use super::fields::of;

/// What an index is on, what it is for, and its parameters.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const ON_VECTORS: [(&str, &[(&str, &str)]); 17] = [
    ("FLAT", &[]),
    ("IVF_FLAT", &[("nlist", "16")]),
    ("IVF_SQ8", &[("nlist", "16")]),
    ("IVF_PQ", &[("nlist", "16"), ("m", "4"), ("nbits", "8")]),
    ("IVF_RABITQ", &[("nlist", "16")]),
    ("HNSW", &[("M", "8"), ("efConstruction", "32")]),
    ("HNSW_SQ", &[("M", "8"), ("efConstruction", "32"), ("sq_type", "SQ6")]),
    ("HNSW_PQ", &[("M", "8"), ("efConstruction", "32"), ("m", "4"), ("nbits", "8")]),
    ("SCANN", &[("nlist", "16")]),
    ("DISKANN", &[]),
    ("AISAQ", &[]),
    ("GPU_CAGRA", &[]),
    ("BIN_FLAT", &[]),
    ("BIN_IVF_FLAT", &[("nlist", "16")]),
    ("SPARSE_INVERTED_INDEX", &[]),
    ("SPARSE_WAND", &[]),
    ("AUTOINDEX", &[]),
];

const ON_SCALARS: [&str; 11] = [
    "",
    "AUTOINDEX",
    "INVERTED",
    "BITMAP",
    "STL_SORT",
    "Trie",
    "TRIE",
    "NGRAM",
    "RTREE",
    "HYBRID",
    "HNSW",
];

/// Fields of every type, so many in a collection as each release takes.
fn everything(name: &str, number: usize) -> Collection {
    let kinds: Vec<DataType> = match number {
        0 => vec![DataType::Float16Vector, DataType::BFloat16Vector, DataType::SparseFloatVector],
        1 => vec![DataType::BinaryVector],
        _ => vec![DataType::Int8Vector],
    };
    let mut collection = plain(name, DataType::Int64);
    collection.fields.extend(kinds.into_iter().map(|kind| {
        let mut field = of(kind);
        field.name = format!("f_{}", kind as i32);
        field
    }));
    collection
}

pub(super) async fn list(talk: &mut Talk) {
    talk.topic("indexes");
    vectors(talk).await;
    scalars(talk).await;
    auto(talk).await;
    repeats(talk).await;
    others(talk).await;
    paths(talk).await;
}

/// An index on a field of a new collection, described afterwards.
async fn one(
    talk: &mut Talk,
    what: &str,
    collection: &Collection,
    on: &str,
    params: &[(&str, &str)],
) {
    let made = talk.probe.create_request(collection);
    let made = talk.probe.raw().create_collection(made).await.unwrap().into_inner();
    if made.code != 0 {
        return talk.note(what, "not created");
    }
    let request = index(&collection.name, on, "", params);
    let answer = talk.ask(what, request).await;
    if answer.is_some_and(|status| status.code == 0) {
        talk.ask(format!("{what}: described"), described(&collection.name)).await;
    }
    talk.probe.drop_collection(&collection.name).await;
}

pub(super) fn described(name: &str) -> milvus::DescribeIndexRequest {
    milvus::DescribeIndexRequest { collection_name: name.to_owned(), ..Default::default() }
}

async fn vectors(talk: &mut Talk) {
    let fields = [
        ("FloatVector", 0, "embedding", "L2"),
        ("Float16Vector", 0, "f_102", "COSINE"),
        ("BFloat16Vector", 0, "f_103", "IP"),
        ("SparseFloatVector", 0, "f_104", "IP"),
        ("BinaryVector", 1, "f_100", "HAMMING"),
        ("Int8Vector", 2, "f_105", "COSINE"),
    ];
    for (name, number, on, metric) in fields {
        for (kind, more) in ON_VECTORS {
            let params: Vec<(&str, &str)> = [("index_type", kind), ("metric_type", metric)]
                .into_iter()
                .chain(more.iter().copied())
                .collect();
            let collection = everything("i_vectors", number);
            one(talk, &format!("{kind} on {name}"), &collection, on, &params).await;
        }
        for metric in
            ["L2", "IP", "COSINE", "HAMMING", "JACCARD", "BM25", "MAX_SIM", "nonsense", "l2"]
        {
            let params = [("index_type", "AUTOINDEX"), ("metric_type", metric)];
            let collection = everything("i_vectors", number);
            one(talk, &format!("AUTOINDEX {metric} on {name}"), &collection, on, &params).await;
        }
        let collection = everything("i_vectors", number);
        one(talk, &format!("nothing said on {name}"), &collection, on, &[]).await;
        let params = [("index_type", "AUTOINDEX")];
        one(talk, &format!("AUTOINDEX without a metric on {name}"), &collection, on, &params).await;
    }
    let collection = everything("i_vectors", 0);
    let params = [("index_type", "HNSW"), ("M", "8"), ("efConstruction", "32")];
    one(talk, "HNSW without a metric", &collection, "embedding", &params).await;
    let params = [("metric_type", "L2")];
    one(talk, "a metric alone", &collection, "embedding", &params).await;
    let params = [
        ("index_type", "HNSW"),
        ("metric_type", "L2"),
        ("params", "{\"M\": 8, \"efConstruction\": 32}"),
    ];
    one(talk, "params as JSON", &collection, "embedding", &params).await;
    let params = [("index_type", "HNSW"), ("metric_type", "L2"), ("params", "{")];
    one(talk, "params as broken JSON", &collection, "embedding", &params).await;
    let params = [("index_type", "NONE"), ("metric_type", "L2")];
    one(talk, "an index of no kind", &collection, "embedding", &params).await;
}

async fn scalars(talk: &mut Talk) {
    let kinds = [
        ("Bool", of(DataType::Bool)),
        ("Int64", of(DataType::Int64)),
        ("Double", of(DataType::Double)),
        ("VarChar", var_char("f", 50)),
        ("JSON", of(DataType::Json)),
        ("Array of Int64", testkit::collection::array("f", DataType::Int64)),
        ("Array of VarChar", testkit::collection::array("f", DataType::VarChar)),
        ("Array of Double", testkit::collection::array("f", DataType::Double)),
        ("Geometry", of(DataType::Geometry)),
        ("Timestamptz", of(DataType::Timestamptz)),
        ("Text", of(DataType::Text)),
    ];
    for (name, field) in kinds {
        for kind in ON_SCALARS {
            let mut collection = plain("i_scalars", DataType::Int64);
            collection.fields.push(field.clone());
            let mut params = vec![("index_type", kind)];
            if kind.is_empty() {
                params.clear();
            }
            if kind == "NGRAM" {
                params.extend([("min_gram", "2"), ("max_gram", "3")]);
            }
            let kind = if kind.is_empty() { "nothing said" } else { kind };
            one(talk, &format!("{kind} on {name}"), &collection, "f", &params).await;
        }
    }
    let mut collection = plain("i_scalars", DataType::Int64);
    collection.fields.push(var_char("f", 50));
    one(talk, "NGRAM without sizes", &collection, "f", &[("index_type", "NGRAM")]).await;
    one(talk, "INVERTED on the key", &collection, "id", &[("index_type", "INVERTED")]).await;
    one(talk, "BITMAP on the key", &collection, "id", &[("index_type", "BITMAP")]).await;
    let params = [("index_type", "INVERTED"), ("mmap.enabled", "true")];
    one(talk, "INVERTED with mmap", &collection, "f", &params).await;
    let params = [("index_type", "AUTOINDEX"), ("mmap.enabled", "true")];
    one(talk, "scalar AUTOINDEX with mmap", &collection, "f", &params).await;
    let params = [("index_type", "INVERTED"), ("metric_type", "L2")];
    one(talk, "INVERTED with a metric", &collection, "f", &params).await;
}

async fn auto(talk: &mut Talk) {
    let auto = [("index_type", "AUTOINDEX"), ("metric_type", "L2")];
    let hnsw =
        [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "8"), ("efConstruction", "32")];
    let collection = plain("i_auto", DataType::Int64);
    for (key, value) in [
        ("mmap.enabled", "true"),
        ("mmap.enabled", "yes"),
        ("load_priority", "high"),
        ("load_priority", "nonsense"),
        ("warmup", "sync"),
        ("nlist", "16"),
        ("custom", "1"),
    ] {
        let params: Vec<_> = auto.into_iter().chain([(key, value)]).collect();
        one(talk, &format!("AUTOINDEX with {key}={value}"), &collection, "embedding", &params)
            .await;
        let params: Vec<_> = hnsw.into_iter().chain([(key, value)]).collect();
        one(talk, &format!("HNSW with {key}={value}"), &collection, "embedding", &params).await;
    }
}

async fn repeats(talk: &mut Talk) {
    let hnsw =
        [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "8"), ("efConstruction", "32")];
    let mapped: Vec<_> = hnsw.into_iter().chain([("mmap.enabled", "true")]).collect();
    let flat = [("index_type", "FLAT"), ("metric_type", "L2")];
    let ip = [("index_type", "FLAT"), ("metric_type", "IP")];
    for name in ["i_again", "i_mapped", "i_flat", "i_auto_again"] {
        talk.create(format!("{name}: create"), &plain(name, DataType::Int64)).await;
    }
    let on = |name: &str, params: &[(&str, &str)]| index(name, "embedding", "", params);
    talk.ask("HNSW", on("i_again", &hnsw)).await;
    talk.ask("HNSW repeated", on("i_again", &hnsw)).await;
    talk.ask("HNSW repeated with mmap", on("i_again", &mapped)).await;
    talk.ask("another kind", on("i_again", &flat)).await;
    talk.ask("HNSW repeated by another name", index("i_again", "embedding", "other", &hnsw)).await;
    talk.ask("HNSW with mmap", on("i_mapped", &mapped)).await;
    talk.ask("HNSW with mmap: describe", described("i_mapped")).await;
    talk.ask("HNSW with mmap repeated", on("i_mapped", &mapped)).await;
    talk.ask("HNSW with mmap repeated without", on("i_mapped", &hnsw)).await;
    talk.ask("FLAT", on("i_flat", &flat)).await;
    talk.ask("FLAT with another metric", on("i_flat", &ip)).await;
    let auto = [("index_type", "AUTOINDEX"), ("metric_type", "L2")];
    talk.ask("AUTOINDEX", on("i_auto_again", &auto)).await;
    talk.ask("AUTOINDEX repeated", on("i_auto_again", &auto)).await;
    let other = [("index_type", "AUTOINDEX"), ("metric_type", "COSINE")];
    talk.ask("AUTOINDEX repeated with another metric", on("i_auto_again", &other)).await;
    talk.ask("AUTOINDEX repeated without a metric", on("i_auto_again", &auto[..1])).await;
    talk.ask(
        "a name twice, on another field",
        index("i_flat", "text", "embedding", &[("index_type", "INVERTED")]),
    )
    .await;
    talk.ask("INVERTED", index("i_flat", "text", "", &[("index_type", "INVERTED")])).await;
    talk.ask("INVERTED repeated", index("i_flat", "text", "", &[("index_type", "INVERTED")])).await;
    talk.ask("Trie instead", index("i_flat", "text", "", &[("index_type", "Trie")])).await;
    talk.ask("two indexes: describe", described("i_flat")).await;
}

async fn others(talk: &mut Talk) {
    let collection = Collection::new(
        "i_other",
        vec![
            key(DataType::Int64),
            vector("embedding", DataType::FloatVector, 4),
            field("x", DataType::Int64),
        ],
    );
    talk.create("i_other: create", &collection).await;
    talk.ask("no index: describe", described("i_other")).await;
    let one_field =
        milvus::DescribeIndexRequest { field_name: "x".to_owned(), ..described("i_other") };
    talk.ask("no index of a field: describe", one_field).await;
    let flat = [("index_type", "FLAT"), ("metric_type", "L2")];
    talk.ask("on no field", index("i_other", "nowhere", "", &flat)).await;
    talk.ask("on a field without a name", index("i_other", "", "", &flat)).await;
    talk.ask("FLAT to be dropped", index("i_other", "embedding", "", &flat)).await;
    let drop = |name: &str| milvus::DropIndexRequest {
        collection_name: "i_other".to_owned(),
        index_name: name.to_owned(),
        ..Default::default()
    };
    talk.ask("drop of none", drop("nothing")).await;
    talk.ask("drop", drop("embedding")).await;
    talk.ask("drop again", drop("embedding")).await;
}

async fn paths(talk: &mut Talk) {
    let mut collection = plain("i_paths", DataType::Int64).dynamic();
    collection.fields.push(field("meta", DataType::Json));
    collection.fields.push(field("other", DataType::Json));
    let cases: [Case; 14] = [
        ("by the field", "meta", &[("json_path", "meta[\"a\"]"), ("json_cast_type", "double")]),
        ("deep", "meta", &[("json_path", "meta[\"a\"][\"b\"]"), ("json_cast_type", "varchar")]),
        ("the field alone", "meta", &[("json_path", "meta"), ("json_cast_type", "varchar")]),
        (
            "of another field",
            "meta",
            &[("json_path", "other[\"a\"]"), ("json_cast_type", "double")],
        ),
        ("of no field", "meta", &[("json_path", "nowhere[\"a\"]"), ("json_cast_type", "double")]),
        ("of a scalar field", "meta", &[("json_path", "text"), ("json_cast_type", "varchar")]),
        ("without a path", "meta", &[("json_cast_type", "double")]),
        ("without a type", "meta", &[("json_path", "meta[\"a\"]")]),
        ("of an unknown type", "meta", &[("json_path", "meta[\"a\"]"), ("json_cast_type", "blob")]),
        ("array type", "meta", &[("json_path", "meta[\"a\"]"), ("json_cast_type", "array_double")]),
        ("bool type", "meta", &[("json_path", "meta[\"a\"]"), ("json_cast_type", "bool")]),
        (
            "with a function",
            "meta",
            &[
                ("json_path", "meta[\"a\"]"),
                ("json_cast_type", "double"),
                ("json_cast_function", "STRING_TO_DOUBLE"),
            ],
        ),
        ("of a dynamic key", "$meta", &[("json_path", "colour"), ("json_cast_type", "varchar")]),
        (
            "of a dynamic key by $meta",
            "$meta",
            &[("json_path", "$meta[\"colour\"]"), ("json_cast_type", "varchar")],
        ),
    ];
    for (what, on, more) in cases {
        let params: Vec<_> =
            [("index_type", "INVERTED")].into_iter().chain(more.iter().copied()).collect();
        one(talk, &format!("JSON path {what}"), &collection, on, &params).await;
    }
    let path =
        |path| [("index_type", "INVERTED"), ("json_path", path), ("json_cast_type", "double")];
    talk.create("i_paths: create", &collection).await;
    talk.ask("JSON path", index("i_paths", "meta", "", &path("meta[\"a\"]"))).await;
    talk.ask("JSON path repeated", index("i_paths", "meta", "", &path("meta[\"a\"]"))).await;
    talk.ask(
        "JSON path repeated by a name",
        index("i_paths", "meta", "named", &path("meta[\"a\"]")),
    )
    .await;
    talk.ask("another JSON path", index("i_paths", "meta", "", &path("meta[\"b\"]"))).await;
    talk.ask("JSON path in other words", index("i_paths", "meta", "words", &path("meta['b']")))
        .await;
    talk.ask("JSON paths: describe", described("i_paths")).await;
}
