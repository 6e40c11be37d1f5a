//! Patterns of filters and suppressions: text in which `*` stands for any characters, also none.

/// One pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobPattern(String);

impl From<&str> for GlobPattern {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl GlobPattern {
    /// Whether the whole text fits. Letters fit whatever their case: names in AWS that differ only by
    /// case are the same thing, and an ARN copied from elsewhere may have changed it.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut pieces = self.0.as_bytes().split(|byte| *byte == b'*');
        let Some(first) = pieces.next() else {
            return text.is_empty();
        };
        let Some(mut rest) = strip_prefix(text.as_bytes(), first) else {
            return false;
        };
        let Some(last) = pieces.next_back() else {
            return rest.is_empty();
        };
        for piece in pieces {
            match find(rest, piece) {
                Some(at) => rest = &rest[at + piece.len()..],
                None => return false,
            }
        }
        rest.len() >= last.len() && rest[rest.len() - last.len()..].eq_ignore_ascii_case(last)
    }
}

fn strip_prefix<'t>(text: &'t [u8], prefix: &[u8]) -> Option<&'t [u8]> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

fn find(text: &[u8], piece: &[u8]) -> Option<usize> {
    if piece.is_empty() {
        return Some(0);
    }
    text.windows(piece.len())
        .position(|window| window.eq_ignore_ascii_case(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let matches = GlobPattern::from(pattern).matches(text);
            assert_eq!(matches, expected, "{pattern} on {text}");
        };
        check("Decrypt", "Decrypt", true);
        check("decrypt", "Decrypt", true);
        check("Decrypt", "DecryptX", false);
        check("Generate*", "GenerateDataKey", true);
        check("*Key*", "GenerateDataKeyPair", true);
        check("*Key", "GenerateDataKeyPair", false);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("*", "", true);
        check("**", "x", true);
        check("", "", true);
        check("", "x", false);
        check("[a]?", "[a]?", true);
    }
}
