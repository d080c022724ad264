//! Digests of rows, and how two rows differ.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A digest of a set of rows: the sum, modulo 2^128, of a 128-bit hash of each row.
///
/// A sum does not depend on the order of rows, and that of a range is the sum of those of its parts.
/// Two sets of rows that differ have the same digest only where the sums of the hashes of the rows
/// in which they differ agree by chance: 1 in 2^128 for hashes that are spread evenly. The hash is
/// no cryptographic one: it finds what goes wrong, it does not withstand rows that were made to
/// collide.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Digest(pub u128);

impl Add for Digest {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

impl AddAssign for Digest {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Digest {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl std::iter::Sum for Digest {
    fn sum<I: Iterator<Item = Self>>(digests: I) -> Self {
        digests.fold(Self::default(), Self::add)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let valid = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("{text:?} is no digest: 32 hexadecimal digits"))
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

impl TryFrom<String> for Digest {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// A field in which two rows with the same key differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FieldDifference {
    /// The field, by its name at the target; `$meta` for the dynamic one.
    pub field: String,
    /// Its value at the source, shortened; `null` for none.
    pub source: String,
    /// Its value at the target, shortened.
    pub target: String,
    /// The first byte of the value that differs, counted from 0; absent where one is null.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<u64>,
    /// Whether it is the same value in another form: JSON with other spaces or order of keys, a
    /// number written otherwise, an instant in another time zone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub same_value: bool,
    /// Whether the source has none, and the target the default value of the field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub default_value: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_a_sum_and_a_text() {
        let (one, two) = (Digest(u128::MAX), Digest(2));
        assert_eq!(one + two, Digest(1));
        assert_eq!(one + two - one, two);
        assert_eq!([one, two].into_iter().sum::<Digest>(), [two, one].into_iter().sum());
        assert_eq!(two.to_string().parse(), Ok(two));
        assert_eq!(one.to_string().len(), 32);
        for wrong in
            ["", "0", "+0000000000000000000000000000001", "g0000000000000000000000000000001"]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
