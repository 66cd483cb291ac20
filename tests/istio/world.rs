//! Closures built by hand, and what a target wrote for them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use smi2gamma::access::{
    AcceptedLoss, Around, Closure, Permission, PodPort, PortProtocol, Rest, Settings, Side, Workloads, Written,
};
use smi2gamma::inventory::Inventory;
use smi2gamma::inventory::kinds::{Entry, Header};
use smi2gamma::manifest::{Effect, Manifest};
use smi2gamma::model::grant::{Account, Principal, Requests};
use smi2gamma::model::{HeaderPattern, Methods, PathPattern, RequestPattern};
use smi2gamma::pattern::{Anchoring, Domain, Language};
use smi2gamma::place::{Place, SourceId, Span};
use smi2gamma::report::{Finding, ObjectId};
use smi2gamma::target::Profile;
use smi2gamma::yaml::parse;

/// Closures, what stands beside them, and what is decided.
#[derive(Clone, Debug, Default)]
pub struct World {
    pub closures: Vec<Pods>,
    context: String,
    routes: Vec<String>,
    losses: Vec<AcceptedLoss>,
    pub trust_domain: Option<String>,
    version: Option<String>,
}

/// One closure.
#[derive(Clone, Debug)]
pub struct Pods {
    pub namespace: String,
    pub account: String,
    sets: Vec<Workloads>,
    grants: Vec<Grant>,
    held: bool,
}

/// One permission.
#[derive(Clone, Debug)]
pub struct Grant {
    name: String,
    kind: &'static str,
    namespace: Option<String>,
    sources: Vec<Principal>,
    requests: Option<Requests>,
    http: Option<Vec<u16>>,
    opaque: Vec<u16>,
    opaque_everywhere: bool,
    udp: Vec<u16>,
    every_port: bool,
}

const METHODS: [&str; 9] = ["GET", "HEAD", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

pub fn place() -> Place {
    Place { source: SourceId(0), span: Span { start: 0, end: 0 } }
}

// === impl World ===

impl World {
    pub fn of(closures: impl IntoIterator<Item = Pods>) -> Self {
        Self { closures: closures.into_iter().collect(), ..Self::default() }
    }

    /// Manifests beside the closures.
    pub fn beside(mut self, yaml: &str) -> Self {
        self.context.push_str("---\n");
        self.context.push_str(yaml);
        self
    }

    /// A route of this conversion.
    pub fn route(mut self, yaml: &str) -> Self {
        self.routes.push(yaml.to_owned());
        self
    }

    pub fn accept(mut self, grant: &str, side: Side, what: &str, says: &str, to: &str) -> Self {
        self.losses.push(AcceptedLoss {
            to: to.to_owned(),
            grant: grant.to_owned(),
            what: what.to_owned(),
            accept: side,
            says: says.to_owned(),
            reason: "it is fine".to_owned(),
            at: "smi2gamma.yaml:1".to_owned(),
        });
        self
    }

    pub fn trust_domain(mut self, name: &str) -> Self {
        self.trust_domain = Some(name.to_owned());
        self
    }

    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    pub fn inventory(&self) -> Inventory {
        let mut entries = Vec::new();
        for document in self.context.split("---\n").filter(|text| !text.trim().is_empty()) {
            let parsed = parse(document, Span { start: 0, end: document.len() }).expect("context parses");
            let root = parsed.root.expect("a document");
            let header = Header::of(&root).expect("a kind");
            entries.extend(Entry::read(&header, SourceId(0)));
        }
        Inventory::new(entries)
    }

    fn profile(&self, target: &str) -> Profile {
        let name = self.version.as_ref().map_or_else(|| target.to_owned(), |version| format!("{target}@{version}"));
        Profile::parse(&name).expect("a target")
    }

    /// What the target writes, by closure.
    pub fn write(&self, target: &str) -> Vec<Written> {
        let profile = self.profile(target);
        let inventory = self.inventory();
        let ids: Vec<Vec<ObjectId>> = self.closures.iter().map(Pods::ids).collect();
        let mut number = 0;
        let closures: Vec<Closure<'_>> = self
            .closures
            .iter()
            .zip(&ids)
            .map(|(pods, ids)| {
                let closure = pods.closure(ids, number);
                number += pods.grants.len();
                closure
            })
            .collect();
        let routes: Vec<(Vec<usize>, Manifest)> =
            self.routes.iter().map(|yaml| (Vec::new(), manifest_of(yaml))).collect();
        let settings =
            Settings { trust_domain: self.trust_domain.clone(), losses: self.losses.clone(), ..Settings::default() };
        let around = Around { inventory: &inventory, profile: &profile, routes: &routes, settings: &settings };
        let policy = profile.policy().expect("policy of the target");
        let written = policy.write(&closures, around);
        assert_eq!(written.len(), closures.len(), "one answer for each closure");
        written
    }

    /// What denies a namespace by default.
    pub fn default_deny(&self, target: &str, namespace: &str) -> Vec<Manifest> {
        let profile = self.profile(target);
        let settings = Settings { trust_domain: self.trust_domain.clone(), ..Settings::default() };
        let inventory = self.inventory();
        let around = Around { inventory: &inventory, profile: &profile, routes: &[], settings: &settings };
        let rest = Rest { namespace, closures: Vec::new(), unselected: Vec::new(), reports: false, beside: Vec::new() };
        profile.policy().expect("policy of the target").default_deny(&rest, around).manifests
    }
}

fn manifest_of(yaml: &str) -> Manifest {
    let value: Value = serde_yaml::from_str(yaml).expect("a manifest");
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let api_version = text("/apiVersion");
    let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
    let id = ObjectId {
        kind: text("/kind"),
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: Some(text("/metadata/namespace")),
        name: text("/metadata/name"),
    };
    Manifest { id, value, effect: Effect::Routes }
}

// === impl Pods ===

/// The pods of `account` in the namespace `shop`, labelled `app: account`, with 8080 for HTTP and 9000 for anything.
pub fn pods(account: &str) -> Pods {
    bare(account).http(8080).opaque(9000)
}

/// The same without ports.
pub fn bare(account: &str) -> Pods {
    let labels = BTreeMap::from([("app".to_owned(), account.to_owned())]);
    let set = Workloads { labels, ports: Vec::new(), ports_complete: true, services: Vec::new() };
    Pods { namespace: "shop".to_owned(), account: account.to_owned(), sets: vec![set], grants: Vec::new(), held: false }
}

impl Pods {
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = namespace.to_owned();
        self
    }

    fn port(mut self, number: u16, protocol: PortProtocol) -> Self {
        let set = self.sets.last_mut().expect("a label set");
        set.ports.push(PodPort { number, protocol, services: BTreeSet::new(), checks: BTreeSet::new() });
        self
    }

    pub fn http(self, number: u16) -> Self {
        self.port(number, PortProtocol::Http)
    }

    pub fn opaque(self, number: u16) -> Self {
        self.port(number, PortProtocol::Opaque)
    }

    pub fn udp_port(self, number: u16) -> Self {
        self.port(number, PortProtocol::Udp)
    }

    pub fn incomplete(mut self) -> Self {
        self.sets.last_mut().expect("a label set").ports_complete = false;
        self
    }

    /// The last port is led to by `port` of `service`.
    pub fn behind(mut self, service: &str, port: u16) -> Self {
        let set = self.sets.last_mut().expect("a label set");
        if !set.services.iter().any(|known| known == service) {
            set.services.push(service.to_owned());
            set.services.sort();
        }
        set.ports.last_mut().expect("a port").services.insert((service.to_owned(), port));
        self
    }

    pub fn labels(mut self, labels: &[(&str, &str)]) -> Self {
        let set = self.sets.last_mut().expect("a label set");
        set.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        self
    }

    /// Another label set.
    pub fn also(mut self, labels: &[(&str, &str)]) -> Self {
        self.sets.push(Workloads {
            labels: BTreeMap::new(),
            ports: Vec::new(),
            ports_complete: true,
            services: Vec::new(),
        });
        self.labels(labels)
    }

    /// Something else keeps it from being enforced.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    pub fn grant(mut self, grant: Grant) -> Self {
        self.grants.push(grant);
        self
    }

    pub fn sets(&self) -> &[Workloads] {
        &self.sets
    }

    fn ids(&self) -> Vec<ObjectId> {
        let id = |grant: &Grant| ObjectId {
            kind: "TrafficTarget".to_owned(),
            group: "access.smi-spec.io".to_owned(),
            version: "v1alpha3".to_owned(),
            namespace: Some(grant.namespace.clone().unwrap_or_else(|| self.namespace.clone())),
            name: grant.name.clone(),
        };
        self.grants.iter().map(id).collect()
    }

    fn closure<'a>(&'a self, ids: &'a [ObjectId], first: usize) -> Closure<'a> {
        let all: Vec<&PodPort> = self.sets.iter().flat_map(|set| &set.ports).collect();
        let of =
            |protocol: PortProtocol| all.iter().filter(move |port| port.protocol == protocol).map(|port| port.number);
        let permissions = self.grants.iter().zip(ids).enumerate().map(|(number, (grant, id))| {
            let http = match &grant.requests {
                None => BTreeMap::new(),
                Some(requests) => {
                    let numbers = grant.http.clone().unwrap_or_else(|| of(PortProtocol::Http).collect());
                    numbers.into_iter().map(|number| (number, requests.clone())).collect()
                }
            };
            let mut opaque: BTreeSet<u16> = grant.opaque.iter().copied().collect();
            if grant.opaque_everywhere {
                opaque.extend(of(PortProtocol::Opaque));
            }
            Permission {
                object: (grant.kind == "TrafficTarget").then_some(first + number),
                from: vec![id],
                sources: grant.sources.iter().map(|source| (source.clone(), place())).collect(),
                http,
                opaque,
                udp: grant.udp.iter().copied().collect(),
                every_port: grant.every_port,
                place: place(),
            }
        });
        Closure {
            namespace: self.namespace.clone(),
            account: self.account.clone(),
            workloads: self.sets.clone(),
            permissions: permissions.collect(),
            held: self.held,
        }
    }
}

// === impl Grant ===

/// A TrafficTarget that allows `sources` (`namespace/account`) nothing yet.
pub fn target(name: &str, sources: &[&str]) -> Grant {
    let account = |source: &&str| {
        let (namespace, name) = source.split_once('/').expect("namespace/account");
        Principal::Account(Account { namespace: Some(namespace.to_owned()), name: name.to_owned() })
    };
    Grant {
        name: name.to_owned(),
        kind: "TrafficTarget",
        namespace: None,
        sources: sources.iter().map(account).collect(),
        requests: None,
        http: None,
        opaque: Vec::new(),
        opaque_everywhere: false,
        udp: Vec::new(),
        every_port: false,
    }
}

impl Grant {
    /// A caller that the user named.
    pub fn named_by_user(mut self) -> Self {
        self.kind = "";
        self
    }

    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    pub fn source(mut self, source: Principal) -> Self {
        self.sources.push(source);
        self
    }

    /// All requests on ports that speak HTTP.
    pub fn requests(mut self) -> Self {
        self.requests = Some(Requests::Every);
        self
    }

    /// These requests: `GET|POST /path-regex header: regex; header: regex`, `*` for any method and any path.
    pub fn some(mut self, patterns: &[&str]) -> Self {
        self.requests = Some(Requests::Any(patterns.iter().map(|text| pattern(text)).collect()));
        self
    }

    /// Only on these of the ports that speak HTTP.
    pub fn on(mut self, ports: &[u16]) -> Self {
        self.http = Some(ports.to_vec());
        self
    }

    pub fn connections(mut self, ports: &[u16]) -> Self {
        self.opaque.extend(ports);
        self
    }

    pub fn udp(mut self, ports: &[u16]) -> Self {
        self.udp.extend(ports);
        self
    }

    /// It names no port, and allows connections everywhere.
    pub fn everything(mut self) -> Self {
        self.opaque_everywhere = true;
        self.every_port = true;
        self.requests()
    }

    pub fn every_port(mut self) -> Self {
        self.every_port = true;
        self
    }
}

pub fn pattern(text: &str) -> RequestPattern {
    let mut parts = text.splitn(3, ' ');
    let methods = match parts.next().expect("methods") {
        "*" => Methods::Any,
        listed => Methods::Only(
            listed.split('|').map(|name| *METHODS.iter().find(|known| **known == name).expect("a method")).collect(),
        ),
    };
    let compiled = |domain, expression: &str| {
        Language::regex(domain, expression, Anchoring::Full).expect("an expression that compiles")
    };
    let path = parts.next().filter(|path| *path != "*").map(|expression| PathPattern {
        expression: expression.to_owned(),
        anchoring: Anchoring::Full,
        language: compiled(Domain::Path, expression),
        place: place(),
    });
    let headers = parts.next().map_or_else(Vec::new, |headers| {
        let header = |text: &str| {
            let (name, expression) = text.split_once(": ").expect("name: expression");
            HeaderPattern {
                name: name.to_owned(),
                expression: expression.to_owned(),
                anchoring: Anchoring::Full,
                language: compiled(Domain::HeaderValue, expression),
                place: place(),
            }
        };
        headers.split("; ").map(header).collect()
    });
    let (authority, headers): (Vec<HeaderPattern>, Vec<HeaderPattern>) =
        headers.into_iter().partition(|header| header.name == "host");
    RequestPattern { methods, path, headers, authority: authority.into_iter().next(), place: place() }
}

/// The codes of findings, sorted, each once.
pub fn codes(findings: &[(usize, Finding)]) -> Vec<&'static str> {
    let codes: BTreeSet<&'static str> = findings.iter().map(|(_, finding)| finding.code.0).collect();
    codes.into_iter().collect()
}
