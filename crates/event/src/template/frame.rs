//! A frame: the bytes of a record with holes, made ready for comparing.

use super::token::{Role, Token, TokenKind, tokens};
use crate::walker::Pattern;

/// Longest record that becomes a frame, in bytes.
const FRAME_BYTES_MAX: usize = 8_192;
/// Most stretches of one frame.
pub(crate) const STRETCHES_MAX: usize = 32;
/// Longest hole of one length, in bytes: a block.
const STEADY_BYTES_MAX: u32 = 64;

/// Where the stretches of a record begin that follows a frame, counted from its opening brace.
pub(crate) type Places = [u32; STRETCHES_MAX];

/// A record's bytes with holes.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Which kind of record this is a frame of.
    pub(super) kind: u64,
    /// Stands for these bytes with these holes, and no others.
    pub(super) serial: u64,
    /// Whether the records that follow are KMS records; the others nobody reads.
    pub(crate) is_kept: bool,
    pub(crate) program: Program,
    sample: String,
    tokens: Vec<Token>,
    opened: Vec<Opened>,
}

/// What a record is compared with.
#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) stretches: Vec<Stretch>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) steady: Vec<Steady>,
    pub(super) holes: Holes,
}

/// How a record differs from a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Widened {
    /// In more than values.
    Not,
    /// In nothing but holes.
    AsItWas,
    /// In values, which now are holes.
    Now,
}

/// Bytes of a frame up to a hole of any length.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// Its blocks among the patterns.
    pub(crate) patterns: std::ops::Range<usize>,
    /// Its holes of one length, among the frame's.
    pub(crate) steady: std::ops::Range<usize>,
    pub(crate) length: usize,
    pub(crate) then: Then,
}

/// What stands behind a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The identity.
    Identity,
    /// The inside of a string.
    Text,
    /// An integer.
    Integer,
    /// Nothing: the record ends.
    End,
}

/// A hole of one length in a stretch.
#[derive(Debug)]
pub(crate) struct Steady {
    /// Where it begins in the stretch.
    pub(crate) offset: usize,
    /// One bit for each of its bytes.
    pub(crate) mask: u64,
}

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// It is part of the frame.
    No,
    /// It is a hole of one length.
    Steady,
    /// It is a hole of any length.
    Wide,
}

/// Where to find what a hole holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hole {
    Steady {
        stretch: usize,
        offset: u32,
        length: u32,
    },
    /// Behind this stretch.
    Wide { stretch: usize, stretch_length: u32 },
}

impl Hole {
    /// Where the hole stands in a record, by the places of its stretches.
    #[inline(always)]
    pub(super) fn range(self, places: &Places) -> std::ops::Range<usize> {
        match self {
            Self::Steady {
                stretch,
                offset,
                length,
            } => {
                let start = (places[stretch % STRETCHES_MAX] + offset) as usize;
                start..start + length as usize
            }
            Self::Wide {
                stretch,
                stretch_length,
            } => {
                let start = places[stretch % STRETCHES_MAX] + stretch_length;
                start as usize..places[(stretch + 1) % STRETCHES_MAX] as usize
            }
        }
    }
}

/// The holes that are read, of a record that is kept.
#[derive(Debug, Default)]
pub(super) struct Holes {
    pub(super) time: Option<Hole>,
    pub(super) event_id: Option<Hole>,
    pub(super) shared_event_id: Option<Hole>,
    /// Values of the context, by their sorted names.
    pub(super) context: Vec<Option<Hole>>,
    /// What decides anything of the record.
    pub(super) deciding: Vec<Hole>,
}

impl Frame {
    /// The frame of this record, which is sound JSON of ASCII without a backslash. `None` when it is
    /// not worth one.
    pub(super) fn of(record: &str, is_kept: bool, tokens: &[Token]) -> Option<Self> {
        if record.len() > FRAME_BYTES_MAX {
            return None;
        }
        let opened: Vec<_> = tokens.iter().map(Opened::at_first).collect();
        let program = Program::of(record, tokens, &opened)?;
        let holes = &program.holes;
        let is_whole = holes.time.is_some() && holes.event_id.is_some();
        (!is_kept || is_whole).then(|| Self {
            kind: 0,
            serial: 0,
            is_kept,
            program,
            sample: record.to_owned(),
            tokens: tokens.to_vec(),
            opened,
        })
    }

    /// The values of a record, for [`Self::of`] and [`Self::widen`].
    pub(super) fn tokens(record: &str, is_kept: bool) -> Option<Vec<Token>> {
        tokens(record, is_kept)
    }

    /// Where the identity stands among these values.
    pub(super) fn identity_of(tokens: &[Token]) -> std::ops::Range<usize> {
        let is_identity = |token: &&Token| token.kind == TokenKind::Identity;
        let token = tokens.iter().find(is_identity);
        token.map_or(0..0, |token| token.start as usize..token.end as usize)
    }

    /// Opens holes where this record differs, so that it follows the frame. If it differs in
    /// anything but values, the frame stays as it is.
    pub(super) fn widen(&mut self, record: &str, tokens: &[Token]) -> Widened {
        if tokens.len() != self.tokens.len() {
            return Widened::Not;
        }
        let mut opened = self.opened.clone();
        let (mut end, mut end_before) = (0, 0);
        for ((token, before), opened) in tokens.iter().zip(&self.tokens).zip(&mut opened) {
            let between = record.get(end..token.start as usize);
            if token.kind != before.kind
                || token.role != before.role
                || between != self.sample.get(end_before..before.start as usize)
            {
                return Widened::Not;
            }
            (end, end_before) = (token.end as usize, before.end as usize);
            let text = record.get(token.start as usize..end);
            if text != self.sample.get(before.start as usize..end_before) {
                let Some(wider) = opened.wider(before, token.length() == before.length()) else {
                    return Widened::Not;
                };
                *opened = wider;
            }
        }
        if record.get(end..) != self.sample.get(end_before..) {
            return Widened::Not;
        }
        if opened == self.opened {
            return Widened::AsItWas;
        }
        let Some(program) = Program::of(&self.sample, &self.tokens, &opened) else {
            return Widened::Not;
        };
        self.program = program;
        self.opened = opened;
        Widened::Now
    }
}

impl Program {
    /// What records are compared with that differ from the sample in the opened values.
    fn of(sample: &str, tokens: &[Token], opened: &[Opened]) -> Option<Self> {
        let mut program = Self::default();
        let mut stretch = Draft::default();
        for (token, opened) in tokens.iter().zip(opened) {
            let hole = match opened {
                Opened::No => continue,
                Opened::Steady => {
                    let offset = token.start - stretch.start;
                    stretch.steady.push((offset, token.length()));
                    Hole::Steady {
                        stretch: program.stretches.len(),
                        offset,
                        length: token.length(),
                    }
                }
                Opened::Wide => {
                    let then = match token.kind {
                        TokenKind::Text => Then::Text,
                        TokenKind::Integer => Then::Integer,
                        TokenKind::Identity => Then::Identity,
                    };
                    let hole = Hole::Wide {
                        stretch: program.stretches.len(),
                        stretch_length: token.start - stretch.start,
                    };
                    program.end_stretch(&stretch, sample, token.start, then)?;
                    stretch = Draft {
                        start: token.end,
                        steady: Vec::new(),
                    };
                    hole
                }
            };
            program.holes.note(token.role, hole);
        }
        program.end_stretch(&stretch, sample, sample.len() as u32, Then::End)?;
        Some(program)
    }

    fn end_stretch(&mut self, draft: &Draft, sample: &str, end: u32, then: Then) -> Option<()> {
        if self.stretches.len() == STRETCHES_MAX {
            return None;
        }
        let bytes = sample.as_bytes().get(draft.start as usize..end as usize)?;
        let first = self.patterns.len();
        for block in bytes.chunks(64) {
            let mut pattern = Pattern {
                bytes: [0; 64],
                mask: [0; 64],
            };
            pattern.bytes[..block.len()].copy_from_slice(block);
            pattern.mask[..block.len()].fill(0xff);
            self.patterns.push(pattern);
        }
        let first_steady = self.steady.len();
        for (offset, length) in &draft.steady {
            for at in *offset..offset + length {
                self.patterns[first + at as usize / 64].mask[at as usize % 64] = 0;
            }
            self.steady.push(Steady {
                offset: *offset as usize,
                mask: u64::MAX.checked_shr(64 - length).unwrap_or(0),
            });
        }
        self.stretches.push(Stretch {
            patterns: first..self.patterns.len(),
            steady: first_steady..self.steady.len(),
            length: bytes.len(),
            then,
        });
        Some(())
    }
}

impl Holes {
    fn note(&mut self, role: Role, hole: Hole) {
        match role {
            Role::Time => self.time = Some(hole),
            Role::EventId => self.event_id = Some(hole),
            Role::SharedEventId => self.shared_event_id = Some(hole),
            Role::Context(place) => {
                let place = usize::from(place);
                if self.context.len() <= place {
                    self.context.resize(place + 1, None);
                }
                self.context[place] = Some(hole);
            }
            Role::Deciding | Role::Key => self.deciding.push(hole),
            Role::Plain | Role::Id | Role::Fixed | Role::Identity => {}
        }
    }
}

impl Token {
    fn length(&self) -> u32 {
        self.end - self.start
    }
}

impl Opened {
    /// What is a hole before anything differs.
    fn at_first(token: &Token) -> Self {
        let is_steady = (1..=STEADY_BYTES_MAX).contains(&token.length());
        match token.role {
            Role::Identity | Role::Context(_) | Role::Key => Self::Wide,
            Role::Id | Role::Time | Role::EventId | Role::SharedEventId
                if token.kind == TokenKind::Text =>
            {
                if is_steady {
                    Self::Steady
                } else {
                    Self::Wide
                }
            }
            _ => Self::No,
        }
    }

    /// What it becomes when another record has another value here; `None` when that makes another
    /// kind of record.
    fn wider(self, token: &Token, is_as_long: bool) -> Option<Self> {
        if token.role == Role::Fixed {
            return None;
        }
        let is_text = token.kind == TokenKind::Text;
        let is_short = (1..=STEADY_BYTES_MAX).contains(&token.length());
        Some(match self {
            Self::No | Self::Steady if is_as_long && is_text && is_short => Self::Steady,
            _ => Self::Wide,
        })
    }
}

/// A stretch in the making.
#[derive(Debug, Default)]
struct Draft {
    start: u32,
    steady: Vec<(u32, u32)>,
}
