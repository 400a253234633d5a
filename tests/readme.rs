//! The first example of the README, to the letter: what stands there is what runs here.

use std::env;
use std::process::Command;

use thenable::{Promise, run};

#[rustfmt::skip]
fn first_example(condition: bool) {
    let promise = Promise::new(|resolve, reject| {
        if condition { resolve("success") } else { reject("failure") }
    });

    promise
        .then(|message| println!("{message}"))
        .catch(|error| eprintln!("{error}"))
        .finally(|| println!("always"));
}

#[test]
fn the_readme_begins_with_the_code_above() {
    let (_, readme) = include_str!("../README.md").split_once("```rs\n").expect("it has an example");
    let (example, _) = readme.split_once("```").expect("the example ends");
    let (_, code) = include_str!("readme.rs").split_once("fn first_example(condition: bool) {\n").expect("it is above");
    let (code, _) = code.split_once("\n}\n").expect("the function ends");
    let code: Vec<_> = code.lines().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
    assert_eq!(example.lines().collect::<Vec<_>>(), code);
}

#[test]
fn it_prints_what_a_reader_expects() {
    const CONDITION: &str = "THENABLE_TEST_CONDITION";
    if let Some(condition) = env::var_os(CONDITION) {
        run(|| first_example(condition == "true")).unwrap();
        return;
    }
    // Only another process shows what is printed.
    let output = |condition| {
        let mut inner = Command::new(env::current_exe().unwrap());
        let inner = inner.args(["it_prints_what_a_reader_expects", "--exact", "--nocapture"]);
        let output = inner.env(CONDITION, condition).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = |written: Vec<u8>| {
            let written = String::from_utf8(written).unwrap();
            let own = written.lines().filter(|line| ["success", "failure", "always"].contains(line));
            own.map(str::to_owned).collect::<Vec<_>>().join(" ")
        };
        (lines(output.stdout), lines(output.stderr))
    };
    assert_eq!(output("true"), ("success always".to_string(), String::new()));
    assert_eq!(output("false"), ("always".to_string(), "failure".to_string()));
}
