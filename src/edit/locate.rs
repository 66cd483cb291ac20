//! Where an object stands in its document, and whether its bytes are its own.
//!
//! An object is a whole document or an item of the `items` of a list, itself a document or an item. Anything else is not
//! a place from which an object can be taken. Anchors are seen by their spans: a node that came through an alias or a
//! merge key keeps the span of the original, which lies before the place where it is used.

use std::collections::HashMap;

use super::Reason;
use crate::place::Span;
use crate::yaml::{Node, Value};

/// Where an object stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Site<'d> {
    /// It is the document.
    Document,
    /// It is an item.
    Item {
        /// The mapping that has `items`.
        owner: &'d Node,
        /// The value of `items`.
        list: &'d Node,
        /// Which item, from 0.
        index: usize,
    },
    /// Its bytes are the original of an alias too.
    Shared,
}

/// All places of one document from which an object can be taken.
#[derive(Debug)]
pub(super) struct Sites<'d> {
    sites: HashMap<Span, Site<'d>>,
    borrowed: Vec<Borrowed>,
}

/// Bytes that are used from elsewhere.
#[derive(Clone, Copy, Debug)]
struct Borrowed {
    span: Span,
    /// How far the document was read when they were used.
    user: usize,
    /// The end of the longest of these and of those that begin earlier.
    reach: usize,
}

// === impl Sites ===

impl<'d> Sites<'d> {
    pub fn of(root: &'d Node) -> Self {
        let mut sites = HashMap::from([(root.span, Site::Document)]);
        let mut owners = vec![root];
        while let Some(owner) = owners.pop() {
            let Some(list) = owner.get("items") else { continue };
            for (index, item) in list.items().iter().enumerate() {
                let first_use = sites.insert(item.span, Site::Item { owner, list, index }).is_none();
                if !first_use {
                    sites.insert(item.span, Site::Shared);
                } else if matches!(item.value, Value::Map(_)) {
                    owners.push(item);
                }
            }
        }
        Self { sites, borrowed: borrowed(root) }
    }

    /// Where the object at `span` stands.
    pub fn find(&self, span: Span) -> Result<Site<'d>, Reason> {
        match self.sites.get(&span) {
            None => Err(Reason::NoObject),
            Some(Site::Document) => Ok(Site::Document),
            Some(Site::Shared) => Err(Reason::Shared),
            Some(Site::Item { .. }) if self.is_borrowed_from(span) => Err(Reason::Shared),
            Some(site @ Site::Item { .. }) => Ok(*site),
        }
    }

    /// Whether the object is, or stands in, the original of an alias, or holds one that is used outside of it.
    fn is_borrowed_from(&self, object: Span) -> bool {
        let inside = self.borrowed.partition_point(|borrowed| borrowed.span.start < object.start);
        let around = self.borrowed.partition_point(|borrowed| borrowed.span.start <= object.start);
        let stands_in = around.checked_sub(1).is_some_and(|last| self.borrowed[last].reach >= object.end);
        stands_in
            || self.borrowed[inside..]
                .iter()
                .take_while(|borrowed| borrowed.span.start < object.end)
                .any(|borrowed| borrowed.user >= object.end)
    }
}

/// All uses of bytes from elsewhere, sorted by the bytes that are used.
fn borrowed(root: &Node) -> Vec<Borrowed> {
    let mut found = Vec::new();
    let mut reached = root.span.start;
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        if node.span.start < reached {
            found.push(Borrowed { span: node.span, user: reached, reach: node.span.end });
            continue;
        }
        reached = node.span.start;
        match &node.value {
            Value::Scalar(_) => reached = node.span.end,
            Value::List(items) => open.extend(items.iter().rev()),
            Value::Map(entries) => {
                // As written: what a merge key adds comes first then, and a repeated key is no step back.
                let mut written: Vec<&(Node, Node)> = entries.iter().collect();
                written.sort_by_key(|(key, _)| std::cmp::Reverse(key.span.start));
                open.extend(written.into_iter().flat_map(|(key, value)| [value, key]));
            }
        }
    }
    found.sort_by_key(|borrowed| borrowed.span);
    let mut reach = 0;
    for borrowed in &mut found {
        reach = reach.max(borrowed.span.end);
        borrowed.reach = reach;
    }
    found
}
