//! Who reaches a destination without a grant, and stops reaching it once its policy enforces.
//!
//! SMI says nothing of an ingress or a scraper: the source mesh let them through by other means. Each one that is found
//! holds the destination until the user has said who it is (`--ingress`, `--scraper`), or that there is none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Permission, PodPort, PortProtocol, Settings, Workloads};
use crate::code;
use crate::inventory::{Caller, CallerKind, Inventory, Reach, Workload};
use crate::model::grant::{Account, Principal, Requests};
use crate::place::Place;
use crate::report::Finding;

/// Callers that are named together, each by a flag of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerClass {
    /// What comes from outside of the mesh: `--ingress`.
    Ingress,
    /// Who reads metrics: `--scraper`.
    Scraper,
}

/// What the user said of the callers of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// They call as these accounts.
    Accounts(BTreeSet<Account>),
    /// There is none, or it may stop.
    None,
}

// === impl CallerClass ===

impl CallerClass {
    /// The class of a caller.
    #[must_use]
    pub fn of(kind: CallerKind) -> Self {
        match kind {
            CallerKind::Scraper => Self::Scraper,
            CallerKind::Ingress
            | CallerKind::GatewayRoute
            | CallerKind::IngressBackend
            | CallerKind::LoadBalancer
            | CallerKind::NodePort
            | CallerKind::HostPort
            | CallerKind::OtherCluster
            | CallerKind::ApiServer => Self::Ingress,
        }
    }

    /// The flag that names its callers.
    #[must_use]
    pub fn flag(self) -> &'static str {
        match self {
            Self::Ingress => "--ingress",
            Self::Scraper => "--scraper",
        }
    }
}

/// What callers without a grant come to at one destination.
#[derive(Debug, Default)]
pub struct Met {
    /// Permissions of those whom the user named.
    pub permissions: Vec<Permission<'static>>,
    /// Findings about those whom nobody named: each holds the destination.
    pub unnamed: Vec<Finding>,
}

/// Looks for the callers of `members`, whose pods are those of `workloads`.
#[must_use]
pub fn meet(
    members: &[&Workload],
    workloads: &[Workloads],
    inventory: &Inventory,
    settings: &Settings,
    place: Place,
) -> Met {
    let mut found: BTreeMap<CallerClass, Vec<&Caller>> = BTreeMap::new();
    for member in members {
        for caller in inventory.callers_of(member) {
            let known = found.entry(CallerClass::of(caller.how)).or_default();
            if !known.contains(&caller) {
                known.push(caller);
            }
        }
    }
    let mut met = Met::default();
    for (class, callers) in found {
        match settings.callers.get(&class) {
            Some(Named::None) => {}
            Some(Named::Accounts(accounts)) => {
                let ports = reached(&callers, workloads);
                met.permissions.push(permission(accounts, &ports, place));
            }
            None => met.unnamed.push(unnamed(class, &callers, place)),
        }
    }
    met
}

fn unnamed(class: CallerClass, callers: &[&Caller], place: Place) -> Finding {
    let first = callers[0];
    let (what, code) = match class {
        CallerClass::Ingress => ("from outside the mesh", code!("caller-ingress")),
        CallerClass::Scraper => ("to read metrics", code!("caller-scraper")),
    };
    let more = if callers.len() > 1 { format!(", and so do {} more", callers.len() - 1) } else { String::new() };
    let flag = class.flag();
    let finding = Finding::new(code, format!("{} reaches the destination {what}, and no grant names it{more}", first.display()))
        .at(place)
        .note("the first policy of a destination denies everyone whom it does not name")
        .help(format!(
            "say which account it calls as with `{flag} NAMESPACE/ACCOUNT`, or `{flag} none` if there is none or it may stop"
        ));
    callers.iter().take(5).fold(finding, |finding, caller| finding.label(caller.place, "it is let in here"))
}

/// The pod ports that callers reach; every port where one of them does not say.
fn reached<'w>(callers: &[&Caller], workloads: &'w [Workloads]) -> Vec<&'w PodPort> {
    let all: Vec<&PodPort> = workloads.iter().flat_map(|set| &set.ports).collect();
    let leads = |caller: &&Caller, port: &PodPort| match &caller.reaches {
        Reach::Service { name, port: Some(number), .. } => match number.parse::<u16>() {
            Ok(number) => port.services.contains(&(name.clone(), number)),
            Err(_) => port.services.iter().any(|(service, _)| service == name),
        },
        Reach::Service { name, port: None, .. } => port.services.iter().any(|(service, _)| service == name),
        Reach::Workload { port: Some(number), .. } => number.parse() == Ok(port.number),
        Reach::Workload { port: None, .. } | Reach::Services(_) | Reach::Pods(_) => true,
    };
    all.into_iter().filter(|port| callers.iter().any(|caller| leads(caller, port))).collect()
}

/// Whatever these accounts send to these ports.
fn permission(accounts: &BTreeSet<Account>, ports: &[&PodPort], place: Place) -> Permission<'static> {
    let numbers =
        |protocol: PortProtocol| ports.iter().filter(move |port| port.protocol == protocol).map(|port| port.number);
    Permission {
        object: None,
        from: Vec::new(),
        sources: accounts.iter().map(|account| (Principal::Account(account.clone()), place)).collect(),
        http: numbers(PortProtocol::Http).map(|number| (number, Requests::Every)).collect(),
        opaque: numbers(PortProtocol::Opaque).collect(),
        udp: BTreeSet::new(),
        every_port: false,
        place,
    }
}
