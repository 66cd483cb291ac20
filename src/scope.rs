//! One scope, from what it deploys to its answer.
//!
//! References resolve here, among what is deployed together. What is deployed is first brought together (objects, those that
//! may only be referred to, and the inventory), then read, then converted. Outcomes are given by `settle`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::access::elsewhere::{Elsewhere, Standing};
use crate::access::{self, Around, Kept, SourceReading};
use crate::code;
use crate::convert::{self, Conversion, Item};
use crate::inventory::{Entry, Inventory};
use crate::load::{Held, SmiObject};
use crate::mappings::{self, Enforcement, Overlap, ProtocolReading};
use crate::model::access::{AccessMeaning, AccessSurroundings};
use crate::model::grant::{Account, Grant, Principal};
use crate::model::named::{self, Named};
use crate::model::{self, Choice, Group, Groups, Languages, ServiceRef, Surroundings, Whose};
use crate::place::{Place, SourceId};
use crate::prove::{self, Member, Proved, Question};
use crate::referrers::{managed, owner};
use crate::report::{Finding, ObjectId};
use crate::run::Options;
use crate::scan::{DocId, Scope, ScopeKind};
use crate::settle::{self, Answer};
use crate::smi::{self, Object};
use crate::target::Policy;

/// What the scopes of a run share.
pub struct Engine<'a> {
    pub(crate) options: &'a Options,
    pub(crate) objects: &'a [SmiObject],
    pub(crate) by_doc: &'a HashMap<DocId, Vec<usize>>,
    /// Objects that references may find but that are not converted: context, and what the filter left out.
    pub(crate) borrowed: &'a HashMap<DocId, Vec<SmiObject>>,
    pub(crate) entries: &'a HashMap<DocId, Vec<Entry>>,
    pub(crate) held: &'a HashMap<DocId, Vec<Held>>,
    pub(crate) context: &'a [DocId],
}

/// An object as a scope deploys it.
struct Deployed<'a> {
    object: &'a SmiObject,
    /// The index of an object that is to be converted.
    index: Option<usize>,
    /// The namespace it ends in.
    namespace: Option<&'a str>,
}

/// What the grants of a scope are read beside.
#[derive(Clone, Copy)]
struct Grants<'d> {
    deployed: &'d [Deployed<'d>],
    fragments: &'d Fragments<'d>,
    groups: &'d Groups<'d>,
    languages: &'d Languages,
}

/// The groups, routes and bindings of a scope, by kind and name.
struct Fragments<'d> {
    named: BTreeMap<(smi::Kind, &'d str), Vec<&'d Deployed<'d>>>,
}

/// Whose reading applies to what no reading of a single object is asked for: the specification's, where nobody said whose.
fn read_as(whose: Whose) -> &'static mappings::Source {
    match whose {
        Whose::Mesh(mesh) => mesh,
        Whose::Unknown => mappings::sources().first().expect("the table of sources is never empty"),
    }
}

/// The objects of one kind, for references by name.
fn named<'d, T>(deployed: &'d [Deployed<'d>], of: impl Fn(&'d Object) -> Option<&'d T>) -> Named<'d, T> {
    let fitting = deployed.iter().filter(|deployed| deployed.object.patch.is_none());
    Named::new(fitting.filter_map(|deployed| {
        let object = of(deployed.object.object.as_ref()?)?;
        let entry = named::Entry {
            namespace: deployed.namespace,
            source: deployed.object.source,
            object,
            blocked: deployed.object.findings.iter().any(settle::blocks),
        };
        Some((deployed.object.id.name.as_str(), entry))
    }))
}

/// Whether a switch of the source mesh says that TrafficTargets were enforced; none where there is none in the input.
fn seen_to_enforce(whose: Whose, inventory: &Inventory) -> Option<bool> {
    let mesh = read_as(whose);
    inventory.modes().iter().find(|mode| mode.mesh == mesh.name).map(|mode| mode.enforces)
}

// === impl Fragments ===

impl<'d> Fragments<'d> {
    fn of(deployed: &'d [Deployed<'d>]) -> Self {
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
        Self { named }
    }

    /// The objects of that kind and name; one whose namespace is not known stands for any.
    fn find(&self, kind: smi::Kind, namespace: Option<&str>, name: &str) -> Vec<&'d Deployed<'d>> {
        let all = self.named.get(&(kind, name)).map(Vec::as_slice).unwrap_or_default();
        let fits =
            |item: &&&Deployed<'_>| namespace.is_none() || item.namespace.is_none() || namespace == item.namespace;
        all.iter().filter(fits).copied().collect()
    }

    /// The objects whose content a grant carries.
    fn carried(&self, target: &'d Deployed<'d>, typed: &smi::TrafficTarget) -> Vec<&'d ObjectId> {
        let mut carried = vec![&target.object.id];
        for rule in typed.rules.iter().flatten() {
            let (Some(kind), Some(name)) = (&rule.kind, &rule.name) else { continue };
            let Some(kind) = smi::Kind::from_name(&kind.value) else { continue };
            carried.extend(self.find(kind, target.namespace, &name.value).into_iter().map(|found| &found.object.id));
        }
        for subject in typed.sources.iter().flatten().chain(&typed.destination) {
            let Some((namespace, name)) = target.binding(subject) else { continue };
            let found = self.find(smi::Kind::IdentityBinding, namespace, name);
            carried.extend(found.into_iter().map(|found| &found.object.id));
        }
        carried.sort();
        carried.dedup();
        carried
    }
}

// === impl Deployed ===

impl<'a> Deployed<'a> {
    /// Where the object's name is written.
    fn place(&self) -> Place {
        let span = self.object.object.as_ref().map_or(self.object.span, |object| object.meta().name.span);
        Place { source: self.object.source, span }
    }

    /// The namespace and the name of the IdentityBinding that a subject of this object names; none for another kind.
    fn binding<'s>(&'s self, subject: &'s smi::Subject) -> Option<(Option<&'s str>, &'s str)> {
        let kind = subject.kind.as_ref().filter(|kind| kind.value == smi::Kind::IdentityBinding.name());
        let name = kind.and(subject.name.as_ref())?;
        let written = subject.namespace.as_ref().map(|namespace| namespace.value.as_str());
        Some((written.or(self.namespace), &name.value))
    }

    /// A TrafficTarget that is not converted, as others of its destination have to know it.
    fn kept(&self) -> Kept<'_> {
        let destination = match &self.object.object {
            Some(Object::TrafficTarget(target)) => target.destination.as_ref(),
            _ => None,
        };
        let account = destination
            .filter(|subject| subject.kind.as_ref().is_none_or(|kind| kind.value != smi::Kind::IdentityBinding.name()));
        let named = account.and_then(|subject| Some((subject, subject.name.as_ref()?)));
        Kept {
            id: &self.object.id,
            place: self.place(),
            destination: named.map(|(subject, name)| Account {
                namespace: subject
                    .namespace
                    .as_ref()
                    .map(|namespace| namespace.value.clone())
                    .or(self.namespace.map(str::to_owned)),
                name: name.value.clone(),
            }),
            namespace: self.namespace.map(str::to_owned),
        }
    }

    /// A TrafficTarget that is deployed, as other scopes have to know it; none for another object, and for a patch.
    fn standing(&self) -> Option<(Account, &'a ObjectId, Place)> {
        let is_grant = self.index.is_some() && self.object.patch.is_none();
        let Kept { destination, .. } = self.kept();
        let account = destination.filter(|account| account.namespace.is_some() && is_grant)?;
        Some((account, &self.object.id, self.place()))
    }

    /// The object as one that refers to others.
    fn user(&self) -> settle::User {
        match self.index {
            Some(index) => settle::User::Converted(index),
            None => settle::User::Other(self.object.id.clone(), self.place()),
        }
    }
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

/// The accounts that a grant names as its destination.
fn accounts(grant: &Grant) -> impl Iterator<Item = &Account> {
    grant.destination.iter().filter_map(|principal| match principal {
        Principal::Account(account) => Some(account),
        Principal::Spiffe(_) | Principal::Pods { .. } => None,
    })
}

impl Engine<'_> {
    /// Converts what one scope deploys.
    pub fn scope(&self, number: usize, scope: &Scope, elsewhere: &Elsewhere<'_>) -> Answer {
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
        let fragments = Fragments::of(&deployed);
        match self.options.to.policy() {
            Some(policy) => {
                let around = Around {
                    inventory: &inventory,
                    profile: &self.options.to,
                    routes: &manifests,
                    settings: &self.options.policy,
                };
                let grants =
                    Grants { deployed: &deployed, fragments: &fragments, groups: &groups, languages: &languages };
                // Where no pods are known nothing is written, and `workload-missing` says what to do first.
                let part =
                    |account: &Account| elsewhere.part(number, account).filter(|_| self.has_pods(account, &inventory));
                self.grants(grants, choice.whose, policy, around, &part, &mut answer);
            }
            None => self.without_policy(&deployed, &mut answer),
        }
        answer.manifests.splice(0..0, manifests);
        if self.options.verify {
            let roots = items.iter().map(|item| (item.object, item.split.root.clone())).collect();
            self.prove(scope, &deployed, &inventory, choice.whose, &roots, &mut answer);
        }
        self.references(&deployed, &fragments, &inventory, choice.whose, &languages, &mut answer);
        answer
    }

    // --- grants ---

    /// Whether it is known which pods an account has.
    fn has_pods(&self, account: &Account, inventory: &Inventory) -> bool {
        let key = account.namespace.clone().map(|namespace| (namespace, account.name.clone()));
        key.is_some_and(|key| self.options.policy.workloads.contains_key(&key))
            || !inventory.workloads_of(account.namespace.as_deref(), &account.name).is_empty()
    }

    /// The TrafficTargets of all scopes, by their destinations.
    #[must_use]
    pub fn elsewhere<'s>(&'s self, scopes: &'s [Scope]) -> Elsewhere<'s> {
        if self.options.to.policy().is_none() || scopes.len() < 2 {
            return Elsewhere::default();
        }
        let all = scopes.iter().enumerate().flat_map(|(number, scope)| {
            self.members(scope).filter_map(move |deployed| {
                let (account, id, place) = deployed.standing()?;
                let whole = scope.kind == ScopeKind::Cluster;
                Some((account, Standing { scope: number, name: &scope.name, whole, id, place }))
            })
        });
        Elsewhere::new(all)
    }

    /// The policy of the scope's grants; `part` says why those of an account may not be all of them.
    fn grants(
        &self,
        grants: Grants<'_>,
        whose: Whose,
        policy: &dyn Policy,
        around: Around<'_>,
        part: &dyn Fn(&Account) -> Option<Finding>,
        answer: &mut Answer,
    ) {
        let Grants { deployed, fragments, groups, languages } = grants;
        let (tcp_routes, udp_routes, bindings) = (
            named(deployed, |object| if let Object::TcpRoute(route) = object { Some(route) } else { None }),
            named(deployed, |object| if let Object::UdpRoute(route) = object { Some(route) } else { None }),
            named(deployed, |object| if let Object::IdentityBinding(binding) = object { Some(binding) } else { None }),
        );
        let mut items = Vec::new();
        let mut kept = Vec::new();
        for deployed in deployed.iter().filter(|deployed| deployed.object.patch.is_none()) {
            if deployed.object.id.kind != smi::Kind::TrafficTarget.name() {
                continue;
            }
            let blocked = deployed.object.findings.iter().any(settle::blocks);
            let (Some(index), Some(Object::TrafficTarget(target)), false) =
                (deployed.index, &deployed.object.object, blocked)
            else {
                kept.push(deployed.kept());
                continue;
            };
            let source = deployed.object.source;
            let surroundings = AccessSurroundings {
                namespace: deployed.namespace,
                groups,
                tcp_routes: &tcp_routes,
                udp_routes: &udp_routes,
                bindings: &bindings,
                languages,
            };
            match model::access::decide(target, source, whose, surroundings) {
                Ok(AccessMeaning::Grant(grant, findings)) => {
                    findings.into_iter().for_each(|finding| answer.find(index, finding));
                    if let Some(finding) = accounts(&grant).find_map(part) {
                        kept.push(deployed.kept());
                        answer.find(index, finding.at(grant.place));
                        continue;
                    }
                    let from = fragments.carried(deployed, target);
                    items.push(access::Item {
                        object: index,
                        id: &deployed.object.id,
                        from,
                        grant: *grant,
                        place: deployed.place(),
                    });
                }
                Ok(meaning) => {
                    let mesh = read_as(whose);
                    meaning.told(mesh, deployed.place()).into_iter().for_each(|finding| answer.find(index, finding));
                }
                Err(refusal) => {
                    kept.push(deployed.kept());
                    answer.find(index, *refusal);
                }
            }
        }
        if items.is_empty() {
            let granted = || self.objects.iter().any(|object| object.id.kind == smi::Kind::TrafficTarget.name());
            if kept.is_empty() && seen_to_enforce(whose, around.inventory) == Some(true) && !granted() {
                answer.findings.push(self.open_without_grants(whose));
            }
            return;
        }
        let reading = self.access_reading(whose, around.inventory, answer);
        let access::Conversion { manifests, findings, general } =
            access::convert(&items, &kept, reading, policy, around);
        answer.manifests.extend(manifests);
        answer.findings.extend(general);
        findings.into_iter().for_each(|(index, finding)| answer.find(index, finding));
    }

    /// What a mesh denied that enforced, where nothing was granted.
    fn open_without_grants(&self, whose: Whose) -> Finding {
        let mesh = read_as(whose);
        let message = format!(
            "what no TrafficTarget allows was denied by {}; on {} it is open",
            mesh.title,
            self.options.to.title()
        );
        Finding::new(code!("open-without-grants"), message)
            .note("the input holds no TrafficTarget, so that no policy is written")
            .help("if TrafficTargets stand elsewhere, give them in the same run; if there are none, deny by a policy of your own")
    }

    /// Whether a switch of the source mesh, or the user, says that TrafficTargets were enforced; none where nothing does.
    fn enforced(&self, whose: Whose, inventory: &Inventory) -> Option<bool> {
        self.options.policy.enforced.or_else(|| seen_to_enforce(whose, inventory))
    }

    /// What holds for all grants of a scope, and whether the source mesh enforced them.
    fn access_reading(&self, whose: Whose, inventory: &Inventory, answer: &mut Answer) -> SourceReading {
        let mesh = read_as(whose);
        let Some(reading) = &mesh.access else {
            return SourceReading { protocol: ProtocolReading::Undefined, overlap: Overlap::Union, enforced: true };
        };
        let said = self.enforced(whose, inventory);
        let switched = match reading.enforcement.is {
            Enforcement::Always => false,
            Enforcement::UnlessPermissive
            | Enforcement::OptIn
            | Enforcement::GrantedDestinations
            | Enforcement::Undefined => true,
        };
        if said.is_none() && switched {
            let message = format!(
                "nothing in the input says whether TrafficTargets were enforced by {}; it is taken that they were",
                mesh.title
            );
            let finding = Finding::new(code!("enforcement-assumed"), message);
            answer
                .findings
                .push(finding.help("look where its switch stands, and say `--enforced yes` or `--enforced no`"));
        }
        SourceReading {
            protocol: reading.protocol.is,
            overlap: reading.overlap.is,
            enforced: !switched || said.unwrap_or(true),
        }
    }

    /// The grants of a scope, where the target has no policy that is written.
    fn without_policy(&self, deployed: &[Deployed<'_>], answer: &mut Answer) {
        for deployed in deployed.iter().filter(|deployed| deployed.object.patch.is_none()) {
            if let (Some(index), Some(Object::TrafficTarget(_))) = (deployed.index, &deployed.object.object) {
                answer.find(index, settle::not_converted(deployed.object, deployed.place(), &self.options.to));
            }
        }
    }

    /// The objects of a scope itself.
    fn members<'s>(&'s self, scope: &'s Scope) -> impl Iterator<Item = Deployed<'s>> {
        scope.members.iter().flat_map(|member| {
            let put_into = member.namespace.as_ref().map(|setting| setting.name.as_str());
            let converted =
                self.by_doc.get(&member.doc).into_iter().flatten().map(|&index| (&self.objects[index], Some(index)));
            let borrowed = self.borrowed.get(&member.doc).into_iter().flatten().map(|object| (object, None));
            converted.chain(borrowed).map(move |(object, index)| Deployed {
                object,
                index,
                namespace: put_into.or(object.id.namespace.as_deref()),
            })
        })
    }

    /// The objects of a scope, and of the context whatever it does not have itself.
    fn deployed<'s>(&'s self, scope: &'s Scope) -> Vec<Deployed<'s>> {
        let mut deployed: Vec<Deployed<'s>> = self.members(scope).collect();
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
            let written = prove::read_back(&answer.manifests);
            let mut proved = prove::prove(&question, &written);
            let known = prove::access::Known {
                enforced: self.enforced(whose, inventory).unwrap_or(true),
                callers: self.options.policy.callers.values().flat_map(prove::access::Known::senders).collect(),
                trust_domain: self.options.policy.trust_domain.clone(),
            };
            proved.extend(prove::access::prove(&question, &written, &known));
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
        fragments: &Fragments<'_>,
        inventory: &Inventory,
        whose: Whose,
        languages: &Languages,
        answer: &mut Answer,
    ) {
        for item in deployed {
            match &item.object.object {
                Some(Object::TrafficSplit(split)) => {
                    for reference in split.matches.iter().flatten() {
                        let Some(name) = &reference.name else { continue };
                        for group in fragments.find(smi::Kind::HTTPRouteGroup, item.namespace, &name.value) {
                            answer.used(group.index, item.user());
                        }
                    }
                }
                Some(Object::TrafficTarget(target)) => {
                    for rule in target.rules.iter().flatten() {
                        let (Some(kind), Some(name)) = (&rule.kind, &rule.name) else { continue };
                        let Some(kind) = smi::Kind::from_name(&kind.value) else { continue };
                        let found = fragments.find(kind, item.namespace, &name.value);
                        for group in &found {
                            answer.used(group.index, item.user());
                        }
                        if let Some(index) = item.index.filter(|_| self.options.to.policy().is_none()) {
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
                        let Some((namespace, name)) = item.binding(subject) else { continue };
                        for binding in fragments.find(smi::Kind::IdentityBinding, namespace, name) {
                            answer.used(binding.index, item.user());
                        }
                    }
                }
                Some(Object::HttpRouteGroup(group)) => {
                    let Some(index) = item.index else { continue };
                    for (user, place) in inventory.users_of_group(&item.object.id.name) {
                        answer.used(Some(index), settle::User::Vendor(user.clone(), *place));
                    }
                    let reading = read_as(whose).split.as_ref();
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
