//! What servers make of Chinese characters in a filter before they parse it.

use std::ops::RangeInclusive;

/// Han characters beyond U+FFFF (`unicode.Han` of Go).
const BEYOND: [RangeInclusive<u32>; 10] = [
    0x16fe2..=0x16fe3,
    0x16ff0..=0x16ff1,
    0x20000..=0x2a6df,
    0x2a700..=0x2b739,
    0x2b740..=0x2b81d,
    0x2b820..=0x2cea1,
    0x2ceb0..=0x2ebe0,
    0x2f800..=0x2fa1d,
    0x30000..=0x3134a,
    0x31350..=0x323af,
];
const WITHIN: [RangeInclusive<u32>; 4] =
    [0x2e80..=0x2fd5, 0x3400..=0x4dbf, 0x4e00..=0x9fff, 0xf900..=0xfad9];

/// `convertHanToASCII` of `internal/parser/planparserv2/utils.go`, 2.4.13 to 3.0: each Han character
/// becomes `\u` and the lower four of its hex digits (`formatUnicode`), so that one beyond U+FFFF is
/// another one. An escape that is not among `isEscapeCh` leaves the whole text as it is.
pub fn as_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        if c == '\\' {
            if characters.peek().is_some_and(|next| !r#"\ntrf"'"#.contains(*next)) {
                return text.to_owned();
            }
            out.push(c);
            out.extend(characters.next());
        } else if is_han(u32::from(c)) {
            out.push_str(&format!("\\u{:04x}", u32::from(c) & 0xffff));
        } else {
            out.push(c);
        }
    }
    out
}

fn is_han(code: u32) -> bool {
    BEYOND.iter().chain(&WITHIN).any(|range| range.contains(&code))
}
