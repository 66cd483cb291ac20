//! Which ports a split covers, and what speaks on them.
//!
//! Two questions are asked of a Service's words, and they differ. The kind of a route follows every word, since the target
//! reads them after the move: an HTTPRoute on a port that is marked as TCP does nothing. What the source mesh took a port
//! for follows only the words that this mesh read.
//!
//! SMI splits name no port: they cover every port of the root Service, and a backend takes part in those that it has by
//! the same number (smi-spec `apis/traffic-split/v1alpha4`, "Ports"). A route names its port, so the Services must be
//! known; a port is never made up.

use std::collections::BTreeMap;

use crate::code;
use crate::inventory::{Inventory, Lookup, Port, Service, Transport};
use crate::mappings::ProtocolReading;
use crate::model::{ServiceRef, Share};
use crate::place::Place;
use crate::report::Finding;

/// The ports that users gave for Services that are not in the input (`--service-port`).
#[derive(Clone, Debug, Default)]
pub struct GivenPorts {
    /// By namespace and name; the name `*` stands for every Service of the namespace.
    pub ports: BTreeMap<(String, String), Vec<u16>>,
}

/// What speaks on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1 or HTTP/2.
    Http,
    /// gRPC.
    Grpc,
    /// Bytes over TCP, TLS included: nothing that an HTTP route could see.
    Tcp,
    /// Datagrams.
    Udp,
}

/// One port of a root Service.
#[derive(Clone, Debug)]
pub struct RootPort {
    /// The number.
    pub number: u16,
    /// What speaks on it.
    pub protocol: Protocol,
    /// The protocol was not declared but taken from what the source mesh does by default.
    pub assumed: bool,
    /// The Service declares `appProtocol`.
    pub app_protocol: bool,
}

/// The ports of a root Service and how they are known.
#[derive(Clone, Debug)]
pub struct RootPorts {
    /// In ascending order.
    pub ports: Vec<RootPort>,
    /// What a person should know about where they come from.
    pub finding: Option<Finding>,
}

impl GivenPorts {
    /// What was given for a Service, by its name or for its whole namespace.
    #[must_use]
    pub fn of(&self, service: &ServiceRef) -> &[u16] {
        let named = self.named(service, &service.name);
        named.or_else(|| self.named(service, "*")).unwrap_or(&[])
    }

    /// What was given as `name`. A Service whose namespace is not known may be any, where all that fit say the same.
    fn named(&self, service: &ServiceRef, name: &str) -> Option<&[u16]> {
        let fits = |(namespace, known): &(String, String)| {
            known == name && service.namespace.as_ref().is_none_or(|own| own == namespace)
        };
        let mut fitting = self.ports.iter().filter(|(key, _)| fits(key)).map(|(_, ports)| ports);
        let first = fitting.next()?;
        fitting.all(|other| other == first).then_some(first.as_slice())
    }
}

/// The ports of `root`: its own Service's, else those that its backends' Services share, else a Canary's, else given.
///
/// # Errors
/// The finding that keeps the split from being converted.
pub fn resolve(
    root: &ServiceRef,
    shares: &[Share],
    inventory: &Inventory,
    given: &GivenPorts,
    reading: ProtocolReading,
    at: Place,
) -> Result<RootPorts, Box<Finding>> {
    match inventory.service(root.namespace.as_deref(), &root.name) {
        Lookup::Found(service) => {
            refuse_unroutable(service, at)?;
            Ok(RootPorts { ports: ports_of(service, reading), finding: None })
        }
        Lookup::Ambiguous(one, other) => Err(Box::new(
            Finding::new(
                code!("port-ambiguous"),
                format!("Service `{}` is there twice, with different ports", root.display()),
            )
            .at(at)
            .label(one.place, "one of them")
            .label(other.place, "the other")
            .help("convert each environment by itself, or give context that holds one of them"),
        )),
        Lookup::Missing => from_elsewhere(root, shares, inventory, given, reading, at),
    }
}

fn refuse_unroutable(service: &Service, at: Place) -> Result<(), Box<Finding>> {
    if service.external_name {
        return Err(Box::new(
            Finding::new(code!("root-external-name"), format!("root `{}` is an ExternalName Service", service.name))
                .at(at)
                .label(service.place, "the Service")
                .note("Gateway API advises against ExternalName Services as parents, and the meshes do not attach routes to them (GEP-1294)")
                .help("give the workload a Service with a selector, or split where the external host is served"),
        ));
    }
    if service.headless {
        return Err(Box::new(
            Finding::new(code!("root-headless"), format!("root `{}` is a headless Service", service.name))
                .at(at)
                .label(service.place, "`clusterIP: None`")
                .note("a route attaches to the address of a Service, and a headless Service has none (GEP-1294); Linkerd and NGINX Service Mesh did not split headless roots either")
                .help("add a Service with a cluster IP for the same pods and let clients use that"),
        ));
    }
    Ok(())
}

fn ports_of(service: &Service, reading: ProtocolReading) -> Vec<RootPort> {
    let mut ports: Vec<RootPort> = service.ports.iter().map(|port| root_port(port, service, reading)).collect();
    ports.sort_by_key(|port| (port.number, port.protocol == Protocol::Udp));
    ports
}

fn root_port(port: &Port, service: &Service, reading: ProtocolReading) -> RootPort {
    let (protocol, assumed) = protocol(port, service, reading);
    RootPort { number: port.number, protocol, assumed, app_protocol: port.app_protocol.is_some() }
}

/// What the routes of a port are about, and whether that was not declared but taken from what the source mesh does by
/// default.
fn protocol(port: &Port, service: &Service, reading: ProtocolReading) -> (Protocol, bool) {
    match port.transport {
        Transport::Udp | Transport::Sctp => (Protocol::Udp, false),
        Transport::Tcp => match declared(port, service) {
            Some(protocol) => (protocol, false),
            None => (undeclared(port.number, reading), true),
        },
    }
}

/// What the source mesh took a port of a Service for: by the words that it read, else HTTP.
#[must_use]
pub fn taken_for(port: &Port, service: &Service, reading: ProtocolReading) -> Protocol {
    let said = match (port.transport, reading) {
        (Transport::Udp | Transport::Sctp, _) => return Protocol::Udp,
        (
            Transport::Tcp,
            ProtocolReading::DeclaredElseHttp | ProtocolReading::HttpOnly | ProtocolReading::Undefined,
        ) => by_app_protocol(port).or_else(|| port.name.as_deref().and_then(by_name)),
        (Transport::Tcp, ProtocolReading::AnnotatedElseHttp) => by_traffic_type(service),
        (Transport::Tcp, ProtocolReading::Detected) => {
            let opaque = lists_opaque(service, port.number).unwrap_or_else(|| OPAQUE.contains(&port.number));
            opaque.then_some(Protocol::Tcp)
        }
    };
    said.map_or(Protocol::Http, over_tcp)
}

/// What the pods of a TCP port speak that no Service leads to. No mesh was told, so the name of the container's port is
/// all there is.
#[must_use]
pub fn of_container(name: Option<&str>) -> Protocol {
    name.and_then(by_name).map_or(Protocol::Http, over_tcp)
}

/// A port that is open for TCP carries no datagrams, whatever is said of it.
fn over_tcp(said: Protocol) -> Protocol {
    match said {
        Protocol::Udp => Protocol::Tcp,
        Protocol::Http | Protocol::Grpc | Protocol::Tcp => said,
    }
}

/// What the Service itself says, to whichever mesh: `appProtocol`, an annotation, or the prefix of the port's name.
fn declared(port: &Port, service: &Service) -> Option<Protocol> {
    by_app_protocol(port)
        .or_else(|| by_traffic_type(service))
        .or_else(|| lists_opaque(service, port.number)?.then_some(Protocol::Tcp))
        .or_else(|| by_name(port.name.as_deref()?))
}

fn by_app_protocol(port: &Port) -> Option<Protocol> {
    Some(match port.app_protocol.as_deref()?.to_ascii_lowercase().as_str() {
        "http" | "http2" | "h2c" | "kubernetes.io/h2c" | "kubernetes.io/ws" | "grpc-web" => Protocol::Http,
        "grpc" => Protocol::Grpc,
        _ => Protocol::Tcp,
    })
}

/// Traefik Mesh's annotation, which is about every port of the Service (traefik/mesh@v1.4.8
/// `pkg/annotations/annotations.go`).
fn by_traffic_type(service: &Service) -> Option<Protocol> {
    let names = ["mesh.traefik.io/traffic-type", "maesh.containo.us/traffic-type"];
    match names.into_iter().find_map(|name| service.annotations.get(name))?.as_str() {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "http" => Some(Protocol::Http),
        _ => None,
    }
}

/// Whether Linkerd's annotation has the port as opaque; none without the annotation.
fn lists_opaque(service: &Service, number: u16) -> Option<bool> {
    service.annotations.get("config.linkerd.io/opaque-ports").map(|ports| lists_port(ports, number))
}

/// What the name of a port says by its prefix.
fn by_name(name: &str) -> Option<Protocol> {
    match name.split('-').next()? {
        "http" | "http2" | "h2c" => Some(Protocol::Http),
        "grpc" => Some(Protocol::Grpc),
        "tcp" | "tls" | "https" | "mysql" | "mongo" | "redis" | "postgres" | "kafka" | "amqp" | "gossip" => {
            Some(Protocol::Tcp)
        }
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

/// `3306,4000-4010`
fn lists_port(list: &str, number: u16) -> bool {
    list.split(',').map(str::trim).any(|item| match item.split_once('-') {
        Some((low, high)) => {
            low.parse().is_ok_and(|low: u16| low <= number) && high.parse().is_ok_and(|high: u16| number <= high)
        }
        None => item.parse().is_ok_and(|only: u16| only == number),
    })
}

/// Ports that Linkerd takes as opaque unless told otherwise (linkerd2 `charts/linkerd-control-plane/values.yaml`,
/// `proxy.opaquePorts`), and that no mesh would split as HTTP.
const OPAQUE: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// What the routes of a TCP port are about that nothing declares.
fn undeclared(number: u16, reading: ProtocolReading) -> Protocol {
    match reading {
        ProtocolReading::Detected | ProtocolReading::Undefined if OPAQUE.contains(&number) => Protocol::Tcp,
        ProtocolReading::DeclaredElseHttp
        | ProtocolReading::AnnotatedElseHttp
        | ProtocolReading::HttpOnly
        | ProtocolReading::Detected
        | ProtocolReading::Undefined => Protocol::Http,
    }
}

fn from_elsewhere(
    root: &ServiceRef,
    shares: &[Share],
    inventory: &Inventory,
    given: &GivenPorts,
    reading: ProtocolReading,
    at: Place,
) -> Result<RootPorts, Box<Finding>> {
    let backends: Vec<&Service> = shares
        .iter()
        .filter(|share| share.service != *root)
        .filter_map(|share| match inventory.service(share.service.namespace.as_deref(), &share.service.name) {
            Lookup::Found(service) => Some(service),
            Lookup::Ambiguous(..) | Lookup::Missing => None,
        })
        .collect();
    if let Some((first, rest)) = backends.split_first() {
        let mut ports = ports_of(first, reading);
        ports.retain(|port| rest.iter().all(|other| other.port(port.number).is_some()));
        ports.iter_mut().for_each(|port| port.app_protocol = false);
        if !ports.is_empty() {
            let numbers: Vec<String> = ports.iter().map(|port| port.number.to_string()).collect();
            let finding = Finding::new(
                code!("port-from-backend"),
                format!(
                    "root `{}` is not in the input; port {} is taken from its backends",
                    root.display(),
                    numbers.join(", ")
                ),
            );
            let finding = finding
                .at(at)
                .label(first.place, "a backend's Service")
                .note("SMI splits a port only among backends that have the same number")
                .help("give the root Service with `--with` to be sure that it has no further port");
            return Ok(RootPorts { ports, finding: Some(finding) });
        }
    }
    let canary = inventory.canaries().iter().find(|canary| canary.apex == root.name).and_then(|canary| canary.port);
    let numbers: Vec<u16> = canary.into_iter().chain(given.of(root).iter().copied()).collect();
    if numbers.is_empty() {
        return Err(Box::new(port_unknown(root, at)));
    }
    let mut ports: Vec<RootPort> = numbers
        .into_iter()
        .map(|number| RootPort { number, protocol: undeclared(number, reading), assumed: true, app_protocol: false })
        .collect();
    ports.sort_by_key(|port| port.number);
    ports.dedup_by_key(|port| port.number);
    Ok(RootPorts { ports, finding: None })
}

fn port_unknown(root: &ServiceRef, at: Place) -> Finding {
    Finding::new(code!("port-unknown"), format!("the ports of root Service `{}` are not known", root.display()))
        .at(at)
        .help(
            "give the Services as context: `--with DIR` if they stand elsewhere in the repository, else `kubectl get \
             svc,sa,deploy,sts,ds -A -o json > ctx.json` and `--with ctx.json`; or say the port with `--service-port \
             NAMESPACE/SERVICE=PORT`",
        )
}
