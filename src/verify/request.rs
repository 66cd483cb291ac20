//! A request: who sends it, to whom, and what an HTTP engine can see of it.
//!
//! One type serves both evaluators, the regions and `simulate`, so that a witness can be asked again as it stands.

use std::collections::BTreeMap;
use std::fmt;

/// Who sends a request, as a mesh tells senders apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// A workload of the mesh by its ServiceAccount.
    Identity {
        /// Its namespace.
        namespace: String,
        /// The ServiceAccount.
        service_account: String,
    },
    /// A workload of the mesh by its SPIFFE identity, as it is written.
    Spiffe(String),
    /// A pod of the cluster without an identity of the mesh.
    Unauthenticated,
    /// The node that the destination runs on: the kubelet and its probes.
    Node,
    /// Anything outside the cluster.
    Outside,
}

/// A Service by name. Without a namespace it stands for the one of that name in whatever namespace the rest is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceName {
    /// Where it is; none where neither manifest nor scope says.
    pub namespace: Option<String>,
    /// `metadata.name`
    pub name: String,
}

/// One port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServicePort {
    /// The Service.
    pub service: ServiceName,
    /// The Service's port number.
    pub port: u16,
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// The port of a Service that the client calls: what routing decides about.
    Service(ServicePort),
    /// The port of a pod that a request arrives at: what access decides about.
    Workload {
        /// The namespace of the pod.
        namespace: Option<String>,
        /// Its ServiceAccount.
        service_account: String,
        /// The container's port; none stands for all of them, in a verdict.
        port: Option<u16>,
    },
}

/// What a match may ask of a request beside its method and path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// A header, by its name in lower case.
    Header(String),
    /// A parameter of the query string, by its name as written.
    Query(String),
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Who sends it.
    pub source: Source,
    /// To whom.
    pub to: Destination,
    /// The method, with its case; empty for a connection that is no HTTP, which has no path and no fields either.
    pub method: String,
    /// The path without the query string.
    pub path: String,
    /// Headers and query parameters that it carries, one value each.
    pub fields: BTreeMap<Field, String>,
}

// === impl ServiceName ===

impl ServiceName {
    /// Whether both may be the same Service: a namespace that is not known stands for any.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        self.name == other.name && same_namespace(self.namespace.as_deref(), other.namespace.as_deref())
    }
}

/// Whether two namespaces may be one; one that is not known stands for any.
#[must_use]
pub fn same_namespace(one: Option<&str>, other: Option<&str>) -> bool {
    one.is_none() || other.is_none() || one == other
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl fmt::Display for ServicePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.port)
    }
}

impl Destination {
    /// What it is, for a sentence before its name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Service(_) => "Service",
            Self::Workload { .. } => "ServiceAccount",
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(port) => write!(f, "{port}"),
            Self::Workload { namespace, service_account, port } => {
                if let Some(namespace) = namespace {
                    write!(f, "{namespace}/")?;
                }
                f.write_str(service_account)?;
                port.map_or(Ok(()), |port| write!(f, ":{port}"))
            }
        }
    }
}

impl Source {
    /// The namespace that the sender is in; none for one outside of any.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::Identity { namespace, .. } => Some(namespace),
            Self::Spiffe(id) => id.split("/ns/").nth(1).and_then(|rest| rest.split('/').next()),
            Self::Unauthenticated | Self::Node | Self::Outside => None,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { namespace, service_account } => write!(f, "{namespace}/{service_account}"),
            Self::Spiffe(id) => f.write_str(id),
            Self::Unauthenticated => f.write_str("any client in the cluster"),
            Self::Node => f.write_str("the node"),
            Self::Outside => f.write_str("outside the cluster"),
        }
    }
}

// === impl Request ===

impl Request {
    /// A `GET /` to a port of a Service by a client that is no one in particular.
    #[must_use]
    pub fn get(to: ServicePort) -> Self {
        Self {
            source: Source::Unauthenticated,
            to: Destination::Service(to),
            method: "GET".into(),
            path: "/".into(),
            fields: BTreeMap::new(),
        }
    }

    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.field(&Field::Header(name.to_ascii_lowercase()))
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, field: &Field) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    /// It is a connection over which no HTTP is spoken.
    #[must_use]
    pub fn is_connection(&self) -> bool {
        self.method.is_empty()
    }

    /// The port of the pods that it arrives at, for a sentence; none where it goes to a Service.
    #[must_use]
    pub fn pod_port(&self) -> Option<String> {
        match &self.to {
            Destination::Workload { port: Some(port), .. } => Some(format!("port {port}")),
            Destination::Workload { port: None, .. } | Destination::Service(_) => None,
        }
    }

    /// `GET /path?a=b with x-team: blue`, as people write a request.
    #[must_use]
    pub fn line(&self) -> String {
        if self.is_connection() {
            return "a connection".into();
        }
        let mut line = format!("{} {}", self.method, self.path);
        let mut headers = Vec::new();
        let mut sign = '?';
        for (field, value) in &self.fields {
            match field {
                Field::Query(name) => {
                    line.push_str(&format!("{sign}{name}={value}"));
                    sign = '&';
                }
                Field::Header(name) if value.is_empty() => headers.push(format!("{name}: (empty)")),
                Field::Header(name) => headers.push(format!("{name}: {value}")),
            }
        }
        if !headers.is_empty() {
            line.push_str(&format!(" with {}", headers.join(", ")));
        }
        line
    }
}
