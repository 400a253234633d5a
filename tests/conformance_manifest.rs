//! The manifest in docs/conformance, kept by reading it and the tests: what it names exists, what exists is named there,
//! and its numbers are right.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The suites: each has a page `docs/conformance/{suite}.md` and a folder `tests/{suite}`.
const SUITES: [&str; 3] = ["test262", "wpt", "node"];

/// What became of the cases of a row.
#[derive(Debug, PartialEq)]
enum Fate {
    /// There is a test of this name.
    Tested(String),
    /// There cannot be one, for this reason.
    Impossible(String),
}

/// A row of a table.
#[derive(Debug, PartialEq)]
struct Row {
    cases: Vec<String>,
    fate: Fate,
}

/// A section: a directory or a file of the source.
#[derive(Debug, PartialEq)]
struct Section {
    title: String,
    /// How many cases the line below the title says there are.
    stated: usize,
    rows: Vec<Row>,
}

impl Section {
    fn cases(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().flat_map(|row| &row.cases).map(String::as_str)
    }
}

/// The parts of `text` that stand between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn fate(cell: &str) -> Fate {
    if cell.starts_with('`') {
        Fate::Tested(quoted(cell).swap_remove(0))
    } else {
        let reason = cell.strip_prefix('*').and_then(|rest| rest.split_once('*'));
        let (reason, _) = reason.unwrap_or_else(|| panic!("neither a test nor a reason: {cell}"));
        Fate::Impossible(reason.to_owned())
    }
}

fn row(line: &str) -> Row {
    let cells = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")?.split_once(" | "));
    let (cases, cell) = cells.unwrap_or_else(|| panic!("not a row of two cells: {line}"));
    Row { cases: quoted(cases), fate: fate(cell) }
}

fn section(text: &str) -> Section {
    let mut lines = text.lines();
    let title = lines.next().expect("a section has a title").to_owned();
    let numbers = |line: &str| line.split(' ').next().and_then(|word| word.parse().ok());
    let stated = lines.find_map(numbers).unwrap_or_else(|| panic!("{title} does not say how many cases it has"));
    let rows = lines.filter(|line| line.starts_with("| `") || line.starts_with("| *")).map(row).collect();
    Section { title, stated, rows }
}

fn sections(page: &str) -> Vec<Section> {
    page.split("\n## ").skip(1).map(section).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn manifest(suite: &str) -> Vec<Section> {
    sections(&read(format!("docs/conformance/{suite}.md")))
}

/// The names of the functions that are tests.
fn test_functions(code: &str) -> impl Iterator<Item = &str> {
    code.split("#[test]").skip(1).filter_map(|test| {
        let (_, function) = test.split_once("\nfn ")?;
        Some(function.split_once('(')?.0)
    })
}

/// The tests of a suite, with their modules: `then::resolving::resolve_pending_fulfilled_self`.
fn tests(suite: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(suite);
    let mut folders = vec![root.clone()];
    let mut tests = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the tests can be read") {
            let path = entry.expect("the tests can be read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let module = module_of(&root, &path);
            let code = fs::read_to_string(&path).expect("the tests can be read");
            tests.extend(test_functions(&code).map(|name| format!("{module}{name}")));
        }
    }
    tests
}

/// The module of a file, with `::` at its end; nothing for `main.rs`.
fn module_of(root: &Path, file: &Path) -> String {
    let inner: PathBuf = file.strip_prefix(root).expect("it is below the root").with_extension("");
    let parts = inner.iter().map(|part| part.to_str().expect("it is ASCII"));
    let modules: Vec<_> = parts.filter(|part| *part != "mod" && *part != "main").chain([""]).collect();
    modules.join("::")
}

/// The names that `choose` finds in the rows.
fn names(sections: &[Section], choose: impl Fn(&Fate) -> Option<&String>) -> Vec<&str> {
    let rows = sections.iter().flat_map(|section| &section.rows);
    rows.filter_map(|row| choose(&row.fate)).map(String::as_str).collect()
}

fn tested(fate: &Fate) -> Option<&String> {
    if let Fate::Tested(name) = fate { Some(name) } else { None }
}

fn impossible(fate: &Fate) -> Option<&String> {
    if let Fate::Impossible(reason) = fate { Some(reason) } else { None }
}

#[test]
fn the_manifest_names_the_tests_that_exist_and_no_others() {
    for suite in SUITES {
        let (sections, existing) = (manifest(suite), tests(suite));
        assert!(!existing.is_empty(), "{suite} has tests");
        let named: BTreeSet<_> = names(&sections, tested).into_iter().map(str::to_owned).collect();
        let missing: Vec<_> = named.difference(&existing).collect();
        assert!(missing.is_empty(), "docs/conformance/{suite}.md names tests that do not exist: {missing:#?}");
        let unnamed: Vec<_> = existing.difference(&named).collect();
        assert!(unnamed.is_empty(), "docs/conformance/{suite}.md does not name {unnamed:#?}");
    }
}

#[test]
fn a_test_of_test262_has_the_name_of_its_file() {
    for section in manifest("test262") {
        for Row { cases, fate } in &section.rows {
            let Fate::Tested(name) = fate else { continue };
            let [case] = &cases[..] else { panic!("{name} stands for several files: {cases:?}") };
            let of_file = case.to_lowercase().replace(['-', '.'], "_");
            let function = name.rsplit("::").next();
            assert_eq!(function, Some(of_file.as_str()), "{}: {case}", section.title);
        }
    }
}

#[test]
fn every_reason_is_explained_and_every_explanation_is_used() {
    let readme = read("docs/conformance/README.md");
    let explained: BTreeSet<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| *")?.split_once("* |"))
        .map(|(reason, _)| reason.to_owned())
        .collect();
    let pages: Vec<_> = SUITES.iter().flat_map(|suite| manifest(suite)).collect();
    let used: BTreeSet<_> = names(&pages, impossible).into_iter().map(str::to_owned).collect();
    assert_eq!(used, explained);
}

#[test]
fn each_section_has_as_many_cases_as_it_says_and_each_of_them_once() {
    for suite in SUITES {
        for section in manifest(suite) {
            let cases: Vec<_> = section.cases().collect();
            let different: BTreeSet<_> = cases.iter().collect();
            assert_eq!(cases.len(), different.len(), "{suite}, {}: a case stands there twice", section.title);
            assert_eq!(cases.len(), section.stated, "{suite}, {}", section.title);
        }
    }
}

/// The numbers of cases: all, tested, not expressible.
fn totals(sections: &[Section]) -> [usize; 3] {
    let mut totals = [0; 3];
    for row in sections.iter().flat_map(|section| &section.rows) {
        let column = match row.fate {
            Fate::Tested(_) => 1,
            Fate::Impossible(_) => 2,
        };
        totals[0] += row.cases.len();
        totals[column] += row.cases.len();
    }
    totals
}

#[test]
fn the_totals_are_right() {
    let readme = read("docs/conformance/README.md");
    let stated: BTreeMap<_, _> = readme
        .lines()
        .filter_map(|line| {
            let (suite, rest) = line.strip_prefix("| [")?.split_once(".md]")?;
            let numbers: Vec<usize> = rest.split('|').filter_map(|cell| cell.trim().parse().ok()).collect();
            Some((suite, numbers))
        })
        .collect();
    let counted: BTreeMap<_, _> = SUITES.map(|suite| (suite, totals(&manifest(suite)).to_vec())).into_iter().collect();
    assert_eq!(stated, counted);
}

#[test]
fn the_check_reads_a_page_and_a_test() {
    let page = "# Page\n\n## `dir`\n\n4 files, tests in `m`.\n\n| file | test |\n| --- | --- |\n| `a-b` | `m::a_b`: a note |\n\
                | `c` | `m::c` |\n| `d`, `e` | *realm*: a note |\n";
    let row = |cases: &[&str], fate| Row { cases: cases.iter().map(|&case| case.to_owned()).collect(), fate };
    let rows = vec![
        row(&["a-b"], Fate::Tested("m::a_b".to_owned())),
        row(&["c"], Fate::Tested("m::c".to_owned())),
        row(&["d", "e"], Fate::Impossible("realm".to_owned())),
    ];
    assert_eq!(sections(page), [Section { title: "`dir`".to_owned(), stated: 4, rows }]);
    assert_eq!(totals(&sections(page)), [4, 2, 2]);
    let code = "#[test]\nfn a_b() {}\n\nfn no_test() {}\n\n#[test]\n#[expect(lint)]\nfn c() {}\n";
    assert_eq!(test_functions(code).collect::<Vec<_>>(), ["a_b", "c"]);
    assert_eq!(module_of(Path::new("/r"), Path::new("/r/then/mod.rs")), "then::");
    assert_eq!(module_of(Path::new("/r"), Path::new("/r/then/resolving.rs")), "then::resolving::");
}

#[test]
#[should_panic(expected = "neither a test nor a reason: planned, `m::a`")]
fn a_row_without_a_test_and_without_a_reason_is_refused() {
    row("| `a` | planned, `m::a` |");
}
