//! An expression for any combination of languages: their common part, what one has and another lacks.
//!
//! No expression of the input says these. The states of the combination are written out, made as few as can be, and
//! taken away one after the other, each leaving an expression on the ways that led through it. As everywhere in this
//! room nothing rests on that: the result is returned only when it was compiled again and proved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regex_automata::util::primitives::StateID;

use super::domain::{Domain, Position};
use super::language::{Anchoring, Language};
use super::lower::{MAX_HEADER, MAX_PATH};
use super::relate::cells;

/// States before they are made fewer.
const MAX_STATES: usize = 2_000;
/// States that are taken away.
const MAX_MINIMAL: usize = 120;
/// Characters of an expression on the way: what is longer does not become short enough.
const MAX_TEXT: usize = 8_192;

/// An expression, wrapped as [`portable`](super::portable) wraps one, and its language.
#[derive(Clone, Debug)]
pub struct Spelled {
    /// What to write.
    pub expression: String,
    /// What it takes.
    pub language: Language,
}

/// The expression for the strings for which `judge` holds, told in which of `languages` they are; none where nothing was
/// found that is short enough for a match of Gateway API and proved.
#[must_use]
pub fn spell(languages: &[&Language], judge: impl Fn(&[bool]) -> bool) -> Option<Spelled> {
    let domain = languages.first()?.domain();
    let machine = Machine::of(domain, languages, &judge)?.minimal();
    let text = machine.eliminate()?;
    let expression = format!("^({text})$");
    let most = if domain == Domain::Path { MAX_PATH } else { MAX_HEADER };
    if expression.len() > most {
        return None;
    }
    let whole = Language::regex(domain, &expression, Anchoring::Full).ok()?;
    let first = Language::regex(domain, &expression, Anchoring::FirstMatch).ok()?;
    let mut all = languages.to_vec();
    all.extend([&whole, &first]);
    let count = languages.len();
    let proved = cells(&all).ok()?.iter().all(|cell| {
        let (inside, read) = cell.inside.split_at(count);
        read.iter().all(|&read| read == judge(inside))
    });
    proved.then_some(Spelled { expression, language: whole })
}

/// States with the bytes that lead from one to another. The first is the start.
struct Machine {
    domain: Domain,
    edges: Vec<BTreeMap<usize, BTreeSet<u8>>>,
    ends: Vec<bool>,
}

// === impl Machine ===

impl Machine {
    fn of(domain: Domain, languages: &[&Language], judge: &impl Fn(&[bool]) -> bool) -> Option<Self> {
        let start: (Position, Vec<StateID>) =
            (Position::Start, languages.iter().map(|language| language.start()).collect());
        let mut known = HashMap::from([(start.clone(), 0)]);
        let mut open = vec![start];
        let (mut edges, mut ends) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some((position, states)) = open.get(at).cloned() {
            let inside: Vec<bool> =
                languages.iter().zip(&states).map(|(language, &state)| language.accepts(state)).collect();
            ends.push(domain.ends(position) && judge(&inside));
            let mut out: BTreeMap<usize, BTreeSet<u8>> = BTreeMap::new();
            for byte in Domain::bytes() {
                let Some(to) = domain.step(position, byte) else { continue };
                let next = languages.iter().zip(&states).map(|(language, &state)| language.next(state, byte)).collect();
                let next = (to, next);
                let number = *known.entry(next).or_insert_with_key(|next| {
                    open.push(next.clone());
                    open.len() - 1
                });
                out.entry(number).or_default().insert(byte);
            }
            if open.len() > MAX_STATES {
                return None;
            }
            edges.push(out);
            at += 1;
        }
        Some(Self { domain, edges, ends })
    }

    /// The same with as few states as can be: those that nothing tells apart are one.
    fn minimal(self) -> Self {
        let mut class: Vec<usize> = self.ends.iter().map(|&ends| usize::from(ends)).collect();
        let mut count = 0;
        loop {
            let mut known: HashMap<(usize, BTreeMap<usize, BTreeSet<u8>>), usize> = HashMap::new();
            let next: Vec<usize> = (0..class.len())
                .map(|state| {
                    let fresh = known.len();
                    *known.entry((class[state], merged(&self.edges[state], &class))).or_insert(fresh)
                })
                .collect();
            let found = known.len();
            class = next;
            if found == count {
                break;
            }
            count = found;
        }
        let mut edges = vec![BTreeMap::new(); count];
        let mut ends = vec![false; count];
        for (state, &to) in class.iter().enumerate() {
            ends[to] = self.ends[state];
            edges[to] = merged(&self.edges[state], &class);
        }
        Self { domain: self.domain, edges, ends }
    }

    fn eliminate(self) -> Option<String> {
        let live = self.live();
        if !live.contains(&0) || live.len() > MAX_MINIMAL {
            return None;
        }
        let (start, end) = (self.ends.len(), self.ends.len() + 1);
        let mut ways: BTreeMap<(usize, usize), Text> = BTreeMap::from([((start, 0), Text::nothing())]);
        for &state in &live {
            for (&to, bytes) in self.edges[state].iter().filter(|(to, _)| live.contains(to)) {
                ways.insert((state, to), Text { text: class(self.domain, bytes), kind: Shape::Atom });
            }
            if self.ends[state] {
                ways.insert((state, end), Text::nothing());
            }
        }
        let mut left: BTreeSet<usize> = live;
        while !left.is_empty() {
            let cost = |state: usize| {
                let into = ways.iter().filter(|((from, to), _)| *to == state && *from != state);
                let out = ways.iter().filter(|((from, to), _)| *from == state && *to != state);
                let around = ways.get(&(state, state)).map_or(0, |text| text.text.len());
                let (into, out): (Vec<_>, Vec<_>) = (into.collect(), out.collect());
                let lengths = |ways: &[(_, &Text)]| ways.iter().map(|(_, text)| text.text.len()).sum::<usize>();
                into.len() * lengths(&out) + out.len() * lengths(&into) + around * into.len() * out.len()
            };
            let state = left.iter().copied().min_by_key(|&state| (cost(state), std::cmp::Reverse(state)))?;
            left.remove(&state);
            let around = ways.remove(&(state, state));
            let into: Vec<_> =
                ways.iter().filter(|((_, to), _)| *to == state).map(|(at, text)| (*at, text.clone())).collect();
            let out: Vec<_> =
                ways.iter().filter(|((from, _), _)| *from == state).map(|(at, text)| (*at, text.clone())).collect();
            ways.retain(|(from, to), _| *from != state && *to != state);
            for ((from, _), before) in &into {
                for ((_, to), after) in &out {
                    let mut way = before.clone();
                    if let Some(around) = &around {
                        way = way.then(&around.repeated());
                    }
                    let way = way.then(after);
                    let way = match ways.remove(&(*from, *to)) {
                        Some(other) => other.or(&way),
                        None => way,
                    };
                    if way.text.len() > MAX_TEXT {
                        return None;
                    }
                    ways.insert((*from, *to), way);
                }
            }
        }
        ways.remove(&(start, end)).map(|text| text.text)
    }

    /// The states from which an end is reached.
    fn live(&self) -> BTreeSet<usize> {
        let mut live: BTreeSet<usize> = (0..self.ends.len()).filter(|&state| self.ends[state]).collect();
        loop {
            let more: Vec<usize> = (0..self.ends.len())
                .filter(|state| !live.contains(state) && self.edges[*state].keys().any(|to| live.contains(to)))
                .collect();
            if more.is_empty() {
                return live;
            }
            live.extend(more);
        }
    }
}

fn merged(edges: &BTreeMap<usize, BTreeSet<u8>>, class: &[usize]) -> BTreeMap<usize, BTreeSet<u8>> {
    let mut out: BTreeMap<usize, BTreeSet<u8>> = BTreeMap::new();
    for (&to, bytes) in edges {
        out.entry(class[to]).or_default().extend(bytes);
    }
    out
}

/// How tightly an expression holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// One character, a class, a group, a repetition without another one after it.
    Atom,
    /// `x*`, `x?`
    Repeated,
    /// One after the other, or nothing.
    Row,
    /// Alternatives.
    Choice,
}

#[derive(Clone, Debug)]
struct Text {
    text: String,
    kind: Shape,
}

// === impl Text ===

impl Text {
    fn nothing() -> Self {
        Self { text: String::new(), kind: Shape::Row }
    }

    fn grouped(&self) -> String {
        match self.kind {
            Shape::Atom => self.text.clone(),
            Shape::Repeated | Shape::Row | Shape::Choice => format!("({})", self.text),
        }
    }

    fn in_row(&self) -> String {
        match self.kind {
            Shape::Choice => format!("({})", self.text),
            Shape::Atom | Shape::Repeated | Shape::Row => self.text.clone(),
        }
    }

    fn then(&self, after: &Self) -> Self {
        match (self.text.is_empty(), after.text.is_empty()) {
            (true, _) => after.clone(),
            (_, true) => self.clone(),
            _ => Self { text: self.in_row() + &after.in_row(), kind: Shape::Row },
        }
    }

    fn or(&self, other: &Self) -> Self {
        let optional = |text: &Self| Self { text: format!("{}?", text.grouped()), kind: Shape::Repeated };
        match (self.text.is_empty(), other.text.is_empty()) {
            (true, true) => self.clone(),
            (true, false) => optional(other),
            (false, true) => optional(self),
            (false, false) if self.text == other.text => self.clone(),
            (false, false) => Self { text: format!("{}|{}", self.text, other.text), kind: Shape::Choice },
        }
    }

    fn repeated(&self) -> Self {
        if self.text.is_empty() {
            return self.clone();
        }
        Self { text: format!("{}*", self.grouped()), kind: Shape::Repeated }
    }
}

/// One of `bytes`, of all that the domain knows.
fn class(domain: Domain, bytes: &BTreeSet<u8>) -> String {
    let known: BTreeSet<u8> = Domain::bytes().filter(|&byte| domain.step(Position::Inside, byte).is_some()).collect();
    let others: BTreeSet<u8> = known.difference(bytes).copied().collect();
    if others.is_empty() {
        return ".".to_owned();
    }
    if let (1, Some(&only)) = (bytes.len(), bytes.first()) {
        return super::escape(&char::from(only).to_string());
    }
    if others.len() < bytes.len() { format!("[^{}]", members(&others)) } else { format!("[{}]", members(bytes)) }
}

fn members(bytes: &BTreeSet<u8>) -> String {
    let mut text = String::new();
    let mut rest = bytes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while let Some(next) = rest.next_if(|&next| next == last + 1) {
            last = next;
        }
        text += &member(first);
        if last > first + 1 {
            text.push('-');
        }
        if last > first {
            text += &member(last);
        }
    }
    text
}

fn member(byte: u8) -> String {
    match byte {
        b'\t' => "\\t".to_owned(),
        _ if byte.is_ascii_alphanumeric() || b" /_:;,=!@%\"'<>`".contains(&byte) => char::from(byte).to_string(),
        _ => format!("\\{}", char::from(byte)),
    }
}
