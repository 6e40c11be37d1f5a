//! `reencrypt-foreign`: data is encrypted under a key of an account outside the organisation.

use keytrail_event::{Day, EventTime, KeyName, Record};

use super::support::{
    cut, events_of_principal, is_made_or_refused, key_in_title, learning_evidence,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct ReencryptForeign;

const ABOUT: About = About {
    id: "reencrypt-foreign",
    title: "Data is encrypted under a key of an account outside the organisation",
    severities: &[Severity::Low, Severity::Medium, Severity::High],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "data is encrypted under keys of its owner",
    side: Side::Caller,
    fires_when: "ReEncrypt whose destination, or GenerateDataKey, GenerateDataKeyWithoutPlaintext or Encrypt whose key is of an account that is neither the caller's nor one of organisation.accounts. While organisation.accounts is empty all but ReEncrypt are medium, and low where the principal used the key on an earlier day or the account is known for less than 7 days with records. AWS services that act by themselves do not fire. A refused call fires one severity lower.",
    reads: &[
        "eventName",
        "errorCode",
        "errorMessage",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.sourceKeyId",
        "requestParameters.destinationKeyId",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

/// What a message says before the key that ReEncrypt may not encrypt under.
const REENCRYPT_TO: &str = "kms:ReEncryptTo on resource: ";

impl Rule for ReencryptForeign {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        foreign_destination(record).is_some() && is_made_or_refused(record)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let key = foreign_destination(record).filter(|_| is_made_or_refused(record))?;
        let account = key.account();
        let accounts = &light.configuration.organisation.accounts;
        if accounts.contains(account) {
            return None;
        }
        let operation = cut(record.operation.name());
        let name = key_in_title(Some(key.as_str()));
        let title = match operation {
            "ReEncrypt" => format!("Data was re-encrypted under {name} of account {account}"),
            _ => format!("{operation} with {name} of account {account}"),
        };
        let whose = if accounts.is_empty() {
            "another account (no organisation is configured)"
        } else {
            "an account outside the organisation"
        };
        // While nobody said which accounts belong together, a shared key of another one may be anybody's: what
        // the principal did on an earlier day is its habit, and in the first days everything may be.
        let is_guess = accounts.is_empty() && operation != "ReEncrypt";
        let is_learning = is_guess && !light.past.customs.is_account_known();
        let used_before = is_guess
            .then(|| used_before_today(record, key, light))
            .flatten();
        let severity = match (is_guess, is_learning || used_before.is_some()) {
            (false, _) => Severity::High,
            (true, false) => Severity::Medium,
            (true, true) => Severity::Low,
        };
        let mut hit = Hit::of(record, severity, title)
            .key(Some(key.as_str()))
            .because(
                Evidence::new(
                    "key_account",
                    format!("The key is of {account}, {whose}: whoever owns it decides who reads what is encrypted with it"),
                )
                .observed(account)
                .expected(&*record.account),
            )
            .because(Evidence::new("operation", format!("{operation} by {}", cut(record.principal()))).observed(operation));
        if is_learning {
            hit = hit.because(learning_evidence());
        } else if let Some(used) = used_before {
            let text =
                format!("The principal used this key on an earlier day already, last at {used}");
            hit = hit.because(Evidence::new("last_use", text).observed(used));
        }
        if operation == "ReEncrypt"
            && let Some(source) = record.key.as_ref().filter(|source| *source != key)
        {
            let text = format!(
                "The data was under {} before",
                key_in_title(Some(source.as_str()))
            );
            hit = hit.because(Evidence::new("source_key", text).observed(cut(source.as_str())));
        }
        let path = record.service_path();
        if path != keytrail_event::source::DIRECT {
            let text = format!("The call came through {path}");
            hit = hit.because(Evidence::new("service_path", text).observed(path));
        }
        if light.count > 1 {
            let text = format!("{} such calls within the hour", light.count);
            hit = hit.because(Evidence::new("calls", text).observed(light.count));
        }
        let hit = hit
            .next("Find what was encrypted (the encryption context names the resource), and whether its old copies still exist: keep them.")
            .next(format!("If account {account} is yours or a partner's, add it to organisation.accounts in keytrail.toml."))
            .next(events_of_principal(record, 24));
        Some(hit.lower_if_refused(record, light))
    }
}

/// When the principal last used the key on a day before this one, as far back as pairs are remembered.
fn used_before_today(record: &Record<'_>, key: &KeyName, light: &Light<'_>) -> Option<EventTime> {
    let midnight = record.time.day().start();
    let span = (
        Day::from_days_since_1970(0).start(),
        midnight.plus_seconds(-1),
    );
    let is_caller = |principal: &str| principal == record.principal();
    let name = light.past.resolve(key.as_str());
    let used = light
        .uses
        .first_use_by(name, &is_caller, span, light.past)?;
    Some(used.last)
}

/// The key of another account that data is encrypted under, in the copy of the caller's account.
fn foreign_destination<'r>(record: &'r Record<'_>) -> Option<&'r KeyName> {
    let key = match record.operation.name() {
        "ReEncrypt" => record
            .destination_key
            .as_ref()
            .or_else(|| refused_destination(record)),
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" | "Encrypt" => record.key.as_ref(),
        _ => None,
    }?;
    let is_callers_copy = !record.identity.is_foreign_to(&record.account);
    (record.is_kms()
        && is_callers_copy
        && !super::caller::is_aws(record)
        && key.account() != record.account)
        .then_some(key)
}

/// The key that a refused ReEncrypt names as its destination: such a record shows no request, and its key is the one of the
/// message, which tells for what it was refused.
fn refused_destination<'r>(record: &'r Record<'_>) -> Option<&'r KeyName> {
    let key = record.key.as_ref()?;
    let (_, resource) = record.error_message.as_deref()?.split_once(REENCRYPT_TO)?;
    let is_it = resource.strip_prefix(key.as_str()).is_some_and(|rest| {
        let next = rest.bytes().next();
        !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    is_it.then_some(key)
}
