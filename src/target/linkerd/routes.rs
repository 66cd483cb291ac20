//! Which route decides: matches whose best fit lets in exactly whom the grants of a request let in together.
//!
//! SMI adds grants up. Linkerd binds a request to one route and asks only who may use that one (linkerd/linkerd2-proxy
//! `linkerd/http/route/src/lib.rs`, find). So where grants with different callers overlap, the one that wins must name
//! the callers of all.
//!
//! The first criterion is the length of the path that matched: all of it for an exact value or an expression, the
//! prefix for a prefix (`linkerd/http/route/src/http/match/path.rs`). The next ones are the number of headers and
//! whether a method is named, and their order is not the same in every release of the proxy
//! (`linkerd/http/route/src/http/match.rs`). What is left is decided by age and name. Here a match counts as better
//! only where every order of the later criteria says so, and age and name decide nothing.
//!
//! - **Paths.** The path languages cut all paths into cells. A language keeps its own match where the same conditions
//!   hold in all cells in which it may win. Where it does not, it is cut along the cells, and the pieces are spelled
//!   out as expressions.
//! - **Conditions.** Within a path, conditions on method and headers are closed under "both": then the conditions that
//!   hold for a request have a narrowest one, which is better than each of the others in both criteria.
//! - **Callers.** A condition lets in the callers of all conditions that it implies. Callers travel from the wider to
//!   the narrower only, never back.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::grant::Principal;
use crate::pattern::{Domain, Language, cells, spell};

/// The most headers of one match (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/httproute_types.go`).
pub(super) const MAX_HEADERS: usize = 16;
/// The most conditions on one path.
const MAX_CONDITIONS: usize = 256;

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Callers {
    /// Everyone, also without the mesh: the kubelet.
    Anyone,
    /// These.
    Known(BTreeSet<Principal>),
}

/// A path in the words of a match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PathWord {
    Any,
    Exact(String),
    Prefix(String),
    Regex(String),
}

/// A header's value in the words of a match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HeaderWord {
    Exact(String),
    Regex(String),
}

/// A word and what it takes.
#[derive(Clone, Debug)]
pub(super) struct Sense<W> {
    pub word: W,
    pub language: Language,
}

/// One condition and who may call under it.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    pub path: Sense<PathWord>,
    pub method: Option<&'static str>,
    /// By lower-case name.
    pub headers: BTreeMap<String, Sense<HeaderWord>>,
    pub callers: Callers,
}

/// A match of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match {
    pub path: PathWord,
    pub headers: BTreeMap<String, HeaderWord>,
    pub method: Option<&'static str>,
}

/// Why no such matches were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tangle {
    /// Paths or values have too many parts, or their parts have no expression that is short enough.
    Values(&'static str),
    /// Conditions on methods and headers combine to too many.
    Conditions,
    /// A combination of conditions has too many headers.
    Headers,
}

/// A condition on method and headers; a value is its number among those of the header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Condition {
    headers: BTreeMap<String, usize>,
    method: Option<&'static str>,
}

/// Who may call, by condition.
type Conditions = BTreeMap<Condition, Callers>;

/// Matches, each with its callers, of which every best one lets in the callers of all `atoms` that take the request.
pub(super) fn settle(atoms: &[Atom]) -> Result<BTreeMap<Match, Callers>, Tangle> {
    let Some((first, rest)) = atoms.split_first() else { return Ok(BTreeMap::new()) };
    if rest.iter().all(|atom| atom.callers == first.callers) {
        return Ok(atoms.iter().map(|atom| (atom.as_match(), atom.callers.clone())).collect());
    }
    let values = Values::of(atoms)?;
    let paths = Paths::of(atoms, &values)?;
    let mut matches = BTreeMap::new();
    for Settled { word, conditions, alone } in paths.settle()? {
        let mut closed = closure(&conditions)?;
        if alone {
            prune(&mut closed);
        }
        for (condition, callers) in closed {
            matches.insert(values.as_match(&word, &condition), callers);
        }
    }
    Ok(matches)
}

// === impl Callers ===

impl Callers {
    pub(super) fn none() -> Self {
        Self::Known(BTreeSet::new())
    }

    pub(super) fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Anyone, _) => {}
            (_, Self::Anyone) => *self = Self::Anyone,
            (Self::Known(own), Self::Known(other)) => own.extend(other.iter().cloned()),
        }
    }
}

// === impl Atom ===

impl Atom {
    fn as_match(&self) -> Match {
        let headers = self.headers.iter().map(|(name, sense)| (name.clone(), sense.word.clone())).collect();
        Match { path: self.path.word.clone(), headers, method: self.method }
    }
}

// === impl Condition ===

impl Condition {
    /// Whether every request that satisfies `self` satisfies `other`.
    fn implies(&self, other: &Self) -> bool {
        (other.method.is_none() || self.method == other.method)
            && other.headers.iter().all(|(name, value)| self.headers.get(name) == Some(value))
    }

    /// Both; none where no request satisfies both.
    fn and(&self, other: &Self) -> Option<Self> {
        let method = match (self.method, other.method) {
            (Some(left), Some(right)) if left != right => return None,
            (left, right) => left.or(right),
        };
        let mut headers = self.headers.clone();
        for (name, &value) in &other.headers {
            if *headers.entry(name.clone()).or_insert(value) != value {
                return None;
            }
        }
        Some(Self { headers, method })
    }
}

/// All conditions that some of `conditions` make together, each with the callers of all that it implies.
fn closure(conditions: &Conditions) -> Result<Conditions, Tangle> {
    let mut closed: BTreeSet<Condition> = conditions.keys().cloned().collect();
    let mut open: Vec<Condition> = closed.iter().cloned().collect();
    while let Some(one) = open.pop() {
        for other in conditions.keys() {
            let Some(both) = one.and(other) else { continue };
            if both.headers.len() > MAX_HEADERS {
                return Err(Tangle::Headers);
            }
            if closed.insert(both.clone()) {
                open.push(both);
            }
        }
        if closed.len() > MAX_CONDITIONS {
            return Err(Tangle::Conditions);
        }
    }
    Ok(closed
        .into_iter()
        .map(|condition| {
            let mut callers = Callers::none();
            for (other, more) in conditions {
                if condition.implies(other) {
                    callers.add(more);
                }
            }
            (condition, callers)
        })
        .collect())
}

/// Takes away the conditions without which the same callers are let in, the narrowest first.
fn prune(conditions: &mut Conditions) {
    let mut order: Vec<Condition> = conditions.keys().cloned().collect();
    order.sort_by_key(|one| std::cmp::Reverse(one.headers.len() + usize::from(one.method.is_some())));
    for one in order {
        let wider: Vec<&Condition> = conditions.keys().filter(|other| **other != one && one.implies(other)).collect();
        let mut next = wider
            .iter()
            .filter(|next| !wider.iter().any(|between| between != *next && between.implies(next)))
            .peekable();
        if next.peek().is_some() && next.all(|next| conditions[*next] == conditions[&one]) {
            conditions.remove(&one);
        }
    }
}

// --- header values ---

/// The values of each header, no two with a value in common.
struct Values {
    by_name: BTreeMap<String, Vec<HeaderWord>>,
    /// By name and word: the numbers of its parts.
    parts: BTreeMap<(String, HeaderWord), Vec<usize>>,
}

// === impl Values ===

impl Values {
    fn of(atoms: &[Atom]) -> Result<Self, Tangle> {
        let mut written: BTreeMap<String, BTreeMap<HeaderWord, Language>> = BTreeMap::new();
        for (name, sense) in atoms.iter().flat_map(|atom| &atom.headers) {
            written.entry(name.clone()).or_default().insert(sense.word.clone(), sense.language.clone());
        }
        let mut values = Self { by_name: BTreeMap::new(), parts: BTreeMap::new() };
        for (name, words) in written {
            let (words, languages): (Vec<HeaderWord>, Vec<Language>) = words.into_iter().unzip();
            values.add(&name, &words, &languages.iter().collect::<Vec<_>>())?;
        }
        Ok(values)
    }

    fn add(&mut self, name: &str, words: &[HeaderWord], languages: &[&Language]) -> Result<(), Tangle> {
        const TANGLE: Tangle = Tangle::Values("the values of a header");
        let cells = cells(languages).map_err(|_| TANGLE)?;
        let known = self.by_name.entry(name.to_owned()).or_default();
        for cell in cells.iter().filter(|cell| cell.inside.contains(&true)) {
            let of: Vec<usize> = (0..words.len()).filter(|&number| cell.inside[number]).collect();
            // The whole of one word where no other has a part in it, or the other is the same.
            let whole = of
                .iter()
                .find(|&&number| cells.iter().all(|other| !other.inside[number] || other.inside == cell.inside));
            let word = match whole {
                Some(&number) => words[number].clone(),
                None => {
                    let spelled = spell(languages, |inside| inside == cell.inside).ok_or(TANGLE)?;
                    HeaderWord::Regex(spelled.expression)
                }
            };
            for number in of {
                self.parts.entry((name.to_owned(), words[number].clone())).or_default().push(known.len());
            }
            known.push(word);
        }
        Ok(())
    }

    /// The conditions that are together that of `atom`.
    fn conditions(&self, atom: &Atom) -> Vec<Condition> {
        let mut conditions = vec![Condition { headers: BTreeMap::new(), method: atom.method }];
        for (name, sense) in &atom.headers {
            let parts = self.parts.get(&(name.clone(), sense.word.clone())).map(Vec::as_slice).unwrap_or_default();
            conditions = conditions
                .iter()
                .flat_map(|condition| {
                    parts.iter().map(|&part| {
                        let mut condition = condition.clone();
                        condition.headers.insert(name.clone(), part);
                        condition
                    })
                })
                .take(MAX_CONDITIONS + 1)
                .collect();
        }
        conditions
    }

    fn as_match(&self, path: &PathWord, condition: &Condition) -> Match {
        let word = |name: &String, value: usize| (name.clone(), self.by_name[name][value].clone());
        let headers = condition.headers.iter().map(|(name, &value)| word(name, value)).collect();
        Match { path: path.clone(), headers, method: condition.method }
    }
}

// --- paths ---

/// Path languages, and the cells that they cut.
struct Paths {
    words: Vec<PathWord>,
    /// Of the words, then of the paths at which a prefix is as long as the path.
    languages: Vec<Language>,
    conditions: Vec<Conditions>,
    cells: Vec<Area>,
}

/// One cell.
struct Area {
    inside: Vec<bool>,
    /// What holds in it.
    conditions: Conditions,
    /// The words of which none is better here.
    best: Vec<usize>,
}

/// A path and what holds there.
struct Settled {
    word: PathWord,
    conditions: Conditions,
    /// Whether it is the only best one wherever it wins.
    alone: bool,
}

const PATHS: Tangle = Tangle::Values("the paths");

// === impl Paths ===

impl Paths {
    fn of(atoms: &[Atom], values: &Values) -> Result<Self, Tangle> {
        let mut by_word: BTreeMap<PathWord, (Language, Conditions)> = BTreeMap::new();
        for atom in atoms {
            let (_, conditions) = by_word
                .entry(atom.path.word.clone())
                .or_insert_with(|| (atom.path.language.clone(), Conditions::new()));
            let own = values.conditions(atom);
            if own.len() > MAX_CONDITIONS {
                return Err(Tangle::Conditions);
            }
            for condition in own {
                conditions.entry(condition).or_insert_with(Callers::none).add(&atom.callers);
            }
        }
        let (mut words, mut languages, mut conditions) = (Vec::new(), Vec::new(), Vec::new());
        for (word, (language, own)) in by_word {
            words.push(word);
            languages.push(language);
            conditions.push(own);
        }
        let points: BTreeSet<&str> = words.iter().filter_map(PathWord::prefix).collect();
        for point in points {
            languages.push(Language::exact(Domain::Path, point).map_err(|_| PATHS)?);
        }
        let mut paths = Self { words, languages, conditions, cells: Vec::new() };
        let found = cells(&paths.languages.iter().collect::<Vec<_>>()).map_err(|_| PATHS)?;
        paths.cells = found.into_iter().filter_map(|cell| paths.area(cell.inside, &cell.witness)).collect();
        Ok(paths)
    }

    /// The cell that `inside` tells; none where no word holds.
    fn area(&self, inside: Vec<bool>, witness: &str) -> Option<Area> {
        let holds: Vec<usize> = (0..self.words.len()).filter(|&word| inside[word]).collect();
        // A prefix is as long as the path at one path only, and that is a cell of its own.
        let length = |word: usize| match self.words[word].prefix() {
            Some(prefix) if prefix != witness => prefix.len(),
            _ => usize::MAX,
        };
        let most = holds.iter().map(|&word| length(word)).max()?;
        let best = holds.iter().copied().filter(|&word| length(word) == most).collect();
        let mut conditions = Conditions::new();
        for word in holds {
            for (condition, callers) in &self.conditions[word] {
                conditions.entry(condition.clone()).or_insert_with(Callers::none).add(callers);
            }
        }
        Some(Area { inside, conditions, best })
    }

    fn settle(&self) -> Result<Vec<Settled>, Tangle> {
        let kept: Vec<Option<&Conditions>> = (0..self.words.len()).map(|word| self.conditions_of(word)).collect();
        let mut cut = BTreeSet::new();
        for (word, kept) in kept.iter().enumerate() {
            for area in self.cells.iter().filter(|area| area.best.contains(&word)) {
                if !agree(*kept, area)? {
                    cut.insert(word);
                }
            }
            let beaten = self.cells.iter().filter(|area| area.inside[word] && !area.best.contains(&word));
            if kept.is_some_and(|kept| beaten.into_iter().any(|area| !is_covered(kept, area))) {
                cut.insert(word);
            }
        }
        for area in &self.cells {
            let whole = |word: &usize| kept[*word] == Some(&area.conditions);
            if !area.best.iter().any(whole) {
                cut.extend(area.best.iter().copied());
            }
        }
        let mut settled = Vec::new();
        for (word, conditions) in kept.into_iter().enumerate().filter(|(word, _)| !cut.contains(word)) {
            let Some(conditions) = conditions else { continue };
            let mut won = self.cells.iter().filter(|area| area.best.contains(&word));
            let alone = won.all(|area| area.best.len() == 1);
            settled.push(Settled { word: self.words[word].clone(), conditions: conditions.clone(), alone });
        }
        settled.extend(self.pieces(&cut)?);
        Ok(settled)
    }

    /// What holds where `word` wins; none where it never does. Where it wins alone counts before where it is one of several.
    fn conditions_of(&self, word: usize) -> Option<&Conditions> {
        let won = || self.cells.iter().filter(|area| area.best.contains(&word));
        won().find(|area| area.best.len() == 1).or_else(|| won().next()).map(|area| &area.conditions)
    }

    /// The cells in which words to be cut win, those with the same conditions together.
    fn pieces(&self, cut: &BTreeSet<usize>) -> Result<Vec<Settled>, Tangle> {
        let mut by_conditions: BTreeMap<&Conditions, Vec<&Area>> = BTreeMap::new();
        for area in self.cells.iter().filter(|area| area.best.iter().any(|word| cut.contains(word))) {
            by_conditions.entry(&area.conditions).or_default().push(area);
        }
        let languages: Vec<&Language> = self.languages.iter().collect();
        let mut settled = Vec::new();
        for (conditions, areas) in by_conditions {
            let inside: BTreeSet<&[bool]> = areas.iter().map(|area| area.inside.as_slice()).collect();
            let alone = areas.iter().all(|area| area.best.iter().all(|word| cut.contains(word)));
            let piece = spell(&languages, |cell| inside.contains(cell)).ok_or(PATHS)?;
            let words = match crate::pattern::lower_path(&piece.language) {
                crate::pattern::PathLowering::Exact(values) => values.into_iter().map(PathWord::Exact).collect(),
                _ => vec![PathWord::Regex(piece.expression)],
            };
            settled.extend(words.into_iter().map(|word| Settled { word, conditions: conditions.clone(), alone }));
        }
        Ok(settled)
    }
}

/// Whether a path with these conditions never decides in `area`, where a better one holds: whatever satisfies one of them
/// satisfies one that holds there, and that the better path has.
fn is_covered(conditions: &Conditions, area: &Area) -> bool {
    conditions.keys().all(|condition| area.conditions.keys().any(|there| condition.implies(there)))
}

/// Whether a path with these conditions may be one of the best in `area`: what it says there is said alike.
fn agree(conditions: Option<&Conditions>, area: &Area) -> Result<bool, Tangle> {
    let Some(conditions) = conditions.filter(|conditions| **conditions != area.conditions) else { return Ok(true) };
    if area.best.len() == 1 {
        return Ok(false);
    }
    let there = closure(&area.conditions)?;
    Ok(closure(conditions)?.iter().all(|(condition, callers)| there.get(condition) == Some(callers)))
}

// === impl PathWord ===

impl PathWord {
    /// The prefix that it is.
    fn prefix(&self) -> Option<&str> {
        match self {
            Self::Any => Some("/"),
            Self::Prefix(prefix) => Some(prefix),
            Self::Exact(_) | Self::Regex(_) => None,
        }
    }
}
