//! Which Service a name in a TrafficSplit named, under the forms that a mesh took.

use crate::mappings::NameForms;
use crate::verify::request::{ServiceName, same_namespace};

/// What a written name comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A Service.
    Service(ServiceName),
    /// No Service of the cluster, under any of the mesh's forms.
    Nothing,
    /// The forms of the table do not say.
    Unclear(String),
}

/// The Service that `written` named for a split of `namespace`.
pub(super) fn service(written: &str, namespace: Option<&str>, forms: NameForms) -> Named {
    let here =
        |name: &str| Named::Service(ServiceName { namespace: namespace.map(str::to_owned), name: name.to_owned() });
    if let Some((other, name)) = written.split_once('/') {
        return match forms {
            NameForms::BareOrSlash if is_label(other) && is_label(name) => {
                Named::Service(ServiceName { namespace: Some(other.to_owned()), name: name.to_owned() })
            }
            _ => Named::Nothing,
        };
    }
    if is_label(written) {
        return here(written);
    }
    match forms {
        NameForms::Bare | NameForms::BareOrSlash => Named::Nothing,
        NameForms::Qualified => qualified(written, namespace),
        NameForms::AnyHost => match qualified(written, namespace) {
            Named::Service(_) if written.trim_end_matches('.').split('.').count() == 2 => Named::Unclear(format!(
                "whether `{written}` was a Service or a host outside depended on the mesh's registry"
            )),
            named => named,
        },
    }
}

/// `web.ns`, `web.ns.svc`, `web.ns.svc.cluster.local`, each also with `:port`.
fn qualified(written: &str, namespace: Option<&str>) -> Named {
    let host = match written.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) => return Named::Nothing,
        None => written,
    };
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    if !labels.iter().all(|label| is_label(label)) {
        return Named::Nothing;
    }
    let (name, other) = match labels.as_slice() {
        [name] => (name, None),
        [name, other] | [name, other, "svc", ..] => (name, Some(*other)),
        _ => return Named::Nothing,
    };
    // A split is about the Services of its own namespace.
    if !same_namespace(namespace, other) {
        return Named::Nothing;
    }
    let namespace = namespace.or(other).map(str::to_owned);
    Named::Service(ServiceName { namespace, name: (*name).to_owned() })
}

/// An RFC 1123 label, as the names of Services and namespaces are.
fn is_label(text: &str) -> bool {
    let edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let edges = bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge);
    edges && bytes.len() <= 63 && bytes.iter().all(|byte| edge(byte) || *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(written: &str, forms: NameForms) -> Option<String> {
        match service(written, Some("shop"), forms) {
            Named::Service(service) => Some(service.to_string()),
            Named::Nothing => None,
            Named::Unclear(_) => Some("unclear".into()),
        }
    }

    #[test]
    fn a_bare_name_is_a_service_of_the_namespace_under_all_forms() {
        for forms in [NameForms::Bare, NameForms::Qualified, NameForms::BareOrSlash, NameForms::AnyHost] {
            assert_eq!(named("web", forms).as_deref(), Some("shop/web"));
        }
    }

    #[test]
    fn a_long_name_names_nothing_where_only_bare_names_are_taken() {
        assert_eq!(named("web.shop.svc.cluster.local", NameForms::Bare), None);
        assert_eq!(named("web:80", NameForms::Bare), None);
        assert_eq!(named("web.shop.svc:80", NameForms::Qualified).as_deref(), Some("shop/web"));
        assert_eq!(named("web.other", NameForms::Qualified), None);
        assert_eq!(named("web.shop", NameForms::AnyHost).as_deref(), Some("unclear"));
    }

    #[test]
    fn a_slash_names_another_namespace_where_that_is_taken() {
        assert_eq!(named("other/web", NameForms::BareOrSlash).as_deref(), Some("other/web"));
        assert_eq!(named("other/web", NameForms::Qualified), None);
    }
}
