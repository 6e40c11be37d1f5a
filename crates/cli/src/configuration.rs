//! The configuration: built-in defaults, then a file, then the environment, then flags.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use keytrail_detect::configuration::{Configuration, wrong_values};
use keytrail_detect::disposition::{Suppression, Unmatched};
use keytrail_event::EventTime;

use crate::configuration_file::ConfigurationFile;
use crate::failure::UsageError;
use keytrail_report::escape;

/// The built-in defaults, read as a user's file is.
const DEFAULTS: &str = include_str!("default.toml");
/// The file that is read when no other is named.
pub const FILE_NAME: &str = "keytrail.toml";

/// Suppressions and planned changes that are told as fitting no finding; of more, the number.
const UNMATCHED_TOLD_MAX: usize = 10;

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
    /// The id of the organisation (o-…), in place of the configured ones. May be repeated.
    #[arg(
        long,
        value_name = "ID",
        env = "KEYTRAIL_ORGANISATION_IDS",
        value_delimiter = ','
    )]
    pub organisation_id: Vec<String>,
    /// A Region in which keys may be used, in place of the configured ones.
    ///
    /// May be repeated.
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
    let source = source(arguments)?;
    let of_file = match &source {
        Some((name, text)) => parse(Some(text), name)?,
        None => parse(None, "")?,
    };
    let mut configuration = of_file.clone();
    let organisation = &mut configuration.organisation;
    lay(&arguments.organisation_account, &mut organisation.accounts);
    lay(&arguments.organisation_id, &mut organisation.ids);
    lay(&arguments.allowed_region, &mut organisation.allowed_regions);
    let Some(wrong) = wrong_values(&configuration).into_iter().next() else {
        return Ok(configuration);
    };
    // What the file itself says stands on a line of it.
    let place = source
        .filter(|_| wrong_values(&of_file).contains(&wrong))
        .and_then(|(name, text)| {
            let line = ConfigurationFile::parse(&text).ok()?.line(&wrong.path)?;
            Some(format!("`{name}`, line {line}: "))
        });
    let message = escape::terminal(&wrong.to_string()).into_owned();
    Err(UsageError::new(format_args!("{}{message}", place.unwrap_or_default())).hint(wrong.hint))
}

/// Lays what a flag or variable gives over a list. A variable that is set and empty gives nothing, as one that is not set.
fn lay(given: &[String], list: &mut BTreeSet<String>) {
    let given: BTreeSet<String> = given
        .iter()
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .collect();
    if !given.is_empty() {
        *list = given;
    }
}

/// The user's file, as it is shown and as it stands; `None` when there is none and none is named.
///
/// # Errors
/// When it cannot be read.
pub fn source(arguments: &ConfigurationArguments) -> Result<Option<(String, String)>, UsageError> {
    let named = arguments.config.as_deref();
    let path = named.unwrap_or(Path::new(FILE_NAME));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((escape::path(path), text))),
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(UsageError::new(format_args!(
            "cannot read the configuration `{}`: {error}",
            escape::path(path)
        ))),
    }
}

/// The defaults with a user's file laid over them.
///
/// # Errors
/// When it is no TOML, has an unknown key, or a value of another type.
pub fn parse(text: Option<&str>, name: &str) -> Result<Configuration, UsageError> {
    let bad = |name: &str, error: &toml::de::Error| {
        UsageError::new(format_args!(
            "bad configuration in `{name}`: {}",
            error.to_string().trim_end()
        ))
        .hint("docs/configuration.md lists every key")
    };
    let Some(text) = text else {
        return over_the_defaults(toml::Table::new())
            .map_err(|error| bad("the built-in defaults", &error));
    };
    // Read by itself first: only so can an error point at its line.
    toml::from_str::<Configuration>(text).map_err(|error| bad(name, &error))?;
    let table = text.parse().map_err(|error| bad(name, &error))?;
    over_the_defaults(table).map_err(|error| bad(name, &error))
}

/// The defaults with a table laid over them.
///
/// # Errors
/// When the table is no configuration.
pub fn over_the_defaults(over: toml::Table) -> Result<Configuration, toml::de::Error> {
    let mut table: toml::Table = DEFAULTS.parse()?;
    lay_over(&mut table, over);
    table.try_into()
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

/// A sentence for each suppression that ends before now: it hides nothing new any more.
pub fn expired(configuration: &Configuration, now: EventTime) -> impl Iterator<Item = String> {
    let suppressions = configuration.suppress.iter();
    let expired = suppressions.filter(move |suppression| suppression.until.time() <= now);
    expired.map(|suppression| {
        let text = format!(
            "The suppression of {} has expired: it ended at {} ({}, {})",
            suppressed(suppression),
            suppression.until,
            suppression.owner,
            suppression.reason
        );
        escape::terminal(&text).into_owned()
    })
}

/// A sentence for each suppression and planned change that fits no finding of a run, up to a bound: which is no error, but
/// how a slip of the pen shows, too.
pub fn unmatched(unmatched: &Unmatched<'_>) -> Vec<String> {
    let suppressions = unmatched.suppressions.iter().map(|suppression| {
        format!(
            "The suppression of {} fits no finding of this run: nothing of the kind happened, or it is written otherwise ({}, {})",
            suppressed(suppression),
            suppression.owner,
            suppression.reason
        )
    });
    let changes = unmatched.changes.iter().map(|change| {
        let patterns = [("principal", &change.principal), ("key", &change.key)];
        format!(
            "The expected change by {} until {} fits no finding of this run: it led to none, or it is written otherwise ({})",
            named(&patterns),
            change.until,
            change.reason
        )
    });
    let mut all = suppressions.chain(changes);
    let mut told: Vec<String> = all
        .by_ref()
        .take(UNMATCHED_TOLD_MAX)
        .map(|text| escape::terminal(&text).into_owned())
        .collect();
    let more = all.count();
    if more > 0 {
        told.push(format!(
            "{more} more suppressions and expected changes fit no finding of this run"
        ));
    }
    told
}

/// What a suppression is about, in words.
fn suppressed(suppression: &Suppression) -> String {
    named(&[
        ("rule", &suppression.rule),
        ("principal", &suppression.principal),
        ("key", &suppression.key),
        ("account", &suppression.account),
    ])
}

/// The patterns that are given, in words.
fn named(patterns: &[(&str, &Option<String>)]) -> String {
    let given = patterns.iter();
    let given = given.filter_map(|(name, pattern)| Some(format!("{name} {}", pattern.as_deref()?)));
    given.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use keytrail_detect::configuration::Organisation;

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
    fn an_empty_variable_is_none() {
        let arguments = ConfigurationArguments {
            organisation_account: vec![String::new()],
            allowed_region: vec![String::new(), " ".to_owned()],
            ..ConfigurationArguments::default()
        };
        assert_eq!(
            load(&arguments).unwrap().organisation,
            Organisation::default()
        );
    }

    #[test]
    fn regions_must_be_regions() {
        let regions = |region: &str| ConfigurationArguments {
            allowed_region: vec![region.to_owned()],
            ..ConfigurationArguments::default()
        };
        assert!(load(&regions("us-gov-west-1")).is_ok());
        assert!(load(&regions("EU-WEST-1")).is_err());
    }

    #[test]
    fn what_fits_no_finding_is_named_up_to_a_bound() {
        let told = |count: usize| {
            let one = "[[suppress]]\nrule = \"root-usd\"\nkey = \"k\\u001b\"\nuntil = \"2027-06-30\"\nreason = \"r\"\nowner = \"o\"\n";
            let text = one.repeat(count)
                + "[[expected]]\nprincipal = \"ci\"\nuntil = \"2027-06-30\"\nreason = \"a move\"\n";
            let configuration = parse(Some(&text), "keytrail.toml").unwrap();
            let now = EventTime::parse("2026-01-01T00:00:00Z").unwrap();
            unmatched(&Unmatched::of(&configuration, (now, now), now))
        };
        assert_eq!(
            told(1),
            [
                "The suppression of rule root-usd, key k\\u{1b} fits no finding of this run: nothing of the kind happened, or it is written otherwise (o, r)",
                "The expected change by principal ci until 2027-06-30 fits no finding of this run: it led to none, or it is written otherwise (a move)",
            ]
        );
        let many = told(12);
        assert_eq!(many.len(), 11);
        assert!(many[10].starts_with("3 more "), "{}", many[10]);
    }

    #[test]
    fn a_date_may_stand_without_quotes() {
        let text = |until: &str| {
            format!(
                "[[suppress]]\nrule = \"region-new\"\nuntil = {until}\nreason = \"r\"\nowner = \"o\"\n"
            )
        };
        for (until, quoted) in [
            ("2027-06-30", "\"2027-06-30\""),
            ("2027-06-30T18:00:00Z", "\"2027-06-30T18:00:00Z\""),
        ] {
            // As functions read it, and as the program does.
            let function: Configuration = toml::from_str(&text(until)).unwrap();
            assert_eq!(function, toml::from_str(&text(quoted)).unwrap());
            let program = parse(Some(&text(until)), "keytrail.toml").unwrap();
            assert_eq!(
                program,
                parse(Some(&text(quoted)), "keytrail.toml").unwrap()
            );
        }
    }

    #[test]
    fn accounts_must_be_accounts() {
        let arguments = ConfigurationArguments {
            organisation_account: vec!["123".to_owned()],
            ..ConfigurationArguments::default()
        };
        assert!(load(&arguments).is_err());
    }

    #[test]
    fn organisations_must_be_ids() {
        let of = |id: &str| {
            load(&ConfigurationArguments {
                organisation_id: vec![id.to_owned()],
                ..ConfigurationArguments::default()
            })
        };
        assert!(of("a1b2c3d4e5").is_err());
        let configuration = of("o-a1b2c3d4e5").unwrap();
        assert!(configuration.organisation.ids.contains("o-a1b2c3d4e5"));
    }
}
