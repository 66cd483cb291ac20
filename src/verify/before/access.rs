//! What a mesh's TrafficTargets let through to one port of pods.
//!
//! The order of the questions: is the TrafficTarget one that the mesh read, is it about these pods, does it name the
//! sender, does it hold on this port, and does it take the request. What several of them come to together is a row of the
//! mesh's table, as is every answer to what SMI leaves open. Where the row says `undefined` and the answer would depend on it,
//! the answer is undecided.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::condition::{Condition, Maybe, Value};
use crate::inventory::{Inventory, Transport, Workload};
use crate::mappings::{
    AccessReading, Allowance, EmptyMatch, EveryPortBesideSome, HeaderAnchoring, HostHeader, HttpBesideTcp,
    HttpOnOpaque, MissingNamespace, MissingReference, NoMatches, NoRules, NoSources, OpaqueSources, OtherNamespace,
    Overlap, PathReading, PortReading, RulesReading, Source as Mesh, TcpBesideHttp, TcpOnHttp, UdpRule, UnservedPorts,
};
use crate::pattern::{Anchoring, Domain, Language, escape};
use crate::place::{Place, Span};
use crate::smi::{
    HttpMatch, HttpRouteGroup, IdentityBinding, Kind, Object, PortRoute, Rule, Subject, TrafficTarget, Version,
};
use crate::verify::access::Guard;
use crate::verify::pods::{Account, PodPort};
use crate::verify::region::{Term, Terms};
use crate::verify::request::{Field, Request, Source, same_namespace};
use crate::verify::speaks::{self, Speaks};
use crate::verify::verdict::{Answer, Assumption, Cause, Decision};
use crate::verify::world::{Deployed, World};
use crate::verify::{Given, Judge};

/// What a source mesh let through by the TrafficTargets of a world.
#[derive(Debug)]
pub struct Grants<'a> {
    mesh: &'static Mesh,
    enforced: bool,
    targets: Vec<Target<'a>>,
    /// Indices of `targets` by the name of the account; those about labels under the empty name.
    by_account: HashMap<String, Vec<usize>>,
}

/// A TrafficTarget that its mesh served.
#[derive(Debug)]
struct Target<'a> {
    name: &'a str,
    place: Place,
    to: To,
    from: From,
    /// `destination.port`
    port: Option<i64>,
    /// What TCPRoutes say; none without a rule of that kind.
    tcp: Option<Ports>,
    /// What HTTPRouteGroups say; none without a rule of that kind.
    http: Option<Vec<Match>>,
    /// It lets its sources send anything.
    everything: bool,
    /// Why nobody can say what it does.
    unclear: Option<String>,
}

/// The pods that a TrafficTarget is about.
#[derive(Debug)]
enum To {
    Account(Account),
    Labels { namespace: Option<String>, labels: BTreeMap<String, String> },
}

/// Who may send.
#[derive(Debug)]
enum From {
    Listed(BTreeSet<Source>),
    /// Everyone that the mesh knows.
    Known,
}

#[derive(Debug)]
enum Ports {
    Every,
    Listed(BTreeSet<i64>),
}

/// One entry of a group.
#[derive(Clone, Debug)]
struct Match {
    condition: Condition,
    place: Place,
    what: String,
    /// Equal for entries that say the same.
    key: String,
}

/// Languages that were compiled already.
type Compiled = HashMap<(Domain, Anchoring, String), Result<Language, String>>;

// === impl Grants ===

impl<'a> Grants<'a> {
    /// What `mesh` let through over a world. `enforced`: it denied what no TrafficTarget grants, by its settings.
    #[must_use]
    pub fn new(world: &World<'a>, mesh: &'static Mesh, enforced: bool) -> Self {
        let mut grants = Self { mesh, enforced, targets: Vec::new(), by_account: HashMap::new() };
        let Some(reading) = &mesh.access else { return grants };
        let mut named = Named::default();
        for &deployed in &world.smi {
            named.add(deployed);
        }
        let mut reader = Reader { mesh, reading, named, compiled: Compiled::new() };
        for &deployed in &world.smi {
            if let Object::TrafficTarget(target) = deployed.object
                && mesh.serves(Kind::TrafficTarget, target.meta.version)
                && let Some(read) = reader.target(target, deployed)
            {
                let name = match &read.to {
                    To::Account(account) => account.name.clone(),
                    To::Labels { .. } => String::new(),
                };
                grants.by_account.entry(name).or_default().push(grants.targets.len());
                grants.targets.push(read);
            }
        }
        grants
    }

    /// Whether anything about access is known of the mesh.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.mesh.access.is_some()
    }

    /// The accounts whose pods each TrafficTarget is about, by where its name is written.
    #[must_use]
    pub fn destinations(&self, pods: &Inventory) -> HashMap<Place, BTreeSet<Account>> {
        self.targets.iter().map(|target| (target.place, target.to.accounts(pods))).collect()
    }

    fn about(&self, workload: &Workload) -> Vec<&Target<'a>> {
        let of = |name: &str| self.by_account.get(name).map(Vec::as_slice).unwrap_or_default();
        let all = of(&workload.account).iter().chain(of("")).map(|&index| &self.targets[index]);
        all.filter(|target| target.to.is(workload)).collect()
    }
}

impl Guard for Grants<'_> {
    /// The destinations; where everything else was denied, also the other accounts of their namespaces.
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account> {
        let mut accounts = BTreeSet::new();
        let mut spaces: BTreeSet<Option<&str>> = BTreeSet::new();
        for target in &self.targets {
            accounts.extend(target.to.accounts(pods));
            spaces.insert(target.to.namespace());
        }
        if self.enforced {
            accounts.extend(spaces.into_iter().flat_map(|space| pods.workloads_in(space)).map(Account::of));
        }
        accounts
    }

    fn ports(&self, pods: &Inventory, workload: &Workload) -> BTreeSet<u16> {
        let mut ports = BTreeSet::new();
        // A number that counts ports of Services is no port of the pods.
        let of_pods = |row: fn(&AccessReading) -> PortReading| {
            self.mesh.access.as_ref().is_some_and(|reading| row(reading) == PortReading::Pod)
        };
        let (tcp, destination) =
            (of_pods(|reading| reading.tcp_ports.is), of_pods(|reading| reading.destination_port.is));
        for target in self.about(workload) {
            let listed = match &target.tcp {
                Some(Ports::Listed(listed)) if tcp => listed.iter().copied().collect(),
                Some(Ports::Listed(_) | Ports::Every) | None => Vec::new(),
            };
            let named = listed.into_iter().chain(target.port.filter(|_| destination));
            ports.extend(named.filter_map(|port| u16::try_from(port).ok()));
        }
        let services = pods.services_of(workload).into_iter().flat_map(|service| &service.ports);
        let services = services.filter(|port| port.transport == Transport::Tcp);
        let targets = services.filter_map(|port| match port.target.as_deref() {
            None => Some(port.number),
            Some(target) => target.parse().ok(),
        });
        ports.extend(targets);
        ports.retain(|&port| port > 0);
        ports
    }

    fn judge<'s>(&'s self, at: PodPort<'s>) -> Box<dyn Judge + 's> {
        Box::new(Access { grants: self, at, targets: self.about(at.workload), speaks: self.speaks(at) })
    }
}

impl Grants<'_> {
    /// What the mesh took the port for, and whether nothing says so.
    fn speaks(&self, at: PodPort<'_>) -> Result<(Speaks, bool), String> {
        let Some(reading) = &self.mesh.access else { return Ok((Speaks::Http, true)) };
        let ways = at.led_to_by();
        let said = if ways.is_empty() {
            at.container_port().and_then(|port| speaks::name_prefix(port.name.as_deref()))
        } else {
            let said = |(service, port)| super::said(service, port, reading.protocol.is);
            at.one_of(ways.into_iter().filter_map(said))?
        };
        Ok((said.unwrap_or(Speaks::Http), said.is_none()))
    }
}

impl To {
    /// The accounts of the pods.
    fn accounts(&self, pods: &Inventory) -> BTreeSet<Account> {
        match self {
            Self::Account(account) => [account.clone()].into(),
            Self::Labels { namespace, labels } => {
                pods.selected_by(namespace.as_deref(), labels).into_iter().map(Account::of).collect()
            }
        }
    }

    fn namespace(&self) -> Option<&str> {
        match self {
            Self::Account(account) => account.namespace.as_deref(),
            Self::Labels { namespace, .. } => namespace.as_deref(),
        }
    }

    fn is(&self, workload: &Workload) -> bool {
        match self {
            Self::Account(account) => account.may_be(&Account::of(workload)),
            Self::Labels { namespace, labels } => {
                same_namespace(namespace.as_deref(), workload.namespace.as_deref())
                    && labels.iter().all(|(key, value)| workload.labels.get(key) == Some(value))
            }
        }
    }
}

impl From {
    fn has(&self, source: &Source) -> bool {
        match self {
            Self::Listed(listed) => listed.contains(source),
            Self::Known => matches!(source, Source::Identity { .. } | Source::Spiffe(_)),
        }
    }
}

// --- one port of pods ---

struct Access<'s> {
    grants: &'s Grants<'s>,
    at: PodPort<'s>,
    targets: Vec<&'s Target<'s>>,
    speaks: Result<(Speaks, bool), String>,
}

impl Judge for Access<'_> {
    fn terms(&self) -> Result<Terms, String> {
        let mut terms = Terms { bytes: matches!(self.speaks, Ok((Speaks::Bytes, _))), ..Terms::default() };
        for target in &self.targets {
            if let From::Listed(listed) = &target.from {
                terms.sources.extend(listed.iter().cloned());
            }
            for one in target.http.iter().flatten() {
                one.condition.ask(&mut terms);
            }
        }
        Ok(terms)
    }

    fn answer(&self, request: &Request, _: &Given, assumed: &mut BTreeSet<Assumption>) -> Answer {
        let Some(reading) = &self.grants.mesh.access else {
            return Answer::Undecided(format!("{} served no TrafficTarget", self.grants.mesh.title));
        };
        if request.source == Source::Node {
            return self.node(request, reading);
        }
        let granted = crate::mappings::Enforcement::GrantedDestinations;
        let closed = self.grants.enforced || (reading.enforcement.is == granted && !self.targets.is_empty());
        if !closed {
            return Answer::allowed(Cause::unwritten(format!("{} did not enforce", self.grants.mesh.title)));
        }
        match &self.speaks {
            Err(why) => Answer::Undecided(why.clone()),
            Ok(_) if self.is_unreachable(reading) => {
                let what =
                    format!("no Service leads to port {} of the pods, and the mesh served no other", self.at.port);
                Answer::denied(Cause::unwritten(what))
            }
            Ok((speaks, unsaid)) => {
                if *unsaid {
                    assumed.insert(Assumption::Speaks(self.at.account().to_string(), self.at.port));
                }
                match speaks {
                    Speaks::Http if !request.is_connection() => self.request(request, reading),
                    Speaks::Http | Speaks::Bytes => self.connection(&request.source, reading),
                }
            }
        }
    }
}

/// A TrafficTarget's part in an answer.
struct Part<'s> {
    target: &'s Target<'s>,
    cause: Cause,
    key: Option<&'s str>,
}

impl<'s> Access<'s> {
    /// The kubelet's probes reached pods that were ready, whatever the mesh.
    fn node(&self, request: &Request, reading: &AccessReading) -> Answer {
        if self.at.is_check(request) || reading.allowances.is.contains(&Allowance::Node) {
            return Answer::allowed(Cause::unwritten("a probe of the kubelet"));
        }
        Answer::denied(Cause::unwritten("the node sends nothing but probes"))
    }

    /// Whether the mesh led nobody to the port. Pods without any Service may have one outside of the input.
    fn is_unreachable(&self, reading: &AccessReading) -> bool {
        reading.unserved_ports.is == UnservedPorts::Closed
            && !self.at.services().is_empty()
            && self.at.led_to_by().is_empty()
    }

    fn covers(&self, ports: &Ports, reading: PortReading) -> Maybe {
        match ports {
            Ports::Every => Ok(true),
            Ports::Listed(listed) => self.counts(listed, reading),
        }
    }

    /// Whether one of these ports is this port, as the mesh counts them.
    fn counts(&self, listed: &BTreeSet<i64>, reading: PortReading) -> Maybe {
        match reading {
            PortReading::Ignored => Ok(true),
            PortReading::Pod => Ok(listed.contains(&i64::from(self.at.port))),
            PortReading::Service if self.at.services().is_empty() => {
                Err(format!("a port of a Service is meant, and no Service of {} is in the input", self.at.account()))
            }
            PortReading::Service => {
                Ok(self.at.led_to_by().iter().any(|(_, port)| listed.contains(&i64::from(port.number))))
            }
            PortReading::Undefined => Err("nobody says which ports a number of a TrafficTarget counts".into()),
        }
    }

    /// Whether `destination.port` leaves the port in.
    fn at_port(&self, target: &Target<'_>, reading: &AccessReading) -> Maybe {
        target.port.map_or(Ok(true), |port| self.counts(&BTreeSet::from([port]), reading.destination_port.is))
    }

    /// The TrafficTargets that take a request, whoever sends it.
    fn taking(&self, request: &Request, reading: &AccessReading) -> (Vec<Part<'s>>, Vec<(&'s Target<'s>, String)>) {
        let (mut parts, mut unclear) = (Vec::new(), Vec::new());
        for &target in &self.targets {
            let found = match &target.unclear {
                Some(why) => Err(why.clone()),
                None => self.takes(target, request, reading),
            };
            match found {
                Ok(Some(part)) => parts.push(part),
                Ok(None) => {}
                Err(why) => unclear.push((target, why)),
            }
        }
        (parts, unclear)
    }

    fn takes(
        &self,
        target: &'s Target<'s>,
        request: &Request,
        reading: &AccessReading,
    ) -> Result<Option<Part<'s>>, String> {
        if !self.at_port(target, reading)? {
            return Ok(None);
        }
        let whole = |what: &str| Part { target, cause: target.cause(what), key: None };
        if target.everything {
            return Ok(Some(whole("everything")));
        }
        match (&target.http, &target.tcp) {
            (Some(matches), tcp) => {
                let limits = match (tcp, reading.tcp_beside_http.is) {
                    (None | Some(Ports::Every), _) | (Some(_), TcpBesideHttp::Ignored) => true,
                    // The routes of one and the ports of another combine there: see `first_route`.
                    (Some(_), TcpBesideHttp::Limits) if reading.overlap.is == Overlap::FirstRoute => true,
                    (Some(ports), TcpBesideHttp::Limits) => self.covers(ports, reading.tcp_ports.is)?,
                    (Some(_), TcpBesideHttp::Undefined) => {
                        return Err("nobody says whether a TCPRoute limits the requests of a group beside it".into());
                    }
                };
                if !limits {
                    return Ok(None);
                }
                let mut unclear = None;
                for one in matches {
                    match one.condition.takes(request) {
                        Ok(true) => {
                            let cause = Cause::at(one.place, format!("{} for TrafficTarget {}", one.what, target.name));
                            return Ok(Some(Part { target, cause, key: Some(&one.key) }));
                        }
                        Ok(false) => {}
                        Err(why) => unclear = Some(why),
                    }
                }
                unclear.map_or(Ok(None), Err)
            }
            (None, Some(ports)) => match reading.tcp_on_http.is {
                TcpOnHttp::OnItsPorts => Ok(self.covers(ports, reading.tcp_ports.is)?.then(|| whole("TCP"))),
                TcpOnHttp::EveryPort => Ok(Some(whole("TCP"))),
                TcpOnHttp::Nothing => Ok(None),
                TcpOnHttp::Undefined => Err("nobody says what a TCPRoute allows on a port that speaks HTTP".into()),
            },
            (None, None) => Ok(None),
        }
    }

    fn request(&self, request: &Request, reading: &AccessReading) -> Answer {
        let (parts, unclear) = self.taking(request, reading);
        let source = &request.source;
        match reading.overlap.is {
            Overlap::Union => {
                if let Some(part) = parts.iter().find(|part| part.target.from.has(source)) {
                    return Answer::allowed(part.cause.clone());
                }
                match unclear.into_iter().find(|(target, _)| target.may_have(source)) {
                    Some((_, why)) => Answer::Undecided(why),
                    None => self.nothing(),
                }
            }
            _ if !unclear.is_empty() => {
                Answer::Undecided(unclear.into_iter().next().map(|(_, why)| why).unwrap_or_default())
            }
            Overlap::FirstRoute => self.first_route(&parts, source, reading),
            Overlap::LongestRule | Overlap::Undefined => {
                let (own, others): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
                    parts.iter().partition(|part| part.target.from.has(source));
                match (own.first(), others.first()) {
                    (Some(part), None) => Answer::allowed(part.cause.clone()),
                    (None, _) => self.nothing(),
                    (Some(one), Some(other)) => Answer::Undecided(format!(
                        "TrafficTargets {} and {} take the request for different sources, and which of them counted is not \
                         modelled",
                        one.target.name, other.target.name
                    )),
                }
            }
        }
    }

    /// Connections are checked by port, then requests by the first route that takes them: of each TrafficTarget its first
    /// one, with the sources of every TrafficTarget that has an equal one (openservicemesh/osm@release-v1.2
    /// pkg/envoy/lds/rbac.go, pkg/trafficpolicy/trafficpolicy.go).
    fn first_route(&self, parts: &[Part<'_>], source: &Source, reading: &AccessReading) -> Answer {
        let connects = |target: &&&Target<'_>| {
            let ports = target.tcp.as_ref().unwrap_or(&Ports::Every);
            target.from.has(source) && self.covers(ports, reading.tcp_ports.is) == Ok(true)
        };
        if !self.targets.iter().any(|target| connects(&target)) {
            return self.nothing();
        }
        let decisions: Vec<Decision> = parts
            .iter()
            .map(|part| {
                let equal = |target: &&&Target<'_>| {
                    let same = |one: &Match| Some(one.key.as_str()) == part.key;
                    std::ptr::eq(**target, part.target) || target.http.iter().flatten().any(same)
                };
                let merged = self.targets.iter().filter(equal).any(|target| target.from.has(source));
                Decision::access(merged, vec![part.cause.clone()])
            })
            .collect();
        if decisions.is_empty() {
            return self.nothing();
        }
        Answer::one_of(decisions, "the first route that takes the request counts, in the order of an unsorted list")
    }

    fn connection(&self, source: &Source, reading: &AccessReading) -> Answer {
        let mut unclear = None;
        for &target in &self.targets {
            let anyone = reading.opaque_sources.is == OpaqueSources::Anyone;
            if !anyone && !target.may_have(source) {
                continue;
            }
            let may = match &target.unclear {
                Some(why) => Err(why.clone()),
                None => self.connects(target, reading),
            };
            match may {
                Ok(true) => return Answer::allowed(target.cause("connections")),
                Ok(false) => {}
                Err(why) => unclear = Some(why),
            }
        }
        unclear.map_or_else(|| self.nothing(), Answer::Undecided)
    }

    fn connects(&self, target: &Target<'_>, reading: &AccessReading) -> Maybe {
        if !self.at_port(target, reading)? {
            return Ok(false);
        }
        match (&target.tcp, &target.http) {
            (Some(_), Some(_)) if reading.http_beside_tcp.is == HttpBesideTcp::AllowsNone => Ok(false),
            (Some(ports), _) => self.covers(ports, reading.tcp_ports.is),
            (None, http) if http.is_some() || target.everything => match reading.http_on_opaque.is {
                HttpOnOpaque::Nothing => Ok(false),
                HttpOnOpaque::Everything => Ok(true),
                HttpOnOpaque::Undefined => {
                    Err("nobody says what a TrafficTarget without a TCPRoute allows on a port that is not HTTP".into())
                }
            },
            (None, _) => Ok(false),
        }
    }

    fn nothing(&self) -> Answer {
        let about: Vec<&str> = self.targets.iter().map(|target| target.name).collect();
        match self.targets.first() {
            Some(target) => {
                Answer::denied(Cause::at(target.place, format!("not granted by TrafficTarget {}", about.join(", "))))
            }
            None => Answer::denied(Cause::unwritten(format!("no TrafficTarget is about {}", self.at.account()))),
        }
    }
}

impl Target<'_> {
    fn cause(&self, what: &str) -> Cause {
        Cause::at(self.place, format!("TrafficTarget {} grants {what}", self.name))
    }

    /// Whether a sender may be among its sources; of one that is unclear, anyone may.
    fn may_have(&self, source: &Source) -> bool {
        self.unclear.is_some() || self.from.has(source)
    }
}

// --- reading ---

/// What TrafficTargets refer to, by name.
#[derive(Debug, Default)]
struct Named<'a> {
    groups: HashMap<&'a str, Vec<(&'a HttpRouteGroup, Deployed<'a>)>>,
    routes: HashMap<&'a str, Vec<(&'a PortRoute, Deployed<'a>)>>,
    bindings: HashMap<&'a str, Vec<(&'a IdentityBinding, Deployed<'a>)>>,
}

impl<'a> Named<'a> {
    fn add(&mut self, deployed: Deployed<'a>) {
        match deployed.object {
            Object::HttpRouteGroup(group) => {
                self.groups.entry(&group.meta.id.name).or_default().push((group, deployed));
            }
            Object::TcpRoute(route) => self.routes.entry(&route.meta.id.name).or_default().push((route, deployed)),
            Object::IdentityBinding(binding) => {
                self.bindings.entry(&binding.meta.id.name).or_default().push((binding, deployed));
            }
            Object::TrafficSplit(_) | Object::TrafficTarget(_) | Object::UdpRoute(_) | Object::TrafficMetrics(_) => {}
        }
    }
}

/// The one object of a name in a namespace; none where there is none.
fn one<'a, T: Copy>(
    all: Option<&Vec<(T, Deployed<'a>)>>,
    namespace: Option<&str>,
    what: &str,
) -> Result<Option<(T, Deployed<'a>)>, String> {
    let all = all.map(Vec::as_slice).unwrap_or_default();
    let exact: Vec<_> = all.iter().filter(|(_, deployed)| deployed.namespace == namespace).collect();
    let found = match exact.as_slice() {
        [] => all.iter().filter(|(_, deployed)| same_namespace(namespace, deployed.namespace)).collect(),
        _ => exact,
    };
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(**one)),
        _ => Err(format!("{what} is there more than once")),
    }
}

struct Reader<'a> {
    mesh: &'static Mesh,
    reading: &'static AccessReading,
    named: Named<'a>,
    compiled: Compiled,
}

/// What became of a part of a TrafficTarget.
enum Read<T> {
    Is(T),
    /// It was passed over.
    Nothing,
    /// The whole TrafficTarget was.
    Dropped,
    Unclear(String),
}

impl<'a> Reader<'a> {
    /// None for a TrafficTarget that the mesh passed over.
    fn target(&mut self, written: &'a TrafficTarget, deployed: Deployed<'a>) -> Option<Target<'a>> {
        let meta = &written.meta;
        let place = Place { source: deployed.source, span: meta.name.span };
        let (to, mut unclear) = self.destination(written.destination.as_ref()?, deployed)?;
        // The field went with v1alpha3, whose API server took it away.
        let port = written.destination.as_ref().and_then(|destination| destination.port.as_ref());
        let port = port.filter(|_| meta.version < Version::V1alpha3).map(|port| port.value);
        let mut target = Target {
            name: &meta.name.value,
            place,
            to,
            from: From::Listed(BTreeSet::new()),
            port,
            tcp: None,
            http: None,
            everything: false,
            unclear: None,
        };
        match self.sources(written.sources.as_deref().unwrap_or_default(), deployed) {
            Ok(Some(from)) => target.from = from,
            Ok(None) => return None,
            Err(why) => unclear = Some(why),
        }
        match self.rules(written, deployed, &mut target) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(why) => unclear = Some(why),
        }
        target.unclear = unclear;
        Some(target)
    }

    /// The pods; none where the mesh passed the TrafficTarget over.
    fn destination(&self, subject: &Subject, deployed: Deployed<'a>) -> Option<(To, Option<String>)> {
        let name = subject.name.as_ref()?.value.clone();
        let own = deployed.namespace;
        let mut unclear = None;
        let namespace = match &subject.namespace {
            Some(written) => Some(written.value.clone()),
            None => match self.reading.destination_namespace.is {
                MissingNamespace::Own => own.map(str::to_owned),
                MissingNamespace::Default => Some("default".to_owned()),
                MissingNamespace::NoEffect => return None,
                MissingNamespace::Undefined => {
                    unclear = Some("nobody says where a destination without a namespace is".to_owned());
                    own.map(str::to_owned)
                }
            },
        };
        if !same_namespace(namespace.as_deref(), own) {
            match self.reading.other_namespace.is {
                OtherNamespace::Allowed => {}
                OtherNamespace::NoEffect => return None,
                OtherNamespace::Undefined => {
                    unclear = Some("nobody says what a destination in another namespace does".to_owned());
                }
            }
        }
        let account = || To::Account(Account { namespace: namespace.clone(), name: name.clone() });
        match subject.kind.as_ref().map(|kind| kind.value.as_str()) {
            Some("ServiceAccount") => Some((account(), unclear)),
            Some("IdentityBinding") => Some(match self.bound(&name, namespace.as_deref()) {
                Ok((Some(to), sources)) if sources.len() <= 1 => (to, unclear),
                Ok(_) => (account(), Some(format!("IdentityBinding {name} names more than pods of one kind"))),
                Err(why) => (account(), Some(why)),
            }),
            kind => {
                let kind = kind.unwrap_or("nothing");
                Some((account(), Some(format!("nobody says what a destination of kind {kind} is"))))
            }
        }
    }

    /// Whom an IdentityBinding names: as pods, and as senders.
    fn bound(&self, name: &str, namespace: Option<&str>) -> Result<(Option<To>, BTreeSet<Source>), String> {
        let what = format!("IdentityBinding {name}");
        let (binding, deployed) = one(self.named.bindings.get(name), namespace, &what)?
            .ok_or_else(|| format!("{what} is not in the input"))?;
        let schemes = binding.schemes.as_ref().ok_or_else(|| format!("{what} names nobody"))?;
        let space = deployed.namespace.or(namespace).map(str::to_owned);
        let mut senders: BTreeSet<Source> =
            schemes.spiffe_identities.iter().map(|identity| identity_of(&identity.value)).collect();
        let account = schemes.service_account.as_ref().map(|account| account.value.clone());
        let labels = schemes.pod_labels.as_ref().map(|labels| labels.value.clone());
        let to = match (account, labels) {
            (Some(_), Some(_)) => return Err(format!("{what} has schemes that exclude each other")),
            (Some(name), None) => {
                let namespace = space.clone().unwrap_or_default();
                senders.insert(Source::Identity { namespace, service_account: name.clone() });
                Some(To::Account(Account { namespace: space, name }))
            }
            (None, Some(labels)) => Some(To::Labels { namespace: space, labels }),
            (None, None) => None,
        };
        Ok((to, senders))
    }

    /// Who may send; none where the mesh passed the TrafficTarget over.
    fn sources(&self, subjects: &[Subject], deployed: Deployed<'a>) -> Result<Option<From>, String> {
        if subjects.is_empty() {
            return match self.reading.no_sources.is {
                NoSources::Nobody => Ok(Some(From::Listed(BTreeSet::new()))),
                NoSources::Anyone => Ok(Some(From::Known)),
                NoSources::Undefined => Err("nobody says what a TrafficTarget without sources does".into()),
            };
        }
        let mut listed = BTreeSet::new();
        for subject in subjects {
            let Some(name) = subject.name.as_ref().map(|name| name.value.clone()) else {
                return Err("a source without a name".into());
            };
            let namespace = match &subject.namespace {
                Some(written) => written.value.clone(),
                None => match self.reading.source_namespace.is {
                    MissingNamespace::Own => deployed.namespace.unwrap_or_default().to_owned(),
                    MissingNamespace::Default => "default".to_owned(),
                    MissingNamespace::NoEffect => continue,
                    MissingNamespace::Undefined => {
                        return Err("nobody says where a source without a namespace is".into());
                    }
                },
            };
            match subject.kind.as_ref().map(|kind| kind.value.as_str()) {
                Some("ServiceAccount") => {
                    listed.insert(Source::Identity { namespace, service_account: name });
                }
                Some("IdentityBinding") => match self.bound(&name, Some(&namespace))? {
                    (Some(To::Labels { .. }), _) => {
                        return Err(format!("IdentityBinding {name} names senders by their labels"));
                    }
                    (_, senders) => listed.extend(senders),
                },
                kind => return Err(format!("nobody says who a source of kind {} is", kind.unwrap_or("nothing"))),
            }
        }
        Ok(Some(From::Listed(listed)))
    }

    /// False where the mesh passed the TrafficTarget over.
    fn rules(&mut self, written: &'a TrafficTarget, deployed: Deployed<'a>, target: &mut Target<'a>) -> Maybe {
        let reading = self.reading;
        if reading.rules.is == RulesReading::Unread {
            target.everything = true;
            return Ok(true);
        }
        let rules = written.rules.as_deref().unwrap_or_default();
        if rules.is_empty() {
            return match reading.no_rules.is {
                NoRules::Ignored => Ok(false),
                NoRules::Everything => {
                    target.everything = true;
                    Ok(true)
                }
                NoRules::Undefined => Err("nobody says what a TrafficTarget without rules does".into()),
            };
        }
        let mut matches: Option<Vec<Match>> = None;
        let mut left_out = false;
        let mut routes: Option<(BTreeSet<i64>, bool)> = None;
        for rule in rules {
            match rule.kind.as_ref().map(|kind| kind.value.as_str()) {
                Some("HTTPRouteGroup") => match self.group(rule, deployed) {
                    Read::Is((found, some_left_out)) => {
                        left_out |= some_left_out;
                        matches.get_or_insert_default().extend(found);
                    }
                    Read::Nothing => {
                        matches.get_or_insert_default();
                    }
                    Read::Dropped => return Ok(false),
                    Read::Unclear(why) => return Err(why),
                },
                Some("TCPRoute") => match self.route(rule, deployed) {
                    Read::Is(ports) => {
                        let (listed, every) = routes.get_or_insert_default();
                        *every |= ports.is_empty();
                        listed.extend(ports);
                    }
                    Read::Nothing => {}
                    Read::Dropped => return Ok(false),
                    Read::Unclear(why) => return Err(why),
                },
                Some("UDPRoute") => match reading.udp_rule.is {
                    UdpRule::Allows | UdpRule::Skipped => {}
                    UdpRule::TargetDropped => return Ok(false),
                    UdpRule::Undefined => return Err("nobody says what a UDPRoute does to the rest".into()),
                },
                kind => return Err(format!("nobody says what a rule of kind {} does", kind.unwrap_or("nothing"))),
            }
        }
        target.tcp = routes.map(|(listed, every)| match reading.every_port_beside_some.is {
            EveryPortBesideSome::EveryPort if every => Ports::Every,
            _ if listed.is_empty() => Ports::Every,
            EveryPortBesideSome::EveryPort | EveryPortBesideSome::Listed => Ports::Listed(listed),
        });
        if let Some(found) = matches.as_mut().filter(|found| found.is_empty() && left_out) {
            let place = target.place;
            let (what, key) = ("a group without conditions".to_owned(), String::new());
            found.push(Match { condition: Condition::default(), place, what, key });
        }
        target.http = matches;
        Ok(true)
    }

    /// The entries of a group that a rule names, and whether some were left out for having no condition.
    fn group(&mut self, rule: &Rule, deployed: Deployed<'a>) -> Read<(Vec<Match>, bool)> {
        let name = rule.name.as_ref().map_or("", |name| name.value.as_str());
        let what = format!("HTTPRouteGroup {name}");
        let (group, at) = match one(self.named.groups.get(name), deployed.namespace, &what) {
            Ok(Some(found)) => found,
            Ok(None) => return missing(self.reading.missing_group.is, &what),
            Err(why) => return Read::Unclear(why),
        };
        if group.misplaced.is_some() || !self.mesh.serves(Kind::HTTPRouteGroup, group.meta.version) {
            return Read::Unclear(format!("{what} was empty for the mesh, or not served by it"));
        }
        let chosen: Vec<&HttpMatch> = match &rule.matches {
            None => match self.reading.no_matches.is {
                NoMatches::All => group.matches.iter().collect(),
                NoMatches::Nothing => return Read::Nothing,
                NoMatches::Undefined => {
                    return Read::Unclear("nobody says what a rule without `matches` allows".into());
                }
            },
            Some(names) if names.is_empty() => match self.reading.no_matches.is {
                NoMatches::All => group.matches.iter().collect(),
                NoMatches::Nothing => return Read::Nothing,
                NoMatches::Undefined => {
                    return Read::Unclear("nobody says what a rule without `matches` allows".into());
                }
            },
            Some(names) => {
                let mut chosen = Vec::new();
                for wanted in names {
                    let called = |one: &&HttpMatch| one.name.as_ref().is_some_and(|name| name.value == wanted.value);
                    let found: Vec<&HttpMatch> = group.matches.iter().filter(called).collect();
                    match found.as_slice() {
                        [] => match missing(self.reading.missing_match.is, &format!("match {}", wanted.value)) {
                            Read::Nothing => {}
                            other => return other,
                        },
                        [one] => chosen.push(*one),
                        _ => return Read::Unclear(format!("{what} has several matches called {}", wanted.value)),
                    }
                }
                chosen
            }
        };
        let mut matches = Vec::new();
        let mut left_out = false;
        for item in chosen {
            match self.item(item, at) {
                Ok(Some(one)) => matches.push(one),
                Ok(None) => left_out = true,
                Err(why) => return Read::Unclear(why),
            }
        }
        Read::Is((matches, left_out))
    }

    /// The ports of a TCPRoute; none listed means every port.
    fn route(&self, rule: &Rule, deployed: Deployed<'a>) -> Read<BTreeSet<i64>> {
        let name = rule.name.as_ref().map_or("", |name| name.value.as_str());
        let what = format!("TCPRoute {name}");
        match one(self.named.routes.get(name), deployed.namespace, &what) {
            Ok(Some((route, _))) if !self.mesh.serves(Kind::TCPRoute, route.meta.version) => {
                Read::Unclear(format!("{what} was not served by the mesh"))
            }
            Ok(Some((route, _))) => {
                // Ports came with v1alpha4.
                let ports = route.ports.as_ref().filter(|_| route.meta.version >= Version::V1alpha4);
                Read::Is(ports.into_iter().flatten().map(|port| port.value).collect())
            }
            Ok(None) => missing(self.reading.missing_route.is, &what),
            Err(why) => Read::Unclear(why),
        }
    }

    /// None for an entry that the mesh left out.
    fn item(&mut self, item: &HttpMatch, deployed: Deployed<'_>) -> Result<Option<Match>, String> {
        let HttpMatch { span, name, methods, path_regex, headers } = item;
        let written = methods.as_deref().unwrap_or_default();
        let any = written.is_empty() || written.iter().any(|method| method.value == "*");
        let methods = (!any).then(|| written.iter().map(|method| method.value.clone()).collect::<BTreeSet<_>>());
        if let Some(odd) = methods.iter().flatten().find(|method| method.bytes().any(|byte| !byte.is_ascii_uppercase()))
        {
            return Err(format!("nobody says what the method `{odd}` takes"));
        }
        let path = path_regex.as_ref().map(|path| path.value.as_str()).filter(|path| !path.is_empty());
        if methods.is_none() && path.is_none() && headers.is_empty() {
            match self.reading.empty_match.is {
                EmptyMatch::Everything => {}
                EmptyMatch::LeftOut => return Ok(None),
                EmptyMatch::Undefined => return Err("nobody says what a match without conditions takes".into()),
            }
        }
        let key = format!(
            "{methods:?} {path:?} {:?}",
            headers.iter().map(|one| (&one.name.value, &one.value.value)).collect::<BTreeMap<_, _>>()
        );
        let path = self.path(path)?;
        // Of two entries of one spelling the later one counts (smi-sdk-go pkg/apis/specs/v1alpha4/helpers.go).
        let mut last: BTreeMap<&str, &str> = BTreeMap::new();
        for header in headers {
            last.insert(&header.name.value, &header.value.value);
        }
        let mut fields = Vec::new();
        for (name, value) in last {
            fields.extend(self.header(name, value)?);
        }
        let what = name.as_ref().map_or_else(|| "a match".to_owned(), |name| format!("match {}", name.value));
        let place = Place { source: deployed.source, span: Span::new(span.start, span.end) };
        Ok(Some(Match { condition: Condition { methods, path, fields }, place, what, key }))
    }

    fn path(&mut self, written: Option<&str>) -> Result<Option<Term>, String> {
        let anchoring = match self.reading.path.is {
            PathReading::Full => Anchoring::Full,
            PathReading::Start => Anchoring::Start,
            PathReading::StartAfterSlash => Anchoring::StartAfterSlash,
            PathReading::Search => Anchoring::Search,
            PathReading::Unread => return Ok(None),
            PathReading::Words => {
                let Some(written) = written else {
                    return Err("what a match without a path took is not known".into());
                };
                return match written.strip_prefix('*').map(|rest| (rest, written.strip_suffix('*'))) {
                    Some(("", _)) => Ok(None),
                    Some((rest, _)) => {
                        self.term(Domain::Path, &format!(".*{}", escape(rest)), Anchoring::Full).map(Some)
                    }
                    None => {
                        let expression = match written.strip_suffix('*') {
                            Some(start) => format!("{}.*", escape(start)),
                            None => escape(written),
                        };
                        self.term(Domain::Path, &expression, Anchoring::Full).map(Some)
                    }
                };
            }
        };
        written.map(|written| self.term(Domain::Path, written, anchoring)).transpose()
    }

    /// None where the mesh did not read the condition.
    fn header(&mut self, name: &str, expression: &str) -> Result<Option<(Field, Value)>, String> {
        let field = Field::Header(name.to_ascii_lowercase());
        if name.eq_ignore_ascii_case("host") {
            match self.reading.host_header.is {
                // Another spelling is a header that HTTP/2 does not have.
                HostHeader::Authority if name != "host" => return Ok(Some((field, Value::Never))),
                HostHeader::Authority => {}
                HostHeader::NeverMatches => return Ok(Some((field, Value::Never))),
                HostHeader::Unread => return Ok(None),
                HostHeader::Undefined => return Err("nobody says what a condition on the host takes".into()),
            }
        }
        if expression.is_empty() && self.reading.header.is != HeaderAnchoring::Unread {
            return Err(format!("nobody says which values of header {name} an empty expression takes"));
        }
        let header = self.reading.header.is;
        let mut read = |anchoring| self.term(Domain::HeaderValue, expression, anchoring);
        Ok(Some((
            field,
            match header {
                HeaderAnchoring::Full => Value::Reads(read(Anchoring::Full)?),
                HeaderAnchoring::Search => Value::Reads(read(Anchoring::Search)?),
                HeaderAnchoring::Undefined => Value::Either(read(Anchoring::Full)?, read(Anchoring::Search)?),
                HeaderAnchoring::Unread => return Ok(None),
            },
        )))
    }

    fn term(&mut self, domain: Domain, expression: &str, anchoring: Anchoring) -> Result<Term, String> {
        let compiled = self.compiled.entry((domain, anchoring, expression.to_owned())).or_insert_with(|| {
            Language::regex(domain, expression, anchoring)
                .map_err(|error| format!("`{expression}` cannot be compared: {error}"))
        });
        Ok(Term { key: format!("{anchoring:?} {expression}"), language: compiled.clone()? })
    }
}

fn missing<T>(reading: MissingReference, what: &str) -> Read<T> {
    match reading {
        MissingReference::Skipped => Read::Nothing,
        MissingReference::TargetDropped => Read::Dropped,
        MissingReference::Undefined => {
            Read::Unclear(format!("{what} is not in the input, and nobody says what that does"))
        }
    }
}

/// A SPIFFE identity as a sender: `spiffe://cluster.local/ns/shop/sa/web` is the account of that name.
fn identity_of(written: &str) -> Source {
    let id = written.strip_prefix("spiffe://").unwrap_or(written);
    match id.split('/').collect::<Vec<_>>().as_slice() {
        ["cluster.local", "ns", namespace, "sa", name] => {
            Source::Identity { namespace: (*namespace).to_owned(), service_account: (*name).to_owned() }
        }
        _ => Source::Spiffe(format!("spiffe://{id}")),
    }
}
