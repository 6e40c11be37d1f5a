//! `requestParameters`, walked once: keys, aliases and the encryption context.

use std::borrow::Cow;

use super::Odd;
use super::lanes::Lanes;
use super::value::{byte, colon, skip_space, strict, string};
use crate::context::{CONTEXT_PAIRS_MAX, EncryptionContext};
use crate::request::Request;

/// Reads the object that stands in `text` from `start` to `text_end`. `None` when it takes a parser that unescapes, or one for
/// shapes that KMS does not give its requests; what was read so far was sound.
#[inline(always)]
pub(super) fn read<'a, L: Lanes>(
    lanes: L,
    text: &'a str,
    start: usize,
    text_end: usize,
) -> Result<Option<Request<'a>>, Odd> {
    let bytes = text.as_bytes();
    let mut request = Request::default();
    if byte(bytes, start)? != b'{' {
        return Ok(None);
    }
    let mut at = skip_space(bytes, start + 1);
    if byte(bytes, at)? == b'}' {
        return end(text_end, at + 1, request);
    }
    loop {
        let Some((name, value)) = name(lanes, text, at)? else {
            return Ok(None);
        };
        let wanted = match name {
            "keyId" => Some(&mut request.key_id),
            "sourceKeyId" => Some(&mut request.source_key_id),
            "destinationKeyId" => Some(&mut request.destination_key_id),
            "targetKeyId" => Some(&mut request.target_key_id),
            "aliasName" => Some(&mut request.alias_name),
            "encryptionContext" | "sourceEncryptionContext" => {
                let Some((context, end)) = context(lanes, text, value)? else {
                    return Ok(None);
                };
                request.context = context;
                at = end;
                None
            }
            _ => {
                at = strict(lanes, bytes, value)?;
                None
            }
        };
        if let Some(wanted) = wanted {
            let Some((value, end)) = plain(lanes, text, value)? else {
                return Ok(None);
            };
            *wanted = Some(Cow::Borrowed(value));
            at = end;
        }
        at = skip_space(bytes, at);
        match byte(bytes, at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => return end(text_end, at + 1, request),
            _ => return Err(Odd::NotJson),
        }
    }
}

/// Nothing may stand behind the request.
#[inline(always)]
fn end(expected: usize, end: usize, request: Request<'_>) -> Result<Option<Request<'_>>, Odd> {
    if end == expected {
        Ok(Some(request))
    } else {
        Err(Odd::NotJson)
    }
}

/// The string at `at` and the offset behind it, if it is one without escapes.
#[inline(always)]
fn plain<L: Lanes>(lanes: L, text: &str, at: usize) -> Result<Option<(&str, usize)>, Odd> {
    let bytes = text.as_bytes();
    if byte(bytes, at)? != b'"' {
        return Ok(None);
    }
    let end = string(lanes, bytes, at + 1)?;
    let inside = text.get(at + 1..end.quote).filter(|_| !end.escaped);
    Ok(inside.map(|inside| (inside, end.quote + 1)))
}

/// The name at `at` and where its value begins, if it is one without escapes.
#[inline(always)]
fn name<L: Lanes>(lanes: L, text: &str, at: usize) -> Result<Option<(&str, usize)>, Odd> {
    match plain(lanes, text, at)? {
        Some((name, end)) => Ok(Some((name, colon(text.as_bytes(), end)?))),
        None => Ok(None),
    }
}

/// The object of strings at `at`, and the offset behind it.
#[inline(always)]
fn context<L: Lanes>(
    lanes: L,
    text: &str,
    at: usize,
) -> Result<Option<(EncryptionContext<'_>, usize)>, Odd> {
    let bytes = text.as_bytes();
    if byte(bytes, at)? != b'{' {
        return Ok(None);
    }
    let mut pairs = Vec::with_capacity(2);
    let mut at = skip_space(bytes, at + 1);
    if byte(bytes, at)? == b'}' {
        return Ok(Some((EncryptionContext::default(), at + 1)));
    }
    loop {
        let Some((name, value)) = name(lanes, text, at)? else {
            return Ok(None);
        };
        let Some((value, end)) = plain(lanes, text, value)? else {
            return Ok(None);
        };
        if pairs.len() == CONTEXT_PAIRS_MAX {
            return Ok(None);
        }
        pairs.push((Cow::Borrowed(name), Cow::Borrowed(value)));
        at = skip_space(bytes, end);
        match byte(bytes, at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => return Ok(Some((EncryptionContext::new(pairs), at + 1))),
            _ => return Err(Odd::NotJson),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;
    use crate::walker::Walker;

    /// Either the answer is serde's, or the text is no JSON for serde too.
    fn check(text: &str) {
        let sound = serde_json::from_str::<IgnoredAny>(text).is_ok();
        for walker in Walker::all() {
            // What stands around it changes nothing.
            let around = format!("xx{text}yy");
            let alone = walker.request(text, 0, text.len());
            let within = walker.request(&around, 2, 2 + text.len());
            match &alone {
                Ok(request) => assert_eq!(within.as_ref(), Ok(request), "{text}"),
                Err(_) => assert!(!matches!(within, Ok(Some(_))), "{text}"),
            }
            match alone {
                Ok(Some(request)) => {
                    assert!(sound, "{text}");
                    assert_eq!(request, Request::read(text), "{text}");
                }
                Ok(None) => {}
                Err(_) => assert!(!sound, "{text}"),
            }
        }
    }

    #[test]
    fn requests_are_read_as_serde_reads_them() {
        for text in [
            r#"{"keyId":"a","keyId":"b","encryptionContext":{"k":"v","k":"w"},"x":[1,{"y":2}]}"#,
            r#"{"sourceEncryptionContext":{"a":"1"},"encryptionContext":{}}"#,
            r#"{"encryptionContext":{"a":"1"},"sourceEncryptionContext":{"b":"2"},"destinationKeyId":""}"#,
            r#"{ "keyId" : "a" , "x" : null }"#,
            r#"{"keyId":null}"#,
            r#"{"keyId":"é"}"#,
            "{}",
            "null",
            "[]",
        ] {
            check(text);
            assert!(serde_json::from_str::<IgnoredAny>(text).is_ok());
        }
        for text in [
            "{",
            "{}x",
            r#"{"keyId":"a",}"#,
            r#"{"keyId""a"}"#,
            r#"{"x":{"y":01}}"#,
            "",
        ] {
            check(text);
        }
    }

    proptest! {
        #[test]
        fn any_small_change_is_seen_alike(at in 0..100_usize, byte in 0..128_u8) {
            let text = r#"{"keyId":"alias/a","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/o"},"n":[1.5e3,true]}"#;
            let mut bytes = text.as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = byte;
            check(&String::from_utf8(bytes).expect("ASCII"));
        }
    }
}
