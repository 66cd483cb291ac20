//! Consul: its routes attach to Gateways only, so one that names a Service is taken by the API server and does nothing
//! (hashicorp/consul-k8s@v2.0.0 control-plane/api-gateway/binding/route_binding.go).

use super::Engine;

pub(super) fn none() -> Vec<Box<dyn Engine>> {
    Vec::new()
}
