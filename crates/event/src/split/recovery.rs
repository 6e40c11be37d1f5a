//! What the search does when something is broken: it tells of it, and looks for the next record.

use memchr::memmem;

use super::{Piece, Place, Splitter, Step, Verdict};
use crate::issue::IssueKind;
use crate::walk::{Walk, string_end};

/// Most bytes walked over in vain in one delivery; then its rest is given up. Without a bound, a
/// crafted file would be walked once from each of its bytes.
pub(super) const WASTED_BYTES_MAX: usize = 256 << 20;
/// What telling of one break costs beside the walk, in bytes walked.
pub(super) const BREAK_COST_BYTES: usize = 1 << 10;

/// How a record begins wherever CloudTrail writes one. Inside a JSON string the quotes would be
/// escaped, so these bytes can only be the start of a record.
const RECORD_START: &[u8] = b"{\"eventVersion\"";
impl Splitter {
    /// Gives up on the value the search is waiting to end: it is longer than the caller can hold.
    pub(crate) fn give_up(&mut self) {
        self.passing_over = true;
        self.lose();
    }

    pub(super) fn lose(&mut self) {
        self.recovered = true;
        let (in_array, nested) = match self.place {
            Place::Array { nested } => (true, nested),
            Place::Top | Place::AfterArray => (false, false),
            Place::Lost { in_array, nested } => (in_array, nested),
        };
        self.place = Place::Lost { in_array, nested };
    }

    /// The array ended, and yet a record stands behind it: the search goes on with that record.
    pub(super) fn bracket_too_many<'a>(
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
    pub(super) fn hand_over<'a>(
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
    pub(super) fn too_deep<'a>(
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

    pub(super) fn broken<'a>(
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

    /// Looks for the next record, or at top level for the next line that begins a value. After too
    /// much in vain, it says so once, and passes over the rest.
    pub(super) fn lost<'a>(
        &mut self,
        bytes: &'a [u8],
        at: usize,
        last: bool,
        found: &mut impl FnMut(Piece<'a>) -> Verdict,
    ) -> Step {
        let Place::Lost { in_array, nested } = self.place else {
            return Step::Next(at);
        };
        let tail = bytes.get(at..).unwrap_or_default();
        if self.wasted_bytes > WASTED_BYTES_MAX {
            if !self.gave_up && !tail.is_empty() {
                self.gave_up = true;
                found(Piece::Broken(IssueKind::GivenUp, at));
            }
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
