//! Finding the records in a delivery, whatever shape carries them.
//!
//! The input is a sequence of JSON values: one document, or JSON Lines. A value is a record, or
//! carries records: `{"Records":[…]}`, a bare array, `lookup-events` output (`Events`), CloudWatch
//! Logs (`logEvents`, `events`), CloudTrail Lake (`QueryResultRows`), an EventBridge envelope
//! (`detail`). The search needs only the bytes around the present record, so input of any length goes
//! through a bounded buffer.

mod object;
mod recovery;

pub(crate) use object::{CARRIERS, DIGEST_KEY};
use object::{Object, scan_members, scan_object};

use crate::issue::IssueKind;
use crate::walk::{Walk, skip_space, value_end};
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
    /// The rest is passed over.
    gave_up: bool,
}

/// Most bytes waited for before the first line is judged.
const FIRST_LINE_BYTES_MAX: usize = 4_096;

/// What one step of the search came to.
enum Step {
    /// Go on at this offset.
    Next(usize),
    /// More bytes are needed; what lies before the offset is done with.
    Wait(usize),
}

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
                Place::Lost { .. } => self.lost(bytes, at, last, found),
            };
            match step {
                Step::Next(next) => at = next,
                Step::Wait(done) => return done,
            }
        }
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

    #[test]
    fn after_too_much_damage_the_rest_is_given_up_and_that_is_said_once() {
        let lines = recovery::WASTED_BYTES_MAX / recovery::BREAK_COST_BYTES + 10;
        let mut text = "{]\n".repeat(lines);
        text.push_str("{\"a\":1}\n");
        let told = pieces(&text, 1 << 20);
        assert_eq!(told.last().map(String::as_str), Some("GivenUp"));
        let given_up = told.iter().filter(|piece| *piece == "GivenUp");
        assert_eq!(given_up.count(), 1);
        assert!(!told.contains(&"{\"a\":1}".to_owned()));
    }
}
