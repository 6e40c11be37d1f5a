//! The slow reader that the walker is held to. It exists for tests and fuzzing only.
//!
//! It agrees with the walker, by definition, on what is refused in a record that nobody reads (the
//! module `walker` says what), and finds everything else with `serde_json`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::context::{EncryptionContext, SignatureForm};
use crate::fields::Fields;
use crate::foreign_key::may_name_foreign_key;
use crate::issue::{Issue, IssueKind};
use crate::principal::Identity;
use crate::read::{Reader, Reading, Sink};
use crate::record::{Body, Record};
use crate::selection::{Selection, select_bytes};
use crate::template::{Repeat, TemplateId};
use crate::time::EventTime;
use crate::walk::{DEPTH_MAX, Walk, skip_space, string_end, value_end};
use crate::walker::{Field, Place, Walker};

/// Everything that reading a delivery tells.
#[derive(Debug, Default)]
pub struct Told {
    reading: Reading,
    records: Vec<String>,
    issues: Vec<(IssueKind, Option<u64>)>,
    /// What records of one template have in common.
    templates: HashMap<TemplateId, String>,
    /// A signature of each template, and its form.
    forms: HashMap<TemplateId, (String, SignatureForm)>,
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        (self.reading, &self.records, &self.issues)
            == (other.reading, &other.records, &other.issues)
    }
}

impl Sink for Told {
    fn record(&mut self, record: &Record<'_>) {
        // The slow reader knows no templates.
        let plain = Record {
            template: None,
            ..record.clone()
        };
        self.records.push(format!("{plain:?}"));
        if let Some(template) = record.template {
            let common = common(&plain);
            let known = self.templates.entry(template);
            let known = known.or_insert_with(|| common.clone());
            assert_eq!(*known, common, "{template:?}");
        }
    }

    fn repeat(&mut self, repeat: &Repeat<'_>) -> bool {
        if let Some(record) = repeat.record() {
            assert_eq!(Some(repeat.template()), record.template);
            assert!(Arc::ptr_eq(repeat.identity(), &record.identity));
            assert_eq!(repeat.time(), record.time);
            assert_eq!(Some(repeat.event_id()), record.event_id.as_deref());
            assert_eq!(repeat.event_hash(), record.event_hash());
            assert_eq!(repeat.source(), record.source.as_deref());
            assert_eq!(repeat.user_agent(), record.user_agent.as_deref());
            assert_eq!(repeat.additional_event_data(), record.additional_event_data);
            let context = &record.context;
            let signature = context.signature();
            if let Some((known, form)) = self.forms.get(&repeat.template()) {
                assert!(!repeat.has_signature(form) || signature == *known);
            } else if let Some(form) = SignatureForm::of(context) {
                assert!(repeat.has_signature(&form));
                self.forms.insert(repeat.template(), (signature, form));
            }
        }
        false
    }

    fn issue(&mut self, issue: Issue) {
        self.issues.push((issue.kind, issue.record_index));
    }
}

/// What [`TemplateId`] promises of a record.
fn common(record: &Record<'_>) -> String {
    let keys: Vec<&str> = record.context.pairs().map(|(key, _)| key).collect();
    let rest = Record {
        time: EventTime::from_unix_seconds(0),
        event_id: None,
        identity: Arc::new(Identity::missing()),
        source: record.source.is_some().then(Cow::default),
        user_agent: record.user_agent.is_some().then(Cow::default),
        vpc_endpoint_id: record.vpc_endpoint_id.is_some().then(Cow::default),
        context: EncryptionContext::default(),
        shared_event_id: record.shared_event_id.is_some().then(Cow::default),
        additional_event_data: record.additional_event_data.map(|_| ""),
        raw: "",
        body: Body::default(),
        ..record.clone()
    };
    format!("{rest:?} {keys:?}")
}

impl Told {
    /// What this reader tells of these bytes.
    pub fn whole(mut reader: Reader, bytes: &[u8]) -> Self {
        Self::again(&mut reader, bytes)
    }

    /// What a reader that may know such records tells of these bytes.
    pub fn again(reader: &mut Reader, bytes: &[u8]) -> Self {
        let mut told = Self::default();
        told.reading = reader.read(bytes, &mut told);
        told
    }

    /// How many templates the records were of.
    #[must_use]
    pub fn templates(&self) -> usize {
        self.templates.len()
    }

    /// What this reader tells of these bytes when it gets so many at a time.
    pub fn in_pieces(mut reader: Reader, bytes: &[u8], piece_bytes: usize) -> Self {
        let mut told = Self::default();
        let mut delivery = reader.begin();
        let mut buffer = Vec::new();
        let mut pieces = bytes.chunks(piece_bytes.max(1)).peekable();
        while let Some(piece) = pieces.next() {
            buffer.extend_from_slice(piece);
            let done = delivery.feed(&buffer, pieces.peek().is_none(), &mut told);
            buffer.drain(..done);
        }
        let reading = *delivery.reading();
        told.reading = reading;
        told
    }

    /// What was counted.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }
}

/// Reads the bytes with every walker there is and with the slow reader.
///
/// # Panics
/// When they disagree about a record.
pub fn compare(bytes: &[u8]) -> Told {
    let expected = Told::whole(Reader::oracle(), bytes);
    for walker in Walker::all() {
        compare_walker(walker, bytes, &expected);
    }
    expected
}

/// The same with one of the walkers, which this number chooses: a fuzzer has no time for all.
///
/// # Panics
/// When it disagrees about a record.
pub fn compare_one(bytes: &[u8], number: usize) {
    if let Some(walker) = Walker::all().cycle().nth(number) {
        compare_walker(walker, bytes, &Told::whole(Reader::oracle(), bytes));
    }
}

fn compare_walker(walker: Walker, bytes: &[u8], expected: &Told) {
    let mut reader = Reader::with_walker(walker);
    // Whoever knows the records already must tell the same of them.
    for reading in ["first", "second"] {
        let told = Told::again(&mut reader, bytes);
        let text = bytes.escape_ascii();
        assert_eq!(told, *expected, "{walker:?}, {reading} reading of {text}");
    }
}

/// Reads sound bytes whole, and so many at a time.
///
/// # Panics
/// When that makes a difference. Damaged bytes are left out: how much of them is looked at again
/// depends on how much is at hand.
pub fn compare_pieces(bytes: &[u8], piece_bytes: usize) {
    let whole = Told::whole(Reader::default(), bytes);
    if whole.reading.malformed == 0 {
        let pieces = Told::in_pieces(Reader::default(), bytes, piece_bytes);
        assert_eq!(pieces, whole, "{piece_bytes} of {}", bytes.escape_ascii());
    }
}

/// What [`crate::pick::Picker::pick`] is to answer.
pub(crate) fn pick(text: &str) -> Result<Fields<'_>, Issue> {
    Fields::pick(text).map_err(|error| {
        let kind = match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => IssueKind::BadField,
            Err(_) => IssueKind::NotJson,
        };
        Issue::new(kind, None, error)
    })
}

/// Where the record ends that these bytes begin with, when nobody reads it.
///
/// Its members are JSON, of which the text fields are texts; its containers are only brackets that
/// match and strings that end. Behind `eventSource` and `eventName` nothing but that is asked of a
/// record in an array, unless a second source or name might follow, or it may name a foreign key.
pub(crate) fn unwanted_end(bytes: &[u8], place: Place) -> Option<usize> {
    let bytes = &bytes[..bytes.len().min(crate::read::RECORD_BYTES_MAX)];
    let mut source = None;
    let mut name = None;
    let selected = |source: &Option<&[u8]>, name: &Option<&[u8]>| {
        source
            .zip(*name)
            .map(|(source, name)| select_bytes(source, name))
    };
    let mut at = skip_space(bytes, 1);
    if bytes.get(at) == Some(&b'}') {
        return None;
    }
    loop {
        let end = text_end(bytes, at)?;
        let quoted = &bytes[at..end];
        let field: String = serde_json::from_slice(quoted).ok()?;
        let field = Field::of_name(field.as_bytes());
        let colon = skip_space(bytes, end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        at = skip_space(bytes, colon + 1);
        if place == Place::Top
            && (quoted == crate::split::DIGEST_KEY
                || bytes.get(at) == Some(&b'[') && crate::split::CARRIERS.contains(&quoted))
        {
            return None;
        }
        let end = member_end(bytes, at)?;
        let value = &bytes[at..end];
        if field.is_text() && value != b"null" {
            serde_json::from_slice::<String>(value).ok()?;
        }
        let plain = (value != b"null" && !value.contains(&b'\\'))
            .then(|| value.get(1..value.len() - 1))
            .flatten();
        match field {
            Field::EventSource => source = plain,
            Field::EventName => name = plain,
            _ => {}
        }
        at = end;
        if let Field::EventSource | Field::EventName = field
            && place == Place::Array
            && let Some(end) = rest_end(bytes, at)
        {
            match selected(&source, &name) {
                Some(Selection::Skip) => return Some(end),
                Some(Selection::IfForeignKey) if !may_name_foreign_key(&bytes[..end]) => {
                    return Some(end);
                }
                _ => {}
            }
        }
        at = skip_space(bytes, at);
        match bytes.get(at)? {
            b',' => at = skip_space(bytes, at + 1),
            b'}' => {
                return (selected(&source, &name) == Some(Selection::Skip)).then_some(at + 1);
            }
            _ => return None,
        }
    }
}

/// Where the string at `at` ends, if it is one of JSON and of UTF-8.
fn text_end(bytes: &[u8], at: usize) -> Option<usize> {
    match string_end(bytes, at) {
        Walk::End(end) if bytes[at] == b'"' => {
            let text = std::str::from_utf8(&bytes[at..end]).ok()?;
            serde_json::from_str::<IgnoredAny>(text).ok()?;
            Some(end)
        }
        _ => None,
    }
}

/// Where the value at `at` ends.
fn member_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' => text_end(bytes, at),
        b'{' | b'[' => {
            let (end, depth) = balanced(bytes, at, 0)?;
            (matches!(value_end(bytes, at), Walk::End(other) if other == end) && depth < DEPTH_MAX)
                .then_some(end)
        }
        _ => match value_end(bytes, at) {
            Walk::End(end) => {
                serde_json::from_slice::<IgnoredAny>(&bytes[at..end]).ok()?;
                Some(end)
            }
            Walk::NeedMore | Walk::Broken(..) => None,
        },
    }
}

/// Where the record ends whose rest begins at `at`, if the rest is not to be looked at closely.
fn rest_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (end, depth) = balanced(bytes, at, 1)?;
    let rest = &bytes[at..end];
    let holds = |text: &[u8]| memchr::memmem::find(rest, text).is_some();
    let is_suspicious = holds(b"\"eventS") || holds(b"\"eventN") || holds(b"\\u");
    (bytes[end - 1] == b'}' && depth <= DEPTH_MAX && !is_suspicious).then_some(end)
}

/// Where the brackets outside strings balance, `depth` being open before, and how deep they went. No
/// backslash stands outside a string.
fn balanced(bytes: &[u8], mut at: usize, mut depth: usize) -> Option<(usize, usize)> {
    let mut deepest = depth;
    loop {
        match bytes.get(at)? {
            b'"' => {
                let Walk::End(end) = string_end(bytes, at) else {
                    return None;
                };
                at = end;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some((at + 1, deepest));
                }
            }
            b'\\' => return None,
            _ => {}
        }
        at += 1;
    }
}
