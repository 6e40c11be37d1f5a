//! Event ids in sixteen bytes: CloudTrail's are UUIDs.

use std::borrow::Cow;

/// An event id; empty where the record has none. Ordered as its text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventId {
    /// A UUID in its canonical, lower-case form.
    Uuid(Uuid),
    /// Any other text.
    Other(Box<str>),
}

/// The sixteen bytes of a UUID. Ordered as its canonical text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Uuid(u64, u64);

impl EventId {
    /// The id of this text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Uuid::parse(text).map_or_else(|| Self::Other(text.into()), Self::Uuid)
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Uuid(uuid) => Cow::Owned(uuid.text()),
            Self::Other(text) => Cow::Borrowed(text),
        }
    }

    /// Whether the record has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Other(text) if text.is_empty())
    }
}

impl PartialOrd for EventId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EventId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Uuid(this), Self::Uuid(other)) => this.cmp(other),
            _ => self.text().cmp(&other.text()),
        }
    }
}

/// Eight digits, four from each place.
#[inline]
const fn eight(text: &[u8; 36], high: usize, low: usize) -> u64 {
    u64::from_be_bytes([
        text[high],
        text[high + 1],
        text[high + 2],
        text[high + 3],
        text[low],
        text[low + 1],
        text[low + 2],
        text[low + 3],
    ])
}

impl Uuid {
    /// The UUID of this text, if it is one in canonical, lower-case form.
    #[must_use]
    #[inline]
    pub fn parse(text: &str) -> Option<Self> {
        let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let is_hyphened = [text[8], text[13], text[18], text[23]] == *b"----";
        let groups = [
            eight(text, 0, 4),
            eight(text, 9, 14),
            eight(text, 19, 24),
            eight(text, 28, 32),
        ];
        let values = groups.map(digits_to_values);
        let mut wrong = 0;
        for (digits, values) in groups.into_iter().zip(values) {
            wrong |= (values_to_digits(values) ^ digits) | (values & (0x10 * ONES));
        }
        let is_hex = wrong == 0;
        let [a, b, c, d] = values.map(|values| u64::from(pack(values)));
        let halves = [a << 32 | b, c << 32 | d];
        (is_hyphened && is_hex).then_some(Self(halves[0], halves[1]))
    }

    /// The canonical text.
    #[must_use]
    pub fn text(self) -> String {
        let Self(high, low) = self;
        let mut text = [b'-'; 36];
        let places = [(0, 4), (9, 14), (19, 24), (28, 32)];
        // The casts take the low half.
        let numbers = [
            (high >> 32) as u32,
            high as u32,
            (low >> 32) as u32,
            low as u32,
        ];
        for ((first, second), number) in places.into_iter().zip(numbers) {
            let digits = values_to_digits(unpack(number)).to_be_bytes();
            text[first..first + 4].copy_from_slice(&digits[..4]);
            text[second..second + 4].copy_from_slice(&digits[4..]);
        }
        // Digits and hyphens are ASCII.
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The bytes, the first of the text first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.0) << 64 | u128::from(self.1)).to_be_bytes()
    }

    /// The UUID of these bytes.
    #[must_use]
    pub const fn of_bytes(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self((number >> 64) as u64, number as u64)
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Eight digits to the values they stand for, a byte each; nonsense for what is no lower-case digit.
const fn digits_to_values(digits: u64) -> u64 {
    // Letters have bit 6, and "a" ends in 1: nine less than ten.
    (digits & (0x0f * ONES)).wrapping_add((digits >> 6 & ONES) * 9)
}

/// Eight values below 16 to lower-case digits.
const fn values_to_digits(values: u64) -> u64 {
    // From ten on, a sum with six has bit 4; letters begin 39 behind the colon.
    let letters = values.wrapping_add(6 * ONES) >> 4 & ONES;
    values.wrapping_add(0x30 * ONES).wrapping_add(letters * 39)
}

/// Eight values below 16 as one number of 32 bits.
const fn pack(values: u64) -> u32 {
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    (fours | fours >> 16) as u32
}

/// The eight values that [`pack`] made a number of.
const fn unpack(number: u32) -> u64 {
    let number = number as u64;
    let fours = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let pairs = (fours | fours << 8) & 0x00ff_00ff_00ff_00ff;
    (pairs | pairs << 4) & (0x0f * ONES)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> impl Strategy<Value = String> {
        prop_oneof![
            "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-gA-F`/:@-]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[0-9a-f-]{36}",
            ".{0,40}",
        ]
    }

    fn is_canonical(text: &str) -> bool {
        text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            })
    }

    proptest! {
        #[test]
        fn an_id_is_its_text(a in ids(), b in ids()) {
            let (id, other) = (EventId::of(&a), EventId::of(&b));
            prop_assert_eq!(&*id.text(), &*a);
            prop_assert_eq!(id.cmp(&other), a.cmp(&b));
            prop_assert_eq!(matches!(id, EventId::Uuid(_)), is_canonical(&a));
        }

        #[test]
        fn every_byte_is_looked_at(place in 0..36_usize, byte in 0..128_u8) {
            let mut text = b"01234567-89ab-cdef-0123-456789abcdef".to_vec();
            text[place] = byte;
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(Uuid::parse(&text).is_some(), is_canonical(&text));
            if let Some(uuid) = Uuid::parse(&text) {
                prop_assert_eq!(uuid.text(), text);
                prop_assert_eq!(Uuid::of_bytes(uuid.to_bytes()), uuid);
            }
        }
    }
}
