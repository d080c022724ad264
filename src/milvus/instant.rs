//! Instants as text: releases describe the default value of a `Timestamptz` field as microseconds
//! (2.6) or as text in some zone (3.0), and official clients send it as text.

const MICROSECONDS: i64 = 1_000_000;
const DAY: i64 = 86_400;

/// An instant, given in microseconds since 1970, as ISO 8601 in UTC.
pub(super) fn text(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(MICROSECONDS), micros.rem_euclid(MICROSECONDS));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    match fraction {
        0 => format!("{text}Z"),
        fraction => format!("{text}.{}Z", format!("{fraction:06}").trim_end_matches('0')),
    }
}

/// The instant of a text with an offset or `Z`, as the same instant in UTC; others stay as they are.
pub(super) fn in_utc(given: &str) -> String {
    parsed(given).map_or_else(|| given.to_owned(), text)
}

fn parsed(given: &str) -> Option<i64> {
    let number = |from: usize, to: usize| {
        let digits = given.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<i64>().ok())?
    };
    let separators = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
    if separators.iter().any(|(at, sign)| given.get(*at..=*at) != Some(*sign)) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let mut rest = given.get(19..)?;
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|c: char| !c.is_ascii_digit())?;
        if end == 0 || end > 6 {
            return None;
        }
        micros = format!("{:0<6}", &fraction[..end]).parse().ok()?;
        rest = &fraction[end..];
    }
    let offset = if rest == "Z" {
        0
    } else {
        let sign = match rest.get(..1)? {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let at = given.len() - rest.len();
        if rest.len() != 6 || rest.get(3..4) != Some(":") {
            return None;
        }
        sign * (number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60)
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
    Some(seconds * MICROSECONDS + micros)
}

/// Days from 1970 to a date (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// Year, month and day, so many days after 1970 began.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants_are_written_in_utc() {
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(in_utc("2024-03-01T07:59:59.5+08:00"), "2024-02-29T23:59:59.5Z");
        assert_eq!(in_utc("1999-12-31T17:00:00-07:00"), "2000-01-01T00:00:00Z");
    }

    #[test]
    fn a_text_that_is_no_instant_by_itself_stays() {
        for given in
            ["", "2024-01-01T00:00:00", "2024-01-01 00:00:00Z", "soon", "2024-01-01T00:00:00.Z"]
        {
            assert_eq!(in_utc(given), given);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(micros in -62_135_596_800_000_000..253_402_300_799_999_999_i64) {
            prop_assert_eq!(parsed(&text(micros)), Some(micros));
        }

        #[test]
        fn no_text_is_too_strange(given in ".*") {
            in_utc(&given);
        }
    }
}
