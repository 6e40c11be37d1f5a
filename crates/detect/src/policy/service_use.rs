//! Whether a key policy lets an AWS service make data keys in its own name, which nothing else lets it do.
//!
//! A service calls for a resource of some account (`aws:SourceArn`, `aws:SourceAccount`), with an encryption context, and
//! without a principal of its own: no ARN, no account, no organisation, no network.

use keytrail_event::EventTime;

use super::action::{ActionSet, glob_matches};
use super::caller::Caller;
use super::condition::{Absence, Condition, Family};
use super::document::{Effect, Policy, Statement};
use super::principal::{Principal, Principals};

/// Whether some `Allow` may let the service make data keys at this moment, and no `Deny` is meant for it.
pub fn lets_service_in(policy: &Policy, service: &str, at: EventTime) -> bool {
    let principal = Principal::Service(service.to_owned());
    let call = ServiceCall {
        caller: Caller::of(&principal),
        name: service,
        at,
    };
    let mut denials = policy.with_effect(Effect::Deny);
    let mut allows = policy.with_effect(Effect::Allow);
    allows.any(|statement| call.is_let_in_by(statement))
        && !denials.any(|statement| call.is_denied_by(statement))
}

struct ServiceCall<'a> {
    caller: Caller<'a>,
    name: &'a str,
    at: EventTime,
}

impl ServiceCall<'_> {
    fn is_let_in_by(&self, statement: &Statement) -> bool {
        // Who is let in as everyone has to come from an account or through a service, which a service does not.
        let is_named = self.is_named_by(statement);
        let may_hold = |condition: &Condition| {
            let is_of_callers = matches!(condition.key(), "kms:calleraccount" | "kms:viaservice");
            is_named || !is_of_callers || !condition.demands_its_key()
        };
        statement.names_resources()
            && self.is_reached_by(statement)
            && self.caller.meets(statement.conditions(), may_hold)
    }

    /// A `Deny` that names the service is meant for it, unless a condition spares calls for some resources, as hardening
    /// does; one for everyone is where nothing but time decides, or but whom an ARN or an id names.
    fn is_denied_by(&self, statement: &Statement) -> bool {
        let is_named = self.is_named_by(statement);
        let may_hold = |condition: &Condition| {
            let is_hardening = condition.is_of_service_call() && condition.is_negated();
            condition.is_of_time()
                || condition.is_of_all_but_few(true)
                || condition.names_service(self.name)
                || (is_named && !is_hardening)
        };
        statement.covers_key()
            && self.is_reached_by(statement)
            && self.caller.meets(statement.conditions(), may_hold)
    }

    fn is_reached_by(&self, statement: &Statement) -> bool {
        let data_key = ActionSet::matching("kms:GenerateDataKey");
        statement.speaks_of(data_key, &self.caller) && !statement.is_over(self.at)
    }

    fn is_named_by(&self, statement: &Statement) -> bool {
        let names = |condition: &Condition| condition.names_service(self.name);
        let is_listed = matches!(statement.principals(), Principals::These(these) if these.contains(self.caller.principal));
        is_listed || statement.conditions().iter().any(names)
    }
}

impl Condition {
    /// Whether it certainly does not hold for the service.
    pub(super) fn fails_for_service(&self, name: &str) -> bool {
        const OF_PRINCIPALS: [&str; 7] = [
            "aws:principalaccount",
            "aws:principalarn",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:sourcevpc",
            "aws:sourcevpce",
            "aws:userid",
        ];
        match self.key() {
            "aws:securetransport" | "aws:principalisawsservice" => self.is_switch("false"),
            "aws:sourcearn" if self.is_comparison() && self.demands_its_key() => {
                !self.names_resource_of(name)
            }
            key if OF_PRINCIPALS.contains(&key) => self.demands_its_key(),
            _ if self.is_of_service_call() => self.family == Family::Null && self.has_only("true"),
            _ => false,
        }
    }

    /// Whether every call of a service carries the key, and it tells for which resource the service calls.
    fn is_of_service_call(&self) -> bool {
        matches!(
            self.key(),
            "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths"
        ) || self.key().starts_with("kms:encryptioncontext")
    }

    /// Whether it fails for a call without the key.
    fn demands_its_key(&self) -> bool {
        if self.family == Family::Null {
            return self.has_only("false");
        }
        !self.is_negated() && self.absence == Absence::AsUsual
    }

    /// Whether it compares texts, and holds for those that it names.
    fn is_comparison(&self) -> bool {
        self.is_of_texts() && !self.is_negated()
    }

    /// Whether it holds for nothing but calls of services, this one among them.
    fn names_service(&self, name: &str) -> bool {
        let is_name = |value: &String| glob_matches(&value.to_ascii_lowercase(), name);
        match self.key() {
            "aws:principalisawsservice" => self.is_switch("true"),
            "aws:principalservicename" | "aws:principalservicenameslist" => {
                self.is_comparison() && self.values().iter().any(is_name)
            }
            "aws:sourcearn" => self.is_comparison() && self.names_resource_of(name),
            "aws:sourceaccount" => self.is_comparison(),
            _ => false,
        }
    }

    /// Whether some value may be the ARN of a resource of this service.
    fn names_resource_of(&self, name: &str) -> bool {
        let label = name.split('.').next().unwrap_or(name);
        let is_of_service = |value: &String| match value.split(':').nth(2) {
            Some(service) => glob_matches(&service.to_ascii_lowercase(), label),
            None => value.contains('*'),
        };
        self.values().iter().any(is_of_service)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SERVICE: &str = "cloudtrail.amazonaws.com";

    fn lets_in(statements: &str) -> bool {
        let policy = Policy::parse(&format!(r#"{{"Statement": [{statements}]}}"#)).unwrap();
        let at = EventTime::parse("2026-09-22T12:00:00Z").unwrap();
        lets_service_in(&policy, SERVICE, at)
    }

    fn statement(effect: &str, principal: &str, action: &str, condition: &str) -> String {
        format!(
            r#"{{"Effect": "{effect}", "Principal": {principal}, "Action": "{action}", "Resource": "*", "Condition": {{{condition}}}}}"#
        )
    }

    const NAMED: &str = r#"{"Service": "cloudtrail.amazonaws.com"}"#;
    const ALL: &str = r#""*""#;
    const OWN: &str = r#""StringEquals": {"aws:SourceAccount": "111111111111"}"#;
    const TRAIL: &str =
        r#""ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:111111111111:trail/*"}"#;

    #[test]
    fn what_lets_a_service_in() {
        let data_keys = "kms:GenerateDataKey*";
        for (principal, action, condition, expected) in [
            (NAMED, data_keys, "", true),
            (NAMED, data_keys, OWN, true),
            (NAMED, data_keys, TRAIL, true),
            (NAMED, "kms:GenerateDataKeyPair", "", false),
            (
                NAMED,
                data_keys,
                r#""ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}"#,
                false,
            ),
            (
                NAMED,
                data_keys,
                r#""StringEquals": {"aws:PrincipalOrgID": "o-1"}"#,
                false,
            ),
            (
                NAMED,
                data_keys,
                r#""Bool": {"aws:SecureTransport": "false"}"#,
                false,
            ),
            (
                NAMED,
                data_keys,
                r#""DateLessThan": {"aws:CurrentTime": "2026-09-22T00:00:00Z"}"#,
                false,
            ),
            (
                NAMED,
                data_keys,
                r#""StringEquals": {"kms:CallerAccount": "111111111111"}"#,
                true,
            ),
            (
                ALL,
                "kms:*",
                r#""StringEquals": {"kms:CallerAccount": "111111111111"}"#,
                false,
            ),
            (ALL, "kms:*", OWN, true),
            (ALL, "kms:*", "", true),
        ] {
            let allow = statement("Allow", principal, action, condition);
            assert_eq!(lets_in(&allow), expected, "{allow}");
        }
    }

    #[test]
    fn what_denies_a_service() {
        for (principal, action, condition, is_denied) in [
            (NAMED, "kms:GenerateDataKey*", "", true),
            (NAMED, "kms:Decrypt", "", false),
            (NAMED, "kms:*", OWN, true),
            (NAMED, "kms:*", TRAIL, true),
            (
                NAMED,
                "kms:*",
                r#""NumericLessThan": {"kms:GrantCount": "7"}"#,
                true,
            ),
            (ALL, "kms:*", OWN, true),
            (
                ALL,
                "kms:*",
                r#""Bool": {"aws:PrincipalIsAWSService": "true"}"#,
                true,
            ),
            (
                ALL,
                "kms:*",
                r#""StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/Me"}"#,
                true,
            ),
            // Hardening spares calls for the account's own resources, or denies what services never do.
            (NAMED, "kms:*", &OWN.replace("Equals", "NotEquals"), false),
            (NAMED, "kms:*", &TRAIL.replace("Like", "NotLike"), false),
            (
                NAMED,
                "kms:*",
                r#""Null": {"aws:SourceArn": "true"}"#,
                false,
            ),
            (
                NAMED,
                "kms:*",
                r#""StringNotLike": {"kms:EncryptionContext:aws:cloudtrail:arn": "arn:aws:cloudtrail:*"}"#,
                false,
            ),
            (
                ALL,
                "kms:*",
                r#""Bool": {"aws:SecureTransport": "false"}"#,
                false,
            ),
            (
                ALL,
                "kms:*",
                r#""StringNotEquals": {"aws:PrincipalOrgID": "o-1"}"#,
                false,
            ),
            (
                ALL,
                "kms:*",
                r#""ArnLike": {"aws:SourceArn": "arn:aws:s3:::bucket"}"#,
                false,
            ),
            (
                NAMED,
                "kms:*",
                r#""DateLessThan": {"aws:CurrentTime": "2026-09-22T00:00:00Z"}"#,
                false,
            ),
        ] {
            let allow = statement("Allow", NAMED, "kms:GenerateDataKey*", OWN);
            let deny = statement("Deny", principal, action, condition);
            assert_eq!(lets_in(&format!("{allow}, {deny}")), !is_denied, "{deny}");
        }
    }
}
