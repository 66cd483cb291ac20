// Regexp says what Go's regexp does with a pattern and a string: an oracle that knows RE2's syntax and shares no code with ours.
//
// Input: lines of PATTERN, a tab, STRING. Output: one JSON object a line, in the same order:
//
//	{"pattern":"a|b","string":"ab","compiles":true,"full":false,"unanchored":true}
//	{"pattern":"(?=a)","string":"a","compiles":false,"error":"error parsing regexp: ..."}
//
// full: the whole string is a match, as Envoy's safe_regex and the implementations of Gateway API on Envoy read a path. unanchored: some
// part of the string matches, as regexp.MatchString says. Both are taken as they stand, without escapes: a pattern holds no tab, and
// neither holds a line feed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

type answer struct {
	Pattern    string `json:"pattern"`
	String     string `json:"string"`
	Compiles   bool   `json:"compiles"`
	Full       *bool  `json:"full,omitempty"`
	Unanchored *bool  `json:"unanchored,omitempty"`
	Error      string `json:"error,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "regexp:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	buffered := bufio.NewWriter(out)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if err == io.EOF && line == "" {
			return buffered.Flush()
		}
		if err != nil && err != io.EOF {
			return err
		}
		pattern, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return fmt.Errorf("line %d: no tab between pattern and string", number)
		}
		if err := encoder.Encode(ask(pattern, text)); err != nil {
			return err
		}
	}
}

// ask needs no anchors around the pattern, which `\Qa` or `a)|(b` would break: where the whole string is a match, the leftmost match
// begins at 0, and the longest of those is the whole.
func ask(pattern, text string) answer {
	said := answer{Pattern: pattern, String: text}
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		said.Error = err.Error()
		return said
	}
	compiled.Longest()
	found := compiled.FindStringIndex(text)
	unanchored := found != nil
	full := unanchored && found[0] == 0 && found[1] == len(text)
	said.Compiles, said.Full, said.Unanchored = true, &full, &unanchored
	return said
}
