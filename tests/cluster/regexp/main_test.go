package main

import (
	"strings"
	"testing"
)

func TestAnAlternationIsNotCutByTheAnchors(t *testing.T) {
	said := ask("a|b", "ab")
	if !said.Compiles || *said.Full || !*said.Unanchored {
		t.Errorf("a|b on ab: %+v", said)
	}
}

func TestALeftmostFirstMatchStillFindsTheWholeString(t *testing.T) {
	if said := ask("a|ab", "ab"); !*said.Full {
		t.Errorf("a|ab on ab: %+v", said)
	}
}

func TestAPatternThatOnlyBalancesInsideAWrapDoesNotCompile(t *testing.T) {
	if said := ask("a)|(b", "a"); said.Compiles || said.Full != nil || said.Error == "" {
		t.Errorf("a)|(b: %+v", said)
	}
}

func TestTheRepeatLimitOfRE2Holds(t *testing.T) {
	if said := ask("a{1001}", "a"); said.Compiles {
		t.Errorf("a{1001}: %+v", said)
	}
}

func TestALookaheadDoesNotCompile(t *testing.T) {
	if said := ask("(?=a)", "a"); said.Compiles {
		t.Errorf("(?=a): %+v", said)
	}
}

func TestAnEndOfLineAnchorIsTheEndOfTheText(t *testing.T) {
	if said := ask("a$", "a"); !*said.Full {
		t.Errorf("a$ on a: %+v", said)
	}
}

func TestEachLineIsAnsweredInOrder(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader("/api/.*\t/api/v1\n<\tb<\n"), &out); err != nil {
		t.Fatal(err)
	}
	want := `{"pattern":"/api/.*","string":"/api/v1","compiles":true,"full":true,"unanchored":true}
{"pattern":"<","string":"b<","compiles":true,"full":false,"unanchored":true}
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
}

func TestALineWithoutATabIsAnErrorThatNamesIt(t *testing.T) {
	err := run(strings.NewReader("a\ta\nb\n"), &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

func TestAnOpenQuoteRunsToTheEndOfThePattern(t *testing.T) {
	if said := ask(`\Qa.b`, "a.b"); !said.Compiles || !*said.Full {
		t.Errorf(`\Qa.b on a.b: %+v`, said)
	}
}

func TestACarriageReturnBelongsToTheString(t *testing.T) {
	var out strings.Builder
	if err := run(strings.NewReader("a\ta\r"), &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), `"string":"a\r","compiles":true,"full":false`) {
		t.Errorf("got %s", out.String())
	}
}
