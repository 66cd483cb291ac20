//! One run, from sources to a report: the rooms in their order.
//!
//! Nothing is decided here. Documents are loaded (in parallel), scopes are converted (each by itself), and `settle` brings
//! their answers together.

use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read;

use crate::code;
use crate::convert::{self, Conversion, Item, Settings};
use crate::filter::Filter;
use crate::inventory::{Entry, Inventory};
use crate::load::{self, Held, SmiObject};
use crate::manifest::Manifest;
use crate::mappings;
use crate::model::{self, Choice, Group, Groups, Languages, ServiceRef, Surroundings, Whose};
use crate::place::{Place, Role, SourceId, SourceMap};
use crate::prove::{self, Member, Proved, Question};
use crate::referrers::{managed, owner};
use crate::report::{Chosen, Finding, Report};
use crate::scan::{self, DocId, Scan, ScanError, Scope, ScopeKind};
use crate::settle::{self, Answer};
use crate::smi::{self, Object};
use crate::target::Profile;

/// Everything that a run depends on besides the bytes that it reads.
#[derive(Clone, Debug)]
pub struct Options {
    /// What to read.
    pub scan: scan::Options,
    /// Whose reading applies, by flag or configuration: the name and where it was said.
    pub from: Option<Chosen>,
    /// What the output is for.
    pub to: Profile,
    /// Where that was said.
    pub to_because: String,
    /// Decisions about routes.
    pub settings: Settings,
    /// Splits that no controller owns, as `namespace/name` or `name`.
    pub unowned: BTreeSet<String>,
    /// Which objects are converted.
    pub filter: Filter,
    /// Whether the output is compared with the input.
    pub verify: bool,
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// The texts.
    pub sources: SourceMap,
    /// What there is to say.
    pub report: Report,
    /// Every SMI object, in source order, in the order of [`Report::objects`].
    pub objects: Vec<SmiObject>,
    /// The output: manifests with the objects (indices of `objects`) whose content they carry.
    pub manifests: Vec<(Vec<usize>, Manifest)>,
}

/// Reads, converts and settles.
///
/// # Errors
/// If there can be no trustworthy result: a named source is missing or unreadable.
pub fn run(options: &Options, stdin: &mut dyn Read) -> Result<Run, ScanError> {
    let Scan { sources, documents, scopes, context, findings, read } = scan::scan(&options.scan, stdin)?;
    let loaded = load::load(&documents, &scopes, &context, &sources);
    let mut report = Report { read, findings, ..Report::default() };
    report.to = Some(Chosen { name: options.to.display(), because: options.to_because.clone() });

    let mut objects: Vec<SmiObject> = Vec::new();
    let mut by_doc: HashMap<DocId, Vec<usize>> = HashMap::new();
    let mut borrowed: HashMap<DocId, Vec<SmiObject>> = HashMap::new();
    let mut entries: HashMap<DocId, Vec<Entry>> = HashMap::new();
    let mut held: HashMap<DocId, Vec<Held>> = HashMap::new();
    for (index, (loaded, doc)) in loaded.into_iter().zip(&documents).enumerate() {
        let id = DocId(u32::try_from(index).unwrap_or(u32::MAX));
        let subject = sources.get(doc.source).role == Role::Subject;
        if subject {
            report.findings.extend(loaded.findings);
            for object in loaded.objects {
                if options.filter.takes(&object.id, object.object.as_ref()) {
                    by_doc.entry(id).or_default().push(objects.len());
                    objects.push(object);
                } else {
                    borrowed.entry(id).or_default().push(object);
                }
            }
        } else {
            borrowed.insert(id, loaded.objects);
        }
        entries.insert(id, loaded.entries);
        if !loaded.held.is_empty() {
            held.insert(id, loaded.held);
        }
    }

    let engine = Engine {
        options,
        objects: &objects,
        by_doc: &by_doc,
        borrowed: &borrowed,
        entries: &entries,
        held: &held,
        context: &context,
    };
    let answers: Vec<Answer> = scopes.par_iter().map(|scope| engine.scope(scope)).collect();
    report.from = settle::from(&answers);
    let manifests = settle::settle(&objects, answers, &mut report);
    Ok(Run { sources, report, objects, manifests })
}

// === scopes ===

struct Engine<'a> {
    options: &'a Options,
    objects: &'a [SmiObject],
    by_doc: &'a HashMap<DocId, Vec<usize>>,
    /// Objects that references may find but that are not converted: context, and what the filter left out.
    borrowed: &'a HashMap<DocId, Vec<SmiObject>>,
    entries: &'a HashMap<DocId, Vec<Entry>>,
    held: &'a HashMap<DocId, Vec<Held>>,
    context: &'a [DocId],
}

/// An object as a scope deploys it.
struct Deployed<'a> {
    object: &'a SmiObject,
    /// The index of an object that is to be converted.
    index: Option<usize>,
    /// The namespace it ends in.
    namespace: Option<&'a str>,
}

/// Whether a split that stays has the root of `item` and is another object than it.
fn meets(item: &Item<'_>, split: &smi::TrafficSplit, deployed: &Deployed<'_>) -> bool {
    let root = &item.split.root;
    let service = split.service.as_ref().map_or("", |service| service.value.as_str());
    let name = service.split(['.', ':']).next().unwrap_or_default();
    let namespace = deployed.namespace;
    name == root.name
        && deployed.object.id.name != item.id.name
        && (namespace.is_none() || root.namespace.is_none() || namespace == root.namespace.as_deref())
}

fn waits(item: &Item<'_>, other: &smi::TrafficSplit, source: SourceId) -> Finding {
    let name = &other.meta.name;
    let root = item.split.root.display();
    Finding::new(code!("split-waits"), format!("split `{}` of the same root `{root}` is not converted", name.value))
        .at(item.root_place)
        .label(Place { source, span: name.span }, "the other split")
        .note("a route takes every request of its Service, also those that the other split was for")
        .help("decide about the other split first, and convert both in one run")
}

impl Engine<'_> {
    fn scope(&self, scope: &Scope) -> Answer {
        let deployed = self.deployed(scope);
        if deployed.iter().all(|deployed| deployed.index.is_none()) {
            return Answer::new(scope.name.clone(), None);
        }
        let inventory = self.inventory(scope);
        let choice = self.choice(&inventory);
        let groups =
            Groups::new(deployed.iter().filter(|deployed| deployed.object.patch.is_none()).filter_map(|deployed| {
                match &deployed.object.object {
                    Some(Object::HttpRouteGroup(group)) => Some(Group {
                        namespace: deployed.namespace,
                        source: deployed.object.source,
                        group,
                        blocked: deployed.object.findings.iter().any(settle::blocks),
                    }),
                    _ => None,
                }
            }));
        let languages = Languages::default();
        let mut answer = Answer::new(scope.name.clone(), choice.chosen.clone());
        answer.findings.extend(choice.finding.clone());
        let mut items = Vec::new();
        let mut kept = Vec::new();
        for deployed in &deployed {
            answer.members.extend(deployed.index);
            if scope.kind == ScopeKind::Cluster
                && let (Some(index), Some(object)) = (deployed.index, &deployed.object.object)
                && let Some(finding) = managed::of_object(object, deployed.object.source)
            {
                answer.find(index, finding);
            }
            let Some(Object::TrafficSplit(split)) = &deployed.object.object else { continue };
            if deployed.object.patch.is_some() {
                continue;
            }
            let Some(index) = deployed.index else {
                kept.push((split, deployed));
                continue;
            };
            if deployed.object.findings.iter().any(settle::blocks) {
                kept.push((split, deployed));
                continue;
            }
            let around = Surroundings {
                namespace: deployed.namespace,
                inventory: &inventory,
                groups: &groups,
                languages: &languages,
            };
            let source = deployed.object.source;
            if let Some(finding) = owner::of_split(split, source, deployed.namespace, &inventory, &self.options.unowned)
            {
                answer.find(index, finding);
                kept.push((split, deployed));
                continue;
            }
            match model::decide(split, source, choice.whose, around) {
                Ok((meaning, findings)) => {
                    findings.into_iter().for_each(|finding| answer.find(index, finding));
                    items.push(self.item(index, split, source, meaning, choice.whose));
                }
                Err(refusal) => {
                    if !model::had_no_effect(&refusal) {
                        kept.push((split, deployed));
                    }
                    answer.find(index, *refusal);
                }
            }
        }
        items.retain(|item| match kept.iter().find(|(split, deployed)| meets(item, split, deployed)) {
            Some((split, deployed)) => {
                answer.find(item.object, waits(item, split, deployed.object.source));
                false
            }
            None => true,
        });
        let Conversion { manifests, findings } =
            convert::convert(&items, &inventory, &self.options.to, &self.options.settings);
        findings.into_iter().for_each(|(index, finding)| answer.find(index, finding));
        answer.manifests = manifests;
        if self.options.verify {
            let roots = items.iter().map(|item| (item.object, item.split.root.clone())).collect();
            self.prove(scope, &deployed, &inventory, choice.whose, &roots, &mut answer);
        }
        self.references(&deployed, &inventory, choice.whose, &languages, &mut answer);
        answer
    }

    fn deployed<'s>(&'s self, scope: &'s Scope) -> Vec<Deployed<'s>> {
        let mut deployed = Vec::new();
        for member in &scope.members {
            let put_into = member.namespace.as_ref().map(|setting| setting.name.as_str());
            let converted =
                self.by_doc.get(&member.doc).into_iter().flatten().map(|&index| (&self.objects[index], Some(index)));
            let borrowed = self.borrowed.get(&member.doc).into_iter().flatten().map(|object| (object, None));
            deployed.extend(converted.chain(borrowed).map(|(object, index)| Deployed {
                object,
                index,
                namespace: put_into.or(object.id.namespace.as_deref()),
            }));
        }
        // An object that the scope has itself is not looked up in the context, where it may stand as the cluster had it.
        let name = |object: &'s SmiObject, namespace: Option<&'s str>| {
            (object.id.kind.as_str(), namespace, object.id.name.as_str())
        };
        let own: HashSet<_> = deployed.iter().map(|deployed| name(deployed.object, deployed.namespace)).collect();
        let in_scope: BTreeSet<DocId> = scope.members.iter().map(|member| member.doc).collect();
        for doc in self.context.iter().filter(|doc| !in_scope.contains(doc)) {
            let borrowed = self.borrowed.get(doc).into_iter().flatten();
            let elsewhere = self.by_doc.get(doc).into_iter().flatten().map(|&index| &self.objects[index]);
            let others = borrowed.chain(elsewhere).filter(|object| {
                let namespace = object.id.namespace.as_deref();
                !own.contains(&name(object, namespace)) && !own.contains(&name(object, None))
            });
            deployed.extend(others.map(|object| Deployed {
                object,
                index: None,
                namespace: object.id.namespace.as_deref(),
            }));
        }
        deployed
    }

    fn inventory(&self, scope: &Scope) -> Inventory {
        let in_scope: BTreeSet<DocId> = scope.members.iter().map(|member| member.doc).collect();
        let own = scope.members.iter().flat_map(|member| {
            let put_into = member.namespace.as_ref().map(|setting| setting.name.as_str());
            self.entries.get(&member.doc).into_iter().flatten().map(move |entry| match put_into {
                Some(namespace) => entry.put_into(namespace),
                None => entry.clone(),
            })
        });
        let context = self.context.iter().filter(|doc| !in_scope.contains(doc));
        let context = context.flat_map(|doc| self.entries.get(doc).into_iter().flatten().cloned());
        Inventory::new(own.chain(context))
    }

    /// Compares the output with the splits. What is a mistake of ours is withdrawn, and the rest compared once more.
    fn prove(
        &self,
        scope: &Scope,
        deployed: &[Deployed<'_>],
        inventory: &Inventory,
        whose: Whose,
        roots: &BTreeMap<usize, ServiceRef>,
        answer: &mut Answer,
    ) {
        let blocked = |object: &SmiObject| object.findings.iter().any(settle::blocks);
        let members: Vec<Member<'_>> = deployed
            .iter()
            .filter(|deployed| deployed.object.patch.is_none() && !blocked(deployed.object))
            .filter_map(|deployed| {
                let object = deployed.object.object.as_ref()?;
                let Deployed { index, namespace, .. } = *deployed;
                Some(Member { object, source: deployed.object.source, namespace, index })
            })
            .collect();
        let held = self.held_in(scope);
        for _ in 0..2 {
            let question = Question {
                members: &members,
                inventory,
                held: &held,
                whose,
                profile: &self.options.to,
                given: &self.options.settings.given_ports,
                whole: scope.kind == ScopeKind::Cluster,
                roots,
                findings: answer.found(),
            };
            let proved = prove::prove(&question, &answer.manifests);
            answer.proofs = BTreeMap::new();
            let mut mistakes = false;
            for (closure, proved) in proved {
                mistakes |= matches!(proved, Proved::Mistake(_));
                answer.proved(&closure, proved);
            }
            if !mistakes {
                return;
            }
        }
    }

    /// The manifests beside SMI that decide where requests go, with the namespaces that the scope puts them into.
    fn held_in<'s>(&'s self, scope: &'s Scope) -> Vec<(&'s Held, Option<&'s str>)> {
        let mut all = Vec::new();
        let in_scope: BTreeSet<DocId> = scope.members.iter().map(|member| member.doc).collect();
        // Scopes are many and what they hold is little.
        if self.held.is_empty() {
            return all;
        }
        for member in &scope.members {
            let put_into = member.namespace.as_ref().map(|setting| setting.name.as_str());
            let held = self.held.get(&member.doc).into_iter().flatten();
            all.extend(held.map(|held| (held, put_into.or(held.namespace.as_deref()))));
        }
        let context = self.context.iter().filter(|doc| !in_scope.contains(doc));
        let held = context.flat_map(|doc| self.held.get(doc).into_iter().flatten());
        all.extend(held.map(|held| (held, held.namespace.as_deref())));
        all
    }

    fn choice(&self, inventory: &Inventory) -> Choice {
        if let Some(chosen) = &self.options.from
            && let Some(mesh) = mappings::source(&chosen.name)
        {
            return Choice { whose: Whose::Mesh(mesh), chosen: Some(chosen.clone()), finding: None };
        }
        model::reading::from_evidence(&inventory.evidence())
    }

    fn item<'s>(
        &'s self,
        index: usize,
        split: &'s smi::TrafficSplit,
        source: SourceId,
        meaning: model::Split,
        whose: Whose,
    ) -> Item<'s> {
        let reading = match whose {
            Whose::Mesh(mesh) => mesh.split.as_ref(),
            Whose::Unknown => None,
        };
        let span = split.service.as_ref().map_or(split.meta.name.span, |service| service.span);
        Item {
            object: index,
            id: &self.objects[index].id,
            labels: &split.meta.labels,
            annotations: &split.meta.annotations,
            split: meaning,
            root_place: Place { source, span },
            reading,
        }
    }

    /// Who refers to whom: groups and routes by name, and what targets refer to that is not there.
    fn references(
        &self,
        deployed: &[Deployed<'_>],
        inventory: &Inventory,
        whose: Whose,
        languages: &Languages,
        answer: &mut Answer,
    ) {
        let mut named: BTreeMap<(smi::Kind, &str), Vec<&Deployed<'_>>> = BTreeMap::new();
        for item in deployed {
            let kind = match &item.object.object {
                Some(Object::HttpRouteGroup(_)) => smi::Kind::HTTPRouteGroup,
                Some(Object::TcpRoute(_)) => smi::Kind::TCPRoute,
                Some(Object::UdpRoute(_)) => smi::Kind::UDPRoute,
                Some(Object::IdentityBinding(_)) => smi::Kind::IdentityBinding,
                _ => continue,
            };
            named.entry((kind, &item.object.id.name)).or_default().push(item);
        }
        let find = |kind: smi::Kind, namespace: Option<&str>, name: &str| -> Vec<&Deployed<'_>> {
            let all = named.get(&(kind, name)).map(Vec::as_slice).unwrap_or_default();
            let fits =
                |item: &&&Deployed<'_>| namespace.is_none() || item.namespace.is_none() || namespace == item.namespace;
            all.iter().filter(fits).copied().collect()
        };
        for item in deployed {
            match &item.object.object {
                Some(Object::TrafficSplit(split)) => {
                    for reference in split.matches.iter().flatten() {
                        let Some(name) = &reference.name else { continue };
                        for group in find(smi::Kind::HTTPRouteGroup, item.namespace, &name.value) {
                            let user = item.index.map_or_else(
                                || {
                                    let place = Place { source: item.object.source, span: split.meta.name.span };
                                    settle::User::OtherSplit(item.object.id.clone(), place)
                                },
                                settle::User::Split,
                            );
                            answer.used(group.index, user);
                        }
                    }
                }
                Some(Object::TrafficTarget(target)) => {
                    for rule in target.rules.iter().flatten() {
                        let (Some(kind), Some(name)) = (&rule.kind, &rule.name) else { continue };
                        let Some(kind) = smi::Kind::from_name(&kind.value) else { continue };
                        let found = find(kind, item.namespace, &name.value);
                        for group in &found {
                            answer.used(group.index, settle::User::Target);
                        }
                        if let Some(index) = item.index {
                            let place = |span| Place { source: item.object.source, span };
                            for finding in settle::check_rule(
                                rule,
                                kind,
                                &found.iter().map(|found| found.object).collect::<Vec<_>>(),
                                place,
                            ) {
                                answer.find(index, finding);
                            }
                        }
                    }
                    for subject in target.sources.iter().flatten().chain(&target.destination) {
                        let Some(name) = &subject.name else { continue };
                        for binding in find(smi::Kind::IdentityBinding, item.namespace, &name.value) {
                            answer.used(binding.index, settle::User::Target);
                        }
                    }
                }
                Some(Object::HttpRouteGroup(group)) => {
                    let Some(index) = item.index else { continue };
                    for (user, place) in inventory.users_of_group(&item.object.id.name) {
                        answer.used(Some(index), settle::User::Vendor(user.clone(), *place));
                    }
                    let reading = match whose {
                        Whose::Mesh(mesh) => mesh.split.as_ref(),
                        Whose::Unknown => mappings::sources().first().and_then(|spec| spec.split.as_ref()),
                    };
                    if let Some(reading) = reading.map(model::pattern::MatchReading::of_split)
                        && let Err(refusal) =
                            model::pattern::read_group(group, item.object.source, &reading, languages, &mut Vec::new())
                    {
                        answer.check(index, *refusal);
                    }
                }
                _ => {}
            }
        }
    }
}
