//! `keytrail findings`: the findings of a state file, and what people did about them.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Triage;
use keytrail_event::EventTime;
use keytrail_report::explain::write_explanation;
use keytrail_report::{escape, findings};
use keytrail_store::executor::Executor;
use keytrail_store::{FindingKey, SqliteStore, Store as _, TriageNote};
use pollster::block_on;

use super::explain::choose;
use super::finding_filter::{FindingFilter, FindingFilterArguments};
use super::replay::kept;
use crate::configuration::{self, ConfigurationArguments};
use crate::exit_code::Exit;
use crate::finding_list::FindingList;
use crate::output::{Destination, Format};
use crate::state_file::{in_state, open, open_to_read};
use crate::talk::Talk;

/// `keytrail findings`.
#[derive(Debug, Clone, Args)]
pub struct FindingsArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: FindingsCommand,
}

/// What to do with the findings of a state.
#[allow(clippy::large_enum_variant, reason = "there is one, made once")]
#[derive(Debug, Clone, Subcommand)]
pub enum FindingsCommand {
    /// List the findings that stand.
    List(ListArguments),
    /// Explain one finding: every number it rests on.
    Show(OneArguments),
    /// Note that somebody looks at a finding.
    Ack(TriageArguments),
    /// Note that a finding is dealt with.
    Resolve(TriageArguments),
}

/// `keytrail findings list`.
#[derive(Debug, Clone, Args)]
pub struct ListArguments {
    /// The state file that `replay --state` wrote.
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
    /// Only findings that nobody has resolved.
    #[arg(long)]
    pub unresolved: bool,
    /// Show suppressed findings in a table as well. Data formats always hold them.
    #[arg(long)]
    pub show_suppressed: bool,
    /// What users decide.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Which ones.
    #[command(flatten)]
    pub filter: FindingFilterArguments,
    /// Format on standard output.
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "table",
        help_heading = "Output"
    )]
    pub format: Format,
}

/// One finding of a state.
#[derive(Debug, Clone, Args)]
pub struct OneArguments {
    /// The finding's id or episode, or the beginning of it.
    #[arg(value_name = "ID")]
    pub id: String,
    /// The state file that `replay --state` wrote.
    #[arg(long, value_name = "FILE")]
    pub state: PathBuf,
}

/// `keytrail findings ack` and `resolve`.
#[derive(Debug, Clone, Args)]
pub struct TriageArguments {
    /// Which finding.
    #[command(flatten)]
    pub one: OneArguments,
    /// Who looked.
    #[arg(long, value_name = "NAME", env = "USER", value_parser = name)]
    pub by: String,
    /// What came of it.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub note: String,
}

fn name(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("who looked has a name".to_owned());
    }
    Ok(text.to_owned())
}

/// Lists, shows or notes.
///
/// # Errors
/// When the state can not be read or written, or there is no such finding.
pub fn run(command: &FindingsCommand, talk: Talk, now: EventTime) -> anyhow::Result<Exit> {
    match command {
        FindingsCommand::List(arguments) => list(arguments, talk, now)?,
        FindingsCommand::Show(one) => show(one, talk)?,
        FindingsCommand::Ack(arguments) => triage(arguments, Triage::Acknowledged, talk, now)?,
        FindingsCommand::Resolve(arguments) => triage(arguments, Triage::Resolved, talk, now)?,
    }
    Ok(Exit::Done)
}

fn list(arguments: &ListArguments, talk: Talk, now: EventTime) -> anyhow::Result<()> {
    let filter = FindingFilter::new(&arguments.filter, now)?;
    let configuration = configuration::load(&arguments.configuration)?;
    let mut all = standing(&open_to_read(&arguments.state)?)?;
    all.dispose(&configuration);
    all.retain(|finding| !(arguments.unresolved && finding.triage == Triage::Resolved));
    if all.len() > 0 {
        all.retain(|finding| filter.accepts(finding));
        for note in filter.notes(all.len()) {
            talk.say(note);
        }
    }
    let mut out = Destination::standard_output(arguments.format, talk.color());
    let all = all.visible(arguments.format, arguments.show_suppressed);
    findings::write(arguments.format.into(), &all, &talk.page(), &mut out)?;
    out.finish()
}

fn show(one: &OneArguments, talk: Talk) -> anyhow::Result<()> {
    let store = open_to_read(&one.state)?;
    let all = standing(&store)?;
    let mut out = Destination::standard_output(Format::Table, talk.color());
    for (index, finding) in choose(all.iter(), &one.id)?.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_explanation(finding, &talk.page(), &mut out)?;
        let episodes = block_on(store.episodes(finding.id.as_str())).map_err(in_state)?;
        let stored = episodes
            .iter()
            .find(|stored| stored.record.key.episode == finding.episode);
        for (_, note) in stored.into_iter().flat_map(|stored| &stored.triage) {
            writeln!(out, "{}", in_words(note))?;
        }
    }
    out.finish()
}

/// What somebody did about a finding, and why.
fn in_words(note: &TriageNote) -> String {
    let TriageNote {
        state,
        at,
        by,
        note,
    } = note;
    let why = if note.is_empty() { "" } else { ": " };
    let text = format!("Note       {state} by {by} at {at}{why}{note}");
    escape::terminal(&text).into_owned()
}

fn triage(
    arguments: &TriageArguments,
    triage: Triage,
    talk: Talk,
    now: EventTime,
) -> anyhow::Result<()> {
    let store = open(&arguments.one.state)?;
    let all = standing(&store)?;
    let note = TriageNote {
        state: triage.as_str().to_owned(),
        at: now,
        by: arguments.by.clone(),
        note: arguments.note.clone(),
    };
    let chosen = choose(all.iter(), &arguments.one.id)?;
    for finding in &chosen {
        let key = FindingKey {
            id: finding.id.as_str().to_owned(),
            episode: finding.episode.clone(),
        };
        block_on(store.triage(&key, &note)).map_err(in_state)?;
        talk.say(format!("{} is {}", finding.episode, triage.as_str()));
    }
    Ok(())
}

/// The findings that stand in a state, as they were judged, whatever the configuration is by now.
fn standing(store: &SqliteStore) -> anyhow::Result<FindingList> {
    let configuration = Configuration::default();
    kept::standing(&Executor::new(store, &configuration))
}
