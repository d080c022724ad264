//! Values in a form that depends on nothing but the value: not on how it is encoded, where it is, or
//! what is around it. Digests are of this form, and differences are found in it.
//!
//! | values | form |
//! |---|---|
//! | booleans, whole numbers | 8 bytes |
//! | floats, vectors | their bits |
//! | texts, JSON, other bytes | as they are |
//! | sparse vectors | pairs of index and value, by index |
//! | lists | how many, then each; of varying size: with its length |
//! | struct arrays | each sub-field by name, with its length |

use std::ops::{Deref, Range};

use prost::encoding::{WireType, decode_varint};

use super::payload::{Kind, LISTS, Payload};
use super::wire::{self, Layout, Place};
use super::{Field, FieldData, UNKNOWN_PARTS, decoded};

/// `VectorField.sparse_float_vector`.
const SPARSE: u32 = 6;

/// The values of one column, row by row.
#[derive(Debug)]
pub(super) struct Canonical {
    values: Values,
    /// Where the value of each row is among those that are there; nothing where all are.
    places: Option<Vec<Option<usize>>>,
}

#[derive(Debug)]
enum Values {
    Plain {
        bytes: bytes::Bytes,
        each: Vec<Range<usize>>,
        shape: Shape,
    },
    /// By sub-field, sorted by name.
    Structs(Vec<(String, Canonical)>),
}

/// A value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// It is there in this form.
    Found(&'a [u8]),
    /// A whole number.
    Number([u8; 8]),
    /// It had to be put together.
    Built(Vec<u8>),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Found(bytes) => bytes,
            Self::Number(bytes) => bytes,
            Self::Built(bytes) => bytes,
        }
    }
}

/// How a value is found in its bytes.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// They are the value.
    Bits,
    /// A number of varying length.
    Number,
    /// Those of a sparse vector.
    Sparse,
    /// Those of a list of such a kind.
    List(Kind),
}

impl Canonical {
    /// The values of a column that was brought into the form in which it can be sent.
    pub(super) fn of(column: &FieldData, rows: usize) -> Result<Self, String> {
        let validity = &column.valid_data;
        if !validity.is_empty() && validity.len() != rows {
            return Err(format!("{} flags for {rows} rows", validity.len()));
        }
        let present = match validity.len() {
            0 => rows,
            _ => validity.iter().filter(|valid| **valid).count(),
        };
        let (kind, bytes) = match &column.field {
            Some(Field::Scalars(raw)) => (Kind::Scalars, raw),
            Some(Field::Vectors(raw)) => (Kind::Vectors, raw),
            Some(Field::StructArrays(raw)) => return Self::of_structs(raw, rows),
            None if present == 0 => {
                let values = Values::Plain {
                    bytes: bytes::Bytes::new(),
                    each: Vec::new(),
                    shape: Shape::Bits,
                };
                return Ok(Self { values, places: places(validity) });
            }
            None => return Err("it has no values".to_owned()),
        };
        let payload = Payload::of(kind, bytes)?;
        let (member, shape, each) = match payload.member() {
            None => (&[][..], Shape::Bits, Vec::new()),
            Some((number, member)) => {
                let place = payload.place(number)?;
                let shape = match (kind, number, place) {
                    (_, LISTS, _) => Shape::List(kind),
                    (Kind::Vectors, SPARSE, _) => Shape::Sparse,
                    (_, _, Place::Field(_, Layout::Varint)) => Shape::Number,
                    _ => Shape::Bits,
                };
                (member, shape, values(member, place)?)
            }
        };
        if each.len() != present {
            return Err(format!("it holds {} values for {present} rows", each.len()));
        }
        let values = Values::Plain { bytes: bytes.slice_ref(member), each, shape };
        Ok(Self { values, places: places(validity) })
    }

    fn of_structs(raw: &bytes::Bytes, rows: usize) -> Result<Self, String> {
        let mut fields = Vec::new();
        for part in wire::parts(raw)? {
            if part.number != 1 {
                return Err(UNKNOWN_PARTS.to_owned());
            }
            let column = decoded(raw.slice(part.value))?;
            let values =
                Self::of(&column, rows).map_err(|why| format!("{:?}: {why}", column.field_name))?;
            fields.push((column.field_name, values));
        }
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Self { values: Values::Structs(fields), places: None })
    }

    /// The value of a row; `None` for a null.
    pub(super) fn value(&self, row: usize) -> Result<Option<Value<'_>>, String> {
        let place = match &self.places {
            None => row,
            Some(places) => match places.get(row).copied().flatten() {
                Some(place) => place,
                None => return Ok(None),
            },
        };
        let (bytes, each, shape) = match &self.values {
            Values::Plain { bytes, each, shape } => (bytes, each, *shape),
            Values::Structs(fields) => return of_struct(fields, row),
        };
        let range = each.get(place).ok_or_else(|| format!("it has no row {row}"))?;
        of_value(&bytes[range.clone()], shape).map(Some)
    }
}

fn places(validity: &[bool]) -> Option<Vec<Option<usize>>> {
    let mut next = 0..;
    (!validity.is_empty())
        .then(|| validity.iter().map(|valid| valid.then(|| next.next()).flatten()).collect())
}

/// A struct is null as a whole: all of its sub-fields are.
fn of_struct(fields: &[(String, Canonical)], row: usize) -> Result<Option<Value<'static>>, String> {
    let mut out = Vec::new();
    let mut any = false;
    for (name, values) in fields {
        put(&mut out, name.as_bytes());
        match values.value(row)? {
            None => out.push(0),
            Some(value) => {
                any = true;
                out.push(1);
                put(&mut out, &value);
            }
        }
    }
    Ok(any.then_some(Value::Built(out)))
}

fn of_value(encoded: &[u8], shape: Shape) -> Result<Value<'_>, String> {
    Ok(match shape {
        Shape::Bits => Value::Found(encoded),
        Shape::Number => Value::Number(number(encoded)?.to_le_bytes()),
        Shape::Sparse => sparse(encoded),
        Shape::List(kind) => Value::Built(list(encoded, kind)?),
    })
}

fn number(mut encoded: &[u8]) -> Result<u64, String> {
    decode_varint(&mut encoded).map_err(|error| error.to_string())
}

/// Where the values are in a member; of texts, bytes and messages without what is before them.
fn values(member: &[u8], place: Place) -> Result<Vec<Range<usize>>, String> {
    let Place::Field(field, Layout::Delimited) = place else {
        return Ok(wire::values(member, place)?.each);
    };
    let mut each = Vec::new();
    for part in wire::each_part(member) {
        let part = part?;
        if part.number != field {
            continue;
        }
        if part.wire != WireType::LengthDelimited {
            return Err(wire::OTHER_TYPE.to_owned());
        }
        each.push(part.value);
    }
    Ok(each)
}

/// Pairs of a 32-bit index and a float, sorted: servers sort them, or not.
fn sparse(pairs: &[u8]) -> Value<'_> {
    let index = |pair: &[u8]| pair.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
    if !pairs.len().is_multiple_of(8) || pairs.chunks(8).is_sorted_by_key(index) {
        return Value::Found(pairs);
    }
    let mut sorted: Vec<&[u8]> = pairs.chunks(8).collect();
    sorted.sort_by_key(|pair| index(pair));
    Value::Built(sorted.concat())
}

/// An empty list may have an empty member, or none.
fn list(row: &[u8], kind: Kind) -> Result<Vec<u8>, String> {
    let payload = Payload::of(kind, row)?;
    let mut out = Vec::with_capacity(row.len() + 8);
    let Some((number, member)) = payload.member() else {
        out.extend(0_u64.to_le_bytes());
        return Ok(out);
    };
    let place = payload.place(number)?;
    let each = values(member, place)?;
    out.extend((each.len() as u64).to_le_bytes());
    for range in each {
        let encoded = &member[range];
        match place {
            Place::Field(_, Layout::Varint) => out.extend(self::number(encoded)?.to_le_bytes()),
            Place::Field(_, Layout::Delimited) if (kind, number) == (Kind::Vectors, SPARSE) => {
                put(&mut out, &sparse(encoded));
            }
            Place::Field(_, Layout::Delimited) => put(&mut out, encoded),
            _ => out.extend_from_slice(encoded),
        }
    }
    Ok(out)
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    out.extend((value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
}
