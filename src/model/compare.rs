//! Whether two meshes made the same of one split, and a request that shows it when they did not.

use super::{HeaderPattern, Methods, PathPattern, RequestPattern, Split};
use crate::pattern::{Language, Relation, relate};

/// A request on which two readings differ, in words; empty where the difference is not one of requests.
pub type Witness = String;

/// `Ok` if both splits send every request to the same backends with the same shares.
///
/// # Errors
/// A request on which they differ, as `GET /path` with headers.
pub fn same(left: &Split, right: &Split) -> Result<(), Witness> {
    let Split { root, condition, unmatched, backends } = left;
    let shares = |split: &Split| -> Vec<_> {
        let mut shares: Vec<_> = split.backends.iter().map(|share| (share.service.clone(), share.weight)).collect();
        shares.sort();
        shares
    };
    if *root != right.root || shares(left) != shares(right) {
        let _ = backends;
        return Err("GET /".to_owned());
    }
    match (condition, &right.condition) {
        (None, None) => Ok(()),
        (Some(left_patterns), Some(right_patterns)) => {
            same_patterns(left_patterns, right_patterns)?;
            if *unmatched == right.unmatched { Ok(()) } else { Err("a request that no match takes".to_owned()) }
        }
        (Some(_), None) | (None, Some(_)) => Err("a request that no match takes".to_owned()),
    }
}

pub(super) fn same_patterns(left: &[RequestPattern], right: &[RequestPattern]) -> Result<(), Witness> {
    if left.len() != right.len() {
        return Err("a request that only some of the matches take".to_owned());
    }
    left.iter().zip(right).try_for_each(|(left, right)| same_pattern(left, right))
}

/// Whether two patterns take the same requests.
pub(super) fn same_pattern(left: &RequestPattern, right: &RequestPattern) -> Result<(), Witness> {
    let method = match &left.methods {
        Methods::Only(methods) => methods.first().copied().unwrap_or("GET"),
        Methods::Any => "GET",
    };
    if left.methods != right.methods {
        return Err(format!("{method} /"));
    }
    same_path(left.path.as_ref(), right.path.as_ref()).map_err(|path| format!("{method} {path}"))?;
    if left.headers.len() != right.headers.len() {
        return Err(format!("{method} / without headers"));
    }
    left.headers
        .iter()
        .zip(&right.headers)
        .try_for_each(|(left, right)| same_header(left, right))
        .map_err(|header| format!("{method} / with header `{header}`"))?;
    match (&left.authority, &right.authority) {
        (None, None) => Ok(()),
        (Some(left), Some(right)) => {
            same_header(left, right).map_err(|header| format!("{method} / with header `{header}`"))
        }
        (Some(_), None) | (None, Some(_)) => Err(format!("{method} / for another host")),
    }
}

fn same_path(left: Option<&PathPattern>, right: Option<&PathPattern>) -> Result<(), String> {
    match (left, right) {
        (None, None) => Ok(()),
        (Some(left), Some(right)) => witness(&left.language, &right.language).map_or(Ok(()), Err),
        (Some(path), None) | (None, Some(path)) if path.language.is_any() => Ok(()),
        (Some(_), None) | (None, Some(_)) => Err("/".to_owned()),
    }
}

fn same_header(left: &HeaderPattern, right: &HeaderPattern) -> Result<(), String> {
    if !left.name.eq_ignore_ascii_case(&right.name) {
        return Err(left.name.clone());
    }
    witness(&left.language, &right.language).map_or(Ok(()), |value| Err(format!("{}: {value}", left.name)))
}

/// A string on which two languages differ; none if they are equal.
fn witness(left: &Language, right: &Language) -> Option<String> {
    match relate(left, right) {
        Ok(Relation::Equal) => None,
        Ok(Relation::Subset { only_right }) => Some(only_right),
        Ok(Relation::Superset { only_left } | Relation::Overlap { only_left, .. }) => Some(only_left),
        Ok(Relation::Disjoint { left, .. }) => Some(left),
        Err(undecided) => Some(format!("(not decided: {undecided})")),
    }
}
