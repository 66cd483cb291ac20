//! The promises of `splice` on random texts. The texts are put together from parts, so that the test knows without any
//! parser of ours which bytes are whose.

use proptest::prelude::*;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::patch::applied;
use super::{change, splice};
use crate::edit::{Change, Color, FileDiff, Original, diff};

/// A document of a random text.
#[derive(Clone, Debug)]
enum Part {
    /// One that is not to change.
    Other(String),
    /// A TrafficSplit with comments in it, and what becomes of it.
    Split { lines: Vec<String>, becomes: Becomes },
}

#[derive(Clone, Debug)]
enum Becomes {
    Itself,
    Manifests(Vec<String>),
    /// It stays, and these come after it.
    Followed(Vec<String>),
}

#[derive(Clone, Debug)]
struct Text {
    /// Each with the separator lines before it.
    parts: Vec<(String, Part)>,
    crlf: bool,
    bare_end: bool,
    bom: bool,
}

const COMMENT: &str = "#C";

fn other() -> impl Strategy<Value = Part> {
    let line = prop_oneof![
        Just("a: 1\n"),
        Just("\n"),
        Just("#C\n"),
        Just("  #C  \n"),
        Just("list:   [ 1,\n   2 ]  #C\n"),
        Just("text: |\n  # no comment\n\n   more\n"),
        Just("kept: |+\n  x\n\n"),
        Just("folded: >-\n   y\n   z\n"),
        Just("nothing:\n"),
        Just("said: \"two\n  lines\"\n"),
        Just("&x anchored: *x\n"),
    ];
    prop::collection::vec(line, 0..5).prop_map(|lines| {
        // Keys are made different below; an alias needs its anchor.
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let line = if line.starts_with('&') { "anchor: &x 1\nalias: *x\n" } else { line };
            text.push_str(&match line.split_once(':') {
                Some(_) if line.starts_with(char::is_alphabetic) => {
                    line.replace(": ", &format!("{index}: ")).replace("ing:\n", &format!("ing{index}:\n"))
                }
                Some(_) | None => line.to_owned(),
            });
        }
        Part::Other(text)
    })
}

fn split() -> impl Strategy<Value = Part> {
    let between = || prop::collection::vec(prop_oneof![Just(""), Just("#C"), Just("   #C ")], 0..3);
    let tail = || prop_oneof![3 => Just(""), 1 => Just(" #C"), 1 => Just("  ")];
    let name =
        prop_oneof!["[a-z]{1,8}", Just("yes".to_owned()), Just("1e3".to_owned()), Just("a: b #c é".to_owned())].boxed();
    let becomes = prop_oneof![
        1 => Just(Becomes::Itself),
        3 => prop::collection::vec(name.clone(), 0..3).prop_map(Becomes::Manifests),
        2 => prop::collection::vec(name, 0..3).prop_map(Becomes::Followed),
    ];
    let fields =
        ["kind: TrafficSplit", "metadata:", "  name: NAME", "  annotations:", "    text: |", "      # text", "spec:"];
    let lines = (prop::collection::vec((between(), tail()), fields.len()), between(), any::<bool>());
    (lines, becomes).prop_map(move |((around, after, shifted), becomes)| {
        let mut lines = Vec::new();
        for (field, (before, tail)) in fields.iter().zip(around) {
            let in_block = field.ends_with("# text");
            let plain = in_block || field.ends_with('|');
            lines.extend(before.into_iter().filter(|_| !in_block).map(str::to_owned));
            lines.push(format!("{}{field}{}", if shifted { " " } else { "" }, if plain { "" } else { tail }));
        }
        lines.extend(after.into_iter().map(str::to_owned));
        Part::Split { lines, becomes }
    })
}

fn text() -> impl Strategy<Value = Text> {
    let separator = prop_oneof![4 => Just("---\n"), 1 => Just("---  \n"), 1 => Just("--- #C\n"), 1 => Just("...\n---\n"), 1 => Just("---\n\n#C\n")];
    let part = (separator, prop_oneof![other(), split()]).prop_map(|(separator, part)| (separator.to_owned(), part));
    (prop::collection::vec(part, 1..7), any::<[bool; 4]>()).prop_map(|(mut parts, [crlf, bare_end, bom, marked])| {
        if !marked {
            parts[0].0.clear();
        }
        for index in 0..parts.len() {
            // There must be a document for `...` to end.
            let ends_nothing = index == 0 || matches!(&parts[index - 1].1, Part::Other(text) if is_blank(text));
            if parts[index].0.starts_with("...") && ends_nothing {
                parts[index].0 = "---\n".to_owned();
            }
        }
        Text { parts, crlf, bare_end, bom }
    })
}

fn is_blank(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.trim().starts_with(COMMENT))
}

// === impl Text ===

impl Text {
    /// The text before; each comment has a number, each split a name.
    fn written(&self) -> (String, Vec<String>) {
        let mut text = String::new();
        let mut kept = Vec::new();
        for (index, (separator, part)) in self.parts.iter().enumerate() {
            text.push_str(separator);
            let part = match part {
                Part::Other(part) => part.clone(),
                Part::Split { lines, .. } => lines.join("\n").replace("NAME", &format!("split-{index}")) + "\n",
            };
            text.push_str(&format!("\u{1}{part}\u{1}"));
        }
        let mut numbered = String::new();
        for (number, piece) in text.split(COMMENT).enumerate() {
            if number > 0 {
                numbered.push_str(&format!("# c{number}."));
            }
            numbered.push_str(piece);
        }
        if self.crlf {
            numbered = numbered.replace('\n', "\r\n");
        }
        let mut text: String = numbered.replace('\u{1}', "");
        for (part, (_, what)) in numbered.split('\u{1}').skip(1).step_by(2).zip(&self.parts) {
            if let Part::Other(_) | Part::Split { becomes: Becomes::Itself | Becomes::Followed(_), .. } = what {
                kept.push(part.trim_end().to_owned());
            }
        }
        if self.bare_end {
            text.truncate(text.trim_end_matches(['\r', '\n']).len());
        }
        (if self.bom { format!("\u{feff}{text}") } else { text }, kept)
    }
}

fn manifest(name: &str) -> Value {
    json!({"kind": "HTTPRoute", "metadata": {"name": name}, "spec": {"hostnames": [name], "n": 1}})
}

/// What a reader that is not ours makes of a text; empty documents left out.
fn read(text: &str) -> Vec<Value> {
    // libyaml takes a `---` after a byte order mark for text.
    serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'))
        .map(|document| Value::deserialize(document).expect("YAML"))
        .filter(|document| !document.is_null())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splice_keeps_what_it_should_and_changes_what_it_should(random in text()) {
        let (before, kept) = random.written();
        let mut changes = Vec::new();
        let mut expected = Vec::new();
        let mut objects = read(&before).into_iter();
        for (index, (_, part)) in random.parts.iter().enumerate() {
            match part {
                Part::Other(text) if is_blank(text) => {}
                Part::Other(_) | Part::Split { becomes: Becomes::Itself, .. } => expected.extend(objects.next()),
                Part::Split { becomes: Becomes::Manifests(names), .. } => {
                    objects.next();
                    let manifests: Vec<Value> = names.iter().map(|name| manifest(name)).collect();
                    changes.push(change(&before, &format!("split-{index}"), &manifests));
                    expected.extend(manifests);
                }
                Part::Split { becomes: Becomes::Followed(names), .. } => {
                    expected.extend(objects.next());
                    let manifests: Vec<Value> = names.iter().map(|name| manifest(name)).collect();
                    let replaced = change(&before, &format!("split-{index}"), &manifests);
                    changes.push(Change { original: Original::Kept, ..replaced });
                    expected.extend(manifests);
                }
            }
        }
        let after = splice(&before, &changes).map_err(|error| TestCaseError::fail(format!("{error} in {before:?}")))?;

        // The documents that were not to change are there, in their order, to the byte.
        let mut rest = after.as_str();
        for part in &kept {
            let found = rest.find(part.as_str());
            prop_assert!(found.is_some(), "{:?} is not in {:?}", part, rest);
            rest = &rest[found.unwrap_or_default() + part.len()..];
        }
        // Everything reads as it should.
        prop_assert_eq!(read(&after), expected, "{:?} became {:?}", before, after);
        // Every comment is there, once.
        for number in 1..=before.matches("# c").count() {
            prop_assert_eq!(after.matches(&format!("# c{number}.")).count(), before.matches(&format!("# c{number}.")).count());
        }
        // Line endings, byte order mark.
        prop_assert_eq!(after.matches('\n').count(), if random.crlf { after.matches("\r\n").count() } else { after.matches('\n').count() });
        let has_mark = after.starts_with('\u{feff}');
        prop_assert!(after.is_empty() || has_mark == random.bom);
        // The patch leads there.
        let patch = diff(&[FileDiff { name: "n", before: Some(&before), after: Some(&after) }], Color::Never);
        prop_assert_eq!(applied(&before, &patch), Some(after));
    }

    #[test]
    fn items_of_any_list_change_alone(
        items in prop::collection::vec((0..4usize, any::<bool>(), prop::option::of((0..3usize, any::<bool>()))), 1..6),
        indent in 0..3usize,
        form in 0..3usize,
        bare_end in any::<bool>(),
    ) {
        let lead = " ".repeat(indent);
        let mut before = match form { 0 => "kind: List\nitems: # c0.\n".to_owned(), _ => "{\"kind\": \"List\", \"items\": [".to_owned() };
        let mut expected = Vec::new();
        let mut changed = Vec::new();
        for (index, (lines, commented, becomes)) in items.iter().enumerate() {
            let fields: Vec<String> = (0..*lines).map(|line| format!("\"f{line}\": [{line}]")).collect();
            if form == 0 {
                let comment = |part: &str| if *commented { format!(" # {part}{index}.") } else { String::new() };
                let rest: String = fields.iter().map(|field| format!("\n{lead}  {field}{}", comment("in"))).collect();
                before.push_str(&format!("{lead}#  c{index}.\n{lead}- metadata: {{name: split-{index}}}{}{rest}\n", comment("c")));
            } else {
                let gap = if form == 1 { "\n  " } else { " " };
                let rest: String = fields.iter().map(|field| format!(",{gap}  {field}")).collect();
                let comma = if index == 0 { "" } else { "," };
                before.push_str(&format!("{comma}{gap}{{{gap}  \"metadata\": {{\"name\": \"split-{index}\"}}{rest}{gap}}}"));
            }
            if let None | Some((_, true)) = becomes {
                let mut item = json!({"metadata": {"name": format!("split-{index}")}});
                for line in 0..*lines {
                    item[format!("f{line}")] = json!([line]);
                }
                expected.push(item);
            }
            if let Some((count, kept)) = becomes {
                let manifests: Vec<Value> = (0..*count).map(|number| manifest(&format!("r-{index}-{number}"))).collect();
                expected.extend(manifests.iter().cloned());
                changed.push((index, *kept, manifests));
            }
        }
        before.push_str(if form == 0 { "" } else { "\n]}\n" });
        if bare_end {
            before.truncate(before.trim_end().len());
        }
        let changes: Vec<_> = changed.iter().map(|(index, kept, manifests)| {
            let original = if *kept { Original::Kept } else { Original::Replaced };
            Change { original, ..change(&before, &format!("split-{index}"), manifests) }
        }).collect();
        let after = splice(&before, &changes).map_err(|error| TestCaseError::fail(format!("{error} in {before:?}")))?;
        prop_assert_eq!(read(&after), vec![json!({"kind": "List", "items": expected})], "{:?} became {:?}", before, after);
        prop_assert_eq!(after.matches('#').count(), before.matches('#').count());
        prop_assert_eq!(after.ends_with('\n'), before.ends_with('\n'));
        if form > 0 {
            prop_assert!(serde_json::from_str::<Value>(&after).is_ok());
        }
    }
}
