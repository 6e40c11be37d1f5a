//! Text in columns of a terminal: widths as the terminal counts them, wrapping, cutting.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns the text takes. The text must be safe to show.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text in lines of at most `columns`, broken at spaces; a word that is wider than a line is
/// broken where the line ends. At most `lines_max` lines: the last one ends in `…` when there was more.
pub(crate) fn wrap(text: &str, columns: usize, lines_max: usize) -> Vec<String> {
    wrap_behind(text, columns, columns, lines_max)
}

/// As [`wrap`], with a first line of its own width: something else stands before it.
pub(crate) fn wrap_behind(
    text: &str,
    first_columns: usize,
    columns: usize,
    lines_max: usize,
) -> Vec<String> {
    let room = |lines: &[String]| match lines.len() {
        1 => first_columns.max(2),
        _ => columns.max(2),
    };
    // A line of so many columns mostly takes as many bytes.
    let line = || String::with_capacity(text.len().min(columns));
    let mut lines = vec![line()];
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let wide = width(word);
        if used > 0 && used + 1 + wide > room(&lines) {
            lines.push(line());
            used = 0;
        }
        if lines.len() > lines_max {
            break;
        }
        if used > 0 {
            push(&mut lines, " ");
            used += 1;
        }
        if wide <= room(&lines) {
            push(&mut lines, word);
            used += wide;
            continue;
        }
        for character in word.chars() {
            let wide = character.width().unwrap_or(0);
            if used + wide > room(&lines) {
                lines.push(line());
                used = 0;
            }
            push(&mut lines, character.encode_utf8(&mut [0; 4]));
            used += wide;
            if lines.len() > lines_max {
                break;
            }
        }
    }
    if lines.len() > lines_max {
        lines.truncate(lines_max.max(1));
        let columns = room(&lines);
        if let Some(last) = lines.last_mut() {
            last.push_str(" …");
            *last = fit(last, columns);
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
}

/// The text in at most `columns`; what is cut off is marked by `…`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        cut.push(character);
    }
    cut.push('…');
    cut
}

/// The text in exactly `columns`: cut, or filled with spaces.
pub(crate) fn cell(text: &str, columns: usize) -> String {
    let mut cell = fit(text, columns);
    let used = width(&cell);
    cell.extend(std::iter::repeat_n(' ', columns.saturating_sub(used)));
    cell
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, columns: usize, lines_max: usize, expected: &[&str]) {
        assert_eq!(wrap(text, columns, lines_max), expected, "{text}");
    }

    #[test]
    fn lines() {
        check("", 10, 3, &[""]);
        check("one two  three", 7, 9, &["one two", "three"]);
        check("abcdefghij", 4, 9, &["abcd", "efgh", "ij"]);
        check("a abcdefghij", 4, 9, &["a", "abcd", "efgh", "ij"]);
        check("漢字漢字", 5, 9, &["漢字", "漢字"]);
        check("one two three four", 7, 2, &["one two", "three …"]);
        check("one two three seven", 7, 1, &["one tw…"]);
        check("abcdefghij", 4, 1, &["abc…"]);
    }

    #[test]
    fn the_first_line_is_shorter() {
        let lines = wrap_behind("one two three four", 4, 9, 9);
        assert_eq!(lines, ["one", "two three", "four"]);
    }

    #[test]
    fn cells() {
        assert_eq!(cell("ab", 4), "ab  ");
        assert_eq!(cell("abcde", 4), "abc…");
        assert_eq!(cell("漢字漢", 4), "漢… ");
        assert_eq!(cell("", 2), "  ");
    }

    proptest! {
        #[test]
        fn no_line_is_too_long(text in "[ a-z漢\u{301}🔑]{0,200}", columns in 2_usize..40, lines_max in 1_usize..6) {
            let lines = wrap(&text, columns, lines_max);
            prop_assert!(lines.len() <= lines_max && !lines.is_empty());
            for line in lines {
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
            prop_assert_eq!(width(&cell(&text, columns)), columns);
        }

        #[test]
        fn nothing_is_lost(text in "[ a-z漢]{0,200}", columns in 2_usize..40) {
            let joined = wrap(&text, columns, usize::MAX).concat();
            prop_assert_eq!(joined.replace(' ', ""), text.replace(' ', ""));
        }
    }
}
