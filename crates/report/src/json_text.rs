//! JSON that is safe to print: characters that could act on a terminal are written as `\uXXXX`.
//! The value is the same; only its spelling is.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::escape::is_unsafe;

/// Writes a value on one line, without the line's end.
pub(crate) fn write_compact(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Visible(CompactFormatter));
    Ok(value.serialize(&mut serializer)?)
}

/// Writes a value as a line of JSON that is safe to print: characters that could act on a terminal are written as
/// `\uXXXX`, also in JSON that the value holds as it was written elsewhere.
///
/// # Errors
/// When `out` takes no more.
pub fn write_json_line(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    write_compact(out, value)?;
    out.write_all(b"\n")
}

/// Writes a value a line, in the order given.
pub(crate) fn write_lines<V: Serialize>(
    out: &mut dyn io::Write,
    values: impl IntoIterator<Item = V>,
) -> io::Result<()> {
    values
        .into_iter()
        .try_for_each(|value| write_json_line(out, &value))
}

/// A value on one line, without the line's end.
pub(crate) fn compact(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    // Memory takes everything, and findings under fixed names always make JSON.
    let _ = write_compact(&mut bytes, value);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes a value indented by two spaces, without the last line's end.
pub(crate) fn write_pretty(out: &mut dyn io::Write, value: &impl Serialize) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(out, Visible(PrettyFormatter::new()));
    Ok(value.serialize(&mut serializer)?)
}

/// Writes text that stands in JSON, with what acts or hides spelt out. Controls below the space are left: strings of
/// JSON hold none.
fn write_visible<W: ?Sized + io::Write>(out: &mut W, text: &str) -> io::Result<()> {
    let mut rest = text;
    let acts = |(_, c): &(usize, char)| *c > ' ' && is_unsafe(*c);
    while let Some((at, character)) = rest.char_indices().find(acts) {
        out.write_all(&rest.as_bytes()[..at])?;
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = &rest[at + character.len_utf8()..];
    }
    out.write_all(rest.as_bytes())
}

/// A formatter whose strings hold no character that acts or hides.
struct Visible<F>(F);

impl<F: Formatter> Formatter for Visible<F> {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(out, fragment)
    }

    /// JSON that was written elsewhere: between its tokens stand ASCII spaces and line ends alone.
    fn write_raw_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(out, fragment)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut bytes = Vec::new();
        write_compact(&mut bytes, &text).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_acts_is_spelt_out() {
        assert_eq!(
            written("\u{1b}[2J\u{9b}\u{202e}\u{e0041}é漢\"\\"),
            r#""\u001b[2J\u009b\u202e\udb40\udc41é漢\"\\""#
        );
    }

    #[test]
    fn json_of_others_is_spelt_out_as_well() {
        let raw = "{\n \"a\": \"\u{9b}\u{202e}\u{7f}é\"}".to_owned();
        let raw = serde_json::value::RawValue::from_string(raw).unwrap();
        let mut line = Vec::new();
        write_json_line(&mut line, &raw).unwrap();
        let expected = "{\n \"a\": \"\\u009b\\u202e\\u007fé\"}\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn the_value_is_the_same(text in any::<String>()) {
            let json = written(&text);
            prop_assert!(!json.chars().any(is_unsafe), "{json:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
