//! What becomes of one assertion under one target: converted, asked, and said in a word.

use std::collections::BTreeSet;

use serde_json::Value;
use smi2gamma::access::{CallerClass, Named};
use smi2gamma::manifest::{Effect, MIGRATED_FROM};
use smi2gamma::outcome::{Outcome, Proof};
use smi2gamma::report::catalogue;
use smi2gamma::run::{Run, run};
use smi2gamma::target::Profile;
use smi2gamma::yaml::emit;

use crate::ask::{Answers, Does, Question};
use crate::emitted;
use crate::situation::{Mesh, Situation};
use crate::suite::{ASSERTIONS, Assertion, Wants};
use crate::worlds;

/// What becomes of an assertion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// The request is answered as asserted, and the output is proved equal at its destination.
    Holds,
    /// The same, once what these findings ask for stands beside the output.
    HoldsWith(Codes),
    /// The target has no words for it, these findings say.
    NoWords(Codes),
    /// A person has to decide first, these findings say, and nothing is denied until then.
    Held(Codes),
    /// The source mesh did something else itself.
    NotInTheMesh,
    /// The source mesh served no kind that says the situation.
    NotServed,
}

/// Codes of findings, sorted.
pub type Codes = BTreeSet<&'static str>;

/// A situation, converted.
#[derive(Debug)]
pub struct Converted {
    situation: Situation,
    mesh: Mesh,
    to: Profile,
    run: Run,
    after: String,
}

/// What has to stand beside the output, each with a finding that says so.
const BESIDE: [&str; 4] = ["app-protocol-needed", "route-shadowed", "waypoint-label", "waypoint-needed"];

/// The cells of all assertions for one mesh and one target.
///
/// # Errors
/// For each, what happened instead of anything that a cell may say.
pub fn cells(mesh: Mesh, to: &Profile) -> Vec<Result<Cell, String>> {
    let mut last: Option<(crate::situation::State, Option<Converted>)> = None;
    let mut cells = Vec::new();
    for assertion in &ASSERTIONS {
        let known = last.take().filter(|(state, _)| *state == assertion.state);
        let (state, converted) = known.unwrap_or_else(|| {
            let situation = Situation::of(assertion.state, mesh);
            (assertion.state, situation.map(|situation| Converted::of(situation, mesh, to)))
        });
        cells.push(converted.as_ref().map_or(Ok(Cell::NotServed), |converted| converted.cell(assertion)));
        last = Some((state, converted));
    }
    cells
}

// === impl Converted ===

impl Converted {
    /// Converts; nobody calls through the ports of the nodes.
    pub fn of(situation: Situation, mesh: Mesh, to: &Profile) -> Self {
        let run = convert(&situation, mesh, to);
        let after = output(&run, situation.deleted);
        Self { situation, mesh, to: to.clone(), run, after }
    }

    /// The same with other manifests in place of the output.
    pub fn with(self, after: impl FnOnce(&str) -> String) -> Self {
        Self { after: after(&self.after), ..self }
    }

    /// What was written.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Both sides, asked.
    pub fn ask(&self, assertion: &Assertion, prepared: bool) -> Answers {
        let before = format!("{}{}", self.situation.apps, self.situation.smi);
        let Self { situation, mesh, to, after, .. } = self;
        Question { assertion, before: &before, after, names: situation.names, mesh: *mesh, to }.ask(prepared)
    }

    /// What becomes of an assertion.
    ///
    /// # Errors
    /// What happened instead of anything that a cell may say.
    pub fn cell(&self, assertion: &Assertion) -> Result<Cell, String> {
        let alone = self.ask(assertion, false);
        let said = match (alone.before, self.refused()) {
            _ if assertion.wants == Wants::ByTheServiceItself => self.untouched(&alone),
            (_, Some(_)) if self.denies() => Err("something is denied although a part is not converted"),
            (Does::Otherwise, Some(_)) => Ok(Cell::NotInTheMesh),
            (Does::AsAsserted | Does::Unknown, Some((outcome, codes))) => self.refusal(outcome, codes),
            (Does::Otherwise, None) => self.as_the_mesh(&alone),
            (Does::Unknown, None) => Err("it was converted although nobody can say what it did"),
            (Does::AsAsserted, None) => self.converted(assertion, &alone),
        };
        said.map_err(|what| {
            let (step, to, from) = (assertion.step, self.to.display(), &self.mesh.0.name);
            let said = format!("{step} from {from} to {to}: {what}\n{}\n{}", alone.words, self.after);
            format!("{said}\n{:#}", worlds::words(&self.run))
        })
    }

    /// Without SMI there is nothing to convert, and the Service does what it does.
    fn untouched(&self, alone: &Answers) -> Result<Cell, &'static str> {
        let untouched = self.after.is_empty() && alone.after == Does::AsAsserted;
        if untouched { Ok(Cell::Holds) } else { Err("there was nothing to convert") }
    }

    /// Why it is not converted.
    fn refusal(&self, outcome: Outcome, codes: Codes) -> Result<Cell, &'static str> {
        let without_policy = self.to.policy().is_none() && codes.contains("policy-not-converted");
        match outcome {
            Outcome::Unsupported => Ok(Cell::NoWords(codes)),
            Outcome::Blocked if without_policy => Ok(Cell::NoWords(codes)),
            Outcome::Blocked => Ok(Cell::Held(codes)),
            _ => Err("nothing says why it is not converted"),
        }
    }

    /// The mesh did something else, and so does the output. What `--default-deny` asks for is more than some meshes did.
    fn as_the_mesh(&self, alone: &Answers) -> Result<Cell, &'static str> {
        let follows = alone.equal || self.situation.default_deny;
        if follows { Ok(Cell::NotInTheMesh) } else { Err("the output does not do what the mesh did either") }
    }

    /// The output does what is asserted, by itself or with what its findings ask for.
    fn converted(&self, assertion: &Assertion, alone: &Answers) -> Result<Cell, &'static str> {
        let holds = |answers: &Answers| answers.after == Does::AsAsserted && answers.equal;
        let found = self.run.report.findings.iter().map(|finding| finding.code.0);
        let beside: Codes = found.filter(|code| BESIDE.contains(code)).collect();
        match () {
            () if !self.proved() => Err("the run has not proved its output"),
            () if holds(alone) => Ok(Cell::Holds),
            () if !beside.is_empty() && holds(&self.ask(assertion, true)) => Ok(Cell::HoldsWith(beside)),
            () => Err("the output does something else"),
        }
    }

    /// The worst outcome of what routes or grants, with the codes that force it; none where all of it is converted.
    fn refused(&self) -> Option<(Outcome, Codes)> {
        let report = &self.run.report;
        let speaks = |kind: &str| ["TrafficTarget", "TrafficSplit"].contains(&kind);
        let worst =
            report.objects.iter().filter(|object| speaks(&object.id.kind)).max_by_key(|object| object.outcome)?;
        let found = worst.findings.iter().map(|&finding| report.findings[finding].code);
        let forcing = found.filter(|&code| catalogue::row(code).outcome == Some(worst.outcome));
        worst.outcome.needs_hands().then(|| (worst.outcome, forcing.map(|code| code.0).collect()))
    }

    fn proved(&self) -> bool {
        self.run.report.objects.iter().all(|object| match object.outcome {
            Outcome::Migrated => object.proof == Proof::Equal,
            Outcome::Superseded => true,
            _ => false,
        })
    }

    fn denies(&self) -> bool {
        let denying = |effect| matches!(effect, Effect::Enforces | Effect::DeniesByDefault);
        self.run.manifests.iter().any(|(_, manifest)| denying(manifest.effect))
    }
}

fn convert(situation: &Situation, mesh: Mesh, to: &Profile) -> Run {
    let mut options = worlds::options(Some(&mesh.0.name), &to.display());
    options.policy.callers.insert(CallerClass::Ingress, Named::None);
    options.policy.default_deny = situation.default_deny;
    let text = format!("{}{}", situation.apps, situation.converted);
    if to.version == to.target.default_version {
        emitted::keep(&options, text.as_bytes());
    }
    let run = run(&options, &mut text.as_bytes()).expect("standard input can be read");
    emitted::judge(&run);
    run
}

/// The output without what permits in the name of a TrafficTarget that was deleted.
fn output(run: &Run, deleted: Option<&str>) -> String {
    let permits = |manifest: &Value| {
        let from = manifest["metadata"]["annotations"][MIGRATED_FROM].as_str().unwrap_or_default();
        let named = deleted.is_some_and(|name| from.split(',').any(|one| one.ends_with(&format!("/{name}"))));
        named && manifest["kind"] == "AuthorizationPolicy"
    };
    let mut manifests = worlds::manifests(run);
    manifests.retain(|manifest| !permits(manifest));
    if manifests.is_empty() { String::new() } else { emit::to_yaml(&manifests) }
}
