//! Templates: records that differ only in when they happened and to what.
//!
//! The same principal makes the same call over and over, and a service writes its records from one
//! form. So the reader keeps the **frames** of records ([`frame`]): their bytes, with holes where
//! values differ. A record that follows a frame need not be walked; comparing it is enough, and its
//! holes must hold what a plain JSON string or integer holds. Frames are learnt from records that
//! were read in the ordinary way, and a frame learns another hole when a record of the same
//! structure comes along with another value.
//!
//! Of a record that somebody reads, more is remembered ([`learnt`]): what it said, under the texts of
//! those holes that decide anything. The next such record **repeats** it ([`repeat`]): whoever remembers what became of the last
//! one asks for no more than its time, its id, who called and from where. Else the record is made of what is remembered and of these.
//!
//! All of it is bounded, lives as long as the reader, and begins anew when it is full.

mod frame;
mod frames;
mod id;
mod kinds;
mod learnt;
mod program;
mod repeat;
mod token;

pub(crate) use frame::Frame;
pub(crate) use frames::{Frames, OPENING, OPENING_BYTES, OPENING_MASK, VERSION_MASK};
pub use id::{TEMPLATES_MAX, TemplateId};
pub(crate) use kinds::{
    BLOCKS as HEAD_BLOCKS, Head, KIND_OFFSET, Kind, Kinds, SORTED_KIND_OFFSET, SORTED_OPENING,
};
pub(crate) use learnt::{Follower, Learnt};
pub(crate) use program::{Block, Places, Then};
pub use repeat::Repeat;

/// What a reader knows of records that are alike.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    pub(crate) kinds: Kinds,
    pub(crate) frames: Frames,
    pub(crate) learnt: Learnt,
    /// Where the stretches stand of the record that was compared last.
    pub(crate) places: Places,
    /// Nothing is learnt.
    pub(crate) is_off: bool,
}
