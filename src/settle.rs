//! The one room that assigns outcomes.
//!
//! Each scope answers for its objects; an object that several scopes deploy must come to the same in all of them. The
//! outcome of an object is the worst that its findings force; an object without output, and without a finding that says
//! why, is a mistake of ours and is said to be one.

use std::collections::{BTreeMap, BTreeSet};

use crate::code;
use crate::load::SmiObject;
use crate::manifest::{Effect, Manifest};
use crate::mappings::{gateway_api, names, targets};
use crate::outcome::{Outcome, Proof};
use crate::place::{Place, Span};
use crate::prove::Proved;
use crate::referrers::owner;
use crate::report::{Chosen, Finding, Level, ObjectId, ObjectReport, Report, catalogue};
use crate::smi::{Kind, Object, Rule};
use crate::target::Profile;

/// What one scope has to say.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// How people call the scope.
    pub scope: String,
    /// Whose reading was used.
    pub from: Option<Chosen>,
    /// Findings that belong to no object.
    pub findings: Vec<Finding>,
    /// The objects that it deploys.
    pub members: BTreeSet<usize>,
    /// Findings by object.
    found: Vec<(usize, Finding)>,
    /// Findings about expressions, which count where nothing else refuses them.
    checks: Vec<(usize, Finding)>,
    /// Who refers to an object.
    users: BTreeMap<usize, Vec<User>>,
    /// The output, each manifest with the objects whose content it carries.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
    /// What was proved of objects with output; none of them where the run did not verify.
    pub proofs: BTreeMap<usize, Proof>,
}

/// Who refers to a group, a route or a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// A TrafficSplit or a TrafficTarget that is to be converted: its index.
    Converted(usize),
    /// One that is not: the filter leaves it out, or it is context.
    Other(ObjectId, Place),
    /// A vendor's object: its kind and name, and where.
    Vendor(String, Place),
}

// === impl Answer ===

impl Answer {
    /// An answer without content.
    #[must_use]
    pub fn new(scope: String, from: Option<Chosen>) -> Self {
        Self { scope, from, ..Self::default() }
    }

    /// Adds a finding about an object.
    pub fn find(&mut self, object: usize, finding: Finding) {
        self.found.push((object, finding));
    }

    /// Adds a finding about an object that counts only where nothing worse was found for it.
    pub fn check(&mut self, object: usize, finding: Finding) {
        self.checks.push((object, finding));
    }

    /// Findings by object, so far.
    #[must_use]
    pub fn found(&self) -> &[(usize, Finding)] {
        &self.found
    }

    /// Takes what was proved of the objects that share output. A mistake takes that output back, and what denies by default
    /// where their policy was to stand.
    pub fn proved(&mut self, closure: &[usize], proved: Proved) {
        let proof = match proved {
            Proved::Equal(_) => Proof::Equal,
            Proved::Unproved(why) => {
                for &object in closure {
                    let finding = Finding::new(code!("not-proved"), "that the output does what SMI did is not proved");
                    self.found.push((object, finding.note(why.clone())));
                }
                Proof::None
            }
            Proved::Disputed(finding) => {
                self.found.extend(closure.iter().map(|&object| (object, (*finding).clone())));
                Proof::None
            }
            Proved::Mistake(finding) => {
                let falls = |(origins, manifest): &(Vec<usize>, Manifest)| {
                    let touched = origins.iter().any(|origin| closure.contains(origin));
                    origins == closure || (touched && manifest.effect == Effect::DeniesByDefault)
                };
                self.manifests.retain(|one| !falls(one));
                self.found.extend(closure.iter().map(|&object| (object, (*finding).clone())));
                Proof::None
            }
        };
        self.proofs.extend(closure.iter().map(|&object| (object, proof)));
    }

    /// Says that something refers to an object.
    pub fn used(&mut self, object: Option<usize>, user: User) {
        if let Some(object) = object {
            self.users.entry(object).or_default().push(user);
        }
    }
}

/// Whether a finding keeps its object from being converted.
#[must_use]
pub fn blocks(finding: &Finding) -> bool {
    forced(finding).is_some_and(Outcome::needs_hands)
}

/// Whether something was not read that should have been.
#[must_use]
pub fn is_error(finding: &Finding) -> bool {
    finding.level == Level::Error
}

fn forced(finding: &Finding) -> Option<Outcome> {
    catalogue::row(finding.code).outcome
}

/// The choice of source mesh for the head of the report: one line, whatever the number of scopes.
#[must_use]
pub fn from(answers: &[Answer]) -> Option<Chosen> {
    let scopes: Vec<&Answer> = answers.iter().filter(|answer| !answer.members.is_empty()).collect();
    let chosen: Vec<&Chosen> = scopes.iter().filter_map(|answer| answer.from.as_ref()).collect();
    let names: BTreeSet<&str> = chosen.iter().map(|chosen| chosen.name.as_str()).collect();
    let first = chosen.first()?;
    if names.len() == 1 && chosen.len() == scopes.len() {
        return Some((*first).clone());
    }
    let number = |name: &str| chosen.iter().filter(|chosen| chosen.name == name).count();
    let parts: Vec<String> = names.iter().map(|name| format!("{name} in {}", number(name))).collect();
    let rest = if chosen.len() == scopes.len() { "" } else { "; the others show no mesh" };
    let because = format!("{} of {} scopes{rest}", parts.join(", "), scopes.len());
    Some(Chosen { name: names.into_iter().collect::<Vec<_>>().join(", "), because })
}

/// What stands of all answers.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The output, each manifest with the objects whose content it carries.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
    /// By object that others refer to: those of them that are converted.
    pub users: BTreeMap<usize, BTreeSet<usize>>,
}

/// Gives every object its one outcome and fills the report. Returns what stands.
pub fn settle(objects: &[SmiObject], answers: Vec<Answer>, report: &mut Report) -> Settled {
    let mut desk = Desk::new(objects);
    desk.own_findings();
    let differing = desk.differing(&answers);
    let proofs = agreed_proofs(&answers);
    let mut agreed = Agreed::default();
    let members: Vec<BTreeSet<usize>> = answers.iter().map(|answer| answer.members.clone()).collect();
    let mut checks = Vec::new();
    for answer in answers {
        agreed.take(answer.manifests, &differing);
        report.findings.extend(answer.findings);
        for (object, mut finding) in answer.found {
            if finding.place.is_none() {
                finding.place = Some(desk.at(object));
            }
            desk.add(object, finding);
        }
        checks.extend(answer.checks);
        for (object, users) in answer.users {
            desk.users[object].extend(users);
        }
    }
    let manifests = agreed.in_order();
    desk.versions(&members);
    desk.without_output(&manifests);
    desk.fragments();
    for (object, finding) in checks {
        desk.check(object, finding);
    }
    let users = desk.converted_users();
    desk.write(&manifests, &proofs, report);
    Settled { manifests, users }
}

/// The proof of each object, which all scopes that deploy it must come to.
fn agreed_proofs(answers: &[Answer]) -> BTreeMap<usize, Proof> {
    let mut agreed: BTreeMap<usize, Proof> = BTreeMap::new();
    for (object, proof) in answers.iter().flat_map(|answer| &answer.proofs) {
        let known = agreed.entry(*object).or_insert(*proof);
        if *proof == Proof::None {
            *known = Proof::None;
        }
    }
    agreed
}

/// The output that stands, each manifest once.
#[derive(Default)]
struct Agreed {
    seen: BTreeSet<(Vec<usize>, ObjectId)>,
    manifests: Vec<(Vec<usize>, Manifest)>,
}

// === impl Agreed ===

impl Agreed {
    /// The output of a scope, but for what objects carry on which scopes differ.
    fn take(&mut self, manifests: Vec<(Vec<usize>, Manifest)>, differing: &BTreeSet<usize>) {
        for (origins, manifest) in manifests {
            let agreed = !origins.iter().any(|origin| differing.contains(origin));
            if agreed && self.seen.insert((origins.clone(), manifest.id.clone())) {
                self.manifests.push((origins, manifest));
            }
        }
    }

    /// All of it in the order of the objects; what denies by default is last.
    fn in_order(mut self) -> Vec<(Vec<usize>, Manifest)> {
        self.manifests.sort_by_key(|(origins, manifest)| {
            (manifest.effect == Effect::DeniesByDefault, origins.iter().min().copied())
        });
        self.manifests
    }
}

struct Desk<'a> {
    objects: &'a [SmiObject],
    findings: Vec<Vec<Finding>>,
    users: Vec<Vec<User>>,
}

impl<'a> Desk<'a> {
    fn new(objects: &'a [SmiObject]) -> Self {
        Self { objects, findings: vec![Vec::new(); objects.len()], users: vec![Vec::new(); objects.len()] }
    }

    /// A finding about an object; the same finding from another scope is the same finding.
    fn add(&mut self, object: usize, finding: Finding) {
        let mut finding = finding.about(&self.objects[object].id);
        // What is unsupported is a warning, but for a permission: one that is dropped is an outage or a breach.
        let grant = matches!(self.objects[object].object, Some(Object::TrafficTarget(_)));
        if grant && forced(&finding) == Some(Outcome::Unsupported) {
            finding.level = Level::Error;
        }
        if !self.findings[object].contains(&finding) {
            self.findings[object].push(finding);
        }
    }

    /// A finding that says nothing new where a worse one stands, or another that blocks at the same place.
    fn check(&mut self, object: usize, finding: Finding) {
        let same_place = |other: &Finding| other.code != finding.code && other.place == finding.place;
        let known = |other: &Finding| forced(other) > forced(&finding) || (blocks(other) && same_place(other));
        if !self.findings[object].iter().any(known) {
            self.add(object, finding);
        }
    }

    fn at(&self, object: usize) -> Place {
        let object = &self.objects[object];
        let span = match &object.object {
            Some(typed) => typed.meta().name.span,
            None => Span::new(object.span.start, object.span.start),
        };
        Place { source: object.source, span }
    }

    fn own_findings(&mut self) {
        for (index, object) in self.objects.iter().enumerate() {
            if let Some(listed_at) = object.patch {
                let finding = Finding::new(
                    code!("kustomize-patch"),
                    format!("{} is a patch of a kustomization", called(&object.id.kind, &object.id.name)),
                )
                .at(self.at(index))
                .label(listed_at, "listed as a patch here")
                .help("convert the object that it patches, then write the patch for the route");
                self.add(index, finding);
            } else {
                for finding in &object.findings {
                    self.add(index, finding.clone());
                }
            }
            let metadata = object.object.as_ref().map(Object::meta);
            let split = matches!(object.object, Some(Object::TrafficSplit(_)));
            for owner in metadata.iter().filter(|_| !split).flat_map(|meta| &meta.owners) {
                self.add(index, owner::other(owner, &object.id, object.source));
            }
            if let Some(applied) = metadata.and_then(|meta| meta.annotations.get(LAST_APPLIED)) {
                let place = Place { source: object.source, span: applied.span };
                let finding = Finding::new(
                    code!("annotation-dropped"),
                    "the last-applied annotation describes the old object and is left out",
                );
                self.add(index, finding.at(place));
            }
        }
    }

    /// The objects on which the scopes that deploy them do not agree: they are blocked.
    fn differing(&mut self, answers: &[Answer]) -> BTreeSet<usize> {
        let mut per_object: BTreeMap<usize, Vec<(usize, Vec<&Manifest>)>> = BTreeMap::new();
        for (number, answer) in answers.iter().enumerate() {
            let mut by_object: BTreeMap<usize, Vec<&Manifest>> =
                answer.members.iter().map(|&object| (object, Vec::new())).collect();
            for (origins, manifest) in &answer.manifests {
                for origin in origins {
                    by_object.entry(*origin).or_default().push(manifest);
                }
            }
            for (object, manifests) in by_object {
                per_object.entry(object).or_default().push((number, manifests));
            }
        }
        let mut differing = BTreeSet::new();
        for (&object, in_scopes) in &per_object {
            let [(first, manifests), rest @ ..] = in_scopes.as_slice() else { continue };
            if let Some((other, _)) = rest.iter().find(|(_, others)| others != manifests) {
                differing.insert(object);
                let (one, two) = (&answers[*first].scope, &answers[*other].scope);
                let finding = Finding::new(code!("scopes-disagree"), format!("`{one}` and `{two}` both deploy this object, and it comes to different output in them"))
                    .at(self.at(object))
                    .note("the object is written once, so one text cannot be right for both")
                    .help("convert each rendered environment by itself (`kubectl kustomize DIR | smi2gamma convert -`), or make what differs the same");
                self.add(object, finding);
            }
        }
        self.drawn_in(answers, &mut differing);
        differing
    }

    /// Objects that share output with one on which scopes disagree: that output falls, so they are blocked with it.
    fn drawn_in(&mut self, answers: &[Answer], differing: &mut BTreeSet<usize>) {
        let shared: Vec<&[usize]> =
            answers.iter().flat_map(|answer| &answer.manifests).map(|(origins, _)| origins.as_slice()).collect();
        loop {
            let found = shared.iter().find_map(|origins| {
                let cause = origins.iter().find(|origin| differing.contains(origin))?;
                let other = origins.iter().find(|origin| !differing.contains(origin))?;
                Some((*cause, *other))
            });
            let Some((cause, other)) = found else { return };
            let name = &self.objects[cause].id.name;
            let finding = Finding::new(
                code!("scopes-disagree"),
                format!("this object shares a route with `{name}`, which comes to different output in another scope"),
            )
            .at(self.at(other))
            .label(self.at(cause), "the other object")
            .help("convert each rendered environment by itself (`kubectl kustomize DIR | smi2gamma convert -`)");
            self.add(other, finding);
            differing.insert(other);
        }
    }

    /// The same object twice in one scope: versions, each converted alone.
    fn versions(&mut self, answers: &[BTreeSet<usize>]) {
        for members in answers {
            let mut known: BTreeMap<(&str, &str, &Option<String>, &str), Vec<usize>> = BTreeMap::new();
            for &index in members {
                let SmiObject { id, patch, .. } = &self.objects[index];
                if patch.is_none() && !id.name.is_empty() {
                    known.entry((&id.kind, &id.group, &id.namespace, &id.name)).or_default().push(index);
                }
            }
            let repeated: Vec<Vec<usize>> = known.into_values().filter(|same| same.len() > 1).collect();
            for same in repeated {
                let (first, others) = (same[0], &same[1..]);
                let id = &self.objects[first].id;
                let message =
                    format!("{} `{}` is there {} times; each version is taken by itself", id.kind, id.name, same.len());
                let finding = Finding::new(code!("object-versions"), message).at(self.at(first));
                let finding =
                    others.iter().fold(finding, |finding, &other| finding.label(self.at(other), "another version"));
                self.add(first, finding);
            }
        }
    }

    /// A split or a grant that no finding refuses must have output.
    fn without_output(&mut self, manifests: &[(Vec<usize>, Manifest)]) {
        let converted: BTreeSet<usize> = manifests.iter().flat_map(|(origins, _)| origins.iter().copied()).collect();
        for index in 0..self.objects.len() {
            let what = match self.objects[index].object {
                Some(Object::TrafficSplit(_)) => "split",
                Some(Object::TrafficTarget(_)) => "grant",
                _ => continue,
            };
            if !converted.contains(&index) && !self.findings[index].iter().any(blocks) {
                let finding = Finding::new(code!("internal"), format!("this {what} was neither converted nor refused"))
                    .at(self.at(index))
                    .help("this is a mistake in smi2gamma: please report it with the manifest");
                self.add(index, finding);
            }
        }
    }

    /// Objects without a life of their own: they go where those that refer to them go.
    fn fragments(&mut self) {
        for index in 0..self.objects.len() {
            let fragment = self.objects[index].object.as_ref().is_some_and(is_fragment);
            if fragment && self.objects[index].patch.is_none() {
                self.fragment(index);
            }
        }
    }

    fn fragment(&mut self, index: usize) {
        let id = self.objects[index].id.clone();
        let users = self.users[index].clone();
        self.vendors(index, &users);
        for user in &users {
            match user {
                User::Converted(user) if self.findings[*user].iter().any(blocks) => {
                    let other = &self.objects[*user].id;
                    let message = format!(
                        "{} `{}` stays, since {} is not converted",
                        id.kind,
                        id.name,
                        called(&other.kind, &other.name)
                    );
                    let finding = Finding::new(code!("group-waits"), message)
                        .at(self.at(index))
                        .label(self.at(*user), "it is used here")
                        .help("decide about that one first");
                    self.add(index, finding);
                }
                User::Other(other, place) if !self.converts_too(&users, other) => {
                    let message = format!(
                        "{} `{}` stays, since {} is not converted in this run",
                        id.kind,
                        id.name,
                        called(&other.kind, &other.name)
                    );
                    let finding = Finding::new(code!("group-waits"), message)
                        .at(self.at(index))
                        .label(*place, "it is used here")
                        .help("convert it and all that refers to it in one run");
                    self.add(index, finding);
                }
                User::Converted(_) | User::Other(..) | User::Vendor(..) => {}
            }
        }
        if users.is_empty() && !id.name.is_empty() {
            let finding = Finding::new(
                code!("spec-unreferenced"),
                format!("nothing in its scope refers to {} `{}`", id.kind, id.name),
            )
            .at(self.at(index))
            .note(
                "Gateway API has no such objects of their own: without a split or a grant there is nothing to convert",
            )
            .help("give what refers to it with `--with FILE`, or delete it");
            self.add(index, finding);
        }
    }

    /// Vendors' objects that name a group, each once: several versions of one name it at several places.
    fn vendors(&mut self, index: usize, users: &[User]) {
        let mut places: BTreeMap<&str, BTreeSet<Place>> = BTreeMap::new();
        for user in users {
            if let User::Vendor(user, place) = user {
                places.entry(user).or_default().insert(*place);
            }
        }
        for (user, places) in places {
            let message = format!("{user} depends on HTTPRouteGroup `{}`", self.objects[index].id.name);
            let finding = Finding::new(code!("group-used-by-vendor"), message)
                .at(self.at(index))
                .help("keep the group until that object has a replacement");
            let finding = places.into_iter().fold(finding, |finding, place| finding.label(place, "it is named here"));
            self.add(index, finding);
        }
    }

    /// The places of controllers whose steps are said at a split that they own.
    fn owners_told(&self) -> BTreeSet<Option<Place>> {
        let owned = [code!("owner-flagger"), code!("owner-argo-rollouts")];
        let findings = self.findings.iter().flatten().filter(|finding| owned.contains(&finding.code));
        findings.flat_map(|finding| finding.labels.iter().map(|label| Some(label.place))).collect()
    }

    /// Whether one of the objects that are converted is the same one, as when the context was dumped from a cluster.
    fn converts_too(&self, users: &[User], other: &ObjectId) -> bool {
        users.iter().any(|user| match user {
            User::Converted(user) => {
                let id = &self.objects[*user].id;
                (&id.kind, &id.name) == (&other.kind, &other.name)
                    && (id.namespace == other.namespace || id.namespace.is_none())
            }
            User::Other(..) | User::Vendor(..) => false,
        })
    }

    fn outcome(&self, index: usize) -> Outcome {
        let fragment = self.objects[index].object.as_ref().is_some_and(is_fragment);
        let base = if fragment { Outcome::Superseded } else { Outcome::Migrated };
        self.findings[index].iter().filter_map(forced).max().unwrap_or(base).max(base)
    }

    fn converted_users(&self) -> BTreeMap<usize, BTreeSet<usize>> {
        let converted = |user: &User| match user {
            User::Converted(user) => Some(*user),
            User::Other(..) | User::Vendor(..) => None,
        };
        let all = self.users.iter().enumerate();
        all.map(|(object, users)| (object, users.iter().filter_map(converted).collect()))
            .filter(|(_, users): &(usize, BTreeSet<usize>)| !users.is_empty())
            .collect()
    }

    /// A split or a grant is proved where its output was; what went into others, where all of those are.
    fn proof(&self, index: usize, proofs: &BTreeMap<usize, Proof>) -> Proof {
        let of = |object: usize| proofs.get(&object).copied().unwrap_or(Proof::None);
        if !self.objects[index].object.as_ref().is_some_and(is_fragment) {
            return of(index);
        }
        let users = self.users[index].iter().map(|user| match user {
            User::Converted(user) => of(*user),
            User::Other(..) | User::Vendor(..) => Proof::None,
        });
        if !self.users[index].is_empty() && users.into_iter().all(|proof| proof == Proof::Equal) {
            Proof::Equal
        } else {
            Proof::None
        }
    }

    fn write(self, manifests: &[(Vec<usize>, Manifest)], proofs: &BTreeMap<usize, Proof>, report: &mut Report) {
        let proved: Vec<Proof> = (0..self.objects.len()).map(|index| self.proof(index, proofs)).collect();
        let outcomes: Vec<Outcome> = (0..self.objects.len()).map(|index| self.outcome(index)).collect();
        let places: Vec<Place> = (0..self.objects.len()).map(|index| self.at(index)).collect();
        let mut outputs: Vec<Vec<ObjectId>> = vec![Vec::new(); self.objects.len()];
        for (origins, manifest) in manifests {
            for &origin in origins {
                outputs[origin].push(manifest.id.clone());
            }
        }
        let told = self.owners_told();
        let makes_splits = [code!("canary-makes-splits"), code!("rollout-makes-splits")];
        report.findings.retain(|finding| !makes_splits.contains(&finding.code) || !told.contains(&finding.place));
        let mut all: Vec<(Option<usize>, Finding)> = report.findings.drain(..).map(|finding| (None, finding)).collect();
        for (index, findings) in self.findings.into_iter().enumerate() {
            all.extend(findings.into_iter().map(|finding| (Some(index), finding)));
        }
        all.sort_by(|(_, left), (_, right)| {
            (left.place, left.code, &left.message).cmp(&(right.place, right.code, &right.message))
        });
        let mut of_object: Vec<Vec<usize>> = vec![Vec::new(); outcomes.len()];
        for (number, (object, _)) in all.iter().enumerate() {
            if let Some(object) = object {
                of_object[*object].push(number);
            }
        }
        report.findings = all.into_iter().map(|(_, finding)| finding).collect();
        let rows = self.objects.iter().zip(outcomes).zip(places).zip(outputs).zip(of_object).zip(proved);
        report.objects = rows
            .map(|(((((object, outcome), place), outputs), findings), proof)| ObjectReport {
                id: object.id.clone(),
                place,
                outcome,
                proof: if outcome.needs_hands() { Proof::None } else { proof },
                outputs,
                findings,
            })
            .collect();
    }
}

/// Whether an object has no life of its own: what it says goes into what refers to it.
fn is_fragment(object: &Object) -> bool {
    match object {
        Object::HttpRouteGroup(_) | Object::TcpRoute(_) | Object::UdpRoute(_) | Object::IdentityBinding(_) => true,
        Object::TrafficSplit(_) | Object::TrafficTarget(_) | Object::TrafficMetrics(_) => false,
    }
}

/// A grant that no policy is written for.
#[must_use]
pub fn not_converted(object: &SmiObject, place: Place, profile: &Profile) -> Finding {
    let says = match &object.object {
        Some(Object::TrafficTarget(target)) => Some(target.says()),
        _ => None,
    };
    let message = format!("{} is not converted", called("access grant", &object.id.name));
    let mut finding = Finding::new(code!("policy-not-converted"), message).at(place);
    finding.notes.extend(says.map(|says| format!("it says: {says}")));
    match profile.target.policy {
        None if profile.target.name == gateway_api().name => finding
            .note("Gateway API has routes and no authorization; policy is each mesh's own, and is never chosen for you")
            .help(format!("say which mesh it is for with `--to`: {}", with_policy())),
        _ => finding.note(format!("policy of {} is not written by this version", profile.target.title)).help(format!(
            "keep the object, and keep the source mesh enforcing it; policy is written for {}",
            with_policy()
        )),
    }
}

/// The targets whose policy is written.
fn with_policy() -> String {
    names(targets().iter().filter(|target| target.policy.is_some()).map(|target| &*target.name))
}

/// An object for a sentence; one without a name is this one.
fn called(kind: &str, name: &str) -> String {
    if name.is_empty() { format!("this {kind}") } else { format!("{kind} `{name}`") }
}

/// The annotation that `kubectl apply` writes.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// What a rule of a TrafficTarget refers to that is not there.
pub fn check_rule(rule: &Rule, kind: Kind, found: &[&SmiObject], place: impl Fn(Span) -> Place) -> Vec<Finding> {
    let Some(name) = &rule.name else { return Vec::new() };
    if found.is_empty() {
        let message = format!("{} `{}` is not in this scope", kind.name(), name.value);
        return vec![
            Finding::new(code!("target-reference-missing"), message)
                .at(place(name.span))
                .help("give it with `--with FILE`, or repair the name"),
        ];
    }
    let names: BTreeSet<&str> = found
        .iter()
        .filter_map(|object| match &object.object {
            Some(Object::HttpRouteGroup(group)) => Some(group),
            _ => None,
        })
        .flat_map(|group| group.matches.iter().filter_map(|item| item.name.as_ref().map(|name| name.value.as_str())))
        .collect();
    let missing = rule
        .matches
        .iter()
        .flatten()
        .filter(|_| kind == Kind::HTTPRouteGroup)
        .filter(|wanted| !names.contains(wanted.value.as_str()));
    missing
        .map(|wanted| {
            let message = format!("HTTPRouteGroup `{}` has no match `{}`", name.value, wanted.value);
            let finding = Finding::new(code!("target-match-missing"), message).at(place(wanted.span));
            let known: Vec<&str> = names.iter().copied().collect();
            if known.is_empty() {
                finding.help("give the match a name in the group")
            } else {
                finding.help(format!("it has: {}", known.join(", ")))
            }
        })
        .collect()
}
