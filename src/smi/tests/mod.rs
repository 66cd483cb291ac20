//! What reading gives, by kind; the numbers of cases are those of the table of tricky inputs.

mod access;
mod fields;
mod found;
mod metrics;
mod shapes;
mod specs;
mod split;

use super::{Found, HttpRouteGroup, Object, PortRoute, Read, TrafficSplit, TrafficTarget, objects, read};
use crate::place::Span;
use crate::yaml::{self, Node};

/// The root of a text that is one document.
fn root(text: &str) -> Node {
    let piece = *yaml::split(text).first().expect("one document");
    yaml::parse(text, piece.span).expect("well-formed YAML").root.expect("a root")
}

/// What the only SMI object of `text` reads as.
fn only(text: &str) -> Read {
    let root = root(text);
    let mut found: Vec<Found<'_>> = objects(&root);
    assert_eq!(found.len(), 1, "one object in {text}");
    read(&found.remove(0)).expect("an object of SMI")
}

fn codes(read: &Read) -> Vec<&'static str> {
    read.problems.iter().map(|problem| problem.code.0).collect()
}

fn blocks(read: &Read) -> bool {
    read.problems.iter().any(super::Problem::blocks)
}

/// The text that the only problem of `code` points at.
fn at<'a>(read: &Read, text: &'a str, code: &str) -> &'a str {
    let spans: Vec<Span> = read.problems.iter().filter(|problem| problem.code.0 == code).map(|p| p.span).collect();
    assert_eq!(spans.len(), 1, "one {code} in {:?}", read.problems);
    spans[0].of(text)
}

fn message<'a>(read: &'a Read, code: &str) -> &'a str {
    let problem = read.problems.iter().find(|problem| problem.code.0 == code);
    &problem.unwrap_or_else(|| panic!("no {code} in {:?}", read.problems)).message
}

fn help<'a>(read: &'a Read, code: &str) -> &'a str {
    let problem = read.problems.iter().find(|problem| problem.code.0 == code);
    problem.and_then(|problem| problem.help.as_deref()).unwrap_or_default()
}

fn split_of(read: &Read) -> &TrafficSplit {
    match read.object.as_ref() {
        Some(Object::TrafficSplit(split)) => split,
        other => panic!("no TrafficSplit: {other:?}"),
    }
}

fn target_of(read: &Read) -> &TrafficTarget {
    match read.object.as_ref() {
        Some(Object::TrafficTarget(target)) => target,
        other => panic!("no TrafficTarget: {other:?}"),
    }
}

fn group_of(read: &Read) -> &HttpRouteGroup {
    match read.object.as_ref() {
        Some(Object::HttpRouteGroup(group)) => group,
        other => panic!("no HTTPRouteGroup: {other:?}"),
    }
}

fn ports_of(read: &Read) -> &PortRoute {
    match read.object.as_ref() {
        Some(Object::TcpRoute(route) | Object::UdpRoute(route)) => route,
        other => panic!("no port route: {other:?}"),
    }
}
