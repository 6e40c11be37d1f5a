//! Requests to S3 that name a key of somebody else's: the mark of data held to ransom.
//!
//! An object is encrypted with the key that the request's headers name, and CloudTrail writes these
//! headers into `requestParameters`: `x-amz-server-side-encryption-aws-kms-key-id` for a KMS key,
//! `x-amz-server-side-encryption-customer-algorithm` where the caller brings a key along and keeps
//! it (Amazon S3 API Reference, PutObject). Billions of records hold neither, so what is asked here
//! is asked of bytes.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::arn::Arn;

/// What the names of both headers begin with; a record without it names no key.
const HEADER: &[u8] = b"x-amz-server-side-encryption-";
static HEADERS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(HEADER));
/// The member that says whose record it is, wherever it stands.
const RECIPIENT: &[u8] = b"\"recipientAccountId\":\"";
static RECIPIENTS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(RECIPIENT));
/// The rest of the header that names a KMS key, and the quote behind it.
const KMS_KEY: &[u8] = b"aws-kms-key-id\"";
/// The rest of the header that says how the caller's own key is used, and the quote behind it.
const CUSTOMER_KEY: &[u8] = b"customer-algorithm\"";

/// Whether this record's request names a key that is not the account's own: a KMS key by an ARN of
/// another account, or one that the caller brings along. A key id or an alias is the caller's own; an
/// ARN that cannot be read, or stands in an unknown account's record, counts as foreign: the rules
/// look closer.
#[must_use]
pub fn names_foreign_key(record: &str, recipient_account: Option<&str>) -> bool {
    names_key_but_of(record.as_bytes(), recipient_account.map(str::as_bytes))
}

fn names_key_but_of(record: &[u8], account: Option<&[u8]>) -> bool {
    HEADERS.find_iter(record).any(|at| {
        let rest = &record[at + HEADER.len()..];
        // The name begins here, and is no part of a longer text.
        let begins = at > 0 && record[at - 1] == b'"';
        let value_of = |name| {
            begins
                .then(|| value_behind(rest.strip_prefix(name)?))
                .flatten()
        };
        value_of(CUSTOMER_KEY).is_some()
            || value_of(KMS_KEY).is_some_and(|value| is_foreign(value, account))
    })
}

/// Whether these bytes of a record, in which no `\u` stands behind the names that decide, may name a
/// foreign key. Whoever reads the record says for certain; that no key is named, or that every key is
/// of the one account that the bytes know, is certain here.
#[inline(never)]
pub(crate) fn may_name_foreign_key(record: &[u8]) -> bool {
    if HEADERS.find(record).is_none() {
        return false;
    }
    let mut accounts = RECIPIENTS.find_iter(record).map(|at| {
        let account = &record[at + RECIPIENT.len()..];
        let length = memchr::memchr(b'"', account)?;
        account.get(..length)
    });
    // A caller may write the name of this member too: then all of them must agree.
    let Some(Some(account)) = accounts.next() else {
        return true;
    };
    accounts.any(|other| other != Some(account)) || names_key_but_of(record, Some(account))
}

/// What stands behind a name that ends here, if it is one: behind a text no colon stands.
fn value_behind(rest: &[u8]) -> Option<&[u8]> {
    rest.trim_ascii_start().strip_prefix(b":")
}

/// Whether a value is the ARN of another account. S3 writes values of headers plain or in an array.
fn is_foreign(value: &[u8], account: Option<&[u8]>) -> bool {
    let is_before = |byte: &u8| b" \t\r\n[".contains(byte);
    let start = value.iter().position(|byte| !is_before(byte));
    let value = value.get(start.unwrap_or(value.len())..);
    let Some(text) = value.and_then(|value| value.strip_prefix(b"\"")) else {
        return false;
    };
    let Some(length) = memchr::memchr(b'"', text) else {
        return false;
    };
    let text = &text[..length];
    if text.contains(&b'\\') {
        return true;
    }
    let arn = std::str::from_utf8(text).ok().and_then(Arn::parse);
    text.starts_with(b"arn:") && arn.is_none_or(|arn| Some(arn.account.as_bytes()) != account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &str, expected: bool) {
        let record = format!("{{\"requestParameters\":{request}}}");
        let foreign = names_foreign_key(&record, Some("111122223333"));
        assert_eq!(foreign, expected, "{request}");
    }

    #[test]
    fn keys_of_other_accounts_are_seen() {
        let named = |key: &str| {
            format!(r#"{{"x-amz-server-side-encryption-aws-kms-key-id":{key},"key":"o"}}"#)
        };
        check(
            &named(r#""arn:aws:kms:us-east-1:999999999999:key/a""#),
            true,
        );
        check(
            &named(r#" [ "arn:aws:kms:us-east-1:999999999999:key/a"]"#),
            true,
        );
        check(&named(r#""arn:nonsense""#), true);
        check(&named(r#""\u0061rn""#), true);
        check(
            &named(r#""arn:aws:kms:us-east-1:111122223333:key/a""#),
            false,
        );
        check(&named(r#""alias/mine""#), false);
        check(&named("null"), false);
        check(
            r#"{"x-amz-server-side-encryption-customer-algorithm":"AES256"}"#,
            true,
        );
        check(r#"{"x-amz-server-side-encryption":"aws:kms"}"#, false);
        // What a caller writes into the name of an object is no header.
        check(
            r#"{"key":"x-amz-server-side-encryption-customer-algorithm"}"#,
            false,
        );
        check(
            r#"{"key":"/x-amz-server-side-encryption-aws-kms-key-id"}"#,
            false,
        );
    }

    #[test]
    fn whoever_writes_the_account_a_second_time_is_looked_at() {
        let key = r#""x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:999999999999:key/a""#;
        let own = key.replace("999999999999", "111122223333");
        let recipient = r#""recipientAccountId":"111122223333""#;
        let other = r#""recipientAccountId":"999999999999""#;
        for (members, expected) in [
            (vec![key, recipient], true),
            (vec![&own, recipient], false),
            (vec![key, other, recipient], true),
            (vec![recipient, key, other], true),
            (vec![&own], true),
            (vec![recipient], false),
            (vec![], false),
        ] {
            let record = format!("{{{}}}", members.join(","));
            assert_eq!(
                may_name_foreign_key(record.as_bytes()),
                expected,
                "{record}"
            );
        }
    }

    #[test]
    fn without_an_account_every_arn_is_foreign() {
        let record = r#"{"x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/a"}"#;
        assert!(names_foreign_key(record, None));
    }
}
