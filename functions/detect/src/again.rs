//! When what failed for a passing reason is tried again: soon within the invocation, then by the queue.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

/// Most rounds within one invocation, after the first. Together they wait for half a minute to a whole one: a throttle or
/// a break of the network passes in that time, an outage is the queue's to wait for.
pub const ROUNDS_MAX: u32 = 5;
/// With less time than this no account is begun: an invocation that is ended has all of its batch come again, also what
/// was done.
pub const TIME_TO_STEP: Duration = Duration::from_secs(20);
/// The same once the store has failed: a call that hangs takes a minute to say so.
pub const TIME_TO_FAIL: Duration = Duration::from_secs(90);
/// With less time than this nothing is waited for any more, and the queue is answered.
pub const TIME_TO_ANSWER: Duration = Duration::from_secs(5);
/// With less time than this no further round is begun.
pub const TIME_TO_RETRY: Duration = Duration::from_secs(150);
/// Seconds till a message comes again, by how often it was received; beyond, it is the last. Short while it may be a
/// moment's fault, long in an outage: a message has `maxReceiveCount` tries, and
/// what lies between the first and the last must outlast one of two hours.
const AGAIN_SECONDS: [u32; 5] = [60, 120, 300, 900, 1_800];

/// The wait before this round, the first of them 1. It doubles, and half of it is by chance, so that those whom one
/// outage stopped do not come back at once.
pub fn wait(round: u32, of: &str) -> Duration {
    let whole: u64 = 1_000 << round.clamp(1, ROUNDS_MAX);
    let half = whole / 2;
    Duration::from_millis(half + chance(of, round) % (half + 1))
}

/// Seconds till this message, received so often, comes again; up to a quarter more by chance.
pub fn seconds(receive_count: u32, of: &str) -> u32 {
    let index = (receive_count.max(1) as usize - 1).min(AGAIN_SECONDS.len() - 1);
    let seconds = AGAIN_SECONDS[index];
    let more = chance(of, receive_count) % u64::from(seconds / 4 + 1);
    // Less than the seconds themselves.
    seconds + more as u32
}

/// A number that looks like chance: the ids of messages are.
fn chance(of: &str, number: u32) -> u64 {
    let mut hasher = DefaultHasher::new();
    (of, number).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_wait_longer_and_longer_and_never_long() {
        for message in ["m-1", "m-2", "m-3"] {
            let waits: Vec<u64> = (1..=ROUNDS_MAX)
                .map(|round| wait(round, message).as_millis() as u64)
                .collect();
            for (wait, whole) in waits.iter().zip([2_000, 4_000, 8_000, 16_000, 32_000]) {
                assert!((whole / 2..=whole).contains(wait), "{waits:?}");
            }
        }
        assert_ne!(wait(5, "m-1"), wait(5, "m-2"));
    }

    #[test]
    fn messages_come_again_soon_at_first_and_outlast_an_outage() {
        for (receive_count, least) in [(0, 60), (1, 60), (2, 120), (4, 900), (5, 1_800), (9, 1_800)]
        {
            let seconds = seconds(receive_count, "m-1");
            assert!((least..=least + least / 4).contains(&seconds), "{seconds}");
        }
        // The queue gives nine tries, and nobody waits after the last.
        let least = |message: &str| (1..9).map(|count| seconds(count, message)).sum::<u32>();
        assert!(
            ["m-1", "m-2", "m-3"]
                .into_iter()
                .all(|message| least(message) > 2 * 3_600)
        );
    }
}
