//! A finding in few bytes: what stands is kept so, since an account can have tens of thousands.
//!
//! As a value, a finding has some forty texts of its own and takes three kibibytes. Its text is one, of which most
//! stands in every other finding of its rule: it is compressed with one of those at hand. What findings are looked up,
//! sorted and left out by stands beside it, so that nobody unpacks one for that.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use keytrail_event::EventTime;
use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserializer, Serialize, Serializer};

use crate::baseline::bytes::as_bytes::Bytes;
use crate::finding::{Finding, FindingState, Severity};

/// A [`Finding`], packed. A copy takes no room: it stands in several tables.
#[derive(Debug, Clone)]
pub struct PackedFinding(Arc<Packed>);

#[derive(Debug)]
struct Packed {
    /// Shared with the tables that have it as their key.
    episode: Arc<str>,
    /// The finding of the same rule that it was packed with.
    beside: Arc<[u8]>,
    bytes: Box<[u8]>,
    plain_bytes: usize,
    first_seen: EventTime,
    last_seen: EventTime,
    severity: Severity,
    state: FindingState,
}

impl PackedFinding {
    /// The finding.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the bytes are those that `Packer::pack` made, of a finding"
    )]
    pub fn unpack(&self) -> Finding {
        read(self.plain()).expect("a packed finding is a finding")
    }

    /// Its episode, which no other finding has.
    #[must_use]
    pub fn episode(&self) -> &Arc<str> {
        &self.0.episode
    }

    /// Its first event.
    #[must_use]
    pub fn first_seen(&self) -> EventTime {
        self.0.first_seen
    }

    /// Its last event.
    #[must_use]
    pub fn last_seen(&self) -> EventTime {
        self.0.last_seen
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.0.severity
    }

    /// Whether the evidence is complete.
    #[must_use]
    pub fn state(&self) -> FindingState {
        self.0.state
    }

    #[expect(
        clippy::expect_used,
        reason = "they are the bytes, the length and the dictionary of `Packer::pack`"
    )]
    fn plain(&self) -> Vec<u8> {
        let Packed {
            bytes,
            plain_bytes,
            beside,
            ..
        } = &*self.0;
        decompress_with_dict(bytes, *plain_bytes, beside).expect("what was packed can be unpacked")
    }
}

/// Equal findings are equal, whatever they were packed with.
impl PartialEq for PackedFinding {
    fn eq(&self, other: &Self) -> bool {
        self.0.episode == other.0.episode && self.plain() == other.plain()
    }
}

impl Serialize for PackedFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.plain())
    }
}

/// Room for nearly every finding's plain bytes.
const PLAIN_BYTES_USUAL: usize = 4 * 1024;

/// Packs findings, each with the first of its rule at hand.
#[derive(Debug, Default)]
pub struct Packer {
    firsts: BTreeMap<String, Arc<[u8]>>,
}

impl Packer {
    /// Packs a finding.
    #[must_use]
    pub fn pack(&mut self, finding: &Finding) -> PackedFinding {
        // Writing to memory does not fail, and every field of a finding has a form in postcard.
        let plain = Vec::with_capacity(PLAIN_BYTES_USUAL);
        let plain = postcard::to_extend(finding, plain).unwrap_or_default();
        let beside = match self.firsts.get(&finding.rule) {
            Some(first) => Arc::clone(first),
            None => {
                let first: Arc<[u8]> = plain.as_slice().into();
                let rule = finding.rule.clone();
                self.firsts.insert(rule, Arc::clone(&first));
                first
            }
        };
        PackedFinding(Arc::new(Packed {
            episode: finding.episode.as_str().into(),
            bytes: compress_with_dict(&plain, &beside).into(),
            beside,
            plain_bytes: plain.len(),
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            severity: finding.severity,
            state: finding.state,
        }))
    }
}

/// A finding of its plain bytes. Its last field, the further keys, is not written where it is empty, as versions before
/// did not know it: a zero behind the bytes is then read as that. What is behind a finding says nothing; the first
/// versions wrote a zero more.
fn read(mut plain: Vec<u8>) -> postcard::Result<Finding> {
    plain.push(0);
    postcard::take_from_bytes(&plain).map(|(finding, _)| finding)
}

/// For `#[serde(deserialize_with)]`: findings by id, packed as they are read.
///
/// # Errors
/// When the bytes of one are no finding.
pub(crate) fn packed_by_id<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, PackedFinding>, D::Error> {
    struct ById;
    impl<'de> Visitor<'de> for ById {
        type Value = BTreeMap<String, PackedFinding>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("findings by id")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut packer = Packer::default();
            let mut findings = BTreeMap::new();
            while let Some((id, Bytes(plain))) = entries.next_entry::<String, Bytes>()? {
                let finding = read(plain).map_err(A::Error::custom)?;
                findings.insert(id, packer.pack(&finding));
            }
            Ok(findings)
        }
    }
    deserializer.deserialize_map(ById)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Evidence, FindingId, Severity};

    fn finding(number: u32) -> Finding {
        let at = EventTime::from_unix_seconds(1_772_460_000 + i64::from(number));
        let grantee = format!("arn:aws:iam::111122223333:role/grantee-{number}");
        let id = FindingId::new("grant-broad", &["111122223333", "", "key", &grantee]);
        Finding {
            episode: format!("{id}@2026-03-02"),
            id,
            title: "Grant on a key allows Decrypt with no encryption context demanded".to_owned(),
            severity: Severity::Medium,
            score: 10.0,
            region: Some("eu-central-1".to_owned()),
            principal: Some("arn:aws:iam::111122223333:role/administrator".to_owned()),
            key: Some("arn:aws:kms:eu-central-1:111122223333:key/granted".to_owned()),
            event_ids: vec![format!("0ebdfa82-c872-4cdc-b1de-{number:012x}")],
            evidence: vec![
                Evidence::new("grantee", format!("{grantee} may use the key")).observed(&grantee),
            ],
            practice: Some("a grant allows one thing for one purpose".to_owned()),
            next_steps: vec![format!("aws kms revoke-grant --grant-id {number:064x}")],
            ..Finding::sample("grant-broad", at)
        }
    }

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        let mut packer = Packer::default();
        for number in 0..100 {
            let finding = finding(number);
            let packed = packer.pack(&finding);
            assert_eq!(packed.unpack(), finding);
            assert_eq!(**packed.episode(), *finding.episode);
            assert_eq!(
                (packed.first_seen(), packed.last_seen()),
                (finding.first_seen, finding.last_seen)
            );
            assert_eq!(
                (packed.severity(), packed.state()),
                (finding.severity, finding.state)
            );
        }
    }

    #[test]
    fn the_second_of_a_rule_takes_a_fraction() {
        let mut packer = Packer::default();
        let first = packer.pack(&finding(1));
        let second = packer.pack(&finding(40_000));
        assert!(first.0.bytes.len() < 64, "{}", first.0.bytes.len());
        assert!(
            second.0.bytes.len() * 3 < second.0.plain_bytes,
            "{} of {}",
            second.0.bytes.len(),
            second.0.plain_bytes
        );
    }

    #[test]
    fn a_field_more_at_the_end_is_left_out() {
        #[derive(serde::Deserialize)]
        struct Held(#[serde(deserialize_with = "packed_by_id")] BTreeMap<String, PackedFinding>);

        let finding = finding(1);
        let mut plain = postcard::to_allocvec(&finding).unwrap();
        plain.push(0);
        let held = BTreeMap::from([("id", ciborium::Value::Bytes(plain))]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&held, &mut bytes).unwrap();
        let held: Held = ciborium::from_reader(&bytes[..]).unwrap();
        assert_eq!(held.0["id"], Packer::default().pack(&finding));
    }

    /// A version before reads what this one writes, and the other way round: it knew all fields but the last, and left
    /// out what stands behind them.
    #[test]
    fn further_keys_stand_behind_what_versions_before_knew() {
        let mut without = finding(1);
        let mut with = without.clone();
        with.further_keys = vec!["first".to_owned(), "second".to_owned()];
        let plain = |finding: &Finding| postcard::to_allocvec(finding).unwrap();
        assert!(plain(&with).starts_with(&plain(&without)));
        assert_eq!(read(plain(&without)).unwrap(), without);
        assert_eq!(read(plain(&with)).unwrap(), with);
        assert_eq!(Packer::default().pack(&with).unpack(), with);
        without.next_steps.clear();
        assert_eq!(Packer::default().pack(&without).unpack(), without);
    }

    #[test]
    fn equality_does_not_depend_on_what_was_packed_before() {
        let mut packer = Packer::default();
        let _ = packer.pack(&finding(1));
        let behind_another = packer.pack(&finding(2));
        let alone = Packer::default().pack(&finding(2));
        assert_eq!(behind_another, alone);
        assert_ne!(behind_another.0.bytes, alone.0.bytes);
        assert_ne!(alone, packer.pack(&finding(3)));
    }
}
