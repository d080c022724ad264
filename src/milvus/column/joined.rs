//! Several answers as one, where a server has to be asked for its rows in parts.

use super::Rows;
use super::payload::{Kind, Payload};
use super::wire;
use crate::milvus::pb::schema::{FieldData, field_data::Field};
use crate::model::DataType;

impl Rows {
    /// The rows of these answers, which have the same columns, one after the other.
    ///
    /// # Errors
    /// When they have not, or a column is one of structs.
    pub(in crate::milvus) fn joined(parts: Vec<Self>) -> Result<Self, String> {
        let mut parts = parts.into_iter().filter(|part| !part.is_empty());
        let Some(mut all) = parts.next() else {
            return Ok(Self { columns: Vec::new(), keys: Vec::new(), bytes: 0, rebuilt: 0 });
        };
        let others: Vec<Self> = parts.collect();
        if others.is_empty() {
            return Ok(all);
        }
        let counts: Vec<usize> =
            std::iter::once(&all).chain(&others).map(|part| part.keys.len()).collect();
        for column in &mut all.columns {
            let name = column.field_name.clone();
            let wrong = |why: String| format!("the column {name:?}: {why}");
            let of = others.iter().map(|part| {
                part.columns
                    .iter()
                    .find(|other| other.field_name == name)
                    .ok_or("is missing in a part")
            });
            let of: Vec<&FieldData> =
                of.collect::<Result<_, _>>().map_err(|why| wrong(why.to_owned()))?;
            let with: Vec<&FieldData> = std::iter::once(&*column).chain(of).collect();
            let field = payload(&with).map_err(wrong)?;
            let validity = validity(&with, &counts);
            (column.field, column.valid_data) = (Some(field), validity);
        }
        for part in others {
            all.bytes += part.bytes;
            all.keys.extend(part.keys);
        }
        all.rebuilt = all.bytes;
        Ok(all)
    }
}

fn validity(columns: &[&FieldData], counts: &[usize]) -> Vec<bool> {
    if columns.iter().all(|column| column.valid_data.is_empty()) {
        return Vec::new();
    }
    let of =
        columns.iter().zip(counts).flat_map(|(column, count)| match column.valid_data.as_slice() {
            [] => vec![true; *count],
            flags => flags.to_vec(),
        });
    of.collect()
}

/// The payload of the first column, with the values of all of them.
fn payload(columns: &[&FieldData]) -> Result<Field, String> {
    let raw = |column: &FieldData| match &column.field {
        Some(Field::Scalars(raw)) => Ok((Kind::Scalars, raw.clone())),
        Some(Field::Vectors(raw)) => Ok((Kind::Vectors, raw.clone())),
        _ => Err(format!("values of {} cannot be joined", DataType(column.r#type))),
    };
    let raws = columns.iter().map(|column| raw(column)).collect::<Result<Vec<_>, _>>()?;
    let payloads = raws
        .iter()
        .map(|(kind, bytes)| Payload::of(*kind, bytes))
        .collect::<Result<Vec<_>, String>>()?;
    // A part of nulls alone has no values, and then no dimension either.
    let members: Vec<(usize, u32, &[u8])> = payloads
        .iter()
        .enumerate()
        .filter_map(|(part, payload)| payload.member().map(|(number, bytes)| (part, number, bytes)))
        .filter(|(_, _, bytes)| !bytes.is_empty())
        .collect();
    let Some(&(first, number, member)) = members.first() else {
        return columns[0].field.clone().ok_or_else(|| "it holds no values".to_owned());
    };
    let place = payloads[first].place(number)?;
    let mut all: Vec<&[u8]> = Vec::new();
    for (part, other, bytes) in &members {
        if *other != number || payloads[*part].place(*other)? != place {
            return Err("parts of it are of other types".to_owned());
        }
        let values = wire::values(bytes, place)?;
        all.extend(values.each.into_iter().map(|range| &bytes[range]));
    }
    let joined = wire::values(member, place)?.rebuilt(member, all.into_iter());
    let built = payloads[first].with_member(number, &joined).into();
    Ok(match raws[first].0 {
        Kind::Scalars => Field::Scalars(built),
        Kind::Vectors => Field::Vectors(built),
    })
}
