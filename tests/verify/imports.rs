//! The evaluators share nothing with the conversion that they judge.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that `src/verify` may name.
const ALLOWED: [&str; 7] = ["yaml", "smi", "inventory", "pattern", "mappings", "place", "verify"];

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The rooms that a text names behind `crate::`.
fn rooms(text: &str) -> Vec<String> {
    let after = text.split("crate::").skip(1);
    after
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => {
                list.split('}').next().unwrap_or_default().split(',').map(|one| one.trim().to_owned()).collect()
            }
            None => vec![rest.to_owned()],
        })
        .map(|path| path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .collect()
}

#[test]
fn verify_names_no_room_of_the_conversion() {
    let all = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify"));
    assert!(all.len() > 10, "{all:?}");
    for file in all {
        let text = fs::read_to_string(&file).expect("a text");
        for room in rooms(&text) {
            assert!(ALLOWED.contains(&room.as_str()), "{} names `{room}`", file.display());
        }
        for other in ["k8s_openapi", "gateway_api::", "serde_json", "smi2gamma::"] {
            let named = text.lines().any(|line| line.trim_start().starts_with("use ") && line.contains(other));
            assert!(!named, "{} uses {other}", file.display());
        }
    }
}

#[test]
fn the_check_sees_what_it_is_for() {
    assert_eq!(rooms("use crate::model::Split;"), ["model"]);
    assert_eq!(rooms("let a = crate::{convert::http, yaml};"), ["convert", "yaml"]);
}
