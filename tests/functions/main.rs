//! Replay equals stream: the functions, driven with the payloads of their services, end where a replay of the
//! same files ends, whatever fails on the way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod archive;
mod deployment;

use keytrail_detect::bounds::CLOSE_LAG_SECONDS;
use keytrail_event::EventTime;
use keytrail_tests::world::Chance;
use keytrail_tests::{finding_lines, root};

use archive::{Archive, BUCKET};
use deployment::Deployment;

#[track_caller]
fn compare(deployment: &Deployment, expected: &[String]) {
    assert!(
        !expected.is_empty(),
        "an archive in which nothing is found would prove nothing"
    );
    let standing = finding_lines(deployment.standing()).unwrap();
    let missing = expected.iter().find(|line| !standing.contains(line));
    let surplus = standing.iter().find(|line| !expected.contains(line));
    assert!(
        missing.is_none() && surplus.is_none() && standing.len() == expected.len(),
        "the functions end with other findings than a replay.\nmissing: {missing:?}\ntoo many: {surplus:?}"
    );
}

/// The time at which everything delivered until the newest stamp is judged as a replay judges it.
fn end(archive: &Archive) -> EventTime {
    archive.newest().plus_seconds(CLOSE_LAG_SECONDS)
}

/// Streams the whole archive: files late and out of order, some twice, announced in every way there is. Returns how many
/// invocations failed in part: since detect tries again by itself, few do.
fn stream(archive: &Archive, seed: u64) -> u64 {
    let mut chance = Chance::of(seed);
    let mut deployment = Deployment::new(seed, archive.objects());
    let mut arrivals = archive.arrivals(&mut chance);
    let mut now = archive.newest();
    while !arrivals.is_empty() {
        let batch = arrivals.drain(..arrivals.len().min(1 + chance.below(10)));
        let mut bodies = Vec::new();
        for (arrival, key) in batch {
            now = arrival;
            bodies.push(archive::announced(&key, &mut chance));
        }
        deployment.ingest(&bodies, now);
        deployment.detect(now);
        if chance.percent(10) {
            deployment.sweep(now);
        }
    }
    deployment.come_to_rest(end(archive).max(now));
    let endings = &deployment.endings;
    assert!(endings.failed > 0 && endings.killed > 0, "{endings:?}");
    compare(&deployment, &archive.replayed());
    endings.in_part
}

#[test]
fn the_example_streamed_is_the_example_replayed() {
    let archive = Archive::copied(&root().join("examples/archive"), 1);
    stream(&archive, 1);
}

#[test]
fn ten_days_of_an_organisation_streamed_are_those_replayed() {
    let archive = Archive::simulated(10, 15, 2);
    assert!(stream(&archive, 2) > 0, "no invocation failed in part");
}

#[test]
fn a_backfill_of_thirty_days_and_then_live_traffic_is_live_traffic_from_the_beginning() {
    let archive = Archive::simulated(31, 1, 3);
    let mut chance = Chance::of(3);
    let mut deployment = Deployment::new(3, archive.objects());
    let mut keys = archive.keys();
    // The last day comes live.
    let day = archive.newest().day();
    let live: Vec<String> = keys
        .extract_if(.., |key| archive::stamp(key).day() == day)
        .collect();
    assert!(!live.is_empty() && !keys.is_empty());
    chance.shuffle(&mut keys);
    let now = archive.newest();
    for batch in keys.chunks(100) {
        deployment.backfill(BUCKET, batch, now);
        deployment.detect(now);
    }
    for key in &live {
        deployment.ingest(&[archive::announced(key, &mut chance)], now);
        deployment.detect(now);
    }
    deployment.come_to_rest(end(&archive));
    compare(&deployment, &archive.replayed());
}

/// Each try was counted by sweep and once more by detect: two were made of the four that were meant.
#[test]
fn a_parked_tally_is_tried_again_four_times() {
    let archive = Archive::copied(&root().join("examples/archive"), 1);
    let mut deployment = Deployment::new(1, archive.objects()).calm();
    let now = archive.newest();
    let mut chance = Chance::of(1);
    let keys = archive.keys();
    let some = keys.iter().take(10);
    let bodies: Vec<String> = some
        .map(|key| archive::announced(key, &mut chance))
        .collect();
    deployment.ingest(&bodies, now);
    deployment.damage_accounts(now);
    deployment.detect(now);
    let mut tries = vec![deployment.tries()];
    for hour in 1..=6 {
        deployment.sweep(now.plus_seconds(hour * 3_600));
        tries.push(deployment.tries());
    }
    assert_eq!(tries, [1, 2, 3, 4, 5, 5, 5]);
}
