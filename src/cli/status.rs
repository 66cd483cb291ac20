//! `smi2gamma status`: where a migration stands, the cluster by default.

use anyhow::Result;

use super::args::{StatusArgs, StatusFormat};
use super::exit::Exit;
use super::options::{cluster_options, inputs, or_the_cluster};
use super::output::{Stream, Terminal};
use crate::scan::cluster::Reading;
use crate::scan::{Options, scan};
use crate::status::status;

pub(super) fn run_status(args: &StatusArgs, terminal: &Terminal) -> Result<Exit> {
    let mut cluster = cluster_options(&args.cluster, args.namespace.as_ref(), args.all_namespaces);
    cluster.reading = Reading::Status;
    let sources = or_the_cluster(inputs(&args.sources, &args.filenames, &args.cluster)?, terminal.program)?;
    let scan = scan(&Options { sources, cluster, ..Options::default() }, &mut std::io::stdin().lock())?;
    let status = status(&scan, args.namespace.as_deref());
    let page = match args.output {
        StatusFormat::Text => status.text(),
        StatusFormat::Json => status.json(),
    };
    terminal.write(Stream::Out, &page)?;
    Ok(Exit::Done)
}
