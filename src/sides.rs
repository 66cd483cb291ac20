//! Two inputs to compare, or one to ask: what `verify` and `simulate` look at.
//!
//! Each side is read by itself. BEFORE is SMI, scope by scope; AFTER is every manifest that was found, as one world. Where
//! BEFORE has several scopes, each is compared with the part of AFTER that stands in the directory of the same name, and
//! with all of it where there is none. A Service that only one side has in its input stands on both: routes are often
//! kept apart from the Services that they are about.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use crate::inventory::{Entry, Inventory};
use crate::load::{self, Held, Loaded, SmiObject};
use crate::mappings::{self, Enforcement, Source};
use crate::model::{Whose, reading};
use crate::place::{SourceId, SourceMap};
use crate::report::{Chosen, Finding, ReadStats};
use crate::scan::{self, Doc, DocId, Input, Scan, ScanError, ScopeKind};
use crate::settle;
use crate::smi::{Kind, Object};
use crate::target::Profile;
use crate::verify::{self, AccessOptions, After, Before, Grants, Options, Relation, ServiceName, Verdict, World};

/// What to read, and how.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// How to read; its sources are BEFORE, and `with` is context of both sides.
    pub scan: scan::Options,
    /// AFTER; without any, the routes of BEFORE.
    pub after: Vec<Input>,
    /// Whose reading applies.
    pub from: Option<Chosen>,
    /// Whose engine reads the routes.
    pub to: Profile,
    /// Ports of Services that are in no input.
    pub ports: BTreeMap<ServiceName, BTreeSet<u16>>,
    /// What routes need beside themselves is taken for granted.
    pub prepared: bool,
    /// Whether the source mesh enforced TrafficTargets, where the user said so.
    pub enforced: Option<bool>,
    /// Who may call, though no TrafficTarget names them.
    pub callers: BTreeSet<verify::Source>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Sides {
    /// All texts.
    pub sources: SourceMap,
    /// BEFORE by scope.
    pub scopes: Vec<SideScope>,
    /// SMI objects that could not be read, so that nothing can be said of them.
    pub unread: Vec<Finding>,
    /// How much was read of BEFORE, then of AFTER.
    pub read: Vec<ReadStats>,
}

/// One scope of BEFORE and what it is compared with.
#[derive(Debug)]
pub struct SideScope {
    /// How people call it.
    pub name: String,
    /// Whose reading of SMI applies; several where nobody said.
    pub meshes: Vec<&'static Source>,
    /// Why; none where nobody said.
    pub from: Option<Chosen>,
    smi: Vec<(SmiObject, Option<String>)>,
    before: Inventory,
    held: Vec<(Held, Option<String>)>,
    after: Inventory,
    whole: bool,
}

/// One verdict of one scope.
#[derive(Clone, Debug)]
pub struct Judged {
    /// How people call the scope.
    pub scope: String,
    /// The name of the source mesh whose reading it is about.
    pub mesh: &'static str,
    /// The verdict.
    pub verdict: Verdict,
}

/// Reads both sides.
///
/// # Errors
/// If a named source is missing or unreadable.
pub fn read(inputs: &Inputs, stdin: &mut dyn Read) -> Result<Sides, ScanError> {
    let before = scan::scan(&inputs.scan, stdin)?;
    let others: &[Input] = if inputs.after.is_empty() { &inputs.scan.sources } else { &inputs.after };
    let after_options = scan::Options { sources: Vec::new(), with: others.to_vec(), ..inputs.scan.clone() };
    let same_stdin = inputs.after.is_empty() && inputs.scan.sources.contains(&Input::Stdin);
    let after = if same_stdin { reread(&before) } else { scan::scan(&after_options, stdin)? };
    Ok(Reading::new(before, after, inputs, others).sides())
}

/// What was read from standard input cannot be read again: every document of it, as context.
fn reread(before: &Scan) -> Scan {
    let documents = before.documents.clone();
    let context = (0..documents.len()).map(|index| DocId(u32::try_from(index).unwrap_or(u32::MAX))).collect();
    Scan {
        sources: before.sources.clone(),
        documents,
        scopes: Vec::new(),
        context,
        missing_lists: before.missing_lists.clone(),
        findings: Vec::new(),
        read: ReadStats::default(),
    }
}

struct Reading<'i> {
    inputs: &'i Inputs,
    sources: SourceMap,
    before: Scan,
    before_loaded: Vec<Loaded>,
    /// Documents of AFTER: what they hold, and their path below it.
    after: Vec<(Loaded, String)>,
    after_read: ReadStats,
}

impl<'i> Reading<'i> {
    fn new(before: Scan, after: Scan, inputs: &'i Inputs, others: &[Input]) -> Self {
        let mut sources = before.sources.clone();
        let shift = u32::try_from(sources.iter().count()).unwrap_or(u32::MAX);
        for (_, source) in after.sources.iter() {
            sources.add(source.clone());
        }
        let moved: Vec<Doc> = after
            .documents
            .iter()
            .map(|doc| Doc { source: SourceId(doc.source.0.saturating_add(shift)), ..*doc })
            .collect();
        let mut before_loaded = load::load(&before.documents, &before.scopes, &before.context, &sources);
        load::add_missing_lists(&mut before_loaded, &before.missing_lists, &before.documents);
        let mut loaded = load::load_all(&moved, &sources);
        load::add_missing_lists(&mut loaded, &after.missing_lists, &moved);
        let below = |doc: &Doc| below(&sources.get(doc.source).name, others);
        let after_docs = loaded.into_iter().zip(moved.iter().map(below)).collect();
        Self { inputs, sources, before, before_loaded, after: after_docs, after_read: after.read }
    }

    fn sides(self) -> Sides {
        let mut unread: Vec<Finding> = self
            .before_loaded
            .iter()
            .flat_map(|loaded| loaded.findings.iter().filter(|finding| settle::is_error(finding)).cloned())
            .collect();
        let mut scopes = Vec::new();
        let several = self.before.scopes.len() > 1;
        for scope in &self.before.scopes {
            scopes.extend(self.scope(scope, several, &mut unread));
        }
        if scopes.is_empty() {
            scopes.push(self.without_smi());
        }
        Sides { scopes, unread, read: vec![self.before.read, self.after_read], sources: self.sources }
    }

    fn scope(&self, scope: &scan::Scope, several: bool, unread: &mut Vec<Finding>) -> Option<SideScope> {
        let mut smi = Vec::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut held: Vec<(Held, Option<String>)> = Vec::new();
        let mut seen = BTreeSet::new();
        for member in &scope.members {
            seen.insert(member.doc);
            let put_into = member.namespace.as_ref().map(|setting| setting.name.clone());
            let Some(loaded) = self.before_loaded.get(member.doc.0 as usize) else { continue };
            self.take(loaded, put_into.as_deref(), &mut smi, &mut entries, &mut held, Some(&mut *unread));
        }
        if smi.is_empty() {
            return None;
        }
        for doc in self.before.context.iter().filter(|doc| !seen.contains(doc)) {
            let Some(loaded) = self.before_loaded.get(doc.0 as usize) else { continue };
            self.take(loaded, None, &mut smi, &mut entries, &mut held, None);
        }
        let place = several.then(|| below(&scope.name, &self.inputs.scan.sources)).filter(|place| !place.is_empty());
        let (after, after_held) = self.after_of(place.as_deref());
        Some(self.pair(scope.name.clone(), scope.kind == ScopeKind::Cluster, smi, &entries, &after, after_held))
    }

    /// AFTER alone.
    fn without_smi(&self) -> SideScope {
        let (after, held) = self.after_of(None);
        self.pair("all".into(), false, Vec::new(), &[], &after, held)
    }

    fn take(
        &self,
        loaded: &Loaded,
        put_into: Option<&str>,
        smi: &mut Vec<(SmiObject, Option<String>)>,
        entries: &mut Vec<Entry>,
        held: &mut Vec<(Held, Option<String>)>,
        unread: Option<&mut Vec<Finding>>,
    ) {
        let mut refused = Vec::new();
        for object in loaded.objects.iter().filter(|object| object.patch.is_none()) {
            let blocking = object.findings.iter().filter(|finding| settle::blocks(finding));
            refused.extend(blocking.cloned());
            if object.object.is_some() && !object.findings.iter().any(settle::blocks) {
                let namespace = put_into.or(object.id.namespace.as_deref()).map(str::to_owned);
                smi.push((object.clone(), namespace));
            }
        }
        entries.extend(
            loaded
                .entries
                .iter()
                .map(|entry| put_into.map_or_else(|| entry.clone(), |namespace| entry.put_into(namespace))),
        );
        held.extend(
            loaded.held.iter().map(|one| (one.clone(), put_into.map(str::to_owned).or_else(|| one.namespace.clone()))),
        );
        if let Some(unread) = unread {
            refused.retain(|finding| !unread.contains(finding));
            unread.extend(refused);
        }
    }

    /// The entries and manifests of AFTER, of the directory `place` where it has one.
    fn after_of(&self, place: Option<&str>) -> (Vec<Entry>, Vec<(Held, Option<String>)>) {
        let inside = |path: &str| {
            place
                .is_none_or(|place| path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
        };
        let any = self.after.iter().any(|(_, path)| inside(path));
        let docs = self.after.iter().filter(|(_, path)| !any || inside(path)).map(|(loaded, _)| loaded);
        let (mut entries, mut held) = (Vec::new(), Vec::new());
        for loaded in docs {
            self.take(loaded, None, &mut Vec::new(), &mut entries, &mut held, None);
        }
        (entries, held)
    }

    fn pair(
        &self,
        name: String,
        whole: bool,
        smi: Vec<(SmiObject, Option<String>)>,
        before: &[Entry],
        after: &[Entry],
        held: Vec<(Held, Option<String>)>,
    ) -> SideScope {
        let evidence = Inventory::new(before.iter().cloned());
        let (whose, from) =
            match self.inputs.from.as_ref().and_then(|chosen| Some((mappings::source(&chosen.name)?, chosen))) {
                Some((mesh, chosen)) => (Whose::Mesh(mesh), Some(chosen.clone())),
                None => {
                    let choice = reading::from_evidence(&evidence.evidence());
                    (choice.whose, choice.chosen)
                }
            };
        let meshes = match whose {
            Whose::Mesh(mesh) => vec![mesh],
            Whose::Unknown => served(&smi),
        };
        SideScope {
            name,
            meshes,
            from,
            before: with_services_of(before, after),
            after: with_services_of(after, before),
            smi,
            held,
            whole,
        }
    }
}

/// The path of a text below the inputs; the name of its directory where it is a file.
fn below(name: &str, inputs: &[Input]) -> String {
    let roots = inputs.iter().filter_map(|input| match input {
        Input::Path(path) => Some(path.as_path()),
        Input::Stdin | Input::Cluster(_) => None,
    });
    let path = Path::new(name);
    let found = roots.filter_map(|root| path.strip_prefix(root).ok()).next().unwrap_or(path);
    found.display().to_string()
}

/// Entries with the Services, pods and Namespaces of the other side that they do not have.
fn with_services_of(own: &[Entry], other: &[Entry]) -> Inventory {
    let name = |entry: &Entry| match entry {
        Entry::Service(service) => Some(("Service".to_owned(), service.namespace.clone(), service.name.clone())),
        Entry::Workload(pods) => Some((pods.kind.clone(), pods.namespace.clone(), pods.name.clone())),
        Entry::Namespace(namespace) => Some(("Namespace".to_owned(), None, namespace.name.clone())),
        _ => None,
    };
    let known: BTreeSet<_> = own.iter().filter_map(name).collect();
    let others = other.iter().filter(|entry| name(entry).is_some_and(|name| !known.contains(&name)));
    Inventory::new(own.iter().chain(others).cloned())
}

/// The meshes that served every split and group of a scope; the specification where none did.
fn served(smi: &[(SmiObject, Option<String>)]) -> Vec<&'static Source> {
    let served = |mesh: &Source| {
        smi.iter().filter_map(|(object, _)| object.object.as_ref()).all(|object| match object {
            Object::TrafficSplit(split) => mesh.serves(Kind::TrafficSplit, split.meta.version),
            Object::HttpRouteGroup(group) => mesh.serves(Kind::HTTPRouteGroup, group.meta.version),
            Object::TrafficTarget(target) => mesh.serves(Kind::TrafficTarget, target.meta.version),
            _ => true,
        })
    };
    mappings::sources_that(|mesh| (mesh.split.is_some() || mesh.access.is_some()) && served(mesh))
}

// === impl Sides ===

impl Sides {
    /// Whether all of both sides could be read, so that what is said of them is said of all of it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && !self.read.iter().any(|read| read.incomplete)
    }
}

// === impl SideScope ===

impl SideScope {
    /// Whether it has SMI.
    #[must_use]
    pub fn has_smi(&self) -> bool {
        !self.smi.is_empty()
    }

    /// Whether it has grants.
    #[must_use]
    pub fn has_grants(&self) -> bool {
        self.smi.iter().any(|(object, _)| matches!(object.object, Some(Object::TrafficTarget(_))))
    }

    /// Whether a source mesh denied what no TrafficTarget grants: as the user `said`, by a switch that was found, else
    /// unless that is not what it did by itself.
    #[must_use]
    pub fn enforced(&self, mesh: &Source, said: Option<bool>) -> bool {
        let found = self.before.modes().iter().find(|mode| mode.mesh == mesh.name).map(|mode| mode.enforces);
        let by_itself = mesh.access.as_ref().map(|access| access.enforcement.is);
        said.or(found).unwrap_or(by_itself != Some(Enforcement::GrantedDestinations))
    }

    /// The pods that both sides are about.
    #[must_use]
    pub fn pods(&self) -> &Inventory {
        &self.after
    }

    /// Whether it has routes, or what may shadow them.
    #[must_use]
    pub fn has_routes(&self) -> bool {
        !self.held.is_empty()
    }

    /// The world before.
    #[must_use]
    pub fn before(&self) -> World<'_> {
        let smi = self.smi.iter().filter_map(|(object, namespace)| {
            let typed = object.object.as_ref()?;
            Some(verify::Deployed { object: typed, source: object.source, namespace: namespace.as_deref() })
        });
        World { smi: smi.collect(), inventory: &self.before, manifests: Vec::new() }
    }

    /// The world after.
    #[must_use]
    pub fn after(&self) -> World<'_> {
        let manifests = self.held.iter().map(|(held, namespace)| verify::Manifest {
            node: &held.node,
            source: held.source,
            namespace: namespace.as_deref(),
        });
        World { smi: Vec::new(), inventory: &self.after, manifests: manifests.collect() }
    }

    /// Whether the input is all there is.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.whole
    }
}

/// What a reader must know of the verdicts on these sides before the first of them.
#[must_use]
pub fn notes(sides: &Sides, inputs: &Inputs) -> Vec<String> {
    let mut notes = Vec::new();
    let unsaid = |scope: &SideScope| scope.has_smi() && scope.from.is_none() && scope.meshes.len() > 1;
    if sides.scopes.iter().any(unsaid) {
        notes.push(
            "nobody said which mesh read the SMI, so that of each destination the worst verdict counts: say which with \
             `--from`"
                .to_owned(),
        );
    }
    let granted = || sides.scopes.iter().filter(|scope| scope.has_grants());
    if granted().next().is_some() && inputs.to.target.policy.is_none() {
        let known = mappings::targets().iter().filter(|target| target.policy.is_some());
        let known: Vec<&str> = known.map(|target| target.name.as_str()).collect();
        notes.push(format!(
            "who may call is not compared, since policy of {} is not read: say `--to` with one of {}",
            inputs.to.target.name,
            known.join(", ")
        ));
    } else if granted().any(|scope| scope.meshes.iter().all(|mesh| mesh.access.is_none())) {
        notes.push("who may call is not compared, since the mesh read no TrafficTargets".to_owned());
    }
    notes
}

/// Compares both sides, scope by scope. Where nobody said whose reading applies, each destination has the verdict of the
/// mesh under whose reading it is worst.
#[must_use]
pub fn verify(sides: &Sides, inputs: &Inputs) -> Vec<Judged> {
    let mut all = Vec::new();
    for scope in &sides.scopes {
        let (before, after) = (scope.before(), scope.after());
        let side = After::new(&after, inputs.to.target, &inputs.to.version);
        let options =
            Options { whole: scope.whole, prepared: inputs.prepared, only: None, ports: inputs.ports.clone() };
        let mut worst: BTreeMap<String, Judged> = BTreeMap::new();
        let policy = verify::policy(&side).filter(|_| scope.has_grants());
        let of_access = AccessOptions {
            prepared: inputs.prepared,
            whole: scope.whole,
            only: None,
            callers: inputs.callers.clone(),
        };
        for mesh in &scope.meshes {
            let mut verdicts = verify::verify(&Before::new(&before, mesh), &side, &options);
            let grants = Grants::new(&before, mesh, scope.enforced(mesh, inputs.enforced));
            if let Some(policy) = policy.as_ref().filter(|_| grants.is_known()) {
                verdicts.extend(verify::access::verify(&grants, policy.as_ref(), scope.pods(), &of_access));
            }
            for verdict in verdicts {
                let known = worst.get(&verdict.destination.to_string());
                if known.is_none_or(|known| badness(verdict.relation) > badness(known.verdict.relation)) {
                    let judged = Judged { scope: scope.name.clone(), mesh: &mesh.name, verdict };
                    worst.insert(judged.verdict.destination.to_string(), judged);
                }
            }
        }
        all.extend(worst.into_values());
    }
    all
}

/// A difference that was seen is worse than one that may be.
fn badness(relation: Relation) -> u8 {
    match relation {
        Relation::Equal => 0,
        Relation::Undecided => 1,
        Relation::OrderDependent => 2,
        Relation::Narrower => 3,
        Relation::Wider => 4,
        Relation::Different => 5,
    }
}
