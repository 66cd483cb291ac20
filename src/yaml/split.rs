//! Cuts a text into documents.
//!
//! A line scan is exact: YAML forbids `---` and `...` at the start of a line inside any scalar (YAML 1.2.2, rule
//! `c-forbidden`), so no parser is needed to find the borders. That gives each document its own errors, lets the
//! documents without a mark of SMI stay unparsed, and keeps every byte in exactly one place. JSON values written one
//! after another (NDJSON, or the output of several `kubectl get -o json`) are documents as well.

use crate::place::Span;

/// One document of a text, not parsed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The document's own bytes: after its `---` line (if it has one) and before the next separator line. Comments that
    /// stand before the first node are inside, and so is what stands on the `---` line itself. A byte order mark and
    /// `%` directives are outside.
    pub span: Span,
    /// `span` and the separator line that opens it, so that the pieces of a text cover it without gap or overlap.
    pub whole: Span,
}

/// All documents of `text`, in order; none for an empty text.
///
/// Every `---` opens a document, an empty one too. Comments before the first `---` are a document of their own, which
/// keeps a file's licence out of its first manifest.
#[must_use]
pub fn split(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for piece in documents(text) {
        json_values(text, piece, &mut pieces);
    }
    pieces
}

// --- YAML documents ---

/// A line that begins or ends a document.
#[derive(Clone, Copy)]
struct Marker {
    kind: Kind,
    /// First byte of its line.
    line: usize,
    /// First byte after it that is content: on its own line, or at the start of the next.
    after: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The text itself begins.
    Text,
    /// `---`
    Start,
    /// `...`
    End,
}

fn documents(text: &str) -> Vec<Piece> {
    let markers = markers(text);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut whole = 0;
    for (index, marker) in markers.iter().enumerate() {
        let next = markers.get(index + 1);
        let end = next.map_or(text.len(), |next| next.line);
        let span = Span::new(marker.after.min(end), end);
        if is_document(marker.kind, span.of(text), next.map(|next| next.kind)) {
            pieces.push(Piece { span, whole: Span::new(whole, end) });
            whole = end;
        }
    }
    match pieces.last_mut() {
        Some(last) => last.whole.end = text.len(),
        None if text.is_empty() => {}
        None => pieces.push(Piece { span: Span::new(after_bom(text, 0), text.len()), whole: Span::new(0, text.len()) }),
    }
    pieces
}

/// The begin of the text and every separator line.
fn markers(text: &str) -> Vec<Marker> {
    let bytes = text.as_bytes();
    let start = after_bom(text, 0);
    let mut markers = vec![Marker { kind: Kind::Text, line: 0, after: start }];
    markers.extend(marker(text, 0));
    for newline in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        // Byte order mark, `-` or `.`: one look rules out almost every line.
        if matches!(bytes.get(newline + 1), Some(b'-' | b'.' | 0xEF)) {
            markers.extend(marker(text, newline + 1));
        }
    }
    markers
}

/// The marker on the line that begins at `line`.
fn marker(text: &str, line: usize) -> Option<Marker> {
    let bytes = text.as_bytes();
    let start = after_bom(text, line);
    let kind = match bytes.get(start..start + 3)? {
        b"---" => Kind::Start,
        b"..." => Kind::End,
        _ => return None,
    };
    let tail = &bytes[start + 3..];
    if !matches!(tail.first(), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
        return None;
    }
    let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let newline = match &tail[blanks..] {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    };
    Some(Marker { kind, line, after: after_bom(text, start + 3 + blanks + newline) })
}

/// Whether what stands between two markers is a document. Blank lines and the directives of the next document are none.
fn is_document(opened_by: Kind, content: &str, next: Option<Kind>) -> bool {
    match opened_by {
        Kind::Start => true,
        Kind::Text | Kind::End => !is_prologue(content, next),
    }
}

/// Whether `content` belongs to the document that follows, or to none.
fn is_prologue(content: &str, next: Option<Kind>) -> bool {
    content.trim_ascii().is_empty() || (next == Some(Kind::Start) && is_directives(content))
}

/// Whether `content` is `%` directives, with or without comments.
fn is_directives(content: &str) -> bool {
    let mut lines = content.lines().filter(|line| !line.trim_ascii().is_empty()).peekable();
    lines.clone().any(|line| line.starts_with('%'))
        && lines.all(|line| line.starts_with('%') || line.trim_ascii_start().starts_with('#'))
}

fn after_bom(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at..at + 3) {
        Some(b"\xEF\xBB\xBF") => at + 3,
        _ => at,
    }
}

// --- JSON values ---

/// Adds `piece` to `pieces`, as one piece for each JSON value if it is nothing but several of them.
fn json_values(text: &str, piece: Piece, pieces: &mut Vec<Piece>) {
    let already = pieces.len();
    let mut whole = piece.whole.start;
    let mut at = skip_space(text, piece.span.start, piece.span.end);
    while at < piece.span.end {
        let Some(end) = json_end(&text.as_bytes()[..piece.span.end], at) else { break };
        let next = skip_space(text, end, piece.span.end);
        // A line break after a value is its own; what follows belongs to the next.
        let line = text[end..next].find('\n').map_or(next, |newline| end + newline + 1);
        pieces.push(Piece { span: Span::new(at, line), whole: Span::new(whole, line) });
        whole = line;
        at = next;
    }
    match pieces.len() - already {
        values if values > 1 && at == piece.span.end => {
            let last = pieces.len() - 1;
            pieces[last].whole.end = piece.whole.end;
        }
        _ => {
            pieces.truncate(already);
            pieces.push(piece);
        }
    }
}

fn skip_space(text: &str, from: usize, to: usize) -> usize {
    text.as_bytes()[from..to].iter().position(|byte| !byte.is_ascii_whitespace()).map_or(to, |blanks| from + blanks)
}

/// One past the JSON object or list that begins at `at`; none if there is none. Brackets are counted, not matched: the
/// parser of the piece finds what is wrong inside.
fn json_end(bytes: &[u8], at: usize) -> Option<usize> {
    let inner = bytes.get(at + 1..)?.iter().find(|byte| !byte.is_ascii_whitespace())?;
    // `{{` and `{%` open templates, `{a` flow mappings of YAML.
    let opens = match bytes[at] {
        b'{' => matches!(inner, b'"' | b'}'),
        b'[' => matches!(inner, b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'),
        _ => false,
    };
    if !opens {
        return None;
    }
    let mut depth = 0_usize;
    let mut position = at;
    while let Some(byte) = bytes.get(position) {
        position += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => position = string_end(bytes, position)?,
            _ => {}
        }
        if depth == 0 {
            return Some(position);
        }
    }
    None
}

/// One past the closing quote of the string whose content begins at `from`.
fn string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut position = from;
    loop {
        position += memchr::memchr2(b'"', b'\\', bytes.get(position..)?)?;
        match bytes[position] {
            b'"' => return Some(position + 1),
            _ => position += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<&str> {
        split(text).iter().map(|piece| piece.span.of(text)).collect()
    }

    fn wholes(text: &str) -> Vec<&str> {
        split(text).iter().map(|piece| piece.whole.of(text)).collect()
    }

    #[test]
    fn a_text_without_separator_is_one_document() {
        assert_eq!(spans("a: 1\nb: 2\n"), ["a: 1\nb: 2\n"]);
        assert_eq!(spans(""), [""; 0]);
        assert_eq!(wholes(" \n\n"), [" \n\n"]);
    }

    #[test]
    fn a_separator_line_belongs_to_the_document_it_opens() {
        let text = "a: 1\n---\nb: 2\n--- \nc: 3";
        assert_eq!(spans(text), ["a: 1\n", "b: 2\n", "c: 3"]);
        assert_eq!(wholes(text), ["a: 1\n", "---\nb: 2\n", "--- \nc: 3"]);
    }

    #[test]
    fn only_a_separator_at_column_0_separates() {
        let text = "a: |\n  ---\n  ...\nb: ---\n---c: 1\n";
        assert_eq!(spans(text), [text]);
    }

    #[test]
    fn every_line_ending_separates() {
        assert_eq!(spans("a: 1\r\n---\r\nb: 2\r\n"), ["a: 1\r\n", "b: 2\r\n"]);
        assert_eq!(spans("a: 1\r---\rb: 2\r"), ["a: 1\r", "b: 2\r"]);
    }

    #[test]
    fn a_byte_order_mark_is_outside_the_document() {
        assert_eq!(spans("\u{feff}a: 1\n"), ["a: 1\n"]);
        assert_eq!(spans("\u{feff}---\na: 1\n\u{feff}---\nb: 2\n"), ["a: 1\n", "b: 2\n"]);
        assert_eq!(wholes("\u{feff}---\na: 1\n"), ["\u{feff}---\na: 1\n"]);
    }

    #[test]
    fn what_stands_on_the_separator_line_belongs_to_the_document() {
        assert_eq!(spans("--- {a: 1}\n--- # why\nb: 2\n---"), ["{a: 1}\n", "# why\nb: 2\n", ""]);
    }

    #[test]
    fn an_empty_document_is_a_document() {
        assert_eq!(spans("---\n---\na: 1\n---\n"), ["", "a: 1\n", ""]);
    }

    #[test]
    fn comments_before_the_first_separator_stand_alone() {
        assert_eq!(spans("# licence\n---\na: 1\n"), ["# licence\n", "a: 1\n"]);
        assert_eq!(wholes("\n\n---\na: 1\n"), ["\n\n---\na: 1\n"]);
    }

    #[test]
    fn directives_belong_to_the_document_that_follows() {
        let text = "%YAML 1.2\n# why\n---\na: 1\n...\n%YAML 1.2\n---\nb: 2\n";
        assert_eq!(spans(text), ["a: 1\n", "b: 2\n"]);
        assert_eq!(wholes(text), ["%YAML 1.2\n# why\n---\na: 1\n", "...\n%YAML 1.2\n---\nb: 2\n"]);
    }

    #[test]
    fn an_end_marker_ends_a_document() {
        assert_eq!(spans("a: 1\n...\n"), ["a: 1\n"]);
        assert_eq!(wholes("a: 1\n...\n"), ["a: 1\n...\n"]);
        assert_eq!(spans("a: 1\n...\nb: 2\n"), ["a: 1\n", "b: 2\n"]);
    }

    #[test]
    fn json_values_one_after_another_are_documents() {
        assert_eq!(spans("{\"a\":1}\n{\"b\":\"}\\\"{\"}\n"), ["{\"a\":1}\n", "{\"b\":\"}\\\"{\"}\n"]);
        assert_eq!(spans("{\n  \"a\": [1]\n}{\"b\":2}"), ["{\n  \"a\": [1]\n}", "{\"b\":2}"]);
        assert_eq!(wholes("\n{}\n\n[]\n"), ["\n{}\n", "\n[]\n"]);
    }

    #[test]
    fn one_json_value_is_one_document() {
        assert_eq!(spans("\n{\"a\": {}}\n\n"), ["\n{\"a\": {}}\n\n"]);
        assert_eq!(spans("{\"a\": 1}\nrest\n"), ["{\"a\": 1}\nrest\n"]);
        assert_eq!(spans("{\"a\": \"open\n{}"), ["{\"a\": \"open\n{}"]);
    }

    #[test]
    fn a_template_is_not_taken_for_json() {
        let text = "{{ include \"a\" . }}\n{{ include \"b\" . }}\n";
        assert_eq!(spans(text), [text]);
    }
}
