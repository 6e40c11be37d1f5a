//! Legitimate changes: what happens in every organisation and is no attack, each with a label.

mod operations;
mod plan;
mod releases;
mod staffing;

use crate::moment::Moment;

use super::habit::Habit;

pub(crate) use plan::plan;

/// The kinds of legitimate change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeKind {
    /// A release brings calls that the role did not make before.
    Deploy,
    /// A key is made by a pipeline, and roles begin to use it.
    NewKey,
    /// Somebody begins to work here.
    NewHire,
    /// Somebody goes to another team and its keys.
    TeamMove,
    /// A library or program moves to its next release.
    AgentUpgrade,
    /// A service leaves through another network from now on.
    EgressChange,
    /// Somebody works from elsewhere for some days.
    Travel,
    /// Somebody is called at night and looks for the fault.
    OnCall,
    /// A release lacks a permission and is refused until it is taken back.
    BrokenDeploy,
    /// A job reads everything once more.
    Backfill,
    /// An application runs in the other Region for some hours.
    Failover,
    /// Data comes back from a backup, under a key that nobody has used for long.
    Restore,
    /// An application has more customers every day.
    Growth,
    /// An application gets one more role, which uses the application's keys.
    NewService,
    /// An administrator or a pipeline changes a policy, grants the use of a key, or retires a key nobody uses.
    Administration,
}

impl ChangeKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Deploy,
        Self::NewKey,
        Self::NewHire,
        Self::TeamMove,
        Self::AgentUpgrade,
        Self::EgressChange,
        Self::Travel,
        Self::OnCall,
        Self::BrokenDeploy,
        Self::Backfill,
        Self::Failover,
        Self::Restore,
        Self::Growth,
        Self::NewService,
        Self::Administration,
    ];

    /// Its name in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::NewKey => "new-key",
            Self::NewHire => "new-hire",
            Self::TeamMove => "team-move",
            Self::AgentUpgrade => "agent-upgrade",
            Self::EgressChange => "egress-change",
            Self::Travel => "travel",
            Self::OnCall => "on-call",
            Self::BrokenDeploy => "broken-deploy",
            Self::Backfill => "backfill",
            Self::Failover => "failover",
            Self::Restore => "restore",
            Self::Growth => "growth",
            Self::NewService => "new-service",
            Self::Administration => "administration",
        }
    }
}

/// One change in one principal's life.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// Its kind and a number; a change of several principals has as many entries, told apart by a letter.
    pub(crate) id: String,
    pub(crate) kind: ChangeKind,
    pub(crate) principal: usize,
    /// When it begins.
    pub(crate) first: Moment,
    /// When it ends, or when it has been there for so long that it is no news.
    pub(crate) last: Moment,
    pub(crate) keys: Vec<usize>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) bouts: Vec<Bout>,
}

/// What is different from the change's first moment on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    /// One more habit, for good.
    Adopt(Habit),
    /// The habits of before are given up.
    Leave,
    /// Another user agent, for good.
    Agent(String),
    /// Other addresses, until the change's last moment.
    Addresses(Vec<String>),
    /// Other addresses, for good.
    Network(Vec<String>),
    /// The replicas of multi-Region keys are used, until the change's last moment.
    Region,
    /// The principal begins to exist.
    Hire,
    /// The volume grows by this share a day, for so many days.
    Growth { daily: f64, days_max: f64 },
}

/// Calls beside the rhythm.
#[derive(Debug, Clone)]
pub(crate) struct Bout {
    pub(crate) start: Moment,
    pub(crate) seconds: i64,
    pub(crate) count: i64,
    pub(crate) habit: Habit,
    pub(crate) refused: bool,
    /// Parameters and response of a call that changes a key.
    pub(crate) parameters: Option<(String, Option<String>)>,
}

impl Change {
    pub(crate) fn is_on(&self, time: Moment) -> bool {
        (self.first..=self.last).contains(&time)
    }
}

impl Bout {
    pub(crate) fn new(start: Moment, seconds: i64, count: i64, habit: Habit) -> Self {
        Self {
            start,
            seconds,
            count,
            habit,
            refused: false,
            parameters: None,
        }
    }
}
