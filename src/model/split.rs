//! Reads a TrafficSplit as one source mesh did.

use std::collections::HashMap;

use super::host::HostPort;
use super::named::pick;
use super::pattern::{GroupMeaning, Languages, MatchReading, read_group};
use super::weights::{WeightError, least_integers};
use super::{Host, ONE_VERSION, RequestPattern, ServiceRef, Share, Split};
use crate::code;
use crate::inventory::{Inventory, Lookup};
use crate::mappings::{self, DuplicateBackend, MatchesReading, NameForms, SelfReference, SplitReading};
use crate::place::{Place, SourceId, Spanned};
use crate::report::Finding;
use crate::smi::{HttpRouteGroup, Kind, MatchRef, TrafficSplit, Version};

/// A finding that keeps an object from being converted.
pub type Refusal = Box<Finding>;

/// What a mesh made of a TrafficSplit.
#[derive(Clone, Debug)]
pub enum Reading {
    /// It split traffic.
    Effective {
        /// What it meant.
        split: Split,
        /// What a person should know about this reading.
        findings: Vec<Finding>,
    },
    /// The mesh took it and did nothing, for this reason.
    NoEffect(String),
    /// It cannot be converted, whatever the mesh did.
    Refused(Refusal),
    /// The mesh did not serve this version of an object that is involved (`TrafficSplit v1alpha4`).
    NotServed(String),
}

/// One HTTPRouteGroup of a scope.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The namespace it ends in; none where nothing says.
    pub namespace: Option<&'a str>,
    /// The text it stands in.
    pub source: SourceId,
    /// The group.
    pub group: &'a HttpRouteGroup,
    /// Something keeps it from being read.
    pub blocked: bool,
}

/// The HTTPRouteGroups of a scope, by name.
#[derive(Clone, Debug, Default)]
pub struct Groups<'a> {
    by_name: HashMap<&'a str, Vec<Group<'a>>>,
}

/// What a split may refer to.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The namespace that the split ends in; none where nothing says.
    pub namespace: Option<&'a str>,
    /// What stands beside SMI.
    pub inventory: &'a Inventory,
    /// The route groups of the scope.
    pub groups: &'a Groups<'a>,
    /// Compiled expressions.
    pub languages: &'a Languages,
}

// === impl Groups ===

impl<'a> Groups<'a> {
    /// The groups of a scope.
    pub fn new(groups: impl IntoIterator<Item = Group<'a>>) -> Self {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for group in groups {
            by_name.entry(group.group.meta.id.name.as_str()).or_default().push(group);
        }
        Self { by_name }
    }

    /// The group `name` in `namespace`; one whose namespace is not known stands for any.
    #[must_use]
    pub fn find(&self, namespace: Option<&str>, name: &str) -> Lookup<Group<'a>> {
        pick(self.by_name.get(name).map(Vec::as_slice).unwrap_or_default(), namespace, |group| group.namespace)
    }
}

// === reading ===

/// Reads `split` as `mesh` did.
#[must_use]
pub fn read(split: &TrafficSplit, source: SourceId, mesh: &mappings::Source, around: Surroundings<'_>) -> Reading {
    if !mesh.serves(Kind::TrafficSplit, split.meta.version) {
        return Reading::NotServed(format!("TrafficSplit {}", split.meta.id.version));
    }
    let Some(reading) = &mesh.split else {
        return Reading::NoEffect(format!("{} never read TrafficSplits", mesh.title));
    };
    let reader = Reader { split, source, mesh, reading, around, findings: Vec::new() };
    match reader.read() {
        Ok(reading) => reading,
        Err(refusal) => Reading::Refused(refusal),
    }
}

struct Reader<'a> {
    split: &'a TrafficSplit,
    source: SourceId,
    mesh: &'a mappings::Source,
    reading: &'a SplitReading,
    around: Surroundings<'a>,
    findings: Vec<Finding>,
}

/// A part of a split, or why the mesh did nothing at all.
type Part<T> = Result<Result<T, Reading>, Refusal>;

impl<'a> Reader<'a> {
    fn read(mut self) -> Result<Reading, Refusal> {
        let root = match self.root()? {
            Ok(root) => root,
            Err(reading) => return Ok(reading),
        };
        if let Some(why) = self.skipped(&root) {
            return Ok(Reading::NoEffect(why));
        }
        let condition = match self.condition()? {
            Ok(condition) => condition,
            Err(reading) => return Ok(reading),
        };
        let backends = match self.backends(&root)? {
            Ok(backends) => backends,
            Err(reading) => return Ok(reading),
        };
        let split = Split { root, condition, unmatched: self.reading.unmatched.is, backends };
        Ok(Reading::Effective { split, findings: self.findings })
    }

    fn at(&self, span: crate::place::Span) -> Place {
        Place { source: self.source, span }
    }

    fn namespace(&self) -> Option<&str> {
        self.around.namespace
    }

    fn host(&self, text: &str) -> HostPort {
        let own = self.namespace();
        HostPort::read(text, |namespace| {
            own.is_none_or(|own| own == namespace) && !looks_like_top_level_domain(namespace)
        })
    }

    fn root(&mut self) -> Part<ServiceRef> {
        let Some(service) = &self.split.service else {
            return Err(Box::new(missing_service(self.at(self.split.meta.span))));
        };
        let place = self.at(service.span);
        let HostPort { host, port } = self.host(&service.value);
        let own = self.namespace().map(str::to_owned);
        let plain = matches!(host, Host::Bare(_)) && port.is_none();
        if self.reading.root.is == NameForms::Bare && !plain && host != Host::External {
            return Ok(Err(Reading::NoEffect(format!(
                "{} takes `service` as a bare name, so `{}` named no Service",
                self.mesh.title, service.value
            ))));
        }
        let root = match host {
            Host::Bare(name) => ServiceRef { namespace: own, name },
            Host::Qualified { name, namespace } => {
                if own.as_ref().is_some_and(|own| *own != namespace) {
                    return Err(Box::new(
                        Finding::new(code!("root-other-namespace"), format!("root `{}` is in another namespace than the split", service.value))
                            .at(place)
                            .note("a split takes effect for a Service of its own namespace; a route of another namespace would hold only for clients of that namespace (GEP-1294)")
                            .help(format!("move the split to namespace `{namespace}` if it should take effect there")),
                    ));
                }
                let finding =
                    Finding::new(code!("root-qualified"), format!("root `{}` is the Service `{name}`", service.value));
                self.findings.push(finding.at(place));
                ServiceRef { namespace: Some(namespace), name }
            }
            Host::Slash { .. } | Host::External => {
                return Err(Box::new(
                    Finding::new(code!("root-external"), format!("root `{}` is not a Service of the cluster", service.value))
                        .at(place)
                        .note("a GAMMA route attaches to a Service; hosts outside need a Gateway or a ServiceEntry of the mesh")
                        .help("give the host a Service and name that, or split it where the host is served"),
                ));
            }
        };
        if let Some(port) = port {
            let finding = Finding::new(
                code!("root-port-ignored"),
                format!("port {port} of root `{}` had no effect", service.value),
            );
            self.findings.push(
                finding
                    .at(place)
                    .note("a split names no port: Open Service Mesh took this one off and split every port of the Service, and so do the routes")
                    .help("delete the port from `service`"),
            );
        }
        Ok(Ok(root))
    }

    /// Why the mesh's adaptor left the Service alone: linkerd-smi passes a ServiceProfile with this annotation by,
    /// whatever its value (linkerd/linkerd-smi@c0c39b1 `pkg/adaptor/controller.go`).
    fn skipped(&self, root: &ServiceRef) -> Option<String> {
        const SKIP: &str = "smi.linkerd.io/skip";
        let reads_it = self.mesh.evidence.annotations.iter().any(|name| SKIP.starts_with(name.as_str()));
        let profiles = self.around.inventory.profiles(root.namespace.as_deref(), &root.name);
        let profile = profiles.into_iter().find(|profile| reads_it && profile.skipped_by_adaptor)?;
        Some(format!("ServiceProfile `{}` carries {SKIP}, so linkerd-smi left it alone", profile.name))
    }

    fn condition(&mut self) -> Part<Option<Vec<RequestPattern>>> {
        let Some(matches) = self.split.matches.as_deref().filter(|matches| !matches.is_empty()) else {
            return Ok(Ok(None));
        };
        let span = self.split.matches_span.unwrap_or(self.split.meta.span);
        if self.split.meta.version < Version::V1alpha3 {
            return Err(Box::new(
                Finding::new(code!("split-matches-pruned"), format!("`matches` does not exist in TrafficSplit {}", self.split.meta.id.version))
                    .at(self.at(span))
                    .note("the API server pruned it, so the split was unconditional; the manifest says otherwise")
                    .help("delete `matches` to keep what the cluster did, or move the object to v1alpha3 or later if the condition is meant"),
            ));
        }
        if self.reading.matches.is == MatchesReading::Ignored {
            return Ok(Ok(None));
        }
        let mut patterns = Vec::new();
        let mut unconditional = true;
        for reference in matches {
            match self.group(reference)? {
                Ok((source, group)) => {
                    let languages = self.around.languages;
                    let reading = MatchReading::of_split(self.reading);
                    match read_group(group, source, &reading, languages, &mut self.findings)? {
                        GroupMeaning::Patterns(read) => {
                            unconditional = false;
                            patterns.extend(read);
                        }
                        GroupMeaning::Nothing => {}
                    }
                }
                Err(reading) => return Ok(Err(reading)),
            }
        }
        if unconditional || patterns.iter().any(RequestPattern::is_everything) {
            return Ok(Ok(None));
        }
        Ok(Ok(Some(patterns)))
    }

    fn group(&mut self, reference: &MatchRef) -> Part<(SourceId, &'a HttpRouteGroup)> {
        let MatchRef { span, api_group, kind, name } = reference;
        if let Some(kind) = kind.as_ref().filter(|kind| kind.value != "HTTPRouteGroup") {
            return Err(Box::new(
                Finding::new(
                    code!("match-kind-unsupported"),
                    format!("a split cannot match by {} `{}`", kind.value, text(name)),
                )
                .at(self.at(kind.span))
                .note("the CRD of TrafficSplit takes only HTTPRouteGroup in `matches` (smi-sdk-go crds/split.yaml)")
                .help("refer to an HTTPRouteGroup, or delete the entry"),
            ));
        }
        if let Some(group) = api_group.as_ref().filter(|group| group.value != "specs.smi-spec.io") {
            let finding = Finding::new(
                code!("match-api-group"),
                format!("`apiGroup: {}` is read as specs.smi-spec.io", group.value),
            );
            self.findings
                .push(finding.at(self.at(group.span)).help("write `apiGroup: specs.smi-spec.io`, without a version"));
        }
        let name_text = text(name);
        let namespace = self.namespace().map(str::to_owned);
        match self.around.groups.find(namespace.as_deref(), name_text) {
            Lookup::Found(group) if group.blocked && group.group.misplaced.is_none() => Err(Box::new(
                Finding::new(code!("group-unreadable"), format!("HTTPRouteGroup `{name_text}` cannot be read as it is"))
                    .at(self.at(name.as_ref().map_or(*span, |name| name.span)))
                    .label(Place { source: group.source, span: group.group.meta.name.span }, "the group; its own findings say why")
                    .help("repair the group first"),
            )),
            Lookup::Found(Group { source, group, .. }) => self.usable(source, group),
            Lookup::Ambiguous(_, Group { source, group: other, .. }) => Err(Box::new(
                Finding::new(code!("group-ambiguous"), format!("HTTPRouteGroup `{name_text}` is there more than once"))
                    .at(self.at(*span))
                    .label(Place { source, span: other.meta.name.span }, "another version of it")
                    .help(ONE_VERSION),
            )),
            Lookup::Missing => Err(Box::new(
                Finding::new(code!("group-missing"), format!("HTTPRouteGroup `{name_text}` is not in this scope"))
                    .at(self.at(name.as_ref().map_or(*span, |name| name.span)))
                    .note("without it nobody knows which requests are split; converting the split without its condition would send all of them")
                    .help("give the group with `--with FILE`, or delete the reference"),
            )),
        }
    }

    /// The group, if it was what the API server kept and the mesh served it.
    fn usable<'g>(&self, source: SourceId, group: &'g HttpRouteGroup) -> Part<(SourceId, &'g HttpRouteGroup)> {
        if let Some(span) = group.misplaced {
            return Err(Box::new(
                Finding::new(
                    code!("group-misplaced"),
                    format!(
                        "the matches of HTTPRouteGroup `{}` stand where {} does not have them",
                        group.meta.id.name, group.meta.id.version
                    ),
                )
                .at(Place { source, span })
                .label(self.at(self.split.matches_span.unwrap_or(self.split.meta.span)), "the split refers to it here")
                .note(
                    "the API server prunes fields that a version does not have, so the group in the cluster was empty",
                )
                .help(if group.meta.version < Version::V1alpha3 {
                    "move the list to top-level `matches`, if it is meant"
                } else {
                    "move the list under `spec`, if it is meant"
                }),
            ));
        }
        if !self.mesh.serves(Kind::HTTPRouteGroup, group.meta.version) {
            return Ok(Err(Reading::NotServed(format!("HTTPRouteGroup {}", group.meta.id.version))));
        }
        Ok(Ok((source, group)))
    }

    fn backends(&mut self, root: &ServiceRef) -> Part<Vec<Share>> {
        let mut entries: Vec<(ServiceRef, i128, Place)> = Vec::new();
        for backend in &self.split.backends {
            let (Some(service), Some(weight)) = (&backend.service, &backend.weight) else {
                return Err(Box::new(missing_service(self.at(backend.span))));
            };
            let place = self.at(service.span);
            let reference = self.backend(service, place)?;
            if reference == *root || (reference.name == root.name && reference.namespace.is_none()) {
                match self.reading.self_reference.is {
                    SelfReference::SplitDropped => {
                        return Ok(Err(Reading::NoEffect(format!(
                            "{} drops a split whose backend is its own root",
                            self.mesh.title
                        ))));
                    }
                    SelfReference::Works | SelfReference::Undefined => {
                        let finding = Finding::new(
                            code!("backend-is-root"),
                            format!("backend `{}` is the root itself", service.value),
                        );
                        self.findings.push(finding.at(place));
                    }
                }
            }
            entries.push((reference, weight.value.milli, place));
        }
        let merged = self.merge(entries);
        let milli: Vec<i128> = merged.iter().map(|(_, weight, _)| *weight).collect();
        let backends_at = self.at(self.split.backends_span.unwrap_or(self.split.meta.span));
        let weights = least_integers(&milli).map_err(|error| Box::new(refuse_weights(error, backends_at)))?;
        let shares =
            merged.into_iter().zip(weights).map(|((service, _, place), weight)| Share { service, weight, place });
        Ok(Ok(shares.collect()))
    }

    fn backend(&mut self, service: &Spanned<String>, place: Place) -> Result<ServiceRef, Refusal> {
        let own = self.namespace().map(str::to_owned);
        let forms = self.reading.backend.is;
        let qualified_taken = matches!(forms, NameForms::Qualified | NameForms::AnyHost);
        match self.host(&service.value).host {
            Host::Bare(name) => Ok(ServiceRef { namespace: own, name }),
            Host::Slash { name, namespace } if forms == NameForms::BareOrSlash => {
                Ok(ServiceRef { namespace: Some(namespace), name })
            }
            Host::Qualified { name, namespace } if qualified_taken => {
                if own.as_ref().is_some_and(|own| *own != namespace) {
                    return Err(Box::new(other_namespace(&service.value, place)));
                }
                Ok(ServiceRef { namespace: Some(namespace), name })
            }
            Host::Slash { .. } => Err(Box::new(other_namespace(&service.value, place))),
            Host::Qualified { .. } | Host::External => Err(Box::new(
                Finding::new(
                    code!("backend-not-a-service"),
                    format!("backend `{}` does not name a Service of the split's namespace", service.value),
                )
                .at(place)
                .note(format!("{} takes backends as bare names of Services", self.mesh.title))
                .help("write the bare name of the Service, or say whose reading counts with `--from`"),
            )),
        }
    }

    fn merge(&mut self, entries: Vec<(ServiceRef, i128, Place)>) -> Vec<(ServiceRef, i128, Place)> {
        let mut merged: Vec<(ServiceRef, Vec<i128>, Place)> = Vec::new();
        for (service, weight, place) in entries {
            let Some((_, weights, first)) = merged.iter_mut().find(|(known, _, _)| *known == service) else {
                merged.push((service, vec![weight], place));
                continue;
            };
            let how = match self.reading.duplicate_backend.is {
                DuplicateBackend::EqualOnce if weights.contains(&weight) => "entries with the same weight count once",
                DuplicateBackend::EqualOnce | DuplicateBackend::Summed | DuplicateBackend::Undefined => {
                    weights.push(weight);
                    "their weights are added"
                }
                DuplicateBackend::FirstWins => "the first entry counts",
                DuplicateBackend::LastRepeated => {
                    let count = weights.len() + 1;
                    *weights = vec![weight; count];
                    "each entry gets the weight of the last"
                }
            };
            let finding = Finding::new(
                code!("backend-repeated"),
                format!("backend `{}` is there more than once: {how}", service.name),
            );
            self.findings.push(
                finding.at(place).label(*first, "first entry").help("write it once, with the weight that is meant"),
            );
        }
        merged.into_iter().map(|(service, weights, place)| (service, weights.iter().sum(), place)).collect()
    }
}

fn text(name: &Option<Spanned<String>>) -> &str {
    name.as_ref().map_or("", |name| name.value.as_str())
}

/// `example.com` must not be read as Service `example` in namespace `com` when the split names no namespace.
fn looks_like_top_level_domain(label: &str) -> bool {
    matches!(label, "com" | "org" | "net" | "io" | "dev" | "local" | "mesh" | "internal" | "example" | "test")
}

fn missing_service(place: Place) -> Finding {
    Finding::new(code!("split-incomplete"), "the split lacks a service name or a weight").at(place)
}

fn other_namespace(written: &str, place: Place) -> Finding {
    Finding::new(code!("backend-other-namespace"), format!("backend `{written}` is in another namespace"))
        .at(place)
        .note("SMI splits among Services of one namespace; only Flomesh took `namespace/name`")
        .help("convert with `--from flomesh` if that mesh ran it, or name a Service of the split's namespace")
}

fn refuse_weights(error: WeightError, place: Place) -> Finding {
    match error {
        WeightError::AllZero => Finding::new(code!("weights-all-zero"), "every weight is zero")
            .at(place)
            .note("Linkerd sent all traffic to the root Service, OSM's proxies refused the configuration, and a route answers 500")
            .help("give one backend a weight, or delete the split to send all traffic to the root Service"),
        WeightError::TooLarge(least) => {
            Finding::new(code!("weights-out-of-range"), format!("the ratio needs a weight of {least}, and a backendRef takes at most 1000000"))
                .at(place)
                .note("rounding would change shares without anyone having asked for it")
                .help("choose weights whose least integers are at most 1000000")
        }
    }
}
