//! Encoded messages as bytes: finding the values of a repeated field, and keeping some of them,
//! without decoding any.

use std::ops::Range;

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// What is said of values that are not of the type of their column.
pub(super) const OTHER_TYPE: &str = "values in an encoding of another type";

/// One field of an encoded message.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its number.
    pub(super) number: u32,
    /// How it is encoded.
    pub(super) wire: WireType,
    /// The bytes of all of it.
    pub(super) whole: Range<usize>,
    /// The bytes of its value, without key and length.
    pub(super) value: Range<usize>,
}

/// The fields of a message, in order.
pub(super) fn parts(message: &[u8]) -> Result<Vec<Part>, String> {
    each_part(message).collect()
}

/// The same, one at a time; nothing follows an error.
pub(super) fn each_part(message: &[u8]) -> impl Iterator<Item = Result<Part, String>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at == message.len() {
            return None;
        }
        let part = part_at(message, at);
        at = part.as_ref().map_or(message.len(), |part| part.whole.end);
        Some(part)
    })
}

#[inline]
fn part_at(message: &[u8], start: usize) -> Result<Part, String> {
    // Nearly all of a long column: a short text, behind one byte of key and one of length.
    if let [key, length @ ..=0x7f, ..] = message[start..]
        && let (0x08..0x80, 2) = (key, key & 7)
        && let end = start + 2 + usize::from(length)
        && end <= message.len()
    {
        let number = u32::from(key >> 3);
        let wire = WireType::LengthDelimited;
        return Ok(Part { number, wire, whole: start..end, value: start + 2..end });
    }
    let mut rest = &message[start..];
    let (number, wire) = decode_key(&mut rest).map_err(|error| error.to_string())?;
    let mut from = message.len() - rest.len();
    let length = match wire {
        WireType::Varint => {
            decode_varint(&mut rest).map_err(|error| error.to_string())?;
            message.len() - rest.len() - from
        }
        WireType::SixtyFourBit => 8,
        WireType::ThirtyTwoBit => 4,
        WireType::LengthDelimited => {
            let length = decode_varint(&mut rest).map_err(|error| error.to_string())?;
            from = message.len() - rest.len();
            usize::try_from(length).unwrap_or(usize::MAX)
        }
        WireType::StartGroup | WireType::EndGroup => {
            return Err("a group, which no such message has".to_owned());
        }
    };
    let end = from.checked_add(length).filter(|&end| end <= message.len());
    let end = end.ok_or("it ends too early")?;
    Ok(Part { number, wire, whole: start..end, value: from..end })
}

/// How the values of a repeated field are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Numbers of varying length, usually packed.
    Varint,
    /// So many bytes each, packed.
    Fixed(usize),
    /// Texts, bytes or messages, each with its length.
    Delimited,
}

/// Where a payload's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In a repeated field of a message.
    Field(u32, Layout),
    /// All of it is values of so many bytes.
    Whole(usize),
}

/// The values at a place, as ranges of bytes, and what else is there.
pub(super) struct Values {
    place: Place,
    pub(super) each: Vec<Range<usize>>,
    before: Vec<Range<usize>>,
    behind: Vec<Range<usize>>,
}

/// Finds the values in the bytes of a payload's member.
pub(super) fn values(member: &[u8], place: Place) -> Result<Values, String> {
    let mut found = Values { place, each: Vec::new(), before: Vec::new(), behind: Vec::new() };
    let (field, layout) = match place {
        Place::Field(field, layout) => (field, layout),
        Place::Whole(width) => {
            found.each = chunks(0..member.len(), width)?;
            return Ok(found);
        }
    };
    for part in each_part(member) {
        let part = part?;
        if part.number != field {
            let others = if found.each.is_empty() { &mut found.before } else { &mut found.behind };
            others.push(part.whole);
            continue;
        }
        match (layout, part.wire) {
            (Layout::Delimited, WireType::LengthDelimited) => found.each.push(part.whole),
            (Layout::Varint, WireType::Varint)
            | (Layout::Fixed(4), WireType::ThirtyTwoBit)
            | (Layout::Fixed(8), WireType::SixtyFourBit) => found.each.push(part.value),
            (Layout::Varint, WireType::LengthDelimited) => {
                let mut rest = &member[part.value.clone()];
                while !rest.is_empty() {
                    let start = part.value.end - rest.len();
                    decode_varint(&mut rest).map_err(|error| error.to_string())?;
                    found.each.push(start..part.value.end - rest.len());
                }
            }
            (Layout::Fixed(width), WireType::LengthDelimited) => {
                found.each.extend(chunks(part.value, width)?);
            }
            _ => return Err(OTHER_TYPE.to_owned()),
        }
    }
    Ok(found)
}

/// Where values of so many bytes each are, one after the other: as every server packs them.
pub(super) fn one_run(member: &[u8], place: Place) -> Option<Range<usize>> {
    let (run, width) = match place {
        Place::Whole(width) => (0..member.len(), width),
        Place::Field(field, Layout::Fixed(width)) => {
            let part = part_at(member, 0).ok()?;
            let is_all = part.whole.end == member.len() && part.number == field;
            (part.wire == WireType::LengthDelimited && is_all).then_some((part.value, width))?
        }
        Place::Field(..) => return None,
    };
    (width > 0 && run.len().is_multiple_of(width)).then_some(run)
}

/// The values of a repeated field of whole numbers, of which there should be so many.
pub(super) fn numbers(member: &[u8], field: u32, count: usize) -> Result<Vec<[u8; 8]>, String> {
    let mut numbers = Vec::with_capacity(count);
    for part in each_part(member) {
        let part = part?;
        if part.number != field {
            continue;
        }
        let mut rest = &member[part.value];
        match part.wire {
            WireType::Varint | WireType::LengthDelimited => {
                while !rest.is_empty() {
                    let number = decode_varint(&mut rest).map_err(|error| error.to_string())?;
                    numbers.push(number.to_le_bytes());
                }
            }
            _ => return Err(OTHER_TYPE.to_owned()),
        }
    }
    Ok(numbers)
}

fn chunks(bytes: Range<usize>, width: usize) -> Result<Vec<Range<usize>>, String> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if width == 0 || !bytes.len().is_multiple_of(width) {
        return Err(format!("{} bytes are no whole number of values of {width}", bytes.len()));
    }
    Ok(bytes.step_by(width).map(|start| start..start + width).collect())
}

impl Values {
    /// The member with these values instead, each encoded as it was found in some such member.
    pub(super) fn rebuilt<'a>(
        &self,
        member: &[u8],
        kept: impl Iterator<Item = &'a [u8]> + Clone,
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(member.len());
        for other in &self.before {
            out.extend_from_slice(&member[other.clone()]);
        }
        let length: usize = kept.clone().map(<[u8]>::len).sum();
        match self.place {
            Place::Field(field, Layout::Varint | Layout::Fixed(_)) if length > 0 => {
                encode_key(field, WireType::LengthDelimited, &mut out);
                encode_varint(length as u64, &mut out);
            }
            _ => {}
        }
        kept.for_each(|value| out.extend_from_slice(value));
        for other in &self.behind {
            out.extend_from_slice(&member[other.clone()]);
        }
        out
    }
}

/// Appends a field whose value has a length.
pub(super) fn put(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// The booleans of a repeated field.
pub(super) fn booleans(message: &[u8], field: u32) -> Result<Vec<bool>, String> {
    let found = values(message, Place::Field(field, Layout::Varint))?;
    Ok(found.each.iter().map(|range| message[range.clone()] != [0]).collect())
}
