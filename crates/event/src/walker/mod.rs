//! The record walker: each byte of a record is looked at once, from its opening brace on.

mod container;
#[cfg(test)]
mod differential;
mod lanes;
mod names;
mod picked;
mod record;
mod request;
mod value;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use names::Field;
pub(crate) use picked::Picked;

use lanes::{Lanes, Scalar};

use crate::request::Request;

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
        let lanes = x86::Avx2::find().map_or(Found::Sse2(x86::Sse2), Found::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        let lanes = Found::Scalar(Scalar);
        Self { lanes }
    }
}

impl Walker {
    /// Every walker that this machine can run.
    #[cfg(any(test, feature = "oracle"))]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let mut all = vec![Found::Scalar(Scalar)];
        #[cfg(target_arch = "x86_64")]
        {
            all.push(Found::Sse2(x86::Sse2));
            all.extend(x86::Avx2::find().map(Found::Avx2));
        }
        all.into_iter().map(|lanes| Self { lanes })
    }

    /// Walks the record whose opening brace is the first of `bytes`, and notes in `picked` where its
    /// fields stand.
    #[inline]
    pub(crate) fn walk(
        self,
        bytes: &[u8],
        place: Place,
        picked: &mut Picked,
    ) -> Result<Walked, Odd> {
        picked.reset();
        match self.lanes {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` exists only where these instructions were found.
            Found::Avx2(lanes) => unsafe { walk_avx2(lanes, bytes, place, picked) },
            #[cfg(target_arch = "x86_64")]
            Found::Sse2(lanes) => walk_with(lanes, bytes, place, picked),
            Found::Scalar(lanes) => walk_with(lanes, bytes, place, picked),
        }
    }

    /// Reads `requestParameters`; `None` when that takes another reader, and then nothing is said of
    /// whether it is sound.
    #[inline]
    pub(crate) fn request(self, text: &str) -> Result<Option<Request<'_>>, Odd> {
        match self.lanes {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` exists only where these instructions were found.
            Found::Avx2(lanes) => unsafe { request_avx2(lanes, text) },
            #[cfg(target_arch = "x86_64")]
            Found::Sse2(lanes) => request::read(lanes, text),
            Found::Scalar(lanes) => request::read(lanes, text),
        }
    }

    /// Reads a value strictly that the walk took as it stood.
    pub(crate) fn check(self, value: &str) -> Result<(), Odd> {
        match self.lanes {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: an `Avx2` exists only where these instructions were found.
            Found::Avx2(lanes) => unsafe { check_avx2(lanes, value.as_bytes()) },
            #[cfg(target_arch = "x86_64")]
            Found::Sse2(lanes) => value::check(lanes, value.as_bytes()),
            Found::Scalar(lanes) => value::check(lanes, value.as_bytes()),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn request_avx2(lanes: x86::Avx2, text: &str) -> Result<Option<Request<'_>>, Odd> {
    request::read(lanes, text)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn check_avx2(lanes: x86::Avx2, value: &[u8]) -> Result<(), Odd> {
    value::check(lanes, value)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt,pclmulqdq")]
fn walk_avx2(
    lanes: x86::Avx2,
    bytes: &[u8],
    place: Place,
    picked: &mut Picked,
) -> Result<Walked, Odd> {
    record::walk(lanes, bytes, place, picked)
}

fn walk_with<L: Lanes>(
    lanes: L,
    bytes: &[u8],
    place: Place,
    picked: &mut Picked,
) -> Result<Walked, Odd> {
    record::walk(lanes, bytes, place, picked)
}
