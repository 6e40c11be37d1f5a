//! What verifying digests came to: the chains, and every gap by name.

use std::io::{self, Write};

use keytrail_detect::digest_chain::{Chain, FoundGap, Verification};

use crate::escape;
use crate::json_text;
use crate::page::{BAD, HEADING, LABEL, NOTE, Page};
use crate::words::{counted, grouped};

/// Log files that no digest names which a table shows; of more, the number.
const UNNAMED_SHOWN_MAX: usize = 20;
/// Accounts' Regions with log files that are not verified which a table shows; of more, the files.
const UNVERIFIED_SHOWN_MAX: usize = 20;

/// Writes one JSON object.
///
/// # Errors
/// When `out` takes no more.
pub fn write_json(verification: &Verification, out: &mut dyn Write) -> io::Result<()> {
    json_text::write_pretty(out, verification)?;
    writeln!(out)
}

/// Writes a paragraph for each chain, with its gaps, and what it comes to.
///
/// # Errors
/// When `out` takes no more.
pub fn write_table(
    verification: &Verification,
    has_keys: bool,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    for chain in &verification.chains {
        write_chain(chain, has_keys, page, out)?;
        for found in gaps_of(verification, chain) {
            write_gap(found, page, out)?;
        }
        writeln!(out)?;
    }
    let in_no_chain: Vec<&FoundGap> = verification
        .gaps
        .iter()
        .filter(|found| !verification.chains.iter().any(|chain| is_of(found, chain)))
        .collect();
    if !in_no_chain.is_empty() {
        writeln!(out, "{}", page.paint(HEADING, "In no chain"))?;
        for found in in_no_chain {
            write_gap(found, page, out)?;
        }
        writeln!(out)?;
    }
    write_unnamed(verification, page, out)?;
    write_unverified(verification, page, out)?;
    let verdict = match verification.gaps.len() as u64 {
        0 if verification.unverified_files > 0 => {
            page.paint(HEADING, "No gap in what the digests cover".to_owned())
        }
        0 => page.paint(HEADING, "No gap".to_owned()),
        gaps => page.paint(BAD, counted(gaps, "gap", "gaps")),
    };
    writeln!(out, "{verdict}")
}

/// Writes how many log files no digest names, and the first of them: a file that somebody put there is one of these.
fn write_unnamed(verification: &Verification, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    if verification.unnamed_files == 0 {
        return Ok(());
    }
    let files = counted(verification.unnamed_files, "log file", "log files");
    let awaiting = verification.awaiting_backfill;
    let note = format!(
        "{files} of these spans, named by no digest: {awaiting} may still be named by a backfill digest, others are another trail's or were put there"
    );
    writeln!(out, "{}", page.paint(NOTE, note))?;
    let shown = &verification.unnamed[..verification.unnamed.len().min(UNNAMED_SHOWN_MAX)];
    for file in shown {
        let waits = if file.is_awaiting_backfill {
            " (may still be named)"
        } else {
            ""
        };
        writeln!(out, "  {}{waits}", escape::terminal(&file.path))?;
    }
    let more = verification
        .unnamed_files
        .saturating_sub(shown.len() as u64);
    if more > 0 {
        writeln!(out, "  and {} more", grouped(more))?;
    }
    Ok(())
}

/// Writes how many log files no digest tells anything of, and where and when they are.
fn write_unverified(
    verification: &Verification,
    page: &Page,
    out: &mut dyn Write,
) -> io::Result<()> {
    if verification.unverified_files == 0 {
        return Ok(());
    }
    let files = counted(verification.unverified_files, "log file", "log files");
    let note = format!(
        "{files} not verified: of times or Regions of which no digest here tells, so that others may be missing beside them"
    );
    writeln!(out, "{}", page.paint(NOTE, note))?;
    let mut shown = 0;
    for region in verification.unverified.iter().take(UNVERIFIED_SHOWN_MAX) {
        shown += region.files;
        let files = counted(region.files, "log file", "log files");
        let place = format!("account {}, {}", region.account, region.region);
        let place = escape::terminal(&place);
        writeln!(
            out,
            "  {place}: {files}, {} to {}",
            region.first, region.last
        )?;
    }
    match verification.unverified_files.saturating_sub(shown) {
        0 => Ok(()),
        more => writeln!(out, "  and {} more elsewhere", grouped(more)),
    }
}

/// Whether the gap is one of the chain; one of the trail's two chains stands for both.
fn is_of(found: &FoundGap, chain: &Chain) -> bool {
    let name = &chain.name;
    let gap = &found.gap;
    !name.is_backfill
        && (&gap.account, &gap.region, &found.trail) == (&name.account, &name.region, &name.trail)
}

fn gaps_of<'v>(
    verification: &'v Verification,
    chain: &'v Chain,
) -> impl Iterator<Item = &'v FoundGap> {
    let gaps = verification.gaps.iter();
    gaps.filter(move |found| is_of(found, chain))
}

fn write_chain(chain: &Chain, has_keys: bool, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let name = &chain.name;
    let kind = if name.is_backfill { ", backfill" } else { "" };
    let title = format!(
        "Trail {} ({}) in {}, account {}{kind}",
        name.trail, name.home_region, name.region, name.account
    );
    let title = escape::terminal(&title);
    writeln!(out, "{}", page.paint(HEADING, title))?;
    let mut line = |label: &str, text: String| {
        writeln!(
            out,
            "  {}{text}",
            page.paint(LABEL, format_args!("{label:<12}"))
        )
    };
    let begins = if chain.begins_earlier {
        ", begun before what is here"
    } else {
        ""
    };
    line("span", format!("{} to {}{begins}", chain.from, chain.until))?;
    let digests = counted(chain.digests, "digest", "digests");
    line(
        "digests",
        format!(
            "{digests}, {} proven by the hash in the next",
            grouped(chain.hashes_sound)
        ),
    )?;
    let signatures = if has_keys {
        let sound = grouped(chain.signatures_sound);
        format!("{sound} good; that of the newest digest is in its object's metadata only")
    } else {
        "not checked: there are no --public-keys".to_owned()
    };
    line("signatures", signatures)?;
    let files = grouped(chain.files);
    let sound = grouped(chain.files_sound);
    line(
        "log files",
        format!("{files} named, {sound} as they were delivered"),
    )
}

fn write_gap(found: &FoundGap, page: &Page, out: &mut dyn Write) -> io::Result<()> {
    let gap = &found.gap;
    let kind = page.paint(BAD, gap.kind.as_str());
    writeln!(out, "  {kind}  {} to {}", gap.from, gap.until)?;
    writeln!(out, "    {}", escape::terminal(&gap.file))?;
    writeln!(out, "    {}", escape::terminal(&found.why))
}

#[cfg(test)]
mod tests {
    use keytrail_detect::digest_chain::{ChainName, UnnamedFile, Unverified};
    use keytrail_detect::rules::log_gap::{Gap, GapKind};
    use keytrail_event::EventTime;

    use super::*;
    use crate::samples;

    fn verification() -> Verification {
        let time = |hour| EventTime::parse(&format!("2024-03-05T{hour:02}:00:00Z")).unwrap();
        let name = ChainName {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            trail: "audit\u{1b}[2J".to_owned(),
            home_region: "us-east-1".to_owned(),
            is_backfill: false,
        };
        let gap = |kind, trail: &str| FoundGap {
            gap: Gap {
                account: "111122223333".to_owned(),
                region: "eu-west-1".to_owned(),
                kind,
                from: time(9),
                until: time(10),
                file: "logs/AWSLogs/111122223333/x.json.gz".to_owned(),
            },
            trail: trail.to_owned(),
            why: "its hash in next.json.gz is another one".to_owned(),
        };
        let mut verification = Verification::default();
        verification.gaps.extend([
            gap(GapKind::FileChanged, &name.trail),
            gap(GapKind::DigestChanged, ""),
        ]);
        verification.chains.push(Chain {
            name,
            from: time(8),
            until: time(12),
            digests: 4,
            hashes_sound: 3,
            signatures_sound: 3,
            files: 1_234,
            files_sound: 1_233,
            begins_earlier: true,
            place: String::new(),
        });
        verification.unnamed_files = 30;
        verification.awaiting_backfill = 1;
        verification.unnamed = (0..21)
            .map(|number| UnnamedFile {
                is_awaiting_backfill: number == 19,
                path: format!("logs/AWSLogs/forged\u{1b}[2J{number}.json.gz"),
            })
            .collect();
        verification
    }

    #[test]
    fn chains_and_gaps() {
        let page = Page::default();
        let mut verification = verification();
        let with_keys = samples::text(|out| write_table(&verification, true, &page, out));
        insta::assert_snapshot!(with_keys);
        insta::assert_snapshot!(samples::text(|out| write_json(&verification, out)));
        verification.gaps.clear();
        verification.unnamed_files = 0;
        verification.unverified = (0..21)
            .map(|number| Unverified {
                account: "111122223333".to_owned(),
                region: format!("eu\u{1b}[2J-west-{number}"),
                files: 1 + number,
                first: verification.chains[0].from,
                last: verification.chains[0].until,
            })
            .collect();
        verification.unverified_files = 240;
        insta::assert_snapshot!(samples::text(|out| write_table(
            &verification,
            true,
            &page,
            out
        )));
        let none = Verification::default();
        assert_eq!(
            samples::text(|out| write_table(&none, false, &page, out)),
            "No gap\n"
        );
    }
}
