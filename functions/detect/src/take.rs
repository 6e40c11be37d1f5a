//! Opening messages: what each account is handed, and what cannot be opened.

use std::collections::BTreeMap;

use keytrail_delivery::hand_over::{HandOver, Load, PARKED, Packed, QueueMessage};
use keytrail_detect::tally::Tally;
use keytrail_event::{Day, EventTime};

use crate::services::{Services, Unread};

/// What one account was handed.
#[derive(Debug, Default)]
pub struct Handed {
    /// Its tallies, merged, by day.
    pub tallies: BTreeMap<Day, Tally>,
    /// The latest tick.
    pub tick: Option<EventTime>,
    /// The messages that are done once this is taken in, in order.
    pub messages: Vec<String>,
    /// Parked tallies among them: they leave quarantine once this is taken in.
    pub parked: Vec<String>,
    /// How often the most tried of the messages was received.
    pub receive_count: u32,
}

/// What one message held.
pub enum Opened {
    /// Something for an account.
    For(String, Part),
    /// It may work later: the message and the later ones of its account come again.
    Later(Option<String>, String),
    /// It never will: to be set aside.
    Never {
        /// The account, where it is known.
        account: Option<String>,
        /// What is set aside, or where it stands already.
        what: Parcel,
        /// Why.
        why: String,
    },
}

/// Something for an account.
pub enum Part {
    /// A tally, and its address if it was parked.
    Tally(Box<Tally>, Option<String>),
    /// A tick.
    Tick(EventTime),
}

/// What is set aside.
pub enum Parcel {
    /// Bytes that stand nowhere else, or not for long.
    Bytes(Vec<u8>, Kind),
    /// An object.
    Object(String),
    /// A tally that was parked before, and was tried again.
    Parked(String),
}

/// What bytes are that are parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A packed tally.
    Tally,
    /// The text of a message that says nothing to this version.
    Message,
}

impl Kind {
    /// How the name of its object ends.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Tally => "zst",
            Self::Message => "txt",
        }
    }
}

impl Handed {
    /// Adds what a message held.
    pub fn add(&mut self, message: &QueueMessage, account: &str, part: Part) {
        self.messages.push(message.message_id.clone());
        self.receive_count = self.receive_count.max(message.receive_count());
        match part {
            Part::Tick(time) => self.tick = self.tick.max(Some(time)),
            Part::Tally(tally, parked) => {
                self.parked.extend(parked);
                let days = tally.into_account_days().into_iter();
                // What belongs to another account would meet another writer there.
                for ((_, day), tally) in days.filter(|((of, _), _)| of == account) {
                    self.tallies.entry(day).or_default().merge(tally);
                }
            }
        }
    }
}

/// Opens a message.
pub async fn open(services: &impl Services, message: &QueueMessage) -> Opened {
    let HandOver { account, load } = match HandOver::read(&message.body) {
        Ok(hand_over) => hand_over,
        Err(error) => {
            return Opened::Never {
                account: None,
                // Another version may read it, and nobody has it but this message.
                what: Parcel::Bytes(message.body.clone().into_bytes(), Kind::Message),
                why: error.to_string(),
            };
        }
    };
    let (packed, parked) = match load {
        Load::Tick(time) => return Opened::For(account, Part::Tick(time)),
        Load::Tally(packed) => (packed, None),
        Load::Stored { bucket, key } => {
            let address = format!("s3://{bucket}/{key}");
            match services.stored(&bucket, &key).await {
                Ok(bytes) => {
                    let parked = key.starts_with(PARKED).then_some(address);
                    (Packed::of_bytes(bytes), parked)
                }
                Err(Unread::Later(why)) => return Opened::Later(Some(account), why),
                Err(Unread::Never(why)) => {
                    let what = if key.starts_with(PARKED) {
                        Parcel::Parked(address)
                    } else {
                        Parcel::Object(address)
                    };
                    let account = Some(account);
                    return Opened::Never { account, what, why };
                }
            }
        }
    };
    let tally = packed
        .unpack()
        .map_err(|error| error.to_string())
        .and_then(|bytes| Tally::decode(&bytes).map_err(|error| error.to_string()));
    match tally {
        Ok(tally) => Opened::For(account, Part::Tally(Box::new(tally), parked)),
        Err(why) => {
            // A large hand-over goes in a month, and is not tried again where it stands.
            let what = match parked {
                Some(address) => Parcel::Parked(address),
                None => Parcel::Bytes(packed.into_bytes(), Kind::Tally),
            };
            let account = Some(account);
            Opened::Never { account, what, why }
        }
    }
}
