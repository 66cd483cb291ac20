//! The marks of SMI, as raw bytes: `mappings/marks.yaml` as one automaton.
//!
//! Almost every file of a repository carries no mark and is dropped after one pass over its bytes, so this must stay
//! cheap and must not need the text to be YAML, nor even UTF-8. A mark only asks for a closer look; nothing is
//! interpreted here.

use aho_corasick::AhoCorasick;
use memchr::memmem;
use serde::Deserialize;
use std::sync::LazyLock;

/// One row of `mappings/marks.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// Looked for in the raw bytes.
    pub text: String,
    /// Where it may stand.
    #[serde(default)]
    pub at: At,
    /// Words that must all stand in the same document.
    #[serde(default)]
    pub with: Vec<String>,
    /// Words none of which may stand in the same document.
    #[serde(default)]
    pub without: Vec<String>,
    /// What the document may be.
    pub means: Means,
    /// One sentence: why it is a mark.
    pub why: String,
    /// Upstream file and version that says so.
    pub from: String,
}

/// Where the text of a mark may stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// Also inside a word.
    #[default]
    Anywhere,
    /// At the beginning of a word.
    WordStart,
}

/// What a marked document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// SMI itself.
    Object,
    /// A controller's object that makes SMI at run time.
    Maker,
    /// An object that points at SMI.
    Referrer,
    /// Left behind by a mesh that read SMI.
    Leftover,
}

/// The table, ready to search.
pub(super) struct Marks {
    rows: Vec<Row>,
    automaton: AhoCorasick,
    longest: usize,
}

/// How much of a file the bytes at hand are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// One document: every condition of a row can be judged.
    Document,
    /// Several documents: what one of them must not hold, another may.
    Documents,
    /// A part: only the text of a row itself can be judged.
    Part,
}

static MARKS: LazyLock<Marks> = LazyLock::new(|| {
    let rows: Vec<Row> = serde_yaml::from_str(include_str!("../../mappings/marks.yaml"))
        .expect("mappings/marks.yaml is held valid by a test");
    Marks::new(rows)
});

/// The marks of `mappings/marks.yaml`.
pub(super) fn marks() -> &'static Marks {
    &MARKS
}

/// The rows of `mappings/marks.yaml`, in the order of the table.
#[must_use]
pub fn rows() -> &'static [Row] {
    &MARKS.rows
}

// === impl Marks ===

impl Marks {
    fn new(rows: Vec<Row>) -> Self {
        let automaton =
            AhoCorasick::new(rows.iter().map(|row| &row.text)).expect("a table of a few words makes an automaton");
        let longest = rows.iter().map(|row| row.text.len()).max().unwrap_or(0);
        Self { rows, automaton, longest }
    }

    /// Whether a document carries a mark.
    pub(super) fn in_document(&self, document: &[u8]) -> bool {
        self.find(document, Extent::Document)
    }

    /// Whether some document of a file may carry a mark; [`Marks::in_document`] decides.
    pub(super) fn in_file(&self, file: &[u8]) -> bool {
        self.find(file, Extent::Documents)
    }

    /// Whether a file of which this is a part may carry a mark.
    pub(super) fn in_part(&self, part: &[u8]) -> bool {
        self.find(part, Extent::Part)
    }

    /// How many bytes two neighbouring parts must share so that no mark is cut in two, nor its word start lost.
    pub(super) fn overlap(&self) -> usize {
        self.longest + 1
    }

    fn find(&self, bytes: &[u8], extent: Extent) -> bool {
        // A row whose other words were looked for once is not asked again: a text full of one mark stays linear.
        let mut refused = vec![];
        for hit in self.automaton.find_iter(bytes) {
            let index = hit.pattern().as_usize();
            let row = &self.rows[index];
            if refused.contains(&index) || (row.at == At::WordStart && !starts_word(bytes, hit.start())) {
                continue;
            }
            if row.conditions_hold(bytes, extent) {
                return true;
            }
            refused.push(index);
        }
        false
    }
}

// === impl Row ===

impl Row {
    fn conditions_hold(&self, bytes: &[u8], extent: Extent) -> bool {
        match extent {
            Extent::Part => true,
            Extent::Documents => self.with.iter().all(|word| has_word(bytes, word)),
            Extent::Document => {
                self.with.iter().all(|word| has_word(bytes, word))
                    && !self.without.iter().any(|word| has_word(bytes, word))
            }
        }
    }
}

fn has_word(bytes: &[u8], word: &str) -> bool {
    memmem::find_iter(bytes, word).any(|start| starts_word(bytes, start) && ends_word(bytes, start + word.len()))
}

fn starts_word(bytes: &[u8], start: usize) -> bool {
    start == 0 || !in_word(bytes[start - 1])
}

fn ends_word(bytes: &[u8], end: usize) -> bool {
    bytes.get(end).is_none_or(|&byte| !in_word(byte))
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(document: &str) -> bool {
        marks().in_document(document.as_bytes())
    }

    #[test]
    fn a_group_is_a_mark_wherever_it_stands() {
        assert!(marked("apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\n"));
        assert!(marked("rules:\n- apiGroups: [\"access.smi-spec.io\"]\n"));
        assert!(!marked("apiVersion: v1\nkind: Service\nmetadata: {name: smi}\n"));
    }

    #[test]
    fn a_kind_without_its_group_is_a_mark() {
        for kind in ["TrafficSplit", "TrafficTarget", "HTTPRouteGroup", "IdentityBinding", "TrafficMetricsList"] {
            assert!(marked(&format!("kind: {kind}\nmetadata: {{name: a}}\n")), "{kind}");
            assert!(marked(&format!("{{\"kind\":\"{kind}\"}}")), "{kind} in JSON");
        }
    }

    #[test]
    fn a_kind_that_only_ends_like_one_of_smi_is_no_mark() {
        assert!(!marked("apiVersion: aadpodidentity.k8s.io/v1\nkind: AzureIdentityBinding\n"));
        assert!(!marked("apiVersion: kuma.io/v1alpha1\nkind: MeshTCPRoute\n"));
    }

    #[test]
    fn a_route_of_gateway_api_is_no_mark_and_one_without_group_is() {
        assert!(!marked("apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\n"));
        assert!(marked("kind: TCPRoute\nmetadata: {name: tcp}\n"));
        assert!(marked("apiVersion: v1alpha1\nkind: UDPRoute\n"));
    }

    #[test]
    fn what_rules_out_one_document_does_not_rule_out_its_file() {
        let gateway = "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\n";
        let file = format!("{gateway}---\nkind: TCPRoute\n");
        assert!(marks().in_file(file.as_bytes()));
        assert!(marks().in_file(gateway.as_bytes()), "left to the look at each document");
    }

    #[test]
    fn a_controller_that_makes_smi_without_naming_it_is_a_mark() {
        assert!(marked("apiVersion: flagger.app/v1beta1\nkind: Canary\nspec: {}\n"));
        assert!(!marked("kind: HelmRepository\nspec:\n  url: https://flagger.app\n"));
        assert!(marked("kind: Rollout\nspec:\n  strategy:\n    canary:\n      trafficRouting:\n        smi: {}\n"));
        assert!(marked(r#"{"kind":"Rollout","spec":{"strategy":{"canary":{"trafficRouting":{"smi":{}}}}}}"#));
        assert!(!marked("kind: Rollout\nspec:\n  strategy:\n    canary:\n      trafficRouting:\n        istio: {}\n"));
    }

    #[test]
    fn no_mark_stands_inside_another() {
        for one in rows() {
            for other in rows().iter().filter(|other| other.text != one.text) {
                assert!(!other.text.contains(&one.text), "`{}` hides in `{}`", one.text, other.text);
            }
        }
    }

    #[test]
    fn every_mark_can_be_found_and_says_why() {
        for row in rows() {
            let document = format!("{} {}", row.text, row.with.join(" "));
            assert!(marked(&document), "{}", row.text);
            assert!(!row.why.is_empty() && !row.from.is_empty(), "{}", row.text);
        }
    }

    #[test]
    fn a_text_full_of_one_refused_mark_is_read_once() {
        let text = "trafficRouting: {}\n".repeat(200_000);
        assert!(!marked(&text));
    }
}
