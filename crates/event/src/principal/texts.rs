//! The texts of a `userIdentity` that say who called.

use memchr::memchr_iter;

use super::session;

/// Objects inside each other in a `userIdentity` as CloudTrail writes it, at most.
const USUAL_DEPTH_MAX: usize = 8;

/// The texts of one `userIdentity`, as written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Texts<'a> {
    pub(super) type_name: Option<&'a str>,
    pub(super) arn: Option<&'a str>,
    pub(super) principal_id: Option<&'a str>,
    pub(super) issuer_arn: Option<&'a str>,
    pub(super) account: Option<&'a str>,
    pub(super) on_behalf_of: Option<&'a str>,
    pub(super) invoked_by: Option<&'a str>,
    pub(super) access_key_id: Option<&'a str>,
}

impl<'a> Texts<'a> {
    /// The texts of a `userIdentity` that is sound JSON without a backslash, in one pass: from quote
    /// to quote, minding the brackets between.
    pub(super) fn read(text: &'a str) -> Self {
        let mut texts = Self::default();
        let bytes = text.as_bytes();
        let mut depth = 0_usize;
        // Of the names that lead to where the pass is, the last on the first three levels.
        let mut names = [""; 3];
        let mut behind = 0;
        let mut quotes = memchr_iter(b'"', bytes);
        while let (Some(start), Some(end)) = (quotes.next(), quotes.next()) {
            let mut is_value = false;
            for byte in &bytes[behind..start] {
                match byte {
                    b'{' | b'[' => {
                        if let Some(name) = names.get_mut(depth) {
                            *name = "";
                        }
                        depth += 1;
                        is_value = false;
                    }
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    b':' => is_value = true,
                    b',' => is_value = false,
                    _ => {}
                }
            }
            behind = end + 1;
            let inside = &text[start + 1..end];
            let is_name = bytes[behind..].trim_ascii_start().starts_with(b":");
            if is_name
                && let Some(name) = depth.checked_sub(1).and_then(|level| names.get_mut(level))
            {
                *name = inside;
            }
            // A name takes back what an earlier member of the same name said.
            let value = (is_value && !is_name).then_some(inside);
            if is_name || is_value {
                texts.note(depth, names, value);
            }
        }
        texts
    }

    /// The same of an object of plain strings and of such objects, without a space between: what CloudTrail
    /// writes. `None` for any other text, so that what is read here is sound JSON.
    pub(super) fn read_usual(text: &'a str) -> Option<Self> {
        session::read(text).or_else(|| Self::read_plain(text))
    }

    fn read_plain(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let mut texts = Self::default();
        let mut names = [""; 3];
        let mut depth = 1;
        let mut at = bytes.starts_with(b"{").then_some(1)?;
        let mut may_end = true;
        loop {
            if may_end && bytes.get(at) == Some(&b'}') {
                depth -= 1;
                at += 1;
            } else {
                let name = plain_string(text, at)?;
                at += name.len() + 2;
                if let Some(place) = names.get_mut(depth - 1) {
                    *place = name;
                }
                if bytes.get(at) != Some(&b':') {
                    return None;
                }
                at += 1;
                if bytes.get(at) == Some(&b'{') {
                    texts.note(depth, names, None);
                    if let Some(name) = names.get_mut(depth) {
                        *name = "";
                    }
                    depth += 1;
                    at += 1;
                    may_end = true;
                    if depth > USUAL_DEPTH_MAX {
                        return None;
                    }
                    continue;
                }
                let value = plain_string(text, at)?;
                at += value.len() + 2;
                texts.note(depth, names, Some(value));
            }
            if depth == 0 {
                return (at == bytes.len()).then_some(texts);
            }
            may_end = match bytes.get(at)? {
                b',' => {
                    at += 1;
                    false
                }
                b'}' => true,
                _ => return None,
            };
        }
    }

    /// Notes the text that stands behind these names, or that something else does.
    fn note(&mut self, depth: usize, names: [&str; 3], value: Option<&'a str>) {
        let text = match (depth, names) {
            (1, ["type", ..]) => &mut self.type_name,
            (1, ["arn", ..]) => &mut self.arn,
            (1, ["principalId", ..]) => &mut self.principal_id,
            (1, ["accountId", ..]) => &mut self.account,
            (1, ["invokedBy", ..]) => &mut self.invoked_by,
            (1, ["accessKeyId", ..]) => &mut self.access_key_id,
            (1, ["sessionContext", ..])
            | (2, ["sessionContext", "sessionIssuer", _])
            | (3, ["sessionContext", "sessionIssuer", "arn"]) => &mut self.issuer_arn,
            (1, ["onBehalfOf", ..]) | (2, ["onBehalfOf", "userId", _]) => &mut self.on_behalf_of,
            _ => return,
        };
        let is_text = match depth {
            1 => !matches!(names[0], "sessionContext" | "onBehalfOf"),
            2 => names[0] == "onBehalfOf",
            _ => true,
        };
        *text = value.filter(|_| is_text);
    }
}

/// What the string holds that begins at this quote, if nothing in it stands for something else.
#[inline]
pub(super) fn plain_string(text: &str, quote: usize) -> Option<&str> {
    if text.as_bytes().get(quote) != Some(&b'"') {
        return None;
    }
    let start = quote + 1;
    text.get(start..plain_end(text.as_bytes(), start)?)
}

/// Where the quote stands that ends a string, from a place in it on; `None` when something in between stands for
/// something else.
#[inline]
pub(super) fn plain_end(bytes: &[u8], start: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Marks the bytes that are zero; behind the first of them, others may be marked too.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut end = start;
    loop {
        let rest = bytes.get(end..)?;
        let Some(word) = rest.first_chunk() else {
            let is_end = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
            end += rest.iter().position(is_end)?;
            break;
        };
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let marks = controls | quotes | zeros(word ^ (ONES * u64::from(b'\\')));
        if marks != 0 {
            end += marks.trailing_zeros() as usize / 8;
            break;
        }
        end += 8;
    }
    (bytes.get(end) == Some(&b'"')).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_name_does_not_outlive_its_object() {
        let text = r#"{"sessionContext":{"sessionIssuer":{}},"sessionContext":[{"arn":"x"}]}"#;
        assert_eq!(Texts::read(text).issuer_arn, None);
    }

    #[test]
    fn what_cloudtrail_writes_is_read_the_usual_way() {
        let texts = Texts::read_usual(concat!(
            r#"{"type":"AssumedRole","principalId":"AROA:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s","#,
            r#""accountId":"111122223333","accessKeyId":"ASIA","sessionContext":{"sessionIssuer":{"type":"Role","#,
            r#""principalId":"AROA","arn":"arn:aws:iam::111122223333:role/r","accountId":"111122223333","userName":"r"},"#,
            r#""webIdFederationData":{},"attributes":{"creationDate":"2026-03-02T00:00:00Z","mfaAuthenticated":"false"}},"#,
            r#""invokedBy":"s3.amazonaws.com"}"#
        ));
        let texts = texts.expect("it is usual");
        assert_eq!(texts.type_name, Some("AssumedRole"));
        assert_eq!(texts.issuer_arn, Some("arn:aws:iam::111122223333:role/r"));
        assert_eq!(texts.access_key_id, Some("ASIA"));
        assert_eq!(texts.invoked_by, Some("s3.amazonaws.com"));
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_general_way() {
        for text in [
            "",
            "{",
            "{}}",
            "[]",
            r#"{"a":"b",}"#,
            r#"{,"a":"b"}"#,
            r#"{"a" :"b"}"#,
            r#"{"a":"b"} "#,
            r#"{"a":null}"#,
            r#"{"a":"\u0062"}"#,
            "{\"a\":\"b\nc\"}",
            r#"{"a":"b""c":"d"}"#,
            r#"{"a":"b"#,
            r#"{"a":{"b":"c"}"#,
            r#"{"a"}"#,
            r#"{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{}}}}}}}}}"#,
        ] {
            assert_eq!(Texts::read_usual(text), None, "{text}");
        }
        assert_eq!(Texts::read_usual("{}"), Some(Texts::default()));
    }

    proptest! {
        #[test]
        fn what_is_read_the_usual_way_is_json_and_says_the_same(
            text in r#"[{}",:\\ a\x01\x1fé\x7f]{0,12}|\{("(arn|type|é|[ -~]{0,20})":("[ -~é]{0,20}"|\{\}),?){0,3}\}"#,
        ) {
            if let Some(texts) = Texts::read_usual(&text) {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
                prop_assert_eq!(texts, Texts::read(&text));
            }
        }
    }
}
