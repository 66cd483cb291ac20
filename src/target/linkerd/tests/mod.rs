//! Situations: what grants mean, and what Linkerd does with the manifests that are written for them.

mod build;
mod engine;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::access::{AcceptedLoss, PortProtocol, Side, Workloads};
use crate::inventory::Check;
use crate::manifest::Effect;
use crate::mappings::{Permitted, PolicyGolden, target};

use build::{World, api, ask, port, to, values};
use engine::{Ask, Pods, admit, answer, first_match_is_whole};

/// A name, what is granted, and requests with what is to become of them.
type Situation = (&'static str, World, &'static [(&'static str, bool)]);

fn situations() -> Vec<Situation> {
    let web = || to(&["shop/web"]);
    let ops = || to(&["ops/cron"]);
    vec![
        (
            "each of several sources is let in, nobody else",
            api().with(to(&["shop/web", "mobile/app"]).every(8080)),
            &[
                ("shop/web GET /", true),
                ("mobile/app GET /x", true),
                ("mobile/web GET /", false),
                ("shop/app GET /", false),
                ("- GET /", false),
            ],
        ),
        (
            "a source of another namespace is that one only",
            api().with(to(&["mobile/app"]).http(8080, "GET /a")),
            &[("mobile/app GET /a", true), ("shop/app GET /a", false)],
        ),
        (
            "a port is the port of the pod",
            api().with(web().every(8080)),
            &[("shop/web:8080 GET /", true), ("shop/web:9000 TCP", false)],
        ),
        (
            "every port is every declared port",
            api().with(web().every(8080).opaque(9000).every_port()),
            &[("shop/web:8080 GET /", true), ("shop/web:9000 TCP", true), ("ops/cron:9000 TCP", false)],
        ),
        (
            "a port that nobody may call is closed",
            api().with(web().every(8080)).port(7000, PortProtocol::Http),
            &[("shop/web:7000 GET /", false), ("-:7000 GET /", false)],
        ),
        (
            "a port that only a grant names is covered",
            api().with(web().http(7070, "GET /a")).with(ops().opaque(7071)),
            &[
                ("shop/web:7070 GET /a", true),
                ("shop/web:7070 GET /b", false),
                ("ops/cron:7071 TCP", true),
                ("shop/web:7071 TCP", false),
            ],
        ),
        (
            "an expression stays one",
            api().with(web().http(8080, "GET /v[0-9]+/items")),
            &[
                ("shop/web GET /v12/items", true),
                ("shop/web GET /v/items", false),
                ("shop/web GET /v12/items/1", false),
                ("shop/web GET /x/v12/items", false),
            ],
        ),
        (
            "alternatives are whole under a search that is leftmost first",
            api().with(web().http(8080, "GET /a|/ab")),
            &[("shop/web GET /a", true), ("shop/web GET /ab", true), ("shop/web GET /abc", false)],
        ),
        (
            "alternatives with repetition are whole under a search that is leftmost first",
            api().with(web().http(8080, "GET (/a|/ab)(c|bcd)*.*?")),
            &[("shop/web GET /abcd", true), ("shop/web GET /ab", true), ("shop/web GET /b", false)],
        ),
        (
            "a lazy repetition is whole",
            api().with(web().http(8080, "GET /a.*?")),
            &[("shop/web GET /a", true), ("shop/web GET /abc", true), ("shop/web GET /b", false)],
        ),
        (
            "\\d is a digit",
            api().with(web().http(8080, r"GET /\d+")),
            &[("shop/web GET /7", true), ("shop/web GET /x", false)],
        ),
        (
            "escaped braces and ampersands are literal",
            api().with(web().http(8080, r"GET /\{id\}/[a&]+")),
            &[("shop/web GET /{id}/a&", true), ("shop/web GET /id/a", false), ("shop/web GET /{id}/b", false)],
        ),
        (
            "a literal path is exact",
            api().with(web().http(8080, "GET /api")),
            &[("shop/web GET /api", true), ("shop/web GET /api/", false), ("shop/web GET /apiary", false)],
        ),
        (
            "a prefix goes by elements where the grant does",
            api().with(web().http(8080, "* /api(/.*)?")),
            &[("shop/web GET /api", true), ("shop/web PUT /api/x", true), ("shop/web GET /apiary", false)],
        ),
        (
            "a prefix does not go by elements where the grant does not",
            api().with(web().http(8080, "* /api.*")),
            &[("shop/web GET /api/x", true), ("shop/web GET /apiary", true), ("shop/web GET /ap", false)],
        ),
        (
            "an element that is granted below a prefix of others",
            api().with(web().http(8080, "* /api(/.*)?")).with(ops().http(8080, "* /apiary")),
            &[
                ("ops/cron GET /apiary", true),
                ("shop/web GET /apiary", false),
                ("ops/cron GET /api", false),
                ("shop/web GET /api/iary", true),
            ],
        ),
        (
            "each method of a list",
            api().with(web().http(8080, "GET,POST /a")),
            &[("shop/web GET /a", true), ("shop/web POST /a", true), ("shop/web PUT /a", false)],
        ),
        (
            "no method is every method, also one that no list knows",
            api().with(web().http(8080, "* /a")),
            &[("shop/web DELETE /a", true), ("shop/web PROPFIND /a", true), ("shop/web GET /b", false)],
        ),
        (
            "a header with one value",
            api().with(web().http(8080, "GET /a x-kind=book")),
            &[
                ("shop/web GET /a x-kind=book", true),
                ("shop/web GET /a X-Kind=book", true),
                ("shop/web GET /a x-kind=books", false),
                ("shop/web GET /a", false),
            ],
        ),
        (
            "a header by prefix and by suffix",
            api().with(web().http(8080, "GET /a agent=curl.* tail=.*end")),
            &[
                ("shop/web GET /a agent=curl/8 tail=the-end", true),
                ("shop/web GET /a agent=curl/8 tail=ends", false),
                ("shop/web GET /a agent=wget tail=end", false),
            ],
        ),
        (
            "a header by any expression",
            api().with(web().http(8080, "GET - id=[0-9a-f]{4}(-[0-9a-f]{2})*")),
            &[("shop/web GET /q id=00ff-aa", true), ("shop/web GET /q id=00ff-a", false)],
        ),
        (
            "a header must be there, whatever its value",
            api().with(web().http(8080, "GET /a x=.*")),
            &[("shop/web GET /a x=1", true), ("shop/web GET /a x=", true), ("shop/web GET /a", false)],
        ),
        (
            "a header of alternatives is whole",
            api().with(web().http(8080, "GET /a x=a|ab")),
            &[("shop/web GET /a x=ab", true), ("shop/web GET /a x=a", true), ("shop/web GET /a x=abc", false)],
        ),
        (
            "all conditions of one match hold together, one of several matches is enough",
            api().with(web().http(8080, "GET /a x=1").http(8080, "POST /b")),
            &[
                ("shop/web GET /a x=1", true),
                ("shop/web POST /b", true),
                ("shop/web POST /a x=1", false),
                ("shop/web GET /b", false),
            ],
        ),
        (
            "bytes that are not HTTP are denied where only requests are allowed",
            api().with(web().http(8080, "GET /a")),
            &[("shop/web TCP", false), ("shop/web GET /a", true)],
        ),
        (
            "an opaque port is open to its callers",
            api().with(web().opaque(9000)),
            &[("shop/web:9000 TCP", true), ("ops/cron:9000 TCP", false), ("-:9000 TCP", false)],
        ),
        (
            "requests that are granted on an opaque port open nothing there",
            api().with(web().http(9000, "GET /a").http(8080, "GET /a")),
            &[("shop/web:9000 TCP", false), ("shop/web:9000 GET /a", false), ("shop/web GET /a", true)],
        ),
        (
            "requests on one port only",
            api().port(8081, PortProtocol::Http).with(web().http(8081, "GET /a")),
            &[("shop/web:8081 GET /a", true), ("shop/web:8080 GET /a", false)],
        ),
        (
            "everything for one, some requests for another",
            api().with(web().every(8080)).with(ops().http(8080, "GET /metrics")),
            &[
                ("shop/web GET /metrics", true),
                ("shop/web PUT /x", true),
                ("ops/cron GET /metrics", true),
                ("ops/cron GET /x", false),
                ("ops/cron POST /metrics", false),
            ],
        ),
        (
            "everything for one, the root for another: the prefix is as long as the path",
            api().with(web().every(8080)).with(ops().http(8080, "* /")),
            &[
                ("shop/web GET /", true),
                ("ops/cron GET /", true),
                ("ops/cron GET /a", false),
                ("shop/web GET /a", true),
            ],
        ),
        (
            "a prefix and its own path for different callers",
            api().with(web().http(8080, "* /api(/.*)?")).with(ops().http(8080, "* /api")),
            &[("shop/web GET /api", true), ("ops/cron GET /api", true), ("ops/cron GET /api/x", false)],
        ),
        (
            "nested prefixes",
            api().with(web().http(8080, "* /api(/.*)?")).with(ops().http(8080, "GET /api/v1(/.*)?")),
            &[
                ("shop/web GET /api/v1/x", true),
                ("ops/cron GET /api/v1/x", true),
                ("ops/cron POST /api/v1/x", false),
                ("shop/web POST /api/v1/x", true),
                ("ops/cron GET /api/v2", false),
            ],
        ),
        (
            "a path inside an expression, equally long: the expression is cut",
            api().with(web().http(8080, "GET /a.*")).with(ops().http(8080, "GET /ab")),
            &[
                ("shop/web GET /ab", true),
                ("ops/cron GET /ab", true),
                ("shop/web GET /abc", true),
                ("ops/cron GET /abc", false),
                ("ops/cron GET /a", false),
            ],
        ),
        (
            "two expressions that overlap",
            api().with(web().http(8080, "GET /a.*")).with(ops().http(8080, "GET /.*b")),
            &[
                ("shop/web GET /axb", true),
                ("ops/cron GET /axb", true),
                ("shop/web GET /ax", true),
                ("ops/cron GET /ax", false),
                ("ops/cron GET /xb", true),
                ("shop/web GET /xb", false),
            ],
        ),
        (
            "two expressions that overlap for the same callers stay as they are",
            api().with(web().http(8080, "GET /a.*").http(8080, "GET /.*b")),
            &[("shop/web GET /axb", true), ("shop/web GET /x", false)],
        ),
        (
            "a header for one, a method for another",
            api().with(web().http(8080, "* /a x=1")).with(ops().http(8080, "GET /a")),
            &[
                ("shop/web GET /a x=1", true),
                ("ops/cron GET /a x=1", true),
                ("ops/cron GET /a", true),
                ("shop/web GET /a", false),
                ("ops/cron POST /a x=1", false),
                ("shop/web POST /a x=1", true),
            ],
        ),
        (
            "a header for one, another header for another",
            api().with(web().http(8080, "GET /a x=1")).with(ops().http(8080, "GET /a y=1")),
            &[
                ("shop/web GET /a x=1 y=1", true),
                ("ops/cron GET /a x=1 y=1", true),
                ("ops/cron GET /a x=1", false),
                ("shop/web GET /a y=1", false),
            ],
        ),
        (
            "one header with values that overlap",
            api().with(web().http(8080, "GET /a x=a.*")).with(ops().http(8080, "GET /a x=.*b")),
            &[
                ("shop/web GET /a x=axb", true),
                ("ops/cron GET /a x=axb", true),
                ("ops/cron GET /a x=ax", false),
                ("shop/web GET /a x=xb", false),
            ],
        ),
        (
            "callers of a part do not reach the whole",
            api().with(web().http(8080, "GET /books.*")).with(ops().http(8080, "GET /books/new x=1")),
            &[
                ("ops/cron GET /books", false),
                ("ops/cron GET /books/new", false),
                ("ops/cron GET /books/new x=1", true),
                ("shop/web GET /books/new x=1", true),
                ("shop/web GET /books/new", true),
            ],
        ),
        (
            "probes pass where routes are",
            api().probe(8080, "/healthz").with(web().http(8080, "GET /a")),
            &[
                ("- GET /healthz", true),
                ("shop/web GET /healthz", true),
                ("- POST /healthz", false),
                ("- GET /a", false),
            ],
        ),
        (
            "probes pass beside an expression that takes their path",
            api().probe(8080, "/healthz").with(web().http(8080, "GET /h.*")),
            &[("- GET /healthz", true), ("shop/web GET /health", true), ("- GET /health", false)],
        ),
        (
            "probes pass beside a condition on a header for their path",
            api().probe(8080, "/healthz").with(web().http(8080, "* /h.* x=1")),
            &[
                ("- GET /healthz", true),
                ("- GET /healthz x=1", true),
                ("shop/web GET /healthz x=1", true),
                ("- PUT /healthz x=1", false),
                ("shop/web PUT /healthz x=1", true),
            ],
        ),
        (
            "the gRPC health check passes where nobody may call",
            api().check(8080, Check::Health).with(web().opaque(9000)),
            &[
                ("- POST /grpc.health.v1.Health/Check", true),
                ("- GET /grpc.health.v1.Health/Check", false),
                ("shop/web POST /", false),
                ("shop/web:9000 TCP", true),
            ],
        ),
        (
            "the gRPC health check passes where everything is allowed to some, and an httpGet probe with it",
            api().check(8080, Check::Health).probe(8080, "/live").with(web().every(8080)),
            &[
                ("- POST /grpc.health.v1.Health/Check", true),
                ("- GET /live", true),
                ("shop/web PUT /x", true),
                ("- PUT /x", false),
            ],
        ),
        (
            "a lifecycle hook passes",
            api().check(8080, Check::Hook("/drain".into())).with(web().http(8080, "GET /a")),
            &[("- GET /drain", true), ("- GET /a", false), ("shop/web GET /a", true)],
        ),
        (
            "probes pass where nobody may call",
            api().probe(8080, "/healthz").with(web().opaque(9000)),
            &[("- GET /healthz", true), ("shop/web GET /a", false)],
        ),
        (
            "probes pass where everything is allowed to some",
            api().probe(8080, "/healthz").with(web().every(8080)),
            &[("- GET /healthz", true), ("- GET /a", false), ("shop/web GET /a", true)],
        ),
        (
            "a SPIFFE ID and an account beside each other",
            api().with(to(&["shop/web", "spiffe://example.org/vm"]).http(8080, "GET /a")),
            &[("shop/web GET /a", true), ("spiffe://example.org/vm GET /a", true), ("ops/cron GET /a", false)],
        ),
        (
            "more matches than a route takes",
            api().with((0..150).fold(web(), |grant, number| grant.http(8080, &format!("GET /p{number}")))),
            &[("shop/web GET /p149", true), ("shop/web GET /p0", true), ("shop/web GET /p150", false)],
        ),
        (
            "patterns that allow everything are everything",
            api().with(web().http(8080, "* .*")).with(ops().every(8080)),
            &[("shop/web GET /", true), ("ops/cron PUT /a", true), ("- GET /", false)],
        ),
        (
            "every path by a method",
            api().with(web().http(8080, "GET .*")).with(ops().http(8080, "* /.*")),
            &[
                ("shop/web GET /x", true),
                ("shop/web PUT /x", false),
                ("ops/cron GET /x", true),
                ("ops/cron PUT /x", true),
            ],
        ),
    ]
}

/// Requests to try beside those that a situation names.
fn everyday(world: &World) -> Vec<Ask> {
    let paths =
        ["/", "/a", "/ab", "/abc", "/axb", "/xb", "/api", "/api/", "/api/v1/x", "/apiary", "/healthz", "/books/new"];
    let headers = ["", " x=1", " x=axb", " x=xb y=1", " y=1 agent=curl", " x="];
    let ports: BTreeSet<u16> = world.workloads[0].ports.iter().map(|port| port.number).collect();
    let mut asks = Vec::new();
    for source in ["-", "shop/web", "ops/cron"] {
        for &port in &ports {
            for path in paths {
                for method in ["GET", "PROPFIND"] {
                    asks.extend(headers.iter().map(|header| ask(&format!("{source}:{port} {method} {path}{header}"))));
                }
            }
        }
    }
    asks
}

/// Whether what is written does what is meant, for every one of the everyday requests.
fn holds_to_meaning(world: &World) -> Result<(), String> {
    let policy = world.policy();
    admit(&policy, 64);
    for request in &everyday(world) {
        let does = answer(&policy, &world.pods(0), request)?;
        if does != world.means(request) {
            return Err(format!("{request:?}: {does}\n{policy:#?}"));
        }
    }
    Ok(())
}

#[test]
fn linkerd_does_what_the_grants_mean() {
    let situations = situations();
    assert!(situations.len() >= 40);
    for (name, world, requests) in situations {
        let policy = world.policy();
        admit(&policy, 64);
        for (request, allowed) in requests {
            assert_eq!(answer(&policy, &world.pods(0), &ask(request)), Ok(*allowed), "{name}: {request}\n{policy:#?}");
        }
        if let Err(why) = holds_to_meaning(&world) {
            panic!("{name}: {why}");
        }
    }
}

/// The prefix is as good as the exact path at one path only, and takes part in what holds there.
#[test]
fn what_holds_where_a_prefix_ends_does_not_hold_below_it() {
    let world = api()
        .with(to(&["shop/c"]).http(8080, "* /api(/.*)? x=1"))
        .with(to(&["ops/cron"]).http(8080, "* /api x=.*"))
        .with(to(&["shop/c"]).http(8080, "* /api.* x=a.*"));
    assert_eq!(holds_to_meaning(&world), Ok(()));
}

#[test]
fn servers_come_last_and_alone_enforce() {
    for (name, world, _) in situations() {
        let written = world.write();
        let effects: Vec<Effect> = written.manifests.iter().map(|one| one.effect).collect();
        assert!(effects.is_sorted(), "{name}: {effects:?}");
        for one in &written.manifests {
            assert_eq!(one.effect == Effect::Enforces, one.id.kind == "Server", "{name}: {}", one.id);
            assert!(one.effect == Effect::Enforces || one.effect == Effect::Supports, "{name}: {}", one.id);
        }
    }
}

#[test]
fn an_audit_denies_nothing() {
    for (name, world, requests) in situations() {
        let pods = world.pods(0);
        let written = world.held().write();
        let audit = values(&written.audit);
        assert!(!audit.is_empty() && written.manifests.is_empty(), "{name}");
        admit(&audit, 64);
        for (request, _) in requests {
            assert_eq!(answer(&audit, &pods, &ask(request)), Ok(true), "{name}: {request}");
        }
        assert!(written.audit.iter().all(|one| one.effect < Effect::Enforces), "{name}");
    }
}

#[test]
fn the_first_release_with_an_audit_form_is_2_16() {
    let world = api().with(to(&["shop/web"]).http(8080, "GET /a")).held();
    assert!(world.clone().version("2.15").write().audit.is_empty());
    assert!(!world.version("2.16").write().audit.is_empty());
}

#[test]
fn each_release_gets_what_it_serves() {
    let world = api().with(to(&["shop/web"]).http(8080, "GET /a"));
    for (version, server, route) in [
        ("2.14", "policy.linkerd.io/v1beta1", "gateway.networking.k8s.io/v1beta1"),
        ("2.15", "policy.linkerd.io/v1beta2", "gateway.networking.k8s.io/v1beta1"),
        ("2.16", "policy.linkerd.io/v1beta3", "gateway.networking.k8s.io/v1beta1"),
        ("2.18", "policy.linkerd.io/v1beta3", "gateway.networking.k8s.io/v1"),
    ] {
        let policy = world.clone().version(version).policy();
        admit(&policy, if version == "2.14" { 8 } else { 64 });
        let of = |kind: &str| {
            let one = policy.iter().find(|one| one["kind"] == kind).expect("written");
            one["apiVersion"].as_str().expect("a version").to_owned()
        };
        assert_eq!((of("Server").as_str(), of("HTTPRoute").as_str()), (server, route), "{version}");
        let server = policy.iter().find(|one| one["kind"] == "Server").expect("written");
        assert_eq!(server["spec"].get("accessPolicy").is_some(), server["apiVersion"] == "policy.linkerd.io/v1beta3");
    }
}

#[test]
fn routes_keep_the_limits_of_each_release() {
    let grant = (0..200).fold(to(&["shop/web"]), |grant, number| grant.http(8080, &format!("GET /p{number}")));
    for (version, most) in [("2.14", 8), ("2.18", 8), ("2.20", 64)] {
        let world = api().with(grant.clone()).version(version);
        admit(&world.policy(), most);
        assert_eq!(world.allows("shop/web GET /p199"), Ok(true));
    }
}

#[test]
fn an_empty_list_of_authentications_is_never_written_and_would_let_everyone_in() {
    let mut policy = api().with(to(&["shop/web"]).every(8080)).policy();
    for one in policy.iter_mut().filter(|one| one["kind"] == "AuthorizationPolicy") {
        one["spec"]["requiredAuthenticationRefs"] = serde_json::json!([]);
    }
    assert_eq!(answer(&policy, &api().pods(0), &ask("- GET /")), Ok(true));
    // Without a source there is nobody to name, and nobody is let in.
    let world = api().with(to(&[]).every(8080)).with(to(&["shop/web"]).opaque(9000));
    admit(&world.policy(), 64);
    assert_eq!(world.allows("- GET /"), Ok(false));
}

#[test]
fn a_destination_of_several_label_sets_has_a_server_for_each() {
    let mut world = api().with(to(&["shop/web"]).http(8080, "GET /a"));
    world.workloads.push(Workloads {
        labels: BTreeMap::from([("app".into(), "api-canary".into())]),
        ports: vec![port(8080, PortProtocol::Http)],
        ports_complete: true,
        services: Vec::new(),
    });
    let policy = world.policy();
    admit(&policy, 64);
    for number in 0..2 {
        assert_eq!(answer(&policy, &world.pods(number), &ask("shop/web GET /a")), Ok(true));
        assert_eq!(answer(&policy, &world.pods(number), &ask("shop/web GET /b")), Ok(false));
    }
}

#[test]
fn names_do_not_collide_and_are_never_too_long() {
    // `api` with several label sets has `api-2-8080`, as has `api-2` with one.
    let mut names = super::Names::default();
    let mut given = BTreeSet::new();
    let long = "a".repeat(300);
    for wanted in ["api-2-8080", "api-2-8080", "api-2-8080", &long, &long] {
        let name = names.give("Server", "shop", wanted);
        assert!(name.len() <= 253 && given.insert(name), "{wanted}");
    }
    assert!(given.contains("api-2-8080"));
}

#[test]
fn a_probe_that_the_proxy_cannot_tell_from_other_connections_holds() {
    for (port, check) in [(8080, Check::Tls), (9000, Check::Tls), (9000, Check::Health)] {
        let written = api().check(port, check.clone()).with(to(&["shop/web"]).every(8080).opaque(9000)).write();
        let codes: Vec<&str> = written.refusals.iter().map(|(_, finding)| finding.code.0).collect();
        assert_eq!(codes, ["linkerd-probe-cut-off"], "{check:?} on {port}");
        assert!(written.manifests.is_empty());
    }
}

#[test]
fn a_probe_on_a_port_that_was_opaque_still_passes() {
    let world = api().probe(9000, "/live").with(to(&["shop/web"]).opaque(9000));
    assert_eq!(world.allows("-:9000 GET /live"), Ok(true));
    assert_eq!(world.allows("shop/web:9000 TCP"), Ok(true));
    assert_eq!(world.allows("-:9000 TCP"), Ok(false));
}

#[test]
fn an_opaque_port_is_not_searched_for_http() {
    let world = api().with(to(&["shop/web"]).opaque(9000));
    let policy = world.policy();
    let server = policy.iter().find(|one| one["kind"] == "Server" && one["spec"]["port"] == 9000).expect("a Server");
    assert_eq!(server["spec"]["proxyProtocol"], "opaque");
}

// --- what cannot be said ---

fn refused(world: &World) -> Vec<&'static str> {
    world.write().refusals.into_iter().map(|(_, finding)| finding.code.0).collect()
}

#[test]
fn what_linkerd_cannot_say_is_refused_by_name() {
    let web = || to(&["shop/web"]);
    for (name, world, code) in [
        ("a source without a namespace", api().with(to(&["web"]).every(8080)), "linkerd-source-namespace"),
        ("a source by labels", api().with(web().every(8080).and_pods()), "linkerd-source-pods"),
        ("UDP", api().with(web().every(8080).udp(53)), "loss-undecided"),
        ("a SPIFFE ID too early", api().version("2.14").with(to(&["spiffe://a/b"]).every(8080)), "linkerd-too-old"),
        ("a host", api().with(web().http(8080, "GET /a host=shop.example")), "loss-undecided"),
        (
            "both kinds on an undeclared port",
            api().with(web().http(7000, "GET /a").opaque(7000)),
            "linkerd-port-unclear",
        ),
        (
            "overlaps of more headers than a match takes",
            (0..20).fold(api(), |world, number| {
                world.with(to(&[&format!("shop/web-{number}")]).http(8080, &format!("GET /a h{number}=1")))
            }),
            "linkerd-routes-tangled",
        ),
    ] {
        assert_eq!(refused(&world), [code], "{name}");
    }
}

#[test]
fn a_held_destination_is_audited_without_the_grant_that_cannot_be_said() {
    let world = api().with(to(&["shop/web"]).http(8080, "GET /a")).with(to(&["web"]).http(8080, "GET /b"));
    let written = world.write();
    assert_eq!(written.refusals.len(), 1);
    assert_eq!(written.refusals[0].0, 1, "it is about the grant that is in the way");
    assert!(written.audit.iter().any(|one| one.id.kind == "HTTPRoute"));
    assert!(written.audit.iter().all(|one| one.effect < Effect::Enforces));
}

fn accept(what: &str, side: Side, says: &str) -> AcceptedLoss {
    AcceptedLoss {
        to: "linkerd".into(),
        grant: "shop/grant-0".into(),
        what: what.into(),
        accept: side,
        says: says.into(),
        reason: "seen".into(),
        at: "smi2gamma.yaml:3".into(),
    }
}

#[test]
fn an_accepted_loss_is_written_as_the_side_that_was_accepted() {
    let grant = || to(&["shop/web"]).http(8080, "GET /a host=shop.example").http(8080, "GET /b");
    let what = "header `host` `shop.example`";
    let mut wider = api().with(grant());
    wider.losses = vec![accept(what, Side::Wider, "any host")];
    assert_eq!(wider.allows("shop/web GET /a"), Ok(true));
    let mut narrower = api().with(grant());
    narrower.losses = vec![accept(what, Side::Narrower, "no host")];
    assert_eq!(narrower.allows("shop/web GET /a host=shop.example"), Ok(false));
    assert_eq!(narrower.allows("shop/web GET /b"), Ok(true));
    let told: Vec<&str> = narrower.write().findings.iter().map(|(_, finding)| finding.code.0).collect();
    assert_eq!(told, ["loss-accepted"]);
    let mut udp = api().with(to(&["shop/web"]).every(8080).udp(53));
    udp.losses = vec![accept("UDP port 53", Side::Wider, "every caller: UDP does not pass the proxy")];
    assert_eq!(udp.allows("shop/web GET /a"), Ok(true));
}

#[test]
fn ports_that_nothing_declares_are_told_of() {
    let mut world = api().with(to(&["shop/web"]).every(8080).opaque(9000).every_port());
    let told = |world: &World| world.write().findings.iter().map(|(_, finding)| finding.code.0).collect::<Vec<_>>();
    assert!(told(&world).is_empty());
    world.workloads[0].ports_complete = false;
    assert_eq!(told(&world), ["linkerd-undeclared-ports"]);
    let help = world.write().findings[0].1.help.clone().expect("help");
    assert!(help.contains("kubectl annotate namespace shop config.linkerd.io/default-inbound-policy=deny"), "{help}");
}

#[test]
fn dialects_that_change_meaning_do_not_come_through() {
    // Rust would compute an intersection; the reading of SMI refuses the expression before it gets here.
    use crate::pattern::{Anchoring, Domain, Language};
    assert!(Language::regex(Domain::Path, "/[a&&b]", Anchoring::Full).is_err());
    assert!(!first_match_is_whole("^(/[a&&b])$", "/a"), "it takes nothing in Rust");
    assert!(first_match_is_whole(r"^(/\d)$", "/٣"), "outside of ASCII Rust reads more digits; no path has them");
    assert!(!first_match_is_whole("/a|/ab", "/ab"), "without anchors the first alternative wins");
}

// --- the table ---

#[test]
fn the_table_answers_its_golden_requests() {
    let policy = target("linkerd").expect("a target").policy.as_ref().expect("a policy");
    let pods = Pods {
        namespace: "shop".into(),
        labels: BTreeMap::from([("app".into(), "api".into())]),
        probes: BTreeMap::from([(8080, BTreeSet::from(["/healthz".to_owned()]))]),
    };
    let facts: [(&str, &[PolicyGolden]); 11] = [
        ("identity", &policy.identity.golden),
        ("path", &policy.path.golden),
        ("header", &policy.header.golden),
        ("method", &policy.method.golden),
        ("port", &policy.port.golden),
        ("overlap", &policy.overlap.golden),
        ("http-on-opaque", &policy.http_on_opaque.golden),
        ("posture", &policy.posture.golden),
        ("audit", &policy.audit.golden),
        ("default-deny", &policy.default_deny.golden),
        ("allowances", &policy.allowances.golden),
    ];
    for (fact, goldens) in facts {
        assert!(!goldens.is_empty(), "{fact}");
        for golden in goldens {
            let manifests: Vec<serde_json::Value> = golden
                .policy
                .split("---\n")
                .map(|text| serde_yaml::from_str(text).expect("a document"))
                .map(|mut one: serde_json::Value| {
                    one["metadata"]["namespace"] = "shop".into();
                    one
                })
                .collect();
            let request = &golden.request;
            let source = request
                .source
                .as_ref()
                .map(|source| if source.contains('/') { source.clone() } else { format!("shop/{source}") });
            let request = Ask {
                source,
                port: request.port.unwrap_or(8080),
                method: Some(request.method.clone().unwrap_or_else(|| "GET".into())),
                path: request.path.clone().unwrap_or_else(|| "/".into()),
                headers: request
                    .headers
                    .iter()
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                    .collect(),
            };
            let allowed = answer(&manifests, &pods, &request);
            assert_eq!(allowed, Ok(golden.answer == Permitted::Allowed), "{fact}: {golden:?}");
        }
    }
}

// --- at random ---

fn pattern() -> impl Strategy<Value = String> {
    let method = prop::sample::select(vec!["*", "GET", "POST", "GET,POST"]);
    let path = prop::sample::select(vec![
        "-",
        "/",
        "/a",
        "/ab",
        "/a.*",
        "/.*b",
        "/api(/.*)?",
        "/api",
        "/api/v1(/.*)?",
        "/api.*",
        "/(a|b|api/).*",
        "/h.*",
    ]);
    let header = prop::sample::select(vec!["", " x=1", " x=.*", " x=a.*", " x=.*b", " y=1", " x=a.* y=.*"]);
    (method, path, header).prop_map(|(method, path, header)| format!("{method} {path}{header}"))
}

fn world() -> impl Strategy<Value = World> {
    let sources = prop::sample::subsequence(vec!["shop/web", "ops/cron", "shop/c"], 1..=2);
    let grant = (sources, prop::option::weighted(0.9, prop::collection::vec(pattern(), 1..3)));
    (prop::collection::vec(grant, 1..5), prop::option::of(prop::sample::select(vec!["/healthz", "/a", "/"]))).prop_map(
        |(grants, probe)| {
            let mut world = api();
            world.workloads[0].ports.truncate(1);
            if let Some(path) = probe {
                world = world.probe(8080, path);
            }
            grants.into_iter().fold(world, |world, (sources, patterns)| {
                let grant = to(&sources);
                world.with(match patterns {
                    None => grant.every(8080),
                    Some(patterns) => patterns.iter().fold(grant, |grant, pattern| grant.http(8080, pattern)),
                })
            })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_granted_is_added_up(world in world()) {
        if refused(&world).is_empty() {
            prop_assert_eq!(holds_to_meaning(&world), Ok(()));
        } else {
            prop_assert_eq!(refused(&world), ["linkerd-routes-tangled"]);
        }
    }
}
