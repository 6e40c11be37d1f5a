//! The operations of the KMS API, by name and class.

use std::borrow::Cow;

use serde::Serialize;

/// What kind of use of a key an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationClass {
    /// The key computes something: Decrypt, GenerateDataKey, Sign.
    Cryptographic,
    /// The key, its material, its names or its key store change.
    Management,
    /// Who may use the key changes: policies and grants.
    Permission,
    /// Somebody looks: Describe, Get and List calls.
    Discovery,
    /// An operation that the table does not know. Its records are kept.
    Unknown,
}

impl OperationClass {
    /// The class as it stands in output: `cryptographic`, `management`, `permission`, `discovery` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cryptographic => "cryptographic",
            Self::Management => "management",
            Self::Permission => "permission",
            Self::Discovery => "discovery",
            Self::Unknown => "unknown",
        }
    }
}

use OperationClass::{Cryptographic, Discovery, Management, Permission};

/// The 56 operations of the KMS API (version 2014-11-01 as of 2026), sorted by name.
pub const KMS_OPERATIONS: [(&str, OperationClass); 56] = [
    ("CancelKeyDeletion", Management),
    ("ConnectCustomKeyStore", Management),
    ("CreateAlias", Management),
    ("CreateCustomKeyStore", Management),
    ("CreateGrant", Permission),
    ("CreateKey", Management),
    ("Decapsulate", Cryptographic),
    ("Decrypt", Cryptographic),
    ("DeleteAlias", Management),
    ("DeleteCustomKeyStore", Management),
    ("DeleteImportedKeyMaterial", Management),
    ("DeriveSharedSecret", Cryptographic),
    ("DescribeCustomKeyStores", Discovery),
    ("DescribeKey", Discovery),
    ("DisableKey", Management),
    ("DisableKeyRotation", Management),
    ("DisconnectCustomKeyStore", Management),
    ("EnableKey", Management),
    ("EnableKeyRotation", Management),
    ("Encapsulate", Cryptographic),
    ("Encrypt", Cryptographic),
    ("GenerateDataKey", Cryptographic),
    ("GenerateDataKeyPair", Cryptographic),
    ("GenerateDataKeyPairWithoutPlaintext", Cryptographic),
    ("GenerateDataKeyWithoutPlaintext", Cryptographic),
    ("GenerateMac", Cryptographic),
    ("GenerateRandom", Cryptographic),
    ("GetKeyLastUsage", Discovery),
    ("GetKeyPolicy", Discovery),
    ("GetKeyRotationStatus", Discovery),
    ("GetParametersForImport", Management),
    ("GetPublicKey", Discovery),
    ("ImportKeyMaterial", Management),
    ("ListAliases", Discovery),
    ("ListGrants", Discovery),
    ("ListKeyPolicies", Discovery),
    ("ListKeyRotations", Discovery),
    ("ListKeys", Discovery),
    ("ListResourceTags", Discovery),
    ("ListRetirableGrants", Discovery),
    ("PutKeyPolicy", Permission),
    ("ReEncrypt", Cryptographic),
    ("ReplicateKey", Management),
    ("RetireGrant", Permission),
    ("RevokeGrant", Permission),
    ("RotateKeyOnDemand", Management),
    ("ScheduleKeyDeletion", Management),
    ("Sign", Cryptographic),
    ("TagResource", Management),
    ("UntagResource", Management),
    ("UpdateAlias", Management),
    ("UpdateCustomKeyStore", Management),
    ("UpdateKeyDescription", Management),
    ("UpdatePrimaryRegion", Management),
    ("Verify", Cryptographic),
    ("VerifyMac", Cryptographic),
];

/// Names that KMS writes into CloudTrail by itself, which no caller can ask for
/// (AWS KMS Developer Guide, "Logging AWS KMS API calls").
pub const KMS_SERVICE_EVENTS: [(&str, OperationClass); 4] = [
    ("DeleteExpiredKeyMaterial", Management),
    ("DeleteKey", Management),
    ("RotateKey", Management),
    ("SynchronizeMultiRegionKey", Management),
];

/// Places in [`PLACES`]; sparse enough that few names meet.
const PLACES_LEN: usize = 256;

/// Every known operation at the place that [`place_of`] gives it, or at the next free one.
static PLACES: [Option<(&str, OperationClass)>; PLACES_LEN] = {
    let mut places = [None; PLACES_LEN];
    let mut index = 0;
    while index < KMS_OPERATIONS.len() + KMS_SERVICE_EVENTS.len() {
        let entry = if index < KMS_OPERATIONS.len() {
            KMS_OPERATIONS[index]
        } else {
            KMS_SERVICE_EVENTS[index - KMS_OPERATIONS.len()]
        };
        let mut place = place_of(entry.0.as_bytes());
        while places[place].is_some() {
            place = (place + 1) % PLACES_LEN;
        }
        places[place] = Some(entry);
        index += 1;
    }
    places
};

/// A hash of the length and of a few bytes of a name.
const fn place_of(name: &[u8]) -> usize {
    let length = name.len();
    if length < 4 {
        return 0;
    }
    let mut hash = length;
    hash = hash * 31 + name[0] as usize;
    hash = hash * 31 + name[length / 2] as usize;
    hash = hash * 31 + name[length - 4] as usize;
    hash = hash * 31 + name[length - 1] as usize;
    (hash ^ hash >> 8) % PLACES_LEN
}

/// What is known of the operation of this name.
fn find(name: &str) -> Option<(&'static str, OperationClass)> {
    let mut place = place_of(name.as_bytes());
    while let Some(entry) = PLACES[place] {
        if entry.0 == name {
            return Some(entry);
        }
        place = (place + 1) % PLACES_LEN;
    }
    None
}

/// An operation as the record names it, with what the table knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation<'a> {
    name: Cow<'a, str>,
    class: OperationClass,
}

impl<'a> Operation<'a> {
    /// The KMS operation of this name; an unknown name is kept, as class `unknown`.
    #[must_use]
    pub fn kms(name: Cow<'a, str>) -> Self {
        match find(&name) {
            Some((name, class)) => Self {
                name: Cow::Borrowed(name),
                class,
            },
            None => Self {
                name,
                class: OperationClass::Unknown,
            },
        }
    }

    /// An operation of another service: its name with no class.
    #[must_use]
    pub const fn of_other_service(name: Cow<'a, str>) -> Self {
        Self {
            name,
            class: OperationClass::Unknown,
        }
    }

    /// The same, with the name lent.
    #[inline]
    pub(crate) fn borrowed(&self) -> Operation<'_> {
        Operation {
            name: Cow::Borrowed(&self.name),
            class: self.class,
        }
    }

    /// The name as CloudTrail writes it (`eventName`).
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The class of the operation.
    #[must_use]
    pub const fn class(&self) -> OperationClass {
        self.class
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_have_no_twins() {
        for pair in KMS_OPERATIONS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} before {}", pair[0].0, pair[1].0);
        }
        for pair in KMS_SERVICE_EVENTS.windows(2) {
            assert!(pair[0].0 < pair[1].0);
        }
        for (name, _) in KMS_SERVICE_EVENTS {
            assert!(KMS_OPERATIONS.iter().all(|(known, _)| *known != name));
        }
    }

    #[test]
    fn every_name_finds_its_own_class() {
        for (name, class) in KMS_OPERATIONS.into_iter().chain(KMS_SERVICE_EVENTS) {
            let operation = Operation::kms(Cow::Borrowed(name));
            assert_eq!((operation.name(), operation.class()), (name, class));
        }
    }

    #[test]
    fn an_unknown_operation_is_kept_under_its_name() {
        let operation = Operation::kms(Cow::Borrowed("TransmogrifyKey"));
        assert_eq!(operation.name(), "TransmogrifyKey");
        assert_eq!(operation.class(), OperationClass::Unknown);
    }
}
