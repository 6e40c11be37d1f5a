//! Rules: what is wrong by itself, judged record by record in the light of a bounded past.
//!
//! A rule is one file here, one page in `docs/rules/` and two fixtures: one that fires it and the
//! nearest benign case, which must not.

pub mod bulk;
pub mod bulk_habits;
pub mod change_habits;
pub mod customs;
pub mod day;
pub mod deletion_habits;
pub mod grant;
pub mod grant_ledger;
pub mod habits;
pub mod key_changes;
pub mod key_customs;
pub mod key_life;
pub mod key_material;
pub mod lately;
pub mod log_gap;
pub mod looking_habits;
pub mod past;

mod about;
mod alias_repointed;
mod asymmetric_first;
mod bare_refusal;
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
mod grant_ended;
mod grant_external;
mod grant_revoked_in_use;
mod grant_sprawl;
mod grant_stale;
mod hit;
mod iam_decrypt_all;
mod inline_policies;
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
mod moved_data;
mod pending_key_used;
mod plaintext_datakey;
mod policy_changed;
mod policy_external;
mod policy_leaves_out;
mod policy_lockout;
mod policy_public;
pub(crate) mod policy_put;
mod policy_put_back;
mod policy_shuts_out;
mod policy_takes_away;
mod policy_weakened;
mod primary_moved;
mod ransom_chain;
mod reencrypt_foreign;
mod region_new;
mod region_replicated;
mod root_used;
mod rotation_burst;
mod rotation_disabled;
pub mod seen_policy;
mod selection;
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
mod trail_key;
mod trail_kms_excluded;
mod trail_narrowed;
mod trail_settings;
mod trail_stopped;
mod unused;
mod wide_grant;

use keytrail_event::Record;

pub use self::about::{About, Side};
pub use self::hit::{Hit, OnRepeat};
use self::policy_put::WrittenPolicy;
pub(crate) use self::ransom_chain::RANSOM_CHAIN;
pub use self::selection::{is_frequent_elsewhere, may_be_selected, selecting};
use crate::configuration::Configuration;
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

    /// Judges one record. Called in the order of (time, event id), of one second first for what makes a key, each time with what came before.
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
