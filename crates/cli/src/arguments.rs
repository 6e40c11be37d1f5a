//! The command line: every flag once, with the words that help, man page and completions show.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use keytrail_detect::finding::Severity;
use keytrail_event::EventTime;
use keytrail_report::counted;
use keytrail_report::summary::Coverage;

use crate::commands::baseline::BaselineArguments;
use crate::commands::config::ConfigArguments;
use crate::commands::drill::DrillArguments;
use crate::commands::evaluate::EvaluateArguments;
use crate::commands::finding_filter::{FindingFilterArguments, severity};
use crate::commands::findings::FindingsArguments;
use crate::commands::simulate::SimulateArguments;
use crate::commands::state::StateArguments;
use crate::commands::verify::VerifyArguments;
use crate::configuration::ConfigurationArguments;
use crate::exit_code::EXIT_CODES_HELP;
use crate::input::{Discovered, discover_delivered};
use crate::output::{Format, OutputArgument};
use crate::size_argument::SizeArgument;
use crate::talk::Talk;
use crate::time_argument::{TimeArgument, TimeSpan};

/// Watch how AWS KMS keys are used, from CloudTrail archives.
#[derive(Debug, Parser)]
#[command(name = "keytrail", version, after_help = EXIT_CODES_HELP, max_term_width = 100)]
pub struct Arguments {
    /// How to talk on standard error.
    #[command(flatten)]
    pub talk: TalkArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one, made once")]
pub enum Command {
    /// Replay an archive: what was unusual or wrong in the use of keys, and why.
    Replay(ReplayArguments),
    /// List the KMS records of an archive: who used, or tried to use, which key.
    Events(EventsArguments),
    /// Explain one finding: every number it rests on.
    Explain(ExplainArguments),
    /// List the findings of a state, explain one, or note what was done about it.
    Findings(FindingsArguments),
    /// Show what a state file holds, rebuild, check, export or prune it.
    State(StateArguments),
    /// Show what is usual for a principal or key.
    Baseline(BaselineArguments),
    /// List the rules, or show one.
    Rules(RulesArguments),
    /// Write simulated CloudTrail archives.
    Simulate(SimulateArguments),
    /// Write a small labelled attack as CloudTrail would deliver it, to test a deployment.
    Drill(DrillArguments),
    /// Measure scores of a simulated archive against its labels.
    Evaluate(EvaluateArguments),
    /// Verify log files by CloudTrail's digests, and name every gap.
    Verify(VerifyArguments),
    /// Check a configuration, or show the one in force.
    Config(ConfigArguments),
    /// Print the completions of a shell.
    Completions(CompletionsArguments),
    /// Print the manual page, or write all pages into a folder.
    Man(ManArguments),
}

/// How to talk on standard error.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct TalkArguments {
    /// Say nothing but errors.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: every issue, and what was noted beside.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    /// When to use colour.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Show no progress bar. Without a terminal there is none anyway.
    #[arg(long, global = true)]
    pub no_progress: bool,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to read, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Input")]
pub struct InputArguments {
    /// Files, folders (with their subfolders), globs, s3://BUCKET/PREFIX, or - for standard input.
    #[arg(required = true, value_name = "PATH", help_heading = None)]
    pub paths: Vec<PathBuf>,
    /// Read only files delivered from this time on, by their names.
    ///
    /// Folders of other days in a bucket are not even listed.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub delivered_since: Option<TimeArgument>,
    /// Read only files delivered before this time.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub delivered_until: Option<TimeArgument>,
    /// Threads to read with. The default is one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Exit with 3 when a file or a record could not be read, or when there was none.
    #[arg(long)]
    pub strict: bool,
}

impl InputArguments {
    /// Whether `--strict` was given, and something could not be read, or nothing was there.
    pub fn is_missed(&self, coverage: &Coverage) -> bool {
        self.strict && (coverage.is_incomplete() || coverage.is_empty())
    }

    /// The threads to read with.
    pub fn threads(&self) -> usize {
        threads(self.threads)
    }

    /// Finds what to read, and says what was left out of it.
    ///
    /// # Errors
    /// When an argument names nothing.
    pub fn discover(&self, talk: Talk, now: EventTime) -> anyhow::Result<Discovered> {
        let names = ["--delivered-since", "--delivered-until"];
        let delivered = TimeSpan::of(names, self.delivered_since, self.delivered_until, now)?;
        let found = discover_delivered(&self.paths, delivered)?;
        if found.left_out > 0 {
            talk.say(format_args!(
                "{} left out: a name tells of a delivery at another time, or of none",
                counted(found.left_out, "file was", "files were")
            ));
        }
        Ok(found)
    }
}

/// The threads that were asked for, or one for each core.
pub fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(
        || std::thread::available_parallelism().map_or(1, Into::into),
        usize::from,
    )
}

/// Which records to show. A value may hold * for any characters, and letters match in any case.
/// Several values of one flag: any of them.
#[derive(Debug, Clone, Default, Args)]
#[command(
    next_help_heading = "Filters (* stands for any characters; repeat a flag for more values)"
)]
pub struct FilterArguments {
    /// From this time on: RFC 3339, a date (UTC), or a span before now such as 7d or 12h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<TimeArgument>,
    /// Up to, and not including, this time. A date means its first second.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<TimeArgument>,
    /// Only records of this account.
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<String>,
    /// Only records of this Region.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// Only records of this key: ARN, id or alias.
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Only records of this principal: ARN or name.
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Vec<String>,
    /// Only records of this operation, such as Decrypt.
    #[arg(long, value_name = "OPERATION")]
    pub operation: Vec<String>,
    /// Only records that ended so: success, failed, denied, invalid-state, not-found, throttled, invalid, other, or an
    /// error code.
    #[arg(long, value_name = "OUTCOME")]
    pub outcome: Vec<String>,
    /// No records of this account.
    #[arg(long, value_name = "ACCOUNT")]
    pub exclude_account: Vec<String>,
    /// No records of this Region.
    #[arg(long, value_name = "REGION")]
    pub exclude_region: Vec<String>,
    /// No records of this key: ARN, id or alias.
    #[arg(long, value_name = "KEY")]
    pub exclude_key: Vec<String>,
    /// No records of this principal.
    #[arg(long, value_name = "PRINCIPAL")]
    pub exclude_principal: Vec<String>,
    /// No records of this operation.
    #[arg(long, value_name = "OPERATION")]
    pub exclude_operation: Vec<String>,
    /// No records that ended so.
    #[arg(long, value_name = "OUTCOME")]
    pub exclude_outcome: Vec<String>,
}

/// Where the result goes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// Format on standard output. The default is a table, or nothing when --output is given.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write to a file as well. May be repeated.
    #[arg(long, value_name = "FORMAT=PATH")]
    pub output: Vec<OutputArgument>,
    /// Write what was read, skipped and refused as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
}

/// `keytrail events`.
#[derive(Debug, Clone, Args)]
pub struct EventsArguments {
    /// What to read.
    #[command(flatten)]
    pub input: InputArguments,
    /// What to show.
    #[command(flatten)]
    pub filter: FilterArguments,
    /// Also list the records of other services that rules read, such as of CloudTrail and IAM.
    #[arg(long)]
    pub other_services: bool,
    /// Where to.
    #[command(flatten)]
    pub output: OutputArguments,
    /// Print only what was read and how many records there are.
    #[arg(
        long,
        action = ArgAction::SetTrue,
        conflicts_with_all = ["format", "output"],
        help_heading = "Output"
    )]
    pub count: bool,
}

/// `keytrail replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArguments {
    /// What to read.
    #[command(flatten)]
    pub input: InputArguments,
    /// What to show. Everything is learnt.
    #[command(flatten)]
    pub filter: FindingFilterArguments,
    /// Where to.
    #[command(flatten)]
    pub output: OutputArguments,
    /// What users decide.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
    /// Go on from this state file, and keep in it what was read and found. It is made if it is not there.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Let the state file grow no larger than this. What does not fit is undone and said; the file stays
    /// sound.
    #[arg(long, value_name = "SIZE", requires = "state")]
    pub state_limit: Option<SizeArgument>,
    /// Memory for the counts of open days, about. What does not fit goes to a temporary database.
    ///
    /// That takes longer and finds the same.
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub memory: SizeArgument,
    /// Also run the Sigma rules for CloudTrail below this folder, over every record.
    ///
    /// That is a pass of its own over the files, and takes records of every service.
    #[arg(long, value_name = "FOLDER", conflicts_with = "state")]
    pub sigma: Option<PathBuf>,
    /// Put suppressed findings into the table, too.
    ///
    /// Data formats hold them always.
    #[arg(long, help_heading = "Output")]
    pub show_suppressed: bool,
    /// Exit with 1 when a finding shown is at least this severe. Expected, suppressed, shadow and resolved ones do not count.
    #[arg(long, value_name = "SEVERITY", value_parser = severity, help_heading = "Output")]
    pub fail_on: Option<Severity>,
    /// Also write what every principal's hour scored, far below the threshold too, for `keytrail evaluate`.
    /// --memory does not hold then.
    ///
    /// A line that is at most 2 worse than what its principal was told for within 24 hours stands at 0.3 of its score.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Output",
        conflicts_with = "state"
    )]
    pub scores: Option<PathBuf>,
}

/// `keytrail explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArguments {
    /// The finding's id or episode, or the beginning of it.
    #[arg(value_name = "ID")]
    pub id: String,
    /// Read the finding from this file, which `replay` wrote as JSON or JSON Lines.
    #[arg(long, value_name = "FILE", conflicts_with = "paths")]
    pub findings: Option<PathBuf>,
    /// Replay these files, folders, globs or places in a bucket to find it.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Threads to read with. The default is one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), requires = "paths")]
    pub threads: Option<u16>,
    /// What users decide.
    #[command(flatten)]
    pub configuration: ConfigurationArguments,
}

/// `keytrail rules`.
#[derive(Debug, Clone, Args)]
pub struct RulesArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: RulesCommand,
}

/// What to do with rules.
#[derive(Debug, Clone, Subcommand)]
pub enum RulesCommand {
    /// List all rules and behaviours.
    List {
        /// As a table or as JSON.
        #[arg(long, value_enum, default_value_t = RulesFormat::Table)]
        format: RulesFormat,
    },
    /// Show one: what fires it, what it reads, how severe it is.
    Show {
        /// Its id, such as key-disabled.
        id: String,
    },
}

/// How rules are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// Columns to read on a terminal.
    Table,
    /// A JSON array.
    Json,
}

/// `keytrail completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArguments {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `keytrail man`.
#[derive(Debug, Clone, Args)]
pub struct ManArguments {
    /// Write a page for each command into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// Every command that the fixtures of a rule make it print can be run.
    #[test]
    fn the_commands_of_rules_are_commands() {
        let fixtures = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../detect/tests/fixtures/rules"
        );
        let mut commands = 0;
        for rule in std::fs::read_dir(fixtures).unwrap() {
            let snapshot = rule.unwrap().path().join("fires.snap");
            let Ok(findings) = std::fs::read_to_string(&snapshot) else {
                continue;
            };
            for step in findings.lines().filter(|line| line.starts_with("  > ")) {
                // The name of the program stands for nothing else in a step.
                for (at, _) in step.match_indices("keytrail ") {
                    let words = step[at..].split_whitespace();
                    let parsed = Arguments::try_parse_from(words);
                    assert!(
                        parsed.is_ok(),
                        "{}: {step}\n{:?}",
                        snapshot.display(),
                        parsed.err()
                    );
                    commands += 1;
                }
            }
        }
        assert!(commands > 50, "{commands}");
    }

    #[test]
    fn every_flag_has_words() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let help = argument.get_help().map(ToString::to_string);
                let help = help.unwrap_or_default();
                assert!(!help.is_empty(), "{}", argument.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
