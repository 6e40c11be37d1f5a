//! The commands, each in a file or folder of its own.

pub mod baseline;
mod completions;
pub mod config;
pub mod drill;
pub mod evaluate;
mod events;
mod explain;
pub mod finding_filter;
pub mod findings;
mod man;
mod replay;
mod rules;
pub mod simulate;
pub mod state;
pub mod verify;

use keytrail_event::EventTime;

use crate::arguments::{Arguments, Command};
use crate::exit_code::Exit;
use crate::talk::Talk;

/// Does what the command line says. `now` is what times such as `7d` are counted from.
///
/// # Errors
/// When the work could not be done; [`crate::failure`] tells how the program ends then.
pub fn run(arguments: Arguments, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Replay(arguments) => replay::run(&arguments, talk, now),
        Command::Explain(arguments) => explain::run(&arguments, talk),
        Command::Findings(arguments) => findings::run(&arguments.command, talk, now),
        Command::State(arguments) => state::run(&arguments.command, talk, now),
        Command::Baseline(arguments) => baseline::run(&arguments.command, talk),
        Command::Rules(arguments) => rules::run(&arguments.command, talk),
        Command::Simulate(arguments) => simulate::run(&arguments, talk),
        Command::Drill(arguments) => drill::run(&arguments, talk, now),
        Command::Evaluate(arguments) => evaluate::run(&arguments, talk),
        Command::Events(arguments) => events::run(&arguments, talk, now),
        Command::Verify(arguments) => verify::run(&arguments, talk, now),
        Command::Config(arguments) => config::run(&arguments.command, talk),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Man(arguments) => man::run(&arguments),
    }
}
