//! Objects of a scope by name and namespace. An object whose namespace is not known stands for any; two that fit are never
//! chosen between.

use std::collections::HashMap;

use crate::inventory::Lookup;
use crate::place::SourceId;

/// One object that others may refer to.
#[derive(Debug)]
pub struct Entry<'a, T> {
    /// The namespace it ends in; none where nothing says.
    pub namespace: Option<&'a str>,
    /// The text it stands in.
    pub source: SourceId,
    /// The object.
    pub object: &'a T,
    /// Something keeps it from being read.
    pub blocked: bool,
}

/// The objects of one kind.
#[derive(Debug)]
pub struct Named<'a, T> {
    by_name: HashMap<&'a str, Vec<Entry<'a, T>>>,
}

// === impl Entry ===

impl<T> Clone for Entry<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Entry<'_, T> {}

// === impl Named ===

impl<T> Default for Named<'_, T> {
    fn default() -> Self {
        Self { by_name: HashMap::new() }
    }
}

impl<'a, T> Named<'a, T> {
    /// The objects, each under its name.
    pub fn new(entries: impl IntoIterator<Item = (&'a str, Entry<'a, T>)>) -> Self {
        let mut named = Self::default();
        for (name, entry) in entries {
            named.by_name.entry(name).or_default().push(entry);
        }
        named
    }

    /// The object `name` in `namespace`; one whose namespace is not known stands for any.
    #[must_use]
    pub fn find(&self, namespace: Option<&str>, name: &str) -> Lookup<Entry<'a, T>> {
        pick(self.by_name.get(name).map(Vec::as_slice).unwrap_or_default(), namespace, |entry| entry.namespace)
    }
}

/// The one candidate in `namespace`; those whose namespace is not known count where none is exactly there.
pub(super) fn pick<'a, T: Copy>(
    all: &[T],
    namespace: Option<&str>,
    namespace_of: impl Fn(&T) -> Option<&'a str>,
) -> Lookup<T> {
    let mut candidates: Vec<_> = all.iter().filter(|one| namespace_of(one) == namespace).copied().collect();
    if candidates.is_empty() {
        let loosely = |one: &&T| namespace.is_none() || namespace_of(one).is_none();
        candidates = all.iter().filter(loosely).copied().collect();
    }
    match candidates.as_slice() {
        [] => Lookup::Missing,
        [only] => Lookup::Found(*only),
        [first, second, ..] => Lookup::Ambiguous(*first, *second),
    }
}
