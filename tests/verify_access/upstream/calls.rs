//! Calls to the pods of a world, from those and with those words that its policy may mean.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};
use smi2gamma::verify::{Destination, Field, Request, Source};

use super::super::mutations::Dice;

/// Identities without `spiffe://`, those of `cluster.local` of whatever trust domain the mesh has; an empty one is nobody.
const SOURCES: [&str; 9] = [
    "cluster.local/ns/shop/sa/web",
    "cluster.local/ns/shop/sa/web",
    "cluster.local/ns/shop/sa/cron",
    "cluster.local/ns/ops/sa/web",
    "cluster.local/ns/ops/sa/backup",
    "cluster.local/ns/shop-eu/sa/web",
    "other.org/ns/shop/sa/web",
    "other.org/ns/ops/sa/cron",
    "",
];

const METHODS: [&str; 5] = ["GET", "GET", "POST", "PUT", "DELETE"];

pub const PATHS: [&str; 30] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/c",
    "/a//c",
    "/a/x/y/c",
    "/ab",
    "/b",
    "/bb",
    "/x/b",
    "/x/y/b",
    "//b",
    "/b/",
    "/A",
    "/A/b",
    "/a.c",
    "/axc",
    "/.c",
    "/x/.c",
    "/a=1/b",
    "/a*",
    "/a/*",
    "/a/=",
    "/a/[x]",
    "/[x]/b",
    "/a$b/x",
    "/a/x.json",
    "/a/.json",
    "/a/x/.json",
];

const HOSTS: [&str; 6] = ["api", "api.shop", "API.shop", "api.shop.svc.cluster.local", "other", "a*"];

const VALUES: [&str; 6] = ["1", "12", "21", "x", "X", "*"];

/// The words of policies that calls may be made of.
pub struct Heard {
    sources: Vec<&'static str>,
    paths: Vec<String>,
}

/// One call to a port of the pods.
#[derive(Clone, Debug)]
pub struct Call {
    source: &'static str,
    pub port: u16,
    /// Method, path and headers; none for a connection.
    asks: Option<(&'static str, String, BTreeMap<&'static str, &'static str>)>,
}

// === impl Heard ===

impl Heard {
    /// The identities and the plain paths that policies name.
    pub fn of(manifests: &[Value]) -> Self {
        let mut paths = Vec::new();
        for to in manifests.iter().flat_map(|one| list(&one["spec"]["rules"])).flat_map(|rule| list(&rule["to"])) {
            for key in ["paths", "notPaths"] {
                let words = list(&to["operation"][key]).filter_map(Value::as_str);
                paths.extend(words.filter(|word| word.starts_with('/') && !word.contains('*')).map(str::to_owned));
            }
        }
        let said: String = manifests.iter().map(Value::to_string).collect();
        let rest = |source: &str| source.strip_prefix("cluster.local").unwrap_or(source).to_owned();
        let named = |source: &&str| !source.is_empty() && said.contains(&rest(source));
        let sources = SOURCES.iter().copied().filter(named).collect();
        Self { sources, paths }
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

// === impl Call ===

impl Call {
    pub fn draw(dice: &mut Dice, heard: &Heard) -> Self {
        let source = match heard.sources.len() {
            0 => SOURCES[dice.below(SOURCES.len())],
            _ if dice.below(3) == 0 => SOURCES[dice.below(SOURCES.len())],
            known => heard.sources[dice.below(known)],
        };
        let port = [8080, 8080, 8080, 8081, 9000][dice.below(5)];
        let is_connection = port == 9000 && dice.below(2) == 0 || port == 8081 && dice.below(3) == 0;
        if is_connection {
            return Self { source, port, asks: None };
        }
        let path = match heard.paths.len() {
            0 => PATHS[dice.below(PATHS.len())].to_owned(),
            _ if dice.below(3) > 0 => PATHS[dice.below(PATHS.len())].to_owned(),
            known => heard.paths[dice.below(known)].clone(),
        };
        let mut headers = BTreeMap::new();
        headers.insert("host", HOSTS[dice.below(HOSTS.len())]);
        for name in ["x-k", "x-l"] {
            if dice.below(2) == 0 {
                headers.insert(name, VALUES[dice.below(VALUES.len())]);
            }
        }
        Self { source, port, asks: Some((METHODS[dice.below(METHODS.len())], path, headers)) }
    }

    /// A `GET` by nobody.
    pub fn to_path(path: &str) -> Self {
        Self { source: "", port: 8080, asks: Some(("GET", path.to_owned(), BTreeMap::new())) }
    }

    /// The identity as certificates have it in a mesh of this trust domain; none without mutual TLS.
    pub fn spiffe(&self, domain: &str) -> Option<String> {
        (!self.source.is_empty()).then(|| format!("spiffe://{}", self.source.replace("cluster.local", domain)))
    }

    /// The port of the Service that leads to the port.
    pub fn service_port(&self) -> u16 {
        match self.port {
            8080 => 80,
            8081 => 81,
            other => other,
        }
    }

    /// What a proxy sees of HTTP: nothing on 9000, which is declared to be none.
    pub fn http(&self) -> Option<Value> {
        let (method, path, headers) = self.asks.as_ref().filter(|_| self.port != 9000)?;
        Some(json!({"method": method, "path": path, "headers": headers}))
    }

    /// Whether a proof speaks of it: a port of which nothing is said carries HTTP, and a host has no capitals.
    pub fn is_proved(&self) -> bool {
        let host = self.asks.as_ref().and_then(|(_, _, headers)| headers.get("host"));
        let capitals = host.is_some_and(|host| host.bytes().any(|byte| byte.is_ascii_uppercase()));
        (self.asks.is_some() || self.port == 9000) && !capitals
    }

    pub fn request(&self) -> Request {
        let source = match self.source.split('/').collect::<Vec<_>>().as_slice() {
            ["cluster.local", "ns", namespace, "sa", name] => {
                Source::Identity { namespace: (*namespace).to_owned(), service_account: (*name).to_owned() }
            }
            [""] => Source::Unauthenticated,
            _ => Source::Spiffe(format!("spiffe://{}", self.source)),
        };
        let to = Destination::Workload { namespace: None, service_account: String::new(), port: None };
        let (method, path, headers) = self.asks.clone().unwrap_or_default();
        let field = |(name, value): (&str, &str)| (Field::Header(name.to_owned()), value.to_owned());
        Request { source, to, method: method.to_owned(), path, fields: headers.into_iter().map(field).collect() }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = if self.source.is_empty() { "nobody" } else { self.source };
        write!(f, "{source} to {}: {}", self.port, self.request().line())
    }
}
