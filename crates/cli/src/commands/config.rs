//! `keytrail config`: whether a configuration is right, and which one is in force.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use clap::{Args, Subcommand};
use keytrail_report::escape;
use toml::{Table, Value};

use crate::configuration::{self, ConfigurationArguments, FILE_NAME, Step};
use crate::configuration_file::ConfigurationFile;
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::talk::Talk;

/// `keytrail config`.
#[derive(Debug, Clone, Args)]
pub struct ConfigArguments {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with a file: line, key and what to do. Exits with 2 when anything is.
    Check {
        /// The file. The default is keytrail.toml in the current folder.
        #[arg(value_name = "FILE", default_value = FILE_NAME)]
        file: std::path::PathBuf,
    },
    /// Show every value that is in force, and where it comes from.
    Show {
        /// What users decide.
        #[command(flatten)]
        configuration: ConfigurationArguments,
    },
}

/// Checks or shows.
///
/// # Errors
/// When a file cannot be read, or standard output cannot be written.
pub fn run(command: &ConfigCommand, talk: Talk) -> anyhow::Result<Exit> {
    let mut out = Destination::standard_output(Format::Table, talk.color());
    let exit = match command {
        ConfigCommand::Check { file } => check(file, &mut out)?,
        ConfigCommand::Show { configuration } => show(configuration, &mut out)?,
    };
    out.finish()?;
    Ok(exit)
}

fn check(path: &Path, out: &mut Destination) -> anyhow::Result<Exit> {
    let name = escape::path(path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError::new(format_args!("cannot read `{name}`: {error}")))?;
    let problems = match ConfigurationFile::parse(&text) {
        Ok(file) => file.problems(),
        Err(problem) => vec![problem],
    };
    for problem in &problems {
        let key = match &*problem.key {
            "" => String::new(),
            key => format!("{key}: "),
        };
        writeln!(out, "{name}:{}: {key}{}", problem.line, problem.message)?;
        writeln!(out, "  hint: {}", problem.hint)?;
    }
    if problems.is_empty() {
        writeln!(out, "{name}: nothing is wrong")?;
        return Ok(Exit::Done);
    }
    Ok(Exit::Usage)
}

/// Writes a line for each value, which together are TOML that means the same.
fn show(arguments: &ConfigurationArguments, out: &mut Destination) -> anyhow::Result<Exit> {
    let in_force = Table::try_from(configuration::load(arguments)?)?;
    let source = configuration::source(arguments)?;
    let (name, text) = source.unwrap_or_default();
    let file = Table::try_from(configuration::parse(Some(&text), &name)?)?;
    let places = ConfigurationFile::parse(&text).ok();
    let before_flags = leaves(&file);
    for (path, value) in leaves(&in_force) {
        let steps: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
        let line = places.as_ref().and_then(|places| places.line(&steps));
        let origin = match line {
            _ if before_flags.get(&path) != Some(&value) => "a flag or the environment".to_owned(),
            Some(line) => format!("{name}:{line}"),
            None => "built in".to_owned(),
        };
        let value = value.to_string();
        let value = escape::terminal(&value);
        writeln!(out, "{} = {value}  # {origin}", path.join("."))?;
    }
    Ok(Exit::Done)
}

/// The values by their path: those of tables each by itself, everything else as it is.
fn leaves(table: &Table) -> BTreeMap<Vec<&str>, &Value> {
    let mut leaves = BTreeMap::new();
    for (name, value) in table {
        match value {
            Value::Table(below) => {
                leaves.extend(
                    below
                        .iter()
                        .map(|(key, value)| (vec![&**name, &**key], value)),
                );
            }
            value => {
                leaves.insert(vec![&**name], value);
            }
        }
    }
    leaves
}
