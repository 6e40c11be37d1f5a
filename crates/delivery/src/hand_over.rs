//! What one function hands to the next, as the text of a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keytrail_event::EventTime;
use serde::{Deserialize, Serialize};

/// Where tallies that were set aside stand in the state bucket.
pub const PARKED: &str = "parked/";

/// The version of the text.
const VERSION: u32 = 1;
/// How hard zstd tries: fast, since each tally is packed once and read once.
const ZSTD_LEVEL: i32 = 3;
/// Most bytes that a load unpacks to.
const TALLY_BYTES_MAX: usize = 256 << 20;

/// Something for the one writer of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// The account.
    pub account: String,
    /// What is handed over.
    pub load: Load,
}

/// What is handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// An encoded tally, packed.
    Tally(Packed),
    /// A packed tally too large for a message, in an object.
    Stored {
        /// Its bucket.
        bucket: String,
        /// Its key.
        key: String,
    },
    /// The clock: what is due by then is to be done.
    Tick(EventTime),
}

/// The bytes of an encoded tally, packed by zstd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    /// Packs the bytes.
    ///
    /// # Errors
    /// When the packer has no memory.
    pub fn pack(tally: &[u8]) -> std::io::Result<Self> {
        zstd::bulk::compress(tally, ZSTD_LEVEL).map(Self)
    }

    /// Bytes that were packed elsewhere.
    #[must_use]
    pub const fn of_bytes(packed: Vec<u8>) -> Self {
        Self(packed)
    }

    /// The packed bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// How many bytes they are, packed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, which is no packed tally.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that were packed.
    ///
    /// # Errors
    /// When they are damaged, or unpack to more than a tally may have.
    pub fn unpack(&self) -> std::io::Result<Vec<u8>> {
        zstd::bulk::decompress(&self.0, TALLY_BYTES_MAX)
    }
}

/// Why a text is no hand-over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHandedOver {
    /// It is of another version.
    #[error("a hand-over of version {0}, and this function reads version {VERSION}")]
    OtherVersion(u32),
    /// It is of another shape.
    #[error("no hand-over: {0}")]
    OtherShape(String),
}

/// A message of the queue as its function gets it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueMessage {
    /// Its id.
    pub message_id: String,
    /// What the queue knows this delivery of it by.
    #[serde(default)]
    pub receipt_handle: Option<String>,
    /// Its text.
    pub body: String,
    /// What the queue says about it.
    #[serde(default)]
    attributes: QueueAttributes,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct QueueAttributes {
    approximate_receive_count: Option<String>,
}

impl QueueMessage {
    /// How often it was received, this time included.
    #[must_use]
    pub fn receive_count(&self) -> u32 {
        let count = self.attributes.approximate_receive_count.as_deref();
        count.and_then(|count| count.parse().ok()).unwrap_or(1)
    }
}

/// The messages of a payload, in the order of the queue.
///
/// # Errors
/// When it is no payload of a queue.
pub fn messages(payload: &str) -> Result<Vec<QueueMessage>, NotHandedOver> {
    #[derive(Deserialize)]
    struct Payload {
        #[serde(rename = "Records")]
        records: Vec<QueueMessage>,
    }
    let payload: Payload = serde_json::from_str(payload)
        .map_err(|error| NotHandedOver::OtherShape(error.to_string()))?;
    Ok(payload.records)
}

#[derive(Serialize, Deserialize)]
struct Wire {
    keytrail: u32,
    account: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tally: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stored: Option<WireObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tick: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct WireObject {
    bucket: String,
    key: String,
}

impl HandOver {
    /// The text of the message.
    #[must_use]
    pub fn write(&self) -> String {
        let mut wire = Wire {
            keytrail: VERSION,
            account: self.account.clone(),
            tally: None,
            stored: None,
            tick: None,
        };
        match &self.load {
            Load::Tally(packed) => wire.tally = Some(STANDARD.encode(&packed.0)),
            Load::Stored { bucket, key } => {
                wire.stored = Some(WireObject {
                    bucket: bucket.clone(),
                    key: key.clone(),
                });
            }
            Load::Tick(time) => wire.tick = Some(time.unix_seconds()),
        }
        // Strings and numbers under fixed names always make JSON.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// Reads the text of a message.
    ///
    /// # Errors
    /// When it is none of ours.
    pub fn read(text: &str) -> Result<Self, NotHandedOver> {
        let shape = |detail: &dyn std::fmt::Display| NotHandedOver::OtherShape(detail.to_string());
        let wire: Wire = serde_json::from_str(text).map_err(|error| shape(&error))?;
        if wire.keytrail != VERSION {
            return Err(NotHandedOver::OtherVersion(wire.keytrail));
        }
        let load = match wire {
            Wire {
                tally: Some(tally),
                stored: None,
                tick: None,
                ..
            } => {
                let packed = STANDARD.decode(tally).map_err(|error| shape(&error))?;
                Load::Tally(Packed(packed))
            }
            Wire {
                tally: None,
                stored: Some(WireObject { bucket, key }),
                tick: None,
                ..
            } => Load::Stored { bucket, key },
            Wire {
                tally: None,
                stored: None,
                tick: Some(seconds),
                ..
            } => Load::Tick(EventTime::from_unix_seconds(seconds)),
            _ => return Err(shape(&"exactly one load must stand in it")),
        };
        Ok(Self {
            account: wire.account,
            load,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let loads = [
            Load::Tally(Packed::pack(b"tally").unwrap()),
            Load::Stored {
                bucket: "b".to_owned(),
                key: "k/\"".to_owned(),
            },
            Load::Tick(EventTime::from_unix_seconds(1_700_000_000)),
        ];
        for load in loads {
            let account = "111122223333".to_owned();
            let hand_over = HandOver { account, load };
            assert_eq!(HandOver::read(&hand_over.write()), Ok(hand_over));
        }
    }

    #[test]
    fn packed_bytes_come_back_and_damage_is_told() {
        let tally = b"tally ".repeat(1_000);
        let packed = Packed::pack(&tally).unwrap();
        assert!(packed.len() < 100);
        assert_eq!(packed.unpack().unwrap(), tally);
        let mut damaged = packed.into_bytes();
        damaged.truncate(damaged.len() / 2);
        assert!(Packed::of_bytes(damaged).unpack().is_err());
    }

    #[test]
    fn anything_else_is_refused() {
        let check = |text: &str| assert!(HandOver::read(text).is_err(), "{text}");
        check("");
        check("{}");
        check(r#"{"keytrail":1,"account":"1"}"#);
        check(r#"{"keytrail":1,"account":"1","tally":"?"}"#);
        check(r#"{"keytrail":1,"account":"1","tally":"AA==","tick":1}"#);
        let later = HandOver::read(r#"{"keytrail":2,"account":"1","tick":1}"#);
        assert_eq!(later, Err(NotHandedOver::OtherVersion(2)));
    }
}
