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
    /// What no TrafficTarget grants is left open, these findings say.
    LeftOpen(Codes),
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
        let run = convert(&situation, mesh, to, situation.default_deny);
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
        let wrong = |what: &str| {
            let (step, to, from) = (assertion.step, self.to.display(), &self.mesh.0.name);
            let said = format!("{step} from {from} to {to}: {what}\n{}\n{}", alone.words, self.after);
            Err(format!("{said}\n{:#}", worlds::words(&self.run)))
        };
        if assertion.wants == Wants::ByTheServiceItself {
            let untouched = self.after.is_empty() && alone.after == Does::AsAsserted;
            return if untouched { Ok(Cell::Holds) } else { wrong("there was nothing to convert") };
        }
        let refused = self.refused();
        match (alone.before, &refused) {
            // What is denied by default on request is more than such a mesh did.
            (Does::Otherwise, None) if !alone.equal && !self.situation.default_deny => {
                return wrong("the output does not even do what the mesh did");
            }
            (Does::Otherwise, _) => return Ok(Cell::NotInTheMesh),
            (Does::Unknown, None) => return wrong("it was converted although nobody can say what it did"),
            (Does::Unknown, Some(_)) | (Does::AsAsserted, _) => {}
        }
        if let Some((outcome, codes)) = refused {
            return match outcome {
                _ if self.denies() => wrong("something is denied although a part is not converted"),
                Outcome::Unsupported => Ok(Cell::NoWords(codes)),
                Outcome::Blocked if self.to.policy().is_none() && codes.contains("policy-not-converted") => {
                    Ok(Cell::NoWords(codes))
                }
                Outcome::Blocked => Ok(Cell::Held(codes)),
                _ => wrong("nothing says why it is not converted"),
            };
        }
        if !self.proved() {
            return wrong("the run has not proved its output");
        }
        if alone.after == Does::AsAsserted && alone.equal {
            return Ok(Cell::Holds);
        }
        let beside = codes(&self.run, |code| BESIDE.contains(&code));
        if !beside.is_empty() {
            let prepared = self.ask(assertion, true);
            if prepared.after == Does::AsAsserted && prepared.equal {
                return Ok(Cell::HoldsWith(beside));
            }
        }
        if self.situation.default_deny && !self.has(Effect::DeniesByDefault) && alone.after == Does::Otherwise {
            let codes = self.left_open();
            return if codes.is_empty() {
                wrong("nothing says that it is left open")
            } else {
                Ok(Cell::LeftOpen(codes))
            };
        }
        wrong("the output does something else")
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

    fn has(&self, effect: Effect) -> bool {
        self.run.manifests.iter().any(|(_, manifest)| manifest.effect == effect)
    }

    fn denies(&self) -> bool {
        self.has(Effect::Enforces) || self.has(Effect::DeniesByDefault)
    }

    /// What says that a default deny is missing: this run, or one that did not ask for it.
    fn left_open(&self) -> Codes {
        let says = |code: &str| code.starts_with("default-deny-");
        let asked = codes(&self.run, says);
        let unasked = || codes(&convert(&self.situation, self.mesh, &self.to, false), says);
        if asked.is_empty() { unasked() } else { asked }
    }
}

fn codes(run: &Run, of: impl Fn(&str) -> bool) -> Codes {
    run.report.findings.iter().map(|finding| finding.code.0).filter(|code| of(code)).collect()
}

fn convert(situation: &Situation, mesh: Mesh, to: &Profile, default_deny: bool) -> Run {
    let mut options = worlds::options(Some(&mesh.0.name), &to.display());
    options.policy.callers.insert(CallerClass::Ingress, Named::None);
    options.policy.default_deny = default_deny;
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
