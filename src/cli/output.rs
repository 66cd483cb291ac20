//! Where words and bytes go: output to standard output, words about it to standard error.

use anstream::stream::IsTerminal;
use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::args::Color;
use super::program::Program;
use crate::place::SourceMap;
use crate::report::{Report, SummaryOptions, TextOptions, json, markdown, summary, text};

/// Widths that a report is laid out for.
const WIDTHS: std::ops::RangeInclusive<usize> = 40..=120;

/// What the process writes to.
#[derive(Debug)]
pub struct Terminal {
    color: Color,
    /// What the program was called as.
    pub program: Program,
}

/// A format of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

/// A report that was asked for.
#[derive(Debug)]
pub struct Wanted {
    /// In which format.
    pub format: Format,
    /// Into which file; none: the stream of the command.
    pub file: Option<PathBuf>,
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Output.
    Out,
    /// Words about it.
    Err,
}

// === impl Terminal ===

impl Terminal {
    /// With colour as asked for, under the name that was typed.
    #[must_use]
    pub fn new(color: Color, program: Program) -> Self {
        Self { color, program }
    }

    /// Whether to colour what goes to a stream.
    #[must_use]
    pub fn colored(&self, stream: Stream) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let choice = match stream {
                    Stream::Out => anstream::AutoStream::choice(&std::io::stdout()),
                    Stream::Err => anstream::AutoStream::choice(&std::io::stderr()),
                };
                choice != anstream::ColorChoice::Never
            }
        }
    }

    /// Writes bytes and flushes them, so that a closed pipe is noticed here.
    pub fn write(&self, stream: Stream, bytes: &str) -> Result<()> {
        match stream {
            Stream::Out => {
                let mut out = std::io::stdout().lock();
                out.write_all(bytes.as_bytes())?;
                out.flush()?;
            }
            Stream::Err => std::io::stderr().lock().write_all(bytes.as_bytes())?,
        }
        Ok(())
    }

    /// Says why there is no result.
    pub fn error(&self, error: &anyhow::Error) {
        let _ = self.write(Stream::Err, &format!("error: {error:#}\n"));
    }

    /// What a command says on standard error about its output.
    pub fn summary(&self, report: &Report, sources: &SourceMap, details: &str) -> Result<()> {
        let options = SummaryOptions { color: self.colored(Stream::Err), details };
        self.write(Stream::Err, &summary(report, sources, &options))
    }

    /// Writes the reports that were asked for; those without a file go to `stream`.
    pub fn reports(
        &self,
        wanted: &[Wanted],
        report: &Report,
        sources: &SourceMap,
        stream: Stream,
        verbose: bool,
    ) -> Result<()> {
        for path in wanted.iter().filter_map(|wanted| wanted.file.as_ref()) {
            refuse_source(path, sources)?;
        }
        for Wanted { format, file } in wanted {
            let color = file.is_none() && self.colored(stream);
            let page = match format {
                Format::Text => text(
                    report,
                    sources,
                    &TextOptions { color, width: self.width(stream), verbose, program: self.program.name() },
                ),
                Format::Json => json(report, sources),
                Format::Markdown => markdown(report, sources),
            };
            match file {
                Some(path) => std::fs::write(path, page)
                    .with_context(|| format!("cannot write the report `{}`", path.display()))?,
                None => self.write(stream, &page)?,
            }
        }
        Ok(())
    }

    fn width(&self, stream: Stream) -> usize {
        let terminal = match stream {
            Stream::Out => std::io::stdout().is_terminal(),
            Stream::Err => std::io::stderr().is_terminal(),
        };
        let measured =
            if terminal { terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)) } else { None };
        measured.unwrap_or(100).clamp(*WIDTHS.start(), *WIDTHS.end())
    }
}

impl Wanted {
    /// Reads `FORMAT[=FILE]`.
    pub fn parse(text: &str) -> Result<Self> {
        let (format, file) = text.split_once('=').map_or((text, None), |(format, file)| (format, Some(file)));
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "markdown" | "md" => Format::Markdown,
            other => bail!("--report: there is no format `{other}`; known are text, json and markdown"),
        };
        if file == Some("") {
            bail!("--report: `{text}` names no file");
        }
        Ok(Self { format, file: file.map(PathBuf::from) })
    }

    /// Reads all.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>> {
        texts.iter().map(|text| Self::parse(text)).collect()
    }
}

/// Refuses to write over what was read.
///
/// # Errors
/// If `path` is the file of a source or of context.
pub fn refuse_source(path: &Path, sources: &SourceMap) -> Result<()> {
    let Ok(real) = path.canonicalize() else { return Ok(()) };
    let read = sources.iter().filter_map(|(_, source)| source.path.as_ref()?.canonicalize().ok());
    if read.into_iter().any(|read| read == real) {
        bail!("`{}` was read as a source and is not written over; name another place", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::{Role, Source};

    #[test]
    fn what_was_read_is_not_written_over() {
        let folder = tempfile::tempdir().expect("a directory");
        let (read, other) = (folder.path().join("split.yaml"), folder.path().join("route.yaml"));
        std::fs::write(&read, "a: 1\n").expect("a file");
        std::fs::write(&other, "a: 1\n").expect("a file");
        let mut sources = SourceMap::default();
        let (name, text) = ("split.yaml".to_owned(), "a: 1\n".to_owned());
        sources.add(Source { name, path: Some(read.clone()), text, role: Role::Subject });
        assert!(refuse_source(&read, &sources).is_err());
        assert!(refuse_source(&folder.path().join(".").join("split.yaml"), &sources).is_err());
        assert!(refuse_source(&other, &sources).is_ok());
        assert!(refuse_source(&folder.path().join("new.yaml"), &sources).is_ok());
    }
}
