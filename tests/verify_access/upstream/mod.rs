//! Istio's policy as Istio reads it: what the evaluator answers is held to Istio's own code, which shares none with ours.
//!
//! `SMI2GAMMA_ISTIO` names the program that runs it (tests/cluster/istio); the cluster suite builds it. Without it the tests here
//! say so and pass, so that `cargo test` needs no Go. Worlds are drawn from fixed numbers: policy as people write it, beyond
//! what a conversion ever emits, and what conversions emit for random grants.

mod calls;
mod grants;
mod policies;
mod sayings;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use serde::Deserialize;
use serde_json::{Value, json};
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::run::run;
use smi2gamma::verify::{Absent, Given, Guard, access};

use super::mutations::Dice;
use super::world::{Texts, account};
use super::worlds;
use calls::{Call, Heard};

/// How many worlds of policy written by hand, for sidecars and for ambient each.
const WRITTEN: u64 = 250;
/// How many worlds of grants to convert, for each of the two.
const CONVERTED: u64 = 32;
/// How many calls each world is asked about.
const CALLS: usize = 60;

/// The trust domain of a mesh that was told one.
const DOMAIN: &str = "corp.example";

/// Pods of `api` in the namespace `shop`: 8080 speaks HTTP, 9000 does not, and of 8081 nothing says. The Service of their name
/// has 80, 9000 and 81 for them.
const PODS: &str = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  template:
    metadata: {labels: {app: api, tier: back}}
    spec:
      serviceAccountName: api
      containers:
      - {name: main, ports: [{containerPort: 8080}, {containerPort: 8081}, {containerPort: 9000}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop, labels: LABELS}
spec:
  selector: {app: api}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: either, port: 81, targetPort: 8081}, {name: tcp, port: 9000}]
";

/// Which of Istio's two ways to guard pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mesh {
    Sidecars,
    Ambient,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Said {
    Allowed,
    Denied,
    /// Something that is not in the policies decides.
    Asked,
}

/// What an evaluator says, or why it does not.
type Decided = Result<Said, String>;

/// Policies, and what both sides are asked about them.
struct Case {
    mesh: Mesh,
    pods: String,
    /// The trust domain of the mesh; none: `cluster.local`.
    domain: Option<&'static str>,
    /// Grants that say the same, it was proved.
    smi: Option<String>,
    /// What decides, as objects.
    manifests: Vec<Value>,
    /// The name of the waypoint before the Service; none: nothing is before it.
    waypoint: Option<String>,
    calls: Vec<Call>,
}

/// One line of what Istio says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    answers: Vec<Said>,
    #[serde(default)]
    refused: Vec<String>,
}

/// How a comparison went.
#[derive(Default)]
struct Tally {
    worlds: usize,
    /// What Istio refuses to take, by world.
    refused: Vec<String>,
    alike: BTreeMap<&'static str, usize>,
    undecided: BTreeMap<String, usize>,
    /// Calls that Istio answers as the grants do.
    as_granted: usize,
    different: usize,
    /// The first difference of each world that has any.
    worst: Vec<String>,
}

// === impl Mesh ===

impl Mesh {
    fn target(self) -> &'static str {
        match self {
            Self::Sidecars => "istio",
            Self::Ambient => "istio-ambient",
        }
    }
}

// === impl Case ===

impl Case {
    fn policies(&self) -> Vec<&Value> {
        self.manifests.iter().filter(|one| one["kind"] == "AuthorizationPolicy").collect()
    }

    /// What Istio is asked for one call: before the pods, or on each way to them.
    fn questions(&self, call: &Call) -> Vec<Value> {
        let labels = json!({"app": "api", "tier": "back"});
        let asked = |mut proxy: Value, source: Option<String>, port: u16, http: Option<Value>| {
            proxy["namespace"] = json!("shop");
            proxy["port"] = json!(port);
            proxy["source"] = json!(source.unwrap_or_default());
            if let Some(http) = http {
                proxy["http"] = http;
            }
            proxy
        };
        let pods = |kind: &str| json!({"proxy": kind, "labels": labels});
        let domain = self.domain.unwrap_or("cluster.local");
        let source = call.spiffe(domain);
        if self.mesh == Mesh::Sidecars {
            return vec![asked(pods("sidecar"), source, call.port, call.http())];
        }
        let mut all = vec![asked(pods("ztunnel"), source.clone(), call.port, None)];
        if let (Some(waypoint), Some(_)) = (&self.waypoint, &source) {
            let proxy = json!({"proxy": "waypoint", "name": waypoint, "service": "api"});
            all.push(asked(proxy, source, call.service_port(), call.http()));
            let own = format!("spiffe://{domain}/ns/shop/sa/{waypoint}");
            all.push(asked(pods("ztunnel"), Some(own), call.port, None));
        }
        all
    }

    fn line(&self) -> String {
        let calls: Vec<Value> = self.calls.iter().flat_map(|call| self.questions(call)).collect();
        let part = |one: &Value| json!({"metadata": one["metadata"], "spec": one["spec"]});
        let policies: Vec<Value> = self.policies().into_iter().map(part).collect();
        json!({"policies": policies, "trustDomain": self.domain.unwrap_or_default(), "calls": calls}).to_string()
    }

    /// What Istio's answers come to, by call: what any way lets through is let through.
    fn upstream(&self, answers: &[Said]) -> Vec<Said> {
        let mut rest = answers;
        let mut all = Vec::new();
        for call in &self.calls {
            let (own, later) = rest.split_at(self.questions(call).len());
            rest = later;
            all.push(match own {
                [direct, through, inner] => any_way(*direct, both(*through, *inner)),
                [only] => *only,
                _ => panic!("an answer to each question"),
            });
        }
        all
    }

    /// What our evaluators say of each call: of the policies, and of the grants where these say the same. Why, where they do
    /// not.
    fn ours(&self) -> Vec<(Decided, Option<Decided>)> {
        let mut texts =
            Texts::new(&self.pods, self.smi.as_deref().unwrap_or_default(), &worlds::stream(&self.manifests));
        texts.trust_domain = self.domain;
        let given = Given { services: Absent::Exists, prepared: true };
        texts.ask("osm", self.mesh.target(), |before, after, pods| {
            let ask = |side: &dyn Guard, call: &Call| {
                let answer = access::simulate(side, pods, &account("api"), call.port, &call.request(), &given).0;
                match answer.permits() {
                    Some(true) => Ok(Said::Allowed),
                    Some(false) => Ok(Said::Denied),
                    None => Err(answer.to_string()),
                }
            };
            let granted = |call: &Call| self.smi.is_some() && call.is_proved();
            let both = |call: &Call| (ask(after, call), granted(call).then(|| ask(before, call)));
            self.calls.iter().map(both).collect()
        })
    }

    fn compare(&self, line: &Line, tally: &mut Tally) {
        tally.worlds += 1;
        if !line.refused.is_empty() {
            tally.refused.push(line.refused.join("\n"));
            return;
        }
        let mut differences = Vec::new();
        let upstream = self.upstream(&line.answers);
        for ((call, (policy, grants)), upstream) in self.calls.iter().zip(self.ours()).zip(upstream) {
            match policy {
                Ok(ours) if ours == upstream => *tally.alike.entry(ours.word()).or_default() += 1,
                Err(_) if upstream == Said::Asked => *tally.alike.entry(Said::Asked.word()).or_default() += 1,
                Err(why) => *tally.undecided.entry(why).or_default() += 1,
                Ok(ours) => differences.push(format!("{call}: {} here, {} there", ours.word(), upstream.word())),
            }
            match grants {
                Some(Ok(grants)) if grants == upstream => tally.as_granted += 1,
                Some(Ok(grants)) => {
                    differences.push(format!("{call}: {} by the grants, {} there", grants.word(), upstream.word()));
                }
                None | Some(Err(_)) => {}
            }
        }
        if let Some(first) = differences.first() {
            tally.different += differences.len();
            tally.worst.push(format!("{:?} {first}, and {} more\n{self}", self.mesh, differences.len() - 1));
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.smi.as_deref().unwrap_or_default())?;
        self.domain.map_or(Ok(()), |domain| writeln!(f, "in the trust domain {domain}"))?;
        self.policies().iter().try_for_each(|policy| writeln!(f, "---\n{policy}"))
    }
}

// === impl Said ===

impl Said {
    fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Asked => "asked",
        }
    }
}

fn any_way(one: Said, other: Said) -> Said {
    match (one, other) {
        (Said::Allowed, _) | (_, Said::Allowed) => Said::Allowed,
        (Said::Asked, _) | (_, Said::Asked) => Said::Asked,
        (Said::Denied, Said::Denied) => Said::Denied,
    }
}

fn both(one: Said, other: Said) -> Said {
    match (one, other) {
        (Said::Denied, _) | (_, Said::Denied) => Said::Denied,
        (Said::Asked, _) | (_, Said::Asked) => Said::Asked,
        (Said::Allowed, Said::Allowed) => Said::Allowed,
    }
}

// === impl Tally ===

impl Tally {
    fn alike(&self) -> usize {
        self.alike.values().sum()
    }

    /// Ends the test where anything differs, or where too little was said.
    fn settle(&self, what: &str) {
        let undecided: usize = self.undecided.values().sum();
        let (alike, refused) = (self.alike(), self.refused.len());
        let granted = match self.as_granted {
            0 => String::new(),
            calls => format!(" ({calls} of them as the grants say)"),
        };
        eprintln!(
            "compared, {what}: {} worlds, {refused} of them refused; {alike} calls answered alike{granted} {:?}, \
             {undecided} undecided",
            self.worlds, self.alike,
        );
        let shown: Vec<&str> = self.worst.iter().take(5).map(String::as_str).collect();
        assert!(shown.is_empty(), "{} calls are answered otherwise, among them:\n{}", self.different, shown.join("\n"));
        assert!(undecided * 4 < alike, "undecided: {:#?}", self.undecided);
        for answer in ["allowed", "denied"] {
            let times = self.alike.get(answer).copied().unwrap_or_default();
            assert!(times * 10 > alike, "only {times} calls are {answer}");
        }
    }
}

/// The program that asks Istio; none without it.
fn istio() -> Option<OsString> {
    let program = env::var_os("SMI2GAMMA_ISTIO");
    if program.is_none() {
        eprintln!("Istio is not asked: set SMI2GAMMA_ISTIO to the program of tests/cluster/istio to run this test");
    }
    program
}

/// What Istio says of these worlds, in their order.
fn ask(program: OsString, cases: &[Case]) -> Vec<Line> {
    let input: String = cases.iter().map(|case| case.line() + "\n").collect();
    let mut child =
        Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let writer = thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "the program ends well");
    writer.join().expect("a writer").expect("all of the input was read");
    let text = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(lines.len(), cases.len(), "one line for each world");
    lines
}

fn compare(program: OsString, cases: &[Case]) -> Tally {
    let mut tally = Tally::default();
    cases.iter().zip(&ask(program, cases)).for_each(|(case, line)| case.compare(line, &mut tally));
    tally
}

fn dice(number: u64) -> Dice {
    Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
}

fn written(mesh: Mesh, number: u64) -> Case {
    let mut dice = dice(number);
    let waypoint = (mesh == Mesh::Ambient).then(|| "waypoint".to_owned());
    let domain = (dice.below(3) == 0).then_some(DOMAIN);
    let mut manifests = policies::some(&mut dice, mesh);
    let labels = if waypoint.is_some() { "{istio.io/use-waypoint: waypoint}" } else { "{}" };
    if waypoint.is_some() {
        manifests.push(policies::waypoint());
        manifests.extend((dice.below(3) > 0).then(|| policies::gate(domain.unwrap_or("cluster.local"))));
    }
    let heard = Heard::of(&manifests);
    let calls = (0..CALLS).map(|_| Call::draw(&mut dice, &heard)).collect();
    Case { mesh, pods: PODS.replace("LABELS", labels), domain, smi: None, manifests, waypoint, calls }
}

/// What the conversion of random grants writes; none where it holds the destination.
fn converted(mesh: Mesh, number: u64) -> Option<Case> {
    let mut dice = dice(number);
    let pods = PODS.replace("LABELS", "{}");
    let smi = grants::some(&mut dice);
    let domain = (dice.below(3) == 0).then_some(DOMAIN);
    let mut options = worlds::options(Some("osm"), mesh.target());
    options.policy.enforced = Some(true);
    options.policy.trust_domain = domain.map(str::to_owned);
    let run = run(&options, &mut format!("{pods}{smi}").as_bytes()).expect("standard input can be read");
    let manifests = worlds::manifests(&run);
    let named = |kind: &str| manifests.iter().find(|one| one["kind"] == kind);
    named("AuthorizationPolicy")?;
    let waypoint = named("Gateway").and_then(|gateway| gateway["metadata"]["name"].as_str()).map(str::to_owned);
    let mut targets = run.report.objects.iter().filter(|object| object.id.kind == "TrafficTarget");
    let proved = targets.all(|object| object.outcome == Outcome::Migrated && object.proof == Proof::Equal);
    let heard = Heard::of(&manifests);
    let calls = (0..CALLS).map(|_| Call::draw(&mut dice, &heard)).collect();
    Some(Case { mesh, pods, domain, smi: proved.then_some(smi), manifests, waypoint, calls })
}

fn of_written_policy(mesh: Mesh, first: u64) {
    let Some(istio) = istio() else { return };
    let cases: Vec<Case> = (first..first + WRITTEN).map(|number| written(mesh, number)).collect();
    compare(istio, &cases).settle(&format!("written by hand for {}", mesh.target()));
}

fn of_converted_grants(mesh: Mesh) {
    let Some(istio) = istio() else { return };
    let cases: Vec<Case> = (0..CONVERTED).filter_map(|number| converted(mesh, number)).collect();
    assert!(cases.len() as u64 * 2 > CONVERTED, "only {} of {CONVERTED} worlds are converted", cases.len());
    let proved = cases.iter().filter(|case| case.smi.is_some()).count();
    assert!(proved * 3 > cases.len(), "only {proved} of {} worlds are proved", cases.len());
    let tally = compare(istio, &cases);
    tally.settle(&format!("converted to {}", mesh.target()));
    assert!(tally.refused.is_empty(), "{:#?}", tally.refused);
}

#[test]
fn sidecars_read_policy_as_istio_does() {
    of_written_policy(Mesh::Sidecars, 0);
}

#[test]
fn ambient_reads_policy_as_istio_does() {
    of_written_policy(Mesh::Ambient, WRITTEN);
}

#[test]
fn istio_allows_with_sidecars_what_the_grants_did() {
    of_converted_grants(Mesh::Sidecars);
}

#[test]
fn istio_allows_in_ambient_mode_what_the_grants_did() {
    of_converted_grants(Mesh::Ambient);
}
