//! The names of a record's fields, found by their first eight bytes.

use super::lanes::Lanes;

/// A field of a record that the walker knows. The discriminants are indices into [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    EventTime,
    EventSource,
    EventName,
    AwsRegion,
    SourceIpAddress,
    UserAgent,
    ErrorCode,
    ErrorMessage,
    EventId,
    EventType,
    RecipientAccountId,
    SharedEventId,
    VpcEndpointId,
    UserIdentity,
    RequestParameters,
    ResponseElements,
    Resources,
    AdditionalEventData,
    ServiceEventDetails,
    TlsDetails,
    /// Whatever is not read.
    Ignored,
}

/// How many fields are read.
pub(super) const FIELDS: usize = Field::Ignored as usize;

/// Names of the fields that are read, in the order of [`Field`], and behind them names so frequent
/// that knowing them pays, though nobody reads their fields.
const NAMES: [(&str, Field); 26] = [
    ("eventTime", Field::EventTime),
    ("eventSource", Field::EventSource),
    ("eventName", Field::EventName),
    ("awsRegion", Field::AwsRegion),
    ("sourceIPAddress", Field::SourceIpAddress),
    ("userAgent", Field::UserAgent),
    ("errorCode", Field::ErrorCode),
    ("errorMessage", Field::ErrorMessage),
    ("eventID", Field::EventId),
    ("eventType", Field::EventType),
    ("recipientAccountId", Field::RecipientAccountId),
    ("sharedEventID", Field::SharedEventId),
    ("vpcEndpointId", Field::VpcEndpointId),
    ("userIdentity", Field::UserIdentity),
    ("requestParameters", Field::RequestParameters),
    ("responseElements", Field::ResponseElements),
    ("resources", Field::Resources),
    ("additionalEventData", Field::AdditionalEventData),
    ("serviceEventDetails", Field::ServiceEventDetails),
    ("tlsDetails", Field::TlsDetails),
    ("eventVersion", Field::Ignored),
    ("requestID", Field::Ignored),
    ("readOnly", Field::Ignored),
    ("managementEvent", Field::Ignored),
    ("eventCategory", Field::Ignored),
    ("apiVersion", Field::Ignored),
];

/// What a record may hold in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A string or `null`.
    Text,
    /// Any value, kept as it stands.
    Nested,
    /// Any value, passed over.
    Ignored,
}

impl Field {
    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Ignored => Shape::Ignored,
            _ if (self as u8) < Self::UserIdentity as u8 => Shape::Text,
            _ => Shape::Nested,
        }
    }

    /// Whether most of the field's texts have one length.
    #[inline(always)]
    pub(super) const fn is_steady(self) -> bool {
        matches!(
            self,
            Self::EventTime
                | Self::AwsRegion
                | Self::EventId
                | Self::EventType
                | Self::RecipientAccountId
                | Self::SharedEventId
        )
    }

    /// The field's name in a record.
    pub(crate) const fn name(self) -> &'static str {
        NAMES[self as usize].0
    }

    /// Whether the field is a string or `null`.
    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn is_text(self) -> bool {
        self.shape() == Shape::Text
    }

    /// The field of this name, unescaped.
    pub(crate) fn of_name(name: &[u8]) -> Self {
        let known = NAMES.iter().find(|(known, _)| known.as_bytes() == name);
        known.map_or(Self::Ignored, |(_, field)| *field)
    }
}

/// One place of the table: `"name":`, padded with zeros.
#[derive(Clone, Copy)]
struct Slot {
    pattern: [u8; 32],
    /// One bit for each byte of the pattern.
    mask: u32,
    length: u8,
    field: Field,
}

const SLOT_BITS: u32 = 7;
const SLOTS: usize = 1 << SLOT_BITS;

/// A multiplier under which no two names meet; found when this is compiled.
const MULTIPLIER: u64 = find_multiplier();
static TABLE: [Slot; SLOTS] = fill_table();
/// A place of the table that holds no name.
const EMPTY_SLOT: usize = {
    let mut index = 0;
    while TABLE_OF_SLOTS[index].length != 0 {
        index += 1;
    }
    index
};
const TABLE_OF_SLOTS: [Slot; SLOTS] = fill_table();

const fn slot_of(first_eight: u64, multiplier: u64) -> usize {
    (first_eight.wrapping_mul(multiplier) >> (64 - SLOT_BITS)) as usize
}

/// The first eight bytes behind a name's opening quote.
const fn first_eight(name: &str) -> u64 {
    let name = name.as_bytes();
    let mut bytes = [b'"'; 8];
    let mut index = 0;
    while index < name.len() && index < 8 {
        bytes[index] = name[index];
        index += 1;
    }
    u64::from_le_bytes(bytes)
}

const fn find_multiplier() -> u64 {
    // Any odd numbers will do as candidates; these are the steps of a splitmix generator.
    let mut candidate: u64 = 0x9e37_79b9_7f4a_7c15;
    loop {
        let mut taken = [false; SLOTS];
        let mut index = 0;
        while index < NAMES.len() {
            let slot = slot_of(first_eight(NAMES[index].0), candidate);
            if taken[slot] {
                break;
            }
            taken[slot] = true;
            index += 1;
        }
        if index == NAMES.len() {
            return candidate;
        }
        candidate = (candidate ^ candidate >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
    }
}

const fn fill_table() -> [Slot; SLOTS] {
    // No input matches an empty slot: its mask asks for more than its pattern of zeros gives.
    let empty = Slot {
        pattern: [0; 32],
        mask: u32::MAX,
        length: 0,
        field: Field::Ignored,
    };
    let mut table = [empty; SLOTS];
    let mut index = 0;
    while index < NAMES.len() {
        let (name, field) = NAMES[index];
        let bytes = name.as_bytes();
        let mut pattern = [0; 32];
        pattern[0] = b'"';
        let mut at = 0;
        while at < bytes.len() {
            pattern[1 + at] = bytes[at];
            at += 1;
        }
        pattern[1 + at] = b'"';
        pattern[2 + at] = b':';
        let length = at + 3;
        table[slot_of(first_eight(name), MULTIPLIER)] = Slot {
            pattern,
            mask: (1 << length) - 1,
            length: length as u8,
            field,
        };
        index += 1;
    }
    table
}

/// Which name followed which, when it was last looked up. Records of one kind list their fields in
/// one order, so the next name is guessed, which is soon confirmed: the processor then need not wait
/// for the name to know where its value begins.
#[derive(Debug)]
pub(super) struct Order {
    next: [u8; SLOTS],
}

impl Default for Order {
    fn default() -> Self {
        Self { next: [0; SLOTS] }
    }
}

/// A name of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(u8);

impl Name {
    /// Stands for what comes before the first name, and for names that the table does not hold.
    pub(super) const OTHER: Self = Self(EMPTY_SLOT as u8);

    #[inline(always)]
    pub(super) fn field(self) -> Field {
        TABLE[self.0 as usize % SLOTS].field
    }
}

/// The name, quoted and with its colon, that these bytes begin with, and its length; `None` for names
/// that the table does not hold, or not written as CloudTrail writes them.
#[inline(always)]
pub(super) fn known_name<L: Lanes>(
    lanes: L,
    bytes: &[u8; 32],
    order: &mut Order,
    before: Name,
) -> Option<(Name, usize)> {
    let guess = order.next[before.0 as usize % SLOTS];
    let slot = &TABLE[guess as usize % SLOTS];
    if slot.mask & !lanes.equal(bytes, &slot.pattern) == 0 {
        return Some((Name(guess), slot.length as usize));
    }
    let [_, b1, b2, b3, b4, b5, b6, b7, b8, ..] = *bytes;
    let first_eight = u64::from_le_bytes([b1, b2, b3, b4, b5, b6, b7, b8]);
    let index = slot_of(first_eight, MULTIPLIER);
    let slot = &TABLE[index];
    if slot.mask & !lanes.equal(bytes, &slot.pattern) != 0 {
        return None;
    }
    order.next[before.0 as usize % SLOTS] = index as u8;
    Some((Name(index as u8), slot.length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walker::lanes::Scalar;

    fn find(text: &str) -> Option<(Field, usize)> {
        let mut bytes = [b'x'; 32];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let mut order = Order::default();
        let found = known_name(Scalar, &bytes, &mut order, Name::OTHER);
        // Once learnt, it is guessed.
        assert_eq!(known_name(Scalar, &bytes, &mut order, Name::OTHER), found);
        found.map(|(name, length)| (name.field(), length))
    }

    #[test]
    fn every_name_is_found() {
        for (index, (name, field)) in NAMES.into_iter().enumerate() {
            let text = format!("\"{name}\":");
            assert_eq!(find(&text), Some((field, text.len())), "{name}");
            assert_eq!(Field::of_name(name.as_bytes()), field);
            assert_eq!(find(&format!("\"{name}\" :")), None);
            if field != Field::Ignored {
                assert_eq!(field as usize, index);
                assert_eq!(field.name(), name);
            }
        }
    }

    #[test]
    fn other_names_are_not_found() {
        assert_eq!(find("\"eventTimes\":"), None);
        assert_eq!(find("\"\":"), None);
        assert_eq!(
            known_name(Scalar, &[0; 32], &mut Order::default(), Name::OTHER),
            None
        );
        assert_eq!(Field::of_name(b"eventtime"), Field::Ignored);
    }
}
