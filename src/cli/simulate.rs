//! `smi2gamma simulate`: one request, or a table of them, asked of SMI, of routes, or of both.

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use super::args::{SimulateArgs, StatusFormat};
use super::exit::Exit;
use super::options::{inputs, sides};
use super::output::{Stream, Terminal};
use super::policy::CallerArgs;
use crate::inventory::Lookup;
use crate::place::SourceMap;
use crate::report::verdicts::json::AnswerRow;
use crate::report::verdicts::unread;
use crate::sides::{Inputs, SideScope, Sides, read};
use crate::verify::access::behind;
use crate::verify::{
    self, Absent, Account, After, Answer, Assumption, Before, Decision, Destination, Field, Given, Grants, Guard,
    Request, ServiceName, ServicePort, Shares, Side, Source, policy, simulate,
};

pub(super) fn run_simulate(args: &SimulateArgs, terminal: &Terminal) -> Result<Exit> {
    let (sources, request) = match &args.table {
        Some(_) => (args.words.as_slice(), None),
        None => split(args)?,
    };
    if sources.is_empty() {
        bail!("nothing to read: name a file, a directory, `-` for standard input, or `cluster:` before the method");
    }
    let paths: Vec<PathBuf> = sources.iter().map(PathBuf::from).collect();
    let before = inputs(&paths, &[], &args.sides.cluster)?;
    let after = inputs(&args.after, &[], &args.sides.cluster)?;
    let plan = sides(&args.sides, &CallerArgs::default(), before, after)?;
    let found = read(&plan, &mut std::io::stdin().lock())?;
    let left_out = found.unread.iter().map(|finding| format!("not asked: {}", unread(finding, &found.sources)));
    terminal.write(Stream::Err, &left_out.collect::<String>())?;
    let exit = match (&args.table, request) {
        (Some(path), _) => {
            if !path.exists() {
                bail!("`{}` does not exist", path.display());
            }
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let rows: Vec<Row> =
                serde_yaml::from_str(&text).with_context(|| format!("`{}` is no table of requests", path.display()))?;
            table(&rows, &found, &plan, terminal)?
        }
        (None, Some(request)) => one(&request, &found, &plan, args.output, terminal)?,
        (None, None) => bail!("give a method and a path after the sources, for instance `GET /`"),
    };
    Ok(if found.is_whole() { exit } else { Exit::NoResult })
}

/// The sources, and the request whose method and path stand behind them.
fn split(args: &SimulateArgs) -> Result<(&[String], Option<Request>)> {
    let [sources @ .., method, path] = args.words.as_slice() else {
        bail!(
            "give the sources, then a method and a path, for instance `smi2gamma simulate . --to-service shop/web:80 GET /`"
        )
    };
    if !path.starts_with('/') || method.is_empty() || method.bytes().any(|byte| !byte.is_ascii_alphabetic()) {
        bail!("`{method} {path}` is no method and path: write them last, for instance `GET /cart`");
    }
    let to =
        args.to_service.as_deref().ok_or_else(|| anyhow!("--to-service NAMESPACE/SERVICE:PORT says where it goes"))?;
    let headers = args.headers.iter().map(|header| {
        let (name, value) = header.split_once(':').ok_or_else(|| anyhow!("-H: `{header}` is not `NAME: VALUE`"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let headers = headers.collect::<Result<_>>()?;
    Ok((sources, Some(request(args.source.as_deref(), to, method, path, headers)?)))
}

fn request(
    source: Option<&str>,
    to: &str,
    method: &str,
    path: &str,
    headers: BTreeMap<String, String>,
) -> Result<Request> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let headers = headers.into_iter().map(|(name, value)| (Field::Header(name.to_ascii_lowercase()), value));
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (Field::Query(name.to_owned()), value.to_owned())
    });
    Ok(Request {
        source: source.map_or(Ok(Source::Unauthenticated), sender)?,
        to: Destination::Service(service_port(to)?),
        method: method.to_owned(),
        path: path.to_owned(),
        fields: headers.chain(query).collect(),
    })
}

fn sender(text: &str) -> Result<Source> {
    if text.starts_with("spiffe://") {
        return Ok(Source::Spiffe(text.to_owned()));
    }
    let (namespace, account) =
        text.split_once('/').ok_or_else(|| anyhow!("`{text}` is not NAMESPACE/SERVICEACCOUNT"))?;
    Ok(Source::Identity { namespace: namespace.to_owned(), service_account: account.to_owned() })
}

/// `[NAMESPACE/]SERVICE:PORT`
fn service_port(text: &str) -> Result<ServicePort> {
    let wrong = || anyhow!("`{text}` is not NAMESPACE/SERVICE:PORT");
    let (service, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port = port.parse().ok().filter(|&port: &u16| port > 0).ok_or_else(wrong)?;
    let (namespace, name) = match service.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, service),
    };
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(ServicePort { service: ServiceName { namespace, name: name.to_owned() }, port })
}

// --- one request ---

/// What a side says.
struct Said {
    /// Which of the two.
    which: Which,
    /// None: where the request goes. Else whether it may, at the pods of an account, on one of their ports.
    at: Option<(Account, u16)>,
    /// Whose reading of SMI, or whose engine.
    reader: String,
    answer: Answer,
    assumed: BTreeSet<Assumption>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Which {
    Before,
    After,
}

// === impl Said ===

impl Said {
    /// `before (osm), at port 8080 of the pods of shop/web`
    fn side(&self) -> String {
        let which = if self.which == Which::Before { "before" } else { "after" };
        let at = self.at.as_ref().map(|(account, port)| format!(", at port {port} of the pods of {account}"));
        let at = at.unwrap_or_default();
        format!("{which} ({}){at}", self.reader)
    }
}

/// Each side that the scope has, asked.
fn ask(scope: &SideScope, request: &Request, plan: &Inputs) -> Vec<Said> {
    let given =
        Given { services: if scope.whole() { Absent::Missing } else { Absent::Exists }, prepared: plan.prepared };
    let mut said = Vec::new();
    let (before, after) = (scope.before(), scope.after());
    if scope.has_smi() {
        for mesh in &scope.meshes {
            let (answer, assumed) = simulate(&Before::new(&before, mesh), request, &given);
            said.push(Said { which: Which::Before, at: None, reader: mesh.name.clone(), answer, assumed });
        }
    }
    if scope.has_routes() || !scope.has_smi() {
        let side = After::new(&after, plan.to.target, &plan.to.version);
        let (answer, assumed) = simulate(&side, request, &given);
        said.push(Said { which: Which::After, at: None, reader: plan.to.display(), answer, assumed });
    }
    if scope.has_grants() {
        said.extend(access(scope, request, plan, &given));
    }
    said
}

/// Whether the request may, at each kind of pods that the Service leads to by itself.
fn access(scope: &SideScope, request: &Request, plan: &Inputs, given: &Given) -> Vec<Said> {
    let Destination::Service(to) = &request.to else { return Vec::new() };
    let pods = scope.pods();
    let service = match pods.service(to.service.namespace.as_deref(), &to.service.name) {
        Lookup::Found(service) | Lookup::Ambiguous(service, _) => service,
        Lookup::Missing => return Vec::new(),
    };
    let (before, after) = (scope.before(), scope.after());
    let side = After::new(&after, plan.to.target, &plan.to.version);
    let policy = policy(&side).filter(|_| scope.has_routes());
    let mut said = Vec::new();
    for (account, port) in behind(pods, service, to.port) {
        let mut ask = |which: Which, reader: String, guard: &dyn Guard| {
            let (answer, assumed) = verify::access::simulate(guard, pods, &account, port, request, given);
            said.push(Said { which, at: Some((account.clone(), port)), reader, answer, assumed });
        };
        for mesh in &scope.meshes {
            let grants = Grants::new(&before, mesh, scope.enforced(mesh, plan.enforced));
            if grants.is_known() {
                ask(Which::Before, mesh.name.clone(), &grants);
            }
        }
        if let Some(policy) = &policy {
            ask(Which::After, plan.to.display(), policy.as_ref());
        }
    }
    said
}

#[derive(Serialize)]
struct SaidRow {
    scope: String,
    side: Which,
    /// Whose reading of SMI, or whose engine.
    reader: String,
    /// The pods that are asked whether it may, `namespace/account:port`; none: where it goes.
    pods: Option<String>,
    answer: AnswerRow,
    domain: Vec<String>,
}

fn one(request: &Request, found: &Sides, plan: &Inputs, format: StatusFormat, terminal: &Terminal) -> Result<Exit> {
    known(request, found, plan)?;
    let mut page = format!("{}\n", asked(request));
    let mut rows = Vec::new();
    for scope in &found.scopes {
        if found.scopes.len() > 1 {
            page.push_str(&format!("\nin {}\n", scope.name));
        }
        for said in ask(scope, request, plan) {
            page.push_str(&lines(&said, "", &found.sources));
            let answer = AnswerRow::of(&said.answer, &found.sources);
            let domain = said.assumed.iter().map(ToString::to_string).collect();
            let pods = said.at.map(|(account, port)| format!("{account}:{port}"));
            let (side, reader) = (said.which, said.reader);
            rows.push(SaidRow { scope: scope.name.clone(), side, reader, pods, answer, domain });
        }
    }
    let page = match format {
        StatusFormat::Text => page,
        StatusFormat::Json => serde_json::to_string_pretty(&rows)? + "\n",
    };
    terminal.write(Stream::Out, &page)?;
    Ok(Exit::Done)
}

/// `GET / to shop/web:80, from shop/cart`
fn asked(request: &Request) -> String {
    format!("{} to {}, from {}", request.line(), request.to, request.source)
}

/// What a side says, and why, each line behind `indent`.
fn lines(said: &Said, indent: &str, sources: &SourceMap) -> String {
    let mut lines = format!("{indent}{}: {}\n", said.side(), said.answer);
    for cause in said.answer.decisions().iter().flat_map(Decision::causes) {
        let place = cause.place.map(|place| format!("{} ", sources.display(place))).unwrap_or_default();
        lines.push_str(&format!("{indent}  {place}{}\n", cause.what));
    }
    for assumption in &said.assumed {
        lines.push_str(&format!("{indent}  taken for granted: {assumption}\n"));
    }
    lines
}

/// Fails where neither a manifest nor a split, grant or route of any scope names the Service.
fn known(request: &Request, found: &Sides, plan: &Inputs) -> Result<()> {
    let Destination::Service(ServicePort { service, .. }) = &request.to else { return Ok(()) };
    let knows = |scope: &SideScope| {
        let (before, after) = (scope.before(), scope.after());
        let own = scope.meshes.iter().map(|mesh| Before::new(&before, mesh).roots());
        let roots = own.chain([After::new(&after, plan.to.target, &plan.to.version).roots()]);
        !matches!(scope.pods().service(service.namespace.as_deref(), &service.name), Lookup::Missing)
            || roots.flatten().any(|root| root.may_be(service))
    };
    if found.scopes.iter().any(knows) || plan.ports.keys().any(|known| known.may_be(service)) {
        return Ok(());
    }
    bail!(
        "Service `{service}` is not in the input, and no split or route names it: give its manifest, for instance with `--with`"
    )
}

// --- a table of requests ---

/// One request and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Row {
    /// `NAMESPACE/SERVICE:PORT`
    to_service: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "root")]
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What SMI must do.
    #[serde(default)]
    before: Option<BTreeMap<String, u32>>,
    /// What the routes must do.
    #[serde(default)]
    after: Option<BTreeMap<String, u32>>,
    /// Whether SMI must let it through.
    #[serde(default)]
    allowed_before: Option<bool>,
    /// Whether policy must.
    #[serde(default)]
    allowed_after: Option<bool>,
}

/// One thing that a row expects of one side.
enum Expected<'r> {
    Shares(&'r BTreeMap<String, u32>),
    Allowed(bool),
}

// === impl Expected ===

impl Expected<'_> {
    fn is_met(&self, answer: &Answer) -> bool {
        match self {
            Self::Shares(shares) => is(answer, shares),
            Self::Allowed(allowed) => answer.permits() == Some(*allowed),
        }
    }

    /// Whether an answer is about this.
    fn is_about(&self, said: &Said) -> bool {
        said.at.is_some() == matches!(self, Self::Allowed(_))
    }

    /// Why nothing says anything about it.
    fn unasked(&self, which: Which, plan: &Inputs) -> String {
        let why = match (self, which) {
            (Self::Shares(_), Which::Before) => "the sources have no SMI",
            (Self::Shares(_), Which::After) => "the sources have no routes",
            (Self::Allowed(_), Which::Before) => "the sources have no grants, or no pods behind the Service",
            (Self::Allowed(_), Which::After) if plan.to.target.policy.is_none() => {
                return format!("policy of {} is not read", plan.to.target.name);
            }
            (Self::Allowed(_), Which::After) => {
                "the sources have no policy beside grants, or no pods behind the Service"
            }
        };
        why.to_owned()
    }
}

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shares(shares) => {
                let wanted: Vec<String> = shares.iter().map(|(name, part)| format!("{name} {part}")).collect();
                f.write_str(&wanted.join(", "))
            }
            Self::Allowed(true) => f.write_str("allowed"),
            Self::Allowed(false) => f.write_str("denied"),
        }
    }
}

// === impl Row ===

impl Row {
    fn request(&self) -> Result<Request> {
        request(self.source.as_deref(), &self.to_service, &self.method, &self.path, self.headers.clone())
    }

    /// What it expects, of which side.
    fn expects(&self) -> Vec<(Which, Expected<'_>)> {
        let shares = [(Which::Before, &self.before), (Which::After, &self.after)];
        let allowed = [(Which::Before, self.allowed_before), (Which::After, self.allowed_after)];
        let shares = shares.into_iter().filter_map(|(which, wanted)| Some((which, Expected::Shares(wanted.as_ref()?))));
        let allowed = allowed.into_iter().filter_map(|(which, wanted)| Some((which, Expected::Allowed(wanted?))));
        shares.chain(allowed).collect()
    }
}

fn get() -> String {
    "GET".into()
}

fn root() -> String {
    "/".into()
}

/// What part of a share that is not answered is called in a table.
const FAILS: &str = "(fails)";

fn table(rows: &[Row], found: &Sides, plan: &Inputs, terminal: &Terminal) -> Result<Exit> {
    if rows.is_empty() {
        bail!("the table has no rows");
    }
    let mut page = String::new();
    let (mut asked, mut wrong) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let number = index + 1;
        let request = row.request().and_then(|request| known(&request, found, plan).map(|()| request));
        let request = request.with_context(|| format!("row {number}"))?;
        let expected = row.expects();
        if expected.is_empty() {
            bail!("row {number} expects nothing: say `before`, `after`, `allowed-before` or `allowed-after`");
        }
        let said: Vec<(&SideScope, Said)> = found
            .scopes
            .iter()
            .flat_map(|scope| ask(scope, &request, plan).into_iter().map(move |said| (scope, said)))
            .collect();
        for (which, expected) in expected {
            let about: Vec<_> =
                said.iter().filter(|(_, said)| said.which == which && expected.is_about(said)).collect();
            asked += about.len().max(1);
            let other: Vec<_> = about.iter().filter(|(_, said)| !expected.is_met(&said.answer)).collect();
            for (scope, said) in &other {
                page.push_str(&format!(
                    "row {number}: {}, in {}\n  expected: {expected}\n",
                    self::asked(&request),
                    scope.name
                ));
                page.push_str(&lines(said, "  ", &found.sources));
            }
            if about.is_empty() {
                let why = expected.unasked(which, plan);
                page.push_str(&format!(
                    "row {number}: {}\n  expected: {expected}\n  no answer: {why}\n",
                    self::asked(&request)
                ));
            }
            wrong += other.len() + usize::from(about.is_empty());
        }
    }
    page.push_str(&match (asked, wrong) {
        (1, 0) => "1 answer, as expected\n".to_owned(),
        (_, 0) => format!("{asked} answers, all as expected\n"),
        (1, _) => "1 answer, other than expected\n".to_owned(),
        (_, _) => format!("{asked} answers, {wrong} of them other than expected\n"),
    });
    terminal.write(Stream::Out, &page)?;
    Ok(if wrong > 0 { Exit::Differs } else { Exit::Done })
}

/// Whether an answer is certain and gives these proportions, by the names of Services, with a port or without.
fn is(answer: &Answer, wanted: &BTreeMap<String, u32>) -> bool {
    let Answer::Certain(Decision::Route(route)) = answer else { return false };
    let mut weights = Vec::new();
    for (name, part) in wanted.iter().filter(|(name, _)| *name != FAILS) {
        let named = route.shares.backends().map(|(backend, _)| backend);
        let found = named
            .into_iter()
            .find(|backend| backend.to_string() == *name || (backend.namespace.is_none() && backend.name == *name));
        match found {
            Some(backend) => weights.push((backend.clone(), u128::from(*part))),
            None if *part == 0 => {}
            None => return false,
        }
    }
    let fails = wanted.get(FAILS).copied().map_or(0, u128::from);
    Shares::new(weights, fails) == route.shares
}
