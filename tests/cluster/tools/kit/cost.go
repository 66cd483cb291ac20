package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// cost runs a command and writes to standard error what it took: seconds, and MiB of memory at most, of the command itself and not of
// what it starts.
func cost(args []string) error {
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, nil
	begun := time.Now()
	if err := command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	most := 0
	for {
		select {
		case err := <-ended:
			fmt.Fprintf(os.Stderr, "%.2f %d\n", time.Since(begun).Seconds(), most/1024)
			return err
		case <-time.After(5 * time.Millisecond):
			// The kernel keeps the highest value, so the last look is the one that counts.
			most = max(most, highest(command.Process.Pid))
		}
	}
}

func highest(pid int) int {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kibibytes := 0
	fmt.Sscanf(rest, "%d", &kibibytes)
	return kibibytes
}
