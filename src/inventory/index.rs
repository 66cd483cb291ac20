//! Positions by key and namespace, so that a lookup does not walk everything.
//!
//! A manifest that names no namespace may be in any, and a question may not know the namespace either. That rule is here
//! and in [`super::Inventory`] nowhere else.

use std::collections::{BTreeMap, HashMap};

/// Positions of things that have a key and perhaps a namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_key: HashMap<String, HashMap<Option<String>, Vec<usize>>>,
}

/// Things that select by labels. Each is filed under one label only, the one that fewest others are filed by.
#[derive(Clone, Debug, Default)]
pub(super) struct Posted {
    by_label: Index,
}

/// One label as a key.
pub(super) fn pair(key: &str, value: &str) -> String {
    format!("{key}={value}")
}

// === impl Index ===

impl Index {
    /// Files a position; positions rise from one call to the next.
    pub fn put(&mut self, key: &str, namespace: Option<&str>, at: usize) {
        let spaces = match self.by_key.get_mut(key) {
            Some(spaces) => spaces,
            None => self.by_key.entry(key.to_owned()).or_default(),
        };
        spaces.entry(namespace.map(str::to_owned)).or_default().push(at);
    }

    /// What is exactly in `namespace`; if there is nothing, what may be.
    pub fn best(&self, key: &str, namespace: Option<&str>) -> Vec<usize> {
        let exact = self.by_key.get(key).and_then(|spaces| spaces.get(&namespace.map(str::to_owned)));
        exact.cloned().unwrap_or_else(|| self.may(key, namespace))
    }

    /// All that may be in `namespace`, in rising order.
    pub fn may(&self, key: &str, namespace: Option<&str>) -> Vec<usize> {
        let Some(spaces) = self.by_key.get(key) else { return Vec::new() };
        let mut found: Vec<usize> = match namespace {
            None => spaces.values().flatten().copied().collect(),
            Some(name) => {
                let (own, unsaid) = (spaces.get(&Some(name.to_owned())), spaces.get(&None));
                own.into_iter().chain(unsaid).flatten().copied().collect()
            }
        };
        found.sort_unstable();
        found
    }
}

// === impl Posted ===

impl Posted {
    /// Files things by position, namespace and the labels that they demand.
    pub fn new<'a>(
        things: impl Iterator<Item = (usize, Option<&'a str>, &'a BTreeMap<String, String>)> + Clone,
    ) -> Self {
        let mut count: HashMap<(&str, &str), usize> = HashMap::new();
        for (_, _, labels) in things.clone() {
            for (key, value) in labels {
                *count.entry((key, value)).or_default() += 1;
            }
        }
        let mut by_label = Index::default();
        for (at, namespace, labels) in things {
            let rarest = labels.iter().min_by_key(|(key, value)| count[&(key.as_str(), value.as_str())]);
            let key = rarest.map(|(key, value)| pair(key, value)).unwrap_or_default();
            by_label.put(&key, namespace, at);
        }
        Self { by_label }
    }

    /// Those in `namespace`, as far as may be, that something with `labels` may satisfy; those without demands among them.
    pub fn may(&self, labels: &BTreeMap<String, String>, namespace: Option<&str>) -> Vec<usize> {
        let keys = labels.iter().map(|(key, value)| pair(key, value)).chain([String::new()]);
        let mut found: Vec<usize> = keys.flat_map(|key| self.by_label.may(&key, namespace)).collect();
        found.sort_unstable();
        found
    }
}
