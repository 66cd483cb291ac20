//! `smi2gamma simulate`: one request, or a table of them, asked of SMI, of routes, or of both.

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
    self, Absent, After, Answer, Assumption, Before, Decision, Destination, Field, Given, Grants, Guard, Request,
    ServiceName, ServicePort, Shares, Source, policy, simulate,
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
    /// None: where the request goes. Else whether it may, at these pods.
    at: Option<String>,
    /// `before (osm)`
    side: String,
    answer: Answer,
    assumed: BTreeSet<Assumption>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Before,
    After,
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
            let side = format!("before ({})", mesh.name);
            said.push(Said { which: Which::Before, at: None, side, answer, assumed });
        }
    }
    if scope.has_routes() || !scope.has_smi() {
        let side = After::new(&after, plan.to.target, &plan.to.version);
        let (answer, assumed) = simulate(&side, request, &given);
        let side = format!("after ({})", plan.to.display());
        said.push(Said { which: Which::After, at: None, side, answer, assumed });
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
    let policy = policy(&side);
    let mut said = Vec::new();
    for (account, port) in behind(pods, service, to.port) {
        let at = format!("{account}:{port}");
        let mut ask = |which: Which, side: String, guard: &dyn Guard| {
            let (answer, assumed) = verify::access::simulate(guard, pods, &account, port, request, given);
            said.push(Said { which, at: Some(at.clone()), side: format!("{side} at {at}"), answer, assumed });
        };
        for mesh in &scope.meshes {
            let grants = Grants::new(&before, mesh, scope.enforced(mesh, plan.enforced));
            if grants.is_known() {
                ask(Which::Before, format!("before ({})", mesh.name), &grants);
            }
        }
        if let Some(policy) = &policy {
            ask(Which::After, format!("after ({})", plan.to.display()), policy.as_ref());
        }
    }
    said
}

#[derive(Serialize)]
struct SaidRow {
    scope: String,
    side: String,
    answer: AnswerRow,
    domain: Vec<String>,
}

fn one(request: &Request, found: &Sides, plan: &Inputs, format: StatusFormat, terminal: &Terminal) -> Result<Exit> {
    let mut page = format!("{} to {}, from {}\n", request.line(), request.to, request.source);
    let mut rows = Vec::new();
    for scope in &found.scopes {
        if found.scopes.len() > 1 {
            page.push_str(&format!("\nin {}\n", scope.name));
        }
        for Said { side, answer, assumed, .. } in ask(scope, request, plan) {
            page.push_str(&lines(&side, &answer, &assumed, &found.sources));
            let answer = AnswerRow::of(&answer, &found.sources);
            let domain = assumed.iter().map(ToString::to_string).collect();
            rows.push(SaidRow { scope: scope.name.clone(), side, answer, domain });
        }
    }
    let page = match format {
        StatusFormat::Text => page,
        StatusFormat::Json => serde_json::to_string_pretty(&rows)? + "\n",
    };
    terminal.write(Stream::Out, &page)?;
    Ok(Exit::Done)
}

fn lines(side: &str, answer: &Answer, assumed: &BTreeSet<Assumption>, sources: &SourceMap) -> String {
    let mut lines = format!("{side}: {answer}\n");
    for cause in answer.decisions().iter().flat_map(Decision::causes) {
        match cause.place {
            Some(place) => lines.push_str(&format!("  {} {}\n", sources.display(place), cause.what)),
            None => lines.push_str(&format!("  {}\n", cause.what)),
        }
    }
    for assumption in assumed {
        lines.push_str(&format!("  taken for granted: {assumption}\n"));
    }
    lines
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

impl Row {
    /// Whether an answer is the expected one, and what is expected in words; none where nothing is.
    fn expects(&self, said: &Said) -> Option<(bool, String)> {
        let (shares, allowed) = match said.which {
            Which::Before => (&self.before, self.allowed_before),
            Which::After => (&self.after, self.allowed_after),
        };
        if said.at.is_some() {
            let word = |allowed: bool| if allowed { "allowed" } else { "denied" };
            return allowed.map(|allowed| (said.answer.permits() == Some(allowed), word(allowed).to_owned()));
        }
        let shares = shares.as_ref()?;
        let wanted: Vec<String> = shares.iter().map(|(name, part)| format!("{name} {part}")).collect();
        Some((is(&said.answer, shares), wanted.join(", ")))
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
    let mut page = String::new();
    let (mut asked, mut wrong) = (0, 0);
    for (number, row) in rows.iter().enumerate() {
        let request = request(row.source.as_deref(), &row.to_service, &row.method, &row.path, row.headers.clone())
            .with_context(|| format!("row {}", number + 1))?;
        for scope in &found.scopes {
            for said in ask(scope, &request, plan) {
                let Some((as_expected, wanted)) = row.expects(&said) else { continue };
                asked += 1;
                if as_expected {
                    continue;
                }
                wrong += 1;
                let (line, to) = (request.line(), &request.to);
                page.push_str(&format!(
                    "row {}: {line} to {to}, in {}\n  expected: {wanted}\n",
                    number + 1,
                    scope.name
                ));
                page.push_str(&format!("  {}", lines(&said.side, &said.answer, &said.assumed, &found.sources)));
            }
        }
    }
    page.push_str(&format!("{asked} answers, {wrong} of them other than expected\n"));
    terminal.write(Stream::Out, &page)?;
    if asked == 0 {
        bail!(
            "no row could be asked: the table expects `before` of SMI and `after` of routes, and the sources have neither"
        );
    }
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
