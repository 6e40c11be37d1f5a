//! Weights side by side as bytes, where equal ones in a row stand once: the slots of a week that are active on the same days
//! have the same weights, to the last bit.
//!
//! A run begins with a byte of its length less one; with [`EQUAL`] one weight follows for all of them, without it each.

/// Says that a run holds one weight.
const EQUAL: u8 = 0x80;
/// The longest run.
const RUN_MAX: usize = 0x80;

/// Appends weights.
fn write(weights: &[f32], bytes: &mut Vec<u8>) {
    let is_equal = |a: &f32, b: &f32| a.to_bits() == b.to_bits();
    let mut alone: &[f32] = &[];
    let mut rest = weights;
    let flush = |alone: &[f32], bytes: &mut Vec<u8>| {
        for run in alone.chunks(RUN_MAX) {
            bytes.push(run.len() as u8 - 1);
            bytes.extend(run.iter().flat_map(|weight| weight.to_le_bytes()));
        }
    };
    for equal in weights.chunk_by(is_equal) {
        let (_, after) = rest.split_at(equal.len());
        if equal.len() == 1 {
            // Those before it that stand alone, and it.
            let from = weights.len() - rest.len() - alone.len();
            alone = &weights[from..weights.len() - after.len()];
        } else {
            flush(alone, bytes);
            alone = &[];
            for run in equal.chunks(RUN_MAX) {
                bytes.push((run.len() as u8 - 1) | EQUAL);
                bytes.extend(run[0].to_le_bytes());
            }
        }
        rest = after;
    }
    flush(alone, bytes);
}

/// The weights that [`write`] appended; `None` of other bytes, or of more weights than `most`.
fn read(mut bytes: &[u8], most: usize) -> Option<Vec<f32>> {
    let mut weights = Vec::new();
    while let Some((head, after)) = bytes.split_first() {
        let length = usize::from(head & !EQUAL) + 1;
        if weights.len() + length > most {
            return None;
        }
        let kept = if head & EQUAL == 0 { length } else { 1 };
        let (run, after) = after.split_at_checked(kept * 4)?;
        let (run, _) = run.as_chunks::<4>();
        let run = run.iter().map(|weight| f32::from_le_bytes(*weight));
        if head & EQUAL == 0 {
            weights.extend(run);
        } else {
            weights.extend(run.flat_map(|weight| std::iter::repeat_n(weight, length)));
        }
        bytes = after;
    }
    Some(weights)
}

/// For `#[serde(with)]`: weights by hour of the day.
pub(super) mod hours {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::baseline::bytes::as_bytes::Bytes;

    pub fn serialize<S: Serializer>(hours: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::new();
        super::write(hours, &mut bytes);
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        super::read(&bytes, 24).ok_or_else(|| D::Error::custom("not the weights of a day's hours"))
    }
}

/// For `#[serde(with)]`: (slot, calls, hours) by slot of the week. Which slots there are stands as bits before the two columns.
pub(super) mod slots {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::baseline::bytes::as_bytes::Bytes;

    /// Slots of a week: 24 hours of weekdays and of weekends.
    const SLOTS: usize = 48;

    pub fn serialize<S: Serializer>(
        slots: &[(u8, f32, f32)],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let present = slots
            .iter()
            .fold(0_u64, |bits, (slot, ..)| bits | 1 << slot);
        let calls = slots.iter().map(|(_, calls, _)| *calls);
        let columns: Vec<f32> = calls
            .chain(slots.iter().map(|(.., hours)| *hours))
            .collect();
        let mut bytes = Vec::new();
        if present != 0 {
            bytes.extend_from_slice(&present.to_le_bytes()[..SLOTS / 8]);
            super::write(&columns, &mut bytes);
        }
        serializer.serialize_bytes(&bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<(u8, f32, f32)>, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        slots_of(&bytes).ok_or_else(|| D::Error::custom("not the weights of a week's slots"))
    }

    fn slots_of(bytes: &[u8]) -> Option<Vec<(u8, f32, f32)>> {
        if bytes.is_empty() {
            return Some(Vec::new());
        }
        let (present, columns) = bytes.split_at_checked(SLOTS / 8)?;
        let mut bits = [0; 8];
        bits[..SLOTS / 8].copy_from_slice(present);
        let bits = u64::from_le_bytes(bits);
        let columns = super::read(columns, 2 * SLOTS)?;
        let count = bits.count_ones() as usize;
        if columns.len() != 2 * count {
            return None;
        }
        let (calls, hours) = columns.split_at(count);
        let present = (0..SLOTS as u8).filter(|slot| bits >> slot & 1 == 1);
        let weights = calls.iter().zip(hours);
        Some(
            present
                .zip(weights)
                .map(|(slot, (calls, hours))| (slot, *calls, *hours))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Week(#[serde(with = "slots")] Vec<(u8, f32, f32)>);

    #[test]
    fn equal_weights_stand_once() {
        let mut bytes = Vec::new();
        write(&[1.5; 24], &mut bytes);
        assert_eq!(bytes.len(), 5);
        bytes.clear();
        write(&[1.0, 2.0, 2.0, 3.0, 4.0], &mut bytes);
        assert_eq!(bytes.len(), 5 + 5 + 9);
        assert_eq!(read(&bytes, 5), Some(vec![1.0, 2.0, 2.0, 3.0, 4.0]));
        assert_eq!(read(&bytes, 4), None);
        assert_eq!(read(&bytes[..bytes.len() - 1], 5), None);
    }

    proptest! {
        #[test]
        fn weights_come_back(weights in proptest::collection::vec(prop_oneof![Just(0.0_f32), Just(2.5), any::<f32>()], 0..300)) {
            let mut bytes = Vec::new();
            write(&weights, &mut bytes);
            let bits = |weights: &[f32]| weights.iter().map(|weight| weight.to_bits()).collect::<Vec<_>>();
            prop_assert!(bytes.len() <= 4 * weights.len() + weights.len().div_ceil(3) + 1);
            prop_assert_eq!(bits(&read(&bytes, 300).unwrap()), bits(&weights));
        }

        #[test]
        fn slots_come_back(week in proptest::collection::btree_map(0..48_u8, (0.0..9.0_f32, prop_oneof![Just(1.0_f32), 0.0..9.0_f32]), 0..48)) {
            let week = Week(week.into_iter().map(|(slot, (calls, hours))| (slot, calls, hours)).collect());
            let bytes = postcard::to_allocvec(&week).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Week>(&bytes).unwrap(), week);
        }

        #[test]
        fn other_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = read(&bytes, 96);
            let _ = postcard::from_bytes::<Week>(&bytes);
        }
    }
}
