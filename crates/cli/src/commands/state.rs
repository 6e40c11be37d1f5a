//! `keytrail state`: what a state file holds, and its upkeep.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_event::{Day, EventTime};
use keytrail_report::{counted, escape, write_json_line};
use keytrail_store::executor::{Executor, base_of, tally_of};
use keytrail_store::{BaseShard, SqliteStore, Store as _, export};
use pollster::block_on;

use super::replay::kept::judge;
use crate::configuration::{self, ConfigurationArguments};
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::state_file::{in_state, open, open_to_read};
use crate::talk::Talk;

/// `keytrail state`.
#[derive(Debug, Clone, Args)]
pub struct StateArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: StateCommand,
}

/// What to do with a state.
#[derive(Debug, Clone, Subcommand)]
pub enum StateCommand {
    /// Show what it holds, account by account.
    Show(FileArgument),
    /// Judge every day again, from the records that were counted.
    Rebuild(RebuildArguments),
    /// Read everything in it, and say what is wrong; exit with 3 when something is.
    Verify(FileArgument),
    /// Write what it holds as JSON Lines, for other programs.
    Export(FileArgument),
    /// Forget the records of days before a date. They can not be judged again then; findings, and what was learnt, stay.
    Prune(PruneArguments),
}

/// A state file.
#[derive(Debug, Clone, Args)]
pub struct FileArgument {
    /// The state file that `replay --state` wrote.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `keytrail state rebuild`.
#[derive(Debug, Clone, Args)]
pub struct RebuildArguments {
    /// Which state.
    #[command(flatten)]
    pub state: FileArgument,
    /// What users decide.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
}

/// `keytrail state prune`.
#[derive(Debug, Clone, Args)]
pub struct PruneArguments {
    /// Which state.
    #[command(flatten)]
    pub state: FileArgument,
    /// The first day (UTC) whose records stay, such as 2025-03-01.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub before: Day,
    /// What users decide: the configuration that the state was judged with.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "not a day such as 2025-03-01".to_owned())
}

/// Shows or tends a state. No day after that of `now` is forgotten.
///
/// # Errors
/// When the state can not be read or written.
pub fn run(command: &StateCommand, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    match command {
        StateCommand::Show(state) => show(&state.file, talk)?,
        StateCommand::Rebuild(arguments) => rebuild(arguments, talk)?,
        StateCommand::Verify(state) => return verify(&state.file, talk),
        StateCommand::Export(state) => {
            let store = open_to_read(&state.file)?;
            let mut out = Destination::standard_output(Format::Jsonl, talk.color());
            block_on(export(&store, &mut |line| write_json_line(&mut out, line)))?;
            out.finish()?;
        }
        StateCommand::Prune(arguments) => prune(arguments, talk, now)?,
    }
    Ok(Exit::Done)
}

fn show(path: &Path, talk: Talk) -> anyhow::Result<()> {
    let store = open_to_read(path)?;
    let configuration = Configuration::default();
    let executor = Executor::new(&store, &configuration);
    let mut out = Destination::standard_output(Format::Table, talk.color());
    for account in block_on(store.accounts()).map_err(in_state)? {
        let days = block_on(store.days(&account)).map_err(in_state)?;
        let pointer = block_on(store.pointer(&account)).map_err(in_state)?;
        let mut standing = 0_u64;
        let count = |finding: Finding| {
            standing += u64::from(finding.state != FindingState::Withdrawn);
        };
        block_on(executor.each_finding(&account, count)).map_err(in_state)?;
        writeln!(out, "account {}", escape::terminal(&account))?;
        match (days.first(), days.last()) {
            (Some(first), Some(last)) => {
                let number = counted(days.len() as u64, "day", "days");
                writeln!(out, "  records   {number}, {first} to {last}")?;
            }
            _ => writeln!(out, "  records   none")?,
        }
        match pointer {
            Some(pointer) => writeln!(
                out,
                "  learnt    through {}, generation {}",
                pointer.day, pointer.generation
            )?,
            None => writeln!(out, "  learnt    no day has closed yet")?,
        }
        if let Some(pruned) = block_on(executor.pruned(&account)).map_err(in_state)? {
            let learnt = match (pruned.is_known(), pruned.is_lost()) {
                (true, _) => "what they taught is kept",
                (_, true) => "what they taught is lost, this is learnt from the days since",
                // Bases of another version are of no use to this one.
                _ => "another version learnt from them, this one from the days since",
            };
            writeln!(
                out,
                "  pruned    the records before {}; {learnt}",
                pruned.before
            )?;
        }
        if let Some(pointer) = pointer {
            show_base(&store, &pointer.only_shard(&account), &mut out)?;
        }
        writeln!(out, "  findings  {standing}")?;
        if let Some(clock) = block_on(executor.clock(&account)).map_err(in_state)? {
            writeln!(out, "  judged    as of {clock}")?;
        }
    }
    out.finish()
}

/// What has been learnt, in numbers. What cannot be read is left to [`verify`].
fn show_base(
    store: &SqliteStore,
    shard: &BaseShard,
    out: &mut impl std::io::Write,
) -> anyhow::Result<()> {
    let Ok(Some(bytes)) = block_on(store.read_base(shard)) else {
        return Ok(());
    };
    let Ok(base) = base_of(&bytes) else {
        return Ok(());
    };
    let (principals, keys, pairs) = base.baseline().entities();
    writeln!(
        out,
        "  baseline  {}, {} and {}",
        counted(principals as u64, "principal", "principals"),
        counted(keys as u64, "key", "keys"),
        counted(pairs as u64, "pair", "pairs"),
    )?;
    Ok(())
}

fn rebuild(arguments: &RebuildArguments, talk: Talk) -> anyhow::Result<()> {
    let configuration = configuration::load(&arguments.configuration)?;
    let store = open(&arguments.state.file)?;
    let executor = Executor::new(&store, &configuration);
    for account in block_on(store.accounts()).map_err(in_state)? {
        block_on(executor.rebuild(&account)).map_err(in_state)?;
    }
    let judged = judge(&executor, None, talk)?;
    talk.say(format!("{} findings stand", judged.findings.len()));
    Ok(())
}

fn verify(path: &Path, talk: Talk) -> anyhow::Result<Exit> {
    let store = open_to_read(path)?;
    let mut problems = store.verify().map_err(in_state)?;
    for account in block_on(store.accounts()).map_err(in_state)? {
        problems.extend(unreadable(&store, &account)?);
    }
    for problem in &problems {
        talk.say(escape::terminal(problem));
    }
    if problems.is_empty() {
        talk.say("The state is sound");
        return Ok(Exit::Done);
    }
    Ok(Exit::Unreadable)
}

/// The tallies and the base of an account that can not be read, in words.
fn unreadable(store: &SqliteStore, account: &str) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for day in block_on(store.days(account)).map_err(in_state)? {
        let read = match block_on(store.read_tally(account, day)) {
            Ok(stored) => stored.map(|stored| tally_of(&stored.value)),
            // What the store itself finds damaged, it has told already.
            Err(_) => continue,
        };
        if let Some(Err(error)) = read {
            problems.push(format!("account {account}, {day}: {error}"));
        }
    }
    if let Some(pointer) = block_on(store.pointer(account)).map_err(in_state)? {
        let shard = pointer.only_shard(account);
        let remedy = "`keytrail state rebuild` makes it anew";
        problems.extend(unreadable_base(store, &shard, &shard.to_string(), remedy));
    }
    let configuration = Configuration::default();
    let executor = Executor::new(store, &configuration);
    if let Some(shard) = block_on(executor.ground(account)).map_err(in_state)? {
        let name = format!("what the pruned days of account {account} taught");
        let remedy = "the next time that its days are judged again, it is learnt from those since";
        problems.extend(unreadable_base(store, &shard, &name, remedy));
    }
    Ok(problems)
}

fn unreadable_base(
    store: &SqliteStore,
    shard: &BaseShard,
    name: &str,
    remedy: &str,
) -> Option<String> {
    match block_on(store.read_base(shard)) {
        Ok(Some(bytes)) => {
            let error = base_of(&bytes).err()?;
            Some(format!("{name}: {error}"))
        }
        Ok(None) => Some(format!("{name} is gone; {remedy}")),
        // What the store itself finds damaged, it has told already.
        Err(_) => None,
    }
}

fn prune(arguments: &PruneArguments, talk: Talk, now: EventTime) -> anyhow::Result<()> {
    if arguments.before > now.day() {
        return Err(UsageError::new(format_args!(
            "{} lies in the future, and the days until then would be forgotten before they are known",
            arguments.before
        ))
        .hint("name today or an earlier day with --before")
        .into());
    }
    let configuration = configuration::load(&arguments.configuration)?;
    let store = open(&arguments.state.file)?;
    let executor = Executor::new(&store, &configuration);
    let before = arguments.before;
    for account in block_on(store.accounts()).map_err(in_state)? {
        let pointer = block_on(store.pointer(&account)).map_err(in_state)?;
        let days = block_on(store.days(&account)).map_err(in_state)?;
        let shown = escape::terminal(&account);
        let is_open = |day: &Day| pointer.is_none_or(|pointer| *day > pointer.day);
        let mut days = days.into_iter().take_while(|day| *day < before);
        if let Some(day) = days.find(is_open) {
            return Err(UsageError::new(format_args!(
                "{day} of account {shown} is not closed yet, so its records are still needed"
            ))
            .hint("name an earlier day with --before")
            .into());
        }
        let fingerprint = configuration.fingerprint();
        if pointer.is_some_and(|pointer| pointer.configuration_hash != fingerprint) {
            return Err(UsageError::new(format_args!(
                "account {shown} was judged with another configuration than this one, or by another version of keytrail, \
                 and its earlier days could not be judged again"
            ))
            .hint("run keytrail state rebuild with this configuration before, or name the other one with --config")
            .into());
        }
    }
    // What came late for these days, or was judged by another version, is judged while it can be.
    judge(&executor, None, talk)?;
    let mut forgotten = 0;
    for account in block_on(store.accounts()).map_err(in_state)? {
        forgotten += block_on(executor.prune(&account, before)).map_err(in_state)?;
    }
    talk.say(format!(
        "{forgotten} account-days of records are forgotten; their findings and what they taught stay"
    ));
    if forgotten > 0 {
        talk.say(format!(
            "A version of keytrail with other mathematics can not learn from them: it begins with {before}"
        ));
    }
    Ok(())
}
