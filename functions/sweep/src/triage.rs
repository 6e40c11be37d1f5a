//! What people did about findings: noted for them, so that nobody needs to write to the table.
//!
//! A note is added only to the item that was read, and touches neither a revision nor a base. So this is no second
//! writer of an account, like marking a finding as sent, which is done here as well.

use keytrail_aws::triage_command::{NAME_HERE, REASON_HERE};
use keytrail_detect::finding::Triage;
use keytrail_lambda::{Failed, Invocation, Level, log};
use keytrail_store::bounds::NAME_BYTES_MAX;
use keytrail_store::executor::REOPENED_BY;
use keytrail_store::{Store, StoreError, StoredFinding, TriageNote};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Most episodes of one finding that are noted at once.
const EPISODES_MAX: usize = 100;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// What it is.
    keytrail: Kind,
    /// An episode, or the id of a finding for all of its episodes.
    finding: String,
    /// What they stand at from now on.
    state: Triage,
    /// Who says so.
    by: String,
    /// Why.
    note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Triage,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// The episodes, each as it stands now.
    Triaged(Vec<Triaged>),
    /// Nothing was noted, for this reason. It is no fault of the function, so no alarm tells of it.
    Refused(String),
}

/// An episode that was noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Triaged {
    /// Which one.
    pub episode: String,
    /// How bad it is.
    pub severity: String,
    /// What it stood at.
    pub before: String,
    /// What it stands at.
    pub now: &'static str,
}

/// What the payload asks for; `None` for the schedule's, which asks for a sweep. Nothing else is a sweep: who misspelt a
/// request took the answer of one for a note.
///
/// # Errors
/// Why it cannot be done.
pub fn asked(payload: &str) -> Option<Result<Asked, String>> {
    let payload: Value = match serde_json::from_str(payload) {
        Ok(payload) => payload,
        Err(error) => return Some(Err(format!("the request is no JSON: {error}"))),
    };
    if is_of_schedule(&payload) {
        return None;
    }
    if payload.get("keytrail").is_none() {
        return Some(Err(
            "the request has no `keytrail`: an alert shows how to note what was done, and only `{}` is a sweep".to_owned(),
        ));
    }
    Some(match serde_json::from_value::<Asked>(payload) {
        Ok(asked) => asked.check().map(|()| asked),
        Err(error) => Err(error.to_string()),
    })
}

/// What infra/template.yaml has the schedule send, or a schedule without an input of its own.
fn is_of_schedule(payload: &Value) -> bool {
    let is_empty = payload.as_object().is_some_and(serde_json::Map::is_empty);
    let source = payload.get("source").and_then(Value::as_str);
    is_empty || matches!(source, Some("aws.scheduler" | "aws.events"))
}

impl Asked {
    /// A note without a name or a reason tells an auditor nothing.
    fn check(&self) -> Result<(), String> {
        let by = self.by.trim();
        if by.is_empty() || by == NAME_HERE {
            return Err("`by` must say who notes this".to_owned());
        }
        if by.eq_ignore_ascii_case(REOPENED_BY) {
            return Err(format!(
                "`by` cannot be {REOPENED_BY}, which notes what it does itself"
            ));
        }
        if self.finding.len() > NAME_BYTES_MAX {
            return Err(format!(
                "`finding` has {} bytes, and no id or episode more than {NAME_BYTES_MAX}",
                self.finding.len()
            ));
        }
        let note = self.note.trim();
        if note.is_empty() || note == REASON_HERE {
            return Err("`note` must say why".to_owned());
        }
        Ok(())
    }

    fn note(&self, invocation: &Invocation) -> TriageNote {
        TriageNote {
            state: self.state.as_str().to_owned(),
            at: invocation.now,
            by: self.by.clone(),
            note: self.note.clone(),
        }
    }

    /// Whether this is what was noted last: who got no answer asks again.
    fn is_noted(&self, stored: &StoredFinding) -> bool {
        let last = stored.triage.last();
        last.is_some_and(|(_, last)| {
            last.state == self.state.as_str() && last.by == self.by && last.note == self.note
        })
    }
}

/// Notes what was asked for, on every episode that is meant.
///
/// # Errors
/// When the store fails. Asking again is right.
pub async fn triage(
    store: &impl Store,
    asked: &Asked,
    invocation: &Invocation,
) -> Result<Answer, Failed> {
    let failed = |error: StoreError| Failed(error.to_string());
    let note = asked.note(invocation);
    if let Err(error) = note.check() {
        return Ok(Answer::Refused(error.to_string()));
    }
    let episodes = episodes(store, &asked.finding).await.map_err(failed)?;
    if episodes.is_empty() {
        return Ok(Answer::Refused(format!(
            "there is no finding {:?}; an alert names its id and episode",
            asked.finding
        )));
    }
    if episodes.len() > EPISODES_MAX {
        return Ok(Answer::Refused(format!(
            "{} episodes are more than the {EPISODES_MAX} that are noted at once; name one",
            episodes.len()
        )));
    }
    let mut triaged = Vec::with_capacity(episodes.len());
    for stored in &episodes {
        let key = &stored.record.key;
        if !asked.is_noted(stored) {
            store.triage(key, &note).await.map_err(failed)?;
            tell(stored, &note, invocation);
        }
        triaged.push(Triaged {
            episode: key.episode.clone(),
            severity: stored.record.severity.clone(),
            before: stored.triage_state().to_owned(),
            now: asked.state.as_str(),
        });
    }
    Ok(Answer::Triaged(triaged))
}

/// The episodes that are meant: those of a finding, or one. An episode is the finding's id and its first day.
async fn episodes(store: &impl Store, name: &str) -> Result<Vec<StoredFinding>, StoreError> {
    let of_finding = store.episodes(name).await?;
    let Some((id, _)) = name.rsplit_once('@').filter(|_| of_finding.is_empty()) else {
        return Ok(of_finding);
    };
    let mut one = store.episodes(id).await?;
    one.retain(|stored| stored.record.key.episode == name);
    Ok(one)
}

/// The evidence of who did what and why. The id of the request is that of CloudTrail's record, which names the caller.
fn tell(stored: &StoredFinding, note: &TriageNote, invocation: &Invocation) {
    let fields = [
        ("account", Value::from(stored.record.account.clone())),
        ("episode", Value::from(stored.record.key.episode.clone())),
        ("before", Value::from(stored.triage_state().to_owned())),
        ("state", Value::from(note.state.clone())),
        ("by", Value::from(note.by.clone())),
        ("note", Value::from(note.note.clone())),
        ("request", Value::from(invocation.request_id.clone())),
    ];
    log(Level::Info, "a finding was triaged", fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_schedule_sends_is_a_sweep() {
        let of_scheduler =
            r#"{"source":"aws.scheduler","detail-type":"Scheduled Event","detail":"{}"}"#;
        let of_rule = r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#;
        for payload in ["{}", " {} ", of_scheduler, of_rule] {
            assert_eq!(asked(payload), None, "{payload}");
        }
    }

    /// A request with a slip ran a sweep, and whoever asked took it for done.
    #[test]
    fn what_nobody_asked_for_is_no_sweep() {
        let misspelt =
            r#"{"keytrial":"triage","finding":"a-1","state":"resolved","by":"ann","note":"x"}"#;
        for payload in [
            "[]",
            "null",
            r#"{"Keytrail":1}"#,
            r#"{"source":"aws.s3"}"#,
            misspelt,
        ] {
            let refused = asked(payload).unwrap().unwrap_err();
            assert!(
                refused.contains("has no `keytrail`"),
                "{payload}: {refused}"
            );
        }
        for payload in ["", "keytrail triage"] {
            let refused = asked(payload).unwrap().unwrap_err();
            assert!(refused.contains("is no JSON"), "{payload}: {refused}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let asked_with = |change: (&str, Value)| {
            let mut payload = serde_json::json!({
                "keytrail": "triage", "finding": "a-1@2024-01-31", "state": "resolved",
                "by": "ann", "note": "a planned migration",
            });
            payload[change.0] = change.1;
            asked(&payload.to_string()).unwrap()
        };
        assert!(asked_with(("by", "bo".into())).is_ok());
        for (name, value, expected) in [
            ("keytrail", Value::from("triag"), "unknown variant `triag`"),
            ("state", Value::from("closed"), "unknown variant `closed`"),
            ("notes", Value::from("x"), "unknown field `notes`"),
            ("by", Value::from(" "), "`by` must say who"),
            ("by", Value::from("NAME"), "`by` must say who"),
            ("by", Value::from("Keytrail"), "`by` cannot be keytrail"),
            ("note", Value::from("\n"), "`note` must say why"),
            ("note", Value::from("WHY"), "`note` must say why"),
            ("note", Value::Null, "invalid type: null"),
            (
                "finding",
                "a".repeat(1_025).into(),
                "`finding` has 1025 bytes",
            ),
        ] {
            let wrong = asked_with((name, value)).unwrap_err();
            assert!(wrong.len() < 200, "{wrong}");
            assert!(wrong.contains(expected), "{wrong}");
        }
        let missing = asked(r#"{"keytrail":"triage"}"#).unwrap().unwrap_err();
        assert!(missing.contains("missing field"), "{missing}");
    }
}
