package main

// What Envoy does with its RBAC filters (envoyproxy/envoy source/extensions/filters/common/rbac/engine_impl.cc and matchers.cc,
// source/common/common/matchers.cc, source/common/http/header_utility.cc): ours, since Envoy is written in C++. google.golang.org/grpc
// has an RBAC engine too, but it has neither filter states nor templates, nor connections without HTTP.

import (
	"fmt"
	"regexp"
	"strings"

	rbacpb "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routepb "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbachttp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	rbactcp "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/rbac/v3"
	uritemplate "github.com/envoyproxy/go-control-plane/envoy/extensions/path/match/uri_template/v3"
	matcherpb "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// filter is a filter of a listener or of its HTTP connection manager.
type filter interface{ GetTypedConfig() *anypb.Any }

// unknownMatcher is the panic of a matcher, filter or value that is not read here.
type unknownMatcher struct{ error }

func unknown(what any) bool {
	panic(unknownMatcher{fmt.Errorf("this is not read here: %T %v", what, what)})
}

func passes(filters []filter, call call) bool {
	for _, one := range filters {
		config, err := one.GetTypedConfig().UnmarshalNew()
		if err != nil {
			unknown(err)
		}
		var rules *rbacpb.RBAC
		switch config := config.(type) {
		case *rbachttp.RBAC:
			rules = config.Rules
		case *rbactcp.RBAC:
			rules = config.Rules
		default:
			unknown(config)
		}
		if rules != nil && !enforced(rules, call) {
			return false
		}
	}
	return true
}

func enforced(rules *rbacpb.RBAC, call call) bool {
	taken := false
	for _, policy := range rules.Policies {
		if policy.Condition != nil || policy.CheckedCondition != nil {
			unknown(policy)
		}
		taken = taken || some(policy.Permissions, call.permitted) && some(policy.Principals, call.isFrom)
	}
	switch rules.Action {
	case rbacpb.RBAC_ALLOW:
		return taken
	case rbacpb.RBAC_DENY:
		return !taken
	case rbacpb.RBAC_LOG:
		return true
	default:
		return unknown(rules.Action)
	}
}

func some[T any](list []T, holds func(T) bool) bool {
	for _, one := range list {
		if holds(one) {
			return true
		}
	}
	return false
}

func every[T any](list []T, holds func(T) bool) bool {
	return !some(list, func(one T) bool { return !holds(one) })
}

func (c call) permitted(permission *rbacpb.Permission) bool {
	switch rule := permission.Rule.(type) {
	case *rbacpb.Permission_AndRules:
		return every(rule.AndRules.Rules, c.permitted)
	case *rbacpb.Permission_OrRules:
		return some(rule.OrRules.Rules, c.permitted)
	case *rbacpb.Permission_NotRule:
		return !c.permitted(rule.NotRule)
	case *rbacpb.Permission_Any:
		return rule.Any
	case *rbacpb.Permission_DestinationPort:
		return rule.DestinationPort == c.Port
	case *rbacpb.Permission_Header:
		return c.hasHeader(rule.Header)
	case *rbacpb.Permission_UrlPath:
		return matches(rule.UrlPath.GetPath(), c.path())
	case *rbacpb.Permission_UriTemplate:
		template := &uritemplate.UriTemplateMatchConfig{}
		if err := rule.UriTemplate.TypedConfig.UnmarshalTo(template); err != nil {
			unknown(err)
		}
		return whole(templateRegexp(template.PathTemplate), c.path())
	default:
		return unknown(permission)
	}
}

func (c call) isFrom(principal *rbacpb.Principal) bool {
	switch id := principal.Identifier.(type) {
	case *rbacpb.Principal_AndIds:
		return every(id.AndIds.Ids, c.isFrom)
	case *rbacpb.Principal_OrIds:
		return some(id.OrIds.Ids, c.isFrom)
	case *rbacpb.Principal_NotId:
		return !c.isFrom(id.NotId)
	case *rbacpb.Principal_Any:
		return id.Any
	case *rbacpb.Principal_Authenticated_:
		return c.Source != "" && matches(id.Authenticated.PrincipalName, c.Source)
	case *rbacpb.Principal_FilterState:
		// The proxy puts the identity of the client there, for itself and for what a waypoint terminates.
		if id.FilterState.Key != "io.istio.peer_principal" {
			unknown(principal)
		}
		return c.Source != "" && matches(id.FilterState.GetStringMatch(), c.Source)
	case *rbacpb.Principal_Header:
		return c.hasHeader(id.Header)
	case *rbacpb.Principal_Metadata:
		// A token that was verified would be there: no call has one.
		if id.Metadata.Filter != "envoy.filters.http.jwt_authn" || id.Metadata.Invert {
			unknown(principal)
		}
		return false
	default:
		return unknown(principal)
	}
}

func (c call) path() string {
	if c.HTTP == nil {
		unknown("a path where no HTTP is seen")
	}
	path, _, _ := strings.Cut(c.HTTP.Path, "#")
	path, _, _ = strings.Cut(path, "?")
	return path
}

func (c call) hasHeader(header *routepb.HeaderMatcher) bool {
	if c.HTTP == nil || header.InvertMatch || header.TreatMissingHeaderAsEmpty {
		unknown(header)
	}
	value, there := c.header(strings.ToLower(header.Name))
	switch match := header.HeaderMatchSpecifier.(type) {
	case *routepb.HeaderMatcher_PresentMatch:
		return there == match.PresentMatch
	case *routepb.HeaderMatcher_StringMatch:
		return there && matches(match.StringMatch, value)
	default:
		return unknown(header)
	}
}

// header: Envoy keeps `host` as `:authority`.
func (c call) header(name string) (string, bool) {
	switch name {
	case ":method":
		return c.HTTP.Method, true
	case ":path":
		return c.HTTP.Path, true
	case ":authority":
		name = "host"
	}
	value, there := c.HTTP.Headers[name]
	return value, there
}

func matches(matcher *matcherpb.StringMatcher, value string) bool {
	fold := func(text string) string {
		if matcher.GetIgnoreCase() {
			return strings.ToLower(text)
		}
		return text
	}
	switch pattern := matcher.GetMatchPattern().(type) {
	case *matcherpb.StringMatcher_Exact:
		return fold(value) == fold(pattern.Exact)
	case *matcherpb.StringMatcher_Prefix:
		return strings.HasPrefix(fold(value), fold(pattern.Prefix))
	case *matcherpb.StringMatcher_Suffix:
		return strings.HasSuffix(fold(value), fold(pattern.Suffix))
	case *matcherpb.StringMatcher_SafeRegex:
		return whole(pattern.SafeRegex.Regex, value)
	default:
		return unknown(matcher)
	}
}

var compiled = map[string]*regexp.Regexp{}

// whole: Envoy's regular expressions match the whole of a value.
func whole(pattern, value string) bool {
	known := compiled[pattern]
	if known == nil {
		var err error
		if known, err = regexp.Compile(`\A(?:` + pattern + `)\z`); err != nil {
			unknown(err)
		}
		compiled[pattern] = known
	}
	return known.MatchString(value)
}

// A segment of a path, as templates take one (source/extensions/path/uri_template_lib/uri_template_internal.cc, with the star since 1.35.0).
const pathSegment = `[a-zA-Z0-9._~%!$&'()*+,;:@=-]`

// templateRegexp reads a template of segments: `*` for one, `**` for any number.
func templateRegexp(template string) string {
	if !strings.HasPrefix(template, "/") {
		unknown(template)
	}
	segments := strings.Split(template, "/")
	for at, segment := range segments {
		switch {
		case segment == "*":
			segments[at] = pathSegment + "+"
		case segment == "**":
			segments[at] = "(?:" + pathSegment + "|/)*"
		case strings.ContainsAny(segment, "*{}"):
			unknown(template)
		default:
			segments[at] = regexp.QuoteMeta(segment)
		}
	}
	return strings.Join(segments, "/")
}
