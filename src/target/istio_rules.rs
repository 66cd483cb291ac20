//! What the two ways of running Istio have in common: the rules of an AuthorizationPolicy.
//!
//! A rule allows; nothing else in it can. So a type here has no form that allows by being empty: a rule is made from
//! principals, of which there is at least one, and a policy without rules allows nothing. Conditions on requests and rules
//! without them never share a rule, because a rule with one condition on requests is dropped whole where connections are
//! not read as HTTP (istio/istio@1.31.0-rc.0 `pilot/pkg/security/authz/model/model.go`, checkError).
//!
//! Which ports a rule counts, and what it is attached to, is decided in `istio` and `istio_ambient`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::access::{Around, Closure, Loss, Nearest, Permission, Side, Workloads};
use crate::code;
use crate::inventory::{Lookup, Port};
use crate::manifest::{Effect, Manifest, Metadata, manifest};
use crate::mappings::{PolicyReading, ValueWords, newest};
use crate::model::grant::{Account, Principal, Requests};
use crate::model::{HeaderPattern, Methods, PathPattern, RequestPattern};
use crate::pattern::{
    Anchoring, Bound, BoundSaying, Domain, Language, Relation, Said, Saying, Undecided, Vocabulary, Word, relate, say,
};
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::yaml::emit;

/// The kind of all policy of Istio that is written.
pub(super) const KIND: &str = "AuthorizationPolicy";
const TRAFFIC_TARGET: &str = "TrafficTarget";
/// The annotation that keeps a policy from taking effect (istio/api@1.31.0-rc.0 `annotation/annotations.yaml`).
const DRY_RUN: &str = "istio.io/dry-run";
/// What `principals` may call the trust domain of the mesh, whatever that is (istio/istio@1.31.0-rc.0
/// `pilot/pkg/security/trustdomain/bundle.go`).
pub(super) const LOCAL_TRUST_DOMAIN: &str = "cluster.local";
/// Rules in one policy (CRD of 1.25 and later, `rules`).
const MAX_RULES: usize = 512;
/// Principals in one rule, and operations in one rule: the CRD sets no limit, the size of an object does.
const MAX_PER_RULE: usize = 256;
/// Characters of the rules of one policy: well below what the API server stores of an object.
const MAX_SIZE: usize = 512 * 1024;
/// Words in one list of `paths` or `values`.
const MAX_WORDS: usize = 128;
/// Words in one list of a bound: as many as a person reads before accepting it.
const MAX_BOUND: usize = 16;
/// Characters of a name.
const MAX_NAME: usize = 253;

// --- what is written ---

/// `spec` of an AuthorizationPolicy; without rules it allows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub target_refs: Vec<TargetRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// What a waypoint's policy is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct TargetRef {
    pub group: &'static str,
    pub kind: &'static str,
    pub name: String,
}

/// Which pods a policy is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selector {
    pub match_labels: BTreeMap<String, String>,
}

/// One way to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rule {
    from: [From; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<To>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    when: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct From {
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Source {
    principals: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct To {
    operation: Operation,
}

/// What is asked for; all of it must hold, and a list by one of its words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_ports: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_hosts: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paths: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_paths: Vec<String>,
}

/// A condition on a header: it is there, and its value is one of `values` and none of `not_values`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Condition {
    key: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_values: Vec<String>,
}

// --- what rules are made from ---

/// The ports that a rule is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    /// Every one.
    Every,
    /// These; without any, the rule is not written.
    Only(BTreeSet<u16>),
    /// Every one but these.
    Except(BTreeSet<u16>),
}

/// One request pattern in the words of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Phrase {
    methods: Vec<String>,
    hosts: Words,
    paths: Words,
    conditions: Vec<Condition>,
}

/// What a value must be: one of the first list, none of the second; without either, anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Words {
    any_of: Vec<String>,
    none_of: Vec<String>,
}

/// What one permission allows at one place, in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    /// Ports that may be called with anything.
    pub anything: Option<Ports>,
    /// Ports on which every request is allowed, and nothing but requests.
    pub requests: Option<Ports>,
    /// Requests that are allowed, by ports.
    pub phrases: Vec<(Ports, Vec<Phrase>)>,
}

/// What a person should know of one closure, and what keeps it from being converted.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    pub refusals: Vec<(usize, Finding)>,
    pub findings: Vec<(usize, Finding)>,
}

/// Says permissions in the words of one version of Istio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'a> {
    pub around: Around<'a>,
    pub reading: &'static PolicyReading,
    pub api_version: &'static str,
}

// === impl Speaker ===

impl<'a> Speaker<'a> {
    /// Whether policy of `namespace` holds for pods of every namespace.
    pub(super) fn is_root(self, namespace: &str) -> bool {
        let policy = self.around.profile.target.policy.as_ref();
        policy.and_then(|policy| policy.root_namespace.as_deref()) == Some(namespace)
    }

    /// A speaker for the target of `around`; none where its table has no policy that this version serves.
    pub fn new(around: Around<'a>) -> Option<Self> {
        let reading = around.profile.target.policy.as_ref()?;
        let served = newest(reading.kinds.get(KIND)?, &around.profile.version, |row| &row.since)?;
        Some(Self { around, reading, api_version: &served.api_version })
    }

    /// How the sources of a permission are named; what cannot be named is refused.
    pub fn principals(self, permission: &Permission<'_>, object: usize, notes: &mut Notes) -> Vec<String> {
        let mut principals = BTreeSet::new();
        for (source, place) in &permission.sources {
            match self.principal(source) {
                Ok(principal) => {
                    principals.insert(principal);
                }
                Err(finding) => notes.refusals.push((object, finding.at(*place))),
            }
        }
        principals.into_iter().collect()
    }

    /// The trust domain to write.
    pub fn trust_domain(self) -> &'a str {
        self.around.settings.trust_domain.as_deref().unwrap_or(LOCAL_TRUST_DOMAIN)
    }

    /// How Istio names an account of the mesh.
    pub fn account(self, namespace: &str, name: &str) -> String {
        format!("{}/ns/{namespace}/sa/{name}", self.trust_domain())
    }

    fn principal(self, source: &Principal) -> Result<String, Finding> {
        let title = self.around.profile.title();
        let principal = match source {
            Principal::Account(Account { namespace: Some(namespace), name }) => self.account(namespace, name),
            Principal::Account(Account { namespace: None, name }) => {
                let message = format!("nothing says in which namespace the account `{name}` is");
                return Err(Finding::new(code!("source-without-namespace"), message)
                    .help("give the source a namespace; a policy of Istio names accounts by namespace and name"));
            }
            Principal::Spiffe(id) => id.strip_prefix("spiffe://").unwrap_or(id).to_owned(),
            Principal::Pods { .. } => {
                let message = format!("{title} knows callers by their accounts, not by the labels of their pods");
                return Err(Finding::new(code!("source-not-nameable"), message)
                    .help("name the ServiceAccount that those pods run as"));
            }
        };
        if is_identity(&principal) {
            return Ok(principal);
        }
        let message = format!("`{principal}` is no identity of a workload in {title}");
        Err(Finding::new(code!("source-not-nameable"), message)
            .note("workloads are known as `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`")
            .help("name the ServiceAccount that the callers run as"))
    }

    /// The patterns of `requests` in words; none where all requests are meant. Losses are decided on the way.
    pub fn phrases(
        self,
        requests: &Requests,
        permission: &Permission<'_>,
        object: usize,
        notes: &mut Notes,
    ) -> Option<Vec<Phrase>> {
        let Requests::Any(patterns) = requests else { return None };
        let mut phrases = Vec::new();
        for pattern in patterns {
            if pattern.is_everything() {
                return None;
            }
            let phrase = self.phrase(pattern, permission, object, notes);
            phrases.extend(phrase.filter(|phrase| !phrases.contains(phrase)));
        }
        Some(phrases)
    }

    /// One pattern in words; none where no request satisfies it, or something of it was refused.
    fn phrase(
        self,
        pattern: &RequestPattern,
        permission: &Permission<'_>,
        object: usize,
        notes: &mut Notes,
    ) -> Option<Phrase> {
        let methods = match &pattern.methods {
            Methods::Any => Vec::new(),
            Methods::Only(methods) if methods.is_empty() => return None,
            Methods::Only(methods) => methods.iter().map(|&method| method.to_owned()).collect(),
        };
        let mut possible = true;
        let mut hosts = Words::default();
        if let Some(host) = &pattern.authority {
            match self.value(&Value::host(pattern, host), permission, object, notes) {
                Some(words) => hosts = words,
                None => possible = false,
            }
        }
        let mut paths = Words::default();
        if let Some(path) = &pattern.path {
            match self.value(&Value::path(pattern, path), permission, object, notes) {
                Some(words) => paths = words,
                None => possible = false,
            }
        }
        let mut conditions = Vec::new();
        for header in &pattern.headers {
            let Some(words) = self.value(&Value::header(pattern, header), permission, object, notes) else {
                possible = false;
                continue;
            };
            let Words { mut any_of, none_of } = words;
            if any_of.is_empty() {
                // A header must be there to have a value; `notValues` alone is satisfied without it.
                any_of.push("*".to_owned());
            }
            conditions.push(Condition {
                key: format!("request.headers[{}]", header.name),
                values: any_of,
                not_values: none_of,
            });
        }
        possible.then_some(Phrase { methods, hosts, paths, conditions })
    }

    /// A value in words; none where it can never be, or it was refused.
    fn value(self, value: &Value<'_>, permission: &Permission<'_>, object: usize, notes: &mut Notes) -> Option<Words> {
        if value.kind == Kind::Header && value.is_not_empty() {
            return Some(Words {
                any_of: not_empty().map(|word| word.istio()).collect::<Option<_>>()?,
                none_of: Vec::new(),
            });
        }
        let saying = match self.say(value) {
            Ok(saying) => saying,
            Err(undecided) => {
                let message = format!("{} was not compared with the words of a policy: {undecided}", value.what());
                let finding = Finding::new(code!("words-undecided"), message)
                    .at(value.place)
                    .help("write the expression as several smaller matches");
                notes.refusals.push((object, finding));
                return None;
            }
        };
        match saying {
            Saying::Any => Some(Words::default()),
            Saying::Never => None,
            Saying::Exactly(said) => self.spelled(&said, value, object, notes),
            Saying::Loss(loss) => {
                let wider = loss.wider.as_ref().map(|bound| value.nearest(bound));
                let narrower = match &loss.narrower {
                    Some(bound) => Some(value.nearest(bound)),
                    None => value.language.shortest().map(|witness| value.nothing(&witness)),
                };
                let decided = Loss { what: value.what(), place: value.place, wider, narrower };
                match self.around.settings.decide(&decided, grant(permission), self.around.profile) {
                    Ok((side, finding)) => {
                        if !notes.findings.contains(&(object, finding.clone())) {
                            notes.findings.push((object, finding));
                        }
                        let bound = match side {
                            Side::Wider => loss.wider,
                            Side::Narrower => loss.narrower,
                        }?;
                        match bound.says {
                            BoundSaying::Any => Some(Words::default()),
                            BoundSaying::Words(said) => self.spelled(&said, value, object, notes),
                        }
                    }
                    Err(finding) => {
                        notes.refusals.push((object, *finding));
                        None
                    }
                }
            }
        }
    }

    /// The spelling of what was said. A path with braces is refused by Istio's webhook, though its proxies would read it.
    fn spelled(self, said: &Said, value: &Value<'_>, object: usize, notes: &mut Notes) -> Option<Words> {
        let Said { any_of, none_of } = said;
        let spell = |words: &[Word]| words.iter().map(|word| value.spell(word)).collect::<Option<Vec<String>>>();
        if let (Some(any_of), Some(none_of)) = (spell(any_of), spell(none_of)) {
            return Some(Words { any_of, none_of });
        }
        let message = format!("{} has characters that {} takes for its own", value.what(), self.around.profile.title());
        let finding = Finding::new(code!("words-not-spellable"), message)
            .at(value.place)
            .note("a `*` at either end of a value, and braces in a path, cannot be written")
            .help("change the expression so that it names no such character, or choose another target");
        notes.refusals.push((object, finding));
        None
    }

    /// Exactly, with as long a list as a policy takes; bounds with fewer words.
    fn say(self, value: &Value<'_>) -> Result<Saying, Undecided> {
        match say(value.language, &self.vocabulary(value, MAX_WORDS))? {
            Saying::Loss(_) => say(value.language, &self.vocabulary(value, MAX_BOUND)),
            saying => Ok(saying),
        }
    }

    fn vocabulary(self, value: &Value<'_>, most: usize) -> Vocabulary {
        let words = match value.language.domain() {
            Domain::Path => self.reading.path.is,
            Domain::HeaderValue => self.reading.header.is,
        };
        Vocabulary {
            exact: true,
            prefix: true,
            suffix: true,
            present: true,
            template: words == ValueWords::WordsExceptTemplates,
            except: true,
            starred: true,
            most,
        }
    }

    /// An AuthorizationPolicy.
    pub fn policy(self, namespace: &str, name: &str, from: &[&ObjectId], spec: &Spec) -> Manifest {
        let metadata = Metadata {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            from: from.iter().map(|&id| id.clone()).collect(),
        };
        manifest(self.api_version, KIND, metadata, spec).with(Effect::Enforces)
    }

    /// Whether Istio reads what a Service leads to `number` as something that is not HTTP, and which Service says so.
    pub fn read_as_tcp(self, namespace: &str, services: &BTreeSet<(String, u16)>) -> Option<String> {
        self.read_as(namespace, services, Protocol::Tcp)
    }

    /// Whether Istio reads what a Service leads to `number` as HTTP without looking, and which Service says so.
    pub fn read_as_http(self, namespace: &str, services: &BTreeSet<(String, u16)>) -> Option<String> {
        self.read_as(namespace, services, Protocol::Http)
    }

    fn read_as(self, namespace: &str, services: &BTreeSet<(String, u16)>, wanted: Protocol) -> Option<String> {
        services.iter().find_map(|(service, number)| {
            let found = match self.around.inventory.service(Some(namespace), service) {
                Lookup::Found(found) | Lookup::Ambiguous(found, _) => found,
                Lookup::Missing => return None,
            };
            let port = found.port(*number)?;
            (Protocol::of(port) == wanted).then(|| match (&port.app_protocol, &port.name) {
                (Some(protocol), _) => format!("port {number} of Service `{service}` has appProtocol `{protocol}`"),
                (None, Some(name)) => format!("port {number} of Service `{service}` is named `{name}`"),
                (None, None) => format!("port {number} of Service `{service}` has no name"),
            })
        })
    }
}

/// The object that losses of a permission are accepted for.
fn grant<'a>(permission: &Permission<'a>) -> &'a ObjectId {
    static NOBODY: std::sync::LazyLock<ObjectId> = std::sync::LazyLock::new(|| ObjectId {
        kind: TRAFFIC_TARGET.into(),
        group: "access.smi-spec.io".into(),
        version: String::new(),
        namespace: None,
        name: String::new(),
    });
    let target = permission.from.iter().find(|id| id.kind == TRAFFIC_TARGET);
    target.or(permission.from.first()).copied().unwrap_or(&NOBODY)
}

/// `TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, and nothing in it that a policy takes for a wildcard.
fn is_identity(principal: &str) -> bool {
    let parts: Vec<&str> = principal.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    parts.len() == 5 && parts[1] == "ns" && parts[3] == "sa" && parts.iter().all(plain)
}

// === impl Permission ===

/// The object that what is found about a permission is said of: itself, or the first one of its closure.
pub(super) fn object_of(permission: &Permission<'_>, closure: &Closure<'_>) -> usize {
    permission.object.or_else(|| closure.permissions.iter().find_map(|other| other.object)).unwrap_or(0)
}

// --- values ---

/// One value of a pattern, with what it is for people.
struct Value<'a> {
    kind: Kind,
    language: &'a Language,
    /// ``path `/v[0-9]+` ``
    name: String,
    expression: &'a str,
    place: Place,
    /// A request around the value: what stands before it and after it.
    before: String,
    after: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Path,
    Header,
    /// Compared without case.
    Host,
}

// === impl Value ===

impl<'a> Value<'a> {
    fn path(pattern: &RequestPattern, path: &'a PathPattern) -> Self {
        Self {
            kind: Kind::Path,
            language: &path.language,
            name: "path".to_owned(),
            expression: &path.expression,
            place: path.place,
            before: format!("{} ", method_of(pattern)),
            after: headers_of(pattern, None),
        }
    }

    fn header(pattern: &RequestPattern, header: &'a HeaderPattern) -> Self {
        let path = pattern.path.as_ref().and_then(|path| path.language.shortest()).unwrap_or_else(|| "/".to_owned());
        Self {
            kind: Kind::Header,
            language: &header.language,
            name: format!("header {}", header.name),
            expression: &header.expression,
            place: header.place,
            before: format!("{} {path} with {}: ", method_of(pattern), header.name),
            after: headers_of(pattern, Some(&header.name)),
        }
    }

    fn host(pattern: &RequestPattern, host: &'a HeaderPattern) -> Self {
        Self { kind: Kind::Host, name: "host".to_owned(), ..Self::header(pattern, host) }
    }

    /// Whether it is any value of a header but the empty one: `*` takes that, too, and nothing shorter than a list of all
    /// characters does not.
    fn is_not_empty(&self) -> bool {
        let domain = self.language.domain();
        domain == Domain::HeaderValue
            && !self.language.matches("")
            && (b'!'..=b'~').all(|byte| self.language.matches(char::from(byte).encode_utf8(&mut [0; 4])))
            && Language::regex(domain, ".+", Anchoring::Full)
                .is_ok_and(|values| relate(self.language, &values) == Ok(Relation::Equal))
    }

    fn what(&self) -> String {
        format!("{} `{}`", self.name, self.expression)
    }

    fn request(&self, value: &str) -> String {
        format!("{}{}{}", self.before, shown(value), self.after)
    }

    fn nearest(&self, bound: &Bound) -> Nearest {
        let says = match &bound.says {
            BoundSaying::Any => format!("any {}", self.name),
            BoundSaying::Words(said) => format!("{} {}", self.name, words_of(said)),
        };
        Nearest { says, witness: self.request(&bound.witness) }
    }

    fn nothing(&self, witness: &str) -> Nearest {
        Nearest { says: format!("no {}", self.name), witness: self.request(witness) }
    }

    fn spell(&self, word: &Word) -> Option<String> {
        let text = word.istio()?;
        let braces = |text: &str| text.contains(['{', '}']);
        let refused = match (self.kind, word) {
            (Kind::Path, Word::Template(_)) | (Kind::Header, _) => false,
            (Kind::Path, _) => braces(&text),
            (Kind::Host, _) => text.bytes().any(|byte| byte.is_ascii_uppercase()),
        };
        (!refused).then_some(text)
    }
}

/// What a value of a header that is not empty ends with.
fn not_empty() -> impl Iterator<Item = Word> {
    (b'!'..=b'~').map(|byte| Word::Suffix(char::from(byte).to_string()))
}

fn method_of(pattern: &RequestPattern) -> &'static str {
    match &pattern.methods {
        Methods::Only(methods) if !methods.contains("GET") => methods.first().copied().unwrap_or("GET"),
        Methods::Any | Methods::Only(_) => "GET",
    }
}

/// A value as a witness shows it.
fn shown(value: &str) -> &str {
    if value.is_empty() { "(empty)" } else { value }
}

/// The headers that a witness needs beside the one named `apart`.
fn headers_of(pattern: &RequestPattern, apart: Option<&str>) -> String {
    let others: Vec<String> = pattern
        .headers
        .iter()
        .filter(|header| apart != Some(header.name.as_str()))
        .map(|header| format!("{}: {}", header.name, shown(&header.language.shortest().unwrap_or_default())))
        .collect();
    match (others.is_empty(), apart) {
        (true, _) => String::new(),
        (false, None) => format!(" with {}", others.join(", ")),
        (false, Some(_)) => format!(", {}", others.join(", ")),
    }
}

fn words_of(said: &Said) -> String {
    let list = |words: &[Word]| {
        let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.istio().unwrap_or_default())).collect();
        words.join(", ")
    };
    match (said.any_of.is_empty(), said.none_of.is_empty()) {
        (_, true) => list(&said.any_of),
        (true, false) => format!("any but {}", list(&said.none_of)),
        (false, false) => format!("{} but {}", list(&said.any_of), list(&said.none_of)),
    }
}

// --- protocols ---

/// What Istio takes a port of a Service for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http,
    Tcp,
    Detected,
}

// === impl Protocol ===

impl Protocol {
    /// appProtocol, else what the port's name begins with, else the number, else detection (istio/istio@1.31.0-rc.0
    /// `pkg/config/kube/conversion.go`, `pkg/config/protocol/instance.go`).
    fn of(port: &Port) -> Self {
        let name = match &port.app_protocol {
            Some(protocol) => match protocol.as_str() {
                "kubernetes.io/h2c" | "kubernetes.io/ws" => return Self::Http,
                "kubernetes.io/wss" => return Self::Tcp,
                other => other,
            },
            None => port.name.as_deref().unwrap_or_default(),
        };
        let first = name.split('-').next().unwrap_or(name).to_ascii_lowercase();
        match first.as_str() {
            "http" | "http2" | "http_proxy" | "grpc" => Self::Http,
            "tcp" | "udp" | "https" | "tls" | "mongo" | "redis" | "mysql" => Self::Tcp,
            _ if [25, 53, 3306, 27017].contains(&port.number) => Self::Tcp,
            _ => Self::Detected,
        }
    }
}

// --- rules ---

// === impl Ports ===

impl Ports {
    fn is_none(&self) -> bool {
        matches!(self, Self::Only(numbers) if numbers.is_empty())
    }

    fn operation(&self) -> Operation {
        let list = |numbers: &BTreeSet<u16>| numbers.iter().map(ToString::to_string).collect();
        match self {
            Self::Every => Operation::default(),
            Self::Only(numbers) => Operation { ports: list(numbers), ..Operation::default() },
            Self::Except(numbers) => Operation { not_ports: list(numbers), ..Operation::default() },
        }
    }
}

// === impl Operation ===

impl Operation {
    fn is_empty(&self) -> bool {
        let Self { ports, not_ports, hosts, not_hosts, methods, paths, not_paths } = self;
        [ports, not_ports, hosts, not_hosts, methods, paths, not_paths].iter().all(|list| list.is_empty())
    }

    /// The requests of a phrase; on any port, every request has a path to be named by.
    fn of(ports: &Ports, phrase: &Phrase) -> Self {
        let mut operation = ports.operation();
        operation.hosts.clone_from(&phrase.hosts.any_of);
        operation.not_hosts.clone_from(&phrase.hosts.none_of);
        operation.methods.clone_from(&phrase.methods);
        operation.paths.clone_from(&phrase.paths.any_of);
        operation.not_paths.clone_from(&phrase.paths.none_of);
        if phrase.is_everything() {
            operation.paths.push("/*".to_owned());
        }
        operation
    }
}

// === impl Phrase ===

impl Phrase {
    /// Whether it holds for every request.
    fn is_everything(&self) -> bool {
        let Self { methods, hosts, paths, conditions } = self;
        methods.is_empty()
            && [hosts, paths].into_iter().all(|words| *words == Words::default())
            && conditions.is_empty()
    }
}

// === impl Allowed ===

impl Allowed {
    /// The rules that allow this to `principals`.
    pub fn rules(&self, principals: &[String]) -> Vec<Rule> {
        let Self { anything, requests, phrases } = self;
        let mut rules = Vec::new();
        for principals in principals.chunks(MAX_PER_RULE) {
            let rule = |to: &[Operation], when: &[Condition]| Rule {
                from: [From { source: Source { principals: principals.to_vec() } }],
                to: to.iter().map(|operation| To { operation: operation.clone() }).collect(),
                when: when.to_vec(),
            };
            if let Some(ports) = anything.as_ref().filter(|ports| !ports.is_none()) {
                let operation = ports.operation();
                let to: &[Operation] = if operation.is_empty() { &[] } else { std::slice::from_ref(&operation) };
                rules.push(rule(to, &[]));
            }
            let mut plain = Vec::new();
            if let Some(ports) = requests.as_ref().filter(|ports| !ports.is_none()) {
                let everything = Phrase::default();
                plain.push(Operation::of(ports, &everything));
            }
            let mut conditional = Vec::new();
            for (ports, phrases) in phrases.iter().filter(|(ports, _)| !ports.is_none()) {
                for phrase in phrases {
                    if phrase.conditions.is_empty() {
                        plain.push(Operation::of(ports, phrase));
                    } else {
                        let operation = Operation::of(ports, phrase);
                        let to: &[Operation] =
                            if operation.is_empty() { &[] } else { std::slice::from_ref(&operation) };
                        conditional.push(rule(to, &phrase.conditions));
                    }
                }
            }
            rules.extend(plain.chunks(MAX_PER_RULE).map(|to| rule(to, &[])));
            rules.extend(conditional);
        }
        rules
    }
}

/// Rules in as many policies as the limits ask for, in order; one without rules where there are none.
pub(super) fn in_policies(rules: Vec<Rule>) -> Vec<Vec<Rule>> {
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for rule in rules {
        let more = serde_json::to_string(&rule).map_or(MAX_SIZE, |text| text.len());
        let full = parts
            .last()
            .is_some_and(|part: &Vec<Rule>| !part.is_empty() && (part.len() == MAX_RULES || size + more > MAX_SIZE));
        if full {
            parts.push(Vec::new());
            size = 0;
        }
        size += more;
        if let Some(part) = parts.last_mut() {
            part.push(rule);
        }
    }
    parts
}

/// The selector of a label set.
pub(super) fn selector(workloads: &Workloads) -> Selector {
    Selector { match_labels: workloads.labels.clone() }
}

/// The same policy, as one that reports and does nothing (`istio.io/dry-run`, since 1.9, an alpha feature of Istio).
pub(super) fn dry_run(manifest: &Manifest) -> Manifest {
    let mut audit = manifest.clone().with(Effect::Audits);
    let metadata = audit.value.get_mut("metadata").and_then(serde_json::Value::as_object_mut);
    if let Some(metadata) = metadata {
        let annotations = metadata.entry("annotations").or_insert_with(|| serde_json::json!({}));
        annotations[DRY_RUN] = "true".into();
    }
    audit.value = emit::order(audit.value);
    audit
}

// --- names ---

/// Names of one run, each given once.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<(String, String)>,
}

// === impl Names ===

impl Names {
    /// `base`, or `base-2`, `base-3` where it is taken.
    pub fn take(&mut self, namespace: &str, base: &str) -> String {
        let base = name(base);
        let mut number = 2;
        let mut taken = base.clone();
        while !self.taken.insert((namespace.to_owned(), taken.clone())) {
            taken = name(&format!("{base}-{number}"));
            number += 1;
        }
        taken
    }
}

/// What policies of a permission are called.
pub(super) fn base_name(permission: &Permission<'_>, closure: &Closure<'_>) -> String {
    let target = permission.object.and_then(|_| permission.from.iter().find(|id| id.kind == TRAFFIC_TARGET));
    match target {
        Some(id) => match id.namespace.as_deref() {
            Some(namespace) if namespace != closure.namespace => format!("{namespace}-{}", id.name),
            _ => id.name.clone(),
        },
        None => format!("{}-callers", closure.account),
    }
}

/// `text` as the name of an object: what is too long is cut, and ends in a number made from all of it.
fn name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || ".-".contains(char) { char.to_ascii_lowercase() } else { '-' })
        .collect();
    if name.len() > MAX_NAME {
        // FNV-1a, 32 bits.
        let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        name.truncate(MAX_NAME - 9);
        name = format!("{}-{hash:08x}", name.trim_end_matches(['.', '-']));
    }
    let trimmed = name.trim_matches(['.', '-']);
    if trimmed.is_empty() { "policy".to_owned() } else { trimmed.to_owned() }
}

/// Words by which equal requests are known as equal: whatever decides what they take.
pub(super) fn signature(requests: &Requests) -> Option<String> {
    let Requests::Any(patterns) = requests else { return None };
    if patterns.iter().any(RequestPattern::is_everything) {
        return None;
    }
    let mut parts: Vec<String> = patterns
        .iter()
        .map(|pattern| {
            let path = pattern.path.as_ref().map(|path| (&path.expression, path.anchoring));
            let headers: Vec<_> = pattern
                .headers
                .iter()
                .map(|header| (header.name.to_ascii_lowercase(), &header.expression, header.anchoring))
                .collect();
            let host = pattern.authority.as_ref().map(|host| (&host.expression, host.anchoring));
            format!("{:?} {path:?} {host:?} {headers:?}", pattern.methods)
        })
        .collect();
    parts.sort();
    parts.dedup();
    Some(parts.join("\n"))
}
