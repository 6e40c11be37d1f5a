//! Developer tasks: `cargo xtask --help`.
//!
//! Tasks are Rust so that they run wherever the project builds. They know no AWS.

mod checks;
mod example;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Keytrail")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every test, with nothing else to be set up.
    Test {
        /// Passed on to `cargo test`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<String>,
    },
    /// Check formatting and lints, warnings denied.
    Lint,
    /// Write the bundled example anew from its seed.
    Example,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test { rest } => checks::test(&rest),
        Task::Lint => checks::lint(),
        Task::Example => example::write(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = std::io::Write::write_fmt(
                &mut std::io::stderr(),
                format_args!("error: {error:#}\n"),
            );
            ExitCode::FAILURE
        }
    }
}
