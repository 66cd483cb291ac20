//! Losses: what a target cannot say exactly, and which side of it the user accepted.
//!
//! A loss is accepted by name, per grant and expression, with a reason, in `smi2gamma.yaml`. An entry holds only as long as
//! the finding would print it again: where the grant or the bound has changed, it accepts nothing.

use crate::code;
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::settle;
use crate::target::Profile;

use super::Settings;

/// What a target cannot say exactly, and the nearest things that it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What cannot be said, on one line: ``path `/v[0-9]+` ``.
    pub what: String,
    /// Where it is written.
    pub place: Place,
    /// The least that allows all of it.
    pub wider: Option<Nearest>,
    /// The most that allows nothing beside it.
    pub narrower: Option<Nearest>,
}

/// One of the nearest things that a target can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// In the target's words, on one line: ``path `/v*` ``.
    pub says: String,
    /// A request on which it differs from what was meant: ``GET /vx``.
    pub witness: String,
}

/// One entry of `losses` in `smi2gamma.yaml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedLoss {
    /// The target's name.
    pub to: String,
    /// The TrafficTarget, `namespace/name` or `name`.
    pub grant: String,
    /// As in [`Loss::what`].
    pub what: String,
    /// Which side was accepted.
    pub accept: Side,
    /// As in [`Nearest::says`].
    pub says: String,
    /// Why.
    pub reason: String,
    /// Where the entry stands, for people: `smi2gamma.yaml:12`.
    pub at: String,
}

/// A side of a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// More is allowed than before.
    Wider,
    /// Less is allowed than before.
    Narrower,
}

// === impl Side ===

impl Side {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wider => "wider",
            Self::Narrower => "narrower",
        }
    }
}

// === impl Settings ===

impl Settings {
    /// Which side of `loss` was accepted for `grant`, with the finding that says so.
    ///
    /// # Errors
    /// The finding that keeps the closure from being converted, with the entries ready to paste.
    pub fn decide(&self, loss: &Loss, grant: &ObjectId, profile: &Profile) -> Result<(Side, Finding), Box<Finding>> {
        let sides = [(Side::Wider, &loss.wider), (Side::Narrower, &loss.narrower)];
        let accepted = self.losses.iter().find_map(|entry| {
            let (side, nearest) = sides.iter().find(|(side, nearest)| {
                *side == entry.accept && nearest.as_ref().is_some_and(|nearest| nearest.says == entry.says)
            })?;
            let fits = entry.to == profile.target.name && entry.what == loss.what && entry.is_for(grant);
            fits.then_some((entry, *side, nearest.as_ref()))
        });
        match accepted {
            Some((entry, side, Some(nearest))) => Ok((side, loss.accepted(entry, nearest))),
            _ => Err(Box::new(loss.refused(grant, profile))),
        }
    }
}

// === impl AcceptedLoss ===

impl AcceptedLoss {
    fn is_for(&self, grant: &ObjectId) -> bool {
        match (self.grant.split_once('/'), &grant.namespace) {
            (Some((namespace, name)), Some(own)) => (namespace, name) == (own, &grant.name),
            (None, None) => self.grant == grant.name,
            _ => false,
        }
    }

    /// Whether a loss of the grant was accepted by this entry.
    fn is_used(&self, grant: &Judged) -> bool {
        let note = self.note();
        grant.findings.iter().any(|finding| finding.code == code!("loss-accepted") && finding.notes.contains(&note))
    }

    /// What the finding that accepts a loss by this entry says of it.
    fn note(&self) -> String {
        format!("accepted for {} in {}: {}", self.grant, self.at, self.reason)
    }

    fn unused(&self, grants: &[Judged]) -> Option<Finding> {
        let own: Vec<&Judged> = grants.iter().filter(|grant| self.is_for(&grant.id)).collect();
        let why = if own.is_empty() {
            "the input has no such TrafficTarget"
        } else if own.iter().any(|grant| self.is_used(grant) || grant.is_unsettled()) {
            return None;
        } else if own.iter().any(|grant| grant.loses()) {
            "the target would now say something else instead"
        } else {
            "the grant is converted without it"
        };
        let message = format!("the loss for `{}` in {} accepts nothing: {why}", self.grant, self.at);
        Some(
            Finding::new(code!("loss-unused"), message)
                .note(format!("it accepts that {} is said as {}", self.what, self.says))
                .help("take the entry away, or write it anew as `loss-undecided` prints it"),
        )
    }
}

// === unused entries ===

/// A TrafficTarget of a run, with all that was found about it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The TrafficTarget.
    pub id: ObjectId,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// The entries that accept nothing: their grant is not there, came out without a loss, or with another one.
///
/// An entry for another target is for another run. One whose grant is blocked for a reason of its own, or is among those
/// that this run leaves out, may still be needed, so nothing is said of it.
#[must_use]
pub fn unused(losses: &[AcceptedLoss], profile: &Profile, grants: &[Judged], left_out: &[ObjectId]) -> Vec<Finding> {
    let for_target = losses.iter().filter(|entry| entry.to == profile.target.name);
    let judged = for_target.filter(|entry| !left_out.iter().any(|grant| entry.is_for(grant)));
    judged.filter_map(|entry| entry.unused(grants)).collect()
}

// === impl Judged ===

impl Judged {
    /// A loss of it is not accepted.
    fn loses(&self) -> bool {
        self.findings.iter().any(|finding| finding.code == code!("loss-undecided"))
    }

    /// Something else than a loss keeps it from being converted, so its losses are perhaps not known.
    fn is_unsettled(&self) -> bool {
        !self.loses() && self.findings.iter().any(settle::blocks)
    }
}

// === impl Loss ===

impl Loss {
    fn accepted(&self, entry: &AcceptedLoss, nearest: &Nearest) -> Finding {
        let message = format!("{} is said as {}, which is {}", self.what, nearest.says, entry.accept.word());
        Finding::new(code!("loss-accepted"), message)
            .at(self.place)
            .note(entry.note())
            .note(format!("it differs at: {}", nearest.witness))
    }

    fn refused(&self, grant: &ObjectId, profile: &Profile) -> Finding {
        let message = format!("{} cannot say {}", profile.title(), self.what);
        let mut finding = Finding::new(code!("loss-undecided"), message).at(self.place);
        let mut entries = Vec::new();
        for (side, nearest) in [(Side::Wider, &self.wider), (Side::Narrower, &self.narrower)] {
            let Some(nearest) = nearest else { continue };
            let more = match side {
                Side::Wider => "is allowed as well",
                Side::Narrower => "is allowed no longer",
            };
            let word = side.word();
            finding = finding.note(format!("{word}: {}; {} {more}", nearest.says, nearest.witness));
            entries.push(self.entry(side, nearest, grant, profile));
        }
        if entries.is_empty() {
            return finding.help("change the expression to one that the target can say, or choose another target");
        }
        let entries = entries.join("or\n");
        finding
            .help(format!("change the expression, or accept one side, below `losses:` in smi2gamma.yaml:\n{entries}"))
    }

    /// The entry of `smi2gamma.yaml` that accepts this side, ready to paste but for the reason: an item of a list, so that
    /// those of several findings can stand below each other.
    fn entry(&self, side: Side, nearest: &Nearest, grant: &ObjectId, profile: &Profile) -> String {
        let grant = match &grant.namespace {
            Some(namespace) => format!("{namespace}/{}", grant.name),
            None => grant.name.clone(),
        };
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        format!(
            "- to: {}\n  grant: {grant}\n  what: {}\n  accept: {}\n  says: {}\n  reason: WHY\n",
            profile.target.name,
            quoted(&self.what),
            side.word(),
            quoted(&nearest.says)
        )
    }
}
