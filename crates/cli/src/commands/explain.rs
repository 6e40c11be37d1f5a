//! `keytrail explain`: every number one finding rests on.

use std::io::Write as _;
use std::path::Path;

use keytrail_detect::finding::Finding;
use keytrail_report::explain::write_explanation;
use keytrail_report::summary::write_problems;

use super::replay::check_readings;
use super::replay::room::Room;
use super::replay::unkept::replay;
use crate::arguments::ExplainArguments;
use crate::configuration;
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::input::discover;
use crate::output::{Destination, Format};
use crate::progress::Progress;
use crate::talk::Talk;
use keytrail_report::escape;

/// Explains a finding.
///
/// # Errors
/// When nothing is named to find it in, and when no finding, or more than one problem, has that id.
pub fn run(arguments: &ExplainArguments, talk: Talk) -> anyhow::Result<Exit> {
    let chosen = match &arguments.findings {
        Some(file) => choose(read(file)?, &arguments.id)?,
        None if arguments.paths.is_empty() => {
            return Err(
                UsageError::new("nothing is named to find the finding in").hint(
                    "name the archive behind the id, or --findings FILE; one of a state is shown by `keytrail findings show ID --state FILE`",
                )
                .into(),
            );
        }
        None => {
            let configuration = configuration::load(&arguments.configuration)?;
            let found = discover(&arguments.paths)?;
            check_readings(&found, false)?;
            let progress = Progress::new(talk.is_progress_wanted(), found.bytes());
            let threads = crate::arguments::threads(arguments.threads);
            let mut replayed = replay(
                &found,
                threads,
                &progress,
                &configuration,
                Room::default(),
                talk,
            )?;
            talk.say_page(|page, out| write_problems(&replayed.coverage, talk.detail(), page, out));
            replayed.findings.dispose(&configuration);
            choose(replayed.findings.iter(), &arguments.id)?
        }
    };
    let mut out = Destination::standard_output(Format::Table, talk.color());
    for (index, finding) in chosen.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        write_explanation(finding, &talk.page(), &mut out)?;
    }
    out.finish()?;
    Ok(Exit::Done)
}

/// The episodes of the one problem whose id begins so.
pub fn choose(
    findings: impl IntoIterator<Item = Finding>,
    id: &str,
) -> Result<Vec<Finding>, UsageError> {
    let shown = escape::terminal(id).into_owned();
    let chosen: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.id.as_str() == id || finding.episode.starts_with(id))
        .collect();
    let Some(first) = chosen.first() else {
        return Err(
            UsageError::new(format_args!("no finding has the id `{shown}`")).hint(
                "ids stand in the output of `keytrail replay`; the beginning of one is enough",
            ),
        );
    };
    if let Some(other) = chosen.iter().find(|finding| finding.id != first.id) {
        return Err(UsageError::new(format_args!(
            "`{shown}` begins several ids, {} and {} among them",
            first.id, other.id
        ))
        .hint("write more of it"));
    }
    Ok(chosen)
}

/// Reads findings that `replay` wrote as JSON or JSON Lines.
fn read(path: &Path) -> anyhow::Result<Vec<Finding>> {
    let shown = escape::path(path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError::new(format_args!("cannot read `{shown}`: {error}")))?;
    if text.trim_start().starts_with('[') {
        let findings = serde_json::from_str(&text).map_err(|error| {
            UsageError::new(format_args!("`{shown}` holds no findings: {error}"))
        })?;
        return Ok(findings);
    }
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    let findings: Result<Vec<Finding>, UsageError> = lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                UsageError::new(format_args!(
                    "line {} of `{shown}` is no finding: {error}",
                    index + 1
                ))
                .hint("write the file with `keytrail replay … --output jsonl=FILE`")
            })
        })
        .collect();
    Ok(findings?)
}
