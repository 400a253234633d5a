//! What a document must contain to be found.

use serde_json::{Map, Number, Value};

use crate::error::DbError;

/// Fields, and what a document must have there. The empty filter matches every document.
#[derive(Debug)]
pub(crate) struct Filter(Map<String, Value>);

impl Filter {
    /// A filter from an object.
    ///
    /// Keys are the names of fields and nothing else: no paths, no operators.
    pub(crate) fn new(filter: Value) -> Result<Self, DbError> {
        // Documents are compared as they were read from their text, which may change the last digit of a float. So the
        // filter goes the same way.
        match serde_json::from_str(&filter.to_string()) {
            Ok(fields) => Ok(Self(fields)),
            Err(source) => Err(DbError::InvalidFilter { filter, source }),
        }
    }

    /// Whether `document` has every field, with an equal value. A field that is missing is not null.
    pub(crate) fn matches(&self, document: &Map<String, Value>) -> bool {
        self.0.iter().all(|(field, wanted)| document.get(field).is_some_and(|found| are_equal(found, wanted)))
    }
}

impl From<Filter> for Value {
    fn from(filter: Filter) -> Self {
        Self::Object(filter.0)
    }
}

/// Equality of JSON values, where 1 is 1.0, as in JavaScript. `==` of [`Value`] tells them apart.
fn are_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => are_equal_numbers(left, right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| are_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| are_equal(left, right)))
        }
        (left, right) => left == right,
    }
}

fn are_equal_numbers(left: &Number, right: &Number) -> bool {
    // Integers are compared exactly: above 2^53 several have one float.
    left == right || ((left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64())
}
