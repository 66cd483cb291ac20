//! The first pass: bytes in, and out again at once unless they carry a mark.
//!
//! One buffer serves all files of a thread, a file costs one open, two reads and one close, and nothing is copied until
//! a mark is found. Only then does a file become text and get cut into documents.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::marks::marks;
use crate::yaml::{Piece, split};

/// A text and its documents.
#[derive(Debug)]
pub(super) struct Text {
    /// As it was read, to the byte.
    pub text: String,
    /// Its documents, and whether each carries a mark of SMI.
    pub pieces: Vec<(Piece, bool)>,
}

/// When to keep a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Only if it carries a mark of SMI.
    Marked,
    /// In any case.
    Always,
}

/// What came of looking at a file.
#[derive(Debug)]
pub(super) enum Looked {
    /// No mark of SMI; nothing was kept.
    Unmarked,
    /// Kept.
    Text(Text),
    /// Not UTF-8.
    NotUtf8 {
        /// What it is instead, as far as its first bytes say.
        encoding: Encoding,
        /// Whether it carries a mark of SMI.
        marked: bool,
    },
    /// Larger than the limit.
    TooLarge {
        /// Whether it may carry a mark of SMI.
        marked: bool,
    },
    /// Could not be read.
    Failed(io::Error),
}

/// What a text is that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// It begins with the byte order mark of UTF-16.
    Utf16,
    /// Nothing says.
    Unknown,
}

/// Reads files one after the other into one buffer.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: Vec<u8>,
    limit: usize,
}

/// The size of the buffer that most files fit in.
const USUAL: usize = 64 * 1024;
/// The size of the windows in which marks are looked for beyond the limit.
const WINDOW: usize = 1024 * 1024;

// === impl Reader ===

impl Reader {
    /// A reader that keeps no file of more than `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self { buffer: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX - 1) }
    }

    /// Reads the file at `path`.
    pub(super) fn look(&mut self, path: &Path, keep: Keep) -> Looked {
        match fs::File::open(path) {
            Ok(mut file) => self.look_at(&mut file, keep),
            Err(error) => Looked::Failed(error),
        }
    }

    /// Reads all that `input` gives.
    pub(super) fn look_at(&mut self, input: &mut dyn Read, keep: Keep) -> Looked {
        match self.fill(input) {
            Ok(Fill::Whole(length)) => judge(&self.buffer[..length], keep),
            Ok(Fill::Beyond(length)) => match self.marked_beyond(input, length) {
                Ok(marked) => Looked::TooLarge { marked },
                Err(error) => Looked::Failed(error),
            },
            Err(error) => Looked::Failed(error),
        }
    }

    fn fill(&mut self, input: &mut dyn Read) -> io::Result<Fill> {
        let most = self.limit.saturating_add(1);
        if self.buffer.len() < USUAL {
            self.buffer.resize(USUAL, 0);
        }
        let mut length = 0;
        loop {
            if length == most {
                return Ok(Fill::Beyond(length));
            }
            if length == self.buffer.len() {
                self.buffer.resize(self.buffer.len().saturating_mul(2).min(most.max(USUAL)), 0);
            }
            let end = self.buffer.len().min(most);
            match read_some(input, &mut self.buffer[length..end])? {
                0 => return Ok(Fill::Whole(length)),
                count => length += count,
            }
        }
    }

    /// Whether a mark stands in the first `length` bytes, which are in the buffer, or in what `input` still holds.
    fn marked_beyond(&mut self, input: &mut dyn Read, length: usize) -> io::Result<bool> {
        if marks().in_part(&self.buffer[..length]) {
            return Ok(true);
        }
        let overlap = marks().overlap();
        let mut window = self.buffer[length.saturating_sub(overlap)..length].to_vec();
        self.buffer = Vec::new();
        let mut held = window.len();
        window.resize(WINDOW + overlap, 0);
        loop {
            let count = read_some(input, &mut window[held..])?;
            if count == 0 {
                return Ok(marks().in_part(&window[..held]));
            }
            held += count;
            if held == window.len() {
                if marks().in_part(&window) {
                    return Ok(true);
                }
                window.copy_within(held - overlap.., 0);
                held = overlap;
            }
        }
    }
}

/// How much of a file is in the buffer.
enum Fill {
    Whole(usize),
    Beyond(usize),
}

fn read_some(input: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(into) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

fn judge(bytes: &[u8], keep: Keep) -> Looked {
    if let Some(text) = from_utf16(bytes) {
        let marked = marks().in_file(text.as_bytes());
        return match (marked, keep) {
            (false, Keep::Marked) => Looked::Unmarked,
            _ => Looked::NotUtf8 { encoding: Encoding::Utf16, marked },
        };
    }
    let may_be_marked = marks().in_file(bytes);
    if !may_be_marked && keep == Keep::Marked {
        return Looked::Unmarked;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Looked::NotUtf8 { encoding: Encoding::Unknown, marked: may_be_marked };
    };
    let text = Text::cut(text.to_owned(), may_be_marked);
    if keep == Keep::Marked && !text.marked() { Looked::Unmarked } else { Looked::Text(text) }
}

fn from_utf16(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = match bytes {
        [0xff, 0xfe, rest @ ..] => rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect(),
        [0xfe, 0xff, rest @ ..] => rest.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
        _ => return None,
    };
    Some(String::from_utf16_lossy(&units))
}

// === impl Text ===

impl Text {
    /// A text that was not read from a file.
    pub(super) fn of(text: String) -> Self {
        let may_be_marked = marks().in_file(text.as_bytes());
        Self::cut(text, may_be_marked)
    }

    fn cut(text: String, may_be_marked: bool) -> Self {
        let pieces = split(&text)
            .into_iter()
            .map(|piece| (piece, may_be_marked && marks().in_document(piece.span.of(&text).as_bytes())))
            .collect();
        Self { text, pieces }
    }

    /// Whether one of its documents carries a mark of SMI.
    pub(super) fn marked(&self) -> bool {
        self.pieces.iter().any(|(_, marked)| *marked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPLIT: &str = "apiVersion: split.smi-spec.io/v1alpha2\nkind: TrafficSplit\n";

    fn look(bytes: &[u8], limit: u64) -> Looked {
        Reader::new(limit).look_at(&mut &bytes[..], Keep::Marked)
    }

    #[test]
    fn a_text_without_a_mark_is_not_kept() {
        assert!(matches!(look(b"kind: Service\n", 1000), Looked::Unmarked));
    }

    #[test]
    fn each_document_is_marked_by_itself() {
        let Looked::Text(text) = look(format!("kind: Service\n---\n{SPLIT}").as_bytes(), 1000) else {
            panic!("kept");
        };
        assert_eq!(text.pieces.iter().map(|(_, marked)| *marked).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn a_mark_beyond_the_limit_is_found_wherever_the_windows_meet() {
        for filler in [0, 10, WINDOW - 20, WINDOW - 5, WINDOW + 30, 2 * WINDOW - 3] {
            let mut bytes = vec![b'#'; 60 + filler];
            bytes.push(b' ');
            bytes.extend_from_slice(b"split.smi-spec.io");
            bytes.extend_from_slice(&[b'#'; 100]);
            assert!(matches!(look(&bytes, 50), Looked::TooLarge { marked: true }), "{filler}");
        }
        assert!(matches!(look(&vec![b'#'; 3 * WINDOW], 50), Looked::TooLarge { marked: false }));
    }

    #[test]
    fn a_text_of_exactly_the_limit_is_read() {
        assert!(matches!(look(SPLIT.as_bytes(), SPLIT.len() as u64), Looked::Text(_)));
        assert!(matches!(look(SPLIT.as_bytes(), SPLIT.len() as u64 - 1), Looked::TooLarge { marked: true }));
    }

    #[test]
    fn a_text_larger_than_the_buffer_is_read_whole() {
        let long = format!("{SPLIT}# {}\n", "x".repeat(3 * USUAL));
        let Looked::Text(text) = look(long.as_bytes(), 10 * USUAL as u64) else { panic!("kept") };
        assert_eq!(text.text, long);
    }

    #[test]
    fn utf16_is_told_from_other_bytes() {
        let bytes: Vec<u8> = [0xff, 0xfe].into_iter().chain(SPLIT.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert!(matches!(look(&bytes, 1000), Looked::NotUtf8 { encoding: Encoding::Utf16, marked: true }));
        let bytes = [SPLIT.as_bytes(), b"# caf\xe9\n"].concat();
        assert!(matches!(look(&bytes, 1000), Looked::NotUtf8 { encoding: Encoding::Unknown, marked: true }));
        assert!(matches!(look(b"# caf\xe9\n", 1000), Looked::Unmarked));
    }
}
