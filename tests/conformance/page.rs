//! The page: what is asserted, and a table of cells for each part of the suite.

use std::collections::BTreeMap;

use smi2gamma::mappings::{Target, sources, targets};
use smi2gamma::smi::Kind;

use crate::cell::{Cell, Codes};
use crate::situation::Mesh;
use crate::suite::{ASSERTIONS, Assertion, Part, To, Wants};

const INTRODUCTION: &str = include_str!("introduction.md");

const CELLS: &str = "
## What a cell says

Each situation is converted by itself, with the flags that a person would have to give: `--from` of the table, `--ingress none`
(every Service of the suite is a NodePort, and nobody but the applications may call), and `--default-deny` for steps 03 and
07 of `traffic-access`, which assert what happens without a grant. The suite has no SMI at all in its namespace then, and
without SMI nothing is converted: here a grant of `c` stands in the namespace, and none of `b`. For step 07 `b` was granted too
when all of that was converted, and the AuthorizationPolicies that came of it are deleted from the output.

| cell | meaning |
| --- | --- |
| holds | the request is answered as asserted, by direct evaluation of what was written (as `smi2gamma simulate` does), and at its destination the output is `equal` to SMI for every request (as `smi2gamma verify` says) |
| with `CODE` | the same, once what the finding asks for stands beside the output |
| no words: `CODE` | the target cannot say it, or smi2gamma writes no policy for it; the finding says so, and nothing is denied |
| held: `CODE` | a person has to decide first; the finding says what, and nothing is denied until then |
| not in the mesh | the source mesh itself did something else than the suite asserts; what is converted does what the mesh did, unless `--default-deny` asked for more |
| not served | the source mesh served no kind of SMI that says the situation |

`as above` stands for the targets whose cell is that of the table before it: all of them, or those that are not named.

Shares are exact: 3/4 and 1/4 for weights 75 and 25, where the suite counts 50 requests and asks only which leaf got more. Step
03 of `traffic-split` has nothing to convert: nothing is written, and the Service reaches both leaves as ever.

`no words: policy-not-converted` stands where smi2gamma writes no policy for a target (see
[findings](findings.md#policy-not-converted)): the TrafficTargets stay, and the source mesh has to go on enforcing them.

## What is not asked

- The suite's own calls: a client outside of the mesh has `a` send each request and reads the counts of all three. No
  TrafficTarget grants it that, so under policy it is denied like anyone else.
- That a mesh resolves the names that the suite calls: for Linkerd, Istio and Open Service Mesh `service-mesh.go` writes two
  dots into them, for Traefik Mesh the host `app-b.NAMESPACE.maesh`. Here the Services are called by their own names.
- The suite's manifests of `traffic-spec` to the letter. They name `destination.port`, which v1alpha3 does not have, and one has
  `matches` where v1alpha4 does not read them. An API server prunes both, so that each means something else than was meant:
  they are blocked with [`smi-shape-unclear`](findings.md#smi-shape-unclear), and convert as below once they say what is meant.
";

/// The cells of a source mesh by target, version and assertion; versions in their order.
pub type Cells<'c> = BTreeMap<&'c str, Vec<(String, Vec<Cell>)>>;

/// The whole page, from the cells of each source mesh.
pub fn page(of: &BTreeMap<&str, Cells<'_>>) -> String {
    let mut page = INTRODUCTION.to_owned() + "\n" + &assertions() + CELLS;
    for part in Part::ALL {
        page += &format!("\n## {}\n", part.folder());
        page += &by_target(part, &of["spec"]);
        page += &by_mesh(part, of);
    }
    page
}

// --- what is asserted ---

fn assertions() -> String {
    let mut table = table_head(&["folder", "step", "installed", "asserted"]);
    for assertion in &ASSERTIONS {
        let Assertion { part, step, given, .. } = assertion;
        table += &row(&[part.folder(), step, given, &sentence(assertion)]);
    }
    table
}

fn sentence(assertion: &Assertion) -> String {
    let asks = assertion.asks;
    let to = match asks.to {
        To::B => "b",
        To::Root => "root",
    };
    let request = format!("`{} {}` of `a` to `{to}`", asks.method, asks.path);
    match assertion.wants {
        Wants::Allowed => format!("{request} arrives"),
        Wants::Denied => format!("{request} does not arrive"),
        Wants::ByTheServiceItself => format!("{request} reaches both `b` and `c`"),
        Wants::Shares(_, 0) => format!("{request} always goes to `b`"),
        Wants::Shares(0, _) => format!("{request} always goes to `c`"),
        Wants::Shares(b, c) if b > c => format!("{request} goes to `b` more often than to `c`"),
        Wants::Shares(..) => format!("{request} goes to `c` more often than to `b`"),
    }
}

// --- cells ---

/// The assertions of a part, each with its place among all.
fn of_part(part: Part) -> impl Iterator<Item = (usize, &'static Assertion)> {
    ASSERTIONS.iter().enumerate().filter(move |(_, assertion)| assertion.part == part)
}

/// `03`, or what it asks where a step asserts several things: `04 GET /echo`.
fn column(assertion: &Assertion) -> String {
    let number = assertion.step.split(' ').next().unwrap_or_default();
    let same = ASSERTIONS.iter().filter(|other| other.part == assertion.part && other.step == assertion.step);
    let asks = assertion.asks;
    if same.count() == 1 { number.to_owned() } else { format!("{number} `{} {}`", asks.method, asks.path) }
}

/// A row for each run of versions of a target whose cells are the same.
fn by_target(part: Part, cells: &Cells<'_>) -> String {
    let columns: Vec<String> = of_part(part).map(|(_, assertion)| column(assertion)).collect();
    let head: Vec<&str> = ["`--to`", "versions"].into_iter().chain(columns.iter().map(String::as_str)).collect();
    let mut table = "\nRead as the specification, `--from spec`:\n\n".to_owned() + &table_head(&head);
    for target in targets() {
        let of_version = |(version, cells): &(String, Vec<Cell>)| {
            let own: Vec<Cell> = of_part(part).map(|(at, _)| cells[at].clone()).collect();
            (version.clone(), own)
        };
        let all: Vec<_> = cells[&*target.name].iter().map(of_version).collect();
        for run in all.chunk_by(|one, other| one.1 == other.1) {
            let (first, last) = (&run[0].0, &run[run.len() - 1].0);
            let versions = if first == last { first.clone() } else { format!("{first} to {last}") };
            let words: Vec<String> = run[0].1.iter().map(words).collect();
            let line = [format!("`{}`", target.name), versions].into_iter().chain(words).collect::<Vec<_>>();
            table += &row(&line);
        }
    }
    table
}

/// A row for each source mesh: where its cells, at the default version of each target, are not those of the specification.
fn by_mesh(part: Part, of: &BTreeMap<&str, Cells<'_>>) -> String {
    let columns: Vec<String> = of_part(part).map(|(_, assertion)| column(assertion)).collect();
    let head: Vec<&str> = ["`--from`", "said in"].into_iter().chain(columns.iter().map(String::as_str)).collect();
    let mut table =
        "\nRead as a mesh that served SMI, at the default version of each target:\n\n".to_owned() + &table_head(&head);
    for source in sources().iter().filter(|source| source.name != "spec") {
        let cells = of_part(part).map(|(at, _)| beside(at, &of[&*source.name], &of["spec"]));
        let line = [format!("`{}`", source.name), said_in(part, Mesh(source))].into_iter().chain(cells);
        table += &row(&line.collect::<Vec<_>>());
    }
    table
}

/// The kinds and versions in which a mesh is told the situations of a part.
fn said_in(part: Part, mesh: Mesh) -> String {
    let kinds: &[Kind] = match part {
        Part::Access => &[Kind::TrafficTarget, Kind::TCPRoute],
        Part::Specs => &[Kind::TrafficTarget, Kind::HTTPRouteGroup],
        Part::Split => &[Kind::TrafficSplit],
    };
    let version =
        |kind: &Kind| Some(format!("{} {}", kind.name(), format!("{:?}", mesh.version(*kind)?).to_lowercase()));
    let said: Option<Vec<String>> = kinds.iter().map(version).collect();
    said.map_or_else(|| "nothing".to_owned(), |said| said.join(", "))
}

/// The cells of one assertion under one mesh, beside those of the specification.
fn beside(at: usize, own: &Cells<'_>, spec: &Cells<'_>) -> String {
    let cell = |cells: &Cells<'_>, target: &'static Target| {
        let of_default = cells[&*target.name].iter().find(|(version, _)| *version == target.default_version);
        of_default.expect("the default version is one of the table").1[at].clone()
    };
    let mut other: BTreeMap<Cell, Vec<String>> = BTreeMap::new();
    for target in targets().iter().filter(|target| cell(own, target) != cell(spec, target)) {
        other.entry(cell(own, target)).or_default().push(format!("`{}`", target.name));
    }
    match other.len() {
        0 => "as above".to_owned(),
        1 if other.values().all(|names| names.len() == targets().len()) => other.keys().map(words).collect(),
        _ => {
            let said = other.iter().map(|(cell, names)| format!("{} for {}", words(cell), names.join(", ")));
            said.collect::<Vec<_>>().join("; ")
        }
    }
}

fn words(cell: &Cell) -> String {
    let list = |codes: &Codes| codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
    match cell {
        Cell::Holds => "holds".to_owned(),
        Cell::HoldsWith(codes) => format!("with {}", list(codes)),
        Cell::NoWords(codes) => format!("no words: {}", list(codes)),
        Cell::Held(codes) => format!("held: {}", list(codes)),
        Cell::NotInTheMesh => "not in the mesh".to_owned(),
        Cell::NotServed => "not served".to_owned(),
    }
}

// --- tables ---

fn table_head(cells: &[&str]) -> String {
    row(cells) + &row(&vec!["---"; cells.len()])
}

fn row<S: AsRef<str>>(cells: &[S]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}
