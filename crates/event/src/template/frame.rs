//! A frame: the bytes of a record with holes, made ready for comparing.

use super::token::{Role, Token, TokenKind, tokens};
use crate::context::EncryptionContext;
use crate::operation::Operation;
use crate::record::NAME_BYTES_MAX;
use crate::request::Request;
use crate::small::{members, text_of};
use crate::walker::Field;

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
    pub(crate) program: Program,
    pub(super) said: Said,
    sample: String,
    tokens: Vec<Token>,
    opened: Vec<Opened>,
}

/// What a record is compared with.
#[derive(Debug, Default)]
pub(crate) struct Program {
    /// The sample, and two blocks of zeros behind it.
    pub(crate) text: Vec<u8>,
    pub(crate) stretches: Vec<Stretch>,
    /// For each block of a stretch, which of its bytes must be the sample's.
    pub(crate) masks: Vec<u64>,
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
    /// Where it stands in the sample.
    start: u32,
    length: u32,
    /// Its blocks' masks, among the frame's; two at least.
    masks: (u16, u16),
    pub(crate) then: Then,
}

impl Stretch {
    /// How long it is.
    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.length as usize
    }

    /// The masks of its first two blocks, and of the others.
    #[inline(always)]
    pub(crate) fn masks<'p>(&self, program: &'p Program) -> Option<(&'p [u64; 2], &'p [u64])> {
        let (from, to) = self.masks;
        let masks = program.masks.get(usize::from(from)..usize::from(to))?;
        masks.split_first_chunk()
    }

    /// Its blocks.
    #[inline(always)]
    pub(crate) fn blocks<'p>(&self, program: &'p Program) -> Option<&'p [[u8; 64]]> {
        let (blocks, _) = program.text.get(self.start as usize..)?.as_chunks();
        Some(blocks)
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

/// What the records of a frame say alike, of those that are kept.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) operation: Operation<'static>,
    pub(super) is_service_event: bool,
    pub(super) has_tls_details: bool,
    /// The names of the context, sorted.
    pub(super) context: EncryptionContext<'static>,
    /// Where `additionalEventData` begins and ends, if it is an object.
    pub(super) additional_event_data: Option<[Point; 2]>,
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

impl Said {
    /// What this record says; `None` when it leaves out what all records have.
    fn of(record: &str, program: &Program) -> Option<Self> {
        let holes = &program.holes;
        let needed = [
            Field::EventTime,
            Field::EventId,
            Field::RecipientAccountId,
            Field::AwsRegion,
        ];
        let mut said = Self {
            operation: Operation::kms("".into()),
            is_service_event: false,
            has_tls_details: false,
            context: EncryptionContext::default(),
            additional_event_data: None,
        };
        for (name, value) in members(record) {
            match Field::of_name(name.as_bytes()) {
                Field::EventName => {
                    let name = text_of(value).filter(|name| name.len() <= NAME_BYTES_MAX)?;
                    said.operation = Operation::kms(name.to_owned().into());
                }
                Field::EventType => said.is_service_event = value == "\"AwsServiceEvent\"",
                Field::TlsDetails => said.has_tls_details = value != "null",
                Field::AdditionalEventData if value.starts_with('{') => {
                    let start = value.as_ptr().addr() - record.as_ptr().addr();
                    let ends = [start, start + value.len()];
                    let [from, to] = ends.map(|at| program.point(at as u32));
                    said.additional_event_data = Some([from?, to?]);
                }
                Field::AdditionalEventData if value != "null" => return None,
                Field::RequestParameters => said.context = Request::read(value).context.to_static(),
                _ => {}
            }
        }
        needed
            .iter()
            .all(|field| holes.text(*field).is_some())
            .then_some(said)
    }
}

impl Frame {
    /// The frame of this record, which is sound JSON of ASCII without a backslash. `None` when it is
    /// not worth one.
    pub(super) fn of(record: &str, tokens: &[Token]) -> Option<Self> {
        if record.len() > FRAME_BYTES_MAX {
            return None;
        }
        let opened: Vec<_> = tokens.iter().map(Opened::at_first).collect();
        let program = Program::of(record, tokens, &opened)?;
        let said = Said::of(record, &program)?;
        Some(Self {
            said,
            kind: 0,
            serial: 0,
            program,
            sample: record.to_owned(),
            tokens: tokens.to_vec(),
            opened,
        })
    }

    /// The values of a record, for [`Self::of`] and [`Self::widen`].
    pub(super) fn tokens(record: &str) -> Option<Vec<Token>> {
        tokens(record)
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
        let Some(said) = Said::of(&self.sample, &program) else {
            return Widened::Not;
        };
        self.said = said;
        self.program = program;
        self.opened = opened;
        Widened::Now
    }
}

impl Program {
    /// What records are compared with that differ from the sample in the opened values.
    fn of(sample: &str, tokens: &[Token], opened: &[Opened]) -> Option<Self> {
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
    fn point(&self, at: u32) -> Option<Point> {
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
        let first = self.masks.len();
        for at in (0..length).step_by(64) {
            let behind = 64_u32.saturating_sub(length - at);
            self.masks.push(u64::MAX >> behind);
        }
        while self.masks.len() < first + 2 {
            self.masks.push(0);
        }
        for (offset, length) in &draft.steady {
            for at in *offset..offset + length {
                self.masks[first + at as usize / 64] &= !(1 << (at % 64));
            }
            self.steady.push(Steady {
                stretch: self.stretches.len(),
                offset: *offset,
                mask: u64::MAX.checked_shr(64 - length).unwrap_or(0),
            });
        }
        self.stretches.push(Stretch {
            start: draft.start,
            length,
            masks: (first as u16, self.masks.len() as u16),
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
            Role::Own if token.kind == TokenKind::Text && is_steady => Self::Steady,
            Role::Own if token.kind == TokenKind::Text => Self::Wide,
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
