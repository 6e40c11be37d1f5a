//! A record with holes: everything that never changes is copied, the holes are filled anew each time.

use crate::random::Random;

/// What stands in a template's text where a hole is: `⟦uuid⟧`, `⟦hex8⟧`, ….
pub(crate) const UUID: &str = "⟦uuid⟧";
/// The record's time.
pub(crate) const TIME: &str = "⟦time⟧";
/// The caller's `userIdentity`.
pub(crate) const IDENTITY: &str = "⟦identity⟧";
/// Twelve hexadecimal digits, the same wherever the record repeats them.
pub(crate) const OBJECT: &str = "⟦object⟧";
/// Eight hexadecimal digits.
pub(crate) const HEX_8: &str = "⟦hex8⟧";
/// Sixteen hexadecimal digits.
pub(crate) const HEX_16: &str = "⟦hex16⟧";
/// Letters and digits of S3's second request id.
pub(crate) const TEXT_76: &str = "⟦text76⟧";
/// Letters and digits of a session token.
pub(crate) const TEXT_380: &str = "⟦text380⟧";

const OBJECT_DIGITS: usize = 12;

#[derive(Debug, Clone, Copy)]
enum Hole {
    Uuid,
    Time,
    Identity,
    Object,
    Hex(usize),
    Text(usize),
}

const HOLES: [(&str, Hole); 8] = [
    (UUID, Hole::Uuid),
    (TIME, Hole::Time),
    (IDENTITY, Hole::Identity),
    (OBJECT, Hole::Object),
    (HEX_8, Hole::Hex(8)),
    (HEX_16, Hole::Hex(16)),
    (TEXT_76, Hole::Text(76)),
    (TEXT_380, Hole::Text(380)),
];

/// A compiled record.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// Each piece of fixed text with the hole behind it.
    pieces: Vec<(Box<[u8]>, Hole)>,
    tail: Box<[u8]>,
}

impl Template {
    /// Takes a record's text apart at its holes.
    pub(crate) fn compile(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('⟦') {
            let (before, from) = rest.split_at(at);
            let Some((marker, hole)) = HOLES.iter().find(|(marker, _)| from.starts_with(marker))
            else {
                break;
            };
            pieces.push((before.as_bytes().into(), *hole));
            rest = from.strip_prefix(marker).unwrap_or_default();
        }
        Self {
            pieces,
            tail: rest.as_bytes().into(),
        }
    }

    /// Appends one record.
    #[inline]
    pub(crate) fn fill(
        &self,
        out: &mut Vec<u8>,
        random: &mut Random,
        time: &[u8; 20],
        identity: &[u8],
    ) {
        let mut object = None;
        for (text, hole) in &self.pieces {
            out.extend_from_slice(text);
            match *hole {
                Hole::Uuid => random.push_uuid(out),
                Hole::Time => out.extend_from_slice(time),
                Hole::Identity => out.extend_from_slice(identity),
                Hole::Hex(length) => random.push_hex(out, length),
                Hole::Text(length) => random.push_alphanumeric(out, length),
                Hole::Object => match object {
                    Some(at) => out.extend_from_within(at..at + OBJECT_DIGITS),
                    None => {
                        object = Some(out.len());
                        random.push_hex(out, OBJECT_DIGITS);
                    }
                },
            }
        }
        out.extend_from_slice(&self.tail);
    }
}

#[cfg(test)]
mod tests {
    use super::{HEX_8, IDENTITY, OBJECT, TIME, Template, UUID};
    use crate::random::Random;

    #[test]
    fn holes_are_filled_and_objects_repeat() {
        let text = format!("{{{IDENTITY}|{TIME}|{UUID}|{OBJECT}|{HEX_8}|{OBJECT}}}");
        let template = Template::compile(&text);
        let mut random = Random::stream(1, "template");
        let mut out = Vec::new();
        template.fill(&mut out, &mut random, b"2024-08-02T08:45:07Z", b"me");
        let text = String::from_utf8(out).unwrap();
        let parts: Vec<&str> = text.split('|').collect();
        assert_eq!(parts[0], "{me");
        assert_eq!(parts[1], "2024-08-02T08:45:07Z");
        assert_eq!(parts[2].len(), 36);
        assert_eq!(parts[4].len(), 8);
        assert_eq!(format!("{}}}", parts[3]), parts[5]);
    }
}
