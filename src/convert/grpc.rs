//! A GRPCRoute, on request, for a port that speaks gRPC.
//!
//! A gRPC call is a POST to `/package.Service/Method`; a condition on methods or paths has no exact twin in a GRPCRoute, so
//! only splits without one, or with conditions on headers alone, take this form.

use gateway_api::apis::standard::grpcroutes::{
    GrpcRouteParentRefs, GrpcRouteRules, GrpcRouteRulesBackendRefs, GrpcRouteRulesMatches,
    GrpcRouteRulesMatchesHeaders, GrpcRouteRulesMatchesHeadersType, GrpcRouteSpec,
};

use super::http::{backend_namespace, expression, port_number, weight};
use super::{Converter, PortRoute};
use crate::code;
use crate::manifest::{Manifest, manifest};
use crate::mappings::{Limits, Served};
use crate::model::{HeaderPattern, Methods, RequestPattern};
use crate::pattern::{Domain, HeaderLowering, lower_header};
use crate::report::Finding;

impl Converter<'_> {
    pub(super) fn grpc_route(
        &mut self,
        route: &PortRoute<'_>,
        served: &Served,
        limits: &Limits,
    ) -> Result<Vec<Manifest>, Finding> {
        let mut rules = Vec::new();
        for rule in route.rules.all() {
            let matches = match &rule.condition {
                None => None,
                Some(patterns) => Some(patterns.iter().map(grpc_match).collect::<Result<Vec<_>, _>>()?),
            };
            let backend_refs = rule
                .shares
                .iter()
                .map(|share| GrpcRouteRulesBackendRefs {
                    filters: None,
                    group: None,
                    kind: None,
                    name: share.service.name.clone(),
                    namespace: backend_namespace(route, share),
                    port: Some(port_number(route)),
                    weight: Some(weight(share)),
                })
                .collect();
            rules.push(GrpcRouteRules { backend_refs: Some(backend_refs), filters: None, matches, name: None });
        }
        let matches: usize = rules.iter().map(|rule| rule.matches.as_ref().map_or(1, Vec::len)).sum();
        let widest = rules.iter().filter_map(|rule| rule.backend_refs.as_ref().map(Vec::len)).max().unwrap_or(0);
        if rules.len() > limits.rules
            || limits.matches_per_rule.is_some_and(|most| matches > most)
            || widest > limits.backends
        {
            return Err(Finding::new(code!("too-many-backends"), "the split exceeds the limits of one GRPCRoute")
                .help("leave out `--grpc-routes`: an HTTPRoute carries gRPC too"));
        }
        let name = self.name(route);
        let spec = GrpcRouteSpec {
            hostnames: None,
            parent_refs: Some(vec![GrpcRouteParentRefs {
                group: Some(String::new()),
                kind: Some("Service".into()),
                name: route.root.name.clone(),
                namespace: None,
                port: Some(port_number(route)),
                section_name: None,
            }]),
            rules: Some(rules),
        };
        Ok(vec![manifest(&served.api_version, "GRPCRoute", self.metadata(route, name), &spec)])
    }
}

fn grpc_match(pattern: &RequestPattern) -> Result<GrpcRouteRulesMatches, Finding> {
    // The reading of a split refuses conditions on the host.
    let RequestPattern { methods, path, headers, authority: _, place } = pattern;
    if *methods != Methods::Any || path.as_ref().is_some_and(|path| !path.language.is_any()) {
        return Err(Finding::new(
            code!("grpc-condition"),
            "a GRPCRoute has no words for HTTP methods or path expressions",
        )
        .at(*place)
        .help("leave out `--grpc-routes`: an HTTPRoute carries gRPC and these conditions"));
    }
    let headers = headers.iter().map(grpc_header).collect::<Result<Vec<_>, _>>()?;
    Ok(GrpcRouteRulesMatches { headers: Some(headers), method: None })
}

fn grpc_header(header: &HeaderPattern) -> Result<GrpcRouteRulesMatchesHeaders, Finding> {
    let (kind, value) = match lower_header(&header.language) {
        HeaderLowering::Exact(values) if values.len() == 1 => {
            (GrpcRouteRulesMatchesHeadersType::Exact, values[0].clone())
        }
        _ => {
            let expression = expression(Domain::HeaderValue, &header.expression, header.anchoring);
            (
                GrpcRouteRulesMatchesHeadersType::RegularExpression,
                expression.map_err(|finding| finding.at(header.place))?,
            )
        }
    };
    Ok(GrpcRouteRulesMatchesHeaders { name: header.name.clone(), r#type: Some(kind), value })
}
