//! `grant-revoked-in-use`: a grant is taken from somebody who is using it, or from an AWS service.

use std::collections::BTreeSet;

use keytrail_event::Record;
use keytrail_event::key::short_key_name;
use keytrail_event::time::{DAY_SECONDS, HOUR_SECONDS};

use super::caller::{is_aws, is_chosen_by_service, is_infrastructure};
use super::change_habits::ChangedIn;
use super::day::{DayHit, DayLight};
use super::grant::grant_id;
use super::grant_ledger::Ended;
use super::habits::HABIT_DAYS;
use super::key_changes::{KeyChange, new_spells};
use super::past::Past;
use super::sightings::events_of;
use super::support::{
    argument, cut, duration, events_of_principal, is_owners_call, is_refused_at_owner,
    key_in_title, key_of, listed,
};
use super::{About, Hit, Light, Rule, Side};
use crate::finding::{Evidence, Severity};

/// The rule.
pub struct GrantRevokedInUse;

const OPERATION: &str = "RevokeGrant";
const RETIRE: &str = "RetireGrant";
const MINUTE_SECONDS: i64 = 60;
/// Grants within an hour from which ending them is no tidying up of one.
const BULK_MIN: usize = 3;

const ABOUT: About = About {
    id: "grant-revoked-in-use",
    title: "A grant was revoked while its grantee used the key",
    severities: &[Severity::Low, Severity::Medium],
    attack: &[("TA0040", "T1485", "T1485")],
    practice: "no key is taken away while data depends on it",
    side: Side::Owner,
    fires_when: "RevokeGrant, not by AWS, ends a grant that was seen to be made, and its grantee used the key in the hour before (rules.grant_in_use_minutes). A refused call fires one severity lower. RevokeGrant or RetireGrant by anybody but AWS ends a grant that an AWS service made for a resource of its own: low; three of them by one principal within an hour: medium. One principal revokes three within an hour whose making was not seen, and has made grants on fewer than 3 earlier days: low.",
    reads: &[
        "eventName",
        "eventTime",
        "errorCode",
        "recipientAccountId",
        "requestParameters.grantId",
        "additionalEventData.grantId",
        "requestParameters.granteePrincipal (of CreateGrant)",
        "responseElements.grantId (of CreateGrant)",
        "resources[].ARN",
        "userIdentity",
        "userIdentity.invokedBy",
    ],
};

impl Rule for GrantRevokedInUse {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn selects(&self, record: &Record<'_>) -> bool {
        is_refused_at_owner(record, OPERATION)
    }

    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let is_end = [OPERATION, RETIRE]
            .iter()
            .any(|name| is_owners_call(record, name));
        if !is_end || is_by_service(record) {
            return None;
        }
        let body = record.body();
        let (key, id) = (key_of(record, light)?, grant_id(body)?);
        if light.past.grants.ended_by(record, key) == Ended::OfService {
            return record
                .outcome
                .is_success()
                .then(|| of_service(record, key, id));
        }
        if record.operation.name() != OPERATION {
            return None;
        }
        let grant = light.past.grants.find(key, id)?;
        let minutes = light.configuration.rules.grant_in_use_minutes;
        let span = (minutes as i64).saturating_mul(MINUTE_SECONDS);
        let since = record.time.plus_seconds(-span).max(grant.at);
        let used = light.uses.first_use_by(
            key,
            &|principal| grant.is_grantee(principal) == Some(true),
            (since, record.time),
            light.past,
        )?;
        let grantee = cut(&grant.grantee);
        let title = format!(
            "Grant on {} revoked while {grantee} used the key",
            key_in_title(Some(key))
        );
        let last = duration(record.time.seconds_since(used.last).max(0));
        let hit = Hit::of(record, Severity::Medium, title)
            .key(Some(key))
            .class(grantee)
            .because(
                Evidence::new(
                    "last_use",
                    format!("{} used the key {last} before", cut(&used.principal)),
                )
                .observed(used.last),
            )
            .because(
                Evidence::new(
                    "grant_id",
                    format!(
                        "{} granted it at {}: {}",
                        cut(&grant.by),
                        grant.at,
                        listed(grant.operations.iter().map(String::as_str))
                    ),
                )
                .observed(id),
            )
            .next(format!(
                "See whether the grantee fails now: keytrail events ARCHIVE --key {} --since {}",
                argument(key, "key"),
                record.time
            ))
            .next("If nobody planned this, grant it again: aws kms create-grant with the same grantee, operations and constraints.");
        Some(hit.lower_if_refused(record, light))
    }
    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let of_service = bulks(light, Ended::OfService).into_iter();
        let of_service = of_service.filter_map(|(principal, spell)| {
            let hit = bulk_hit(principal, &spell, Severity::Medium)
                .class("of_services")
                .because(Evidence::new(
                    "grants",
                    "AWS services made these grants for resources of theirs, which cannot use their keys any more: volumes, functions, databases",
                ).observed(spell.len()));
            DayHit::over_changes(hit, &spell, light)
        });
        let unknown = bulks(light, Ended::Unknown).into_iter();
        let unknown = unknown.filter(|(principal, _)| !makes_grants(principal, light));
        let unknown = unknown.filter_map(|(principal, spell)| {
            let hit = bulk_hit(principal, &spell, Severity::Low)
                .class("unseen")
                .because(Evidence::new(
                    "grants",
                    "The making of these grants is in no record read so far: who loses what is not known. The caller does not make grants as a habit",
                ).observed(spell.len()));
            DayHit::over_changes(hit, &spell, light)
        });
        of_service.chain(unknown).collect()
    }
}

/// Whether a service ends the grant, by itself or for a resource of its own.
fn is_by_service(record: &Record<'_>) -> bool {
    is_aws(record) || is_infrastructure(record.principal()) || is_chosen_by_service(record)
}

/// A grant that an AWS service made, ended by somebody else.
fn of_service(record: &Record<'_>, key: &str, id: &str) -> Hit {
    let title = format!(
        "A grant that an AWS service made on {} was ended by hand",
        key_in_title(Some(key))
    );
    Hit::of(record, Severity::Low, title)
        .key(Some(key))
        .class("of_service")
        .because(
            Evidence::new(
                "grant_id",
                "The service made the grant for a resource of its own, such as a volume or a function, which may not read its data any more",
            )
            .observed(id),
        )
        .next(format!(
            "See what uses the key: keytrail events ARCHIVE --key {} --since {}",
            argument(key, "key"),
            record.time.plus_seconds(-DAY_SECONDS)
        ))
        .next(events_of_principal(record, 24))
}

/// The spells within an hour in which one principal ended several such grants, some of them not judged before.
fn bulks<'a>(light: &DayLight<'a>, ended: Ended) -> Vec<(&'a str, Vec<&'a KeyChange>)> {
    let past: &'a Past = light.past;
    let groups = past.changes.grouped(
        |change| change.is_made && change.ended == ended,
        |change| &change.principal,
    );
    let is_bulk = |window: &[&KeyChange]| window.len() >= BULK_MIN;
    new_spells(groups, HOUR_SECONDS, is_bulk, light)
}

/// Whether the principal makes grants as a habit: whoever does ends them too. One that is made just before is no habit.
fn makes_grants(principal: &str, light: &DayLight<'_>) -> bool {
    let habits = &light.customs.change_habits;
    habits.days(principal, ChangedIn::Grants, light.day) >= HABIT_DAYS
}

fn bulk_hit(principal: &str, spell: &[&KeyChange], severity: Severity) -> Hit {
    let keys: BTreeSet<&str> = spell.iter().map(|change| change.key.as_str()).collect();
    let (first, last) = (spell[0].at, spell[spell.len() - 1].at);
    let (count, noun) = (keys.len(), if keys.len() == 1 { "key" } else { "keys" });
    let title = format!(
        "One principal ended {} grants of {count} {noun} between {first} and {last}",
        spell.len()
    );
    let names: Vec<_> = keys.iter().copied().map(short_key_name).collect();
    let names = listed(names.iter().map(|name| &**name));
    Hit::about(Some(principal), None, severity, title)
        .because(Evidence::new("keys", format!("Grants of {names}")).observed(count))
        .names(keys)
        .next("See what fails since: volumes that do not attach, functions and databases that do not start. Their services make new grants when they are started again.")
        .next(events_of(principal, first, 24))
}
