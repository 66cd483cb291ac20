//! What is read, what is left out, and what is taken to be deployed together.

use smi2gamma::place::{LineCol, Role};
use smi2gamma::report::Finding;
use smi2gamma::scan::{Input, Options, Part, Scan, ScanError, Scope, ScopeKind, scan};
use std::fs;
use std::io::Read;
use std::path::PathBuf;

const SPLIT: &str = "\
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata:
  name: web
spec:
  service: web
  backends:
  - service: web-1
    weight: 1
";
const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: web
";

/// A tree of files that is gone when the test ends.
struct World(tempfile::TempDir);

impl World {
    fn new(files: &[(&str, &str)]) -> Self {
        let world = Self(tempfile::tempdir().expect("a temporary directory"));
        for (path, text) in files {
            world.write(path, text.as_bytes());
        }
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.0.path().to_path_buf() } else { self.0.path().join(path) }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    }

    fn options(&self, sources: &[&str]) -> Options {
        Options { sources: sources.iter().map(|path| Input::Path(self.path(path))).collect(), ..Options::default() }
    }

    fn scan(&self, sources: &[&str]) -> Scan {
        run(&self.options(sources))
    }

    /// The name of each text, without what precedes the world.
    fn texts(&self, scan: &Scan) -> Vec<String> {
        scan.sources.iter().map(|(_, source)| self.short(&source.name)).collect()
    }

    /// The scopes: name, kind, and the file of each member.
    fn scopes(&self, scan: &Scan) -> Vec<(String, ScopeKind, Vec<String>)> {
        scan.scopes.iter().map(|scope| (self.short(&scope.name), scope.kind, self.files(scan, scope))).collect()
    }

    fn files(&self, scan: &Scan, scope: &Scope) -> Vec<String> {
        let mut files: Vec<String> =
            scope.documents().map(|doc| self.short(&scan.sources.get(scan.doc(doc).source).name)).collect();
        files.dedup();
        files
    }

    fn short(&self, name: &str) -> String {
        let root = self.0.path().to_string_lossy().into_owned();
        let below = name.strip_prefix(&root).map(|rest| rest.trim_start_matches('/').to_owned());
        below.unwrap_or_else(|| name.to_owned())
    }
}

fn run(options: &Options) -> Scan {
    scan(options, &mut std::io::empty()).expect("readable sources")
}

fn marked(scan: &Scan) -> usize {
    scan.documents.iter().filter(|doc| doc.marked).count()
}

fn codes(scan: &Scan) -> Vec<&str> {
    scan.findings.iter().map(|finding| finding.code.0).collect()
}

fn line_col(scan: &Scan, finding: &Finding) -> (usize, usize) {
    let LineCol { line, col } = scan.sources.line_col(finding.place.expect("a place"));
    (line, col)
}

fn directory(name: &str, files: &[&str]) -> (String, ScopeKind, Vec<String>) {
    of_kind(name, ScopeKind::Directory, files)
}

fn of_kind(name: &str, kind: ScopeKind, files: &[&str]) -> (String, ScopeKind, Vec<String>) {
    (name.to_owned(), kind, files.iter().map(|&file| file.to_owned()).collect())
}

// --- what is read ---

#[test]
fn only_the_directory_of_a_marked_file_is_kept() {
    let world = World::new(&[
        ("a/split.yaml", SPLIT),
        ("a/service.yaml", SERVICE),
        ("a/below/service.yaml", SERVICE),
        ("b/service.yaml", SERVICE),
        ("service.yaml", SERVICE),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(world.scopes(&scan), [directory("a", &["a/service.yaml", "a/split.yaml"])]);
    assert_eq!(world.texts(&scan), ["a/service.yaml", "a/split.yaml"]);
    assert_eq!((scan.read.files, marked(&scan)), (5, 1));
    assert!(!scan.read.incomplete);
}

#[test]
fn a_tree_without_smi_leaves_counts_and_nothing_else() {
    let world = World::new(&[("a.yaml", SERVICE), ("b.yml", SERVICE), ("c.json", "{}"), ("README.md", SPLIT)]);
    let scan = world.scan(&[""]);
    assert!(scan.documents.is_empty() && scan.scopes.is_empty() && scan.findings.is_empty());
    assert_eq!(scan.sources.iter().count(), 0);
    assert_eq!(scan.read.files, 3);
    assert_eq!(scan.read.skipped, [("neither YAML nor JSON by name".to_owned(), 1)]);
}

#[test]
fn a_named_file_is_read_whatever_it_is_called() {
    let world = World::new(&[("notes.txt", SPLIT)]);
    assert_eq!(marked(&world.scan(&["notes.txt"])), 1);
    assert_eq!(marked(&world.scan(&[""])), 0);
}

#[test]
fn upper_case_extensions_and_json_are_read() {
    let world = World::new(&[
        ("a.YAML", SPLIT),
        ("b.json", r#"{"apiVersion":"split.smi-spec.io/v1alpha2","kind":"TrafficSplit"}"#),
    ]);
    assert_eq!(marked(&world.scan(&[""])), 2);
}

#[test]
fn each_document_of_a_file_is_marked_by_itself_and_keeps_its_bytes() {
    let text = format!("\u{feff}{SERVICE}---\n{SPLIT}").replace('\n', "\r\n");
    let world = World::new(&[("all.yaml", &text)]);
    let scan = world.scan(&[""]);
    assert_eq!(scan.documents.iter().map(|doc| doc.marked).collect::<Vec<_>>(), [false, true]);
    let (_, source) = scan.sources.iter().next().expect("one text");
    assert_eq!(source.text, text);
    assert_eq!(source.role, Role::Subject);
    let whole: String = scan.documents.iter().map(|doc| doc.piece.whole.of(&text)).collect();
    assert_eq!(whole, text);
}

#[test]
fn ignore_files_count_inside_the_named_tree_only() {
    let world = World::new(&[
        (".gitignore", "inner\n"),
        ("inner/.gitignore", "generated/\n"),
        ("inner/.ignore", "old.yaml\n"),
        ("inner/generated/split.yaml", SPLIT),
        ("inner/old.yaml", SPLIT),
        ("inner/split.yaml", SPLIT),
    ]);
    assert_eq!(world.texts(&world.scan(&["inner"])), ["inner/split.yaml"]);
    assert_eq!(marked(&world.scan(&[""])), 0);
    assert_eq!(marked(&run(&Options { no_ignore: true, ..world.options(&[""]) })), 3);
    let named = world.scan(&["inner/old.yaml"]);
    assert_eq!(world.texts(&named), ["inner/old.yaml", "inner/split.yaml"], "named files are always read");
}

#[test]
fn hidden_directories_are_walked_and_the_store_of_git_is_not() {
    let world = World::new(&[(".deploy/split.yaml", SPLIT), (".git/split.yaml", SPLIT)]);
    assert_eq!(world.texts(&world.scan(&[""])), [".deploy/split.yaml"]);
}

#[test]
fn a_file_named_twice_is_read_once() {
    let world = World::new(&[("a/split.yaml", SPLIT), ("a/b/split.yaml", SPLIT)]);
    for sources in [
        &["a", "a"][..],
        &["a", "a/split.yaml"],
        &["a/split.yaml", "a"],
        &["a/b", "a"],
        &["a", "a/b/../b"],
        &["a/split.yaml", "a/b/../split.yaml", "a/b/split.yaml"],
    ] {
        let scan = world.scan(sources);
        assert_eq!((marked(&scan), scan.read.files, scan.scopes.len()), (2, 2, 2), "{sources:?}");
    }
}

#[test]
fn the_order_is_that_of_names_and_never_changes() {
    let files: Vec<String> = (0..2000).map(|n| format!("d{}/f{n}.yaml", n % 7)).collect();
    let world = World::new(&files.iter().map(|file| (file.as_str(), SPLIT)).collect::<Vec<_>>());
    let first = world.scan(&[""]);
    let mut sorted = files.clone();
    sorted.sort();
    assert_eq!(world.texts(&first), sorted);
    assert_eq!(format!("{first:?}"), format!("{:?}", world.scan(&[""])));
}

#[cfg(unix)]
mod links {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_circle_of_links_ends() {
        let world = World::new(&[("a/split.yaml", SPLIT)]);
        symlink("..", world.path("a/up")).expect("a link");
        symlink("loop.yaml", world.path("a/loop.yaml")).expect("a link");
        let scan = world.scan(&[""]);
        assert_eq!(world.texts(&scan), ["a/split.yaml"]);
        assert_eq!(scan.read.skipped, [("symbolic links that lead nowhere".to_owned(), 1)]);
    }

    #[test]
    fn a_linked_file_is_read_once_and_belongs_to_both_directories() {
        let world = World::new(&[("common/service.yaml", SERVICE), ("prod/split.yaml", SPLIT)]);
        symlink("../common/service.yaml", world.path("prod/service.yaml")).expect("a link");
        let scan = world.scan(&[""]);
        assert_eq!(scan.read.files, 2);
        assert_eq!(world.scopes(&scan), [directory("prod", &["common/service.yaml", "prod/split.yaml"])]);
    }

    #[test]
    fn a_link_out_of_the_tree_is_left_out_and_counted() {
        let world = World::new(&[("tree/service.yaml", SERVICE), ("outside/split.yaml", SPLIT)]);
        symlink("../outside/split.yaml", world.path("tree/split.yaml")).expect("a link");
        symlink("../outside", world.path("tree/more")).expect("a link");
        let scan = world.scan(&["tree"]);
        assert_eq!(marked(&scan), 0);
        assert_eq!(scan.read.skipped, [("symbolic links that lead out of the tree".to_owned(), 2)]);
        assert_eq!(marked(&world.scan(&["tree/split.yaml"])), 1, "a link that is named is followed");
    }

    #[test]
    fn a_linked_file_that_is_named_with_its_target_is_read_once() {
        let world = World::new(&[("a/split.yaml", SPLIT)]);
        symlink("a/split.yaml", world.path("split.yaml")).expect("a link");
        for sources in [&["split.yaml", "a"][..], &["a", "split.yaml"], &["split.yaml", "a/split.yaml"]] {
            assert_eq!(marked(&world.scan(sources)), 1, "{sources:?}");
        }
    }

    #[test]
    fn a_file_without_permission_makes_the_run_incomplete() {
        use std::os::unix::fs::PermissionsExt;
        let world = World::new(&[("a.yaml", SPLIT), ("b.yaml", SERVICE)]);
        fs::set_permissions(world.path("a.yaml"), fs::Permissions::from_mode(0o000)).expect("a mode");
        if fs::File::open(world.path("a.yaml")).is_ok() {
            return; // Nothing is denied to the superuser.
        }
        let scan = world.scan(&[""]);
        assert_eq!(codes(&scan), ["source-unreadable"]);
        assert!(scan.read.incomplete);
        assert!(matches!(
            smi2gamma::scan::scan(&world.options(&["a.yaml"]), &mut std::io::empty()),
            Err(ScanError::Unreadable { .. })
        ));
    }
}

// --- what cannot be read ---

#[test]
fn a_named_source_that_is_missing_leaves_no_result() {
    let world = World::new(&[]);
    let error = scan(&world.options(&["nowhere"]), &mut std::io::empty()).expect_err("nothing there");
    assert!(matches!(error, ScanError::Missing { .. }), "{error}");
    let with = Options { with: vec![Input::Path(world.path("nowhere"))], ..world.options(&[""]) };
    assert!(matches!(scan(&with, &mut std::io::empty()), Err(ScanError::Missing { .. })));
}

#[test]
fn standard_input_is_read_once() {
    let options = Options { sources: vec![Input::Stdin], with: vec![Input::Stdin], ..Options::default() };
    assert!(matches!(scan(&options, &mut std::io::empty()), Err(ScanError::StdinTwice)));
}

#[test]
fn a_marked_file_in_another_encoding_is_a_finding_and_another_is_not() {
    let world = World::new(&[("service.yaml", SERVICE)]);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(SPLIT.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    world.write("utf16.yaml", &utf16);
    world.write("latin.yaml", &[SPLIT.as_bytes(), b"# caf\xe9\n"].concat());
    world.write("latin-service.yaml", &[SERVICE.as_bytes(), b"# caf\xe9\n"].concat());
    let scan = world.scan(&[""]);
    assert_eq!(codes(&scan), ["source-not-utf8", "source-not-utf8"]);
    assert!(scan.findings.iter().any(|finding| finding.message.contains("utf16.yaml` is UTF-16")));
    assert_eq!(line_col(&scan, &scan.findings[0]), (1, 1));
    assert!(scan.read.incomplete);
    assert_eq!(scan.read.files, 4);
}

#[test]
fn a_large_file_is_a_finding_only_if_it_carries_a_mark() {
    let world = World::new(&[
        ("split.yaml", &format!("{}\n{SPLIT}", "#".repeat(2000))),
        ("service.yaml", &format!("{}\n{SERVICE}", "#".repeat(2000))),
        ("small.yaml", SPLIT),
    ]);
    let scan = run(&Options { max_file_size: 1000, ..world.options(&[""]) });
    assert_eq!(codes(&scan), ["source-too-large"]);
    assert_eq!(scan.read.skipped, [("larger than 1000 bytes".to_owned(), 1)]);
    assert_eq!(marked(&scan), 1);
    assert!(scan.read.incomplete);
}

// --- streams and context ---

#[test]
fn a_stream_is_one_scope() {
    let text = format!("{SERVICE}---\n{SPLIT}");
    let options = Options { sources: vec![Input::Stdin], ..Options::default() };
    let scan = scan(&options, &mut text.as_bytes()).expect("a stream");
    assert_eq!(scan.scopes.len(), 1);
    assert_eq!((scan.scopes[0].name.as_str(), scan.scopes[0].kind), ("<stdin>", ScopeKind::Stream));
    assert_eq!(scan.scopes[0].members.len(), 2);
    assert!(scan.sources.iter().all(|(_, source)| source.path.is_none()));
}

#[test]
fn a_stream_that_fails_leaves_no_result() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("broken"))
        }
    }
    let options = Options { sources: vec![Input::Stdin], ..Options::default() };
    assert!(matches!(scan(&options, &mut Broken), Err(ScanError::Unreadable { .. })));
}

#[test]
fn what_stands_beside_a_named_file_is_its_context() {
    let world = World::new(&[
        ("a/split.yaml", SPLIT),
        ("a/other.yaml", SPLIT),
        ("a/service.yaml", SERVICE),
        ("a/below/service.yaml", SERVICE),
        ("service.yaml", SERVICE),
    ]);
    let scan = world.scan(&["a/split.yaml"]);
    assert_eq!(world.scopes(&scan), [directory("a", &["a/split.yaml", "a/other.yaml", "a/service.yaml"])]);
    let roles: Vec<Role> = scan.sources.iter().map(|(_, source)| source.role).collect();
    assert_eq!(roles, [Role::Subject, Role::Context, Role::Context]);
    assert!(scan.context.is_empty());
}

#[test]
fn nothing_is_read_beside_a_named_file_without_smi() {
    let world = World::new(&[("split.yaml", SPLIT), ("service.yaml", SERVICE)]);
    let scan = world.scan(&["service.yaml"]);
    assert_eq!((scan.read.files, scan.scopes.len(), scan.documents.len()), (1, 0, 0));
}

#[test]
fn a_named_file_is_deployed_with_all_that_its_kustomization_reaches() {
    let world = World::new(&[
        ("app/kustomization.yaml", "resources: [split.yaml, ../base, ../extra/service.yaml]\n"),
        ("app/split.yaml", SPLIT),
        ("app/loose.yaml", SERVICE),
        ("base/kustomization.yaml", "resources: [service.yaml, ../app]\n"),
        ("base/service.yaml", SERVICE),
        ("extra/service.yaml", SERVICE),
        ("extra/unused.yaml", SERVICE),
    ]);
    let scan = world.scan(&["app/split.yaml"]);
    let files = ["app/split.yaml", "app/kustomization.yaml", "base/kustomization.yaml", "base/service.yaml"];
    let [(name, kind, members)] = &world.scopes(&scan)[..] else { panic!("one scope") };
    assert_eq!((name.as_str(), *kind), ("app", ScopeKind::Kustomization));
    assert!(files.iter().all(|file| members.contains(&(*file).to_owned())), "{members:?}");
    assert!(members.contains(&"extra/service.yaml".to_owned()) && members.len() == 5, "{members:?}");
    let subjects = scan.sources.iter().filter(|(_, source)| source.role == Role::Subject).count();
    assert_eq!(subjects, 1);
}

#[test]
fn context_needs_no_mark_and_is_never_a_subject() {
    let world = World::new(&[("a/split.yaml", SPLIT), ("ctx/service.yaml", SERVICE), ("ctx/split.yaml", SPLIT)]);
    let options = Options { with: vec![Input::Path(world.path("ctx"))], ..world.options(&["a"]) };
    let scan = run(&options);
    assert_eq!(world.texts(&scan), ["a/split.yaml", "ctx/service.yaml", "ctx/split.yaml"]);
    assert_eq!(scan.context.len(), 2);
    assert!(scan.context.iter().all(|doc| scan.sources.get(scan.doc(*doc).source).role == Role::Context));
    assert_eq!(world.scopes(&scan), [directory("a", &["a/split.yaml"])]);
}

#[test]
fn a_subject_that_is_also_context_stays_a_subject() {
    let world = World::new(&[("a/split.yaml", SPLIT), ("a/service.yaml", SERVICE), ("b/service.yaml", SERVICE)]);
    let options = Options { with: vec![Input::Path(world.path(""))], ..world.options(&["a"]) };
    let scan = run(&options);
    assert_eq!(scan.context.len(), 3);
    let subjects = scan.sources.iter().filter(|(_, source)| source.role == Role::Subject).count();
    assert_eq!((subjects, scan.read.files), (2, 3));
}

// --- kustomizations ---

#[test]
fn a_base_belongs_to_each_overlay_that_includes_it() {
    let world = World::new(&[
        ("base/kustomization.yaml", "resources:\n- split.yaml\n- service.yaml\n"),
        ("base/service.yaml", SERVICE),
        ("base/split.yaml", SPLIT),
        ("overlays/dev/kustomization.yaml", "namespace: dev\nresources: [../../base]\n"),
        (
            "overlays/prod/kustomization.yml",
            "namespace: prod\nnamePrefix: p-\nbases:\n- ../../base/\npatchesStrategicMerge:\n- weights.yaml\n",
        ),
        ("overlays/prod/weights.yaml", SPLIT),
    ]);
    let scan = world.scan(&[""]);
    let base = ["base/kustomization.yaml", "base/service.yaml", "base/split.yaml"];
    let dev: Vec<&str> = base.into_iter().chain(["overlays/dev/kustomization.yaml"]).collect();
    let prod: Vec<&str> =
        base.into_iter().chain(["overlays/prod/kustomization.yml", "overlays/prod/weights.yaml"]).collect();
    assert_eq!(
        world.scopes(&scan),
        [
            of_kind("overlays/dev", ScopeKind::Kustomization, &dev),
            of_kind("overlays/prod", ScopeKind::Kustomization, &prod),
        ]
    );
    for (scope, namespace, renamed) in [(&scan.scopes[0], "dev", false), (&scan.scopes[1], "prod", true)] {
        for member in scope.members.iter().filter(|member| scan.doc(member.doc).part != Part::Kustomization) {
            let setting = member.namespace.as_ref().expect("a namespace");
            assert_eq!((setting.name.as_str(), member.renamed), (namespace, renamed));
            assert_eq!(scan.sources.line_col(setting.place), LineCol { line: 1, col: 12 });
        }
    }
    let patches: Vec<_> = scan
        .documents
        .iter()
        .filter_map(|doc| match doc.part {
            Part::Patch { listed_at } => Some((doc.source, scan.sources.display(listed_at))),
            Part::Manifest | Part::Kustomization | Part::Chart => None,
        })
        .collect();
    assert_eq!(patches.len(), 1);
    assert!(patches[0].1.ends_with("overlays/prod/kustomization.yml:6:3"), "{}", patches[0].1);
}

#[test]
fn the_outermost_namespace_has_the_last_word_and_parts_keep_their_own() {
    let world = World::new(&[
        ("kustomization.yaml", "resources: [a, b]\n"),
        ("a/kustomization.yaml", "namespace: a\nresources: [../base]\n"),
        ("b/kustomization.yaml", "namespace: b\nresources: [../base]\n"),
        ("base/kustomization.yaml", "namespace: base\nresources: [split.yaml]\n"),
        ("base/split.yaml", SPLIT),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(scan.scopes.len(), 1);
    let namespaces: Vec<&str> = scan.scopes[0]
        .members
        .iter()
        .filter(|member| scan.doc(member.doc).marked)
        .map(|member| member.namespace.as_ref().expect("a namespace").name.as_str())
        .collect();
    assert_eq!(namespaces, ["a", "b"], "the base is deployed twice");
    assert_eq!(scan.scopes[0].documents().filter(|doc| scan.doc(*doc).marked).count(), 1, "and is one document");
}

#[test]
fn patches_with_a_target_and_configuration_of_the_build_are_no_manifests() {
    let world = World::new(&[
        (
            "kustomization.yaml",
            "resources: [split.yaml]\npatches:\n- path: patch.yaml\n  target: {kind: TrafficSplit}\n- patch: |-\n    - op: remove\n      path: /spec\nconfigurations: [names.yaml]\npatchesJson6902:\n- target: {kind: TrafficSplit}\n  path: patch.json\n",
        ),
        (
            "names.yaml",
            "nameReference:\n- kind: Service\n  fieldSpecs:\n  - kind: TrafficSplit\n    path: spec/service\n",
        ),
        ("patch.json", r#"[{"op": "replace", "path": "/spec/service", "value": "x"}]"#),
        ("patch.yaml", SPLIT),
        ("split.yaml", SPLIT),
    ]);
    let scan = world.scan(&[""]);
    let manifests: Vec<String> = scan
        .documents
        .iter()
        .filter(|doc| doc.part == Part::Manifest)
        .map(|doc| world.short(&scan.sources.get(doc.source).name))
        .collect();
    assert_eq!(manifests, ["split.yaml"]);
    assert_eq!(scan.documents.iter().filter(|doc| matches!(doc.part, Part::Patch { .. })).count(), 2);
    assert!(scan.findings.is_empty(), "{:?}", scan.findings);
}

#[test]
fn what_a_kustomization_does_not_list_is_a_scope_of_its_own() {
    let world = World::new(&[
        ("app/kustomization.yaml", "resources: [service.yaml]\n"),
        ("app/service.yaml", SERVICE),
        ("app/split.yaml", SPLIT),
        ("app/test.yaml", SERVICE),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(world.scopes(&scan), [directory("app", &["app/split.yaml", "app/test.yaml"])]);
}

#[test]
fn a_circle_of_kustomizations_ends() {
    let world = World::new(&[
        ("a/kustomization.yaml", "resources: [../b, split.yaml]\n"),
        ("a/split.yaml", SPLIT),
        ("b/kustomization.yaml", "resources: [../a, ../b]\n"),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(
        world.scopes(&scan),
        [of_kind("a", ScopeKind::Kustomization, &["a/kustomization.yaml", "a/split.yaml", "b/kustomization.yaml"])]
    );
}

#[test]
fn what_a_kustomization_cannot_show_is_said_where_smi_is_deployed_and_only_there() {
    let gaps = "resources:\n- https://example.com/a.yaml\n- gone.yaml\n- ../../out\nhelmCharts:\n- name: redis\n";
    let world = World::new(&[
        ("tree/app/kustomization.yaml", &format!("{gaps}components: [../smi]\n")),
        ("tree/smi/kustomization.yaml", "kind: Component\nresources: [split.yaml]\n"),
        ("tree/smi/split.yaml", SPLIT),
        ("tree/other/kustomization.yaml", gaps),
        ("out/kustomization.yaml", "resources: []\n"),
    ]);
    let scan = world.scan(&["tree"]);
    assert_eq!(
        codes(&scan),
        ["kustomization-remote", "kustomization-missing", "kustomization-outside", "kustomization-generated"]
    );
    assert_eq!(scan.findings.iter().map(|finding| line_col(&scan, finding).0).collect::<Vec<_>>(), [2, 3, 4, 6]);
    assert!(scan.findings.iter().all(|finding| finding.help.is_some()));
    assert!(!scan.read.incomplete);
}

#[test]
fn a_broken_kustomization_is_a_finding_and_its_files_are_a_directory() {
    let world = World::new(&[("kustomization.yaml", "resources: [split.yaml\n"), ("split.yaml", SPLIT)]);
    let scan = world.scan(&[""]);
    assert_eq!(codes(&scan), ["kustomization-unreadable"]);
    assert_eq!(world.scopes(&scan), [directory("", &["kustomization.yaml", "split.yaml"])]);
}

#[test]
fn an_object_of_flux_is_no_kustomization() {
    let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\n";
    let world = World::new(&[("kustomization.yaml", flux), ("split.yaml", SPLIT)]);
    let scan = world.scan(&[""]);
    assert_eq!(world.scopes(&scan), [directory("", &["kustomization.yaml", "split.yaml"])]);
    assert!(scan.findings.is_empty() && scan.documents.iter().all(|doc| doc.part == Part::Manifest));
}

#[test]
fn a_component_sets_the_namespace_of_what_includes_it() {
    let world = World::new(&[
        ("app/kustomization.yaml", "resources: [split.yaml]\ncomponents: [../team]\n"),
        ("app/split.yaml", SPLIT),
        ("team/kustomization.yaml", "kind: Component\nnamespace: team\nnameSuffix: -x\n"),
    ]);
    let scan = world.scan(&[""]);
    let member = scan.scopes[0]
        .members
        .iter()
        .find(|member| scan.doc(member.doc).marked && scan.doc(member.doc).part == Part::Manifest);
    let member = member.expect("the split");
    assert_eq!(member.namespace.as_ref().map(|setting| setting.name.as_str()), Some("team"));
    assert!(member.renamed);
}

// --- charts, stages, directories ---

#[test]
fn a_chart_is_one_scope_and_its_subcharts_are_others() {
    let world = World::new(&[
        ("chart/Chart.yaml", "name: shop\n"),
        ("chart/charts/db/Chart.yaml", "name: db\n"),
        ("chart/charts/db/templates/service.yaml", SERVICE),
        ("chart/crds/crd.yaml", "kind: CustomResourceDefinition\n"),
        ("chart/templates/deep/service.yaml", SERVICE),
        ("chart/templates/split.yaml", SPLIT),
        ("chart/values.yaml", "a: 1\n"),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(
        world.scopes(&scan),
        [of_kind(
            "chart",
            ScopeKind::Chart,
            &[
                "chart/Chart.yaml",
                "chart/crds/crd.yaml",
                "chart/templates/deep/service.yaml",
                "chart/templates/split.yaml",
                "chart/values.yaml"
            ]
        )]
    );
    assert_eq!(scan.documents.iter().filter(|doc| doc.part == Part::Chart).count(), 2);
}

#[test]
fn a_chart_that_was_rendered_twice_is_two_scopes() {
    let mut files = Vec::new();
    for stage in ["dev", "prod"] {
        for file in
            ["crds/crd.yaml", "templates/split.yaml", "templates/web/service.yaml", "charts/db/templates/service.yaml"]
        {
            let source = format!("---\n# Source: shop/{file}\n");
            let text = if file.ends_with("split.yaml") { SPLIT } else { SERVICE };
            files.push((format!("out/{stage}/shop/{file}"), format!("{source}{text}")));
        }
    }
    let world = World::new(&files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect::<Vec<_>>());
    let scan = world.scan(&["out"]);
    let of = |stage: &str| {
        let files =
            ["charts/db/templates/service.yaml", "crds/crd.yaml", "templates/split.yaml", "templates/web/service.yaml"];
        let files: Vec<String> = files.iter().map(|file| format!("out/{stage}/shop/{file}")).collect();
        (format!("out/{stage}/shop"), ScopeKind::Rendered, files)
    };
    assert_eq!(world.scopes(&scan), [of("dev"), of("prod")]);
}

#[test]
fn dev_and_prod_are_two_scopes_and_the_stages_of_one_folder_are_one() {
    let world = World::new(&[
        ("dev/split.yaml", SPLIT),
        ("prod/split.yaml", SPLIT),
        ("rollout/01-start.yaml", SPLIT),
        ("rollout/02-half.yaml", SPLIT),
        ("rollout/03-done.yaml", SPLIT),
    ]);
    let scan = world.scan(&[""]);
    assert_eq!(
        world.scopes(&scan),
        [
            directory("dev", &["dev/split.yaml"]),
            directory("prod", &["prod/split.yaml"]),
            directory("rollout", &["rollout/01-start.yaml", "rollout/02-half.yaml", "rollout/03-done.yaml"]),
        ]
    );
}

#[test]
fn a_directory_of_ten_thousand_files_is_read_in_one_go() {
    let world = World::new(&[]);
    let mut listed = String::from("resources:\n");
    for n in 0..10_000 {
        world.write(&format!("all/{n:05}.yaml"), if n % 100 == 0 { SPLIT } else { SERVICE }.as_bytes());
        listed.push_str(&format!("- {n:05}.yaml\n"));
    }
    let start = std::time::Instant::now();
    assert_eq!(world.scan(&[""]).scopes[0].members.len(), 10_000);
    world.write("all/kustomization.yaml", listed.as_bytes());
    assert_eq!(world.scan(&[""]).scopes[0].members.len(), 10_001);
    assert_eq!(world.scan(&["all/00000.yaml"]).scopes[0].members.len(), 10_001);
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
