//! What servers take into no collection, though they know its type or its kind.

use super::*;

#[test]
fn defaults_of_json_and_arrays_are_refused_by_every_server_that_has_defaults() {
    let default_of = |data_type| {
        move |to: &mut Collection| {
            let default_value = Some(ValueOfDefault(vec![1]));
            let element_type = DataType::INT32;
            let extra = Field { element_type, default_value, ..field("extra", data_type) };
            to.fields.push(extra);
        }
    };
    for version in ["2.5.27", "2.6.20", "3.0.0", ""] {
        for data_type in [DataType::JSON, DataType::ARRAY] {
            let found = against(&target(version), default_of(data_type));
            assert_eq!(found, ["target_lacks_default"], "{data_type} at {version}");
        }
        assert_eq!(against(&target(version), default_of(DataType::INT64)), NOTHING, "{version}");
    }
    let found = against(&zilliz(TargetKind::ZillizServerless, None), default_of(DataType::JSON));
    assert_eq!(found, ["target_lacks_default"]);
    assert_eq!(against(&target("milvus_lite-3.2.2"), default_of(DataType::JSON)), NOTHING);
}

/// `AUTOINDEX` on lists of binary vectors, asked for by name.
#[test]
fn an_automatic_index_on_lists_of_bits_is_refused() {
    let automatic = |metric: &'static str| {
        move |to: &mut Collection| {
            to.struct_fields.push(bits());
            let params = [("index_type", "AUTOINDEX"), ("metric_type", metric)];
            let params = params.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            to.indexes.push(Index { name: String::new(), field: "s[a]".to_owned(), params });
        }
    };
    for version in ["2.6.20", "3.0.0"] {
        let refused = against(&target(version), automatic("MAX_SIM_HAMMING"));
        assert_eq!(refused, ["target_lacks_index"], "{version}");
        assert_eq!(against(&target(version), automatic("HAMMING")), NOTHING, "{version}");
    }
    let dedicated = zilliz(TargetKind::ZillizDedicated, Some(8));
    assert_eq!(against(&dedicated, automatic("MAX_SIM_HAMMING")), NOTHING);
}
