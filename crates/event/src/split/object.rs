//! Top-level objects: do they carry records, and where do these begin?

use crate::issue::IssueKind;
use crate::walk::{Walk, skip_space, string_end, value_end_inside};

/// Keys of a top-level object whose array carries records.
pub(crate) const CARRIERS: [&[u8]; 5] = [
    b"\"Records\"",
    b"\"Events\"",
    b"\"logEvents\"",
    b"\"events\"",
    b"\"QueryResultRows\"",
];

/// A key that only digest files have.
pub(crate) const DIGEST_KEY: &[u8] = b"\"digestStartTime\"";

/// What a top-level object turned out to be.
pub(super) enum Object {
    /// It carries records; the offset is the first inside its array.
    Carrier(usize),
    /// It ended without an array of records.
    Complete {
        end: usize,
        is_digest: bool,
    },
    NeedMore,
    Broken(IssueKind, usize),
}

pub(super) fn scan_object(bytes: &[u8], start: usize) -> Object {
    let at = skip_space(bytes, start + 1);
    if bytes.get(at) == Some(&b'}') {
        return Object::Complete {
            end: at + 1,
            is_digest: false,
        };
    }
    scan_members(bytes, at)
}

/// Goes through `"key": value, …` to the closing brace, or to the array that carries records.
pub(super) fn scan_members(bytes: &[u8], mut at: usize) -> Object {
    let mut is_digest = false;
    loop {
        at = skip_space(bytes, at);
        match bytes.get(at) {
            None => return Object::NeedMore,
            Some(b'"') => {}
            Some(_) => return Object::Broken(IssueKind::NotJson, at),
        }
        let key_end = match string_end(bytes, at) {
            Walk::End(end) => end,
            Walk::NeedMore => return Object::NeedMore,
            Walk::Broken(kind, at) => return Object::Broken(kind, at),
        };
        let key = &bytes[at..key_end];
        is_digest |= key == DIGEST_KEY;
        let colon = skip_space(bytes, key_end);
        match bytes.get(colon) {
            None => return Object::NeedMore,
            Some(b':') => {}
            Some(_) => return Object::Broken(IssueKind::NotJson, at),
        }
        let value = skip_space(bytes, colon + 1);
        if bytes.get(value) == Some(&b'[') && CARRIERS.contains(&key) {
            return Object::Carrier(value + 1);
        }
        // The object itself is one of the levels.
        let value_end = match value_end_inside(bytes, value, 1) {
            Walk::End(end) => skip_space(bytes, end),
            Walk::NeedMore => return Object::NeedMore,
            Walk::Broken(kind, at) => return Object::Broken(kind, at),
        };
        match bytes.get(value_end) {
            None => return Object::NeedMore,
            Some(b',') => at = value_end + 1,
            Some(b'}') => {
                return Object::Complete {
                    end: value_end + 1,
                    is_digest,
                };
            }
            Some(_) => return Object::Broken(IssueKind::NotJson, at),
        }
    }
}
