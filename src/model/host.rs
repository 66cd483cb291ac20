//! What a name in a TrafficSplit names: a Service here, a Service elsewhere, or a host outside.

/// A host as written in `spec.service` or `backends[].service`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `web`
    Bare(String),
    /// `web.ns`, `web.ns.svc`, `web.ns.svc.cluster.local`
    Qualified {
        /// `web`
        name: String,
        /// `ns`
        namespace: String,
    },
    /// `ns/web`, Flomesh's form.
    Slash {
        /// `web`
        name: String,
        /// `ns`
        namespace: String,
    },
    /// Anything else: a host that no Service has.
    External,
}

/// A host and the port written behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// `:8080`
    pub port: Option<u16>,
}

impl HostPort {
    /// Reads `text`. `web.ns` is a Service if `is_namespace("ns")`, else an external host: `example.com` has the same
    /// shape.
    #[must_use]
    pub fn read(text: &str, is_namespace: impl Fn(&str) -> bool) -> Self {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => match port.parse() {
                Ok(number) => (host, Some(number)),
                Err(_) => return Self { host: Host::External, port: None },
            },
            None => (text, None),
        };
        Self { host: read_host(host, is_namespace), port }
    }
}

fn read_host(host: &str, is_namespace: impl Fn(&str) -> bool) -> Host {
    if let Some((namespace, name)) = host.split_once('/') {
        return if is_label(namespace) && is_label(name) {
            Host::Slash { name: name.to_owned(), namespace: namespace.to_owned() }
        } else {
            Host::External
        };
    }
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    if !labels.iter().all(|label| is_label(label)) {
        return Host::External;
    }
    match labels.as_slice() {
        [name] => Host::Bare((*name).to_owned()),
        [name, namespace] if is_namespace(namespace) => qualified(name, namespace),
        [name, namespace, "svc", ..] => qualified(name, namespace),
        _ => Host::External,
    }
}

fn qualified(name: &str, namespace: &str) -> Host {
    Host::Qualified { name: name.to_owned(), namespace: namespace.to_owned() }
}

/// An RFC 1123 label, as Service and namespace names are.
fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else { return false };
    bytes.len() <= 63 && inner(first) && inner(last) && bytes.iter().all(|&byte| inner(byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> HostPort {
        HostPort::read(text, |namespace| namespace == "shop")
    }

    #[test]
    fn a_fully_qualified_name_names_a_service() {
        for text in ["web.shop", "web.shop.svc", "web.shop.svc.cluster.local", "web.shop.svc.example.org."] {
            assert_eq!(read(text).host, qualified("web", "shop"), "{text}");
        }
    }

    #[test]
    fn two_labels_are_a_service_only_where_the_second_is_a_namespace() {
        assert_eq!(read("example.com").host, Host::External);
        assert_eq!(read("api.example.com").host, Host::External);
    }

    #[test]
    fn a_port_is_taken_off() {
        assert_eq!(read("web:8080"), HostPort { host: Host::Bare("web".into()), port: Some(8080) });
        assert_eq!(read("web:http").host, Host::External);
    }

    #[test]
    fn a_slash_names_another_namespace() {
        assert_eq!(read("other/web").host, Host::Slash { name: "web".into(), namespace: "other".into() });
        assert_eq!(read("/web").host, Host::External);
    }
}
