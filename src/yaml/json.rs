//! Plain JSON, read at the speed of JSON.
//!
//! `kubectl get -A -o json` writes one document of many megabytes, and a YAML parser takes tens of seconds for it. What this
//! reader takes, it reads exactly as the YAML reader would (JSON is YAML); what it does not take (a comment, a key twice,
//! a syntax error, nesting beyond the limit) it leaves to that reader, which has the words for it.

use std::collections::HashSet;

use super::parse::MAX_DEPTH;
use super::{Node, Scalar, Value};
use crate::place::Span;

/// The root of the JSON text at `span`; none if it is not plain JSON.
pub(super) fn read(text: &str, span: Span) -> Option<Node> {
    let bytes = &text.as_bytes()[..span.end];
    let mut reader = Reader { text, bytes, at: span.start };
    reader.blank();
    if !matches!(reader.peek()?, b'{' | b'[') {
        return None;
    }
    let root = reader.value(0)?;
    reader.blank();
    (reader.at == bytes.len()).then_some(root)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` after blanks.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.blank();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<Node> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.blank();
        let start = self.at;
        let value = match self.peek()? {
            b'{' => self.map(depth)?,
            b'[' => self.list(depth)?,
            b'"' => Value::Scalar(Scalar::string(self.string()?)),
            _ => Value::Scalar(self.plain()?),
        };
        Some(Node { span: Span::new(start, self.at), value })
    }

    fn map(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut keys = HashSet::new();
        self.blank();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Value::Map(entries));
        }
        loop {
            self.blank();
            let start = self.at;
            let key = self.string()?;
            let span = Span::new(start, self.at);
            if key == "<<" || !keys.insert(key.clone()) {
                return None;
            }
            self.take(b':')?;
            let value = self.value(depth + 1)?;
            entries.push((Node { span, value: Value::Scalar(Scalar::string(key)) }, value));
            self.blank();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(Value::Map(entries));
                }
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blank();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(Value::List(items));
                }
                _ => return None,
            }
        }
    }

    /// A string; its escapes are left to serde_json.
    fn string(&mut self) -> Option<String> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.at..)?;
            let stop = memchr::memchr2(b'"', b'\\', rest)?;
            if rest[..stop].iter().any(|byte| *byte < 0x20) {
                return None;
            }
            self.at += stop;
            if self.peek()? == b'"' {
                break;
            }
            escaped = true;
            self.at += 2;
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        if escaped { serde_json::from_str(quoted).ok() } else { Some(quoted[1..quoted.len() - 1].to_owned()) }
    }

    /// A number, a boolean or null.
    fn plain(&mut self) -> Option<Scalar> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        let value: serde_json::Value = serde_json::from_str(word).ok()?;
        (!value.is_string()).then(|| Scalar::plain(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse::parse_yaml;
    use proptest::prelude::*;

    fn whole(text: &str) -> Span {
        Span::new(0, text.len())
    }

    #[test]
    fn what_is_not_plain_json_is_left_to_the_yaml_reader() {
        for text in [
            "{a: 1}",
            "{\"a\": 1} # note",
            "{\"a\": 1, \"a\": 2}",
            "[1,]",
            "{\"a\": 'x'}",
            "\"text\"",
            "{\"a\": \"\t\"}",
            "[01]",
            "[",
            "{\"a\"",
            "\"\\",
        ] {
            assert!(read(text, whole(text)).is_none(), "{text}");
        }
        let deep = "[".repeat(MAX_DEPTH + 1) + &"]".repeat(MAX_DEPTH + 1);
        assert!(read(&deep, whole(&deep)).is_none());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[ -~é\\n\\t\"]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                proptest::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn plain_json_reads_as_the_yaml_reader_reads_it(value in json(), pretty in any::<bool>()) {
            let value = serde_json::json!({ "root": value });
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let fast = read(&text, whole(&text)).expect("plain JSON");
            prop_assert_eq!(fast.to_json(), value);
            let slow = parse_yaml(&text, whole(&text)).expect("JSON is YAML").root.expect("a root");
            prop_assert_eq!(fast, slow);
        }
    }
}
