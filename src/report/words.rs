//! Text made fit to be shown: control characters taken out, and lines filled to a width.
//!
//! What stands in a manifest may hold anything, a terminal escape sequence too; nothing that was read reaches a
//! terminal but through here. No renderer's own layout belongs here.

/// A code point that a terminal or a reader could take for something else than text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `c`, or the replacement character in its place. A tab stays.
pub(super) fn safe_char(c: char) -> char {
    if c != '\t' && is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// `text` on one line: runs of line endings and tabs become one space, other control characters the replacement
/// character.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' | '\r' | '\t' if line.ends_with(' ') => {}
            '\n' | '\r' | '\t' => line.push(' '),
            other => line.push(safe_char(other)),
        }
    }
    line
}

/// `text` with its lines kept, each filled to at most `width` characters where there is a space to break at. What
/// stands in backquotes is never broken, nor is a line that is indented: both are there to be copied.
pub(super) fn fill(text: &str, width: usize) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(|line| fill_line(line, width)).collect();
    lines.join("\n")
}

/// `text` with `indent` before every line that is not empty.
pub(super) fn indent(text: &str, indent: &str) -> String {
    let lines: Vec<String> =
        text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") }).collect();
    lines.join("\n")
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn fill_line(line: &str, width: usize) -> String {
    let line: String = line.trim_end().chars().map(safe_char).collect();
    if line.starts_with([' ', '\t']) {
        return line;
    }
    let mut filled = String::with_capacity(line.len());
    let mut used = 0;
    for word in unbreakable(&line) {
        let wide = word.chars().count();
        if used > 0 && used + 1 + wide > width {
            filled.push('\n');
            used = 0;
        } else if used > 0 {
            filled.push(' ');
            used += 1;
        }
        filled.push_str(word);
        used += wide;
    }
    filled
}

/// The parts of `line` between spaces that stand outside backquotes.
fn unbreakable(line: &str) -> impl Iterator<Item = &str> {
    let balanced = line.matches('`').count().is_multiple_of(2);
    let mut quoted = false;
    line.split(move |c: char| {
        quoted ^= c == '`';
        c == ' ' && !(quoted && balanced)
    })
    .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_read_can_move_the_cursor() {
        assert_eq!(one_line("a\u{1b}[31mb\r\nc\u{9b}1m\u{202e}"), "a\u{fffd}[31mb c\u{fffd}1m\u{fffd}");
        assert_eq!(fill("a\u{1b}b", 80), "a\u{fffd}b");
    }

    #[test]
    fn a_paragraph_is_filled_and_its_lines_are_kept() {
        assert_eq!(fill("one two three\nfour", 8), "one two\nthree\nfour");
        assert_eq!(fill("unbreakable", 3), "unbreakable");
    }

    #[test]
    fn what_is_to_be_copied_is_never_broken() {
        assert_eq!(fill("run `kubectl get svc -A` now", 10), "run\n`kubectl get svc -A`\nnow");
        assert_eq!(fill("  key: a very long value here", 10), "  key: a very long value here");
        assert_eq!(fill("an odd ` quote is prose", 10), "an odd `\nquote is\nprose");
    }
}
