use super::*;
use crate::model::samples::field;
use crate::model::{ServerVersion, TargetKind};

fn target(version: &str) -> Abilities {
    Abilities::of(&ServerVersion::parse(version), None, None)
}

fn zilliz() -> Abilities {
    let version = ServerVersion::parse("Zilliz Cloud Vector Database(Compatible with Milvus 2.6)");
    Abilities::of(&version, Some(TargetKind::ZillizServerless), None)
}

fn index(kind: &str, metric: &str, params: &str) -> Index {
    let mut index =
        Index { name: "mine".to_owned(), field: "f".to_owned(), params: BTreeMap::new() };
    for (name, value) in [("index_type", kind), ("metric_type", metric), ("params", params)] {
        if !value.is_empty() {
            index.params.insert(name.to_owned(), value.to_owned());
        }
    }
    index
}

/// `=`: the same; `TYPE params`: mapped; `auto`; `-`: lacking.
fn fit(target: &Abilities, index: &Index, data_type: DataType) -> String {
    match index_for(target, index, &field("f", data_type)) {
        IndexFit::Same => "=".to_owned(),
        IndexFit::Lacking(_) => "-".to_owned(),
        IndexFit::Without { index: less, why } => {
            let left: Vec<String> = index.settings().into_keys().collect();
            let left = left.iter().filter(|name| !less.settings().contains_key(*name));
            let left: Vec<&str> = left.map(String::as_str).collect();
            assert!(why.contains(&left.join(", ")), "{why}");
            format!("without {}", left.join(", "))
        }
        IndexFit::Auto { index: auto, why } => {
            assert!(why.contains("AUTOINDEX") && why.contains(param(index, "index_type")), "{why}");
            assert_eq!(param(&auto, "metric_type"), param(index, "metric_type"));
            assert_eq!(param(&auto, "index_type"), "AUTOINDEX");
            assert_eq!(param(&auto, "params"), "");
            "auto".to_owned()
        }
        IndexFit::Mapped { index: to, why } => {
            assert!(why.contains(param(&to, "index_type")), "{why}");
            assert_eq!(param(&to, "metric_type"), param(index, "metric_type"), "{why}");
            assert_eq!((&to.name, &to.field), (&index.name, &index.field));
            format!("{} {}", param(&to, "index_type"), param(&to, "params")).trim().to_owned()
        }
    }
}

#[test]
fn each_index_finds_its_place() {
    use DataType as T;
    const LITE_2: &str = "milvus_lite-2.5.1";
    const GRAPH: &str = r#"{"M":16,"efConstruction":200}"#;
    const PQ: &str = r#"{"m":4,"nbits":8,"nlist":64}"#;
    const NEW_GRAPH: &str = r#"HNSW {"M":18,"efConstruction":240}"#;
    for (kind, metric, params, on, to, expected) in [
        ("HNSW", "L2", GRAPH, T::FLOAT_VECTOR, "2.2.16", "="),
        ("hnsw", "L2", GRAPH, T::FLOAT_VECTOR, "2.2.16", "="),
        ("HNSW", "COSINE", GRAPH, T::FLOAT_VECTOR, "2.2.16", "-"),
        ("HNSW", "COSINE", GRAPH, T::FLOAT_VECTOR, "2.3.0", "="),
        ("ANNOY", "L2", r#"{"n_trees":8}"#, T::FLOAT_VECTOR, "2.2.16", "="),
        ("ANNOY", "L2", r#"{"n_trees":8}"#, T::FLOAT_VECTOR, "2.3.5", NEW_GRAPH),
        (
            "RHNSW_PQ",
            "IP",
            GRAPH,
            T::FLOAT_VECTOR,
            "2.4.0",
            r#"HNSW {"M":16,"efConstruction":200}"#,
        ),
        ("DISKANN", "L2", "", T::FLOAT_VECTOR, "2.1.4", NEW_GRAPH),
        ("DISKANN", "L2", "", T::FLOAT_VECTOR, "2.2.16", "="),
        ("AISAQ", "L2", "", T::FLOAT_VECTOR, "2.5.0", "DISKANN"),
        ("HNSW_SQ", "L2", GRAPH, T::FLOAT_VECTOR, "2.4.9", r#"HNSW {"M":16,"efConstruction":200}"#),
        ("SCANN", "L2", r#"{"nlist":77}"#, T::FLOAT_VECTOR, "2.2.16", r#"IVF_FLAT {"nlist":77}"#),
        ("IVF_RABITQ", "L2", "", T::FLOAT_VECTOR, "2.5.9", r#"IVF_FLAT {"nlist":128}"#),
        ("GPU_IVF_PQ", "L2", PQ, T::FLOAT_VECTOR, "2.2.16", r#"IVF_FLAT {"nlist":64}"#),
        ("GPU_CAGRA", "IP", "", T::FLOAT_VECTOR, "2.3.5", NEW_GRAPH),
        ("GPU_BRUTE_FORCE", "IP", "", T::FLOAT_VECTOR, "2.3.5", "FLAT"),
        ("GPU_CAGRA", "IP", "", T::FLOAT_VECTOR, "2.4.0", "="),
        ("IVF_SQ8", "L2", r#"{"nlist":9}"#, T::FLOAT_VECTOR, LITE_2, r#"IVF_FLAT {"nlist":9}"#),
        ("HNSW", "L2", GRAPH, T::FLOAT_VECTOR, LITE_2, r#"IVF_FLAT {"nlist":128}"#),
        ("HNSW", "L2", GRAPH, T::FLOAT16_VECTOR, LITE_2, "FLAT"),
        ("DISKANN", "IP", "", T::FLOAT_VECTOR, LITE_2, r#"IVF_FLAT {"nlist":128}"#),
        ("BOGUS", "IP", "", T::FLOAT_VECTOR, LITE_2, "AUTOINDEX"),
        ("AISAQ", "L2", "", T::FLOAT_VECTOR, "2.1.4", NEW_GRAPH),
        ("AUTOINDEX", "L2", "", T::BFLOAT16_VECTOR, LITE_2, "FLAT"),
        ("BIN_IVF_FLAT", "HAMMING", "", T::BINARY_VECTOR, LITE_2, "BIN_FLAT"),
        ("AUTOINDEX", "IP", "", T::SPARSE_FLOAT_VECTOR, LITE_2, "SPARSE_INVERTED_INDEX"),
        ("STL_SORT", "", "", T::INT64, LITE_2, "INVERTED"),
        ("Trie", "", "", T::VARCHAR, LITE_2, "="),
        ("INVERTED", "", "", T::BOOL, LITE_2, "="),
        ("INVERTED", "", "", T::ARRAY, LITE_2, "-"),
        ("INVERTED", "", "", T::JSON, LITE_2, "-"),
        ("BOGUS", "L2", "", T::FLOAT_VECTOR, "milvus_lite-3.2.2", "="),
        ("BOGUS", "L2", "", T::FLOAT_VECTOR, "2.6.0", "AUTOINDEX"),
        ("BIN_FLAT", "HAMMING", "", T::BINARY_VECTOR, "2.2.16", "="),
        ("BIN_FLAT", "TANIMOTO", "", T::BINARY_VECTOR, "2.3.5", "-"),
        ("MINHASH_LSH", "MHJACCARD", "", T::BINARY_VECTOR, "2.5.0", "-"),
        ("MINHASH_LSH", "JACCARD", "", T::BINARY_VECTOR, "2.5.0", "BIN_FLAT"),
        ("SPARSE_WAND", "IP", "", T::SPARSE_FLOAT_VECTOR, "2.4.0", "="),
        ("SPARSE_INVERTED_INDEX", "BM25", "", T::SPARSE_FLOAT_VECTOR, "2.4.0", "-"),
        ("marisa-trie", "", "", T::VARCHAR, "2.3.5", "Trie"),
        ("Trie", "", "", T::VARCHAR, "2.3.5", "="),
        ("", "", "", T::VARCHAR, "2.3.5", "="),
        ("INVERTED", "", "", T::VARCHAR, "2.3.5", "Trie"),
        ("INVERTED", "", "", T::INT64, "2.3.5", "STL_SORT"),
        ("INVERTED", "", "", T::BOOL, "2.3.5", "-"),
        ("INVERTED", "", "", T::ARRAY, "2.3.5", "-"),
        ("INVERTED", "", "", T::ARRAY, "2.4.0", "="),
        ("BITMAP", "", "", T::BOOL, "2.4.7", "INVERTED"),
        ("BITMAP", "", "", T::BOOL, "2.4.8", "="),
        ("HYBRID", "", "", T::BOOL, "2.6.20", "INVERTED"),
        ("BITMAP", "", "", T::INT32, "2.2.16", "STL_SORT"),
        ("HYBRID", "", "", T::VARCHAR, "2.3.5", "Trie"),
        ("STL_SORT", "", "", T::VARCHAR, "2.4.0", "INVERTED"),
        ("AUTOINDEX", "", "", T::INT64, "2.3.5", "STL_SORT"),
        ("NGRAM", "", r#"{"min_gram":2,"max_gram":3}"#, T::VARCHAR, "2.5.0", "INVERTED"),
        ("RTREE", "", "", T::GEOMETRY, "2.6.0", "="),
    ] {
        let found = fit(&target(to), &index(kind, metric, params), on);
        assert_eq!(found, expected, "{kind} {metric} on {on} to {to}");
    }
}

#[test]
fn zilliz_cloud_chooses_the_indexes_of_vectors_and_takes_those_of_scalars() {
    use DataType as T;
    for (kind, metric, on, expected) in [
        ("HNSW", "COSINE", T::FLOAT_VECTOR, "auto"),
        ("GPU_CAGRA", "L2", T::FLOAT_VECTOR, "auto"),
        ("AUTOINDEX", "L2", T::FLOAT_VECTOR, "="),
        ("BIN_IVF_FLAT", "HAMMING", T::BINARY_VECTOR, "auto"),
        ("SPARSE_WAND", "BM25", T::SPARSE_FLOAT_VECTOR, "auto"),
        ("BIN_FLAT", "TANIMOTO", T::BINARY_VECTOR, "-"),
        ("BITMAP", "", T::BOOL, "="),
        ("RTREE", "", T::GEOMETRY, "="),
    ] {
        let found = fit(&zilliz(), &index(kind, metric, ""), on);
        assert_eq!(found, expected, "{kind} {metric} on {on}");
    }
}

#[test]
fn what_is_replaced_is_said_in_full() {
    let from = index("HNSW", "L2", r#"{"M":16,"efConstruction":200}"#);
    let IndexFit::Auto { why, .. } =
        index_for(&zilliz(), &from, &field("f", DataType::FLOAT_VECTOR))
    else {
        panic!("not replaced");
    };
    assert_eq!(
        why,
        "Zilliz Cloud (Serverless) chooses the index itself: AUTOINDEX takes the place of HNSW \
         (M = 16, efConstruction = 200)"
    );
    let from = index("IVF_PQ", "L2", r#"{"m":4,"nlist":64}"#);
    let lite = target("milvus_lite-2.5.1");
    let IndexFit::Mapped { why, .. } = index_for(&lite, &from, &field("f", DataType::FLOAT_VECTOR))
    else {
        panic!("not replaced");
    };
    assert_eq!(
        why,
        "Milvus Lite 2.5.1 has no IVF_PQ here: IVF_FLAT (nlist = 64) takes its place, without m = 4"
    );
}

#[test]
fn paths_into_json_need_a_server_that_knows_them() {
    let mut of_path = index("INVERTED", "", "");
    of_path.params.insert("json_path".to_owned(), "f[\"a\"]".to_owned());
    of_path.params.insert("json_cast_type".to_owned(), "varchar".to_owned());
    assert_eq!(fit(&target("2.4.0"), &of_path, DataType::JSON), "-");
    assert_eq!(fit(&target("2.6.0"), &of_path, DataType::JSON), "=");
}

#[test]
fn what_indexes_make_of_json_follows_the_release() {
    for (cast, to, expected) in [
        ("double", "2.5.6", "-"),
        ("double", "2.5.7", "="),
        ("ARRAY_BOOL", "2.5.13", "-"),
        (" array_bool", "2.5.14", "="),
        ("JSON", "2.5.27", "-"),
        ("json", "2.6.0", "="),
        ("uuid", "3.0.0", "-"),
        ("varchar", "milvus_lite-3.2.2", "="),
    ] {
        let mut of_path = index("INVERTED", "", "");
        of_path.params.insert("json_path".to_owned(), "f[\"a\"]".to_owned());
        of_path.params.insert("json_cast_type".to_owned(), cast.to_owned());
        assert_eq!(fit(&target(to), &of_path, DataType::JSON), expected, "{cast} to {to}");
    }
}

fn kept_in(mut index: Index, params: &[(&str, &str)]) -> Index {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    index.params.extend(params);
    index
}

const MAPPED: (&str, &str) = ("mmap.enabled", "true");
const WARM: (&str, &str) = ("warmup", "sync");

#[test]
fn automatic_indexes_of_vectors_take_what_can_be_altered_beside_their_metric() {
    use DataType as T;
    for (given, on, to, expected) in [
        (&[MAPPED][..], T::FLOAT_VECTOR, "2.4.1", "="),
        (&[MAPPED], T::FLOAT_VECTOR, "2.3.5", "without mmap.enabled"),
        (&[MAPPED], T::FLOAT_VECTOR, "milvus_lite-2.5.1", "without mmap.enabled"),
        (&[MAPPED], T::FLOAT_VECTOR, "milvus_lite-3.2.2", "="),
        (&[MAPPED, WARM], T::FLOAT_VECTOR, "2.6.10", "without warmup"),
        (&[MAPPED, WARM], T::FLOAT_VECTOR, "2.6.11", "="),
        (&[MAPPED, ("load_priority", "low")], T::FLOAT_VECTOR, "2.6.20", "without load_priority"),
        (&[MAPPED, ("params", r#"{"M":8}"#)], T::FLOAT_VECTOR, "2.6.20", "without M"),
        (&[MAPPED, ("params", r#"{"M":8}"#)], T::INT64, "2.6.20", "="),
    ] {
        let metric = if on.is_vector() { "L2" } else { "" };
        let automatic = kept_in(index("AUTOINDEX", metric, ""), given);
        assert_eq!(fit(&target(to), &automatic, on), expected, "{given:?} on {on} to {to}");
    }
    for (kind, on, expected) in [
        ("AUTOINDEX", T::FLOAT_VECTOR, "without mmap.enabled"),
        ("HNSW", T::FLOAT_VECTOR, "auto"),
        ("INVERTED", T::INT64, "="),
    ] {
        let metric = if on.is_vector() { "L2" } else { "" };
        let mapped = kept_in(index(kind, metric, ""), &[MAPPED]);
        assert_eq!(fit(&zilliz(), &mapped, on), expected, "{kind} on {on}");
    }
    let hnsw = kept_in(index("HNSW", "L2", r#"{"M":16}"#), &[MAPPED]);
    let vector = field("f", T::FLOAT_VECTOR);
    let IndexFit::Auto { index: auto, why } = index_for(&zilliz(), &hnsw, &vector) else {
        panic!("not replaced");
    };
    assert!(!auto.params.contains_key("mmap.enabled"));
    assert_eq!(
        why,
        "Zilliz Cloud (Serverless) chooses the index itself: AUTOINDEX takes the place of HNSW \
         (M = 16); without mmap.enabled, as Zilliz Cloud (Serverless) takes none on an index of vectors"
    );
}

#[test]
fn what_an_index_is_kept_in_is_altered_afterwards_where_it_cannot_be_given() {
    let vector = field("f", DataType::FLOAT_VECTOR);
    let mapped = |kind: &str| kept_in(index(kind, "L2", ""), &[MAPPED, WARM]);
    let (made, afterwards) = in_turn(&mapped("autoindex"), Some(&vector), true);
    assert_eq!(made, index("autoindex", "L2", ""));
    let set = [MAPPED, WARM].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(afterwards, set.into());
    let number = field("f", DataType::INT64);
    for (kind, of, keeps_details) in [
        ("HNSW", Some(&vector), true),
        ("AUTOINDEX", Some(&number), true),
        ("AUTOINDEX", Some(&vector), false),
        ("AUTOINDEX", None, true),
    ] {
        let whole = mapped(kind);
        assert_eq!(in_turn(&whole, of, keeps_details), (whole.clone(), BTreeMap::new()), "{kind}");
    }
}

/// What `AUTOINDEX` is on them cannot be built on lists of binary vectors.
#[test]
fn lists_of_bits_get_a_graph_for_an_automatic_index() {
    let on = |element_type| Field { element_type, ..field("f", DataType::ARRAY_OF_VECTOR) };
    let of = |metric| index("AUTOINDEX", metric, "");
    for version in ["2.6.20", "3.0.0"] {
        for metric in ["MAX_SIM_HAMMING", "MAX_SIM_JACCARD", "max_sim_hamming"] {
            let fit = index_for(&target(version), &of(metric), &on(DataType::BINARY_VECTOR));
            let IndexFit::Mapped { index: made, why } = fit else { panic!("{fit:?}") };
            assert_eq!(param(&made, "index_type"), "HNSW");
            assert_eq!(param(&made, "metric_type"), metric);
            assert!(why.contains("has no AUTOINDEX here: HNSW"), "{why}");
        }
        let one_by_one = index_for(&target(version), &of("HAMMING"), &on(DataType::BINARY_VECTOR));
        assert_eq!(one_by_one, IndexFit::Same);
        let floats = index_for(&target(version), &of("MAX_SIM_IP"), &on(DataType::FLOAT_VECTOR));
        assert_eq!(floats, IndexFit::Same);
    }
}

#[test]
fn a_server_of_the_same_version_takes_every_index_as_it_is() {
    for (version, kinds) in [
        ("2.2.16", &["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "HNSW", "ANNOY", "DISKANN"][..]),
        ("2.3.5", &["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "HNSW", "SCANN", "DISKANN"]),
        ("2.6.0", &["HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "IVF_RABITQ", "GPU_CAGRA", "AUTOINDEX"]),
    ] {
        for kind in kinds {
            let found = fit(&target(version), &index(kind, "L2", ""), DataType::FLOAT_VECTOR);
            assert_eq!(found, "=", "{kind} at {version}");
        }
    }
}
