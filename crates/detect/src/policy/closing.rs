//! Closing: whom a condition leaves, answered only where it is proven.
//!
//! Operators, keys and values of a `Condition` combine as AWS combines them: several operators and several keys must
//! all hold, one of several values is enough. So one condition that closes closes an `Allow` ([`Condition::admits`]),
//! while every condition of a `Deny` must say whom it passes by ([`Condition::spares`]), and a single value that is
//! open opens either.

use std::collections::BTreeSet;

use super::condition::{Absence, Condition, Family, Quantifier};
use super::party::{Enclosure, Party};

impl Condition {
    /// The patterns of `aws:PrincipalArn` that a `Deny` with this condition passes by.
    pub(super) fn spared_principal_arns(&self) -> &[String] {
        if self.is_negated() && self.key == "aws:principalarn" {
            &self.values
        } else {
            &[]
        }
    }

    /// The values of `aws:PrincipalArn` that an `Allow` with this condition lets through.
    pub(super) fn named_principal_arns(&self) -> &[String] {
        if !self.is_negated() && self.key == "aws:principalarn" && self.family != Family::Null {
            &self.values
        } else {
            &[]
        }
    }

    /// Whether a `Deny` with this condition passes by callers of the account whom it names by something other than the
    /// account or its organisation.
    pub(super) fn singles_out(&self) -> bool {
        const OF_WHOLE_ACCOUNTS: [&str; 9] = [
            "aws:principalaccount",
            "aws:principalorgid",
            "aws:principalorgpaths",
            "aws:resourceaccount",
            "aws:resourceorgid",
            "aws:sourceaccount",
            "aws:sourceorgid",
            "aws:sourceorgpaths",
            "kms:calleraccount",
        ];
        let is_service_switch = self.key == "aws:principalisawsservice" && self.is_switch("false");
        let is_comparison = !matches!(self.family, Family::Other | Family::Bool | Family::Null);
        is_service_switch
            || (is_comparison
                && self.is_negated()
                && !OF_WHOLE_ACCOUNTS.contains(&self.key.as_str()))
    }

    /// Whom an `Allow` with this condition lets in at most, where the condition proves that.
    ///
    /// `IfExists` and `ForAllValues:` are true for callers without the key, so they prove something only where another
    /// condition demands the key (`required`).
    pub(super) fn admits(&self, required: &BTreeSet<&str>) -> Option<Enclosure> {
        if self.is_negated() || (self.accepts_absence() && !required.contains(self.key.as_str())) {
            return None;
        }
        // Every request carries this key, and a caller cannot set it.
        if self.key == "aws:principalisawsservice" && self.is_switch("true") {
            return Some(BTreeSet::from([Party::Service]));
        }
        self.parties()
    }

    /// Whom a `Deny` with this condition passes by at most, where the condition proves that. A negated operator is
    /// true for callers without the key, so they are denied; with `ForAnyValue:` they are not.
    pub(super) fn spares(&self) -> Option<Enclosure> {
        let is_service_switch = self.key == "aws:principalisawsservice" && self.is_switch("false");
        if is_service_switch && self.quantifier == Quantifier::Single {
            return Some(BTreeSet::from([Party::Service]));
        }
        if !self.is_negated() || self.quantifier == Quantifier::AnyValue {
            return None;
        }
        self.parties()
    }

    /// The key that `Null: false` demands.
    pub(super) fn required_key(&self) -> Option<&str> {
        let demands = self.family == Family::Null
            && self.quantifier == Quantifier::Single
            && self.has_only("false");
        (demands && self.absence == Absence::AsUsual).then_some(self.key.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_close_only_where_every_value_closes() {
        let check = |operator: &str, key: &str, values: &[&str], closes: bool| {
            let admits = Condition::sample(operator, key, values).admits(&BTreeSet::new());
            assert_eq!(admits.is_some(), closes, "{operator} {key} {values:?}");
        };
        check("StringEquals", "kms:CallerAccount", &["111111111111"], true);
        check("STRINGEQUALS", "KMS:CALLERACCOUNT", &["111111111111"], true);
        check(
            "StringLike",
            "kms:CallerAccount",
            &["111111111111", "*"],
            false,
        );
        check("StringEquals", "kms:CallerAccount", &[], false);
        check(
            "StringEquals",
            "aws:PrincipalAccount",
            &["${aws:PrincipalAccount}"],
            false,
        );
        check(
            "StringEquals",
            "aws:PrincipalAccount",
            &["${aws:ResourceAccount}"],
            true,
        );
        check(
            "StringEquals",
            "aws:ResourceAccount",
            &["111111111111"],
            false,
        );
        check("StringLike", "aws:PrincipalOrgID", &["o-*"], false);
        check(
            "StringEquals",
            "aws:PrincipalOrgID",
            &["o-a1b2c3d4e5"],
            true,
        );
        check(
            "ForAnyValue:StringLike",
            "aws:PrincipalOrgPaths",
            &["o-a1b2c3d4e5/*"],
            true,
        );
        check(
            "ForAllValues:StringLike",
            "aws:PrincipalOrgPaths",
            &["o-a1b2c3d4e5/*"],
            false,
        );
        check(
            "ForAnyValue:StringLike",
            "aws:PrincipalOrgPaths",
            &["o-*/*"],
            false,
        );
        check(
            "ForAnyValue:StringLike",
            "aws:PrincipalOrgPaths",
            &["o-a1b2c3d4e5*"],
            false,
        );
        check(
            "ArnLike",
            "aws:PrincipalArn",
            &["arn:aws*:iam::111111111111:role/*"],
            true,
        );
        check(
            "StringLike",
            "aws:PrincipalArn",
            &["arn:*:iam::111111111111:role/*"],
            false,
        );
        check(
            "StringLike",
            "aws:PrincipalArn",
            &["arn:aws:iam::111111111111:role/team:a/*"],
            true,
        );
        check(
            "ArnLike",
            "aws:PrincipalArn",
            &["arn:*:iam::111111111111:role/*"],
            true,
        );
        check(
            "ArnLike",
            "aws:PrincipalArn",
            &["arn:aws:iam::*:role/Admin"],
            false,
        );
        check(
            "StringLike",
            "aws:PrincipalArn",
            &["*111111111111:role/Admin"],
            false,
        );
        check(
            "StringLike",
            "aws:SourceArn",
            &["arn:aws:logs:*:111111111111:*"],
            false,
        );
        check(
            "ArnLike",
            "aws:SourceArn",
            &["arn:aws:logs:*:111111111111:*"],
            true,
        );
        check(
            "StringEquals",
            "aws:SourceArn",
            &["arn:aws:s3:::bucket"],
            true,
        );
        check("ArnLike", "aws:SourceArn", &["arn:aws:s3:::bucket*"], false);
        check("StringEquals", "aws:SourceVpce", &["vpce-1a2b3c4d"], true);
        check("StringLike", "aws:SourceVpce", &["vpce-*"], false);
        check("StringEquals", "aws:VpceAccount", &["111111111111"], true);
        check(
            "IpAddress",
            "aws:SourceIp",
            &["203.0.113.0/24", "2001:db8::/32"],
            true,
        );
        check("IpAddress", "aws:SourceIp", &["203.0.113.7"], true);
        check("IpAddress", "aws:SourceIp", &["0.0.0.0/0"], false);
        check(
            "IpAddress",
            "aws:SourceIp",
            &["0.0.0.0/1", "128.0.0.0/1"],
            false,
        );
        check("IpAddress", "aws:SourceIp", &["::/0"], false);
        check("IpAddress", "aws:SourceIp", &["203.0.113.0/99"], false);
        check("NotIpAddress", "aws:SourceIp", &["203.0.113.0/24"], false);
        check(
            "StringEquals",
            "kms:ViaService",
            &["s3.eu-west-1.amazonaws.com"],
            false,
        );
        check("Bool", "kms:GrantIsForAWSResource", &["true"], false);
        check(
            "StringNotEquals",
            "kms:CallerAccount",
            &["111111111111"],
            false,
        );
        check(
            "StringEqualsIfExists",
            "kms:CallerAccount",
            &["111111111111"],
            false,
        );
        check("Null", "kms:CallerAccount", &["false"], false);
        check(
            "NumericEquals",
            "kms:CallerAccount",
            &["111111111111"],
            false,
        );
    }

    #[test]
    fn a_demanded_key_makes_if_exists_close() {
        let account = Condition::sample(
            "StringEqualsIfExists",
            "aws:PrincipalAccount",
            &["111111111111"],
        );
        let demand = Condition::sample("Null", "aws:principalaccount", &["false"]);
        assert_eq!(demand.required_key(), Some("aws:principalaccount"));
        assert!(
            account
                .admits(&BTreeSet::from(["aws:principalaccount"]))
                .is_some()
        );
        assert_eq!(
            Condition::sample("Null", "aws:PrincipalAccount", &["true"]).required_key(),
            None
        );
    }

    #[test]
    fn a_deny_spares_only_whom_its_negation_names() {
        let check = |operator: &str, key: &str, values: &[&str], proven: bool| {
            assert_eq!(
                Condition::sample(operator, key, values).spares().is_some(),
                proven,
                "{operator} {key} {values:?}"
            );
        };
        check(
            "StringNotEquals",
            "aws:PrincipalOrgID",
            &["o-a1b2c3d4e5"],
            true,
        );
        check(
            "StringNotEqualsIfExists",
            "aws:PrincipalOrgID",
            &["o-a1b2c3d4e5"],
            true,
        );
        check(
            "ForAllValues:StringNotLike",
            "aws:PrincipalOrgPaths",
            &["o-a1b2c3d4e5/*"],
            true,
        );
        check(
            "ForAnyValue:StringNotLike",
            "aws:PrincipalOrgPaths",
            &["o-a1b2c3d4e5/*"],
            false,
        );
        check(
            "StringEquals",
            "aws:PrincipalOrgID",
            &["o-a1b2c3d4e5"],
            false,
        );
        check("StringNotLike", "aws:PrincipalOrgID", &["*"], false);
        check("Null", "aws:PrincipalOrgID", &["true"], false);
        check("Bool", "aws:PrincipalIsAWSService", &["false"], true);
        check("Bool", "aws:PrincipalIsAWSService", &["true"], false);
        check("Bool", "aws:SecureTransport", &["false"], false);
    }
}
