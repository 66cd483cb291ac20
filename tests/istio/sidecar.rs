//! Situations with sidecars.

use serde_json::Value;
use smi2gamma::access::{Side, Written};
use smi2gamma::manifest::Effect;
use smi2gamma::model::grant::{Account, Principal};

use crate::call::call;
use crate::engine::{Proxy, allows, refused_by_admission};
use crate::world::{Pods, World, bare, codes, pods, target};

/// A closure with calls that must be allowed and calls that must be denied.
struct Situation {
    name: &'static str,
    world: World,
    allowed: &'static [&'static str],
    denied: &'static [&'static str],
}

fn situation(
    name: &'static str,
    pods: Pods,
    allowed: &'static [&'static str],
    denied: &'static [&'static str],
) -> Situation {
    Situation { name, world: World::of([pods]), allowed, denied }
}

fn values(written: &[Written]) -> Vec<Value> {
    written.iter().flat_map(|written| &written.manifests).map(|manifest| manifest.value.clone()).collect()
}

fn holds(situation: &Situation) {
    let Situation { name, world, allowed, denied } = situation;
    let written = world.write("istio");
    for one in &written {
        assert_eq!(codes(&one.refusals), Vec::<&str>::new(), "{name}: {:?}", one.refusals);
        assert!(one.manifests.iter().all(|manifest| manifest.effect == Effect::Enforces), "{name}");
    }
    let policies = values(&written);
    for policy in &policies {
        assert_eq!(refused_by_admission(policy), None, "{name}: {policy:#}");
    }
    let domain = world.trust_domain.as_deref().unwrap_or("cluster.local");
    for pods in &world.closures {
        for set in pods.sets() {
            let judge = |text: &&str| {
                allows(&policies, &pods.namespace, &Proxy::Sidecar(&set.labels), &call(text, domain), domain)
            };
            for text in *allowed {
                assert!(judge(text), "{name}: {text} must be allowed by\n{policies:#?}");
            }
            for text in *denied {
                assert!(!judge(text), "{name}: {text} must be denied by\n{policies:#?}");
            }
        }
    }
}

fn api() -> Pods {
    pods("api")
}

fn spiffe(id: &str) -> Principal {
    Principal::Spiffe(id.to_owned())
}

fn situations() -> Vec<Situation> {
    vec![
        // --- sources ---
        situation(
            "one source",
            api().grant(target("t", &["shop/web"]).requests()),
            &["shop/web 8080 GET /"],
            &["shop/other 8080 GET /", "other/web 8080 GET /", "- 8080 GET /", "shop/web-admin 8080 GET /"],
        ),
        situation(
            "a list of sources",
            api().grant(target("t", &["shop/web", "ops/cron"]).requests()),
            &["shop/web 8080 GET /", "ops/cron 8080 POST /x"],
            &["ops/web 8080 GET /", "shop/cron 8080 GET /"],
        ),
        situation(
            "an account with a dot is no pattern",
            api().grant(target("t", &["shop/we.b"]).requests()),
            &["shop/we.b 8080 GET /"],
            &["shop/weab 8080 GET /"],
        ),
        situation(
            "a SPIFFE ID of the usual shape",
            api().grant(target("t", &[]).source(spiffe("spiffe://cluster.local/ns/shop/sa/web")).requests()),
            &["shop/web 8080 GET /"],
            &["shop/other 8080 GET /"],
        ),
        situation(
            "a SPIFFE ID of another trust domain",
            api().grant(target("t", &[]).source(spiffe("spiffe://other.org/ns/shop/sa/web")).requests()),
            &["other.org/shop/web 8080 GET /"],
            &["shop/web 8080 GET /"],
        ),
        Situation {
            name: "the mesh has a trust domain of its own and nobody says so",
            world: World::of([api().grant(target("t", &["shop/web"]).requests())]),
            allowed: &["shop/web 8080 GET /"],
            denied: &["other.org/shop/web 8080 GET /"],
        },
        Situation {
            name: "the trust domain is named",
            world: World::of([api().grant(target("t", &["shop/web"]).requests())]).trust_domain("corp.example"),
            allowed: &["shop/web 8080 GET /"],
            denied: &["cluster.local/shop/web 8080 GET /"],
        },
        situation(
            "a caller that the user named",
            api()
                .grant(target("t", &["shop/web"]).some(&["GET /a"]))
                .grant(target("", &["istio-ingress/gateway"]).named_by_user().requests().connections(&[9000])),
            &["istio-ingress/gateway 8080 DELETE /x", "istio-ingress/gateway 9000 TCP", "shop/web 8080 GET /a"],
            &["shop/web 8080 DELETE /x", "shop/web 9000 TCP"],
        ),
        // --- ports ---
        situation(
            "ports are those of the pod",
            bare("api").http(8080).behind("api", 80).grant(target("t", &["shop/web"]).requests()),
            &["shop/web 8080 GET /"],
            &["shop/web 80 GET /"],
        ),
        situation(
            "a grant on one of two ports",
            bare("api").http(8080).http(8081).grant(target("t", &["shop/web"]).requests().on(&[8081])),
            &["shop/web 8081 GET /"],
            &["shop/web 8080 GET /"],
        ),
        situation(
            "no port means every port",
            bare("api").http(8080).opaque(9000).incomplete().grant(target("t", &["shop/web"]).everything()),
            &["shop/web 8080 GET /", "shop/web 9000 TCP", "shop/web 7000 TCP", "shop/web 7000 GET /x"],
            &["shop/other 7000 TCP"],
        ),
        situation(
            "no port, and the declared ones are all there are",
            api().grant(target("t", &["shop/web"]).everything()),
            &["shop/web 8080 GET /", "shop/web 9000 TCP"],
            &["shop/web 7000 TCP", "shop/web 7000 GET /"],
        ),
        situation(
            "no port and some requests hold for ports that nothing declares",
            bare("api")
                .http(8080)
                .opaque(9000)
                .incomplete()
                .grant(target("t", &["shop/web"]).some(&["GET /a"]).every_port()),
            &["shop/web 8080 GET /a", "shop/web 7000 GET /a"],
            &["shop/web 7000 GET /b", "shop/web 7000 TCP", "shop/web 9000 TCP", "shop/web 9000 GET /a"],
        ),
        situation(
            "no port and all requests do not open connections",
            bare("api").http(8080).opaque(9000).incomplete().grant(target("t", &["shop/web"]).requests().every_port()),
            &["shop/web 8080 GET /a", "shop/web 7000 POST /b"],
            &["shop/web 7000 TCP", "shop/web 9000 TCP"],
        ),
        situation(
            "a port without a grant is closed",
            bare("api").http(8080).http(8081).grant(target("t", &["shop/web"]).requests().on(&[8080])),
            &["shop/web 8080 GET /"],
            &["shop/web 8081 GET /", "shop/web 9999 TCP"],
        ),
        situation(
            "a closure of grants that allow nothing is closed",
            api().grant(target("t", &["shop/web"])),
            &[],
            &["shop/web 8080 GET /", "shop/web 9000 TCP", "- 8080 GET /"],
        ),
        situation("a closure without grants is closed", api(), &[], &["shop/web 8080 GET /", "shop/web 9000 TCP"]),
        // --- protocols ---
        situation(
            "a connection to an opaque port",
            api().grant(target("t", &["shop/web"]).connections(&[9000])),
            &["shop/web 9000 TCP"],
            &["shop/web 8080 GET /", "shop/other 9000 TCP", "- 9000 TCP"],
        ),
        situation(
            "requests and connections in one grant",
            api().grant(target("t", &["shop/web"]).some(&["GET /a"]).connections(&[9000])),
            &["shop/web 8080 GET /a", "shop/web 9000 TCP"],
            &["shop/web 8080 GET /b", "shop/web 8080 TCP"],
        ),
        situation(
            "some requests never open an opaque port",
            api().grant(target("t", &["shop/web"]).some(&["GET /a"])),
            &["shop/web 8080 GET /a"],
            &["shop/web 9000 TCP", "shop/web 9000 GET /a"],
        ),
        situation(
            "TCP and HTTP in one grant keep to the ports",
            bare("api").http(8080).http(8081).grant(target("t", &["shop/web"]).some(&["GET /a"]).on(&[8081])),
            &["shop/web 8081 GET /a"],
            &["shop/web 8080 GET /a"],
        ),
        // --- paths ---
        situation(
            "a literal path",
            api().grant(target("t", &["shop/web"]).some(&["GET /buy-a-book/new"])),
            &["shop/web 8080 GET /buy-a-book/new"],
            &[
                "shop/web 8080 GET /buy-a-book/new/",
                "shop/web 8080 GET /buy-a-book",
                "shop/web 8080 POST /buy-a-book/new",
            ],
        ),
        situation(
            "a prefix is not an element",
            api().grant(target("t", &["shop/web"]).some(&["GET /api.*"])),
            &["shop/web 8080 GET /api", "shop/web 8080 GET /apiary", "shop/web 8080 GET /api/x"],
            &["shop/web 8080 GET /ap"],
        ),
        situation(
            "/apiary beside /api",
            api().grant(target("t", &["shop/web"]).some(&["GET /api(/.*)?"])),
            &["shop/web 8080 GET /api", "shop/web 8080 GET /api/", "shop/web 8080 GET /api/x"],
            &["shop/web 8080 GET /apiary", "shop/web 8080 GET /apiary/x"],
        ),
        situation(
            "a prefix that wants more",
            api().grant(target("t", &["shop/web"]).some(&["GET /x.+"])),
            &["shop/web 8080 GET /xy", "shop/web 8080 GET /x/"],
            &["shop/web 8080 GET /x"],
        ),
        situation(
            "a suffix",
            api().grant(target("t", &["shop/web"]).some(&["GET .*\\.html"])),
            &["shop/web 8080 GET /a.html", "shop/web 8080 GET /a/b.html"],
            &["shop/web 8080 GET /a.htm", "shop/web 8080 GET /axhtml"],
        ),
        situation(
            "an alternation, whatever comes first",
            api().grant(target("t", &["shop/web"]).some(&["GET /a|/ab|/abc"])),
            &["shop/web 8080 GET /a", "shop/web 8080 GET /ab", "shop/web 8080 GET /abc"],
            &["shop/web 8080 GET /abcd"],
        ),
        situation(
            "a class that one dialect subtracts from",
            api().grant(target("t", &["shop/web"]).some(&["GET /[ab]"])),
            &["shop/web 8080 GET /a", "shop/web 8080 GET /b"],
            &["shop/web 8080 GET /c"],
        ),
        situation(
            "digits are ten",
            api().grant(target("t", &["shop/web"]).some(&["GET /[0-9]"])),
            &["shop/web 8080 GET /0", "shop/web 8080 GET /9"],
            &["shop/web 8080 GET /a", "shop/web 8080 GET /10"],
        ),
        situation(
            "every path",
            api().grant(target("t", &["shop/web"]).some(&["GET /.*"])),
            &["shop/web 8080 GET /", "shop/web 8080 GET /x"],
            &["shop/web 8080 POST /"],
        ),
        situation(
            "two patterns are alternatives",
            api().grant(target("t", &["shop/web"]).some(&["GET /a", "POST /b.*"])),
            &["shop/web 8080 GET /a", "shop/web 8080 POST /bc"],
            &["shop/web 8080 POST /a", "shop/web 8080 GET /bc"],
        ),
        situation(
            "a pattern that takes everything",
            api().grant(target("t", &["shop/web"]).some(&["GET /a", "*"])),
            &["shop/web 8080 GET /a", "shop/web 8080 PATCH /zzz"],
            &["shop/other 8080 GET /a"],
        ),
        situation(
            "an expression that no path satisfies",
            api().grant(target("t", &["shop/web"]).some(&["GET x", "GET /a"])),
            &["shop/web 8080 GET /a"],
            &["shop/web 8080 GET /x", "shop/web 8080 GET /"],
        ),
        situation(
            "characters that mean something elsewhere",
            api().grant(target("t", &["shop/web"]).some(&["GET /a\\*b/c\\.d"])),
            &["shop/web 8080 GET /a*b/c.d"],
            &["shop/web 8080 GET /axb/c.d", "shop/web 8080 GET /a*b/cxd"],
        ),
        // --- methods ---
        situation(
            "a list of methods",
            api().grant(target("t", &["shop/web"]).some(&["GET|HEAD /a"])),
            &["shop/web 8080 GET /a", "shop/web 8080 HEAD /a"],
            &["shop/web 8080 POST /a"],
        ),
        situation(
            "any method, also one that nobody lists",
            api().grant(target("t", &["shop/web"]).some(&["* /a"])),
            &["shop/web 8080 GET /a", "shop/web 8080 PROPFIND /a"],
            &["shop/web 8080 GET /b"],
        ),
        // --- headers ---
        situation(
            "a literal header",
            api().grant(target("t", &["shop/web"]).some(&["GET /a x-version: 2"])),
            &["shop/web 8080 GET /a x-version: 2", "shop/web 8080 GET /a X-Version: 2"],
            &["shop/web 8080 GET /a", "shop/web 8080 GET /a x-version: 21", "shop/web 8080 GET /b x-version: 2"],
        ),
        situation(
            "a header by its beginning",
            api().grant(target("t", &["shop/web"]).some(&["GET /a user-agent: curl.*"])),
            &["shop/web 8080 GET /a user-agent: curl/8", "shop/web 8080 GET /a user-agent: curl"],
            &["shop/web 8080 GET /a user-agent: wget", "shop/web 8080 GET /a"],
        ),
        situation(
            "a header by its end",
            api().grant(target("t", &["shop/web"]).some(&["GET /a user-agent: .*bot"])),
            &["shop/web 8080 GET /a user-agent: bot", "shop/web 8080 GET /a user-agent: big bot"],
            &["shop/web 8080 GET /a user-agent: bots"],
        ),
        situation(
            "a header with any value must be there, and may be empty",
            api().grant(target("t", &["shop/web"]).some(&["GET /a x-key: .*"])),
            &["shop/web 8080 GET /a x-key: 1", "shop/web 8080 GET /a x-key:"],
            &["shop/web 8080 GET /a"],
        ),
        situation(
            "a header with any value but none",
            api().grant(target("t", &["shop/web"]).some(&["GET /a x-key: .+"])),
            &["shop/web 8080 GET /a x-key: 1"],
            &["shop/web 8080 GET /a"],
        ),
        situation(
            "several headers must all hold",
            api().grant(target("t", &["shop/web"]).some(&["* * x-a: 1; x-b: 2"])),
            &["shop/web 8080 GET / x-a: 1; x-b: 2"],
            &["shop/web 8080 GET / x-a: 1", "shop/web 8080 GET / x-b: 2", "shop/web 8080 GET / x-a: 2; x-b: 1"],
        ),
        situation(
            "several values, as one list",
            api().grant(target("t", &["shop/web"]).some(&["GET /a x-a: 1|2"])),
            &["shop/web 8080 GET /a x-a: 1", "shop/web 8080 GET /a x-a: 2"],
            &["shop/web 8080 GET /a x-a: 3", "shop/web 8080 GET /a x-a: 1,2"],
        ),
        situation(
            "headers of two patterns do not mix",
            api().grant(target("t", &["shop/web"]).some(&["GET /a x-a: 1", "GET /b x-b: 2"])),
            &["shop/web 8080 GET /a x-a: 1", "shop/web 8080 GET /b x-b: 2"],
            &["shop/web 8080 GET /a x-b: 2", "shop/web 8080 GET /b x-a: 1"],
        ),
        situation(
            "a host",
            api().grant(target("t", &["shop/web"]).some(&["GET /a host: api(:8080)?"])),
            &[
                "shop/web 8080 GET /a host: api",
                "shop/web 8080 GET /a host: api:8080",
                "shop/web 8080 GET /a host: API",
            ],
            &["shop/web 8080 GET /a host: cart", "shop/web 8080 GET /b host: api"],
        ),
        // --- several grants ---
        situation(
            "overlapping requests of different sources add up",
            api()
                .grant(target("wide", &["shop/web"]).some(&["GET /api.*"]))
                .grant(target("narrow", &["shop/cron"]).some(&["* /api/run"])),
            &["shop/web 8080 GET /api/run", "shop/cron 8080 POST /api/run"],
            &["shop/cron 8080 GET /api", "shop/web 8080 POST /api/run"],
        ),
        situation(
            "sources are not merged into a wider grant",
            api()
                .grant(target("all", &["shop/admin"]).requests())
                .grant(target("some", &["shop/web"]).some(&["GET /a"])),
            &["shop/admin 8080 DELETE /x", "shop/web 8080 GET /a"],
            &["shop/web 8080 DELETE /x", "shop/web 8080 GET /b"],
        ),
        situation(
            "pods of several label sets",
            bare("api")
                .labels(&[("app", "api"), ("v", "1")])
                .http(8080)
                .also(&[("app", "api"), ("v", "2")])
                .http(8080)
                .grant(target("t", &["shop/web"]).some(&["GET /a"])),
            &["shop/web 8080 GET /a"],
            &["shop/web 8080 GET /b", "shop/other 8080 GET /a"],
        ),
        situation(
            "another namespace",
            api().in_namespace("bookstore").grant(target("t", &["bookbuyer/bookbuyer"]).some(&["GET /books-bought"])),
            &["bookbuyer/bookbuyer 8080 GET /books-bought"],
            &["bookstore/bookbuyer 8080 GET /books-bought"],
        ),
    ]
}

#[test]
fn what_is_written_allows_what_was_granted_and_nothing_else() {
    for situation in situations() {
        holds(&situation);
    }
}

#[test]
fn there_are_at_least_forty_situations_and_each_has_its_own_name() {
    let names: std::collections::BTreeSet<_> = situations().iter().map(|situation| situation.name).collect();
    assert!(names.len() >= 40, "{}", names.len());
    assert_eq!(names.len(), situations().len());
}

// --- what is refused ---

fn refused(pods: Pods) -> Vec<&'static str> {
    refused_in(&World::of([pods]))
}

fn refused_in(world: &World) -> Vec<&'static str> {
    let written = world.write("istio");
    let all: Vec<_> = written.iter().flat_map(|written| written.refusals.clone()).collect();
    if !all.is_empty() {
        assert!(written.iter().any(|written| written.manifests.is_empty()), "a closure that is held enforces");
    }
    codes(&all)
}

fn get(pattern: &str) -> Pods {
    api().grant(target("t", &["shop/web"]).some(&[pattern]))
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    let labels = Principal::Pods { namespace: None, labels: [("app".to_owned(), "web".to_owned())].into() };
    let nowhere = Principal::Account(Account { namespace: None, name: "web".to_owned() });
    let source = |source: Principal| api().grant(target("t", &[]).source(source).requests());
    let cases: Vec<(&str, Pods, &[&str])> = vec![
        ("an expression in a path", get("GET /v[0-9]+"), &["loss-undecided"]),
        ("an expression in a header", get("GET /a x-a: [0-9]+"), &["loss-undecided"]),
        ("two expressions", get("GET /v[0-9]+ x-a: [0-9]+"), &["loss-undecided"]),
        ("the labels of callers", source(labels), &["source-not-nameable"]),
        ("a source without namespace", source(nowhere), &["source-without-namespace"]),
        ("a SPIFFE ID of another shape", source(spiffe("spiffe://corp/web")), &["source-not-nameable"]),
        ("a SPIFFE ID that is a wildcard", source(spiffe("spiffe://*/ns/a/sa/b")), &["source-not-nameable"]),
        ("UDP", api().udp_port(53).grant(target("t", &["shop/web"]).udp(&[53])), &["udp-not-covered"]),
        ("a host in capitals", get("GET /a host: API"), &["words-not-spellable"]),
        ("braces in a path", get("GET /a\\{b\\}"), &["words-not-spellable"]),
        // Envoy would take `/a/{*}.js`, Istio's webhook does not.
        ("an ending after a segment", get("GET /a/[^/\"<>\\[\\]\\\\^`{}|]+[.]js"), &["loss-undecided"]),
        (
            "pods without labels",
            api().labels(&[]).grant(target("t", &["shop/web"]).requests()),
            &["workload-without-labels"],
        ),
        (
            "the namespace that holds for the mesh",
            api().in_namespace("istio-system").grant(target("t", &["shop/web"]).requests()),
            &["policy-in-root-namespace"],
        ),
        (
            "pods of which no port is known",
            bare("api").incomplete().grant(target("t", &["shop/web"]).every_port()),
            &["ports-unknown"],
        ),
        (
            "a port of which nobody says whether it speaks HTTP",
            api().grant(target("t", &["shop/web"]).some(&["GET /a"]).on(&[7000]).connections(&[7000])),
            &["port-protocol-unknown"],
        ),
    ];
    for (name, pods, expected) in cases {
        assert_eq!(refused(pods), expected, "{name}");
    }
}

const NAMED_TCP: &str = "
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  selector: {app: api}
  ports:
  - {name: tcp-web, port: 80, targetPort: 8080}
  - {name: http-raw, port: 9000, targetPort: 9000}
";

fn behind() -> Pods {
    bare("api").http(8080).behind("api", 80).opaque(9000).behind("api", 9000)
}

#[test]
fn some_requests_on_a_port_that_istio_takes_for_tcp_are_refused() {
    let limited = World::of([behind().grant(target("t", &["shop/web"]).some(&["GET /a"]))]).beside(NAMED_TCP);
    assert_eq!(refused_in(&limited), ["port-read-as-tcp"]);
    let all = World::of([behind().grant(target("t", &["shop/web"]).requests())]).beside(NAMED_TCP);
    assert_eq!(refused_in(&all), Vec::<&str>::new());
}

#[test]
fn a_connection_to_a_port_that_istio_takes_for_http_is_told() {
    let world = World::of([behind().grant(target("t", &["shop/web"]).connections(&[9000]))]).beside(NAMED_TCP);
    let written = world.write("istio");
    assert_eq!(codes(&written[0].findings), ["port-read-as-http"]);
    assert_eq!(codes(&written[0].refusals), Vec::<&str>::new());
}

#[test]
fn a_half_converted_destination_does_not_enforce_and_reports_the_rest() {
    let pods = api()
        .grant(target("fine", &["shop/web"]).some(&["GET /a"]))
        .grant(target("not", &["shop/cron"]).some(&["GET /v[0-9]+"]));
    let written = World::of([pods]).write("istio");
    assert!(written[0].manifests.is_empty());
    let names: Vec<_> = written[0].audit.iter().map(|manifest| manifest.id.name.as_str()).collect();
    assert_eq!(names, ["fine"]);
    let audit = &written[0].audit[0];
    assert_eq!(audit.effect, Effect::Audits);
    assert_eq!(audit.value["metadata"]["annotations"]["istio.io/dry-run"], "true");
    let labels = [("app".to_owned(), "api".to_owned())].into();
    let open = call("- 8080 DELETE /", "cluster.local");
    assert!(allows(std::slice::from_ref(&audit.value), "shop", &Proxy::Sidecar(&labels), &open, "cluster.local"));
}

#[test]
fn what_is_held_only_reports() {
    let written = World::of([api().held().grant(target("t", &["shop/web"]).requests())]).write("istio");
    assert!(written[0].manifests.is_empty());
    assert_eq!(written[0].audit.len(), 1);
    assert!(written[0].refusals.is_empty());
}

// --- losses ---

#[test]
fn a_loss_shows_the_nearest_words_and_a_request_for_each_side() {
    let written = World::of([get("POST /v[0-9]+")]).write("istio");
    let finding = &written[0].refusals[0].1;
    assert!(finding.message.ends_with("cannot say path `/v[0-9]+`"), "{}", finding.message);
    assert_eq!(finding.notes[0], "wider: path `/v*` but `/{*}/{**}`, `/v`; POST /v! is allowed as well");
    assert!(finding.notes[1].starts_with("narrower: "), "{:?}", finding.notes);
    assert!(finding.notes[1].ends_with("POST /v0 is allowed no longer"), "{:?}", finding.notes);
}

#[test]
fn a_loss_shows_an_empty_header_as_empty() {
    let written = World::of([get("GET /a x-a: [0-9]+")]).write("istio");
    let notes = &written[0].refusals[0].1.notes;
    assert_eq!(notes[0], "wider: any header x-a; GET /a with x-a: (empty) is allowed as well");
}

#[test]
fn an_accepted_loss_is_written_as_it_was_accepted() {
    let world = World::of([get("GET /v[0-9]+")]).accept(
        "shop/t",
        Side::Wider,
        "path `/v[0-9]+`",
        "path `/v*` but `/{*}/{**}`, `/v`",
        "istio",
    );
    let written = world.write("istio");
    assert_eq!(codes(&written[0].refusals), Vec::<&str>::new());
    assert_eq!(codes(&written[0].findings), ["loss-accepted"]);
    let allowed: &[&str] = &["shop/web 8080 GET /v1", "shop/web 8080 GET /vx"];
    holds(&Situation { name: "wider", world, allowed, denied: &["shop/web 8080 GET /v", "shop/web 8080 GET /x"] });
    let world =
        World::of([get("GET /v[0-9]+")]).accept("shop/t", Side::Narrower, "path `/v[0-9]+`", "no path", "istio");
    holds(&Situation { name: "narrower", world, allowed: &[], denied: &["shop/web 8080 GET /v1"] });
}

#[test]
fn a_loss_accepted_for_one_grant_counts_for_no_other() {
    let pods = api()
        .grant(target("one", &["shop/web"]).some(&["GET /v[0-9]+"]))
        .grant(target("two", &["shop/cron"]).some(&["GET /v[0-9]+"]));
    let world = World::of([pods]).accept(
        "shop/one",
        Side::Wider,
        "path `/v[0-9]+`",
        "path `/v*` but `/{*}/{**}`, `/v`",
        "istio",
    );
    let written = world.write("istio");
    assert_eq!(written[0].refusals.len(), 1);
    assert_eq!(written[0].refusals[0].0, 1);
}

// --- names, limits, order ---

fn names(written: &[Written]) -> Vec<String> {
    written.iter().flat_map(|written| &written.manifests).map(|manifest| manifest.id.name.clone()).collect()
}

#[test]
fn a_policy_is_named_like_its_grant_and_says_where_it_came_from() {
    let written = World::of([get("GET /a")]).write("istio");
    assert_eq!(names(&written), ["t"]);
    let value = &written[0].manifests[0].value;
    assert_eq!(value["metadata"]["annotations"]["smi2gamma/migrated-from"], "TrafficTarget.access.smi-spec.io/shop/t");
    assert_eq!(value["apiVersion"], "security.istio.io/v1");
}

#[test]
fn names_never_collide() {
    let two_sets = bare("api")
        .labels(&[("v", "1")])
        .http(8080)
        .also(&[("v", "2")])
        .http(8080)
        .grant(target("t", &["shop/web"]).requests());
    assert_eq!(names(&World::of([two_sets]).write("istio")), ["t-1", "t-2"]);
    let grants = api()
        .grant(target("t", &["shop/web"]).requests())
        .grant(target("t", &["shop/web"]).requests())
        .grant(target("t", &["shop/web"]).in_namespace("other").requests())
        .grant(target("allow-nothing", &["shop/web"]).requests());
    assert_eq!(names(&World::of([grants]).write("istio")), ["t", "t-2", "other-t", "allow-nothing-2"]);
}

#[test]
fn a_long_name_is_cut_and_stays_its_own() {
    let long = |end: &str| format!("{}{end}", "a".repeat(252));
    let pods =
        api().grant(target(&long("bc"), &["shop/web"]).requests()).grant(target(&long("bd"), &["shop/web"]).requests());
    let names = names(&World::of([pods]).write("istio"));
    assert!(names.iter().all(|name| name.len() <= 253), "{names:?}");
    assert_ne!(names[0], names[1]);
    assert!(names.iter().all(|name| !name.ends_with("-2")), "{names:?}");
}

#[test]
fn many_rules_become_several_policies() {
    let patterns: Vec<String> = (0..600).map(|number| format!("GET /a x-key: k{number}")).collect();
    let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
    let pods = api().grant(target("t", &["shop/web"]).some(&patterns));
    let world = World::of([pods]);
    assert_eq!(names(&world.write("istio")), ["t-1", "t-2"]);
    let allowed = &["shop/web 8080 GET /a x-key: k0", "shop/web 8080 GET /a x-key: k599"];
    holds(&Situation { name: "many rules", world, allowed, denied: &["shop/web 8080 GET /a x-key: k600"] });
}

#[test]
fn many_sources_become_several_rules() {
    let sources: Vec<String> = (0..1000).map(|number| format!("shop/web{number}")).collect();
    let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
    let world = World::of([api().grant(target("t", &sources).some(&["GET /a"]))]);
    let allowed = &["shop/web0 8080 GET /a", "shop/web999 8080 GET /a"];
    holds(&Situation { name: "many sources", world, allowed, denied: &["shop/web1000 8080 GET /a"] });
}

#[test]
fn no_rule_is_ever_empty() {
    for situation in situations() {
        for policy in values(&situation.world.write("istio")) {
            for rule in policy["spec"]["rules"].as_array().unwrap_or(&Vec::new()) {
                assert!(rule["from"][0]["source"]["principals"][0].is_string(), "{}: {rule}", situation.name);
            }
        }
    }
}

#[test]
fn an_older_version_has_the_same_words() {
    let world = World::of([get("GET /a/[^/\"<>\\[\\]\\\\^`{}|]+/b")]).version("1.22");
    assert_eq!(names(&world.write("istio")), ["t"]);
}

// --- default deny ---

#[test]
fn a_namespace_is_denied_by_a_policy_that_allows_nothing() {
    let deny = World::default().default_deny("istio", "shop");
    assert_eq!(deny.len(), 1);
    assert_eq!(deny[0].value["spec"], serde_json::json!({}));
    let labels = [("app".to_owned(), "x".to_owned())].into();
    let policies: Vec<Value> = deny.iter().map(|manifest| manifest.value.clone()).collect();
    let any = call("shop/web 8080 GET /", "cluster.local");
    assert!(!allows(&policies, "shop", &Proxy::Sidecar(&labels), &any, "cluster.local"));
    assert!(allows(&policies, "other", &Proxy::Sidecar(&labels), &any, "cluster.local"));
    assert!(World::default().default_deny("istio", "istio-system").is_empty());
}

#[test]
fn beside_the_policy_that_allows_nothing_a_grant_still_counts() {
    let world = World::of([get("GET /a")]);
    let mut policies = values(&world.write("istio"));
    policies.extend(world.default_deny("istio", "shop").into_iter().map(|manifest| manifest.value));
    let labels = [("app".to_owned(), "api".to_owned())].into();
    let judge =
        |text: &str| allows(&policies, "shop", &Proxy::Sidecar(&labels), &call(text, "cluster.local"), "cluster.local");
    assert!(judge("shop/web 8080 GET /a"));
    assert!(!judge("shop/web 8080 GET /b"));
}
