//! What one policy says otherwise than another, told by what it does.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::action::ActionSet;
use super::digest::{Digest, EVERYONE_BUT, Line, Restriction, is_same_short};
use super::document::{Effect, shown};

/// How a sentence tells of a statement that speaks of no key.
const NO_RESOURCE: &str = "without a Resource, which has no effect";
/// How a digest writes everyone.
const EVERYONE: &str = "*";
/// How a digest begins a service.
const SERVICE: &str = "service ";

/// What kind of a change it is; those that weaken a policy come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A `Deny` is gone, or denies less.
    DenyRemoved,
    /// A `Deny` has a condition that it had not, or a narrower one.
    DenyNarrowed,
    /// A condition of an `Allow` is gone or wider.
    ConditionDropped,
    /// A known principal may do more.
    ActionWidened,
    /// Everyone is let in, on whatever condition, where no statement spoke of everyone.
    EveryoneAdded,
    /// A principal is let in.
    PrincipalAdded,
    /// The part that did not fit the digest is different.
    BeyondDigest,
    /// A `Deny` is new, or denies more.
    DenyAdded,
    /// An `Allow` has a condition that it had not, or a narrower one.
    ConditionAdded,
    /// A known principal may do less.
    ActionNarrowed,
    /// A principal is let in no more.
    PrincipalRemoved,
}

impl ChangeKind {
    /// Whether somebody may do more than before, or, beyond the digest, could: what cannot be seen counts as weaker.
    pub fn weakens(self) -> bool {
        self <= Self::BeyondDigest
    }
}

/// One difference between two policies, in words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What kind of a change it is.
    pub kind: ChangeKind,
    /// The change in words.
    pub text: String,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// What the second policy says otherwise than the first: what weakens it first, and all of it: rules ask what kinds of
/// change there are, and whoever shows them shows the first few.
///
/// Permissions are compared by what they let through, not by their wording: a statement that another one covers
/// changes nothing, and a condition with fewer values is a stricter one.
pub fn diff(before: &Digest, after: &Digest) -> Vec<Change> {
    let [allowed_before, allowed_after] = [before, after].map(|digest| rows(digest, Effect::Allow));
    let [denied_before, denied_after] = [before, after].map(|digest| rows(digest, Effect::Deny));
    let mut changes = Vec::new();
    for gap in gaps(&allowed_after, &allowed_before) {
        let (kind, text) = match &gap.cause {
            Cause::Restricted(was) => (
                ChangeKind::ConditionDropped,
                format!("no longer only {was}"),
            ),
            Cause::Narrower => (ChangeKind::ActionWidened, "not allowed before".to_owned()),
            Cause::Absent if gap.is_of_everyone() => (
                ChangeKind::EveryoneAdded,
                "nobody but named principals before".to_owned(),
            ),
            Cause::Absent => (ChangeKind::PrincipalAdded, "a new principal".to_owned()),
        };
        changes.push(Change {
            kind,
            text: format!("{} may {}{}: {text}", gap.who(), gap.actions, gap.when()),
        });
    }
    for gap in gaps(&allowed_before, &allowed_after) {
        let (kind, text) = match &gap.cause {
            Cause::Restricted(now) => (ChangeKind::ConditionAdded, format!("now only {now}")),
            Cause::Narrower => (ChangeKind::ActionNarrowed, "no longer".to_owned()),
            Cause::Absent => (ChangeKind::PrincipalRemoved, "no longer let in".to_owned()),
        };
        changes.push(Change {
            kind,
            text: format!("{} could {}{}: {text}", gap.who(), gap.actions, gap.when()),
        });
    }
    for gap in gaps(&denied_before, &denied_after) {
        let (kind, text) = match &gap.cause {
            Cause::Restricted(now) => (ChangeKind::DenyNarrowed, format!("now only {now}")),
            Cause::Narrower | Cause::Absent => {
                (ChangeKind::DenyRemoved, "no longer denied".to_owned())
            }
        };
        changes.push(Change {
            kind,
            text: format!(
                "{} was denied {}{}: {text}",
                gap.who(),
                gap.actions,
                gap.when()
            ),
        });
    }
    for gap in gaps(&denied_after, &denied_before) {
        let text = format!(
            "{} is denied {}{}: not denied before",
            gap.who(),
            gap.actions,
            gap.when()
        );
        changes.push(Change {
            kind: ChangeKind::DenyAdded,
            text,
        });
    }
    if before.overflow != after.overflow {
        let text = "statements beyond the size of a digest changed".to_owned();
        changes.push(Change {
            kind: ChangeKind::BeyondDigest,
            text,
        });
    }
    changes.sort();
    changes
}

/// One row for each principal of each line.
fn rows(digest: &Digest, effect: Effect) -> Vec<Row<'_>> {
    let lines = digest.lines.iter().filter(|line| line.effect == effect);
    lines
        .flat_map(|line| {
            line.principals
                .iter()
                .map(|principal| Row { principal, line })
        })
        .collect()
}

/// One principal of one line.
#[derive(Clone, Copy)]
struct Row<'a> {
    principal: &'a str,
    line: &'a Line,
}

impl Row<'_> {
    fn is_of(&self, other: &Row<'_>) -> bool {
        self.principal == EVERYONE || is_same_short(self.principal, other.principal)
    }

    /// Whether a principal of the other row got by on this row's restrictions before: what callers have to meet who are
    /// let in as everyone says nothing of a service that is named, which calls as itself.
    fn restricts(&self, other: &Row<'_>) -> bool {
        let is_service_of_all = self.principal == EVERYONE
            && other.principal.starts_with(SERVICE)
            && other.line.effect == Effect::Allow;
        self.is_of(other) && !is_service_of_all
    }

    /// Whether this row lets through whatever the other one does: each of its restrictions follows from one there.
    fn is_no_stricter_than(&self, other: &Row<'_>) -> bool {
        self.line.restrictions.iter().all(|mine| {
            other
                .line
                .restrictions
                .iter()
                .any(|theirs| theirs.implies(mine))
        })
    }

    /// The first restriction that the other row does not imply, in words.
    fn stricter_in(&self, other: &Row<'_>) -> String {
        let mut unmet = self.line.restrictions.iter();
        let unmet = unmet.find(|mine| {
            !other
                .line
                .restrictions
                .iter()
                .any(|theirs| theirs.implies(mine))
        });
        unmet.map_or_else(
            || "on other conditions".to_owned(),
            |restriction| {
                if restriction.is_of_no_resource() {
                    NO_RESOURCE.to_owned()
                } else {
                    format!("if {restriction}")
                }
            },
        )
    }
}

/// Why rows do not cover another one.
enum Cause {
    /// They have the actions, under a restriction.
    Restricted(String),
    /// They know the principal without these actions.
    Narrower,
    /// They do not know the principal.
    Absent,
}

/// Actions of a row that no other row covers.
struct Gap<'a> {
    row: Row<'a>,
    actions: ActionSet,
    cause: Cause,
}

impl Gap<'_> {
    /// Whether its principals are everyone, or everyone but a few.
    fn is_of_everyone(&self) -> bool {
        self.row.principal == EVERYONE || self.row.principal.starts_with(EVERYONE_BUT)
    }

    fn who(&self) -> String {
        if self.row.principal == EVERYONE {
            "everyone".to_owned()
        } else {
            shown(self.row.principal)
        }
    }

    fn when(&self) -> String {
        let restrictions = &self.row.line.restrictions;
        if restrictions.iter().any(Restriction::is_of_no_resource) {
            return format!(" {NO_RESOURCE}");
        }
        let restrictions: Vec<String> = restrictions.iter().map(Restriction::to_string).collect();
        if restrictions.is_empty() {
            String::new()
        } else {
            format!(" if {}", shown(&restrictions.join(" and ")))
        }
    }
}

/// What the covering rows miss of the given ones.
fn gaps<'a>(rows: &[Row<'a>], covering: &[Row<'_>]) -> Vec<Gap<'a>> {
    let mut gaps = Vec::new();
    for row in rows {
        let (mut missing, mut is_known) = (row.line.actions, false);
        for cover in covering.iter().filter(|cover| cover.is_of(row)) {
            is_known |= cover.principal != EVERYONE || row.principal == EVERYONE;
            if cover.is_no_stricter_than(row) {
                missing = missing.minus(cover.line.actions);
            }
        }
        for cover in covering.iter().filter(|cover| cover.restricts(row)) {
            let restricted = missing.intersection(cover.line.actions);
            if !restricted.is_empty() {
                missing = missing.minus(restricted);
                let cause = Cause::Restricted(cover.stricter_in(row));
                gaps.push(Gap {
                    row: *row,
                    actions: restricted,
                    cause,
                });
            }
        }
        if !missing.is_empty() {
            let cause = if is_known {
                Cause::Narrower
            } else {
                Cause::Absent
            };
            gaps.push(Gap {
                row: *row,
                actions: missing,
                cause,
            });
        }
    }
    gaps
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::policy::{DIGEST_BYTES_MAX, Policy, digest};

    fn digest_of(statements: &str) -> Digest {
        digest(&Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap())
    }

    fn kinds(before: &str, after: &str) -> Vec<ChangeKind> {
        diff(&digest_of(before), &digest_of(after))
            .iter()
            .map(|change| change.kind)
            .collect()
    }

    const USE: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/App"},
        "Action": "kms:Decrypt", "Resource": "*"}"#;
    const USE_IF: &str = r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/App"},
        "Action": "kms:Decrypt", "Resource": "*",
        "Condition": {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"]}}}"#;
    const DENY: &str = r#"{"Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}"#;

    #[test]
    fn changes_are_told_by_what_they_do() {
        let check = |before: &str, after: &str, expected: &[ChangeKind]| {
            assert_eq!(kinds(before, after), expected, "{before}\n{after}");
        };
        let wider = USE.replace(r#""kms:Decrypt""#, r#""kms:*crypt""#);
        let fewer = USE_IF.replace(r#", "sqs.eu-west-1.amazonaws.com""#, "");
        let other = USE.replace("role/App", "role/Other");
        let everyone = USE.replace(r#"{"AWS": "arn:aws:iam::111111111111:role/App"}"#, r#""*""#);
        let deny_if = DENY.replace(
            '}',
            r#", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}"#,
        );
        check(USE_IF, USE, &[ChangeKind::ConditionDropped]);
        check(USE, USE_IF, &[ChangeKind::ConditionAdded]);
        check(&fewer, USE_IF, &[ChangeKind::ConditionDropped]);
        check(USE_IF, &fewer, &[ChangeKind::ConditionAdded]);
        let [but_two, but_one] =
            [USE_IF, &fewer].map(|text| text.replace("StringEquals", "StringNotEquals"));
        check(&but_two, &but_one, &[ChangeKind::ConditionDropped]);
        check(&but_one, &but_two, &[ChangeKind::ConditionAdded]);
        check(USE, &wider, &[ChangeKind::ActionWidened]);
        check(&wider, USE, &[ChangeKind::ActionNarrowed]);
        check(
            USE,
            &other,
            &[ChangeKind::PrincipalAdded, ChangeKind::PrincipalRemoved],
        );
        check(USE, &everyone, &[ChangeKind::EveryoneAdded]);
        // What everyone has to meet says nothing of a service that calls as itself.
        let everyone_if =
            USE_IF.replace(r#"{"AWS": "arn:aws:iam::111111111111:role/App"}"#, r#""*""#);
        let service = USE_IF
            .replace(
                r#""AWS": "arn:aws:iam::111111111111:role/App""#,
                r#""Service": "sns.amazonaws.com""#,
            )
            .replace("kms:ViaService", "aws:SourceAccount");
        let both = format!("{everyone_if}, {service}");
        check(&everyone_if, &both, &[ChangeKind::PrincipalAdded]);
        check(&both, &everyone_if, &[ChangeKind::PrincipalRemoved]);
        let open_service = service.replace("StringEquals", "StringLike");
        let opened = format!("{everyone_if}, {open_service}");
        check(
            &both,
            &opened,
            &[ChangeKind::ConditionDropped, ChangeKind::ConditionAdded],
        );
        let role_too = format!("{everyone_if}, {USE}");
        check(&everyone_if, &role_too, &[ChangeKind::ConditionDropped]);
        check(&everyone, &format!("{everyone}, {USE}"), &[]);
        check(&format!("{USE}, {DENY}"), USE, &[ChangeKind::DenyRemoved]);
        check(USE, &format!("{USE}, {DENY}"), &[ChangeKind::DenyAdded]);
        check(DENY, &deny_if, &[ChangeKind::DenyNarrowed]);
        let [use_of_none, deny_of_none] =
            [USE, DENY].map(|text| text.replace(r#", "Resource": "*""#, ""));
        check(DENY, &deny_of_none, &[ChangeKind::DenyNarrowed]);
        check(USE, &use_of_none, &[ChangeKind::ConditionAdded]);
        check(&use_of_none, USE, &[ChangeKind::ConditionDropped]);
        check(&deny_if, DENY, &[ChangeKind::DenyAdded]);
        check(
            &DENY.replace("ScheduleKeyDeletion", "*"),
            DENY,
            &[ChangeKind::DenyRemoved],
        );
    }

    #[test]
    fn words_say_who_and_what() {
        let changes = diff(&digest_of(USE_IF), &digest_of(USE));
        assert_eq!(
            changes[0].text,
            "arn:aws:iam::111111111111:role/App may kms:Decrypt: no longer only if stringequals kms:viaservice \
             s3.eu-west-1.amazonaws.com, sqs.eu-west-1.amazonaws.com"
        );
        assert!(changes[0].kind.weakens());
        let changes = diff(&digest_of(DENY), &digest_of(USE));
        assert_eq!(
            changes[0].text,
            "everyone was denied kms:ScheduleKeyDeletion: no longer denied"
        );
        let of_none = DENY.replace(r#", "Resource": "*""#, "");
        let changes = diff(&digest_of(DENY), &digest_of(&of_none));
        assert_eq!(
            changes[0].text,
            "everyone was denied kms:ScheduleKeyDeletion: now only without a Resource, which has no effect"
        );
    }

    #[test]
    fn a_long_policy_keeps_its_denials_and_still_compares() {
        let many: Vec<String> = (0..200)
            .map(|n| USE.replace("App", &format!("Application{n}")))
            .collect();
        let many = many.join(", ");
        let with_deny = format!("{many}, {DENY}");
        let long = digest_of(&with_deny);
        assert!(serde_json::to_string(&long).unwrap().len() <= DIGEST_BYTES_MAX);
        assert!(long.has_overflow());
        assert_eq!(kinds(&with_deny, &many), [ChangeKind::DenyRemoved]);
        let thirty = (0..40)
            .map(|n| USE.replace("App", &format!("Application{n}")))
            .collect::<Vec<_>>()
            .join(", ");
        let one = USE.replace("App", "Application7");
        assert!(!digest_of(&thirty).has_overflow());
        assert_eq!(kinds(&thirty, &one).len(), 39);
        assert!(
            !kinds(&thirty, &one).contains(&ChangeKind::PrincipalAdded),
            "a hashed principal is still known"
        );
        // Much that is harmless hides nothing.
        let denied = format!("{thirty}, {DENY}");
        assert_eq!(kinds(&one, &denied).last(), Some(&ChangeKind::DenyAdded));
    }
}
