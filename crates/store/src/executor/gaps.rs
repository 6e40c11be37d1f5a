//! What digests show to be wrong with an account's log files: kept, so that it stands until it is mended.
//!
//! Whoever deletes log files makes as many gaps as they like. A few lie in the note itself. More are packed and lie in
//! documents beside it, of which the note says how many there are. They are written beside those that count, and the
//! note comes last: stopped in between, what counted before still does.

use std::collections::BTreeMap;
use std::sync::Arc;

use keytrail_detect::packed_finding::{PackedFinding, Packer};
use keytrail_detect::rules::log_gap::{self, Gap};
use serde::{Deserialize, Serialize};

use super::notes::{GAPS, document};
use super::{ExecuteError, Executor};
use crate::bounds::{
    DOCUMENT_BYTES_MAX, GAP_FILE_BYTES_MAX, GAPS_BYTES_MAX, GAPS_MAX, NAME_BYTES_MAX,
};
use crate::value::{pack, unpack};
use crate::{Commit, Document, Store};

/// What the note says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Noted {
    /// The gaps, where they fit.
    Here(Vec<Gap>),
    /// Where they lie.
    Beside(Parts),
}

/// Documents that packed gaps lie in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Parts {
    /// Whether they are the second ones: writing goes to and fro between two places.
    second: bool,
    /// How many there are.
    parts: usize,
    /// Bytes of the gaps before they were packed.
    bytes: usize,
}

impl Parts {
    fn name(self, part: usize) -> String {
        let side = if self.second { 'b' } else { 'a' };
        format!("{GAPS}-{side}{part}")
    }
}

impl<S: Store> Executor<'_, S> {
    /// Notes gaps of an account, and forgets those that are mended. Returns how many were too many to keep: of each
    /// Region and kind, the earliest stay.
    ///
    /// # Errors
    /// When the store fails, or what it holds can not be read.
    pub async fn note_gaps(
        &self,
        account: &str,
        found: &[Gap],
        is_mended: impl Fn(&Gap) -> bool,
    ) -> Result<usize, ExecuteError> {
        if account.len() > NAME_BYTES_MAX {
            // No store knows such an account. A digest said so, and those can be forged.
            return Ok(found.len());
        }
        let (known, place) = self.noted_gaps(account).await?;
        let mut gaps = known.clone();
        gaps.retain(|gap| !is_mended(gap));
        gaps.extend(found.iter().cloned().map(shortened));
        gaps.sort();
        gaps.dedup();
        let all = gaps.len();
        let gaps = with_room(gaps);
        let surplus = all - gaps.len();
        if gaps != known {
            self.write_gaps(account, gaps, place).await?;
        }
        Ok(surplus)
    }

    /// The findings that the noted gaps are, by episode.
    pub(super) async fn gap_findings(
        &self,
        account: &str,
    ) -> Result<BTreeMap<Arc<str>, PackedFinding>, ExecuteError> {
        let (gaps, _) = self.noted_gaps(account).await?;
        let findings = log_gap::findings(&gaps).into_iter();
        let mut packer = Packer::default();
        let packed = findings.map(|finding| packer.pack(&finding));
        Ok(packed
            .map(|finding| (Arc::clone(finding.episode()), finding))
            .collect())
    }

    /// The gaps, and where they lie if that is beside the note.
    async fn noted_gaps(&self, account: &str) -> Result<(Vec<Gap>, Option<Parts>), ExecuteError> {
        let parts = match self.note(account, GAPS).await? {
            None => return Ok((Vec::new(), None)),
            Some(Noted::Here(gaps)) => return Ok((gaps, None)),
            Some(Noted::Beside(parts)) => parts,
        };
        let unreadable = |why: String| ExecuteError::Note {
            account: account.to_owned(),
            name: GAPS,
            why,
        };
        let mut packed = Vec::new();
        for part in 0..parts.parts {
            let name = parts.name(part);
            let bytes = self.store.read_document(account, &name).await?;
            packed.extend(bytes.ok_or_else(|| unreadable(format!("{name} is not there")))?);
        }
        let bytes = unpack(&packed, parts.bytes, GAPS)?;
        let gaps = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok((gaps, Some(parts)))
    }

    async fn write_gaps(
        &self,
        account: &str,
        gaps: Vec<Gap>,
        place: Option<Parts>,
    ) -> Result<(), ExecuteError> {
        // Their texts and numbers all have a form in JSON.
        let bytes = serde_json::to_vec(&gaps).unwrap_or_default();
        let mut documents = Vec::new();
        if bytes.len() <= DOCUMENT_BYTES_MAX {
            documents.push(document(GAPS, &Noted::Here(gaps)));
        } else {
            let packed = pack(&bytes);
            let parts = Parts {
                second: place.is_some_and(|place| !place.second),
                parts: packed.len().div_ceil(DOCUMENT_BYTES_MAX),
                bytes: bytes.len(),
            };
            let pieces = packed.chunks(DOCUMENT_BYTES_MAX).enumerate();
            documents.extend(pieces.map(|(part, piece)| Document {
                name: parts.name(part),
                bytes: piece.to_vec(),
            }));
            documents.push(document(GAPS, &Noted::Beside(parts)));
        }
        let commit = Commit {
            documents,
            ..Commit::of(account)
        };
        self.store.commit(&commit).await?;
        Ok(())
    }
}

/// The gap as it is kept. No object's name and hardly a path is as long as what is cut here, and findings show less.
fn shortened(mut gap: Gap) -> Gap {
    for text in [&mut gap.file, &mut gap.region] {
        text.truncate(text.floor_char_boundary(GAP_FILE_BYTES_MAX));
    }
    gap
}

/// Those of sorted gaps that are kept: of each Region and kind the first, then of each the second, as far as there is
/// room. So no flood of one takes the finding of another away.
fn with_room(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut ranked: Vec<(usize, Gap)> = Vec::with_capacity(gaps.len());
    for gap in gaps {
        let rank = match ranked.last() {
            Some((rank, last)) if (&last.region, last.kind) == (&gap.region, gap.kind) => rank + 1,
            _ => 0,
        };
        ranked.push((rank, gap));
    }
    ranked.sort();
    let mut room = GAPS_BYTES_MAX;
    let fits = |(_, gap): (usize, Gap)| {
        let bytes = serde_json::to_vec(&gap).map_or(usize::MAX, |json| json.len() + 1);
        room = room.checked_sub(bytes)?;
        Some(gap)
    };
    let mut kept: Vec<Gap> = ranked.into_iter().filter_map(fits).take(GAPS_MAX).collect();
    kept.sort();
    kept
}

#[cfg(test)]
mod tests {
    use keytrail_detect::rules::log_gap::GapKind;
    use keytrail_event::EventTime;

    use super::*;

    fn gap(region: &str, number: usize, file: String) -> Gap {
        let from = EventTime::from_unix_seconds(1_772_460_000 + number as i64);
        Gap {
            account: "111122223333".to_owned(),
            region: region.to_owned(),
            kind: GapKind::FileMissing,
            from,
            until: from,
            file,
        }
    }

    #[test]
    fn a_flood_in_one_region_leaves_the_gaps_of_another() {
        let flood = |number| gap("af-south-1", number, number.to_string());
        let mut gaps: Vec<Gap> = (0..GAPS_MAX + 5).map(flood).collect();
        gaps.extend((0..3).map(|number| gap("us-east-1", number, number.to_string())));
        gaps.sort();
        let kept = with_room(gaps.clone());
        assert_eq!(kept.len(), GAPS_MAX);
        // The last of the flood went, and nothing of the other Region.
        let flooded = GAPS_MAX - 3;
        assert_eq!(kept[..flooded], gaps[..flooded]);
        assert_eq!(kept[flooded..], gaps[GAPS_MAX + 5..]);
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let long = |number: usize| {
            let file = format!("{number}{}", "\u{1}".repeat(GAP_FILE_BYTES_MAX));
            shortened(gap("eu-west-1", number, file))
        };
        let mut gaps: Vec<Gap> = (0..GAPS_MAX / 4).map(long).collect();
        gaps.push(gap("eu-west-1", GAPS_MAX, "short".to_owned()));
        gaps.sort();
        let kept = with_room(gaps.clone());
        assert!(serde_json::to_vec(&kept).unwrap().len() <= GAPS_BYTES_MAX);
        assert!(kept.len() > 1_000 && kept.len() < gaps.len());
        assert!(kept.contains(&gaps[0]));
    }
}
