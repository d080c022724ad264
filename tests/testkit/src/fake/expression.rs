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

/// A filter; fields are places among the columns.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Everything,
    Compare(usize, Operator, Literal),
    In(usize, Vec<Literal>),
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
            Self::Compare(place, operator, literal) => compared(&values[*place], literal)
                .is_some_and(|order| match operator {
                    Operator::Less => order == Ordering::Less,
                    Operator::AtMost => order != Ordering::Greater,
                    Operator::More => order == Ordering::Greater,
                    Operator::AtLeast => order != Ordering::Less,
                    Operator::Equal => order == Ordering::Equal,
                    Operator::NotEqual => order != Ordering::Equal,
                }),
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
