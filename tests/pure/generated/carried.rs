//! The tables of the README about what is carried from where to where, made from [`Abilities`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use milvus_ferry::changes::abilities::{Abilities, Feature};
use milvus_ferry::changes::indexes::{IndexFit, index_for};
use milvus_ferry::model::{DataType, Field, FunctionKind, Index, ServerVersion, TargetKind};

use DataType as T;
use Feature as F;

/// Columns of the tables: a line of Milvus, or one server.
const COLUMNS: [(&str, Server); 9] = [
    ("2.2", Server::Line(2, 2)),
    ("2.3", Server::Line(2, 3)),
    ("2.4", Server::Line(2, 4)),
    ("2.5", Server::Line(2, 5)),
    ("2.6", Server::Line(2, 6)),
    ("3.0", Server::Line(3, 0)),
    ("Zilliz", Server::Zilliz),
    ("Lite 2", Server::Lite("milvus_lite-2.5.1")),
    ("Lite 3", Server::Lite("milvus_lite-3.2.2")),
];

/// Patch releases of a line that are asked; there are fewer.
const PATCHES: u32 = 40;

#[derive(Clone, Copy)]
enum Server {
    Line(u32, u32),
    Zilliz,
    Lite(&'static str),
}

impl Server {
    fn releases(self) -> Vec<Abilities> {
        let of = |text: &str, kind| Abilities::of(&ServerVersion::parse(text), kind, None);
        match self {
            Self::Line(major, minor) => {
                (0..PATCHES).map(|patch| of(&format!("v{major}.{minor}.{patch}"), None)).collect()
            }
            Self::Zilliz => {
                let text = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";
                vec![of(text, Some(TargetKind::ZillizDedicated))]
            }
            Self::Lite(text) => vec![of(text, None)],
        }
    }

    /// Whether there is a real server of this kind in the tests, and which release it is.
    fn is_here(self) -> bool {
        matches!(self, Self::Line(2, 2 | 3) | Self::Lite(_))
    }
}

/// Which of the real servers were tried with something: `tests/matrix.rs` says how.
#[derive(Clone, Copy, PartialEq)]
enum Tried {
    Here,
    /// But not in Milvus Lite 2.
    NotInLite2,
    /// In the double alone.
    Double,
}

/// Something to hold, and what is done where the target lacks it.
struct Row {
    what: &'static str,
    has: Box<dyn Fn(&Abilities) -> bool>,
    tried: Tried,
    otherwise: &'static str,
}

fn types(what: &'static str, types: &'static [DataType]) -> Row {
    Row {
        what,
        has: Box::new(|server| types.iter().all(|one| server.has_type(*one))),
        tried: Tried::Here,
        otherwise: "refused: `target_lacks_type`",
    }
}

fn feature(what: &'static str, feature: Feature, otherwise: &'static str) -> Row {
    Row { what, has: Box::new(move |server| server.has(feature)), tried: Tried::Here, otherwise }
}

fn function(what: &'static str, kind: FunctionKind, tried: Tried) -> Row {
    Row {
        what,
        has: Box::new(move |server| server.has_function(kind)),
        tried,
        otherwise: "refused: `target_lacks_functions`",
    }
}

fn not_in_lite_2(row: Row) -> Row {
    Row { tried: Tried::NotInLite2, ..row }
}

fn double(row: Row) -> Row {
    Row { tried: Tried::Double, ..row }
}

fn rows() -> Vec<Row> {
    const NULLS: &str = "refused: `target_lacks_nullable`";
    const FEATURE: &str = "refused: `target_lacks_feature`";
    let several = |server: &Abilities| server.limits.vector_fields.is_none_or(|most| most > 1);
    vec![
        types(
            "Bool, Int8 to Int64, Float, Double, VarChar",
            &[T::BOOL, T::INT8, T::INT16, T::INT32, T::INT64, T::FLOAT, T::DOUBLE, T::VARCHAR],
        ),
        types("JSON", &[T::JSON]),
        types("Array", &[T::ARRAY]),
        types("Geometry", &[T::GEOMETRY]),
        types("Timestamptz", &[T::TIMESTAMPTZ]),
        double(types("Text", &[T::TEXT])),
        types("FloatVector", &[T::FLOAT_VECTOR]),
        types("BinaryVector", &[T::BINARY_VECTOR]),
        types("Float16Vector", &[T::FLOAT16_VECTOR]),
        types("BFloat16Vector", &[T::BFLOAT16_VECTOR]),
        types("SparseFloatVector", &[T::SPARSE_FLOAT_VECTOR]),
        types("Int8Vector", &[T::INT8_VECTOR]),
        Row {
            what: "several vector fields",
            has: Box::new(several),
            tried: Tried::Here,
            otherwise: "refused: `too_many_vector_fields`",
        },
        double(feature("arrays of structs", F::StructArrays, FEATURE)),
        Row {
            what: "vectors in structs other than FloatVector",
            has: Box::new(|server| server.has_vectors_of_arrays(T::BINARY_VECTOR)),
            tried: Tried::Double,
            otherwise: "refused: `target_lacks_type`",
        },
        feature("nullable scalars and arrays", F::NullableScalars, NULLS),
        feature("nullable vectors", F::NullableVectors, NULLS),
        double(feature("nullable arrays of structs", F::NullableStructs, NULLS)),
        feature(
            "default values ¹",
            F::DefaultValues,
            "refused: `target_lacks_default`; `fields.NAME.drop_default`",
        ),
        function("BM25 ²", FunctionKind::BM25, Tried::Here),
        function("text embedding ³", FunctionKind::TEXT_EMBEDDING, Tried::Double),
        function("rerank", FunctionKind::RERANK, Tried::Double),
        function("MinHash ²", FunctionKind::MIN_HASH, Tried::Double),
        feature("analyzers, text match", F::TextMatch, FEATURE),
        double(feature("uploaded files of analyzers ⁵", F::FileResources, FEATURE)),
        feature("dynamic field", F::DynamicField, FEATURE),
        feature(
            "partition key",
            F::PartitionKey,
            "refused: `target_lacks_feature`; \
             `partition_key = \"none\"`",
        ),
        feature(
            "partitions",
            F::Partitions,
            "refused: `target_lacks_feature`; \
             `partitions = \"merge\"`",
        ),
        not_in_lite_2(feature(
            "clustering key",
            F::ClusteringKey,
            "refused, for Lite a warning: \
             `target_lacks_feature`",
        )),
        feature("properties of collections ⁴", F::Properties, "warning: `target_lacks_feature`"),
        double(feature("`mmap.enabled`", F::Mmap, "warning: `target_lacks_feature`")),
        feature("aliases", F::Aliases, "refused: `target_lacks_feature`; `aliases = \"none\"`"),
        feature("databases", F::Databases, "refused: `target_lacks_feature`; `target_database`"),
        double(feature("properties of databases", F::DatabaseProperties, "left out")),
        double(feature("indexes on JSON paths", F::JsonPathIndex, "refused: `target_lacks_index`")),
    ]
}

/// Both tables. Panics when a code that they name is none of the tool's.
pub(crate) fn tables() -> String {
    let mut out = String::new();
    head(&mut out, "", "otherwise");
    let sources = sources(Path::new("src/changes"));
    for row in rows() {
        for code in codes(row.otherwise) {
            assert!(sources.contains(&format!("\"{code}\"")), "{code} is no code of a finding");
        }
        write!(out, "| {} |", row.what).unwrap();
        for (_, server) in COLUMNS {
            write!(out, " {} |", cell(&row, server)).unwrap();
        }
        writeln!(out, " {} |", row.otherwise).unwrap();
    }
    out.push_str(
        "\nIndexes, at the newest release of each line; `=` is the same, `–` is refused:\n\n",
    );
    head(&mut out, "at the source", "");
    for (kind, on) in INDEXES {
        write!(out, "| {kind}{} |", on_text(*on)).unwrap();
        for (_, server) in COLUMNS {
            let newest = server.releases().pop().unwrap();
            write!(out, " {} |", fit(&newest, kind, *on)).unwrap();
        }
        out.push('\n');
    }
    out
}

fn head(out: &mut String, first: &str, last: &str) {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    let last = if last.is_empty() { String::new() } else { format!(" {last} |") };
    writeln!(out, "| {first} | {} |{last}", names.join(" | ")).unwrap();
    let dashes = "---|".repeat(COLUMNS.len() + 1 + usize::from(!last.is_empty()));
    writeln!(out, "|{dashes}").unwrap();
}

/// `✓` has it, `–` lacks it, a release has it from there on; in brackets what no real server in the
/// tests has shown.
fn cell(row: &Row, server: Server) -> String {
    let releases = server.releases();
    let has: Vec<bool> = releases.iter().map(|release| (row.has)(release)).collect();
    let text = match has.iter().position(|has| *has) {
        None => "–".to_owned(),
        Some(0) => "✓".to_owned(),
        Some(first) => {
            let (major, minor, patch) = releases[first].release;
            format!("{major}.{minor}.{patch}")
        }
    };
    assert!(has.is_sorted(), "{} comes and goes", row.what);
    let seen = match row.tried {
        Tried::Here => server.is_here(),
        Tried::NotInLite2 => server.is_here() && !releases[0].to_string().contains("Lite 2"),
        Tried::Double => false,
    };
    if seen { text } else { format!("({text})") }
}

/// Words in backticks with an underscore: codes of findings, and keys of the plan file.
fn codes(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| word.starts_with("target_lacks") || word.starts_with("too_")).collect()
}

fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    all
}

/// Index types that some server lacks, and on what.
const INDEXES: &[(&str, DataType)] = &[
    ("HNSW", T::FLOAT_VECTOR),
    ("HNSW_SQ", T::FLOAT_VECTOR),
    ("HNSW_PQ", T::FLOAT_VECTOR),
    ("HNSW_PRQ", T::FLOAT_VECTOR),
    ("DISKANN", T::FLOAT_VECTOR),
    ("AISAQ", T::FLOAT_VECTOR),
    ("ANNOY", T::FLOAT_VECTOR),
    ("RHNSW_FLAT", T::FLOAT_VECTOR),
    ("IVF_FLAT", T::FLOAT_VECTOR),
    ("IVF_SQ8", T::FLOAT_VECTOR),
    ("IVF_PQ", T::FLOAT_VECTOR),
    ("IVF_RABITQ", T::FLOAT_VECTOR),
    ("SCANN", T::FLOAT_VECTOR),
    ("GPU_CAGRA", T::FLOAT_VECTOR),
    ("GPU_IVF_FLAT", T::FLOAT_VECTOR),
    ("GPU_BRUTE_FORCE", T::FLOAT_VECTOR),
    ("BIN_IVF_FLAT", T::BINARY_VECTOR),
    ("MINHASH_LSH", T::BINARY_VECTOR),
    ("SPARSE_WAND", T::SPARSE_FLOAT_VECTOR),
    ("INVERTED", T::VARCHAR),
    ("INVERTED", T::INT64),
    ("INVERTED", T::ARRAY),
    ("INVERTED", T::JSON),
    ("BITMAP", T::BOOL),
    ("BITMAP", T::VARCHAR),
    ("STL_SORT", T::INT64),
    ("Trie", T::VARCHAR),
    ("NGRAM", T::VARCHAR),
    ("RTREE", T::GEOMETRY),
];

fn on_text(data_type: DataType) -> String {
    if data_type == T::FLOAT_VECTOR { String::new() } else { format!(" on {data_type}") }
}

fn fit(target: &Abilities, kind: &str, on: DataType) -> String {
    let field = Field {
        name: "field".to_owned(),
        description: String::new(),
        data_type: on,
        element_type: if on == T::ARRAY { T::INT64 } else { T::NONE },
        primary_key: false,
        auto_id: false,
        partition_key: false,
        clustering_key: false,
        nullable: false,
        function_output: false,
        default_value: None,
        type_params: BTreeMap::new(),
    };
    if !target.has_type(on) {
        return "–".to_owned();
    }
    let metric = match on {
        T::FLOAT_VECTOR => "L2",
        T::BINARY_VECTOR if kind == "MINHASH_LSH" => "MHJACCARD",
        T::BINARY_VECTOR => "HAMMING",
        T::SPARSE_FLOAT_VECTOR => "IP",
        _ => "",
    };
    let params = [("index_type", kind), ("metric_type", metric)];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let index = Index { name: String::new(), field: "field".to_owned(), params };
    match index_for(target, &index, &field) {
        IndexFit::Same | IndexFit::Without { .. } => "=".to_owned(),
        IndexFit::Lacking(_) => "–".to_owned(),
        IndexFit::Mapped { index, .. } | IndexFit::Auto { index, .. } => {
            index.params["index_type"].clone()
        }
    }
}
