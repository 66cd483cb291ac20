package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// The kinds that a cluster is read for and whose definitions the suite installs, in the order in which smi2gamma lists a cluster.
var ofWorld = []string{
	"split.smi-spec.io/TrafficSplit", "access.smi-spec.io/TrafficTarget", "access.smi-spec.io/IdentityBinding",
	"specs.smi-spec.io/HTTPRouteGroup", "specs.smi-spec.io/TCPRoute", "specs.smi-spec.io/UDPRoute",
	"flagger.app/Canary", "argoproj.io/Rollout", "/Service",
}

// What a template leaves open is no name.
var isName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// world writes every object of FOLDER that a cluster could hold to DIR/stored, one file each: of several with one kind, namespace and
// name the first; what names no namespace is put into `default`, as kubectl does. DIR/served has the same objects in the version that
// the server prefers, in which they come back. What cannot be read is no object. The names of the files sort as smi2gamma lists a cluster.
func world(dir, folder string) error {
	s, err := connect()
	if err != nil {
		return err
	}
	versions, err := s.preferred()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
			return err
		}
		return documentsIn(path, func(o object) error {
			name, err := placed(o)
			if err != nil || name == "" || seen[name] {
				return err
			}
			seen[name] = true
			if err := store(filepath.Join(dir, "stored"), name, o); err != nil {
				return err
			}
			group, _, _ := strings.Cut(o["apiVersion"].(string), "/")
			if version, known := versions[group]; known {
				o["apiVersion"] = version
			}
			return store(filepath.Join(dir, "served"), name, o)
		})
	})
}

func store(dir, name string, o object) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), text, 0o600)
}

// documentsIn is documents for a file of strangers: what is no object is passed over.
func documentsIn(path string, each func(o object) error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, document := range strings.Split("\n"+string(text), "\n---") {
		var o object
		if yaml.Unmarshal([]byte(document), &o) != nil || o == nil {
			continue
		}
		items, isList := o["items"].([]any)
		if !isList {
			items = []any{o}
		}
		for _, item := range items {
			if one, ok := item.(object); ok {
				if err := each(one); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// placed gives the object a namespace, and returns the file name that its place in a listing comes to; none for what is not listed.
func placed(o object) (string, error) {
	version, _ := o["apiVersion"].(string)
	group, _, grouped := strings.Cut(version, "/")
	if !grouped {
		group = ""
	}
	order := slices.Index(ofWorld, fmt.Sprintf("%s/%v", group, o["kind"]))
	meta, ok := o["metadata"].(object)
	name, named := meta["name"].(string)
	if order < 0 || !ok || !named {
		return "", nil
	}
	if _, has := meta["namespace"].(string); !has {
		meta["namespace"] = "default"
	}
	if !isName.MatchString(name) || !isName.MatchString(meta["namespace"].(string)) {
		return "", nil
	}
	return fmt.Sprintf("%02d,%v,%s", order, meta["namespace"], name), nil
}

// outcomes prints what a JSON report says of each object, sorted: kind, namespace and name, outcome, what it became.
func outcomes(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var report struct {
		Objects []struct {
			ID struct {
				Group, Kind, Namespace, Name string
			} `json:"id"`
			Outcome string `json:"outcome"`
			Outputs []any  `json:"outputs"`
		} `json:"objects"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return err
	}
	var lines []string
	for _, o := range report.Objects {
		outputs, err := json.Marshal(o.Outputs)
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s %s %s/%s %s %s", o.ID.Group, o.ID.Kind, o.ID.Namespace, o.ID.Name, o.Outcome, outputs))
	}
	slices.SortFunc(lines, cmp.Compare)
	fmt.Println(strings.Join(lines, "\n"))
	return nil
}
