//! What the program was called as: by its own name, or by kubectl as its plugin.

use clap::CommandFactory;
use std::ffi::OsStr;
use std::path::Path;

use super::args::Args;

/// The name a person typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `smi2gamma`
    Own,
    /// `kubectl smi2gamma`
    Plugin,
}

// === impl Program ===

impl Program {
    /// From the first argument of the process. kubectl runs `kubectl-smi2gamma`; a link to it may be spelled with `_`.
    #[must_use]
    pub fn of(argument: Option<&OsStr>) -> Self {
        let name = argument.and_then(|path| Path::new(path).file_name()).and_then(OsStr::to_str).unwrap_or_default();
        if name.starts_with("kubectl-") || name.starts_with("kubectl_") { Self::Plugin } else { Self::Own }
    }

    /// What a person types.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "smi2gamma",
            Self::Plugin => "kubectl smi2gamma",
        }
    }

    /// The file that a shell runs.
    #[must_use]
    pub fn file(self) -> &'static str {
        match self {
            Self::Own => "smi2gamma",
            Self::Plugin => "kubectl-smi2gamma",
        }
    }

    /// The flag table under this name.
    #[must_use]
    pub fn command(self) -> clap::Command {
        let command = Args::command().bin_name(self.name());
        match self {
            Self::Own => command,
            Self::Plugin => {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                let help = help.replace("`smi2gamma report DIR`", "`kubectl smi2gamma report`");
                command.after_help(help)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubectl_is_known_by_the_name_it_runs() {
        for path in ["kubectl-smi2gamma", "/usr/bin/kubectl-smi2gamma.exe", "/krew/bin/kubectl_smi2gamma"] {
            assert_eq!(Program::of(Some(OsStr::new(path))), Program::Plugin, "{path}");
        }
        for path in ["smi2gamma", "/opt/kubectl-tools/smi2gamma", ""] {
            assert_eq!(Program::of(Some(OsStr::new(path))), Program::Own, "{path}");
        }
        assert_eq!(Program::of(None), Program::Own);
    }
}
