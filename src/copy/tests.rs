//! What the rows of an answer become before they are written.

use super::*;

fn settings(dynamic_data: DynamicData) -> RowSettings {
    RowSettings { dynamic_data, ..RowSettings::default() }
}

#[test]
fn dynamic_data_that_is_not_to_be_there_is_never_left_behind() {
    let empty = || Rows::of_numbers(&[(1, 1), (2, 2)], Some(&["{}", "{ }"]));
    let filled = || Rows::of_numbers(&[(1, 1), (2, 2)], Some(&["{}", r#"{"a": 1}"#]));
    let require = settings(DynamicData::RequireNone);
    let rows = as_carried(empty(), &require).unwrap();
    assert!(!rows.has_column("$meta") && rows.has_column("n"));
    assert_eq!(rows.len(), 2);
    assert_eq!(as_carried(filled(), &require).unwrap_err(), Unfit::DynamicData(1));
    for keep in [DynamicData::Carry, DynamicData::Discard] {
        let rows = as_carried(filled(), &settings(keep)).unwrap();
        assert!(rows.has_column("$meta"));
        assert_eq!(rows.digest().unwrap(), filled().digest().unwrap());
    }
}

#[test]
fn columns_get_the_names_that_they_have_at_the_target() {
    let renamed = [("n".to_owned(), "m".to_owned())].into();
    let rows = Rows::of_numbers(&[(1, 5)], None);
    let rows = as_carried(rows, &RowSettings { renamed, ..RowSettings::default() }).unwrap();
    assert!(rows.has_column("id") && rows.has_column("m") && !rows.has_column("n"));
}
