//! Reading small JSON texts that are known to be sound and to hold no backslash: what is remembered
//! by its bytes is read here once.

use memchr::memchr;

use crate::walk::{Walk, skip_space, value_end};

/// The members of an object, or the items of an array under empty names.
#[derive(Debug, Clone)]
pub(crate) struct Members<'a> {
    text: &'a str,
    at: usize,
    named: bool,
}

/// The members of the object, or items of the array, that this text is; none of any other value.
pub(crate) fn members(text: &str) -> Members<'_> {
    let opening = text.as_bytes().first();
    Members {
        text,
        at: match opening {
            Some(b'{' | b'[') => skip_space(text.as_bytes(), 1),
            _ => text.len(),
        },
        named: opening == Some(&b'{'),
    }
}

/// The inside of a value that is a string.
pub(crate) fn text_of(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.text.as_bytes();
        let mut name = "";
        if self.named {
            let start = self.at + 1;
            let length = memchr(b'"', bytes.get(start..)?)?;
            name = self.text.get(start..start + length)?;
            let colon = skip_space(bytes, start + length + 1);
            self.at = skip_space(bytes, colon + 1);
        }
        let Walk::End(end) = value_end(bytes, self.at) else {
            return None;
        };
        let value = self.text.get(self.at..end)?;
        self.at = skip_space(bytes, end);
        if bytes.get(self.at) == Some(&b',') {
            self.at = skip_space(bytes, self.at + 1);
        }
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_items() {
        let all: Vec<_> = members(r#"{"a":1, "b" : {"c":[]} ,"":"x"}"#).collect();
        assert_eq!(all, [("a", "1"), ("b", r#"{"c":[]}"#), ("", r#""x""#)]);
        let all: Vec<_> = members(r#"[ {"a":1},null ,"x"]"#).collect();
        assert_eq!(all, [("", r#"{"a":1}"#), ("", "null"), ("", r#""x""#)]);
        for none in ["{}", "[ ]", "5", "\"x\"", "", "{", "[", "null"] {
            assert_eq!(members(none).next(), None, "{none}");
        }
        assert_eq!(text_of("\"\""), Some(""));
        assert_eq!(text_of("\""), None);
    }
}
