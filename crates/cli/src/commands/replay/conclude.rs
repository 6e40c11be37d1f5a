//! What a replay came to, in numbers: said at the end, and written as the file of `--stats`.

use std::io::{self, Write};

use keytrail_detect::tally::TallyCounts;
use keytrail_event::Reading;
use keytrail_report::grouped;
use keytrail_report::summary::{self, BoundMet, FindingCounts, SigmaCounts, Summary};

use super::Replayed;
use crate::output::Destination;
use crate::talk::Talk;

/// The numbers of a replay whose findings have been filtered.
pub fn summarise(replayed: &Replayed, filtered_out: u64, sigma: Option<SigmaCounts>) -> Summary {
    let (counts, distinct) = (replayed.counts, replayed.distinct);
    let mut bounds_met = summary::bounds_met(&counts, &replayed.metrics, replayed.forgotten_pairs);
    bounds_met.extend(replayed.outgrown.map(|room| BoundMet {
        bound: "memory",
        limit: room.held as u64,
        count: 1,
        meaning: "replay outgrew its memory and went on in a temporary database, with the same findings",
    }));
    let summary = Summary {
        coverage: replayed.coverage.clone(),
        distinct,
        duplicates: counts.kept - distinct,
        matched: None,
        tally: Some(counts),
        metrics: Some(replayed.metrics),
        learning_accounts: Some(replayed.learning_accounts),
        findings: Some(FindingCounts::of(replayed.findings.iter(), filtered_out)),
        sigma,
        bounds_met,
    };
    debug_assert!(
        Balance::of(&summary.coverage.reading, &counts).is_even(),
        "{summary:?}"
    );
    summary
}

/// Writes the file of `--stats`.
///
/// # Errors
/// When it cannot be written.
pub fn write_stats(summary: &Summary, mut file: Destination) -> anyhow::Result<()> {
    summary::write_json(summary, &mut file)?;
    file.finish()
}

/// Says the numbers.
pub fn say(summary: &Summary, talk: Talk) {
    talk.say_page(|page, out| {
        summary::write_summary(summary, talk.detail(), page, out)?;
        if let Some(sigma) = &summary.sigma {
            summary::write_sigma(sigma, talk.detail(), out)?;
        }
        let tally = summary.tally.unwrap_or_default();
        Balance::of(&summary.coverage.reading, &tally).write(out)
    });
}

/// What was delivered against what became of it.
struct Balance {
    delivered: u64,
    kept: u64,
    skipped: u64,
    late: u64,
    future: u64,
    malformed: u64,
}

impl Balance {
    fn of(reading: &Reading, tally: &TallyCounts) -> Self {
        Self {
            delivered: reading.records,
            kept: tally.kept,
            skipped: reading.skipped_other_services
                + reading.skipped_insights
                + reading.skipped_not_cloudtrail,
            late: tally.late,
            future: tally.future,
            malformed: reading.malformed,
        }
    }

    fn is_even(&self) -> bool {
        self.delivered == self.kept + self.skipped + self.late + self.future + self.malformed
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let verdict = if self.is_even() {
            "Every record is accounted for"
        } else {
            "The counts do not add up, which is a bug"
        };
        writeln!(
            out,
            "{verdict}: {} delivered, {} kept, {} skipped, {} late, {} future, {} malformed",
            grouped(self.delivered),
            grouped(self.kept),
            grouped(self.skipped),
            grouped(self.late),
            grouped(self.future),
            grouped(self.malformed)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(reading: Reading, tally: TallyCounts) -> String {
        let mut out = Vec::new();
        Balance::of(&reading, &tally).write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_missing_is_said() {
        let reading = Reading {
            records: 1_010,
            kms: 7,
            skipped_other_services: 1_000,
            malformed: 3,
            ..Reading::default()
        };
        let tally = TallyCounts {
            kept: 5,
            late: 2,
            ..TallyCounts::default()
        };
        assert_eq!(
            said(reading, tally),
            "Every record is accounted for: 1,010 delivered, 5 kept, 1,000 skipped, 2 late, 0 future, 3 malformed\n"
        );
        let lost = TallyCounts { late: 1, ..tally };
        assert!(said(reading, lost).starts_with("The counts do not add up"));
    }
}
