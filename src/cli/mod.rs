//! The command line: the flag table, one file per subcommand, and what a process owes its caller.
//!
//! Flags become plain [`run::Options`] in `options`; no room behind it reads a flag, the environment or the configuration.

pub mod args;
mod completions;
pub mod config;
mod convert;
mod diff;
mod dry_run;
pub mod exit;
mod explain;
mod options;
mod output;
pub mod policy;
pub mod program;
mod rbac;
mod report;
mod simulate;
mod status;
mod verify;

use clap::FromArgMatches;
use std::process::ExitCode;

use args::{Args, Command};
use exit::Exit;
use output::Terminal;
use program::Program;

/// Runs the program on the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let program = Program::of(std::env::args_os().next().as_deref());
    let matches = program.command().try_get_matches();
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::NoResult } else { Exit::Done }.into();
        }
    };
    let terminal = Terminal::new(args.color, program);
    let result = match &args.command {
        Command::Convert(command) => convert::run_convert(command, &terminal),
        Command::Diff(command) => diff::run_diff(command, &terminal),
        Command::Report(command) => report::run_report(command, &terminal),
        Command::Verify(command) => verify::run_verify(command, &terminal),
        Command::Simulate(command) => simulate::run_simulate(command, &terminal),
        Command::Status(command) => status::run_status(command, &terminal),
        Command::Explain(command) => explain::run_explain(command, &terminal),
        Command::Rbac(command) => rbac::run_rbac(command, &terminal),
        Command::Completions(command) => completions::run_completions(command, &terminal),
        Command::Man(command) => completions::run_man(command, &terminal),
        Command::Complete(command) => completions::run_complete(command, &terminal),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(error) if is_broken_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            terminal.error(&error);
            Exit::NoResult.into()
        }
    }
}

/// Whoever read the output has seen enough: that is not an error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
