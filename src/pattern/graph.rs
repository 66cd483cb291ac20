//! The shape of a language: its states, written out, to read words off.
//!
//! `relate` answers questions about languages as they are compiled. To find words for one, its states must be looked at
//! from both ends: where everything that follows is taken, where nothing more can be, what all strings begin and end
//! with, where a loop makes the strings endless. Nothing here is proof: what is found is compiled as a word and compared.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use regex_automata::util::primitives::StateID;

use super::domain::{Domain, Position};
use super::language::Language;
use super::relate::{PAIR_LIMIT, Undecided};

/// States of a language whose words are looked for.
const STATE_LIMIT: usize = 2_000;
/// States of a language that is also read backwards, or searched for loops.
const LOOP_LIMIT: usize = 512;
/// Where no string of the domain goes on.
const NONE: u32 = u32::MAX;
/// The longest text that is read off.
const MAX_TEXT: usize = 4096;

type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Mix>>;

/// A hash of few instructions for keys of our own making, which nobody outside can choose to collide.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

/// All states of a language, each reached by some string that a string of the domain begins with.
pub(super) struct Graph {
    /// The bytes of each class: two bytes of one class lead from every state to the same one.
    classes: Vec<Vec<u8>>,
    /// For each state, where each class leads.
    edges: Vec<u32>,
    /// For each state, whether a string that ends here is inside; none where no string of the domain ends.
    ends: Vec<Option<bool>>,
    /// Whether some string goes through this state.
    live: Vec<bool>,
    /// Whether every string of the domain that gets here is inside, and there is one.
    whole: Vec<bool>,
}

/// What strings of the language begin with, and whether more follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This string is inside.
    This(String),
    /// Every string of the domain that begins so is inside.
    Below(String),
}

/// Which steps a walk takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Steps {
    /// By every byte.
    Every,
    /// By a byte that alone leads where it leads: none that stands for a choice of characters.
    Sole,
}

/// A beginning and the bytes that may follow it, all of them to one state.
pub(super) type Branch = (String, Vec<u8>);

// === impl Graph ===

impl Graph {
    /// The strings for which `judge` holds, told in which of `languages` they are.
    ///
    /// # Errors
    /// When there are too many states.
    pub(super) fn of(languages: &[&Language], judge: impl Fn(&[bool]) -> bool) -> Result<Self, Undecided> {
        let domain = languages[0].domain();
        let classes = classes(domain, languages);
        let start: Vec<StateID> = languages.iter().map(|language| language.start()).collect();
        let mut places = vec![(Position::Start, start.clone())];
        let mut known: [FastMap<Vec<StateID>, u32>; Position::ALL.len()] = Default::default();
        known[Position::Start as usize].insert(start, 0);
        let (mut edges, mut ends) = (Vec::new(), Vec::new());
        let mut inside = vec![false; languages.len()];
        let mut next = vec![StateID::ZERO; languages.len()];
        let mut at = 0;
        while at < places.len() {
            let (position, states) = places[at].clone();
            ends.push(domain.ends(position).then(|| {
                for ((inside, language), &state) in inside.iter_mut().zip(languages).zip(&states) {
                    *inside = language.accepts(state);
                }
                judge(&inside)
            }));
            for class in &classes {
                let Some(to) = domain.step(position, class[0]) else {
                    edges.push(NONE);
                    continue;
                };
                for ((next, language), &state) in next.iter_mut().zip(languages).zip(&states) {
                    *next = language.next(state, class[0]);
                }
                let known = &mut known[to as usize];
                if let Some(&target) = known.get(&next) {
                    edges.push(target);
                    continue;
                }
                edges.push(number(places.len()));
                known.insert(next.clone(), number(places.len()));
                places.push((to, next.clone()));
            }
            if places.len() > STATE_LIMIT {
                return Err(Undecided { limit: STATE_LIMIT });
            }
            at += 1;
        }
        Ok(Self::finish(classes, edges, ends))
    }

    fn finish(classes: Vec<Vec<u8>>, edges: Vec<u32>, ends: Vec<Option<bool>>) -> Self {
        let mut graph = Self { classes, edges, ends, live: Vec::new(), whole: Vec::new() };
        let before = graph.before();
        graph.live = graph.reaching(&before, |end| end == Some(true));
        let open = graph.reaching(&before, |end| end == Some(false));
        graph.whole = graph.live.iter().zip(open).map(|(live, open)| *live && !open).collect();
        graph
    }

    fn states(&self) -> Range<usize> {
        0..self.ends.len()
    }

    /// Each class and where it leads from `state`, as long as the string is one of the domain.
    fn steps(&self, state: usize) -> impl Iterator<Item = (&[u8], usize)> {
        let width = self.classes.len();
        let edges = &self.edges[state * width..(state + 1) * width];
        self.classes
            .iter()
            .zip(edges)
            .filter(|&(_, &to)| to != NONE)
            .map(|(class, &to)| (class.as_slice(), to as usize))
    }

    /// As [`Self::steps`], to where some string of the language still goes.
    fn live_steps(&self, state: usize) -> impl Iterator<Item = (&[u8], usize)> {
        self.steps(state).filter(|&(_, to)| self.live[to])
    }

    /// Each byte and where it leads from `state`, to where some string of the language still goes; ascending.
    fn by_byte(&self, state: usize) -> Vec<(u8, usize)> {
        let mut steps: Vec<(u8, usize)> =
            self.live_steps(state).flat_map(|(bytes, to)| bytes.iter().map(move |&byte| (byte, to))).collect();
        steps.sort_unstable();
        steps
    }

    /// The bytes that lead from `state` to one and the same live state, for each of these; smallest byte first.
    fn choices(&self, state: usize) -> Vec<(Vec<u8>, usize)> {
        let mut choices: Vec<(Vec<u8>, usize)> = Vec::new();
        for (bytes, to) in self.live_steps(state) {
            match choices.iter_mut().find(|(_, target)| *target == to) {
                Some((all, _)) => all.extend_from_slice(bytes),
                None => choices.push((bytes.to_vec(), to)),
            }
        }
        for (bytes, _) in &mut choices {
            bytes.sort_unstable();
        }
        choices
    }

    fn before(&self) -> Vec<Vec<usize>> {
        let mut before = vec![Vec::new(); self.ends.len()];
        for state in self.states() {
            for (_, to) in self.steps(state) {
                if before[to].last() != Some(&state) {
                    before[to].push(state);
                }
            }
        }
        before
    }

    /// The states from which one that ends in a `wanted` way is reached.
    fn reaching(&self, before: &[Vec<usize>], wanted: impl Fn(Option<bool>) -> bool) -> Vec<bool> {
        let mut open: Vec<usize> = self.states().filter(|&state| wanted(self.ends[state])).collect();
        let mut found = vec![false; self.ends.len()];
        for &state in &open {
            found[state] = true;
        }
        while let Some(state) = open.pop() {
            for &source in &before[state] {
                if !std::mem::replace(&mut found[source], true) {
                    open.push(source);
                }
            }
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.live[0]
    }

    pub(super) fn is_any(&self) -> bool {
        self.whole[0]
    }

    /// The same language with as few states as can be.
    ///
    /// # Errors
    /// When there are too many states.
    pub(super) fn minimal(self) -> Result<Self, Undecided> {
        let width = self.classes.len();
        let mut block: Vec<u32> = self.ends.iter().map(|end| end.map_or(0, |inside| 1 + u32::from(inside))).collect();
        let mut count = 0;
        let mut name = Vec::with_capacity(width + 1);
        loop {
            let mut names: FastMap<Vec<u32>, u32> = FastMap::default();
            let mut finer = Vec::with_capacity(block.len());
            for state in self.states() {
                name.clear();
                name.push(block[state]);
                let edges = &self.edges[state * width..(state + 1) * width];
                name.extend(edges.iter().map(|&to| if to == NONE { NONE } else { block[to as usize] }));
                finer.push(names.get(&name).copied().unwrap_or_else(|| {
                    let fresh = number(names.len());
                    names.insert(name.clone(), fresh);
                    fresh
                }));
            }
            // States are named in their order, so that the start stays the first.
            block = finer;
            if names.len() == count {
                break;
            }
            count = names.len();
        }
        if count > LOOP_LIMIT {
            return Err(Undecided { limit: LOOP_LIMIT });
        }
        let mut edges = vec![NONE; count * width];
        let mut ends = vec![None; count];
        for state in self.states() {
            let name = block[state] as usize;
            ends[name] = self.ends[state];
            for class in 0..width {
                let to = self.edges[state * width + class];
                edges[name * width + class] = if to == NONE { NONE } else { block[to as usize] };
            }
        }
        Ok(Self::finish(self.classes, edges, ends))
    }

    /// The language of the same strings read from their ends. What it reads off must be turned round.
    ///
    /// # Errors
    /// When there are too many states.
    pub(super) fn backwards(&self) -> Result<Self, Undecided> {
        let limit = Undecided { limit: LOOP_LIMIT };
        if self.ends.len() > LOOP_LIMIT {
            return Err(limit);
        }
        let width = self.classes.len();
        // For each class, from where it leads to each state.
        let mut sources: Vec<Vec<Vec<u32>>> = vec![vec![Vec::new(); self.ends.len()]; width];
        for state in self.states() {
            for (class, &to) in self.edges[state * width..(state + 1) * width].iter().enumerate() {
                if to != NONE {
                    sources[class][to as usize].push(number(state));
                }
            }
        }
        let ending = |wanted: bool| -> Vec<u32> {
            self.states().filter(|&state| self.ends[state] == Some(wanted)).map(number).collect()
        };
        // A state here: from where the text read so far leads inside, and from where to a string that is outside.
        let mut sets = vec![(ending(true), ending(false))];
        let mut known: FastMap<(Vec<u32>, Vec<u32>), u32> = FastMap::default();
        known.insert(sets[0].clone(), 0);
        let (mut edges, mut ends, mut live, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut at = 0;
        while at < sets.len() {
            let (inside, outside) = sets[at].clone();
            let end = if inside.contains(&0) { Some(true) } else { outside.contains(&0).then_some(false) };
            ends.push(end);
            live.push(!inside.is_empty());
            whole.push(!inside.is_empty() && outside.is_empty());
            for sources in &sources {
                let back = |set: &[u32]| {
                    let mut back: Vec<u32> = set.iter().flat_map(|&state| &sources[state as usize]).copied().collect();
                    back.sort_unstable();
                    back
                };
                let next = (back(&inside), back(&outside));
                let target = match known.get(&next) {
                    // No string of the language ends so, and no longer one does.
                    _ if next.0.is_empty() => NONE,
                    Some(&target) => target,
                    None => {
                        let fresh = number(sets.len());
                        sets.push(next.clone());
                        known.insert(next, fresh);
                        fresh
                    }
                };
                edges.push(target);
            }
            if sets.len() > LOOP_LIMIT {
                return Err(limit);
            }
            at += 1;
        }
        Ok(Self { classes: self.classes.clone(), edges, ends, live, whole })
    }

    // --- reading off ---

    /// The language as a finite union of strings and beginnings, in the order of a walk; none where that takes more than
    /// `most`, or there is no such union.
    pub(super) fn union(&self, most: usize) -> Option<Vec<Reach>> {
        let mut found = Vec::new();
        let mut open = vec![(0, Vec::new())];
        open.retain(|&(state, _)| self.live[state]);
        // A walk through more states than there are has been in a loop.
        for _ in self.states() {
            let mut longer = Vec::new();
            for (state, text) in open {
                if self.whole[state] {
                    found.push(Reach::Below(string(&text)));
                } else {
                    if self.ends[state] == Some(true) {
                        found.push(Reach::This(string(&text)));
                    }
                    longer.extend(self.by_byte(state).into_iter().map(|(byte, to)| (to, with(&text, byte))));
                }
                if found.len() + longer.len() > most {
                    return None;
                }
            }
            open = longer;
        }
        open.is_empty().then_some(found)
    }

    /// Strings, the short before the long, at most `most` of them; so many that the walk grows too wide are cut short.
    pub(super) fn first_strings(&self, most: usize) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = VecDeque::from([(0, Vec::new())]);
        while let Some((state, text)) = open.pop_front().filter(|_| found.len() < most) {
            if self.ends[state] == Some(true) {
                found.push(string(&text));
            }
            let room = most.saturating_mul(4).saturating_sub(open.len());
            open.extend(self.by_byte(state).into_iter().take(room).map(|(byte, to)| (to, with(&text, byte))));
        }
        found
    }

    /// What is inside, of the walks that are in no state twice: beginnings after which everything is taken, and strings
    /// that meet no loop. None where there are more than `most`.
    pub(super) fn reaches(&self, steps: Steps, most: usize) -> Option<Vec<Reach>> {
        let loops = self.loops();
        let before = self.before();
        let mut to_whole = self.whole.clone();
        let mut open: Vec<usize> = self.states().filter(|&state| to_whole[state]).collect();
        while let Some(state) = open.pop() {
            for &source in &before[state] {
                if !std::mem::replace(&mut to_whole[source], true) {
                    open.push(source);
                }
            }
        }
        let mut found = Vec::new();
        let mut open = VecDeque::from([(0, Vec::new(), Vec::new())]);
        while let Some((state, text, mut walked)) = open.pop_front() {
            if self.whole[state] {
                found.push(Reach::Below(string(&text)));
                continue;
            }
            walked.push(state);
            let plain = !walked.iter().any(|&state| loops[state]);
            if plain && self.ends[state] == Some(true) {
                found.push(Reach::This(string(&text)));
            }
            for (bytes, to) in self.choices(state) {
                let taken = steps == Steps::Every || bytes.len() == 1;
                let leads = to_whole[to] || (plain && !loops[to]);
                if taken && leads && !walked.contains(&to) && text.len() < MAX_TEXT {
                    open.extend(bytes.iter().map(|&byte| (to, with(&text, byte), walked.clone())));
                }
            }
            if found.len() + open.len() > most {
                return None;
            }
        }
        Some(found)
    }

    /// The language in parts: what is plain, and for what is behind a loop, its beginnings. A choice of characters is
    /// spelled out as long as there are no more than `most` parts.
    pub(super) fn parts(&self, most: usize) -> (Vec<Reach>, Vec<Branch>) {
        let loops = self.loops();
        let (mut plain, mut branches) = (Vec::new(), Vec::new());
        let mut open = VecDeque::from([(0, Vec::new())]);
        while let Some((state, text)) = open.pop_front() {
            if self.whole[state] {
                plain.push(Reach::Below(string(&text)));
                continue;
            }
            if self.ends[state] == Some(true) {
                plain.push(Reach::This(string(&text)));
            }
            for (bytes, to) in self.choices(state) {
                let parts = plain.len() + branches.len() + open.len() + bytes.len();
                if loops[to] || parts > most {
                    branches.push((string(&text), bytes));
                } else {
                    open.extend(bytes.iter().map(|&byte| (to, with(&text, byte))));
                }
            }
        }
        (plain, branches)
    }

    /// What all strings of the language begin with.
    pub(super) fn common_beginning(&self) -> String {
        let (mut state, mut text) = (0, Vec::new());
        while self.ends[state] != Some(true) && text.len() < MAX_TEXT {
            let mut choices = self.live_steps(state);
            let (Some((&[byte], to)), None) = (choices.next(), choices.next()) else { break };
            text.push(byte);
            state = to;
        }
        string(&text)
    }

    /// Whether it has no more strings than can be listed.
    pub(super) fn is_finite(&self) -> bool {
        !self.loops().contains(&true) && !self.whole.contains(&true)
    }

    /// Whether one of `states` takes everything that follows.
    pub(super) fn any_whole(&self, states: &[usize]) -> bool {
        states.iter().any(|&state| self.whole[state])
    }

    // --- beside languages ---

    /// Whether all that `languages` have is inside.
    pub(super) fn holds(&self, languages: &[Language]) -> Result<bool, Undecided> {
        self.never(languages, |here, there| there && !here)
    }

    /// Whether all that is inside is in one of `languages`.
    pub(super) fn is_in(&self, languages: &[Language]) -> Result<bool, Undecided> {
        self.never(languages, |here, there| here && !there)
    }

    /// Whether something inside is in one of `languages`.
    pub(super) fn meets(&self, languages: &[Language]) -> Result<bool, Undecided> {
        Ok(!self.never(languages, |here, there| here && there)?)
    }

    /// The language less what is in one of `languages`.
    pub(super) fn without(&self, languages: &[Language]) -> Result<Self, Undecided> {
        let start: Vec<StateID> = languages.iter().map(Language::start).collect();
        let classes = self.told_apart(languages);
        let mut places = vec![(0_u32, start)];
        let mut known: FastMap<(u32, Vec<StateID>), u32> = FastMap::default();
        known.insert(places[0].clone(), 0);
        let (mut edges, mut ends) = (Vec::new(), Vec::new());
        let mut at = 0;
        while at < places.len() {
            let (state, states) = places[at].clone();
            let there = languages.iter().zip(&states).any(|(language, &state)| language.accepts(state));
            ends.push(self.ends[state as usize].map(|here| here && !there));
            for (class, bytes) in &classes {
                let to = self.edges[state as usize * self.classes.len() + class];
                if to == NONE {
                    edges.push(NONE);
                    continue;
                }
                let step = |(language, &state): (&Language, &StateID)| language.next(state, bytes[0]);
                let next = (to, languages.iter().zip(&states).map(step).collect::<Vec<_>>());
                edges.push(known.get(&next).copied().unwrap_or_else(|| {
                    let fresh = number(places.len());
                    known.insert(next.clone(), fresh);
                    places.push(next);
                    fresh
                }));
            }
            if places.len() > STATE_LIMIT {
                return Err(Undecided { limit: STATE_LIMIT });
            }
            at += 1;
        }
        Ok(Self::finish(classes.into_iter().map(|(_, bytes)| bytes).collect(), edges, ends))
    }

    /// Whether `judge` holds for no string, told whether it is inside and whether it is in one of `languages`.
    fn never(&self, languages: &[Language], judge: impl Fn(bool, bool) -> bool) -> Result<bool, Undecided> {
        let start: Vec<StateID> = languages.iter().map(Language::start).collect();
        let classes = self.told_apart(languages);
        let mut known: FastMap<(u32, Vec<StateID>), ()> = FastMap::default();
        known.insert((0, start.clone()), ());
        let mut open = vec![(0_u32, start)];
        while let Some((state, states)) = open.pop() {
            let state = state as usize;
            let there = || languages.iter().zip(&states).any(|(language, &state)| language.accepts(state));
            if self.ends[state].is_some_and(|here| judge(here, there())) {
                return Ok(false);
            }
            for (class, alike) in &classes {
                let to = self.edges[state * self.classes.len() + class];
                if to == NONE {
                    continue;
                }
                let next =
                    languages.iter().zip(&states).map(|(language, &state)| language.next(state, alike[0])).collect();
                let next = (to, next);
                if known.insert(next.clone(), ()).is_none() {
                    open.push(next);
                }
            }
            if known.len() > PAIR_LIMIT {
                return Err(Undecided { limit: PAIR_LIMIT });
            }
        }
        Ok(true)
    }

    /// The bytes of each class, with their class here, that neither this language nor any of `languages` tells apart.
    fn told_apart(&self, languages: &[Language]) -> Vec<(usize, Vec<u8>)> {
        let mut told: Vec<(usize, Vec<u8>)> = Vec::new();
        for (class, all) in self.classes.iter().enumerate() {
            let mut names: FastMap<Vec<u8>, usize> = FastMap::default();
            for &byte in all {
                let name = languages.iter().map(|language| language.class(byte)).collect();
                let place = *names.entry(name).or_insert(told.len());
                match told.get_mut(place) {
                    Some((_, bytes)) => bytes.push(byte),
                    None => told.push((class, vec![byte])),
                }
            }
        }
        told
    }

    // --- loops ---

    /// For each state, whether a live walk that is not yet everything comes back to it.
    fn loops(&self) -> Vec<bool> {
        let inner = |state: usize| self.live[state] && !self.whole[state];
        let comes_back = |state: usize| {
            let mut seen = vec![false; self.ends.len()];
            let mut open = vec![state];
            while let Some(at) = open.pop() {
                for (_, to) in self.live_steps(at).filter(|&(_, to)| inner(to)) {
                    if to == state {
                        return true;
                    }
                    if !std::mem::replace(&mut seen[to], true) {
                        open.push(to);
                    }
                }
            }
            false
        };
        self.states().map(|state| inner(state) && comes_back(state)).collect()
    }

    // --- by segments ---

    /// The states that `byte` leads to from `states`, of those with a string of the language.
    pub(super) fn after(&self, states: &[usize], byte: u8) -> Vec<usize> {
        let class = self.classes.iter().position(|bytes| bytes.contains(&byte));
        class.map(|class| self.after_class(states, class)).unwrap_or_default()
    }

    fn after_class(&self, states: &[usize], class: usize) -> Vec<usize> {
        let to = |&state: &usize| self.edges[state * self.classes.len() + class];
        sorted(states.iter().map(to).filter(|&to| to != NONE && self.live[to as usize]).map(|to| to as usize).collect())
    }

    /// The states that strings of the language go through after `states`, these among them.
    pub(super) fn reachable(&self, states: &[usize]) -> Vec<usize> {
        let mut found = vec![false; self.ends.len()];
        let mut open = states.to_vec();
        while let Some(state) = open.pop() {
            if !std::mem::replace(&mut found[state], true) {
                open.extend(self.live_steps(state).map(|(_, to)| to));
            }
        }
        self.states().filter(|&state| found[state]).collect()
    }

    /// The states in which a segment that began in `states` may end, each reached by one byte or more other than `/`.
    pub(super) fn after_segment(&self, states: &[usize]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut open = states.to_vec();
        while let Some(state) = open.pop() {
            for (_, to) in self.live_steps(state).filter(|(bytes, _)| bytes != b"/") {
                if !found.contains(&to) {
                    found.push(to);
                    open.push(to);
                }
            }
        }
        sorted(found)
    }

    /// The segments that may follow `states` and where each ends, when they are `most` at most and none meets a loop.
    pub(super) fn segments(&self, states: &[usize], most: usize) -> Option<Vec<(String, Vec<usize>)>> {
        let mut found = Vec::new();
        let mut open = vec![(Vec::new(), states.to_vec())];
        for _ in self.states() {
            let mut longer: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
            for (text, states) in open {
                let ends = !text.is_empty() && (self.ends_inside(&states) || !self.after(&states, b'/').is_empty());
                let mut next: Vec<u8> = states
                    .iter()
                    .flat_map(|&state| self.live_steps(state).flat_map(|(bytes, _)| bytes.iter().copied()))
                    .filter(|&byte| byte != b'/')
                    .collect();
                next.sort_unstable();
                next.dedup();
                longer.extend(next.iter().map(|&byte| (with(&text, byte), self.after(&states, byte))));
                if ends {
                    found.push((string(&text), states));
                }
                if found.len() + longer.len() > most {
                    return None;
                }
            }
            open = longer;
        }
        open.is_empty().then_some(found)
    }

    /// Segments that may follow `states`, spelled in bytes of which each alone leads where it leads, and where each ends;
    /// the shortest, `most` at most.
    pub(super) fn sole_segments(&self, states: &[usize], most: usize) -> Vec<(String, Vec<usize>)> {
        let mut found = Vec::new();
        let mut seen = vec![states.to_vec()];
        let mut open = VecDeque::from([(Vec::new(), states.to_vec())]);
        while let Some((text, states)) = open.pop_front().filter(|_| found.len() < most) {
            if !text.is_empty() && (self.ends_inside(&states) || !self.after(&states, b'/').is_empty()) {
                found.push((string(&text), states.clone()));
            }
            let mut next: Vec<(Vec<usize>, Vec<u8>)> = Vec::new();
            for (class, bytes) in self.classes.iter().enumerate().filter(|(_, bytes)| bytes.as_slice() != b"/") {
                let states = self.after_class(&states, class);
                match next.iter_mut().find(|(known, _)| *known == states) {
                    Some((_, all)) => all.extend_from_slice(bytes),
                    None => next.push((states, bytes.clone())),
                }
            }
            for (states, bytes) in next {
                let (&[byte], false) = (bytes.as_slice(), states.is_empty()) else { continue };
                if !seen.contains(&states) && seen.len() < LOOP_LIMIT {
                    seen.push(states.clone());
                    open.push_back((with(&text, byte), states));
                }
            }
        }
        found
    }

    /// Whether a string of the language ends in one of `states`.
    pub(super) fn ends_inside(&self, states: &[usize]) -> bool {
        states.iter().any(|&state| self.ends[state] == Some(true))
    }
}

/// The number of a state; there are never more than the limits above.
fn number(state: usize) -> u32 {
    u32::try_from(state).unwrap_or(NONE)
}

fn sorted(mut states: Vec<usize>) -> Vec<usize> {
    states.sort_unstable();
    states.dedup();
    states
}

fn with(text: &[u8], byte: u8) -> Vec<u8> {
    let mut longer = Vec::with_capacity(text.len() + 1);
    longer.extend_from_slice(text);
    longer.push(byte);
    longer
}

/// A text of a domain, which is ASCII.
fn string(text: &[u8]) -> String {
    text.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of the domain, in classes that neither it nor any of `languages` tells apart.
fn classes(domain: Domain, languages: &[&Language]) -> Vec<Vec<u8>> {
    let name = |byte: u8| -> Vec<u8> {
        let place = Position::ALL.iter().map(|&at| domain.step(at, byte).map_or(0, |to| 1 + to as u8));
        languages.iter().map(|language| language.class(byte)).chain(place).collect()
    };
    let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut classes: Vec<Vec<u8>> = Vec::new();
    for byte in Domain::bytes() {
        let class = *known.entry(name(byte)).or_insert(classes.len());
        match classes.get_mut(class) {
            Some(bytes) => bytes.push(byte),
            None => classes.push(vec![byte]),
        }
    }
    classes
}
