//! Finding the records in a delivery, whatever shape carries them.
//!
//! The input is a sequence of JSON values: one document, or JSON Lines. A value is a record, or
//! carries records: `{"Records":[…]}`, a bare array, `lookup-events` output (`Events`), CloudWatch
//! Logs (`logEvents`, `events`), CloudTrail Lake (`QueryResultRows`), an EventBridge envelope
//! (`detail`). The search needs only the bytes around the present record, so input of any length goes
//! through a bounded buffer.

use memchr::memmem;

use crate::issue::IssueKind;
use crate::walk::{Walk, skip_space, string_end, value_end};
use crate::walker;

/// What the search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// The bytes that a value begins in, and where its opening brace stands; nobody has looked yet
    /// where it ends.
    Open(&'a [u8], usize, walker::Place),
    /// One complete JSON value that stands where a record, or the envelope of one, stands.
    Value(&'a [u8]),
    /// One complete top-level object with the fields of a digest file.
    Digest,
    /// Something that is no JSON value, at this offset of the bytes fed.
    Broken(IssueKind, usize),
}

/// Where the search stands between two feedings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Before a top-level value.
    #[default]
    Top,
    /// Inside an array that carries records; `nested` when it stands in a top-level object.
    Array { nested: bool },
    /// Behind such an array, in the rest of its object.
    AfterArray,
    /// Looking for the next thing that can be a record.
    Lost { in_array: bool, nested: bool },
}

/// The search for records; feed it the bytes of one delivery in order.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    place: Place,
    began: bool,
    /// Something was broken before: what closes or separates arrays at top level is debris.
    recovered: bool,
    /// The first byte of the next feeding is not looked at again: a value begins there that is
    /// too long.
    passing_over: bool,
    /// Bytes walked over in values that turned out to be broken.
    wasted_bytes: usize,
}

/// Most bytes walked over in vain in one delivery; then its rest is given up. Without a bound, a
/// crafted file would be walked once from each of its bytes.
const WASTED_BYTES_MAX: usize = 256 << 20;
/// What telling of one break costs beside the walk, in bytes walked.
const BREAK_COST_BYTES: usize = 1 << 10;

/// Most bytes waited for before the first line is judged.
const FIRST_LINE_BYTES_MAX: usize = 4_096;

/// What one step of the search came to.
enum Step {
    /// Go on at this offset.
    Next(usize),
    /// More bytes are needed; what lies before the offset is done with.
    Wait(usize),
}

/// How a record begins wherever CloudTrail writes one. Inside a JSON string the quotes would be
/// escaped, so these bytes can only be the start of a record.
const RECORD_START: &[u8] = b"{\"eventVersion\"";
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

impl Splitter {
    /// Searches `bytes`, which begin where the last feeding said it had come to, and hands over what
    /// it finds. `last` says that nothing follows. Returns how many bytes are done with.
    pub(crate) fn feed<'a>(
        &mut self,
        bytes: &'a [u8],
        last: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> usize {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let mut at = 0;
        if !self.began {
            if bytes.starts_with(BYTE_ORDER_MARK) {
                at = BYTE_ORDER_MARK.len();
            } else if BYTE_ORDER_MARK.starts_with(bytes) && !last {
                return 0;
            }
        }
        self.began |= !bytes.is_empty();
        if self.passing_over && !bytes.is_empty() {
            self.passing_over = false;
            at = 1;
        }
        loop {
            let step = match self.place {
                Place::Top => self.top(bytes, at, last, found),
                Place::Array { nested } => self.array(bytes, at, last, nested, found),
                Place::AfterArray => self.after_array(bytes, at, last, found),
                Place::Lost { in_array, nested } => self.lost(bytes, at, last, in_array, nested),
            };
            match step {
                Step::Next(next) => at = next,
                Step::Wait(done) => return done,
            }
        }
    }

    /// Gives up on the value the search is waiting to end: it is longer than the caller can hold.
    pub(crate) fn give_up(&mut self) {
        self.passing_over = true;
        self.lose();
    }

    fn lose(&mut self) {
        self.recovered = true;
        let (in_array, nested) = match self.place {
            Place::Array { nested } => (true, nested),
            Place::Top | Place::AfterArray => (false, false),
            Place::Lost { in_array, nested } => (in_array, nested),
        };
        self.place = Place::Lost { in_array, nested };
    }

    fn top<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        last: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        let start = skip_space(bytes, at);
        if let Some(step) = read_open(bytes, start, last, walker::Place::Top, found) {
            return step;
        }
        match bytes.get(start) {
            None => Step::Wait(start),
            Some(b'[') => {
                self.place = Place::Array { nested: false };
                Step::Next(start + 1)
            }
            Some(b'{') => match scan_object(bytes, start) {
                Object::Carrier(inside) => {
                    self.place = Place::Array { nested: true };
                    Step::Next(inside)
                }
                Object::Complete { end, is_digest } => {
                    let piece = if is_digest {
                        Piece::Digest
                    } else {
                        Piece::Value(&bytes[start..end])
                    };
                    self.hand_over(piece, start, end, found)
                }
                Object::NeedMore if !last => Step::Wait(start),
                Object::NeedMore => self.broken(IssueKind::Truncated, start, bytes.len(), found),
                Object::Broken(IssueKind::TooDeep, _) => self.too_deep(bytes, start, last, found),
                Object::Broken(kind, at) => self.broken(kind, start, at, found),
            },
            Some(b',' | b']' | b'}') if self.recovered => Step::Next(start + 1),
            // A table's first line tells what it is.
            Some(_) if !last && self.is_unseen(bytes, start) => Step::Wait(start),
            Some(_) => self.broken(IssueKind::NotJson, start, start, found),
        }
    }

    /// Whether the first line of the input still has to be fed.
    fn is_unseen(&self, bytes: &[u8], start: usize) -> bool {
        let line = &bytes[start..];
        !self.recovered
            && line.len() < FIRST_LINE_BYTES_MAX
            && memchr::memchr(b'\n', line).is_none()
    }

    fn array<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        last: bool,
        nested: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        let mut start = skip_space(bytes, at);
        if bytes.get(start) == Some(&b',') {
            start = skip_space(bytes, start + 1);
        }
        if let Some(step) = read_open(bytes, start, last, walker::Place::Array, found) {
            return step;
        }
        match bytes.get(start) {
            None if last => {
                found(Piece::Broken(IssueKind::Truncated, start));
                self.place = Place::Top;
                Step::Wait(start)
            }
            // The comma is part of what is kept, so that the next feeding begins as this one did.
            None => Step::Wait(at),
            Some(b']') => {
                self.place = if nested {
                    Place::AfterArray
                } else {
                    Place::Top
                };
                Step::Next(start + 1)
            }
            Some(first) => match value_end(bytes, start) {
                Walk::End(end) => {
                    // A value that is no object, and that nothing separates from what follows, is a
                    // bracket or a quote too many.
                    let next = skip_space(bytes, end);
                    match bytes.get(next) {
                        None if *first != b'{' && !last => Step::Wait(start),
                        Some(byte) if *first != b'{' && !matches!(byte, b',' | b']') => {
                            self.broken(IssueKind::NotJson, start, end, found)
                        }
                        _ => self.hand_over(Piece::Value(&bytes[start..end]), start, end, found),
                    }
                }
                Walk::NeedMore if !last => Step::Wait(start),
                Walk::NeedMore => self.broken(IssueKind::Truncated, start, bytes.len(), found),
                Walk::Broken(IssueKind::TooDeep, _) => self.too_deep(bytes, start, last, found),
                Walk::Broken(kind, at) => self.broken(kind, start, at, found),
            },
        }
    }

    /// The rest of an object whose records are done: nothing in it matters, and it must end.
    fn after_array<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        last: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        let start = skip_space(bytes, at);
        match bytes.get(start) {
            Some(b'}') => {
                self.place = Place::Top;
                Step::Next(start + 1)
            }
            None if !last => Step::Wait(start),
            None => {
                found(Piece::Broken(IssueKind::Truncated, start));
                self.place = Place::Top;
                Step::Wait(start)
            }
            Some(b',') if bytes.get(skip_space(bytes, start + 1)) == Some(&b'{') => {
                self.bracket_too_many(skip_space(bytes, start + 1), found)
            }
            Some(b',') => match scan_members(bytes, start + 1) {
                Object::Carrier(inside) => {
                    self.place = Place::Array { nested: true };
                    Step::Next(inside)
                }
                Object::Complete { end, .. } => {
                    self.place = Place::Top;
                    Step::Next(end)
                }
                Object::NeedMore if !last => Step::Wait(start),
                Object::NeedMore => self.broken(IssueKind::Truncated, start, bytes.len(), found),
                Object::Broken(kind, at) => self.broken(kind, start, at, found),
            },
            Some(b'{') => self.bracket_too_many(start, found),
            Some(_) => self.broken(IssueKind::NotJson, start, start, found),
        }
    }

    /// The array ended, and yet a record stands behind it: the search goes on with that record.
    fn bracket_too_many<'a>(
        &mut self,
        start: usize,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        found(Piece::Broken(IssueKind::NotJson, start));
        self.recovered = true;
        self.place = Place::Top;
        Step::Next(start)
    }

    /// Hands a complete value over. When it turns out to be no JSON, or to hide records, its end is
    /// not to be trusted: the search goes on behind its first byte.
    fn hand_over<'a>(
        &mut self,
        piece: Piece<'a>,
        start: usize,
        end: usize,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        match (found(piece), piece) {
            (Verdict::NotJson, Piece::Value(value)) if self.hides_more(value) => {
                self.wasted_bytes += end - start;
                self.lose();
                Step::Next(start + 1)
            }
            _ => Step::Next(end),
        }
    }

    /// Whether another record, or line, begins inside this value.
    fn hides_more(&self, value: &[u8]) -> bool {
        let mut starts = memmem::find_iter(&value[1..], RECORD_START);
        // The record of an EventBridge envelope is no other record.
        starts.any(|at| !value[..at + 1].trim_ascii_end().ends_with(b"\"detail\":"))
            || (self.place == Place::Top && memmem::find(value, b"\n{").is_some())
    }

    /// Passes over a value that is nested too deep, when brackets alone tell where it ends, and no
    /// other record begins before that.
    fn too_deep<'a>(
        &mut self,
        bytes: &'a [u8],
        start: usize,
        last: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        let inside = &bytes[start..];
        let next_record = memmem::find(&inside[1..], RECORD_START).map(|at| at + 1);
        let inside = &inside[..next_record.unwrap_or(inside.len())];
        match deep_value_length(inside) {
            Some(length) if !self.hides_more(&inside[..length]) => {
                found(Piece::Broken(IssueKind::TooDeep, start));
                Step::Next(start + length)
            }
            None if !last && next_record.is_none() => Step::Wait(start),
            _ => self.broken(IssueKind::TooDeep, start, start + inside.len(), found),
        }
    }

    fn broken<'a>(
        &mut self,
        kind: IssueKind,
        start: usize,
        walked_to: usize,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        found(Piece::Broken(kind, start));
        self.wasted_bytes += walked_to.saturating_sub(start) + BREAK_COST_BYTES;
        self.lose();
        Step::Next(start + 1)
    }

    /// Looks for the next record, or at top level for the next line that begins a value.
    fn lost(&mut self, bytes: &[u8], at: usize, last: bool, in_array: bool, nested: bool) -> Step {
        let tail = bytes.get(at..).unwrap_or_default();
        if self.wasted_bytes > WASTED_BYTES_MAX {
            return Step::Wait(bytes.len());
        }
        // One pass for both kinds of start, so that no byte is looked at again for the sake of the other.
        let next = memchr::memchr_iter(b'{', tail).find(|found| {
            tail[*found..].starts_with(RECORD_START)
                || (!in_array && *found > 0 && tail[*found - 1] == b'\n')
        });
        match next {
            Some(found) => {
                self.place = if in_array {
                    Place::Array { nested }
                } else {
                    Place::Top
                };
                Step::Next(at + found)
            }
            None if last => {
                self.place = Place::Top;
                Step::Wait(bytes.len())
            }
            // A start may be cut in two by the end of the buffer.
            None => Step::Wait(at.max(bytes.len().saturating_sub(RECORD_START.len() - 1))),
        }
    }
}

/// What the receiver says of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was JSON, and what stands in a record's place.
    Json,
    /// It was not JSON after all, or nothing that stands there: records may hide in it.
    NotJson,
    /// An open value is read, so many bytes long.
    Ended(usize),
    /// An open value may be a record, of which more must be seen.
    Unfinished,
}

/// Lets the receiver read the value that begins at `start` before anybody has looked where it ends.
/// Most are read so; the end of the others is looked for, and they are handed over whole.
#[inline(always)]
fn read_open<'a>(
    bytes: &'a [u8],
    start: usize,
    last: bool,
    place: walker::Place,
    found: &mut impl FnMut(Piece<'a>) -> Verdict,
) -> Option<Step> {
    if bytes.get(start) != Some(&b'{') {
        return None;
    }
    match found(Piece::Open(bytes, start, place)) {
        Verdict::Ended(length) => Some(Step::Next(start + length)),
        Verdict::Unfinished if !last => Some(Step::Wait(start)),
        Verdict::Unfinished | Verdict::Json | Verdict::NotJson => None,
    }
}

/// What a top-level object turned out to be.
enum Object {
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

/// How long a container is by the balance of its brackets, however deep they go.
fn deep_value_length(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'"' => match string_end(bytes, at) {
                Walk::End(end) => {
                    at = end;
                    continue;
                }
                Walk::NeedMore | Walk::Broken(..) => return None,
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn scan_object(bytes: &[u8], start: usize) -> Object {
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
fn scan_members(bytes: &[u8], mut at: usize) -> Object {
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
        let value_end = match value_end(bytes, value) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds the text in pieces of `step` bytes, as a reader with a small buffer does.
    fn pieces(text: &str, step: usize) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut buffer = Vec::new();
        let mut out = Vec::new();
        let mut rest = text.as_bytes();
        loop {
            let taken = rest.len().min(step);
            buffer.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            let done = splitter.feed(&buffer, rest.is_empty(), &mut |piece| {
                out.push(match piece {
                    Piece::Open(..) => return Verdict::NotJson,
                    Piece::Value(value) => String::from_utf8_lossy(value).into_owned(),
                    Piece::Digest => "digest".to_owned(),
                    Piece::Broken(kind, _) => format!("{kind:?}"),
                });
                Verdict::Json
            });
            buffer.drain(..done);
            if rest.is_empty() {
                return out;
            }
        }
    }

    fn check(text: &str, expected: &[&str]) {
        for step in [1, 2, 3, 7, 1_000_000] {
            assert_eq!(pieces(text, step), expected, "{text} in steps of {step}");
        }
    }

    #[test]
    fn every_shape_gives_its_values() {
        check(
            r#"{"Records":[{"a":1}, {"b":"]"}]}"#,
            &[r#"{"a":1}"#, r#"{"b":"]"}"#],
        );
        check(r#" {"x":[1,2],"Records" : [ ] , "y":2} "#, &[]);
        check(r#"[{"a":1},{"b":2}]"#, &[r#"{"a":1}"#, r#"{"b":2}"#]);
        check("{\"a\":1}\n{\"b\":2}\n", &[r#"{"a":1}"#, r#"{"b":2}"#]);
        check(
            "{\"Records\":[{\"a\":1}]}\n{\"logEvents\":[{\"b\":2}],\"z\":0}\r\n{}",
            &[r#"{"a":1}"#, r#"{"b":2}"#, "{}"],
        );
        check("\u{feff}{\"a\":1}", &[r#"{"a":1}"#]);
        check(r#"{"digestStartTime":"x","logFiles":[]}"#, &["digest"]);
        check("", &[]);
        check(" \n ", &[]);
    }

    #[test]
    fn neighbours_of_a_broken_record_survive() {
        check(
            r#"{"Records":[{"eventVersion":1},{"eventVersion":[}},{"eventVersion":2}]}"#,
            &[r#"{"eventVersion":1}"#, "NotJson", r#"{"eventVersion":2}"#],
        );
        check(
            "{\"a\":1}\n{\"b\n{\"c\":3}\n",
            &[r#"{"a":1}"#, "NotJson", r#"{"c":3}"#],
        );
        check(r#"{"Records":[{"a":1},{"b":"#, &[r#"{"a":1}"#, "Truncated"]);
        check("not json at all", &["NotJson"]);
    }
}
