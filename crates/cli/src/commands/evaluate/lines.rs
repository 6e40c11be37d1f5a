//! Labels and scores as they stand in files, one JSON object a line.

use std::collections::BTreeSet;
use std::path::Path;

use keytrail_report::escape;
use keytrail_sim::measure::{Attack, Change, Score, Truth};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::UsageError;

/// What a file of labels tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The attacks and changes.
    pub truth: Truth,
    /// How many accounts they name, one at least.
    pub accounts: u32,
}

/// A line of `labels.jsonl`. Fields that measuring does not need are passed over.
#[derive(Debug, Deserialize)]
struct LabelLine {
    kind: String,
    #[serde(default)]
    strength: String,
    category: CategoryName,
    account: String,
    principal: String,
    first: i64,
    last: i64,
    #[serde(default)]
    event_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum CategoryName {
    Attack,
    Change,
}

/// A line of scores. Fields that measuring does not need are passed over.
#[derive(Debug, Deserialize)]
struct ScoreLine {
    t: i64,
    p: String,
    #[serde(default)]
    account: String,
    score: f64,
    #[serde(default)]
    rule: String,
    #[serde(default, rename = "eventIDs")]
    event_ids: Vec<String>,
}

/// Reads labels.
///
/// # Errors
/// When the file cannot be read, or a line of it is no label.
pub fn labels(path: &Path) -> Result<Labels, UsageError> {
    let mut truth = Truth::default();
    let mut accounts = BTreeSet::new();
    let hint = "`keytrail simulate --organisation` writes labels.jsonl; the small organisation's labels are others";
    for line in read::<LabelLine>(path, "label", hint)? {
        accounts.insert(line.account);
        match line.category {
            CategoryName::Attack => truth.attacks.push(Attack {
                kind: line.kind,
                strength: line.strength,
                principal: line.principal,
                first: line.first,
                last: line.last,
                event_ids: line.event_ids,
            }),
            CategoryName::Change => truth.changes.push(Change {
                kind: line.kind,
                principal: line.principal,
                first: line.first,
                last: line.last,
            }),
        }
    }
    let accounts = u32::try_from(accounts.len()).unwrap_or(u32::MAX).max(1);
    Ok(Labels { truth, accounts })
}

/// Reads scores.
///
/// # Errors
/// When the file cannot be read, or a line of it is no score.
pub fn scores(path: &Path) -> Result<Vec<Score>, UsageError> {
    let hint = r#"a line looks like {"t":1767600000,"p":"arn:…","score":4.2,"eventIDs":[]}"#;
    let lines = read::<ScoreLine>(path, "score", hint)?;
    Ok(lines
        .into_iter()
        .map(|line| Score {
            time: line.t,
            principal: line.p,
            account: line.account,
            score: line.score,
            rule: line.rule,
            event_ids: line.event_ids,
        })
        .collect())
}

fn read<T: DeserializeOwned>(path: &Path, what: &str, hint: &str) -> Result<Vec<T>, UsageError> {
    let shown = escape::path(path);
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError::new(format_args!("cannot read `{shown}`: {error}")))?;
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|error| {
                UsageError::new(format_args!(
                    "line {} of `{shown}` is no {what}: {error}",
                    index + 1
                ))
                .hint(hint)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use keytrail_sim::organisation::{self, Category, OrganisationOptions};

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn the_simulators_labels_read_back() {
        let mut text = Vec::new();
        let options = OrganisationOptions {
            days: 1,
            volume_percent: 5,
            ..OrganisationOptions::default()
        };
        let made = organisation::generate(&options, &mut |file| {
            if file.path == keytrail_sim::LABELS_PATH {
                text = file.bytes;
            }
            Ok(())
        })
        .unwrap();
        let file = file(&String::from_utf8(text).unwrap());
        let labels = labels(file.path()).unwrap();
        let attacks = made.labels.iter();
        let attacks: Vec<_> = attacks
            .filter(|it| it.category == Category::Attack)
            .collect();
        assert_eq!(labels.truth.attacks.len(), attacks.len());
        assert_eq!(
            labels.truth.changes.len() + attacks.len(),
            made.labels.len()
        );
        assert_eq!(labels.accounts, 1);
        let (read, wrote) = (&labels.truth.attacks[0], attacks[0]);
        assert_eq!(
            (&*read.kind, &read.principal),
            (wrote.kind, &wrote.principal)
        );
        assert_eq!((read.first, read.last), (wrote.first, wrote.last));
        assert_eq!(read.event_ids, wrote.event_ids);
    }

    #[test]
    fn scores_read_with_and_without_events() {
        let file = file(concat!(
            r#"{"t":7,"p":"a","account":"111122223333","score":1.5,"rule":"network","eventIDs":["x"]}"#,
            "\n\n",
            r#"{"t":8,"p":"b","account":"111122223333","score":-2}"#,
            "\n",
        ));
        let scores = scores(file.path()).unwrap();
        assert_eq!(scores.len(), 2);
        assert_eq!((scores[0].time, scores[0].score), (7, 1.5));
        assert_eq!(scores[0].event_ids, ["x"]);
        assert!(scores[1].event_ids.is_empty());
    }

    #[test]
    fn what_is_no_score_is_named_by_its_line() {
        for bad in [
            "nonsense",
            "{}",
            r#"{"t":"7","p":"a","account":"1","score":1}"#,
            r#"{"t":7,"p":"a","account":"1","score":1e999}"#,
            r#"{"t":7,"p":"a","account":"1","score":null}"#,
        ] {
            let good = r#"{"t":7,"p":"a","account":"1","score":1}"#;
            let file = file(&format!("{good}\n{bad}\n"));
            let error = scores(file.path()).unwrap_err().to_string();
            assert!(error.starts_with("line 2 of `"), "{bad}: {error}");
        }
    }
}
