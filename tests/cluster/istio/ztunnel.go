package main

// What ztunnel does with the policies that it is sent (istio/ztunnel src/rbac.rs, src/state.rs, src/state/policy.rs): ours, since ztunnel
// is written in Rust.

import (
	"strings"

	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pkg/config/labels"
	"istio.io/istio/pkg/workloadapi/security"
)

func (m *mesh) ztunnel(call call) string {
	allowing, allowed := false, false
	for _, policy := range m.ambient.List() {
		if policy.Authorization == nil || policy.Authorization.DryRun || !holds(policy, call) {
			continue
		}
		taken := some(policy.Authorization.Groups, call.inGroup)
		switch policy.Authorization.Action {
		case security.Action_DENY:
			if taken {
				return "denied"
			}
		case security.Action_ALLOW:
			allowing, allowed = true, allowed || taken
		default:
			unknown(policy.Authorization.Action)
		}
	}
	if allowing && !allowed {
		return "denied"
	}
	return "allowed"
}

// holds: by its scope, or because istiod lists it with the pods, which it does where labels are named and fit (buildWorkloadPolicies in
// pilot/pkg/serviceregistry/ambient/workloads.go).
func holds(policy model.WorkloadAuthorization, call call) bool {
	sent := policy.Authorization
	switch sent.Scope {
	case security.Scope_GLOBAL:
		return true
	case security.Scope_NAMESPACE:
		return sent.Namespace == call.Namespace
	case security.Scope_WORKLOAD_SELECTOR:
		here := sent.Namespace == call.Namespace || sent.Namespace == rootNamespace
		selector := policy.GetLabelSelector()
		return here && selector != nil && labels.Instance(selector).SubsetOf(call.Labels)
	default:
		return unknown(sent.Scope)
	}
}

func (c call) inGroup(group *security.Group) bool {
	return every(group.Rules, func(clause *security.Rules) bool {
		return len(clause.Matches) == 0 || some(clause.Matches, c.inMatch)
	})
}

func (c call) inMatch(match *security.Match) bool {
	if len(match.SourceIps)+len(match.NotSourceIps)+len(match.DestinationIps)+len(match.NotDestinationIps) > 0 {
		unknown(match)
	}
	namespace, account := c.account()
	port := func(port uint32) bool { return port == c.Port }
	inNamespace := func(word *security.StringMatch) bool { return says(word, namespace) }
	isPrincipal := func(word *security.StringMatch) bool {
		id, mutual := strings.CutPrefix(c.Source, "spiffe://")
		return mutual && says(word, id)
	}
	isAccount := func(one *security.ServiceAccountMatch) bool {
		return c.Source != "" && one.Namespace == namespace && one.ServiceAccount == account
	}
	// One that asks nothing takes nothing.
	asks := len(match.DestinationPorts)+len(match.NotDestinationPorts)+len(match.Namespaces)+len(match.NotNamespaces)+
		len(match.Principals)+len(match.NotPrincipals)+len(match.ServiceAccounts)+len(match.NotServiceAccounts) > 0
	return asks &&
		among(match.DestinationPorts, match.NotDestinationPorts, port) &&
		among(match.Namespaces, match.NotNamespaces, inNamespace) &&
		among(match.Principals, match.NotPrincipals, isPrincipal) &&
		among(match.ServiceAccounts, match.NotServiceAccounts, isAccount)
}

func among[T any](these, notThese []T, holds func(T) bool) bool {
	return (len(these) == 0 || some(these, holds)) && !some(notThese, holds)
}

func says(word *security.StringMatch, value string) bool {
	switch match := word.MatchType.(type) {
	case *security.StringMatch_Exact:
		return value == match.Exact
	case *security.StringMatch_Prefix:
		return strings.HasPrefix(value, match.Prefix)
	case *security.StringMatch_Suffix:
		return strings.HasSuffix(value, match.Suffix)
	case *security.StringMatch_Presence:
		return value != ""
	default:
		return unknown(word)
	}
}

// account: namespace and ServiceAccount of the client. ztunnel takes no other form of identity.
func (c call) account() (namespace, account string) {
	if c.Source == "" {
		return "", ""
	}
	parts := strings.Split(strings.TrimPrefix(c.Source, "spiffe://"), "/")
	if len(parts) != 5 || parts[1] != "ns" || parts[3] != "sa" {
		unknown(c.Source)
	}
	return parts[2], parts[4]
}
