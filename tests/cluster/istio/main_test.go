package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

const head = `{"policies":[{"metadata":{"name":"p","namespace":"shop"},"spec":{"selector":{"matchLabels":{"app":"api"}},`

// TestAnswers: what Istio documents of AuthorizationPolicy, one question each.
func TestAnswers(t *testing.T) {
	const web = `"source":"spiffe://cluster.local/ns/shop/sa/web","port":8080`
	get := func(path string) string {
		return `,"http":{"method":"GET","path":"` + path + `","headers":{"host":"Api.Shop","x-k":"1"}}`
	}
	for _, one := range []struct{ name, spec, call, want string }{
		{"no rule allows nothing", `"rules":[]`, web, "denied"},
		{"an empty rule allows everything", `"rules":[{}]`, `"port":1`, "allowed"},
		{"a principal", `"rules":[{"from":[{"source":{"principals":["cluster.local/ns/shop/sa/web"]}}]}]`, web, "allowed"},
		{"a principal that nobody proved", `"rules":[{"from":[{"source":{"principals":["*"]}}]}]`, `"port":8080`, "denied"},
		{"a port", `"action":"DENY","rules":[{"to":[{"operation":{"notPorts":["8080"]}}]}]`, web, "allowed"},
		{"a prefix", `"rules":[{"to":[{"operation":{"paths":["/a*"]}}]}]`, web + get("/ab?x"), "allowed"},
		{"a path without its query", `"rules":[{"to":[{"operation":{"paths":["/a"]}}]}]`, web + get("/a?x"), "allowed"},
		{"a template", `"rules":[{"to":[{"operation":{"paths":["/a/{*}/c"]}}]}]`, web + get("/a/b/c"), "allowed"},
		{"one segment of a template", `"rules":[{"to":[{"operation":{"paths":["/a/{*}"]}}]}]`, web + get("/a/b/c"), "denied"},
		{"the rest of a template", `"rules":[{"to":[{"operation":{"paths":["/a/{**}"]}}]}]`, web + get("/a/"), "allowed"},
		{"a host", `"rules":[{"to":[{"operation":{"hosts":["*.shop"]}}]}]`, web + get("/"), "allowed"},
		{"a header", `"rules":[{"when":[{"key":"request.headers[X-K]","values":["1"]}]}]`, web + get("/"), "allowed"},
		{"a header with case", `"rules":[{"when":[{"key":"request.headers[host]","values":["*.shop"]}]}]`, web + get("/"), "denied"},
		{"requests are not seen", `"rules":[{"to":[{"operation":{"methods":["GET"]}}]}]`, web, "denied"},
		{"a denial without them is wider", `"action":"DENY","rules":[{"to":[{"operation":{"methods":["GET"],"ports":["8080"]}}]}]`, web, "denied"},
		{"something else decides", `"action":"CUSTOM","provider":{"name":"x"},"rules":[{}]`, web, "asked"},
		{"a report", `"action":"AUDIT","rules":[{}]`, web, "allowed"},
	} {
		t.Run(one.name, func(t *testing.T) {
			input := head + one.spec + `}}],"calls":[{"proxy":"sidecar","namespace":"shop","labels":{"app":"api"},` + one.call + `}]}`
			if got := answer(t, input); len(got.Answers) != 1 || got.Answers[0] != one.want {
				t.Errorf("%+v, not %s", got, one.want)
			}
		})
	}
}

// TestProxies: who reads which policy.
func TestProxies(t *testing.T) {
	service := `{"policies":[{"metadata":{"name":"p","namespace":"shop"},"spec":{"targetRefs":[{"kind":"Service","name":"api"}]}}],"calls":[`
	for _, one := range []struct{ name, input, want string }{
		{"a waypoint by its Service", service + `{"proxy":"waypoint","namespace":"shop","name":"w","service":"api","port":80}]}`, "denied"},
		{"another Service", service + `{"proxy":"waypoint","namespace":"shop","name":"w","service":"cart","port":80}]}`, "allowed"},
		{"no sidecar", service + `{"proxy":"sidecar","namespace":"shop","port":80}]}`, "allowed"},
		{"nor ztunnel", service + `{"proxy":"ztunnel","namespace":"shop","port":80}]}`, "allowed"},
		{"ztunnel by labels", head + `"rules":[]}}],"calls":[{"proxy":"ztunnel","namespace":"shop","labels":{"app":"api"},"port":80}]}`, "denied"},
		{"other labels", head + `"rules":[]}}],"calls":[{"proxy":"ztunnel","namespace":"shop","labels":{"app":"cart"},"port":80}]}`, "allowed"},
		{"a denial of which nothing is left", head + `"action":"DENY","rules":[{"to":[{"operation":{"methods":["GET"]}}]}]}}],"calls":[{"proxy":"ztunnel","namespace":"shop","labels":{"app":"api"},"port":80}]}`, "allowed"},
	} {
		t.Run(one.name, func(t *testing.T) {
			if got := answer(t, one.input); len(got.Answers) != 1 || got.Answers[0] != one.want {
				t.Errorf("%+v, not %s", got, one.want)
			}
		})
	}
}

func TestWhatTheWebhookRefusesIsSaid(t *testing.T) {
	got := answer(t, head+`"rules":[{"to":[{"operation":{"paths":["/a/{*"]}}]}]}}],"calls":[]}`)
	if len(got.Refused) != 1 || !strings.Contains(got.Refused[0], "template") {
		t.Errorf("%+v", got)
	}
}

func TestWhatIsNotReadEndsTheProgram(t *testing.T) {
	for _, spec := range []string{
		`"rules":[{"from":[{"source":{"ipBlocks":["10.0.0.0/8"]}}]}]`,
		`"rules":[{"when":[{"key":"connection.sni","values":["a"]}]}]`,
	} {
		input := head + spec + `}}],"calls":[{"proxy":"sidecar","namespace":"shop","labels":{"app":"api"},"port":80}]}`
		if err := run(strings.NewReader(input), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "not read here") {
			t.Errorf("%s: %v", spec, err)
		}
	}
}

func answer(t *testing.T, input string) said {
	t.Helper()
	var out bytes.Buffer
	if err := run(strings.NewReader(input), &out); err != nil {
		t.Fatal(err)
	}
	var got said
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}
