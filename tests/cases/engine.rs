//! What an engine does with a request under emitted routes, read from the manifests alone.
//!
//! It says again what `src/verify/after` says, on purpose: it was written by itself, and where the two disagree one of them is wrong.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use regex_automata::Input;
use regex_automata::meta::Regex;
use serde_json::Value;
use smi2gamma::mappings::RegexRank;

/// A request to one port of a Service.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub headers: BTreeMap<String, String>,
}

/// Which of several rules that take a request applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first one that is written.
    Written,
    /// By path, as a target ranks it; then by method, then by the number of headers, then the first one.
    Ranked(RegexRank),
}

/// Backend names and weights of the rule that applies; empty where none takes the request.
pub fn answer(routes: &[&Value], request: &Request, order: Order) -> Vec<(String, u32)> {
    let rules = routes.iter().flat_map(|route| route["spec"]["rules"].as_array().unwrap());
    let mut best: Option<(Rank, &Value)> = None;
    for rule in rules {
        for rank in ranks(rule, request, order) {
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, rule));
            }
        }
    }
    let backends = best.map(|(_, rule)| rule["backendRefs"].as_array().unwrap()).into_iter().flatten();
    let share = |backend: &Value| {
        let weight = u32::try_from(backend["weight"].as_u64().unwrap()).unwrap();
        (backend["name"].as_str().unwrap().to_owned(), weight)
    };
    backends.map(share).collect()
}

/// Kind and length of the path, whether there is a method, how many headers. The larger one applies.
type Rank = (u8, usize, bool, usize);

fn ranks(rule: &Value, request: &Request, order: Order) -> Vec<Rank> {
    let Some(matches) = rule.get("matches") else {
        return vec![rank_of(&Value::Null, request, order).expect("a rule without matches takes everything")];
    };
    matches.as_array().unwrap().iter().filter_map(|item| rank_of(item, request, order)).collect()
}

/// The rank of a match that takes the request.
fn rank_of(item: &Value, request: &Request, order: Order) -> Option<Rank> {
    let (kind, value) = match item.get("path") {
        Some(path) => (path["type"].as_str().unwrap_or("PathPrefix"), path["value"].as_str().unwrap_or("/")),
        None => ("PathPrefix", "/"),
    };
    let path = request.path.as_str();
    let path_fits = match kind {
        "Exact" => path == value,
        "PathPrefix" => {
            value == "/" || path.strip_prefix(value).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => whole(value, path),
    };
    let method = item.get("method").map(|method| method.as_str().unwrap());
    let headers = item.get("headers").map_or(&[] as &[Value], |headers| headers.as_array().unwrap());
    let header_fits = |wanted: &Value| {
        let (name, value) = (wanted["name"].as_str().unwrap(), wanted["value"].as_str().unwrap());
        let given = request.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        given.is_some_and(
            |(_, given)| if wanted["type"] == "RegularExpression" { whole(value, given) } else { given == value },
        )
    };
    if !path_fits || method.is_some_and(|method| method != request.method) || !headers.iter().all(header_fits) {
        return None;
    }
    let (kind, length) = match order {
        Order::Written => return Some((0, 0, false, 0)),
        Order::Ranked(rank) => match (rank, kind) {
            (_, "Exact") => (3, value.len()),
            (RegexRank::MatchedLength | RegexRank::RegexFirst, "PathPrefix") => (1, value.len()),
            (RegexRank::MatchedLength, _) => (1, path.len()),
            (RegexRank::RegexFirst, _) | (RegexRank::PrefixFirst | RegexRank::Unspecified, "PathPrefix") => {
                (2, value.len())
            }
            (RegexRank::PrefixFirst | RegexRank::Unspecified, _) => (1, value.len()),
        },
    };
    Some((kind, length, method.is_some(), headers.len()))
}

/// Whether the first match of an expression is the whole text, as Linkerd asks; then RE2 takes it as a whole too.
fn whole(expression: &str, text: &str) -> bool {
    COMPILED.with_borrow_mut(|known| {
        let regex =
            known.entry(expression.to_owned()).or_insert_with(|| Regex::new(expression).expect("an expression"));
        regex.find(Input::new(text)).is_some_and(|found| found.range() == (0..text.len()))
    })
}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default();
}
