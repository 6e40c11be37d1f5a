//! How long the oldest delivery has waited.

/// What is known of the deliveries that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages that wait or are being read, about.
    pub messages: u64,
    /// The age of the oldest in seconds, as the service last measured it.
    pub oldest_seconds: Option<u64>,
}

/// The age that the clock is held back by while messages wait whose age nobody knows: an hour, as
/// long as days wait for late files.
const UNKNOWN_SECONDS: u64 = 3_600;
/// What a message may be old before the service's next measurement shows it, in seconds.
const UNSEEN_SECONDS: u64 = 300;

/// The age in seconds that the clock is held back by.
#[must_use]
pub const fn age_of(waiting: Waiting) -> u64 {
    match waiting {
        Waiting { messages: 0, .. } => 0,
        Waiting {
            oldest_seconds: Some(seconds),
            ..
        } => seconds + UNSEEN_SECONDS,
        Waiting {
            oldest_seconds: None,
            ..
        } => UNKNOWN_SECONDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_holds_the_clock() {
        let check = |messages, oldest_seconds, expected| {
            let waiting = Waiting {
                messages,
                oldest_seconds,
            };
            assert_eq!(age_of(waiting), expected);
        };
        check(0, None, 0);
        check(0, Some(900), 0);
        check(3, Some(900), 1_200);
        check(3, None, 3_600);
    }
}
