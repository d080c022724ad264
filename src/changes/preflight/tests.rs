mod unbuilt;

use super::*;
use crate::changes::abilities::Feature;
use crate::model::samples::{collection, field};
use crate::model::{
    DataType, Field, Function, FunctionKind, Index, LoadState, ServerVersion, StructField,
    TargetKind, ValueOfDefault,
};

fn target(version: &str) -> Abilities {
    Abilities::of(&ServerVersion::parse(version), None, None)
}

fn zilliz(kind: TargetKind, units: Option<u32>) -> Abilities {
    let text = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)";
    Abilities::of(&ServerVersion::parse(text), Some(kind), units)
}

fn with(mut field: Field, params: &[(&str, &str)]) -> Field {
    let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    field.type_params.extend(params);
    field
}

/// A collection that every server holds.
fn plain() -> Collection {
    let mut plain = collection(
        "products",
        vec![
            field("id", DataType::INT64),
            with(field("title", DataType::VARCHAR), &[("max_length", "200")]),
            with(field("vector", DataType::FLOAT_VECTOR), &[("dim", "8")]),
        ],
    );
    plain.dynamic_field = false;
    plain
}

fn source(collection: &Collection) -> SourceState {
    SourceState {
        id: 1,
        collection: collection.clone(),
        partitions: Vec::new(),
        load: LoadState::Loaded,
        rows: Some(10),
        row_statistic: 10,
        row_bytes: Some(100),
        dynamic_rows: None,
        nulls: [].into(),
        shadowed: [].into(),
        replicas: None,
    }
}

/// Codes of what stands against a changed plain collection, errors plain and warnings in brackets.
fn against(target: &Abilities, change: impl FnOnce(&mut Collection)) -> Vec<String> {
    let mut wanted = plain();
    change(&mut wanted);
    let found = findings(&wanted, &source(&wanted), target);
    for finding in &found {
        assert!(finding.address.starts_with("default/products"), "{finding:?}");
        assert!(!finding.message.is_empty());
        assert!(finding.severity == Severity::Warning || !finding.advice.is_empty(), "{finding:?}");
    }
    found
        .iter()
        .map(|finding| match finding.severity {
            Severity::Error => finding.code.to_string(),
            Severity::Warning => format!("({})", finding.code),
        })
        .collect()
}

fn add(data_type: i32) -> impl Fn(&mut Collection) {
    move |to| to.fields.push(field("extra", DataType(data_type)))
}

fn function(kind: FunctionKind) -> Function {
    Function {
        name: "f".to_owned(),
        description: String::new(),
        kind,
        inputs: vec!["title".to_owned()],
        outputs: vec!["sparse".to_owned()],
        params: [].into(),
    }
}

fn structs(nullable: bool) -> StructField {
    StructField {
        name: "s".to_owned(),
        description: String::new(),
        fields: vec![Field { element_type: DataType::INT64, ..field("a", DataType::ARRAY) }],
        nullable,
        type_params: [].into(),
    }
}

/// Structs with binary vectors.
fn bits() -> StructField {
    let element_type = DataType::BINARY_VECTOR;
    let bits = Field { element_type, ..field("a", DataType::ARRAY_OF_VECTOR) };
    StructField { fields: vec![with(bits, &[("dim", "16")])], ..structs(false) }
}

const NOTHING: [&str; 0] = [];

#[test]
fn what_every_server_holds_stands_against_none() {
    for version in [
        "2.1.0",
        "2.2.16",
        "2.3.5",
        "2.4.9",
        "2.5.2",
        "2.6.0",
        "3.0.0",
        "",
        "milvus_lite-2.5.1",
        "milvus_lite-3.2.2",
    ] {
        assert_eq!(against(&target(version), |_| ()), NOTHING, "{version}");
    }
    for kind in [TargetKind::ZillizFree, TargetKind::ZillizServerless, TargetKind::ZillizDedicated]
    {
        assert_eq!(against(&zilliz(kind, Some(1)), |_| ()), NOTHING, "{kind:?}");
    }
}

type Change<'a> = &'a dyn Fn(&mut Collection);

#[test]
fn types_attributes_and_functions_that_a_server_drops_or_dies_of_are_refused() {
    let refused = |version: &str, change: &dyn Fn(&mut Collection)| {
        let found = against(&target(version), change);
        assert!(found.len() <= 1, "{version}: {found:?}");
        found.first().cloned().unwrap_or_default()
    };
    let cases: &[(Change<'_>, &str, &str, &str)] = &[
        (&add(22), "2.2.16", "2.3.0", "target_lacks_type"), // array, element type set below
        (&add(23), "2.2.8", "2.2.9", "target_lacks_type"),
        (&add(24), "2.6.3", "2.6.4", "target_lacks_type"),
        (&add(26), "2.6.5", "2.6.6", "target_lacks_type"),
        (&|to| to.fields[1].nullable = true, "2.3.5", "2.5.0", "target_lacks_nullable"),
        (&|to| to.fields[2].nullable = true, "2.6.17", "2.6.18", "target_lacks_nullable"),
        (
            &|to| to.fields[1].default_value = Some(ValueOfDefault(vec![1])),
            "2.2.16",
            "2.5.0",
            "target_lacks_default",
        ),
        (
            &|to| to.fields[1].default_value = Some(ValueOfDefault(vec![1])),
            "2.3.5",
            "2.5.0",
            "(default_value_risky)",
        ),
        (
            &|to| to.functions.push(function(FunctionKind::BM25)),
            "2.4.0",
            "2.5.0",
            "target_lacks_functions",
        ),
        (
            &|to| to.functions.push(function(FunctionKind::TEXT_EMBEDDING)),
            "2.5.0",
            "2.6.0",
            "target_lacks_functions",
        ),
        (
            &|to| to.functions.push(function(FunctionKind::MIN_HASH)),
            "2.6.18",
            "3.0.0",
            "target_lacks_functions",
        ),
        (&|to| to.fields[1].clustering_key = true, "2.3.5", "2.4.0", "target_lacks_feature"),
        (&|to| to.fields[1].partition_key = true, "2.2.8", "2.2.9", "target_lacks_feature"),
        (&|to| to.struct_fields.push(structs(false)), "2.6.3", "2.6.4", "target_lacks_feature"),
        (&|to| to.struct_fields.push(bits()), "2.6.19", "2.6.20", "target_lacks_type"),
        (
            &|to| {
                let params = r#"{"filter": [{"type": "remote", "resource_name": "stops"}]}"#;
                let params = ("analyzer_params".to_owned(), params.to_owned());
                to.fields[1].type_params.extend([params]);
            },
            "2.6.20",
            "3.0.0",
            "target_lacks_feature",
        ),
        (&|to| to.struct_fields.push(structs(true)), "2.6.18", "3.0.0", "target_lacks_nullable"),
        (&|to| to.dynamic_field = true, "2.2.8", "2.2.9", "target_lacks_feature"),
        (
            &|to| to.partitions.push("p".to_owned()),
            "milvus_lite-2.5.1",
            "2.2.16",
            "target_lacks_feature",
        ),
        (
            &|to| to.aliases.push("other".to_owned()),
            "milvus_lite-2.5.1",
            "2.2.16",
            "target_lacks_feature",
        ),
        (
            &|to| to.fields[1].clustering_key = true,
            "milvus_lite-3.2.2",
            "2.4.0",
            "(target_lacks_feature)",
        ),
    ];
    for (position, (change, without, having, code)) in cases.iter().enumerate() {
        let change = |to: &mut Collection| {
            change(to);
            for field in &mut to.fields {
                if field.data_type == DataType::ARRAY {
                    field.element_type = DataType::INT32;
                }
            }
        };
        assert_eq!(refused(without, &change), *code, "case {position} at {without}");
        assert_eq!(refused(having, &change), "", "case {position} at {having}");
    }
    assert_eq!(refused("2.6.18", &add(25)), "target_lacks_type");
    assert_eq!(refused("3.0.0", &add(25)), "(target_needs_setting)");
}

#[test]
fn what_nobody_can_carry_is_refused_everywhere() {
    for version in ["2.2.16", "2.6.0", "3.0.0", ""] {
        for number in 27..=31 {
            let found = against(&target(version), add(number));
            assert_eq!(found, ["type_without_server"], "{number} at {version}");
        }
        assert_eq!(against(&target(version), |to| to.namespaces = true), ["namespace_collection"]);
        assert_eq!(against(&target(version), |to| to.external = true), ["external_collection"]);
        assert_eq!(against(&target(version), add(99)), ["target_lacks_type"]);
    }
    let computed = |to: &mut Collection| to.fields[1].function_output = true;
    assert_eq!(against(&target("2.6.0"), computed), ["function_not_described"]);
    let named = findings(
        &Collection { fields: vec![field("day", DataType(28))], ..plain() },
        &source(&plain()),
        &target("3.0.0"),
    );
    assert!(named[0].message.contains("type Date"), "{named:?}");
}

#[test]
fn limits_are_those_of_the_version_and_the_plan() {
    let fields = |number: usize| {
        move |to: &mut Collection| {
            to.fields.extend((0..number - 3).map(|i| field(&format!("f{i}"), DataType::INT32)));
        }
    };
    let vectors = |number: usize| {
        move |to: &mut Collection| {
            to.fields.extend((1..number).map(|i| field(&format!("v{i}"), DataType::FLOAT_VECTOR)));
        }
    };
    let shards = |number: i32| move |to: &mut Collection| to.shards = number;
    let free = zilliz(TargetKind::ZillizFree, None);
    let serverless = zilliz(TargetKind::ZillizServerless, None);
    let dedicated = |units| zilliz(TargetKind::ZillizDedicated, units);

    assert_eq!(against(&target("2.1.0"), fields(256)), NOTHING);
    assert_eq!(against(&target("2.2.16"), fields(64)), NOTHING);
    assert_eq!(against(&target("2.2.16"), fields(65)), ["too_many_fields"]);
    assert_eq!(against(&target("3.0.0"), fields(256)), NOTHING);
    assert_eq!(against(&target("3.0.0"), fields(257)), ["too_many_fields"]);
    assert_eq!(against(&dedicated(Some(8)), fields(65)), ["too_many_fields"]);

    assert_eq!(against(&target("2.3.5"), vectors(2)), ["too_many_vector_fields"]);
    assert_eq!(against(&target("2.4.0"), vectors(4)), NOTHING);
    assert_eq!(against(&target("2.5.0"), vectors(5)), ["too_many_vector_fields"]);
    assert_eq!(against(&target("2.6.0"), vectors(10)), NOTHING);
    assert_eq!(against(&serverless, vectors(5)), ["too_many_vector_fields"]);
    assert_eq!(against(&dedicated(None), vectors(10)), NOTHING);

    assert_eq!(against(&target("2.2.16"), shards(16)), NOTHING);
    assert_eq!(against(&target("2.2.16"), shards(17)), ["too_many_shards"]);
    for (plan, most) in [
        (&free, 2),
        (&serverless, 2),
        (&dedicated(Some(2)), 2),
        (&dedicated(Some(8)), 4),
        (&dedicated(Some(12)), 8),
        (&dedicated(Some(65)), 16),
        (&dedicated(None), 16),
    ] {
        assert_eq!(against(plan, shards(most)), NOTHING, "{plan}");
        assert_eq!(against(plan, shards(most + 1)), ["too_many_shards"], "{plan}");
    }

    let partitions = |number: usize| {
        move |to: &mut Collection| to.partitions = (0..number).map(|i| format!("p{i}")).collect()
    };
    assert_eq!(against(&target("2.4.5"), partitions(4_095)), NOTHING);
    assert_eq!(against(&target("2.4.6"), partitions(1_024)), ["too_many_partitions"]);
    let spread = |to: &mut Collection| {
        to.fields[1].partition_key = true;
        to.num_partitions = Some(4_096);
    };
    assert_eq!(against(&target("2.4.0"), spread), NOTHING);
    assert_eq!(against(&target("2.6.0"), spread), ["too_many_partitions"]);

    let described = |to: &mut Collection| {
        to.description = "é".repeat(513);
        to.fields[1].description = "d".repeat(1_024);
    };
    assert_eq!(against(&target("2.5.9"), described), NOTHING);
    assert_eq!(against(&target("2.6.18"), described), NOTHING);
    assert_eq!(against(&target("2.6.19"), described), ["description_too_long"]);
    let a_field = |to: &mut Collection| to.fields[1].description = "d".repeat(1_025);
    assert_eq!(against(&target("3.0.0"), a_field), NOTHING);
    assert_eq!(against(&serverless, a_field), ["description_too_long"]);
    assert_eq!(against(&serverless, described), ["description_too_long"]);
}

#[test]
fn fields_of_a_struct_have_one_capacity() {
    let of = |capacities: [&'static str; 2]| {
        move |to: &mut Collection| {
            let mut inner = structs(false);
            let mut fields = inner.fields.remove(0);
            fields.type_params.remove("max_capacity");
            inner.fields = capacities
                .iter()
                .enumerate()
                .map(|(number, capacity)| {
                    let mut field = with(fields.clone(), &[("max_capacity", capacity)]);
                    field.name = format!("part_{number}");
                    field
                })
                .collect();
            to.struct_fields.push(inner);
        }
    };
    assert_eq!(against(&target("2.6.17"), of(["8", "16"])), NOTHING);
    assert_eq!(against(&target("2.6.18"), of(["8", "16"])), ["target_lacks_feature"]);
    assert_eq!(against(&target("3.0.0"), of(["16", "16"])), NOTHING);
}

#[test]
fn sizes_of_values_have_limits() {
    let new = target("3.0.0");
    let sized = |data_type: i32, param: &'static str, size: &'static str| {
        move |to: &mut Collection| {
            let field = with(field("sized", DataType(data_type)), &[(param, size)]);
            to.fields.push(Field { element_type: DataType::INT8, ..field });
        }
    };
    assert_eq!(against(&new, sized(21, "max_length", "65535")), NOTHING);
    assert_eq!(against(&new, sized(21, "max_length", "65536")), ["max_length_too_large"]);
    assert_eq!(against(&new, sized(25, "max_length", "2097152")), ["(target_needs_setting)"]);
    assert_eq!(against(&new, sized(22, "max_capacity", "4096")), NOTHING);
    assert_eq!(against(&new, sized(22, "max_capacity", "4097")), ["capacity_too_large"]);
    assert_eq!(against(&new, sized(101, "dim", "32768")), NOTHING);
    assert_eq!(against(&new, sized(101, "dim", "32769")), ["dimension_too_large"]);
    assert_eq!(against(&new, sized(100, "dim", "262144")), NOTHING);
    assert_eq!(against(&new, sized(100, "dim", "262152")), ["dimension_too_large"]);

    let mut huge = source(&plain());
    huge.row_bytes = Some((64 << 20) + 1);
    assert_eq!(findings(&plain(), &huge, &new)[0].code, "row_too_large");
}

#[test]
fn a_collection_needs_a_vector() {
    let none = |to: &mut Collection| to.fields.truncate(2);
    let serverless = zilliz(TargetKind::ZillizServerless, None);
    assert_eq!(against(&serverless, none), ["vector_field_required"]);
    assert_eq!(against(&target("2.3.5"), none), ["vector_field_required"]);
    assert_eq!(against(&target("milvus_lite-3.2.2"), none), NOTHING);
}

#[test]
fn names_are_those_that_the_target_takes() {
    let new = target("2.6.4");
    let called = |name: &'static str| move |to: &mut Collection| name.clone_into(&mut to.name);
    let mut wanted = plain();
    wanted.name = "a-b".to_owned();
    assert_eq!(findings(&wanted, &source(&wanted), &new)[0].code, "name_unfit");
    wanted.name = "a$b".to_owned();
    for version in ["2.5.27", "2.6.20", "3.0.0"] {
        let found = findings(&wanted, &source(&wanted), &target(version));
        assert_eq!(found[0].code, "name_unfit", "{version}");
    }
    assert_eq!(findings(&wanted, &source(&wanted), &target("milvus_lite-3.2.2")), []);
    assert_eq!(against(&new, called("products")), NOTHING);

    let with_field =
        |name: &'static str| move |to: &mut Collection| to.fields.push(field(name, DataType::INT8));
    assert_eq!(against(&new, with_field("Timestamp")), ["name_unfit"]);
    assert_eq!(against(&new, with_field("ok_1")), NOTHING);
    assert_eq!(against(&new, with_field("1st")), ["name_unfit"]);
    assert_eq!(against(&new, with_field("Like")), NOTHING);
    assert_eq!(against(&new, with_field("like")), ["name_unfit"]);
    assert_eq!(against(&new, with_field("LIKE")), ["(name_unfit)"]);
    assert_eq!(against(&target("milvus_lite-2.5.1"), with_field("Like")), ["(name_unfit)"]);
    let in_a_struct = |to: &mut Collection| {
        let mut inner = structs(false);
        "random_sample".clone_into(&mut inner.fields[0].name);
        to.struct_fields.push(inner);
    };
    assert_eq!(against(&new, in_a_struct), ["name_unfit"]);
    let kept_in_a_struct = |to: &mut Collection| {
        let mut inner = structs(false);
        "Timestamp".clone_into(&mut inner.fields[0].name);
        to.struct_fields.push(inner);
    };
    assert_eq!(against(&target("2.6.20"), kept_in_a_struct), NOTHING);
    assert_eq!(against(&target("3.0.0"), kept_in_a_struct), ["name_unfit"]);
    assert_eq!(against(&target("2.6.19"), with_field("interval")), ["(name_unfit)"]);
    let key = |to: &mut Collection| "interval".clone_into(&mut to.fields[0].name);
    assert_eq!(against(&target("2.6.19"), key), ["name_unfit"]);
    assert_eq!(against(&target("2.5.27"), key), NOTHING);

    let with_partition =
        |name: &'static str| move |to: &mut Collection| to.partitions.push(name.to_owned());
    assert_eq!(against(&target("2.4.0"), with_partition("a-b")), ["name_unfit"]);
    assert_eq!(against(&target("2.5.0"), with_partition("a-b")), NOTHING);
    assert_eq!(against(&target("2.5.0"), with_partition("-b")), ["name_unfit"]);
    assert_eq!(against(&target("2.6.20"), with_partition("a$b")), ["name_unfit"]);
    assert_eq!(against(&target("2.2.16"), with_partition("2024")), NOTHING);
    let with_alias = |to: &mut Collection| to.aliases.push("a b".to_owned());
    assert_eq!(against(&new, with_alias), ["name_unfit"]);
}

#[test]
fn databases_are_a_feature_of_dedicated_clusters() {
    let mut wanted = plain();
    wanted.database = "shop".to_owned();
    let codes = |target: &Abilities| -> Vec<String> {
        findings(&wanted, &source(&wanted), target)
            .iter()
            .map(|finding| finding.code.to_string())
            .collect()
    };
    assert_eq!(codes(&zilliz(TargetKind::ZillizFree, None)), ["target_lacks_feature"]);
    assert!(codes(&zilliz(TargetKind::ZillizDedicated, None)).is_empty());
    assert_eq!(codes(&target("2.2.8")), ["target_lacks_feature"]);
    assert!(!zilliz(TargetKind::ZillizServerless, None).has(Feature::Databases));
}

#[test]
fn indexes_that_stayed_although_the_target_lacks_them_are_refused() {
    let indexed = |kind: &'static str, metric: &'static str| {
        move |to: &mut Collection| {
            let params = [("index_type", kind), ("metric_type", metric)];
            let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let field = "vector".to_owned();
            to.indexes.push(Index { name: String::new(), field, params });
        }
    };
    assert_eq!(against(&target("2.3.5"), indexed("HNSW", "COSINE")), NOTHING);
    assert_eq!(against(&target("2.2.16"), indexed("HNSW", "COSINE")), ["target_lacks_index"]);
    assert_eq!(against(&target("2.3.5"), indexed("ANNOY", "L2")), ["target_lacks_index"]);
    assert_eq!(against(&target("2.4.0"), indexed("GPU_CAGRA", "L2")), ["(index_needs_gpu)"]);
    let cloud = zilliz(TargetKind::ZillizDedicated, Some(1));
    assert_eq!(against(&cloud, indexed("HNSW", "L2")), ["(target_lacks_index)"]);
    assert_eq!(against(&cloud, indexed("AUTOINDEX", "L2")), NOTHING);
}

#[test]
fn what_no_copy_carries_is_said_with_its_numbers() {
    let new = target("2.6.4");
    let mut from = plain();
    assert_eq!(not_carried(&from, &from, &new), []);
    from.properties.insert("collection.ttl.seconds".to_owned(), "86400".to_owned());
    from.fields[0].auto_id = true;
    from.functions = vec![function(FunctionKind::BM25), function(FunctionKind::TEXT_EMBEDDING)];
    let found = not_carried(&from, &from, &new);
    let codes: Vec<_> = found.iter().map(|finding| finding.code.to_string()).collect();
    assert_eq!(codes, ["ttl_restarts", "auto_id_restarts", "function_recomputed"]);
    assert!(found.iter().all(|finding| finding.severity == Severity::Warning));
    assert!(found[0].message.contains("86,400 s after they arrive"), "{found:?}");
    let mut wanted = from.clone();
    wanted.properties.insert("collection.ttl.seconds".to_owned(), "0".to_owned());
    wanted.fields[0].auto_id = false;
    wanted.functions.clear();
    assert_eq!(not_carried(&from, &wanted, &new), []);
}
