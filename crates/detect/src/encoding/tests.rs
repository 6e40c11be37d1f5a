//! What a tally as bytes must keep.

use proptest::prelude::*;

use super::*;
use crate::sample::{merged, samples, tally};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_written_is_read_back(samples in samples()) {
        let tally = tally(&samples);
        let bytes = tally.encode();
        let read = Tally::decode(&bytes).unwrap();
        prop_assert_eq!(&read.encode(), &bytes);
        let mut pieces = Vec::new();
        read.clone().into_pieces(|piece| pieces.extend_from_slice(piece));
        prop_assert_eq!(&pieces, &bytes);
        let by_and_by = std::io::BufReader::with_capacity(7, &bytes[..]);
        prop_assert_eq!(&Tally::read_from(by_and_by).unwrap().encode(), &bytes);
        prop_assert_eq!(read.distinct(), tally.distinct());
        prop_assert_eq!(read.days(), tally.days());
    }

    #[test]
    fn equal_sets_make_equal_bytes(samples in samples()) {
        let mut backward = samples.clone();
        backward.reverse();
        let twice: Vec<_> = samples.iter().chain(&backward).cloned().collect();
        let bytes = tally(&samples).encode();
        prop_assert_eq!(&tally(&backward).encode(), &bytes);
        prop_assert_eq!(&tally(&twice).encode(), &bytes);
    }

    #[test]
    fn merging_and_writing_commute(a in samples(), b in samples()) {
        let (a, b) = (tally(&a), tally(&b));
        let [read_a, read_b] = [&a, &b].map(|tally| Tally::decode(&tally.encode()).unwrap());
        let bytes = merged(&a, &b).encode();
        prop_assert_eq!(&merged(&read_a, &read_b).encode(), &bytes);
        prop_assert_eq!(&merged(&b, &read_a).encode(), &bytes);
        prop_assert_eq!(Tally::decode(&bytes).unwrap().encode(), bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Tally::decode(&bytes);
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        let _ = Tally::decode(&bytes);
    }

    #[test]
    fn damaged_bytes_are_refused_or_stay_canonical(samples in samples(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = tally(&samples).encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Tally::decode(&bytes) {
            let again = read.encode();
            prop_assert_eq!(Tally::decode(&again).unwrap().encode(), again);
        }
    }

    #[test]
    fn cut_bytes_are_refused(samples in samples(), at in any::<prop::sample::Index>()) {
        let bytes = tally(&samples).encode();
        let cut = &bytes[..at.index(bytes.len())];
        prop_assert!(Tally::decode(cut).is_err());
    }
}

#[test]
fn an_empty_tally_is_four_bytes_and_a_version() {
    assert_eq!(Tally::default().encode(), [VERSION, 0, 0, 0, 0]);
    let error = |bytes: &[u8]| Tally::decode(bytes).unwrap_err().to_string();
    let errors = [
        error(&[]),
        error(&[9]),
        error(&[VERSION, 0, 0, 0]),
        error(&[VERSION, 0, 0, 0, 0, 0]),
        error(&[VERSION, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200]),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r"
    the tally ends at byte 0, in the middle; it was cut short
    the tally has version 9, this program reads version 1; rebuild it from the archive
    the tally ends at byte 4, in the middle; it was cut short
    the tally is damaged before byte 5: something stands behind its end
    the tally is damaged before byte 11: a number is too long
    ");
}
