//! `smi2gamma convert`: manifests on standard output, a summary on standard error.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::args::{ConvertArgs, Format};
use super::dry_run::{Verdict, server_dry_run};
use super::exit::Exit;
use super::options::options;
use super::output::{Stream, Terminal, Wanted, refuse_source};
use crate::code;
use crate::manifest::Manifest;
use crate::place::Source;
use crate::report::Finding;
use crate::run::{Run, run};
use crate::yaml::emit;

pub(super) fn run_convert(args: &ConvertArgs, terminal: &Terminal) -> Result<Exit> {
    let options = options(&args.source, terminal.program)?;
    let wanted = Wanted::parse_all(&args.reports.report)?;
    let mut run = run(&options, &mut std::io::stdin().lock())?;
    match &args.output_dir {
        Some(directory) => write_files(&run, directory, args.output)?,
        None => {
            let manifests: Vec<_> = run.manifests.iter().map(|(_, manifest)| &manifest.value).collect();
            if !manifests.is_empty() {
                terminal.write(Stream::Out, &render(&manifests, args.output))?;
            }
            run.report.findings.extend(repeated(&run.manifests));
        }
    }
    let verdict = if args.server_dry_run {
        let manifests: Vec<&Manifest> = run.manifests.iter().map(|(_, manifest)| manifest).collect();
        server_dry_run(&manifests, &options.scan.cluster, terminal)?
    } else {
        Verdict::Accepted
    };
    terminal.summary(&run.report, &run.sources, &args.source.report_command(terminal.program))?;
    terminal.reports(&wanted, &run.report, &run.sources, Stream::Err, false)?;
    let refused = match verdict {
        Verdict::Accepted => Exit::Done,
        Verdict::Refused => Exit::Findings,
    };
    Ok(Exit::of(&run.report, args.reports.fail_on).max(refused))
}

fn render(manifests: &[&serde_json::Value], format: Format) -> String {
    match format {
        Format::Yaml => emit::to_yaml(manifests),
        Format::Json => emit::to_json(manifests),
    }
}

/// Says that one stream holds several texts of one object, of which a cluster would keep the last.
fn repeated(manifests: &[(Vec<usize>, Manifest)]) -> Option<Finding> {
    let mut texts: BTreeMap<String, Vec<&serde_json::Value>> = BTreeMap::new();
    for (_, Manifest { id, value, effect: _ }) in manifests {
        let known = texts.entry(id.to_string()).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    texts.retain(|_, values| values.len() > 1);
    let (name, values) = texts.first_key_value()?;
    let others = match texts.len() - 1 {
        0 => String::new(),
        more => format!(", and so it is with {more} more"),
    };
    let message = format!("the output holds {} different versions of {name}{others}", values.len());
    Some(Finding::new(code!("output-repeated"), message).help(
        "apply only those of one environment: convert one at a time, or write a file for each source with `--output-dir DIR`",
    ))
}

/// A file per source, at the source's own path below the directory: environments that reuse names stay apart.
fn write_files(run: &Run, directory: &Path, format: Format) -> Result<()> {
    let mut files: BTreeMap<PathBuf, Vec<&serde_json::Value>> = BTreeMap::new();
    for (origins, manifest) in &run.manifests {
        let Some(&first) = origins.first() else { continue };
        let source = run.sources.get(run.objects[first].source);
        files.entry(place_below(directory, source, format)).or_default().push(&manifest.value);
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

fn place_below(directory: &Path, source: &Source, format: Format) -> PathBuf {
    let mut path = directory.to_path_buf();
    let mut name = source.name.clone();
    if source.path.is_none() && name.starts_with("cluster") {
        // `cluster:prod TrafficSplit shop/web`; what follows a dot in it is no extension.
        name = format!("{}.", name.replace(':', "-").replace(' ', "/"));
    }
    if name == "<stdin>" {
        path.push("stdin");
    } else {
        path.extend(Path::new(&name).components().filter_map(|component| match component {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Effect;
    use crate::report::ObjectId;
    use serde_json::json;

    fn route(name: &str, weight: u32) -> (Vec<usize>, Manifest) {
        let id = ObjectId {
            kind: "HTTPRoute".into(),
            group: "gateway.networking.k8s.io".into(),
            version: "v1".into(),
            namespace: Some("store".into()),
            name: name.into(),
        };
        (vec![0], Manifest { id, value: json!({ "weight": weight }), effect: Effect::Routes })
    }

    #[test]
    fn different_versions_of_one_route_in_one_stream_are_told() {
        let told = repeated(&[route("a", 1), route("b", 1), route("b", 2), route("c", 1), route("c", 2)]);
        assert_eq!(
            told.map(|finding| finding.message).as_deref(),
            Some(
                "the output holds 2 different versions of HTTPRoute.gateway.networking.k8s.io/store/b, and so it is with 1 more"
            )
        );
    }

    #[test]
    fn the_same_text_twice_is_one_version() {
        assert!(repeated(&[route("a", 1), route("a", 1), route("b", 1)]).is_none());
    }
}
