//! Splits that meet on one root Service, resolved by meaning and never by their order.
//!
//! Conditional splits come first, then one unconditional split or the root Service itself takes the rest: a route answers
//! 404 to what no rule takes (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/httproute_types.go`), where SMI fell through to
//! the root Service. Two splits that would send one request to different shares are a conflict.

use super::{Item, overlap};
use crate::code;
use crate::mappings::{SameRoot, Unmatched};
use crate::model::{RequestPattern, ServiceRef, Share};
use crate::report::Finding;

/// One rule of a root: requests and where they go.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Requests; none: all that are left.
    pub condition: Option<Vec<RequestPattern>>,
    /// Where they go.
    pub shares: Vec<Share>,
}

/// All rules of a root.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The splits: conditional ones first; an unconditional one, if there is one, last.
    pub conditional: Vec<Rule>,
    /// What takes the rest, where every split has a condition.
    pub rest: Option<Rule>,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Findings of splits that contradict each other, by object.
pub type Conflict = Vec<(usize, Finding)>;

// === impl Rules ===

impl Rules {
    /// Every rule, the one for the rest last.
    pub fn all(&self) -> impl Iterator<Item = &Rule> {
        self.conditional.iter().chain(&self.rest)
    }

    /// Every rule, the one for the rest last.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Rule> {
        self.conditional.iter_mut().chain(&mut self.rest)
    }

    /// The backends of the splits, without the rest.
    pub fn split_shares(&self) -> impl Iterator<Item = &Share> {
        self.conditional.iter().flat_map(|rule| &rule.shares)
    }
}

/// The rules of `root` under all its splits.
///
/// # Errors
/// Findings for the splits that contradict each other.
pub fn rules(root: &ServiceRef, items: &[&Item<'_>]) -> Result<Rules, Conflict> {
    let mut conflict = Conflict::new();
    for (index, item) in items.iter().enumerate() {
        for other in &items[index + 1..] {
            if contradict(item, other) {
                conflict.push((item.object, contradiction(item, other)));
                conflict.push((other.object, contradiction(other, item)));
            }
        }
    }
    if !conflict.is_empty() {
        return Err(conflict);
    }
    let mut findings = Vec::new();
    let mut conditional: Vec<Rule> = Vec::new();
    let mut unconditional: Option<Rule> = None;
    for item in items {
        let rule = Rule { condition: item.split.condition.clone(), shares: item.split.backends.clone() };
        match rule.condition {
            Some(_) if conditional.iter().any(|known| same_rule(known, &rule)) => {}
            Some(_) => conditional.push(rule),
            None => unconditional = unconditional.or(Some(rule)),
        }
    }
    if items.len() > 1 {
        let names: Vec<&str> = items.iter().map(|item| item.id.name.as_str()).collect();
        let message = format!("splits `{}` share root `{}` and become one route", names.join("`, `"), root.display());
        findings.push(Finding::new(code!("splits-merged"), message).at(items[0].root_place));
    }
    if unconditional.is_none()
        && let Some(unanswered) = unanswered(items)
    {
        return Err(unanswered);
    }
    let rest = if unconditional.is_some() { None } else { rest(root, items, &mut findings) };
    conditional.extend(unconditional);
    Ok(Rules { conditional, rest, findings })
}

/// Equal shares were an answer only where every condition named a path; else such a request failed (flomesh-io/fsm
/// `pkg/catalog/outbound_traffic_policies.go`, getWildCardRouteUpstreamClusters).
fn unanswered(items: &[&Item<'_>]) -> Option<Conflict> {
    let any_path = |pattern: &RequestPattern| pattern.path.as_ref().is_none_or(|path| path.language.is_any());
    let fails = items.iter().any(|item| {
        item.split.unmatched == Unmatched::EqualShares && item.split.condition.iter().flatten().any(any_path)
    });
    fails.then(|| items.iter().map(|item| (item.object, unmatched_fails(item))).collect())
}

fn unmatched_fails(item: &Item<'_>) -> Finding {
    let root = item.split.root.display();
    Finding::new(code!("unmatched-unanswered"), format!("requests of `{root}` that no match takes were not answered"))
        .at(item.root_place)
        .note("the source mesh gives them to all backends in equal shares only where every match names a path, and one here does not")
        .help("add a split without `matches` on the same root, with the backends that such requests should go to")
}

/// Where a request goes that no match takes.
fn rest(root: &ServiceRef, items: &[&Item<'_>], findings: &mut Vec<Finding>) -> Option<Rule> {
    let first = items.first()?;
    let (shares, words) = match first.split.unmatched {
        Unmatched::RootService | Unmatched::Split => {
            let share = Share { service: root.clone(), weight: 1, place: first.root_place };
            (vec![share], format!("requests that no match takes go to `{}`, by a rule of their own", root.display()))
        }
        Unmatched::EqualShares => {
            let shares = first.split.backends.iter().map(|share| Share { weight: 1, ..share.clone() }).collect();
            (
                shares,
                "requests that no match takes go to all backends in equal shares, as the source mesh did".to_owned(),
            )
        }
    };
    findings.push(Finding::new(code!("fallback-added"), words).at(first.root_place));
    Some(Rule { condition: None, shares })
}

fn same_shares(left: &[Share], right: &[Share]) -> bool {
    let sorted = |shares: &[Share]| {
        let mut shares: Vec<_> = shares.iter().map(|share| (share.service.clone(), share.weight)).collect();
        shares.sort();
        shares
    };
    sorted(left) == sorted(right)
}

/// Written alike: kept once.
fn same_rule(left: &Rule, right: &Rule) -> bool {
    let places = |rule: &Rule| {
        rule.condition.as_ref().map(|patterns| patterns.iter().map(|pattern| pattern.place).collect::<Vec<_>>())
    };
    places(left) == places(right) && same_shares(&left.shares, &right.shares)
}

/// Whether two splits would send one request to different shares. An unconditional split is the rest of a conditional one.
fn contradict(left: &Item<'_>, right: &Item<'_>) -> bool {
    let (one, other) = (&left.split, &right.split);
    if one.condition.is_some() != other.condition.is_some() {
        return false;
    }
    let unmatched_differs = one.condition.is_some()
        && one.unmatched == Unmatched::EqualShares
        && !same_shares(&one.backends, &other.backends);
    let overlaps = overlap(one.condition.as_deref(), other.condition.as_deref());
    unmatched_differs || (overlaps && !same_shares(&one.backends, &other.backends))
}

fn contradiction(item: &Item<'_>, other: &Item<'_>) -> Finding {
    let message = format!(
        "split `{}` sends the same requests of `{}` to other shares than split `{}`",
        item.id.name,
        item.split.root.display(),
        other.id.name
    );
    let note = match item.same_root() {
        SameRoot::OneWins => "the source mesh took one of them, by an order that nobody controls",
        SameRoot::Merged if item.split.condition.is_none() => {
            "the source mesh put the backends of both together, by their weights; one split can say that"
        }
        SameRoot::Merged | SameRoot::ConditionalFirst => {
            "the source mesh applied both, and which one a request met was not defined"
        }
        SameRoot::Undefined => {
            "SMI does not say which one counts, and meshes took one of them by an order that nobody controls"
        }
    };
    Finding::new(code!("splits-conflict"), message)
        .at(item.root_place)
        .label(other.root_place, "the other split")
        .note(note)
        .help("keep the split that is meant and delete the other, or give them conditions that no request meets twice")
}
