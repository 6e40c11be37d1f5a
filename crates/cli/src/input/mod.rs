//! From what the user named to the files to read, in their order.

mod discovery;
mod file;
mod readahead;

pub use discovery::{Discovered, discover, discover_delivered};
pub use file::InputFile;
pub use keytrail_delivery::unpack::{FileReport, Unpacker};
pub use readahead::Readahead;
