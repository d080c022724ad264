//! Numbers as people read them: counts, bytes, durations. Integer arithmetic only.

use std::time::Duration;

pub use crate::model::quantity::{count, counted};

/// Bytes in binary units with one decimal: `512 B`, `1.2 GiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    let mut unit_size: u128 = 1024;
    let mut tenths = 0;
    for unit in UNITS {
        tenths = (u128::from(number) * 10 + unit_size / 2) / unit_size;
        // Compared after rounding, so that 1023.96 KiB becomes 1.0 MiB and not 1024.0 KiB.
        if tenths < 10 * 1024 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        unit_size *= 1024;
    }
    // Out of reach: the largest number is 16.0 EiB.
    format!("{} EiB", tenths / 10)
}

/// How long something took: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 12 min`, `3 d 04 h`.
pub fn duration(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    let tenths = (millis + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    whole((millis + 500) / 1_000)
}

/// How long something may still take, in whole seconds and rounded up: `3 s`, `4 min 05 s`.
pub fn remaining(time: Duration) -> String {
    whole(time.as_millis().div_ceil(1_000))
}

/// A count in at most five characters, rounded down: `9,999`, `12.3k`, `1.23M`.
pub fn short_count(number: u64) -> String {
    const UNITS: [(u64, char); 5] = [
        (1_000_000_000_000_000, 'P'),
        (1_000_000_000_000, 'T'),
        (1_000_000_000, 'G'),
        (1_000_000, 'M'),
        (1_000, 'k'),
    ];
    let unit = UNITS.iter().find(|(size, _)| number >= *size);
    let Some((size, name)) = unit.filter(|_| number >= 10_000) else { return count(number) };
    let (whole, rest) = (number / size, u128::from(number % size) * 100 / u128::from(*size));
    match whole {
        0..10 => format!("{whole}.{rest:02}{name}"),
        10..100 => format!("{whole}.{}{name}", rest / 10),
        _ => format!("{whole}{name}"),
    }
}

/// The same as [`remaining`] in at most six characters, below a hundred days: `3s`, `4m05s`, `2h12m`.
pub fn short_remaining(time: Duration) -> String {
    let text = remaining(time);
    text.replace(" min", "m").replace(' ', "")
}

/// How long something may take, by an estimate: `under a minute`, `~45 min`, `~2 h 12 min`.
pub fn about(time: Duration) -> String {
    match time.as_secs() {
        0..60 => "under a minute".to_owned(),
        seconds @ 60..3_600 => format!("~{} min", seconds.div_ceil(60)),
        seconds => format!("~{}", whole(u128::from(seconds))),
    }
}

fn whole(seconds: u128) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {:02} s", seconds % 60),
        (0, _, _) => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_203_442, "1,203,442"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(0, "row"), "0 rows");
    }

    #[test]
    fn short_counts_never_say_more_than_there_is() {
        for (number, text) in [
            (0, "0"),
            (9_999, "9,999"),
            (10_000, "10.0k"),
            (99_999, "99.9k"),
            (999_999, "999k"),
            (1_000_000, "1.00M"),
            (12_345_678, "12.3M"),
            (7_000_000_000, "7.00G"),
            (999_999_999_999_999, "999T"),
        ] {
            assert_eq!(short_count(number), text);
        }
        assert_eq!(short_count(u64::MAX), "18446P");
    }

    #[test]
    fn bytes_roll_over_to_the_next_unit_after_rounding() {
        for (number, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn durations_have_no_sixty_seconds() {
        for (millis, text) in [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (12_340, "12.3 s"),
            (59_949, "59.9 s"),
            (59_950, "1 min 00 s"),
            (245_000, "4 min 05 s"),
            (7_920_000, "2 h 12 min"),
            (273_600_000, "3 d 04 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(remaining(Duration::from_millis(1)), "1 s");
        assert_eq!(remaining(Duration::from_millis(59_001)), "1 min 00 s");
        assert_eq!(remaining(Duration::ZERO), "0 s");
        assert_eq!(short_remaining(Duration::from_secs(59)), "59s");
        assert_eq!(short_remaining(Duration::from_secs(3_599)), "59m59s");
        assert_eq!(short_remaining(Duration::from_secs(7_920)), "2h12m");
        assert_eq!(short_remaining(Duration::from_secs(99 * 86_400)), "99d00h");
        assert_eq!(about(Duration::from_secs(59)), "under a minute");
        assert_eq!(about(Duration::from_secs(2_641)), "~45 min");
        assert_eq!(about(Duration::from_secs(7_920)), "~2 h 12 min");
    }
}
