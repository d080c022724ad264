//! Single values of a column, undecoded, as searches want them: a vector or a text for each row.

use bytes::Bytes;

use super::Rows;
use super::payload::{Kind, Payload};
use super::wire::{self, Layout, Place};
use crate::milvus::pb::schema::field_data::Field;

impl Rows {
    /// The value of every row in a column of vectors or texts, as its bytes; `None` where it is
    /// null. A vector's bytes are those that a search takes: numbers one after the other, of a
    /// sparse one its pairs of index and value.
    ///
    /// # Errors
    /// When the column is not there, holds values of another kind, or not one for each row.
    pub(in crate::milvus) fn examples(&self, name: &str) -> Result<Vec<Option<Bytes>>, String> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let column = self
            .columns
            .iter()
            .find(|column| column.field_name == name)
            .ok_or_else(|| format!("the answer misses the column {name:?}"))?;
        let (kind, raw) = match &column.field {
            Some(Field::Scalars(raw)) => (Kind::Scalars, raw),
            Some(Field::Vectors(raw)) => (Kind::Vectors, raw),
            _ => return Err(format!("the column {name:?} holds neither vectors nor texts")),
        };
        let wrong = |why| format!("the column {name:?}: {why}");
        let values = values(kind, raw).map_err(wrong)?;
        // Null rows are left out of a payload, and flagged beside it.
        let mut values = values.into_iter();
        let examples: Vec<Option<Bytes>> = if column.valid_data.is_empty() {
            values.by_ref().map(Some).collect()
        } else {
            let flags = column.valid_data.iter();
            flags.map(|valid| valid.then(|| values.next()).flatten()).collect()
        };
        if examples.len() != self.len() || values.next().is_some() {
            return Err(wrong(format!("it holds no value for each of {} rows", self.len())));
        }
        Ok(examples)
    }
}

fn values(kind: Kind, raw: &Bytes) -> Result<Vec<Bytes>, String> {
    let payload = Payload::of(kind, raw)?;
    let Some((number, member)) = payload.member() else { return Ok(Vec::new()) };
    let member = raw.slice_ref(member);
    match payload.place(number)? {
        Place::Field(field, Layout::Delimited) => {
            let mut parts = wire::parts(&member)?;
            parts.retain(|part| part.number == field);
            Ok(parts.into_iter().map(|part| member.slice(part.value)).collect())
        }
        place => {
            let found = wire::values(&member, place)?;
            Ok(found.each.into_iter().map(|range| member.slice(range)).collect())
        }
    }
}
