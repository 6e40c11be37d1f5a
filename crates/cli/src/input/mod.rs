//! From what the user named to the files to read, in their order.

mod discovery;

pub use discovery::{Discovered, InputFile, discover};
pub use keytrail_delivery::unpack::{FileReport, Unpacker};
