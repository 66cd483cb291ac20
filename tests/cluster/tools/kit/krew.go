package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// manifest is a plugin's, in v1alpha2 (sigs.k8s.io/krew v0.4.5, pkg/index/types.go). Unknown fields are mistakes.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string     `json:"version"`
		ShortDescription string     `json:"shortDescription"`
		Description      string     `json:"description"`
		Caveats          string     `json:"caveats"`
		Homepage         string     `json:"homepage"`
		Platforms        []platform `json:"platforms"`
	} `json:"spec"`
}

type platform struct {
	URI      string `json:"uri"`
	Sha256   string `json:"sha256"`
	Bin      string `json:"bin"`
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
}

var (
	pluginName = regexp.MustCompile(`^[\w-]+$`)
	digest     = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

// krew holds a manifest and the archive of this machine to krew's rules: those of its validation (internal/index/validation) and of
// cmd/validate-krew-manifest that need no network, and those of its index (docs, "Submitting plugins").
func krew(file, archive string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var m manifest
	if err := yaml.UnmarshalStrict(text, &m); err != nil {
		return err
	}
	var wrong []error
	rule := func(holds bool, words string, args ...any) {
		if !holds {
			wrong = append(wrong, fmt.Errorf(words, args...))
		}
	}
	spec := m.Spec
	rule(m.APIVersion == "krew.googlecontainertools.github.com/v1alpha2", "apiVersion is %q", m.APIVersion)
	rule(m.Kind == "Plugin", "kind is %q", m.Kind)
	rule(pluginName.MatchString(m.Metadata.Name), "%q is no name of a plugin", m.Metadata.Name)
	rule(filepath.Base(file) == m.Metadata.Name+".yaml", "the file is not called %s.yaml", m.Metadata.Name)
	_, err = version.ParseSemantic(spec.Version)
	rule(err == nil && strings.HasPrefix(spec.Version, "v"), "%q is no version with a v", spec.Version)
	rule(spec.ShortDescription != "" && len(spec.ShortDescription) <= 50, "shortDescription is empty or longer than 50 characters")
	rule(!strings.ContainsAny(spec.ShortDescription, "\r\n") && !strings.HasSuffix(spec.ShortDescription, "."), "shortDescription is no short line")
	rule(spec.Description != "" && spec.Homepage != "", "there is no description, or no homepage")
	rule(len(spec.Platforms) > 0, "there are no platforms")
	seen := map[string]bool{}
	for _, p := range spec.Platforms {
		labels := p.Selector.MatchLabels
		where := labels["os"] + "/" + labels["arch"]
		rule(len(labels) == 2 && labels["os"] != "" && labels["arch"] != "", "a selector is not about os and arch: %v", labels)
		rule(!seen[where], "two platforms are for %s", where)
		seen[where] = true
		rule(digest.MatchString(p.Sha256), "%s: the sum is no sha256", where)
		rule(strings.HasPrefix(p.URI, "https://") && strings.Contains(p.URI, spec.Version), "%s: the uri is not one of this version: %s", where, p.URI)
		rule(p.Bin != "" && !strings.Contains(p.Bin, ".."), "%s: the program is %q", where, p.Bin)
		if path.Base(p.URI) == filepath.Base(archive) {
			wrong = append(wrong, holds(archive, p)...)
			archive = ""
		}
	}
	rule(archive == "", "no platform has the archive %s", filepath.Base(archive))
	return errors.Join(wrong...)
}

// holds says what of a platform its archive does not keep: the sum, the program, the license, and no way out of its folder.
func holds(archive string, p platform) []error {
	text, err := os.ReadFile(archive)
	if err != nil {
		return []error{err}
	}
	var wrong []error
	if sum := fmt.Sprintf("%x", sha256.Sum256(text)); sum != p.Sha256 {
		wrong = append(wrong, fmt.Errorf("%s has the sum %s, not %s", archive, sum, p.Sha256))
	}
	unzipped, err := gzip.NewReader(strings.NewReader(string(text)))
	if err != nil {
		return append(wrong, err)
	}
	missing := map[string]bool{p.Bin: true, "LICENSE": true}
	for entries := tar.NewReader(unzipped); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return append(wrong, err)
		}
		name := path.Clean(entry.Name)
		if path.IsAbs(name) || strings.HasPrefix(name, "..") || entry.Typeflag != tar.TypeReg && entry.Typeflag != tar.TypeDir {
			wrong = append(wrong, fmt.Errorf("%s: krew does not unpack %s", archive, entry.Name))
		}
		if name == p.Bin && entry.Mode&0o111 == 0 {
			wrong = append(wrong, fmt.Errorf("%s: %s cannot be run", archive, name))
		}
		delete(missing, name)
	}
	for name := range missing {
		wrong = append(wrong, fmt.Errorf("%s has no %s", archive, name))
	}
	return wrong
}
