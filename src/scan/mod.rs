//! Which documents may be SMI, where the others are, and which of them are deployed together.
//!
//! A repository has a hundred thousand files and SMI in a few of them. The first pass looks at the bytes of each file
//! once and forgets it, unless it carries a [mark](marks) of SMI. Around the marked documents [scopes](Scope) are
//! drawn, and only the other files of those scopes are read as well: the cost follows the SMI there is. Nothing is
//! interpreted here; whether a marked document is SMI is decided where it is read.
//!
//! ```text
//! list ─ read ─ kustomize ─ scopes ─ assemble ─ cluster
//! ```
//!
//! A cluster has no files: its objects become texts of their own, and one scope.

mod assemble;
pub mod cluster;
pub mod kubectl;
mod kustomize;
mod list;
pub mod marks;
mod read;
mod scopes;
mod store;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use self::cluster::ClusterOptions;
use self::kubectl::Failure;
use self::kustomize::Graph;
use self::list::{FileId, Purpose, Tree};
use self::read::{Keep, Looked, Reader};
use self::store::Store;
use crate::place::{Place, Role, SourceId, SourceMap};
use crate::report::{Finding, ReadStats};
use crate::yaml::Piece;

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is to be converted.
    pub sources: Vec<Input>,
    /// What gives context and is never converted.
    pub with: Vec<Input>,
    /// The largest file that is read, in bytes.
    pub max_file_size: u64,
    /// Whether ignore files inside the sources are passed over.
    pub no_ignore: bool,
    /// How clusters among them are read.
    pub cluster: ClusterOptions,
}

/// One source, as it was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, a directory, or a pipe with a name.
    Path(PathBuf),
    /// `-`.
    Stdin,
    /// `cluster:[CONTEXT]`; none: the context of `--context`, else the current one.
    Cluster(Option<String>),
}

/// Why there is no result at all: exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A named source does not exist.
    #[error("`{}` does not exist; name a file, a directory, or `-` for standard input", path.display())]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// A named source cannot be read.
    #[error("`{}` cannot be read: {source}; nothing was converted", path.display())]
    Unreadable {
        /// As it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `-` was named more than once, among sources and `--with`.
    #[error("`-` was named more than once; standard input can be read only once, so save it to a file and name that")]
    StdinTwice,
    /// Nothing can be read from a cluster.
    #[error("{name} cannot be read: {failure}")]
    Cluster {
        /// `cluster:CONTEXT`
        name: String,
        /// What kubectl met.
        failure: Failure,
    },
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The texts of all scopes and of the context, in the order of listing.
    pub sources: SourceMap,
    /// Their documents, in the order of the texts. Those that carry a mark may be SMI; whether they may be converted is
    /// said by the role of their source.
    pub documents: Vec<Doc>,
    /// What is deployed together, for each marked document of a source that is to be converted.
    pub scopes: Vec<Scope>,
    /// The documents of `--with`: context for every scope.
    pub context: Vec<DocId>,
    /// Lists of a cluster that are missing, where grants need them.
    pub missing_lists: Vec<MissingList>,
    /// What could not be read, sorted by place.
    pub findings: Vec<Finding>,
    /// How much was read, and what was not.
    pub read: ReadStats,
}

/// A list that a cluster did not give: nobody knows all that bears on the pods of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingList {
    /// A document without an object that says why, in the scope or the context that the list is missing from.
    pub doc: DocId,
    /// What is missing: ``the list of Pod in namespace `shop` ``.
    pub what: String,
    /// The namespace; none for all.
    pub namespace: Option<String>,
}

/// Names one document of [`Scan::documents`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocId(pub u32);

/// One document, not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doc {
    /// The text it stands in.
    pub source: SourceId,
    /// Where in that text.
    pub piece: Piece,
    /// Whether it carries a mark of SMI.
    pub marked: bool,
    /// What its file is for.
    pub part: Part,
}

/// What the file of a document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is deployed.
    Manifest,
    /// It changes what is deployed, and is no object of its own.
    Patch {
        /// The entry of the kustomization that lists it.
        listed_at: Place,
    },
    /// A kustomization, or configuration of its build.
    Kustomization,
    /// Chart.yaml, or values beside it.
    Chart,
}

/// What is deployed together. References resolve inside a scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// How people call it: the path of a directory, or the name of a stream.
    pub name: String,
    /// What holds it together.
    pub kind: ScopeKind,
    /// All documents that belong to it, marked or not, in the order of listing.
    pub members: Vec<Member>,
}

/// What holds a scope together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeKind {
    /// A kustomization that no other one includes, and all that it reaches.
    Kustomization,
    /// A directory with a Chart.yaml.
    Chart,
    /// The output of `helm template --output-dir`.
    Rendered,
    /// One directory, without those above and below it.
    Directory,
    /// One stream.
    Stream,
    /// One cluster.
    Cluster,
}

/// A document as a scope deploys it. A kustomization that includes a base twice deploys it twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The document.
    pub doc: DocId,
    /// The namespace it is put into, whatever it says itself.
    pub namespace: Option<NamespaceSetting>,
    /// Whether its name gets a prefix or a suffix.
    pub renamed: bool,
}

/// A `namespace:` of a kustomization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceSetting {
    /// The namespace.
    pub name: String,
    /// Where it is written.
    pub place: Place,
}

/// The name of standard input.
const STDIN: &str = "<stdin>";
/// How many files one task of the first pass reads: many enough to hide what a task costs, few enough to share out.
const BATCH: usize = 256;

/// Reads the sources.
///
/// # Errors
/// If a named source is missing or cannot be read, a cluster cannot be reached, or standard input is named twice.
pub fn scan(options: &Options, stdin: &mut dyn Read) -> Result<Scan, ScanError> {
    let stdins = options.sources.iter().chain(&options.with).filter(|input| **input == Input::Stdin).count();
    if stdins > 1 {
        return Err(ScanError::StdinTwice);
    }
    let mut tree = Tree::new(options.no_ignore);
    let mut store = first_pass(options, stdin, &mut tree)?;
    let mut graph = Graph::default();
    let mut scopes = Vec::new();
    let marked = store.marked(&tree);
    if !marked.is_empty() {
        list_siblings(&mut tree, &marked);
        graph = Graph::read(&mut tree, &mut store);
        scopes = scopes::draw(&tree, &graph, &marked);
        store.load(&mut tree, scopes.iter().flat_map(|scope| scope.members.iter().map(|member| member.file)));
    }
    let mut scan = assemble::assemble(tree, store, &graph, scopes);
    for (inputs, role) in [(&options.sources, Role::Subject), (&options.with, Role::Context)] {
        for input in inputs {
            if let Input::Cluster(context) = input {
                cluster::add(context.as_deref(), &options.cluster, role, &mut scan)?;
            }
        }
    }
    Ok(scan)
}

/// Lists everything and looks at each file as it is listed.
fn first_pass(options: &Options, stdin: &mut dyn Read, tree: &mut Tree) -> Result<Store, ScanError> {
    let limit = options.max_file_size;
    let kept: Mutex<Vec<(FileId, Looked)>> = Mutex::new(Vec::new());
    let streams = rayon::in_place_scope(|tasks| {
        let mut lister = Lister { limit, stdin, streams: Vec::new() };
        for (inputs, purpose) in [(&options.sources, Purpose::Subject), (&options.with, Purpose::With)] {
            let mut batch: Vec<(FileId, PathBuf)> = Vec::new();
            let hand_out = |batch: &mut Vec<(FileId, PathBuf)>| {
                let (kept, batch) = (&kept, std::mem::take(batch));
                tasks.spawn(move |_| look_at_all(&batch, purpose.keep(), limit, kept));
            };
            let mut sink = |file: FileId, path: &Path| {
                batch.push((file, path.to_path_buf()));
                if batch.len() == BATCH {
                    hand_out(&mut batch);
                }
            };
            for input in inputs {
                lister.list(input, purpose, tree, &mut sink)?;
            }
            tree.follow_links(&mut sink);
            hand_out(&mut batch);
        }
        Ok(lister.streams)
    })?;
    let mut store = Store::new(limit);
    store.looked_at = tree.files.len();
    let mut kept = kept.into_inner().unwrap_or_default();
    kept.extend(streams);
    kept.sort_unstable_by_key(|(file, _)| *file);
    for (file, looked) in kept {
        store.take(tree, file, looked);
    }
    tree.with.sort_unstable();
    tree.with.dedup();
    let with = tree.with.clone();
    store.load(tree, with.into_iter());
    Ok(store)
}

fn look_at_all(batch: &[(FileId, PathBuf)], keep: Keep, limit: u64, kept: &Mutex<Vec<(FileId, Looked)>>) {
    let mut reader = Reader::new(limit);
    let looked = batch.iter().map(|(file, path)| (*file, reader.look(path, keep)));
    let worth_keeping: Vec<_> = looked.filter(|(_, looked)| !matches!(looked, Looked::Unmarked)).collect();
    if !worth_keeping.is_empty()
        && let Ok(mut kept) = kept.lock()
    {
        kept.extend(worth_keeping);
    }
}

/// Lists named sources; streams are read on the spot, since nobody else can.
struct Lister<'a> {
    limit: u64,
    stdin: &'a mut dyn Read,
    streams: Vec<(FileId, Looked)>,
}

// === impl Lister ===

impl Lister<'_> {
    fn list(
        &mut self,
        input: &Input,
        purpose: Purpose,
        tree: &mut Tree,
        sink: &mut list::Sink,
    ) -> Result<(), ScanError> {
        let path = match input {
            Input::Stdin => {
                let looked = Reader::new(self.limit).look_at(self.stdin, purpose.keep());
                return self.stream(Path::new(STDIN), purpose, looked, tree);
            }
            Input::Path(path) => path,
            // Read after the files: what they mention says what is kept of it.
            Input::Cluster(_) => return Ok(()),
        };
        let kind = std::fs::metadata(path).map_err(|error| ScanError::of(path, error))?;
        if kind.is_dir() {
            tree.add_tree(path, purpose, sink)
        } else if kind.is_file() {
            std::fs::File::open(path).map_err(|error| ScanError::of(path, error))?;
            tree.add_named(path, purpose, sink)
        } else {
            let looked = Reader::new(self.limit).look(path, purpose.keep());
            self.stream(path, purpose, looked, tree)
        }
    }

    fn stream(&mut self, name: &Path, purpose: Purpose, looked: Looked, tree: &mut Tree) -> Result<(), ScanError> {
        if let Looked::Failed(source) = looked {
            return Err(ScanError::of(name, source));
        }
        let file = tree.add_stream(name, purpose);
        self.streams.push((file, looked));
        Ok(())
    }
}

/// What stands beside a named file that carries a mark is its context.
fn list_siblings(tree: &mut Tree, marked: &[FileId]) {
    let beside: Vec<(PathBuf, PathBuf)> = tree
        .dirs
        .iter()
        .filter(|dir| !dir.walked && dir.entries.iter().any(|entry| marked.binary_search(&entry.file).is_ok()))
        .map(|dir| (dir.real.clone(), dir.typed.clone()))
        .collect();
    for (real, typed) in beside {
        tree.add_siblings(&real, &typed);
    }
}

// === impl Purpose ===

impl Purpose {
    fn keep(self) -> Keep {
        match self {
            Self::Subject => Keep::Marked,
            Self::With | Self::Sibling => Keep::Always,
        }
    }
}

// === impl Options ===

impl Default for Options {
    /// Nothing named; files up to 64 MiB; ignore files respected.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            with: Vec::new(),
            max_file_size: 64 * 1024 * 1024,
            no_ignore: false,
            cluster: ClusterOptions::default(),
        }
    }
}

// === impl ScanError ===

impl ScanError {
    fn of(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            _ => Self::Unreadable { path, source },
        }
    }
}

// === impl Scan ===

impl Scan {
    /// The document that `id` names.
    ///
    /// # Panics
    /// If `id` comes from another scan.
    #[must_use]
    pub fn doc(&self, id: DocId) -> &Doc {
        &self.documents[id.0 as usize]
    }

    /// Where the own bytes of a document stand.
    ///
    /// # Panics
    /// If `id` comes from another scan.
    #[must_use]
    pub fn place(&self, id: DocId) -> Place {
        let doc = self.doc(id);
        Place { source: doc.source, span: doc.piece.span }
    }
}

// === impl Scope ===

impl Scope {
    /// The documents of the scope, each once.
    pub fn documents(&self) -> impl Iterator<Item = DocId> {
        let repeated = |index: &usize| *index > 0 && self.members[index - 1].doc == self.members[*index].doc;
        (0..self.members.len()).filter(move |index| !repeated(index)).map(|index| self.members[index].doc)
    }
}
