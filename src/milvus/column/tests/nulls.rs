//! Leaving nulls out, against columns that are built value by value.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    reason = "any bits will do as a value"
)]

use proptest::prelude::*;
use schema::vector_field;

use super::*;

/// One type of column: how some of its values become a payload. `None` is a placeholder.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) data_type: DataType,
    pub(super) build: fn(&[Option<u32>]) -> Field,
}

fn scalar(data: scalar_field::Data) -> Field {
    let scalars = schema::ScalarField { data: Some(data), ..Default::default() };
    Field::Scalars(Bytes::from(scalars.encode_to_vec()))
}

fn vector(dim: i64, data: vector_field::Data) -> Field {
    let vectors = schema::VectorField { dim, data: Some(data), ..Default::default() };
    Field::Vectors(Bytes::from(vectors.encode_to_vec()))
}

fn bytes(values: &[Option<u32>]) -> Vec<Bytes> {
    let text = |value: &Option<u32>| value.map(|value| vec![7; value as usize % 5]);
    values.iter().map(|value| Bytes::from(text(value).unwrap_or_default())).collect()
}

fn numbers<T: Default>(values: &[Option<u32>], of: impl Fn(u32) -> T) -> Vec<T> {
    values.iter().map(|value| value.map(&of).unwrap_or_default()).collect()
}

fn fixed(values: &[Option<u32>], width: usize) -> Bytes {
    let row = |value: &Option<u32>| vec![value.map_or(0, |value| value as u8); width];
    values.iter().flat_map(row).collect::<Vec<u8>>().into()
}

/// Bits of a float that a detour over a wider type would change.
fn float(value: u32) -> f32 {
    f32::from_bits(if value.is_multiple_of(3) { 0x7f80_0001 | value } else { value })
}

macro_rules! scalars {
    ($data_type:ident, $member:ident, $array:ident, $values:expr) => {
        Case {
            name: stringify!($data_type),
            data_type: DataType::$data_type,
            build: |values| {
                let data: fn(&[Option<u32>]) -> _ = $values;
                scalar(scalar_field::Data::$member(schema::$array { data: data(values) }))
            },
        }
    };
}

macro_rules! vectors {
    ($data_type:ident, $member:ident, $dim:expr, $values:expr) => {
        Case {
            name: stringify!($data_type),
            data_type: DataType::$data_type,
            build: |values| {
                let data: fn(&[Option<u32>]) -> _ = $values;
                vector($dim, vector_field::Data::$member(data(values)))
            },
        }
    };
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        scalars!(BOOL, BoolData, BoolArray, |values| numbers(values, |value| value % 2 == 1)),
        scalars!(INT8, IntData, IntArray, |values| numbers(values, |value| value as i8 as i32)),
        scalars!(INT16, IntData, IntArray, |values| numbers(values, |value| value as i16 as i32)),
        scalars!(INT32, IntData, IntArray, |values| numbers(values, |value| value as i32)),
        scalars!(INT64, LongData, LongArray, |values| numbers(values, |value| {
            i64::from(value as i32) << 20
        })),
        scalars!(FLOAT, FloatData, FloatArray, |values| numbers(values, float)),
        scalars!(DOUBLE, DoubleData, DoubleArray, |values| numbers(values, |value| {
            f64::from_bits(0x7ff0_0000_0000_0000 | u64::from(value))
        })),
        scalars!(VARCHAR, StringData, StringArray, |values| numbers(values, |value| {
            "é\0".repeat(value as usize % 4)
        })),
        scalars!(TIMESTAMPTZ, StringData, StringArray, |values| numbers(values, |value| {
            format!("2026-01-01T00:00:{:02}Z", value % 60)
        })),
        scalars!(JSON, JsonData, JsonArray, bytes),
        scalars!(GEOMETRY, GeometryWktData, GeometryWktArray, |values| numbers(values, |value| {
            format!("POINT ({value} 1)")
        })),
        Case {
            name: "ARRAY",
            data_type: DataType::ARRAY,
            build: |values| {
                let data = numbers(values, |value| ints(&vec![value as i32; value as usize % 3]));
                let empty = |row: schema::ScalarField| {
                    if row.data.is_none() { ints(&[]) } else { row }
                };
                scalar(scalar_field::Data::ArrayData(schema::ArrayArray {
                    data: data.into_iter().map(empty).collect(),
                    element_type: DataType::INT32.0,
                }))
            },
        },
        vectors!(FLOAT_VECTOR, FloatVector, 3, |values| schema::FloatArray {
            data: numbers(values, |value| [float(value); 3]).concat()
        }),
        vectors!(BINARY_VECTOR, BinaryVector, 16, |values| fixed(values, 2)),
        vectors!(FLOAT16_VECTOR, Float16Vector, 3, |values| fixed(values, 6)),
        vectors!(BFLOAT16_VECTOR, Bfloat16Vector, 2, |values| fixed(values, 4)),
        vectors!(INT8_VECTOR, Int8Vector, 5, |values| fixed(values, 5)),
        vectors!(SPARSE_FLOAT_VECTOR, SparseFloatVector, 0, |values| schema::SparseFloatArray {
            contents: bytes(values),
            dim: 9
        }),
        vectors!(ARRAY_OF_VECTOR, VectorArray, 2, |values| schema::VectorArray {
            dim: 2,
            data: values.iter().map(|value| floats(&[value.map_or(0.0, float); 2])).collect(),
            element_type: DataType::FLOAT_VECTOR.0,
        }),
    ]
}

fn ids(rows: usize) -> FieldData {
    let keys: Vec<i64> = (0..rows as i64).collect();
    column("id", DataType::INT64, 100, longs(&keys))
}

fn of(case: &Case, values: &[Option<u32>], flags: &[bool]) -> FieldData {
    FieldData {
        r#type: case.data_type.0,
        field_name: "value".to_owned(),
        field_id: 101,
        valid_data: flags.to_vec(),
        field: Some((case.build)(values)),
        ..Default::default()
    }
}

/// The validity of a column where newer servers keep it: in the payload.
fn flagged_inside(mut of: FieldData) -> FieldData {
    let valid_data = std::mem::take(&mut of.valid_data);
    of.field = of.field.map(|payload| match payload {
        Field::Scalars(raw) => {
            let scalars = schema::ScalarField::decode(raw).unwrap();
            let scalars = schema::ScalarField { valid_data, ..scalars };
            Field::Scalars(Bytes::from(scalars.encode_to_vec()))
        }
        Field::Vectors(raw) => {
            let vectors = schema::VectorField::decode(raw).unwrap();
            let vectors = schema::VectorField { valid_data, ..vectors };
            Field::Vectors(Bytes::from(vectors.encode_to_vec()))
        }
        structs @ Field::StructArrays(_) => structs,
    });
    of
}

fn settled(of: FieldData, rows: usize) -> Result<FieldData, String> {
    Ok(sent(&read(&[ids(rows), of])?).remove(1))
}

proptest! {
    #[test]
    fn null_rows_are_left_out_of_every_type(
        values in proptest::collection::vec(proptest::option::weighted(0.7, any::<u32>()), 1..40),
    ) {
        let rows = values.len();
        let flags: Vec<bool> = values.iter().map(Option::is_some).collect();
        let compact: Vec<Option<u32>> = values.iter().copied().flatten().map(Some).collect();
        for case in cases() {
            let mut wanted = of(&case, &compact, &flags);
            wanted.field_id = 0;
            if compact.len() == rows {
                wanted.valid_data.clear();
            }
            for form in [of(&case, &values, &flags), of(&case, &compact, &flags)] {
                prop_assert_eq!(settled(form.clone(), rows), Ok(wanted.clone()), "{}", case.name);
                let inside = flagged_inside(form);
                prop_assert_eq!(settled(inside, rows), Ok(wanted.clone()), "{}", case.name);
            }
        }
    }

    #[test]
    fn a_column_without_nulls_keeps_its_bytes(
        values in proptest::collection::vec(any::<u32>().prop_map(Some), 1..40),
        flags in any::<bool>(),
    ) {
        let rows = values.len();
        for case in cases() {
            let column = of(&case, &values, &vec![true; if flags { rows } else { 0 }]);
            let settled = settled(column.clone(), rows).unwrap();
            prop_assert_eq!(&settled.field, &column.field, "{}", case.name);
            prop_assert!(settled.valid_data.is_empty());
        }
    }

    #[test]
    fn a_column_that_fits_neither_form_is_refused(
        flags in proptest::collection::vec(any::<bool>(), 2..20),
        count in 0..40usize,
    ) {
        let (rows, present) = (flags.len(), flags.iter().filter(|flag| **flag).count());
        prop_assume!(present < rows && count != rows && count != present);
        for case in cases() {
            let why = settled(of(&case, &vec![Some(1); count], &flags), rows).unwrap_err();
            prop_assert!(why.contains("\"value\""), "{}: {}", case.name, why);
            let numbers = format!("{count} values for {rows} rows, of which {present} are not null");
            prop_assert!(why.contains(&numbers), "{}: {}", case.name, why);
        }
    }

    #[test]
    fn a_null_dynamic_column_is_an_empty_object(
        values in proptest::collection::vec(proptest::option::of(1..50u32), 1..40),
    ) {
        let rows = values.len();
        let object = |value: u32| Bytes::from(format!("{{\"a\": {value}.50}}"));
        let json = |data| FieldData {
            is_dynamic: true,
            ..column("$meta", DataType::JSON, 0, scalar_field::Data::JsonData(schema::JsonArray { data }))
        };
        let flags: Vec<bool> = values.iter().map(Option::is_some).collect();
        let full = values.iter().map(|value| value.map_or_else(Bytes::new, object)).collect();
        let compact = values.iter().flatten().map(|value| object(*value)).collect();
        let wanted =
            values.iter().map(|value| value.map_or(Bytes::from_static(b"{}"), object)).collect();
        let wanted = json(wanted);
        for form in [json(full), json(compact)] {
            let form = FieldData { valid_data: flags.clone(), ..form };
            prop_assert_eq!(settled(form.clone(), rows), Ok(wanted.clone()));
            prop_assert_eq!(settled(flagged_inside(form), rows), Ok(wanted.clone()));
        }
    }
}

#[test]
fn a_column_of_nulls_alone_has_an_empty_member_of_its_type() {
    for case in cases() {
        let flags = [false, false];
        let wanted = FieldData { field_id: 0, ..of(&case, &[], &flags) };
        let nothing = FieldData { field: None, ..of(&case, &[], &flags) };
        let settled = settled(nothing, 2).unwrap();
        // Without any vector there is nothing that tells their dimension.
        let member = |column: &FieldData| match &column.field {
            Some(Field::Scalars(raw)) => {
                format!("{:?}", schema::ScalarField::decode(raw.clone()).unwrap().data.unwrap())
            }
            Some(Field::Vectors(raw)) => {
                let vectors = schema::VectorField::decode(raw.clone()).unwrap();
                vectors.data.map(|data| format!("{:?}", std::mem::discriminant(&data))).unwrap()
            }
            other => panic!("{other:?}"),
        };
        if case.data_type != DataType::ARRAY {
            assert_eq!(member(&settled), member(&wanted), "{}", case.name);
        }
        assert_eq!(settled.valid_data, flags);
    }
}

#[test]
fn flags_for_another_number_of_rows_are_refused() {
    let case = &cases()[0];
    let why = settled(of(case, &[Some(1), Some(2)], &[true]), 2).unwrap_err();
    assert!(
        why.contains("\"value\"") && why.contains("of 1 rows") && why.contains("are 2"),
        "{why}"
    );
}
