//! The table of `docs/cases.md`, and the check that holds a run to its row.
//!
//! A row says how its input is read (the flags), which object it is about, what becomes of it and under which code. A
//! test that is named after a case runs its input with the flags of the row, and fails where the row says something
//! else.

use std::sync::LazyLock;

use smi2gamma::report::catalogue;

use crate::world::{Ran, World};

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    pub number: u32,
    /// `--from spec`, or empty.
    pub flags: String,
    /// A kind; none where the finding is about something that is not SMI.
    pub kind: Option<String>,
    /// The word of an outcome; none where there is no SMI object.
    pub outcome: Option<String>,
    /// A code; none where there is nothing to say.
    pub code: Option<String>,
}

const PAGE: &str = include_str!("../../docs/cases.md");

/// All rows, in the order of the page.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| PAGE.lines().filter_map(read).collect());

/// The cells of a line of a table whose first cell is a number.
fn read(line: &str) -> Option<Row> {
    let cells = cells(line)?;
    let number = cells.first()?.parse().ok()?;
    let [_, _input, flags, object, outcome, code, what, source] = cells.as_slice() else {
        panic!("a row of docs/cases.md has eight cells: {line}");
    };
    assert!(!what.is_empty() && !source.is_empty(), "case {number} says neither why nor from where");
    let word = |cell: &str| {
        let plain = cell.trim_matches('`');
        (plain != "none").then(|| plain.to_owned())
    };
    Some(Row {
        number,
        flags: word(flags).unwrap_or_default(),
        kind: word(object),
        outcome: word(outcome),
        code: word(code),
    })
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    let hidden = inner.replace("\\|", "\u{0}");
    Some(hidden.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect())
}

/// The row of a case.
pub fn row(number: u32) -> &'static Row {
    ROWS.iter().find(|row| row.number == number).unwrap_or_else(|| panic!("docs/cases.md has no case {number}"))
}

/// Runs the input of a case as its row says, and holds the result to the row.
#[track_caller]
pub fn case(number: u32, yaml: impl Into<String>) -> Ran {
    case_in(number, World::of(yaml))
}

/// As [`case`], for input that is more than one stream.
#[track_caller]
pub fn case_in(number: u32, world: World) -> Ran {
    let row = row(number);
    let ran = world.flags(&row.flags).run();
    if let Err(difference) = judge(row, &ran) {
        panic!("case {number} of docs/cases.md: {difference}\nfindings: {:#?}", ran.findings());
    }
    ran
}

/// Whether a run came to what a row says: of the first object of its kind, this outcome, and this code as a finding about
/// it that forces the outcome.
pub fn judge(row: &Row, ran: &Ran) -> Result<(), String> {
    let Some(kind) = &row.kind else {
        let code = row.code.as_deref().ok_or("a row about no object needs a code")?;
        return if ran.has(code) { Ok(()) } else { Err(format!("there is no finding {code}")) };
    };
    let objects = ran.all(kind);
    let object = *objects.first().ok_or_else(|| format!("no {kind} was read"))?;
    if row.outcome.as_deref() != Some(object.outcome.word()) {
        return Err(format!("{kind} is {}, the row says {:?}", object.outcome.word(), row.outcome));
    }
    let codes: Vec<&str> = ran.findings_of(object).iter().map(|finding| finding.code.0).collect();
    let Some(code) = row.code.as_deref() else {
        return if codes.is_empty() { Ok(()) } else { Err(format!("there is something to say: {codes:?}")) };
    };
    if !codes.contains(&code) {
        return Err(format!("{kind} has {codes:?}, the row says {code}"));
    }
    let forced = catalogue::find(code).and_then(|row| row.outcome);
    if object.outcome.needs_hands() && forced != Some(object.outcome) {
        return Err(format!("{code} does not make an object {}", object.outcome.word()));
    }
    Ok(())
}
