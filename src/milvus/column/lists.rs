//! Lists in rows: arrays, and the vectors of struct arrays.
//!
//! An empty one is read as a row without any member, in which form it must not be sent: it kills a
//! 2.3.5 (`Array`), and later servers refuse it in a struct array.

use super::payload::{DIM, Kind, LISTS, Payload, member_of};
use super::wire::{self, Layout, Place};
use crate::model::DataType;

/// Gives every empty list the empty member of its type. `None` where there is none to mend, so that
/// such a column keeps its bytes.
pub(super) fn with_empty_members(kind: Kind, bytes: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let payload = Payload::of(kind, bytes)?;
    let Some((LISTS, lists)) = payload.member() else { return Ok(None) };
    // `ArrayArray` holds its rows in field 1, `VectorArray` in field 2.
    let (field, element_field) = match kind {
        Kind::Scalars => (1, 2),
        Kind::Vectors => (2, 3),
    };
    let mut any = false;
    for part in wire::parts(lists)?.iter().filter(|part| part.number == field) {
        let row = Payload::of(kind, &lists[part.value.clone()])?;
        any |= row.member().is_none();
        if row.validity()?.contains(&false) {
            return Err("a list has elements that are null, which cannot be carried".to_owned());
        }
    }
    if !any {
        return Ok(None);
    }
    let element = number(lists, element_field)?.unwrap_or_default();
    let element = DataType(i32::try_from(element).unwrap_or_default());
    let (_, empty) = member_of(element)
        .filter(|(of, _)| *of == kind)
        .ok_or_else(|| format!("an empty list of {element}"))?;
    let dim = if kind == Kind::Vectors { number(lists, DIM)? } else { None };
    let mut out = Vec::with_capacity(lists.len());
    for part in wire::parts(lists)? {
        let row = &lists[part.value.clone()];
        if part.number != field || Payload::of(kind, row)?.member().is_some() {
            out.extend_from_slice(&lists[part.whole]);
            continue;
        }
        let mut mended = row.to_vec();
        if let Some(dim) = dim
            && row.is_empty()
        {
            prost::encoding::uint64::encode(DIM, &dim, &mut mended);
        }
        wire::put(&mut mended, empty, &[]);
        wire::put(&mut out, field, &mended);
    }
    Ok(Some(payload.with_member(LISTS, &out)))
}

fn number(message: &[u8], field: u32) -> Result<Option<u64>, String> {
    let found = wire::values(message, Place::Field(field, Layout::Varint))?;
    let Some(range) = found.each.last() else { return Ok(None) };
    let mut bytes = &message[range.clone()];
    prost::encoding::decode_varint(&mut bytes).map(Some).map_err(|error| error.to_string())
}
