//! The hand-over between functions: a FIFO queue whose groups are accounts, so that each account has
//! one consumer.
//!
//! Deduplication ids are fresh. Merging tallies is the deduplication; an id made of the content
//! would silently drop ticks, pieces that look alike, and messages that are sent again on purpose.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use keytrail_delivery::hand_over::{HandOver, Load};
use uuid::Uuid;

use crate::objects::Objects;
use crate::{CallFault, Connection, FaultKind};

/// Largest load that travels inside a message, in bytes. Larger ones go through S3.
pub const LOAD_BYTES_MAX: usize = 128 << 10;
/// Most messages of one call: the service's own limit.
const BATCH_MESSAGES_MAX: usize = 10;
/// Most bytes of one call: what the service took before it took 1 MiB, so that every endpoint does.
const BATCH_BYTES_MAX: usize = 256 << 10;
/// Most times that messages are sent again which the service refused one by one.
const ROUNDS_MAX: u32 = 4;
const SEND: &str = "sqs:SendMessageBatch";

/// Sends to the queue, and large loads through a bucket.
#[derive(Debug, Clone)]
pub struct Queue {
    client: aws_sdk_sqs::Client,
    objects: Objects,
    url: String,
    bucket: String,
    prefix: String,
}

impl Queue {
    /// The queue at this URL; large loads go to the bucket, below the prefix.
    #[must_use]
    pub fn new(connection: &Connection, url: &str, bucket: &str, prefix: &str) -> Self {
        Self {
            client: connection.sqs(),
            objects: Objects::new(connection),
            url: url.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    /// Sends everything, or fails. After a failure some may have been sent: sending again is right.
    ///
    /// # Errors
    /// When a call failed after its retries.
    pub async fn send(&self, hand_overs: Vec<HandOver>) -> Result<(), CallFault> {
        let mut entries = Vec::with_capacity(hand_overs.len());
        for hand_over in hand_overs {
            entries.push(self.entry(hand_over).await?);
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            let length = entry.message_body().len();
            if batch.len() == BATCH_MESSAGES_MAX || bytes + length > BATCH_BYTES_MAX {
                self.send_batch(std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += length;
            batch.push(entry);
        }
        self.send_batch(batch).await
    }

    /// The message of a hand-over; a large load is written to the bucket first.
    async fn entry(&self, hand_over: HandOver) -> Result<SendMessageBatchRequestEntry, CallFault> {
        let group = group_id(&hand_over.account);
        let hand_over = match hand_over.load {
            Load::Tally(packed) if packed.len() > LOAD_BYTES_MAX => {
                let key = format!("{}{group}/{}.zst", self.prefix, Uuid::new_v4());
                let bytes = packed.into_bytes();
                self.objects.write(&self.bucket, &key, bytes).await?;
                let bucket = self.bucket.clone();
                HandOver {
                    account: hand_over.account,
                    load: Load::Stored { bucket, key },
                }
            }
            load => HandOver {
                account: hand_over.account,
                load,
            },
        };
        let id = Uuid::new_v4().simple().to_string();
        SendMessageBatchRequestEntry::builder()
            .id(&id)
            .message_group_id(group)
            .message_deduplication_id(&id)
            .message_body(hand_over.write())
            .build()
            .map_err(|error| CallFault::new(SEND, FaultKind::Refused, &error.to_string()))
    }

    /// Sends one batch; what the service refuses for a reason of its own is sent again.
    async fn send_batch(
        &self,
        mut batch: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<(), CallFault> {
        for round in 1.. {
            if batch.is_empty() {
                break;
            }
            let request = self.client.send_message_batch().queue_url(&self.url);
            let answer = request.set_entries(Some(batch.clone())).send().await;
            let answer = answer.map_err(|error| CallFault::of(SEND, error))?;
            let Some(first) = answer.failed().first() else {
                break;
            };
            if first.sender_fault() || round == ROUNDS_MAX {
                let kind = if first.sender_fault() {
                    FaultKind::Refused
                } else {
                    FaultKind::Unavailable
                };
                let detail = format!("{} {}", first.code(), first.message().unwrap_or_default());
                return Err(CallFault::new(SEND, kind, &detail));
            }
            let failed = answer.failed();
            batch.retain(|entry| failed.iter().any(|failed| failed.id() == entry.id()));
            tokio::time::sleep(std::time::Duration::from_millis(100 << round)).await;
        }
        Ok(())
    }
}

/// A name that nothing else has.
#[must_use]
pub fn fresh_name() -> String {
    Uuid::new_v4().to_string()
}

/// The account as a group id, which takes letters, digits and punctuation, at most 128.
fn group_id(account: &str) -> String {
    const GROUP_BYTES_MAX: usize = 128;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !account.is_empty() && account.len() <= GROUP_BYTES_MAX && account.chars().all(is_plain) {
        return account.to_owned();
    }
    // Records name accounts, and records are written by callers: any text may stand there.
    let digest = Uuid::from_u128(u128::from(stable_hash(account)));
    format!("other-{}", digest.simple())
}

/// FNV-1a, 64 bits, written out so that no library can change it: one account has one group whichever function sends, and
/// while a deployment is under way two versions do. In two groups it would have two writers.
fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use keytrail_delivery::hand_over::Packed;

    use super::*;
    use crate::scripted::{Answer, Script};

    fn ok(number: usize, sent: &crate::scripted::Sent) -> Option<Answer> {
        let _ = number;
        let body = if sent.method == "PUT" {
            String::new()
        } else {
            "{\"Successful\":[],\"Failed\":[]}".to_owned()
        };
        Some(Answer { status: 200, body })
    }

    fn queue(script: &Script) -> Queue {
        Queue::new(
            &script.connection(),
            "http://127.0.0.1:1/q.fifo",
            "state",
            "hand-over/",
        )
    }

    fn tally(bytes: usize) -> HandOver {
        HandOver {
            account: "111122223333".to_owned(),
            load: Load::Tally(Packed::of_bytes(vec![7; bytes])),
        }
    }

    fn entries(sent: &crate::scripted::Sent) -> Vec<serde_json::Value> {
        let body: serde_json::Value = serde_json::from_str(&sent.body).unwrap();
        body["Entries"].as_array().unwrap().clone()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_stay_within_the_limits_of_a_call() {
        let script = Script::new(ok);
        let loads = (0..25)
            .map(|_| tally(10))
            .chain((0..5).map(|_| tally(100 << 10)));
        queue(&script).send(loads.collect()).await.unwrap();
        let sent = script.sent();
        let sizes: Vec<usize> = sent.iter().map(|sent| entries(sent).len()).collect();
        assert_eq!(sizes, [10, 10, 6, 1, 1, 1, 1]);
        assert!(sent.iter().all(|sent| sent.body.len() < 300 << 10));
    }

    #[tokio::test(start_paused = true)]
    async fn alike_messages_have_ids_of_their_own_and_one_group() {
        let script = Script::new(ok);
        let two = vec![tally(3), tally(3)];
        queue(&script).send(two).await.unwrap();
        let entries = entries(&script.sent()[0]);
        let id = |index: usize| entries[index]["MessageDeduplicationId"].clone();
        assert_ne!(id(0), id(1));
        assert_eq!(entries[0]["MessageGroupId"], "111122223333");
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_load_goes_through_the_bucket() {
        let script = Script::new(ok);
        let large = tally(LOAD_BYTES_MAX + 1);
        queue(&script).send(vec![large]).await.unwrap();
        let sent = script.sent();
        assert_eq!(sent[0].method, "PUT");
        assert!(sent[0].uri.contains("/state/hand-over/111122223333/"));
        let body = entries(&sent[1])[0]["MessageBody"]
            .as_str()
            .unwrap()
            .to_owned();
        let Load::Stored { bucket, key } = HandOver::read(&body).unwrap().load else {
            panic!("{body}");
        };
        assert_eq!(bucket, "state");
        assert!(sent[0].uri.contains(&key));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_was_refused_is_sent_again() {
        let script = Script::new(|number, sent| {
            let second = entries(sent).get(1).map(|entry| entry["Id"].clone());
            let body = match second {
                Some(id) if number == 0 => format!(
                    "{{\"Successful\":[],\"Failed\":[{{\"Id\":{id},\"SenderFault\":false,\"Code\":\"Internal\"}}]}}"
                ),
                _ => "{}".to_owned(),
            };
            Some(Answer { status: 200, body })
        });
        let three = vec![tally(1), tally(2), tally(3)];
        queue(&script).send(three).await.unwrap();
        let sent = script.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(entries(&sent[1]), [entries(&sent[0])[1].clone()]);
    }

    #[test]
    fn any_text_makes_a_group() {
        assert_eq!(group_id("111122223333"), "111122223333");
        for odd in ["", "a b", "\u{e9}", &"x".repeat(200)] {
            assert!(group_id(odd).len() <= 128 && group_id(odd).is_ascii());
        }
        assert_ne!(group_id("a b"), group_id("a c"));
    }
}
