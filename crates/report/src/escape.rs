//! Text of the input, made safe for where it goes: every string in a record was written by a caller.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// The text with every character that could act on a terminal, turn its neighbours around or stay
/// unseen written as `\u{…}`. What is safe stays as it is, so twice is the same as once.
#[must_use]
pub fn terminal(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unsafe(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

/// A file's name for people: as [`terminal`], with bytes that are not UTF-8 as `\xNN`.
#[must_use]
pub fn path(path: &Path) -> String {
    let mut shown = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown.push_str(&terminal(chunk.valid()));
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// The text as a CSV cell that no spreadsheet takes for a formula: an apostrophe leads what begins
/// like one, full-width relatives and leading spaces included. Unseen characters are escaped as for
/// a terminal, so a row is always one line. Quoting is the CSV writer's.
#[must_use]
pub fn csv_cell(text: &str) -> Cow<'_, str> {
    let begins_a_formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with([
            '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹢', '﹣', '﹦', '﹫',
        ]);
    if begins_a_formula {
        return Cow::Owned(format!("'{}", terminal(text)));
    }
    terminal(text)
}

/// The text as one word of a POSIX shell command that a user may copy. Characters that no terminal
/// shows become `*`, which Keytrail's filters take for any characters.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if !text.is_empty() && !text.starts_with(['-', '=']) && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut word = String::with_capacity(text.len() + 8);
    word.push('\'');
    for character in text.chars() {
        match character {
            '\'' => word.push_str("'\\''"),
            _ if is_unsafe(character) => word.push('*'),
            _ => word.push(character),
        }
    }
    word.push('\'');
    Cow::Owned(word)
}

/// Controls (C0, DEL, C1), line and paragraph separators, direction marks and overrides, and
/// whatever is ignored when text is shown (Unicode's `Default_Ignorable_Code_Point`: zero-width
/// characters, fillers, variation selectors, tags), with the interlinear annotation marks.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || (character >= '\u{ad}'
            && matches!(character,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
                | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        for (text, expected) in [
            ("plain ünïcode 漢字 🔑", "plain ünïcode 漢字 🔑"),
            ("\u{1b}[31mred\n\u{202e}", "\\u{1b}[31mred\\u{a}\\u{202e}"),
            ("\u{9b}2J\u{7f}\t\r\0", "\\u{9b}2J\\u{7f}\\u{9}\\u{d}\\u{0}"),
            (
                "a\u{200b}\u{2066}\u{2069}b",
                "a\\u{200b}\\u{2066}\\u{2069}b",
            ),
            ("\u{2028}\u{2029}\u{85}", "\\u{2028}\\u{2029}\\u{85}"),
            ("\u{e0041}\u{feff}", "\\u{e0041}\\u{feff}"),
        ] {
            assert_eq!(terminal(text), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_shown() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let name = Path::new(OsStr::from_bytes(b"a/\xffb\n.json"));
        assert_eq!(path(name), "a/\\xffb\\u{a}.json");
    }

    #[test]
    fn no_cell_starts_a_formula() {
        for text in [
            "=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1", "\u{a0}=1", "＝1", "＋1", "－1",
            "＠x",
        ] {
            assert!(csv_cell(text).starts_with('\''), "{text}");
        }
        for text in ["a=b", "", "1", "{\"a\":1}"] {
            assert_eq!(csv_cell(text), text);
        }
        assert_eq!(csv_cell("\u{feff}=1"), "\\u{feff}=1");
        assert_eq!(csv_cell("two\nlines"), "two\\u{a}lines");
    }

    #[test]
    fn a_word_stays_a_word() {
        for (text, expected) in [
            (
                "arn:aws:iam::111122223333:user/rose",
                "arn:aws:iam::111122223333:user/rose",
            ),
            ("a b", "'a b'"),
            ("", "''"),
            ("-rf", "'-rf'"),
            ("it's; $(id) `id`", "'it'\\''s; $(id) `id`'"),
            ("a\u{1b}\nb", "'a**b'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }

    /// What means something to a shell outside quotes.
    const SPECIAL: &str = " \t;&|<>$`\"(){}[]*?#~!";

    proptest! {
        #[test]
        fn terminals_see_no_control(text in any::<String>()) {
            let once = terminal(&text).into_owned();
            prop_assert!(!once.chars().any(is_unsafe), "{once:?}");
            prop_assert_eq!(terminal(&once), &*once);
        }

        #[test]
        fn printable_ascii_is_left_alone(text in "[ -~]*") {
            prop_assert_eq!(&*terminal(&text), &*text);
        }

        #[test]
        fn cells_are_text(text in "[=+@\t\r\n －＝-]?\\PC*") {
            let cell = csv_cell(&text);
            prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']));
            prop_assert_eq!(csv_cell(&cell), &*cell);
        }

        #[test]
        fn a_shell_reads_back_the_word(text in "[ -~]*") {
            // Outside quotes nothing but plain characters and escaped quotes may stand.
            let word = shell_word(&text);
            let mut read = String::new();
            let (mut is_quoted, mut characters) = (false, word.chars());
            while let Some(character) = characters.next() {
                match character {
                    '\'' => is_quoted = !is_quoted,
                    _ if is_quoted => read.push(character),
                    '\\' => read.extend(characters.next()),
                    _ => {
                        prop_assert!(!SPECIAL.contains(character));
                        read.push(character);
                    }
                }
            }
            prop_assert!(!is_quoted);
            prop_assert_eq!(read, text);
        }
    }
}
