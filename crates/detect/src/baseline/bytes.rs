//! A base as bytes: a version of the form, the version of the mathematics, and postcard.

use serde::Serialize;
use thiserror::Error;

use super::constants::MATHS_VERSION;
use super::state::AccountBaseline;

/// The version of the form, the first byte.
const FORM: u8 = 2;

/// Why bytes are no base of this version.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BytesError {
    /// Another form, or no bytes at all.
    #[error("a baseline of form {0}, where this version reads form {FORM}: rebuild the state")]
    Form(u8),
    /// Folded by another mathematics: days are folded anew, nothing migrates.
    #[error(
        "a baseline of maths version {0}, where this version has {MATHS_VERSION}: rebuild the state"
    )]
    Maths(u32),
    /// Damaged.
    #[error("not a baseline: {0}")]
    Damaged(String),
}

impl AccountBaseline {
    /// The base as bytes: equal bases give equal bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(&MATHS_VERSION.to_le_bytes());
        // Every part has a form in postcard, and memory takes what is written.
        postcard::to_extend(self, bytes).unwrap_or_default()
    }

    /// The bytes that each principal takes in [`AccountBaseline::encode`]: what is known of itself, and its pairs.
    pub fn principal_bytes(&self) -> impl Iterator<Item = (usize, usize)> {
        self.principals.values().map(|principal| {
            let pairs = principal.pairs.iter().map(size);
            let pairs = pairs.sum();
            (size(&**principal) - pairs, pairs)
        })
    }

    /// Reads what [`AccountBaseline::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another form or mathematics, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, BytesError> {
        let [form, a, b, c, d, body @ ..] = bytes else {
            return Err(BytesError::Damaged("too short".to_owned()));
        };
        if *form != FORM {
            return Err(BytesError::Form(*form));
        }
        let maths = u32::from_le_bytes([*a, *b, *c, *d]);
        if maths != MATHS_VERSION {
            return Err(BytesError::Maths(maths));
        }
        postcard::from_bytes(body).map_err(|error| BytesError::Damaged(error.to_string()))
    }
}

/// The bytes that a part of a base takes.
fn size(part: &impl Serialize) -> usize {
    // Every part has a form in postcard.
    postcard::experimental::serialized_size(part).unwrap_or_default()
}

/// For `#[serde(with)]`: a base within another form, as its bytes.
pub mod as_bytes {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::AccountBaseline;

    /// Writes the bytes.
    ///
    /// # Errors
    /// When the form takes no more.
    pub fn serialize<S: Serializer>(
        base: &Arc<AccountBaseline>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&base.encode())
    }

    /// Reads the bytes.
    ///
    /// # Errors
    /// When they are no base of this version.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<AccountBaseline>, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        let base = AccountBaseline::decode(&bytes.0).map_err(D::Error::custom)?;
        Ok(Arc::new(base))
    }

    /// Bytes, however the form gives them.
    pub(crate) struct Bytes(pub Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
                fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                    Ok(Bytes(bytes))
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut bytes: A,
                ) -> Result<Bytes, A::Error> {
                    let mut all = Vec::new();
                    while let Some(byte) = bytes.next_element()? {
                        all.push(byte);
                    }
                    Ok(Bytes(all))
                }
            }
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::baseline::combine::{FAMILY_BINS, TOTAL_BINS};
    use crate::baseline::constants::{
        AGENTS_MAX, CONTEXTS_MAX, GRANTEES_MAX, KAPPA, KEY_PATHS_MAX, KEY_VALUES_MAX, NETWORKS_MAX,
        OPERATIONS_MAX, PATHS_MAX, RATIO_MAX, REGIONS_MAX,
    };
    use crate::baseline::features::{FAMILIES, Feature};
    use crate::baseline::state::{KeyBaseline, PairBaseline, PrincipalBaseline, table_of};
    use crate::baseline::streams::KINDS;
    use crate::baseline::surprises::on_key_id;
    use crate::baseline::table::Table;
    use crate::baseline::volume::{SlotTime, Slots, Stream};

    /// Days since 1970-01-01 of these tests: a Thursday.
    const TODAY: i64 = 20_520;
    /// A number as names and keys have them after millions were given.
    const NUMBER: u32 = 2_000_000;

    /// A stream that had every ratio, and every slot on days of its own.
    fn full_stream(slots: Slots) -> Stream {
        let mut stream = Stream::default();
        for day in TODAY..TODAY + 7 {
            for hour in 0..24 {
                let calls = libm::exp2(f64::from(hour) / 24.0 * (RATIO_MAX + 0.5)) * KAPPA;
                for _ in 0..=hour {
                    stream.learn(slots, SlotTime::new(day, hour), calls, 0.0, KAPPA);
                }
            }
        }
        stream
    }

    fn fill(table: &mut Table, most: usize, id: impl Fn(u32) -> u64) {
        for number in 0..most as u32 {
            table.add(id(NUMBER - number), 1.0, most);
        }
    }

    /// The largest principal there can be, but for its pairs.
    fn full_principal() -> PrincipalBaseline {
        let mut full = PrincipalBaseline::new(TODAY);
        full.active_days = 10_000;
        for (feature, most) in [
            (Feature::Network, NETWORKS_MAX),
            (Feature::Agent, AGENTS_MAX),
            (Feature::Region, REGIONS_MAX),
            (Feature::Path, PATHS_MAX),
            (Feature::Operation, OPERATIONS_MAX),
            (Feature::Grantee, GRANTEES_MAX),
        ] {
            let table = &mut full.tables[table_of(feature).unwrap()];
            fill(table, most, u64::from);
        }
        let on_key = |number| on_key_id(number, number);
        let contexts = &mut full.tables[table_of(Feature::Context).unwrap()];
        fill(contexts, CONTEXTS_MAX, on_key);
        fill(&mut full.key_paths, KEY_PATHS_MAX, on_key);
        for (stream, kind) in full.streams.iter_mut().zip(KINDS) {
            *stream = full_stream(kind.slots);
        }
        for first in 0..24 {
            full.times.learn(0x00ff_ffff << first & 0x00ff_ffff, true);
        }
        for bin in 0..100 {
            let value = f64::from(bin) * FAMILY_BINS.0;
            for family in 0..FAMILIES {
                full.families[family].add(value, FAMILY_BINS.0, FAMILY_BINS.1, 1.0);
            }
            full.totals
                .add(f64::from(bin), TOTAL_BINS.0, TOTAL_BINS.1, 1.0);
        }
        full
    }

    #[test]
    fn nothing_grows_beyond_its_bytes() {
        let pair = PairBaseline {
            key: NUMBER,
            first_day: TODAY,
            day: TODAY,
            calls: full_stream(Slots::Blocks),
            ..PairBaseline::default()
        };
        let mut key = KeyBaseline {
            number: NUMBER,
            first_day: TODAY,
            day: TODAY,
            used: Some(TODAY),
            created: Some(TODAY),
            calls: full_stream(Slots::Hours),
            ..KeyBaseline::default()
        };
        fill(&mut key.paths, KEY_VALUES_MAX, u64::from);
        fill(&mut key.contexts, KEY_VALUES_MAX, u64::from);
        let (principal, pair, key) = (size(&full_principal()), size(&pair), size(&key));
        assert!((3_900..=4_096).contains(&principal), "{principal}");
        assert!((180..=400).contains(&pair), "{pair}");
        assert!((700..=800).contains(&key), "{key}");
    }

    #[test]
    fn an_empty_base_survives() {
        let base = AccountBaseline::default();
        assert_eq!(AccountBaseline::decode(&base.encode()), Ok(base));
    }

    #[test]
    fn other_versions_are_refused() {
        let mut bytes = AccountBaseline::default().encode();
        bytes[1] ^= 0x40;
        assert!(matches!(
            AccountBaseline::decode(&bytes),
            Err(BytesError::Maths(_))
        ));
        bytes[0] = 9;
        assert_eq!(AccountBaseline::decode(&bytes), Err(BytesError::Form(9)));
        assert!(AccountBaseline::decode(&[]).is_err());
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = AccountBaseline::default().encode();
            bytes.truncate(5);
            bytes.extend(body);
            let _ = AccountBaseline::decode(&bytes);
        }
    }
}
