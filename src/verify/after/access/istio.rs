//! Istio's sidecars, and what they share with waypoints and ztunnel: how an AuthorizationPolicy is read.
//!
//! istio/istio@1.31.0-rc.0 pilot/pkg/security/authz/builder/builder.go (deny before allow; without an ALLOW policy everything
//! is allowed), model/model.go (an ALLOW rule that asks anything of requests is dropped whole where no HTTP is seen, a DENY
//! rule loses that part), model/generator.go (what each word becomes), pilot/pkg/serviceregistry/ambient/authorization.go and
//! istio/ztunnel@1.31.0-rc.0 src/rbac.rs (what ztunnel is sent and takes), pilot/pkg/model/policyattachment.go (sidecars read
//! no policy with targetRefs), pilot/pkg/security/trustdomain/bundle.go (`cluster.local` is the trust domain of the mesh).

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::linkerd::{all_of, any_of};
use super::words::{Word, Words};
use super::{After, Languages, Maybe, display, items, odd_field, place, text, texts};
use crate::inventory::{Inventory, Workload};
use crate::mappings::compare_versions;
use crate::pattern::escape;
use crate::place::Place;
use crate::verify::access::{Guard, foreign};
use crate::verify::after::LOCAL_TRUST_DOMAIN;
use crate::verify::after::routing::Asked;
use crate::verify::pods::{Account, PodPort};
use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request, Source, same_namespace};
use crate::verify::speaks::Speaks;
use crate::verify::verdict::{Answer, Assumption, Cause};
use crate::verify::world::Manifest;
use crate::verify::{Given, Judge};
use crate::yaml::Node;

const GROUP: &str = "security.istio.io";

/// Where policies hold for the whole mesh (`meshConfig.rootNamespace`).
pub(super) const ROOT: &str = "istio-system";

/// What makes a policy a dry run (Go's strconv.ParseBool).
const TRUE: [&str; 6] = ["1", "t", "T", "TRUE", "true", "True"];

/// The kinds that are read here, or that decide nothing about who may call.
pub(super) const KNOWN: &[(&str, &str)] = &[
    (GROUP, "AuthorizationPolicy"),
    (GROUP, "PeerAuthentication"),
    (GROUP, "RequestAuthentication"),
    // Policy of a mesh that does not run beside Istio.
    ("policy.linkerd.io", "Server"),
    ("policy.linkerd.io", "ServerAuthorization"),
    ("policy.linkerd.io", "AuthorizationPolicy"),
];

/// An AuthorizationPolicy.
#[derive(Debug)]
pub(super) struct Policy<'a> {
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub action: Action,
    /// `matchLabels`; none: all pods of the namespace.
    pub selector: Option<BTreeMap<String, String>>,
    /// Its `selector` has no `matchLabels`, so that istiod lists it with no pods.
    listed_with_none: bool,
    /// Group, kind, name.
    pub targets: Vec<(&'a str, &'a str, &'a str)>,
    rules: Vec<Rule>,
    place: Place,
    odd: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Allow,
    Deny,
    /// It is left to something else.
    Custom,
    /// Nothing is decided: AUDIT, or a dry run.
    Nothing,
}

/// What a policy with the annotation `istio.io/dry-run` does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DryRun {
    Reports,
    Enforced,
}

/// One rule: one of `from`, one of `to` and all of `when`.
#[derive(Debug)]
struct Rule {
    from: Vec<Vec<Condition>>,
    to: Vec<Vec<Condition>>,
    when: Vec<Condition>,
    place: Place,
    number: usize,
}

#[derive(Debug)]
enum Condition {
    Principal(Words),
    /// As it is written.
    Namespace {
        any: Vec<String>,
        none: Vec<String>,
    },
    /// Namespace and name.
    Account {
        any: BTreeSet<(Option<String>, String)>,
        none: BTreeSet<(Option<String>, String)>,
    },
    Port(Words),
    Method(Words),
    Path(Words),
    /// In lower case.
    Host(Words),
    Header(Field, Words),
    /// What it is; whether only requests have it.
    Unread(String, bool),
}

/// What stands before the pods, and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sees {
    /// Requests.
    Http,
    /// Connections, through a proxy that could see requests.
    Tcp,
    /// Connections: ztunnel.
    Ztunnel,
}

/// What is asked of policies.
#[derive(Clone, Copy)]
pub(super) struct Call<'q> {
    pub request: &'q Request,
    pub source: &'q Source,
    /// The port as the proxy counts it.
    pub port: u16,
    pub sees: Sees,
    /// The trust domain of the mesh.
    pub domain: &'q str,
}

pub(super) struct Sidecars<'a> {
    after: &'a After<'a>,
    policies: Vec<Policy<'a>>,
    peers: Vec<Manifest<'a>>,
    languages: Languages,
}

// === impl Policy ===

impl<'a> Policy<'a> {
    /// All AuthorizationPolicies of a world, as proxies read them.
    pub fn all(after: &After<'a>) -> Vec<Self> {
        let mut all = Self::read_all(after, DryRun::Reports);
        all.iter_mut().for_each(|policy| policy.name_the_mesh(&after.trust_domain));
        all
    }

    /// Those that ztunnel is sent. Before 1.29 it enforced dry runs, too (istio/istio@1.28.3
    /// pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go).
    pub fn of_ztunnel(after: &After<'a>) -> Vec<Self> {
        let enforced = compare_versions(&after.version, "1.29").is_some_and(Ordering::is_lt);
        let mut all = Self::read_all(after, if enforced { DryRun::Enforced } else { DryRun::Reports });
        all.retain(|policy| policy.targets.is_empty() && !policy.listed_with_none);
        all
    }

    /// Puts the trust domain of the mesh for `cluster.local`, as istiod does for proxies in whole identities; ztunnel takes
    /// words as they are written (istio/ztunnel issue 1260).
    fn name_the_mesh(&mut self, domain: &str) {
        let conditions = self
            .rules
            .iter_mut()
            .flat_map(|rule| rule.from.iter_mut().chain(&mut rule.to).flatten().chain(&mut rule.when));
        for condition in conditions {
            if let Condition::Principal(words) = condition {
                words.any.iter_mut().chain(&mut words.none).for_each(|word| word.name_the_mesh(domain));
            }
        }
    }

    fn read_all(after: &After<'a>, dry_run: DryRun) -> Vec<Self> {
        let policies = after.world.manifests.iter().filter_map(|manifest| {
            let header =
                manifest.header().filter(|header| header.group() == GROUP && header.kind == "AuthorizationPolicy")?;
            Some(Self::read(manifest, header.name, dry_run))
        });
        policies.collect()
    }

    fn read(manifest: &Manifest<'a>, name: &'a str, dry_run: DryRun) -> Self {
        let spec = manifest.node.get("spec");
        let dry = manifest.node.path(&["metadata", "annotations"]).and_then(|all| text(all, "istio.io/dry-run"));
        let reports = dry_run == DryRun::Reports && dry.is_some_and(|word| TRUE.contains(&word));
        let action = match spec.and_then(|spec| text(spec, "action")) {
            _ if reports => Action::Nothing,
            None | Some("ALLOW") => Action::Allow,
            Some("DENY") => Action::Deny,
            Some("AUDIT") => Action::Nothing,
            Some(_) => Action::Custom,
        };
        let listed_with_none =
            spec.and_then(|spec| spec.get("selector")).is_some_and(|selector| selector.get("matchLabels").is_none());
        let selector = spec.and_then(|spec| spec.path(&["selector", "matchLabels"])).map(|labels| {
            let entries = labels.entries().iter();
            entries.filter_map(|(key, value)| Some((key.key_text().into_owned(), value.as_str()?.to_owned()))).collect()
        });
        let single = spec.and_then(|spec| spec.get("targetRef")).into_iter();
        let several = spec.map(|spec| items(spec, "targetRefs")).unwrap_or_default().iter();
        let target = |node: &'a Node| {
            let part = |key| text(node, key).unwrap_or_default();
            (part("group"), part("kind"), part("name"))
        };
        let rules = spec.map(|spec| items(spec, "rules")).unwrap_or_default();
        let known = ["selector", "targetRef", "targetRefs", "rules", "action", "provider"];
        let odd = spec.and_then(|spec| odd_field(spec, &known)).map(|key| format!("field {key}"));
        Self {
            namespace: manifest.namespace,
            name,
            action,
            selector,
            listed_with_none,
            targets: single.chain(several).map(target).collect(),
            rules: rules.iter().enumerate().map(|(index, rule)| Rule::read(manifest, rule, index + 1)).collect(),
            place: place(manifest),
            odd: odd.map(|odd| {
                format!("{} has {odd}, which is not read", display("AuthorizationPolicy", manifest.namespace, name))
            }),
        }
    }

    /// Whether it holds for pods by their labels.
    pub fn selects(&self, workload: &Workload) -> bool {
        let own = same_namespace(self.namespace, workload.namespace.as_deref()) || self.namespace == Some(ROOT);
        let labels = self.selector.iter().flatten().all(|(key, value)| workload.labels.get(key) == Some(value));
        self.targets.is_empty() && own && labels
    }

    fn display(&self) -> String {
        display("AuthorizationPolicy", self.namespace, self.name)
    }

    /// The rule that takes a call; none if none does.
    fn takes(&self, call: Call<'_>, languages: &Languages) -> Result<Option<&Rule>, String> {
        if let Some(odd) = &self.odd {
            return Err(odd.clone());
        }
        let mut unclear = None;
        for rule in &self.rules {
            match rule.takes(call, self.action, languages) {
                Ok(true) => return Ok(Some(rule)),
                Ok(false) => {}
                Err(why) => unclear = Some(format!("rule {} of {}: {why}", rule.number, self.display())),
            }
        }
        unclear.map_or(Ok(None), Err)
    }

    /// What it asks of requests and senders.
    pub fn ask(&self, terms: &mut Terms, languages: &Languages, domain: &str) -> Result<(), String> {
        self.rules.iter().flat_map(Rule::conditions).try_for_each(|condition| condition.ask(terms, languages, domain))
    }

    pub fn has_rules(&self) -> bool {
        !self.rules.is_empty()
    }
}

/// What policies come to together.
pub(super) fn decide(policies: &[&Policy<'_>], call: Call<'_>, languages: &Languages) -> Answer {
    let mut unclear = None;
    let asks = |policy: &&&Policy<'_>| policy.action == Action::Custom && policy.has_rules();
    // Nothing of CUSTOM is sent to ztunnel.
    for policy in policies.iter().filter(asks).filter(|_| call.sees != Sees::Ztunnel) {
        match policy.takes(call, languages) {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => unclear = Some(format!("{} leaves it to something else", policy.display())),
        }
    }
    for policy in policies.iter().filter(|policy| policy.action == Action::Deny) {
        match policy.takes(call, languages) {
            Ok(Some(rule)) => return Answer::denied(rule.cause(policy)),
            Ok(None) => {}
            Err(why) => unclear = Some(why),
        }
    }
    let mut allowing = policies.iter().filter(|policy| policy.action == Action::Allow).peekable();
    let Some(first) = allowing.peek() else {
        let open = || Answer::allowed(Cause::unwritten("no ALLOW policy holds here, so everything is allowed"));
        return unclear.map_or_else(open, Answer::Undecided);
    };
    let closed = Cause::at(first.place, format!("{} is there, and no rule takes it", first.display()));
    let mut perhaps = None;
    for policy in allowing {
        match policy.takes(call, languages) {
            Ok(Some(rule)) => {
                let allowed = Answer::allowed(rule.cause(policy));
                return unclear.map_or(allowed, Answer::Undecided);
            }
            Err(why) => perhaps = Some(why),
            Ok(None) => {}
        }
    }
    perhaps.map_or_else(|| Answer::denied(closed), Answer::Undecided)
}

// === impl Rule ===

impl Rule {
    fn read(manifest: &Manifest<'_>, node: &Node, number: usize) -> Self {
        let own = manifest.namespace;
        let from = items(node, "from")
            .iter()
            .map(|one| one.get("source").map(|source| sender(source, own)).unwrap_or_default());
        let to = items(node, "to").iter().map(|one| one.get("operation").map(operation).unwrap_or_default());
        let mut when: Vec<Condition> = items(node, "when").iter().filter_map(|one| attribute(one, own)).collect();
        if let Some(key) = odd_field(node, &["from", "to", "when"]) {
            when.push(Condition::Unread(format!("field {key}"), false));
        }
        Self { from: from.collect(), to: to.collect(), when, place: manifest.at(node), number }
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.from.iter().chain(&self.to).flatten().chain(&self.when)
    }

    fn cause(&self, policy: &Policy<'_>) -> Cause {
        Cause::at(self.place, format!("rule {} of {}", self.number, policy.display()))
    }

    fn takes(&self, call: Call<'_>, action: Action, languages: &Languages) -> Maybe {
        if call.sees != Sees::Http && action == Action::Allow && self.asks_of_requests(call.sees) {
            return Ok(false);
        }
        let holds = |one: &Condition| one.holds(call, languages);
        // A proxy leaves a condition out that it cannot see. For ztunnel so does istiod, and ztunnel then takes no call for a
        // clause of which nothing is left.
        let all = |list: &[Condition], unseen: fn(&Condition) -> bool| match call.sees {
            Sees::Http => all_of(list.iter().map(holds)),
            Sees::Tcp => all_of(list.iter().filter(|one| !one.is_of_requests()).map(holds)),
            Sees::Ztunnel if list.iter().all(unseen) => Ok(false),
            Sees::Ztunnel => all_of(list.iter().filter(|one| !unseen(one)).map(holds)),
        };
        let any = |lists: &[Vec<Condition>]| {
            if lists.is_empty() {
                Ok(true)
            } else {
                any_of(lists.iter().map(|list| all(list, Condition::is_of_requests)))
            }
        };
        let when = self.when.iter().map(|one| all(std::slice::from_ref(one), Condition::is_no_when_of_ztunnel));
        all_of([any(&self.from), any(&self.to), all_of(when)].into_iter())
    }

    /// Whether it asks of what only requests have.
    fn asks_of_requests(&self, sees: Sees) -> bool {
        let of_when = match sees {
            Sees::Http | Sees::Tcp => Condition::is_of_requests,
            Sees::Ztunnel => Condition::is_no_when_of_ztunnel,
        };
        self.from.iter().chain(&self.to).flatten().any(Condition::is_of_requests) || self.when.iter().any(of_when)
    }
}

/// The conditions of a `source`. An account without a namespace is one of the policy's own.
fn sender(node: &Node, own: Option<&str>) -> Vec<Condition> {
    let mut all = Vec::new();
    all.extend(Words::read(node, "principals", "notPrincipals", Word::read).map(Condition::Principal));
    all.extend(namespaces(node, "namespaces", "notNamespaces"));
    all.extend(service_accounts(node, "serviceAccounts", "notServiceAccounts", own));
    for key in ["requestPrincipals", "notRequestPrincipals"] {
        all.extend((!items(node, key).is_empty()).then(|| Condition::Unread(key.to_owned(), true)));
    }
    let known = [
        "principals",
        "notPrincipals",
        "namespaces",
        "notNamespaces",
        "serviceAccounts",
        "notServiceAccounts",
        "requestPrincipals",
        "notRequestPrincipals",
    ];
    all.extend(odd_field(node, &known).map(|key| Condition::Unread(key, false)));
    all
}

fn namespaces(node: &Node, any: &str, none: &str) -> Option<Condition> {
    let list = |key| texts(node, key).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let (any, none) = (list(any), list(none));
    (!any.is_empty() || !none.is_empty()).then_some(Condition::Namespace { any, none })
}

fn service_accounts(node: &Node, any: &str, none: &str, own: Option<&str>) -> Option<Condition> {
    let split = |one: &str| match one.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (own.map(str::to_owned), one.to_owned()),
    };
    let list = |key| texts(node, key).into_iter().map(split).collect::<BTreeSet<_>>();
    let (any, none) = (list(any), list(none));
    (!any.is_empty() || !none.is_empty()).then_some(Condition::Account { any, none })
}

/// The conditions of an `operation`.
fn operation(node: &Node) -> Vec<Condition> {
    let mut all = Vec::new();
    all.extend(Words::read(node, "ports", "notPorts", Word::port).map(Condition::Port));
    all.extend(Words::read(node, "methods", "notMethods", Word::read).map(Condition::Method));
    all.extend(Words::read(node, "paths", "notPaths", Word::path).map(Condition::Path));
    all.extend(Words::read(node, "hosts", "notHosts", Word::host).map(Condition::Host));
    let known = ["ports", "notPorts", "methods", "notMethods", "paths", "notPaths", "hosts", "notHosts"];
    all.extend(odd_field(node, &known).map(|key| Condition::Unread(key, false)));
    all
}

/// A `when`; one without values asks nothing.
fn attribute(node: &Node, own: Option<&str>) -> Option<Condition> {
    let key = text(node, "key").unwrap_or_default();
    let read = |word| Words::read(node, "values", "notValues", word);
    let words = read(Word::read)?;
    Some(match key {
        "source.principal" => Condition::Principal(words),
        "source.namespace" => return namespaces(node, "values", "notValues"),
        "source.serviceAccount" => return service_accounts(node, "values", "notValues", own),
        "destination.port" => return read(Word::port).map(Condition::Port),
        _ => match key.strip_prefix("request.headers[").and_then(|rest| rest.strip_suffix(']')) {
            Some(":method") => Condition::Method(words),
            // Envoy has one place for both.
            Some(":authority") => Condition::Header(Field::Header("host".into()), words),
            Some(name) if !name.starts_with(':') => Condition::Header(Field::Header(name.to_ascii_lowercase()), words),
            Some(_) => Condition::Unread(key.to_owned(), true),
            None => Condition::Unread(key.to_owned(), key.starts_with("request.")),
        },
    })
}

// === impl Condition ===

impl Condition {
    fn is_of_requests(&self) -> bool {
        match self {
            Self::Method(_) | Self::Path(_) | Self::Host(_) | Self::Header(..) | Self::Unread(_, true) => true,
            Self::Principal(_)
            | Self::Namespace { .. }
            | Self::Account { .. }
            | Self::Port(_)
            | Self::Unread(_, false) => false,
        }
    }

    /// Under `when`, istiod sends ztunnel these alone: addresses, namespaces, principals and ports.
    fn is_no_when_of_ztunnel(&self) -> bool {
        match self {
            Self::Account { .. } => true,
            Self::Unread(key, of_requests) => {
                let of_proxies = ["remote.ip", "source.trustDomain", "connection.sni"];
                *of_requests || of_proxies.contains(&key.as_str()) || key.starts_with("experimental.")
            }
            Self::Principal(_)
            | Self::Namespace { .. }
            | Self::Port(_)
            | Self::Method(_)
            | Self::Path(_)
            | Self::Host(_)
            | Self::Header(..) => self.is_of_requests(),
        }
    }

    fn holds(&self, call: Call<'_>, languages: &Languages) -> Maybe {
        Ok(match self {
            Self::Principal(words) => words.take(principal(call.source, call.domain).as_deref(), Word::is),
            Self::Namespace { any, none } => {
                let is = |list: &[String]| any_of(list.iter().map(|text| in_namespace(text, call, languages)));
                (any.is_empty() || is(any)?) && !is(none)?
            }
            Self::Account { any, none } => {
                let own = account(call.source);
                let one = |(namespace, name): &(Option<String>, String)| {
                    own.as_ref().is_some_and(|own| same_namespace(namespace.as_deref(), Some(&own.0)) && *name == own.1)
                };
                (any.is_empty() || any.iter().any(one)) && !none.iter().any(one)
            }
            Self::Port(words) => words.take(Some(&call.port.to_string()), Word::is),
            Self::Method(words) => words.take(Some(&call.request.method), Word::is),
            Self::Path(words) => {
                let templates = words.all().filter(|word| matches!(word, Word::Template(_)));
                let mut taken = Vec::new();
                for template in templates {
                    if languages.of(Asked::PathFull, &template.expression())?.matches(&call.request.path) {
                        taken.push(template);
                    }
                }
                words.take(Some(&call.request.path), |word, path| word.is(path) || taken.contains(&word))
            }
            Self::Host(words) => {
                let host = call.request.header("host").map(str::to_ascii_lowercase);
                words.take(host.as_deref(), Word::is)
            }
            Self::Header(field, words) => words.take(call.request.field(field), Word::is),
            Self::Unread(what, _) => return Err(format!("{what} is not compared")),
        })
    }

    fn ask(&self, terms: &mut Terms, languages: &Languages, domain: &str) -> Result<(), String> {
        let term = |how: Asked, word: &Word| {
            let expression = word.expression();
            languages.of(how, &expression).map(|language| Term { key: how.key(&expression), language })
        };
        let mut field = |name: Field, words: &Words| {
            let of_field = words.all().map(|word| term(Asked::HeaderFull, word)).collect::<Result<Vec<_>, _>>()?;
            terms.fields.entry(name).or_default().extend(of_field);
            Ok::<_, String>(())
        };
        match self {
            Self::Principal(words) => words.all().for_each(|word| name_principal(word, terms, domain)),
            Self::Namespace { any, none } => {
                terms.namespaces.extend(any.iter().chain(none).map(|text| text.replace('*', "x")));
            }
            Self::Account { any, none } => {
                for (namespace, name) in any.union(none) {
                    let (namespace, service_account) = (namespace.clone().unwrap_or_default(), name.clone());
                    terms.sources.insert(Source::Spiffe(format!(
                        "spiffe://elsewhere.example/ns/{namespace}/sa/{service_account}"
                    )));
                    terms.sources.insert(Source::Identity { namespace, service_account });
                }
            }
            Self::Method(words) => {
                terms.methods.extend(words.all().map(|word| match word {
                    Word::Exact(text) | Word::Template(text) => text.clone(),
                    Word::Prefix(start) => format!("{start}X"),
                    Word::Suffix(end) => format!("X{end}"),
                    Word::Present => "GET".to_owned(),
                }));
            }
            Self::Path(words) => {
                for word in words.all() {
                    terms.paths.push(term(Asked::PathFull, word)?);
                }
            }
            Self::Host(words) => field(Field::Header("host".into()), words)?,
            Self::Header(name, words) => field(name.clone(), words)?,
            Self::Port(_) | Self::Unread(..) => {}
        }
        Ok(())
    }
}

/// A sender as policy names it in a mesh of this trust domain; none without mutual TLS.
fn principal(source: &Source, domain: &str) -> Option<String> {
    match source {
        Source::Identity { namespace, service_account } => {
            Some(format!("{domain}/ns/{namespace}/sa/{service_account}"))
        }
        Source::Spiffe(id) => Some(id.strip_prefix("spiffe://").unwrap_or(id).to_owned()),
        Source::Unauthenticated | Source::Node | Source::Outside => None,
    }
}

/// Whether a sender is in a namespace, as it is written in a policy. A proxy is given an expression for the whole identity, in
/// which a star reaches across slashes: `*a` takes every `x/sa/y`. ztunnel knows the namespace by itself.
fn in_namespace(text: &str, call: Call<'_>, languages: &Languages) -> Maybe {
    if call.sees == Sees::Ztunnel {
        return Ok(call.source.namespace().is_some_and(|own| Word::read(text).is(own)));
    }
    let Some(own) = principal(call.source, call.domain) else { return Ok(false) };
    let parts: Vec<String> = text.split('*').map(escape).collect();
    Ok(languages.of(Asked::HeaderFull, &format!(".*/ns/{}/.*", parts.join(".*")))?.matches(&own))
}

/// Namespace and account of a sender, of whatever trust domain.
fn account(source: &Source) -> Option<(String, String)> {
    let id = principal(source, LOCAL_TRUST_DOMAIN)?;
    let (_, rest) = id.split_once("/ns/")?;
    let (namespace, name) = rest.split_once("/sa/")?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// The senders that a principal names: itself, or for one with a wildcard some that it takes.
fn name_principal(word: &Word, terms: &mut Terms, domain: &str) {
    let mut named: Vec<String> = match word {
        Word::Exact(text) | Word::Template(text) => vec![text.clone()],
        Word::Present => Vec::new(),
        Word::Prefix(start) => {
            let ends = ["", "x", "/sa/x", "x/sa/x", "ns/x/sa/x", "/ns/x/sa/x"];
            ends.iter().map(|end| format!("{start}{end}")).collect()
        }
        Word::Suffix(end) => {
            let within = ["", "/ns/x", "/ns/x/sa/x", "/ns/"];
            let starts = within.iter().map(|rest| format!("{domain}{rest}")).chain(["elsewhere.example".to_owned()]);
            starts.map(|start| format!("{start}{end}")).collect()
        }
    };
    named.retain(|id| id.matches('/').count() == 4);
    for id in named {
        terms.sources.insert(match id.split('/').collect::<Vec<_>>().as_slice() {
            [own, "ns", namespace, "sa", name] if *own == domain => {
                Source::Identity { namespace: (*namespace).to_owned(), service_account: (*name).to_owned() }
            }
            _ => Source::Spiffe(format!("spiffe://{id}")),
        });
    }
}

// === impl Sidecars ===

impl<'a> Sidecars<'a> {
    pub(super) fn new(after: &'a After<'a>) -> Self {
        let peers = after.world.manifests.iter().filter(|manifest| {
            manifest.header().is_some_and(|header| header.group() == GROUP && header.kind == "PeerAuthentication")
        });
        Self { after, policies: Policy::all(after), peers: peers.copied().collect(), languages: Languages::default() }
    }

    /// The mode of mutual TLS on a port: of the pods, else of the namespace, else of the mesh.
    fn mode(&self, at: PodPort<'_>) -> Result<(&str, Option<Cause>), String> {
        let own = at.workload.namespace.as_deref();
        let labels = |one: &Manifest<'_>| {
            let chosen = one.node.path(&["spec", "selector", "matchLabels"]).map(Node::entries).unwrap_or_default();
            let holds = chosen.iter().all(|(key, value)| {
                at.workload.labels.get(key.key_text().as_ref()).map(String::as_str) == value.as_str()
            });
            (chosen.is_empty(), holds)
        };
        let here = |one: &&Manifest<'_>| same_namespace(one.namespace, own);
        let pods: Vec<_> = self.peers.iter().filter(here).filter(|one| labels(one) == (false, true)).collect();
        let space: Vec<_> = self.peers.iter().filter(here).filter(|one| labels(one).0).collect();
        let root: Vec<_> = self.peers.iter().filter(|one| one.namespace == Some(ROOT) && labels(one).0).collect();
        for level in [pods, space, root] {
            let modes = level.iter().filter_map(|one| {
                let port = one.node.path(&["spec", "portLevelMtls", &at.port.to_string(), "mode"]);
                let mode = port.or_else(|| one.node.path(&["spec", "mtls", "mode"]))?.as_str()?;
                (mode != "UNSET")
                    .then_some((mode, Cause::at(place(one), format!("PeerAuthentication with mode {mode}"))))
            });
            let modes: Vec<_> = modes.collect();
            match modes.as_slice() {
                [] => {}
                [(mode, cause), rest @ ..] if rest.iter().all(|(other, _)| other == mode) => {
                    return Ok((mode, Some(cause.clone())));
                }
                _ => return Err("several PeerAuthentications hold, with different modes".into()),
            }
        }
        Ok(("PERMISSIVE", None))
    }

    /// What keeps connections from the proxy.
    fn passed_by(at: PodPort<'_>) -> Option<Answer> {
        let value = |name: &str| at.workload.labels.get(name).or_else(|| at.workload.annotations.get(name));
        let cause = |what: &str| Some(Answer::allowed(Cause::at(at.workload.place, what)));
        if value("sidecar.istio.io/inject").is_some_and(|value| value == "false") {
            return cause("the pods have no sidecar");
        }
        let excluded = value("traffic.sidecar.istio.io/excludeInboundPorts")?;
        let own = at.port.to_string();
        if excluded.split(',').any(|port| port.trim() == own) {
            cause("the sidecar is told to leave the port alone")
        } else {
            None
        }
    }
}

impl Guard for Sidecars<'_> {
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account> {
        accounts(&self.policies, pods)
    }

    fn ports(&self, _: &Inventory, workload: &Workload) -> BTreeSet<u16> {
        ports(self.policies.iter().filter(|policy| policy.selects(workload)))
    }

    fn judge<'s>(&'s self, at: PodPort<'s>) -> Box<dyn Judge + 's> {
        let policies = self.policies.iter().filter(|policy| policy.selects(at.workload)).collect();
        Box::new(Sidecar { sidecars: self, at, policies })
    }

    fn unread(&self, workload: &Workload) -> Option<String> {
        let policy = foreign(workload, self.after.world.inventory, KNOWN)?;
        Some(format!("{} {} also decides about the pods, and is not read", policy.kind, policy.name))
    }
}

/// The accounts of the pods that policies select.
pub(super) fn accounts(policies: &[Policy<'_>], pods: &Inventory) -> BTreeSet<Account> {
    let mut accounts = BTreeSet::new();
    for policy in policies.iter().filter(|policy| policy.targets.is_empty() && policy.namespace != Some(ROOT)) {
        let none = BTreeMap::new();
        let labels = policy.selector.as_ref().unwrap_or(&none);
        accounts.extend(pods.selected_by(policy.namespace, labels).into_iter().map(Account::of));
    }
    accounts
}

/// The ports that policies name.
pub(super) fn ports<'p>(policies: impl Iterator<Item = &'p Policy<'p>>) -> BTreeSet<u16> {
    let conditions = policies.flat_map(|policy| policy.rules.iter().flat_map(Rule::conditions));
    let words = conditions.filter_map(|condition| match condition {
        Condition::Port(words) => Some(words),
        _ => None,
    });
    let exact = words.flat_map(Words::all).filter_map(|word| match word {
        Word::Exact(text) => text.parse().ok(),
        _ => None,
    });
    exact.filter(|&port| port > 0).collect()
}

struct Sidecar<'s> {
    sidecars: &'s Sidecars<'s>,
    at: PodPort<'s>,
    policies: Vec<&'s Policy<'s>>,
}

impl Judge for Sidecar<'_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms::default();
        self.policies.iter().try_for_each(|policy| {
            policy.ask(&mut terms, &self.sidecars.languages, &self.sidecars.after.trust_domain)
        })?;
        Ok(terms)
    }

    fn answer(&self, request: &Request, _: &Given, _: &mut BTreeSet<Assumption>) -> Answer {
        if self.at.workload.host_network {
            return Answer::Undecided("the pods share the node's network, which no proxy guards".into());
        }
        if request.source == Source::Node {
            return Answer::allowed(Cause::unwritten("probes go to the agent, which no policy covers"));
        }
        if let Some(answer) = Sidecars::passed_by(self.at) {
            return answer;
        }
        let nobody = Source::Unauthenticated;
        let source = match self.sidecars.mode(self.at) {
            Ok(("STRICT", Some(cause))) if account(&request.source).is_none() => return Answer::denied(cause),
            Ok(("DISABLE", _)) => &nobody,
            Ok(_) => &request.source,
            Err(why) => return Answer::Undecided(why),
        };
        let sees = match (self.at.declared(), request.is_connection()) {
            (Err(why), _) => return Answer::Undecided(why),
            (Ok(Some(Speaks::Http)), true) => {
                return Answer::denied(Cause::unwritten("the port takes nothing but HTTP"));
            }
            (Ok(Some(Speaks::Bytes)), _) | (Ok(None), true) => Sees::Tcp,
            (Ok(Some(Speaks::Http) | None), false) => Sees::Http,
        };
        let domain = &self.sidecars.after.trust_domain;
        let call = Call { request, source, port: self.at.port, sees, domain };
        decide(&self.policies, call, &self.sidecars.languages)
    }
}
