//! Small worlds to convert: a text on standard input or a tree of files, and what a run made of it.

#![allow(dead_code, reason = "each test file uses its own part")]

use serde_json::{Value, json};
use smi2gamma::convert::Settings;
use smi2gamma::filter::Filter;
use smi2gamma::report::{Chosen, Finding};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::scan::{self, Input};
use smi2gamma::target::Profile;
use std::fs;
use std::path::PathBuf;

/// Options for a conversion of standard input.
pub fn options(from: Option<&str>, to: &str) -> Options {
    Options {
        scan: scan::Options { sources: vec![Input::Stdin], ..scan::Options::default() },
        from: from.map(|name| Chosen { name: name.to_owned(), because: "the test".to_owned() }),
        to: Profile::parse(to).expect("a target"),
        to_because: "the test".to_owned(),
        settings: Settings::default(),
        unowned: Default::default(),
        policy: Default::default(),
        filter: Filter::default(),
        verify: true,
    }
}

/// What a run makes of these bytes.
pub fn convert_bytes(bytes: &[u8], from: Option<&str>, to: &str) -> Run {
    run(&options(from, to), &mut &*bytes).expect("standard input can be read")
}

/// What a run makes of these objects.
pub fn convert(objects: &[Value], from: Option<&str>, to: &str) -> Run {
    convert_bytes(stream(objects).as_bytes(), from, to)
}

/// The objects as JSON documents between separators, which is YAML as well.
pub fn stream(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

/// The manifests of a run.
pub fn manifests(run: &Run) -> Vec<Value> {
    run.manifests.iter().map(|(_, manifest)| manifest.value.clone()).collect()
}

/// A Service with TCP ports that speak HTTP.
pub fn service(namespace: Option<&str>, name: &str, ports: &[u16]) -> Value {
    let ports: Vec<Value> = ports.iter().map(|port| json!({"name": format!("http-{port}"), "port": port})).collect();
    let mut service =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": ports}});
    if let Some(namespace) = namespace {
        service["metadata"]["namespace"] = json!(namespace);
    }
    service
}

/// Everything that a run says and emits, without places.
pub fn words(run: &Run) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "code": finding.code.0,
            "level": finding.level,
            "message": finding.message,
            "object": finding.object,
            "labels": finding.labels.iter().map(|label| &label.text).collect::<Vec<_>>(),
            "notes": finding.notes,
            "help": finding.help,
        })
    };
    let findings: Vec<Value> = run.report.findings.iter().map(finding).collect();
    let objects: Vec<Value> = run
        .report
        .objects
        .iter()
        .map(|object| {
            let of_object: Vec<&Value> = object.findings.iter().map(|&index| &findings[index]).collect();
            json!({"id": object.id, "outcome": object.outcome, "outputs": object.outputs, "findings": of_object})
        })
        .collect();
    json!({"manifests": manifests(run), "objects": objects, "findings": findings})
}

/// The codes of a run, sorted, each as often as it is found.
pub fn codes(run: &Run) -> Vec<&'static str> {
    let mut codes: Vec<_> = run.report.findings.iter().map(|finding| finding.code.0).collect();
    codes.sort_unstable();
    codes
}

/// A tree of files that is gone when the test ends.
pub struct Files(tempfile::TempDir);

// === impl Files ===

impl Files {
    /// These files with these texts.
    pub fn new<Text: AsRef<str>>(files: &[(&str, Text)]) -> Self {
        let tree = Self(tempfile::tempdir().expect("a temporary directory"));
        for (path, text) in files {
            let path = tree.path(path);
            fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
            fs::write(path, text.as_ref()).expect("a file");
        }
        tree
    }

    /// The place of a file or directory of the tree; the tree itself for an empty path.
    pub fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.0.path().to_path_buf() } else { self.0.path().join(path) }
    }

    /// A path of the tree as a source.
    pub fn input(&self, path: &str) -> Input {
        Input::Path(self.path(path))
    }

    /// Options for a conversion of these sources.
    pub fn options(&self, sources: &[&str]) -> Options {
        let mut options = options(None, "gateway-api");
        options.scan.sources = sources.iter().map(|source| self.input(source)).collect();
        options
    }

    /// What a run makes of these sources, without anything on standard input.
    pub fn convert(&self, sources: &[&str]) -> Run {
        run(&self.options(sources), &mut std::io::empty()).expect("the sources can be read")
    }
}
