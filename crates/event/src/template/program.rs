//! What records are compared with: stretches of bytes, and holes between and in them.

use super::frame::Opened;
use super::token::{Role, Token, TokenKind};
use crate::walker::Field;

/// Most stretches of one frame.
pub(crate) const STRETCHES_MAX: usize = 32;

/// Where the stretches of a record begin that follows a frame, counted from its opening brace.
pub(crate) type Places = [u32; STRETCHES_MAX];

/// What a record is compared with.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// The sample, and two blocks of zeros behind it.
    pub(crate) text: Vec<u8>,
    pub(crate) stretches: Vec<Stretch>,
    /// For each block of a stretch beyond its second, which of its bytes must be the sample's.
    masks: Vec<u64>,
    pub(crate) steady: Vec<Steady>,
    pub(super) holes: Holes,
}

/// Bytes of a frame up to a hole of any length.
#[derive(Debug)]
pub(crate) struct Stretch {
    /// Where it stands in the sample.
    start: u32,
    length: u32,
    /// Which bytes of its first two blocks must be the sample's.
    pub(crate) masks: [u64; 2],
    /// The masks of its other blocks, among the frame's.
    more: (u16, u16),
    pub(crate) then: Then,
}

impl Stretch {
    /// How long it is.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.length as usize
    }

    /// Its first two blocks.
    #[inline(always)]
    pub(crate) fn first<'p>(&self, program: &'p Program) -> Option<&'p [u8; 128]> {
        program.text.get(self.start as usize..)?.first_chunk()
    }

    /// Its other blocks, and their masks.
    #[inline(always)]
    pub(crate) fn more<'p>(&self, program: &'p Program) -> Option<(&'p [[u8; 64]], &'p [u64])> {
        let (from, to) = self.more;
        let (blocks, _) = program.text.get(self.start as usize + 128..)?.as_chunks();
        Some((
            blocks,
            program.masks.get(usize::from(from)..usize::from(to))?,
        ))
    }

    /// Whether it has more than two blocks.
    #[inline(always)]
    pub(crate) fn is_long(&self) -> bool {
        self.more.0 != self.more.1
    }
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
    /// Its stretch, and where it begins there.
    pub(crate) stretch: usize,
    pub(crate) offset: u32,
    /// One bit for each of its bytes.
    pub(crate) mask: u64,
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

/// What is read of a record that is kept, and where it stands.
#[derive(Debug, Default)]
pub(super) struct Holes {
    /// The texts of the top level, by their fields.
    texts: [Option<Hole>; TEXTS],
    /// Values of the context, by their sorted names.
    pub(super) context: Vec<Option<Hole>>,
    /// Holes of which anything of the record depends.
    pub(super) deciding: Vec<Hole>,
}

/// How many fields of a record are texts.
const TEXTS: usize = Field::UserIdentity as usize;

impl Holes {
    /// Where the text of a field stands.
    #[inline(always)]
    pub(super) fn text(&self, field: Field) -> Option<Hole> {
        self.texts.get(field as usize).copied().flatten()
    }
}

/// A place outside all holes: a stretch, and an offset in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    stretch: usize,
    offset: u32,
}

impl Point {
    /// Where it is in a record, by the places of its stretches.
    #[inline(always)]
    pub(super) fn at(self, places: &Places) -> usize {
        (places[self.stretch % STRETCHES_MAX] + self.offset) as usize
    }
}

impl Program {
    /// What records are compared with that differ from the sample in the opened values.
    pub(super) fn of(sample: &str, tokens: &[Token], opened: &[Opened]) -> Option<Self> {
        let mut program = Self::default();
        program.text.extend_from_slice(sample.as_bytes());
        program.text.extend_from_slice(&[0; 128]);
        let mut stretch = Draft::default();
        for (token, opened) in tokens.iter().zip(opened) {
            let hole = match opened {
                Opened::No | Opened::Steady => {
                    let offset = token.start - stretch.start;
                    if *opened == Opened::Steady {
                        stretch.steady.push((offset, token.length()));
                    }
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
                    program.end_stretch(&stretch, token.start, then)?;
                    stretch = Draft {
                        start: token.end,
                        steady: Vec::new(),
                    };
                    hole
                }
            };
            program.holes.note(token, hole, *opened != Opened::No);
        }
        program.end_stretch(&stretch, sample.len() as u32, Then::End)?;
        Some(program)
    }

    /// Where the identity stands.
    pub(super) fn identity(&self) -> Option<Hole> {
        let is_identity = |stretch: &Stretch| stretch.then == Then::Identity;
        let stretch = self.stretches.iter().position(is_identity)?;
        Some(Hole::Wide {
            stretch,
            stretch_length: self.stretches.get(stretch)?.length,
        })
    }

    /// The place of an offset of the sample that lies in no hole.
    pub(super) fn point(&self, at: u32) -> Option<Point> {
        let holds = |stretch: &Stretch| {
            at.checked_sub(stretch.start)
                .is_some_and(|offset| offset <= stretch.length)
        };
        let stretch = self.stretches.iter().position(holds)?;
        let offset = at - self.stretches.get(stretch)?.start;
        Some(Point { stretch, offset })
    }

    fn end_stretch(&mut self, draft: &Draft, end: u32, then: Then) -> Option<()> {
        if self.stretches.len() == STRETCHES_MAX {
            return None;
        }
        let length = end - draft.start;
        let of_block = |at: u32| u64::MAX >> 64_u32.saturating_sub(length - at);
        let mut masks: Vec<u64> = (0..length).step_by(64).map(of_block).collect();
        masks.resize(masks.len().max(2), 0);
        for (offset, length) in &draft.steady {
            for at in *offset..offset + length {
                masks[at as usize / 64] &= !(1 << (at % 64));
            }
            self.steady.push(Steady {
                stretch: self.stretches.len(),
                offset: *offset,
                mask: u64::MAX.checked_shr(64 - length).unwrap_or(0),
            });
        }
        let (first, more) = masks.split_first_chunk()?;
        let from = self.masks.len() as u16;
        self.masks.extend_from_slice(more);
        self.stretches.push(Stretch {
            start: draft.start,
            length,
            masks: *first,
            more: (from, self.masks.len() as u16),
            then,
        });
        Some(())
    }
}

impl Holes {
    fn note(&mut self, token: &Token, hole: Hole, is_open: bool) {
        if let Some(text) = self.texts.get_mut(token.field as usize) {
            *text = Some(hole);
        }
        match token.role {
            Role::Context(place) => {
                let place = usize::from(place);
                if self.context.len() <= place {
                    self.context.resize(place + 1, None);
                }
                self.context[place] = Some(hole);
            }
            Role::Deciding | Role::Key if is_open => self.deciding.push(hole),
            _ => {}
        }
    }
}

/// A stretch in the making.
#[derive(Debug, Default)]
struct Draft {
    start: u32,
    steady: Vec<(u32, u32)>,
}
