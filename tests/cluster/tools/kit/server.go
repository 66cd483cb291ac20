package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"sigs.k8s.io/yaml"
)

// server is the API server of the kubeconfig that run.sh writes, and nothing else that a kubeconfig could be.
type server struct {
	url, token string
	http       *http.Client
}

func connect() (*server, error) {
	text, err := os.ReadFile(os.Getenv("KUBECONFIG"))
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server    string `json:"server"`
				Authority string `json:"certificate-authority"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Token string `json:"token"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("KUBECONFIG is not one that run.sh wrote")
	}
	cluster := config.Clusters[0].Cluster
	authority, err := os.ReadFile(cluster.Authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	return &server{url: cluster.Server, token: config.Users[0].User.Token, http: client}, nil
}

// preferred is the version that the server prefers of each group: `split.smi-spec.io` and `split.smi-spec.io/v1alpha4`.
func (s *server) preferred() (map[string]string, error) {
	said, err := s.do(http.MethodGet, "/apis", nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Groups []struct {
			Name             string
			PreferredVersion struct{ GroupVersion string }
		}
	}
	if err := json.Unmarshal(said, &list); err != nil {
		return nil, err
	}
	versions := map[string]string{}
	for _, group := range list.Groups {
		versions[group.Name] = group.PreferredVersion.GroupVersion
	}
	return versions, nil
}

// post creates one object; one that exists already is as good.
func (s *server) post(path string, body []byte) error {
	_, err := s.do(http.MethodPost, path, body)
	return err
}

func (s *server) do(method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode < 300 || response.StatusCode == http.StatusConflict {
		return said, err
	}
	return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, said)
}
