//! `Timestamptz`: ISO 8601 text in, microseconds since 1970 inside, ISO 8601 text in a zone out.

/// A time zone without summer time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    minutes: i64,
}

impl Zone {
    pub const UTC: Self = Self { minutes: 0 };

    /// The zone of an IANA name, as far as the double knows it.
    pub fn named(name: &str) -> Option<Self> {
        let minutes = match name {
            "UTC" | "Etc/UTC" | "GMT" => 0,
            "Asia/Shanghai" | "Asia/Singapore" => 480,
            "Asia/Tokyo" => 540,
            "Asia/Kolkata" => 330,
            "America/Phoenix" => -420,
            _ => return None,
        };
        Some(Self { minutes })
    }
}

/// Microseconds since 1970. A text without an offset is in the zone.
///
/// # Errors
/// What is wrong with the text.
pub fn parse(text: &str, zone: &Zone) -> Result<i64, String> {
    let wrong = || format!("got invalid timestamptz string '{text}'");
    let number = |from: usize, to: usize| -> Result<i64, String> {
        text.get(from..to)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(wrong)
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let bytes = text.as_bytes();
    let separated = bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b' ')
        && bytes[13] == b':'
        && bytes[16] == b':';
    let sane = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !separated || !sane {
        return Err(wrong());
    }
    let mut rest = &text[19..];
    let mut micros = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits: String = fraction.chars().take_while(char::is_ascii_digit).collect();
        rest = &fraction[digits.len()..];
        let six: String = format!("{digits:0<6}").chars().take(6).collect();
        micros = six.parse().map_err(|_| wrong())?;
    }
    let minutes = match rest {
        "" => zone.minutes,
        "Z" => 0,
        offset => {
            let sign = match offset.as_bytes()[0] {
                b'+' => 1,
                b'-' => -1,
                _ => return Err(wrong()),
            };
            let at = text.len() - offset.len();
            sign * (number(at + 1, at + 3)? * 60 + number(at + 4, at + 6)?)
        }
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + (minute - minutes) * 60 + second;
    Ok(seconds * 1_000_000 + micros)
}

/// The moment as a server writes it.
pub fn text(micros: i64, zone: &Zone) -> String {
    let local = micros + zone.minutes * 60_000_000;
    let (seconds, fraction) = (local.div_euclid(1_000_000), local.rem_euclid(1_000_000));
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, date) = civil(day);
    let mut out = format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if fraction != 0 {
        out.push_str(format!(".{fraction:06}").trim_end_matches('0'));
    }
    match zone.minutes {
        0 => out.push('Z'),
        minutes => {
            let sign = if minutes < 0 { '-' } else { '+' };
            out.push_str(&format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60));
        }
    }
    out
}

/// Days from 1970 to a date of the proleptic Gregorian calendar (Hinnant's algorithm).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}
