//! Closing: whom a condition leaves, answered only where it is proven.
//!
//! Operators, keys and values of a `Condition` combine as AWS combines them: several operators and several keys must
//! all hold, one of several values is enough. So one condition that closes closes an `Allow` ([`Condition::admits`]),
//! while every condition of a `Deny` must say whom it passes by ([`Condition::spares`]), and a single value that is
//! open opens either.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::condition::{Absence, Condition, Family, Quantifier};
use super::document::shown;
use super::party::{Enclosure, Party};
use super::principal::is_account_id;

/// The most IPv4 addresses that an `aws:SourceIp` may let in and still count as closing: a /8.
const SOURCE_IPV4_ADDRESSES_MAX: u128 = 1 << 24;
/// The most IPv6 addresses that an `aws:SourceIp` may let in and still count as closing: a /32.
const SOURCE_IPV6_ADDRESSES_MAX: u128 = 1 << 96;

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
        let is_service_switch = self.family == Family::Bool
            && self.key == "aws:principalisawsservice"
            && self.has_only("false");
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
        let accepts_absence =
            self.absence == Absence::Accepted || self.quantifier == Quantifier::AllValues;
        if self.is_negated() || (accepts_absence && !required.contains(self.key.as_str())) {
            return None;
        }
        // Every request carries this key, and a caller cannot set it.
        if self.family == Family::Bool
            && self.key == "aws:principalisawsservice"
            && self.has_only("true")
        {
            return Some(BTreeSet::from([Party::Service]));
        }
        self.parties()
    }

    /// Whom a `Deny` with this condition passes by at most, where the condition proves that. A negated operator is
    /// true for callers without the key, so they are denied; with `ForAnyValue:` they are not.
    pub(super) fn spares(&self) -> Option<Enclosure> {
        let service_switch = self.family == Family::Bool && self.key == "aws:principalisawsservice";
        if service_switch && self.quantifier == Quantifier::Single && self.has_only("false") {
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

    /// The parties that the values name, where each of them names one: one open value opens the condition.
    fn parties(&self) -> Option<Enclosure> {
        if self.values.is_empty() {
            return None;
        }
        if self.key == "aws:sourceip" {
            let addresses = self.family == Family::Address && is_narrow(&self.values);
            return addresses.then(|| {
                self.values
                    .iter()
                    .map(|value| Party::Boundary(shown(value)))
                    .collect()
            });
        }
        let is_text = matches!(
            self.family,
            Family::Text | Family::TextIgnoringCase | Family::TextPattern
        );
        let is_arn_key = matches!(self.key.as_str(), "aws:principalarn" | "aws:sourcearn");
        let is_arn = is_arn_key && self.family == Family::Arn;
        if !(is_text || is_arn) {
            return None;
        }
        self.values.iter().map(|value| self.party(value)).collect()
    }

    fn party(&self, value: &str) -> Option<Party> {
        let has_wildcard = value.contains(['*', '?']);
        match self.key.as_str() {
            "kms:calleraccount" | "aws:principalaccount" | "aws:sourceaccount" => {
                if value.eq_ignore_ascii_case("${aws:ResourceAccount}") {
                    return Some(Party::OwnAccount);
                }
                is_account_id(value).then(|| Party::Account(value.to_owned()))
            }
            "aws:principalorgid" | "aws:sourceorgid" => {
                if value.eq_ignore_ascii_case("${aws:ResourceOrgID}") {
                    return Some(Party::OwnOrganisation);
                }
                is_organisation_id(value).then(|| Party::Organisation(value.to_owned()))
            }
            "aws:principalorgpaths" | "aws:sourceorgpaths" => {
                let organisation = value
                    .split('/')
                    .next()
                    .filter(|first| is_organisation_id(first))?;
                value
                    .contains('/')
                    .then(|| Party::Organisation(organisation.to_owned()))
            }
            "aws:principalarn" => self.party_of_arn(value),
            "aws:sourcearn" => self
                .party_of_arn(value)
                .or_else(|| resource_without_account(value)),
            // A caller cannot set it: it stands in a request that the service makes for itself.
            "aws:principalservicename" if !has_wildcard && value.contains('.') => {
                Some(Party::Service)
            }
            "aws:userid" => unique_id_of(value).map(|id| Party::UniqueId(id.to_owned())),
            "aws:sourcevpc" if value.starts_with("vpc-") && !has_wildcard => {
                Some(Party::Boundary(shown(value)))
            }
            "aws:sourcevpce" if value.starts_with("vpce-") && !has_wildcard => {
                Some(Party::Boundary(shown(value)))
            }
            "aws:vpceaccount" if is_account_id(value) => {
                Some(Party::Boundary(format!("endpoints of account {value}")))
            }
            "aws:vpceorgid" if is_organisation_id(value) => {
                Some(Party::Boundary(format!("endpoints of {value}")))
            }
            _ => None,
        }
    }

    /// The account of an ARN pattern. `ArnLike` compares field by field. `StringLike` does not, and a `*` before the
    /// account can swallow colons; the ARN of a principal has no colon to spare, the ARN of a resource may have.
    fn party_of_arn(&self, value: &str) -> Option<Party> {
        let fields: Vec<&str> = value.splitn(6, ':').collect();
        let [prefix, partition, service, region, account, resource] = fields[..] else {
            return None;
        };
        if prefix != "arn" || !is_account_id(account) {
            return None;
        }
        let is_by_field = self.family == Family::Arn;
        let may_swallow_colons = match self.key.as_str() {
            "aws:principalarn" => resource.contains(':'),
            _ => [partition, service, region]
                .iter()
                .any(|field| field.contains(['*', '?', '$'])),
        };
        (is_by_field || !may_swallow_colons).then(|| Party::Account(account.to_owned()))
    }
}

/// An ARN without an account that names one resource, as that of a bucket does.
fn resource_without_account(value: &str) -> Option<Party> {
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    let [prefix, _, service, _, account, resource] = fields[..] else {
        return None;
    };
    let is_one =
        prefix == "arn" && !service.is_empty() && account.is_empty() && !resource.is_empty();
    (is_one && !value.contains(['*', '?', '$'])).then(|| Party::Boundary(shown(value)))
}

/// The unique id before the session name: `AROAEXAMPLEEXAMPLE12` of `AROAEXAMPLEEXAMPLE12:*`.
fn unique_id_of(value: &str) -> Option<&str> {
    let id = value.split(':').next()?;
    let is_id = id.len() >= 16 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_id && ["AIDA", "AROA"].iter().any(|kind| id.starts_with(kind))).then_some(id)
}

fn is_organisation_id(text: &str) -> bool {
    text.strip_prefix("o-")
        .is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether address ranges together are no more than a large owner would have.
pub(super) fn is_narrow(ranges: &[String]) -> bool {
    let (mut ipv4, mut ipv6) = (0_u128, 0_u128);
    for range in ranges {
        let (address, length) = match range.split_once('/') {
            Some((address, length)) => match length.parse::<u32>() {
                Ok(length) => (address, Some(length)),
                Err(_) => return false,
            },
            None => (range.as_str(), None),
        };
        if address.parse::<Ipv4Addr>().is_ok() {
            let Some(free) = 32_u32.checked_sub(length.unwrap_or(32)) else {
                return false;
            };
            ipv4 += 1 << free;
        } else if address.parse::<Ipv6Addr>().is_ok() {
            match 128_u32.checked_sub(length.unwrap_or(128)) {
                Some(free) if free < 128 => ipv6 = ipv6.saturating_add(1 << free),
                _ => return false,
            }
        } else {
            return false;
        }
    }
    ipv4 <= SOURCE_IPV4_ADDRESSES_MAX && ipv6 <= SOURCE_IPV6_ADDRESSES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(operator: &str, key: &str, values: &[&str]) -> Condition {
        Condition::new(
            operator,
            key,
            values.iter().map(|value| (*value).to_owned()).collect(),
        )
    }

    #[test]
    fn conditions_close_only_where_every_value_closes() {
        let check = |operator: &str, key: &str, values: &[&str], closes: bool| {
            let admits = condition(operator, key, values).admits(&BTreeSet::new());
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
        let account = condition(
            "StringEqualsIfExists",
            "aws:PrincipalAccount",
            &["111111111111"],
        );
        let demand = condition("Null", "aws:principalaccount", &["false"]);
        assert_eq!(demand.required_key(), Some("aws:principalaccount"));
        assert!(
            account
                .admits(&BTreeSet::from(["aws:principalaccount"]))
                .is_some()
        );
        assert_eq!(
            condition("Null", "aws:PrincipalAccount", &["true"]).required_key(),
            None
        );
    }

    #[test]
    fn a_deny_spares_only_whom_its_negation_names() {
        let check = |operator: &str, key: &str, values: &[&str], proven: bool| {
            assert_eq!(
                condition(operator, key, values).spares().is_some(),
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
