//! The steps of the suite that assert something of requests, as data.
//!
//! Read from layer5io/learn-layer5 bf9cd5c `smi-conformance/test-gen`: `traffic-access.go`, `traffic-spec.go` and
//! `traffic-split.go` for what is sent and counted, `test-yamls/` for what is installed before. One handler may assert
//! several things; each is an assertion of its own here.

use crate::situation::State;

/// One thing that a step asserts.
#[derive(Clone, Copy, Debug)]
pub struct Assertion {
    /// The folder of the step.
    pub part: Part,
    /// The step and the handler that it runs: `05 trafficAllowed`.
    pub step: &'static str,
    /// What is installed when the step runs, for a reader.
    pub given: &'static str,
    /// What is sent, by `a`.
    pub asks: Asks,
    /// What must come of it.
    pub wants: Wants,
    /// What is installed when the step runs, as a conversion sees it.
    pub state: State,
}

/// The three folders of the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `traffic-access`
    Access,
    /// `traffic-spec`
    Specs,
    /// `traffic-split`
    Split,
}

/// A request of `a`.
#[derive(Clone, Copy, Debug)]
pub struct Asks {
    /// The Service that is called.
    pub to: To,
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
}

/// A Service of the situations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// That of `b`.
    B,
    /// The one over the pods of `b` and `c`.
    Root,
}

/// What must come of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// It arrives.
    Allowed,
    /// It does not.
    Denied,
    /// Without a split, the pods of both leaves get requests: the Service itself takes them.
    ByTheServiceItself,
    /// The leaves `b` and `c` get them in this ratio. The suite counts 50 requests and asks only which leaf got more.
    Shares(u32, u32),
}

impl Part {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 3] = [Self::Access, Self::Specs, Self::Split];

    /// The folder.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Access => "traffic-access",
            Self::Specs => "traffic-spec",
            Self::Split => "traffic-split",
        }
    }
}

const ECHO: Asks = Asks { to: To::B, method: "GET", path: "/echo" };
const POST_ECHO: Asks = Asks { method: "POST", ..ECHO };
const METRICS: Asks = Asks { path: "/metrics", ..ECHO };
const ROOT: Asks = Asks { to: To::Root, ..ECHO };

const PATH: &str = "`a` may send any method to `/metrics` of `b`";
const METHOD: &str = "`a` may send GET to any path of `b`";

/// All of them, in the order of the suite.
pub const ASSERTIONS: [Assertion; 12] = [
    Assertion {
        part: Part::Access,
        step: "03 trafficDefault",
        given: "nothing about `b`",
        asks: ECHO,
        wants: Wants::Denied,
        state: State::NothingAboutB,
    },
    Assertion {
        part: Part::Access,
        step: "05 trafficAllowed",
        given: "`a` may reach every port of `b`",
        asks: ECHO,
        wants: Wants::Allowed,
        state: State::AnyPort,
    },
    Assertion {
        part: Part::Access,
        step: "07 trafficBlocked",
        given: "that is deleted",
        asks: ECHO,
        wants: Wants::Denied,
        state: State::Deleted,
    },
    Assertion {
        part: Part::Specs,
        step: "04 trafficPath",
        given: PATH,
        asks: METRICS,
        wants: Wants::Allowed,
        state: State::OnePath,
    },
    Assertion {
        part: Part::Specs,
        step: "04 trafficPath",
        given: PATH,
        asks: ECHO,
        wants: Wants::Denied,
        state: State::OnePath,
    },
    Assertion {
        part: Part::Specs,
        step: "06 trafficMethod",
        given: METHOD,
        asks: ECHO,
        wants: Wants::Allowed,
        state: State::OneMethod,
    },
    Assertion {
        part: Part::Specs,
        step: "06 trafficMethod",
        given: METHOD,
        asks: POST_ECHO,
        wants: Wants::Denied,
        state: State::OneMethod,
    },
    Assertion {
        part: Part::Split,
        step: "03 trafficDefault",
        given: "no TrafficSplit",
        asks: ROOT,
        wants: Wants::ByTheServiceItself,
        state: State::NoSplit,
    },
    split("05 trafficOnlyB", "weights 1 and 0", 1, 0),
    split("07 trafficOnlyC", "weights 0 and 1", 0, 1),
    split("09 trafficBGrtC", "weights 75 and 25", 75, 25),
    split("11 trafficCGrtB", "weights 25 and 75", 25, 75),
];

const fn split(step: &'static str, given: &'static str, b: u32, c: u32) -> Assertion {
    Assertion { part: Part::Split, step, given, asks: ROOT, wants: Wants::Shares(b, c), state: State::Split(b, c) }
}
