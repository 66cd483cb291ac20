//! An HTTPRoute per root Service and port, or several where one would exceed a limit.

use gateway_api::apis::standard::httproutes::{
    HttpRouteParentRefs, HttpRouteRules, HttpRouteRulesBackendRefs, HttpRouteRulesMatches,
    HttpRouteRulesMatchesHeaders, HttpRouteRulesMatchesHeadersType, HttpRouteRulesMatchesMethod,
    HttpRouteRulesMatchesPath, HttpRouteRulesMatchesPathType, HttpRouteSpec,
};

use super::meet::Rule;
use super::{Converter, PortRoute};
use crate::code;
use crate::manifest::{Manifest, manifest};
use crate::mappings::{Limits, RegexRank, RegexReading, Served};
use crate::model::{HeaderPattern, Methods, PathPattern, RequestPattern, Share};
use crate::pattern::{Anchoring, Domain, HeaderLowering, PathLowering, escape, lower_header, lower_path, portable};
use crate::report::Finding;

/// The most headers of one match (kubernetes-sigs/gateway-api v1.6.1 `apis/v1/httproute_types.go`).
const MAX_HEADERS: usize = 16;

/// A path match before it is written: what the path may be, and the expression that says the same.
#[derive(Clone, Debug)]
enum PathTerm {
    Any,
    Exact(String),
    Prefix(String),
    Regex(String),
}

/// Whether paths are said as simply as they can, or all as regular expressions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Simplest,
    AllRegex,
}

impl Converter<'_> {
    pub(super) fn http_routes(
        &mut self,
        route: &PortRoute<'_>,
        served: &Served,
        limits: &Limits,
    ) -> Result<Vec<Manifest>, Finding> {
        let style = self.style(route);
        let mut rules = Vec::new();
        for rule in route.rules.all() {
            rules.extend(http_rule(route, rule, style, limits)?);
        }
        self.regex_findings(route);
        let name = self.name(route);
        let parts = chunks(rules, limits);
        if parts.len() > 1 && self.profile.bundle().is_some_and(|bundle| bundle.one_route_per_service) {
            return Err(Finding::new(
                code!("route-per-service"),
                format!(
                    "{} applies one route of a Service, and the matches of `{}` need {}",
                    self.profile.title(),
                    route.root.display(),
                    parts.len()
                ),
            )
            .help("convert for a later version, or use fewer matches"));
        }
        if parts.len() > 1 {
            let item = &self.items[route.origins[0]];
            let message = format!(
                "the matches of `{}` need {} routes, which the target merges",
                route.root.display(),
                parts.len()
            );
            let (object, place) = (item.object, item.root_place);
            self.find(object, Finding::new(code!("route-split-by-limits"), message).at(place));
        }
        let count = parts.len();
        Ok(parts
            .into_iter()
            .enumerate()
            .map(|(index, rules)| {
                let name = if count == 1 { name.clone() } else { format!("{name}-{index:02}") };
                let spec =
                    HttpRouteSpec { hostnames: None, parent_refs: Some(vec![parent(route)]), rules: Some(rules) };
                manifest(&served.api_version, "HTTPRoute", self.metadata(route, name), &spec)
            })
            .collect())
    }

    /// On a target that ranks a prefix above a regular expression, one regular expression makes all matches of the Service
    /// regular expressions: else a catch-all prefix would be tried first (istio/istio `pilot/pkg/config/kube/gateway`,
    /// sortHTTPRoutes; issue 60695).
    fn style(&self, route: &PortRoute<'_>) -> Style {
        let rank = self.profile.reading().map_or(RegexRank::Unspecified, |reading| reading.rank.is);
        let has_regex = route.rules.all().flat_map(|rule| rule.condition.iter().flatten()).any(|pattern| {
            pattern.path.as_ref().is_some_and(|path| matches!(lower_path(&path.language), PathLowering::Regex))
        });
        match rank {
            RegexRank::PrefixFirst | RegexRank::Unspecified if has_regex => Style::AllRegex,
            RegexRank::PrefixFirst | RegexRank::Unspecified | RegexRank::MatchedLength | RegexRank::RegexFirst => {
                Style::Simplest
            }
        }
    }

    /// What a person should know about the regular expressions of a route.
    fn regex_findings(&mut self, route: &PortRoute<'_>) {
        let reading = self.profile.reading().map_or(RegexReading::Unspecified, |reading| reading.regex.is);
        if reading != RegexReading::Unspecified {
            return;
        }
        let object = self.items[route.origins[0]].object;
        let regex_path = |path: &PathPattern| matches!(lower_path(&path.language), PathLowering::Regex);
        let regex_header = |header: &HeaderPattern| single_header(header).is_none();
        let patterns: Vec<RequestPattern> =
            route.rules.all().flat_map(|rule| rule.condition.clone().into_iter().flatten()).collect();
        for pattern in &patterns {
            let path = pattern.path.as_ref().filter(|path| regex_path(path)).map(|path| (&path.expression, path.place));
            let headers = pattern
                .headers
                .iter()
                .filter(|header| regex_header(header))
                .map(|header| (&header.expression, header.place));
            let written: Vec<_> = path.into_iter().chain(headers).collect();
            for (expression, place) in written {
                let finding = Finding::new(code!("regex-implementation-specific"), format!("`{expression}` stays a regular expression, which Gateway API leaves to each implementation"))
                    .at(place)
                    .note("Istio, Cilium and Kuma read RE2 and the whole value; Linkerd takes the first match and wants it to be the whole value; the output is written so that both come to the same")
                    .help("name the mesh with `--to` to have this checked against its engine");
                self.find(object, finding);
            }
        }
    }
}

/// Whether one rule can hold so many backends.
pub(super) fn check_backends(count: usize, limits: &Limits) -> Result<(), Finding> {
    let most = limits.backends;
    if count <= most {
        return Ok(());
    }
    let message = format!("{count} backends, and a rule of a route takes {most}");
    Err(Finding::new(code!("too-many-backends"), message).help("split among fewer Services"))
}

fn http_rule(
    route: &PortRoute<'_>,
    rule: &Rule,
    style: Style,
    limits: &Limits,
) -> Result<Vec<HttpRouteRules>, Finding> {
    check_backends(rule.shares.len(), limits)?;
    let matches = match (&rule.condition, style) {
        (None, Style::Simplest) => None,
        (None, Style::AllRegex) => Some(vec![HttpRouteRulesMatches {
            headers: None,
            method: None,
            path: Some(path_match(PathTerm::Regex(".*".into()))),
            query_params: None,
        }]),
        (Some(patterns), style) => {
            let mut matches = Vec::new();
            for pattern in patterns {
                matches.extend(http_matches(pattern, style)?);
            }
            matches.dedup();
            Some(matches)
        }
    };
    let backend_refs: Vec<_> = rule.shares.iter().map(|share| backend_ref(route, share)).collect();
    let rule = |matches| HttpRouteRules {
        backend_refs: Some(backend_refs.clone()),
        filters: None,
        matches,
        name: None,
        timeouts: None,
    };
    Ok(match matches {
        None => vec![rule(None)],
        Some(matches) => {
            let per_rule = limits.matches_per_rule.unwrap_or(usize::MAX);
            matches.chunks(per_rule).map(|chunk| rule(Some(chunk.to_vec()))).collect()
        }
    })
}

/// Rules in routes that keep the limits, in order: the rule for the rest stays last.
fn chunks(rules: Vec<HttpRouteRules>, limits: &Limits) -> Vec<Vec<HttpRouteRules>> {
    let mut parts: Vec<Vec<HttpRouteRules>> = vec![Vec::new()];
    let mut matches = 0;
    for rule in rules {
        let more = rule.matches.as_ref().map_or(1, Vec::len);
        let full = parts.last().is_some_and(|part| !part.is_empty() && part.len() == limits.rules);
        if full || (matches > 0 && limits.matches_per_route.is_some_and(|most| matches + more > most)) {
            parts.push(Vec::new());
            matches = 0;
        }
        matches += more;
        if let Some(part) = parts.last_mut() {
            part.push(rule);
        }
    }
    parts
}

fn parent(route: &PortRoute<'_>) -> HttpRouteParentRefs {
    HttpRouteParentRefs {
        group: Some(String::new()),
        kind: Some("Service".into()),
        name: route.root.name.clone(),
        namespace: None,
        port: Some(port_number(route)),
        section_name: None,
    }
}

fn backend_ref(route: &PortRoute<'_>, share: &Share) -> HttpRouteRulesBackendRefs {
    HttpRouteRulesBackendRefs {
        filters: None,
        group: None,
        kind: None,
        name: share.service.name.clone(),
        namespace: backend_namespace(route, share),
        port: Some(port_number(route)),
        weight: Some(weight(share)),
    }
}

/// A backend's namespace where it is not the route's.
pub(super) fn backend_namespace(route: &PortRoute<'_>, share: &Share) -> Option<String> {
    share.service.namespace.clone().filter(|namespace| Some(namespace) != route.root.namespace.as_ref())
}

pub(super) fn port_number(route: &PortRoute<'_>) -> i32 {
    i32::from(route.port.number)
}

pub(super) fn weight(share: &Share) -> i32 {
    i32::try_from(share.weight).unwrap_or(i32::MAX)
}

fn http_matches(pattern: &RequestPattern, style: Style) -> Result<Vec<HttpRouteRulesMatches>, Finding> {
    // The reading of a split refuses conditions on the host.
    let RequestPattern { methods, path, headers, authority: _, place } = pattern;
    if headers.len() > MAX_HEADERS {
        return Err(Finding::new(
            code!("too-many-headers"),
            format!("{} headers, and a match of a route takes {MAX_HEADERS}", headers.len()),
        )
        .at(*place)
        .help("use fewer headers in one match"));
    }
    let paths = path_terms(path.as_ref(), style)?;
    let headers = headers.iter().map(header_match).collect::<Result<Vec<_>, _>>()?;
    let methods: Vec<Option<HttpRouteRulesMatchesMethod>> = match methods {
        Methods::Any => vec![None],
        Methods::Only(methods) => methods.iter().map(|method| method_of(method)).collect(),
    };
    let mut matches = Vec::new();
    for path in &paths {
        for method in &methods {
            matches.push(HttpRouteRulesMatches {
                headers: (!headers.is_empty()).then(|| headers.clone()),
                method: method.clone(),
                path: match path {
                    PathTerm::Any => None,
                    path => Some(path_match(path.clone())),
                },
                query_params: None,
            });
        }
    }
    Ok(matches)
}

fn path_terms(path: Option<&PathPattern>, style: Style) -> Result<Vec<PathTerm>, Finding> {
    let terms = match path {
        None => vec![PathTerm::Any],
        Some(path) => match lower_path(&path.language) {
            PathLowering::Any => vec![PathTerm::Any],
            PathLowering::Never => Vec::new(),
            PathLowering::Exact(values) => values.into_iter().map(PathTerm::Exact).collect(),
            PathLowering::Prefix(value) => vec![PathTerm::Prefix(value)],
            PathLowering::Regex => {
                let expression = expression(Domain::Path, &path.expression, path.anchoring)
                    .map_err(|finding| finding.at(path.place))?;
                vec![PathTerm::Regex(expression)]
            }
        },
    };
    Ok(match style {
        Style::Simplest => terms,
        Style::AllRegex => terms.into_iter().map(as_regex).collect(),
    })
}

/// The same paths, said as a regular expression.
fn as_regex(term: PathTerm) -> PathTerm {
    PathTerm::Regex(match term {
        PathTerm::Any => ".*".to_owned(),
        PathTerm::Exact(value) => format!("^({})$", escape(&value)),
        PathTerm::Prefix(value) => format!("^({}(/.*)?)$", escape(value.trim_end_matches('/'))),
        PathTerm::Regex(expression) => expression,
    })
}

fn path_match(term: PathTerm) -> HttpRouteRulesMatchesPath {
    let (kind, value) = match term {
        PathTerm::Any => (HttpRouteRulesMatchesPathType::PathPrefix, "/".to_owned()),
        PathTerm::Exact(value) => (HttpRouteRulesMatchesPathType::Exact, value),
        PathTerm::Prefix(value) => (HttpRouteRulesMatchesPathType::PathPrefix, value),
        PathTerm::Regex(value) => (HttpRouteRulesMatchesPathType::RegularExpression, value),
    };
    HttpRouteRulesMatchesPath { r#type: Some(kind), value: Some(value) }
}

/// The one value that a header must have; none where it stays a regular expression.
fn single_header(header: &HeaderPattern) -> Option<String> {
    match lower_header(&header.language) {
        HeaderLowering::Exact(mut values) if values.len() == 1 => values.pop(),
        _ => None,
    }
}

fn header_match(header: &HeaderPattern) -> Result<HttpRouteRulesMatchesHeaders, Finding> {
    let (kind, value) = match single_header(header) {
        Some(value) => (HttpRouteRulesMatchesHeadersType::Exact, value),
        None => {
            let expression = expression(Domain::HeaderValue, &header.expression, header.anchoring);
            (
                HttpRouteRulesMatchesHeadersType::RegularExpression,
                expression.map_err(|finding| finding.at(header.place))?,
            )
        }
    };
    Ok(HttpRouteRulesMatchesHeaders { name: header.name.clone(), r#type: Some(kind), value })
}

/// The expression to emit: every engine reads the whole value by it.
pub(super) fn expression(domain: Domain, written: &str, anchoring: Anchoring) -> Result<String, Finding> {
    portable(domain, written, anchoring).map_err(|error| {
        Finding::new(
            code!("regex-too-long"),
            format!("`{written}` cannot be written as an expression of a route: {error}"),
        )
        .help("write it as several smaller matches")
    })
}

fn method_of(method: &str) -> Option<HttpRouteRulesMatchesMethod> {
    Some(match method {
        "GET" => HttpRouteRulesMatchesMethod::Get,
        "HEAD" => HttpRouteRulesMatchesMethod::Head,
        "PUT" => HttpRouteRulesMatchesMethod::Put,
        "POST" => HttpRouteRulesMatchesMethod::Post,
        "DELETE" => HttpRouteRulesMatchesMethod::Delete,
        "CONNECT" => HttpRouteRulesMatchesMethod::Connect,
        "OPTIONS" => HttpRouteRulesMatchesMethod::Options,
        "TRACE" => HttpRouteRulesMatchesMethod::Trace,
        "PATCH" => HttpRouteRulesMatchesMethod::Patch,
        _ => return None,
    })
}
