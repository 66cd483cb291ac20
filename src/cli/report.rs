//! `smi2gamma report`: what cannot be migrated and why, on standard output.

use anyhow::Result;

use super::args::ReportArgs;
use super::exit::Exit;
use super::options::options;
use super::output::{Format, Stream, Terminal, Wanted};
use crate::run::run;

pub(super) fn run_report(args: &ReportArgs, terminal: &Terminal) -> Result<Exit> {
    let options = options(&args.source, terminal.program)?;
    let mut wanted = Wanted::parse_all(&args.report)?;
    if wanted.is_empty() {
        wanted.push(Wanted { format: Format::Text, file: None });
    }
    let run = run(&options, &mut std::io::stdin().lock())?;
    terminal.reports(&wanted, &run.report, &run.sources, Stream::Out, args.verbose)?;
    Ok(Exit::of(&run.report, args.fail_on))
}
