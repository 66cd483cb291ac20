//! Only the reading of sources, so that it can be timed from outside: `first-pass SOURCE...` prints what was found.

use smi2gamma::scan::{Input, Options, scan};
use std::process::ExitCode;

fn main() -> ExitCode {
    let sources = std::env::args_os().skip(1).map(|path| Input::Path(path.into())).collect();
    match scan(&Options { sources, ..Options::default() }, &mut std::io::stdin()) {
        Ok(scan) => {
            let marked = scan.documents.iter().filter(|doc| doc.marked).count();
            let (kept, scopes) = (scan.documents.len(), scan.scopes.len());
            println!("{} files, {kept} documents kept, {marked} marked, {scopes} scopes", scan.read.files);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
