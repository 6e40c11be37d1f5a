//! Gaps of log files, as the executor notes them: as many as it keeps have room in every store.

use keytrail_detect::configuration::Configuration;
use keytrail_detect::rules::log_gap::{self, Gap, GapKind};

use super::samples::{ACCOUNT, time};
use crate::Store;
use crate::bounds::GAPS_MAX;
use crate::executor::Executor;

/// A log file that somebody deleted, as digests name it.
fn missing(number: usize) -> Gap {
    let from = time(number as i64 * 300);
    Gap {
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        kind: GapKind::FileMissing,
        from,
        until: from.plus_seconds(299),
        file: format!(
            "logs/AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2025/03/01/{ACCOUNT}_CloudTrail_eu-west-1_20250301T0005Z_{:016x}.json.gz",
            (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ),
    }
}

/// Gaps of a few files and of as many as are kept come back as findings, whole; one more is told to be too many, and
/// what is mended goes.
pub async fn deleted_files_stand_as_gaps(store: &impl Store) {
    let configuration = Configuration::default();
    let executor = Executor::new(store, &configuration);
    let all: Vec<Gap> = (0..=GAPS_MAX).map(missing).collect();
    // From the note to one place beside it, to the other, and back into the note.
    for (number, mended) in [(3, 0), (300, 0), (GAPS_MAX, 0), (GAPS_MAX, GAPS_MAX - 5)] {
        let gaps = &all[mended..number];
        let is_mended = |gap: &Gap| !gaps.contains(gap);
        let surplus = executor.note_gaps(ACCOUNT, gaps, is_mended).await;
        assert_eq!(surplus.unwrap(), 0);
        assert_standing(&executor, gaps).await;
    }
    let none = |_: &Gap| false;
    let surplus = executor.note_gaps(ACCOUNT, &all, none).await.unwrap();
    assert_eq!(surplus, 1);
    assert_standing(&executor, &all[..GAPS_MAX]).await;
}

async fn assert_standing<S: Store>(executor: &Executor<'_, S>, gaps: &[Gap]) {
    executor.tick(ACCOUNT, time(0)).await.unwrap();
    let findings = executor.findings(ACCOUNT).await.unwrap().into_values();
    let standing: Vec<_> = findings
        .filter(|finding| finding.state.is_alerting())
        .collect();
    let counts = |findings: &[keytrail_detect::finding::Finding]| {
        let told = findings
            .iter()
            .map(|it| (it.episode.clone(), it.count, it.last_seen));
        told.collect::<Vec<_>>()
    };
    assert_eq!(counts(&standing), counts(&log_gap::findings(gaps)));
}
