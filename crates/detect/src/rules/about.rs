//! What a rule is, for people: its title, its severities, what fires it.

use crate::finding::{Attack, Severity};

/// What a rule is: what `rules list` and `rules show` print and what every finding carries.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The stable id, such as `key-disabled`.
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The severities it can have, lowest first.
    pub severities: &'static [Severity],
    /// The ATT&CK technique as (tactic in v18, id in v18, id in v19).
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
            let renamed = (v18 != v19).then(|| attack("v19", tactic_in_v19(tactic, v19), v19));
            std::iter::once(attack("v18", tactic, v18)).chain(renamed)
        });
        versions.collect()
    }
}

/// v19 divides what v18 calls Defense Evasion: Stealth keeps its id, and what impairs defences has an id of its own.
fn tactic_in_v19<'t>(tactic: &'t str, technique: &str) -> &'t str {
    if technique.starts_with("T1685") {
        "TA0112"
    } else {
        tactic
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
