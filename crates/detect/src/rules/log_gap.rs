//! `log-gap`: CloudTrail's own digests say that log files are missing, changed or out of order.
//!
//! No record fires this rule: digests are verified apart from reading records, and what that comes
//! to is handed to [`findings`].

use std::collections::BTreeMap;

use keytrail_event::EventTime;
use keytrail_event::time::DAY_SECONDS;
use serde::{Deserialize, Serialize};

use super::support::{argument, cut};
use super::{About, OnRepeat, Rule, Side};
use crate::bounds::RULE_QUIET_DAYS;
use crate::episode::Candidate;
use crate::finding::{Evidence, Finding, FindingState, Severity};

/// The rule.
pub struct LogGap;

/// What the rule is.
pub const ABOUT: About = About {
    id: "log-gap",
    title: "Log files are missing or were changed after delivery",
    severities: &[Severity::High],
    attack: &[("TA0005", "T1562.008", "T1685.002")],
    practice: "an audit trail for compliance",
    side: Side::Owner,
    fires_when: "CloudTrail's digest files show a gap: a digest of the chain is missing, its signature or hash does not match, hours have no digest, log files go on for hours after the last one, a log file that a digest names is missing, or a log file's content is not what its digest says.",
    reads: &[
        "digestS3Object",
        "digestStartTime",
        "digestEndTime",
        "previousDigestS3Object",
        "previousDigestHashValue",
        "previousDigestSignature",
        "logFiles[].s3Object",
        "logFiles[].hashValue",
    ],
};

impl Rule for LogGap {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn is_raised_by_records(&self) -> bool {
        false
    }
}

/// Something that the digests of an account and Region show to be wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// What is wrong.
    pub kind: GapKind,
    /// The first moment that it leaves in doubt.
    pub from: EventTime,
    /// The last moment that it leaves in doubt.
    pub until: EventTime,
    /// The digest or log file it is about, as `bucket/key` or path.
    pub file: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// A digest that the next one names is not there.
    DigestMissing,
    /// A digest's signature, or its hash in the next digest, does not match.
    DigestChanged,
    /// A digest does not follow the one before it: no digest covers the time between, or none leads to it. Or log files go
    /// on for hours after the last one.
    ChainBroken,
    /// A digest is signed by a key that is none of CloudTrail's.
    KeyUnknown,
    /// A log file that a digest names is not there.
    FileMissing,
    /// A log file's content has another hash than its digest says.
    FileChanged,
}

impl GapKind {
    /// The kind as a finding's class.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DigestMissing => "digest-missing",
            Self::DigestChanged => "digest-changed",
            Self::ChainBroken => "chain-broken",
            Self::KeyUnknown => "key-unknown",
            Self::FileMissing => "file-missing",
            Self::FileChanged => "file-changed",
        }
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::DigestMissing => (
                "Digest files are missing",
                "The chain of digests is broken: log files of this span cannot be verified",
            ),
            Self::DigestChanged => (
                "Digest files do not match the chain",
                "The digest's signature or hash does not match: what it says of this span proves nothing",
            ),
            Self::ChainBroken => (
                "Hours have no digest",
                "The chain of digests has a hole: nothing tells which log files this span had",
            ),
            Self::KeyUnknown => (
                "Digests are signed by an unknown key",
                "The key that signed is none of the public keys that were given: what the digest says of this span proves nothing",
            ),
            Self::FileMissing => (
                "Log files are missing",
                "A log file that CloudTrail delivered is not there: its records are in no count and no finding",
            ),
            Self::FileChanged => (
                "Log files were changed after delivery",
                "A log file's content is not what CloudTrail delivered: its records may be forged, and others may be gone",
            ),
        }
    }
}

/// The findings that these gaps are: one for each account, Region and kind, and a new episode after
/// seven quiet days. The order of the gaps does not matter.
#[must_use]
pub fn findings(gaps: &[Gap]) -> Vec<Finding> {
    let mut sorted: Vec<&Gap> = gaps.iter().collect();
    // By account, Region, kind and time.
    sorted.sort();
    sorted.dedup();
    let mut episodes: BTreeMap<String, Finding> = BTreeMap::new();
    let mut latest: Option<Finding> = None;
    for gap in sorted {
        let candidate = candidate(gap);
        let id = candidate.id();
        let known = latest.filter(|known| known.id == id);
        // A gap undoes nothing, so that it always comes to a finding.
        let Some(finding) = candidate.settle(known.as_ref()) else {
            latest = known;
            continue;
        };
        episodes.insert(finding.episode.clone(), finding.clone());
        latest = Some(finding);
    }
    episodes.into_values().collect()
}

fn candidate(gap: &Gap) -> Candidate {
    let (title, meaning) = gap.kind.words();
    let region = cut(&gap.region);
    let evidence = [
        Evidence::new("file", format!("{meaning}. The first: {}", cut(&gap.file)))
            .observed(cut(&gap.file)),
        Evidence::new("span", format!("In doubt: {} to {}", gap.from, gap.until))
            .observed(format!("{}/{}", gap.from, gap.until)),
    ];
    let next_steps = [
        format!(
            "Verify with AWS's own tool: aws cloudtrail validate-logs --trail-arn <trail> --start-time {} --end-time {} --region {}",
            gap.from,
            gap.until,
            argument(region, "region")
        ),
        "See who deleted or wrote objects of the trail's bucket: its S3 data events, its versions and its access log.".to_owned(),
        "Look up the span in another trail or in CloudTrail's event history, which keeps 90 days: aws cloudtrail lookup-events".to_owned(),
    ];
    Candidate {
        rule: ABOUT.id,
        class: format!("{} {region}", gap.kind.as_str()),
        title: format!("{title} in {region}"),
        severity: Severity::High,
        score: Severity::High.score(),
        confidence: 1.0,
        account: gap.account.clone(),
        region: Some(gap.region.clone()),
        principal: None,
        key: None,
        first_seen: gap.from,
        last_seen: gap.until,
        count: 1,
        new: 1,
        event_ids: Vec::new(),
        evidence: evidence.into(),
        attack: ABOUT.techniques(),
        practice: ABOUT.practice,
        next_steps: next_steps.into(),
        further_keys: Vec::new(),
        on_repeat: OnRepeat::Adds,
        state: FindingState::Final,
        quiet_seconds: RULE_QUIET_DAYS * DAY_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(day: u8, region: &str, kind: GapKind) -> Gap {
        let at = |hour| EventTime::parse(&format!("2024-03-{day:02}T{hour:02}:00:00Z")).unwrap();
        Gap {
            account: "111122223333".to_owned(),
            region: region.to_owned(),
            kind,
            from: at(9),
            until: at(10),
            file: format!(
                "trail-bucket/AWSLogs/111122223333/CloudTrail/{region}/2024/03/{day:02}/x.json.gz"
            ),
        }
    }

    #[test]
    fn gaps_of_a_kind_are_one_finding_until_seven_days_are_quiet() {
        let mut gaps = vec![
            gap(1, "us-west-2", GapKind::FileMissing),
            gap(2, "us-west-2", GapKind::FileMissing),
            gap(2, "us-west-2", GapKind::FileMissing),
            gap(20, "us-west-2", GapKind::FileMissing),
            gap(2, "us-west-2", GapKind::FileChanged),
            gap(2, "eu-west-1", GapKind::FileMissing),
        ];
        let found = findings(&gaps);
        let mut counts: Vec<_> = found
            .iter()
            .map(|finding| {
                (
                    finding.title.as_str(),
                    finding.first_seen.day().to_string(),
                    finding.count,
                )
            })
            .collect();
        counts.sort_unstable();
        let day = |day: &str| format!("2024-03-{day}");
        assert_eq!(
            counts,
            [
                ("Log files are missing in eu-west-1", day("02"), 1),
                ("Log files are missing in us-west-2", day("01"), 2),
                ("Log files are missing in us-west-2", day("20"), 1),
                (
                    "Log files were changed after delivery in us-west-2",
                    day("02"),
                    1
                ),
            ]
        );
        gaps.reverse();
        assert_eq!(findings(&gaps), found);
    }

    #[test]
    fn what_is_said_of_a_gap() {
        for kind in [
            GapKind::DigestMissing,
            GapKind::DigestChanged,
            GapKind::ChainBroken,
            GapKind::KeyUnknown,
            GapKind::FileMissing,
            GapKind::FileChanged,
        ] {
            let mut gap = gap(1, "us-west-2", kind);
            gap.file = format!("{}\n", "x".repeat(9_000));
            let finding = &findings(&[gap])[0];
            assert_eq!(finding.severity, Severity::High);
            assert_eq!(finding.score, Severity::High.score());
            assert_eq!(finding.state, FindingState::Final);
            assert!(
                finding
                    .evidence
                    .iter()
                    .all(|evidence| evidence.text.len() < 1_000)
            );
            assert!(
                finding
                    .attack
                    .iter()
                    .any(|attack| attack.technique == "T1685.002" && attack.tactic == "TA0112")
            );
        }
    }
}
