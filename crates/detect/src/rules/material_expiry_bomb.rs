//! `material-expiry-bomb`: material was imported with an expiry, used, and is gone.

use keytrail_event::Record;
use keytrail_event::time::DAY_SECONDS;

use super::key_material::Import;
use super::support::{
    cut, duration, events_of_key, import_commands, is_owners_copy, key_argument, key_in_title,
    key_of,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct MaterialExpiryBomb;

/// A key used this many seconds before its material came was in use then.
const IN_USE_SECONDS: i64 = DAY_SECONDS;

const ABOUT: About = About {
    id: "material-expiry-bomb",
    title: "Imported material with an expiry is gone from a key in use",
    severities: &[Severity::Critical],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "the account keeps control of its keys",
    side: Side::Owner,
    fires_when: "DeleteImportedKeyMaterial or DeleteExpiredKeyMaterial takes material from a key after GetParametersForImport and ImportKeyMaterial with an expiry were seen, and the key was used since the import or in the 24 hours before it.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.expirationModel",
        "requestParameters.validTo",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for MaterialExpiryBomb {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let is_gone = matches!(
            record.operation.name(),
            "DeleteImportedKeyMaterial" | "DeleteExpiredKeyMaterial"
        );
        if !is_gone || !record.outcome.is_success() || !is_owners_copy(record) {
            return None;
        }
        let key = key_of(record, light)?;
        let import = light.past.key(key)?.material.imported.as_ref()?;
        let expires = import.expires?;
        let is_armed = import.was_asked_for && import.at <= record.time;
        let used = light.uses.last_use(key, record.time, light.past)?;
        let is_in_use = used >= import.at.plus_seconds(-IN_USE_SECONDS);
        // Material that was gone already cannot go again.
        let was_gone = import.gone.is_some_and(|gone| gone < record.time);
        if !is_armed || !is_in_use || was_gone {
            return None;
        }
        let title = format!(
            "{} has lost its imported material while in use",
            key_in_title(Some(key))
        );
        let gone = if record.operation.name() == "DeleteExpiredKeyMaterial" {
            "the material expired".to_owned()
        } else {
            format!("{} deleted the material", cut(record.principal()))
        };
        let argument = key_argument(key);
        Some(
            Hit::of(record, Severity::Critical, title)
                .key(Some(key))
                .because(chain(import, record, &gone).observed(expires))
                .because(
                    Evidence::new(
                        "last_use",
                        format!(
                            "The key was last used {} before",
                            duration(record.time.seconds_since(used).max(0))
                        ),
                    )
                    .observed(used),
                )
                .next(format!(
                    "Import the same material again, from your own copy: {}", import_commands(&argument)
                ))
                .next("If nobody but the importer has the material, treat this as extortion: secure backups and snapshots under other keys first.")
                .next(events_of_key(Some(key), record, 24)),
        )
    }
}

fn chain(import: &Import, record: &Record<'_>, gone: &str) -> Evidence {
    let expires = import
        .expires
        .map_or_else(String::new, |expires| format!(", to expire at {expires}"));
    let text = format!(
        "{} imported material at {}{expires}; {gone} at {}",
        cut(&import.by),
        import.at,
        record.time
    );
    Evidence::new("material", text)
}
