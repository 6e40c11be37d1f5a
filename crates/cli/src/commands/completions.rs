//! `keytrail completions`: what a shell needs to complete commands and flags.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use crate::arguments::{Arguments, CompletionsArguments};
use crate::exit_code::Exit;

/// Prints the completions.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(arguments: &CompletionsArguments) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "keytrail", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Done)
}
