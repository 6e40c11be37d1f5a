//! From what the user named to bytes of text: finding files, telling their format by content,
//! unpacking them within bounds, and feeding them to the reader of records.

mod discovery;
mod gzip;
mod members;
mod read;
mod sniff;

pub use discovery::{Discovered, InputFile, discover};
pub use read::{FileReport, Unpacker};

/// A file that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct UnreadableFile {
    /// Its name, safe to show.
    pub file: String,
    /// Why, as a lowercase fragment.
    pub reason: String,
}
