//! Why a policy cannot be read.

use thiserror::Error;

use super::document::STATEMENTS_MAX;

/// Why a policy could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The text is longer than any policy KMS or IAM would take.
    #[error("policy has {bytes} bytes, more than {most}")]
    TooLong {
        /// The length of the text.
        bytes: usize,
        /// The longest that is read.
        most: usize,
    },
    /// The policy has more statements than are read.
    #[error("policy has {statements} statements, more than {STATEMENTS_MAX}")]
    TooManyStatements {
        /// The number of statements.
        statements: usize,
    },
    /// The text is not JSON, or nested too deeply.
    #[error("policy is not JSON: {reason}")]
    NotJson {
        /// What the JSON reader said.
        reason: String,
    },
    /// The document is not an object with a `Statement`.
    #[error("policy has no statements")]
    NoStatements,
    /// An element has a shape that the policy language does not know.
    #[error("statement {} has a malformed {element}", .statement + 1)]
    Malformed {
        /// The position of the statement, from 0.
        statement: usize,
        /// The element.
        element: &'static str,
    },
    /// An element is given twice in different spellings, or together with its negation.
    #[error("statement {} gives {element} more than once", .statement + 1)]
    Ambiguous {
        /// The position of the statement, from 0.
        statement: usize,
        /// The element.
        element: &'static str,
    },
}
