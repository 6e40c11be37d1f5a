//! The parties that the values of a condition name.

use keytrail_event::arn::is_account_id;

use super::address_ranges::is_narrow;
use super::condition::{Condition, Family};
use super::document::shown;
use super::party::{Enclosure, Party};

impl Condition {
    /// The parties that the values name, where each of them names one: one open value opens the condition.
    pub(super) fn parties(&self) -> Option<Enclosure> {
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
                let (organisation, _) = value.split_once('/')?;
                if organisation.eq_ignore_ascii_case("${aws:ResourceOrgID}") {
                    return Some(Party::OwnOrganisation);
                }
                is_organisation_id(organisation)
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
    /// account can swallow colons. Even the ARN of a principal has some to spare: an IAM path may hold any character
    /// from `!` to DEL, as in `arn:aws:iam::222222222222:role/x:iam::111111111111:role/y`.
    fn party_of_arn(&self, value: &str) -> Option<Party> {
        let fields: Vec<&str> = value.splitn(6, ':').collect();
        let [prefix, partition, service, region, account, _] = fields[..] else {
            return None;
        };
        if prefix != "arn" || !is_account_id(account) {
            return None;
        }
        let is_by_field = self.family == Family::Arn;
        let may_swallow_colons = [partition, service, region]
            .iter()
            .any(|field| field.contains(['*', '?', '$']));
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
