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
    /// Its stretches, block by block.
    pub(crate) blocks: Vec<Block>,
    stretches: Vec<Stretch>,
    pub(super) holes: Holes,
}

/// Bytes of a frame up to a hole of any length.
#[derive(Debug)]
struct Stretch {
    /// Where it stands in the sample.
    start: u32,
    length: u32,
    then: Then,
}

/// The next 64 bytes of a stretch, or what is left of it.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) sample: [u8; 64],
    /// Which bytes must be the sample's.
    pub(crate) same: u64,
    /// Which bytes lie in holes of one length, where any plain text may stand.
    pub(crate) plain: u64,
    /// How many bytes it is long.
    pub(crate) length: u32,
    /// What stands behind it.
    pub(crate) then: Then,
}

/// What stands behind a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The next block of its stretch.
    More,
    /// The identity.
    Identity,
    /// The inside of a string.
    Text,
    /// An integer.
    Integer,
    /// Nothing: the record ends.
    End,
}

/// A place of a record that follows the frame: a stretch, and an offset from its beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    stretch: u32,
    offset: u32,
}

impl Point {
    /// Where it is in a record, by the places of its stretches.
    #[inline(always)]
    fn at(self, places: &Places) -> usize {
        (places[self.stretch as usize % STRETCHES_MAX] + self.offset) as usize
    }
}

/// Where to find a value, or several: from here to there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hole {
    pub(super) from: Point,
    pub(super) to: Point,
}

impl Hole {
    /// Where the hole stands in a record, by the places of its stretches.
    #[inline(always)]
    pub(super) fn range(self, places: &Places) -> std::ops::Range<usize> {
        self.from.at(places)..self.to.at(places)
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

impl Program {
    /// What records are compared with that differ from the sample in the opened values.
    pub(super) fn of(sample: &str, tokens: &[Token], opened: &[Opened]) -> Option<Self> {
        let mut program = Self::default();
        let mut stretch = Draft::default();
        for (token, opened) in tokens.iter().zip(opened) {
            let index = program.stretches.len() as u32;
            let from = Point {
                stretch: index,
                offset: token.start - stretch.start,
            };
            let to = match opened {
                Opened::No | Opened::Steady => {
                    if *opened == Opened::Steady {
                        stretch.steady.push((from.offset, token.length()));
                    }
                    Point {
                        offset: from.offset + token.length(),
                        ..from
                    }
                }
                Opened::Wide => {
                    let then = match token.kind {
                        TokenKind::Text => Then::Text,
                        TokenKind::Integer => Then::Integer,
                        TokenKind::Identity => Then::Identity,
                    };
                    program.end_stretch((sample, &stretch), token.start, then)?;
                    stretch = Draft {
                        start: token.end,
                        steady: Vec::new(),
                    };
                    Point {
                        stretch: index + 1,
                        offset: 0,
                    }
                }
            };
            let hole = Hole { from, to };
            program.holes.note(token, hole, *opened != Opened::No);
        }
        program.end_stretch((sample, &stretch), sample.len() as u32, Then::End)?;
        Some(program)
    }

    /// Where the identity stands.
    pub(super) fn identity(&self) -> Option<Hole> {
        let is_identity = |stretch: &Stretch| stretch.then == Then::Identity;
        let stretch = self.stretches.iter().position(is_identity)? as u32;
        let offset = self.stretches.get(stretch as usize)?.length;
        Some(Hole {
            from: Point { stretch, offset },
            to: Point {
                stretch: stretch + 1,
                offset: 0,
            },
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
        Some(Point {
            stretch: stretch as u32,
            offset,
        })
    }

    fn end_stretch(&mut self, (sample, draft): (&str, &Draft), end: u32, then: Then) -> Option<()> {
        if self.stretches.len() == STRETCHES_MAX {
            return None;
        }
        let start = draft.start;
        let texts = sample.as_bytes().get(start as usize..end as usize)?;
        let first = self.blocks.len();
        for text in texts.chunks(64) {
            let mut block = Block {
                sample: [0; 64],
                same: u64::MAX >> (64 - text.len()),
                plain: 0,
                length: text.len() as u32,
                then: Then::More,
            };
            block.sample[..text.len()].copy_from_slice(text);
            self.blocks.push(block);
        }
        // Between two holes stands a quote at least.
        self.blocks.get_mut(first..)?.last_mut()?.then = then;
        for (offset, length) in &draft.steady {
            for at in *offset..offset + length {
                let block = self.blocks.get_mut(first + at as usize / 64)?;
                block.same &= !(1 << (at % 64));
                block.plain |= 1 << (at % 64);
            }
        }
        self.stretches.push(Stretch {
            start,
            length: end - start,
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
