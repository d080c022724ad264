use proptest::prelude::*;

use super::*;
use crate::model::samples::field;

fn server(version: &str) -> Abilities {
    Abilities::of(&ServerVersion::parse(version), None, None)
}

fn milvus(release: Release) -> Abilities {
    server(&format!("v{}.{}.{}", release.0, release.1, release.2))
}

const CLOUD: &str = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";

fn cloud(kind: Option<TargetKind>, units: Option<u32>) -> Abilities {
    Abilities::of(&ServerVersion::parse(CLOUD), kind, units)
}

#[test]
fn each_version_has_what_it_was_released_with() {
    use Feature as F;
    // Each column is one server; `x` has it.
    let servers = [
        "2.1.4",
        "2.2.8",
        "2.2.16",
        "2.3.5",
        "2.4.9",
        "2.5.4",
        "2.6.0",
        "2.6.18",
        "3.0.0",
        "milvus_lite-2.5.1",
        "milvus_lite-3.2.2",
    ];
    for (feature, row) in [
        (F::Properties, ".xxxxxxxx.x"),
        (F::DynamicField, "..xxxxxxxxx"),
        (F::PartitionKey, "..xxxxxxx.x"),
        (F::Databases, "..xxxxxxx.x"),
        (F::Upsert, "...xxxxxxxx"),
        (F::DatabaseProperties, "....xxxxx.x"),
        (F::DeleteProperties, "....xxxxx.x"),
        (F::ClusteringKey, "....xxxxx.."),
        (F::Mmap, "....xxxxx.."),
        (F::NullableScalars, ".....xxxx.x"),
        (F::DefaultValues, "...xxxxxx.x"),
        (F::DefaultsInUse, ".....xxxx.x"),
        (F::TextMatch, ".....xxxxxx"),
        (F::JsonPathIndex, "......xxx.x"),
        (F::StructArrays, ".......xx.."),
        (F::IndexWarmup, ".......xx.."),
        (F::FileResources, "........x.."),
        (F::NullableVectors, ".......xx.."),
        (F::NullableStructs, "........x.."),
        (F::Partitions, "xxxxxxxxx.x"),
        (F::Aliases, "xxxxxxxxx.x"),
    ] {
        let found: String =
            servers.map(|at| if server(at).has(feature) { 'x' } else { '.' }).iter().collect();
        assert_eq!(found, row, "{feature:?}");
    }
    for (data_type, row) in [
        (DataType::INT64, "xxxxxxxxxxx"),
        (DataType::JSON, "..xxxxxxxxx"),
        (DataType::ARRAY, "...xxxxxxxx"),
        (DataType::GEOMETRY, ".......xx.x"),
        (DataType::TIMESTAMPTZ, ".......xx.x"),
        (DataType::TEXT, "........x.."),
        (DataType::BINARY_VECTOR, "xxxxxxxxxx."),
        (DataType::FLOAT16_VECTOR, "...xxxxxxx."),
        (DataType::BFLOAT16_VECTOR, "....xxxxxx."),
        (DataType::SPARSE_FLOAT_VECTOR, "....xxxxxxx"),
        (DataType::INT8_VECTOR, "......xxx.."),
        (DataType(27), "..........."),
        (DataType(31), "..........."),
    ] {
        let found: String = servers
            .map(|at| if server(at).has_type(data_type) { 'x' } else { '.' })
            .iter()
            .collect();
        assert_eq!(found, row, "{data_type}");
    }
}

#[test]
fn an_unknown_version_is_believed_to_be_the_newest() {
    let unknown = server("");
    assert!(unknown.release_unknown && unknown.keeps_details);
    assert_eq!(unknown.release, NEWEST);
    assert!(unknown.has(Feature::NullableStructs));
    assert_eq!(unknown.to_string(), "Milvus of unknown version");
    assert!(!server("2.3.5").release_unknown);
}

#[test]
fn zilliz_cloud_is_given_the_widest_limits_until_its_plan_is_named() {
    let unknown = cloud(None, None);
    assert!(unknown.plan_unknown);
    assert_eq!(unknown.family, Family::Zilliz(Plan::Dedicated(None)));
    assert_eq!(unknown.limits.collections, Some(16_384));
    assert_eq!(unknown.limits.write_rate, None);
    // The plan file cannot make a cloud of it that it is not, nor the other way round.
    assert!(cloud(Some(TargetKind::Milvus), None).plan_unknown);
    let free = cloud(Some(TargetKind::ZillizFree), None);
    assert_eq!(free.limits.storage, Some(5_000_000_000));
    assert_eq!(free.limits.write_rate, Some(2_000_000));
    assert_eq!(free.limits.collections, Some(5));
    let serverless = cloud(Some(TargetKind::ZillizServerless), Some(3));
    assert_eq!(serverless.limits.write_rate, Some(10_000_000));
    assert_eq!(serverless.limits.collections, Some(100));
    for (units, rate, collections) in
        [(1, 17, 1_024), (8, 24, 8_192), (64, 80, 16_384), (1_000, 256, 16_384)]
    {
        let of = cloud(Some(TargetKind::ZillizDedicated), Some(units));
        assert!(!of.plan_unknown);
        assert_eq!(of.limits.write_rate, Some(rate * 1_000_000), "{units}");
        assert_eq!(of.limits.collections, Some(collections), "{units}");
    }
}

/// What the servers of each release said.
#[test]
fn vectors_of_structs_have_the_types_and_metrics_of_their_release() {
    let of = |element: DataType| Field {
        element_type: element,
        ..field("f", DataType::ARRAY_OF_VECTOR)
    };
    let (float, bits) = (of(DataType::FLOAT_VECTOR), of(DataType::BINARY_VECTOR));
    let servers = ["2.5.27", "2.6.3", "2.6.4", "2.6.17", "2.6.18", "2.6.20", "3.0.0"];
    for (metric, field, row) in [
        ("MAX_SIM_COSINE", &float, "..xxxxx"),
        ("max_sim", &float, "..xxxxx"),
        ("MAX_SIM_HAMMING", &float, "..xxxx."),
        ("MAX_SIM_HAMMING", &bits, "..xxxxx"),
        ("MAX_SIM_L2", &bits, "..xxxx."),
        ("L2", &float, "....xxx"),
        ("COSINE", &float, "....xxx"),
        ("HAMMING", &float, "......."),
        ("HAMMING", &bits, "....xxx"),
    ] {
        let has = |at: &&str| if server(at).has_metric(metric, field) { 'x' } else { '.' };
        assert_eq!(servers.iter().map(has).collect::<String>(), row, "{metric}");
    }
    for (element, row) in [
        (DataType::FLOAT_VECTOR, "..xxxxx"),
        (DataType::BINARY_VECTOR, ".....xx"),
        (DataType::FLOAT16_VECTOR, ".....xx"),
        (DataType::INT8_VECTOR, ".....xx"),
        (DataType::SPARSE_FLOAT_VECTOR, "......."),
    ] {
        let has = |at: &&str| if server(at).has_vectors_of_arrays(element) { 'x' } else { '.' };
        assert_eq!(servers.iter().map(has).collect::<String>(), row, "{element}");
    }
}

#[test]
fn a_line_of_zilliz_cloud_is_its_newest_release() {
    let newest = cloud(None, None);
    assert!(newest.has(Feature::NullableVectors) && newest.skips_function_checks);
    assert!(!newest.has(Feature::NullableStructs));
    assert_eq!(newest.to_string(), "Zilliz Cloud");
}

#[test]
fn the_address_tells_small_clusters_from_dedicated_ones() {
    let uri = "https://in03-1.serverless.aws-eu.vectordb.zillizcloud.com";
    let small = cloud(None, None).hosted_at(uri);
    assert!(small.plan_unknown);
    assert_eq!(small.family, Family::Zilliz(Plan::Serverless));
    assert_eq!(small.limits.shards, Some(2));
    assert_eq!(small.capacity(), Capacity::default());
    let named = cloud(Some(TargetKind::ZillizFree), None).hosted_at(uri);
    assert_eq!(named.family, Family::Zilliz(Plan::Free));
    assert_eq!(named.capacity().write_quota, Some(2_000_000));
    assert_eq!(server("2.3.5").hosted_at(uri), server("2.3.5"));
}

/// Everything that an index or metric table can be asked.
fn indexed() -> impl Iterator<Item = Field> {
    let types = tables::TYPES.iter().map(|row| row.what);
    types.map(|data_type| Field { element_type: DataType::FLOAT_VECTOR, ..field("f", data_type) })
}

fn release() -> impl Strategy<Value = Release> {
    (prop_oneof![Just((2, 0..7_u32)), Just((3, 0..2_u32))])
        .prop_flat_map(|(major, minors)| (Just(major), minors, 0..20_u32))
}

proptest! {
    /// Raising a version takes nothing away but what is named here: indexes of long ago (`ANNOY`
    /// and older), the `TANIMOTO` metric, and room that became less: fields (256, 64 from 2.2 on,
    /// 256 again from 3.0 on), shards (2.2), partitions (2.5) and descriptions (2.6).
    #[test]
    fn raising_a_version_never_removes_an_ability(one in release(), other in release()) {
        let (older, newer) = (milvus(one.min(other)), milvus(one.max(other)));
        for row in tables::TYPES {
            prop_assert!(!older.has_type(row.what) || newer.has_type(row.what), "{}", row.what);
        }
        for row in tables::FUNCTIONS {
            prop_assert!(!older.has_function(row.what) || newer.has_function(row.what));
        }
        for row in tables::FEATURES {
            prop_assert!(!older.has(row.what) || newer.has(row.what), "{:?}", row.what);
        }
        for field in indexed() {
            for row in index_tables::INDEXES.iter().filter(|row| row.servers.below.is_none()) {
                let has = |of: &Abilities| of.has_index(row.name, &field);
                prop_assert!(!has(&older) || has(&newer), "{} on {}", row.name, field.data_type);
            }
            let metrics = index_tables::METRICS.iter().chain(index_tables::LIST_METRICS);
            for row in metrics.filter(|row| {
                row.servers.below.is_none() && row.compares.contains(&indexed_type(&field))
            }) {
                let has = |of: &Abilities| of.has_metric(row.name, &field);
                prop_assert!(!has(&older) || has(&newer), "{} on {}", row.name, field.data_type);
            }
        }
        let room = |of: &Abilities| [
            of.limits.vector_fields,
            of.limits.dimension,
            of.limits.collections,
            of.limits.databases,
            of.limits.varchar,
            of.limits.text,
            of.limits.capacity,
            of.limits.request,
        ].map(|limit| limit.unwrap_or(u64::MAX));
        for (before, after) in room(&older).into_iter().zip(room(&newer)) {
            prop_assert!(before <= after);
        }
        prop_assert!(!older.limits.hyphens || newer.limits.hyphens);
    }

    /// What went away stays away, and is replaced by something that is there.
    #[test]
    fn what_went_away_has_a_replacement(release in release()) {
        let server = milvus(release);
        let vector = field("f", DataType::FLOAT_VECTOR);
        for row in index_tables::INDEXES.iter().filter(|row| row.servers.below.is_some()) {
            let params = [("index_type".to_owned(), row.name.to_owned())].into();
            let index = crate::model::Index {
                name: String::new(),
                field: "f".to_owned(),
                params,
            };
            let fit = super::super::indexes::index_for(&server, &index, &vector);
            prop_assert!(
                !matches!(fit, super::super::indexes::IndexFit::Lacking(_)),
                "{} at {release:?}", row.name
            );
        }
    }
}

#[test]
fn knowhere_says_what_an_index_is_built_on() {
    let has = |version: &str, index: &str, kind: DataType| {
        let server = Abilities::of(&ServerVersion::parse(version), None, None);
        server.has_index(index, &field("f", kind))
    };
    let (bits, bytes) = (DataType::BINARY_VECTOR, DataType::INT8_VECTOR);
    assert!(!has("2.6.3", "HNSW", bits) && has("2.6.4", "HNSW", bits));
    for index in ["HNSW", "HNSW_SQ", "HNSW_PQ", "HNSW_PRQ", "AUTOINDEX"] {
        assert!(has("2.6.20", index, bytes), "{index}");
    }
    for index in ["FLAT", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "IVF_RABITQ", "SCANN", "DISKANN"] {
        assert!(!has("3.0.0", index, bytes) && has("3.0.0", index, DataType::FLOAT_VECTOR));
    }
}

#[test]
fn words_of_filters_are_names_until_a_release_takes_them() {
    use FieldName::{Fine, Refused, Unnamed, Unsure};
    let of = |version: &str, name: &str| {
        Abilities::of(&ServerVersion::parse(version), None, None).field_name(name)
    };
    for (name, from) in [
        ("id", [Fine, Fine, Fine, Fine, Fine, Fine]),
        ("like", [Unnamed, Refused, Refused, Refused, Refused, Refused]),
        ("ARRAY_LENGTH", [Unnamed, Refused, Refused, Refused, Refused, Refused]),
        ("True", [Unnamed, Refused, Refused, Refused, Refused, Refused]),
        ("tRUE", [Fine, Fine, Fine, Fine, Fine, Fine]),
        ("IN", [Fine, Unnamed, Unnamed, Unnamed, Unnamed, Unnamed]),
        ("AND", [Fine, Fine, Fine, Unnamed, Unnamed, Unnamed]),
        ("text_match", [Fine, Fine, Unnamed, Refused, Refused, Refused]),
        ("PHRASE_MATCH", [Fine, Fine, Fine, Unnamed, Refused, Refused]),
        ("random_sample", [Fine, Fine, Fine, Fine, Refused, Refused]),
        ("st_contains", [Fine, Fine, Fine, Unnamed, Unnamed, Unnamed]),
        ("ISO", [Fine, Fine, Fine, Fine, Unnamed, Unnamed]),
        ("minimum_should_match", [Fine, Fine, Fine, Fine, Unnamed, Unnamed]),
        ("threshold", [Fine, Fine, Fine, Fine, Fine, Unnamed]),
        ("max_edit_distance", [Fine, Fine, Fine, Fine, Fine, Fine]),
        ("nUll", [Fine, Fine, Fine, Fine, Fine, Refused]),
        ("__virtual_pk__", [Fine, Fine, Fine, Fine, Fine, Refused]),
        ("RowID", [Fine, Fine, Fine, Fine, Fine, Refused]),
        ("is", [Fine, Fine, Fine, Fine, Fine, Fine]),
    ] {
        let found = ["2.3.5", "2.4.17", "2.5.0", "2.5.27", "2.6.20", "3.0.0"].map(|v| of(v, name));
        assert_eq!(found, from, "{name}");
    }
    assert_eq!(of("2.6.0", "st_contains"), Fine);
    assert_eq!(of("milvus_lite-3.2.2", "Like"), Unsure);
    assert_eq!(of("milvus_lite-3.2.2", "title"), Fine);
}
