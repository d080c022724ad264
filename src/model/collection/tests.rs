use super::*;
use crate::model::samples::{collection, field};

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn index(field: &str, params: &[(&str, &str)]) -> Index {
    Index { name: String::new(), field: field.to_owned(), params: pairs(params) }
}

#[test]
fn fields_are_renamed_wherever_they_are_named() {
    let mut it = collection("c", vec![field("doc", DataType::JSON), field("docs", DataType::JSON)]);
    it.struct_fields.push(StructField {
        name: "clips".to_owned(),
        description: String::new(),
        fields: vec![field("doc", DataType::ARRAY)],
        nullable: false,
        type_params: BTreeMap::new(),
    });
    let paths = [
        ("doc", "doc[\"a\"][\"doc\"]", "facts", "facts[\"a\"][\"doc\"]"),
        ("doc", " doc['b']", "facts", "facts['b']"),
        ("doc", "doc", "facts", "facts"),
        // What does not begin with the field is left to the server.
        ("doc", "docs[0]", "facts", "docs[0]"),
        ("docs", "docs[0]", "docs", "docs[0]"),
        // A path of the dynamic field.
        ("colour", "colour", "colour", "colour"),
        ("clips[doc]", "", "shots[doc]", ""),
    ];
    it.indexes = paths.iter().map(|(of, path, ..)| index(of, &[("json_path", path)])).collect();
    it.rename_fields(&pairs(&[("doc", "facts"), ("clips", "shots")]));
    let names: Vec<&str> = it.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!((names, it.struct_fields[0].name.as_str()), (vec!["facts", "docs"], "shots"));
    assert_eq!(it.struct_fields[0].fields[0].name, "doc");
    let wanted: Vec<Index> =
        paths.iter().map(|(.., of, path)| index(of, &[("json_path", path)])).collect();
    assert_eq!(it.indexes, wanted);
}

#[test]
fn parameters_are_left_out_wherever_they_stand() {
    let whole = index("v", &[("index_type", "HNSW"), ("a", "1"), ("params", r#"{"a":1,"b":2}"#)]);
    let less = index("v", &[("index_type", "HNSW"), ("params", r#"{"b":2}"#)]);
    assert_eq!(whole.without(&["a"]), less);
    assert_eq!(less.without(&["b"]), index("v", &[("index_type", "HNSW")]));
    assert_eq!(whole.without(&["c"]), whole);
}

#[test]
fn types_are_written_as_people_write_them() {
    let of = |data_type, element_type, params| Field {
        element_type,
        type_params: pairs(params),
        ..field("f", data_type)
    };
    let capacity = ("max_capacity", "16");
    for (field, text) in [
        (of(DataType::VARCHAR, DataType::NONE, &[("max_length", "9")]), "VarChar(9)"),
        (
            of(DataType::ARRAY, DataType::INT32, &[capacity, ("max_length", "9")]),
            "Array<Int32>(16)",
        ),
        (of(DataType::ARRAY, DataType::VARCHAR, &[("max_length", "9")]), "Array<VarChar(9)>"),
        (
            of(DataType::ARRAY_OF_VECTOR, DataType::FLOAT_VECTOR, &[("dim", "8"), capacity]),
            "Array<FloatVector(8)>(16)",
        ),
    ] {
        assert_eq!(field.type_text(), text);
    }
}
