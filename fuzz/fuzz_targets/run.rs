//! Converts any bytes as they could come on standard input, and makes of the result all that a command makes of it: no
//! panic, one outcome for each object, and a candidate that is a text again.
//!
//! `cargo +nightly fuzz run run`

#![no_main]

use libfuzzer_sys::fuzz_target;
use smi2gamma::candidate::candidate;
use smi2gamma::convert::Settings;
use smi2gamma::filter::Filter;
use smi2gamma::report::{Chosen, TextOptions, json, markdown, text};
use smi2gamma::run::{Options, run};
use smi2gamma::scan::{self, Input};
use smi2gamma::target::Profile;
use smi2gamma::yaml::emit;

const SOURCES: [&str; 8] = ["spec", "osm", "linkerd", "traefik", "nginx", "consul", "istio", "flomesh"];
const TARGETS: [&str; 6] = ["gateway-api", "linkerd", "istio", "istio-ambient", "cilium", "kuma"];

/// The first byte chooses the source mesh and the target, so that they stay the same while the rest changes.
fn options(choice: u8) -> Options {
    let (from, to) = (usize::from(choice >> 4), usize::from(choice & 15));
    Options {
        scan: scan::Options { sources: vec![Input::Stdin], ..scan::Options::default() },
        from: SOURCES.get(from).map(|name| Chosen { name: (*name).to_owned(), because: "--from".to_owned() }),
        to: Profile::parse(TARGETS[to % TARGETS.len()]).expect("a target"),
        to_because: "--to".to_owned(),
        settings: Settings::default(),
        unowned: Default::default(),
        policy: Default::default(),
        filter: Filter::default(),
        verify: true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, mut bytes)) = bytes.split_first() else { return };
    let Ok(mut run) = run(&options(*choice), &mut bytes) else { return };
    assert_eq!(run.objects.len(), run.report.objects.len());
    assert!(run.report.findings.iter().all(|finding| finding.code.0 != "internal"));
    let _ = text(&run.report, &run.sources, &TextOptions { color: true, width: 80, verbose: true, ..TextOptions::default() });
    let _ = json(&run.report, &run.sources);
    let _ = markdown(&run.report, &run.sources);
    let manifests: Vec<_> = run.manifests.iter().map(|(_, manifest)| manifest.value.clone()).collect();
    let _ = emit::to_yaml(&manifests);
    let _ = candidate(&mut run);
});
