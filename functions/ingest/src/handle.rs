//! The handler: a payload in, an answer out.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use keytrail_delivery::hand_over::{HandOver, Load, Packed};
use keytrail_delivery::notification::{self, BatchAnswer, Lane, Message, Object, Part, Records};
use keytrail_event::{DeliveryName, EventTime};
use keytrail_lambda::quarantine::set_aside;
use keytrail_lambda::{Failed, Invocation, Level, log};
use serde_json::Value;

use crate::counts::Counts;
use crate::read::{Read, Reads};
use crate::services::{Services, Unread};

/// Objects that are fetched at the same time. Each is held in memory while it waits to be read.
const FETCHES_AT_ONCE: usize = 4;
/// With less time than this, nothing new is begun: what was read must still be handed over.
const TIME_RESERVED: Duration = Duration::from_secs(15);

/// How the function reads.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The lane whose records count. Records that come by another are passed over, except those of
    /// EventBridge, which feed rules.
    pub counting_lane: Lane,
    /// Longest object that is fetched, in bytes.
    pub object_bytes_max: usize,
    /// Most text that is read of one delivery, in bytes.
    pub text_bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            counting_lane: Lane::Files,
            object_bytes_max: 64 << 20,
            text_bytes_max: 4 << 30,
        }
    }
}

/// What is to be done again, set aside, or done.
enum Outcome {
    Done,
    /// The message is to be delivered again.
    Again(String),
    /// It is set aside: what it is, and why.
    Park {
        name: String,
        reason: &'static str,
        detail: String,
    },
}

/// Reads what the payload asks for. The answer names the messages to be delivered again.
///
/// # Errors
/// When the whole payload is to be delivered again.
pub async fn handle(
    services: &impl Services,
    settings: &Settings,
    invocation: &Invocation,
) -> Result<BatchAnswer, Failed> {
    let asked = notification::read(invocation.payload.as_bytes());
    let mut reads = Reads::new(settings.text_bytes_max);
    let mut counts = Counts::default();
    let mut failed: Vec<&Message> = Vec::new();
    // Objects of all messages are fetched ahead, in order, while earlier ones are read.
    let objects = asked.messages.iter().flat_map(|message| &message.parts);
    let objects = objects.filter_map(|part| match part {
        Part::Object(object) if settings.counting_lane == Lane::Files => Some(object),
        _ => None,
    });
    let fetches = objects.map(|object| fetch(services, settings, invocation, object));
    let mut fetched = stream::iter(fetches).buffered(FETCHES_AT_ONCE);
    for message in &asked.messages {
        let mut must_fail = false;
        for part in &message.parts {
            let outcome = match part {
                Part::Object(object) if settings.counting_lane == Lane::Files => {
                    // There is one fetch for each such part, in the same order.
                    let bytes = fetched.next().await;
                    let bytes = bytes.unwrap_or_else(|| Err(Unread::Later(String::new())));
                    read_object(object, bytes, &mut reads, &mut counts, invocation.now)
                }
                Part::Object(_) => ignore("other-lane", &mut counts),
                Part::Records(records) => {
                    read_records(records, message, settings, &mut reads, &mut counts)
                }
                Part::Ignored(reason) => ignore(reason.as_str(), &mut counts),
                Part::Fault(fault) => Outcome::Park {
                    name: name_of(message),
                    reason: fault.as_str(),
                    detail: "the message cannot be understood".to_owned(),
                },
            };
            let outcome = settle(services, outcome, &mut counts, invocation.now).await;
            if let Err(why) = outcome {
                log(
                    Level::Warning,
                    "to be delivered again",
                    [("why", Value::from(why))],
                );
                must_fail = true;
            }
        }
        if must_fail {
            failed.push(message);
        }
    }
    drop(fetched);
    counts.failed = failed.len() as u64;
    counts.tallied(&reads.tally);
    let hand_overs = hand_overs(reads)?;
    counts.handed_over = hand_overs.len() as u64;
    if !hand_overs.is_empty() {
        services.hand_over(hand_overs).await.map_err(Failed)?;
    }
    let mut measures = counts.measures();
    measures.push(invocation.processing_time("ingest"));
    services.measure(&measures).await;
    if !counts.is_conserved() {
        log(Level::Error, "the counts do not add up, which is a bug", []);
    }
    tell(&counts);
    let count = failed.len();
    BatchAnswer::failing(failed).ok_or_else(|| {
        Failed(format!(
            "{count} messages without an id are to be delivered again"
        ))
    })
}

async fn fetch(
    services: &impl Services,
    settings: &Settings,
    invocation: &Invocation,
    object: &Object,
) -> Result<Vec<u8>, Unread> {
    if invocation.time_left() < TIME_RESERVED {
        return Err(Unread::Later("no time is left".to_owned()));
    }
    services.object(object, settings.object_bytes_max).await
}

fn read_object(
    object: &Object,
    bytes: Result<Vec<u8>, Unread>,
    reads: &mut Reads,
    counts: &mut Counts,
    now: EventTime,
) -> Outcome {
    let name = format!("s3://{}/{}", object.bucket, object.key);
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(Unread::Later(why)) => return Outcome::Again(format!("{name}: {why}")),
        Err(Unread::Never(detail)) => {
            let reason = "cannot-be-fetched";
            return Outcome::Park {
                name,
                reason,
                detail,
            };
        }
    };
    let read = reads.object(&object.key, &bytes);
    if let Some(stamp) = DeliveryName::parse(&object.key).stamp {
        let lag = now.seconds_since(stamp);
        counts.lag_seconds = counts.lag_seconds.max(Some(lag));
    }
    count_read(name, Lane::Files, bytes.len(), read, counts)
}

fn read_records(
    records: &Records,
    message: &Message,
    settings: &Settings,
    reads: &mut Reads,
    counts: &mut Counts,
) -> Outcome {
    if records.lane != Lane::Events && records.lane != settings.counting_lane {
        return ignore("other-lane", counts);
    }
    let read = reads.records(records.lane, &records.text);
    let bytes = records.text.len();
    count_read(name_of(message), records.lane, bytes, read, counts)
}

/// What was read counts, whatever came after it; what was not is set aside.
fn count_read(name: String, lane: Lane, bytes: usize, read: Read, counts: &mut Counts) -> Outcome {
    match lane {
        // Whether deliveries still come is what an alarm watches, and these come without them.
        Lane::Events => counts.ahead += 1,
        Lane::Files | Lane::Logs => {
            counts.deliveries += 1;
            counts.bytes += bytes as u64;
        }
    }
    counts.reading.add(&read.reading);
    match read.problem {
        None => Outcome::Done,
        Some(detail) => Outcome::Park {
            name,
            reason: "cannot-be-read",
            detail,
        },
    }
}

fn ignore(reason: &'static str, counts: &mut Counts) -> Outcome {
    *counts.ignored.entry(reason).or_default() += 1;
    Outcome::Done
}

fn name_of(message: &Message) -> String {
    format!("message {}", message.id.as_deref().unwrap_or("without id"))
}

/// Sets aside what is to be set aside, before its message counts as done.
async fn settle(
    services: &impl Services,
    outcome: Outcome,
    counts: &mut Counts,
    now: EventTime,
) -> Result<(), String> {
    match outcome {
        Outcome::Done => Ok(()),
        Outcome::Again(why) => Err(why),
        Outcome::Park {
            name,
            reason,
            detail,
        } => {
            let why = format!("{reason}: {detail}");
            let parked = set_aside(services.store(), &name, None, &why, now).await;
            parked.map_err(|error| error.to_string())?;
            *counts.parked.entry(reason).or_default() += 1;
            Ok(())
        }
    }
}

/// One hand-over for each account and day, since tallies are stored so.
fn hand_overs(reads: Reads) -> Result<Vec<HandOver>, Failed> {
    let days = reads.tally.into_account_days().into_iter();
    let hand_overs = days.map(|((account, _), tally)| {
        let packed = Packed::pack(&tally.encode());
        let packed = packed.map_err(|error| Failed(format!("cannot pack a tally: {error}")))?;
        let load = Load::Tally(packed);
        Ok(HandOver { account, load })
    });
    hand_overs.collect()
}

fn tell(counts: &Counts) {
    let fields = [
        ("deliveries", Value::from(counts.deliveries)),
        ("bytes", Value::from(counts.bytes)),
        ("ahead", Value::from(counts.ahead)),
        ("records", Value::from(counts.reading.records)),
        ("kms", Value::from(counts.reading.kms)),
        ("malformed", Value::from(counts.reading.malformed)),
        ("tallies", Value::from(counts.handed_over)),
        ("failed", Value::from(counts.failed)),
    ];
    log(Level::Info, "read", fields);
}
