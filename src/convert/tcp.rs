//! A TCPRoute: connections to the backends by weight, no conditions.
//!
//! The crate's type is that of v1alpha2; v1 has the same spec (kubernetes-sigs/gateway-api PR 4842), so the envelope decides
//! the version.

use gateway_api::apis::experimental::tcproutes::{
    TcpRouteParentRefs, TcpRouteRules, TcpRouteRulesBackendRefs, TcpRouteSpec,
};

use super::http::{backend_namespace, check_backends, port_number, weight};
use super::{Converter, PortRoute};
use crate::manifest::{Manifest, manifest};
use crate::mappings::{Limits, Served};
use crate::report::Finding;

impl Converter<'_> {
    pub(super) fn tcp_route(
        &mut self,
        route: &PortRoute<'_>,
        served: &Served,
        limits: &Limits,
    ) -> Result<Vec<Manifest>, Finding> {
        let name = self.name(route);
        let shares: Vec<_> = route.rules.split_shares().collect();
        check_backends(shares.len(), limits)?;
        let backend_refs = shares
            .into_iter()
            .map(|share| TcpRouteRulesBackendRefs {
                group: None,
                kind: None,
                name: share.service.name.clone(),
                namespace: backend_namespace(route, share),
                port: Some(port_number(route)),
                weight: Some(weight(share)),
            })
            .collect();
        let spec = TcpRouteSpec {
            parent_refs: Some(vec![TcpRouteParentRefs {
                group: Some(String::new()),
                kind: Some("Service".into()),
                name: route.root.name.clone(),
                namespace: None,
                port: Some(port_number(route)),
                section_name: None,
            }]),
            rules: vec![TcpRouteRules { backend_refs, name: None }],
            use_default_gateways: None,
        };
        Ok(vec![manifest(&served.api_version, "TCPRoute", self.metadata(route, name), &spec)])
    }
}
