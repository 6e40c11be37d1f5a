//! `keytrail man`: the manual pages.

use std::fs;
use std::io::{self, Write as _};

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::arguments::{Arguments, ManArguments};
use crate::exit_code::Exit;
use keytrail_report::escape;

/// Prints `keytrail(1)`, or writes the pages of all commands into a folder.
///
/// # Errors
/// When they cannot be written.
pub fn run(arguments: &ManArguments) -> anyhow::Result<Exit> {
    let command = Arguments::command();
    match &arguments.out {
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
        Some(folder) => {
            let shown = escape::path(folder);
            fs::create_dir_all(folder).with_context(|| format!("cannot make `{shown}`"))?;
            clap_mangen::generate_to(command, folder)
                .with_context(|| format!("cannot write into `{shown}`"))?;
        }
    }
    Ok(Exit::Done)
}
