// Istio says what its proxies do with a call under AuthorizationPolicies: an oracle that reads policies with Istio's own code and
// shares none with ours.
//
// Istio's own (the module istio.io/istio, see go.mod) is all that leads from policies to what a proxy is given: the validation of the
// webhook, which policies hold where, the trust domain, what a rule becomes, what is left out where no HTTP is seen, and for ztunnel
// which policies it is sent. Ours is what Envoy and ztunnel, which are not written in Go, do with that: rbac.go and ztunnel.go, short and
// by their published sources. What they do not know they refuse: the program ends.
//
// Input: one JSON object a line, a world of policies and calls. Output: one a line, in the same order: the answers in the order of the
// calls, or why Istio refuses a policy of that world.
//
//	{"policies":[{"metadata":{...},"spec":{...}}],"calls":[
//	    {"proxy":"sidecar","namespace":"shop","labels":{"app":"api"},"source":"spiffe://cluster.local/ns/shop/sa/web","port":8080,
//	     "http":{"method":"GET","path":"/a","headers":{"host":"api"}}}]}
//	{"answers":["allowed"]}
//	{"refused":["policy p of shop: ..."]}
//
// proxy: `sidecar` and `ztunnel` stand before pods with these labels in that namespace; `waypoint` is the one of that name there, asked
// about a Service of the same namespace. `trustDomain` of a world is the mesh's, if not `cluster.local`. Without `source` there is no mutual TLS, without `http` the proxy sees a connection only.
// asked: a CUSTOM policy leaves it to something else.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"

	securityclient "istio.io/client-go/pkg/apis/security/v1"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/validation"
	"istio.io/istio/pkg/log"
)

type world struct {
	Policies    []*securityclient.AuthorizationPolicy `json:"policies"`
	TrustDomain string                                `json:"trustDomain"`
	Calls       []call                                `json:"calls"`
}

type call struct {
	Proxy     string            `json:"proxy"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Name      string            `json:"name"`
	Service   string            `json:"service"`
	Source    string            `json:"source"`
	Port      uint32            `json:"port"`
	HTTP      *request          `json:"http"`
}

type request struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
}

type said struct {
	Answers []string `json:"answers,omitempty"`
	Refused []string `json:"refused,omitempty"`
}

func main() {
	// What Istio logs of a policy is no news here: half of them are odd on purpose.
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "istio:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	decoder := json.NewDecoder(bufio.NewReader(in))
	decoder.DisallowUnknownFields()
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		var one world
		if err := decoder.Decode(&one); err == io.EOF {
			return buffered.Flush()
		} else if err != nil {
			return fmt.Errorf("world %d: %w", number, err)
		}
		answer, err := ask(one)
		if err != nil {
			return fmt.Errorf("world %d: %w", number, err)
		}
		if err := encoder.Encode(answer); err != nil {
			return err
		}
	}
}

func ask(one world) (answer said, err error) {
	defer func() {
		if unknown, ok := recover().(unknownMatcher); ok {
			err = unknown
		}
	}()
	for _, policy := range one.Policies {
		meta := config.Meta{Name: policy.Name, Namespace: policy.Namespace, Annotations: policy.Annotations}
		if _, err := validation.ValidateAuthorizationPolicy(config.Config{Meta: meta, Spec: &policy.Spec}); err != nil {
			answer.Refused = append(answer.Refused, fmt.Sprintf("policy %s of %s: %v", policy.Name, policy.Namespace, err))
		}
	}
	if len(answer.Refused) > 0 {
		return answer, nil
	}
	mesh := meshOf(one.Policies, cmp.Or(one.TrustDomain, "cluster.local"))
	defer mesh.close()
	for _, call := range one.Calls {
		switch call.Proxy {
		case "sidecar", "waypoint":
			answer.Answers = append(answer.Answers, mesh.envoy(call))
		case "ztunnel":
			answer.Answers = append(answer.Answers, mesh.ztunnel(call))
		default:
			return answer, fmt.Errorf("no proxy is called %q", call.Proxy)
		}
	}
	return answer, nil
}
