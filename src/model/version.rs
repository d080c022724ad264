//! Which server this is.

use std::fmt;

/// Whose server it is, as far as behaviour goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Milvus, standalone or distributed.
    Milvus,
    /// Milvus Lite: keeps no descriptions, one shard, its own partition count.
    Lite,
    /// Zilliz Cloud.
    ZillizCloud,
}

/// The patch release that stands for the newest of a line.
pub const NEWEST_OF_LINE: u32 = u32::MAX;

/// A server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    /// What the server calls itself.
    pub text: String,
    /// The Milvus release whose behaviour to expect, where it is known.
    pub release: Option<(u32, u32, u32)>,
    /// Whose server it is.
    pub flavour: Flavour,
}

impl ServerVersion {
    /// Reads `GetVersion`'s answer (`v2.3.5-lite`, `milvus_lite-3.2.2`) or a build tag such as
    /// "Zilliz Cloud Vector Database(Compatible with Milvus 2.6)". The latter names a line, which is
    /// read as [the newest release](NEWEST_OF_LINE) of it: clusters follow their line, and whatever
    /// one makes of a collection is described again before it is filled.
    pub fn parse(text: &str) -> Self {
        let lower = text.to_lowercase();
        let (flavour, number) = if lower.contains("zilliz") {
            let number = lower.split("milvus").nth(1).unwrap_or_default();
            (Flavour::ZillizCloud, number.to_owned())
        } else if lower.starts_with("milvus_lite") || lower.starts_with("milvus-lite") {
            (Flavour::Lite, lower)
        } else {
            (Flavour::Milvus, lower)
        };
        let of_line = if flavour == Flavour::ZillizCloud { NEWEST_OF_LINE } else { 0 };
        Self { text: text.to_owned(), release: release(&number, of_line), flavour }
    }

    /// Whether it parses JSON and writes it anew, so that spaces and the order of keys are not kept:
    /// Milvus Lite 3 does. To the others it is bytes.
    pub fn rewrites_json(&self) -> bool {
        self.flavour == Flavour::Lite && !self.older_than(3, 0, 0)
    }

    /// Whether the release is known and at least this one.
    pub fn at_least(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.release.is_some_and(|release| release >= (major, minor, patch))
    }

    /// Whether the release is known and older than this one.
    pub fn older_than(&self, major: u32, minor: u32, patch: u32) -> bool {
        self.release.is_some_and(|release| release < (major, minor, patch))
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.flavour, self.release) {
            (Flavour::Milvus, Some((a, b, c))) => write!(f, "Milvus {a}.{b}.{c}"),
            (Flavour::Lite, Some((a, b, c))) => write!(f, "Milvus Lite {a}.{b}.{c}"),
            (Flavour::ZillizCloud, Some((a, b, _))) => {
                write!(f, "Zilliz Cloud, compatible with Milvus {a}.{b}")
            }
            (_, None) => write!(f, "{}", if self.text.is_empty() { "unknown" } else { &self.text }),
        }
    }
}

/// `of_line`: the patch release where none is named.
fn release(text: &str, of_line: u32) -> Option<(u32, u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[start..]
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?
        .split('.')
        .map(str::parse);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next()?.ok()?;
    let patch = numbers.next().and_then(Result::ok).unwrap_or(of_line);
    Some((major, minor, patch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_say() {
        let v = |text| {
            let version = ServerVersion::parse(text);
            (version.flavour, version.release)
        };
        assert_eq!(v("v2.3.5-lite"), (Flavour::Milvus, Some((2, 3, 5))));
        assert_eq!(v("v2.2.16-lite"), (Flavour::Milvus, Some((2, 2, 16))));
        assert_eq!(v("2.6.0-rc1"), (Flavour::Milvus, Some((2, 6, 0))));
        assert_eq!(v("milvus_lite-3.2.2"), (Flavour::Lite, Some((3, 2, 2))));
        assert_eq!(
            v("Zilliz Cloud Vector Database(Compatible with Milvus 2.6)"),
            (Flavour::ZillizCloud, Some((2, 6, NEWEST_OF_LINE)))
        );
        let named = "Zilliz Cloud Vector Database(Compatible with Milvus 2.6.12)";
        assert_eq!(v(named), (Flavour::ZillizCloud, Some((2, 6, 12))));
        assert_eq!(v("2.6"), (Flavour::Milvus, Some((2, 6, 0))));
        assert_eq!(v("master-20240101").0, Flavour::Milvus);
        assert_eq!(v("").1, None);
    }
}
