//! The top level of one record: the texts Keytrail reads, and the nested values as they stand.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

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
        texts { $($text:ident = $text_key:literal,)* }
        nested { $($raw:ident = $raw_key:literal,)* }
    ) => {
        /// The fields of one record that Keytrail reads, as the record writes them. A field that is
        /// `null` or absent is `None`; of duplicate keys the last counts, as serde_json has it.
        #[derive(Debug, Default, PartialEq, Eq)]
        pub struct Fields<'a> {
            $(#[doc = concat!("`", $text_key, "`, unescaped.")] pub $text: Option<Cow<'a, str>>,)*
            $(#[doc = concat!("`", $raw_key, "`, as raw JSON.")] pub $raw: Option<&'a str>,)*
        }

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

struct FieldsVisitor;

fields! {
    texts {
        event_time = "eventTime",
        event_source = "eventSource",
        event_name = "eventName",
        aws_region = "awsRegion",
        source_ip_address = "sourceIPAddress",
        user_agent = "userAgent",
        error_code = "errorCode",
        error_message = "errorMessage",
        event_id = "eventID",
        event_type = "eventType",
        recipient_account_id = "recipientAccountId",
        shared_event_id = "sharedEventID",
        vpc_endpoint_id = "vpcEndpointId",
    }
    nested {
        user_identity = "userIdentity",
        request_parameters = "requestParameters",
        response_elements = "responseElements",
        resources = "resources",
        additional_event_data = "additionalEventData",
        service_event_details = "serviceEventDetails",
        tls_details = "tlsDetails",
    }
}

/// Says which field an error is about.
fn named<E: de::Error>(field: &str, error: E) -> E {
    E::custom(format_args!("{field}: {error}"))
}

impl<'a> Fields<'a> {
    /// Picks the fields out of one record's JSON text.
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
