//! The top level of one record: the texts Keytrail reads, and the nested values as they stand.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
#[cfg(any(test, feature = "oracle"))]
use serde::de::{IgnoredAny, MapAccess};
#[cfg(any(test, feature = "oracle"))]
use serde_json::value::RawValue;

use crate::walker::{Field, Picked};

/// A string of the input, borrowed unless it holds escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

macro_rules! fields {
    (
        texts { $($text:ident = $text_key:literal as $text_field:ident,)* }
        nested { $($raw:ident = $raw_key:literal as $raw_field:ident,)* }
    ) => {
        /// The fields of one record that Keytrail reads, as the record writes them. A field that is
        /// `null` or absent is `None`; of duplicate keys the last counts, as serde_json has it.
        #[derive(Debug, Default, PartialEq, Eq)]
        pub struct Fields<'a> {
            $(#[doc = concat!("`", $text_key, "`, unescaped.")] pub $text: Option<Cow<'a, str>>,)*
            $(#[doc = concat!("`", $raw_key, "`, as raw JSON.")] pub $raw: Option<&'a str>,)*
        }

        impl<'a> Fields<'a> {
            /// The fields that a walk picked out of this record.
            #[inline(always)]
            pub(crate) fn of_walk(picked: &Picked, record: &'a str) -> Self {
                Self {
                    $($text: picked.text(record, Field::$text_field),)*
                    $($raw: picked.raw(record, Field::$raw_field),)*
                }
            }
        }

        #[cfg(any(test, feature = "oracle"))]
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CloudTrail record, which is an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Fields::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        $($text_key => {
                            let value: Option<Text<'de>> = map.next_value().map_err(|error| named($text_key, error))?;
                            fields.$text = value.map(|text| text.0);
                        })*
                        $($raw_key => {
                            let value: &'de RawValue = map.next_value()?;
                            fields.$raw = Some(value.get()).filter(|raw| *raw != "null");
                        })*
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(fields)
            }
        }
    };
}

#[cfg(any(test, feature = "oracle"))]
struct FieldsVisitor;

fields! {
    texts {
        event_time = "eventTime" as EventTime,
        event_source = "eventSource" as EventSource,
        event_name = "eventName" as EventName,
        aws_region = "awsRegion" as AwsRegion,
        source_ip_address = "sourceIPAddress" as SourceIpAddress,
        user_agent = "userAgent" as UserAgent,
        error_code = "errorCode" as ErrorCode,
        error_message = "errorMessage" as ErrorMessage,
        event_id = "eventID" as EventId,
        event_type = "eventType" as EventType,
        recipient_account_id = "recipientAccountId" as RecipientAccountId,
        shared_event_id = "sharedEventID" as SharedEventId,
        vpc_endpoint_id = "vpcEndpointId" as VpcEndpointId,
    }
    nested {
        user_identity = "userIdentity" as UserIdentity,
        request_parameters = "requestParameters" as RequestParameters,
        response_elements = "responseElements" as ResponseElements,
        resources = "resources" as Resources,
        additional_event_data = "additionalEventData" as AdditionalEventData,
        service_event_details = "serviceEventDetails" as ServiceEventDetails,
        tls_details = "tlsDetails" as TlsDetails,
    }
}

/// Says which field an error is about.
#[cfg(any(test, feature = "oracle"))]
fn named<E: de::Error>(field: &str, error: E) -> E {
    E::custom(format_args!("{field}: {error}"))
}

#[cfg(any(test, feature = "oracle"))]
impl<'a> Fields<'a> {
    /// Picks the fields out of one record's JSON text: what the walker is held to.
    ///
    /// # Errors
    /// When the text is not one JSON object, or one of the text fields has another type.
    pub fn pick(record: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(record);
        let fields = deserializer.deserialize_map(FieldsVisitor)?;
        deserializer.end()?;
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        let fields = Fields::pick(
            r#"{"eventName":"A","event\u004eame":"B","userIdentity":{},"userIdentity":null}"#,
        );
        let fields = fields.ok();
        assert_eq!(
            fields.as_ref().and_then(|f| f.event_name.as_deref()),
            Some("B")
        );
        assert_eq!(fields.as_ref().and_then(|f| f.user_identity), None);
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let error = Fields::pick(r#"{"eventTime":5}"#)
            .err()
            .map(|e| e.to_string());
        assert_eq!(
            error.as_deref(),
            Some("eventTime: invalid type: integer `5`, expected a string at line 1 column 14")
        );
        assert!(Fields::pick("[]").is_err());
        assert!(Fields::pick("{} x").is_err());
    }
}
