//! From what the user named to bytes of text: finding files, telling their format by content,
//! unpacking them within bounds, and feeding them to the reader of records.

mod discovery;
mod gzip;
mod members;
mod read;
mod sniff;

pub use discovery::{Discovered, InputFile, discover};
pub use read::{FileReport, Unpacker};
