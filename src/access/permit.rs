//! From a grant to a permission: its port numbers become ports of the destination's pods.

use std::collections::{BTreeMap, BTreeSet};

use super::{Item, Permission, PodPort, PortProtocol, Workloads};
use crate::code;
use crate::mappings::UnservedPorts;
use crate::model::grant::{Numbering, Ports};
use crate::report::Finding;

/// What the grant of `item` allows at these pods.
///
/// # Errors
/// The finding that says which port cannot be told from another, or is not known.
pub fn permission<'a>(item: &Item<'a>, workloads: &[Workloads]) -> Result<Permission<'a>, Box<Finding>> {
    let grant = &item.grant;
    all_known(item, workloads)?;
    let mut permission = Permission {
        object: Some(item.object),
        from: item.from.clone(),
        sources: grant.sources.clone(),
        http: BTreeMap::new(),
        opaque: BTreeSet::new(),
        udp: BTreeSet::new(),
        every_port: (grant.http_ports == Ports::Every || grant.opaque_ports == Ports::Every)
            && (grant.unserved == UnservedPorts::Granted || workloads.iter().all(|set| set.services.is_empty())),
        place: grant.place,
    };
    for set in workloads {
        for port in &set.ports {
            let named = match port.protocol {
                PortProtocol::Http if grant.requests.is_none() => false,
                PortProtocol::Http => has(&grant.http_ports, port, item)?,
                PortProtocol::Opaque => has(&grant.opaque_ports, port, item)?,
                PortProtocol::Udp => has(&grant.udp_ports, port, item)?,
            };
            if !named || !is_served(port, set, grant.unserved) {
                continue;
            }
            match port.protocol {
                PortProtocol::Http => {
                    permission.http.insert(port.number, grant.requests.clone());
                }
                PortProtocol::Opaque => {
                    permission.opaque.insert(port.number);
                }
                PortProtocol::Udp => {
                    permission.udp.insert(port.number);
                }
            }
        }
    }
    Ok(permission)
}

/// Whether the source mesh let the callers of a grant come to a port of these pods. Pods that no Service selects may have
/// one outside of the input, so nothing is said of theirs.
fn is_served(port: &PodPort, set: &Workloads, unserved: UnservedPorts) -> bool {
    unserved == UnservedPorts::Granted || !port.services.is_empty() || set.services.is_empty()
}

/// The pod ports that grants name and nothing declares: they are ports of these pods as well.
pub fn add_named_ports<'i, 'a: 'i>(items: impl Iterator<Item = &'i Item<'a>>, workloads: &mut [Workloads]) {
    for item in items.filter(|item| item.grant.numbering == Numbering::Pod) {
        let grant = &item.grant;
        let named = [
            (&grant.http_ports, PortProtocol::Http, grant.requests.is_none()),
            (&grant.opaque_ports, PortProtocol::Opaque, false),
            (&grant.udp_ports, PortProtocol::Udp, false),
        ];
        for (ports, protocol, nothing) in named {
            let Ports::Only(numbers) = ports else { continue };
            for set in workloads.iter_mut().filter(|_| !nothing) {
                for &number in numbers {
                    let udp = protocol == PortProtocol::Udp;
                    let known = |port: &PodPort| port.number == number && (port.protocol == PortProtocol::Udp) == udp;
                    if !set.ports.iter().any(known) {
                        set.ports.push(PodPort {
                            number,
                            protocol,
                            services: BTreeSet::new(),
                            checks: BTreeSet::new(),
                        });
                    }
                }
                set.ports.sort_by_key(|port| (port.number, port.protocol == PortProtocol::Udp));
            }
        }
    }
}

/// Whether `ports` of the grant have this pod port.
fn has(ports: &Ports, port: &PodPort, item: &Item<'_>) -> Result<bool, Box<Finding>> {
    match item.grant.numbering {
        Numbering::Pod => Ok(ports.has(port.number)),
        Numbering::Service => {
            let Ports::Only(_) = ports else { return Ok(true) };
            let granted: Vec<&(String, u16)> = port.services.iter().filter(|(_, number)| ports.has(*number)).collect();
            match port.services.iter().find(|(_, number)| !ports.has(*number)) {
                Some((service, number)) if !granted.is_empty() => Err(Box::new(shared(port, service, *number, item))),
                _ => Ok(!granted.is_empty()),
            }
        }
    }
}

/// Every port of a Service that the grant names leads to a port of the pods.
fn all_known(item: &Item<'_>, workloads: &[Workloads]) -> Result<(), Box<Finding>> {
    let ports = workloads.iter().flat_map(|set| &set.ports);
    let grant = &item.grant;
    if grant.numbering != Numbering::Service {
        return Ok(());
    }
    let requests = (!grant.requests.is_none()).then_some(&grant.http_ports);
    let named = requests.into_iter().chain([&grant.opaque_ports, &grant.udp_ports]);
    let numbers =
        named.filter_map(|ports| if let Ports::Only(numbers) = ports { Some(numbers) } else { None }).flatten();
    let led: BTreeSet<u16> = ports.flat_map(|port| &port.services).map(|(_, number)| *number).collect();
    match numbers.copied().find(|number| !led.contains(number)) {
        Some(number) => Err(Box::new(unknown(number, item))),
        None => Ok(()),
    }
}

fn unknown(number: u16, item: &Item<'_>) -> Finding {
    Finding::new(
        code!("grant-port-unknown"),
        format!("the grant names port {number}, and no Service that leads to the destination has it"),
    )
    .at(item.grant.place)
    .note(
        "SMI counts ports of Services here, and policy names those of the pods: only the Service says which one it is",
    )
    .help("give the Services with `--with FILE`, or take the port out of the grant if nothing listens there")
}

fn shared(port: &PodPort, service: &str, number: u16, item: &Item<'_>) -> Finding {
    Finding::new(
        code!("grant-port-shared"),
        format!(
            "port {number} of Service `{service}` leads to pod port {} as well, and the grant does not name it",
            port.number
        ),
    )
    .at(item.grant.place)
    .note("SMI counts ports of Services here; a policy sees only the port of the pods, where the two are one")
    .help("name both ports in the grant, or let the pods listen on a port of its own for each")
}
