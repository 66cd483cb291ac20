//! Reads a TrafficTarget as one source mesh did.
//!
//! Every question on which meshes part is a row of `AccessReading`; what follows from the row is here, once. What a mesh
//! is not known to have done is refused, never guessed: a permission that is guessed wrong is a breach or an outage. What
//! several grants come to together (overlap, default deny) is not decided here.

mod alike;
mod rules;

use super::ONE_VERSION;
use super::grant::{Account, Grant, Principal};
use super::named::{Entry, Named};
use super::pattern::{Languages, MatchReading, unsaid};
use super::reading::{Whose, not_served};
use super::split::{Groups, Refusal};
use crate::code;
use crate::inventory::Lookup;
use crate::mappings::{
    self, AccessReading, MissingNamespace, MissingReference, NoSources, OpaqueSources, OtherNamespace,
};
use crate::place::{Place, SourceId, Span, Spanned};
use crate::report::Finding;
use crate::smi::{HttpRouteGroup, IdentityBinding, Kind, PortRoute, Subject, TrafficTarget, Version};
use rules::Allowed;

/// What a mesh made of a TrafficTarget.
#[derive(Clone, Debug)]
pub enum AccessMeaning {
    /// It allowed something.
    Grant(Box<Grant>, Vec<Finding>),
    /// The mesh took it and it allowed nothing: without it, the cluster does the same.
    NoEffect {
        /// Why, after "it had no effect: ".
        why: String,
        /// What a person should know about this reading.
        findings: Vec<Finding>,
    },
    /// The mesh did not serve this version of an object that is involved (`TrafficTarget v1alpha2`).
    NotServed(String),
}

/// What a TrafficTarget may refer to.
#[derive(Clone, Copy, Debug)]
pub struct AccessSurroundings<'a> {
    /// The namespace that the TrafficTarget ends in; none where nothing says.
    pub namespace: Option<&'a str>,
    /// The HTTPRouteGroups of the scope.
    pub groups: &'a Groups<'a>,
    /// The TCPRoutes of the scope.
    pub tcp_routes: &'a Named<'a, PortRoute>,
    /// The UDPRoutes of the scope.
    pub udp_routes: &'a Named<'a, PortRoute>,
    /// The IdentityBindings of the scope.
    pub bindings: &'a Named<'a, IdentityBinding>,
    /// Compiled expressions.
    pub languages: &'a Languages,
}

// === impl AccessMeaning ===

impl AccessMeaning {
    /// What a person should be told of a TrafficTarget that allowed nothing; none for a grant.
    #[must_use]
    pub fn told(&self, mesh: &mappings::Source, place: Place) -> Option<Finding> {
        match self {
            Self::Grant(..) => None,
            Self::NoEffect { why, findings: _ } => Some(
                Finding::new(code!("target-had-no-effect"), format!("the TrafficTarget had no effect: {why}"))
                    .at(place)
                    .note("no policy is written for it, which keeps what the cluster did")
                    .help("delete it, or convert it with `--from spec` if it should take effect now"),
            ),
            Self::NotServed(what) => Some(not_served(what, mesh, place)),
        }
    }
}

// --- whose reading ---

/// Reads `target` under `whose` reading. Where nobody said whose, all meshes that served it must have read it alike.
///
/// # Errors
/// The finding that keeps it from being converted.
pub fn decide(
    target: &TrafficTarget,
    source: SourceId,
    whose: Whose,
    around: AccessSurroundings<'_>,
) -> Result<AccessMeaning, Refusal> {
    match whose {
        Whose::Mesh(mesh) => read(target, source, mesh, around),
        Whose::Unknown => alike::alike(target, source, around),
    }
}

// --- one mesh's reading ---

/// Reads `target` as `mesh` did.
///
/// # Errors
/// The finding that keeps it from being converted, whatever the mesh did.
pub fn read(
    target: &TrafficTarget,
    source: SourceId,
    mesh: &mappings::Source,
    around: AccessSurroundings<'_>,
) -> Result<AccessMeaning, Refusal> {
    let Some(reading) = mesh.access.as_ref().filter(|_| mesh.serves(Kind::TrafficTarget, target.meta.version)) else {
        return Ok(AccessMeaning::NotServed(format!("TrafficTarget {}", target.meta.id.version)));
    };
    let mut reader = Reader {
        target,
        source,
        mesh,
        reading,
        matches: MatchReading::of_access(reading),
        around,
        findings: Vec::new(),
    };
    match reader.grant() {
        Ok(grant) if grants_nothing(&grant) => Ok(AccessMeaning::NoEffect {
            why: "none of its rules allows anything".to_owned(),
            findings: reader.findings,
        }),
        Ok(grant) => Ok(AccessMeaning::Grant(Box::new(grant), reader.findings)),
        Err(Stop::NoEffect(why)) => Ok(AccessMeaning::NoEffect { why, findings: reader.findings }),
        Err(Stop::NotServed(what)) => Ok(AccessMeaning::NotServed(what)),
        Err(Stop::Refused(refusal)) => Err(refusal),
    }
}

fn grants_nothing(grant: &Grant) -> bool {
    let no_request = grant.http_ports.is_none() || grant.requests.is_none();
    no_request && grant.opaque_ports.is_none() && grant.udp_ports.is_none()
}

/// Why the reading ends before there is a grant.
enum Stop {
    NoEffect(String),
    NotServed(String),
    Refused(Refusal),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Refused(Box::new(finding))
    }
}

struct Reader<'a> {
    target: &'a TrafficTarget,
    source: SourceId,
    mesh: &'a mappings::Source,
    reading: &'a AccessReading,
    matches: MatchReading,
    around: AccessSurroundings<'a>,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    fn grant(&mut self) -> Result<Grant, Stop> {
        let Some(subject) = &self.target.destination else {
            return Err(self.incomplete(self.target.meta.span).into());
        };
        let namespace = self.destination_namespace(subject)?;
        let destination = self.principals(subject, namespace)?.into_iter().map(|(principal, _)| principal).collect();
        let sources = self.sources()?;
        let (limit, numbering) = self.destination_port(subject)?;
        let (allowed, numbering) = self.allowed(limit, numbering)?;
        let Allowed { http_ports, requests, opaque_ports, udp_ports } = allowed;
        let place = self.at(subject.span);
        if self.reading.opaque_sources.is == OpaqueSources::Anyone && !opaque_ports.is_none() {
            self.findings.push(
                Finding::new(
                    code!("opaque-sources-unchecked"),
                    format!("{} compared sources only for HTTP", self.mesh.title),
                )
                .at(place)
                .note(
                    "on ports that do not speak HTTP it let in callers whom no TrafficTarget names; policy stops them",
                )
                .help("try the policy in its audit form first, and name every caller of those ports"),
            );
        }
        let unserved = self.reading.unserved_ports.is;
        Ok(Grant { destination, sources, numbering, http_ports, requests, opaque_ports, udp_ports, unserved, place })
    }

    fn at(&self, span: Span) -> Place {
        Place { source: self.source, span }
    }

    fn incomplete(&self, span: Span) -> Finding {
        Finding::new(code!("target-incomplete"), "the TrafficTarget lacks a kind or a name that it cannot do without")
            .at(self.at(span))
    }

    fn undefined(&self, span: Span, what: &str, help: &str) -> Stop {
        let help = format!("{help}, or say which mesh read it with `--from`");
        unsaid(self.at(span), what).help(help).into()
    }

    // --- who ---

    fn destination_namespace(&self, subject: &Subject) -> Result<Option<String>, Stop> {
        let Some(written) = &subject.namespace else {
            return self.missing_namespace(self.reading.destination_namespace.is, subject, "a destination");
        };
        let elsewhere = self.around.namespace.is_some_and(|own| own != written.value);
        match self.reading.other_namespace.is {
            OtherNamespace::NoEffect if elsewhere => Err(Stop::NoEffect(format!(
                "{} ignores a TrafficTarget whose destination is in another namespace, `{}`",
                self.mesh.title, written.value
            ))),
            OtherNamespace::Undefined if elsewhere => Err(self.undefined(
                written.span,
                "a TrafficTarget whose destination is in another namespace",
                "move it to the namespace of its destination",
            )),
            OtherNamespace::Allowed | OtherNamespace::NoEffect | OtherNamespace::Undefined => {
                Ok(Some(written.value.clone()))
            }
        }
    }

    fn missing_namespace(
        &self,
        reading: MissingNamespace,
        subject: &Subject,
        what: &str,
    ) -> Result<Option<String>, Stop> {
        match reading {
            MissingNamespace::Own => Ok(self.around.namespace.map(str::to_owned)),
            MissingNamespace::Default => Ok(Some("default".to_owned())),
            MissingNamespace::NoEffect => {
                Err(Stop::NoEffect(format!("for {}, {what} without `namespace` names no account", self.mesh.title)))
            }
            MissingNamespace::Undefined => {
                Err(self.undefined(subject.span, &format!("{what} without `namespace`"), "write the namespace"))
            }
        }
    }

    fn sources(&mut self) -> Result<Vec<(Principal, Place)>, Stop> {
        let target = self.target;
        let written = target.sources.as_deref().unwrap_or_default();
        if written.is_empty() {
            return Err(self.no_sources());
        }
        let mut sources: Vec<(Principal, Place)> = Vec::new();
        let mut without = None;
        for subject in written {
            let namespace = match &subject.namespace {
                Some(namespace) => Some(namespace.value.clone()),
                None => match self.missing_namespace(self.reading.source_namespace.is, subject, "a source") {
                    Err(Stop::NoEffect(why)) => {
                        let finding =
                            Finding::new(code!("source-had-no-effect"), format!("a source had no effect: {why}"));
                        let finding =
                            finding.at(self.at(subject.span)).help("delete it, or write the namespace that is meant");
                        self.findings.push(finding);
                        without = Some(why);
                        continue;
                    }
                    namespace => namespace?,
                },
            };
            for (principal, place) in self.principals(subject, namespace)? {
                if !sources.iter().any(|(known, _)| *known == principal) {
                    sources.push((principal, place));
                }
            }
        }
        match without {
            Some(why) if sources.is_empty() => Err(Stop::NoEffect(why)),
            _ => Ok(sources),
        }
    }

    fn no_sources(&self) -> Stop {
        let span = self.target.meta.name.span;
        match self.reading.no_sources.is {
            NoSources::Nobody => Stop::NoEffect("it names no source".to_owned()),
            NoSources::Anyone => Finding::new(code!("target-sources-empty"), "the TrafficTarget names no source")
                .at(self.at(span))
                .note(format!("{} let in everyone who spoke to the destination's proxy", self.mesh.title))
                .help("name the callers that are meant")
                .into(),
            NoSources::Undefined => {
                self.undefined(span, "a TrafficTarget without sources", "name the callers that are meant")
            }
        }
    }

    fn principals(&self, subject: &Subject, namespace: Option<String>) -> Result<Vec<(Principal, Place)>, Stop> {
        let (Some(kind), Some(name)) = (&subject.kind, &subject.name) else {
            return Err(self.incomplete(subject.span).into());
        };
        let place = self.at(subject.span);
        match kind.value.as_str() {
            "ServiceAccount" => Ok(vec![(Principal::Account(Account { namespace, name: name.value.clone() }), place)]),
            "IdentityBinding" if self.mesh.serves(Kind::IdentityBinding, Version::V1alpha4) => {
                let binding = self.bound(name, namespace.as_deref())?;
                let identities = identities(&binding);
                if identities.is_empty() {
                    return Err(self.unreadable(
                        Kind::IdentityBinding,
                        name,
                        binding.source,
                        binding.object.meta.name.span,
                    ));
                }
                Ok(identities.into_iter().map(|principal| (principal, place)).collect())
            }
            other => Err(Finding::new(
                code!("subject-kind-unsupported"),
                format!("`{other}` `{}` is no identity", name.value),
            )
            .at(self.at(kind.span))
            .note(format!("{} knows callers and destinations by their ServiceAccount", self.mesh.title))
            .help("name the ServiceAccount of the pods that are meant")
            .into()),
        }
    }

    fn bound(&self, name: &Spanned<String>, namespace: Option<&str>) -> Result<Entry<'a, IdentityBinding>, Stop> {
        let entry = self.there(Kind::IdentityBinding, name, self.around.bindings.find(namespace, &name.value))?;
        if entry.blocked {
            return Err(self.unreadable(Kind::IdentityBinding, name, entry.source, entry.object.meta.name.span));
        }
        Ok(entry)
    }

    // --- references ---

    /// The object that a name leads to. One that is not in the scope may yet be in the cluster, so nothing is concluded
    /// from its absence.
    fn there<T: HasName>(
        &self,
        kind: Kind,
        name: &Spanned<String>,
        found: Lookup<Entry<'a, T>>,
    ) -> Result<Entry<'a, T>, Stop> {
        match found {
            Lookup::Found(entry) => Ok(entry),
            Lookup::Ambiguous(first, second) => {
                let message = format!("{} `{}` is there more than once", kind.name(), name.value);
                let place = |entry: Entry<'a, T>| Place { source: entry.source, span: entry.object.name_span() };
                Err(Finding::new(code!("target-reference-ambiguous"), message)
                    .at(self.at(name.span))
                    .label(place(first), "one of them")
                    .label(place(second), "another one")
                    .help(format!("write the namespaces, or {ONE_VERSION}"))
                    .into())
            }
            Lookup::Missing => {
                let message = format!("{} `{}` is not in this scope", kind.name(), name.value);
                Err(Finding::new(code!("target-reference-missing"), message)
                    .at(self.at(name.span))
                    .note(self.if_missing(kind))
                    .help("give it with `--with FILE`, or repair the name")
                    .into())
            }
        }
    }

    fn if_missing(&self, kind: Kind) -> String {
        let row = match kind {
            Kind::HTTPRouteGroup => self.reading.missing_group.is,
            Kind::TCPRoute => self.reading.missing_route.is,
            _ => MissingReference::Undefined,
        };
        let title = &self.mesh.title;
        match row {
            MissingReference::Skipped => format!("if the cluster lacks it too, {title} allowed nothing by this rule"),
            MissingReference::TargetDropped => {
                format!("if the cluster lacks it too, {title} dropped the TrafficTarget")
            }
            MissingReference::Undefined => "without it nobody knows what is allowed".to_owned(),
        }
    }

    fn unreadable(&self, kind: Kind, name: &Spanned<String>, source: SourceId, span: Span) -> Stop {
        let message = format!("{} `{}` cannot be read as it is", kind.name(), name.value);
        Finding::new(code!("target-reference-unreadable"), message)
            .at(self.at(name.span))
            .label(Place { source, span }, "its own findings say why")
            .help("repair that object first")
            .into()
    }
}

/// Who an IdentityBinding stands for: its schemes are alternatives, each within its namespace (smi-spec@cc4babd
/// `apis/traffic-access/v1alpha4/traffic-access.md`).
fn identities(binding: &Entry<'_, IdentityBinding>) -> Vec<Principal> {
    let Some(schemes) = &binding.object.schemes else { return Vec::new() };
    let namespace = || binding.namespace.map(str::to_owned);
    let account = schemes
        .service_account
        .iter()
        .map(|name| Principal::Account(Account { namespace: namespace(), name: name.value.clone() }));
    let spiffe = schemes.spiffe_identities.iter().map(|id| identity(&id.value));
    let pods = schemes
        .pod_labels
        .iter()
        .filter(|labels| !labels.value.is_empty())
        .map(|labels| Principal::Pods { namespace: namespace(), labels: labels.value.clone() });
    account.chain(spiffe).chain(pods).collect()
}

/// Whom a SPIFFE ID stands for: in the trust domain of the cluster, an account of it.
fn identity(written: &str) -> Principal {
    let id = written.strip_prefix("spiffe://").unwrap_or(written);
    match id.split('/').collect::<Vec<_>>().as_slice() {
        ["cluster.local", "ns", namespace, "sa", name] => {
            Principal::Account(Account { namespace: Some((*namespace).to_owned()), name: (*name).to_owned() })
        }
        _ => Principal::Spiffe(format!("spiffe://{id}")),
    }
}

/// What a reference can lead to.
trait HasName {
    fn name_span(&self) -> Span;
}

impl HasName for HttpRouteGroup {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}

impl HasName for PortRoute {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}

impl HasName for IdentityBinding {
    fn name_span(&self) -> Span {
        self.meta.name.span
    }
}
