//! What changes, as a patch that `git apply` takes.
//!
//! A line ends at a line feed and nowhere else, as in git: the carriage returns of a CRLF file are content. The form of
//! the headers and of quoted names is that of git (Documentation/diff-generate-patch.txt, `core.quotePath` in
//! Documentation/config/core.txt, git 2.39). This room only compares texts: it reads no file and knows no YAML.

use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// How many unchanged lines stand around a change, as in git.
const CONTEXT: usize = 3;

/// One file on both sides.
#[derive(Clone, Copy, Debug)]
pub struct FileDiff<'a> {
    /// Its path, as it was given or found. In the patch it is relative: a leading `/`, `./` and `../` are dropped.
    pub name: &'a str,
    /// The text before; none for a new file.
    pub before: Option<&'a str>,
    /// The text after; none for a file that is removed.
    pub after: Option<&'a str>,
}

/// Whether a patch is coloured for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Plain text, for `git apply` and for files.
    Never,
    /// With ANSI colours as git has them. Without the escapes it is the plain text.
    Always,
}

#[derive(Clone, Copy)]
enum Style {
    Plain,
    Meta,
    Hunk,
    Removed,
    Added,
}

/// Writes the patch from `before` to `after` of all `files`, in their order. A file that is the same on both sides
/// leaves no trace.
#[must_use]
pub fn diff(files: &[FileDiff<'_>], color: Color) -> String {
    let mut patch = Patch { text: String::new(), color };
    for file in files {
        patch.file(file);
    }
    patch.text
}

struct Patch {
    text: String,
    color: Color,
}

// === impl Patch ===

impl Patch {
    fn file(&mut self, file: &FileDiff<'_>) {
        let &FileDiff { name, before, after } = file;
        if before == after {
            return;
        }
        let path = relative(name);
        self.line(Style::Meta, &format!("diff --git {} {}", quoted("a", &path), quoted("b", &path)));
        match (before, after) {
            (None, _) => self.line(Style::Meta, "new file mode 100644"),
            (_, None) => self.line(Style::Meta, "deleted file mode 100644"),
            (Some(_), Some(_)) => {}
        }
        let old: Vec<&str> = before.unwrap_or_default().split_inclusive('\n').collect();
        let new: Vec<&str> = after.unwrap_or_default().split_inclusive('\n').collect();
        if old.is_empty() && new.is_empty() {
            return;
        }
        self.line(Style::Meta, &format!("--- {}", side("a", &path, before)));
        self.line(Style::Meta, &format!("+++ {}", side("b", &path, after)));
        for ops in group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT) {
            self.hunk(&ops, &old, &new);
        }
    }

    fn hunk(&mut self, ops: &[DiffOp], old: &[&str], new: &[&str]) {
        let (Some(first), Some(last)) = (ops.first(), ops.last()) else { return };
        let from = range(first.old_range().start, last.old_range().end);
        let to = range(first.new_range().start, last.new_range().end);
        self.line(Style::Hunk, &format!("@@ -{from} +{to} @@"));
        for op in ops {
            if let DiffOp::Equal { .. } = op {
                self.body(Style::Plain, ' ', &old[op.old_range()]);
                continue;
            }
            self.body(Style::Removed, '-', &old[op.old_range()]);
            self.body(Style::Added, '+', &new[op.new_range()]);
        }
    }

    fn body(&mut self, style: Style, sign: char, lines: &[&str]) {
        for line in lines {
            match line.strip_suffix('\n') {
                Some(line) => self.line(style, &format!("{sign}{line}")),
                None => {
                    self.line(style, &format!("{sign}{line}"));
                    self.line(Style::Plain, "\\ No newline at end of file");
                }
            }
        }
    }

    fn line(&mut self, style: Style, line: &str) {
        let start = match (self.color, style) {
            (Color::Never, _) | (Color::Always, Style::Plain) => "",
            (Color::Always, Style::Meta) => "\u{1b}[1m",
            (Color::Always, Style::Hunk) => "\u{1b}[36m",
            (Color::Always, Style::Removed) => "\u{1b}[31m",
            (Color::Always, Style::Added) => "\u{1b}[32m",
        };
        let end = if start.is_empty() { "" } else { "\u{1b}[m" };
        let _ = writeln!(self.text, "{start}{line}{end}");
    }
}

/// The range of a hunk header: lines count from 1, an empty range names the line before it.
fn range(start: usize, end: usize) -> String {
    match end.saturating_sub(start) {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

/// The name on a `---` or `+++` line. One with a space ends in a tab, so that `patch` does not take what follows for a
/// date.
fn side(prefix: &str, path: &str, text: Option<&str>) -> String {
    match text {
        None => "/dev/null".to_owned(),
        Some(_) => format!("{}{}", quoted(prefix, path), if path.contains(' ') { "\t" } else { "" }),
    }
}

/// `path` as a path inside the tree that the patch is applied to, because git refuses any other.
fn relative(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            drive if cfg!(windows) && parts.is_empty() && drive.ends_with(':') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `prefix/path`, in C quotes where git would quote it: control characters, `"`, `\` and every byte that is not ASCII.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = |byte: u8| (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    if path.bytes().all(plain) {
        return format!("{prefix}/{path}");
    }
    let mut name = format!("\"{prefix}/");
    for byte in path.bytes() {
        match byte {
            0x07 => name.push_str("\\a"),
            0x08 => name.push_str("\\b"),
            b'\t' => name.push_str("\\t"),
            b'\n' => name.push_str("\\n"),
            0x0b => name.push_str("\\v"),
            0x0c => name.push_str("\\f"),
            b'\r' => name.push_str("\\r"),
            b'"' => name.push_str("\\\""),
            b'\\' => name.push_str("\\\\"),
            byte if plain(byte) => name.push(char::from(byte)),
            byte => {
                let _ = write!(name, "\\{byte:03o}");
            }
        }
    }
    name.push('"');
    name
}
