//! Developer tasks: `cargo xtask --help`.
//!
//! Tasks are Rust so that they run wherever the project builds.

mod aws_services;
mod bench_floor;
mod checks;
mod example;
mod faults;
mod flood;
mod guided;
mod instructions;
mod large_delivery;
mod package;
mod python_tools;
mod scorecard;
mod temporary_folder;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
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
    /// Run seeded worlds in which deliveries, stores and processes fail, and hold them against a replay.
    SimulateFaults {
        /// How many worlds, from a seed that the clock gives and that is printed.
        #[arg(long, default_value_t = 1_000, conflicts_with = "seed")]
        seeds: u64,
        /// Only the world of this seed.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Put deliberate bugs into copies of the workspace, one at a time: a world must show each of them.
    ProveFaults {
        /// The patches by name; all unless some are named.
        names: Vec<String>,
    },
    /// Build the functions for Lambda, pack them into target/lambda, and measure them.
    Package {
        /// Fail when one is too large, starts too slowly, or takes too much memory.
        #[arg(long)]
        hold_budgets: bool,
    },
    /// Compare reading and replaying an archive with decompressing it alone.
    BenchFloor {
        /// A folder of gzip files, such as `keytrail simulate --records 700000 --out FOLDER` writes.
        folder: PathBuf,
        /// Rounds; each runs every program once, in turn.
        #[arg(long, default_value_t = 7)]
        rounds: usize,
        /// The keytrail to measure; the one that `cargo build --release` builds unless one is named.
        #[arg(long)]
        program: Option<PathBuf>,
    },
    /// Build a faster keytrail, guided by runs over simulated archives (needs the component llvm-tools, and some twenty minutes).
    Guided,
    /// Replay an archive that is made to fill memory: how much it takes, and whether anything is lost.
    Flood(flood::Flood),
    /// Measure detection on simulated organisations, beside plain baselines.
    Scorecard(scorecard::Scorecard),
    /// Count a replay's instructions for each byte of text, and fail when there are more than the bounds allow (needs
    /// valgrind).
    Instructions {
        /// A folder of gzip files to count on instead, with no bound but --most.
        folder: Option<PathBuf>,
        /// Fail when there are more for each byte.
        #[arg(long, requires = "folder")]
        most: Option<f64>,
    },
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test { rest } => checks::test(&rest),
        Task::Lint => checks::lint(),
        Task::Example => example::write(),
        Task::SimulateFaults { seeds, seed } => faults::simulate(seeds, seed),
        Task::ProveFaults { names } => faults::prove(&names),
        Task::Package { hold_budgets } => package::package(if hold_budgets {
            package::Budgets::Hold
        } else {
            package::Budgets::Show
        }),
        Task::Flood(flood) => flood::measure(&flood),
        Task::Scorecard(scorecard) => scorecard::measure(&scorecard),
        Task::BenchFloor {
            folder,
            rounds,
            program,
        } => bench_floor::measure(&folder, rounds, program),
        Task::Guided => guided::build(),
        Task::Instructions { folder, most } => match folder {
            Some(folder) => instructions::count_over(&folder, most),
            None => instructions::hold_bounds(),
        },
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

/// The root of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here
        .parent()
        .context("xtask stands in the workspace")?
        .to_path_buf())
}
