//! Findings and records, written for whoever reads them: a person, a spreadsheet, a program.
//!
//! Every writer here is pure: rows and a [`Page`] in, bytes out to a `Write`. This crate knows no
//! file, clock, environment or terminal; width and colour are arguments. Nearly every string it
//! writes was once written by a caller of AWS, so each passes through [`escape`] on its way out.
//!
//! ```
//! use keytrail_report::{Color, Format, Page, escape, findings};
//!
//! let page = Page::new(Some(80), Color::Plain);
//! let mut out = Vec::new();
//! findings::write(Format::Json, &[], &page, &mut out)?;
//! assert_eq!(out, b"[]\n");
//! assert_eq!(escape::terminal("\u{1b}[2J"), "\\u{1b}[2J");
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod asff;
mod attack;
pub mod digests;
pub mod escape;
pub mod events;
pub mod explain;
pub mod findings;
mod json_text;
mod layout;
pub mod ocsf;
pub mod page;
mod partition;
mod prose;
pub mod rules;
pub mod shorten;
mod step;
pub mod summary;
mod words;

#[cfg(test)]
mod samples;

pub use json_text::write_json_line;
pub use page::{Color, Format, Page};
pub use words::{counted, grouped};
