//! Taking the wrappings off, one after the other.

use serde_json::value::RawValue;

use super::logs::Budget;
use super::wire::{Envelope, Listed, Packed, Record, Stored, count_of, text_of};
use super::{Fault, Ignored, Lane, Message, Object, Part, Records};

/// Most wrappings around one delivery. SNS in SQS around an S3 notification is three.
const WRAPPINGS_MAX: usize = 8;
/// What CloudTrail sends, as plain text, when a topic is set on a trail.
const VALIDATION: &str = "CloudTrail validation message.";
/// How the types of EventBridge events end that carry a record.
const VIA_CLOUDTRAIL: &str = "via CloudTrail";

/// A message of a batch.
pub fn message(record: &RawValue, budget: &mut Budget) -> Message {
    let Ok(known) = serde_json::from_str::<Record<'_>>(record.get()) else {
        return Message::of(Part::Fault(Fault::UnknownShape));
    };
    let sequence_number = known
        .kinesis
        .and_then(|value| serde_json::from_str::<Packed<'_>>(value.get()).ok())
        .and_then(|packed| packed.sequence_number)
        .map(std::borrow::Cow::into_owned);
    let mut opened = Opened::new(budget);
    opened.record(record, 0);
    Message {
        id: text_of(known.message_id).or(sequence_number),
        parts: opened.finish(),
    }
}

/// What a payload asks for that is no batch.
pub fn parts(text: &str, budget: &mut Budget) -> Vec<Part> {
    let mut opened = Opened::new(budget);
    opened.text(text, 0);
    opened.finish()
}

/// What was found in one message so far.
struct Opened<'b> {
    parts: Vec<Part>,
    budget: &'b mut Budget,
}

impl<'b> Opened<'b> {
    fn new(budget: &'b mut Budget) -> Self {
        Self {
            parts: Vec::new(),
            budget,
        }
    }

    fn finish(mut self) -> Vec<Part> {
        if self.parts.is_empty() {
            self.ignore(Ignored::Empty);
        }
        self.parts
    }

    fn ignore(&mut self, reason: Ignored) {
        self.parts.push(Part::Ignored(reason));
    }

    fn fault(&mut self, fault: Fault) {
        self.parts.push(Part::Fault(fault));
    }

    /// A text inside `depth` wrappings.
    fn text(&mut self, text: &str, depth: usize) {
        if depth > WRAPPINGS_MAX {
            return self.fault(Fault::TooDeep);
        }
        let text = text.trim_ascii();
        if text.starts_with(VALIDATION) {
            return self.ignore(Ignored::ValidationMessage);
        }
        let envelope = match serde_json::from_str::<Envelope<'_>>(text) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => return self.fault(Fault::UnknownShape),
            Err(_) => return self.fault(Fault::NotJson),
        };
        match envelope {
            Envelope {
                records: Some(records),
                ..
            } => self.records(records, text, depth),
            Envelope {
                awslogs: Some(packed),
                ..
            } => self.packed(packed, depth),
            Envelope {
                detail: Some(detail),
                detail_type: Some(detail_type),
                ..
            } => self.event(detail, text_of(Some(detail_type))),
            Envelope {
                bucket: Some(bucket),
                keys: Some(keys),
                ..
            } => self.own_message(text_of(Some(bucket)), keys),
            Envelope {
                message: Some(message),
                sns_type: Some(sns_type),
                ..
            } => self.sns(text_of(Some(sns_type)), text_of(Some(message)), depth),
            Envelope {
                items: Some(items),
                batch_input: Some(shared),
                ..
            } => self.listed(items, shared),
            Envelope {
                message_type: Some(message_type),
                ..
            } => self.log_data(text_of(Some(message_type)), text),
            Envelope {
                event: Some(event), ..
            } if text_of(Some(event)).as_deref() == Some("s3:TestEvent") => {
                self.ignore(Ignored::TestEvent);
            }
            Envelope {
                event_source: Some(source),
                ..
            } if text_of(Some(source)).is_some_and(|name| !name.starts_with("aws:")) => {
                self.inline(Lane::Logs, text);
            }
            _ => self.fault(Fault::UnknownShape),
        }
    }

    fn records(&mut self, records: &RawValue, whole: &str, depth: usize) {
        let Ok(records) = serde_json::from_str::<Vec<&RawValue>>(records.get()) else {
            return self.fault(Fault::UnknownShape);
        };
        if records.first().is_some_and(|first| is_cloudtrail(first)) {
            return self.inline(Lane::Logs, whole);
        }
        for record in records {
            self.record(record, depth);
        }
    }

    fn record(&mut self, record: &RawValue, depth: usize) {
        let Ok(record) = serde_json::from_str::<Record<'_>>(record.get()) else {
            return self.fault(Fault::UnknownShape);
        };
        let source = text_of(record.source).or_else(|| text_of(record.sns_source));
        match source.as_deref() {
            Some("aws:sqs") => match text_of(record.body) {
                Some(body) => self.text(&body, depth + 1),
                None => self.fault(Fault::UnknownShape),
            },
            Some("aws:sns") => match record.sns {
                Some(sns) => self.text(sns.get(), depth + 1),
                None => self.fault(Fault::UnknownShape),
            },
            Some("aws:s3") => self.notified(text_of(record.event_name), record.s3),
            Some("aws:kinesis") => match record.kinesis {
                Some(packed) => self.packed(packed, depth),
                None => self.fault(Fault::UnknownShape),
            },
            _ => self.fault(Fault::UnknownShape),
        }
    }

    /// An S3 notification, whose key is encoded.
    fn notified(&mut self, event_name: Option<String>, s3: Option<&RawValue>) {
        let event_name = event_name.unwrap_or_default();
        let event_name = event_name.strip_prefix("s3:").unwrap_or(&event_name);
        if !event_name.starts_with("ObjectCreated:") {
            return self.ignore(Ignored::NotCreated);
        }
        let stored = s3.and_then(|s3| serde_json::from_str::<Stored<'_>>(s3.get()).ok());
        let part = match stored {
            None => Part::Fault(Fault::NoObject),
            Some(Stored { bucket, object }) => {
                Object::created_encoded(&bucket.name, &object.key, count_of(object.size))
            }
        };
        self.parts.push(part);
    }

    /// An EventBridge event: an object whose key is plain, or a record.
    fn event(&mut self, detail: &RawValue, detail_type: Option<String>) {
        let detail_type = detail_type.unwrap_or_default();
        if detail_type == "Object Created" {
            let part = match serde_json::from_str::<Stored<'_>>(detail.get()) {
                Err(_) => Part::Fault(Fault::NoObject),
                Ok(Stored { bucket, object }) => {
                    Object::created(&bucket.name, &object.key, count_of(object.size))
                }
            };
            self.parts.push(part);
        } else if detail_type.starts_with("Object ") {
            self.ignore(Ignored::NotCreated);
        } else if detail_type.ends_with(VIA_CLOUDTRAIL) {
            self.inline(Lane::Events, detail.get());
        } else {
            self.ignore(Ignored::OtherEvent);
        }
    }

    /// `{"s3Bucket": …, "s3ObjectKey": […]}`, with plain keys.
    fn own_message(&mut self, bucket: Option<String>, keys: &RawValue) {
        let keys = serde_json::from_str::<Vec<String>>(keys.get());
        let (Some(bucket), Ok(keys)) = (bucket, keys) else {
            return self.fault(Fault::NoObject);
        };
        for key in keys {
            self.parts.push(Object::created(&bucket, &key, None));
        }
    }

    fn sns(&mut self, sns_type: Option<String>, message: Option<String>, depth: usize) {
        match (sns_type.as_deref(), message) {
            (Some("Notification"), Some(message)) => self.text(&message, depth + 1),
            (Some("SubscriptionConfirmation" | "UnsubscribeConfirmation"), _) => {
                self.ignore(Ignored::SubscriptionMessage);
            }
            _ => self.fault(Fault::UnknownShape),
        }
    }

    /// A batch of a bucket's listing: `{"BatchInput": {"bucket": …}, "Items": [{"Key", "Size"}]}`.
    fn listed(&mut self, items: &RawValue, shared: &RawValue) {
        #[derive(serde::Deserialize)]
        struct Shared {
            bucket: String,
        }
        let items = serde_json::from_str::<Vec<Listed<'_>>>(items.get());
        let shared = serde_json::from_str::<Shared>(shared.get());
        let (Ok(items), Ok(Shared { bucket })) = (items, shared) else {
            return self.fault(Fault::NoObject);
        };
        for item in items {
            let part = Object::created(&bucket, &item.key, count_of(item.size));
            self.parts.push(part);
        }
    }

    /// Data of Kinesis or a CloudWatch Logs subscription.
    fn packed(&mut self, packed: &RawValue, depth: usize) {
        let Ok(packed) = serde_json::from_str::<Packed<'_>>(packed.get()) else {
            return self.fault(Fault::UnknownShape);
        };
        match self.budget.unpack(&packed.data) {
            Ok(text) => self.text(&text, depth + 1),
            Err(fault) => self.fault(fault),
        }
    }

    fn log_data(&mut self, message_type: Option<String>, text: &str) {
        match message_type.as_deref() {
            Some("DATA_MESSAGE") => self.inline(Lane::Logs, text),
            Some("CONTROL_MESSAGE") => self.ignore(Ignored::ControlMessage),
            _ => self.fault(Fault::UnknownShape),
        }
    }

    fn inline(&mut self, lane: Lane, text: &str) {
        let text = text.as_bytes().to_vec();
        self.parts.push(Part::Records(Records { lane, text }));
    }
}

/// Whether one of the `Records` is a CloudTrail record rather than a wrapping.
fn is_cloudtrail(record: &RawValue) -> bool {
    serde_json::from_str::<Record<'_>>(record.get())
        .ok()
        .and_then(|record| text_of(record.source))
        .is_some_and(|source| !source.starts_with("aws:"))
}
