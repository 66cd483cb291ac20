//! Every golden request about access, answered by direct evaluation.

use smi2gamma::mappings::{self, AccessGolden, AccessReading, AccessRequest, Permitted, PolicyGolden, PolicyReading};
use smi2gamma::verify::{Absent, Field, Given, Request, Source};
use smi2gamma::verify::{Destination, access};

use super::world::{Texts, account, pods};

macro_rules! goldens {
    ($reading:expr, [$($field:ident),+ $(,)?]) => {
        vec![$((stringify!($field), $reading.$field.golden.as_slice())),+]
    };
}

fn of_access(reading: &AccessReading) -> Vec<(&'static str, &[AccessGolden])> {
    goldens!(
        reading,
        [
            enforcement,
            rules,
            path,
            header,
            empty_match,
            host_header,
            no_matches,
            missing_match,
            missing_group,
            missing_route,
            no_rules,
            no_sources,
            destination_namespace,
            other_namespace,
            source_namespace,
            destination_port,
            tcp_ports,
            every_port_beside_some,
            tcp_on_http,
            tcp_beside_http,
            http_beside_tcp,
            http_on_opaque,
            opaque_sources,
            udp_rule,
            overlap,
            protocol,
            unserved_ports,
            allowances,
        ]
    )
}

fn of_policy(reading: &PolicyReading) -> Vec<(&'static str, &[PolicyGolden])> {
    goldens!(
        reading,
        [identity, path, header, method, port, overlap, http_on_opaque, posture, audit, default_deny, allowances]
    )
}

const GATE: &str = "
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: gate, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/waypoint]}}]}]
";

/// The request of a golden; on a port that speaks no HTTP, a connection.
fn request(golden: &AccessRequest) -> (u16, Request) {
    let port = golden.port.unwrap_or(8080);
    let source = golden.source.as_ref().map_or(Source::Unauthenticated, |written| {
        let (namespace, name) = written.split_once('/').unwrap_or(("shop", written));
        Source::Identity { namespace: namespace.to_owned(), service_account: name.to_owned() }
    });
    let to = Destination::Workload { namespace: Some("shop".into()), service_account: "api".into(), port: Some(port) };
    if port == 9000 {
        return (port, Request { source, to, method: String::new(), path: String::new(), fields: [].into() });
    }
    let header = |(name, value): (&String, &String)| (Field::Header(name.to_ascii_lowercase()), value.clone());
    let request = Request {
        source,
        to,
        method: golden.method.clone().unwrap_or_else(|| "GET".into()),
        path: golden.path.clone().unwrap_or_else(|| "/".into()),
        fields: golden.headers.iter().map(header).collect(),
    };
    (port, request)
}

fn said(texts: &Texts, from: &str, to: &str, golden: &AccessRequest, before: bool) -> Option<Permitted> {
    let given = Given { services: Absent::Exists, prepared: true };
    let (port, request) = request(golden);
    let answer = texts.ask(from, to, |one, other, pods| {
        let side = if before { one } else { other };
        access::simulate(side, pods, &account("api"), port, &request, &given).0
    });
    match answer.permits() {
        Some(true) => Some(Permitted::Allowed),
        Some(false) => Some(Permitted::Denied),
        None => {
            eprintln!("{answer}");
            None
        }
    }
}

#[test]
fn source_meshes_let_through_what_their_golden_requests_say() {
    let mut wrong = Vec::new();
    let mut asked = 0;
    for mesh in mappings::sources() {
        let Some(reading) = &mesh.access else { continue };
        for (row, goldens) in of_access(reading) {
            for golden in goldens {
                asked += 1;
                let texts = Texts::new(&pods(&["api"], false), &golden.smi, "");
                let answer = said(&texts, &mesh.name, "linkerd", &golden.request, true);
                if answer != Some(golden.answer) {
                    wrong.push(format!("{} {row}: {:?} instead of {golden:#?}", mesh.name, answer));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 100, "{asked}");
}

#[test]
fn targets_let_through_what_their_golden_requests_say() {
    let mut wrong = Vec::new();
    for target in mappings::targets() {
        let Some(reading) = &target.policy else { continue };
        for (row, goldens) in of_policy(reading) {
            for golden in goldens {
                // Policy of a waypoint is asked about where nothing but the waypoint reaches the pods.
                let guarded = golden.policy.contains("kind: Service, name: api}") && !golden.policy.contains("dry-run");
                let gate = if guarded { GATE } else { "" };
                let texts = Texts::new(&pods(&["api"], true), "", &format!("{}{gate}", golden.policy));
                let answer = said(&texts, "osm", &target.name, &golden.request, false);
                if answer != Some(golden.answer) {
                    wrong.push(format!("{} {row}: {:?} instead of {golden:#?}", target.name, answer));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
