//! The corpus can fail: every bug of a long list, planted in a copy of the crate, is found by it.
//!
//! The copy with all bugs is built once, together with the program that runs the corpus. Then that program runs once
//! for each bug, in a process of its own, with the bug's name in an environment variable. A bug is found if the traces
//! differ, if the program panics, or if it does not end. Without a bug the copy must agree with Node.

mod list;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use list::{SUBSTITUTIONS, Substitution};

/// The environment variable that says which bug is alive.
const VARIABLE: &str = "THENABLE_BUG";

/// What the program is called that runs the corpus on the copy.
const BINARY: &str = "thenable-with-bugs";

/// What the copy of the crate has in addition.
const SWITCH: &str = r#"
/// Whether the bug of this name is alive.
pub(crate) fn bug(name: &str) -> bool {
    static ALIVE: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    ALIVE.get_or_init(|| std::env::var("THENABLE_BUG").ok()).as_deref() == Some(name)
}
"#;

/// How long the corpus may take. It takes a second.
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn every_bug_is_found() {
    let corpus = build();
    assert!(run(&corpus, ""), "the copy without a bug does not agree with the recorded traces");
    let bugs = names();
    assert!(bugs.len() >= 25, "{} bugs", bugs.len());
    let missed: Vec<&str> = bugs.into_iter().filter(|bug| run(&corpus, bug)).collect();
    assert!(missed.is_empty(), "the corpus does not find {missed:?}");
}

/// The names in the replacements.
fn names() -> BTreeSet<&'static str> {
    let calls = SUBSTITUTIONS.iter().flat_map(|substitution| substitution.replace.split("crate::bug(\"").skip(1));
    calls.map(|call| call.split('"').next().expect("a split has a first part")).collect()
}

/// Whether the corpus agrees when `bug` is alive.
fn run(corpus: &Path, bug: &str) -> bool {
    let mut command = Command::new(corpus);
    command.arg("corpus").env(VARIABLE, bug).stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("what was built can be started");
    let start = Instant::now();
    loop {
        if let Some(status) = process.try_wait().expect("it is a process of ours") {
            return status.success();
        }
        if start.elapsed() > LIMIT {
            process.kill().expect("it is a process of ours");
            process.wait().expect("it is a process of ours");
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Builds the program that runs the corpus on the copy with the bugs.
fn build() -> PathBuf {
    let differential = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = differential.ancestors().nth(2).expect("it is a folder of the repository");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bugs");
    write_sources(&root.join("src"), &folder.join("thenable/src"));
    let manifest = read(&root.join("Cargo.toml"));
    write(
        &folder.join("thenable/Cargo.toml"),
        &sections(&manifest, &["package", "features", "dependencies", "target.'cfg(unix)'.dependencies", "lints.rust"]),
    );
    write(&folder.join("differential/Cargo.toml"), &differential_manifest(differential));
    let workspace = "[workspace]\nmembers = [\"thenable\", \"differential\"]\nresolver = \"3\"\n\
                     [profile.dev.package.thenable]\ndebug = false\n\
                     [profile.dev.package.thenable-differential]\ndebug = false\n";
    write(&folder.join("Cargo.toml"), &format!("{workspace}{}", sections(&manifest, &["profile.dev"])));
    // The same versions, so that nothing has to be fetched.
    write(&folder.join("Cargo.lock"), &read(&root.join("Cargo.lock")));

    // Among what the tests were built from, so that the dependencies need not be built again.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is a folder in the target folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--offline", "--bin", BINARY]).current_dir(&folder);
    cargo.env("CARGO_TARGET_DIR", target);
    let output = cargo.output().expect("cargo can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the copy with the bugs does not compile: list.rs is out of date\n\n{errors}");
    target.join("debug").join(BINARY).with_extension(env::consts::EXE_EXTENSION)
}

/// Copies the sources, with the substitutions.
fn write_sources(from: &Path, to: &Path) {
    let mut substituted = 0;
    for path in files(from) {
        let name = path.strip_prefix(from).expect("it is below").to_str().expect("it is ASCII").replace('\\', "/");
        let mut text = read(&path);
        let mut sites: Vec<(usize, &Substitution)> = SUBSTITUTIONS
            .iter()
            .filter(|substitution| substitution.file == name)
            .map(|substitution| (place(&text, substitution), substitution))
            .collect();
        substituted += sites.len();
        // From the last to the first, so that the places stay where they are.
        sites.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        for (place, Substitution { find, replace, .. }) in sites {
            text.replace_range(place..place + find.len(), replace);
        }
        if name == "lib.rs" {
            text += SWITCH;
        }
        write(&to.join(name), &text);
    }
    assert_eq!(substituted, SUBSTITUTIONS.len(), "list.rs is out of date: it names a file that is not there");
}

/// Where the text to find is.
fn place(text: &str, Substitution { file, find, .. }: &Substitution) -> usize {
    let places: Vec<usize> = text.match_indices(find).map(|(place, _)| place).collect();
    let [place] = places[..] else {
        panic!("list.rs is out of date: in src/{file} this stands {} times, not once:\n\n{find}\n", places.len())
    };
    place
}

/// The manifest of this package, over the copy of the crate.
fn differential_manifest(differential: &Path) -> String {
    let manifest = read(&differential.join("Cargo.toml"));
    let dependencies = sections(&manifest, &["package", "dependencies"]).replace("\"../..\"", "\"../thenable\"");
    // What is quoted as in Rust is a string of TOML.
    let source = |name: &str| format!("path = {:?}\n", differential.join("src").join(name).display().to_string());
    format!("{dependencies}[lib]\n{}[[bin]]\nname = {BINARY:?}\n{}", source("lib.rs"), source("main.rs"))
}

/// The sections of a manifest that have these names.
fn sections(manifest: &str, names: &[&str]) -> String {
    let mut text = String::new();
    let mut is_one = false;
    for line in manifest.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_one = names.contains(&name);
        }
        if is_one {
            text += line;
            text.push('\n');
        }
    }
    text
}

/// All files below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes a file, if it is not so already: what has not changed is not built again.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("folders can be made in target");
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
