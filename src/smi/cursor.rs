//! Steps through the nodes of one object, and writes down what is wrong on the way.
//!
//! The readers of the kinds name fields and say what is required; everything that is the same for all of them is here:
//! wrong types, unquoted texts, names, templates, and (from the table of fields) what nobody knows. No kind is
//! mentioned in this file.

use std::collections::BTreeSet;

use super::fields::{self, Known};
use super::text::{self, NameRule};
use super::{Kind, Problem, Version};
use crate::code;
use crate::place::{Span, Spanned};
use crate::yaml::scalar::Resolved;
use crate::yaml::{Node, Scalar, Value};

/// The reader of one object.
pub(super) struct Reader {
    /// What is read.
    pub kind: Kind,
    /// The version whose shape is read.
    pub version: Version,
    problems: Vec<Problem>,
    /// Keys that stand for a field elsewhere in the table of fields.
    moved: Vec<(Span, &'static str)>,
    /// Keys and values that a problem was already written down for: what stands below says nothing more.
    judged: BTreeSet<Span>,
}

/// A mapping of the object.
#[derive(Clone)]
pub(super) struct Table<'a> {
    /// The whole mapping.
    pub span: Span,
    path: String,
    entries: &'a [(Node, Node)],
}

/// A field that is there, or an entry of a list.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    /// The key; the entry itself in a list.
    pub key: Span,
    /// The value.
    pub node: &'a Node,
    /// For people: `spec.backends[1].weight`, counted from 0.
    pub path: String,
}

// === impl Table ===

impl<'a> Table<'a> {
    /// The object itself; none if it is no mapping.
    pub fn object(node: &'a Node) -> Option<Self> {
        Self::of(node, String::new())
    }

    fn of(node: &'a Node, path: String) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self { span: node.span, path, entries }),
            Value::List(_) | Value::Scalar(_) => None,
        }
    }

    /// The field called `name`. An absent field and one that holds null are the same, as they are for Kubernetes.
    pub fn field(&self, name: &str) -> Option<Field<'a>> {
        let (key, node) = self.entries.iter().find(|(key, _)| key.key_text() == name)?;
        (!node.is_null()).then(|| Field { key: key.span, node, path: self.path_of(name) })
    }

    /// All entries, keys as text.
    pub fn fields(&self) -> impl Iterator<Item = (Spanned<String>, Field<'a>)> {
        self.entries.iter().map(|(key, node)| {
            let name = key.key_text().into_owned();
            let field = Field { key: key.span, node, path: self.path_of(&name) };
            (Spanned::new(name, key.span), field)
        })
    }

    /// For people: the path of a field, there or not.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

// === impl Field ===

impl Field<'_> {
    /// Whether it holds null, as the entries of a list and of a mapping of texts may.
    pub fn is_null(&self) -> bool {
        self.node.is_null()
    }

    /// From the key to the end of the value.
    pub fn span(&self) -> Span {
        Span::new(self.key.start.min(self.node.span.start), self.node.span.end.max(self.key.end))
    }
}

// === impl Reader ===

impl Reader {
    /// A reader of `kind` in the shape of `version`.
    pub fn new(kind: Kind, version: Version) -> Self {
        Self { kind, version, problems: Vec::new(), moved: Vec::new(), judged: BTreeSet::new() }
    }

    /// Writes a problem down.
    pub fn push(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// What was written down, in source order, each thing once (a node that is anchored is read at every alias).
    pub fn finish(mut self) -> Vec<Problem> {
        self.problems.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
        self.problems.dedup();
        self.problems
    }

    /// The field at `key` is read as the one that the table of fields has at `path`.
    pub fn read_as(&mut self, key: Span, path: &'static str) {
        self.moved.push((key, path));
    }

    /// What stands at `span` has had its problem.
    pub fn judged(&mut self, span: Span) {
        self.judged.insert(span);
    }

    // --- types ---

    /// The mapping that `field` holds.
    pub fn table<'a>(&mut self, field: &Field<'a>) -> Option<Table<'a>> {
        let table = Table::of(field.node, field.path.clone());
        if table.is_none() {
            self.wrong_type(field, "a mapping");
        }
        table
    }

    /// The entries of the list that `field` holds.
    pub fn entries<'a>(&mut self, field: &Field<'a>) -> Option<Vec<Field<'a>>> {
        let Value::List(items) = &field.node.value else {
            self.wrong_type(field, "a list");
            return None;
        };
        let entry = |(index, node): (usize, &'a Node)| {
            let path = format!("{}[{index}]", field.path);
            Field { key: node.span, node, path }
        };
        Some(items.iter().enumerate().map(entry).collect())
    }

    /// As [`entries`](Self::entries); a single value counts as a list of one, with a warning.
    pub fn entries_or_one<'a>(&mut self, field: &Field<'a>) -> Option<Vec<Field<'a>>> {
        if !matches!(field.node.value, Value::Scalar(_)) {
            return self.entries(field);
        }
        let message = format!("`{}` is a single value where a list belongs; read as a list of one", field.path);
        self.push(Problem::new(code!("smi-shape"), field.node.span, message).help("write it as a list with one entry"));
        self.judged(field.node.span);
        Some(vec![field.clone()])
    }

    /// The text that `field` holds. A number or a boolean counts as its text, with a warning.
    pub fn text(&mut self, field: &Field<'_>) -> Option<Spanned<String>> {
        let Value::Scalar(Scalar { text, resolved }) = &field.node.value else {
            self.wrong_type(field, "a text");
            return None;
        };
        let read_as = match resolved {
            Resolved::Str => None,
            Resolved::Bool(value) => Some(format!("the boolean {value}")),
            Resolved::Int(value) => Some(format!("the number {value}")),
            Resolved::Float(value) => Some(format!("the number {value}")),
            Resolved::Null => {
                self.wrong_type(field, "a text");
                return None;
            }
        };
        if let Some(read_as) = read_as {
            let message =
                format!("`{}` must be a text, and kubectl reads {read_as}; taken as the text `{text}`", field.path);
            self.push(
                Problem::new(code!("smi-shape"), field.node.span, message)
                    .help(format!("put it in quotes: \"{text}\"")),
            );
        }
        Some(Spanned::new(text.clone(), field.node.span))
    }

    /// The whole number that `field` holds. A quoted one counts, with a warning.
    pub fn integer(&mut self, field: &Field<'_>) -> Option<Spanned<i64>> {
        let scalar = field.node.scalar();
        let number = scalar.and_then(Scalar::as_int).and_then(|number| i64::try_from(number).ok());
        let whole = match (number, field.node.as_str()) {
            (None, Some(text)) => {
                if self.unrendered(field, text) {
                    return None;
                }
                let quoted = text.trim().parse().ok();
                if quoted.is_some() {
                    self.quoted_number(field, text);
                }
                quoted
            }
            (number, _) => number,
        };
        if whole.is_none() {
            self.wrong_type(field, "a whole number");
        }
        Some(Spanned::new(whole?, field.node.span))
    }

    /// A number in quotes was read as the number.
    pub fn quoted_number(&mut self, field: &Field<'_>, text: &str) {
        let message =
            format!("`{}` is a text where {} has a number; read as {}", field.path, self.version.name(), text);
        self.push(Problem::new(code!("smi-shape"), field.node.span, message).help("take the quotes away"));
    }

    /// `field` holds something else than `wanted`.
    pub fn wrong_type(&mut self, field: &Field<'_>, wanted: &str) {
        self.judged(field.node.span);
        if is_template(field.node) {
            self.push(unrendered_problem(field, text::Template::Helm));
            return;
        }
        let message = format!("`{}` is {} where {wanted} belongs", field.path, describe(field.node));
        self.push(
            Problem::new(code!("smi-wrong-type"), field.node.span, message)
                .help("no API server takes this value: write what was meant"),
        );
    }

    // --- what texts may be ---

    /// The name that `field` holds.
    pub fn name(&mut self, field: &Field<'_>, rule: NameRule) -> Option<Spanned<String>> {
        let name = self.text(field)?;
        if self.unrendered(field, &name.value) {
            return Some(name);
        }
        if name.value.is_empty() {
            self.missing(&field.path, field.node.span);
        } else if let Some(fault) = text::fault(&name.value, rule) {
            let message = format!("`{}` is `{}`, which {fault}", field.path, name.value);
            self.push(
                Problem::new(code!("smi-name-invalid"), field.node.span, message)
                    .help("write the name of an object that can exist: no Kubernetes object has this name"),
            );
        }
        Some(name)
    }

    /// The text that `field` holds; a problem if it is a template.
    pub fn rendered(&mut self, field: &Field<'_>) -> Option<Spanned<String>> {
        let text = self.text(field)?;
        self.unrendered(field, &text.value);
        Some(text)
    }

    /// The text that `field` holds, perhaps a regular expression; a problem if it is a template.
    pub fn pattern(&mut self, field: &Field<'_>) -> Option<Spanned<String>> {
        let text = self.text(field)?;
        if let Some(template) = text::unrendered_pattern(&text.value) {
            self.push(unrendered_problem(field, template));
        }
        Some(text)
    }

    /// Whether `text`, the value of `field`, is a template; writes that down.
    pub fn unrendered(&mut self, field: &Field<'_>, text: &str) -> bool {
        let template = text::unrendered(text);
        if let Some(template) = template {
            self.push(unrendered_problem(field, template));
        }
        template.is_some()
    }

    // --- required fields ---

    /// The field called `name`; a problem that blocks if it is absent.
    pub fn required<'a>(&mut self, table: &Table<'a>, name: &str) -> Option<Field<'a>> {
        let field = table.field(name);
        if field.is_none() {
            self.missing(&table.path_of(name), table.span);
        }
        field
    }

    /// What belongs at `path` is absent from what stands at `span`.
    pub fn missing(&mut self, path: &str, span: Span) {
        self.missing_with(path, span, &format!("add `{path}`, or take the object away if nothing uses it"));
    }

    /// [`Self::missing`], with another `help`.
    pub fn missing_with(&mut self, path: &str, span: Span, help: &str) {
        let message = format!("`{path}` is missing from this {}", self.kind.name());
        self.push(Problem::new(code!("smi-field-missing"), span, message).help(help));
    }

    // --- unknown fields ---

    /// Writes down every field of `object` that this version of the kind does not have.
    pub fn unknown_fields(&mut self, object: &Node) {
        self.unknown_below(object, fields::known(self.kind, self.version), "");
    }

    /// No deeper than the table of fields: what is unknown is not entered.
    fn unknown_below(&mut self, node: &Node, known: &'static Known, path: &str) {
        if known.is_open() || self.judged.contains(&node.span) {
            return;
        }
        match &node.value {
            Value::Scalar(_) => {}
            Value::List(items) => {
                let Some(entry) = known.entry() else { return };
                for item in items {
                    self.unknown_below(item, entry, &format!("{path}[]"));
                }
            }
            Value::Map(entries) => {
                for (key, value) in entries {
                    self.unknown_entry(key, value, known, path);
                }
            }
        }
    }

    fn unknown_entry(&mut self, key: &Node, value: &Node, known: &'static Known, path: &str) {
        if self.judged.contains(&key.span) {
            return;
        }
        let moved = self.moved.iter().find(|(span, _)| *span == key.span).map(|(_, path)| *path);
        if let Some(target) = moved {
            if let Some(known) = fields::known(self.kind, self.version).at(target) {
                self.unknown_below(value, known, target);
            }
            return;
        }
        let name = key.key_text();
        let here = if path.is_empty() { name.clone().into_owned() } else { format!("{path}.{name}") };
        match known.field(&name) {
            Some(known) => self.unknown_below(value, known, &here),
            None => self.unknown_field(key.span, &name, &here, known),
        }
    }

    fn unknown_field(&mut self, key: Span, name: &str, path: &str, siblings: &Known) {
        let kind = self.kind.name();
        let version = self.version.name();
        let elsewhere = fields::versions_with(self.kind, path);
        let mut problem;
        if elsewhere.is_empty() {
            let message = format!("{kind} has no field `{path}` in any version: the API server prunes it");
            problem = Problem::new(code!("smi-unknown-field"), key, message);
            if let Some(meant) = text::nearest(name, siblings.names()) {
                problem = problem.help(format!("`{meant}` may have been meant"));
            }
        } else {
            let elsewhere: Vec<_> = elsewhere.into_iter().map(Version::name).collect();
            let message = format!(
                "`{path}` is a field of {kind} in {}, not in {version}: the API server prunes it",
                elsewhere.join(", ")
            );
            problem = Problem::new(code!("smi-unknown-field"), key, message);
        }
        self.push(problem);
    }
}

fn unrendered_problem(field: &Field<'_>, template: text::Template) -> Problem {
    let message = format!("`{}` holds a template that was not rendered", field.path);
    Problem::new(code!("smi-unrendered"), field.node.span, message).help(template.remedy())
}

/// `{{ … }}` without quotes is a mapping whose key is a mapping.
fn is_template(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().any(|(key, _)| matches!(key.value, Value::Map(_))),
        Value::List(_) | Value::Scalar(_) => false,
    }
}

fn describe(node: &Node) -> String {
    match &node.value {
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
        Value::Scalar(Scalar { text, resolved }) => match resolved {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(value) => format!("the boolean {value}"),
            Resolved::Int(_) | Resolved::Float(_) => format!("the number {text}"),
            Resolved::Str => format!("the text `{text}`"),
        },
    }
}
