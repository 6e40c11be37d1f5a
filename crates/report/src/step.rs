//! A next step, taken apart into words and commands: words are wrapped, commands never.

use std::borrow::Cow;

use keytrail_detect::finding::Finding;

use crate::explain::events_command;

/// A piece of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece<'s> {
    /// Words, which may be wrapped.
    Words(&'s str),
    /// A command, which is copied as one line.
    Command(Cow<'s, str>),
}

/// The pieces of a step, in order. One of `keytrail` stands behind a colon and goes to the end of the step; where it lists events
/// and holds more than plain words, it is made anew, quoted so that it can be pasted whatever the names hold. One of `aws`
/// goes to the punctuation that ends it; a mere mention of one, without options in the middle of a sentence, is words.
pub(crate) fn pieces<'s>(finding: &Finding, step: &'s str) -> Vec<Piece<'s>> {
    let mut pieces = Vec::new();
    let (mut rest, own) = match step.split_once(": keytrail ") {
        Some((words, command)) => (&step[..=words.len()], Some(command)),
        None => (step, None),
    };
    while let Some((words, command, behind)) = next_aws(rest) {
        push_words(&mut pieces, words);
        pieces.push(Piece::Command(Cow::Borrowed(command)));
        rest = behind;
    }
    push_words(&mut pieces, rest);
    if let Some(command) = own {
        let command = match command.starts_with("events ") && !is_plain(command) {
            true => events_command(finding),
            false => format!("keytrail {command}"),
        };
        pieces.push(Piece::Command(Cow::Owned(command)));
    }
    pieces
}

fn push_words<'s>(pieces: &mut Vec<Piece<'s>>, words: &'s str) {
    // The end of a line says what a comma or full stop behind a command would.
    let words = match pieces.is_empty() {
        true => words,
        false => words.trim_start_matches([',', ';', '.', ' ']),
    };
    let words = words.trim_end();
    if !words.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Words(words));
    }
}

/// The words before the first command of `aws`, the command, and what stands behind it.
fn next_aws(text: &str) -> Option<(&str, &str, &str)> {
    let starts = text.match_indices("aws ").map(|(at, _)| at);
    starts
        .filter(|at| *at == 0 || text[..*at].ends_with([' ', '(']))
        .find_map(|at| {
            let command = command_at(&text[at..])?;
            let is_announced = text[..at].ends_with(": ") || at == 0;
            (is_announced || command.contains(" --"))
                .then(|| (&text[..at], command, &text[at + command.len()..]))
        })
}

/// The command that the text begins with: `aws`, a service, what to do, and options with their values.
fn command_at(text: &str) -> Option<&str> {
    let mut end = 0;
    let mut words = text.split(' ').enumerate().peekable();
    while let Some((index, word)) = words.next() {
        let is_option = word.starts_with("--");
        if index >= 3 && !is_option {
            break;
        }
        end += word.len() + usize::from(index > 0);
        if let Some(last) = ends_sentence(word, words.peek().map(|(_, next)| *next)) {
            end -= last;
            return (index >= 2).then(|| &text[..end]);
        }
        // An option's value belongs to it.
        if is_option && let Some((_, value)) = words.next_if(|(_, next)| !next.starts_with("--")) {
            end += 1 + value.len();
            if let Some(last) = ends_sentence(value, words.peek().map(|(_, next)| *next)) {
                return Some(&text[..end - last]);
            }
        }
    }
    (text.split(' ').count() >= 3).then(|| &text[..end])
}

/// The bytes of punctuation behind a word where no option follows: then it ends the command.
fn ends_sentence(word: &str, next: Option<&str>) -> Option<usize> {
    let bare = word.trim_end_matches([',', ';', '.', ')']);
    let is_end = bare.len() < word.len() && next.is_none_or(|next| !next.starts_with("--"));
    is_end.then(|| word.len() - bare.len())
}

/// Whether a shell reads every character of a command as it stands.
fn is_plain(command: &str) -> bool {
    command
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b" :/_.+=@,-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    /// The pieces, commands behind a `$`.
    fn check(step: &str, expected: &[&str]) {
        let finding = samples::deletion();
        let shown: Vec<String> = pieces(&finding, step)
            .into_iter()
            .map(|piece| match piece {
                Piece::Words(words) => words.to_owned(),
                Piece::Command(command) => format!("$ {command}"),
            })
            .collect();
        assert_eq!(shown, expected, "{step}");
    }

    #[test]
    fn commands_stand_alone() {
        check("Ask the owner.", &["Ask the owner."]);
        check("", &[""]);
        check(
            "Read every call: keytrail events ARCHIVE --key k, --since 2024-03-05T09:00:00Z",
            &[
                "Read every call:",
                "$ keytrail events ARCHIVE --key k, --since 2024-03-05T09:00:00Z",
            ],
        );
        check(
            "Keep the key: aws kms cancel-key-deletion --key-id k --region r, then aws kms enable-key --key-id k --region r",
            &[
                "Keep the key:",
                "$ aws kms cancel-key-deletion --key-id k --region r",
                "then",
                "$ aws kms enable-key --key-id k --region r",
            ],
        );
        check(
            "If nobody planned this: aws kms schedule-key-deletion --key-id k --region r. The primary stays.",
            &[
                "If nobody planned this:",
                "$ aws kms schedule-key-deletion --key-id k --region r",
                "The primary stays.",
            ],
        );
        check(
            "Look: aws cloudtrail get-trail-status --name <trail> --region r, then get-event-selectors",
            &[
                "Look:",
                "$ aws cloudtrail get-trail-status --name <trail> --region r",
                "then get-event-selectors",
            ],
        );
        check(
            "See another trail: aws cloudtrail describe-trails. What happened since is in that trail.",
            &[
                "See another trail:",
                "$ aws cloudtrail describe-trails",
                "What happened since is in that trail.",
            ],
        );
    }

    #[test]
    fn a_mention_is_words() {
        for step in [
            "Grant it again with aws kms create-grant and the same constraints.",
            "Create it again (aws cloudtrail create-trail, then start-logging, --region r); files stay",
            "Close it with aws:PrincipalOrgID, aws",
        ] {
            let words: Vec<Piece<'_>> = pieces(&samples::deletion(), step);
            assert_eq!(words, [Piece::Words(step)]);
        }
    }
}
