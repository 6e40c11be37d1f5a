//! Settings of a function, from its environment.

/// Why a function cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// A variable that must be set is not.
    #[error("the environment variable {0} is not set; infra/template.yaml sets it")]
    Missing(&'static str),
    /// A variable holds something that makes no sense.
    #[error("the environment variable {name} is `{value}`: {why}")]
    Bad {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A variable that may be left out.
#[must_use]
pub fn setting(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A variable that must be set.
///
/// # Errors
/// When it is not, or empty.
pub fn required(name: &'static str) -> Result<String, SettingError> {
    setting(name).ok_or(SettingError::Missing(name))
}
