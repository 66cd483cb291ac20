//! Holds `mappings/findings.yaml`, the `code!` uses of the source and `docs/findings.md` together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use smi2gamma::report::catalogue;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each code that a `code!("...")` outside a comment names, with the files; the files relative to the root.
fn used(with_tests: bool) -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    let mut used: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if !with_tests && (name.ends_with("tests.rs") || name.contains("/tests/")) {
            continue;
        }
        let whole = std::fs::read_to_string(&path).unwrap();
        let text = if with_tests { &whole } else { whole.split("#[cfg(test)]\nmod tests {").next().unwrap() };
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect();
        for rest in code.split("code!(").skip(1) {
            if let Some(literal) = rest.trim_start().strip_prefix('"') {
                used.entry(literal.split('"').next().unwrap().into()).or_default().insert(name.clone());
            }
        }
    }
    used
}

#[test]
fn every_code_of_the_source_has_a_row() {
    let missing: Vec<String> = used(true)
        .into_iter()
        .filter(|(code, _)| catalogue::find(code).is_none())
        .map(|(code, files)| format!("{code} of {}", files.into_iter().collect::<Vec<_>>().join(", ")))
        .collect();
    assert!(missing.is_empty(), "add a row to mappings/findings.yaml for:\n{}", missing.join("\n"));
}

#[test]
fn every_row_is_used_by_the_source() {
    let used = used(false);
    let unused: Vec<&str> =
        catalogue::rows().iter().map(|row| row.code.as_str()).filter(|code| !used.contains_key(*code)).collect();
    assert!(unused.is_empty(), "rows of mappings/findings.yaml that no code!(\"...\") names:\n{}", unused.join("\n"));
}

#[test]
fn codes_are_unique_and_in_kebab_case() {
    let mut seen = BTreeSet::new();
    for row in catalogue::rows() {
        let code = row.code.as_str();
        assert!(seen.insert(code), "two rows are called {code}");
        let kebab = code.split('-').all(|word| {
            !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
        });
        assert!(kebab && code.starts_with(|letter: char| letter.is_ascii_lowercase()), "{code} is not kebab-case");
    }
    assert!(!seen.is_empty());
}

#[test]
fn every_row_says_what_why_what_to_do_and_where_that_is_written() {
    for row in catalogue::rows() {
        let code = &row.code;
        for (field, text) in [("title", &row.title), ("what", &row.what), ("why", &row.why), ("do", &row.remedy)] {
            assert!(!text.trim().is_empty(), "{code}: {field} is empty");
        }
        assert!(!row.title.contains('\n') && !row.title.ends_with('.'), "{code}: a title is one line, no full stop");
        assert!(
            !row.sources.is_empty() && row.sources.iter().all(|source| !source.trim().is_empty()),
            "{code}: no source"
        );
        assert!(row.outcome.is_some() || row.level.is_some(), "{code}: neither outcome nor level");
        let version = row.since.split('.').filter(|part| part.parse::<u32>().is_ok()).count();
        assert_eq!(version, 3, "{code}: since is not a version: {}", row.since);
    }
}

#[test]
fn the_page_of_findings_is_written_from_the_table() {
    let path = root().join("docs/findings.md");
    let page = catalogue::findings_markdown();
    if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        written == page,
        "docs/findings.md differs from mappings/findings.yaml; write it with SMI2GAMMA_BLESS=1 cargo test --test catalogue"
    );
}
