//! KMS actions, what each lets its caller do, and the patterns that name them.
//!
//! A policy's `Action` is a pattern (`kms:*`, `kms:De*`, `kms:Decr?pt`, `*`), compared without regard to case. Here a
//! pattern becomes the set of the KMS actions that it matches, so that `kms:*`, a full list and a clever pattern are
//! one and the same thing to every question.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many actions a sentence names before it says how many more there are.
const ACTIONS_NAMED_MAX: usize = 5;
/// The bit for `kms:` actions that the table below does not know.
const UNKNOWN_BIT: u64 = 1 << 63;
/// How a sentence calls the actions that the table below does not know.
const UNKNOWN_NAME: &str = "a kms action that this version does not know";

/// What an action lets its caller do to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionClass {
    /// Cryptography with the key: `Decrypt`, `GenerateDataKey`, `Sign`.
    Crypto,
    /// Handing access on by grants: `CreateGrant`, `RetireGrant`, `RevokeGrant`.
    Grant,
    /// Changing the key, its policy, its material, its aliases or its tags; and every action that is not known yet.
    Admin,
    /// Looking without touching: `DescribeKey`, `ListGrants`; and `GenerateRandom`, which uses no key.
    Discovery,
}

impl fmt::Display for ActionClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Crypto => "cryptography",
            Self::Grant => "grants",
            Self::Admin => "administration",
            Self::Discovery => "discovery",
        })
    }
}

/// The KMS actions of the Service Authorization Reference. The position of an action is its bit in stored digests:
/// add new ones at the end, never in between.
const ACTIONS: [(&str, ActionClass); 58] = [
    ("kms:CancelKeyDeletion", ActionClass::Admin),
    ("kms:ConnectCustomKeyStore", ActionClass::Admin),
    ("kms:CreateAlias", ActionClass::Admin),
    ("kms:CreateCustomKeyStore", ActionClass::Admin),
    ("kms:CreateGrant", ActionClass::Grant),
    ("kms:CreateKey", ActionClass::Admin),
    ("kms:Decapsulate", ActionClass::Crypto),
    ("kms:Decrypt", ActionClass::Crypto),
    ("kms:DeleteAlias", ActionClass::Admin),
    ("kms:DeleteCustomKeyStore", ActionClass::Admin),
    ("kms:DeleteImportedKeyMaterial", ActionClass::Admin),
    ("kms:DeriveSharedSecret", ActionClass::Crypto),
    ("kms:DescribeCustomKeyStores", ActionClass::Discovery),
    ("kms:DescribeKey", ActionClass::Discovery),
    ("kms:DisableKey", ActionClass::Admin),
    ("kms:DisableKeyRotation", ActionClass::Admin),
    ("kms:DisconnectCustomKeyStore", ActionClass::Admin),
    ("kms:EnableKey", ActionClass::Admin),
    ("kms:EnableKeyRotation", ActionClass::Admin),
    ("kms:Encapsulate", ActionClass::Crypto),
    ("kms:Encrypt", ActionClass::Crypto),
    ("kms:GenerateDataKey", ActionClass::Crypto),
    ("kms:GenerateDataKeyPair", ActionClass::Crypto),
    (
        "kms:GenerateDataKeyPairWithoutPlaintext",
        ActionClass::Crypto,
    ),
    ("kms:GenerateDataKeyWithoutPlaintext", ActionClass::Crypto),
    ("kms:GenerateMac", ActionClass::Crypto),
    ("kms:GenerateRandom", ActionClass::Discovery),
    ("kms:GetKeyLastUsage", ActionClass::Discovery),
    ("kms:GetKeyPolicy", ActionClass::Discovery),
    ("kms:GetKeyRotationStatus", ActionClass::Discovery),
    ("kms:GetParametersForImport", ActionClass::Admin),
    ("kms:GetPublicKey", ActionClass::Discovery),
    ("kms:ImportKeyMaterial", ActionClass::Admin),
    ("kms:ListAliases", ActionClass::Discovery),
    ("kms:ListGrants", ActionClass::Discovery),
    ("kms:ListKeyPolicies", ActionClass::Discovery),
    ("kms:ListKeyRotations", ActionClass::Discovery),
    ("kms:ListKeys", ActionClass::Discovery),
    ("kms:ListResourceTags", ActionClass::Discovery),
    ("kms:ListRetirableGrants", ActionClass::Discovery),
    ("kms:PutKeyPolicy", ActionClass::Admin),
    ("kms:ReEncryptFrom", ActionClass::Crypto),
    ("kms:ReEncryptTo", ActionClass::Crypto),
    ("kms:ReplicateKey", ActionClass::Admin),
    ("kms:RetireGrant", ActionClass::Grant),
    ("kms:RevokeGrant", ActionClass::Grant),
    ("kms:RotateKeyOnDemand", ActionClass::Admin),
    ("kms:ScheduleKeyDeletion", ActionClass::Admin),
    ("kms:Sign", ActionClass::Crypto),
    ("kms:SynchronizeMultiRegionKey", ActionClass::Admin),
    ("kms:TagResource", ActionClass::Admin),
    ("kms:UntagResource", ActionClass::Admin),
    ("kms:UpdateAlias", ActionClass::Admin),
    ("kms:UpdateCustomKeyStore", ActionClass::Admin),
    ("kms:UpdateKeyDescription", ActionClass::Admin),
    ("kms:UpdatePrimaryRegion", ActionClass::Admin),
    ("kms:Verify", ActionClass::Crypto),
    ("kms:VerifyMac", ActionClass::Crypto),
];

/// A set of KMS actions, one bit each.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ActionSet(u64);

impl ActionSet {
    /// No action at all.
    pub const NONE: Self = Self(0);
    /// Every action, known or not.
    pub const EVERY: Self = Self(((1 << ACTIONS.len()) - 1) | UNKNOWN_BIT);

    /// The action that decides who keeps the key.
    pub const PUT_KEY_POLICY: Self = Self(1 << 40);

    /// The actions that an `Action` element lets through or, for a `NotAction` element, that it leaves.
    ///
    /// The bit for unknown actions errs towards a finding: a `kms:` name that is not in the table counts as one where
    /// it is allowed, and only a pattern that takes in everything counts where it is denied.
    pub(super) fn of_element(patterns: &[String], named: Named, allowed: Allowed) -> Self {
        let mut set = Self::NONE;
        for pattern in patterns {
            let matched = Self::matching(pattern);
            set = set.union(matched);
            let is_unknown_name = matched.is_empty() && starts_with_ignoring_case(pattern, "kms:");
            if is_unknown_name && named == Named::Listed && allowed == Allowed::Yes {
                set.0 |= UNKNOWN_BIT;
            }
        }
        match named {
            Named::Listed => set,
            Named::AllBut => Self::EVERY.minus(set),
        }
    }

    /// The known actions that a pattern matches; with the unknown ones where it takes in the whole service.
    pub fn matching(pattern: &str) -> Self {
        // Most patterns are names, a start of names, or all of the service.
        let end = pattern.find(['*', '?']).unwrap_or(pattern.len());
        let (start, rest) = pattern.split_at(end);
        if rest == "*" && starts_with_ignoring_case("kms:", start) {
            return Self::EVERY;
        }
        let rest = rest.to_ascii_lowercase();
        let mut set = Self::NONE;
        for (bit, (name, _)) in ACTIONS.iter().enumerate() {
            let is_match = may_start_with(name, start)
                && starts_with_ignoring_case(name, start)
                && match rest.as_str() {
                    "" => name.len() == start.len(),
                    "*" => true,
                    rest => glob_matches(rest, &name[start.len()..].to_ascii_lowercase()),
                };
            if is_match {
                set.0 |= 1 << bit;
            }
        }
        if set.0 | UNKNOWN_BIT == Self::EVERY.0 {
            set.0 |= UNKNOWN_BIT;
        }
        set
    }

    /// Actions of this set, of the other, or of both.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Actions of both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Actions of this set that the other lacks.
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no action in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every action of the other set is in this one.
    pub const fn contains(self, other: Self) -> bool {
        other.minus(self).is_empty()
    }

    /// Whether some action is in both sets.
    pub const fn intersects(self, other: Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// The known actions of a class.
    pub(super) fn of_class(class: ActionClass) -> Self {
        let of_class = (0..).zip(ACTIONS).filter(|(_, (_, of))| *of == class);
        Self(of_class.fold(0, |set, (bit, _)| set | 1 << bit))
    }

    /// The part of the set that does more than look: cryptography, grants and administration.
    pub fn beyond_discovery(self) -> Self {
        self.minus(Self::of_class(ActionClass::Discovery))
    }

    /// The names of the actions in the set, in the order of the reference.
    pub fn names(self) -> Vec<&'static str> {
        let known = ACTIONS
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0);
        let mut names: Vec<&'static str> = known.map(|(_, (name, _))| *name).collect();
        if self.0 & UNKNOWN_BIT != 0 {
            names.push(UNKNOWN_NAME);
        }
        names
    }

    /// The classes of the actions in the set, each once, the most dangerous first.
    pub fn classes(self) -> Vec<ActionClass> {
        let mut classes = Vec::new();
        let mut left = self.0 & Self::EVERY.0;
        while left != 0 {
            let action = ACTIONS.get(left.trailing_zeros() as usize);
            // Whatever an unknown action does, it may be the worst.
            let class = action.map_or(ActionClass::Admin, |(_, class)| *class);
            if !classes.contains(&class) {
                classes.push(class);
            }
            left &= left - 1;
        }
        classes.sort_unstable();
        classes
    }
}

impl fmt::Display for ActionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EVERY {
            return formatter.write_str("every KMS action");
        }
        let names = self.names();
        if names.is_empty() {
            return formatter.write_str("no KMS action");
        }
        let shown = names.len().min(ACTIONS_NAMED_MAX);
        formatter.write_str(&names[..shown].join(", "))?;
        match names.len() - shown {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

/// Whether an element lists what it means or what it does not mean (`Action` or `NotAction`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// `Action`, `Resource`.
    Listed,
    /// `NotAction`, `NotResource`.
    AllBut,
}

/// Whether a statement allows what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// The statement is an `Allow`.
    Yes,
    /// The statement is a `Deny`.
    No,
}

/// Whether a text matches a pattern in which `*` stands for any characters and `?` for one.
///
/// Greedy with one point to return to: never more steps than the product of the two lengths, and no recursion.
pub(super) fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                retry = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    at_pattern = after_star;
                    at_text = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

/// Whether the last byte of a prefix is in its place, whatever its case: of few other names it is.
fn may_start_with(text: &str, prefix: &str) -> bool {
    let Some(last) = prefix.len().checked_sub(1) else {
        return true;
    };
    let byte = text.as_bytes().get(last);
    byte.is_some_and(|byte| byte.eq_ignore_ascii_case(&prefix.as_bytes()[last]))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_the_actions_that_aws_would_match() {
        let check = |pattern: &str, expected: &[&str]| {
            assert_eq!(ActionSet::matching(pattern).names(), expected, "{pattern}");
        };
        check("kms:Decrypt", &["kms:Decrypt"]);
        check("KMS:dECRYPT", &["kms:Decrypt"]);
        check("kms:Decr?pt", &["kms:Decrypt"]);
        check("kms:ReEncrypt*", &["kms:ReEncryptFrom", "kms:ReEncryptTo"]);
        check("kms:*crypt", &["kms:Decrypt", "kms:Encrypt"]);
        check("kms:Put*", &["kms:PutKeyPolicy"]);
        check("k?s:putkeypolicy", &["kms:PutKeyPolicy"]);
        check("s3:*", &[]);
        check("Decrypt", &[]);
        check("kms:Decrypt ", &[]);
        check("", &[]);
        check("kms:Decr\u{e9}pt", &[]);
        assert_eq!(ActionSet::matching("*"), ActionSet::EVERY);
        assert_eq!(ActionSet::matching("kms:*"), ActionSet::EVERY);
        assert_eq!(ActionSet::matching("kms:**"), ActionSet::EVERY);
    }

    proptest::proptest! {
        #[test]
        fn a_pattern_matches_what_a_glob_over_every_name_matches(
            pattern in "(?i)(kms:)?(\\*|\\?|encrypt|de|put|key|policy|list|grant|[a-z]){0,5}"
        ) {
            let lower = pattern.to_ascii_lowercase();
            let names = ACTIONS.iter().map(|(name, _)| *name);
            let expected: Vec<&str> = names
                .filter(|name| glob_matches(&lower, &name.to_ascii_lowercase()))
                .collect();
            let mut found = ActionSet::matching(&pattern).names();
            found.retain(|name| *name != UNKNOWN_NAME);
            proptest::prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn not_action_leaves_the_rest_and_unknown_names_err_towards_a_finding() {
        let patterns = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let rest = ActionSet::of_element(
            &patterns(&["kms:De*", "kms:E*"]),
            Named::AllBut,
            Allowed::Yes,
        );
        assert!(!rest.contains(ActionSet::matching("kms:Decrypt")));
        assert!(rest.contains(ActionSet::matching("kms:PutKeyPolicy")));
        assert_eq!(
            ActionSet::of_element(&patterns(&["s3:*"]), Named::AllBut, Allowed::Yes),
            ActionSet::EVERY
        );
        let unknown = patterns(&["kms:TransmogrifyKey"]);
        assert_eq!(
            ActionSet::of_element(&unknown, Named::Listed, Allowed::Yes).classes(),
            [ActionClass::Admin]
        );
        assert!(ActionSet::of_element(&unknown, Named::Listed, Allowed::No).is_empty());
    }

    #[test]
    fn globs_are_bounded_and_exact() {
        assert!(glob_matches("*a*b", "xxaxxb"));
        assert!(!glob_matches("*a*b", "xxaxxbc"));
        assert!(glob_matches("", ""));
        assert!(!glob_matches("?", ""));
        assert!(glob_matches("***", ""));
        assert!(!glob_matches(&"*a".repeat(2_000), &"a".repeat(1_999)));
    }

    #[test]
    fn the_table_is_sorted_by_name_and_digests_keep_their_bits() {
        assert!(ACTIONS.is_sorted_by_key(|(name, _)| name.to_ascii_lowercase()));
        assert_eq!(ActionSet::matching("kms:CancelKeyDeletion").0, 1);
        assert_eq!(
            ActionSet::matching("kms:PutKeyPolicy"),
            ActionSet::PUT_KEY_POLICY
        );
        assert_eq!(ActionSet::matching("kms:VerifyMac").0, 1 << 57);
    }

    #[test]
    fn sentences_stay_short() {
        assert_eq!(ActionSet::EVERY.to_string(), "every KMS action");
        assert_eq!(ActionSet::NONE.to_string(), "no KMS action");
        let text = ActionSet::EVERY.beyond_discovery().to_string();
        assert!(text.ends_with(" more"), "{text}");
    }
}
