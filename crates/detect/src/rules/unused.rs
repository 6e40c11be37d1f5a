//! Whether a key is used by nobody any more, as far as records tell.

use keytrail_event::EventTime;
use keytrail_event::time::DAY_SECONDS;

use super::customs::Customs;
use super::past::{KeyUses, Past};

/// A key that nobody used for so many days is likely to be missed by nobody: whatever runs monthly would have used it.
pub const UNUSED_DAYS: u32 = 35;

/// Whether nobody used the key in the days before this moment: of one that was seen to be created all uses would be
/// known, of another those since the account is known. Where no key's use was ever seen, the trail leaves out what reads
/// (`readOnly`), and no key is known to be unused. A key with an open grant is in use: a volume or a database holds one
/// for months, and calls KMS only when it starts.
pub fn is_unused(
    key: &str,
    at: EventTime,
    uses: &dyn KeyUses,
    (past, customs): (&Past, &Customs),
) -> bool {
    if past.grants.open_on(key) > 0 {
        return false;
    }
    match uses.last_use(key, at, past) {
        Some(used) => at.seconds_since(used) >= i64::from(UNUSED_DAYS) * DAY_SECONDS,
        None => {
            let created = past.key(key).and_then(|life| life.created);
            let is_told = created.is_some() || customs.knows_account_for(UNUSED_DAYS);
            is_told && customs.knows_uses()
        }
    }
}
