//! What speaks on a port, as far as a Service says it.
//!
//! Each mesh looks at other words of a Service; which ones is for the caller. Here is only what each word says.

use crate::inventory::{Port, Service, Transport};

/// What a word of a Service says of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1, HTTP/2 or gRPC.
    Http,
    /// Bytes that no HTTP engine looks into.
    Bytes,
}

/// Ports that Linkerd takes as opaque unless told otherwise (linkerd/linkerd2@version-2.20
/// `charts/linkerd-control-plane/values.yaml`, `proxy.opaquePorts`).
const OPAQUE: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// What `appProtocol` says (Kubernetes' standard names, kubernetes-sigs/gateway-api geps/gep-1911, and those of meshes).
#[must_use]
pub fn app_protocol(port: &Port) -> Option<Speaks> {
    let written = port.app_protocol.as_deref()?.to_ascii_lowercase();
    let http = ["http", "http2", "h2c", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws"];
    Some(if http.contains(&written.as_str()) { Speaks::Http } else { Speaks::Bytes })
}

/// What the prefix of a port's name says, by the convention that Istio and OSM share (istio/istio@1.30.0
/// `pkg/config/protocol/instance.go`, openservicemesh/osm@release-v1.2 `pkg/k8s/client.go`).
#[must_use]
pub fn name_prefix(name: Option<&str>) -> Option<Speaks> {
    match name?.split('-').next()? {
        "http" | "http2" | "h2c" | "grpc" => Some(Speaks::Http),
        "tcp" | "tls" | "https" | "udp" | "mysql" | "mongo" | "redis" | "postgres" | "kafka" | "amqp" | "gossip" => {
            Some(Speaks::Bytes)
        }
        _ => None,
    }
}

/// What Traefik Mesh's annotation says (traefik/mesh@v1.4.8 `pkg/annotations/annotations.go`).
#[must_use]
pub fn traefik_annotation(service: &Service) -> Option<Speaks> {
    let value = ["mesh.traefik.io/traffic-type", "maesh.containo.us/traffic-type"]
        .into_iter()
        .find_map(|name| service.annotations.get(name))?;
    match value.as_str() {
        "http" => Some(Speaks::Http),
        "tcp" | "udp" => Some(Speaks::Bytes),
        _ => None,
    }
}

/// What a port of a Service says by itself: its `appProtocol`, else the prefix of its name.
#[must_use]
pub fn declared(port: &Port) -> Option<Speaks> {
    app_protocol(port).or_else(|| name_prefix(port.name.as_deref()))
}

/// Whether Linkerd takes the port as opaque: by annotation, else by its number.
#[must_use]
pub fn linkerd_opaque(service: &Service, number: u16) -> bool {
    match service.annotations.get("config.linkerd.io/opaque-ports") {
        Some(list) => list.split(',').any(|item| match item.trim().split_once('-') {
            Some((low, high)) => {
                low.trim().parse().is_ok_and(|low: u16| low <= number)
                    && high.trim().parse().is_ok_and(|high: u16| number <= high)
            }
            None => item.trim().parse().is_ok_and(|only: u16| only == number),
        }),
        None => OPAQUE.contains(&number),
    }
}

/// The ports that carry TCP. No mesh routes datagrams of a Service by rules that are compared here.
pub fn tcp_ports(service: &Service) -> impl Iterator<Item = u16> + use<'_> {
    service.ports.iter().filter(|port| port.transport == Transport::Tcp).map(|port| port.number)
}

/// Whether the Service has the port for TCP.
#[must_use]
pub fn has_tcp(service: &Service, number: u16) -> bool {
    service.ports.iter().any(|port| port.number == number && port.transport == Transport::Tcp)
}
