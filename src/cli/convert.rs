//! `smi2gamma convert`: manifests on standard output, a summary on standard error.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::args::{ConvertArgs, Format};
use super::exit::Exit;
use super::options::options;
use super::output::{Stream, Terminal, Wanted, refuse_source};
use crate::run::{Run, run};
use crate::yaml::emit;

pub(super) fn run_convert(args: &ConvertArgs, terminal: &Terminal) -> Result<Exit> {
    let options = options(&args.source)?;
    let wanted = Wanted::parse_all(&args.reports.report)?;
    let run = run(&options, &mut std::io::stdin().lock())?;
    match &args.output_dir {
        Some(directory) => write_files(&run, directory, args.output)?,
        None => {
            let manifests: Vec<_> = run.manifests.iter().map(|(_, manifest)| manifest.value.clone()).collect();
            if !manifests.is_empty() {
                terminal.write(Stream::Out, &render(&manifests, args.output))?;
            }
        }
    }
    terminal.summary(&run.report, &run.sources, &args.source.report_command())?;
    terminal.reports(&wanted, &run.report, &run.sources, Stream::Err, false)?;
    Ok(Exit::of(&run.report, args.reports.fail_on))
}

fn render(manifests: &[serde_json::Value], format: Format) -> String {
    match format {
        Format::Yaml => emit::to_yaml(manifests),
        Format::Json => emit::to_json(manifests),
    }
}

/// A file per source, at the source's own path below the directory: environments that reuse names stay apart.
fn write_files(run: &Run, directory: &Path, format: Format) -> Result<()> {
    let mut files: BTreeMap<PathBuf, Vec<serde_json::Value>> = BTreeMap::new();
    for (origins, manifest) in &run.manifests {
        let Some(&first) = origins.first() else { continue };
        let source = run.sources.get(run.objects[first].source);
        files.entry(place_below(directory, &source.name, format)).or_default().push(manifest.value.clone());
    }
    for path in files.keys() {
        refuse_source(path, &run.sources)?;
    }
    for (path, manifests) in files {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot make the directory `{}`", parent.display()))?;
        }
        std::fs::write(&path, render(&manifests, format))
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn place_below(directory: &Path, name: &str, format: Format) -> PathBuf {
    let mut path = directory.to_path_buf();
    if name == "<stdin>" {
        path.push("stdin");
    } else {
        path.extend(Path::new(name).components().filter_map(|component| match component {
            Component::Normal(part) => Some(part),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        }));
    }
    path.set_extension(match format {
        Format::Yaml => "yaml",
        Format::Json => "json",
    });
    path
}
