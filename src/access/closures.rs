//! One scope's grants, closure by closure: gathered, held where a part is missing, and handed to the target's policy.

use std::collections::{BTreeMap, BTreeSet};

use super::callers;
use super::destination::Destination;
use super::permit::{add_named_ports, permission};
use super::rest::{Closed, Granted, close, left};
use super::{Around, Closure, Conversion, Item, Kept, Permission, SourceReading, Workloads, Written};
use crate::code;
use crate::inventory::Workload;
use crate::manifest::{Effect, Manifest};
use crate::mappings::Overlap;
use crate::model::grant::{Account, Principal, Requests};
use crate::place::Place;
use crate::report::{Finding, ObjectId};
use crate::settle::blocks;
use crate::target::Policy;

/// Converts the grants of one scope into the policy of the target.
#[must_use]
pub fn convert(
    items: &[Item<'_>],
    kept: &[Kept<'_>],
    reading: SourceReading,
    policy: &dyn Policy,
    around: Around<'_>,
) -> Conversion {
    let mut desk = Desk { items, reading, around, out: Conversion::default() };
    let drafts = desk.drafts(kept);
    let mut closures = Vec::new();
    let mut written_for = Vec::new();
    for draft in &drafts {
        if let Some(closure) = desk.closure(draft) {
            written_for.push((draft, closure.held));
            closures.push(Closure { held: closure.held || !reading.enforced, ..closure });
        }
    }
    let answers = policy.write(&closures, around);
    let mut granted: BTreeMap<&str, Granted<'_>> = BTreeMap::new();
    let mut standing = BTreeSet::new();
    for ((draft, held), written) in written_for.iter().zip(answers) {
        let Some(namespace) = draft.account.namespace.as_deref() else { continue };
        let granted = granted.entry(namespace).or_default();
        if desk.take(draft, *held, written) {
            granted.accounts.insert(&draft.account.name);
            granted.origins.extend(desk.origins(draft));
            standing.extend(&draft.members);
        }
    }
    desk.close(&granted, &standing, kept, policy);
    share(&mut desk.out.manifests);
    desk.out
}

/// What several closures wait for is written once, for all of them.
fn share(manifests: &mut Vec<(Vec<usize>, Manifest)>) {
    let mut first: BTreeMap<ObjectId, usize> = BTreeMap::new();
    let mut shared: Vec<(Vec<usize>, Manifest)> = Vec::with_capacity(manifests.len());
    for (origins, manifest) in manifests.drain(..) {
        let known = (manifest.effect == Effect::Supports).then(|| first.get(&manifest.id)).flatten();
        match known.filter(|&&at| shared[at].1 == manifest) {
            Some(&at) => {
                let all: BTreeSet<usize> = origins.into_iter().chain(std::mem::take(&mut shared[at].0)).collect();
                shared[at].0 = all.into_iter().collect();
            }
            None => {
                first.entry(manifest.id.clone()).or_insert(shared.len());
                shared.push((origins, manifest));
            }
        }
    }
    *manifests = shared;
}

/// What meets at one account, before anything is known of its pods.
struct Draft<'k> {
    account: Account,
    /// Indices of the items.
    members: Vec<usize>,
    /// Grants of the same account that are not converted.
    missing: Vec<&'k Kept<'k>>,
}

struct Desk<'i, 'a> {
    items: &'i [Item<'a>],
    reading: SourceReading,
    around: Around<'i>,
    out: Conversion,
}

impl<'i, 'a> Desk<'i, 'a> {
    fn find(&mut self, item: usize, finding: Finding) {
        let Item { object, place, .. } = &self.items[item];
        let finding = if finding.place.is_none() { finding.at(*place) } else { finding };
        self.out.findings.push((*object, finding));
    }

    // --- gathering ---

    /// The accounts that are called, in the order of the items, each with what meets there. Versions of one TrafficTarget
    /// are converted each alone.
    fn drafts<'k>(&mut self, kept: &'k [Kept<'k>]) -> Vec<Draft<'k>> {
        let mut order: Vec<Account> = Vec::new();
        let mut members: BTreeMap<Account, Vec<usize>> = BTreeMap::new();
        let mut failed: BTreeMap<Account, Vec<usize>> = BTreeMap::new();
        for index in 0..self.items.len() {
            let accounts = self.accounts(index);
            for account in accounts.called {
                let known = members.entry(account.clone()).or_default();
                if known.is_empty() {
                    order.push(account);
                }
                known.push(index);
            }
            for account in accounts.touched {
                failed.entry(account).or_default().push(index);
            }
        }
        let mut drafts = Vec::new();
        for account in order {
            let missing: Vec<&Kept<'_>> = kept.iter().filter(|kept| kept.concerns(&account)).collect();
            for members in self.versions(&account, &members[&account]) {
                drafts.push(Draft { account: account.clone(), members, missing: missing.clone() });
            }
        }
        for draft in &mut drafts {
            for &index in failed.get(&draft.account).into_iter().flatten() {
                let item = &self.items[index];
                self.out.findings.extend(draft.members.iter().filter(|&&member| member != index).map(|&member| {
                    (
                        self.items[member].object,
                        destination_held(item.id, item.place, &draft.account).at(self.items[member].place),
                    )
                }));
                draft.members.retain(|&member| member != index);
            }
        }
        drafts.retain(|draft| !draft.members.is_empty());
        drafts
    }

    /// The members of a closure, one list for each version of it.
    fn versions(&mut self, account: &Account, members: &[usize]) -> Vec<Vec<usize>> {
        let mut by_name: BTreeMap<(&Option<String>, &str), Vec<usize>> = BTreeMap::new();
        for &member in members {
            let id = self.items[member].id;
            by_name.entry((&id.namespace, &id.name)).or_default().push(member);
        }
        if by_name.values().all(|same| same.len() == 1) {
            return vec![members.to_vec()];
        }
        if by_name.len() == 1 {
            return members.iter().map(|&member| vec![member]).collect();
        }
        let finding = Finding::new(
            code!("grants-versions"),
            format!("several versions of a TrafficTarget meet another one at ServiceAccount `{}`", account.display()),
        )
        .note("which version is deployed together with the other grants cannot be known, and policy needs all grants of a destination")
        .help("convert one version at a time, or put the versions into folders of their own");
        for &member in members {
            self.find(member, finding.clone());
        }
        Vec::new()
    }

    /// The accounts that an item is about.
    fn accounts(&mut self, index: usize) -> Accounts {
        let mut accounts = Accounts::default();
        for principal in self.items[index].grant.destination.clone() {
            match principal {
                Principal::Account(Account { namespace: None, name }) => {
                    self.find(
                        index,
                        Finding::new(
                            code!("destination-namespace-unknown"),
                            format!("the namespace of destination `{name}` is not known"),
                        )
                        .help("write `destination.namespace`, or convert what is rendered for one environment"),
                    );
                }
                Principal::Account(account) => accounts.called.push(account),
                Principal::Pods { namespace, labels } => match self.account_of(namespace.as_deref(), &labels) {
                    Ok(account) => accounts.called.push(account),
                    Err(touched) => {
                        accounts.touched.extend(touched);
                        self.find(index, Finding::new(code!("destination-not-an-account"), "the pod labels of this destination are not those of one ServiceAccount")
                            .note("what protects a part of an account's pods changes what the other grants of that account mean")
                            .help("give these pods a ServiceAccount of their own, and name that as the destination"));
                    }
                },
                Principal::Spiffe(spiffe) => {
                    self.find(
                        index,
                        Finding::new(
                            code!("destination-not-an-account"),
                            format!("destination `{spiffe}` names no ServiceAccount"),
                        )
                        .note("policy selects pods, and a SPIFFE ID does not say which pods have it")
                        .help("name the ServiceAccount as the destination"),
                    );
                }
            }
        }
        accounts
    }

    /// The account whose pods are just those with these labels.
    fn account_of(&self, namespace: Option<&str>, labels: &BTreeMap<String, String>) -> Result<Account, Vec<Account>> {
        let inventory = self.around.inventory;
        let selected = inventory.selected_by(namespace, labels);
        let names: BTreeSet<&str> = selected.iter().map(|workload| workload.account.as_str()).collect();
        let account = |name: &str| Account { namespace: namespace.map(str::to_owned), name: name.to_owned() };
        match names.iter().collect::<Vec<_>>().as_slice() {
            [only] if inventory.workloads_of(namespace, only).len() == selected.len() && namespace.is_some() => {
                Ok(account(only))
            }
            _ => Err(names.into_iter().map(account).collect()),
        }
    }

    // --- one closure ---

    /// The closure of a draft, held where a part is missing; none where nothing at all can be said of its pods.
    fn closure(&mut self, draft: &Draft<'_>) -> Option<Closure<'a>> {
        let namespace = draft.account.namespace.clone()?;
        let first = &self.items[draft.members[0]];
        let key = (namespace.clone(), draft.account.name.clone());
        let destination = Destination {
            namespace: &namespace,
            account: &draft.account.name,
            given: self.around.settings.workloads.get(&key),
            place: first.grant.place,
            protocol: self.reading.protocol,
        };
        let mut workloads = match destination.workloads(self.around.inventory) {
            Ok(workloads) => workloads,
            Err(refusal) => {
                for &member in &draft.members {
                    let place = self.items[member].grant.place;
                    self.find(member, Finding { place: Some(place), ..(*refusal).clone() });
                }
                return None;
            }
        };
        add_named_ports(draft.members.iter().map(|&member| &self.items[member]), &mut workloads);
        let mut held = self.held_by_others(draft);
        let mut permissions = Vec::new();
        for &member in &draft.members {
            match permission(&self.items[member], &workloads) {
                Ok(permission) => permissions.push(permission),
                Err(refusal) => {
                    held = true;
                    self.find(member, *refusal);
                    self.hold(draft, Some(member));
                }
            }
        }
        held |= self.overlaps(draft, &permissions);
        held |= self.surroundings(draft, &namespace, &workloads, &mut permissions);
        Some(Closure { namespace, account: draft.account.name.clone(), workloads, permissions, held })
    }

    /// Grants of the account that are not converted in this run.
    fn held_by_others(&mut self, draft: &Draft<'_>) -> bool {
        let Some(other) = draft.missing.first() else { return false };
        let finding = destination_held(other.id, other.place, &draft.account);
        for &member in &draft.members {
            self.find(member, finding.clone());
        }
        true
    }

    /// Says to the members of a closure, but for `cause`, that they wait for it.
    fn hold(&mut self, draft: &Draft<'_>, cause: Option<usize>) {
        let Some(cause) = cause.map(|cause| &self.items[cause]) else { return };
        let finding = destination_held(cause.id, cause.place, &draft.account);
        for &member in draft.members.iter().filter(|&&member| self.items[member].object != cause.object) {
            self.find(member, finding.clone());
        }
    }

    /// Grants whose requests overlap and whose sources differ, where the source mesh did not add them up.
    fn overlaps(&mut self, draft: &Draft<'_>, permissions: &[Permission<'_>]) -> bool {
        if self.reading.overlap == Overlap::Union {
            return false;
        }
        let mut found = Vec::new();
        for (at, one) in permissions.iter().enumerate() {
            let other = permissions[..at].iter().find(|other| meet(one, other));
            if let (Some(other), Some(object)) = (other, one.object) {
                found.push((object, one.place, other.place));
            }
        }
        let held = self.reading.overlap == Overlap::LongestRule;
        let ranked: BTreeSet<usize> = found.iter().map(|(object, ..)| *object).collect();
        if held && let Some(&cause) = draft.members.iter().find(|&&member| ranked.contains(&self.items[member].object))
        {
            let cause = &self.items[cause];
            let waits = destination_held(cause.id, cause.place, &draft.account);
            for &member in draft.members.iter().filter(|&&member| !ranked.contains(&self.items[member].object)) {
                self.find(member, waits.clone());
            }
        }
        for (object, place, other) in found {
            let (code, note) = match self.reading.overlap {
                Overlap::LongestRule => (
                    code!("grants-overlap-ranked"),
                    "the source mesh let the longest rule decide alone, so both together allow more than it did",
                ),
                Overlap::Union | Overlap::FirstRoute | Overlap::Undefined => (
                    code!("grants-overlap"),
                    "the source mesh let the first route of an order that nobody controls decide; both together are what the specification asks for",
                ),
            };
            let finding = Finding::new(code, "requests of this grant are also those of another one with other sources");
            let finding = finding.at(place).label(other, "the other grant").note(note);
            let finding = match held {
                true => finding.help("make the rules of the two grants disjoint, or give both the same sources"),
                false => finding,
            };
            self.out.findings.push((object, finding));
        }
        held && !ranked.is_empty()
    }

    /// Whatever else stands at the pods: callers that no grant names, policy that is there already, hosts that only the
    /// source mesh served.
    fn surroundings(
        &mut self,
        draft: &Draft<'_>,
        namespace: &str,
        workloads: &[Workloads],
        permissions: &mut Vec<Permission<'a>>,
    ) -> bool {
        let around = self.around;
        let mut members: Vec<&Workload> = Vec::new();
        for set in workloads {
            members.extend(around.inventory.selected_by(Some(namespace), &set.labels));
        }
        let place = self.items[draft.members[0]].grant.place;
        let mut findings = Vec::new();
        let met = callers::meet(&members, workloads, around.inventory, around.settings, place);
        findings.extend(met.unnamed);
        let from: Vec<&'a ObjectId> =
            draft.members.iter().flat_map(|&member| self.items[member].from.clone()).collect();
        permissions
            .extend(met.permissions.into_iter().map(|permission| Permission { from: from.clone(), ..permission }));
        findings.extend(existing(namespace, workloads, place, around));
        findings.extend(self.hosts(namespace, workloads, place));
        for finding in &findings {
            for &member in &draft.members {
                let place = self.items[member].grant.place;
                self.find(member, Finding { place: Some(place), ..finding.clone() });
            }
        }
        !findings.is_empty()
    }

    /// Hosts of the destination's Services that only the source mesh served.
    fn hosts(&self, namespace: &str, workloads: &[Workloads], place: Place) -> Option<Finding> {
        if self.around.settings.hosts_moved {
            return None;
        }
        let mention = self.around.inventory.mentions().iter().find(|mention| {
            let here = mention.service_namespace.as_deref().is_none_or(|own| own == namespace);
            let service = mention.service.as_ref();
            here && workloads.iter().any(|set| service.is_none_or(|service| set.services.contains(service)))
        })?;
        let finding = Finding::new(
            code!("caller-mesh-host"),
            format!("{} calls `{}`, which only the source mesh serves", mention.by, mention.host),
        );
        Some(
            finding
                .at(place)
                .label(mention.place, "it is written here")
                .note(
                    "without the source mesh the name leads nowhere, so the caller is cut off whatever the policy says",
                )
                .help("write the Service's own name there, then say `--hosts-moved`"),
        )
    }

    // --- what was written ---

    /// The objects of a draft's grants.
    fn origins(&self, draft: &Draft<'_>) -> Vec<usize> {
        draft.members.iter().map(|&member| self.items[member].object).collect()
    }

    /// Takes what the target's policy says of a closure, which was `held` before or not. True if nothing
    /// holds it.
    fn take(&mut self, draft: &Draft<'_>, held: bool, written: Written) -> bool {
        let Written { manifests, audit, refusals, findings } = written;
        let origins = self.origins(draft);
        let refused: BTreeSet<usize> = refusals.iter().map(|(object, _)| *object).collect();
        self.out.findings.extend(refusals);
        if let Some(&cause) = refused.iter().next()
            && let Some(item) = self.items.iter().find(|item| item.object == cause)
        {
            let finding = destination_held(item.id, item.place, &draft.account);
            for &member in draft.members.iter().filter(|&&member| !refused.contains(&self.items[member].object)) {
                self.find(member, finding.clone());
            }
        }
        let held = held || !refused.is_empty();
        if !held && self.reading.enforced {
            self.out.findings.extend(findings);
            self.out.manifests.extend(manifests.into_iter().map(|manifest| (origins.clone(), manifest)));
            return true;
        }
        if !held {
            self.out.findings.extend(findings);
            self.not_enforced(draft, audit.is_empty());
        }
        // Where nothing of a destination could be said, a report would be of every request.
        let said = draft.members.iter().any(|&member| !refused.contains(&self.items[member].object));
        let audit = audit.into_iter().filter(|_| said);
        self.out.manifests.extend(audit.map(|manifest| (origins.clone(), manifest)));
        !held
    }

    fn not_enforced(&mut self, draft: &Draft<'_>, nothing: bool) {
        for &member in &draft.members {
            let message = "the source mesh did not enforce TrafficTargets";
            let finding = match nothing {
                false => Finding::new(code!("source-permissive"), format!("{message}, so the policy only reports")),
                true => Finding::new(
                    code!("source-permissive-unsaid"),
                    format!("{message}, and {} has no policy that only reports", self.around.profile.title()),
                ),
            };
            self.find(member, finding.help("say `--enforced yes` to have the policy enforce"));
        }
    }

    // --- the rest of the namespaces ---

    /// Closes what has no grant in the namespaces of the destinations, where the user asks for it.
    fn close(
        &mut self,
        granted: &BTreeMap<&str, Granted<'_>>,
        standing: &BTreeSet<usize>,
        kept: &[Kept<'_>],
        policy: &dyn Policy,
    ) {
        if !self.around.settings.default_deny {
            let open = granted.iter().filter(|(_, granted)| self.reading.enforced && !granted.origins.is_empty());
            self.out.general.extend(open.map(|(namespace, _)| left(namespace)));
            return;
        }
        let blocked: BTreeSet<usize> =
            self.out.findings.iter().filter(|(_, finding)| blocks(finding)).map(|(object, _)| *object).collect();
        let unsettled: Vec<&Item<'_>> = self
            .items
            .iter()
            .enumerate()
            .filter(|(index, item)| !standing.contains(index) || blocked.contains(&item.object))
            .map(|(_, item)| item)
            .collect();
        let mut names: BTreeMap<&str, Vec<&ObjectId>> = BTreeMap::new();
        for (_, Manifest { id, .. }) in &self.out.manifests {
            names.entry(id.namespace.as_deref().unwrap_or_default()).or_default().push(id);
        }
        let mut all = Vec::new();
        for (&namespace, granted) in granted {
            let item = unsettled.iter().find(|item| item.may_be_in(namespace)).map(|item| (item.id, item.place));
            let kept = || kept.iter().find(|kept| kept.may_be_in(namespace)).map(|kept| (kept.id, kept.place));
            let unsettled = item.or_else(kept);
            let unsettled = unsettled.map(|(id, place)| (format!("{} `{}` is not converted", id.kind, id.name), place));
            let beside = names.remove(namespace).unwrap_or_default();
            let Closed { manifests, findings } =
                close(namespace, granted, unsettled, beside, self.reading, policy, self.around);
            self.out.general.extend(findings);
            // It stands where the first of its objects does: as late as can be.
            let origins: Vec<usize> = granted.origins.iter().rev().copied().collect();
            let last = manifests.into_iter().map(|manifest| match manifest.effect {
                Effect::Audits => manifest,
                _ => manifest.with(Effect::DeniesByDefault),
            });
            all.extend(last.map(|manifest| (origins.clone(), manifest)));
        }
        self.out.manifests.extend(all);
    }
}

/// The accounts that an item is about.
#[derive(Default)]
struct Accounts {
    /// Those that it is a grant of.
    called: Vec<Account>,
    /// Those whose pods it may concern, in a way that nobody can say.
    touched: Vec<Account>,
}

// === impl Kept ===

impl Kept<'_> {
    /// Whether it may be a grant of `account`.
    fn concerns(&self, account: &Account) -> bool {
        let may_be = |namespace: &Option<String>| namespace.is_none() || *namespace == account.namespace;
        match &self.destination {
            Some(destination) => destination.name == account.name && may_be(&destination.namespace),
            None => may_be(&self.namespace),
        }
    }

    /// Whether its destination may be in `namespace`.
    fn may_be_in(&self, namespace: &str) -> bool {
        let known = self.destination.as_ref().map_or(&self.namespace, |destination| &destination.namespace);
        known.as_deref().is_none_or(|known| known == namespace)
    }
}

// === impl Item ===

impl Item<'_> {
    /// Whether one of its destinations may be in `namespace`.
    fn may_be_in(&self, namespace: &str) -> bool {
        self.grant.destination.iter().any(|principal| match principal {
            Principal::Account(Account { namespace: known, .. }) | Principal::Pods { namespace: known, .. } => {
                known.as_deref().is_none_or(|known| known == namespace)
            }
            Principal::Spiffe(_) => true,
        })
    }
}

/// Policy of the target that selects the same pods.
pub(super) fn existing(namespace: &str, workloads: &[Workloads], place: Place, around: Around<'_>) -> Option<Finding> {
    let reading = around.profile.target.policy.as_ref()?;
    let inventory = around.inventory;
    let policy = inventory.policies().iter().find(|policy| {
        let here = policy.namespace.as_deref().is_none_or(|own| own == namespace);
        let everywhere = policy.namespace.is_some() && policy.namespace == reading.root_namespace;
        let ours = reading
            .kinds
            .get(&policy.kind)
            .and_then(|rows| rows.first())
            .is_some_and(|row| row.api_version.split('/').next() == Some(policy.group.as_str()));
        let selects = |set: &Workloads| match &policy.selector {
            Some(selector) => inventory
                .selected_by(Some(namespace), &set.labels)
                .iter()
                .any(|workload| selector.selects(&workload.labels)),
            None => policy.targets.iter().any(|target| {
                target.kind == "Service" && target.name.as_ref().is_some_and(|name| set.services.contains(name))
            }),
        };
        (here || everywhere) && ours && (policy.is_for_all_pods() || workloads.iter().any(selects))
    })?;
    let finding = Finding::new(
        code!("policy-exists"),
        format!("{} `{}` already decides who may call these pods", policy.kind, policy.name),
    );
    Some(
        finding
            .at(place)
            .label(policy.place, "this policy")
            .note("two policies on the same pods add up, or one is ignored, and neither shows what holds")
            .help("fold the grants into that policy by hand, or take it away"),
    )
}

fn destination_held(cause: &ObjectId, place: Place, account: &Account) -> Finding {
    Finding::new(
        code!("destination-held"),
        format!("{} `{}` of the same destination `{}` is not converted", cause.kind, cause.name, account.display()),
    )
    .label(place, "this one")
    .note("policy that enforces denies everyone whom it does not name, so a destination is converted with all its grants or not at all")
    .help("decide about that one first, and convert all grants of the destination in one run")
}

/// Whether two permissions with other sources allow a common request on a common port.
fn meet(one: &Permission<'_>, other: &Permission<'_>) -> bool {
    let sources = |permission: &Permission<'_>| -> BTreeSet<Principal> {
        permission.sources.iter().map(|(principal, _)| principal.clone()).collect()
    };
    sources(one) != sources(other)
        && one.http.iter().any(|(port, left)| match (left, other.http.get(port)) {
            (_, None) => false,
            (Requests::Any(left), Some(Requests::Any(right))) => {
                left.iter().any(|left| right.iter().any(|right| left.overlaps(right) && !left.same_text(right)))
            }
            (Requests::Every, Some(_)) | (_, Some(Requests::Every)) => true,
        })
}
