//! The types that values have.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A Milvus data type, by its protocol number (`schema.DataType`).
///
/// Kept as the number, so that a type newer than this build is reported by number instead of lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DataType(pub i32);

impl DataType {
    /// No type: the element type of every field that is not an array.
    pub const NONE: Self = Self(0);
    /// `Bool`.
    pub const BOOL: Self = Self(1);
    /// `Int8`.
    pub const INT8: Self = Self(2);
    /// `Int16`.
    pub const INT16: Self = Self(3);
    /// `Int32`.
    pub const INT32: Self = Self(4);
    /// `Int64`.
    pub const INT64: Self = Self(5);
    /// `Float`.
    pub const FLOAT: Self = Self(10);
    /// `Double`.
    pub const DOUBLE: Self = Self(11);
    /// `VarChar`, UTF-8, limited by `max_length` bytes.
    pub const VARCHAR: Self = Self(21);
    /// `Array` of a scalar element type.
    pub const ARRAY: Self = Self(22);
    /// `JSON`, also the type of the dynamic column.
    pub const JSON: Self = Self(23);
    /// `Geometry`: WKT text on the wire (2.6).
    pub const GEOMETRY: Self = Self(24);
    /// `Text`, UTF-8 up to 2 MiB (3.0).
    pub const TEXT: Self = Self(25);
    /// `Timestamptz`: ISO text on the wire, in the collection's time zone (2.6).
    pub const TIMESTAMPTZ: Self = Self(26);
    /// `BinaryVector`, `dim` bits.
    pub const BINARY_VECTOR: Self = Self(100);
    /// `FloatVector`, `dim` 32-bit floats.
    pub const FLOAT_VECTOR: Self = Self(101);
    /// `Float16Vector`, `dim` IEEE halves (2.4).
    pub const FLOAT16_VECTOR: Self = Self(102);
    /// `BFloat16Vector`, `dim` brain floats (2.4).
    pub const BFLOAT16_VECTOR: Self = Self(103);
    /// `SparseFloatVector`, pairs of an index and a float (2.4).
    pub const SPARSE_FLOAT_VECTOR: Self = Self(104);
    /// `Int8Vector`, `dim` signed bytes (2.6).
    pub const INT8_VECTOR: Self = Self(105);
    /// `ArrayOfVector`: a vector field of a struct array (2.6).
    pub const ARRAY_OF_VECTOR: Self = Self(106);
    /// `ArrayOfStruct`: the column of a struct array (2.6).
    pub const ARRAY_OF_STRUCT: Self = Self(200);

    /// Whether values of this type are vectors.
    pub fn is_vector(self) -> bool {
        (100..=106).contains(&self.0)
    }

    /// The name that Milvus gives the type, if this build knows it.
    pub fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "None",
            1 => "Bool",
            2 => "Int8",
            3 => "Int16",
            4 => "Int32",
            5 => "Int64",
            10 => "Float",
            11 => "Double",
            20 => "String",
            21 => "VarChar",
            22 => "Array",
            23 => "JSON",
            24 => "Geometry",
            25 => "Text",
            26 => "Timestamptz",
            27 => "Mol",
            28 => "Date",
            29 => "Time",
            30 => "Decimal",
            31 => "UUID",
            100 => "BinaryVector",
            101 => "FloatVector",
            102 => "Float16Vector",
            103 => "BFloat16Vector",
            104 => "SparseFloatVector",
            105 => "Int8Vector",
            106 => "ArrayOfVector",
            200 => "ArrayOfStruct",
            201 => "Struct",
            _ => return None,
        })
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "data type {}", self.0),
        }
    }
}
