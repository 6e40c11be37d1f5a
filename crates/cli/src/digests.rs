//! Verifying the log files of an archive by the digests in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use keytrail_delivery::unpack::read_text;
use keytrail_detect::digest_chain::{
    DigestFile, Ending, LogFile, Seen, Verification, endings, verify,
};
use keytrail_event::digest::{DIGEST_BYTES_MAX, Digest, file_stem};
use keytrail_event::{DeliveryKind, EventTime};
use ring::digest::{Context, SHA256};

use crate::input::{Discovered, InputFile, Readahead};
use crate::pipeline;
use crate::public_keys::{PublicKeys, hexadecimal};
use crate::threads::Threads;

/// What was verified.
#[derive(Debug, Default)]
pub struct Verified {
    /// What it came to.
    pub verification: Verification,
    /// The log files that were found, by [`file_stem`].
    pub log_files: BTreeMap<String, Vec<LogFile>>,
    /// The digests that were read.
    pub digests: u64,
    /// The last of them, by chain.
    pub endings: Vec<Ending>,
}

/// What earlier runs saw, by account and Region.
pub type SeenByRegion = BTreeMap<(String, String), Seen>;

/// Which digests count, by the time they cover.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// From this moment on.
    pub since: Option<EventTime>,
    /// Up to, and not including, this moment.
    pub until: Option<EventTime>,
}

impl Span {
    fn contains(self, file: &DigestFile) -> bool {
        let Ok(digest) = &file.digest else {
            // What cannot be read tells nothing of its time but by its name, which is told.
            return true;
        };
        self.since.is_none_or(|since| digest.end > since)
            && self.until.is_none_or(|until| digest.start < until)
    }
}

/// Reads the digests among the files, hashes the log files that they name, and follows the chains, which go on from what
/// was seen before.
///
/// # Errors
/// When the reading threads fail; what is wrong with a file is a gap.
pub fn verify_files(
    found: &Discovered,
    threads: usize,
    span: Span,
    keys: Option<&PublicKeys>,
    seen: &SeenByRegion,
) -> anyhow::Result<Verified> {
    let of_kind = |kind| {
        let files = found.files.iter();
        files
            .filter(move |file| file.delivery.kind == kind && file.path().is_some())
            .collect::<Vec<_>>()
    };
    let mut digests = each(&of_kind(DeliveryKind::Digest), threads, read_digest)?;
    digests.retain(|file| span.contains(file));
    if digests.is_empty() && seen.is_empty() {
        return Ok(Verified::default());
    }
    let count = digests.len() as u64;
    let endings = endings(&digests);
    let before: Vec<DigestFile> = seen
        .values()
        .flat_map(|seen| seen.before(&digests))
        .collect();
    digests.extend(before);
    let named: BTreeSet<&str> = digests
        .iter()
        .filter_map(|file| file.digest.as_ref().ok())
        .flat_map(|digest| &digest.files)
        .map(|file| file_stem(&file.object))
        .collect();
    let read = each(&of_kind(DeliveryKind::Records), threads, |file, open| {
        let path = path_of(file);
        let is_named = named.contains(file_stem(&path));
        LogFile {
            sha256: is_named.then(|| sha256(open)),
            path,
        }
    })?;
    let mut log_files: BTreeMap<String, Vec<LogFile>> = BTreeMap::new();
    for file in read {
        let copies = log_files.entry(file_stem(&file.path).to_owned());
        copies.or_default().push(file);
    }
    let mut verification = match keys {
        Some(keys) => {
            let check = |fingerprint: &str, text: &str, signature: &str| {
                keys.check(fingerprint, text, signature)
            };
            verify(digests, &log_files, Some(&check))
        }
        None => verify(digests, &log_files, None),
    };
    verification.look_behind(&log_files, span.until);
    Ok(Verified {
        verification,
        log_files,
        digests: count,
        endings,
    })
}

/// Opens the file that is worked on.
type Open<'o> = &'o dyn Fn() -> io::Result<Box<dyn Read>>;

/// What `work` makes of each file, in their order.
fn each<T: Send>(
    files: &[&InputFile],
    threads: usize,
    work: impl Fn(&InputFile, Open<'_>) -> T + Sync,
) -> anyhow::Result<Vec<T>> {
    let ahead = Readahead::new(files.iter().copied());
    let mut made = Vec::with_capacity(files.len());
    pipeline::ordered(
        files.len(),
        &Threads::new(threads.min(files.len()))?,
        || (),
        |(), index, emit| {
            // Whether anybody wants more is asked again by the next file.
            let _ = emit(work(files[index], &|| ahead.open(index)));
        },
        |_, one| {
            made.push(one);
            Ok(())
        },
    )?;
    Ok(made)
}

fn path_of(file: &InputFile) -> String {
    let path = file.path().map(|path| path.to_string_lossy().into_owned());
    path.unwrap_or_default()
}

fn read_digest(file: &InputFile, open: Open<'_>) -> DigestFile {
    let mut text = Vec::new();
    let mut is_too_long = false;
    let mut context = Context::new(&SHA256);
    let read = read(open, &mut |piece| {
        context.update(piece);
        is_too_long |= text.len() + piece.len() > DIGEST_BYTES_MAX;
        if !is_too_long {
            text.extend_from_slice(piece);
        }
    });
    let digest = match read {
        Err(why) => Err(why),
        Ok(()) if is_too_long => Err(format!("it is longer than {DIGEST_BYTES_MAX} bytes")),
        Ok(()) => Digest::parse(&text).map_err(|error| error.to_string()),
    };
    DigestFile {
        path: path_of(file),
        sha256: hexadecimal(context.finish().as_ref()),
        digest,
    }
}

/// The SHA-256 of a file's text in hexadecimal.
fn sha256(open: Open<'_>) -> Result<String, String> {
    let mut context = Context::new(&SHA256);
    read(open, &mut |piece| context.update(piece))?;
    Ok(hexadecimal(context.finish().as_ref()))
}

fn read(open: Open<'_>, on_text: &mut dyn FnMut(&[u8])) -> Result<(), String> {
    let source = open().map_err(|error| format!("cannot be opened: {error}"))?;
    read_text(source, on_text)
}
