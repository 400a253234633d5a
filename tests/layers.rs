//! The layers of docs/architecture.md, kept by reading the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file, and the module of the crate root that it belongs to.
struct Source {
    path: PathBuf,
    module: String,
    /// Without comments.
    code: String,
}

/// All files below `src`, the crate root itself left out.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the sources can be read") {
            let path = entry.expect("the sources can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inner = path.strip_prefix(&root).expect("it is below the root");
            let module = inner.iter().next().expect("it has a name").to_str().expect("it is ASCII");
            let module = module.trim_end_matches(".rs").to_owned();
            if module != "lib" {
                let code = fs::read_to_string(&path).expect("the sources can be read");
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
                sources.push(Source { path, module, code: code.join("\n") });
            }
        }
    }
    sources
}

/// The modules of the crate root, from the lowest layer to the highest.
fn layers() -> Vec<String> {
    let root = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("it can be read");
    let modules = root.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    modules.map(str::to_owned).collect()
}

/// The modules of the crate root that `code` names.
fn imports(code: &str) -> BTreeSet<&str> {
    let name = |rest: &'_ str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    code.split("crate::").skip(1).map(|rest| &rest[..name(rest)]).collect()
}

#[test]
fn a_file_imports_from_layers_below_it_only() {
    let layers = layers();
    let height = |module: &str| layers.iter().position(|layer| layer == module);
    let mut seen = BTreeSet::new();
    for Source { path, module, code } in sources() {
        let own = height(&module).unwrap_or_else(|| panic!("{} belongs to no layer of lib.rs", path.display()));
        for import in imports(&code) {
            let other = height(import).unwrap_or_else(|| panic!("{} imports crate::{import}", path.display()));
            assert!(other <= own, "{} imports `{import}`, which is a layer above it", path.display());
        }
        seen.insert(module);
    }
    assert_eq!(seen.len(), layers.len(), "every layer has a file");
}

#[test]
fn promise_code_does_not_know_the_loop() {
    for Source { path, module, code } in sources() {
        if !["event_loop", "control", "worker", "background", "shutdown"].contains(&module.as_str()) {
            assert!(!code.contains("event_loop"), "{} names the event loop", path.display());
        }
    }
}

#[test]
fn only_the_inbox_and_what_sends_to_it_knows_that_threads_exist() {
    const OF_THREADS: [&str; 6] = ["std::sync", "std::thread", "Mutex", "Condvar", "Atomic", "Arc<"];
    for Source { path, module, code } in sources() {
        // A variable of the context is a static in most cases, which all threads see. The reason of an abort may leave its
        // thread as an error.
        let may = ["context", "inbox", "remote", "worker", "background", "shutdown"].contains(&module.as_str())
            || path.ends_with("abort/aborted.rs");
        for word in OF_THREADS {
            assert!(may || !code.contains(word), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn the_check_sees_an_import() {
    let found = imports("use crate::cell::Promise;\nlet x = crate::queue::pop(); use std::crates::no;");
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["cell", "queue"]);
}
