//! Who may call which pods: the frame in which both sides are asked, one ServiceAccount after the other.
//!
//! For each kind of pods of an account and each of their ports, one request out of every region is asked of both sides,
//! from every sender that either of them names, from one that neither names, from one without an identity, and from
//! outside. The node sends nothing but the probes of the pods, each of which is asked about by itself: pods that were ready
//! were reached by them, so that a probe that is denied after is a pod that is taken out of service.
//!
//! What the platform lets through is no widening, where a row `allowances` of the target names it, and for exactly that:
//! what the kubelet asks for. It leaves the verdict and is listed in its domain. A port that nothing declares, names or
//! selects is asked about too; where only that port differs, the domain says that nothing listens there.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use super::pods::{Account, PodPort, asks};
use super::region::{Cells, Question, Seen, Term};
use super::request::{Request, Source};
use super::verdict::{Answer, Assumption, Relation, Verdict};
use super::{Absent, Given, Judge};
use crate::inventory::{Inventory, Policy, Service, Transport, Workload};
use crate::pattern::{Domain, Language};

/// What every verdict on access takes for granted, beside [`super::DOMAIN`].
pub const ACCESS_DOMAIN: [&str; 3] = [
    "a port carries what its Services declare; UDP is not compared",
    "what a pod sends to itself, and the proxy's own ports, are not compared",
    "senders of the mesh use its mutual TLS, under the trust domain that the policy means by cluster.local",
];

/// One side of a comparison of access.
pub trait Guard: Sync {
    /// The accounts about whose pods it has something to say.
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account>;

    /// The ports of the pods of a workload that it names.
    fn ports(&self, pods: &Inventory, workload: &Workload) -> BTreeSet<u16>;

    /// What it does with requests that reach one port of the pods of a workload.
    fn judge<'s>(&'s self, at: PodPort<'s>) -> Box<dyn Judge + 's>;

    /// Whether what the kubelet asks for is open to everyone, for it has no identity.
    fn opens_probe_paths(&self) -> bool {
        false
    }

    /// Why something else that selects the pods is not read; none where everything is.
    fn unread(&self, _workload: &Workload) -> Option<String> {
        None
    }
}

/// How to compare access.
#[derive(Clone, Debug, Default)]
pub struct AccessOptions {
    /// As [`Given::prepared`].
    pub prepared: bool,
    /// The input is all there is (a cluster).
    pub whole: bool,
    /// Only these accounts; none: all.
    pub only: Option<BTreeSet<Account>>,
    /// Callers who may, though no TrafficTarget names them.
    pub callers: BTreeSet<Source>,
}

/// What one side does with one request to one port of the pods of an account. Of several kinds of pods all must answer
/// alike.
#[must_use]
pub fn simulate(
    side: &dyn Guard,
    pods: &Inventory,
    to: &Account,
    port: u16,
    request: &Request,
    given: &Given,
) -> (Answer, BTreeSet<Assumption>) {
    let mut assumed = BTreeSet::new();
    let mut answers: Vec<Answer> = Vec::new();
    for workload in kinds(pods, to) {
        let at = PodPort { inventory: pods, workload, port };
        let answer = side.judge(at).answer(&request_to(request, to, port), given, &mut assumed);
        if answers.iter().all(|known| known.relate(&answer) != Relation::Equal) {
            answers.push(answer);
        }
    }
    let answer = match answers.len() {
        0 => Answer::Undecided(format!("what makes the pods of {to} is not in the input")),
        1 => answers.remove(0),
        _ => Answer::Undecided(format!("the pods of {to} are of several kinds, and answer otherwise")),
    };
    (answer, assumed)
}

fn request_to(request: &Request, to: &Account, port: u16) -> Request {
    Request { to: to.destination(Some(port)), ..request.clone() }
}

/// The pods that a Service leads to at one of its ports: their accounts and their port.
#[must_use]
pub fn behind(pods: &Inventory, service: &Service, port: u16) -> BTreeSet<(Account, u16)> {
    let Some(port) = service.ports.iter().find(|one| one.number == port && one.transport == Transport::Tcp) else {
        return BTreeSet::new();
    };
    let mut found = BTreeSet::new();
    for workload in pods.workloads_behind(service) {
        let declared = workload.ports.iter().map(|port| port.number);
        let written = port.target.as_deref().and_then(|target| target.parse().ok()).unwrap_or(port.number);
        let numbers = declared.chain([written]);
        found.extend(
            numbers
                .filter(|&number| super::pods::leads_to(port, workload, number))
                .map(|number| (Account::of(workload), number)),
        );
    }
    found
}

/// The kinds of pods of an account: workloads that differ in what access depends on.
fn kinds<'p>(pods: &'p Inventory, account: &Account) -> Vec<&'p Workload> {
    let mut kinds: Vec<&Workload> = Vec::new();
    for workload in pods.workloads_of(account.namespace.as_deref(), &account.name) {
        let known = |other: &&Workload| other.same_pods(workload) && other.annotations == workload.annotations;
        if !kinds.iter().any(known) {
            kinds.push(workload);
        }
    }
    kinds
}

/// How `after` stands to `before` at each account that either of them is about.
#[must_use]
pub fn verify(before: &dyn Guard, after: &dyn Guard, pods: &Inventory, options: &AccessOptions) -> Vec<Verdict> {
    let mut accounts = before.accounts(pods);
    accounts.extend(after.accounts(pods));
    accounts.retain(|account| options.only.as_ref().is_none_or(|only| only.iter().any(|one| one.may_be(account))));
    let named: Vec<Account> = accounts.iter().filter(|one| one.namespace.is_some()).cloned().collect();
    accounts.retain(|one| one.namespace.is_some() || !named.iter().any(|other| other.may_be(one)));
    let accounts: Vec<Account> = accounts.into_iter().collect();
    accounts.par_iter().map(|account| verify_account(before, after, pods, account, options)).collect()
}

/// How `after` stands to `before` at the pods of one account.
#[must_use]
pub fn verify_account(
    before: &dyn Guard,
    after: &dyn Guard,
    pods: &Inventory,
    account: &Account,
    options: &AccessOptions,
) -> Verdict {
    let mut seen = Seen::default();
    let kinds = kinds(pods, account);
    if kinds.is_empty() {
        seen.unasked = Some(format!("what makes the pods of {account} is not in the input: give its manifest"));
    }
    let services = if options.whole { Absent::Missing } else { Absent::Exists };
    let given = Given { services, prepared: options.prepared };
    let mut cells = Cells::default();
    for workload in kinds {
        let mut ports: BTreeSet<u16> = before.ports(pods, workload);
        ports.extend(after.ports(pods, workload));
        let declared = workload.ports.iter().filter(|port| port.transport == Transport::Tcp);
        ports.extend(declared.map(|port| port.number));
        for &port in &ports {
            compare(
                before,
                after,
                PodPort { inventory: pods, workload, port },
                (&given, options),
                &mut seen,
                &mut cells,
            );
        }
        let mut elsewhere = Seen::default();
        let at = PodPort { inventory: pods, workload, port: unnamed(&ports) };
        compare(before, after, at, (&given, options), &mut elsewhere, &mut cells);
        if elsewhere.relation() == Relation::Equal {
            seen.domain.append(&mut elsewhere.domain);
        } else if ports.is_empty() {
            seen = elsewhere;
        } else {
            seen.domain.insert(Assumption::Listens(account.to_string()));
        }
        if let Some(why) = after.unread(workload) {
            seen.unasked.get_or_insert(why);
        }
    }
    seen.verdict(account.destination(None))
}

/// A port that is not among these, and that no proxy has for itself.
fn unnamed(ports: &BTreeSet<u16>) -> u16 {
    (20_000..30_000).find(|port| !ports.contains(port)).unwrap_or(20_000)
}

fn compare(
    before: &dyn Guard,
    after: &dyn Guard,
    at: PodPort<'_>,
    (given, options): (&Given, &AccessOptions),
    seen: &mut Seen,
    cells: &mut Cells,
) {
    let (one, other) = (before.judge(at), after.judge(at));
    let (checks, account) = (at.checks(), at.account().to_string());
    let open = after.opens_probe_paths();
    let relate = |request: &Request, before: &Answer, after: &Answer, domain: &mut BTreeSet<Assumption>| {
        let probe = !request.is_connection() && checks.iter().any(|check| asks(check, request));
        if request.source == Source::Node {
            domain.insert(Assumption::Probes(account.clone()));
        }
        let relation = before.relate(after);
        if before.permits().is_none() && relation == Relation::Equal {
            domain.insert(Assumption::Union);
        }
        if relation == Relation::Wider && options.callers.contains(&request.source) {
            domain.insert(Assumption::Caller(request.source.to_string()));
            return Relation::Equal;
        }
        if probe && open && request.source != Source::Node && matches!(relation, Relation::Wider | Relation::Undecided)
        {
            let asked = format!("{} {}", request.method, request.path);
            domain.insert(Assumption::ProbePath(account.clone(), at.port, asked));
            return Relation::Equal;
        }
        relation
    };
    let senders = match (one.terms(), other.terms()) {
        (Ok(before), Ok(after)) => {
            senders(before.sources.union(&after.sources), before.namespaces.union(&after.namespaces))
        }
        (Err(why), _) | (_, Err(why)) => {
            seen.unasked.get_or_insert(why);
            return;
        }
    };
    let paths = checks.iter().filter_map(|check| Some(check.request()?.1));
    let beside: Vec<Term> = paths.filter_map(exactly).collect();
    let to = at.account().destination(Some(at.port));
    let question = Question {
        to: &to,
        before: one.as_ref(),
        after: other.as_ref(),
        given,
        senders: &senders,
        beside: &beside,
        relate: &relate,
    };
    seen.ask(&question, cells);
    for check in &checks {
        let (method, path) = check.request().unwrap_or_default();
        let (method, path) = (method.to_owned(), path.to_owned());
        let request = Request { source: Source::Node, to: to.clone(), method, path, fields: BTreeMap::new() };
        seen.ask_one(&question, request);
    }
}

/// The path of a probe, apart from all others.
fn exactly(path: &str) -> Option<Term> {
    let language = Language::exact(Domain::Path, path).ok()?;
    Some(Term { key: format!("exact {path}"), language })
}

/// Whoever is named, for each namespace one that is not, one of a namespace that is not named, and those without an
/// identity.
fn senders<'n>(named: impl Iterator<Item = &'n Source>, namespaces: impl Iterator<Item = &'n String>) -> Vec<Source> {
    let named: BTreeSet<Source> = named.cloned().collect();
    let mut spaces: BTreeSet<String> = namespaces.cloned().collect();
    spaces.extend(named.iter().filter_map(|source| source.namespace().map(str::to_owned)));
    let nowhere = fresh("elsewhere", |name| spaces.contains(name));
    spaces.insert(nowhere);
    let unnamed = spaces.into_iter().map(|namespace| {
        let of = |name: &str| Source::Identity { namespace: namespace.clone(), service_account: name.to_owned() };
        of(&fresh("someone", |name| named.contains(&of(name))))
    });
    let unnamed: Vec<Source> = unnamed.collect();
    [Source::Unauthenticated, Source::Outside].into_iter().chain(named.iter().cloned()).chain(unnamed).collect()
}

/// `word`, or the word with a number that is not taken.
fn fresh(word: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(word) {
        return word.to_owned();
    }
    (2_u32..).map(|number| format!("{word}-{number}")).find(|name| !taken(name)).unwrap_or_default()
}

/// The kinds of policy in `after` that no engine here reads and that `before` does not have alike.
#[must_use]
pub fn foreign<'p>(workload: &Workload, after: &'p Inventory, known: &[(&str, &str)]) -> Option<&'p Policy> {
    let policies = after.policies_of(workload);
    policies.into_iter().find(|policy| !known.contains(&(policy.group.as_str(), policy.kind.as_str())))
}
