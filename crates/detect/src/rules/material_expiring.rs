//! `material-expiring`: imported material of a key in use is about to expire.

use keytrail_event::time::DAY_SECONDS;

use super::day::{DayHit, DayLight};
use super::key_material::Import;
use super::support::{argument, cut, duration, import_commands, key_argument, key_in_title};
use super::{About, Hit, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct MaterialExpiring;

const ABOUT: About = About {
    id: "material-expiring",
    title: "Imported material of a key in use is about to expire",
    severities: &[Severity::Medium],
    attack: &[("TA0040", "T1486", "T1486")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "The last ImportKeyMaterial seen of a key named an expiry that is at most 14 days away (rules.material_warning_days) at the end of a day, and the key was used in as many days before. Told once for each expiry.",
    reads: &[
        "eventName",
        "eventTime",
        "eventID",
        "errorCode",
        "recipientAccountId",
        "requestParameters.keyId",
        "requestParameters.expirationModel",
        "requestParameters.validTo",
        "resources[].ARN",
        "userIdentity",
    ],
};

impl Rule for MaterialExpiring {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let imports = light
            .past
            .keys()
            .filter_map(|(key, life)| Some((key, life.material.imported.as_ref()?)));
        imports
            .filter_map(|(key, import)| judge_import(key, import, light))
            .collect()
    }
}

fn judge_import(key: &str, import: &Import, light: &DayLight<'_>) -> Option<DayHit> {
    let days = light.configuration.rules.material_warning_days;
    let warning = (days as i64).saturating_mul(DAY_SECONDS);
    let expires = import.expires.filter(|_| import.gone.is_none())?;
    let left = expires.seconds_since(light.until);
    if !(0..=warning).contains(&left) {
        return None;
    }
    let used = light.uses.last_use(key, light.until, light.past)?;
    if light.until.seconds_since(used) > warning {
        return None;
    }
    let title = format!(
        "The imported material of {} expires in {}",
        key_in_title(Some(key)),
        duration(left)
    );
    let text = format!(
        "{} imported the material at {}; it expires at {expires}",
        cut(&import.by),
        import.at
    );
    let hit = Hit::about(None, Some(key), Severity::Medium, title)
        .class(expires.to_string())
        .because(
            Evidence::new("material_expires", text)
                .observed(expires)
                .expected(format!("more than {days} days from now")),
        )
        .because(
            Evidence::new("last_use", format!("The key was last used at {used}")).observed(used),
        )
        .next(format!(
            "Import the same material again before {expires}, with a later expiry or none: {}",
            import_commands(&key_argument(key))
        ))
        .next(format!(
            "See who needs the key: keytrail events ARCHIVE --key {} --since {}",
            argument(key, "key"),
            used.plus_seconds(-DAY_SECONDS)
        ));
    if light.was_told(ABOUT.id, &hit) {
        return None;
    }
    // What happened is the use of a key that will not last; the import is where it began.
    let mut found = DayHit::over(hit, Some(&import.region), [(used, "", true)])?.once();
    found.event_ids = vec![import.event_id.clone()];
    Some(found)
}
