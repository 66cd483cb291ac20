//! Whether all meshes that served a TrafficTarget made the same of it, and a request that shows it when they did not.

use std::collections::BTreeSet;

use super::{AccessMeaning, AccessSurroundings, read};
use crate::code;
use crate::mappings;
use crate::model::RequestPattern;
use crate::model::compare::same_patterns;
use crate::model::grant::{Grant, Numbering, Ports, Principal, Requests};
use crate::model::reading::describe_pattern;
use crate::model::split::Refusal;
use crate::place::{Place, SourceId};
use crate::report::Finding;
use crate::smi::TrafficTarget;

type Reading = Result<AccessMeaning, Refusal>;

/// What all meshes that served `target` made of it.
///
/// # Errors
/// The finding that shows where they part, or what keeps all of them from converting it.
pub(super) fn alike(target: &TrafficTarget, source: SourceId, around: AccessSurroundings<'_>) -> Reading {
    let served = |(_, reading): &(_, Reading)| !matches!(reading, Ok(AccessMeaning::NotServed(_)));
    let readings: Vec<(&mappings::Source, Reading)> =
        mappings::sources().iter().map(|mesh| (mesh, read(target, source, mesh, around))).filter(served).collect();
    let Some(((_, first), others)) = readings.split_first() else {
        return Ok(AccessMeaning::NotServed(format!("TrafficTarget {}", target.meta.id.version)));
    };
    match others.iter().find_map(|(_, other)| difference(first, other)) {
        None => first.clone(),
        Some(witness) => Err(Box::new(undecided(&readings, &witness, target, source))),
    }
}

/// What tells two readings apart, as a request; none if they come to the same.
fn difference(left: &Reading, right: &Reading) -> Option<String> {
    match (left, right) {
        (Ok(AccessMeaning::Grant(left, _)), Ok(AccessMeaning::Grant(right, _))) => same(left, right).err(),
        (Ok(AccessMeaning::NoEffect { .. }), Ok(AccessMeaning::NoEffect { .. }))
        | (Ok(AccessMeaning::NotServed(_)), Ok(AccessMeaning::NotServed(_))) => None,
        (Err(left), Err(right)) if left.code == right.code => None,
        _ => Some("any request to the destination".to_owned()),
    }
}

/// `Ok` if both allow the same.
///
/// # Errors
/// A request that only one of them allows, in words.
fn same(left: &Grant, right: &Grant) -> Result<(), String> {
    let Grant { destination, sources, numbering, http_ports, requests, opaque_ports, udp_ports, unserved, place: _ } =
        left;
    let set = |principals: &[Principal]| principals.iter().cloned().collect::<BTreeSet<_>>();
    if set(destination) != set(&right.destination) {
        return Err("any request to the destination".to_owned());
    }
    let who = |sources: &[(Principal, Place)]| sources.iter().map(|(who, _)| who.clone()).collect::<BTreeSet<_>>();
    if let Some(one) = who(sources).symmetric_difference(&who(&right.sources)).next() {
        return Err(format!("any request from {}", describe_principal(one)));
    }
    let same_ports = |left: &Ports, right: &Ports, what: &str| match first_apart(left, right) {
        Some(port) => Err(format!("{what} on {port}")),
        None => Ok(()),
    };
    same_ports(http_ports, &right.http_ports, "a request")?;
    same_ports(opaque_ports, &right.opaque_ports, "a connection that is not HTTP")?;
    same_ports(udp_ports, &right.udp_ports, "a datagram")?;
    let numbered = [http_ports, opaque_ports, udp_ports].into_iter().any(|ports| match ports {
        Ports::Every => false,
        Ports::Only(numbers) => !numbers.is_empty(),
    });
    if numbered && *numbering != right.numbering {
        return Err("a Service whose port is not the port that its pods listen on".to_owned());
    }
    if *unserved != right.unserved {
        return Err("a port of the pods that no Service leads to".to_owned());
    }
    match (requests, &right.requests) {
        (Requests::Every, Requests::Every) => Ok(()),
        (Requests::Any(left), Requests::Any(right)) => same_patterns(left, right),
        (Requests::Every, Requests::Any(patterns)) | (Requests::Any(patterns), Requests::Every) => {
            let everything = patterns.iter().any(RequestPattern::is_everything);
            if everything { Ok(()) } else { Err("a request that no match takes".to_owned()) }
        }
    }
}

fn first_apart(left: &Ports, right: &Ports) -> Option<String> {
    match (left, right) {
        (Ports::Every, Ports::Every) => None,
        (Ports::Only(left), Ports::Only(right)) => {
            left.symmetric_difference(right).next().map(|port| format!("port {port}"))
        }
        (Ports::Every, Ports::Only(_)) | (Ports::Only(_), Ports::Every) => Some("a port that is not listed".to_owned()),
    }
}

fn undecided(
    readings: &[(&mappings::Source, Reading)],
    witness: &str,
    target: &TrafficTarget,
    source: SourceId,
) -> Finding {
    let at = Place { source, span: target.meta.name.span };
    let message = "the meshes that served this TrafficTarget read it differently";
    let mut finding = Finding::new(code!("source-mesh-needed"), message).at(at);
    // Readings that came to the same share a line.
    let mut lines: Vec<(Vec<&str>, &Reading)> = Vec::new();
    for (mesh, reading) in readings {
        match lines.iter_mut().find(|(_, known)| difference(known, reading).is_none()) {
            Some((names, _)) => names.push(&mesh.name),
            None => lines.push((vec![&mesh.name], reading)),
        }
    }
    for (names, reading) in lines {
        finding = finding.note(format!("{}: {}", names.join(", "), describe(reading)));
    }
    let known = mappings::names(mappings::sources().iter().map(|mesh| mesh.name.as_str()));
    finding.note(format!("they part at: {witness}")).help(format!("say which mesh ran it with `--from MESH` ({known})"))
}

fn describe(reading: &Reading) -> String {
    match reading {
        Ok(AccessMeaning::Grant(grant, _)) => describe_grant(grant),
        Ok(AccessMeaning::NoEffect { why, findings: _ }) => format!("no effect ({why})"),
        Ok(AccessMeaning::NotServed(what)) => format!("did not serve {what}"),
        Err(finding) => format!("cannot be converted ({})", finding.message),
    }
}

fn describe_grant(grant: &Grant) -> String {
    let mut parts = Vec::new();
    if !grant.http_ports.is_none() && !grant.requests.is_none() {
        let requests = match &grant.requests {
            Requests::Every => "every request".to_owned(),
            Requests::Any(patterns) => {
                let patterns: Vec<String> = patterns.iter().map(describe_pattern).collect();
                format!("requests with {}", patterns.join(", or "))
            }
        };
        parts.push(format!("{requests} on {}", describe_ports(&grant.http_ports, grant.numbering)));
    }
    for (what, ports) in [("connections that are not HTTP", &grant.opaque_ports), ("datagrams", &grant.udp_ports)] {
        if !ports.is_none() {
            parts.push(format!("{what} on {}", describe_ports(ports, grant.numbering)));
        }
    }
    format!("allows {}", parts.join("; "))
}

fn describe_ports(ports: &Ports, numbering: Numbering) -> String {
    let Ports::Only(numbers) = ports else { return "every port".to_owned() };
    let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
    let of = match numbering {
        Numbering::Pod => "of the pods",
        Numbering::Service => "of the Service",
    };
    format!("port {} {of}", numbers.join(", "))
}

fn describe_principal(principal: &Principal) -> String {
    match principal {
        Principal::Account(account) => format!("account {}", account.display()),
        Principal::Spiffe(id) => id.clone(),
        Principal::Pods { labels, .. } => {
            let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("pods with {}", labels.join(","))
        }
    }
}
