//! Puts a text into a file, whole or not at all.
//!
//! The only place of this room that touches a file system. It decides nothing about the text.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes `text` to `path` through a temporary file beside it and a rename, so that nobody ever sees half a file.
///
/// `read` is the text that was read from `path` when the edit was made; none means that the file is new. The mode of
/// the file is kept. A symbolic link stays one: the file that it points to is written.
///
/// # Errors
/// What the file system says; and, with nothing written, when the file no longer holds `read`, or when there is a file
/// although `read` is none. The message names the path.
pub fn write_atomically(path: &Path, read: Option<&str>, text: &str) -> io::Result<()> {
    match read {
        Some(read) => replace(path, read, text),
        None => create(path, text),
    }
    .map_err(|error| io::Error::new(error.kind(), format!("cannot write `{}`: {error}", path.display())))
}

fn replace(path: &Path, read: &str, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let permissions = fs::metadata(&target)?.permissions();
    let file = filled(&target, tempfile::Builder::new().prefix(".smi2gamma-"), text)?;
    file.as_file().set_permissions(permissions)?;
    if fs::read(&target)? != read.as_bytes() {
        return Err(io::Error::other("it changed since it was read; run again"));
    }
    file.persist(&target)?;
    Ok(())
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".smi2gamma-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    filled(path, &builder, text)?.persist_noclobber(path)?;
    Ok(())
}

fn filled(target: &Path, builder: &tempfile::Builder<'_, '_>, text: &str) -> io::Result<tempfile::NamedTempFile> {
    let directory = match target.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}
