//! Whom the conditions of a statement and the denials of its policy leave: one small algebra for every question.
//!
//! An *enclosure* is a set of parties: whoever comes in is of one of them. Conditions and denials each prove one
//! enclosure or none, and all that are proven hold at once. No enclosure at all means that the statement is open.

use std::collections::BTreeSet;
use std::fmt;

use super::action::ActionSet;
use super::condition::Condition;
use super::document::{Effect, Policy, Statement};
use super::home::Home;
use super::principal::{Principal, Principals};

/// Somebody whom a policy lets in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The account that owns the key, as `${aws:ResourceAccount}` names it.
    OwnAccount,
    /// An account, or somebody in it.
    Account(String),
    /// The organisation of the key's account, as `${aws:ResourceOrgID}` names it.
    OwnOrganisation,
    /// Some AWS service acting for itself.
    Service,
    /// Somebody an identity provider vouches for.
    Federated(String),
    /// The holder of an Amazon S3 canonical user id.
    CanonicalUser(String),
    /// A user or role named by its unique id, of an account that the policy does not tell.
    UniqueId(String),
    /// A principal that cannot be read.
    Unrecognised(String),
    /// Every account of an organisation; whose organisation it is, the policy does not tell.
    Organisation(String),
    /// Whoever comes from a network (VPC, endpoint, address range) or through a resource whose owner the policy does
    /// not tell. It closes partly: a stolen credential of any account may be used from there.
    Boundary(String),
    /// Everyone in the world with an AWS account.
    Everyone,
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnAccount => formatter.write_str("the key's account"),
            Self::Account(account) => write!(formatter, "account {account}"),
            Self::OwnOrganisation => formatter.write_str("the key's organisation"),
            Self::Service => formatter.write_str("AWS services"),
            Self::Federated(provider) => write!(formatter, "identities of {provider}"),
            Self::CanonicalUser(id) => write!(formatter, "canonical user {id}"),
            Self::UniqueId(id) => write!(formatter, "the principal with the unique id {id}"),
            Self::Unrecognised(text) => write!(formatter, "the unrecognised principal {text:?}"),
            Self::Organisation(id) => write!(formatter, "organisation {id}"),
            Self::Boundary(place) => write!(formatter, "anyone who comes through {place}"),
            Self::Everyone => formatter.write_str("everyone"),
        }
    }
}

impl Party {
    pub(super) fn of_principal(principal: &Principal) -> Self {
        match principal {
            Principal::Everyone => Self::Everyone,
            Principal::Account(account) | Principal::Identity { account, .. } => {
                Self::Account(account.clone())
            }
            Principal::Service(_) => Self::Service,
            Principal::Federated(provider) => Self::Federated(provider.clone()),
            Principal::CanonicalUser(id) => Self::CanonicalUser(id.clone()),
            Principal::UniqueId(id) => Self::UniqueId(id.clone()),
            Principal::Unrecognised(text) => Self::Unrecognised(text.clone()),
        }
    }

    /// How little the policy tells about the party; the answer that tells most is given.
    fn vagueness(&self) -> u8 {
        match self {
            Self::OwnAccount | Self::OwnOrganisation | Self::Service | Self::Account(_) => 0,
            Self::Federated(_)
            | Self::CanonicalUser(_)
            | Self::UniqueId(_)
            | Self::Unrecognised(_) => 1,
            Self::Organisation(_) => 2,
            Self::Boundary(_) => 3,
            Self::Everyone => 4,
        }
    }
}

/// Parties of which whoever comes in is one. The empty one lets nobody in.
pub(super) type Enclosure = BTreeSet<Party>;

/// The enclosures that an `Allow` statement's own conditions prove.
pub(super) fn enclosures_of_conditions(conditions: &[Condition]) -> Vec<Enclosure> {
    let required: BTreeSet<&str> = conditions
        .iter()
        .filter_map(Condition::required_key)
        .collect();
    conditions
        .iter()
        .filter_map(|condition| condition.admits(&required))
        .collect()
}

/// What the `Deny` statements of a policy prove about everyone, action by action.
#[derive(Debug)]
pub(super) struct Shield {
    groups: Vec<(ActionSet, BTreeSet<Enclosure>)>,
}

impl Shield {
    pub(super) fn of(policy: &Policy) -> Self {
        let mut groups = vec![(ActionSet::EVERY, BTreeSet::new())];
        for statement in policy.with_effect(Effect::Deny) {
            let Some(enclosure) = spared_by(statement) else {
                continue;
            };
            let mut split = Vec::new();
            for (actions, enclosures) in groups {
                let uncovered = actions.minus(statement.actions);
                let covered = actions.intersection(statement.actions);
                if !covered.is_empty() {
                    let mut more: BTreeSet<Enclosure> = enclosures.clone();
                    more.insert(enclosure.clone());
                    split.push((covered, more));
                }
                if !uncovered.is_empty() {
                    split.push((uncovered, enclosures));
                }
            }
            groups = split;
        }
        Self { groups }
    }

    /// The given actions, grouped by the enclosures that denials prove for them.
    pub(super) fn over(
        &self,
        actions: ActionSet,
    ) -> impl Iterator<Item = (ActionSet, &BTreeSet<Enclosure>)> {
        let groups = self
            .groups
            .iter()
            .map(move |(covered, enclosures)| (covered.intersection(actions), enclosures));
        groups.filter(|(actions, _)| !actions.is_empty())
    }
}

/// Whom a `Deny` passes by, where it is proven that it denies everybody else: it speaks of everyone (or of everyone
/// but named principals), lies on this key, and every condition that could let somebody slip through names whom.
fn spared_by(statement: &Statement) -> Option<Enclosure> {
    if !statement.covers_key() {
        return None;
    }
    let mut spared = Enclosure::new();
    match &statement.principals {
        Principals::These(principals) if principals.contains(&Principal::Everyone) => {}
        Principals::These(_) => return None,
        Principals::AllBut(principals) => {
            for principal in principals {
                match Party::of_principal(principal) {
                    party @ (Party::Account(_) | Party::Service) => spared.insert(party),
                    _ => return None,
                };
            }
        }
    }
    for condition in &statement.conditions {
        spared.extend(condition.spares()?);
    }
    Some(spared)
}

/// The foreign parties that enclosures leave when all of them hold at once: where one of them is all at home, none;
/// else those of the enclosure that tells most, with lists of accounts intersected.
pub(super) fn foreign_parties<'a>(
    enclosures: impl Iterator<Item = &'a Enclosure>,
    home: &Home<'_>,
) -> Enclosure {
    let mut accounts: Option<Enclosure> = None;
    let mut clearest: Option<(u8, Enclosure)> = None;
    for enclosure in enclosures {
        if enclosure
            .iter()
            .all(|party| matches!(party, Party::Account(_) | Party::OwnAccount))
        {
            let named = enclosure.iter().map(|party| match party {
                Party::OwnAccount => Party::Account(home.owner.to_owned()),
                party => party.clone(),
            });
            let named: Enclosure = named.collect();
            accounts = Some(match accounts {
                Some(known) => known.intersection(&named).cloned().collect(),
                None => named,
            });
            continue;
        }
        let foreign: Enclosure = enclosure
            .iter()
            .filter(|party| !home.holds(party))
            .cloned()
            .collect();
        let vagueness = foreign
            .iter()
            .map(Party::vagueness)
            .max()
            .unwrap_or_default();
        let is_clearer = clearest.as_ref().is_none_or(|(known, parties)| {
            foreign.is_empty() || (!parties.is_empty() && (vagueness, &foreign) < (*known, parties))
        });
        if is_clearer {
            clearest = Some((vagueness, foreign));
        }
    }
    let accounts = accounts.map(|accounts| {
        accounts
            .into_iter()
            .filter(|party| !home.holds(party))
            .collect::<Enclosure>()
    });
    match (accounts, clearest) {
        (_, Some((_, foreign))) if foreign.is_empty() => foreign,
        (Some(foreign), _) | (None, Some((_, foreign))) => foreign,
        (None, None) => Enclosure::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(text: &str) -> Party {
        Party::Account(text.repeat(12))
    }

    fn foreign(enclosures: &[Vec<Party>]) -> Vec<Party> {
        let enclosures: Vec<Enclosure> = enclosures
            .iter()
            .map(|parties| parties.iter().cloned().collect())
            .collect();
        let home = Home {
            organisations: &BTreeSet::from(["o-own0000000".to_owned()]),
            ..Home::of_owner("111111111111")
        };
        foreign_parties(enclosures.iter(), &home)
            .into_iter()
            .collect()
    }

    #[test]
    fn enclosures_hold_at_once() {
        let organisation = || Party::Organisation("o-a1b2c3d4e5".to_owned());
        assert_eq!(foreign(&[vec![Party::Everyone]]), [Party::Everyone]);
        assert_eq!(foreign(&[vec![Party::Everyone], vec![account("1")]]), []);
        assert_eq!(
            foreign(&[vec![Party::Everyone], vec![account("1"), account("2")]]),
            [account("2")]
        );
        assert_eq!(
            foreign(&[
                vec![account("1"), account("2")],
                vec![account("1"), account("3")]
            ]),
            []
        );
        assert_eq!(foreign(&[vec![account("2")], vec![Party::OwnAccount]]), []);
        let own_or_third = vec![Party::OwnAccount, account("3")];
        assert_eq!(
            foreign(&[vec![account("1"), account("2")], own_or_third]),
            []
        );
        assert_eq!(
            foreign(&[vec![Party::Everyone], vec![organisation()]]),
            [organisation()]
        );
        assert_eq!(
            foreign(&[vec![account("2")], vec![organisation()]]),
            [account("2")]
        );
        assert_eq!(
            foreign(&[vec![account("2")], vec![Party::OwnOrganisation]]),
            []
        );
        assert_eq!(foreign(&[vec![organisation()], vec![Party::Service]]), []);
        let known = || Party::Organisation("o-OWN0000000".to_owned());
        assert_eq!(foreign(&[vec![Party::Everyone], vec![known()]]), []);
        assert_eq!(foreign(&[vec![account("2")], vec![known()]]), []);
        assert_eq!(
            foreign(&[vec![Party::Everyone], vec![known(), organisation()]]),
            [organisation()]
        );
        assert_eq!(foreign(&[vec![Party::Everyone], vec![]]), []);
    }

    #[test]
    fn the_shield_is_kept_action_by_action() {
        let text = r#"{"Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#;
        let shield = Shield::of(&Policy::parse(text).unwrap());
        let groups: Vec<_> = shield.over(ActionSet::matching("kms:*crypt")).collect();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0].0, ActionSet::matching("kms:Decrypt"));
        assert_eq!(groups[0].1.len(), 1);
        assert!(groups[1].1.is_empty());
    }
}
