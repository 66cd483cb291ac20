//! What is deployed together.
//!
//! A file belongs to every kustomization root that reaches it; else to its chart, or to the rendered output of one;
//! else to its directory. Scopes are drawn only around files that carry a mark of SMI, from paths and kustomizations
//! alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsStr;

use super::ScopeKind;
use super::kustomize::{Graph, NodeId, Use};
use super::list::{DirId, FileId, Origin, Tree, shown};

/// A scope in terms of files.
#[derive(Debug)]
pub(super) struct Drawn {
    /// How people call it.
    pub name: String,
    /// What holds it together.
    pub kind: ScopeKind,
    /// The kustomization that is its root, and all that it reaches.
    pub nodes: Vec<NodeId>,
    /// Each file once for each way in which it is deployed, in the order of listing.
    pub members: Vec<Member>,
}

/// One way in which a file is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Member {
    /// The file.
    pub file: FileId,
    /// The kustomization that sets the namespace.
    pub namespace: Option<NodeId>,
    /// Whether a kustomization renames what it holds.
    pub renamed: bool,
}

/// What holds files together that no kustomization lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Chart(DirId),
    Rendered(DirId),
    Directory(DirId),
}

/// The scopes of the files that carry a mark, in the order in which their first files were listed.
pub(super) fn draw(tree: &Tree, graph: &Graph, marked: &[FileId]) -> Vec<Drawn> {
    let mut scopes: Vec<Drawn> = graph.roots(marked).into_iter().map(|root| of_root(tree, graph, root)).collect();
    let loose: HashSet<FileId> = marked.iter().copied().filter(|file| !graph.lists(*file)).collect();
    scopes.extend(of_places(tree, graph, &loose));
    scopes.extend(
        loose.iter().filter(|file| tree.file(**file).origin == Origin::Stream).map(|file| of_stream(tree, *file)),
    );
    scopes.sort_by(|one, other| {
        let key = |scope: &Drawn| (scope.members.first().copied(), scope.kind);
        key(one).cmp(&key(other)).then_with(|| one.name.cmp(&other.name))
    });
    scopes
}

fn of_stream(tree: &Tree, file: FileId) -> Drawn {
    Drawn {
        name: shown(&tree.file(file).path),
        kind: ScopeKind::Stream,
        nodes: Vec::new(),
        members: vec![Member { file, namespace: None, renamed: false }],
    }
}

/// Everything that a root reaches. The outermost kustomization that sets a namespace has the last word, so a base that
/// is included twice under two namespaces is deployed twice.
fn of_root(tree: &Tree, graph: &Graph, root: NodeId) -> Drawn {
    let mut members = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    let mut seen = HashSet::new();
    let mut open = vec![(root, None, false)];
    while let Some((id, outer, renamed)) = open.pop() {
        let namespace = outer.or_else(|| graph.namespace_setter(id));
        let renamed = renamed || graph.renames(id);
        if !seen.insert((id, namespace, renamed)) {
            continue;
        }
        nodes.insert(id);
        let node = graph.node(id);
        members.insert(Member { file: node.file, namespace: None, renamed: false });
        members.extend(node.files.iter().map(|listed| match listed.used {
            Use::Resource | Use::Component | Use::Patch => Member { file: listed.file, namespace, renamed },
            Use::Config => Member { file: listed.file, namespace: None, renamed: false },
        }));
        open.extend(node.includes.iter().map(|(below, _)| (*below, namespace, renamed)));
    }
    Drawn {
        name: shown(&tree.dir(graph.node(root).dir).typed),
        kind: ScopeKind::Kustomization,
        nodes: nodes.into_iter().collect(),
        members: members.into_iter().collect(),
    }
}

/// The scopes of files that no kustomization lists.
fn of_places(tree: &Tree, graph: &Graph, loose: &HashSet<FileId>) -> Vec<Drawn> {
    let places = Places::of(tree);
    let mut scopes: BTreeMap<Key, BTreeSet<FileId>> = BTreeMap::new();
    for (dir, holder) in places.keys.iter().zip(&tree.dirs) {
        if holder.entries.iter().any(|entry| loose.contains(&entry.file)) {
            scopes.entry(*dir).or_default();
        }
    }
    for (dir, holder) in places.keys.iter().zip(&tree.dirs) {
        if let Some(files) = scopes.get_mut(dir) {
            files.extend(holder.entries.iter().map(|entry| entry.file).filter(|file| !graph.lists(*file)));
        }
    }
    scopes.into_iter().map(|(key, files)| of_place(tree, key, files)).collect()
}

fn of_place(tree: &Tree, key: Key, files: BTreeSet<FileId>) -> Drawn {
    let (dir, kind) = match key {
        Key::Chart(dir) => (dir, ScopeKind::Chart),
        Key::Rendered(dir) => (dir, ScopeKind::Rendered),
        Key::Directory(dir) => (dir, ScopeKind::Directory),
    };
    let members = files.into_iter().map(|file| Member { file, namespace: None, renamed: false }).collect();
    Drawn { name: shown(&tree.dir(dir).typed), kind, nodes: Vec::new(), members }
}

/// What holds the files of each directory together.
struct Places {
    keys: Vec<Key>,
}

// === impl Places ===

impl Places {
    fn of(tree: &Tree) -> Self {
        // `helm template --output-dir` writes CHART/templates, CHART/crds and CHART/charts/SUBCHART/templates.
        let rendered: HashMap<DirId, DirId> = (0..tree.dirs.len())
            .map(DirId)
            .filter(|dir| !tree.dir(*dir).entries.is_empty())
            .filter_map(|dir| tree.dir(templates_above(tree, dir)?).parent)
            .flat_map(|chart| {
                let release = release_of(tree, chart);
                [(chart, release), (release, release)]
            })
            .collect();
        let keys = (0..tree.dirs.len()).map(|dir| key_of(tree, &rendered, DirId(dir))).collect();
        Self { keys }
    }
}

fn key_of(tree: &Tree, rendered: &HashMap<DirId, DirId>, dir: DirId) -> Key {
    if let Some(chart) = upward(tree, dir).find(|dir| tree.dir(*dir).chart.is_some()) {
        return Key::Chart(chart);
    }
    let chart = templates_above(tree, dir).and_then(|templates| tree.dir(templates).parent);
    let beside = || Some(dir).filter(|dir| rendered.contains_key(dir));
    let crds = || tree.dir(dir).parent.filter(|_| is_called(tree, dir, "crds"));
    let release = chart.or_else(beside).or_else(crds).and_then(|chart| rendered.get(&chart));
    release.map_or(Key::Directory(dir), |release| Key::Rendered(*release))
}

/// The chart that a rendered chart is a part of: `x` of `x/charts/y`.
fn release_of(tree: &Tree, chart: DirId) -> DirId {
    let mut release = chart;
    while let Some(above) = tree.dir(release).parent.filter(|dir| is_called(tree, *dir, "charts"))
        && let Some(outer) = tree.dir(above).parent
    {
        release = outer;
    }
    release
}

fn templates_above(tree: &Tree, dir: DirId) -> Option<DirId> {
    upward(tree, dir).find(|dir| is_called(tree, *dir, "templates"))
}

fn upward(tree: &Tree, dir: DirId) -> impl Iterator<Item = DirId> {
    std::iter::successors(Some(dir), |dir| tree.dir(*dir).parent)
}

fn is_called(tree: &Tree, dir: DirId, name: &str) -> bool {
    tree.dir(dir).real.file_name() == Some(OsStr::new(name))
}
