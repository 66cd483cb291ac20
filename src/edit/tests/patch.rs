//! A small reader of unified patches, written apart from the writer, and `git apply` itself.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::edit::{Color, FileDiff, diff};

/// Applies the hunks of a patch of one file to `before`. None if a line that should be there is not.
pub(super) fn applied(before: &str, patch: &str) -> Option<String> {
    let mut old = before.split_inclusive('\n');
    let mut read = 0;
    let mut after = String::new();
    let mut lines = patch.split_inclusive('\n').skip_while(|line| !line.starts_with("@@ ")).peekable();
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("@@ -") {
            let (start, length) = numbers(header.split(' ').next()?)?;
            let first = if length == 0 { start } else { start - 1 };
            while read < first {
                after.push_str(old.next()?);
                read += 1;
            }
            continue;
        }
        let bare = lines.peek().is_some_and(|next| next.starts_with('\\'));
        let content = &line[1..line.len() - usize::from(bare)];
        match &line[..1] {
            " " | "-" => {
                read += 1;
                if old.next()? != content {
                    return None;
                }
                if line.starts_with(' ') {
                    after.push_str(content);
                }
            }
            "+" => after.push_str(content),
            "\\" => {}
            _ => return None,
        }
    }
    after.extend(old);
    Some(after)
}

fn numbers(range: &str) -> Option<(usize, usize)> {
    let (start, length) = range.split_once(',').unwrap_or((range, "1"));
    Some((start.parse().ok()?, length.parse().ok()?))
}

fn git(directory: &Path, arguments: &[&str]) -> Option<bool> {
    let mut command = Command::new("git");
    command.args(["-c", "core.autocrlf=false"]).args(arguments).current_dir(directory);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.ok().map(|status| status.success())
}

#[test]
fn git_applies_the_patch_of_any_file() {
    let texts: [(&str, Option<&str>, Option<&str>); 14] = [
        ("plain.yaml", Some("a\nb\nc\nd\ne\nf\ng\nh\ni\n"), Some("a\nB\nc\nd\ne\nf\ng\nh\nI\n")),
        ("dir with space/a b.yaml", Some("a\nb\n"), Some("a\nc\n")),
        ("gone with space.yaml", Some("a\nb\n"), None),
        ("new with space.yaml", None, Some("a\nb")),
        ("bare.yaml", Some("a\nb"), Some("a\nc")),
        ("bare-context.yaml", Some("a\nb\nc"), Some("A\nb\nc")),
        ("loses-break.yaml", Some("a\nb\n"), Some("a\nb")),
        ("gains-break.yaml", Some("a\nb"), Some("a\nb\n")),
        ("crlf.yaml", Some("a\r\nb\r\n"), Some("a\r\nc\r\n")),
        ("old-mac.yaml", Some("a\rb\nc\n"), Some("a\rx\nc\n")),
        ("emptied.yaml", Some("a\n"), Some("")),
        ("filled.yaml", Some(""), Some("a\n")),
        ("café.yaml", Some("é\n"), Some("è\n")),
        ("same.yaml", Some("a\n"), Some("a\n")),
    ];
    let unix_only: [(&str, Option<&str>, Option<&str>); 1] = [("quo\"te\\tab\t.yaml", Some("a\n"), Some("b\n"))];
    let all: Vec<_> = texts.into_iter().chain(unix_only.into_iter().filter(|_| cfg!(unix))).collect();

    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    if git(root, &["init", "-q"]) != Some(true) {
        return;
    }
    for (name, before, _) in &all {
        fs::create_dir_all(root.join(name).parent().expect("a parent")).expect("a directory");
        if let Some(before) = before {
            fs::write(root.join(name), before).expect("a file");
        }
    }
    let files: Vec<_> = all.iter().map(|&(name, before, after)| FileDiff { name, before, after }).collect();
    fs::write(root.join("the.patch"), diff(&files, Color::Never)).expect("a patch");
    assert_eq!(git(root, &["apply", "--check", "the.patch"]), Some(true), "{}", diff(&files, Color::Never));
    assert_eq!(git(root, &["apply", "the.patch"]), Some(true));
    for (name, _, after) in &all {
        assert_eq!(fs::read_to_string(root.join(name)).ok().as_deref(), *after, "{name}");
    }
}

#[test]
fn git_removes_and_creates_files_without_content() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path();
    if git(root, &["init", "-q"]) != Some(true) {
        return;
    }
    fs::write(root.join("gone"), "").expect("a file");
    let gone = FileDiff { name: "gone", before: Some(""), after: None };
    let new = FileDiff { name: "new", before: None, after: Some("") };
    fs::write(root.join("the.patch"), diff(&[gone, new], Color::Never)).expect("a patch");
    assert_eq!(git(root, &["apply", "the.patch"]), Some(true));
    assert!(!root.join("gone").exists() && root.join("new").exists());
}
