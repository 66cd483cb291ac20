//! The texts that were kept, and what went wrong with the others.
//!
//! Only files that carry a mark, that stand in one scope with one that does, or that were given as context are ever
//! held here; the rest of a tree leaves nothing but a count.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use super::list::{FileId, Origin, Tree};
use super::read::{Encoding, Keep, Looked, Reader, Text};
use crate::place::Role;

/// Texts by file.
#[derive(Debug)]
pub(super) struct Store {
    /// What was kept.
    texts: BTreeMap<FileId, Text>,
    /// What could not be read although somebody counts on it, in the order of listing.
    pub troubles: BTreeMap<FileId, Trouble>,
    /// How many files and streams were looked at.
    pub looked_at: usize,
    limit: u64,
    passed_over: BTreeSet<FileId>,
}

/// Why a file could not be read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The system said no.
    Unreadable(std::io::Error),
    /// Not UTF-8.
    NotUtf8(Encoding),
    /// Larger than the limit.
    TooLarge,
}

// === impl Store ===

impl Store {
    /// A store that takes no text of more than `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { texts: BTreeMap::new(), troubles: BTreeMap::new(), looked_at: 0, limit, passed_over: BTreeSet::new() }
    }

    /// Takes in what came of looking at a file.
    pub(super) fn take(&mut self, tree: &mut Tree, file: FileId, looked: Looked) {
        let counted_on = tree.file(file).origin != Origin::Walked;
        match looked {
            Looked::Unmarked => {}
            Looked::Text(text) => {
                self.texts.insert(file, text);
            }
            Looked::Failed(error) => {
                self.troubles.insert(file, Trouble::Unreadable(error));
            }
            Looked::NotUtf8 { encoding, marked } if marked || counted_on => {
                self.troubles.insert(file, Trouble::NotUtf8(encoding));
            }
            Looked::NotUtf8 { .. } => self.pass_over(tree, file, "not UTF-8"),
            Looked::TooLarge { marked } if marked || counted_on => {
                self.troubles.insert(file, Trouble::TooLarge);
            }
            Looked::TooLarge { .. } => self.pass_over(tree, file, &format!("larger than {}", size(self.limit))),
        }
    }

    fn pass_over(&mut self, tree: &mut Tree, file: FileId, reason: &str) {
        if self.passed_over.insert(file) {
            tree.skip(reason);
        }
    }

    /// Reads those of `files` that are neither kept nor known to be unreadable, whether they carry a mark or not.
    pub(super) fn load(&mut self, tree: &mut Tree, files: impl Iterator<Item = FileId>) {
        let mut missing: Vec<FileId> =
            files.filter(|file| !self.texts.contains_key(file) && !self.troubles.contains_key(file)).collect();
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|file| tree.file(*file).origin != Origin::Stream);
        let limit = self.limit;
        let looked: Vec<(FileId, Looked)> = missing
            .par_iter()
            .map_init(|| Reader::new(limit), |reader, file| (*file, reader.look(&tree.file(*file).path, Keep::Always)))
            .collect();
        for (file, looked) in looked {
            self.looked_at += usize::from(is_sibling(tree, file));
            self.take(tree, file, looked);
        }
    }

    /// A text that was kept.
    pub(super) fn text(&self, file: FileId) -> Option<&Text> {
        self.texts.get(&file)
    }

    /// Moves a text out.
    pub(super) fn remove(&mut self, file: FileId) -> Option<Text> {
        self.texts.remove(&file)
    }

    /// The files that are to be converted and carry a mark, in the order of listing.
    pub(super) fn marked(&self, tree: &Tree) -> Vec<FileId> {
        let marked = self.texts.iter().filter(|(file, text)| tree.file(**file).role == Role::Subject && text.marked());
        marked.map(|(file, _)| *file).collect()
    }
}

/// Whether a file was not part of the first pass, and so is not counted yet.
fn is_sibling(tree: &Tree, file: FileId) -> bool {
    tree.file(file).role == Role::Context && tree.with.binary_search(&file).is_err()
}

/// A number of bytes as people write it.
pub(super) fn size(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}
