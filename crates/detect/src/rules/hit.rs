//! What a rule found, before it is set against what is known.

use keytrail_event::{EventTime, Record};

use super::{Light, support};
use crate::finding::{Evidence, FindingId, Severity};

/// What a hit makes of the finding of an earlier one of the same problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRepeat {
    /// The words of the worst moment stand; what else was done is added.
    Adds,
    /// Its severity counts where it is worse, and its evidence is added; the earlier words and steps stand.
    Raises,
    /// Its words stand in place of the earlier ones, such as a deadline.
    Replaces,
    /// Its words do, and it is no event of the problem itself; where there is no finding, none begins with it.
    Undoes,
    /// It is no event of the problem, and is added to what was done, such as the end of a grant of several; where there is
    /// no finding, none begins with it.
    Notes,
    /// The same, by every finding of the rule over the key that began after this moment, whoever it is about.
    NotesAll(EventTime),
}

impl OnRepeat {
    /// Whether it is an event of the problem itself.
    #[must_use]
    pub const fn is_of_problem(self) -> bool {
        matches!(self, Self::Adds | Self::Replaces | Self::Raises)
    }
}

/// What a rule found in a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Tells problems of one rule, principal and key apart; mostly empty.
    pub class: String,
    /// What it makes of the finding of an earlier hit of the same problem.
    pub on_repeat: OnRepeat,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in one line.
    pub title: String,
    /// The principal the finding is about; `None` when it is about the key or account alone.
    pub principal: Option<String>,
    /// The key the finding is about.
    pub key: Option<String>,
    /// Why.
    pub evidence: Vec<Evidence>,
    /// What to do.
    pub next_steps: Vec<String>,
    /// Further keys that it names.
    pub further_keys: Vec<String>,
}

impl Hit {
    /// A hit about this record's principal and key.
    #[must_use]
    pub fn of(record: &Record<'_>, severity: Severity, title: impl Into<String>) -> Self {
        Self {
            class: String::new(),
            on_repeat: OnRepeat::Adds,
            severity,
            title: title.into(),
            principal: Some(record.principal().to_owned()),
            key: record.key.as_ref().map(|key| key.as_str().to_owned()),
            evidence: Vec::new(),
            next_steps: Vec::new(),
            further_keys: Vec::new(),
        }
    }

    /// A hit about what no single record shows.
    #[must_use]
    pub fn about(
        principal: Option<&str>,
        key: Option<&str>,
        severity: Severity,
        title: impl Into<String>,
    ) -> Self {
        Self {
            class: String::new(),
            on_repeat: OnRepeat::Adds,
            severity,
            title: title.into(),
            principal: principal.map(str::to_owned),
            key: key.map(str::to_owned),
            evidence: Vec::new(),
            next_steps: Vec::new(),
            further_keys: Vec::new(),
        }
    }

    /// The id that the finding will have.
    #[must_use]
    pub fn finding_id(&self, rule: &str, account: &str) -> FindingId {
        let part = |text: &'_ Option<String>| text.clone().unwrap_or_default();
        FindingId::new(
            rule,
            &[
                account,
                &part(&self.principal),
                &part(&self.key),
                &self.class,
            ],
        )
    }

    /// The same with a reason.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// The same with a step to take.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next_steps.push(step.into());
        self
    }

    /// The same with further keys that it names.
    #[must_use]
    pub fn names<'k>(mut self, keys: impl IntoIterator<Item = &'k str>) -> Self {
        self.further_keys
            .extend(keys.into_iter().map(str::to_owned));
        self
    }

    /// The same with a class.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.class = class.into();
        self
    }

    /// The same as what is true from now on, whatever an earlier hit said, such as a deadline.
    #[must_use]
    pub fn latest_stands(mut self) -> Self {
        self.on_repeat = OnRepeat::Replaces;
        self
    }

    /// The same as what makes an earlier hit worse, and takes nothing from what it says.
    #[must_use]
    pub fn raises(mut self) -> Self {
        self.on_repeat = OnRepeat::Raises;
        self
    }

    /// The same as what undoes an earlier hit, whose finding then tells so.
    #[must_use]
    pub fn undoes(mut self) -> Self {
        self.on_repeat = OnRepeat::Undoes;
        self
    }

    /// The same as what is told besides, by the finding of an earlier hit.
    #[must_use]
    pub fn notes(mut self) -> Self {
        self.on_repeat = OnRepeat::Notes;
        self
    }

    /// The same as what is told besides, by all findings of the rule over the key that began after this moment.
    #[must_use]
    pub fn notes_all(mut self, since: EventTime) -> Self {
        self.on_repeat = OnRepeat::NotesAll(since);
        self
    }

    /// The same about this key.
    #[must_use]
    pub fn key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// The same as an attempt when the call failed: one severity lower, unless it is a burst. Attempts
    /// are a problem of their own, so that a later success is a new finding.
    #[must_use]
    pub fn lower_if_refused(mut self, record: &Record<'_>, light: &Light<'_>) -> Self {
        if record.outcome.is_success() {
            return self;
        }
        let is_refused = support::is_refused(record);
        let verb = if is_refused { "Refused" } else { "Failed" };
        self.title = format!("{verb}: {}", self.title);
        self.class = [self.class.as_str(), "attempt"]
            .join(" ")
            .trim_start()
            .to_owned();
        let code = support::cut(record.outcome.as_str());
        let mut text = format!("The call failed with {code}: nothing changed");
        if light.is_burst() {
            text.push_str(&format!(
                "; {} such calls by the principal within ten minutes",
                light.burst_calls
            ));
        } else {
            self.severity = self.severity.lower();
        }
        self.because(Evidence::new("outcome", text).observed(code))
    }
}
