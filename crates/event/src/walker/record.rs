//! One record, walked once from its opening brace.

use super::container::skip;
use super::echo::Echo;
use super::lanes::Lanes;
use super::names::{Field, Name, Shape, known_name};
use super::picked::Picked;
use super::value::{block, byte, colon, scalar, skip_space, steady_string, string};
use super::{Odd, Place, Walked};
use crate::foreign_key::may_name_foreign_key;
use crate::read::RECORD_BYTES_MAX;
use crate::selection::{Selection, select_bytes};

/// Walks the record whose opening brace stands at `start`.
#[inline(always)]
pub(super) fn walk<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    start: usize,
    place: Place,
    picked: &mut Picked,
) -> Result<Walked, Odd> {
    picked.reset();
    let all = bytes;
    let bytes = &bytes[start..bytes.len().min(start.saturating_add(RECORD_BYTES_MAX))];
    let mut at = skip_space(bytes, 1);
    if byte(bytes, at)? == b'}' {
        return Ok(Walked::Complete(at + 1));
    }
    let mut before = Name::OTHER;
    loop {
        let (field, value) = match block(bytes, at)
            .and_then(|block| known_name(lanes, block, &mut picked.order, before))
        {
            Some((name, length)) => {
                before = name;
                (name.field(), skip_space(bytes, at + length))
            }
            None => {
                before = Name::OTHER;
                other_name(lanes, bytes, at, place)?
            }
        };
        at = match field.shape() {
            Shape::Text => text(lanes, bytes, value, field, picked)?,
            Shape::Nested if field == Field::UserIdentity => {
                identity(lanes, all, start, value, bytes.len(), picked)?
            }
            Shape::Nested => nested(lanes, bytes, value, field, picked)?,
            Shape::Ignored => ignored(lanes, bytes, value, picked)?,
        };
        if let Field::EventSource | Field::EventName = field
            && place == Place::Array
            && let selection @ (Selection::Skip | Selection::IfForeignKey) = selected(bytes, picked)
            && let Some(end) = lanes.skip_rest(bytes, at)?
            && (selection == Selection::Skip || !may_name_foreign_key(&bytes[..end]))
        {
            return Ok(Walked::Unwanted(end));
        }
        if let Some(b",\"") = block::<2>(bytes, at) {
            at += 1;
            continue;
        }
        at = skip_space(bytes, at);
        match byte(bytes, at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => return Ok(Walked::Complete(at + 1)),
            _ => return Err(Odd::NotJson),
        }
    }
}

/// What source and name, as far as they are known, say of the record.
#[inline(always)]
fn selected(bytes: &[u8], picked: &Picked) -> Selection {
    let source = picked.plain(bytes, Field::EventSource);
    let name = picked.plain(bytes, Field::EventName);
    match (source, name) {
        (Some(source), Some(name)) => select_bytes(source, name),
        _ => Selection::Kms,
    }
}

/// A name that CloudTrail rarely writes, or writes in another way.
#[inline(never)]
fn other_name<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    place: Place,
) -> Result<(Field, usize), Odd> {
    if byte(bytes, at)? != b'"' {
        return Err(Odd::NotJson);
    }
    let end = string(lanes, bytes, at + 1)?;
    let value = colon(bytes, end.quote + 1)?;
    let quoted = &bytes[at..=end.quote];
    if place == Place::Top && is_of_carrier(quoted, byte(bytes, value)?) {
        return Err(Odd::Carrier);
    }
    if !end.escaped {
        return Ok((Field::of_name(&bytes[at + 1..end.quote]), value));
    }
    let name: String = serde_json::from_slice(quoted).map_err(|_| Odd::NotJson)?;
    Ok((Field::of_name(name.as_bytes()), value))
}

/// Whether a top-level object with this member is something else than a record.
fn is_of_carrier(quoted: &[u8], value: u8) -> bool {
    quoted == crate::split::DIGEST_KEY
        || (value == b'[' && crate::split::CARRIERS.contains(&quoted))
}

/// Reads a string or `null`.
#[inline(always)]
fn text<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    field: Field,
    picked: &mut Picked,
) -> Result<usize, Odd> {
    match byte(bytes, at)? {
        b'"' => {
            let end = if field.is_steady() {
                let length = &mut picked.lengths[field as usize];
                steady_string(lanes, bytes, at + 1, length)?
            } else {
                string(lanes, bytes, at + 1)?
            };
            if end.escaped {
                picked.set_escaped(bytes, field, at, end.quote)?;
            } else {
                picked.set(field, at + 1, end.quote);
            }
            Ok(end.quote + 1)
        }
        b'n' => {
            picked.clear(field);
            scalar(bytes, at)
        }
        _ => Err(Odd::WrongType(field)),
    }
}

/// Takes a value as it stands. What is inside it is read when the record turns out to be wanted.
#[inline(always)]
fn nested<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    at: usize,
    field: Field,
    picked: &mut Picked,
) -> Result<usize, Odd> {
    let end = match byte(bytes, at)? {
        b'{' | b'[' => skip(lanes, bytes, at, 1)?,
        b'n' => {
            let end = scalar(bytes, at)?;
            picked.clear_nested(field);
            return Ok(end);
        }
        b'"' => string(lanes, bytes, at + 1)?.quote + 1,
        _ => scalar(bytes, at)?,
    };
    picked.set_nested(field, at, end);
    Ok(end)
}

/// Takes `userIdentity` as it stands, which often has stood so before.
#[inline(always)]
fn identity<L: Lanes>(
    lanes: L,
    all: &[u8],
    start: usize,
    at: usize,
    bytes_max: usize,
    picked: &mut Picked,
) -> Result<usize, Odd> {
    let bytes = &all[start..start + bytes_max];
    // What an earlier one of this record was like says nothing of this one, which counts.
    picked.identity_set = None;
    let set = match bytes.get(at) {
        Some(b'{') => Echo::set_of(bytes, at),
        _ => None,
    };
    let Some(set) = set else {
        return nested(lanes, bytes, at, Field::UserIdentity, picked);
    };
    if let Some((end, _)) = picked.echo.find(set, all, start + at) {
        let end = end - start;
        if end > bytes_max {
            return Err(Odd::Unfinished);
        }
        picked.set_nested(Field::UserIdentity, at, end);
        picked.identity_set = Some(set);
        return Ok(end);
    }
    let end = nested(lanes, bytes, at, Field::UserIdentity, picked)?;
    picked.identity_set = picked.echo.note(set, &bytes[at..end]);
    Ok(end)
}

/// Passes over a value.
#[inline(always)]
fn ignored<L: Lanes>(lanes: L, bytes: &[u8], at: usize, picked: &mut Picked) -> Result<usize, Odd> {
    match byte(bytes, at)? {
        b'"' => Ok(string(lanes, bytes, at + 1)?.quote + 1),
        b'{' | b'[' => {
            picked.unread = true;
            skip(lanes, bytes, at, 1)
        }
        _ => scalar(bytes, at),
    }
}
