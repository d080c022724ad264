//! Default values of type `Timestamptz`: a number of microseconds up to 2.6, a text in the
//! collection's time zone from 3.0 on. Both become the same text, in UTC, which every server takes.

use std::fmt::Write as _;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 24 * 3600;

/// The moment so many microseconds after 1970 as RFC 3339 in UTC; `None` outside of the years 0 to
/// 9999, which have no such text.
pub(in crate::milvus) fn text(micros: i64) -> Option<String> {
    let (seconds, fraction) = (micros.div_euclid(MICROS), micros.rem_euclid(MICROS));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    if !(0..=9999).contains(&year) {
        return None;
    }
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        let _ = write!(out, ".{}", digits.trim_end_matches('0'));
    }
    out.push('Z');
    Some(out)
}

/// Microseconds after 1970 of a text in RFC 3339; `None` for any other, such as one without its
/// distance from UTC, or with a finer fraction.
pub(in crate::milvus) fn micros(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone);
    let offset = match zone {
        "Z" | "z" => 0,
        zone => {
            let [hours, minutes] = numbers(&zone[1..], ':')?;
            if hours > 24 || minutes > 59 {
                return None;
            }
            let offset = hours * 3600 + minutes * 60;
            if zone.starts_with('-') { -offset } else { offset }
        }
    };
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(time, ':')?;
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
    let in_range = (0..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    let days = days(year, month, day);
    if self::date(days) != (year, month, day) {
        return None;
    }
    let seconds = days * DAY + hour * 3600 + minute * 60 + second - offset;
    Some(seconds * MICROS + fraction)
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<i64> = text
        .split(separator)
        .map(|part| if digits(part) { part.parse().ok() } else { None })
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that the
/// leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date so many days after 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + years + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        for (at, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00Z"),
            (1_735_689_599_120_000, "2024-12-31T23:59:59.12Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(text(at).as_deref(), Some(written));
            assert_eq!(micros(written), Some(at));
        }
        assert_eq!(micros("2025-01-01T08:00:00.5+08:00"), micros("2024-12-31T19:00:00.5-05:00"));
        for other in [
            "",
            "now",
            "2025-01-01T00:00:00",
            "2025-02-30T00:00:00Z",
            "2025-01-01",
            "999999999999999999-01-01T00:00:00Z",
            "2025-01-01T00:00:00+999999999999999999:00",
        ] {
            assert_eq!(micros(other), None, "{other}");
        }
        assert_eq!(text(i64::MAX), None);
    }

    proptest! {
        #[test]
        fn a_text_is_the_moment_that_it_was_made_of(
            at in -62_167_219_200_000_000..253_402_300_800_000_000_i64,
        ) {
            prop_assert_eq!(micros(&text(at).unwrap()), Some(at));
        }
    }
}
