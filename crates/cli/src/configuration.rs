//! The configuration: built-in defaults, then a file, then the environment, then flags.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use keytrail_detect::configuration::Configuration;
use keytrail_event::arn::is_account_id;

use crate::failure::UsageError;
use keytrail_report::escape;

/// The built-in defaults, read as a user's file is.
const DEFAULTS: &str = include_str!("default.toml");
/// The file that is read when no other is named.
const FILE_NAME: &str = "keytrail.toml";

/// What the command line says about the configuration.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigurationArguments {
    /// Read this configuration. The default is keytrail.toml in the current folder, where there is one.
    #[arg(long, value_name = "FILE", env = "KEYTRAIL_CONFIG")]
    pub config: Option<PathBuf>,
    /// An account of the organisation, in place of the configured ones. May be repeated.
    #[arg(
        long,
        value_name = "ACCOUNT",
        env = "KEYTRAIL_ORGANISATION_ACCOUNTS",
        value_delimiter = ','
    )]
    pub organisation_account: Vec<String>,
    /// A Region in which keys may be used, in place of the configured ones. May be repeated.
    #[arg(
        long,
        value_name = "REGION",
        env = "KEYTRAIL_ALLOWED_REGIONS",
        value_delimiter = ','
    )]
    pub allowed_region: Vec<String>,
}

/// Loads the configuration that is in force.
///
/// # Errors
/// When a file cannot be read, has an unknown key, or a value that makes no sense.
pub fn load(arguments: &ConfigurationArguments) -> Result<Configuration, UsageError> {
    let named = arguments.config.as_deref();
    let path = named.unwrap_or(Path::new(FILE_NAME));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(UsageError::new(format_args!(
                "cannot read the configuration `{}`: {error}",
                escape::path(path)
            )));
        }
    };
    let mut configuration = parse(text.as_deref(), &escape::path(path))?;
    if !arguments.organisation_account.is_empty() {
        configuration.organisation.accounts =
            arguments.organisation_account.iter().cloned().collect();
    }
    if !arguments.allowed_region.is_empty() {
        configuration.organisation.allowed_regions =
            arguments.allowed_region.iter().cloned().collect();
    }
    check(&configuration)?;
    Ok(configuration)
}

/// The defaults with a user's file laid over them.
fn parse(text: Option<&str>, name: &str) -> Result<Configuration, UsageError> {
    let bad = |name: &str, error: &toml::de::Error| {
        UsageError::new(format_args!(
            "bad configuration in `{name}`: {}",
            error.to_string().trim_end()
        ))
        .hint("docs/configuration.md lists every key")
    };
    let mut table: toml::Table = DEFAULTS
        .parse()
        .map_err(|error| bad("the built-in defaults", &error))?;
    if let Some(text) = text {
        // Read by itself first: only so can an error point at its line.
        toml::from_str::<Configuration>(text).map_err(|error| bad(name, &error))?;
        lay_over(&mut table, text.parse().map_err(|error| bad(name, &error))?);
    }
    table.try_into().map_err(|error| bad(name, &error))
}

fn lay_over(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn check(configuration: &Configuration) -> Result<(), UsageError> {
    let bad: BTreeSet<&String> = configuration
        .organisation
        .accounts
        .iter()
        .filter(|account| !is_account_id(account))
        .collect();
    if let Some(account) = bad.first() {
        return Err(UsageError::new(format_args!(
            "`{}` is no account of the organisation",
            escape::terminal(account)
        ))
        .hint("an account id is twelve digits, written as text: \"111122223333\""));
    }
    let times = configuration.behaviour.rate_times_peak;
    if !(1.0..=1_000.0).contains(&times) {
        return Err(
            UsageError::new(format_args!("behaviour.rate_times_peak is {times}"))
                .hint("it is a factor between 1 and 1000"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_file_is_the_default() {
        assert_eq!(parse(None, "").unwrap(), Configuration::default());
    }

    #[test]
    fn a_file_holds_only_what_differs() {
        let text = "[organisation]\naccounts = [\"111122223333\"]\n";
        let configuration = parse(Some(text), "keytrail.toml").unwrap();
        assert!(configuration.organisation.accounts.contains("111122223333"));
        assert_eq!(configuration.behaviour, Configuration::default().behaviour);
    }

    #[test]
    fn an_unknown_key_points_at_its_line() {
        let error = parse(Some("[organisation]\nacounts = []\n"), "keytrail.toml").unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("line 2") && message.contains("acounts"),
            "{message}"
        );
    }

    #[test]
    fn accounts_must_be_accounts() {
        let arguments = ConfigurationArguments {
            organisation_account: vec!["123".to_owned()],
            ..ConfigurationArguments::default()
        };
        assert!(load(&arguments).is_err());
    }
}
