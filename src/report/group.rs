//! Findings with one remedy are one group: the same code and the same help. What was accepted by name is shown by name.
//!
//! Who has to do one thing in forty places reads it once. All renderers show the same groups in the same order:
//! errors first, missing context before them all, then by place, and last what only follows from others. No renderer groups on its own.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::{Code, Finding, Level, Report};
use crate::code;

/// What one more source would answer: its remedy unblocks most, so it is read first.
const MISSING_CONTEXT: [Code; 2] = [code!("port-unknown"), code!("workload-missing")];

/// What goes away by itself once the finding that it follows from is settled.
const FOLLOWING: [Code; 3] = [code!("group-waits"), code!("split-waits"), code!("destination-held")];

/// What a person accepted: each has a line, a reason and a request of its own, so it shares a group with its like only.
const ACCEPTED: Code = code!("loss-accepted");

/// What findings of one group have in common, beside their code.
type Common<'r> = (Option<&'r str>, &'r [String]);

/// When a finding is read among those of its level.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    First,
    ByPlace,
    Last,
}

/// Findings of one code and one help.
#[derive(Debug)]
pub(super) struct Group<'r> {
    pub(super) code: Code,
    /// The worst level among the members.
    pub(super) level: Level,
    pub(super) help: Option<&'r str>,
    /// Indices into [`Report::findings`], the worst level first, then by place; never empty.
    pub(super) members: Vec<usize>,
}

impl<'r> Group<'r> {
    /// The member that is shown in full.
    pub(super) fn first(&self, report: &'r Report) -> &'r Finding {
        &report.findings[self.members[0]]
    }

    /// The other members, those that would be shown alike only once.
    pub(super) fn others(&self, report: &'r Report) -> Vec<&'r Finding> {
        let mut shown = HashSet::new();
        let all = self.members.iter().map(|&index| &report.findings[index]);
        all.filter(|finding| shown.insert((finding.place, &finding.message))).skip(1).collect()
    }
}

/// All groups of `report`: errors, warnings, notes; inside a level missing context first and what only follows from other
/// findings last, then by the place of the first member, those without a place first.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    grouped(report, |finding| {
        let notes = if finding.code == ACCEPTED { finding.notes.as_slice() } else { &[] };
        (finding.help.as_deref(), notes)
    })
}

/// The groups of `report` by code alone, in the same order: what kinds of findings there are.
pub(super) fn kinds(report: &Report) -> Vec<Group<'_>> {
    grouped(report, |_| (None, &[]))
}

fn grouped(report: &Report, common: impl Fn(&Finding) -> Common<'_>) -> Vec<Group<'_>> {
    let mut order: Vec<usize> = (0..report.findings.len()).collect();
    order.sort_by_key(|&index| {
        let finding = &report.findings[index];
        let turn = match finding.code {
            code if MISSING_CONTEXT.contains(&code) => Turn::First,
            code if FOLLOWING.contains(&code) => Turn::Last,
            _ => Turn::ByPlace,
        };
        (Reverse(finding.level), turn, finding.place, finding.code, index)
    });
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<(Code, Common<'_>), usize> = HashMap::new();
    for index in order {
        let Finding { code, level, .. } = report.findings[index];
        let common = common(&report.findings[index]);
        let help = common.0;
        let at = *known.entry((code, common)).or_insert_with(|| {
            groups.push(Group { code, level, help, members: Vec::new() });
            groups.len() - 1
        });
        groups[at].members.push(index);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{Place, SourceId, Span};

    fn finding(code: &'static str, level: Level, at: usize, help: Option<&str>) -> Finding {
        Finding {
            code: Code(code),
            level,
            message: format!("{code} at {at}"),
            place: Some(Place { source: SourceId(0), span: Span::new(at, at) }),
            object: None,
            labels: Vec::new(),
            notes: Vec::new(),
            help: help.map(Into::into),
        }
    }

    fn shape(report: &Report) -> Vec<(&str, Level, Vec<usize>)> {
        groups(report).into_iter().map(|group| (group.code.0, group.level, group.members)).collect()
    }

    #[test]
    fn one_code_and_one_help_are_one_group_and_another_help_is_another() {
        let help = Some("do it");
        let findings = vec![
            finding("a", Level::Error, 1, help),
            finding("a", Level::Error, 2, None),
            finding("a", Level::Error, 3, help),
            finding("b", Level::Error, 4, help),
        ];
        let report = Report { findings, ..Report::default() };
        assert_eq!(
            shape(&report),
            [("a", Level::Error, vec![0, 2]), ("a", Level::Error, vec![1]), ("b", Level::Error, vec![3])]
        );
    }

    #[test]
    fn each_loss_that_was_accepted_is_shown_with_its_own_line() {
        let accepted = |at: usize, note: &str| Finding {
            notes: vec![note.to_owned()],
            ..finding("loss-accepted", Level::Warning, at, None)
        };
        let report = Report { findings: vec![accepted(1, "line 2"), accepted(1, "line 8")], ..Report::default() };
        assert_eq!(
            shape(&report),
            [("loss-accepted", Level::Warning, vec![0]), ("loss-accepted", Level::Warning, vec![1])]
        );
        assert_eq!(kinds(&report).len(), 1);
    }

    #[test]
    fn what_would_be_shown_alike_is_listed_once() {
        let findings = [1, 1, 2, 2].map(|at| finding("a", Level::Error, at, None)).into();
        let report = Report { findings, ..Report::default() };
        let group = groups(&report).remove(0);
        assert_eq!(group.members.len(), 4);
        assert_eq!(
            group.others(&report).into_iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(),
            ["a at 2"]
        );
    }

    #[test]
    fn a_group_stands_where_its_worst_member_stands() {
        let findings = vec![
            finding("quiet", Level::Note, 1, None),
            finding("mixed", Level::Warning, 2, None),
            finding("plain", Level::Warning, 3, None),
            finding("mixed", Level::Error, 9, None),
        ];
        let report = Report { findings, ..Report::default() };
        assert_eq!(
            shape(&report),
            [("mixed", Level::Error, vec![3, 1]), ("plain", Level::Warning, vec![2]), ("quiet", Level::Note, vec![0])]
        );
    }

    #[test]
    fn missing_context_is_read_before_all_other_errors() {
        let findings = vec![
            finding("a", Level::Error, 1, None),
            finding("port-unknown", Level::Error, 2, Some("give context")),
            finding("port-unknown", Level::Error, 3, Some("give context")),
        ];
        let report = Report { findings, ..Report::default() };
        assert_eq!(shape(&report), [("port-unknown", Level::Error, vec![1, 2]), ("a", Level::Error, vec![0])]);
    }

    #[test]
    fn what_follows_from_others_is_read_after_them() {
        let findings = vec![
            finding("group-waits", Level::Error, 1, None),
            finding("a", Level::Error, 2, None),
            finding("b", Level::Note, 0, None),
        ];
        let report = Report { findings, ..Report::default() };
        let order: Vec<&str> = shape(&report).iter().map(|(code, ..)| *code).collect();
        assert_eq!(order, ["a", "group-waits", "b"]);
    }

    #[test]
    fn one_code_is_one_kind_whatever_its_help() {
        let findings = vec![
            finding("a", Level::Error, 1, Some("this")),
            finding("b", Level::Error, 2, None),
            finding("a", Level::Error, 3, Some("that")),
        ];
        let report = Report { findings, ..Report::default() };
        let kinds: Vec<_> = kinds(&report).into_iter().map(|group| (group.code.0, group.members)).collect();
        assert_eq!(kinds, [("a", vec![0, 2]), ("b", vec![1])]);
    }
}
