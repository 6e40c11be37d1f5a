//! IAM policies: what one allows on every key, under no condition.
//!
//! An IAM policy has no principal: it speaks of whomever it is attached to. It is read like a key policy, and doubt is
//! settled the same way: what cannot be proven to bind does not bind.

use super::action::{ActionSet, Named, glob_matches};
use super::condition::Condition;
use super::document::{Effect, Policy, Statement, StatementName};
use super::resources::Resources;

/// How many keys stand for all: with them each hexadecimal digit in each place of a key's id.
const KEYS: u8 = 16;
/// A multi-Region key that no policy names.
const MULTI_REGION_KEY: &str = "key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// An `Allow` statement of an IAM policy that reaches every key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EveryKeyAllow {
    /// Which statement.
    pub statement: StatementName,
    /// Which of the actions that were asked for it allows.
    pub actions: ActionSet,
    /// The evidence in words.
    pub text: String,
}

/// The actions that open what keys protect: `kms:Decrypt`, `kms:ReEncrypt*` and `kms:CreateGrant`.
#[must_use]
pub fn opening_actions() -> ActionSet {
    ["kms:Decrypt", "kms:ReEncrypt*", "kms:CreateGrant"]
        .into_iter()
        .fold(ActionSet::NONE, |all, pattern| {
            all.union(ActionSet::matching(pattern))
        })
}

/// The statements of an IAM policy that allow some of these actions on every key (of an account or Region) with no
/// condition that binds. A `Deny` of the same policy takes away what it denies on every key with no condition.
#[must_use]
pub fn allows_on_every_key(policy: &Policy, wanted: ActionSet) -> Vec<EveryKeyAllow> {
    let denied = policy
        .with_effect(Effect::Deny)
        .filter(|statement| {
            statement.conditions.is_empty() && reaches_every_key(&statement.resources)
        })
        .fold(ActionSet::NONE, |all, statement| {
            all.union(statement.actions)
        });
    let open = policy
        .with_effect(Effect::Allow)
        .filter(|statement| !is_bound(statement) && reaches_keys_at_large(&statement.resources));
    open.filter_map(|statement| {
        let actions = statement.actions.intersection(wanted).minus(denied);
        let name = &statement.name;
        (!actions.is_empty()).then(|| EveryKeyAllow {
            statement: name.clone(),
            actions,
            text: format!("{name} allows {actions} on every key, under no condition that binds"),
        })
    })
    .collect()
}

fn is_bound(statement: &Statement) -> bool {
    statement.conditions.iter().any(Condition::binds)
}

/// Whether an `Allow` reaches half of all single-Region keys and more, by whatever patterns together: whoever lists
/// fifteen of sixteen digits means every key. A policy variable may stand for anything in its place.
fn reaches_keys_at_large(resources: &Resources) -> bool {
    let patterns: Vec<String> = resources.patterns.iter().map(|one| widest(one)).collect();
    let is_reached = |key: &String| {
        let is_named = patterns.iter().any(|pattern| pattern_matches(pattern, key));
        is_named == (resources.named == Named::Listed)
    };
    let reached = single_region_keys().filter(is_reached).count();
    2 * reached >= usize::from(KEYS)
}

/// Whether a `Deny` certainly reaches every key.
fn reaches_every_key(resources: &Resources) -> bool {
    let is_certain = |pattern: &&String| !pattern.contains("${");
    single_region_keys()
        .chain([MULTI_REGION_KEY.to_owned()])
        .all(|key| match resources.named {
            Named::Listed => {
                let mut certain = resources.patterns.iter().filter(is_certain);
                certain.any(|pattern| pattern_matches(pattern, &key))
            }
            Named::AllBut => {
                let mut patterns = resources.patterns.iter();
                !patterns.any(|pattern| pattern_matches(&widest(pattern), &key))
            }
        })
}

/// Keys that no policy names, their ids random UUIDs (RFC 9562, version 4), as those of KMS are.
fn single_region_keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|number| {
        let digit = |place: u8| match place {
            12 => 4,
            16 => 8 + number % 4,
            _ => (number + place) % 16,
        };
        let mut key = "key/".to_owned();
        for place in 0..32 {
            if matches!(place, 8 | 12 | 16 | 20) {
                key.push('-');
            }
            key.push(char::from(b"0123456789abcdef"[usize::from(digit(place))]));
        }
        key
    })
}

/// The pattern with `*` for each policy variable.
fn widest(pattern: &str) -> String {
    let mut pieces = pattern.split("${");
    let mut wide = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        wide.push('*');
        wide.push_str(piece.split_once('}').map_or("", |(_, rest)| rest));
    }
    wide
}

/// Whether a resource pattern matches this key in some account and Region: its own, where it names one.
fn pattern_matches(pattern: &str, key: &str) -> bool {
    let fields: Vec<&str> = pattern.splitn(6, ':').collect();
    let or_any = |index: usize, any: &'static str| match fields.get(index) {
        Some(field) if fields.len() == 6 && !field.is_empty() && !field.contains(['*', '?']) => {
            (*field).to_owned()
        }
        _ => any.to_owned(),
    };
    let (partition, region, account) = (
        or_any(1, "aws"),
        or_any(3, "us-east-1"),
        or_any(4, "000000000000"),
    );
    glob_matches(
        pattern,
        &format!("arn:{partition}:kms:{region}:{account}:{key}"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn found(statements: &str) -> Vec<String> {
        let policy = Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap();
        let all = allows_on_every_key(&policy, opening_actions());
        all.iter().map(|one| one.actions.to_string()).collect()
    }

    fn by_first_digit(digits: &str) -> String {
        let patterns = digits
            .chars()
            .map(|digit| format!(r#""arn:aws:kms:*:*:key/{digit}*""#));
        format!("[{}]", patterns.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn resources_that_mean_every_key() {
        for (resource, every) in [
            (r#""*""#, true),
            (r#"["arn:aws:s3:::b", "*"]"#, true),
            (r#""arn:aws:kms:*:*:key/*""#, true),
            (r#""arn:aws:kms:eu-west-1:111111111111:key/*""#, true),
            (r#""arn:aws:kms:*:111111111111:*""#, true),
            (r#""arn:aws-cn:kms:*:*:key/*""#, true),
            (r#""arn:aws:kms:*""#, true),
            (r#""arn:*""#, true),
            (
                r#""arn:aws:kms:${aws:RequestedRegion}:111111111111:key/*""#,
                true,
            ),
            (r#""arn:aws:kms:*:*:key/mrk-*""#, false),
            (r#""arn:aws:kms:*:*:key/*-*-*""#, true),
            (r#""arn:aws:kms:*:*:key/????????-*""#, true),
            (r#""arn:aws:kms:*:*:key/????????-????-4*""#, true),
            (
                r#"["arn:aws:kms:*:*:key/????????-*", "arn:aws:kms:*:*:key/mrk-*"]"#,
                true,
            ),
            (&by_first_digit("0123456789abcdef"), true),
            (&by_first_digit("123456789abcdef"), true),
            (&by_first_digit("01"), false),
            (r#""arn:aws:s3:::home/${aws:username}/*""#, false),
            (r#""arn:aws:kms:*:*:key/${aws:PrincipalTag/key}""#, true),
            (r#""arn:aws:kms:*:*:alias/*""#, false),
            (
                r#""arn:aws:kms:*:*:key/1234abcd-12ab-34cd-56ef-1234567890ab""#,
                false,
            ),
            (r#""arn:aws:s3:::*""#, false),
            ("[]", false),
        ] {
            let statement = format!(
                r#"{{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": {resource}}}"#
            );
            assert_eq!(!found(&statement).is_empty(), every, "{resource}");
        }
    }

    #[test]
    fn not_resource_leaves_all_other_keys() {
        let not = |resource: &str| {
            format!(r#"{{"Effect": "Allow", "Action": "kms:*", "NotResource": {resource}}}"#)
        };
        assert_eq!(found(&not(r#""arn:aws:kms:*:*:key/1""#)).len(), 1);
        assert!(found(&not(r#""arn:aws:kms:*:*:key/*""#)).is_empty());
        assert!(found(&not(r#""*""#)).is_empty());
    }

    #[test]
    fn what_a_deny_takes_away() {
        let allow = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        let deny =
            r#"{"Effect": "Deny", "Action": ["kms:Decrypt", "kms:ReEncrypt*"], "Resource": "*"}"#;
        let bound = r#"{"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}"#;
        assert_eq!(found(&format!("{allow}, {deny}")), ["kms:CreateGrant"]);
        assert_eq!(found(&format!("{allow}, {bound}")).len(), 1);
        // A Deny must reach every key for certain.
        for resource in ["key/????????-*", "key/${aws:PrincipalTag/key}"] {
            let some = deny.replace("\"*\"", &format!("\"arn:aws:kms:*:*:{resource}\""));
            assert_eq!(found(&format!("{allow}, {some}")).len(), 1, "{resource}");
            assert_ne!(found(&format!("{allow}, {some}")), ["kms:CreateGrant"]);
        }
        assert!(
            found(&format!(
                "{allow}, {deny}, {}",
                deny.replace("kms:Decrypt", "kms:CreateGrant")
            ))
            .is_empty()
        );
    }

    #[test]
    fn a_condition_that_every_call_meets_does_not_hide_a_policy_on_every_key() {
        let check = |condition: &str, bound: bool| {
            let statement = format!(
                r#"{{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Condition": {condition}}}"#
            );
            assert_eq!(found(&statement).is_empty(), bound, "{condition}");
        };
        check("{}", false);
        check(r#"{"Bool": {"aws:SecureTransport": "true"}}"#, false);
        check(r#"{"StringLike": {"kms:ViaService": "*"}}"#, false);
        check(
            r#"{"StringLike": {"kms:ViaService": ["s3.*", "*"]}}"#,
            false,
        );
        check(
            r#"{"StringNotEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
            false,
        );
        check(
            r#"{"StringEqualsIfExists": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
            false,
        );
        check(
            r#"{"ForAllValues:StringEquals": {"kms:ResourceAliases": "alias/app"}}"#,
            false,
        );
        check(r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, false);
        check(
            r#"{"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}"#,
            false,
        );
        check(r#"{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#, true);
        check(
            r#"{"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}"#,
            false,
        );
        check(
            r#"{"StringEquals": {"kms:CallerAccount": "111111111111"}}"#,
            false,
        );
        check(
            r#"{"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}"#,
            false,
        );
        check(r#"{"Bool": {"aws:ViaAWSService": "false"}}"#, false);
        check(r#"{"Bool": {"kms:GrantIsForAWSResource": "true"}}"#, true);
        check(r#"{"Bool": {"aws:MultiFactorAuthPresent": true}}"#, true);
        check(r#"{"Null": {"kms:ViaService": "true"}}"#, false);
        check(r#"{"Null": {"kms:ViaService": "false"}}"#, true);
        check(
            r#"{"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}"#,
            true,
        );
        check(
            r#"{"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/app"}}"#,
            true,
        );
        check(
            r#"{"StringEquals": {"aws:ResourceTag/team": "a"}, "Bool": {"aws:SecureTransport": "true"}}"#,
            true,
        );
    }
}
