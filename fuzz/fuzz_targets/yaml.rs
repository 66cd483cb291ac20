//! Splits and parses any bytes: no panic, no byte lost, and what was read can be written and read again.
//!
//! `cargo +nightly fuzz run yaml`

#![no_main]

use libfuzzer_sys::fuzz_target;
use smi2gamma::place::Span;
use smi2gamma::yaml::{emit, parse, split, template};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut at = 0;
    for piece in split(text) {
        assert_eq!(piece.whole.start, at);
        at = piece.whole.end;
        let _ = template(text, piece.span);
        let Ok(document) = parse(text, piece.span) else { continue };
        let Some(root) = document.root else { continue };
        let value = root.to_json();
        let written = emit::to_yaml(std::slice::from_ref(&value));
        let again = parse(&written, Span::new(0, written.len())).expect("what was written can be read");
        assert_eq!(emit::order(value), again.root.expect("a root").to_json());
    }
    assert_eq!(at, text.len());
});
