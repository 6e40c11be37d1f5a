//! A frame: the bytes of a record with holes, and how it learns which of its values differ.

use super::program::{Hole, Program};
use super::token::{Role, Token, TokenKind, tokens};
use crate::context::EncryptionContext;
use crate::operation::Operation;
use crate::record::NAME_BYTES_MAX;
use crate::request::Request;
use crate::small::{members, text_of};
use crate::walker::Field;

/// Longest record that becomes a frame, in bytes.
const FRAME_BYTES_MAX: usize = 8_192;
/// Longest hole of one length, in bytes: a block.
const STEADY_BYTES_MAX: u32 = 64;

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

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// It is part of the frame.
    No,
    /// It is a hole of one length.
    Steady,
    /// It is a hole of any length.
    Wide,
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
    pub(super) additional_event_data: Option<Hole>,
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
                    said.additional_event_data = Some(Hole {
                        from: from?,
                        to: to?,
                    });
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

impl Token {
    pub(super) fn length(&self) -> u32 {
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
