//! What the SMI conformance suite asserts, asked of converted output.
//!
//! The suite (layer5io/learn-layer5, `smi-conformance/test-gen`) brings a mesh into a situation, sends requests and counts
//! who got them. Here the same situations are converted for every target, in every version of its table, and the same
//! requests are answered from what was written. What comes of each assertion is one cell of `docs/conformance.md`: it
//! holds, or a finding says why not. Nothing else may stand in a cell.
//!
//! `SMI2GAMMA_BLESS=1 cargo test --test conformance` writes the page.

mod ask;
mod cell;
#[path = "../emitted/mod.rs"]
mod emitted;
mod mistakes;
mod page;
mod real;
mod situation;
mod suite;
#[path = "../worlds/mod.rs"]
mod worlds;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use smi2gamma::mappings::{Source, sources, targets};
use smi2gamma::target::Profile;

use cell::Cell;
use situation::Mesh;

/// Every target at every version of its table.
fn profiles() -> impl Iterator<Item = Profile> {
    targets()
        .iter()
        .flat_map(|target| target.versions.iter().map(move |version| Profile { target, version: version.clone() }))
}

/// The specification's reading for every profile, and each mesh's for the default version of every target.
fn combinations() -> Vec<(&'static Source, Profile)> {
    let wanted = |source: &Source, to: &Profile| source.name == "spec" || to.version == to.target.default_version;
    let of = |source: &'static Source| profiles().filter(move |to| wanted(source, to)).map(move |to| (source, to));
    sources().iter().flat_map(of).collect()
}

/// What became of every assertion.
struct Judged {
    source: &'static Source,
    to: Profile,
    cells: Vec<Result<Cell, String>>,
}

#[test]
fn every_assertion_holds_or_a_finding_says_why_not_and_the_page_says_which() {
    let judge = |(source, to): (&'static Source, Profile)| Judged { cells: cell::cells(Mesh(source), &to), source, to };
    let judged: Vec<Judged> = combinations().into_par_iter().map(judge).collect();
    let wrong: Vec<&String> =
        judged.iter().flat_map(|judged| &judged.cells).filter_map(|cell| cell.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{} cells say nothing that a cell may say, the first: {}", wrong.len(), wrong[0]);

    let mut of: BTreeMap<&str, page::Cells<'_>> = BTreeMap::new();
    for Judged { source, to, cells } in judged {
        let cells = cells.into_iter().flatten().collect();
        of.entry(&*source.name).or_default().entry(&*to.target.name).or_default().push((to.version, cells));
    }
    let page = page::page(&of);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    if std::env::var_os("SMI2GAMMA_BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(
        written == page,
        "docs/conformance.md is behind; write it with SMI2GAMMA_BLESS=1 cargo test --test conformance"
    );
}
