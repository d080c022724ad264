use super::*;
use crate::model::samples::{collection, field};
use crate::model::{DataType, FunctionKind};

fn index(params: &[(&str, &str)]) -> Index {
    let params = params.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Index { name: String::new(), field: "v".to_owned(), params }
}

#[test]
fn what_a_server_adds_to_an_index_or_writes_otherwise_is_no_difference() {
    let should =
        index(&[("index_type", "HNSW"), ("metric_type", "L2"), ("params", r#"{"M": 16}"#)]);
    let flat = [("index_type", "HNSW"), ("metric_type", "L2"), ("M", "16"), ("x", "y")];
    assert_eq!(index_difference(&should, &index(&flat)), None);
    let other = [("index_type", "HNSW"), ("metric_type", "L2"), ("params", r#"{"M":"16"}"#)];
    assert_eq!(index_difference(&should, &index(&other)), None);
    let wrong = [("index_type", "HNSW"), ("metric_type", "IP"), ("M", "8")];
    let said = index_difference(&should, &index(&wrong)).unwrap();
    assert_eq!(said, "M is 8, not 16, metric_type is IP, not L2");
}

#[test]
fn a_function_is_missing_unless_its_output_is_said_to_be_computed() {
    let terms = field("terms", DataType::SPARSE_FLOAT_VECTOR);
    let fields = vec![field("text", DataType::VARCHAR), Field { function_output: true, ..terms }];
    let mut should = collection("texts", fields);
    should.functions.push(Function {
        name: "by_terms".to_owned(),
        description: String::new(),
        kind: FunctionKind::BM25,
        inputs: vec!["text".to_owned()],
        outputs: vec!["terms".to_owned()],
        params: BTreeMap::new(),
    });
    let mut is = should.clone();
    is.functions.clear();
    assert!(differences(&should, &is, true).is_empty());
    is.fields.last_mut().unwrap().function_output = false;
    let found = differences(&should, &is, true);
    let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["field \"terms\" function_output", "function \"by_terms\""]);
    is.fields.pop();
    assert_eq!(differences(&should, &is, true).len(), 2);
}

#[test]
fn values_are_compared_as_what_they_are() {
    assert!(same_value("True", "true"));
    assert!(same_value(r#"{"type": "english"}"#, r#"{"type":"english"}"#));
    assert!(!same_value("1", "2"));
    assert!(!same_value("true", "yes"));
}

#[test]
fn attributes_have_a_path_and_a_place_in_a_sentence() {
    let mut should = collection("rows", vec![field("t", DataType::VARCHAR)]);
    should.num_partitions = Some(4);
    should.properties.insert("mmap.enabled".to_owned(), "true".to_owned());
    should.fields[0].type_params.insert("mmap.enabled".to_owned(), "true".to_owned());
    let mut is = collection("rows", vec![]);
    is.fields.push(field("u", DataType::INT64));
    is.num_partitions = Some(16);
    let names = |compared: &[Compared]| -> Vec<(String, String)> {
        let differ = compared.iter().filter(|compared| !compared.same);
        differ.map(|found| (found.attribute.path(), found.attribute.to_string())).collect()
    };
    let expected = [
        ("fields.t", "field \"t\""),
        ("fields.u", "field \"u\""),
        ("num_partitions", "number of partitions"),
        ("properties.mmap.enabled", "property mmap.enabled"),
    ];
    let expected = expected.map(|(path, name)| (path.to_owned(), name.to_owned()));
    assert_eq!(names(&compared(&should, &is, true)), expected);
    assert_eq!(
        list(&differences(&should, &is, true)).unwrap(),
        "field \"t\" is missing, not VarChar; field \"u\" is Int64, not there; number of \
         partitions is 16, not 4; property mmap.enabled is missing, not true"
    );
    is.fields = should.fields.clone();
    is.fields[0].type_params.clear();
    let found = compared(&should, &is, true);
    let found = found.iter().find(|found| !found.same).unwrap();
    assert_eq!(found.attribute.path(), "fields.t.mmap.enabled");
    assert_eq!(found.attribute.to_string(), "field \"t\" mmap.enabled");
}

#[test]
fn the_name_of_an_index_is_as_it_should_be_or_that_of_its_field() {
    let index = |name: &str| Index {
        name: name.to_owned(),
        field: "near".to_owned(),
        params: BTreeMap::new(),
    };
    assert_eq!(index_difference(&index("near"), &index("")), None);
    assert_eq!(index_difference(&index("near"), &index("near")), None);
    assert_eq!(index_difference(&index(""), &index("far")), None);
    for name in ["", "far"] {
        let wrong = index_difference(&index("nearest"), &index(name)).unwrap();
        assert_eq!(wrong, format!("name is {name:?}, not \"nearest\""));
    }
    assert!(index_difference(&index("near"), &index("far")).is_some());
}

#[test]
fn what_a_server_does_not_tell_of_an_index_is_unknown() {
    let index = |name: &str, pairs: &[(&str, &str)]| Index {
        name: name.to_owned(),
        field: "vec".to_owned(),
        params: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    };
    let kind = [("index_type", "HNSW"), ("metric_type", "L2")];
    let should = index("mine", &[&kind[..], &[("params", r#"{"M":16}"#)]].concat());
    let told = index("", &kind);
    assert_eq!(told_index_difference(&should, &told, false), None);
    let said = told_index_difference(&should, &told, true).unwrap();
    assert!(said.contains("M is missing") && said.contains("name is"), "{said}");
    // What it does tell counts.
    let other = index("", &[&kind[..], &[("M", "8")]].concat());
    let said = told_index_difference(&should, &other, false).unwrap();
    assert_eq!(said, "M is 8, not 16");
}
