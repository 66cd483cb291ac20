//! JSON text in the form that a file already has.
//!
//! Manifests that go into a JSON file, or between the brackets of a flow list, are written as JSON. Whether on one line
//! or indented is taken from the bytes they replace.

use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
use std::io;

use serde::Serialize as _;

/// How a JSON value is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// On one line, without a space.
    Dense,
    /// On one line, with a space after each colon and comma.
    Spaced,
    /// One field a line.
    Pretty {
        /// What one level is indented by.
        unit: String,
        /// What every line but the first is indented by in any case.
        base: String,
    },
}

// === impl Style ===

impl Style {
    /// The style of `old`, a mapping that begins on a line indented by `base`.
    pub fn of(old: &str, base: &str) -> Self {
        let Some((_, after)) = old.split_once('\n') else {
            return if old.contains("\": ") { Self::Spaced } else { Self::Dense };
        };
        let indent = &after[..after.len() - after.trim_start_matches([' ', '\t']).len()];
        match indent.strip_prefix(base) {
            Some(unit) if !unit.is_empty() => Self::Pretty { unit: unit.to_owned(), base: base.to_owned() },
            Some(_) | None => Self::Pretty { unit: "  ".to_owned(), base: base.to_owned() },
        }
    }

    /// `old`, a JSON text of this style, as it stands `levels` deeper. A string of JSON has no line breaks of its own.
    pub fn nested(&self, old: &str, levels: usize) -> String {
        match self {
            Self::Dense | Self::Spaced => old.to_owned(),
            Self::Pretty { unit, base: _ } => old.replace('\n', &format!("\n{}", unit.repeat(levels))),
        }
    }

    /// `value` as text, without a line break at its end, with `line_break` between its lines.
    pub fn write(&self, value: &Value, line_break: &str) -> String {
        match self {
            Self::Dense => value.to_string(),
            Self::Spaced => serialized(value, SpacedFormatter),
            Self::Pretty { unit, base } => {
                let text = serialized(value, PrettyFormatter::with_indent(unit.as_bytes()));
                text.replace('\n', &format!("{line_break}{base}"))
            }
        }
    }
}

fn serialized(value: &Value, formatter: impl Formatter) -> String {
    let mut bytes = Vec::new();
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    match (written, String::from_utf8(bytes)) {
        (Ok(()), Ok(text)) => text,
        (Err(_), _) | (_, Err(_)) => value.to_string(),
    }
}

struct SpacedFormatter;

// === impl SpacedFormatter ===

impl Formatter for SpacedFormatter {
    fn begin_array_value<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        separate(writer, first)
    }

    fn begin_object_key<W: io::Write + ?Sized>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        separate(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

fn separate<W: io::Write + ?Sized>(writer: &mut W, first: bool) -> io::Result<()> {
    if first { Ok(()) } else { writer.write_all(b", ") }
}
