//! Kinds of records: time, source and name, as CloudTrail writes them behind the identity.
//!
//! Once source and name are known to be of no interest, one comparison tells it of the next record of
//! the kind, and nothing of it is read but where it ends.

use crate::hash::{mix, word};
use crate::selection::{Selection, select_bytes};

/// Kinds remembered, each in its place.
const KINDS: usize = 512;

/// What stands between the identity and a record's source.
const BEFORE_TIME: &[u8] = b",\"eventTime\":\"";
const TIME_BYTES: usize = 20;
const BEFORE_SOURCE: &[u8] = b"\",\"eventSource\":\"";
const BEFORE_NAME: &[u8] = b"\",\"eventName\":\"";
/// Where source, name and Region stand behind the identity.
pub(crate) const KIND_OFFSET: usize = BEFORE_TIME.len() + TIME_BYTES + BEFORE_SOURCE.len();
/// How records begin whose members are sorted by name, as some exports write them.
pub(crate) const SORTED_OPENING: &[u8] = b"{\"awsRegion\":\"";
const SORTED_BEFORE_ID: &[u8] = b"\",\"eventCategory\":\"Management\",\"eventID\":\"";
const ID_BYTES: usize = 36;
/// Where the name stands behind the Region of such a record.
pub(crate) const SORTED_KIND_OFFSET: usize = SORTED_BEFORE_ID.len() + ID_BYTES + BEFORE_NAME.len();
/// Blocks of a head.
pub(crate) const BLOCKS: usize = 3;

/// Where the time stands in a head, as one bit for each of its bytes.
const TIME: [u64; BLOCKS] = bits(BEFORE_TIME.len(), TIME_BYTES);
/// Where the id stands in a head with sorted members.
const SORTED_ID: [u64; BLOCKS] = bits(SORTED_BEFORE_ID.len(), ID_BYTES);

/// One bit for each byte from here on, so many.
const fn bits(from: usize, length: usize) -> [u64; BLOCKS] {
    let mut bits = [0; BLOCKS];
    let mut at = from;
    while at < from + length {
        bits[at / 64] |= 1 << (at % 64);
        at += 1;
    }
    bits
}

/// A hash of a record's source, name and Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind(pub(super) u64);

impl Kind {
    /// The kind of the record that has these bytes at [`KIND_OFFSET`].
    #[inline(always)]
    pub(crate) fn of(block: &[u8; 64]) -> Self {
        // Rotated, words that change places do not meet.
        let (words, _) = block.as_chunks::<8>();
        let (pairs, _) = words.as_chunks::<2>();
        let hash = pairs
            .iter()
            .zip([0, 13, 29, 43])
            .fold(0, |hash, ([one, other], turned)| {
                hash ^ mix(word(one), word(other)).rotate_left(turned)
            });
        Self(hash)
    }

    /// The kind of a record with sorted members that has these bytes at [`SORTED_KIND_OFFSET`]
    /// behind its Region. The source follows the name, and soon after it the time, which is left out.
    #[inline(always)]
    pub(crate) fn of_sorted(name: &[u8; 32]) -> Self {
        let mut block = [0; 64];
        block[..name.len()].copy_from_slice(name);
        Self::of(&block)
    }
}

/// Kinds by their hash.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    /// Empty until the first.
    heads: Vec<Option<(Kind, Head)>>,
}

/// What stands behind the identity in every record of a kind, up to the quote behind its name; or behind
/// the Region where members are sorted, up to the quote behind the source.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) blocks: [[u8; 64]; BLOCKS],
    /// Bytes that must be so: all but the time or the id.
    pub(crate) masks: [u64; BLOCKS],
    /// The bytes of the time or the id, which must be plain.
    pub(crate) own: [u64; BLOCKS],
    pub(crate) length: usize,
    pub(crate) selection: Selection,
}

impl Kinds {
    /// What is known of a kind.
    #[inline(always)]
    pub(crate) fn head(&self, kind: Kind) -> Option<&Head> {
        let known = self.heads.get((kind.0 >> 20) as usize % KINDS)?.as_ref();
        known
            .filter(|(known, _)| *known == kind)
            .map(|(_, head)| head)
    }

    /// Learns the kind of a record whose bytes behind the identity are these, if it is written as
    /// CloudTrail writes it.
    #[cold]
    #[inline(never)]
    pub(crate) fn learn(&mut self, kind: Kind, bytes: &[u8]) {
        self.put(kind, Head::of(bytes));
    }

    /// The same of a record with sorted members whose bytes behind the Region are these.
    #[cold]
    #[inline(never)]
    pub(crate) fn learn_sorted(&mut self, kind: Kind, bytes: &[u8]) {
        self.put(kind, Head::of_sorted(bytes));
    }

    fn put(&mut self, kind: Kind, head: Option<Head>) {
        if let Some(head) = head {
            self.heads.resize(KINDS, None);
            self.heads[(kind.0 >> 20) as usize % KINDS] = Some((kind, head));
        }
    }
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let time = bytes.strip_prefix(BEFORE_TIME)?.get(TIME_BYTES..)?;
        let (source, rest) = plain(time.strip_prefix(BEFORE_SOURCE)?)?;
        let (name, rest) = plain(rest.strip_prefix(BEFORE_NAME)?)?;
        Self::up_to(rest, bytes, TIME, select_bytes(source, name))
    }

    fn of_sorted(bytes: &[u8]) -> Option<Self> {
        let id = bytes.strip_prefix(SORTED_BEFORE_ID)?.get(ID_BYTES..)?;
        let (name, rest) = plain(id.strip_prefix(BEFORE_NAME)?)?;
        let (source, rest) = plain(rest.strip_prefix(BEFORE_SOURCE)?)?;
        Self::up_to(rest, bytes, SORTED_ID, select_bytes(source, name))
    }

    /// The head that ends with the quote that `rest` begins with.
    fn up_to(rest: &[u8], bytes: &[u8], own: [u64; BLOCKS], selection: Selection) -> Option<Self> {
        let length = bytes.len() - rest.len() + 1;
        let mut blocks = [[0; 64]; BLOCKS];
        let flat = blocks.as_flattened_mut().get_mut(..length)?;
        flat.copy_from_slice(&bytes[..length]);
        let whole = bits(0, length);
        let mut masks = [0; BLOCKS];
        for (mask, (whole, own)) in masks.iter_mut().zip(whole.iter().zip(own)) {
            *mask = whole & !own;
        }
        Some(Self {
            blocks,
            masks,
            own,
            length,
            selection,
        })
    }
}

/// The letters, digits, dots and hyphens up to a quote, and what follows from the quote on.
fn plain(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let length = bytes.iter().position(|byte| !is_plain(byte))?;
    let (text, rest) = bytes.split_at(length);
    rest.starts_with(b"\"").then_some((text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Option<Head> {
        Head::of(text.as_bytes())
    }

    #[test]
    fn heads_end_behind_the_name() {
        let known = r#","eventTime":"2024-03-15T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances""#;
        let head = head(&format!("{known},\"awsRegion\":\"x\"")).expect("it is as usual");
        assert_eq!(
            (head.length, head.selection),
            (known.len(), Selection::Skip)
        );
        assert_eq!(head.blocks.as_flattened()[..known.len()], *known.as_bytes());
        let bits: u32 = head.masks.iter().map(|mask| mask.count_ones()).sum();
        assert_eq!(bits as usize, known.len() - TIME_BYTES);
    }

    #[test]
    fn heads_with_sorted_members_end_behind_the_source() {
        let id = "5fe6d6a7-0c2c-49c5-adee-60a00a404966";
        let known = format!(
            r#"","eventCategory":"Management","eventID":"{id}","eventName":"Scan","eventSource":"dynamodb.amazonaws.com""#
        );
        let head = Head::of_sorted(format!("{known},\"eventTime\"").as_bytes());
        let head = head.expect("it is as usual");
        assert_eq!(
            (head.length, head.selection),
            (known.len(), Selection::Skip)
        );
        let bits = |masks: [u64; BLOCKS]| masks.iter().map(|mask| mask.count_ones()).sum::<u32>();
        assert_eq!(bits(head.own) as usize, ID_BYTES);
        assert_eq!(bits(head.masks) as usize, known.len() - ID_BYTES);
        let start = known.find(id).expect("it is there");
        assert_eq!(head.own[0].trailing_zeros() as usize, start);
        let longer = known.replace(id, &format!("{id}0"));
        assert!(Head::of_sorted(longer.as_bytes()).is_none());
    }

    #[test]
    fn heads_in_another_form_are_not_learnt() {
        for text in [
            r#","eventTime":"2024-03-15T10:00:00Z","eventSource":"a\u0062","eventName":"X","#,
            r#","eventTime":"2024-03-15T10:00:00Z","eventSource":"a","awsRegion":"X","#,
            r#","eventTime":"2024-03-15T10:00:00.5Z","eventSource":"a","eventName":"X","#,
            r#","eventTime":null,"eventSource":"a","eventName":"X","#,
            r#","eventTime":"2024-03-15T10:00:00Z","eventSource":"a","eventName":"X"#,
            "",
        ] {
            assert!(head(text).is_none(), "{text}");
        }
        let long = format!(
            r#","eventTime":"2024-03-15T10:00:00Z","eventSource":"a","eventName":"{}","#,
            "x".repeat(200)
        );
        assert!(head(&long).is_none());
    }
}
