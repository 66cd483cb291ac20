package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// fill stores a world of splits and Services, eight at a time, past kubectl and its patience: SPLITS TrafficSplits in namespaces
// fill-0 to fill-9, each with a root of its own and two backends that are the root of none. There are SERVICES, more than splits.
func fill(splits, services string) error {
	s, err := connect()
	if err != nil {
		return err
	}
	m, err := strconv.Atoi(splits)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(services)
	if err != nil {
		return err
	}
	const namespaces = 10
	for i := range namespaces {
		if err := s.create("/api/v1/namespaces", object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": fmt.Sprintf("fill-%d", i)}}); err != nil {
			return err
		}
	}
	// Service number i is the (i / 10)th of namespace i % 10.
	name := func(i int) string { return fmt.Sprintf("service-%d", i/namespaces) }
	service := func(i int) error {
		namespace := fmt.Sprintf("fill-%d", i%namespaces)
		return s.create("/api/v1/namespaces/"+namespace+"/services", object{
			"apiVersion": "v1", "kind": "Service",
			"metadata": object{"name": name(i), "namespace": namespace},
			"spec":     object{"selector": object{"app": name(i)}, "ports": []object{{"name": "http", "port": 8080, "appProtocol": "http"}}},
		})
	}
	split := func(i int) error {
		namespace := fmt.Sprintf("fill-%d", i%namespaces)
		backend := func(by int) string { return name(m + namespaces*((i/namespaces+by)%max(1, (n-m)/namespaces))) }
		return s.create("/apis/split.smi-spec.io/v1alpha4/namespaces/"+namespace+"/trafficsplits", object{
			"apiVersion": "split.smi-spec.io/v1alpha4", "kind": "TrafficSplit",
			"metadata": object{"name": fmt.Sprintf("split-%d", i/namespaces), "namespace": namespace},
			"spec": object{"service": name(i), "backends": []object{
				{"service": backend(0), "weight": 90}, {"service": backend(1), "weight": 10},
			}},
		})
	}
	return errors.Join(each(n, service), each(m, split))
}

func (s *server) create(path string, o object) error {
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return s.post(path, body)
}

// each does the work for 0 to n-1, eight at once, and returns the first failure.
func each(n int, work func(i int) error) error {
	next := make(chan int)
	failed := make(chan error, 8)
	var workers sync.WaitGroup
	for range 8 {
		workers.Add(1)
		go func() {
			defer workers.Done()
			var first error
			for i := range next {
				if first == nil {
					first = work(i)
				}
			}
			failed <- first
		}()
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	close(failed)
	var all error
	for err := range failed {
		all = errors.Join(all, err)
	}
	return all
}
