//! Errors that the user can mend, apart from bugs; and what each error ends the program with.

use std::fmt;
use std::io;

use crate::exit_code::Exit;

/// Something that the user can mend: the command line, the configuration, or a place that takes no results now.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
    hint: Option<String>,
    exit: Exit,
}

impl UsageError {
    /// An error without a hint. The message is a lowercase fragment.
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            exit: Exit::Usage,
        }
    }

    /// Says that nothing is wrong with the command: the same one may work later, when there is room or permission.
    pub fn not_finished(mut self) -> Self {
        self.exit = Exit::Internal;
        self
    }

    /// Adds what the user can do.
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

/// The hint of an error, where it has one.
pub fn hint_of(error: &anyhow::Error) -> Option<&str> {
    error.downcast_ref::<UsageError>()?.hint.as_deref()
}

/// How the program ends after this error. A closed pipe means that the reader has seen enough.
pub fn exit_of(error: &anyhow::Error) -> Exit {
    if is_closed_pipe(error) {
        Exit::Done
    } else if let Some(error) = error.downcast_ref::<UsageError>() {
        error.exit
    } else {
        Exit::Internal
    }
}

/// The result without a closed pipe, for who has more to do.
///
/// # Errors
/// Every other error.
pub fn unless_closed(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        result => result,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn errors_end_the_program_as_documented() {
        let closed = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("writing");
        assert_eq!(closed.as_ref().map_err(exit_of).err(), Some(Exit::Done));
        let usage = anyhow::Error::from(UsageError::new("bad").hint("be good"));
        assert_eq!(exit_of(&usage), Exit::Usage);
        assert_eq!(hint_of(&usage), Some("be good"));
        let locked = anyhow::Error::from(UsageError::new("locked").not_finished());
        assert_eq!(exit_of(&locked), Exit::Internal);
        let full = anyhow::Error::from(io::Error::other("disk full"));
        assert_eq!(exit_of(&full), Exit::Internal);
    }
}
