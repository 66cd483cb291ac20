package main

// What Istio makes of policies, by Istio's own code: nothing is decided here.

import (
	meshconfig "istio.io/api/mesh/v1alpha1"
	securityclient "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pilot/pkg/serviceregistry/ambient"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/kube/krt"
)

const (
	rootNamespace = "istio-system"
	gatewayLabel  = "gateway.networking.k8s.io/gateway-name"
)

type mesh struct {
	push    *model.PushContext
	ambient krt.Collection[model.WorkloadAuthorization]
	stop    chan struct{}
}

func meshOf(policies []*securityclient.AuthorizationPolicy, trustDomain string) *mesh {
	config := &meshconfig.MeshConfig{RootNamespace: rootNamespace, TrustDomain: trustDomain}
	byNamespace := map[string][]model.AuthorizationPolicy{}
	for _, policy := range policies {
		byNamespace[policy.Namespace] = append(byNamespace[policy.Namespace], model.AuthorizationPolicy{
			Name: policy.Name, Namespace: policy.Namespace, Annotations: policy.Annotations, Spec: &policy.Spec,
		})
	}
	push := &model.PushContext{
		Mesh:          config,
		AuthzPolicies: &model.AuthorizationPolicies{NamespaceToPolicies: byNamespace, RootNamespace: rootNamespace},
	}

	stop := make(chan struct{})
	options := krt.NewOptionsBuilder(stop, "", nil)
	_, sent := ambient.PolicyCollections(
		krt.NewStaticCollection(nil, policies, options.WithName("policies")...),
		krt.NewStaticCollection[*securityclient.PeerAuthentication](nil, nil, options.WithName("peers")...),
		krt.NewStatic(&meshwatcher.MeshConfigResource{MeshConfig: config}, true, options.WithName("mesh")...),
		krt.NewStaticCollection[ambient.Waypoint](nil, nil, options.WithName("waypoints")...),
		options,
		ambient.FeatureFlags{},
	)
	sent.WaitUntilSynced(stop)
	return &mesh{push: push, ambient: sent, stop: stop}
}

func (m *mesh) close() { close(m.stop) }

// envoy asks a sidecar or a waypoint. No provider is configured, so that Istio denies what a CUSTOM policy takes: with one, it would ask.
func (m *mesh) envoy(call call) string {
	proxy := &model.Proxy{Type: model.SidecarProxy, ConfigNamespace: call.Namespace, Labels: call.Labels}
	var service *model.Service
	waypoint := call.Proxy == "waypoint"
	if waypoint {
		proxy.Type = model.Waypoint
		proxy.Labels = map[string]string{gatewayLabel: call.Name}
		service = &model.Service{Attributes: model.ServiceAttributes{
			Name: call.Service, Namespace: call.Namespace, ServiceRegistry: provider.Kubernetes,
		}}
	}
	filters := func(kind authz.ActionType) []filter {
		builder := authz.NewBuilderForService(kind, m.push, proxy, waypoint, service)
		var built []filter
		if call.HTTP == nil {
			for _, one := range builder.BuildTCP() {
				built = append(built, one)
			}
			return built
		}
		for _, one := range builder.BuildHTTP(networking.ListenerClassSidecarInbound) {
			built = append(built, one)
		}
		return built
	}
	switch {
	case !passes(filters(authz.Local), call):
		return "denied"
	case !passes(filters(authz.Custom), call):
		return "asked"
	default:
		return "allowed"
	}
}
