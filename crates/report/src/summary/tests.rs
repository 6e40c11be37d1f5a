//! The summary of a run in which everything happened.

use keytrail_detect::plan::Metrics;
use keytrail_detect::tally::TallyCounts;
use keytrail_event::{EventTime, Issue, IssueKind, Reading};

use crate::page::{Color, Page};
use crate::samples;
use crate::summary::{
    Coverage, Detail, FindingCounts, NamedIssue, Summary, UnreadableFile, bounds_met, no_findings,
    write_json, write_summary,
};

fn replay() -> Summary {
    let tally = TallyCounts {
        kept: 332,
        late: 3,
        future: 1,
        unstamped: 12,
        notables_not_carried: 2,
    };
    let metrics = Metrics {
        estimated_cells: 4,
        ..Metrics::default()
    };
    let issue = |index| NamedIssue {
        file: format!("a/{index}.json\u{1b}[2J"),
        issue: Issue::new(IssueKind::BadTime, Some(index), "yester\u{202e}day"),
    };
    let coverage = Coverage {
        files: 1_235,
        files_unstamped: 1,
        bytes: 12_900_000,
        text_bytes: 45_000_000,
        reading: Reading {
            records: 4_384,
            kms: 280,
            other_services: 52,
            skipped_other_services: 4_021,
            malformed: 31,
            digests: 2,
            ..Reading::default()
        },
        without_event_id: 1,
        first_event: EventTime::parse("2024-01-10T00:00:01Z"),
        last_event: EventTime::parse("2024-01-31T23:54:01Z"),
        unreadable: vec![UnreadableFile {
            file: "b/cut.json.gz".to_owned(),
            reason: "the gzip data ends early".to_owned(),
        }],
        issues: (0..12).map(issue).collect(),
        issues_count: 31,
        trailing_bytes: vec!["c/tail.gz".to_owned()],
        files_with_trailing_bytes: 1,
    };
    Summary {
        coverage,
        distinct: 315,
        duplicates: 17,
        matched: None,
        tally: Some(tally),
        metrics: Some(metrics),
        learning_accounts: Some(1),
        findings: Some(FindingCounts::of(samples::findings(), 2)),
        sigma: None,
        bounds_met: bounds_met(&tally, &metrics, 0),
    }
}

fn written(summary: &Summary, detail: Detail, page: &Page) -> String {
    samples::text(|out| write_summary(summary, detail, page, out))
}

#[test]
fn a_replay() {
    insta::assert_snapshot!(written(&replay(), Detail::Normal, &Page::default()));
}

#[test]
fn a_replay_in_colour_with_every_detail() {
    let page = Page::new(Some(60), Color::Ansi);
    let text = written(&replay(), Detail::All, &page);
    insta::assert_snapshot!(text.replace('\u{1b}', "␛"));
}

#[test]
fn a_replay_as_json() {
    let mut summary = replay();
    summary.coverage.issues.truncate(1);
    insta::assert_snapshot!(samples::text(|out| write_json(&summary, out)));
}

#[test]
fn events() {
    let mut summary = replay();
    summary.coverage.unreadable.clear();
    summary.coverage.issues.clear();
    summary.coverage.issues_count = 0;
    summary.coverage.reading.malformed = 0;
    let summary = Summary {
        coverage: summary.coverage,
        distinct: 263,
        duplicates: 17,
        matched: Some(9),
        ..Summary::default()
    };
    insta::assert_snapshot!(written(&summary, Detail::Normal, &Page::default()));
}

#[test]
fn nothing_found_is_said_in_a_sentence() {
    let mut summary = Summary {
        findings: Some(FindingCounts::default()),
        ..Summary::default()
    };
    let mut sentences = vec![no_findings(&summary)];
    summary.coverage.reading.kms = 1_280;
    sentences.push(no_findings(&summary));
    summary.learning_accounts = Some(2);
    summary.coverage.reading.malformed = 1;
    sentences.push(no_findings(&summary));
    summary.findings = Some(FindingCounts::of(&[], 1));
    sentences.push(no_findings(&summary));
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    insta::assert_snapshot!(sentences.join("\n"));
    assert_eq!(no_findings(&replay()), None);
    assert_eq!(no_findings(&Summary::default()), None);
}

#[test]
fn only_bounds_that_were_hit_are_told() {
    let (mut counts, mut metrics) = (TallyCounts::default(), Metrics::default());
    assert_eq!(bounds_met(&counts, &metrics, 0), []);
    counts.notables_not_carried = 3;
    metrics.estimated_cells = 2;
    let met = bounds_met(&counts, &metrics, 1);
    let counts: Vec<_> = met.iter().map(|bound| (bound.bound, bound.count)).collect();
    assert_eq!(
        counts,
        [
            ("exact_events_max", 2),
            ("notables_max", 3),
            ("pairs_max", 1)
        ]
    );
}
