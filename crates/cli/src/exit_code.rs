//! The exit codes: a public interface, documented in `keytrail --help` and in the README.

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The work is done.
    Done = 0,
    /// Done, and there are findings at or above `--fail-on`, or gaps that `verify` found.
    Findings = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// Done, but some input could not be read, or there was none, and `--strict` was given.
    Unreadable = 3,
    /// The work could not be finished: an output or state that cannot be written, is full or in use, or a bug.
    Internal = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit codes in words, as the help shows them.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
  0  done
  1  done, and there are findings at or above --fail-on, or verify found a gap
  2  the command line or the configuration is wrong, or names what is not there
  3  done, but some input could not be read, or there was none, and --strict was given
  4  not finished: an output or state that cannot be written, is full or in use, or a bug";
