//! Sizes such as `512MiB`, rates such as `40MB/s`, and durations such as `1h30m`.

use std::time::Duration;

use crate::model::ByteSize;

/// Units of sizes and their bytes.
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Units of durations and their milliseconds.
const DURATIONS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a size.
pub(super) fn size(text: &str) -> Option<ByteSize> {
    let (number, unit) = split_number(text)?;
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, bytes) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*bytes).map(ByteSize)
}

/// Reads a rate: a size for each second, such as `40MB/s`.
pub(super) fn rate(text: &str) -> Option<ByteSize> {
    size(text.strip_suffix("/s")?)
}

/// A size in its largest binary unit that leaves no rest.
pub(super) fn size_text(bytes: u64) -> String {
    let (unit, factor) = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        .into_iter()
        .find(|(_, factor)| bytes != 0 && bytes.is_multiple_of(*factor))
        .unwrap_or(("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// Reads a duration: numbers with units, added up.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    let mut rest = text;
    loop {
        let (number, after) = split_number(rest)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let (_, millis) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*millis)?)?;
        if next.is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = next;
    }
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("512MiB"), Some(ByteSize(512 << 20)));
        assert_eq!(size("8 MB"), Some(ByteSize(8_000_000)));
        assert_eq!(size("7B"), Some(ByteSize(7)));
        for wrong in ["", "MiB", "8", "8mb", "8.5MiB", "-1B", "8  MB", "99999999999GiB"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rates() {
        assert_eq!(rate("40MB/s"), Some(ByteSize(40_000_000)));
        assert_eq!(rate("8 KiB/s"), Some(ByteSize(8 << 10)));
        for wrong in ["", "/s", "40MB", "40MB/m", "40MB /s", "40MB/s/s", "1.5MB/s"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_as_text() {
        assert_eq!(size_text(64 << 20), "64MiB");
        assert_eq!(size_text(1 << 40), "1024GiB");
        assert_eq!(size_text(1_000), "1000B");
        assert_eq!(size_text(0), "0B");
    }

    #[test]
    fn durations() {
        assert_eq!(duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(duration("1h30m"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for wrong in ["", "5", "m", "5 m", "5x", "99999999999999999d", "1.5h"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
