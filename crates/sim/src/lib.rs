//! A seeded organisation, its attacks and its faults, as CloudTrail files with labels.
//!
//! Four generators write the files that AWS CloudTrail would have delivered to a bucket:
//!
//! - [`scenario`] makes a small organisation with a normal life and labelled attacks, for the bundled example and
//!   for `keytrail simulate`;
//! - [`organisation`] makes a large one with labelled changes and [`attacks`], to measure detection with, and
//!   [`measure`] does the arithmetic;
//! - [`bulk`] makes archives of any size, to measure speed with;
//! - [`flood`] makes an archive that is to fill memory.
//!
//! All are pure: seed and first day are arguments, files go to a closure, and one set of options gives the same
//! bytes on every machine. (Compressed bytes also depend on the libdeflate release; the texts inside do not.)
//!
//! ```
//! use keytrail_sim::scenario::{self, ScenarioOptions};
//!
//! let mut files = Vec::new();
//! let options = ScenarioOptions { days: 2, ..ScenarioOptions::default() };
//! let summary = scenario::generate(&options, &mut |file| {
//!     files.push(file);
//!     Ok(())
//! })?;
//! assert_eq!(files.len() as u64, summary.files);
//! # Ok::<(), keytrail_sim::SimulateError>(())
//! ```
//!
//! What is absent: no file system, no clock, no parsing of CloudTrail, no detection. Account numbers, addresses and
//! ids are made up: accounts are those of documentation, networks are reserved ones, and every access key holds `SIM`.

pub mod attacks;
pub mod bulk;
pub mod drill;
pub mod flood;
pub mod measure;
pub mod organisation;
pub mod scenario;

mod actor;
mod json;
mod key;
mod label;
mod layout;
mod moment;
mod random;
mod record;
mod request;
#[cfg(test)]
mod testing;

use std::io;

use thiserror::Error;

pub use label::{LABELS_PATH, Label};

/// One file of an archive, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedFile {
    /// Where it goes, relative to the archive's folder, with `/` between folders.
    pub path: String,
    /// What it holds: gzip for everything CloudTrail delivers.
    pub bytes: Vec<u8>,
}

/// Where the files go: called once per file, in the order of their stamps within an account and Region.
pub type Sink<'a> = dyn FnMut(SimulatedFile) -> io::Result<()> + 'a;

/// Why an archive was not made.
#[derive(Debug, Error)]
pub enum SimulateError {
    /// The options contradict each other or are out of range.
    #[error("simulate: {0}")]
    Options(&'static str),
    /// The compressor gave up, which it has no reason to.
    #[error("compress a simulated file")]
    Compression,
    /// The sink could not take a file.
    #[error(transparent)]
    Sink(#[from] io::Error),
}
