//! Which files there are: the named sources, walked in one fixed order, each file once.
//!
//! A [`Tree`] keeps directories as well as files, since scopes are drawn along directories. Names and file types come
//! from the directory listing alone: no file is opened here, and none is asked for its metadata, because a repository
//! has a hundred thousand of them and the answer is almost always "no SMI".

use ignore::WalkBuilder;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::ScanError;
use crate::place::Role;

/// A file or a stream of a [`Tree`]; ascending in the order of listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FileId(pub usize);

/// A directory of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DirId(pub usize);

/// A file or a stream.
#[derive(Debug)]
pub(super) struct File {
    /// The root as it was typed, joined with the rest.
    pub path: PathBuf,
    /// How it came into the tree.
    pub origin: Origin,
    /// What it may be used for.
    pub role: Role,
}

/// How a file came into the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// A directory was walked.
    Walked,
    /// Somebody named it.
    Named,
    /// Somebody named it, and it can be read only once: standard input, a pipe.
    Stream,
}

/// Why files are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be converted.
    Subject,
    /// Given as context for every scope.
    With,
    /// Stands beside a named file.
    Sibling,
}

/// A directory.
#[derive(Debug)]
pub(super) struct Dir {
    /// Absolute, without symbolic links.
    pub real: PathBuf,
    /// The root as it was typed, joined with the rest; empty for `.`.
    pub typed: PathBuf,
    /// The directory above, where that belongs to the tree too.
    pub parent: Option<DirId>,
    /// Whether it belongs to a walked tree, and so everything below it was listed.
    pub walked: bool,
    /// What stands in it, in the order of listing; a symbolic link is an entry of the file it leads to.
    pub entries: Vec<Entry>,
    /// Its kustomization file.
    pub kustomization: Option<FileId>,
    /// Its Chart.yaml.
    pub chart: Option<FileId>,
    index: Option<HashMap<OsString, FileId>>,
}

/// A name in a directory.
#[derive(Debug)]
pub(super) struct Entry {
    /// The last part of the path.
    pub name: OsString,
    /// The file that it names.
    pub file: FileId,
}

/// A thing that could not be listed.
#[derive(Debug)]
pub(super) struct Unlisted {
    /// As it was typed, joined with the rest.
    pub path: PathBuf,
    /// Why.
    pub error: String,
}

/// All files of a run.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// In the order of listing.
    pub files: Vec<File>,
    /// Every directory that was walked, and those in which named files stand.
    pub dirs: Vec<Dir>,
    /// The files that `--with` named, in the order of listing.
    pub with: Vec<FileId>,
    /// What was left out, by reason.
    pub skipped: BTreeMap<String, usize>,
    /// Directories that could not be read.
    pub unlisted: Vec<Unlisted>,
    by_path: HashMap<PathBuf, DirId>,
    by_target: HashMap<PathBuf, FileId>,
    roots: Vec<PathBuf>,
    links: Vec<Link>,
    no_ignore: bool,
}

/// A symbolic link, followed only once everything else is listed.
#[derive(Debug)]
struct Link {
    dir: DirId,
    name: OsString,
    path: PathBuf,
    purpose: Purpose,
}

/// Called for each new file, in the order of listing.
pub(super) type Sink<'a> = dyn FnMut(FileId, &Path) + 'a;

/// The names of a kustomization file, the one that counts first (kubernetes-sigs/kustomize,
/// `api/konfig`, `RecognizedKustomizationFileNames`).
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

// === impl Tree ===

impl Tree {
    /// A tree that holds nothing yet.
    pub(super) fn new(no_ignore: bool) -> Self {
        Self { no_ignore, ..Self::default() }
    }

    /// The file that `id` names.
    pub(super) fn file(&self, id: FileId) -> &File {
        &self.files[id.0]
    }

    /// The directory that `id` names.
    pub(super) fn dir(&self, id: DirId) -> &Dir {
        &self.dirs[id.0]
    }

    /// Takes in a stream that was read elsewhere.
    pub(super) fn add_stream(&mut self, name: &Path, purpose: Purpose) -> FileId {
        let id = self.push(File { path: name.to_path_buf(), origin: Origin::Stream, role: purpose.role() });
        self.note_purpose(id, purpose);
        id
    }

    /// Lists a directory and all below it.
    pub(super) fn add_tree(&mut self, typed: &Path, purpose: Purpose, sink: &mut Sink) -> Result<(), ScanError> {
        let real = fs::canonicalize(typed).map_err(|error| ScanError::of(typed, error))?;
        // A walk tells of a directory below that it cannot list; of the one that was named, there must be a result.
        fs::read_dir(&real).map_err(|error| ScanError::of(typed, error))?;
        self.roots.push(real.clone());
        self.walk(typed, real, purpose, Depth::All, sink)
    }

    /// Lists one file that somebody named, whatever its extension.
    pub(super) fn add_named(&mut self, typed: &Path, purpose: Purpose, sink: &mut Sink) -> Result<(), ScanError> {
        let unreadable = |error| ScanError::of(typed, error);
        let real = fs::canonicalize(typed).map_err(unreadable)?;
        let folder = typed.parent().unwrap_or(Path::new(""));
        let real_folder = fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
            .map_err(unreadable)?;
        let name = typed.file_name().unwrap_or_default();
        let dir = self.enter(real_folder, folder.to_path_buf(), None, false);
        let id = match self.find(dir, name).or_else(|| self.find_real(&real)) {
            Some(known) => known,
            None => {
                let id = self.push(File { path: typed.to_path_buf(), origin: Origin::Named, role: purpose.role() });
                self.by_target.insert(real, id);
                sink(id, typed);
                id
            }
        };
        if self.files[id.0].origin == Origin::Walked {
            self.files[id.0].origin = Origin::Named;
        }
        self.place(dir, name, id);
        self.note_purpose(id, purpose);
        Ok(())
    }

    /// Lists what stands directly in a directory that no walk has reached, as context. True if there is such a
    /// directory.
    pub(super) fn add_siblings(&mut self, real: &Path, typed: &Path) -> bool {
        if !real.is_dir() {
            return false;
        }
        let start = if typed.as_os_str().is_empty() { Path::new(".") } else { typed };
        let listed = self.walk(start, real.to_path_buf(), Purpose::Sibling, Depth::One, &mut |_, _| {});
        if let Err(error) = listed {
            self.unlisted.push(Unlisted { path: typed.to_path_buf(), error: error.to_string() });
        }
        self.follow_links(&mut |_, _| {});
        true
    }

    /// Lists one file that a kustomization names and no walk has reached, as context.
    pub(super) fn add_sibling(&mut self, real: &Path, typed: &Path) -> Option<FileId> {
        if !real.is_file() {
            return None;
        }
        let (folder, name) = (real.parent()?, real.file_name()?);
        let dir = self.enter(folder.to_path_buf(), typed.parent().unwrap_or(Path::new("")).to_path_buf(), None, false);
        if let Some(known) = self.find(dir, name) {
            return Some(known);
        }
        let id = self.push(File { path: typed.to_path_buf(), origin: Origin::Walked, role: Role::Context });
        self.place(dir, name, id);
        Some(id)
    }

    /// Follows the symbolic links to files that were met: one that leads to a listed file is another name of it, one
    /// that leads out of the named trees is left out.
    pub(super) fn follow_links(&mut self, sink: &mut Sink) {
        for Link { dir, name, path, purpose } in std::mem::take(&mut self.links) {
            let Ok(target) = fs::canonicalize(&path) else {
                self.skip("symbolic links that lead nowhere");
                continue;
            };
            if let Some(known) = self.find_real(&target) {
                self.place(dir, &name, known);
            } else if !self.holds(&target) {
                self.skip("symbolic links that lead out of the tree");
            } else if target.is_file() {
                let id = self.push(File { path: path.clone(), origin: Origin::Walked, role: purpose.role() });
                self.by_target.insert(target, id);
                sink(id, &path);
                self.place(dir, &name, id);
                self.note_purpose(id, purpose);
            }
        }
    }

    /// The directory at an absolute path without symbolic links.
    pub(super) fn dir_at(&self, real: &Path) -> Option<DirId> {
        self.by_path.get(real).copied()
    }

    /// The file at an absolute path without symbolic links.
    pub(super) fn find_real(&mut self, real: &Path) -> Option<FileId> {
        if let Some(&id) = self.by_target.get(real) {
            return Some(id);
        }
        let dir = self.dir_at(real.parent()?)?;
        self.find(dir, real.file_name()?)
    }

    /// Whether a file is Chart.yaml, or stands beside one as its values.
    pub(super) fn is_of_chart(&self, file: FileId) -> bool {
        let path = &self.file(file).path;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name == "Chart.yaml" {
            return true;
        }
        name.starts_with("values") && path.with_file_name("Chart.yaml").is_file()
    }

    /// Whether an absolute path lies in a walked tree.
    pub(super) fn holds(&self, real: &Path) -> bool {
        self.roots.iter().any(|root| real.starts_with(root))
    }

    fn walk(
        &mut self,
        typed: &Path,
        real: PathBuf,
        purpose: Purpose,
        depth: Depth,
        sink: &mut Sink,
    ) -> Result<(), ScanError> {
        let known = self.dirs.len();
        let below = Below::of(typed);
        let mut above: Vec<DirId> = Vec::new();
        let mut real = Some(real);
        for entry in self.walker(typed, depth) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if above.is_empty() => return Err(ScanError::of_walk(typed, error)),
                Err(error) => {
                    self.unlisted.push(Unlisted::of(error, below));
                    continue;
                }
            };
            let Some(kind) = entry.file_type() else { continue };
            let level = entry.depth();
            if level == 0 {
                let Some(real) = real.take() else { continue };
                above.push(self.enter(real, below.name(typed), None, depth == Depth::All));
                continue;
            }
            above.truncate(level);
            let Some(&dir) = above.last() else { continue };
            let name = entry.file_name();
            if kind.is_dir() {
                if depth == Depth::All {
                    let real = self.dirs[dir.0].real.join(name);
                    above.push(self.enter(real, below.name(entry.path()), Some(dir), true));
                }
            } else if !is_manifest(name) {
                self.skip_other(kind.is_symlink(), entry.path());
            } else if kind.is_file() {
                let listed = self.listed_before(dir, name, dir.0 < known);
                let id = listed.unwrap_or_else(|| {
                    let path = below.name(entry.path());
                    let id = self.push(File { path, origin: Origin::Walked, role: purpose.role() });
                    sink(id, &self.files[id.0].path);
                    id
                });
                self.place(dir, name, id);
                self.note_purpose(id, purpose);
            } else if kind.is_symlink() {
                let (name, path) = (name.to_owned(), below.name(entry.path()));
                self.links.push(Link { dir, name, path, purpose });
            } else {
                self.skip("neither file nor directory");
            }
        }
        Ok(())
    }

    /// The file that a walk comes to again: only a directory that was met before, or a file that a named link led to,
    /// can hold one.
    fn listed_before(&mut self, dir: DirId, name: &OsStr, met_before: bool) -> Option<FileId> {
        let listed = if met_before { self.find(dir, name) } else { None };
        if listed.is_some() || self.by_target.is_empty() {
            return listed;
        }
        let real = self.dirs[dir.0].real.join(name);
        self.by_target.get(&real).copied()
    }

    fn walker(&self, typed: &Path, depth: Depth) -> ignore::Walk {
        let respect = !self.no_ignore;
        WalkBuilder::new(typed)
            .hidden(false)
            .parents(false)
            .ignore(respect)
            .git_ignore(respect)
            .git_exclude(false)
            .git_global(false)
            .require_git(false)
            .follow_links(false)
            .max_depth(match depth {
                Depth::One => Some(1),
                Depth::All => None,
            })
            .filter_entry(|entry| entry.file_name() != ".git")
            .sort_by_file_name(OsStr::cmp)
            .build()
    }

    fn push(&mut self, file: File) -> FileId {
        self.files.push(file);
        FileId(self.files.len() - 1)
    }

    fn enter(&mut self, real: PathBuf, typed: PathBuf, parent: Option<DirId>, walked: bool) -> DirId {
        if let Some(&known) = self.by_path.get(&real) {
            let dir = &mut self.dirs[known.0];
            dir.parent = dir.parent.or(parent);
            dir.walked |= walked;
            return known;
        }
        let id = DirId(self.dirs.len());
        self.by_path.insert(real.clone(), id);
        self.dirs.push(Dir {
            real,
            typed,
            parent,
            walked,
            entries: Vec::new(),
            kustomization: None,
            chart: None,
            index: None,
        });
        id
    }

    fn place(&mut self, dir: DirId, name: &OsStr, file: FileId) {
        let dir = &mut self.dirs[dir.0];
        if let Some(index) = &mut dir.index
            && index.insert(name.to_owned(), file).is_some()
        {
            return;
        }
        if name == "Chart.yaml" {
            dir.chart = Some(file);
        }
        dir.entries.push(Entry { name: name.to_owned(), file });
        if let Some(rank) = kustomization_rank(name)
            && dir.entries.iter().filter_map(|entry| kustomization_rank(&entry.name)).all(|other| other >= rank)
        {
            dir.kustomization = Some(file);
        }
    }

    fn find(&mut self, dir: DirId, name: &OsStr) -> Option<FileId> {
        let dir = &mut self.dirs[dir.0];
        let entries = &dir.entries;
        let index =
            dir.index.get_or_insert_with(|| entries.iter().map(|entry| (entry.name.clone(), entry.file)).collect());
        index.get(name).copied()
    }

    fn note_purpose(&mut self, id: FileId, purpose: Purpose) {
        if purpose == Purpose::With && self.with.last() != Some(&id) {
            self.with.push(id);
        }
    }

    fn skip_other(&mut self, is_link: bool, path: &Path) {
        if !is_link {
            self.skip("neither YAML nor JSON by name");
        } else if path.is_dir() && !fs::canonicalize(path).is_ok_and(|target| self.holds(&target)) {
            self.skip("symbolic links that lead out of the tree");
        }
    }

    /// Counts one thing that was left out. Reasons are few: it is cheaper to look than to make a key.
    pub(super) fn skip(&mut self, reason: &str) {
        match self.skipped.get_mut(reason) {
            Some(count) => *count += 1,
            None => {
                self.skipped.insert(reason.to_owned(), 1);
            }
        }
    }
}

/// How far down a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    One,
    All,
}

/// What a walk puts before the names it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Below {
    /// Nothing: `.` was named, and `./a` says no more than `a`.
    Here,
    /// The root as it was typed.
    Root,
}

// === impl Below ===

impl Below {
    fn of(typed: &Path) -> Self {
        if typed.components().eq([Component::CurDir]) { Self::Here } else { Self::Root }
    }

    fn name(self, path: &Path) -> PathBuf {
        match self {
            Self::Here => path.strip_prefix(".").unwrap_or(path).to_path_buf(),
            Self::Root => path.to_path_buf(),
        }
    }
}

// === impl Purpose ===

impl Purpose {
    fn role(self) -> Role {
        match self {
            Self::Subject => Role::Subject,
            Self::With | Self::Sibling => Role::Context,
        }
    }
}

// === impl Unlisted ===

impl Unlisted {
    fn of(error: ignore::Error, below: Below) -> Self {
        let path = below.name(walk_path(&error).unwrap_or(Path::new("")));
        Self { path, error: walk_error(error).to_string() }
    }
}

// === impl ScanError ===

impl ScanError {
    fn of_walk(typed: &Path, error: ignore::Error) -> Self {
        Self::of(typed, walk_error(error))
    }
}

fn walk_error(error: ignore::Error) -> io::Error {
    let words = error.to_string();
    error.into_io_error().unwrap_or_else(|| io::Error::other(words))
}

fn walk_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => walk_path(err),
        _ => None,
    }
}

fn kustomization_rank(name: &OsStr) -> Option<usize> {
    KUSTOMIZATIONS.iter().position(|known| name == *known)
}

/// Whether a walk reads a file of this name.
fn is_manifest(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|end| bytes.len() > end.len() && bytes[bytes.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes()))
        || name == "Kustomization"
}

/// A path as people read it: `/` between its parts, `.` for the directory they stand in.
pub(super) fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return ".".to_owned();
    }
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' { text.into_owned() } else { text.replace(std::path::MAIN_SEPARATOR, "/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_begin_with_the_root_as_it_was_typed_and_a_lone_dot_adds_nothing() {
        for (typed, found, name) in [
            (".", "./a/b.yaml", "a/b.yaml"),
            ("./", "./a/b.yaml", "a/b.yaml"),
            ("./a", "./a/b.yaml", "./a/b.yaml"),
            ("a", "a/b.yaml", "a/b.yaml"),
            ("..", "../b.yaml", "../b.yaml"),
        ] {
            assert_eq!(shown(&Below::of(Path::new(typed)).name(Path::new(found))), name, "{typed}");
        }
        assert_eq!(shown(&Below::of(Path::new(".")).name(Path::new("."))), ".");
    }

    #[test]
    fn manifests_are_told_by_their_names() {
        for name in ["a.yaml", "a.yml", "a.json", "a.YML", "kustomization.yaml", "Kustomization"] {
            assert!(is_manifest(OsStr::new(name)), "{name}");
        }
        for name in [".yaml", "yaml", "a.yaml.gotmpl", "a.txt", "kustomization"] {
            assert!(!is_manifest(OsStr::new(name)), "{name}");
        }
    }
}
