//! The values of a record that may differ from one record of a kind to the next.

use crate::small::{members, text_of};
use crate::walker::Field;

/// Most values looked at of one record; one with more is not learnt.
const TOKENS_MAX: usize = 96;

/// A value: a string's inside, an integer, or the identity as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) kind: TokenKind,
    pub(super) role: Role,
    /// The record's field that it is, or that holds it.
    pub(super) field: Field,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    Text,
    /// Digits without a sign and without a zero in front.
    Integer,
    Identity,
}

/// What a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing of the normalised record depends on it.
    Plain,
    /// The record's own: a time or an id, different in every record.
    Own,
    /// A value of the encryption context, and the place of its name among the sorted names.
    Context(u8),
    /// The record tells it as it stands, and nothing else of the record depends on it.
    Told,
    /// Something of the record depends on it.
    Deciding,
    /// The same, and it is often different: the name of a key.
    Key,
    /// It decides what kind of record this is: source, name and type.
    Fixed,
    Identity,
}

/// Most pairs of an encryption context.
const CONTEXT_PAIRS_MAX: usize = 4;

/// The values of this record in their order. `None` for one that is not to be learnt: too many
/// values, a field given twice, no identity.
///
/// The record is sound JSON of ASCII without a backslash.
pub(super) fn tokens(record: &str) -> Option<Vec<Token>> {
    let mut tokens = Tokens {
        record,
        all: Vec::with_capacity(TOKENS_MAX / 2),
        has_context: false,
        field: Field::Ignored,
    };
    let mut seen = 0_u32;
    for (name, value) in members(record) {
        let field = Field::of_name(name.as_bytes());
        if field != Field::Ignored {
            if seen & 1 << field as u32 != 0 {
                return None;
            }
            seen |= 1 << field as u32;
        }
        tokens.top(name, field, value)?;
    }
    (seen & 1 << Field::UserIdentity as u32 != 0).then_some(tokens.all)
}

struct Tokens<'r> {
    record: &'r str,
    all: Vec<Token>,
    has_context: bool,
    field: Field,
}

impl Tokens<'_> {
    fn top(&mut self, name: &str, field: Field, value: &str) -> Option<()> {
        self.field = field;
        let role = match field {
            Field::UserIdentity => return self.push(value, TokenKind::Identity, Role::Identity),
            Field::EventSource | Field::EventName => Role::Fixed,
            Field::EventTime | Field::EventId | Field::SharedEventId => Role::Own,
            Field::Ignored if name == "requestID" => Role::Own,
            Field::EventType => Role::Fixed,
            Field::RequestParameters => return self.request(value),
            Field::SourceIpAddress | Field::UserAgent | Field::VpcEndpointId => Role::Told,
            Field::Ignored | Field::AdditionalEventData | Field::TlsDetails => Role::Plain,
            _ => Role::Deciding,
        };
        self.value(value, role)
    }

    /// Every value inside this one has the role; the name of a key in `resources` has its own.
    fn value(&mut self, value: &str, role: Role) -> Option<()> {
        if let Some(text) = text_of(value) {
            return self.push(text, TokenKind::Text, role);
        }
        if is_integer(value) {
            return self.push(value, TokenKind::Integer, role);
        }
        for (name, value) in members(value) {
            let role = match role {
                Role::Deciding if matches!(name, "ARN" | "arn") => Role::Key,
                _ => role,
            };
            self.value(value, role)?;
        }
        Some(())
    }

    /// `requestParameters` of a record that is kept.
    fn request(&mut self, request: &str) -> Option<()> {
        if !request.starts_with('{') {
            return self.value(request, Role::Deciding);
        }
        for (name, value) in members(request) {
            match name {
                "keyId" | "sourceKeyId" | "destinationKeyId" | "targetKeyId" | "aliasName" => {
                    self.value(value, Role::Key)?;
                }
                "encryptionContext" | "sourceEncryptionContext" => self.context(value)?,
                _ => self.value(value, Role::Plain)?,
            }
        }
        Some(())
    }

    fn context(&mut self, context: &str) -> Option<()> {
        let is_second = std::mem::replace(&mut self.has_context, true);
        if is_second || !context.starts_with('{') {
            return None;
        }
        let mut names: Vec<&str> = members(context).map(|(name, _)| name).collect();
        names.sort_unstable();
        let has_twins = names.windows(2).any(|pair| pair[0] == pair[1]);
        if has_twins || names.len() > CONTEXT_PAIRS_MAX {
            return None;
        }
        for (name, value) in members(context) {
            let place = names.binary_search(&name).ok()?;
            self.push(text_of(value)?, TokenKind::Text, Role::Context(place as u8))?;
        }
        Some(())
    }

    fn push(&mut self, text: &str, kind: TokenKind, role: Role) -> Option<()> {
        let start = text.as_ptr().addr() - self.record.as_ptr().addr();
        self.all.push(Token {
            start: start as u32,
            end: (start + text.len()) as u32,
            kind,
            role,
            field: self.field,
        });
        (self.all.len() <= TOKENS_MAX).then_some(())
    }
}

/// Longest integer that a hole is learnt of, in digits.
pub(crate) const DIGITS_MAX: usize = 15;

fn is_integer(value: &str) -> bool {
    (1..=DIGITS_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && (value.len() == 1 || !value.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(record: &str) -> Option<Vec<(&str, Role)>> {
        let all = tokens(record)?;
        let text = |token: &Token| &record[token.start as usize..token.end as usize];
        Some(all.iter().map(|token| (text(token), token.role)).collect())
    }

    #[test]
    fn values_and_their_roles() {
        let record = r#"{"userIdentity":{"a":"b"},"eventTime":"t","eventName":"n","requestParameters":{"keyId":"k","n":[1,{"x":"y"}],"encryptionContext":{"b":"2","a":"1"}},"readOnly":true,"requestID":"r","resources":[{"type":"T","ARN":"A"}],"tlsDetails":{"x":"z"}}"#;
        let expected = vec![
            (r#"{"a":"b"}"#, Role::Identity),
            ("t", Role::Own),
            ("n", Role::Fixed),
            ("k", Role::Key),
            ("1", Role::Plain),
            ("y", Role::Plain),
            ("2", Role::Context(1)),
            ("1", Role::Context(0)),
            ("r", Role::Own),
            ("T", Role::Deciding),
            ("A", Role::Key),
            ("z", Role::Plain),
        ];
        assert_eq!(found(record), Some(expected));
    }

    #[test]
    fn what_is_not_learnt() {
        for record in [
            r#"{"eventTime":"t"}"#,
            r#"{"userIdentity":{},"eventTime":"t","eventTime":"u"}"#,
            r#"{"userIdentity":{},"requestParameters":{"encryptionContext":{"a":"1","a":"2"}}}"#,
            r#"{"userIdentity":{},"requestParameters":{"encryptionContext":{"a":1}}}"#,
            r#"{"userIdentity":{},"requestParameters":{"encryptionContext":null}}"#,
            r#"{"userIdentity":{},"requestParameters":{"encryptionContext":{},"sourceEncryptionContext":{}}}"#,
        ] {
            assert_eq!(found(record), None, "{record}");
        }
    }

    #[test]
    fn integers() {
        for (text, expected) in [
            ("0", true),
            ("10", true),
            ("01", false),
            ("-1", false),
            ("1.5", false),
            ("", false),
            ("1234567890123456", false),
        ] {
            assert_eq!(is_integer(text), expected, "{text}");
        }
    }
}
