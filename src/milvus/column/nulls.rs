//! Nulls: queries answer with a placeholder in each null row (scalars) or without one (vectors),
//! inserts take only the values that are there, beside one flag for every row.
//!
//! Where a column has no null its payload is left as it is, to the byte.

use super::payload::{Kind, Payload, member_of};
use super::wire;
use crate::model::DataType;

/// `ScalarField.json_data`.
const JSON: u32 = 9;

/// A payload as an insert wants it.
pub(super) struct Settled {
    /// The payload, where it is another one now.
    pub(super) payload: Option<Vec<u8>>,
    /// One flag for every row, or nothing where no row is null.
    pub(super) validity: Vec<bool>,
}

/// Leaves the null rows out of a payload. `beside` is the validity that is given beside it, by
/// servers that do not keep it inside.
pub(super) fn without_nulls(
    kind: Kind,
    bytes: &[u8],
    data_type: DataType,
    beside: Vec<bool>,
    rows: usize,
) -> Result<Settled, String> {
    let payload = Payload::of(kind, bytes)?;
    let inside = payload.validity()?;
    let moved = !inside.is_empty();
    let validity = checked(if moved { inside } else { beside }, rows)?;
    if validity.iter().all(|&valid| valid) {
        let Some((number, member)) = payload.member() else {
            return Err(format!("it holds no values for {rows} rows"));
        };
        let payload = moved.then(|| payload.with_member(number, member));
        return Ok(Settled { payload, validity: Vec::new() });
    }
    let present = count(&validity);
    let Some((number, member)) = payload.member() else {
        if present > 0 {
            return Err(mismatch(0, rows, present));
        }
        let (_, number) = member_of(data_type).ok_or_else(|| format!("nulls of {data_type}"))?;
        return Ok(Settled { payload: Some(payload.with_member(number, &[])), validity });
    };
    let values = wire::values(member, payload.place(number)?)?;
    let new = if values.each.len() == present {
        moved.then(|| payload.with_member(number, member))
    } else if values.each.len() == rows {
        let kept = values.each.iter().zip(&validity).filter(|(_, valid)| **valid);
        let kept = values.rebuilt(member, kept.map(|(range, _)| &member[range.clone()]));
        Some(payload.with_member(number, &kept))
    } else {
        return Err(mismatch(values.each.len(), rows, present));
    };
    Ok(Settled { payload: new, validity })
}

/// The dynamic column: a null, which it may hold from 2.6 on, is an object without keys, and an
/// insert takes no flags for it.
pub(super) fn dynamic_without_nulls(
    bytes: &[u8],
    beside: Vec<bool>,
    rows: usize,
) -> Result<Option<Vec<u8>>, String> {
    let payload = Payload::of(Kind::Scalars, bytes)?;
    let inside = payload.validity()?;
    let moved = !inside.is_empty();
    let validity = checked(if moved { inside } else { beside }, rows)?;
    let present = count(&validity);
    if present == validity.len() {
        let Some((number, member)) = payload.member() else {
            return Err(format!("it holds no values for {rows} rows"));
        };
        return Ok(moved.then(|| payload.with_member(number, member)));
    }
    let (number, member) = payload.member().unwrap_or((JSON, &[]));
    let values = wire::values(member, payload.place(number)?)?;
    let full = values.each.len() == rows;
    if !full && values.each.len() != present {
        return Err(mismatch(values.each.len(), rows, present));
    }
    let mut empty = Vec::new();
    wire::put(&mut empty, 1, b"{}");
    let mut next = 0;
    let mut filled: Vec<&[u8]> = Vec::with_capacity(rows);
    for valid in validity {
        filled.push(if valid { &member[values.each[next].clone()] } else { &empty });
        next += usize::from(full || valid);
    }
    let filled = values.rebuilt(member, filled.iter().copied());
    Ok(Some(payload.with_member(number, &filled)))
}

fn checked(validity: Vec<bool>, rows: usize) -> Result<Vec<bool>, String> {
    if validity.is_empty() || validity.len() == rows {
        return Ok(validity);
    }
    Err(format!("it says of {} rows whether they are null, there are {rows}", validity.len()))
}

fn count(validity: &[bool]) -> usize {
    validity.iter().filter(|&&valid| valid).count()
}

fn mismatch(values: usize, rows: usize, present: usize) -> String {
    format!("it holds {values} values for {rows} rows, of which {present} are not null")
}
