//! What a shell and `man` want to know: completions, manual pages, and the answers to kubectl's questions.

use anyhow::{Context, Result};
use clap::{Arg, ArgAction, Command};
use std::path::Path;

use super::args::{CompleteArgs, CompletionsArgs, ManArgs};
use super::exit::Exit;
use super::output::{Stream, Terminal};
use crate::mappings;
use crate::report::catalogue;

pub(super) fn run_completions(args: &CompletionsArgs, terminal: &Terminal) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut terminal.program.command(), terminal.program.file(), &mut script);
    terminal.write(Stream::Out, &String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

// --- manual pages ---

pub(super) fn run_man(args: &ManArgs, terminal: &Terminal) -> Result<Exit> {
    let mut command = terminal.program.command().disable_help_subcommand(true);
    command.build();
    match &args.output_dir {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("cannot make the directory `{}`", directory.display()))?;
            write_page(&command, terminal.program.file(), directory)?;
            for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
                write_page(sub, &format!("{}-{}", terminal.program.file(), sub.get_name()), directory)?;
            }
        }
        None => terminal.write(Stream::Out, &page(&command, terminal.program.file())?)?,
    }
    Ok(Exit::Done)
}

fn write_page(command: &Command, name: &str, directory: &Path) -> Result<()> {
    let path = directory.join(format!("{name}.1"));
    std::fs::write(&path, page(command, name)?).with_context(|| format!("cannot write `{}`", path.display()))
}

fn page(command: &Command, name: &str) -> Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().display_name(name.to_owned()))
        .title(name.to_uppercase())
        .render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

// --- what kubectl asks ---

/// What a shell is to do besides showing the candidates (spf13/cobra v1.9 `completions.go`, ShellCompDirective).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Directive {
    /// Complete the names of files, if there is no candidate.
    Files = 0,
    /// Nothing.
    NoFiles = 4,
}

/// `kubectl_complete-smi2gamma` passes on what was typed after the plugin's name; the last word is the one to complete.
pub(super) fn run_complete(args: &CompleteArgs, terminal: &Terminal) -> Result<Exit> {
    let (candidates, directive) = complete(&terminal.program.command(), &args.words);
    let lines: String = candidates.iter().map(|candidate| format!("{candidate}\n")).collect();
    terminal.write(Stream::Out, &format!("{lines}:{}\n", directive as u8))?;
    Ok(Exit::Done)
}

/// Candidates, each with what it means after a tabulator, and the directive.
fn complete(root: &Command, words: &[String]) -> (Vec<String>, Directive) {
    let mut root = root.clone();
    root.build();
    let (last, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let mut command = &root;
    for word in before {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    if let Some(flag) = before.last().and_then(|word| flag_with_value(command, word)) {
        return values(flag, last);
    }
    if last.starts_with('-') {
        let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
        let flags = flags.filter_map(|arg| Some(said(&format!("--{}", arg.get_long()?), arg.get_help())));
        return (flags.filter(|flag| flag.starts_with(last)).collect(), Directive::NoFiles);
    }
    if command.has_subcommands() {
        let subs = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        let subs = subs.map(|sub| said(sub.get_name(), sub.get_about()));
        return (subs.filter(|sub| sub.starts_with(last)).collect(), Directive::NoFiles);
    }
    if command.get_name() == "explain" {
        let codes = catalogue::rows().iter().map(|row| format!("{}\t{}", row.code, row.title));
        return (codes.filter(|code| code.starts_with(last)).collect(), Directive::NoFiles);
    }
    command.get_positionals().next().map_or((Vec::new(), Directive::NoFiles), |argument| values(argument, last))
}

fn flag_with_value<'c>(command: &'c Command, word: &str) -> Option<&'c Arg> {
    let is_it = |arg: &&Arg| match word.strip_prefix("--") {
        Some(long) => arg.get_long() == Some(long),
        None => word.strip_prefix('-').is_some_and(|short| arg.get_short().is_some_and(|one| short == one.to_string())),
    };
    let takes_value = |arg: &&Arg| matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    command.get_arguments().find(|arg| is_it(arg) && takes_value(arg))
}

fn values(argument: &Arg, last: &str) -> (Vec<String>, Directive) {
    let known = argument.get_possible_values();
    let values: Vec<String> = match argument.get_id().as_str() {
        "from" => mappings::sources().iter().map(|source| format!("{}\t{}", source.name, source.title)).collect(),
        "to" => mappings::targets().iter().map(|target| format!("{}\t{}", target.name, target.title)).collect(),
        _ => known.iter().map(|value| said(value.get_name(), value.get_help())).collect(),
    };
    let directive = if values.is_empty() { Directive::Files } else { Directive::NoFiles };
    (values.into_iter().filter(|value| value.starts_with(last)).collect(), directive)
}

fn said(name: &str, help: Option<&clap::builder::StyledStr>) -> String {
    help.map_or_else(|| name.to_owned(), |help| format!("{name}\t{}", help.to_string().replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::program::Program;

    fn names(words: &[&str]) -> (Vec<String>, Directive) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let (candidates, directive) = complete(&Program::Plugin.command(), &words);
        let name = |candidate: String| candidate.split('\t').next().unwrap_or_default().to_owned();
        (candidates.into_iter().map(name).collect(), directive)
    }

    #[test]
    fn the_first_word_is_a_command() {
        let (commands, directive) = names(&["re"]);
        assert_eq!((commands, directive), (vec!["report".to_owned()], Directive::NoFiles));
        assert!(names(&[""]).0.contains(&"status".to_owned()));
        assert!(!names(&[""]).0.iter().any(|name| name.starts_with("__")));
    }

    #[test]
    fn flags_values_codes_and_files_are_completed() {
        assert_eq!(names(&["convert", "--server"]).0, ["--server-dry-run"]);
        assert_eq!(names(&["convert", "-o", ""]), (vec!["yaml".into(), "json".into()], Directive::NoFiles));
        assert_eq!(names(&["convert", "--to", "istio"]).0, ["istio", "istio-ambient"]);
        assert!(names(&["report", "--from", ""]).0.contains(&"osm".to_owned()));
        assert_eq!(names(&["explain", "cluster-den"]).0, ["cluster-denied"]);
        assert_eq!(names(&["convert", ""]), (Vec::new(), Directive::Files));
    }
}
