//! What is inside a column: where its values are, by the protocol's own numbers
//! (`schema.ScalarField`, `schema.VectorField`).

use super::wire::{self, Layout, Part, Place};
use crate::model::DataType;

/// The two kinds of payload that hold values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `ScalarField`.
    Scalars,
    /// `VectorField`.
    Vectors,
}

/// Why a column cannot be sent on.
pub(super) const UNKNOWN_PARTS: &str =
    "it holds parts that this version of milvus-ferry does not know and would lose";
/// `ScalarField.array_data` and `VectorField.vector_array`: a list in each row.
pub(super) const LISTS: u32 = 8;
/// `ScalarField.geometry_data`: WKB, which servers do not take.
pub(super) const GEOMETRY_WKB: u32 = 10;
/// `ScalarField.timestamptz_data`: a number, which servers do not take.
pub(super) const TIMESTAMPTZ_NUMBER: u32 = 11;
/// `VectorField.dim` and `VectorArray.dim`.
pub(super) const DIM: u32 = 1;

/// A payload, taken apart as far as its fields.
pub(super) struct Payload<'a> {
    kind: Kind,
    bytes: &'a [u8],
    parts: Vec<Part>,
}

impl<'a> Payload<'a> {
    pub(super) fn of(kind: Kind, bytes: &'a [u8]) -> Result<Self, String> {
        let payload = Self { kind, bytes, parts: wire::parts(bytes)? };
        let members = payload.parts.iter().filter(|part| payload.is_member(part)).count();
        if members > 1 {
            return Err(UNKNOWN_PARTS.to_owned());
        }
        Ok(payload)
    }

    /// Where newer servers keep the validity of its values.
    fn validity_number(&self) -> u32 {
        match self.kind {
            Kind::Scalars => 17,
            Kind::Vectors => 9,
        }
    }

    fn is_member(&self, part: &Part) -> bool {
        part.number != self.validity_number() && (self.kind == Kind::Scalars || part.number != DIM)
    }

    /// The member that holds the values: its number and bytes.
    pub(super) fn member(&self) -> Option<(u32, &'a [u8])> {
        let part = self.parts.iter().find(|part| self.is_member(part))?;
        Some((part.number, &self.bytes[part.value.clone()]))
    }

    /// The validity that newer servers keep here; empty where there is none.
    pub(super) fn validity(&self) -> Result<Vec<bool>, String> {
        let number = self.validity_number();
        if self.parts.iter().any(|part| part.number == number) {
            return wire::booleans(self.bytes, number);
        }
        Ok(Vec::new())
    }

    /// Where the values are in a member.
    pub(super) fn place(&self, member: u32) -> Result<Place, String> {
        let dim = || -> Result<usize, String> {
            let dim = self.number(DIM)?.ok_or("it does not say the dimension of its vectors")?;
            usize::try_from(dim).map_err(|error| error.to_string())
        };
        Ok(match (self.kind, member) {
            (Kind::Scalars, 1..=3 | 11 | 15 | 16) => Place::Field(1, Layout::Varint),
            (Kind::Scalars, 4) => Place::Field(1, Layout::Fixed(4)),
            (Kind::Scalars, 5) => Place::Field(1, Layout::Fixed(8)),
            (Kind::Scalars, 6..=10 | 12..=14) | (Kind::Vectors, 6) => {
                Place::Field(1, Layout::Delimited)
            }
            (Kind::Vectors, LISTS) => Place::Field(2, Layout::Delimited),
            // Without any value there may be no dimension either.
            (Kind::Vectors, 2..=5 | 7)
                if self.member().is_none_or(|(_, bytes)| bytes.is_empty()) =>
            {
                Place::Whole(0)
            }
            (Kind::Vectors, 2) => Place::Field(1, Layout::Fixed(4 * dim()?)),
            (Kind::Vectors, 3) => Place::Whole(dim()?.div_ceil(8)),
            (Kind::Vectors, 4 | 5) => Place::Whole(2 * dim()?),
            (Kind::Vectors, 7) => Place::Whole(dim()?),
            (_, other) => return Err(format!("it holds values of an unknown type ({other})")),
        })
    }

    fn number(&self, field: u32) -> Result<Option<u64>, String> {
        let Some(part) = self.parts.iter().rfind(|part| part.number == field) else {
            return Ok(None);
        };
        let mut bytes = &self.bytes[part.value.clone()];
        prost::encoding::decode_varint(&mut bytes).map(Some).map_err(|error| error.to_string())
    }

    /// The payload with another member, and without validity.
    pub(super) fn with_member(&self, number: u32, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len());
        for part in &self.parts {
            if part.number != self.validity_number() && !self.is_member(part) {
                out.extend_from_slice(&self.bytes[part.whole.clone()]);
            }
        }
        wire::put(&mut out, number, bytes);
        out
    }
}

/// The kind of payload and the member that hold values of a type, in requests.
pub(super) fn member_of(data_type: DataType) -> Option<(Kind, u32)> {
    Some(match data_type {
        DataType::BOOL => (Kind::Scalars, 1),
        DataType::INT8 | DataType::INT16 | DataType::INT32 => (Kind::Scalars, 2),
        DataType::INT64 => (Kind::Scalars, 3),
        DataType::FLOAT => (Kind::Scalars, 4),
        DataType::DOUBLE => (Kind::Scalars, 5),
        DataType::VARCHAR | DataType::TEXT | DataType::TIMESTAMPTZ => (Kind::Scalars, 6),
        DataType::ARRAY => (Kind::Scalars, LISTS),
        DataType::JSON => (Kind::Scalars, 9),
        DataType::GEOMETRY => (Kind::Scalars, 12),
        DataType::FLOAT_VECTOR => (Kind::Vectors, 2),
        DataType::BINARY_VECTOR => (Kind::Vectors, 3),
        DataType::FLOAT16_VECTOR => (Kind::Vectors, 4),
        DataType::BFLOAT16_VECTOR => (Kind::Vectors, 5),
        DataType::SPARSE_FLOAT_VECTOR => (Kind::Vectors, 6),
        DataType::INT8_VECTOR => (Kind::Vectors, 7),
        DataType::ARRAY_OF_VECTOR => (Kind::Vectors, LISTS),
        _ => return None,
    })
}
