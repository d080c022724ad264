//! From the text of a filter to an expression.

use super::super::profile::{Feature, Profile};
use super::super::state::Column;
use super::super::words;
use super::{Expression, Literal, Operator, han};
use crate::pb::schema::DataType;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    /// Digits, with a point or an exponent where it is no integer.
    Number(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 16] =
    ["&&", "||", "<=", ">=", "==", "!=", "<", ">", "(", ")", "[", "]", ",", "+", "-", "!"];

/// Reads a filter for a plan of this kind, `query` or `delete`.
///
/// # Errors
/// What is wrong with it, in the words of `CreateRetrievePlan` (internal/parser/planparserv2) and of the
/// proxy, 2.5.27 to 3.0.0.
pub fn parse(
    verb: &str,
    text: &str,
    columns: &[Column],
    profile: &Profile,
) -> Result<Expression, String> {
    if text.trim().is_empty() {
        return Ok(Expression::Everything);
    }
    let new = profile.has(Feature::ParameterErrors);
    let plan = format!("failed to create {verb} plan");
    let read = if profile.has(Feature::HanAsAscii) { han::as_ascii(text) } else { text.to_owned() };
    let wrong = |why: String| {
        // The lexer takes what is no expression for nothing at all.
        let why = match new && why == SINGLE_EQUALS {
            true => format!("invalid expression: {read}: query plan failed"),
            false => why,
        };
        let joint = if new { ":" } else { ", error:" };
        format!("{plan}: cannot parse expression: {read}{joint} {why}")
    };
    let tokens = tokens(&read).map_err(wrong)?;
    if let [Token::Word(word)] = tokens.as_slice() {
        let column = columns.iter().find(|column| column.field.name == *word);
        let literal = word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false");
        let kind = match column {
            _ if literal && word.eq_ignore_ascii_case("true") && profile.version >= (3, 0, 0) => {
                return Ok(Expression::Everything);
            }
            _ if literal => Some("Bool"),
            found => found.map(|column| column.kind().as_str_name()),
        };
        if let Some(kind) = kind {
            let end = if new { ": query plan failed" } else { "" };
            return Err(format!(
                "{plan}: predicate is not a boolean expression: {read}, data type: {kind}{end}"
            ));
        }
    }
    let mut parser = Parser { tokens, next: 0, columns, profile };
    let expression = parser.either().map_err(wrong)?;
    match parser.tokens.get(parser.next) {
        None => Ok(expression),
        Some(token) => Err(wrong(format!("line 1: extraneous input {token:?}"))),
    }
}

const SINGLE_EQUALS: &str = "token recognition error at: '='";

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
        } else if c == '"' || c == '\'' {
            let (literal, after) = quoted(rest, c)?;
            tokens.push(Token::Text(literal));
            rest = after;
        } else if c.is_ascii_digit() {
            let number = |c: char| c.is_ascii_alphanumeric() || c == '.';
            let end = rest.find(|c: char| !number(c)).unwrap_or(rest.len());
            tokens.push(Token::Number(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if c == '_' || c == '$' || c.is_ascii_alphabetic() {
            let word = |c: char| c == '_' || c == '$' || c.is_ascii_alphanumeric();
            let end = rest.find(|c: char| !word(c)).unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            return Err(match c {
                '=' => SINGLE_EQUALS.to_owned(),
                c => format!("token recognition error at: {c:?}"),
            });
        }
    }
    Ok(tokens)
}

/// A string literal and what follows it. A line break inside ends it wrongly, as in Milvus.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut out: Vec<u8> = Vec::new();
    let mut characters = text.char_indices().skip(1).peekable();
    let unclosed = || "a string that is not closed".to_owned();
    while let Some((at, c)) = characters.next() {
        match c {
            c if c == quote => {
                let out = String::from_utf8(out).map_err(|_| "a string that is not UTF-8")?;
                return Ok((out, &text[at + 1..]));
            }
            '\n' | '\r' => return Err("a line break in a string".to_owned()),
            '\\' => {
                let (at, escaped) = characters.next().ok_or_else(unclosed)?;
                let byte = match escaped {
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'v' => 11,
                    '\\' | '"' | '\'' => escaped as u8,
                    'x' => {
                        let digits = text.get(at + 1..at + 3).ok_or_else(unclosed)?;
                        characters.nth(1);
                        u8::from_str_radix(digits, 16).map_err(|_| "a wrong escape")?
                    }
                    'u' | 'U' => {
                        let length = if escaped == 'u' { 4 } else { 8 };
                        let digits = text.get(at + 1..=at + length).ok_or_else(unclosed)?;
                        characters.nth(length - 1);
                        let code = u32::from_str_radix(digits, 16).map_err(|_| "a wrong escape")?;
                        let c = char::from_u32(code).ok_or("a wrong escape")?;
                        out.extend(c.encode_utf8(&mut [0; 4]).bytes());
                        continue;
                    }
                    '0'..='3' => {
                        let digits = text.get(at..at + 3).ok_or_else(unclosed)?;
                        characters.nth(1);
                        u8::from_str_radix(digits, 8).map_err(|_| "a wrong escape")?
                    }
                    other => return Err(format!("a wrong escape \\{other}")),
                };
                out.push(byte);
            }
            other => out.extend(other.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Err(unclosed())
}

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    columns: &'a [Column],
    profile: &'a Profile,
}

type Parsed<T> = Result<T, String>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Parsed<Token> {
        let token =
            self.tokens.get(self.next).cloned().ok_or("line 1: mismatched input '<EOF>'")?;
        self.next += 1;
        Ok(token)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.next += usize::from(hit);
        hit
    }

    fn word(&mut self, word: &str) -> bool {
        let hit = matches!(self.peek(), Some(Token::Word(found))
            if *found == word || *found == word.to_uppercase());
        self.next += usize::from(hit);
        hit
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.sign(sign) { Ok(()) } else { Err(format!("no {sign} before {:?}", self.peek())) }
    }

    fn either(&mut self) -> Parsed<Expression> {
        let mut left = self.both()?;
        while self.word("or") || self.sign("||") {
            left = Expression::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Expression> {
        let mut left = self.one()?;
        while self.word("and") || self.sign("&&") {
            left = Expression::And(Box::new(left), Box::new(self.one()?));
        }
        Ok(left)
    }

    fn one(&mut self) -> Parsed<Expression> {
        if self.word("not") || self.sign("!") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inner = self.either()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.word("exists") {
            return self.exists();
        }
        if let Some(range) = self.range()? {
            return Ok(range);
        }
        let (place, key) = self.field()?;
        if self.word("is") {
            let not = self.word("not");
            if !self.word("null") {
                return Err("no null after is".to_owned());
            }
            let null = Expression::IsNull(place);
            return Ok(if not { Expression::Not(Box::new(null)) } else { null });
        }
        let not = self.word("not");
        if self.word("in") {
            let list = Expression::In(place, self.list(place)?);
            return Ok(if not { Expression::Not(Box::new(list)) } else { list });
        }
        let operator = self.operator()?;
        Ok(match key {
            Some(key) => Expression::Key(place, key, operator, self.operand()?),
            None => Expression::Compare(place, operator, self.literal(place)?),
        })
    }

    fn operator(&mut self) -> Parsed<Operator> {
        Ok(match self.take()? {
            Token::Sign("<") => Operator::Less,
            Token::Sign("<=") => Operator::AtMost,
            Token::Sign(">") => Operator::More,
            Token::Sign(">=") => Operator::AtLeast,
            Token::Sign("==") => Operator::Equal,
            Token::Sign("!=") => Operator::NotEqual,
            other => return Err(format!("line 1: mismatched input {other:?}")),
        })
    }

    /// `1 < id < 3`.
    fn range(&mut self) -> Parsed<Option<Expression>> {
        if !matches!(self.peek(), Some(Token::Number(_))) {
            return Ok(None);
        }
        let low = self.operand()?;
        let first = self.operator()?;
        let (place, _) = self.field()?;
        let above = Expression::Compare(place, first.turned(), low);
        let second = self.operator()?;
        let below = Expression::Compare(place, second, self.literal(place)?);
        Ok(Some(Expression::And(Box::new(above), Box::new(below))))
    }

    /// What is wrong with the meaning of an expression.
    fn failed(&self, why: String) -> String {
        let end = self.profile.has(Feature::ParameterErrors);
        if end { format!("{why}: query plan failed") } else { why }
    }

    /// What is wrong with a part of it.
    fn invalid(&self, why: String) -> String {
        let end = self.profile.has(Feature::ParameterErrors);
        if end { format!("{why}: invalid parameter") } else { why }
    }

    /// A field, or a key of the dynamic one.
    fn field(&mut self) -> Parsed<(usize, Option<String>)> {
        let token = match self.peek() {
            None => return Err("line 1: mismatched input '<EOF>'".to_owned()),
            Some(_) => self.take()?,
        };
        let Token::Word(name) = token else {
            return Err(format!("line 1: mismatched input {token:?}"));
        };
        if words::is_token(self.profile.version, &name) {
            return Err(format!("line 1:0 mismatched input '{name}' expecting Identifier"));
        }
        let mut columns = self.columns.iter();
        let found = columns.position(|c| c.parent.is_none() && c.field.name == name);
        let dynamic = || self.columns.iter().position(|column| column.field.is_dynamic);
        match (found, dynamic()) {
            (Some(place), _) => Ok((place, None)),
            (None, Some(place)) => Ok((place, Some(name))),
            (None, None) => Err(self.invalid(format!("field {name} not exist"))),
        }
    }

    /// `exists field["key"]`.
    fn exists(&mut self) -> Parsed<Expression> {
        let (place, key) = self.field()?;
        if self.columns[place].field.data_type() != DataType::Json {
            return Err("exists operation are only supported on json field".to_owned());
        }
        let mut path: Vec<String> = key.into_iter().collect();
        while self.sign("[") {
            let Token::Text(key) = self.take()? else {
                return Err("a key in brackets is a text".to_owned());
            };
            path.push(key);
            self.expect("]")?;
        }
        if path.is_empty() {
            return Err("exists without a key".to_owned());
        }
        Ok(Expression::Exists(place, path))
    }

    fn list(&mut self, place: usize) -> Parsed<Vec<Literal>> {
        self.expect("[")?;
        let mut literals = Vec::new();
        if self.sign("]") {
            return Ok(literals);
        }
        loop {
            let literal = self.sum()?;
            let kind = self.columns[place].kind();
            if !fits(kind, &literal) {
                return Err(self.invalid(format!(
                    "value '{}' in list cannot be casted to {}",
                    told(&literal),
                    kind.as_str_name()
                )));
            }
            literals.push(literal);
            if !self.sign(",") {
                self.expect("]")?;
                return Ok(literals);
            }
        }
    }

    /// A literal. Sums of integers are folded.
    fn sum(&mut self) -> Parsed<Literal> {
        let mut literal = self.operand()?;
        loop {
            let sign = if self.sign("-") {
                -1
            } else if self.sign("+") {
                1
            } else {
                break;
            };
            literal = match (literal, self.operand()?) {
                (Literal::Int(a), Literal::Int(b)) => Literal::Int(a.wrapping_add(sign * b)),
                _ => return Err("a sum of what is no integer".to_owned()),
            };
        }
        Ok(literal)
    }

    /// A literal that the column can be compared with.
    fn literal(&mut self, place: usize) -> Parsed<Literal> {
        let literal = self.sum()?;
        let kind = self.columns[place].kind();
        if fits(kind, &literal) {
            return Ok(literal);
        }
        let (left, is) = (kind.as_str_name(), literal_kind(&literal));
        let number = |kind| {
            matches!(kind, DataType::Int8 | DataType::Int16 | DataType::Int32)
                || kind == DataType::Int64
        };
        if number(kind) && matches!(literal, Literal::Float(_)) {
            let why = format!("cannot cast value to {left}, value: {}", told(&literal));
            return Err(self.failed(why));
        }
        Err(self.failed(format!("comparisons between {left} and {is} are not supported")))
    }

    fn operand(&mut self) -> Parsed<Literal> {
        let minus = self.sign("-");
        match self.take()? {
            Token::Number(digits) => self.number(&digits, minus),
            Token::Text(text) if !minus => Ok(Literal::Text(text)),
            Token::Word(word) if !minus && word.eq_ignore_ascii_case("true") => {
                Ok(Literal::Bool(true))
            }
            Token::Word(word) if !minus && word.eq_ignore_ascii_case("false") => {
                Ok(Literal::Bool(false))
            }
            Token::Word(name) => Err(self.invalid(format!("field {name} not exist"))),
            other => Err(format!("line 1: mismatched input {other:?}")),
        }
    }

    fn number(&self, digits: &str, minus: bool) -> Parsed<Literal> {
        let signed = if minus { format!("-{digits}") } else { digits.to_owned() };
        if digits.contains(['.', 'e', 'E']) {
            let value = signed.parse().map_err(|_| format!("{signed} is no number"))?;
            return Ok(Literal::Float(value));
        }
        // Before 2.6 the digits are read before the sign is.
        let positive = digits.parse::<i64>().is_ok() || self.profile.has(Feature::EveryInt64);
        let value = signed.parse().ok().filter(|_| positive);
        value.map(Literal::Int).ok_or_else(|| match self.profile.has(Feature::ParameterErrors) {
            true => format!("int64 overflow: {signed}"),
            false => format!("strconv.ParseInt: parsing \"{digits}\": value out of range"),
        })
    }
}

/// Whether a field of this type can be compared with a literal.
fn fits(kind: DataType, literal: &Literal) -> bool {
    match kind {
        DataType::Bool => matches!(literal, Literal::Bool(_)),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            matches!(literal, Literal::Int(_))
        }
        DataType::Float | DataType::Double => {
            matches!(literal, Literal::Int(_) | Literal::Float(_))
        }
        DataType::VarChar | DataType::Text => matches!(literal, Literal::Text(_)),
        _ => false,
    }
}

fn literal_kind(literal: &Literal) -> &'static str {
    match literal {
        Literal::Int(_) => "Int64",
        Literal::Float(_) => "Double",
        Literal::Text(_) => "VarChar",
        Literal::Bool(_) => "Bool",
    }
}

/// A literal as protobuf prints it.
fn told(literal: &Literal) -> String {
    match literal {
        Literal::Int(value) => format!("int64_val:{value}"),
        Literal::Float(value) => format!("float_val:{value}"),
        Literal::Text(text) => format!("string_val:{text:?}"),
        Literal::Bool(value) => format!("bool_val:{value}"),
    }
}
