// Kit is what the cluster suite needs and a shell has no good word for: free ports, keys and certificates, CustomResourceDefinitions
// as today's API server takes them, worlds to fill it with, and a proxy that breaks it. It starts nothing.
//
//	kit ports N            N free TCP ports of 127.0.0.1, on one line
//	kit keys DIR           ca.crt, server.crt, server.key, sa.key and sa.pub in DIR
//	kit crds FILE...       the CustomResourceDefinitions of FILE..., as one List of apiextensions.k8s.io/v1
//	kit namespaces FILE... each namespace that an object of FILE... is in, one on a line
//	kit count FILE...      how many objects FILE... hold
//	kit split DIR FILE...  each document of FILE... as a file of DIR, as it stands and named by its contents; prints PATH, apiVersion,
//	                       kind and NAMESPACE/NAME, separated by tabs
//	kit bundles FILE...    of each table of a target: TARGET@VERSION and the release of Gateway API that it comes with, on one line
//	kit world DIR FOLDER   every object of FOLDER that a cluster of the suite could hold, as a file of DIR
//	kit fill SPLITS SERVICES  stores so many of each
//	kit proxy MODE MATCH   the API server of KUBECONFIG, broken for requests that hold MATCH; see proxy.go
//	kit cost COMMAND...    runs it, and says what it took in seconds and MiB
//	kit krew FILE ARCHIVE  whether a plugin's manifest and its archive for this machine keep krew's rules
//	kit outcomes FILE      what a JSON report of smi2gamma says of each object
package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kit:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	commands := map[string]struct {
		least int
		run   func(args []string) error
	}{
		"ports":      {1, func(args []string) error { return ports(args[0]) }},
		"keys":       {1, func(args []string) error { return keys(args[0]) }},
		"crds":       {1, crds},
		"namespaces": {1, namespaces},
		"count":      {1, count},
		"split":      {2, func(args []string) error { return split(args[0], args[1:]) }},
		"bundles":    {1, bundles},
		"world":      {2, func(args []string) error { return world(args[0], args[1]) }},
		"fill":       {2, func(args []string) error { return fill(args[0], args[1]) }},
		"proxy":      {2, func(args []string) error { return proxy(args[0], args[1]) }},
		"cost":       {1, cost},
		"krew":       {2, func(args []string) error { return krew(args[0], args[1]) }},
		"outcomes":   {1, func(args []string) error { return outcomes(args[0]) }},
	}
	if len(args) == 0 || len(args)-1 < commands[args[0]].least || commands[args[0]].run == nil {
		return fmt.Errorf("usage: kit COMMAND ARGS..., with COMMAND one of %s", strings.Join(slices.Sorted(maps.Keys(commands)), ", "))
	}
	return commands[args[0]].run(args[1:])
}

// === ports ===

// ports holds all of them open until it knows the last one, so that no number comes twice.
func ports(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	var found []string
	for range n {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer listener.Close()
		found = append(found, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	fmt.Println(strings.Join(found, " "))
	return nil
}

// === keys ===

// keys makes a certificate authority of its own, a serving certificate for 127.0.0.1 and the key that signs service account tokens.
// They are good for two days: a cluster of the suite lives for minutes.
func keys(dir string) error {
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "cluster-suite-ca"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	caKey, err := issue(dir, "ca", ca, ca, nil)
	if err != nil {
		return err
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "kube-apiserver"},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:     []string{"localhost"},
	}
	if _, err := issue(dir, "server", server, ca, caKey); err != nil {
		return err
	}
	tokenKey, err := newKey(filepath.Join(dir, "sa.key"))
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&tokenKey.PublicKey)
	if err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", public)
}

// issue writes NAME.key and NAME.crt, signed by signer, or by itself where signerKey is nil.
func issue(dir, name string, template, signer *x509.Certificate, signerKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := newKey(filepath.Join(dir, name+".key"))
	if err != nil {
		return nil, err
	}
	if signerKey == nil {
		signerKey = key
	}
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = time.Now().Add(48 * time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, signerKey)
	if err != nil {
		return nil, err
	}
	return key, writePEM(filepath.Join(dir, name+".crt"), "CERTIFICATE", der)
}

func newKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(file, "EC PRIVATE KEY", der)
}

func writePEM(file, kind string, der []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}

// === documents ===

type object = map[string]any

// documents calls each with every object of the files; the items of a List come one by one.
func documents(files []string, each func(file string, o object) error) error {
	for _, file := range files {
		if err := documentsOf(file, each); err != nil {
			return err
		}
	}
	return nil
}

// raw calls each with the text of every document of a file.
func raw(file string, each func(text []byte) error) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(document)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
}

func documentsOf(file string, each func(file string, o object) error) error {
	return raw(file, func(text []byte) error {
		var o object
		if err := yaml.Unmarshal(text, &o); err != nil || o == nil {
			return err
		}
		items, isList := o["items"].([]any)
		if !isList {
			items = []any{o}
		}
		for _, item := range items {
			if one, ok := item.(object); ok {
				if err := each(file, one); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func namespaces(files []string) error {
	found := map[string]bool{}
	err := documents(files, func(_ string, o object) error {
		if name, _ := child(o, "metadata")["namespace"].(string); name != "" {
			found[name] = true
		}
		return nil
	})
	for _, name := range slices.Sorted(maps.Keys(found)) {
		fmt.Println(name)
	}
	return err
}

func count(files []string) error {
	n := 0
	err := documents(files, func(string, object) error { n++; return nil })
	fmt.Println(n)
	return err
}

func split(dir string, files []string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, file := range files {
		err := raw(file, func(text []byte) error {
			var o object
			if err := yaml.Unmarshal(text, &o); err != nil || o == nil {
				return err
			}
			path := filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256(text))[:16]+".yaml")
			meta := child(o, "metadata")
			fmt.Printf("%s\t%v\t%v\t%v/%v\n", path, o["apiVersion"], o["kind"], meta["namespace"], meta["name"])
			return os.WriteFile(path, text, 0o600)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bundles reads the tables of mappings/targets, so that what is tried against which release is said in one place.
func bundles(files []string) error {
	return documents(files, func(_ string, o object) error {
		rows, _ := o["bundles"].([]any)
		for _, each := range rows {
			if row, ok := each.(object); ok {
				fmt.Printf("%v@%v %v\n", o["name"], row["since"], row["gateway-api"])
			}
		}
		return nil
	})
}

// === crds ===

const served = "apiextensions.k8s.io/v1"

func crds(files []string) error {
	found := []object{}
	err := documents(files, func(_ string, o object) error {
		if o["kind"] != "CustomResourceDefinition" {
			return nil
		}
		if o["apiVersion"] == "apiextensions.k8s.io/v1beta1" {
			toV1(o)
		}
		if o["apiVersion"] != served {
			return fmt.Errorf("a CustomResourceDefinition of %v is not one this suite can install", o["apiVersion"])
		}
		// A status is the server's to write, and the protected groups of k8s.io carry their approval in an annotation of upstream.
		delete(o, "status")
		found = append(found, o)
		return nil
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(object{"apiVersion": "v1", "kind": "List", "items": found})
}

// toV1 says a v1beta1 definition in v1: the one schema goes to the version that it was written for, unknown fields stay kept as
// v1beta1 kept them by default, and the older versions are served with an open schema, as the meshes of their day served them.
func toV1(o object) {
	spec := child(o, "spec")
	schema := object{"type": "object"}
	if validation, ok := spec["validation"].(object); ok {
		schema = child(validation, "openAPIV3Schema")
		structural(schema)
	}
	if spec["preserveUnknownFields"] != false {
		schema["x-kubernetes-preserve-unknown-fields"] = true
	}
	versions, _ := spec["versions"].([]any)
	for _, each := range versions {
		version, ok := each.(object)
		if !ok {
			continue
		}
		version["served"] = true
		version["schema"] = object{"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
		if version["storage"] == true {
			version["schema"] = object{"openAPIV3Schema": schema}
		}
		if columns, ok := spec["additionalPrinterColumns"].([]any); ok {
			version["additionalPrinterColumns"] = renamed(columns)
		}
	}
	for _, gone := range []string{"version", "validation", "additionalPrinterColumns", "subresources"} {
		delete(spec, gone)
	}
	spec["preserveUnknownFields"] = false
	o["apiVersion"] = served
}

// structural gives each node with properties or items the type that v1 asks for and v1beta1 let people leave out.
func structural(schema object) {
	if _, typed := schema["type"]; !typed {
		switch {
		case schema["properties"] != nil:
			schema["type"] = "object"
		case schema["items"] != nil:
			schema["type"] = "array"
		default:
			schema["x-kubernetes-preserve-unknown-fields"] = true
		}
	}
	if items, ok := schema["items"].(object); ok {
		structural(items)
	}
	if properties, ok := schema["properties"].(object); ok {
		for _, property := range properties {
			if next, ok := property.(object); ok {
				structural(next)
			}
		}
	}
}

func renamed(columns []any) []any {
	var out []any
	for _, each := range columns {
		column, ok := each.(object)
		if !ok {
			continue
		}
		column = maps.Clone(column)
		column["jsonPath"] = column["JSONPath"]
		delete(column, "JSONPath")
		out = append(out, column)
	}
	return out
}

func child(o object, key string) object {
	if next, ok := o[key].(object); ok {
		return next
	}
	return object{}
}
