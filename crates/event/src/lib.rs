//! The vocabulary of CloudTrail and KMS: the bytes of a delivery in, normalised records and
//! counted issues out.
//!
//! This crate knows no file, clock, network, AWS SDK or async runtime, and it keeps no counts
//! beyond one delivery. Input never fails: what is wrong with a record comes back as an
//! [`Issue`], and its neighbours are read.

pub mod arn;
pub mod context;
pub mod delivery;
pub mod digest;
pub mod fields;
pub mod foreign_key;
mod hash;
mod identity_memo;
mod issue;
pub mod key;
pub mod operation;
#[cfg(any(test, feature = "oracle"))]
pub mod oracle;
pub mod outcome;
mod pick;
pub mod principal;
mod read;
mod record;
mod region;
pub mod request;
pub mod selection;
mod small;
pub mod source;
mod split;
mod template;
pub mod time;
mod walk;
mod walker;

pub use delivery::{DeliveryKind, DeliveryName};
pub use identity_memo::IdentityMemo;
pub use issue::{Issue, IssueKind};
pub use key::KeyName;
pub use operation::{Operation, OperationClass};
pub use outcome::{Outcome, OutcomeFamily};
pub use principal::{Identity, PrincipalType};
pub use read::{Delivery, RECORD_BYTES_MAX, Reader, Reading, Sink};
pub use record::{Record, UNKNOWN, event_hash, parse_whole};
pub use region::{REGION_HINT, is_region_name};
pub use template::{Repeat, TEMPLATES_MAX, TemplateId};
pub use time::{Day, EventTime, Hour};
pub use walk::DEPTH_MAX;
