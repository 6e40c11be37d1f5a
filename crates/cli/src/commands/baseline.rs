//! `keytrail baseline`: what has been learnt of a principal or key.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use keytrail_detect::base::Base;
use keytrail_detect::baseline::Portrait;
use keytrail_report::escape;
use keytrail_store::executor::base_of;
use keytrail_store::{SqliteStore, Store as _};
use pollster::block_on;

use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::state_file::{in_state, open_to_read};
use crate::talk::Talk;

/// `keytrail baseline`.
#[derive(Debug, Clone, Args)]
pub struct BaselineArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What to do with baselines.
#[derive(Debug, Clone, Subcommand)]
pub enum BaselineCommand {
    /// Show what is usual for one principal or key, and when it is active.
    Show(ShowArguments),
}

/// `keytrail baseline show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArguments {
    /// The principal or key: its ARN, that of a session of it, or what follows the last slash.
    #[arg(value_name = "PRINCIPAL|KEY")]
    pub name: String,
    /// The state file that `replay --state` wrote.
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
}

/// Names told of when several are meant.
const SEVERAL_SHOWN: usize = 5;
/// How much is done in an hour, from nothing to the busiest hour.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

/// Shows a baseline.
///
/// # Errors
/// When the state can not be read, or knows no such name or several.
pub fn run(command: &BaselineCommand, talk: Talk) -> anyhow::Result<Exit> {
    let BaselineCommand::Show(arguments) = command;
    let store = open_to_read(&arguments.state)?;
    let mut named = Vec::new();
    for account in block_on(store.accounts()).map_err(in_state)? {
        let Some(base) = base(&store, &account)? else {
            continue;
        };
        for name in base.baseline().named(&arguments.name) {
            named.extend(base.baseline().portrait(&account, name));
        }
    }
    let shown = escape::terminal(&arguments.name);
    let [portrait] = &named[..] else {
        if named.is_empty() {
            let hint = "days are learnt when they close, some hours after midnight UTC; `keytrail state show` tells which are";
            let error = UsageError::new(format_args!("nothing is known of `{shown}`"));
            return Err(error.hint(hint).into());
        }
        let names = named.iter().take(SEVERAL_SHOWN);
        let names: Vec<_> = names.map(|known| escape::terminal(&known.name)).collect();
        let error = UsageError::new(format_args!(
            "`{shown}` names {}: {}",
            named.len(),
            names.join(", ")
        ));
        return Err(error.hint("write the whole ARN").into());
    };
    let mut out = Destination::standard_output(Format::Table, talk.color());
    write(portrait, &mut out)?;
    out.finish()?;
    Ok(Exit::Done)
}

/// The base of an account, once a day of it has closed.
fn base(store: &SqliteStore, account: &str) -> anyhow::Result<Option<Base>> {
    let Some(pointer) = block_on(store.pointer(account)).map_err(in_state)? else {
        return Ok(None);
    };
    let shard = pointer.only_shard(account);
    let Some(bytes) = block_on(store.read_base(&shard)).map_err(in_state)? else {
        return Ok(None);
    };
    let base = base_of(&bytes).map_err(|error| {
        UsageError::new(format_args!("{shard}: {error}"))
            .hint("`keytrail state rebuild` makes it anew")
    })?;
    Ok(Some(base))
}

fn write(portrait: &Portrait, out: &mut impl std::io::Write) -> std::io::Result<()> {
    writeln!(out, "{}", escape::terminal(&portrait.name))?;
    let width = portrait.lines.iter().map(|(label, _)| label.len()).max();
    let width = width.unwrap_or_default();
    for (label, text) in &portrait.lines {
        let text = escape::terminal(text);
        writeln!(out, "  {label:width$}  {text}")?;
    }
    let most = portrait.calls.iter().flatten().copied().fold(0.0, f64::max);
    if most <= 0.0 {
        return Ok(());
    }
    writeln!(out)?;
    writeln!(out, "  hour (UTC)  0     6     12    18")?;
    for (kind, hours) in ["weekdays  ", "weekends  "]
        .into_iter()
        .zip(&portrait.calls)
    {
        let shades: String = hours.iter().map(|calls| shade(*calls, most)).collect();
        writeln!(out, "  {kind}  {shades}")?;
    }
    writeln!(out, "  █ is {most:.0} calls in an active hour, · is none")
}

/// The shade of an hour, by the logarithm of its calls.
fn shade(calls: f64, most: f64) -> char {
    if calls <= 0.0 {
        return SHADES[0];
    }
    let share = calls.ln_1p() / most.ln_1p();
    let steps = (SHADES.len() - 1) as f64;
    SHADES[((share * steps).ceil() as usize).clamp(1, SHADES.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades() {
        let shades: String = [0.0, 0.2, 5.0, 30.0, 100.0]
            .map(|calls| shade(calls, 100.0))
            .iter()
            .collect();
        assert_eq!(shades, "·░▒▓█");
    }

    #[test]
    fn a_portrait_on_a_page() {
        let mut calls = [[0.0; 24]; 2];
        calls[0][9..17].copy_from_slice(&[4.0, 20.0, 90.0, 100.0, 60.0, 30.0, 10.0, 2.0]);
        let portrait = Portrait {
            name: "arn:aws:iam::111122223333:role/worker\u{1b}[2J".to_owned(),
            lines: vec![
                ("kind".to_owned(), "one of roles".to_owned()),
                ("network".to_owned(), "10.1.0.0/16 on 9.5 days".to_owned()),
            ],
            calls,
        };
        let mut page = Vec::new();
        write(&portrait, &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(!page.contains('\u{1b}'), "{page}");
        let lines: Vec<&str> = page.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "  kind     one of roles",
                "  network  10.1.0.0/16 on 9.5 days",
                "",
                "  hour (UTC)  0     6     12    18",
                "  weekdays    ·········▒▓███▓▓░·······",
                "  weekends    ························",
                "  █ is 100 calls in an active hour, · is none",
            ]
        );
    }
}
