//! Who is at home with a key: its owner, and who belongs together with it.

use std::collections::BTreeSet;

use super::party::Party;

/// The owner of a key, and the accounts and organisations that its users call their own.
#[derive(Debug, Clone, Copy)]
pub struct Home<'h> {
    /// The account that owns the key.
    pub owner: &'h str,
    /// Accounts that are at home too.
    pub accounts: &'h BTreeSet<String>,
    /// Ids of organisations that are at home, in lower case.
    pub organisations: &'h BTreeSet<String>,
}

static NOBODY_ELSE: BTreeSet<String> = BTreeSet::new();

impl<'h> Home<'h> {
    /// An account of which nobody else is known to belong to it.
    pub fn of_owner(owner: &'h str) -> Self {
        Self {
            owner,
            accounts: &NOBODY_ELSE,
            organisations: &NOBODY_ELSE,
        }
    }

    /// Whether all of a party is at home. AWS services are nobody's outsiders.
    pub(super) fn holds(&self, party: &Party) -> bool {
        match party {
            Party::OwnAccount | Party::OwnOrganisation | Party::Service => true,
            Party::Account(account) => account == self.owner || self.accounts.contains(account),
            // Ids are in lower case: one in capitals lets in either the same organisation or nobody.
            Party::Organisation(id) => self.organisations.contains(&id.to_ascii_lowercase()),
            _ => false,
        }
    }
}
