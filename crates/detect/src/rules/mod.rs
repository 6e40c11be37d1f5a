//! Rules: what is wrong by itself, judged record by record in the light of a bounded past.
//!
//! A rule is one file here, one page in `docs/rules/` and two fixtures: one that fires it and the
//! nearest benign case, which must not.

pub mod customs;
pub mod day;
pub mod grant;
pub mod grant_ledger;
pub mod key_changes;
pub mod key_life;
pub mod key_material;
pub mod lately;
pub mod log_gap;
pub mod past;

mod alias_repointed;
mod asymmetric_first;
mod caller;
mod chain;
mod context_anomaly;
mod cross_account_use;
mod default_encryption_off;
mod denied_sweep;
mod denied_then_allowed;
mod direct_use_of_service_key;
mod discovery_sweep;
mod enclave_debug;
mod event_selectors;
mod foreign_key_default;
mod foreign_key_object;
mod foreign_keys;
pub(crate) mod gathered;
mod grant_broad;
mod grant_delegable;
mod grant_duplicate;
mod grant_external;
mod grant_revoked_in_use;
mod grant_sprawl;
mod grant_stale;
mod iam_decrypt_all;
mod key_churn;
mod key_deletion_bulk;
mod key_deletion_scheduled;
mod key_disabled;
mod key_origin_external;
mod key_store_tampered;
mod log_silence;
mod material_deleted;
mod material_expiring;
mod material_expiry_bomb;
mod material_imported;
mod pending_key_used;
mod plaintext_datakey;
mod policy_changed;
mod policy_external;
mod policy_lockout;
mod policy_public;
pub(crate) mod policy_put;
mod policy_weakened;
mod primary_moved;
pub(crate) mod ransom_chain;
mod reencrypt_foreign;
mod region_new;
mod region_replicated;
mod root_used;
mod rotation_burst;
mod rotation_disabled;
pub mod seen_policy;
mod selector;
mod self_grant_use;
mod services_past;
mod sightings;
mod sod_violation;
mod sorted_set;
mod sse_c_burst;
pub(crate) mod support;
pub(crate) mod sweep;
mod tags_changed;
pub(crate) mod theft_chain;
mod throttled;
mod trail_kms_excluded;
mod trail_narrowed;
mod trail_settings;
mod trail_stopped;
mod wide_grant;

use keytrail_event::{KeyName, PrincipalType, Record};

use self::policy_put::WrittenPolicy;
use crate::configuration::Configuration;
use crate::finding::{Attack, Evidence, FindingId, Severity};
use day::{DayHit, DayLight};
use past::{KeyUses, Past};

/// A rule over records.
pub trait Rule: Sync {
    /// What the rule is.
    fn about(&self) -> &'static About;

    /// Whether records can fire the rule; one that digests fire is raised by whoever verifies them.
    fn is_raised_by_records(&self) -> bool {
        true
    }

    /// Whether the rule wants this frequent record. Changes that were made reach every rule; of
    /// other records the first and last of each (rule, account, principal, key, hour) do.
    fn selects(&self, record: &Record<'_>) -> bool {
        let _ = record;
        false
    }

    /// What of a frequent record tells groups of it apart, beside rule, caller, key, hour, operation and outcome.
    fn aspect(&self, record: &Record<'_>) -> String {
        let _ = record;
        String::new()
    }

    /// Judges one record. Called in the order of (time, event id), each time with what came before.
    fn judge(&self, record: &Record<'_>, light: &Light<'_>) -> Option<Hit> {
        let _ = (record, light);
        None
    }

    /// Judges an account's day once its records are learnt: for rules over sets of records and cells.
    fn judge_day(&self, light: &DayLight<'_>) -> Vec<DayHit> {
        let _ = light;
        Vec::new()
    }
}

/// What a rule may look at beside the record.
#[derive(Debug, Clone, Copy)]
pub struct Light<'a> {
    /// What the account's earlier records told.
    pub past: &'a Past,
    /// When keys were used.
    pub uses: &'a dyn KeyUses,
    /// What the user decided.
    pub configuration: &'a Configuration,
    /// How many records the one judged stands for: 1, or the distinct ones of its group.
    pub count: u64,
    /// How many calls of the same principal that the rule selected lie within ten minutes of them, at most.
    pub burst_calls: u64,
    /// The policy that the record writes.
    pub written: &'a WrittenPolicy,
}

impl Light<'_> {
    /// Whether the refused calls that the record stands for are part of a burst: by one principal, on
    /// whatever keys, within ten minutes.
    #[must_use]
    pub const fn is_burst(&self) -> bool {
        self.burst_calls >= BURST_CALLS_MIN
    }
}

/// Seconds within which refused calls are a burst.
pub const BURST_SECONDS: u64 = 600;
/// Refused calls from which they weigh as much as one that was made.
pub const BURST_CALLS_MIN: u64 = 3;

/// What a rule is: what `rules list` and `rules show` print and what every finding carries.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The stable id, such as `key-disabled`.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The severities it can have, lowest first.
    pub severities: &'static [Severity],
    /// The ATT&CK technique as (tactic, id in v18, id in v19).
    pub attack: &'static [(&'static str, &'static str, &'static str)],
    /// The practice of key management it protects.
    pub practice: &'static str,
    /// Which copy of a cross-account call it reads.
    pub side: Side,
    /// What fires it, in a sentence or two.
    pub fires_when: &'static str,
    /// The record's fields it reads.
    pub reads: &'static [&'static str],
}

impl About {
    /// The techniques as findings carry them: an id that v19 changed stands in both versions.
    #[must_use]
    pub fn techniques(&self) -> Vec<Attack> {
        let attack = |version: &str, tactic: &str, technique: &str| Attack {
            version: version.to_owned(),
            tactic: tactic.to_owned(),
            technique: technique.to_owned(),
        };
        let versions = self.attack.iter().flat_map(|(tactic, v18, v19)| {
            let renamed = (v18 != v19).then(|| attack("v19", tactic, v19));
            std::iter::once(attack("v18", tactic, v18)).chain(renamed)
        });
        versions.collect()
    }
}

/// Which copy of a cross-account call a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The copy in the account that owns the key.
    Owner,
    /// The copy in the caller's account.
    Caller,
}

impl Side {
    /// The side as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Caller => "caller",
        }
    }
}

/// What a rule found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Tells problems of one rule, principal and key apart; mostly empty.
    pub class: String,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in one line.
    pub title: String,
    /// The principal the finding is about; `None` when it is about the key or account alone.
    pub principal: Option<String>,
    /// The key the finding is about.
    pub key: Option<String>,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub next_steps: Vec<String>,
}

impl Hit {
    /// A hit about this record's principal and key.
    #[must_use]
    pub fn of(record: &Record<'_>, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            class: String::new(),
            severity,
            title: title.into(),
            principal: Some(record.principal().to_owned()),
            key: record.key.as_ref().map(|key| key.as_str().to_owned()),
            evidence: Vec::new(),
            next_steps: Vec::new(),
        }
    }

    /// A hit about what no single record shows.
    #[must_use]
    pub fn about(
        principal: Option<&str>,
        key: Option<&str>,
        severity: Severity,
        title: impl Into<String>,
    ) -> Self {
        Self {
            class: String::new(),
            severity,
            title: title.into(),
            principal: principal.map(str::to_owned),
            key: key.map(str::to_owned),
            evidence: Vec::new(),
            next_steps: Vec::new(),
        }
    }

    /// The id that the finding will have.
    #[must_use]
    pub fn finding_id(&self, rule: &str, account: &str) -> FindingId {
        let part = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        FindingId::new(
            rule,
            &[
                account,
                &part(&self.principal),
                &part(&self.key),
                &self.class,
            ],
        )
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// The same with a step to take.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_steps.push(step.into());
        self
    }

    /// The same with a class.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.class = class.into();
        self
    }

    /// The same about this key.
    #[must_use]
    pub fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// The same as an attempt when the call failed: one severity lower, unless it is a burst. Attempts
    /// are a problem of their own, so that a later success is a new finding.
    #[must_use]
    pub fn lower_if_refused(mut self, record: &Record<'_>, light: &Light<'_>) -> Self {
        if record.outcome.is_success() {
            return self;
        }
        let is_refused = support::is_refused(record);
        let verb = if is_refused { "Refused" } else { "Failed" };
        self.title = format!("{verb}: {}", self.title);
        self.class = [self.class.as_str(), "attempt"]
            .join(" ")
            .trim_start()
            .to_owned();
        let code = support::cut(record.outcome.as_str());
        let mut text = format!("The call failed with {code}: nothing changed");
        if light.is_burst() {
            text.push_str(&format!(
                "; {} such calls by the principal within ten minutes",
                light.burst_calls
            ));
        } else {
            self.severity = self.severity.lower();
        }
        self.because(Evidence::new("outcome", text).observed(code))
    }
}

/// All rules, sorted by id.
pub const RULES: [&dyn Rule; 56] = [
    &alias_repointed::AliasRepointed,
    &asymmetric_first::AsymmetricFirst,
    &context_anomaly::ContextAnomaly,
    &cross_account_use::CrossAccountUse,
    &default_encryption_off::DefaultEncryptionOff,
    &denied_sweep::DeniedSweep,
    &denied_then_allowed::DeniedThenAllowed,
    &direct_use_of_service_key::DirectUseOfServiceKey,
    &discovery_sweep::DiscoverySweep,
    &enclave_debug::EnclaveDebug,
    &foreign_key_default::ForeignKeyDefault,
    &foreign_key_object::ForeignKeyObject,
    &grant_broad::GrantBroad,
    &grant_delegable::GrantDelegable,
    &grant_duplicate::GrantDuplicate,
    &grant_external::GrantExternal,
    &grant_revoked_in_use::GrantRevokedInUse,
    &grant_sprawl::GrantSprawl,
    &grant_stale::GrantStale,
    &iam_decrypt_all::IamDecryptAll,
    &key_churn::KeyChurn,
    &key_deletion_bulk::KeyDeletionBulk,
    &key_deletion_scheduled::KeyDeletionScheduled,
    &key_disabled::KeyDisabled,
    &key_origin_external::KeyOriginExternal,
    &key_store_tampered::KeyStoreTampered,
    &log_gap::LogGap,
    &log_silence::LogSilence,
    &material_deleted::MaterialDeleted,
    &material_expiring::MaterialExpiring,
    &material_expiry_bomb::MaterialExpiryBomb,
    &material_imported::MaterialImported,
    &pending_key_used::PendingKeyUsed,
    &plaintext_datakey::PlaintextDatakey,
    &policy_changed::PolicyChanged,
    &policy_external::PolicyExternal,
    &policy_lockout::PolicyLockout,
    &policy_public::PolicyPublic,
    &policy_weakened::PolicyWeakened,
    &primary_moved::PrimaryMoved,
    &ransom_chain::RansomChain,
    &reencrypt_foreign::ReencryptForeign,
    &region_new::RegionNew,
    &region_replicated::RegionReplicated,
    &root_used::RootUsed,
    &rotation_burst::RotationBurst,
    &rotation_disabled::RotationDisabled,
    &self_grant_use::SelfGrantUse,
    &sod_violation::SodViolation,
    &sse_c_burst::SseCBurst,
    &tags_changed::TagsChanged,
    &theft_chain::TheftChain,
    &throttled::Throttled,
    &trail_kms_excluded::TrailKmsExcluded,
    &trail_narrowed::TrailNarrowed,
    &trail_stopped::TrailStopped,
];

/// The rule of this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static dyn Rule> {
    RULES.into_iter().find(|rule| rule.about().id == id)
}

/// Whether any rule can want this frequent record: something failed, the caller is root or of
/// another account, the key may be, or the record is of another service. Nearly every record is none of these, and no rule need be
/// asked. A rule that selects others widens this.
#[must_use]
pub fn may_be_selected(record: &Record<'_>) -> bool {
    !record.outcome.is_success()
        || record.identity.principal_type == PrincipalType::Root
        || record.identity.is_foreign_to(&record.account)
        || may_name_foreign_key(record)
        || !record.is_kms()
}

/// Whether the key, or the destination of ReEncrypt, may be of another account. A key's ARN ends with
/// `<account>:key/` and 36 characters, an alias begins `alias:<account>:`; what looks otherwise may be.
fn may_name_foreign_key(record: &Record<'_>) -> bool {
    const TAIL: usize = ":key/".len() + 36;
    let account = record.account.as_bytes();
    let is_own = |key: &KeyName| {
        let name = key.as_str().as_bytes();
        let before_tail = name.len().checked_sub(TAIL).map(|end| &name[..end]);
        before_tail.is_some_and(|before| before.ends_with(account))
            || name
                .strip_prefix(b"alias:")
                .is_some_and(|rest| rest.starts_with(account))
    };
    let keys = [&record.key, &record.destination_key];
    !keys.into_iter().flatten().all(is_own)
}

/// The rules that want this frequent record.
pub fn selecting<'r>(record: &'r Record<'_>) -> impl Iterator<Item = &'static dyn Rule> + 'r {
    let rules: &[&dyn Rule] = if may_be_selected(record) { &RULES } else { &[] };
    rules
        .iter()
        .copied()
        .filter(move |rule| rule.selects(record))
}

/// Whether records like this one come by the million though they are no use of a key, so that rules
/// select them and none is carried for its own sake.
#[must_use]
pub fn is_frequent_elsewhere(record: &Record<'_>) -> bool {
    foreign_keys::writes_object(record)
}
