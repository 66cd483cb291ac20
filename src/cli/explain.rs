//! `smi2gamma explain CODE`: offline, from the catalogue.

use anyhow::Result;

use super::args::ExplainArgs;
use super::exit::Exit;
use super::output::{Stream, Terminal};
use crate::report::catalogue;

pub(super) fn run_explain(args: &ExplainArgs, terminal: &Terminal) -> Result<Exit> {
    let page = match &args.code {
        Some(code) => catalogue::explain(code)?,
        None => catalogue::explain_all(),
    };
    terminal.write(Stream::Out, &page)?;
    Ok(Exit::Done)
}
