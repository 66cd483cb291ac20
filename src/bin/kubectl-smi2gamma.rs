//! The same program under the name by which kubectl finds its plugins; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    smi2gamma::cli::main()
}
