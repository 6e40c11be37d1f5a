//! Fifty worlds: whatever goes wrong on the way, what stands at the end is right.
#![allow(clippy::unwrap_used, clippy::panic)]

use keytrail_tests::world::{Outcome, World};

fn run(seeds: impl Iterator<Item = u64>) -> Outcome {
    let mut sum = Outcome::default();
    for seed in seeds {
        match World::of(seed).run() {
            Ok(outcome) => sum.add(&outcome),
            Err(what) => panic!("{what}"),
        }
    }
    sum
}

#[test]
fn fifty_worlds_end_well() {
    let odd = std::thread::spawn(|| run((1..=50).step_by(2)));
    let mut sum = run((2..=50).step_by(2));
    sum.add(&odd.join().unwrap());
    // Worlds in which nothing goes wrong would prove nothing.
    let seen = [sum.faults, sum.refolds, sum.findings];
    assert!(
        seen.iter().all(|seen| *seen > 0) && sum.untimely > 0,
        "{sum:?}"
    );
}
