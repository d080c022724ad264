//! Reads from a write what it is about, and skips its columns unread.

/// Fields of `InsertRequest` and `UpsertRequest` that are looked at.
const DATABASE: u64 = 2;
const COLLECTION: u64 = 3;
const ROWS: u64 = 7;

/// A request as it comes in, piece by piece.
#[derive(Debug, Default)]
pub struct Skim {
    pub database: String,
    pub collection: String,
    pub rows: u64,
    /// Bytes of the message so far.
    pub bytes: usize,
    /// gRPC's head so far: one byte says that it is not compressed, four how long it is.
    head: Vec<u8>,
    number: u64,
    shift: u32,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Tag,
    /// The number that a field holds.
    Number(u64),
    /// The length of a field.
    Length(u64),
    /// A text that is kept, and how much of it is to come.
    Text(u64, usize, Vec<u8>),
    Skipped(usize),
}

impl Skim {
    pub fn feed(&mut self, mut data: &[u8]) {
        let head = data.len().min(5 - self.head.len());
        self.head.extend(&data[..head]);
        data = &data[head..];
        self.bytes += data.len();
        while !data.is_empty() {
            match &mut self.state {
                State::Skipped(left) => {
                    let part = data.len().min(*left);
                    *left -= part;
                    data = &data[part..];
                    if *left == 0 {
                        self.state = State::Tag;
                    }
                }
                State::Text(field, left, text) => {
                    let part = data.len().min(*left);
                    *left -= part;
                    text.extend(&data[..part]);
                    data = &data[part..];
                    if *left == 0 {
                        let text = String::from_utf8(std::mem::take(text)).unwrap();
                        match *field {
                            DATABASE => self.database = text,
                            _ => self.collection = text,
                        }
                        self.state = State::Tag;
                    }
                }
                State::Tag | State::Number(_) | State::Length(_) => {
                    let byte = data[0];
                    data = &data[1..];
                    self.number |= u64::from(byte & 0x7f) << self.shift;
                    self.shift += 7;
                    if byte < 0x80 {
                        let number = std::mem::take(&mut self.number);
                        self.shift = 0;
                        self.number_read(number);
                    }
                }
            }
        }
    }

    /// Whether all of it came; it does not where the client is killed.
    pub fn is_whole(&self) -> bool {
        matches!(self.head[..], [0, a, b, c, d] if u32::from_be_bytes([a, b, c, d]) as usize == self.bytes)
    }

    fn number_read(&mut self, number: u64) {
        let length = number as usize;
        self.state = match self.state {
            State::Tag => match (number >> 3, number & 7) {
                (field, 0) => State::Number(field),
                (_, 1) => State::Skipped(8),
                (field, 2) => State::Length(field),
                (_, 5) => State::Skipped(4),
                other => panic!("no field of protobuf: {other:?}"),
            },
            State::Number(field) => {
                if field == ROWS {
                    self.rows = number;
                }
                State::Tag
            }
            State::Length(_) if length == 0 => State::Tag,
            State::Length(field @ (DATABASE | COLLECTION)) => {
                State::Text(field, length, Vec::new())
            }
            _ => State::Skipped(length),
        };
    }
}
