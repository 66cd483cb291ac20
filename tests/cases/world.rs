//! A world to convert: the manifests of a test, what is decided about them, and what came of the run.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;

use serde_json::Value;
use smi2gamma::access::{self, CallerClass, Named};
use smi2gamma::convert::{GivenPorts, Settings};
use smi2gamma::filter::Filter;
use smi2gamma::manifest::Effect;
use smi2gamma::mappings;
use smi2gamma::model::grant::Account;
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::report::{Chosen, Finding, ObjectReport};
use smi2gamma::run::{Options, Run, run};
use smi2gamma::scan::{self, Input};
use smi2gamma::target::Profile;

use crate::emitted;

/// Input and decisions.
#[derive(Debug, Default)]
pub struct World {
    stream: String,
    files: Vec<(String, String)>,
    context: Option<String>,
    from: Option<String>,
    to: Option<String>,
    given: GivenPorts,
    unowned: BTreeSet<String>,
    grpc: bool,
    policy: access::Settings,
}

/// What a run gave.
#[derive(Debug)]
pub struct Ran {
    run: Run,
}

// === impl World ===

impl World {
    /// One stream of manifests, as on standard input.
    pub fn of(yaml: impl Into<String>) -> Self {
        Self { stream: yaml.into(), ..Self::default() }
    }

    /// A directory of files: paths below it, and their texts.
    pub fn tree(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Self { files, ..Self::default() }
    }

    /// Context for every scope, as `--with` gives it.
    pub fn with(mut self, yaml: impl Into<String>) -> Self {
        self.context = Some(yaml.into());
        self
    }

    pub fn from(mut self, mesh: &str) -> Self {
        assert!(mappings::source(mesh).is_some(), "there is no source mesh {mesh}");
        self.from = Some(mesh.to_owned());
        self
    }

    pub fn to(mut self, target: &str) -> Self {
        self.to = Some(target.to_owned());
        self
    }

    /// `namespace/service=port`
    pub fn service_port(mut self, given: &str) -> Self {
        let (service, port) = given.split_once('=').expect("namespace/service=port");
        let (namespace, name) = service.split_once('/').expect("namespace/service");
        let key = (namespace.to_owned(), name.to_owned());
        self.given.ports.entry(key).or_default().push(port.parse().expect("a port"));
        self
    }

    pub fn unowned(mut self, name: &str) -> Self {
        self.unowned.insert(name.to_owned());
        self
    }

    pub fn grpc_routes(mut self) -> Self {
        self.grpc = true;
        self
    }

    /// `namespace/account`, or `none`
    pub fn caller(mut self, class: CallerClass, given: &str) -> Self {
        let named = match given.split_once('/') {
            Some((namespace, name)) => {
                Named::Accounts([Account { namespace: Some(namespace.to_owned()), name: name.to_owned() }].into())
            }
            None => Named::None,
        };
        self.policy.callers.insert(class, named);
        self
    }

    /// `namespace/account` and one label of its pods
    pub fn workload(mut self, account: &str, (key, value): (&str, &str)) -> Self {
        let (namespace, name) = account.split_once('/').expect("namespace/account");
        let labels = [(key.to_owned(), value.to_owned())].into();
        self.policy.workloads.insert((namespace.to_owned(), name.to_owned()), labels);
        self
    }

    pub fn enforced(mut self, answer: bool) -> Self {
        self.policy.enforced = Some(answer);
        self
    }

    pub fn hosts_moved(mut self) -> Self {
        self.policy.hosts_moved = true;
        self
    }

    pub fn default_deny(mut self) -> Self {
        self.policy.default_deny = true;
        self
    }

    pub fn accepting(mut self, loss: access::AcceptedLoss) -> Self {
        self.policy.losses.push(loss);
        self
    }

    /// The flags of a row of the table: `--from spec --to kuma`.
    pub fn flags(mut self, flags: &str) -> Self {
        let mut words = flags.split_whitespace();
        while let Some(flag) = words.next() {
            let mut value = || words.next().unwrap_or_else(|| panic!("{flag} has no value"));
            self = match flag {
                "--from" => self.from(value()),
                "--to" => self.to(value()),
                "--service-port" => self.service_port(value()),
                "--unowned" => self.unowned(value()),
                "--grpc-routes" => self.grpc_routes(),
                _ => panic!("the table has the flag {flag}, which this helper does not know"),
            };
        }
        self
    }

    /// Reads, converts and settles.
    pub fn run(self) -> Ran {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let write = |path: PathBuf, text: &str| {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        };
        let sources = if self.files.is_empty() {
            vec![Input::Stdin]
        } else {
            let tree = folder.path().join("tree");
            self.files.iter().for_each(|(path, text)| write(tree.join(path), text));
            vec![Input::Path(tree)]
        };
        let with = self.context.iter().map(|text| {
            let path = folder.path().join("with.yaml");
            write(path.clone(), text);
            Input::Path(path)
        });
        let options = Options {
            scan: scan::Options { sources, with: with.collect(), max_file_size: 1 << 20, ..scan::Options::default() },
            from: self.from.map(|name| Chosen { name, because: "--from".into() }),
            to: Profile::parse(self.to.as_deref().unwrap_or("gateway-api")).expect("a target"),
            to_because: "the test".into(),
            settings: Settings { given_ports: self.given, grpc_routes: self.grpc },
            unowned: self.unowned,
            policy: self.policy,
            filter: Filter::default(),
            verify: true,
        };
        emitted::keep(&options, self.stream.as_bytes());
        let run = run(&options, &mut Cursor::new(self.stream)).expect("the sources can be read");
        emitted::judge(&run);
        Ran { run }
    }
}

// === impl Ran ===

impl Ran {
    /// The objects of a kind, in source order.
    pub fn all(&self, kind: &str) -> Vec<&ObjectReport> {
        self.run.report.objects.iter().filter(|object| object.id.kind == kind).collect()
    }

    fn object(&self, kind: &str, name: &str) -> &ObjectReport {
        let found = self.all(kind).into_iter().find(|object| object.id.name == name);
        found.unwrap_or_else(|| panic!("no {kind} {name} was read: {:#?}", self.run.report.objects))
    }

    pub fn outcome(&self, kind: &str, name: &str) -> Outcome {
        self.object(kind, name).outcome
    }

    pub fn proof(&self, kind: &str, name: &str) -> Proof {
        self.object(kind, name).proof
    }

    /// The findings about one object.
    pub fn findings_of(&self, object: &ObjectReport) -> Vec<&Finding> {
        object.findings.iter().map(|&index| &self.run.report.findings[index]).collect()
    }

    /// The codes of the findings about one object, sorted, each once.
    pub fn codes(&self, kind: &str, name: &str) -> Vec<&'static str> {
        let findings = self.findings_of(self.object(kind, name));
        let codes: BTreeSet<&str> = findings.iter().map(|finding| finding.code.0).collect();
        codes.into_iter().collect()
    }

    /// Every finding.
    pub fn findings(&self) -> &[Finding] {
        &self.run.report.findings
    }

    /// The only finding of a code.
    pub fn finding(&self, code: &str) -> &Finding {
        let found: Vec<&Finding> = self.findings().iter().filter(|finding| finding.code.0 == code).collect();
        assert_eq!(found.len(), 1, "findings of {code} among {:#?}", self.run.report.findings);
        found[0]
    }

    pub fn has(&self, code: &str) -> bool {
        self.findings().iter().any(|finding| finding.code.0 == code)
    }

    /// The output as values.
    pub fn manifests(&self) -> Vec<&Value> {
        self.run.manifests.iter().map(|(_, manifest)| &manifest.value).collect()
    }

    /// The manifests of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.manifests().into_iter().filter(|manifest| manifest["kind"] == kind).collect()
    }

    /// The only manifest of the output.
    pub fn only(&self) -> &Value {
        let all = self.manifests();
        assert_eq!(all.len(), 1, "one manifest was wanted: {}", self.output());
        all[0]
    }

    /// The routes of the output in the notation of [`route`], in order.
    pub fn routes(&self) -> Vec<String> {
        let manifests = self.manifests();
        let routes = manifests.into_iter().filter(|manifest| manifest["kind"].as_str().unwrap().ends_with("Route"));
        routes.map(route).collect()
    }

    /// The one route of the output.
    #[track_caller]
    pub fn is_routed(&self, expected: &[&str]) {
        let expected: Vec<String> = vec![expected.join("\n")];
        assert_eq!(self.routes(), expected, "findings: {:#?}", self.findings());
    }

    /// No output at all.
    #[track_caller]
    pub fn is_refused(&self) {
        assert!(self.run.manifests.is_empty(), "there is output: {}", self.output());
    }

    /// Whether anything of the output denies.
    pub fn enforces(&self) -> bool {
        let enforcing = |effect| matches!(effect, Effect::Enforces | Effect::DeniesByDefault);
        self.run.manifests.iter().any(|(_, manifest)| enforcing(manifest.effect))
    }

    /// Whether anything of the output only reports.
    pub fn audits(&self) -> bool {
        self.run.manifests.iter().any(|(_, manifest)| manifest.effect == Effect::Audits)
    }

    fn output(&self) -> String {
        format!("{:#?}\nfindings: {:#?}", self.manifests(), self.findings())
    }
}

// --- notation ---

/// A route in a few lines, so that a test can hold all of it:
///
/// ```text
/// HTTPRoute shop/web-split-80 on web:80
/// GET =/exact, /prefix/* x-a=1, ~^(regex)$ -> web-v1:80 9, web-v2:80 1
/// * -> web:80 1
/// ```
///
/// A field that this notation cannot say makes the test fail.
pub fn route(manifest: &Value) -> String {
    let spec = &manifest["spec"];
    only_keys(manifest, &["apiVersion", "kind", "metadata", "spec"]);
    only_keys(spec, &["parentRefs", "rules"]);
    let parents = list(&spec["parentRefs"]);
    assert_eq!(parents.len(), 1, "one parent to a route");
    let parent = &parents[0];
    only_keys(parent, &["group", "kind", "name", "port"]);
    assert_eq!((&parent["group"], &parent["kind"]), (&Value::from(""), &Value::from("Service")));
    let meta = &manifest["metadata"];
    let namespace = meta.get("namespace").map_or(String::new(), |namespace| format!("{}/", text(namespace)));
    let head = format!(
        "{} {namespace}{} on {}:{}",
        text(&manifest["kind"]),
        text(&meta["name"]),
        text(&parent["name"]),
        parent["port"]
    );
    let rules = list(&spec["rules"]).into_iter().map(rule);
    std::iter::once(head).chain(rules).collect::<Vec<_>>().join("\n")
}

fn rule(rule: &Value) -> String {
    only_keys(rule, &["matches", "backendRefs"]);
    let matches: Vec<String> = match rule.get("matches") {
        Some(matches) => list(matches).into_iter().map(one_match).collect(),
        None => vec!["*".to_owned()],
    };
    let backends: Vec<String> = list(&rule["backendRefs"]).into_iter().map(backend).collect();
    format!("{} -> {}", matches.join(", "), backends.join(", "))
}

fn one_match(item: &Value) -> String {
    only_keys(item, &["method", "path", "headers"]);
    let mut words = Vec::new();
    words.extend(item.get("method").map(|method| text(method).to_owned()));
    words.extend(item.get("path").map(|path| {
        only_keys(path, &["type", "value"]);
        let value = text(&path["value"]);
        match text(&path["type"]) {
            "Exact" => format!("={value}"),
            "PathPrefix" => format!("{value}/*"),
            "RegularExpression" => format!("~{value}"),
            other => panic!("a path match of type {other}"),
        }
    }));
    for header in item.get("headers").map(list).unwrap_or_default() {
        only_keys(header, &["name", "type", "value"]);
        let sign = match text(&header["type"]) {
            "Exact" => '=',
            "RegularExpression" => '~',
            other => panic!("a header match of type {other}"),
        };
        words.push(format!("{}{sign}{}", text(&header["name"]), text(&header["value"])));
    }
    assert!(!words.is_empty(), "a match without any condition");
    words.join(" ")
}

fn backend(backend: &Value) -> String {
    only_keys(backend, &["name", "namespace", "port", "weight"]);
    let namespace = backend.get("namespace").map_or(String::new(), |namespace| format!("{}/", text(namespace)));
    format!("{namespace}{}:{} {}", text(&backend["name"]), backend["port"], backend["weight"])
}

fn only_keys(value: &Value, keys: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("a mapping was wanted: {value}"));
    for key in object.keys() {
        assert!(keys.contains(&key.as_str()), "the key {key} was not expected in {value:#}");
    }
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().unwrap_or_else(|| panic!("a list was wanted: {value}")).iter().collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a text was wanted: {value}"))
}

// --- manifests ---

/// Services of namespace `shop`, each with port 80 for HTTP.
pub fn services(names: &[&str]) -> String {
    names.iter().map(|name| service(name, "{name: http, port: 80}")).collect()
}

/// A Service of namespace `shop` with these ports, in flow style.
pub fn service(name: &str, ports: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{selector: {{app: \
         {name}}}, ports: [{ports}]}}\n"
    )
}

/// `web`, `web-v1` and `web-v2`.
pub fn web() -> String {
    services(&["web", "web-v1", "web-v2"])
}

/// A TrafficSplit `web` of namespace `shop` with this `spec`, in flow style and without its braces.
pub fn split(version: &str, spec: &str) -> String {
    named_split("web", version, spec)
}

/// A TrafficSplit of namespace `shop`.
pub fn named_split(name: &str, version: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: split.smi-spec.io/{version}\nkind: TrafficSplit\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{{spec}}}\n"
    )
}

/// Backends `web-v1` and `web-v2` in 9 to 1.
pub const NINE_TO_ONE: &str = "backends: [{service: web-v1, weight: 90}, {service: web-v2, weight: 10}]";

/// A split of `web`, 9 to 1, under the conditions of group `g`.
pub fn split_by_g(version: &str) -> String {
    split(version, &format!("service: web, matches: [{{kind: HTTPRouteGroup, name: g}}], {NINE_TO_ONE}"))
}

/// An HTTPRouteGroup of namespace `shop` in the shape of v1alpha3 and later; `matches` in flow style, without brackets.
pub fn group(name: &str, version: &str, matches: &str) -> String {
    format!(
        "---\napiVersion: specs.smi-spec.io/{version}\nkind: HTTPRouteGroup\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{matches: [{matches}]}}\n"
    )
}
