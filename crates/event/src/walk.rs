//! Walking over JSON values without reading them: where does this value end?
//!
//! The walk is aware of strings and of nesting, and of nothing else: what lies between is judged
//! by whoever parses it.

use memchr::memchr2;

use crate::issue::IssueKind;

/// Deepest nesting of one record, in objects and arrays. Real records have at most a dozen levels.
pub const DEPTH_MAX: usize = 64;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    /// The value ends before this offset.
    End(usize),
    /// The bytes end inside the value.
    NeedMore,
    /// This cannot be JSON, seen at this offset.
    Broken(IssueKind, usize),
}

/// The first offset at or after `at` that holds no JSON white space.
#[must_use]
pub fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Where the value that begins at `at` ends.
#[must_use]
pub fn value_end(bytes: &[u8], at: usize) -> Walk {
    value_end_inside(bytes, at, 0)
}

/// Where the value that begins at `at` ends, inside so many others.
#[must_use]
pub fn value_end_inside(bytes: &[u8], at: usize, outer_depth: usize) -> Walk {
    match bytes.get(at) {
        None => Walk::NeedMore,
        Some(b'"') => string_end(bytes, at),
        Some(b'{' | b'[') => container_end(bytes, at, DEPTH_MAX.saturating_sub(outer_depth)),
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => scalar_end(bytes, at),
        Some(_) => Walk::Broken(IssueKind::NotJson, at),
    }
}

/// Where the string whose opening quote is at `at` ends, its closing quote included.
#[must_use]
pub fn string_end(bytes: &[u8], at: usize) -> Walk {
    let mut next = at + 1;
    loop {
        let Some(found) = bytes
            .get(next..)
            .and_then(|tail| memchr2(b'"', b'\\', tail))
        else {
            return Walk::NeedMore;
        };
        if bytes[next + found] == b'"' {
            return Walk::End(next + found + 1);
        }
        next += found + 2;
    }
}

/// A number or a literal ends where something begins that cannot belong to it.
fn scalar_end(bytes: &[u8], at: usize) -> Walk {
    let rest = &bytes[at..];
    let length = rest
        .iter()
        .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
    match length {
        Some(length) => Walk::End(at + length),
        None => Walk::NeedMore,
    }
}

fn container_end(bytes: &[u8], start: usize, depth_max: usize) -> Walk {
    // One bit a level: set for an object, clear for an array.
    let mut objects: u64 = 0;
    let mut depth = 0;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match string_end(bytes, at) {
                Walk::End(end) => {
                    at = end;
                    continue;
                }
                other => return other,
            },
            b'{' | b'[' => {
                if depth == depth_max {
                    return Walk::Broken(IssueKind::TooDeep, at);
                }
                objects = objects << 1 | u64::from(*byte == b'{');
                depth += 1;
            }
            b'}' | b']' => {
                if (objects & 1 == 1) != (*byte == b'}') {
                    return Walk::Broken(IssueKind::NotJson, at);
                }
                objects >>= 1;
                depth -= 1;
                if depth == 0 {
                    return Walk::End(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    Walk::NeedMore
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(json: &str, expected: Walk) {
        assert_eq!(value_end(json.as_bytes(), 0), expected, "{json}");
    }

    #[test]
    fn values_end_where_they_end() {
        check(r#"{"a":"}\"]"} tail"#, Walk::End(12));
        check(r#"[1,{"b":[]}],"#, Walk::End(12));
        check(r#""x\\"y"#, Walk::End(5));
        check("true,", Walk::End(4));
        check("-1.5e3}", Walk::End(6));
        check("", Walk::NeedMore);
        check(r#"{"a":"#, Walk::NeedMore);
        check(r#""abc\"#, Walk::NeedMore);
        check("[}", Walk::Broken(IssueKind::NotJson, 1));
        check("x", Walk::Broken(IssueKind::NotJson, 0));
        check(&"[".repeat(65), Walk::Broken(IssueKind::TooDeep, 64));
        let inside = value_end_inside("[".repeat(64).as_bytes(), 0, 1);
        assert_eq!(inside, Walk::Broken(IssueKind::TooDeep, 63));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_walk(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Walk::End(end) = value_end(&bytes, 0) {
                prop_assert!(end <= bytes.len());
            }
        }
    }
}
