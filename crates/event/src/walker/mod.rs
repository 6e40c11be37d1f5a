//! The record walker: each byte of a record is looked at once, from its opening brace on.
//!
//! A walk goes from member to member, notes where the fields stand that Keytrail reads ([`Picked`]),
//! passes over containers by their brackets, and ends at the record's closing brace. It never looks
//! for the end first. As soon as `eventSource` and `eventName` say that nobody reads the record, only
//! brackets are counted. docs/walker.md tells how, and how fast.
//!
//! # What is checked
//!
//! Of a record that is **kept**, everything: what comes out is what serde_json would read, and what
//! it refuses is refused. The walk reads strings, numbers and literals of the top level strictly and
//! takes containers as they stand; before the record is handed over, each of them is read strictly,
//! or is equal, byte for byte, to one that was.
//!
//! Of a record that **nobody reads**, less, and exactly this:
//! - Members up to the one that decides, `eventSource` or `eventName`, are JSON at the top level:
//!   names, strings (of UTF-8), numbers, literals, colons, commas; text fields hold texts. Containers
//!   need strings that end and brackets that match in number and kind.
//! - Behind that member strings must end, outside them no backslash may stand, and the brackets must
//!   balance in number, with a brace as the last of them and at most [`crate::DEPTH_MAX`] deep.
//! - A second `eventSource` or `eventName` must count, as the last of duplicates does. So where a
//!   string behind begins with `eventS` or `eventN`, or an escape `\u` might spell one, the walk
//!   goes on from member to member to the end, as it does at top level in a file of JSON Lines,
//!   where a later member may show that the object carries records.
//!
//! The slow reader in `oracle`, built for tests and fuzzing only, is defined by the same words.

mod container;
#[cfg(test)]
mod differential;
mod echo;
mod follow;
mod lanes;
mod names;
mod picked;
mod record;
mod request;
mod value;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "vector instructions, of processors that have them"
)]
mod x86;

pub(crate) use echo::{Echo, Known, Set, VALUES_MAX};
pub(crate) use follow::{Followed, SeenIdentity};
pub(crate) use names::Field;
pub(crate) use picked::Picked;

use lanes::Scalar;

use crate::request::Request;
use crate::template::Templates;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In an array of records: what stands here is a record.
    Array,
    /// At top level, where objects that carry records stand too.
    Top,
    /// By itself, all of it to be read strictly.
    Alone,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Walked {
    /// All members are picked; the record ends before this offset.
    Complete(usize),
    /// Nobody reads this record; it ends before this offset.
    Unwanted(usize),
}

/// Why a walk did not come to the record's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// The bytes end inside the record.
    Unfinished,
    /// It is not JSON, or not UTF-8.
    NotJson,
    /// It is nested too deep.
    TooDeep,
    /// A field that must be a text is something else.
    WrongType(Field),
    /// It is no record but carries records.
    Carrier,
}

/// A walker for this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walker {
    lanes: Found,
}

/// The instructions found on this machine.
#[derive(Debug, Clone, Copy)]
enum Found {
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    #[cfg(target_arch = "x86_64")]
    Sse2(x86::Sse2),
    #[cfg_attr(
        all(target_arch = "x86_64", not(any(test, feature = "oracle"))),
        allow(dead_code, reason = "only tests take it here")
    )]
    Scalar(Scalar),
}

impl Default for Walker {
    fn default() -> Self {
        #[cfg(target_arch = "x86_64")]
        let lanes = x86::Avx512::find()
            .map(Found::Avx512)
            .or_else(|| x86::Avx2::find().map(Found::Avx2))
            .unwrap_or(Found::Sse2(x86::Sse2));
        #[cfg(not(target_arch = "x86_64"))]
        let lanes = Found::Scalar(Scalar);
        Self { lanes }
    }
}

impl Walker {
    /// Reads a text strictly that is a value the walk took as it stood.
    pub(crate) fn check_text(self, value: &str) -> Result<(), Odd> {
        self.check(value.as_bytes(), 0, value.len())
    }

    /// Every walker that this machine can run.
    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn all() -> impl Iterator<Item = Self> + Clone {
        let mut all = vec![Found::Scalar(Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            all.push(Found::Sse2(x86::Sse2));
            all.extend(x86::Avx2::find().map(Found::Avx2));
            all.extend(x86::Avx512::find().map(Found::Avx512));
        }
        all.into_iter().map(|lanes| Self { lanes })
    }
}

/// Makes functions of [`Walker`] out of functions that are written for any [`Lanes`]: each is
/// compiled once for every processor, with all that it calls.
macro_rules! for_every_processor {
    ($(
        $(#[$attribute:meta])*
        fn $name:ident$(<$life:lifetime>)?($($argument:ident: $kind:ty),*) -> $out:ty = $any:path;
    )*) => {
        impl Walker {$(
            $(#[$attribute])*
            #[cfg_attr(
                target_arch = "x86_64",
                expect(unsafe_code, reason = "functions for instructions that were found")
            )]
            #[inline]
            pub(crate) fn $name$(<$life>)?(self, $($argument: $kind),*) -> $out {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(
                    enable = "avx512f,avx512bw,avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq"
                )]
                fn avx512$(<$life>)?(lanes: x86::Avx512, $($argument: $kind),*) -> $out {
                    $any(lanes, $($argument),*)
                }

                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
                fn avx2$(<$life>)?(lanes: x86::Avx2, $($argument: $kind),*) -> $out {
                    $any(lanes, $($argument),*)
                }

                match self.lanes {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: an `Avx512` exists only where these instructions were found.
                    Found::Avx512(lanes) => unsafe { avx512(lanes, $($argument),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: an `Avx2` exists only where these instructions were found.
                    Found::Avx2(lanes) => unsafe { avx2(lanes, $($argument),*) },
                    #[cfg(target_arch = "x86_64")]
                    Found::Sse2(lanes) => $any(lanes, $($argument),*),
                    Found::Scalar(lanes) => $any(lanes, $($argument),*),
                }
            }
        )*}
    };
}

for_every_processor! {
    /// Walks the record whose opening brace stands at `start`, and notes in `picked` where its fields
    /// stand, counted from there.
    fn walk(bytes: &[u8], start: usize, place: Place, picked: &mut Picked) -> Result<Walked, Odd> = record::walk;

    /// Finds what the record at `start` is like. If that is a frame, notes in `places` where its
    /// stretches begin.
    fn follow(bytes: &[u8], start: usize, echo: &mut Echo, templates: &mut Templates)
        -> Option<Followed> = follow::follow;

    /// Reads `requestParameters`; `None` when that takes another reader, and then nothing is said of
    /// whether it is sound.
    fn request<'a>(record: &'a str, start: usize, end: usize) -> Result<Option<Request<'a>>, Odd>
        = request::read;

    /// Reads the value strictly that stands from `start` to `end`, and that the walk took as it
    /// stood. The bytes behind it may go on: that makes it faster.
    fn check(bytes: &[u8], start: usize, end: usize) -> Result<(), Odd> = value::check;
}
