//! Binding: which conditions of an IAM policy certainly keep keys or calls out.
//!
//! A list of what binds, since most condition keys are about nothing that a caller lacks: a time, an agent, a token,
//! the caller's own name, account or organisation. What is not known to bind does not bind.

use super::action::glob_matches;
use super::address_ranges::is_narrow;
use super::condition::{Condition, Family};

/// Keys that compare text: what a key is tagged or called, what was encrypted, and the ways that calls come.
const TEXTS: [&str; 21] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ec2instancesourcevpc",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "ec2:sourceinstancearn",
    "kms:encryptioncontextkeys",
    "kms:grantconstrainttype",
    "kms:granteeprincipal",
    "kms:requestalias",
    "kms:resourcealiases",
    "kms:viaservice",
    "lambda:sourcefunctionarn",
    "ssm:sourceinstancearn",
];
/// The same, with a name of the policy's choice behind.
const TEXTS_BY_NAME: [&str; 4] = [
    "aws:requesttag/",
    "aws:resourcetag/",
    "kms:encryptioncontext:",
    "kms:recipientattestation:",
];
/// Keys that hold an address.
const ADDRESSES: [&str; 3] = [
    "aws:ec2instancesourceprivateipv4",
    "aws:sourceip",
    "aws:vpcsourceip",
];
/// Switches that an ordinary call has off, or not at all.
const SWITCHES: [&str; 5] = [
    "aws:multifactorauthpresent",
    "aws:principalisawsservice",
    "aws:viaawsservice",
    "kms:grantisforawsresource",
    "kms:reencryptonsamekey",
];
/// A number that only calls with a second factor carry.
const FACTOR_AGE: &str = "aws:multifactorauthage";
/// Texts of every kind that these keys hold: a pattern that takes one in takes in all of its kind.
const ANY_TEXTS: [&str; 8] = [
    "zqxj",
    "alias/zqxj",
    "arn:aws:zqxj:us-east-1:000000000000:zqxj/zqxj",
    "o-zqxj",
    "vpc-zqxj",
    "vpce-zqxj",
    "zqxj.amazonaws.com",
    "zqxj.us-east-1.amazonaws.com",
];

impl Condition {
    /// Whether this condition of an `Allow` certainly keeps something out: keys by their tags or aliases, or calls by
    /// the way they come. A negated one lets through all but what it names, `IfExists` and `ForAllValues:` whoever
    /// leaves the key out, and a pattern or network that takes in everything keeps out nothing.
    pub(super) fn binds(&self) -> bool {
        if self.accepts_absence() || self.is_negated() {
            return false;
        }
        let key = self.key();
        let is_by_name = TEXTS_BY_NAME.iter().any(|start| key.starts_with(start));
        if self.family == Family::Null {
            // That the key is there. Nearly every key has an alias, and many networks an endpoint.
            let is_rare = is_by_name || key == FACTOR_AGE || key == "kms:viaservice";
            return is_rare && self.has_only("false");
        }
        if SWITCHES.contains(&key) {
            return self.has_only("true");
        }
        if ADDRESSES.contains(&key) {
            return is_narrow(self.values());
        }
        if key == FACTOR_AGE {
            return true;
        }
        (is_by_name || TEXTS.contains(&key))
            && !self.values().iter().any(|value| self.takes_in_all(value))
    }

    fn takes_in_all(&self, value: &str) -> bool {
        // A variable that stands for the very key it is compared with.
        let itself = format!("${{{}", self.key());
        if value.to_ascii_lowercase().contains(&itself) {
            return true;
        }
        match self.family {
            Family::Text | Family::TextIgnoringCase => false,
            Family::TextPattern | Family::Arn => {
                ANY_TEXTS.iter().any(|text| glob_matches(value, text))
            }
            // No number, date or switch is compared with a text.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: &str, key: &str, values: &[&str], binds: bool) {
        let condition = Condition::sample(operator, key, values);
        assert_eq!(condition.binds(), binds, "{operator} {key} {values:?}");
    }

    #[test]
    fn what_ordinary_calls_meet_does_not_bind() {
        check("Null", "aws:SourceIp", &["false"], false);
        check("Null", "aws:TokenIssueTime", &["false"], false);
        check("Null", "kms:ResourceAliases", &["false"], false);
        check("StringLike", "aws:UserAgent", &["?*"], false);
        check("StringEquals", "aws:UserAgent", &["aws-cli"], false);
        let past = &["2020-01-01T00:00:00Z"];
        check("DateGreaterThan", "aws:TokenIssueTime", past, false);
        check("NumericGreaterThan", "aws:EpochTime", &["1"], false);
        check("StringEquals", "aws:PrincipalTag/team", &["a"], false);
        check("StringEquals", "kms:KeySpec", &["SYMMETRIC_DEFAULT"], false);
        check("Bool", "aws:MultiFactorAuthPresent", &["false"], false);
        check("Null", "aws:MultiFactorAuthPresent", &["false"], false);
        check("IpAddress", "aws:SourceIp", &["0.0.0.0/0"], false);
        check("StringLike", "aws:SourceIp", &["*.*"], false);
    }

    #[test]
    fn patterns_of_everything_do_not_bind() {
        check("StringLike", "kms:ViaService", &["?*"], false);
        check("StringLike", "kms:ViaService", &["*.amazonaws.com"], false);
        check("StringLike", "kms:ResourceAliases", &["alias/*"], false);
        check("StringLike", "aws:SourceVpce", &["vpce-*"], false);
        check("ArnLike", "aws:SourceArn", &["arn:*:*:*:*:*"], false);
        check("StringLike", "aws:ResourceTag/team", &["a", "*"], false);
        let itself = &["${aws:ResourceTag/team}"];
        check("StringEquals", "aws:ResourceTag/team", itself, false);
    }

    #[test]
    fn what_keeps_keys_or_calls_out_binds() {
        check("StringLike", "kms:ViaService", &["s3.*"], true);
        check("StringLike", "kms:ResourceAliases", &["alias/app*"], true);
        check("StringEquals", "kms:RequestAlias", &["alias/app"], true);
        check("StringEquals", "aws:SourceVpce", &["vpce-1"], true);
        check("StringEquals", "kms:EncryptionContext:app", &["a"], true);
        let tag = &["${aws:PrincipalTag/team}"];
        check("StringEquals", "aws:ResourceTag/team", tag, true);
        check("Null", "aws:ResourceTag/team", &["false"], true);
        check("IpAddress", "aws:SourceIp", &["203.0.113.0/24"], true);
        check("StringEquals", "aws:SourceIp", &["203.0.113.5"], true);
        check("IpAddress", "aws:VpcSourceIp", &["10.0.0.0/8"], true);
        check("Bool", "aws:MultiFactorAuthPresent", &["true"], true);
        check("NumericLessThan", FACTOR_AGE, &["3600"], true);
        let called = "ForAnyValue:StringEquals";
        check(called, "aws:CalledVia", &["athena.amazonaws.com"], true);
    }
}
