//! `keytrail rules`: what Keytrail looks for.

use keytrail_report::{escape, rules};

use crate::arguments::{RulesCommand, RulesFormat};
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::talk::Talk;

/// Lists the rules, or shows one.
///
/// # Errors
/// When there is no such rule, or standard output cannot be written.
pub fn run(command: &RulesCommand, talk: Talk) -> anyhow::Result<Exit> {
    let table = || Destination::standard_output(Format::Table, talk.color());
    let out = match command {
        RulesCommand::List { format } => match format {
            RulesFormat::Table => {
                let mut out = table();
                rules::write_list_table(&rules::all(), &talk.page(), &mut out)?;
                out
            }
            RulesFormat::Json => {
                let mut out = Destination::standard_output(Format::Json, talk.color());
                rules::write_list_json(&rules::all(), &mut out)?;
                out
            }
        },
        RulesCommand::Show { id } => {
            let rule = rules::find(id).ok_or_else(|| no_such_rule(id))?;
            let mut out = table();
            rules::write_rule(&rule, &talk.page(), &mut out)?;
            out
        }
    };
    out.finish()?;
    Ok(Exit::Done)
}

/// The error for an id that no rule has.
pub fn no_such_rule(id: &str) -> UsageError {
    UsageError::new(format_args!("no rule is named `{}`", escape::terminal(id)))
        .hint("`keytrail rules list` names them all")
}
