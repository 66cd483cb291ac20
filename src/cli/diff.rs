//! `smi2gamma diff`: the change to the sources, as a patch.

use anyhow::Result;

use super::args::DiffArgs;
use super::exit::Exit;
use super::options::options;
use super::output::{Stream, Terminal, Wanted};
use crate::candidate::candidate;
use crate::edit::{self, FileDiff};
use crate::run::run;

pub(super) fn run_diff(args: &DiffArgs, terminal: &Terminal) -> Result<Exit> {
    let options = options(&args.source, terminal.program)?;
    let wanted = Wanted::parse_all(&args.reports.report)?;
    let mut run = run(&options, &mut std::io::stdin().lock())?;
    let texts = candidate(&mut run);
    let files: Vec<FileDiff<'_>> = texts
        .iter()
        .map(|(source, after)| {
            let source = run.sources.get(*source);
            FileDiff { name: &source.name, before: Some(&source.text), after: Some(after) }
        })
        .collect();
    let color = if terminal.colored(Stream::Out) { edit::Color::Always } else { edit::Color::Never };
    terminal.write(Stream::Out, &edit::diff(&files, color))?;
    terminal.summary(&run.report, &run.sources, &args.source.report_command(terminal.program))?;
    terminal.reports(&wanted, &run.report, &run.sources, Stream::Err, false)?;
    let differs = if args.exit_code && !files.is_empty() { Exit::Differs } else { Exit::Done };
    Ok(Exit::of(&run.report, args.reports.fail_on).max(differs))
}
