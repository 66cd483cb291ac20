//! Which files a kustomization deploys together, as far as that can be said without building it.
//!
//! Only what draws scopes is read: what a kustomization includes, what it patches, and whether it sets namespaces or
//! renames. What its transformers would make of an object is not this room's business.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use super::list::{DirId, FileId, Tree};
use super::read::Text;
use super::store::Store;
use crate::place::{Span, Spanned};
use crate::yaml::{Node, Value, parse};

/// A kustomization of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(pub usize);

/// All kustomizations that can bear on the SMI of a run, and what each includes.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Kustomization>,
    listed_by: HashMap<FileId, Vec<(NodeId, Option<Listed>)>>,
    included_by: Vec<Vec<NodeId>>,
    /// Kustomization files that could not be parsed: the file, where in it, and why.
    pub broken: Vec<(FileId, Span, String)>,
}

/// One kustomization.
#[derive(Debug)]
pub(super) struct Kustomization {
    /// Where it stands.
    pub dir: DirId,
    /// Its own file.
    pub file: FileId,
    /// `namespace`.
    pub namespace: Option<Spanned<String>>,
    /// Whether it has a `namePrefix` or a `nameSuffix`.
    pub renames: bool,
    /// The files it lists.
    pub files: Vec<Listed>,
    /// The kustomizations it includes.
    pub includes: Vec<(NodeId, Use)>,
    /// What it lists and nobody can follow.
    pub gaps: Vec<Gap>,
}

/// A file that a kustomization lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed {
    /// The file.
    pub file: FileId,
    /// As what.
    pub used: Use,
    /// The entry that lists it.
    pub span: Span,
}

/// As what a kustomization lists something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// `resources`, `bases`: deployed.
    Resource,
    /// `components`: deployed, and its transformations reach what includes it.
    Component,
    /// `patches` and the older forms: changes what is deployed.
    Patch,
    /// Configuration of the build.
    Config,
}

/// An entry of a kustomization that leads nowhere we can go.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// Why.
    pub kind: GapKind,
    /// The entry.
    pub span: Span,
    /// What the entry says.
    pub text: String,
}

/// Why an entry of a kustomization cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GapKind {
    /// It is fetched when it is built.
    Remote,
    /// It lies outside the named sources.
    Outside,
    /// It is not there.
    Missing,
    /// It is made when it is built: a chart, a generator.
    Generated,
}

/// What a kustomization file says, nothing resolved yet.
#[derive(Debug, Default)]
struct Written {
    namespace: Option<Spanned<String>>,
    renames: bool,
    entries: Vec<(Spanned<String>, Use)>,
    generated: Vec<Spanned<String>>,
}

// === impl Graph ===

impl Graph {
    /// Reads the kustomizations of a tree and follows what they include. For those that stand beside a named file,
    /// files and directories that were not listed yet are added to the tree as context.
    pub(super) fn read(tree: &mut Tree, store: &mut Store) -> Self {
        let mut graph = Self::default();
        let mut at: HashMap<DirId, Option<NodeId>> = HashMap::new();
        let mut includes = Vec::new();
        loop {
            let found: Vec<(DirId, FileId)> = (0..tree.dirs.len())
                .map(DirId)
                .filter(|dir| !at.contains_key(dir))
                .filter_map(|dir| Some((dir, tree.dir(dir).kustomization?)))
                .collect();
            if found.is_empty() {
                break;
            }
            store.load(tree, found.iter().map(|(_, file)| *file));
            for (dir, file) in found {
                let node = store.text(file).and_then(|text| graph.enter(dir, file, text));
                at.insert(dir, node.as_ref().map(|(id, _)| *id));
                if let Some((id, written)) = node {
                    includes.extend(graph.resolve(id, written, tree).map(|(below, used)| (id, below, used)));
                }
            }
        }
        graph.connect(includes.into_iter().filter_map(|(id, dir, used)| Some((id, (*at.get(&dir)?)?, used))));
        graph
    }

    /// The kustomization that `id` names.
    pub(super) fn node(&self, id: NodeId) -> &Kustomization {
        &self.nodes[id.0]
    }

    /// Whether a kustomization lists a file, or the file is a kustomization itself.
    pub(super) fn lists(&self, file: FileId) -> bool {
        self.listed_by.contains_key(&file)
    }

    /// The roots through which one of `files` is deployed, in the order of listing: kustomizations that no other one
    /// includes, and one of each circle that nothing outside includes.
    pub(super) fn roots(&self, files: &[FileId]) -> Vec<NodeId> {
        let relevant = self
            .spread(files.iter().filter_map(|file| self.listed_by.get(file)).flatten().map(|(node, _)| node), |node| {
                self.included_by[node.0].iter().copied()
            });
        let mut roots: Vec<NodeId> = (0..self.nodes.len())
            .map(NodeId)
            .filter(|node| relevant[node.0] && self.included_by[node.0].iter().all(|by| by == node))
            .collect();
        let mut reached = self.spread(roots.iter(), |node| self.node(node).includes.iter().map(|(below, _)| *below));
        for node in (0..self.nodes.len()).map(NodeId) {
            if relevant[node.0] && !reached[node.0] {
                roots.push(node);
                let below = self.spread([node].iter(), |node| self.node(node).includes.iter().map(|(below, _)| *below));
                reached.iter_mut().zip(below).for_each(|(reached, below)| *reached |= below);
            }
        }
        roots
    }

    /// What sets the namespace of all that passes through a kustomization: itself, else the last of its components
    /// that does.
    pub(super) fn namespace_setter(&self, id: NodeId) -> Option<NodeId> {
        let node = self.node(id);
        if node.namespace.is_some() {
            return Some(id);
        }
        let components = node.includes.iter().rev().filter(|(_, used)| *used == Use::Component);
        components.map(|(below, _)| *below).find(|below| self.node(*below).namespace.is_some())
    }

    /// Whether all that passes through a kustomization is renamed.
    pub(super) fn renames(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.renames || node.includes.iter().any(|(below, used)| *used == Use::Component && self.node(*below).renames)
    }

    /// As what a file is listed, and by which kustomization: as a resource, if one of them deploys it.
    pub(super) fn listing(&self, file: FileId) -> Option<(NodeId, Listed)> {
        let all = self.listed_by.get(&file)?.iter();
        all.filter_map(|(node, listed)| Some((*node, (*listed)?))).min_by_key(|(_, listed)| listed.used.rank())
    }

    /// Whether a file is itself a kustomization.
    pub(super) fn is_kustomization(&self, file: FileId) -> bool {
        self.listed_by.get(&file).is_some_and(|by| by.iter().any(|(node, _)| self.node(*node).file == file))
    }

    fn enter(&mut self, dir: DirId, file: FileId, text: &Text) -> Option<(NodeId, Written)> {
        let written = match Written::read(text) {
            Ok(written) => written?,
            Err((span, message)) => {
                self.broken.push((file, span, message));
                return None;
            }
        };
        let id = NodeId(self.nodes.len());
        self.nodes.push(Kustomization {
            dir,
            file,
            namespace: written.namespace.clone(),
            renames: written.renames,
            files: Vec::new(),
            includes: Vec::new(),
            gaps: Vec::new(),
        });
        self.listed_by.entry(file).or_default().push((id, None));
        Some((id, written))
    }

    /// Finds what a kustomization lists: files and gaps are noted, the directories are returned.
    fn resolve(&mut self, id: NodeId, written: Written, tree: &mut Tree) -> impl Iterator<Item = (DirId, Use)> + use<> {
        let mut below = Vec::new();
        let node = &mut self.nodes[id.0];
        for (entry, used) in written.entries {
            let span = entry.span;
            match find(tree, node.dir, &entry.value) {
                Found::File(file) => {
                    let listed = Listed { file, used, span };
                    node.files.push(listed);
                    self.listed_by.entry(file).or_default().push((id, Some(listed)));
                }
                Found::Dir(dir) => below.push((dir, used)),
                Found::Gap(kind) => node.gaps.push(Gap { kind, span, text: entry.value }),
            }
        }
        node.gaps.extend(written.generated.into_iter().map(|entry| Gap {
            kind: GapKind::Generated,
            span: entry.span,
            text: entry.value,
        }));
        below.into_iter()
    }

    fn connect(&mut self, includes: impl Iterator<Item = (NodeId, NodeId, Use)>) {
        self.included_by = vec![Vec::new(); self.nodes.len()];
        for (id, below, used) in includes {
            self.nodes[id.0].includes.push((below, used));
            self.included_by[below.0].push(id);
        }
    }

    /// Which nodes can be reached from `start` by `step`.
    fn spread<'a, I: Iterator<Item = NodeId>>(
        &self,
        start: impl Iterator<Item = &'a NodeId>,
        step: impl Fn(NodeId) -> I,
    ) -> Vec<bool> {
        let mut reached = vec![false; self.nodes.len()];
        let mut open: Vec<NodeId> = start.copied().collect();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut reached[node.0], true) {
                open.extend(step(node));
            }
        }
        reached
    }
}

// === impl Use ===

impl Use {
    fn rank(self) -> u8 {
        match self {
            Self::Resource | Self::Component => 0,
            Self::Patch => 1,
            Self::Config => 2,
        }
    }
}

// === impl Written ===

impl Written {
    /// What a kustomization file says; none if it is something else by its own word (Flux has a kind of that name).
    fn read(text: &Text) -> Result<Option<Self>, (Span, String)> {
        let mut written = Self::default();
        for (piece, _) in &text.pieces {
            let document = parse(&text.text, piece.span).map_err(|problem| (problem.span, problem.message))?;
            let Some(root) = document.root else { continue };
            let Value::Map(fields) = &root.value else {
                return Err((root.span, "a kustomization is a mapping".to_owned()));
            };
            let api_version = fields.iter().find(|(key, _)| string(key) == Some("apiVersion"));
            if api_version.and_then(|(_, value)| string(value)).is_some_and(|group| !is_kustomize(group)) {
                return Ok(None);
            }
            for (key, value) in fields {
                written.field(string(key).unwrap_or_default(), value);
            }
            break;
        }
        Ok(Some(written))
    }

    /// One field (kubernetes-sigs/kustomize, `api/types/kustomization.go`, with the deprecated ones that real
    /// repositories still hold).
    fn field(&mut self, key: &str, value: &Node) {
        match key {
            "namespace" => self.namespace = spanned(value).filter(|name| !name.value.is_empty()),
            "namePrefix" | "nameSuffix" => self.renames |= string(value).is_some_and(|text| !text.is_empty()),
            "resources" | "bases" => self.list(value, Use::Resource, None),
            "components" => self.list(value, Use::Component, None),
            "patches" | "patchesJson6902" | "replacements" => {
                let used = if key == "replacements" { Use::Config } else { Use::Patch };
                self.list(value, used, Some("path"));
            }
            "patchesStrategicMerge" => self.list(value, Use::Patch, None),
            "configurations" | "crds" | "transformers" | "validators" => self.list(value, Use::Config, None),
            "generators" => {
                self.list(value, Use::Config, None);
                self.generated.extend(items(value).filter_map(spanned));
            }
            "helmCharts" | "helmChartInflationGenerator" => {
                let names = items(value).filter_map(|item| field(item, "name").or(field(item, "chartName")));
                self.generated.extend(names.filter_map(spanned));
            }
            "openapi" => self.entries.extend(field(value, "path").and_then(spanned).map(|path| (path, Use::Config))),
            _ => {}
        }
    }

    /// The strings of a list, or one field of its mappings. A string with a line break is content, not a path.
    fn list(&mut self, value: &Node, used: Use, inside: Option<&str>) {
        let paths = items(value).filter_map(|item| match inside {
            Some(key) => field(item, key).or(Some(item)).and_then(spanned),
            None => spanned(item),
        });
        self.entries.extend(paths.filter(|path| !path.value.contains('\n')).map(|path| (path, used)));
    }
}

fn is_kustomize(api_version: &str) -> bool {
    api_version.is_empty() || api_version.starts_with("kustomize.config.k8s.io/")
}

fn items(node: &Node) -> impl Iterator<Item = &Node> {
    match &node.value {
        Value::List(items) => items.iter(),
        Value::Scalar(_) | Value::Map(_) => [].iter(),
    }
}

fn field<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    match &node.value {
        Value::Map(fields) => fields.iter().find(|(key, _)| string(key) == Some(name)).map(|(_, value)| value),
        Value::Scalar(_) | Value::List(_) => None,
    }
}

fn string(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.resolved != crate::yaml::scalar::Resolved::Null => Some(&scalar.text),
        Value::Scalar(_) | Value::List(_) | Value::Map(_) => None,
    }
}

fn spanned(node: &Node) -> Option<Spanned<String>> {
    string(node).map(|text| Spanned::new(text.to_owned(), node.span))
}

/// What an entry of a kustomization leads to.
enum Found {
    File(FileId),
    Dir(DirId),
    Gap(GapKind),
}

fn find(tree: &mut Tree, from: DirId, entry: &str) -> Found {
    let real = normal(&tree.dir(from).real.join(entry));
    if let Some(found) = find_listed(tree, &real) {
        return found;
    }
    if let Ok(target) = std::fs::canonicalize(&real) {
        if target != real
            && let Some(found) = find_listed(tree, &target)
        {
            return found;
        }
        if !tree.holds(&target) {
            return find_beyond(tree, from, entry, &target);
        }
        return Found::Gap(GapKind::Missing);
    }
    Found::Gap(if is_remote(entry) { GapKind::Remote } else { GapKind::Missing })
}

fn find_listed(tree: &mut Tree, real: &Path) -> Option<Found> {
    if let Some(dir) = tree.dir_at(real)
        && tree.dir(dir).kustomization.is_some()
    {
        return Some(Found::Dir(dir));
    }
    tree.find_real(real).map(Found::File)
}

/// What a walk has not reached: where a single file was named, its kustomization is followed to wherever it leads.
fn find_beyond(tree: &mut Tree, from: DirId, entry: &str, target: &Path) -> Found {
    if tree.dir(from).walked {
        return Found::Gap(GapKind::Outside);
    }
    let typed = normal(&tree.dir(from).typed.join(entry));
    if tree.add_siblings(target, &typed) {
        return find_listed(tree, target).unwrap_or(Found::Gap(GapKind::Missing));
    }
    tree.add_sibling(target, &typed).map_or(Found::Gap(GapKind::Missing), Found::File)
}

/// A path without `.` and without `..` after a name.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            Component::ParentDir if out.has_root() => {}
            part => out.push(part),
        }
    }
    out
}

/// Whether an entry names something that is fetched (kubernetes-sigs/kustomize, `api/internal/git/repospec.go`).
fn is_remote(entry: &str) -> bool {
    let host = entry.split('/').next().unwrap_or_default();
    entry.contains("://")
        || entry.contains("?ref=")
        || entry.contains("?version=")
        || entry.starts_with("git@")
        || entry.starts_with("git::")
        || matches!(host, "github.com" | "gitlab.com" | "bitbucket.org" | "gh:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_told_from_what_is_missing() {
        for entry in [
            "https://example.com/a.yaml",
            "github.com/org/repo//deploy?ref=v1",
            "git@github.com:org/repo.git",
            "ssh://git@host/repo",
        ] {
            assert!(is_remote(entry), "{entry}");
        }
        for entry in ["../base", "deploy/github.com.yaml", "a.yaml", ""] {
            assert!(!is_remote(entry), "{entry}");
        }
    }

    #[test]
    fn a_path_loses_its_dots_but_never_leaves_the_root() {
        assert_eq!(normal(Path::new("/a/b/../c/./d")), Path::new("/a/c/d"));
        assert_eq!(normal(Path::new("/a/../../b")), Path::new("/b"));
        assert_eq!(normal(Path::new("a/../../b")), Path::new("../b"));
    }
}
