//! What stands in a configuration file, and on which line; and everything that is wrong with it.

use keytrail_detect::configuration::{Configuration, Step, written, wrong_values};
use keytrail_report::escape;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use crate::configuration::over_the_defaults;

/// Stands for a value that is missing or wrong while the others are looked at: a text that is a time, too.
const PLACEHOLDER: &str = "2000-01-01";
/// The hint where an error says by itself what would be right.
const SEE_THE_PAGE: &str = "docs/configuration.md lists every key";

/// Something wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The key, such as `suppress[0].until`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: &'static str,
}

/// The keys and values of a file, with their places.
#[derive(Debug)]
pub struct ConfigurationFile<'t> {
    text: &'t str,
    places: Spanned<DeTable<'t>>,
    values: Table,
}

impl<'t> ConfigurationFile<'t> {
    /// Reads TOML.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &'t str) -> Result<Self, Problem> {
        let problem = |error: toml::de::Error| Problem {
            line: line_at(text, error.span().map_or(0, |span| span.start)),
            key: String::new(),
            message: error.message().to_owned(),
            hint: "the file is TOML: https://toml.io",
        };
        Ok(Self {
            text,
            places: DeTable::parse(text).map_err(problem)?,
            values: text.parse().map_err(problem)?,
        })
    }

    /// The line of a key, or of the nearest table above it that stands in the file; `None` where
    /// the file holds nothing of it.
    pub fn line(&self, path: &[Step<'_>]) -> Option<usize> {
        let mut line = None;
        let mut table = Some(self.places.get_ref());
        let mut array: Option<&[Spanned<DeValue<'_>>]> = None;
        for step in path {
            let value = match step {
                Step::Key(key) => {
                    let (key, value) = table?.iter().find(|(known, _)| known.get_ref() == key)?;
                    line = Some(line_at(self.text, key.span().start));
                    value
                }
                Step::Index(index) => {
                    let value = array?.get(*index)?;
                    line = Some(line_at(self.text, value.span().start));
                    value
                }
            };
            table = value.get_ref().as_table();
            array = value.get_ref().as_array().map(|array| &**array);
        }
        line
    }

    /// Everything that is wrong: keys that do not exist, values of the wrong type, what is missing,
    /// and values that make no sense; by line.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut sound = self.values.clone();
        for (name, value) in &self.values {
            match value {
                Value::Table(table) => {
                    for (key, value) in table {
                        let path = [Step::Key(name), Step::Key(key)];
                        let probe = one(name, Value::Table(one(key, value.clone())));
                        if let Err(message) = read(probe) {
                            problems.push(self.problem(&path, message));
                            if let Some(Value::Table(table)) = sound.get_mut(name) {
                                table.remove(key);
                            }
                        }
                    }
                    // A table that does not exist may be empty, too.
                    if let Err(message) = read(one(name, Value::Table(Table::new()))) {
                        problems.retain(|problem| !problem.key.starts_with(&format!("{name}.")));
                        problems.push(self.problem(&[Step::Key(name)], message));
                        sound.remove(name);
                    }
                }
                Value::Array(array) if array.iter().any(Value::is_table) => {
                    let mut entries = Vec::new();
                    for (index, entry) in array.iter().enumerate() {
                        let (entry, found) = self.entry(name, index, entry);
                        entries.push(entry);
                        problems.extend(found);
                    }
                    sound.insert(name.clone(), Value::Array(entries));
                }
                value => {
                    if let Err(message) = read(one(name, value.clone())) {
                        problems.push(self.problem(&[Step::Key(name)], message));
                        sound.remove(name);
                    }
                }
            }
        }
        if let Ok(configuration) = over_the_defaults(sound) {
            let mut senseless = wrong_values(&configuration);
            senseless.retain(|wrong| !follows_from(&wrong.path, &problems));
            for wrong in senseless {
                let hint = wrong.hint;
                let problem = self.problem(&wrong.path, wrong.message);
                problems.push(Problem { hint, ..problem });
            }
        }
        problems.sort_by(|a, b| (a.line, &a.key).cmp(&(b.line, &b.key)));
        problems
    }

    /// One table of an array, made sound, and what was wrong with it.
    fn entry(&self, name: &str, index: usize, entry: &Value) -> (Value, Vec<Problem>) {
        let path = [Step::Key(name), Step::Index(index)];
        let Some(given) = entry.as_table() else {
            let problem = self.problem(&path, "this is no table".to_owned());
            return (entry.clone(), vec![problem]);
        };
        let mut problems = Vec::new();
        let mut sound = given.clone();
        // Each turn mends one key; an error that names none ends it.
        for _ in 0..=given.len() + REQUIRED_MAX {
            let Err(message) = read(one(name, Value::Array(vec![sound.clone().into()]))) else {
                break;
            };
            if let Some(key) = named_in(&message, "missing field `") {
                problems.push(self.problem(&path, format!("`{key}` is missing")));
                sound.insert(key.to_owned(), PLACEHOLDER.into());
            } else if let Some(key) = named_in(&message, "unknown field `") {
                let path = [Step::Key(name), Step::Index(index), Step::Key(key)];
                problems.push(self.problem(&path, message.clone()));
                sound.remove(key);
            } else if let Some(key) = culprit(name, &sound) {
                let path = [Step::Key(name), Step::Index(index), Step::Key(&key)];
                problems.push(self.problem(&path, message));
                sound.insert(key, PLACEHOLDER.into());
            } else {
                problems.push(self.problem(&path, message));
                break;
            }
        }
        (sound.into(), problems)
    }

    fn problem(&self, path: &[Step<'_>], message: String) -> Problem {
        Problem {
            line: self.nearest_line(path),
            key: escape::terminal(&written(path)).into_owned(),
            message: escape::terminal(&message).into_owned(),
            hint: SEE_THE_PAGE,
        }
    }

    fn nearest_line(&self, path: &[Step<'_>]) -> usize {
        let lengths = (1..=path.len()).rev();
        let lines = lengths.filter_map(|length| self.line(&path[..length]));
        lines.into_iter().next().unwrap_or(1)
    }
}

/// Keys that a table of an array must have, at most.
const REQUIRED_MAX: usize = 8;

/// Whether what makes no sense was made so by mending: it stands under a key that is known to be wrong, or
/// compares keys of a table of which one was wrong.
fn follows_from(path: &[Step<'_>], problems: &[Problem]) -> bool {
    let key = written(path);
    let compared = match path {
        [_, Step::Index(_), Step::Key("from" | "until")] => written(&path[..2]),
        _ => key.clone(),
    };
    let mut problems = problems.iter();
    problems.any(|problem| problem.key == key || problem.key.starts_with(&compared))
}

fn one(key: &str, value: impl Into<Value>) -> Table {
    [(key.to_owned(), value.into())].into_iter().collect()
}

/// Whether a table is a configuration; if not, why.
fn read(table: Table) -> Result<Configuration, String> {
    let read = table.try_into::<Configuration>();
    read.map_err(|error| error.message().to_owned())
}

/// The key whose value must be another one for the table to be read.
fn culprit(name: &str, entry: &Table) -> Option<String> {
    let message = |entry: &Table| read(one(name, Value::Array(vec![entry.clone().into()]))).err();
    let before = message(entry);
    let mut keys = entry.keys();
    let culprit = keys.find(|key| {
        let mut changed = entry.clone();
        changed.insert((*key).clone(), PLACEHOLDER.into());
        message(&changed) != before
    })?;
    Some(culprit.clone())
}

fn named_in<'m>(message: &'m str, before: &str) -> Option<&'m str> {
    let (name, _) = message.strip_prefix(before)?.split_once('`')?;
    Some(name)
}

fn line_at(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let problems = match ConfigurationFile::parse(text) {
            Ok(file) => file.problems(),
            Err(problem) => vec![problem],
        };
        let problems = problems.into_iter();
        let lines = problems.map(|p| format!("{} {}: {}", p.line, p.key, p.message));
        lines.collect()
    }

    #[test]
    fn every_error_is_told_with_its_line() {
        let text = r#"shadow = ["no-such-rule"]
extra = 1

[organisation]
accounts = ["123"]
acounts = []
ids = ["o-a1b2c3d4e5", "o-A1B2C3D4E5"]

[rules]
bulk_keys = "many"
churn_loops = -1

[unknown]
a = 1
b = 2

[[suppress]]
rule = "no-key-rule"
until = "soon"
resaon = "a drill"

[[suppress]]
until = "2024-02-01"
reason = " "
owner = 7
"#;
        let found = problems(text);
        let starts = [
            "1 shadow: no rule is named `no-such-rule`",
            "2 extra: unknown field `extra`",
            "5 organisation.accounts: `123` is no account",
            "6 organisation.acounts: unknown field `acounts`",
            "7 organisation.ids: `o-A1B2C3D4E5` is no id of an organisation",
            "10 rules.bulk_keys: invalid type",
            "11 rules.churn_loops: invalid value",
            "13 unknown: unknown field `unknown`",
            "17 suppress[0]: `reason` is missing",
            "17 suppress[0]: `owner` is missing",
            "18 suppress[0].rule: no rule is named `no-key-rule`",
            "19 suppress[0].until: not a time",
            "20 suppress[0].resaon: unknown field `resaon`",
            "24 suppress[1].reason: the reason of a suppression is empty",
            "25 suppress[1].owner: invalid type",
        ];
        assert_eq!(found.len(), starts.len(), "{found:#?}");
        for (found, start) in found.iter().zip(starts) {
            assert!(found.starts_with(start), "{found}\n{start}");
        }
    }

    #[test]
    fn what_makes_no_sense_has_a_line_too() {
        let text = "[[suppress]]\nuntil = \"2024-02-01\"\nreason = \" \"\nowner = \"rose\"\n";
        let found = problems(text);
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(found[0].starts_with("2 suppress[0].until: "), "{found:#?}");
        assert!(found[1].starts_with("3 suppress[0].reason: "), "{found:#?}");
    }

    #[test]
    fn what_is_right_has_no_problem() {
        assert!(problems("").is_empty());
        assert!(problems(include_str!("default.toml")).is_empty());
    }

    #[test]
    fn what_is_no_toml_has_one() {
        let found = problems("[rules]\nbulk_keys =\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("2 : "), "{found:#?}");
    }
}
