//! Walks over one automaton or many at once, breadth first.
//!
//! Every walk reads all automata and the domain in step and takes smaller bytes first, so that the first string to
//! reach a combination of states is the shortest there is, and of those the smallest. Bytes that no automaton tells
//! apart are walked once.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use regex_automata::util::primitives::StateID;

use super::domain::{Domain, Position};
use super::language::{Language, Node};

/// How many combinations of states a comparison looks at before it gives up.
pub const PAIR_LIMIT: usize = 200_000;

/// How two languages stand to each other. Every string is the shortest that shows it, and of those the smallest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same strings.
    Equal,
    /// All of the left are in the right. An empty left is a part of everything.
    Subset {
        /// In the right, not in the left.
        only_right: String,
    },
    /// All of the right are in the left.
    Superset {
        /// In the left, not in the right.
        only_left: String,
    },
    /// Some strings in common, some on each side alone.
    Overlap {
        /// In the left, not in the right.
        only_left: String,
        /// In the right, not in the left.
        only_right: String,
        /// In both.
        both: String,
    },
    /// No string in common, and neither is empty.
    Disjoint {
        /// In the left.
        left: String,
        /// In the right.
        right: String,
    },
}

/// A comparison that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the comparison was given up after {limit} combinations of states")]
pub struct Undecided {
    /// The limit that was hit.
    pub limit: usize,
}

/// The strings that are in the same ones of several languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// For each language, in the order given: in it, or not.
    pub inside: Vec<bool>,
    /// The shortest of its strings, and of those the smallest.
    pub witness: String,
}

/// How `left` and `right` stand to each other.
///
/// # Errors
/// After [`PAIR_LIMIT`] combinations of states.
///
/// # Panics
/// If they are of different domains.
pub fn relate(left: &Language, right: &Language) -> Result<Relation, Undecided> {
    union_relate(&[left], &[right])
}

/// How the union of `left` and the union of `right` stand to each other; the union of none is empty.
///
/// # Errors
/// After [`PAIR_LIMIT`] combinations of states.
///
/// # Panics
/// If they are of different domains.
pub fn union_relate(left: &[&Language], right: &[&Language]) -> Result<Relation, Undecided> {
    let all: Vec<&Language> = left.iter().chain(right).copied().collect();
    sides(&all, |inside| {
        let (in_left, in_right) = inside.split_at(left.len());
        (in_left.contains(&true), in_right.contains(&true))
    })
}

/// How `language` and what is in one of `any_of` and in none of `none_of` stand to each other.
pub(super) fn said_relate(
    language: &Language,
    any_of: &[Language],
    none_of: &[Language],
) -> Result<Relation, Undecided> {
    let all: Vec<&Language> = std::iter::once(language).chain(any_of).chain(none_of).collect();
    sides(&all, |inside| {
        let (taken, left_out) = inside[1..].split_at(any_of.len());
        (inside[0], taken.contains(&true) && !left_out.contains(&true))
    })
}

/// How the two sides stand to each other that `judge` sees in what a string is inside of.
fn sides(all: &[&Language], judge: impl Fn(&[bool]) -> (bool, bool)) -> Result<Relation, Undecided> {
    let (mut only_left, mut only_right, mut both) = (None, None, None);
    explore(all, PAIR_LIMIT, |inside, trail| {
        let found = match judge(inside) {
            (true, true) => &mut both,
            (true, false) => &mut only_left,
            (false, true) => &mut only_right,
            (false, false) => return ControlFlow::Continue(()),
        };
        found.get_or_insert_with(|| trail.word());
        match (&only_left, &only_right, &both) {
            (Some(_), Some(_), Some(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    })?;
    Ok(match (only_left, only_right, both) {
        (None, None, _) => Relation::Equal,
        (None, Some(only_right), _) => Relation::Subset { only_right },
        (Some(only_left), None, _) => Relation::Superset { only_left },
        (Some(left), Some(right), None) => Relation::Disjoint { left, right },
        (Some(only_left), Some(only_right), Some(both)) => Relation::Overlap { only_left, only_right, both },
    })
}

/// The cells into which `languages` cut their domain, in the order of their witnesses: shortest first, then smallest.
///
/// # Errors
/// After [`PAIR_LIMIT`] combinations of states.
///
/// # Panics
/// If they are of different domains.
pub fn cells(languages: &[&Language]) -> Result<Vec<Cell>, Undecided> {
    let mut seen = HashSet::new();
    let mut cells = Vec::new();
    explore(languages, PAIR_LIMIT, |inside, trail| {
        if seen.insert(inside.to_vec()) {
            cells.push(Cell { inside: inside.to_vec(), witness: trail.word() });
        }
        ControlFlow::Continue(())
    })?;
    Ok(cells)
}

/// The shortest string of the domain that is in `language`, or that is not.
pub(super) fn first_where(language: &Language, wanted: bool) -> Option<String> {
    let mut found = None;
    let walked = explore(&[language], usize::MAX, |inside, trail| {
        if inside[0] == wanted {
            found = Some(trail.word());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    debug_assert!(walked.is_ok(), "a single automaton is bounded by its own size");
    found
}

/// All strings of `language`, shortest first, then smallest; none where there are more than `most`, or longer ones than
/// `longest` bytes.
pub(super) fn words(language: &Language, most: usize, longest: usize) -> Option<Vec<String>> {
    let live = live(language);
    let domain = language.domain();
    let mut words = Vec::new();
    let mut open: Vec<(Node, String)> = vec![((language.start(), Position::Start), String::new())];
    open.retain(|(node, _)| live.contains(node));
    for _ in 0..=live.len().min(longest) {
        let mut longer = Vec::new();
        for ((state, at), word) in open {
            for byte in Domain::bytes() {
                let next = domain.step(at, byte).map(|to| (language.next(state, byte), to));
                if let Some(node) = next.filter(|node| live.contains(node)) {
                    longer.push((node, format!("{word}{}", char::from(byte))));
                }
            }
            if domain.ends(at) && language.accepts(state) {
                words.push(word);
            }
            // Each of `longer` begins at least one more string, and no two the same one.
            if words.len() + longer.len() > most {
                return None;
            }
        }
        open = longer;
    }
    // What is still open is too long, or has gone through some state twice.
    open.is_empty().then_some(words)
}

/// The nodes from which some string of `language` can still be completed.
fn live(language: &Language) -> HashSet<Node> {
    let domain = language.domain();
    let alphabet = alphabet(domain, &[language]);
    let start = (language.start(), Position::Start);
    let mut came_from: HashMap<Node, Vec<Node>> = HashMap::from([(start, Vec::new())]);
    let mut open = vec![start];
    let mut live = HashSet::new();
    let mut back = Vec::new();
    while let Some(node @ (state, at)) = open.pop() {
        if domain.ends(at) && language.accepts(state) && live.insert(node) {
            back.push(node);
        }
        for &byte in &alphabet {
            let Some(to) = domain.step(at, byte) else { continue };
            let next = (language.next(state, byte), to);
            let sources = came_from.entry(next).or_insert_with(|| {
                open.push(next);
                Vec::new()
            });
            sources.push(node);
        }
    }
    while let Some(node) = back.pop() {
        back.extend(came_from[&node].iter().copied().filter(|source| live.insert(*source)));
    }
    live
}

// --- the walk ---

/// The way to one combination of states.
struct Trail<'a> {
    /// Of each combination: the position, the one it was reached from, and by which byte. The first is the start.
    nodes: &'a [(Position, usize, u8)],
    at: usize,
}

// === impl Trail ===

impl Trail<'_> {
    /// The string that was read on the way.
    fn word(&self) -> String {
        let mut backwards = Vec::new();
        let mut at = self.at;
        while at != 0 {
            let (_, parent, byte) = self.nodes[at];
            backwards.push(char::from(byte));
            at = parent;
        }
        backwards.into_iter().rev().collect()
    }
}

/// Calls `visit` at each combination of states in which a string of the domain may end, with what it is inside of.
fn explore(
    languages: &[&Language],
    limit: usize,
    mut visit: impl FnMut(&[bool], &Trail<'_>) -> ControlFlow<()>,
) -> Result<(), Undecided> {
    let Some(domain) = languages.first().map(|first| first.domain()) else { return Ok(()) };
    assert!(languages.iter().all(|language| language.domain() == domain), "languages of one domain");
    let alphabet = alphabet(domain, languages);
    let width = languages.len();
    let mut states: Vec<StateID> = languages.iter().map(|language| language.start()).collect();
    let mut nodes = vec![(Position::Start, 0, 0)];
    let mut seen: HashMap<Position, HashSet<Box<[StateID]>>> = HashMap::new();
    let mut inside = vec![false; width];
    let mut next = vec![StateID::ZERO; width];
    let mut at = 0;
    while at < nodes.len() {
        let here = at * width..(at + 1) * width;
        let (position, ..) = nodes[at];
        if domain.ends(position) {
            for ((inside, language), &state) in inside.iter_mut().zip(languages).zip(&states[here.clone()]) {
                *inside = language.accepts(state);
            }
            if visit(&inside, &Trail { nodes: &nodes, at }).is_break() {
                return Ok(());
            }
        }
        for &byte in &alphabet {
            let Some(to) = domain.step(position, byte) else { continue };
            for ((next, language), &state) in next.iter_mut().zip(languages).zip(&states[here.clone()]) {
                *next = language.next(state, byte);
            }
            let seen = seen.entry(to).or_default();
            if seen.contains(next.as_slice()) {
                continue;
            }
            if nodes.len() >= limit {
                return Err(Undecided { limit });
            }
            seen.insert(next.clone().into_boxed_slice());
            states.extend_from_slice(&next);
            nodes.push((to, at, byte));
        }
        at += 1;
    }
    Ok(())
}

/// One byte, the smallest, of each class of bytes that neither the domain nor any of `languages` tells apart; ascending.
fn alphabet(domain: Domain, languages: &[&Language]) -> Vec<u8> {
    let alike = |one: u8, other: u8| {
        languages.iter().all(|language| language.class(one) == language.class(other))
            && Position::ALL.iter().all(|&at| domain.step(at, one) == domain.step(at, other))
    };
    let mut first_of_class: Vec<u8> = Vec::new();
    for byte in Domain::bytes() {
        if !first_of_class.iter().any(|&first| alike(first, byte)) {
            first_of_class.push(byte);
        }
    }
    first_of_class
}
