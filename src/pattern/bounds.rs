//! A language in a policy's words: exactly, or between the tightest bounds.
//!
//! A policy that says more than was meant opens something, one that says less cuts something off. So what can be said
//! exactly is never called a loss, and what cannot is given a bound on either side, each with a string that shows what it
//! costs. Words are read off the language's states ([`Graph`]), never off the text of an expression, and every answer is
//! proved: the words are compiled, and compared with the language.
//!
//! **Exactly** is sought as a union of words; then, where the target can subtract, as a wider union less a union of what is
//! beyond the language: less than one word for all, less than everything, less than the wider bound. The first of few words is
//! taken, else the one with the fewest. Every union of strings, prefixes and suffixes is found that has one; of
//! templates, those that follow the language's segments. Only where several templates and suffixes run through each other
//! may one be missed, and then the answer is a loss that still holds.
//!
//! **Tightest, wider.** The language is cut into parts: plain strings and beginnings, and one part for each way into a
//! loop. Each part gets its least words: a `Template`, the longest `Prefix` or the longest `Suffix` that all its strings
//! share, whichever spells out most. Then no word can be left out, and none replaced by a smaller `Exact`, `Prefix` or
//! `Suffix`, or by a smaller template that follows the language's own segments. Where the target can subtract, what lies
//! beyond the language and has a word of its own is taken off again, up to [`MAX_EXCEPTIONS`] words.
//!
//! **Tightest, narrower.** All the greatest words inside the language that a walk finds which is in no state twice: every
//! prefix and suffix after, or before, which everything is taken; templates that follow its segments; strings that meet no
//! loop. A finite language that is too long a list gives its shortest strings.
//!
//! The same language gives the same words, whatever expression it came from.

use std::cell::RefCell;
use std::collections::HashMap;

use super::dialect::PatternError;
use super::domain::Domain;
use super::graph::{Graph, Reach, Steps};
use super::language::Language;
use super::relate::{self, Relation, Undecided};
use super::words::{self, MAX_SEGMENTS, ONE, REST, Said, Vocabulary, Word, is_template_byte};

/// Words that a bound takes off again, at most: more of them than a person reads.
const MAX_EXCEPTIONS: usize = 8;
/// A saying of so many words is taken, and no other looked for.
const PLAIN_WORDS: usize = 8;
/// Words that are compiled one by one, to be used again; more of them are compiled together.
const ONE_BY_ONE: usize = 32;
/// Words of a list, however many more a target has.
const MAX_WORDS: usize = 512;
/// Templates that are looked at for one language.
const MAX_TEMPLATES: usize = 32;
/// `{*}` in a template that is looked at, at most.
const MAX_OPERATORS: usize = 5;
/// Literal segments side by side that are spelled out in templates.
const MAX_LITERAL_SEGMENTS: usize = 8;
/// Into how many parts a language is cut for its wider bound: the first that gives no more words than can be refined.
const CUTS: [usize; 3] = [MAX_REFINED, 4, 1];
/// Words of a wider bound that are tried one by one for a smaller one.
const MAX_REFINED: usize = 32;

/// What a policy's words can say of a language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Everything: no condition on a path; of a header, that it is there.
    Any,
    /// Nothing: the condition can never hold.
    Never,
    /// These words take its strings and no others.
    Exactly(Said),
    /// No words do.
    Loss(Loss),
}

/// A language between two bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Takes all its strings and the witness, which is none of them.
    pub wider: Option<Bound>,
    /// Takes only strings of it, and not the witness, which is one. None where no word fits inside: the grant is left out.
    pub narrower: Option<Bound>,
}

/// One side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What it takes.
    pub says: BoundSaying,
    /// The shortest string on which it and the language differ, the smallest of those.
    pub witness: String,
}

/// What a bound takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundSaying {
    /// Everything.
    Any,
    /// What these words take.
    Words(Said),
}

/// Says `language` in the words of `vocabulary`: exactly where that was proved, else between the tightest bounds.
///
/// # Errors
/// When its states, or those of a comparison, are too many.
pub fn say(language: &Language, vocabulary: &Vocabulary) -> Result<Saying, Undecided> {
    let graph = Graph::of(&[language], |inside| inside[0])?;
    if graph.is_any() {
        return Ok(Saying::Any);
    }
    if graph.is_empty() {
        return Ok(Saying::Never);
    }
    let most = vocabulary.most.min(MAX_WORDS);
    let speaker = Speaker { language, vocabulary, most, known: RefCell::default() };
    let plain = speaker.plain(&graph, speaker.most);
    if let Some(any_of) = plain.as_ref().filter(|words| speaker.is_short(words)) {
        let said = Said { any_of: any_of.clone(), none_of: Vec::new() };
        if speaker.proved(&said)? {
            return Ok(Saying::Exactly(said));
        }
    }
    let graph = graph.minimal()?;
    let mut sayings: Vec<Said> = plain.into_iter().map(union_of).collect();
    if sayings.is_empty() {
        sayings.extend(speaker.union(&[language], |inside| inside[0])?.map(union_of));
    }
    if let Some(said) = speaker.short_of(&mut sayings)? {
        return Ok(Saying::Exactly(said));
    }
    if vocabulary.except {
        for around in [speaker.cover(&graph)?, speaker.everything().map(|word| vec![word])].into_iter().flatten() {
            sayings.extend(speaker.less_than(around)?);
            if let Some(said) = speaker.short_of(&mut sayings)? {
                return Ok(Saying::Exactly(said));
            }
        }
    }
    let wider = speaker.wider(&graph)?;
    if let Some(around) = wider.clone().filter(|_| vocabulary.except) {
        sayings.extend(speaker.less_than(around)?);
    }
    let above = speaker.above(wider.as_deref())?;
    sayings.extend(above.clone());
    sayings.iter_mut().for_each(Said::put_in_order);
    sayings.sort_by_key(Said::len);
    for said in sayings {
        if speaker.proved(&said)? {
            return Ok(Saying::Exactly(said));
        }
    }
    Ok(Saying::Loss(Loss { wider: Some(speaker.bound_above(above)?), narrower: speaker.bound_below(&graph)? }))
}

/// One language that is to be said in one vocabulary.
struct Speaker<'a> {
    language: &'a Language,
    vocabulary: &'a Vocabulary,
    most: usize,
    /// Words that were compiled before.
    known: RefCell<HashMap<Word, Language>>,
}

// === impl Speaker ===

impl Speaker<'_> {
    fn domain(&self) -> Domain {
        self.language.domain()
    }

    // --- proof ---

    fn compiled(&self, words: &[Word]) -> Result<Vec<Language>, Undecided> {
        if words.len() > ONE_BY_ONE {
            return words::languages(self.domain(), words).map_err(too_large);
        }
        words
            .iter()
            .map(|word| {
                if let Some(language) = self.known.borrow().get(word) {
                    return Ok(language.clone());
                }
                let language = word.language(self.domain()).map_err(too_large)?;
                self.known.borrow_mut().insert(word.clone(), language.clone());
                Ok(language)
            })
            .collect()
    }

    /// Whether a saying that subtracts need not be looked for.
    fn is_short(&self, words: &[Word]) -> bool {
        !self.vocabulary.except || words.len() <= PLAIN_WORDS || words.iter().all(|word| matches!(word, Word::Exact(_)))
    }

    fn relation(&self, said: &Said) -> Result<Relation, Undecided> {
        relate::said_relate(self.language, &self.compiled(&said.any_of)?, &self.compiled(&said.none_of)?)
    }

    fn proved(&self, said: &Said) -> Result<bool, Undecided> {
        Ok(self.relation(said)? == Relation::Equal)
    }

    /// The strings for which `judge` holds, told whether they are in the language, and in any of `words`.
    fn graph_with(&self, words: &[Word], judge: impl Fn(bool, bool) -> bool) -> Result<Graph, Undecided> {
        let others = self.compiled(words)?;
        let all: Vec<&Language> = std::iter::once(self.language).chain(&others).collect();
        Graph::of(&all, |inside| judge(inside[0], inside[1..].contains(&true)))?.minimal()
    }

    // --- words for what was read off ---

    fn word(&self, reach: Reach) -> Option<Word> {
        let word = match reach {
            Reach::This(text) => Word::Exact(text),
            Reach::Below(text) => Word::Prefix(text),
        };
        self.vocabulary.has(&word).then_some(word)
    }

    fn word_backwards(&self, reach: Reach) -> Option<Word> {
        let turned = |text: String| text.chars().rev().collect();
        let word = match reach {
            Reach::This(text) => Word::Exact(turned(text)),
            Reach::Below(text) => Word::Suffix(turned(text)),
        };
        self.vocabulary.has(&word).then_some(word)
    }

    /// A word for every value, if there is one.
    fn everything(&self) -> Option<Word> {
        let root = match self.domain() {
            Domain::Path => Some(Word::Prefix("/".to_owned())),
            Domain::HeaderValue => None,
        };
        [Some(Word::Present), root].into_iter().flatten().find(|word| self.vocabulary.has(word))
    }

    // --- exactly ---

    /// `graph` as a finite union of strings and beginnings.
    fn plain(&self, graph: &Graph, most: usize) -> Option<Vec<Word>> {
        graph.union(most)?.into_iter().map(|reach| self.word(reach)).collect()
    }

    /// The strings of `languages` for which `judge` holds as a union of words, where there is one.
    fn union(&self, languages: &[&Language], judge: impl Fn(&[bool]) -> bool) -> Result<Option<Vec<Word>>, Undecided> {
        let graph = Graph::of(languages, &judge)?;
        if let Some(words) = self.plain(&graph, self.most) {
            return Ok(Some(words));
        }
        let mut words = self.inside(&graph.minimal()?, self.most)?;
        let compiled = self.compiled(&words)?;
        let all: Vec<&Language> = languages.iter().copied().chain(&compiled).collect();
        let (count, said) = (languages.len(), |inside: &[bool]| inside.contains(&true));
        let rest = Graph::of(&all, |inside| judge(&inside[..count]) && !said(&inside[count..]))?;
        let Some(rest) = self.plain(&rest, self.most) else { return Ok(None) };
        words.extend(rest);
        Ok((words.len() <= self.most).then_some(words))
    }

    /// `around`, which is wider than the language, less a union of words for what is beyond it; none without such a union.
    fn less_than(&self, any_of: Vec<Word>) -> Result<Option<Said>, Undecided> {
        let compiled = self.compiled(&any_of)?;
        let all: Vec<&Language> = std::iter::once(self.language).chain(&compiled).collect();
        let beyond = self.union(&all, |inside| !inside[0] && inside[1..].contains(&true))?;
        Ok(beyond.map(|none_of| Said { any_of, none_of }))
    }

    /// The last of `sayings` if it is so short that no other need be looked for, and proved.
    fn short_of(&self, sayings: &mut [Said]) -> Result<Option<Said>, Undecided> {
        let Some(said) = sayings.last_mut().filter(|said| said.len() <= PLAIN_WORDS) else { return Ok(None) };
        said.put_in_order();
        Ok(self.proved(said)?.then(|| said.clone()))
    }

    // --- inside ---

    /// The greatest words inside `graph`, which is minimal; `most` words at most. Templates are looked for in what the
    /// other words leave, where these do not blur its segments.
    fn inside(&self, graph: &Graph, most: usize) -> Result<Vec<Word>, Undecided> {
        let mut words = self.greatest(self.reaches(graph, most)?, most)?;
        let mut templates = self.templates(graph)?;
        if !templates.is_empty() && !words.is_empty() {
            templates.extend(self.templates(&graph.without(&self.compiled(&words)?)?.minimal()?)?);
        }
        for template in templates {
            if graph.holds(&self.compiled(std::slice::from_ref(&template))?)? {
                words.push(template);
            }
        }
        self.greatest(words, most)
    }

    /// Words for what walks of `graph` reach, from its start and from its end.
    fn reaches(&self, graph: &Graph, most: usize) -> Result<Vec<Word>, Undecided> {
        let found = |graph: &Graph| {
            graph.reaches(Steps::Every, most).or_else(|| graph.reaches(Steps::Sole, most)).unwrap_or_default()
        };
        let mut words: Vec<Word> = found(graph).into_iter().filter_map(|reach| self.word(reach)).collect();
        if self.vocabulary.suffix {
            words.extend(found(&graph.backwards()?).into_iter().filter_map(|reach| self.word_backwards(reach)));
        }
        Ok(words)
    }

    /// `words` without those that the others say already, prefixes first and strings last; `most` at most.
    fn greatest(&self, mut words: Vec<Word>, most: usize) -> Result<Vec<Word>, Undecided> {
        in_order(&mut words);
        words.dedup();
        let mut kept: Vec<Word> = Vec::new();
        for word in words {
            let mut said = false;
            for other in &kept {
                said = said || self.contains(other, &word)?;
            }
            if !said {
                kept.push(word);
            }
        }
        kept.truncate(most);
        if kept.len() > MAX_REFINED {
            return Ok(kept);
        }
        for at in (0..kept.len()).rev() {
            let mut others = kept.clone();
            let word = others.remove(at);
            let (word, rest) = (self.compiled(&[word])?, self.compiled(&others)?);
            let needed = relate::union_relate(&word.iter().collect::<Vec<_>>(), &rest.iter().collect::<Vec<_>>())?;
            if matches!(needed, Relation::Equal | Relation::Subset { .. }) {
                kept = others;
            }
        }
        Ok(kept)
    }

    /// Whether `wide` takes all that `word` takes.
    fn contains(&self, wide: &Word, word: &Word) -> Result<bool, Undecided> {
        Ok(match (wide, word) {
            (Word::Present, _) => true,
            (Word::Exact(wide), Word::Exact(text)) => wide == text,
            (Word::Prefix(head), Word::Exact(text) | Word::Prefix(text)) => text.starts_with(head),
            (Word::Suffix(tail), Word::Exact(text) | Word::Suffix(text)) => text.ends_with(tail),
            (Word::Prefix(head), Word::Template(text)) => text.split('{').next().unwrap_or_default().starts_with(head),
            (Word::Suffix(tail), Word::Template(text)) => text.rsplit('}').next().unwrap_or_default().ends_with(tail),
            (Word::Template(_), Word::Exact(_) | Word::Template(_)) => {
                let (wide, word) =
                    (self.compiled(std::slice::from_ref(wide))?, self.compiled(std::slice::from_ref(word))?);
                matches!(relate::relate(&word[0], &wide[0])?, Relation::Equal | Relation::Subset { .. })
            }
            // Rarely true, as in `*/`, which every path has; the proof of the whole list finds those.
            (Word::Exact(_) | Word::Prefix(_) | Word::Suffix(_) | Word::Template(_), _) => false,
        })
    }

    // --- templates ---

    /// Templates that follow the segments of `graph`: candidates, neither inside it nor around it for certain.
    fn templates(&self, graph: &Graph) -> Result<Vec<Word>, Undecided> {
        if !self.vocabulary.template || self.domain() != Domain::Path {
            return Ok(Vec::new());
        }
        let tail = template_tail(&turned(&graph.backwards()?.common_beginning()));
        let spelled = |(text, _): &(String, Vec<usize>)| text.bytes().all(is_template_byte);
        let mut found: Vec<String> = Vec::new();
        let root = graph.after(&[0], b'/');
        let mut open = vec![Segments { states: root, text: "/".to_owned(), walked: Vec::new() }];
        while let Some(at) = open.pop() {
            let long = at.walked.len() >= MAX_SEGMENTS - 1 || at.text.matches(ONE).count() > MAX_OPERATORS;
            if long || found.len() >= MAX_TEMPLATES || at.states.is_empty() {
                continue;
            }
            if graph.any_whole(&at.states) {
                found.push(format!("{}{REST}", at.text));
                continue;
            }
            let literal = graph.segments(&at.states, MAX_LITERAL_SEGMENTS);
            if literal.is_none() {
                found.push(format!("{}{REST}", at.text));
                if !at.text.contains(ONE) {
                    let below = graph.after(&graph.reachable(&at.states), b'/');
                    let segments = graph.sole_segments(&below, MAX_LITERAL_SEGMENTS).into_iter().filter(spelled);
                    let last = segments.filter(|(_, ends)| graph.ends_inside(ends));
                    found.extend(last.map(|(segment, _)| format!("{}{REST}/{segment}", at.text)));
                }
                found.extend(tail.iter().map(|tail| at.with_tail(tail)));
            }
            let next: Vec<(String, Vec<usize>)> = match literal {
                Some(segments) => segments.into_iter().filter(spelled).collect(),
                None => {
                    let mut next = graph.sole_segments(&at.states, MAX_LITERAL_SEGMENTS);
                    next.retain(spelled);
                    next.push((ONE.to_owned(), graph.after_segment(&at.states)));
                    next
                }
            };
            for (segment, ends) in next {
                let text = format!("{}{segment}", at.text);
                if graph.ends_inside(&ends) {
                    found.push(text.clone());
                }
                let below = graph.after(&ends, b'/');
                let text = format!("{text}/");
                if graph.ends_inside(&below) {
                    found.push(text.clone());
                }
                let mut walked = at.walked.clone();
                walked.push((at.states.clone(), at.text.clone()));
                match walked.iter().find(|(states, _)| *states == below) {
                    Some((_, first)) => found.extend([format!("{first}{REST}"), format!("{text}{REST}")]),
                    None => open.push(Segments { states: below, text, walked }),
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        let operator = |text: &String| text.contains(ONE) || text.contains(REST);
        let words = found.into_iter().filter(operator).map(Word::Template);
        Ok(words.filter(|word| self.vocabulary.has(word) && word.istio().is_some()).take(MAX_TEMPLATES).collect())
    }

    // --- around ---

    /// The least words that take all of `graph`; none where only everything does.
    fn cover(&self, graph: &Graph) -> Result<Option<Vec<Word>>, Undecided> {
        let head = graph.common_beginning();
        let tail = turned(&graph.backwards()?.common_beginning());
        let ends: Vec<Word> = [
            (!head.is_empty() && (self.domain() != Domain::Path || head.len() > 1)).then(|| Word::Prefix(head.clone())),
            (!tail.is_empty()).then_some(Word::Suffix(tail)),
        ]
        .into_iter()
        .flatten()
        .filter(|word| self.vocabulary.has(word))
        .collect();
        let only = Word::Exact(head);
        if self.vocabulary.has(&only)
            && self.compiled(std::slice::from_ref(&only)).and_then(|only| graph.is_in(&only))?
        {
            return Ok(Some(vec![only]));
        }
        let mut covers: Vec<Vec<Word>> = self.template_cover(graph)?.into_iter().collect();
        covers.extend(ends.into_iter().map(|word| vec![word]));
        let spelled = |words: &Vec<Word>| words.iter().map(spelled_out).min().unwrap_or(0);
        // Of those that spell out as much, the first.
        covers.reverse();
        Ok(covers.into_iter().max_by_key(spelled))
    }

    /// The fewest and most exact templates that together take all of `graph`.
    fn template_cover(&self, graph: &Graph) -> Result<Option<Vec<Word>>, Undecided> {
        let mut kept = self.templates(graph)?;
        if kept.is_empty() || kept.len() > MAX_REFINED || !graph.is_in(&self.compiled(&kept)?)? {
            return Ok(None);
        }
        kept.sort_by_key(spelled_out);
        let mut at = 0;
        while at < kept.len() {
            let mut others = kept.clone();
            others.remove(at);
            if !others.is_empty() && graph.is_in(&self.compiled(&others)?)? {
                kept = others;
            } else {
                at += 1;
            }
        }
        kept.sort_unstable();
        Ok(Some(kept))
    }

    /// The tightest union of words around the language, whose states are `graph`; none where only everything is.
    fn wider(&self, graph: &Graph) -> Result<Option<Vec<Word>>, Undecided> {
        let whole = self.cover(graph)?;
        for most in CUTS {
            let words = match self.parts_around(graph, most.min(self.most))? {
                Some(words) if words.len() <= MAX_REFINED => self.refined(words)?,
                Some(_) | None => continue,
            };
            if words.len() > self.most {
                continue;
            }
            let Some(whole) = whole else { return Ok(Some(words)) };
            let (one, parts) = (self.compiled(&whole)?, self.compiled(&words)?);
            let relation = relate::union_relate(&one.iter().collect::<Vec<_>>(), &parts.iter().collect::<Vec<_>>())?;
            let smaller = match relation {
                Relation::Subset { .. } => true,
                Relation::Equal => whole.len() < words.len(),
                Relation::Superset { .. } | Relation::Overlap { .. } | Relation::Disjoint { .. } => false,
            };
            return Ok(Some(if smaller { whole } else { words }));
        }
        Ok(whole)
    }

    /// The least words for each part of `graph`, cut into no more than about `most`; none where one of them has none.
    fn parts_around(&self, graph: &Graph, most: usize) -> Result<Option<Vec<Word>>, Undecided> {
        let (plain, branches) = graph.parts(most);
        let mut words = Vec::new();
        let mut parts: Vec<Language> = Vec::new();
        for reach in plain {
            let unsaid = match &reach {
                Reach::This(text) => Word::Exact(text.clone()),
                Reach::Below(text) => Word::Prefix(text.clone()),
            };
            match self.word(reach) {
                Some(word) => words.push(word),
                None => parts.extend(self.compiled(&[unsaid])?),
            }
        }
        for (text, bytes) in branches {
            parts.push(words::beginning(self.domain(), &text, &bytes).map_err(too_large)?);
        }
        for part in parts {
            let part = Graph::of(&[self.language, &part], |inside| inside[0] && inside[1])?.minimal()?;
            let Some(cover) = self.cover(&part)? else { return Ok(None) };
            words.extend(cover);
        }
        in_order(&mut words);
        words.dedup();
        Ok(Some(words))
    }

    /// `words` around the language without those that the others make superfluous, each as small as the others allow.
    fn refined(&self, mut words: Vec<Word>) -> Result<Vec<Word>, Undecided> {
        let mut at = words.len();
        while at > 0 {
            at -= 1;
            let mut others = words.clone();
            let word = others.remove(at);
            let rest = self.graph_with(&others, |inside, said| inside && !said)?;
            if rest.is_empty() {
                words = others;
                continue;
            }
            if let Some([smaller]) = self.cover(&rest)?.as_deref() {
                let both = (self.compiled(std::slice::from_ref(smaller))?, self.compiled(&[word])?);
                if matches!(relate::relate(&both.0[0], &both.1[0])?, Relation::Subset { .. }) {
                    words[at] = smaller.clone();
                }
            }
        }
        Ok(words)
    }

    // --- the bounds ---

    /// What to say around the language, given the words around it; none where only everything is.
    fn above(&self, wider: Option<&[Word]>) -> Result<Option<Said>, Undecided> {
        let Some(any_of) = wider.map(<[Word]>::to_vec).or_else(|| self.everything().map(|word| vec![word])) else {
            return Ok(None);
        };
        let none_of = if self.vocabulary.except { self.exceptions(&any_of)? } else { Vec::new() };
        Ok((wider.is_some() || !none_of.is_empty()).then_some(Said { any_of, none_of }))
    }

    /// Words for what `around` takes beyond the language, none of which takes anything of it.
    fn exceptions(&self, around: &[Word]) -> Result<Vec<Word>, Undecided> {
        let beyond = self.graph_with(around, |inside, said| !inside && said)?;
        let most = self.most.min(MAX_EXCEPTIONS);
        let mut words = self.reaches(&beyond, most)?;
        for template in self.templates(&beyond)? {
            let taken = self.compiled(std::slice::from_ref(&template))?;
            let apart = matches!(relate::relate(self.language, &taken[0])?, Relation::Disjoint { .. });
            if apart && beyond.meets(&taken)? {
                words.push(template);
            }
        }
        self.greatest(words, most)
    }

    fn bound_above(&self, above: Option<Said>) -> Result<Bound, Undecided> {
        let Some(said) = above else {
            let witness = relate::first_where(self.language, false).unwrap_or_default();
            return Ok(Bound { says: BoundSaying::Any, witness });
        };
        match self.relation(&said)? {
            Relation::Subset { only_right: witness } => Ok(Bound { says: BoundSaying::Words(said), witness }),
            other => Err(unproved(&other)),
        }
    }

    fn bound_below(&self, graph: &Graph) -> Result<Option<Bound>, Undecided> {
        let any_of = if graph.is_finite() {
            let strings = graph.first_strings(self.most).into_iter().map(Word::Exact);
            strings.filter(|word| self.vocabulary.has(word)).collect()
        } else {
            self.inside(graph, self.most)?
        };
        if any_of.is_empty() {
            return Ok(None);
        }
        let said = Said { any_of, none_of: Vec::new() };
        match self.relation(&said)? {
            Relation::Superset { only_left: witness } => Ok(Some(Bound { says: BoundSaying::Words(said), witness })),
            other => Err(unproved(&other)),
        }
    }
}

fn too_large(_: PatternError) -> Undecided {
    Undecided { limit: relate::PAIR_LIMIT }
}

fn union_of(any_of: Vec<Word>) -> Said {
    Said { any_of, none_of: Vec::new() }
}

// === impl Said ===

impl Said {
    fn len(&self) -> usize {
        self.any_of.len() + self.none_of.len()
    }

    fn put_in_order(&mut self) {
        in_order(&mut self.any_of);
        in_order(&mut self.none_of);
    }
}

/// A bound that does not hold is not given: it would be a mistake of this file.
fn unproved(relation: &Relation) -> Undecided {
    debug_assert!(false, "a bound that does not hold: {relation:?}");
    Undecided { limit: relate::PAIR_LIMIT }
}

// --- words ---

/// Prefixes first, then suffixes, templates and strings; the short before the long.
fn rank(word: &Word) -> (usize, usize, &str) {
    match word {
        Word::Present => (0, 0, ""),
        Word::Prefix(text) => (1, text.len(), text),
        Word::Suffix(text) => (2, text.len(), text),
        Word::Template(text) => (3, text.len(), text),
        Word::Exact(text) => (4, text.len(), text),
    }
}

fn in_order(words: &mut [Word]) {
    words.sort_by(|one, other| rank(one).cmp(&rank(other)));
}

/// Characters that a word spells out.
fn spelled_out(word: &Word) -> usize {
    match word {
        Word::Present => 0,
        Word::Exact(text) | Word::Prefix(text) | Word::Suffix(text) => text.len(),
        Word::Template(text) => text.replace(REST, "").replace(ONE, "").len(),
    }
}

fn turned(text: &str) -> String {
    text.chars().rev().collect()
}

// --- templates ---

/// A place between segments, on the way to templates.
struct Segments {
    /// Where the language may be.
    states: Vec<usize>,
    /// What a template has so far, up to a `/`.
    text: String,
    /// The places on the way here.
    walked: Vec<(Vec<usize>, String)>,
}

// === impl Segments ===

impl Segments {
    /// The template that ends here with `{**}` and the segments that all strings end with.
    fn with_tail(&self, tail: &str) -> String {
        format!("{}{REST}{tail}", self.text)
    }
}

/// As much of a common ending as a template can have after an operator: whole segments.
fn template_tail(ending: &str) -> Option<String> {
    let tail = &ending[ending.find('/')?..];
    let spelled = |segment: &str| segment.bytes().all(is_template_byte);
    tail.split('/').all(spelled).then(|| tail.to_owned())
}
