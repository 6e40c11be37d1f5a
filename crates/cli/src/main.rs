//! `keytrail`: watch how AWS KMS keys are used, from CloudTrail archives.

mod allocator;
mod archive_folder;
mod arguments;
mod bucket;
mod choice;
mod commands;
mod configuration;
mod configuration_file;
mod coverage;
mod digests;
mod exit_code;
mod failure;
mod filter;
mod finding_list;
mod input;
mod output;
mod pipeline;
mod places;
mod progress;
mod public_keys;
mod scan;
mod sigma;
mod size_argument;
mod sorter;
mod state_file;
mod talk;
mod threads;
mod time_argument;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use keytrail_event::EventTime;

use crate::arguments::Arguments;
use crate::exit_code::Exit;
use crate::talk::Talk;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let talk = Talk::new(&arguments.talk);
    let exit = match catch_unwind(AssertUnwindSafe(|| commands::run(arguments, talk, now()))) {
        Ok(Ok(exit)) => exit,
        Ok(Err(error)) => {
            let exit = failure::exit_of(&error);
            if exit != Exit::Done {
                talk.error(&error);
            }
            exit
        }
        // The panic has been told on standard error already.
        Err(_) => Exit::Internal,
    };
    exit.into()
}

/// The one reading of the clock; everything else is told what time it is.
fn now() -> EventTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_1970.map_or(0, |since| since.as_secs());
    EventTime::from_unix_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
