//! Unpacking within bounds: what a file is by its first bytes, text of any length through one
//! buffer, and a name for everything that is wrong with it.

mod gzip;
mod members;
mod read;
mod sniff;
mod text;

pub use read::{FileReport, TEXT_BYTES_MAX, Unpacker};
pub use text::read_text;
