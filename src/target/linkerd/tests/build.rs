//! Closures in few words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::engine::{Ask, Pods, answer};
use crate::access::{AcceptedLoss, Around, Closure, Permission, PodPort, PortProtocol, Settings, Workloads, Written};
use crate::inventory::{Check, Inventory};
use crate::model::grant::{Account, Principal, Requests};
use crate::model::pattern::METHODS;
use crate::model::{HeaderPattern, Methods, PathPattern, RequestPattern};
use crate::pattern::{Anchoring, Domain, Language};
use crate::place::{Place, SourceId, Span};
use crate::report::ObjectId;
use crate::target::Profile;

/// What a destination is asked to allow.
#[derive(Clone, Debug)]
pub struct World {
    pub to: String,
    pub namespace: String,
    pub account: String,
    pub workloads: Vec<Workloads>,
    pub grants: Vec<Grant>,
    pub losses: Vec<AcceptedLoss>,
    pub held: bool,
}

/// One permission.
#[derive(Clone, Debug)]
pub struct Grant {
    id: ObjectId,
    sources: Vec<Principal>,
    http: BTreeMap<u16, Option<Vec<Said>>>,
    opaque: BTreeSet<u16>,
    udp: BTreeSet<u16>,
    every_port: bool,
}

/// A pattern as it is written: methods, path, headers.
#[derive(Clone, Debug)]
struct Said {
    methods: Vec<String>,
    path: Option<String>,
    headers: Vec<(String, String)>,
}

pub fn place() -> Place {
    Place { source: SourceId(0), span: Span { start: 0, end: 0 } }
}

/// Pods of the account `api` in `shop`, labelled `app: api`: 8080 speaks HTTP, 9000 does not.
pub fn api() -> World {
    World {
        to: "linkerd".into(),
        namespace: "shop".into(),
        account: "api".into(),
        workloads: vec![Workloads {
            labels: BTreeMap::from([("app".into(), "api".into())]),
            ports: vec![port(8080, PortProtocol::Http), port(9000, PortProtocol::Opaque)],
            ports_complete: true,
            services: vec!["api".into()],
        }],
        grants: Vec::new(),
        losses: Vec::new(),
        held: false,
    }
}

pub fn port(number: u16, protocol: PortProtocol) -> PodPort {
    PodPort { number, protocol, services: BTreeSet::new(), checks: BTreeSet::new() }
}

/// A grant to accounts `namespace/name`, or `name` where no namespace is known; a SPIFFE ID stands for itself.
pub fn to(sources: &[&str]) -> Grant {
    let principal = |text: &&str| match text.split_once('/') {
        Some(("spiffe:", _)) => Principal::Spiffe((*text).to_owned()),
        Some((namespace, name)) => {
            Principal::Account(Account { namespace: Some(namespace.to_owned()), name: name.to_owned() })
        }
        None => Principal::Account(Account { namespace: None, name: (*text).to_owned() }),
    };
    let id = ObjectId {
        kind: "TrafficTarget".into(),
        group: "access.smi-spec.io".into(),
        version: "v1alpha3".into(),
        namespace: Some("shop".into()),
        name: String::new(),
    };
    Grant {
        id,
        sources: sources.iter().map(principal).collect(),
        http: BTreeMap::new(),
        opaque: BTreeSet::new(),
        udp: BTreeSet::new(),
        every_port: false,
    }
}

impl World {
    pub fn with(mut self, mut grant: Grant) -> Self {
        grant.id.name = format!("grant-{}", self.grants.len());
        self.grants.push(grant);
        self
    }

    /// Something keeps it from being enforced.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    pub fn version(mut self, version: &str) -> Self {
        self.to = format!("linkerd@{version}");
        self
    }

    pub fn probe(self, number: u16, path: &str) -> Self {
        self.check(number, Check::Get(path.to_owned()))
    }

    pub fn check(mut self, number: u16, check: Check) -> Self {
        let port = self.workloads[0].ports.iter_mut().find(|port| port.number == number).expect("the port");
        port.checks.insert(check);
        self
    }

    pub fn port(mut self, number: u16, protocol: PortProtocol) -> Self {
        self.workloads[0].ports.push(port(number, protocol));
        self
    }

    pub fn write(&self) -> Written {
        let profile = Profile::parse(&self.to).expect("a version of Linkerd");
        let settings = Settings { losses: self.losses.clone(), ..Settings::default() };
        let inventory = Inventory::default();
        let around = Around { inventory: &inventory, profile: &profile, routes: &[], settings: &settings };
        let policy = profile.policy().expect("a policy");
        policy.write(&[self.closure()], around).remove(0)
    }

    pub fn closure(&self) -> Closure<'_> {
        Closure {
            namespace: self.namespace.clone(),
            account: self.account.clone(),
            workloads: self.workloads.clone(),
            permissions: self.grants.iter().enumerate().map(|(index, grant)| grant.permission(index)).collect(),
            held: self.held,
        }
    }

    /// The manifests as they are read back from their text.
    pub fn policy(&self) -> Vec<Value> {
        let written = self.write();
        assert!(written.refusals.is_empty(), "{:?}", written.refusals);
        values(&written.manifests)
    }

    /// The pods of the label set `number`.
    pub fn pods(&self, number: usize) -> Pods {
        let workloads = &self.workloads[number];
        Pods {
            namespace: self.namespace.clone(),
            labels: workloads.labels.clone(),
            probes: workloads.ports.iter().map(|port| (port.number, by_itself(port))).collect(),
        }
    }

    pub fn allows(&self, request: &str) -> Result<bool, String> {
        answer(&self.policy(), &self.pods(0), &ask(request))
    }

    /// What SMI allows: whatever some grant allows, and the probes of ports.
    pub fn means(&self, ask: &Ask) -> bool {
        let declared = self.workloads[0].ports.iter().find(|port| port.number == ask.port);
        let opaque = declared.is_some_and(|port| port.protocol == PortProtocol::Opaque);
        let probed = declared.is_some_and(|port| {
            port.checks
                .iter()
                .filter_map(Check::request)
                .any(|(method, path)| ask.path == path && ask.method.as_deref() == Some(method))
        });
        probed || self.grants.iter().any(|grant| grant.allows(ask, opaque))
    }
}

/// The paths of probes that Linkerd lets through by itself.
fn by_itself(port: &PodPort) -> BTreeSet<String> {
    let path = |check: &Check| if let Check::Get(path) = check { Some(path.clone()) } else { None };
    port.checks.iter().filter_map(path).collect()
}

pub fn values(manifests: &[crate::manifest::Manifest]) -> Vec<Value> {
    let text: Vec<String> =
        manifests.iter().map(|one| crate::yaml::emit::to_yaml(std::slice::from_ref(&one.value))).collect();
    text.iter().map(|text| serde_yaml::from_str(text).expect("what was emitted can be read")).collect()
}

impl Grant {
    /// All requests on a port that speaks HTTP.
    pub fn every(mut self, port: u16) -> Self {
        self.http.insert(port, None);
        self
    }

    /// Requests in words: methods (`*`: any), an expression for the path (`-`: any), headers `name=expression`.
    pub fn http(mut self, port: u16, said: &str) -> Self {
        let mut words = said.split(' ');
        let methods = words.next().expect("methods");
        let path = words.next().expect("a path");
        let said = Said {
            methods: if methods == "*" { Vec::new() } else { methods.split(',').map(str::to_owned).collect() },
            path: (path != "-").then(|| path.to_owned()),
            headers: words
                .map(|word| word.split_once('=').expect("name=expression"))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        if let Some(all) = self.http.entry(port).or_insert_with(|| Some(Vec::new())) {
            all.push(said);
        }
        self
    }

    pub fn opaque(mut self, port: u16) -> Self {
        self.opaque.insert(port);
        self
    }

    pub fn udp(mut self, port: u16) -> Self {
        self.udp.insert(port);
        self
    }

    pub fn every_port(mut self) -> Self {
        self.every_port = true;
        self
    }

    pub fn and_pods(mut self) -> Self {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
        self.sources.push(Principal::Pods { namespace: Some("shop".to_owned()), labels });
        self
    }

    fn permission(&self, index: usize) -> Permission<'_> {
        let requests = |said: &Option<Vec<Said>>| match said {
            None => Requests::Every,
            Some(said) => Requests::Any(said.iter().map(Said::pattern).collect()),
        };
        Permission {
            object: Some(index),
            from: vec![&self.id],
            sources: self.sources.iter().map(|source| (source.clone(), place())).collect(),
            http: self.http.iter().map(|(port, said)| (*port, requests(said))).collect(),
            opaque: self.opaque.clone(),
            udp: self.udp.clone(),
            every_port: self.every_port,
            place: place(),
        }
    }

    fn allows(&self, ask: &Ask, opaque: bool) -> bool {
        let named = self.sources.iter().any(|source| match source {
            Principal::Account(account) => ask.source == Some(account.display()),
            Principal::Spiffe(id) => ask.source.as_ref() == Some(id),
            Principal::Pods { .. } => false,
        });
        let asked = match (&ask.method, opaque) {
            (_, true) | (None, false) => self.opaque.contains(&ask.port),
            (Some(method), false) => self.http.get(&ask.port).is_some_and(|said| match said {
                None => true,
                Some(said) => said.iter().any(|said| said.takes(ask, method)),
            }),
        };
        named && asked
    }
}

impl Said {
    fn pattern(&self) -> RequestPattern {
        let known = |method: &String| *METHODS.iter().find(|known| *known == method).expect("a method of SMI");
        let language = |domain, text: &str| Language::regex(domain, text, Anchoring::Full).expect("an expression");
        let mut headers: Vec<HeaderPattern> = self
            .headers
            .iter()
            .map(|(name, value)| HeaderPattern {
                name: name.clone(),
                expression: value.clone(),
                anchoring: Anchoring::Full,
                language: language(Domain::HeaderValue, value),
                place: place(),
            })
            .collect();
        headers.sort_by_key(|header| header.name.to_ascii_lowercase());
        RequestPattern {
            authority: None,
            methods: if self.methods.is_empty() {
                Methods::Any
            } else {
                Methods::Only(self.methods.iter().map(known).collect())
            },
            path: self.path.as_ref().map(|path| PathPattern {
                expression: path.clone(),
                anchoring: Anchoring::Full,
                language: language(Domain::Path, path),
                place: place(),
            }),
            headers,
            place: place(),
        }
    }

    fn takes(&self, ask: &Ask, method: &str) -> bool {
        let whole =
            |expression: &str, value: &str| super::engine::first_match_is_whole(&format!("^(?:{expression})$"), value);
        (self.methods.is_empty() || self.methods.iter().any(|one| one == method))
            && self.path.as_ref().is_none_or(|path| whole(path, &ask.path))
            && self
                .headers
                .iter()
                .all(|(name, value)| ask.headers.get(&name.to_ascii_lowercase()).is_some_and(|sent| whole(value, sent)))
    }
}

/// `SOURCE[:PORT] METHOD PATH [name=value]...`, with `-` for no source and `TCP` for bytes that are not HTTP; port 8080.
pub fn ask(text: &str) -> Ask {
    let mut words = text.split(' ');
    let who = words.next().expect("a source");
    let (source, port) = match who.rsplit_once(':') {
        Some((source, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            (source, port.parse().expect("a port"))
        }
        _ => (who, 8080),
    };
    let method = words.next().filter(|method| *method != "TCP").map(str::to_owned);
    Ask {
        source: (source != "-").then(|| source.to_owned()),
        port,
        method,
        path: words.next().unwrap_or("/").to_owned(),
        headers: words
            .map(|word| word.split_once('=').expect("name=value"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
    }
}
