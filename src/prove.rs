//! The check of a run on itself: the routes of a scope are written, read back as text, and compared with its splits.
//!
//! `verify` compares and knows nothing of the conversion. This room gives it both worlds and says what its verdicts mean
//! for the objects: equal, not proved for a reason that a person was told, or a mistake of ours.

pub mod access;

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

use crate::code;
use crate::convert::GivenPorts;
use crate::inventory::Inventory;
use crate::load::Held;
use crate::manifest::Manifest;
use crate::mappings::{self, Source, WeightReading};
use crate::model::{ServiceRef, Whose};
use crate::place::SourceId;
use crate::report::{Finding, catalogue};
use crate::settle;
use crate::smi::{Kind, Object, TrafficSplit, Version};
use crate::target::Profile;
use crate::verify::{
    self, After, Answer, Assumption, Before, Destination, Relation, Request, ServiceName, Verdict, World,
};
use crate::yaml::{self, Node, emit};

/// An SMI object as the scope deploys it.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The object.
    pub object: &'a Object,
    /// The text it stands in.
    pub source: SourceId,
    /// The namespace it ends in.
    pub namespace: Option<&'a str>,
    /// The run's number of it; none for what is not converted.
    pub index: Option<usize>,
}

/// What a scope is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The SMI of the scope, without patches and what could not be read.
    pub members: &'a [Member<'a>],
    /// What stands beside it.
    pub inventory: &'a Inventory,
    /// The other manifests that may decide, each with the namespace it ends in.
    pub held: &'a [(&'a Held, Option<&'a str>)],
    /// Whose reading applies.
    pub whose: Whose,
    /// What the output is for.
    pub profile: &'a Profile,
    /// Ports that the user gave.
    pub given: &'a GivenPorts,
    /// The input is a whole cluster.
    pub whole: bool,
    /// The root of each split that was converted.
    pub roots: &'a BTreeMap<usize, ServiceRef>,
    /// What was found about an object so far.
    pub findings: &'a [(usize, Finding)],
}

/// What a comparison says of one closure.
#[derive(Clone, Debug)]
pub enum Proved {
    /// Equal, where this holds.
    Equal(BTreeSet<Assumption>),
    /// Not known to be equal, for a reason that is no mistake.
    Unproved(String),
    /// Equal under the readings of some meshes that served it, and not under others.
    Disputed(Box<Finding>),
    /// A mistake.
    Mistake(Box<Finding>),
}

/// One verdict on a closure.
struct Seen {
    /// Whose reading.
    mesh: &'static Source,
    verdict: Verdict,
    /// It would be equal but for the rounding of shares.
    rounding: bool,
    /// A route was written for the port.
    covered: bool,
}

/// Where emitted text stands: in no source.
const OUTPUT: SourceId = SourceId(u32::MAX);

/// One closure: the objects whose content the same routes carry.
type Closure = Vec<usize>;

/// A manifest of the output, and what a reader finds in its text.
#[derive(Debug)]
pub struct Written<'a> {
    origins: &'a Closure,
    manifest: &'a Manifest,
    nodes: Vec<Node>,
}

/// Closures that are compared together, and the objects that are not deployed with them.
struct Pass<'a> {
    closures: Vec<&'a Closure>,
    others: BTreeSet<usize>,
}

/// The name of each object that is there more than once.
type Versions<'a> = BTreeMap<usize, (Option<&'a str>, &'a str)>;

/// Reads the texts of manifests as somebody else would.
#[must_use]
pub fn read_back(manifests: &[(Closure, Manifest)]) -> Vec<Written<'_>> {
    let read = manifests.par_iter().map(|(origins, manifest)| {
        let text = emit::to_yaml(std::slice::from_ref(&manifest.value));
        let root = |piece: &yaml::Piece| yaml::parse(&text, piece.span).ok().and_then(|document| document.root);
        Written { origins, manifest, nodes: yaml::split(&text).iter().filter_map(root).collect() }
    });
    read.collect()
}

/// Compares every closure of the output with what SMI did.
#[must_use]
pub fn prove(question: &Question<'_>, written: &[Written<'_>]) -> BTreeMap<Closure, Proved> {
    // Routes are what is compared here: a closure without a root Service is policy.
    let of_a_root = |written: &&Written<'_>| written.origins.iter().any(|object| question.roots.contains_key(object));
    let written: Vec<&Written<'_>> = written.iter().filter(of_a_root).collect();
    let closures: BTreeSet<&Closure> = written.iter().map(|written| written.origins).collect();
    let versions = question.versions(|object| matches!(object, Object::TrafficSplit(_)));
    let index = Index::of(question);
    let mut proved = BTreeMap::new();
    for pass in passes(closures, &versions) {
        let (before, after) = question.worlds(&written, &pass);
        proved.extend(question.pass(&before, &after, &pass.closures, &index));
    }
    proved
}

/// Versions of one object are each deployed alone; all other closures are deployed together.
fn passes<'a>(closures: BTreeSet<&'a Closure>, versions: &Versions<'_>) -> Vec<Pass<'a>> {
    let (alone, together): (Vec<&Closure>, Vec<&Closure>) =
        closures.into_iter().partition(|closure| closure.iter().any(|object| versions.contains_key(object)));
    let alone = alone.into_iter().map(|closure| {
        let names: BTreeSet<_> = closure.iter().filter_map(|object| versions.get(object)).collect();
        let other = |(object, name): &(&usize, &_)| names.contains(name) && !closure.contains(object);
        Pass { closures: vec![closure], others: versions.iter().filter(other).map(|(object, _)| *object).collect() }
    });
    let together = (!together.is_empty()).then_some(Pass { closures: together, others: BTreeSet::new() });
    alone.chain(together).collect()
}

/// What is looked up for each closure, so that no closure goes through the whole scope.
struct Index<'a> {
    splits: BTreeMap<usize, &'a TrafficSplit>,
    /// The versions of TrafficTargets.
    targets: BTreeMap<usize, Version>,
    /// The versions in which groups of a name are there.
    groups: BTreeMap<&'a str, Vec<Version>>,
    findings: BTreeMap<usize, Vec<(usize, &'a Finding)>>,
}

// === impl Index ===

impl<'a> Index<'a> {
    fn of(question: &Question<'a>) -> Self {
        let mut index = Self {
            splits: BTreeMap::new(),
            targets: BTreeMap::new(),
            groups: BTreeMap::new(),
            findings: BTreeMap::new(),
        };
        for member in question.members {
            match (member.object, member.index) {
                (Object::TrafficSplit(split), Some(object)) => drop(index.splits.insert(object, split)),
                (Object::TrafficTarget(target), Some(object)) => {
                    index.targets.insert(object, target.meta.version);
                }
                (Object::HttpRouteGroup(group), _) => {
                    index.groups.entry(&group.meta.id.name).or_default().push(group.meta.version);
                }
                _ => {}
            }
        }
        for (position, (object, finding)) in question.findings.iter().enumerate() {
            index.findings.entry(*object).or_default().push((position, finding));
        }
        index
    }

    /// What was found about the objects of a closure, in the order in which it was found.
    fn found(&self, closure: &Closure) -> Vec<&'a Finding> {
        let objects: BTreeSet<&usize> = closure.iter().collect();
        let found = objects.into_iter().filter_map(|object| self.findings.get(object));
        let mut found: Vec<(usize, &Finding)> = found.flatten().copied().collect();
        found.sort_by_key(|(position, _)| *position);
        found.into_iter().map(|(_, finding)| finding).collect()
    }
}

// === impl Question ===

impl Question<'_> {
    /// The objects of a kind that are there more than once.
    fn versions(&self, of_kind: impl Fn(&Object) -> bool) -> Versions<'_> {
        let mut known: BTreeMap<(Option<&str>, &str), Vec<usize>> = BTreeMap::new();
        for member in self.members.iter().filter(|member| of_kind(member.object)) {
            let name = &member.object.meta().id.name;
            known.entry((member.namespace, name)).or_default().extend(member.index);
        }
        let repeated = known.into_iter().filter(|(_, same)| same.len() > 1);
        repeated.flat_map(|(name, same)| same.into_iter().map(move |index| (index, name))).collect()
    }

    /// What SMI says and what was written, as they are deployed for one pass.
    fn worlds<'w>(&'w self, written: &[&'w Written<'w>], pass: &Pass<'_>) -> (World<'w>, World<'w>) {
        let smi = self.members.iter().filter(|member| !member.index.is_some_and(|index| pass.others.contains(&index)));
        let smi = smi.map(|member| verify::Deployed {
            object: member.object,
            source: member.source,
            namespace: member.namespace,
        });
        let own = written.iter().filter(|written| !written.origins.iter().any(|object| pass.others.contains(object)));
        let own = own.flat_map(|written| {
            let namespace = written.manifest.id.namespace.as_deref();
            written.nodes.iter().map(move |node| verify::Manifest { node, source: OUTPUT, namespace })
        });
        let held = self.held.iter().map(|(held, namespace)| verify::Manifest {
            node: &held.node,
            source: held.source,
            namespace: *namespace,
        });
        let before = World { smi: smi.collect(), inventory: self.inventory, manifests: Vec::new() };
        (before, World { smi: Vec::new(), inventory: self.inventory, manifests: own.chain(held).collect() })
    }

    /// The meshes whose reading must come to the same; with the specification where no mesh served it.
    fn meshes(&self, closure: &Closure, index: &Index<'_>) -> Vec<&'static Source> {
        if let Whose::Mesh(mesh) = self.whose {
            return vec![mesh];
        }
        let splits: Vec<&TrafficSplit> =
            closure.iter().filter_map(|object| index.splits.get(object).copied()).collect();
        let named = splits.iter().flat_map(|split| split.matches.iter().flatten());
        let groups: Vec<Version> = named
            .filter_map(|reference| index.groups.get(reference.name.as_ref()?.value.as_str()))
            .flatten()
            .copied()
            .collect();
        mappings::sources_that(|mesh| {
            mesh.split.is_some()
                && splits.iter().all(|split| mesh.serves(Kind::TrafficSplit, split.meta.version))
                && groups.iter().all(|version| mesh.serves(Kind::HTTPRouteGroup, *version))
        })
    }

    fn pass(
        &self,
        before: &World<'_>,
        after: &World<'_>,
        closures: &[&Closure],
        index: &Index<'_>,
    ) -> Vec<(Closure, Proved)> {
        let side = After::new(after, self.profile.target, &self.profile.version);
        let mut by_mesh: BTreeMap<&str, (&'static Source, Vec<&Closure>)> = BTreeMap::new();
        for closure in closures {
            for mesh in self.meshes(closure, index) {
                by_mesh.entry(&mesh.name).or_insert((mesh, Vec::new())).1.push(closure);
            }
        }
        let mut seen: BTreeMap<&Closure, Vec<Seen>> = BTreeMap::new();
        for (mesh, closures) in by_mesh.into_values() {
            let mut owners: BTreeMap<ServiceName, Vec<&Closure>> = BTreeMap::new();
            for closure in closures {
                for root in closure.iter().filter_map(|object| self.roots.get(object)) {
                    let known = owners.entry(name_of(root)).or_default();
                    if !known.contains(&closure) {
                        known.push(closure);
                    }
                }
            }
            let options = verify::Options {
                whole: self.whole,
                prepared: true,
                only: Some(owners.keys().cloned().collect()),
                ports: self.ports(owners.keys()),
            };
            let own = Before::new(before, mesh);
            let verdicts = verify::verify(&own, &side, &options);
            let rounds = mesh.split.as_ref().is_some_and(|split| split.weights.is == WeightReading::RoundedPercent);
            let exact = own.with_exact_shares();
            for verdict in verdicts {
                let verify::Destination::Service(at) = &verdict.destination else { continue };
                let owning = owners.get(&at.service).or_else(|| owners.get(&without_namespace(&at.service)));
                let covered = side.routes_name(at);
                let rounding = rounds && verdict.relation != Relation::Equal && {
                    let again = verify::verify_at(&exact, &side, at, &options);
                    again.relation == Relation::Equal
                };
                for closure in owning.into_iter().flatten() {
                    seen.entry(closure).or_default().push(Seen { mesh, verdict: verdict.clone(), rounding, covered });
                }
            }
        }
        closures
            .iter()
            .map(|closure| {
                let seen = seen.get(closure).map_or(&[][..], Vec::as_slice);
                ((*closure).clone(), judge(&index.found(closure), seen))
            })
            .collect()
    }

    fn ports<'s>(&self, roots: impl Iterator<Item = &'s ServiceName>) -> BTreeMap<ServiceName, BTreeSet<u16>> {
        let given = |root: &ServiceName| -> BTreeSet<u16> {
            let service = ServiceRef { namespace: root.namespace.clone(), name: root.name.clone() };
            self.given.of(&service).iter().copied().collect()
        };
        roots.map(|root| (root.clone(), given(root))).filter(|(_, ports)| !ports.is_empty()).collect()
    }
}

/// What the verdicts on one closure mean for it, with what was found about its objects.
fn judge(found: &[&Finding], verdicts: &[Seen]) -> Proved {
    let mut assumed = BTreeSet::new();
    let told = found.iter().find(|finding| catalogue::row(finding.code).admits);
    // Where a port was refused, its split stays, and another finding says so.
    let refused = found.iter().any(|finding| settle::blocks(finding));
    let meshes: BTreeSet<&str> = verdicts.iter().map(|seen| seen.mesh.name.as_str()).collect();
    let mut differing: BTreeMap<&str, &Seen> = BTreeMap::new();
    let mut reason: Option<String> = None;
    for seen in verdicts {
        let Seen { mesh, verdict, rounding, covered: _ } = seen;
        assumed.extend(verdict.domain.iter().cloned());
        let shown = || format!("read as {}: {}", mesh.title, shown(verdict));
        match (verdict.relation, told) {
            (Relation::Equal, _) => {}
            _ if refused && !seen.covered => {}
            (Relation::Undecided, _) => drop(reason.get_or_insert_with(shown)),
            (_, Some(told)) => drop(reason.get_or_insert_with(|| format!("`{}`; {}", told.code.0, shown()))),
            _ if *rounding => drop(reason.get_or_insert_with(|| {
                format!("the mesh rounded shares to whole percents, and the routes do not; {}", shown())
            })),
            _ => drop(differing.entry(&mesh.name).or_insert(seen)),
        }
    }
    match differing.values().next() {
        _ if verdicts.is_empty() => Proved::Unproved("no port of its Service could be compared".into()),
        None => reason.map_or(Proved::Equal(assumed), Proved::Unproved),
        Some(seen) if differing.len() < meshes.len() => Proved::Disputed(Box::new(disputed(seen))),
        Some(seen) => Proved::Mistake(Box::new(mistake(seen))),
    }
}

fn name_of(root: &ServiceRef) -> ServiceName {
    ServiceName { namespace: root.namespace.clone(), name: root.name.clone() }
}

fn without_namespace(service: &ServiceName) -> ServiceName {
    ServiceName { namespace: None, name: service.name.clone() }
}

/// A verdict in one sentence.
fn shown(verdict: &Verdict) -> String {
    let at = &verdict.destination;
    match (&verdict.witness, &verdict.why) {
        (Some(witness), _) => {
            let request = asked(&witness.request);
            match (&witness.before, &witness.after) {
                (Answer::Undecided(why), _) | (_, Answer::Undecided(why)) => format!("{request}: {why}"),
                (before, after) => format!("{request}: before {before}; after {after}"),
            }
        }
        (None, Some(why)) => format!("{at}: {why}"),
        (None, None) => format!("{at}"),
    }
}

/// A request in one phrase; who sends it counts where access is asked.
fn asked(request: &Request) -> String {
    let (line, to) = (request.line(), &request.to);
    match to {
        Destination::Service(_) => format!("`{line}` to {to}"),
        Destination::Workload { .. } => format!("`{line}` from {} to {to}", request.source),
    }
}

/// Some meshes that served the split did with it what the routes do, and this one did not.
fn disputed(seen: &Seen) -> Finding {
    let message = format!("read as {}, this split did something else than its routes", seen.mesh.title);
    Finding::new(code!("reading-differs"), message)
        .note(shown(&seen.verdict))
        .help("say which mesh ran it with `--from MESH`")
}

fn mistake(seen: &Seen) -> Finding {
    let Seen { mesh, verdict, .. } = seen;
    let how = relation_word(verdict.relation);
    let message = format!("the routes for this split are {how} than what it did, read as {}", mesh.title);
    let mut finding = Finding::new(code!("output-differs"), message).note(shown(verdict));
    let causes =
        verdict.witness.iter().flat_map(|witness| witness.before.decisions()).flat_map(verify::Decision::causes);
    for cause in causes {
        if let Some(place) = cause.place.filter(|place| place.source != OUTPUT) {
            finding = finding.label(place, cause.what.clone());
        }
    }
    finding
        .help("this is a mistake in smi2gamma: please report it with the manifests; nothing was written for the split")
}

fn relation_word(relation: Relation) -> &'static str {
    match relation {
        Relation::Narrower => "narrower",
        Relation::Wider => "wider",
        Relation::Equal | Relation::Different | Relation::OrderDependent | Relation::Undecided => "other",
    }
}
