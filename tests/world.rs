//! Fifty worlds: whatever goes wrong on the way, what stands at the end is right.
#![allow(clippy::panic)]

use keytrail_tests::world::{Outcome, World};

#[test]
fn fifty_worlds_end_well() {
    let mut sum = Outcome::default();
    for seed in 1..=50 {
        match World::of(seed).run() {
            Ok(outcome) => sum.add(&outcome),
            Err(what) => panic!("{what}"),
        }
    }
    // Worlds in which nothing goes wrong would prove nothing.
    let seen = [sum.faults, sum.refolds, sum.withdrawn, sum.findings];
    assert!(
        seen.iter().all(|seen| *seen > 0) && sum.untimely > 0,
        "{sum:?}"
    );
}
