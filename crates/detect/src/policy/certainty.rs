//! Certainty: whether a condition holds for one caller.
//!
//! Of a caller only its account and its ARN are known, or that it is a service. Wherever a condition depends on more (a
//! second factor, a network, a tag), the answer is that nobody can tell.

use super::action::glob_matches;
use super::caller::Caller;
use super::condition::{Condition, Family};
use super::principal::Principal;

/// What can be said of a condition for a known caller, the least sure to hold first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    Fails,
    Unknown,
    Holds,
}

impl Condition {
    /// Whether the condition holds for a caller of whom no more is known.
    pub(super) fn certainty(&self, caller: &Caller<'_>) -> Certainty {
        if let Principal::Service(name) = caller.principal
            && self.fails_for_service(name)
        {
            return Certainty::Fails;
        }
        let fact = match self.key.as_str() {
            "kms:calleraccount" | "aws:principalaccount" => {
                caller.principal.account().map(str::to_owned)
            }
            "aws:principalarn" => caller.arn.as_deref().map(without_partition),
            _ => None,
        };
        let Some(fact) = fact else {
            return Certainty::Unknown;
        };
        if self.values.is_empty() || self.values.iter().any(|value| value.contains("${")) {
            return Certainty::Unknown;
        }
        let matches = |value: &String| {
            let value = without_partition(value);
            match self.family {
                Family::Text => value == fact,
                Family::TextIgnoringCase => value.eq_ignore_ascii_case(&fact),
                _ => glob_matches(&value, &fact),
            }
        };
        let is_match = match self.family {
            _ if self.is_of_texts() => self.values.iter().any(matches),
            Family::Null if self.has_only("false") => true,
            Family::Null if self.has_only("true") => false,
            _ => return Certainty::Unknown,
        };
        if is_match != self.is_negated() {
            Certainty::Holds
        } else {
            Certainty::Fails
        }
    }
}

/// The same ARN in the ordinary partition: which partition an account lives in is not known here.
fn without_partition(text: &str) -> String {
    match text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(':'))
    {
        Some((partition, rest)) if partition.starts_with("aws") && !rest.is_empty() => {
            format!("arn:aws:{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certainty_knows_who_calls_and_nothing_else() {
        let admin = Principal::from_aws("arn:aws:iam::111111111111:role/Admin");
        let caller = Caller::of(&admin);
        let check = |operator: &str, key: &str, value: &str, expected: Certainty| {
            assert_eq!(
                Condition::sample(operator, key, &[value]).certainty(&caller),
                expected,
                "{operator} {key} {value}"
            );
        };
        check(
            "StringEquals",
            "kms:CallerAccount",
            "111111111111",
            Certainty::Holds,
        );
        check(
            "StringNotEquals",
            "kms:CallerAccount",
            "111111111111",
            Certainty::Fails,
        );
        check(
            "ArnNotLike",
            "aws:PrincipalArn",
            "arn:aws-cn:iam::111111111111:role/Adm*",
            Certainty::Fails,
        );
        check(
            "ArnNotLike",
            "aws:PrincipalArn",
            "arn:aws:iam::111111111111:role/Other",
            Certainty::Holds,
        );
        check(
            "StringEquals",
            "aws:PrincipalArn",
            "arn:aws:iam::111111111111:role/*",
            Certainty::Fails,
        );
        check("Null", "aws:PrincipalArn", "false", Certainty::Holds);
        check(
            "Bool",
            "aws:MultiFactorAuthPresent",
            "true",
            Certainty::Unknown,
        );
        check(
            "StringEquals",
            "kms:CallerAccount",
            "${aws:ResourceAccount}",
            Certainty::Unknown,
        );
    }
}
