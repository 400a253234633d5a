//! Which generated programs are worth recording, as there is room for some only.
//!
//! What a program shows are the pairs of words that stand beside each other in its trace: what kind of code logged
//! each, and how many ticks lie between. Kinds are read off the JSON, so a new statement counts without a line here.
//! Chosen is again and again the program that shows most that is new for its length.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashSet};

use serde_json::Value;

use crate::corpus::Entry;
use crate::program::Program;
use crate::trace::Trace;

/// The entries that show most, in as many bytes as there is room for. They are in the order of `entries`.
pub fn select(entries: Vec<Entry>, mut room: usize) -> Vec<Entry> {
    let pairs: Vec<BTreeSet<String>> = entries.iter().map(|entry| shown_by(&entry.program, &entry.trace())).collect();
    let mut shown = HashSet::new();
    let mut chosen = BTreeSet::new();
    // What an entry shows anew gets less as others are chosen, never more. So the best one is found without looking at
    // all of them: it is still the best when its worth has been computed again.
    let mut heap: BinaryHeap<(usize, usize)> = (0..entries.len()).map(|index| (usize::MAX, index)).collect();
    while let Some((_, index)) = heap.pop() {
        let length = entries[index].to_json().len() + 1;
        let worth = pairs[index].iter().filter(|pair| !shown.contains(*pair)).count() * WORTH_SCALE / length;
        if worth == 0 || length > room {
            continue;
        }
        if heap.peek().is_some_and(|(next, _)| *next > worth) {
            heap.push((worth, index));
            continue;
        }
        room -= length;
        shown.extend(pairs[index].iter());
        chosen.insert(index);
    }
    let entries = entries.into_iter().enumerate();
    entries.filter(|(index, _)| chosen.contains(index)).map(|(_, entry)| entry).collect()
}

/// Makes a whole number of what an entry shows for each of its bytes.
const WORTH_SCALE: usize = 1_000_000;

/// What a program shows.
fn shown_by(program: &Program, trace: &Trace) -> BTreeSet<String> {
    let kinds = Kinds::of(program);
    let mut pairs = BTreeSet::new();
    let mut before = ("start".to_string(), 0);
    for word in trace {
        let (kind, tick) = kinds.of_word(word);
        pairs.insert(format!("{} {kind} {}", before.0, tick - before.1));
        before = (kind, tick);
    }
    pairs
}

/// How deep a kind looks into the code that it is of.
const DEPTH: usize = 3;

/// The kinds of a program's definitions, by number.
struct Kinds(BTreeMap<String, String>);

impl Kinds {
    fn of(program: &Program) -> Self {
        let tree = serde_json::to_value(program).expect("a program has nothing that JSON has not");
        let mut tags = BTreeMap::new();
        definitions(&tree, &mut |id, tag, _| {
            tags.insert(id, tag.to_string());
        });
        let mut kinds = BTreeMap::new();
        definitions(&tree, &mut |id, tag, value| {
            kinds.insert(id, format!("{tag}:{}", kind(value, &tags, DEPTH)));
        });
        Self(kinds)
    }

    /// The kind of what logged a word, and the tick.
    fn of_word(&self, word: &str) -> (String, i64) {
        let (text, tick) = word.split_once('@').unwrap_or((word, "0"));
        let letter: String = text.chars().take_while(|c| !c.is_ascii_digit()).collect();
        let id: String = text.chars().skip(letter.len()).take_while(char::is_ascii_digit).collect();
        let kind = self.0.get(&id).map_or("", String::as_str);
        (letter + kind, tick.parse().unwrap_or(0))
    }
}

/// What has a number that is a value, and not the number of a definition.
const VALUES: [&str; 2] = ["return", "throw"];

/// Calls `found` with the number, the tag and the rest of every definition.
fn definitions(value: &Value, found: &mut impl FnMut(String, &str, &Value)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| definitions(element, found)),
        Value::Object(fields) => {
            for (tag, inner) in fields {
                match inner {
                    Value::Number(id) if !VALUES.contains(&tag.as_str()) => found(id.to_string(), tag, value),
                    Value::Array(elements) => {
                        if let Some(Value::Number(id)) = elements.first() {
                            found(id.to_string(), tag, inner);
                        }
                    }
                    _ => {}
                }
                definitions(inner, found);
            }
        }
        _ => {}
    }
}

/// The shape of a piece of code: without numbers, with the tags of what is named, and nothing below `depth`.
fn kind(value: &Value, tags: &BTreeMap<String, String>, depth: usize) -> String {
    match value {
        Value::Null => "-".to_string(),
        Value::Bool(_) | Value::Number(_) => String::new(),
        Value::String(name) => tags.get(&name[1..]).unwrap_or(name).clone(),
        _ if depth == 0 => "..".to_string(),
        Value::Array(elements) => {
            let inner: Vec<_> = elements.iter().map(|element| kind(element, tags, depth - 1)).collect();
            format!("[{}]", inner.join(","))
        }
        Value::Object(fields) => {
            let inner = fields.iter().map(|(key, inner)| format!("{key}:{}", kind(inner, tags, depth - 1)));
            format!("{{{}}}", inner.collect::<Vec<_>>().join(","))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_shows_kinds_and_ticks_but_no_numbers() {
        let shown = |json: &str, trace: &str| {
            let trace = trace.split_whitespace().map(str::to_owned).collect();
            shown_by(&Program::from_json(json).unwrap(), &trace)
        };
        let simple = shown(r#"{"tasks":[[{"resolve":[1,7]},{"then":[2,"p1",{},null]}]]}"#, "f2(7)@1");
        assert_eq!(shown(r#"{"tasks":[[{"resolve":[3,1]},{"then":[8,"p3",{},null]}]]}"#, "f8(1)@1"), simple);
        for (what, json, trace) in [
            ("another tick", r#"{"tasks":[[{"resolve":[1,7]},{"then":[2,"p1",{},null]}]]}"#, "f2(7)@2"),
            ("another source", r#"{"tasks":[[{"try":[1,{}]},{"then":[2,"p1",{},null]}]]}"#, "f2(7)@1"),
            ("another end", r#"{"tasks":[[{"resolve":[1,7]},{"then":[2,"p1",{"end":{"throw":1}},null]}]]}"#, "f2(7)@1"),
        ] {
            assert_ne!(shown(json, trace), simple, "{what}");
        }
    }

    #[test]
    fn what_shows_nothing_new_is_left_out() {
        let entry =
            |json: &str, trace: &str| Entry::new(None, Program::from_json(json).unwrap(), &vec![trace.to_string()]);
        let (long, same) = (r#"{"tasks":[[{"resolve":[1,7]},{"tick":[2,[]]}]]}"#, r#"{"tasks":[[{"tick":[2,[]]}]]}"#);
        let entries = vec![entry(long, "k2@0"), entry(same, "k2@0"), entry(same, "k2@1")];
        assert_eq!(select(entries.clone(), 1000), entries[1..]);
        assert_eq!(select(entries.clone(), entries[1].to_json().len() + 1), entries[2..]);
        assert_eq!(select(entries, 0), []);
    }
}
