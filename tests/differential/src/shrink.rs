//! Makes a program smaller as long as it fails.
//!
//! It works on the JSON and knows no kind of statement: it takes elements out of lists, takes fields away, and puts a
//! part of something in the place of the whole. What is no program any more does not count. So a new statement shrinks
//! without a line here.

use serde::Deserialize;
use serde_json::Value;

use crate::program::{Op, Program};

/// The smallest program it can find for which `fails` is true, as it must be for `program`.
pub fn shrink(program: &Program, mut fails: impl FnMut(&Program) -> bool) -> Program {
    let mut smallest = Smallest { tree: tree(program), program: program.clone() };
    // What could not go may go when something else has gone.
    while smallest.pass(&mut fails) {}
    smallest.program
}

fn tree(program: &Program) -> Value {
    serde_json::to_value(program).expect("a program has nothing that JSON has not")
}

struct Smallest {
    tree: Value,
    program: Program,
}

impl Smallest {
    /// Goes over the whole tree once. Returns whether it became smaller.
    fn pass(&mut self, fails: &mut impl FnMut(&Program) -> bool) -> bool {
        let before = weight(&self.tree);
        let mut path = Some(String::new());
        while let Some(here) = path {
            while self.shrink_at(&here, fails) {}
            path = next_path(&self.tree, &here);
        }
        weight(&self.tree) < before
    }

    /// Tries everything that makes the tree smaller at `path`. Returns whether anything did.
    fn shrink_at(&mut self, path: &str, fails: &mut impl FnMut(&Program) -> bool) -> bool {
        let Some(here) = self.tree.pointer(path) else { return false };
        let limit = weight(here);
        for candidate in candidates(here) {
            if weight(&candidate) >= limit {
                continue;
            }
            let mut tree = self.tree.clone();
            *tree.pointer_mut(path).expect("the path is that of the clone, too") = candidate;
            let Ok(program) = serde_json::from_value::<Program>(tree) else { continue };
            if fails(&program) {
                // Not the candidate's tree: a field with the default may have been in it.
                *self = Self { tree: self::tree(&program), program };
                return true;
            }
        }
        false
    }
}

/// What may stand in the place of `value`.
fn candidates(value: &Value) -> Vec<Value> {
    let mut candidates = Vec::new();
    match value {
        Value::Array(elements) => {
            for length in lengths(elements.len()) {
                for start in (0..elements.len()).step_by(length) {
                    let end = elements.len().min(start + length);
                    candidates.push([&elements[..start], &elements[end..]].concat().into());
                }
            }
            // The statements inside a statement in its place.
            for (index, element) in elements.iter().enumerate() {
                let inner: Vec<Value> = children(element).into_iter().flat_map(statements).collect();
                candidates.push([&elements[..index], &inner, &elements[index + 1..]].concat().into());
            }
        }
        Value::Object(fields) => {
            for key in fields.keys() {
                let mut fewer = fields.clone();
                fewer.remove(key);
                candidates.push(fewer.into());
            }
        }
        _ => {}
    }
    candidates.extend([Value::Null, Value::Bool(true), 1.into()]);
    candidates.extend(descendants(value).into_iter().cloned());
    candidates
}

/// The statements in `value`, but not those that stand in others.
fn statements(value: &Value) -> Vec<Value> {
    match Op::deserialize(value) {
        Ok(_) => vec![value.clone()],
        Err(_) => children(value).into_iter().flat_map(statements).collect(),
    }
}

/// The lengths of the pieces to take out of a list: all of it, halves, quarters, down to single elements.
fn lengths(whole: usize) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(whole), |length| Some(length / 2)).take_while(|length| *length > 0)
}

/// Everything in `value`, the nearest first.
fn descendants(value: &Value) -> Vec<&Value> {
    let mut found: Vec<&Value> = children(value);
    let mut next = 0;
    while next < found.len() {
        found.extend(children(found[next]));
        next += 1;
    }
    found
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => Vec::new(),
    }
}

/// Every candidate weighs less than what it replaces, so shrinking ends. Numbers weigh the same, for most are names.
fn weight(value: &Value) -> usize {
    let own = match value {
        Value::Null => 1,
        Value::Bool(true) => 2,
        Value::Number(_) => 3,
        Value::Bool(false) | Value::String(_) | Value::Array(_) | Value::Object(_) => 4,
    };
    own + children(value).into_iter().map(weight).sum::<usize>()
}

/// The path after `path`, parents first. A path that is gone counts as one without children.
fn next_path(tree: &Value, path: &str) -> Option<String> {
    if let Some(here) = tree.pointer(path) {
        let first = match here {
            Value::Array(elements) if !elements.is_empty() => Some("0".to_string()),
            Value::Object(fields) => fields.keys().next().cloned(),
            _ => None,
        };
        if let Some(first) = first {
            return Some(format!("{path}/{first}"));
        }
    }
    next_sibling(tree, path)
}

fn next_sibling(tree: &Value, path: &str) -> Option<String> {
    let (parent, key) = path.rsplit_once('/')?;
    let sibling = match tree.pointer(parent) {
        Some(Value::Array(elements)) => {
            let index = key.parse::<usize>().expect("keys of lists are numbers") + 1;
            (index < elements.len()).then(|| index.to_string())
        }
        Some(Value::Object(fields)) => fields.keys().find(|other| other.as_str() > key).cloned(),
        _ => None,
    };
    match sibling {
        Some(sibling) => Some(format!("{parent}/{sibling}")),
        None => next_sibling(tree, parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;
    use crate::javascript::source;

    #[test]
    fn only_what_fails_is_left() {
        // "Fails" stands for: there are a rejection and a tick.
        let fails = |program: &Program| {
            let json = program.to_json();
            json.contains("reject") && json.contains("tick")
        };
        let mut shrunk = 0;
        for seed in 0..40 {
            let program = generate::program(seed, 40);
            if !fails(&program) {
                continue;
            }
            shrunk += 1;
            let smallest = shrink(&program, fails);
            assert!(fails(&smallest));
            let json = smallest.to_json();
            assert!(json.len() < 75, "seed {seed}: {json}");
        }
        assert!(shrunk > 20, "{shrunk} programs failed");
    }

    #[test]
    fn a_block_takes_the_place_of_its_statement() {
        let json = r#"{"tasks":[[{"look":"p1"},{"microtask":[1,[{"tick":[2,[{"look":"p7"}]]}]]}]],"keep":true}"#;
        let smallest = shrink(&Program::from_json(json).unwrap(), |program| source(program).contains("look('s7'"));
        assert_eq!(smallest.to_json(), r#"{"tasks":[[{"look":"p7"}]]}"#);
    }

    #[test]
    fn what_cannot_shrink_stays() {
        let json = r#"{"tasks":[[{"reject":[1,7]}]]}"#;
        let program = Program::from_json(json).unwrap();
        assert_eq!(shrink(&program, |candidate| candidate.to_json().contains('7')), program);
    }
}
