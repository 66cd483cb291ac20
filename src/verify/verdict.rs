//! What an evaluator answers, and how two of them compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::request::{Destination, Request, ServiceName};
use crate::place::Place;

/// What one side does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Where it goes, in exact proportions.
    Route(Route),
    /// Whether it may.
    Access(Access),
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// In which proportions.
    pub shares: Shares,
    /// What decided, the most specific first.
    pub causes: Vec<Cause>,
}

/// Whether a request may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// It may.
    pub allowed: bool,
    /// What decided, the most specific first.
    pub causes: Vec<Cause>,
}

/// Something that decided: a rule, an object, a row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Where it stands; none for what is true without being written, as that a Service without routes is reached.
    pub place: Option<Place>,
    /// What it is, for a sentence: `rule 2 of HTTPRoute shop/web`.
    pub what: String,
}

/// A Service that takes a share. Its namespace is that of the Service that was called unless it says otherwise, so that
/// two sides compare alike whether or not their manifests name the namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backend {
    /// A namespace other than that of the Service that was called.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// Exact proportions as least integers: the share of a backend is its number over the sum of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares {
    backends: BTreeMap<Backend, u128>,
    fails: u128,
}

/// What an evaluator knows of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does this.
    Certain(Decision),
    /// It does one of these, by an order that no manifest controls.
    Order {
        /// Each of them, at least two that differ.
        decisions: Vec<Decision>,
        /// What the order is.
        why: String,
    },
    /// It does each of these, as the sender chooses by which way to call.
    Each {
        /// Each of them, at least two that differ.
        decisions: Vec<Decision>,
        /// Which it does by which way, for a sentence: `denied by one of its addresses, allowed by another`.
        why: String,
    },
    /// It is not known what it does.
    Undecided(String),
}

/// Something that was taken for granted; part of the domain of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assumption {
    /// A Service that is not in the input exists, with the port it is asked for.
    Exists(ServiceName),
    /// A Service that is not in the input does not exist.
    Missing(ServiceName),
    /// Nothing says what speaks on a port, so it is HTTP.
    Http(ServiceName, u16),
    /// The port has the appProtocol that the target needs to route HTTP there.
    AppProtocol(ServiceName, u16),
    /// A waypoint serves the Service.
    Waypoint(ServiceName),
    /// An object that shadows the routes of a Service is cleared: its kind and name.
    Cleared(String),
    /// Only gRPC is spoken on the port.
    Grpc(ServiceName, u16),
    /// A field that does not decide where requests go is not compared: which one.
    NotCompared(String),
    /// Several engines are held to one answer: their names.
    Engines(String),
    /// Where TrafficTargets overlap and the mesh took one by an order that nobody controls, what any of them allows counts.
    Union,
    /// The pods of an account listen on no other ports than those that are declared or named.
    Listens(String),
    /// Nothing says what speaks on a port of the pods of an account, so it is HTTP.
    Speaks(String, u16),
    /// The kubelet's probes of the pods of an account reached them before.
    Probes(String),
    /// For the kubelet's sake a request to a port of the pods of an account is open to everyone.
    ProbePath(String, u16, String),
    /// Someone may call whom no TrafficTarget names, since the user said so: who.
    Caller(String),
    /// A setting of the mesh that is not in the input has its default: which one.
    Default(String),
    /// Every client has an address in these networks: all addresses of one family, and not of the other.
    Clients(String),
    /// The nodes have addresses in these networks.
    Nodes(String),
}

/// How two sides stand to each other at one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// Every request of the domain is decided alike.
    Equal,
    /// After, nothing gets more than before, and something gets less.
    Narrower,
    /// After, nothing gets less than before, and something gets more.
    Wider,
    /// Some requests are decided otherwise.
    Different,
    /// Whether they are alike depends on an order that no manifest controls.
    OrderDependent,
    /// It could not be found out.
    Undecided,
}

/// How two sides stand to each other at one destination, and how that is known.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// A port of a root Service (routing), or a workload (access).
    pub destination: Destination,
    /// How they stand.
    pub relation: Relation,
    /// What was taken for granted, beside [`DOMAIN`].
    pub domain: BTreeSet<Assumption>,
    /// A shortest request that shows it; none for `equal`, and for `undecided` where no request can show it.
    pub witness: Option<Witness>,
    /// Why it could not be decided, or what the order is.
    pub why: Option<String>,
}

/// A request and what each side does with it.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The request.
    pub request: Request,
    /// Before.
    pub before: Answer,
    /// After.
    pub after: Answer,
}

/// What every verdict takes for granted.
pub const DOMAIN: [&str; 5] = [
    "ports carry TCP",
    "methods are the nine that SMI and Gateway API can name",
    "paths are normalised and of printable ASCII; a query string counts only where a match names a parameter",
    "a request has one value per header name, of printable ASCII",
    "nothing outside of the input routes these Services",
];

// === impl Shares ===

impl Shares {
    /// Proportions from weights of any scale and what of them fails. Without any weight, everything fails.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = (Backend, u128)>, fails: u128) -> Self {
        let mut backends: BTreeMap<Backend, u128> = BTreeMap::new();
        for (backend, weight) in weights.into_iter().filter(|(_, weight)| *weight > 0) {
            *backends.entry(backend).or_default() += weight;
        }
        let divisor = backends.values().copied().fold(fails, greatest_common_divisor);
        if divisor == 0 {
            return Self::failing();
        }
        backends.values_mut().for_each(|weight| *weight /= divisor);
        Self { backends, fails: fails / divisor }
    }

    /// Everything to one backend.
    #[must_use]
    pub fn all_to(backend: Backend) -> Self {
        Self { backends: BTreeMap::from([(backend, 1)]), fails: 0 }
    }

    /// No request is answered by a backend.
    #[must_use]
    pub fn failing() -> Self {
        Self { backends: BTreeMap::new(), fails: 1 }
    }

    /// The backends and their parts of [`Shares::whole`], by name.
    pub fn backends(&self) -> impl Iterator<Item = (&Backend, u128)> {
        self.backends.iter().map(|(backend, part)| (backend, *part))
    }

    /// The part of [`Shares::whole`] that fails.
    #[must_use]
    pub fn fails(&self) -> u128 {
        self.fails
    }

    /// The sum of all parts, at least 1.
    #[must_use]
    pub fn whole(&self) -> u128 {
        self.backends.values().sum::<u128>() + self.fails
    }

    fn part(&self, backend: &Backend) -> u128 {
        self.backends.get(backend).copied().unwrap_or(0)
    }

    /// Whether no backend gets more than from `other`.
    fn is_within(&self, other: &Self) -> bool {
        let (own, whole) = (self.whole(), other.whole());
        self.backends.iter().all(|(backend, part)| {
            let (left, right) = (part.checked_mul(whole), other.part(backend).checked_mul(own));
            left.zip(right).is_some_and(|(left, right)| left <= right)
        })
    }
}

fn greatest_common_divisor(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.whole();
        let part = |part: u128| if part == whole { String::from("all") } else { format!("{part}/{whole}") };
        let mut parts: Vec<String> =
            self.backends.iter().map(|(backend, weight)| format!("{} to {backend}", part(*weight))).collect();
        if self.fails > 0 {
            parts.push(format!("{} fails", part(self.fails)));
        }
        f.write_str(&parts.join(", "))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, name, port } = self;
        match namespace {
            Some(namespace) => write!(f, "{namespace}/{name}:{port}"),
            None => write!(f, "{name}:{port}"),
        }
    }
}

// === impl Decision ===

impl Decision {
    /// Whether a request may, and what decided so.
    #[must_use]
    pub fn access(allowed: bool, causes: Vec<Cause>) -> Self {
        Self::Access(Access { allowed, causes })
    }

    /// A route.
    #[must_use]
    pub fn route(shares: Shares, causes: Vec<Cause>) -> Self {
        Self::Route(Route { shares, causes })
    }

    /// What decided.
    #[must_use]
    pub fn causes(&self) -> &[Cause] {
        match self {
            Self::Route(Route { causes, .. }) | Self::Access(Access { causes, .. }) => causes,
        }
    }

    /// How `after` stands to this one, before.
    #[must_use]
    pub fn relate(&self, after: &Self) -> Relation {
        match (self, after) {
            (Self::Route(before), Self::Route(after)) if before.shares == after.shares => Relation::Equal,
            (Self::Route(before), Self::Route(after)) if after.shares.is_within(&before.shares) => Relation::Narrower,
            (Self::Route(before), Self::Route(after)) if before.shares.is_within(&after.shares) => Relation::Wider,
            (Self::Access(before), Self::Access(after)) => match (before.allowed, after.allowed) {
                (true, false) => Relation::Narrower,
                (false, true) => Relation::Wider,
                (true, true) | (false, false) => Relation::Equal,
            },
            (Self::Route(_), Self::Route(_) | Self::Access(_)) | (Self::Access(_), Self::Route(_)) => {
                Relation::Different
            }
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "{}", route.shares),
            Self::Access(Access { allowed: true, .. }) => f.write_str("allowed"),
            Self::Access(Access { allowed: false, .. }) => f.write_str("denied"),
        }
    }
}

// === impl Answer ===

impl Answer {
    /// It may, for this reason.
    #[must_use]
    pub fn allowed(cause: Cause) -> Self {
        Self::Certain(Decision::access(true, vec![cause]))
    }

    /// It may not, for this reason.
    #[must_use]
    pub fn denied(cause: Cause) -> Self {
        Self::Certain(Decision::access(false, vec![cause]))
    }

    /// Whether it is certain that it may; none where nothing is certain.
    #[must_use]
    pub fn permits(&self) -> Option<bool> {
        match self {
            Self::Certain(Decision::Access(Access { allowed, .. })) => Some(*allowed),
            Self::Certain(Decision::Route(_)) | Self::Order { .. } | Self::Each { .. } | Self::Undecided(_) => None,
        }
    }

    /// One of several decisions; certain where all of them come to the same.
    #[must_use]
    pub fn one_of(decisions: Vec<Decision>, why: impl Into<String>) -> Self {
        let mut different: Vec<Decision> = Vec::new();
        for decision in decisions {
            if different.iter().all(|known| known.relate(&decision) != Relation::Equal) {
                different.push(decision);
            }
        }
        match different.len() {
            0 => Self::Undecided(why.into()),
            1 => Self::Certain(different.remove(0)),
            _ => Self::Order { decisions: different, why: why.into() },
        }
    }

    /// The decisions that are possible; none where it is undecided.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        match self {
            Self::Certain(decision) => std::slice::from_ref(decision),
            Self::Order { decisions, .. } | Self::Each { decisions, .. } => decisions,
            Self::Undecided(_) => &[],
        }
    }

    /// How `after` stands to this one, before.
    #[must_use]
    pub fn relate(&self, after: &Self) -> Relation {
        match (self, after) {
            (Self::Undecided(_), _) | (_, Self::Undecided(_)) => Relation::Undecided,
            (Self::Certain(before), Self::Certain(after)) => before.relate(after),
            // Whatever way is called by, the answer counts.
            (before, Self::Each { decisions, .. }) => {
                merge(decisions.iter().map(|after| before.relate(&Self::Certain(after.clone()))))
            }
            (Self::Each { decisions, .. }, after) => {
                merge(decisions.iter().map(|before| Self::Certain(before.clone()).relate(after)))
            }
            (before, after) => {
                let mut relations = BTreeSet::new();
                // Of an order that the source mesh left open, the union is what SMI asks for.
                if let (Self::Order { .. }, Self::Certain(Decision::Access(Access { allowed: true, .. }))) =
                    (before, after)
                {
                    return Relation::Equal;
                }
                for one in before.decisions() {
                    relations.extend(after.decisions().iter().map(|other| one.relate(other)));
                }
                if relations.contains(&Relation::Equal) { Relation::OrderDependent } else { merge(relations) }
            }
        }
    }

    /// Why it is not certain.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Certain(_) => None,
            Self::Order { why, .. } | Self::Each { why, .. } | Self::Undecided(why) => Some(why),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certain(decision) => write!(f, "{decision}"),
            Self::Order { decisions, why } => {
                let decisions: Vec<String> = decisions.iter().map(ToString::to_string).collect();
                write!(f, "one of: {} ({why})", decisions.join("; or "))
            }
            Self::Each { why, .. } => f.write_str(why),
            Self::Undecided(why) => write!(f, "not known: {why}"),
        }
    }
}

/// What several relations at one destination come to. A difference that was seen is one, whatever else was not decided;
/// that nothing gets more is only known where everything was decided.
#[must_use]
pub fn merge(relations: impl IntoIterator<Item = Relation>) -> Relation {
    let mut seen: BTreeSet<Relation> = relations.into_iter().collect();
    seen.remove(&Relation::Equal);
    match seen.len() {
        0 => Relation::Equal,
        1 => seen.into_iter().next().unwrap_or(Relation::Equal),
        _ if seen.iter().all(|one| matches!(one, Relation::OrderDependent | Relation::Undecided)) => {
            Relation::OrderDependent
        }
        _ => Relation::Different,
    }
}

// === impl Cause ===

impl Cause {
    /// Something that is true without being written.
    #[must_use]
    pub fn unwritten(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into() }
    }

    /// Something at a place.
    #[must_use]
    pub fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place: Some(place), what: what.into() }
    }
}

// === impl Relation ===

impl Relation {
    /// All relations, from best to worst.
    pub const ALL: [Self; 6] =
        [Self::Equal, Self::Narrower, Self::Wider, Self::Different, Self::OrderDependent, Self::Undecided];

    /// The word for it, as on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Different => "different",
            Self::OrderDependent => "order-dependent",
            Self::Undecided => "undecided",
        }
    }

    /// The relation of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.word() == word)
    }
}

impl fmt::Display for Assumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(service) => write!(f, "Service {service} exists, though it is not in the input"),
            Self::Missing(service) => write!(f, "Service {service} does not exist, as it is not in the input"),
            Self::Http(service, port) => write!(f, "port {port} of {service} speaks HTTP, though nothing says so"),
            Self::AppProtocol(service, port) => {
                write!(f, "port {port} of {service} has an appProtocol of HTTP, which the target needs")
            }
            Self::Waypoint(service) => write!(f, "a waypoint serves {service}"),
            Self::Cleared(what) => write!(f, "{what} is cleared, so that it shadows no route"),
            Self::Grpc(service, port) => write!(f, "only gRPC is spoken on port {port} of {service}"),
            Self::NotCompared(what) => write!(f, "not compared: {what}"),
            Self::Union => f.write_str(
                "where TrafficTargets overlap, what any of them allows counts, though the mesh took one by an order that \
                 nobody controls",
            ),
            Self::Listens(account) => {
                write!(f, "the pods of {account} listen on no ports but those that are declared or named")
            }
            Self::Speaks(account, port) => {
                write!(f, "port {port} of the pods of {account} speaks HTTP, though nothing says so")
            }
            Self::Probes(account) => write!(f, "the kubelet's probes reached the pods of {account} before"),
            Self::ProbePath(account, port, request) => {
                write!(f, "platform allowance: {request} on port {port} of {account} is open, for the kubelet's probes")
            }
            Self::Caller(who) => write!(f, "{who} may call, as it was named on the command line or in the configuration"),
            Self::Default(what) => write!(f, "{what}, which is the default"),
            Self::Clients(networks) => write!(f, "every address is in {networks}"),
            Self::Nodes(networks) => write!(f, "the nodes have addresses in {networks}"),
            Self::Engines(names) => write!(f, "the engine is one of {names}"),
        }
    }
}
