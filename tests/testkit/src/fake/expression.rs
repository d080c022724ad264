//! Filter expressions, as far as clients that copy send them.

mod han;
mod parse;

use std::cmp::Ordering;

pub use parse::parse;

use super::state::Column;
use crate::table::Value;

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Int(i64),
    Float(f64),
    Text(String),
    Bool(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    NotEqual,
}

impl Operator {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order == Ordering::Less,
            Self::AtMost => order != Ordering::Greater,
            Self::More => order == Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
            Self::Equal => order == Ordering::Equal,
            Self::NotEqual => order != Ordering::Equal,
        }
    }

    /// The same with its sides exchanged.
    fn turned(self) -> Self {
        match self {
            Self::Less => Self::More,
            Self::AtMost => Self::AtLeast,
            Self::More => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }
}

/// A filter; fields are places among the columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Everything,
    Compare(usize, Operator, Literal),
    In(usize, Vec<Literal>),
    /// What a JSON column has at this key.
    Key(usize, String, Operator, Literal),
    IsNull(usize),
    /// A JSON column has something at this path of keys.
    Exists(usize, Vec<String>),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
}

impl Expression {
    /// Whether a row of these values is found. What compares with null is not.
    pub fn finds(&self, values: &[Value]) -> bool {
        match self {
            Self::Everything => true,
            Self::Compare(place, operator, literal) => {
                compared(&values[*place], literal).is_some_and(|order| operator.holds(order))
            }
            Self::Key(place, key, operator, literal) => {
                let value = at_key(&values[*place], key);
                compared(&value, literal).is_some_and(|order| operator.holds(order))
            }
            Self::In(place, literals) => literals
                .iter()
                .any(|literal| compared(&values[*place], literal) == Some(Ordering::Equal)),
            Self::IsNull(place) => matches!(values[*place], Value::Null),
            Self::Exists(place, path) => exists(&values[*place], path),
            Self::Not(inner) => !inner.finds(values),
            Self::And(left, right) => left.finds(values) && right.finds(values),
            Self::Or(left, right) => left.finds(values) || right.finds(values),
        }
    }

    /// The keys, where it is nothing but a list of them.
    pub fn is_key_list(&self, columns: &[Column]) -> bool {
        match self {
            Self::In(place, _) | Self::Compare(place, Operator::Equal, _) => {
                columns[*place].field.is_primary_key
            }
            _ => false,
        }
    }
}

/// Null and empty objects and lists are not there to `exists`: newer releases say so, and a client
/// must not rely on the older ones.
fn exists(value: &Value, path: &[String]) -> bool {
    let Value::Json(bytes) = value else { return false };
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let found = path.iter().try_fold(&document, |inside, key| inside.get(key));
    match found {
        None | Some(serde_json::Value::Null) => false,
        Some(serde_json::Value::Object(members)) => !members.is_empty(),
        Some(serde_json::Value::Array(elements)) => !elements.is_empty(),
        Some(_) => true,
    }
}

/// A member of a JSON object as a value of its own.
fn at_key(value: &Value, key: &str) -> Value {
    let Value::Json(bytes) = value else { return Value::Null };
    let document: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    match document.get(key) {
        Some(serde_json::Value::Bool(value)) => Value::Bool(*value),
        Some(serde_json::Value::String(text)) => Value::Text(text.clone()),
        Some(serde_json::Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Double(value),
            (None, None) => Value::Null,
        },
        _ => Value::Null,
    }
}

fn compared(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::Int(value), Literal::Int(literal)) => Some(value.cmp(literal)),
        (Value::Int(value), Literal::Float(literal)) => (*value as f64).partial_cmp(literal),
        (Value::Float(value), Literal::Float(literal)) => f64::from(*value).partial_cmp(literal),
        (Value::Float(value), Literal::Int(literal)) => {
            f64::from(*value).partial_cmp(&(*literal as f64))
        }
        (Value::Double(value), Literal::Float(literal)) => value.partial_cmp(literal),
        (Value::Double(value), Literal::Int(literal)) => value.partial_cmp(&(*literal as f64)),
        (Value::Text(value), Literal::Text(literal)) => {
            Some(value.as_bytes().cmp(literal.as_bytes()))
        }
        (Value::Bool(value), Literal::Bool(literal)) => Some(value.cmp(literal)),
        _ => None,
    }
}
