//! The numbers of a report and the sentences that say them: how many objects still need hands comes first everywhere.
//!
//! Text, summary and Markdown say these sentences with the same words. Findings are not counted here: what needs
//! hands is an object.

use super::words::{count, one_line};
use super::{Chosen, ObjectReport, ReadStats, Report};
use crate::outcome::{Outcome, Proof};

/// How many objects ended how.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) objects: usize,
    pub(super) needs_hands: usize,
    /// Objects that were converted and not refused, but not compared with their source either.
    unproved: usize,
    /// What people read, worst first, with its number; words that nothing has are left out.
    pub(super) words: Vec<(&'static str, usize)>,
}

/// The word that people read for an object: until it is verified, a migrated one is "converted (unproved)".
pub(super) fn word(object: &ObjectReport) -> &'static str {
    match (object.outcome, object.proof) {
        (Outcome::Migrated, Proof::None) => "converted (unproved)",
        (outcome, Proof::Equal | Proof::None) => outcome.word(),
    }
}

impl Tally {
    pub(super) fn of<'r>(objects: impl IntoIterator<Item = &'r ObjectReport>) -> Self {
        let mut tally = Self { objects: 0, needs_hands: 0, unproved: 0, words: Vec::new() };
        let mut numbers = [[0; 2]; Outcome::ALL.len()];
        for object in objects {
            tally.objects += 1;
            tally.needs_hands += usize::from(object.outcome.needs_hands());
            tally.unproved += usize::from(!object.outcome.needs_hands() && object.proof == Proof::None);
            let proved = usize::from(object.proof == Proof::Equal || object.outcome != Outcome::Migrated);
            numbers[object.outcome as usize][proved] += 1;
        }
        for outcome in Outcome::ALL.into_iter().rev() {
            let [unproved, proved] = numbers[outcome as usize];
            let words = [("converted (unproved)", unproved), (outcome.word(), proved)];
            tally.words.extend(words.into_iter().filter(|&(_, number)| number > 0));
        }
        tally
    }

    /// `2 blocked, 1 delegated`, of the words that `keep` keeps.
    fn counts(&self, keep: impl Fn(&str) -> bool) -> String {
        let kept = self.words.iter().filter(|(word, _)| keep(word));
        kept.map(|(word, number)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }

    /// `9 converted (unproved), 2 superseded, 1 blocked`: every object, the worst outcome last.
    pub(super) fn totals(&self) -> String {
        let words = self.words.iter().rev();
        words.map(|(word, number)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }
}

/// The first sentence of every report: how many objects still need hands, or that none was found.
pub(super) fn headline(report: &Report) -> String {
    let tally = Tally::of(&report.objects);
    let Tally { objects, needs_hands, unproved, .. } = tally;
    if objects == 0 {
        let none = if report.findings.is_empty() { "found no SMI" } else { "found no SMI objects" };
        return format!("{none}: {}", read(&report.read));
    }
    let all = if objects == 1 { "the only SMI object".into() } else { format!("all {objects} SMI objects") };
    if needs_hands > 0 {
        let word_needs =
            |word: &str| Outcome::ALL.iter().any(|outcome| outcome.needs_hands() && outcome.word() == word);
        let who = match (needs_hands, objects) {
            (1, 1) => format!("{all} needs"),
            (1, _) => format!("1 of {objects} SMI objects needs"),
            (some, _) if some == objects => format!("{all} need"),
            (some, _) => format!("{some} of {objects} SMI objects need"),
        };
        return format!("{who} your hands: {}", tally.counts(word_needs));
    }
    let was = if objects == 1 { "was " } else { "" };
    let detail = if tally.words.len() > 1 { format!(": {}", tally.totals()) } else { String::new() };
    match unproved {
        0 => format!("{all} {was}converted and proved equal{detail}"),
        some if some == objects => format!("{all} {was}converted (unproved){}", detail.replace(" (unproved)", "")),
        some => format!("{all} {was}converted, {some} of them unproved{detail}"),
    }
}

/// Whose reading was taken and for whom the output is, one sentence each; empty where there is no SMI.
pub(super) fn choices(report: &Report) -> Vec<String> {
    let say =
        |verb: &str, Chosen { name, because }: &Chosen| format!("{verb} {} ({})", one_line(name), one_line(because));
    if report.objects.is_empty() {
        return Vec::new();
    }
    let from = match &report.from {
        Some(from) => say("read as", from),
        None => {
            "read without a source mesh (no --from, no evidence): only what all of them read alike is converted".into()
        }
    };
    std::iter::once(from).chain(report.to.as_ref().map(|to| say("for", to))).collect()
}

/// `40 files read, 2 skipped (2 larger than 64 MiB)`; `cluster:prod read, all namespaces: 3 SMI and 9 other objects`.
pub(super) fn read(read: &ReadStats) -> String {
    let ReadStats { files, skipped, clusters, incomplete } = read;
    let mut said = Vec::new();
    let total: usize = skipped.iter().map(|(_, number)| number).sum();
    if *files > 0 || total > 0 || clusters.is_empty() {
        said.push(format!("{} read", count(*files, "file", "files")));
    }
    if total > 0 {
        let reasons: Vec<String> =
            skipped.iter().map(|(reason, number)| format!("{number} {}", one_line(reason))).collect();
        said.push(format!(", {total} skipped ({})", reasons.join(", ")));
    }
    let mut said = said.concat();
    for cluster in clusters {
        let apart = if said.is_empty() { "" } else { "; " };
        said.push_str(&format!("{apart}{}", one_line(cluster)));
    }
    if *incomplete {
        said.push_str("; incomplete: something named could not be read whole, so objects may be missing");
    }
    said
}

/// Whether [`read`] has more to say than a number of files.
pub(super) fn read_is_worth_saying(report: &Report) -> bool {
    !report.objects.is_empty()
        && (report.read.incomplete
            || !report.read.clusters.is_empty()
            || report.read.skipped.iter().any(|(_, number)| *number > 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{Place, SourceId, Span};
    use crate::report::ObjectId;

    fn report(ends: &[(Outcome, Proof)]) -> Report {
        let object = |&(outcome, proof): &(Outcome, Proof)| ObjectReport {
            id: ObjectId {
                kind: "TrafficSplit".into(),
                group: String::new(),
                version: String::new(),
                namespace: None,
                name: "web".into(),
            },
            place: Place { source: SourceId(0), span: Span::default() },
            outcome,
            proof,
            outputs: Vec::new(),
            findings: Vec::new(),
        };
        Report { objects: ends.iter().map(object).collect(), ..Report::default() }
    }

    #[test]
    fn the_first_line_counts_the_objects_that_need_hands_worst_first() {
        use Outcome::{Blocked, Delegated, Migrated};
        let ends = [(Blocked, Proof::None), (Migrated, Proof::None), (Delegated, Proof::None), (Blocked, Proof::None)];
        assert_eq!(headline(&report(&ends)), "3 of 4 SMI objects need your hands: 2 blocked, 1 delegated");
        assert_eq!(headline(&report(&ends[..2])), "1 of 2 SMI objects needs your hands: 1 blocked");
        assert_eq!(headline(&report(&ends[..1])), "the only SMI object needs your hands: 1 blocked");
        assert_eq!(headline(&report(&ends[2..])), "all 2 SMI objects need your hands: 1 blocked, 1 delegated");
    }

    #[test]
    fn what_was_not_compared_is_never_said_to_be_proved() {
        use Outcome::{Approximated, Migrated, Superseded};
        let unproved = [(Migrated, Proof::None), (Migrated, Proof::None)];
        assert_eq!(headline(&report(&unproved)), "all 2 SMI objects converted (unproved)");
        assert_eq!(headline(&report(&unproved[..1])), "the only SMI object was converted (unproved)");
        assert_eq!(
            headline(&report(&[(Migrated, Proof::None), (Superseded, Proof::None), (Approximated, Proof::None)])),
            "all 3 SMI objects converted (unproved): 1 converted, 1 superseded, 1 approximated"
        );
        assert_eq!(
            headline(&report(&[(Migrated, Proof::None), (Migrated, Proof::Equal)])),
            "all 2 SMI objects converted, 1 of them unproved: 1 migrated, 1 converted (unproved)"
        );
        assert_eq!(
            headline(&report(&[(Migrated, Proof::Equal), (Superseded, Proof::Equal)])),
            "all 2 SMI objects converted and proved equal: 1 migrated, 1 superseded"
        );
    }

    #[test]
    fn without_smi_the_first_line_says_what_was_read_and_what_was_not() {
        let skipped = vec![("binary".to_owned(), 1), ("larger than 64 MiB".to_owned(), 1)];
        let mut none = Report { read: ReadStats { files: 40, skipped, ..ReadStats::default() }, ..Report::default() };
        assert_eq!(headline(&none), "found no SMI: 40 files read, 2 skipped (1 binary, 1 larger than 64 MiB)");
        none.read.incomplete = true;
        assert!(headline(&none).ends_with("so objects may be missing"));
        assert_eq!(headline(&Report::default()), "found no SMI: 0 files read");
    }

    #[test]
    fn what_belongs_to_smi_is_some_smi() {
        let finding = crate::report::Finding::new(crate::code!("leftover-crd"), "a CRD is part of SMI");
        let report = Report { findings: vec![finding], ..Report::default() };
        assert_eq!(headline(&report), "found no SMI objects: 0 files read");
    }
}
