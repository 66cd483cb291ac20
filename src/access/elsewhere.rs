//! Grants of one account in several scopes: whether they are deployed together, nobody says.
//!
//! Each scope writes policy for its own grants, and the first policy of a destination denies everyone whom it does not name.
//! Scopes that share a TrafficTarget are environments or variants: what stands in one is not deployed with the other. Scopes
//! that share none may well be parts of one deployment, and then each would cut off the callers of the other. What must
//! not come in: what a grant means.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::code;
use crate::model::grant::Account;
use crate::place::Place;
use crate::report::{Finding, ObjectId};

/// A TrafficTarget as a scope deploys it.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// The number of the scope.
    pub scope: usize,
    /// What people call the scope.
    pub name: &'a str,
    /// Whether the scope is a cluster, and so holds all that is deployed.
    pub whole: bool,
    /// The TrafficTarget.
    pub id: &'a ObjectId,
    /// Where its name is written.
    pub place: Place,
}

/// The TrafficTargets of a run, by the account that they name as their destination.
#[derive(Debug, Default)]
pub struct Elsewhere<'a> {
    by_account: HashMap<Account, BTreeMap<usize, Vec<Standing<'a>>>>,
}

// === impl Elsewhere ===

impl<'a> Elsewhere<'a> {
    /// `all` with the account of each; those whose destination nobody can tell are not among them.
    pub fn new(all: impl Iterator<Item = (Account, Standing<'a>)>) -> Self {
        let mut by_account: HashMap<Account, BTreeMap<usize, Vec<Standing<'a>>>> = HashMap::new();
        for (account, standing) in all {
            by_account.entry(account).or_default().entry(standing.scope).or_default().push(standing);
        }
        by_account.retain(|_, scopes| scopes.len() > 1);
        Self { by_account }
    }

    /// Why the grants of `account` in `scope` may be a part of what is deployed; none where they are all of it.
    #[must_use]
    pub fn part(&self, scope: usize, account: &Account) -> Option<Finding> {
        let scopes = self.by_account.get(account)?;
        let own = scopes.get(&scope)?;
        let others = scopes.iter().filter(|(number, _)| **number != scope).map(|(_, other)| other.as_slice());
        let other = others.into_iter().find(|other| may_be_together(own, other))?.first()?;
        let message = format!(
            "another grant of the same destination `{}`, TrafficTarget `{}`, stands in another scope, `{}`",
            account.display(),
            other.id.name,
            other.name
        );
        Some(
            Finding::new(code!("destination-in-scopes"), message)
                .label(other.place, "this one")
                .note("policy that enforces denies everyone whom it does not name: written for each scope by itself, it would cut off the callers of the other")
                .help("if they are deployed together, convert them together: list them in one kustomization, move them into one directory, or give them as one stream with `---` between the files; if not, convert one scope at a time"),
        )
    }
}

fn may_be_together(one: &[Standing<'_>], other: &[Standing<'_>]) -> bool {
    let names = |all: &[Standing<'_>]| -> BTreeSet<(Option<String>, String)> {
        all.iter().map(|standing| (standing.id.namespace.clone(), standing.id.name.clone())).collect()
    };
    let whole = |all: &[Standing<'_>]| all.iter().all(|standing| standing.whole);
    !(whole(one) && whole(other)) && names(one).is_disjoint(&names(other))
}
