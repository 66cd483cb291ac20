//! The form of the patch.

use proptest::prelude::*;

use super::patch::applied;
use crate::edit::{Color, FileDiff, diff};

fn patch(name: &str, before: Option<&str>, after: Option<&str>) -> String {
    diff(&[FileDiff { name, before, after }], Color::Never)
}

#[test]
fn a_patch_has_the_headers_of_git_and_three_lines_around_a_change() {
    let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let after = before.replace("5\n", "five\n");
    assert_eq!(
        patch("shop/split.yaml", Some(before), Some(&after)),
        "diff --git a/shop/split.yaml b/shop/split.yaml\n--- a/shop/split.yaml\n+++ b/shop/split.yaml\n\
         @@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
    );
}

#[test]
fn a_new_file_and_a_removed_file_name_dev_null() {
    assert_eq!(
        patch("n.yaml", None, Some("a\n")),
        "diff --git a/n.yaml b/n.yaml\nnew file mode 100644\n--- /dev/null\n+++ b/n.yaml\n@@ -0,0 +1 @@\n+a\n"
    );
    assert_eq!(
        patch("n.yaml", Some("a\n"), None),
        "diff --git a/n.yaml b/n.yaml\ndeleted file mode 100644\n--- a/n.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n"
    );
}

#[test]
fn a_missing_last_line_break_is_said() {
    let text = patch("n", Some("a\nb"), Some("a\nb\n"));
    assert!(text.ends_with("@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n"), "{text}");
}

#[test]
fn a_file_that_stays_leaves_no_trace() {
    assert_eq!(patch("n", Some("a"), Some("a")), "");
}

#[test]
fn names_are_quoted_as_git_quotes_them_and_stay_inside_the_tree() {
    for (name, header) in [
        ("a b.yaml", "diff --git a/a b.yaml b/a b.yaml\n--- a/a b.yaml\t\n+++ b/a b.yaml\t\n"),
        (
            "é\"\n",
            "diff --git \"a/\\303\\251\\\"\\n\" \"b/\\303\\251\\\"\\n\"\n--- \"a/\\303\\251\\\"\\n\"\n+++ \"b/\\303\\251\\\"\\n\"\n",
        ),
        ("/srv/x", "diff --git a/srv/x b/srv/x\n--- a/srv/x\n+++ b/srv/x\n"),
        ("./x", "diff --git a/x b/x\n--- a/x\n+++ b/x\n"),
        ("../../y/../x", "diff --git a/x b/x\n--- a/x\n+++ b/x\n"),
        ("<stdin>", "diff --git a/<stdin> b/<stdin>\n--- a/<stdin>\n+++ b/<stdin>\n"),
    ] {
        let text = patch(name, Some("a\n"), Some("b\n"));
        assert!(text.starts_with(header), "{text}");
    }
}

#[test]
fn a_coloured_patch_is_the_plain_patch_with_escapes() {
    let file = FileDiff { name: "n", before: Some("a\nb\n"), after: Some("a\nc") };
    let coloured = diff(&[file], Color::Always);
    assert!(coloured.contains("\u{1b}[31m-b\u{1b}[m\n"));
    let mut plain = coloured;
    for escape in ["\u{1b}[1m", "\u{1b}[36m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[m"] {
        plain = plain.replace(escape, "");
    }
    assert_eq!(plain, diff(&[file], Color::Never));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_applied_gives_the_text_after(before in "([ab-]?(\r)?\n){0,30}[ab]?", after in "([ab-]?(\r)?\n){0,30}[ab]?") {
        let patch = patch("n", Some(&before), Some(&after));
        prop_assert_eq!(applied(&before, &patch), Some(after));
    }
}
