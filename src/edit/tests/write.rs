//! Writing files.

use std::fs;

use crate::edit::write_atomically;

#[test]
fn a_file_is_replaced_and_nothing_is_left_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("split.yaml");
    fs::write(&path, "old").unwrap();
    write_atomically(&path, Some("old"), "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_changed_since_it_was_read_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("split.yaml");
    fs::write(&path, "newer").unwrap();
    let error = write_atomically(&path, Some("old"), "new").unwrap_err();
    assert!(error.to_string().contains("split.yaml") && error.to_string().contains("changed"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_went_away_is_not_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("split.yaml");
    assert_eq!(write_atomically(&path, Some("old"), "new").unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(!path.exists());
}

#[test]
fn a_new_file_is_made_but_never_over_another() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("route.yaml");
    write_atomically(&path, None, "one").unwrap();
    assert_eq!(write_atomically(&path, None, "two").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
}

#[cfg(unix)]
#[test]
fn mode_and_symbolic_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = tempfile::tempdir().unwrap();
    let (path, link) = (directory.path().join("split.yaml"), directory.path().join("link.yaml"));
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("split.yaml", &link).unwrap();
    write_atomically(&link, Some("old"), "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}
