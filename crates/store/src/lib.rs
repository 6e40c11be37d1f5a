//! What is kept between runs: tallies, bases, pointers, findings and their outbox.
//!
//! Everything is behind one trait, [`Store`]. Values are opaque bytes and text: a store knows
//! nothing of cells, baselines or rules. [`MemoryStore`] keeps a replay's state and is what tests
//! compare with; [`SqliteStore`] is one file.
//!
//! ```
//! use keytrail_event::Day;
//! use keytrail_store::{MemoryStore, Store};
//!
//! # pollster::block_on(async {
//! let store = MemoryStore::default();
//! let day = Day::parse("2025-03-01").expect("a day");
//! let version = store.write_tally("111122223333", day, b"tally", None).await?;
//! let merged = store.write_tally("111122223333", day, b"merged", Some(&version)).await?;
//! // A writer who has not seen the merged tally may not replace it.
//! let refused = store.write_tally("111122223333", day, b"other", Some(&version)).await;
//! assert!(refused.is_err_and(|error| error.is_conflict()));
//! # let _ = merged;
//! # Ok::<(), keytrail_store::StoreError>(())
//! # }).expect("memory does not fail");
//! ```

pub mod bounds;
mod commit;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
pub mod executor;
mod export;
#[cfg(any(test, feature = "conformance"))]
pub mod faulty;
mod finding;
mod memory;
mod pointer;
mod quarantine;
mod sqlite;
mod store;
mod value;

pub use commit::{Close, Commit, Committed, Document, TallyWrite, check_document, commit_in_order};
pub use error::StoreError;
pub use export::{ExportError, ExportLine, Exported, export};
pub use finding::{FindingKey, FindingRecord, Recorded, StoredFinding, TriageNote};
pub use memory::MemoryStore;
pub use pointer::{BaseShard, Pointer, Version, Versioned};
pub use quarantine::Quarantined;
pub use sqlite::{Durability, PAGE_BYTES, SqliteOptions, SqliteStore};
pub use store::Store;
