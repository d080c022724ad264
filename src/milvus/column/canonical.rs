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

use prost::encoding::WireType;

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
    /// Whole numbers, decoded.
    Numbers(Vec<[u8; 8]>),
    /// So many bytes each, one after the other.
    Fixed { bytes: bytes::Bytes, width: usize },
    /// Somewhere in these bytes.
    Placed { bytes: bytes::Bytes, each: Vec<Range<u32>>, shape: Shape },
    /// By sub-field, sorted by name.
    Structs(Vec<(String, Canonical)>),
}

/// A value.
#[derive(Debug)]
pub(super) enum Value<'a> {
    /// It is there in this form.
    Found(&'a [u8]),
    /// It had to be put together.
    Built(Vec<u8>),
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Found(bytes) => bytes,
            Self::Built(bytes) => bytes,
        }
    }
}

/// How a value is found in its bytes.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// They are the value.
    Bits,
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
                return Ok(Self { values: Values::Numbers(Vec::new()), places: places(validity) });
            }
            None => return Err("it has no values".to_owned()),
        };
        let payload = Payload::of(kind, bytes)?;
        let values = match payload.member() {
            None => Values::Numbers(Vec::new()),
            Some((number, member)) => {
                let place = payload.place(number)?;
                let shape = match (kind, number) {
                    (_, LISTS) => Shape::List(kind),
                    (Kind::Vectors, SPARSE) => Shape::Sparse,
                    _ => Shape::Bits,
                };
                placed(bytes.slice_ref(member), place, shape, present)?
            }
        };
        let found = values.count();
        if found != present {
            return Err(format!("it holds {found} values for {present} rows"));
        }
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

    /// The value of a row, where it is there in this form: nearly always.
    #[inline]
    pub(super) fn found(&self, row: usize) -> Option<&[u8]> {
        match (&self.values, &self.places) {
            (Values::Numbers(numbers), None) => numbers.get(row).map(<[u8; 8]>::as_slice),
            (Values::Fixed { bytes, width }, None) => bytes.get(row * width..(row + 1) * width),
            (Values::Placed { bytes, each, shape: Shape::Bits }, None) => {
                bytes.get(wide(each.get(row)?))
            }
            _ => None,
        }
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
        let value = match &self.values {
            Values::Structs(fields) => return of_struct(fields, row),
            Values::Numbers(numbers) => numbers.get(place).map(|bytes| Value::Found(bytes)),
            Values::Fixed { bytes, width } => {
                let start = place * width;
                bytes.get(start..start + width).map(Value::Found)
            }
            Values::Placed { bytes, each, shape } => match each.get(place) {
                Some(range) => Some(of_value(&bytes[wide(range)], *shape)?),
                None => None,
            },
        };
        value.map(Some).ok_or_else(|| format!("it has no row {row}"))
    }
}

impl Values {
    fn count(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Fixed { bytes, width } => bytes.len().checked_div(*width).unwrap_or_default(),
            Self::Placed { each, .. } => each.len(),
            Self::Structs(_) => 0,
        }
    }
}

/// The values of a member of a payload, of which there should be so many.
fn placed(
    member: bytes::Bytes,
    place: Place,
    shape: Shape,
    count: usize,
) -> Result<Values, String> {
    match place {
        Place::Field(field, Layout::Varint) => {
            Ok(Values::Numbers(wire::numbers(&member, field, count)?))
        }
        Place::Field(field, Layout::Delimited) => {
            let mut each = Vec::with_capacity(count);
            for value in delimited(&member, field) {
                each.push(narrow(value?)?);
            }
            Ok(Values::Placed { bytes: member, each, shape })
        }
        Place::Whole(width) | Place::Field(_, Layout::Fixed(width)) => {
            if let Some(run) = wire::one_run(&member, place) {
                return Ok(Values::Fixed { bytes: member.slice(run), width });
            }
            let each = wire::values(&member, place)?.each;
            let each = each.into_iter().map(narrow).collect::<Result<_, _>>()?;
            Ok(Values::Placed { bytes: member, each, shape })
        }
    }
}

/// A message has less than 4 GiB; half the memory is half the time for what is looked through once.
fn narrow(range: Range<usize>) -> Result<Range<u32>, String> {
    let narrow = |at: usize| u32::try_from(at).map_err(|_| "it has more than 4 GiB".to_owned());
    Ok(narrow(range.start)?..narrow(range.end)?)
}

fn wide(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
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
        Shape::Sparse => sparse(encoded),
        Shape::List(kind) => Value::Built(list(encoded, kind)?),
    })
}

/// Where texts, bytes or messages are, without what is before them.
fn delimited(member: &[u8], field: u32) -> impl Iterator<Item = Result<Range<usize>, String>> {
    wire::each_part(member).filter_map(move |part| match part {
        Err(why) => Some(Err(why)),
        Ok(part) if part.number != field => None,
        Ok(part) if part.wire == WireType::LengthDelimited => Some(Ok(part.value)),
        Ok(_) => Some(Err(wire::OTHER_TYPE.to_owned())),
    })
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
    let mut count = |values: usize| out.extend((values as u64).to_le_bytes());
    match place {
        Place::Field(field, Layout::Varint) => {
            let numbers = wire::numbers(member, field, 0)?;
            count(numbers.len());
            out.extend(numbers.as_flattened());
        }
        Place::Field(field, Layout::Delimited) => {
            let each: Vec<_> = delimited(member, field).collect::<Result<_, _>>()?;
            count(each.len());
            for value in each.into_iter().map(|range| &member[range]) {
                match (kind, number) {
                    (Kind::Vectors, SPARSE) => put(&mut out, &sparse(value)),
                    _ => put(&mut out, value),
                }
            }
        }
        _ => {
            let each = wire::values(member, place)?.each;
            count(each.len());
            for range in each {
                out.extend_from_slice(&member[range]);
            }
        }
    }
    Ok(out)
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    out.extend((value.len() as u64).to_le_bytes());
    out.extend_from_slice(value);
}
