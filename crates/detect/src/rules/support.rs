//! What several rules need: whose copy it is, what counts as an attempt, bounded words.

use std::borrow::Cow;

use keytrail_event::key::short_key_name;
use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};
use keytrail_event::{EventTime, OutcomeFamily, Record};

use super::Light;
use super::customs::ACCOUNT_DAYS;
use crate::finding::{Evidence, LEARNING};

/// Longest text of a record that a title, evidence or step repeats, in bytes.
const WORDS_BYTES_MAX: usize = 256;
/// The step that shows what a trail's silence hides.
pub const OTHER_TRAILS: &str = "See whether another trail still records KMS: aws cloudtrail describe-trails. What happened to keys since is in that trail or nowhere.";
/// Entries of a list that evidence spells out.
const LISTED_MAX: usize = 10;

/// Whether this is the copy in the account that owns the key. A record that names no key, such as
/// a refused CreateKey, is about the account it was delivered to.
pub fn is_owners_copy(record: &Record<'_>) -> bool {
    let key = record.key.as_ref();
    record.is_kms() && key.is_none_or(|key| key.account() == record.account)
}

/// Whether the caller was refused. Throttled, mistaken and repeated calls are no attempts.
pub fn is_refused(record: &Record<'_>) -> bool {
    record.outcome.family() == OutcomeFamily::Denied
}

/// Whether the call was made, or was refused to the caller.
pub fn is_made_or_refused(record: &Record<'_>) -> bool {
    record.outcome.is_success() || is_refused(record)
}

/// Whether this is the owner's copy of a refused call of this operation.
pub fn is_refused_at_owner(record: &Record<'_>, operation: &str) -> bool {
    record.operation.name() == operation && is_refused(record) && is_owners_copy(record)
}

/// Whether this is the owner's copy of a call of this operation that was made, or refused to the caller.
pub fn is_owners_call(record: &Record<'_>, operation: &str) -> bool {
    record.operation.name() == operation && is_owners_copy(record) && is_made_or_refused(record)
}

/// Text of a record, cut to 256 bytes.
pub fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORDS_BYTES_MAX)]
}

/// Text of a record as one word of a command; `<placeholder>` where a shell could read it otherwise,
/// since callers write names and people paste commands.
pub fn argument<'t>(text: &'t str, placeholder: &'static str) -> Cow<'t, str> {
    let is_word = (1..=WORDS_BYTES_MAX).contains(&text.len())
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":/_.+=@,-".contains(&byte));
    if is_word {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("<{placeholder}>"))
    }
}

/// The canonical key of the record, its alias followed where the past tells where it points.
pub fn key_of<'l>(record: &'l Record<'_>, light: &Light<'l>) -> Option<&'l str> {
    let key = record.key.as_ref()?;
    Some(light.past.resolve(key.as_str()))
}

/// The key as a title names it.
pub fn key_in_title(key: Option<&str>) -> Cow<'_, str> {
    key.map_or(
        Cow::Borrowed("a key that the record does not name"),
        |key| short_key_name(key),
    )
}

/// The key as an argument of an `aws kms` command, with its Region.
pub fn key_argument(key: &str) -> String {
    if let Some(rest) = key.strip_prefix("alias:") {
        let mut parts = rest.splitn(3, ':');
        let (_, region, name) = (parts.next(), parts.next(), parts.next());
        let name = format!("alias/{}", name.unwrap_or_default());
        let name = argument(&name, "key").into_owned();
        return format!(
            "{name} --region {}",
            argument(region.unwrap_or_default(), "region")
        );
    }
    let region = key.split(':').nth(3).unwrap_or_default();
    format!(
        "{} --region {}",
        argument(key, "key"),
        argument(region, "region")
    )
}

/// The step that shows everything done with or to a key since some hours before.
pub fn events_of_key(key: Option<&str>, record: &Record<'_>, hours_before: i64) -> String {
    let since = record.time.plus_seconds(-hours_before * HOUR_SECONDS);
    match key {
        Some(key) => format!(
            "See who used the key and what fails: keytrail events ARCHIVE --key {} --since {since}",
            argument(key, "key")
        ),
        None => events_of_principal(record, hours_before),
    }
}

/// The commands that import a key's material again, with every argument that they ask for: the first fetches the token,
/// and the key that the material is encrypted with. `key` is its [`key_argument`].
pub fn import_commands(key: &str) -> String {
    format!(
        "aws kms get-parameters-for-import --key-id {key} --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_4096, then aws kms import-key-material --key-id {key} --import-token fileb://token --encrypted-key-material fileb://material --expiration-model KEY_MATERIAL_DOES_NOT_EXPIRE"
    )
}

/// The step that shows what the caller did since some hours before.
pub fn events_of_principal(record: &Record<'_>, hours_before: i64) -> String {
    let since = record.time.plus_seconds(-hours_before * HOUR_SECONDS);
    format!(
        "Read what the caller did before and after: keytrail events ARCHIVE --principal {} --since {since}",
        argument(record.principal(), "principal")
    )
}

/// The last successful use of a key and how many seconds before `at` it was.
pub fn last_use(key: Option<&str>, at: EventTime, light: &Light<'_>) -> Option<(EventTime, i64)> {
    let used = light.uses.last_use(key?, at, light.past)?;
    Some((used, at.seconds_since(used).max(0)))
}

/// When the key was last used, as evidence.
pub fn last_use_evidence(key: Option<&str>, at: EventTime, light: &Light<'_>) -> Option<Evidence> {
    let (used, seconds) = last_use(key, at, light)?;
    let text = format!("The key was last used {} before", duration(seconds));
    Some(Evidence::new("last_use", text).observed(used))
}

/// That a judgement was made while the account's customs were still being learnt: what is new may be habit.
pub fn learning_evidence() -> Evidence {
    Evidence::new(
        LEARNING,
        format!(
            "Made while learning: the account is known for less than {ACCOUNT_DAYS} days with records, so this may be its habit"
        ),
    )
}

/// A span in words: `45 s`, `12 min`, `5 h`, `3 days`.
pub fn duration(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / HOUR_SECONDS),
        _ => format!("{} days", seconds / DAY_SECONDS),
    }
}

/// The first entries of a list, and how many more there are.
pub fn listed<'t>(entries: impl IntoIterator<Item = &'t str>) -> String {
    let mut entries = entries.into_iter();
    let mut text = String::new();
    for entry in entries.by_ref().take(LISTED_MAX) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(cut(entry));
    }
    match entries.count() {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_go_into_commands() {
        for (text, expected) in [
            ("management-events", "management-events"),
            (
                "arn:aws:iam::111122223333:role/a+b=c,d.e@f_g",
                "arn:aws:iam::111122223333:role/a+b=c,d.e@f_g",
            ),
            ("x; rm -rf ~", "<trail>"),
            ("$(id)", "<trail>"),
            ("--force", "<trail>"),
            ("", "<trail>"),
            ("é", "<trail>"),
        ] {
            assert_eq!(argument(text, "trail"), expected);
        }
        assert_eq!(argument(&"a".repeat(257), "trail"), "<trail>");
    }

    #[test]
    fn keys_as_arguments() {
        assert_eq!(
            key_argument("alias:111122223333:us-west-2:app/main"),
            "alias/app/main --region us-west-2"
        );
        assert_eq!(
            key_argument("arn:aws:kms:us-west-2:111122223333:key/1234"),
            "arn:aws:kms:us-west-2:111122223333:key/1234 --region us-west-2"
        );
    }

    #[test]
    fn spans_in_words() {
        for (seconds, words) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn long_lists_are_cut_and_counted() {
        assert_eq!(listed(["a", "b"]), "a, b");
        assert_eq!(
            listed(std::iter::repeat_n("a", 12)),
            "a, a, a, a, a, a, a, a, a, a and 2 more"
        );
        assert_eq!(cut(&"é".repeat(200)).len(), 256);
    }
}
