//! The baselines: what is normal for every principal, key and pair, and how far an hour is from it.
//!
//! Everything here is a pure function. [`DayFacts::gather`] brings the cells of one account and UTC day
//! into order; [`score`] judges its hours against the [`Bases`] in use, provisionally or for good;
//! [`fold`] judges a closed day and learns it, once, into the base of the next day. The same days in the
//! same order make the same base to the last bit: orders are fixed, and `exp2`, `log2`, `log10` come from
//! `libm`.
//!
//! An hour is judged against the fold through the last day that had ended three hours before it began:
//! the hours 0 to 2 against the day before yesterday's, the others against yesterday's. So whoever
//! judges, and whenever, judges alike.

pub mod budget;
pub mod bytes;
pub mod calibration;
pub mod canonical;
mod columns;
mod combine;
pub mod constants;
mod day_judge;
pub mod day_total;
pub mod decay;
pub mod drift;
mod exemplars;
pub mod facts;
pub mod features;
mod forget;
mod gathering;
pub mod histogram;
mod learn;
pub mod names;
mod novelty;
mod numbers_of_hour;
pub mod operation_risk;
mod portrait;
mod rates;
mod score;
mod shown;
mod state;
mod strangers;
mod streams;
mod surprises;
mod surroundings;
pub mod table;
pub mod time_of_day;
mod trace;
mod values_of_hour;
mod view;
pub mod volume;
mod words;

pub use day_judge::{DayJudge, ScoreLine};
pub use facts::DayFacts;
pub use features::{Family, Feature};
pub use learn::{fold, score};
pub use portrait::Portrait;
pub use score::{Bases, ScoredHour};
pub use state::AccountBaseline;
pub use surroundings::{Grant, NoSurroundings, Surroundings};
pub use trace::fold_in_full;
pub use view::Seal;
pub use words::Reasons;
