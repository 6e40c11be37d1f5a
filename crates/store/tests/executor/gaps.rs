//! Gaps that digests show: what is noted of them, and the findings that they are.

use keytrail_detect::configuration::Configuration;
use keytrail_detect::finding::Finding;
use keytrail_detect::rules::log_gap::{self, Gap, GapKind};
use keytrail_store::executor::Executor;
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, SqliteOptions, SqliteStore, Store};
use pollster::block_on;

use super::world::{ACCOUNT, moment, normal_life};
use super::{finish, standing, stream};

/// A log file that is not there, under a name of so many words, which do not compress.
fn missing(number: i64, words: i64) -> Gap {
    let noise = |part: i64| {
        let word = (number * 64 + part + 1).wrapping_mul(0x1e37_79b9_7f4a_7c15);
        format!("{word:016x}")
    };
    Gap {
        account: ACCOUNT.to_owned(),
        region: format!("eu-west-{}", number % 3),
        kind: GapKind::FileMissing,
        from: moment(number * 300),
        until: moment(number * 300 + 299),
        file: (0..words).map(noise).collect(),
    }
}

/// A gap that digests showed stands whatever is judged, until a file is found to be whole again.
#[test]
fn a_gap_stands_until_it_is_mended() {
    let gap = Gap {
        account: ACCOUNT.to_owned(),
        region: "eu-west-1".to_owned(),
        kind: GapKind::FileMissing,
        from: moment(3 * 86_400),
        until: moment(3 * 86_400 + 600),
        file: "logs/file.json.gz".to_owned(),
    };
    let configuration = Configuration::default();
    let store = MemoryStore::default();
    let files = normal_life(3);
    let note = |gaps: &[Gap], is_mended: bool| {
        let executor = Executor::new(&store, &configuration);
        block_on(executor.note_gaps(ACCOUNT, gaps, |_| is_mended)).unwrap()
    };
    let gaps = || {
        let standing = block_on(standing(&store, &configuration));
        standing
            .into_iter()
            .filter(|finding| finding.rule == "log-gap")
            .collect::<Vec<_>>()
    };
    block_on(stream(&store, &configuration, &files[..8]));
    assert_eq!(note(std::slice::from_ref(&gap), false), 0);
    block_on(stream(&store, &configuration, &files));
    assert_eq!(gaps(), log_gap::findings(std::slice::from_ref(&gap)));
    // Verified again, nothing is new.
    note(&[gap], false);
    block_on(finish(&store, &configuration, &files)).unwrap();
    assert_eq!(gaps().len(), 1);
    note(&[], true);
    block_on(finish(&store, &configuration, &files)).unwrap();
    assert_eq!(gaps(), []);
}

/// Whoever deletes a day of log files stopped what goes on from a state: the note of them outgrew its bound. Findings are
/// those of a replay that keeps nothing.
#[test]
fn many_gaps_are_the_findings_they_are_without_a_state() {
    let gaps: Vec<Gap> = (0..10_000).map(|number| missing(number, 12)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let sqlite = SqliteStore::open(&path, &SqliteOptions::default()).unwrap();
    block_on(async {
        assert_findings_of(&MemoryStore::default(), &gaps).await;
        assert_findings_of(&sqlite, &gaps).await;
    });
}

async fn assert_findings_of<S: Store>(store: &S, gaps: &[Gap]) {
    let configuration = Configuration::default();
    let executor = Executor::new(store, &configuration);
    let noting = executor.note_gaps(ACCOUNT, gaps, |_| false);
    assert_eq!(noting.await.unwrap(), 0);
    finish(store, &configuration, &normal_life(2))
        .await
        .unwrap();
    assert_eq!(of_gaps(store).await, log_gap::findings(gaps));
}

async fn of_gaps<S: Store>(store: &S) -> Vec<Finding> {
    let mut standing = standing(store, &Configuration::default()).await;
    standing.retain(|finding| finding.rule == "log-gap");
    standing
}

/// Stopped anywhere, what is noted is what was noted before or what came, in a store without transactions too.
#[test]
fn gaps_are_noted_whole_or_not_at_all() {
    let all: Vec<Gap> = (0..450).map(|number| missing(number, 64)).collect();
    let configuration = Configuration::default();
    let [first, second] = [&all[..300], &all[150..]];
    block_on(async {
        let store = Faulty::new(MemoryStore::default(), Commits::InOrder, None);
        let executor = Executor::new(&store, &configuration);
        executor.note_gaps(ACCOUNT, first, |_| true).await.unwrap();
        for call in 1.. {
            for (before, after) in [(first, second), (second, first)] {
                store.arm(Some(Fault {
                    call,
                    moment: Moment::After,
                    ending: Ending::Error,
                }));
                let noting = executor.note_gaps(ACCOUNT, after, |gap| !after.contains(gap));
                let is_done = noting.await.is_ok();
                store.arm(None);
                executor.tick(ACCOUNT, moment(0)).await.unwrap();
                let found = of_gaps(&store).await;
                let stands = found == log_gap::findings(before);
                assert!(
                    !is_done && stands || found == log_gap::findings(after),
                    "{call}"
                );
                let noting = executor.note_gaps(ACCOUNT, after, |gap| !after.contains(gap));
                noting.await.unwrap();
                if is_done {
                    return;
                }
            }
        }
    });
}
