//! `keytrail config`: whether a configuration is right, and which one is in force.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use clap::{Args, Subcommand};
use keytrail_detect::configuration::Configuration;
use keytrail_report::escape;
use toml::{Table, Value};

use crate::configuration::{self, ConfigurationArguments, FILE_NAME};
use crate::configuration_file::ConfigurationFile;
use crate::exit_code::Exit;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::talk::Talk;
use keytrail_detect::configuration::Step;

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
    /// Print the JSON Schema of a configuration file, for editors.
    Schema,
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
        ConfigCommand::Schema => schema(&mut out)?,
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

/// Writes the schema of what the loader reads, which is made from the same declarations.
fn schema(out: &mut Destination) -> anyhow::Result<Exit> {
    let schema = schemars::schema_for!(Configuration);
    serde_json::to_writer_pretty(&mut *out, &schema)?;
    writeln!(out)?;
    Ok(Exit::Done)
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

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    /// Every key of the table stands in the schema with a type that the value has, and no other
    /// key may stand in it.
    fn check(table: &Json, schema: &Json, whole: &Json) {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => &whole["$defs"][reference.rsplit('/').next().unwrap()],
            None => schema,
        };
        assert_eq!(schema["additionalProperties"], false, "{schema:#}");
        let known = schema["properties"].as_object().unwrap();
        for (key, value) in table.as_object().unwrap() {
            let of_key = known.get(key).unwrap_or_else(|| panic!("{key} is unknown"));
            let expected = match value {
                Json::Array(_) => "array",
                Json::Number(number) if number.is_f64() => "number",
                Json::Number(_) => "integer",
                Json::String(_) => "string",
                Json::Object(_) => {
                    check(value, of_key, whole);
                    continue;
                }
                Json::Bool(_) | Json::Null => panic!("{key}"),
            };
            assert_eq!(of_key["type"], expected, "{key}");
        }
    }

    fn schema() -> Json {
        schemars::schema_for!(Configuration).to_value()
    }

    #[test]
    fn the_defaults_fit_the_schema_and_cover_it() {
        let schema = schema();
        let defaults: toml::Table = include_str!("../default.toml").parse().unwrap();
        let defaults = serde_json::to_value(defaults).unwrap();
        check(&defaults, &schema, &schema);
        // What is in the schema and not among the defaults are lists of tables, which are empty.
        let known = schema["properties"].as_object().unwrap().keys();
        let more: Vec<&String> = known
            .filter(|key| defaults[key.as_str()].is_null())
            .collect();
        assert_eq!(more, ["expected", "suppress"]);
    }

    #[test]
    fn an_unknown_key_does_not_fit() {
        let schema = schema();
        for unknown in [
            r#"{"organisatoin": {}}"#,
            r#"{"rules": {"bulk_key": 3}}"#,
            r#"{"rules": {"bulk_keys": "three"}}"#,
        ] {
            let table: Json = serde_json::from_str(unknown).unwrap();
            let checked = std::panic::catch_unwind(|| check(&table, &schema, &schema));
            assert!(checked.is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_suppression_must_say_until_when_and_why() {
        let schema = schema();
        let required = schema["$defs"]["Suppression"]["required"]
            .as_array()
            .unwrap();
        for key in ["until", "reason", "owner"] {
            assert!(required.iter().any(|it| it == key), "{key}: {schema:#}");
        }
    }
}
