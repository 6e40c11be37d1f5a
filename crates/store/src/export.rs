//! What a store holds as JSON Lines, for other programs: all but the bytes of tallies and bases.

use std::io;

use keytrail_event::{Day, EventTime};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::bounds::PAGE_ENTRIES_MAX;
use crate::{FindingKey, Pointer, Quarantined, Store, StoreError, StoredFinding, TriageNote};

/// How many lines of each kind were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// Accounts.
    pub accounts: u64,
    /// Days with a tally.
    pub days: u64,
    /// Episodes of findings.
    pub findings: u64,
    /// What is in quarantine.
    pub quarantined: u64,
}

/// Why an export stopped.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store did not give what it holds.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output took no more.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

/// Hands every line to `write`, which spells it as JSON: each account with its days and findings, then quarantine. The
/// field `kind` says what a line is. What other writers change meanwhile may be in it or not.
///
/// The texts are those of records, which callers wrote: what acts on a terminal is the writer's to spell out.
pub async fn export(
    store: &impl Store,
    write: &mut impl FnMut(&ExportLine<'_>) -> io::Result<()>,
) -> Result<Exported, ExportError> {
    let mut exported = Exported::default();
    for account in store.accounts().await? {
        let pointer = store.pointer(&account).await?;
        write(&ExportLine(Line::account(&account, pointer.as_ref())))?;
        exported.accounts += 1;
        for day in store.days(&account).await? {
            let is_closed = pointer.is_some_and(|pointer| day <= pointer.day);
            let state = if is_closed { "closed" } else { "open" };
            let account = &account;
            let line = Line::Day {
                account,
                day,
                state,
            };
            write(&ExportLine(line))?;
            exported.days += 1;
        }
        exported.findings += export_findings(store, &account, write).await?;
    }
    let mut after: Option<String> = None;
    loop {
        let page = store
            .quarantined(after.as_deref(), PAGE_ENTRIES_MAX)
            .await?;
        let Some(last) = page.last() else {
            return Ok(exported);
        };
        after = Some(last.name.clone());
        for record in &page {
            write(&ExportLine(Line::quarantined(record)))?;
            exported.quarantined += 1;
        }
    }
}

async fn export_findings(
    store: &impl Store,
    account: &str,
    write: &mut impl FnMut(&ExportLine<'_>) -> io::Result<()>,
) -> Result<u64, ExportError> {
    let mut findings = 0;
    let mut after: Option<FindingKey> = None;
    loop {
        let page = store
            .findings(account, after.as_ref(), PAGE_ENTRIES_MAX)
            .await?;
        let Some(last) = page.last() else {
            return Ok(findings);
        };
        after = Some(last.record.key.clone());
        for stored in &page {
            write_finding(write, stored)?;
            findings += 1;
        }
    }
}

fn write_finding(
    write: &mut impl FnMut(&ExportLine<'_>) -> io::Result<()>,
    stored: &StoredFinding,
) -> Result<(), ExportError> {
    // JSON has line ends between its tokens only, where a space says the same.
    let json = stored.record.json.replace(['\n', '\r'], " ");
    let finding: &RawValue = serde_json::from_str(&json).map_err(|error| StoreError::Damaged {
        what: stored.record.key.to_string(),
        detail: format!("its JSON cannot be read ({error})"),
    })?;
    let line = Line::Finding {
        sent_revision: stored.sent_revision,
        sent_at: stored.sent_at,
        triage: stored.triage_state(),
        notes: stored.triage.iter().map(Note::new).collect(),
        finding,
    };
    Ok(write(&ExportLine(line))?)
}

/// A line of the export, to be written as JSON.
#[derive(Serialize)]
#[serde(transparent)]
pub struct ExportLine<'s>(Line<'s>);

/// A line of the export. Field names are stable.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'s> {
    Account {
        account: &'s str,
        generation: Option<u64>,
        closed_through: Option<Day>,
        maths_version: Option<u32>,
        configuration_hash: Option<String>,
        enrichment_hash: Option<String>,
    },
    Day {
        account: &'s str,
        day: Day,
        state: &'s str,
    },
    Finding {
        sent_revision: u32,
        sent_at: Option<EventTime>,
        triage: &'s str,
        notes: Vec<Note<'s>>,
        finding: &'s RawValue,
    },
    Quarantined {
        name: &'s str,
        account: Option<&'s str>,
        reason: &'s str,
        tries: u32,
        first_at: EventTime,
        last_at: EventTime,
    },
}

#[derive(Serialize)]
struct Note<'s> {
    number: u32,
    state: &'s str,
    at: EventTime,
    by: &'s str,
    note: &'s str,
}

impl<'s> Note<'s> {
    fn new((number, note): &'s (u32, TriageNote)) -> Self {
        Self {
            number: *number,
            state: &note.state,
            at: note.at,
            by: &note.by,
            note: &note.note,
        }
    }
}

impl<'s> Line<'s> {
    fn account(account: &'s str, pointer: Option<&Pointer>) -> Self {
        let hash = |hash: u64| format!("{hash:016x}");
        Self::Account {
            account,
            generation: pointer.map(|pointer| pointer.generation),
            closed_through: pointer.map(|pointer| pointer.day),
            maths_version: pointer.map(|pointer| pointer.maths_version),
            configuration_hash: pointer.map(|pointer| hash(pointer.configuration_hash)),
            enrichment_hash: pointer.map(|pointer| hash(pointer.enrichment_hash)),
        }
    }

    fn quarantined(record: &'s Quarantined) -> Self {
        Self::Quarantined {
            name: &record.name,
            account: record.account.as_deref(),
            reason: &record.reason,
            tries: record.tries,
            first_at: record.first_at,
            last_at: record.last_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;
    use crate::conformance::samples::{ACCOUNT, day, finding, note, pointer, time};

    async fn filled() -> Result<MemoryStore, StoreError> {
        let store = MemoryStore::default();
        for days in [0, 1] {
            store
                .write_tally(ACCOUNT, day(days), b"tally", None)
                .await?;
        }
        store.flip(ACCOUNT, None, &pointer(1, 0)).await?;
        store.write_document("\"\u{1b}[31m", "clock", b"1").await?;
        let mut pretty = finding("a", 2);
        pretty.json = "{\n  \"title\": \"two\\nlines\"\r\n}".to_owned();
        store.record_findings(&[pretty.clone()]).await?;
        store.mark_sent(&pretty.key, 1, time(5), None).await?;
        store.triage(&pretty.key, &note("acknowledged", 6)).await?;
        let record = Quarantined {
            name: "s3://trail/object".to_owned(),
            account: None,
            reason: "unexpected end".to_owned(),
            tries: 3,
            first_at: time(0),
            last_at: time(60),
        };
        store.quarantine(&record).await?;
        Ok(store)
    }

    fn write_to(out: &mut Vec<u8>) -> impl FnMut(&ExportLine<'_>) -> io::Result<()> {
        |line| {
            serde_json::to_writer(&mut *out, line)?;
            out.push(b'\n');
            Ok(())
        }
    }

    #[test]
    fn the_export_is_one_object_a_line() {
        let mut out = Vec::new();
        let exported =
            pollster::block_on(async { export(&filled().await?, &mut write_to(&mut out)).await });
        let expected = Exported {
            accounts: 2,
            days: 2,
            findings: 1,
            quarantined: 1,
        };
        assert_eq!(exported.unwrap(), expected);
        let text = String::from_utf8(out).unwrap();
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_finding_that_is_no_json_stops_the_export() {
        let store = MemoryStore::default();
        let mut broken = finding("a", 1);
        broken.json = "{\"title\":".to_owned();
        let exported = pollster::block_on(async {
            store.record_findings(&[broken]).await?;
            export(&store, &mut write_to(&mut Vec::new())).await
        });
        let error = exported.unwrap_err();
        assert!(
            error.to_string().contains("its JSON cannot be read"),
            "{error}"
        );
    }
}
