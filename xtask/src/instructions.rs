//! How many instructions a replay takes for each byte of text, held to bounds: a speed that no busy machine changes.
//!
//! What is counted is the program as it is released, on one thread, decompression included, by callgrind. Repeats of one
//! count lie within 0.5 % of each other, since the seeds of tables differ; the bounds leave 3 % above what was counted.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::bench_floor::{build, say, text_bytes};
use crate::checks::run_unseen;
use crate::temporary_folder::TemporaryFolder;

/// Records of an archive that is made for counting: a few seconds under callgrind. What does not grow with the archive is
/// a tenth of the count.
const RECORDS: &str = "20000";

/// An archive to count on, and how many instructions a byte of it may take.
struct Held {
    name: &'static str,
    kms_fraction: &'static str,
    /// On x86_64 with AVX2.
    most: f64,
}

const HELD: [Held; 2] = [
    Held {
        name: "10 % KMS records",
        kms_fraction: "0.1",
        most: 7.1,
    },
    Held {
        name: "KMS records only",
        kms_fraction: "1",
        most: 10.4,
    },
];

/// Counts over this archive, and fails when there are more than `most`.
pub fn count_over(folder: &Path, most: Option<f64>) -> Result<()> {
    build()?;
    hold("archive", count(folder)?, most)
}

/// Counts over archives made for it, and fails when one takes more than its bound.
pub fn hold_bounds() -> Result<()> {
    build()?;
    let root = crate::root()?;
    let folder = TemporaryFolder::new_in(&root.join("target/instructions"))?;
    let mut over = Ok(());
    for held in &HELD {
        let archive = folder.path().join(held.kms_fraction);
        let mut simulate = Command::new(root.join("target/release/keytrail"));
        simulate
            .args(["simulate", "--records", RECORDS, "--kms-fraction"])
            .arg(held.kms_fraction)
            .arg("--out")
            .arg(&archive);
        run_unseen(simulate)?;
        let most = bounds_hold_here().then_some(held.most);
        over = over.and(hold(held.name, count(&archive)?, most));
    }
    if !bounds_hold_here() {
        say("note: nothing is held: the bounds are those of x86_64 with AVX2\n");
    }
    over
}

/// The reader uses what vector instructions there are, so other processors take other numbers of them.
fn bounds_hold_here() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

fn hold(name: &str, counted: Counted, most: Option<f64>) -> Result<()> {
    let Counted {
        instructions,
        text_bytes,
    } = counted;
    let each = instructions as f64 / text_bytes as f64;
    let bound = most.map_or_else(String::new, |most| format!(", at most {most}"));
    say(&format!(
        "{name}: {each:.2} instructions a byte{bound}: {instructions} for {text_bytes} bytes of text\n"
    ));
    ensure!(
        most.is_none_or(|most| each <= most),
        "{name}: {each:.2} instructions a byte are more than {}",
        most.unwrap_or_default()
    );
    Ok(())
}

struct Counted {
    instructions: u64,
    text_bytes: u64,
}

fn count(folder: &Path) -> Result<Counted> {
    let text_bytes = text_bytes(folder)?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(crate::root()?.join("target/release/keytrail"))
        .args(["replay", "--format", "jsonl", "--threads", "1", "--quiet"])
        .arg(folder)
        .stdin(Stdio::null())
        .output()
        .context("could not start valgrind; install it from your distribution")?;
    let talk = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the replay failed:\n{talk}");
    let instructions = collected(&talk);
    Ok(Counted {
        instructions: instructions.with_context(|| format!("valgrind said no count:\n{talk}"))?,
        text_bytes,
    })
}

/// The count in what callgrind says at its end.
fn collected(talk: &str) -> Option<u64> {
    talk.lines()
        .find_map(|line| line.split("Collected :").nth(1)?.trim().parse().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_what_callgrind_says() {
        let talk = "==9642== Events    : Ir\n==9642== Collected : 220795427\n==9642== \n";
        assert_eq!(collected(talk), Some(220_795_427));
        assert_eq!(collected("==9642== error\n"), None);
    }

    #[test]
    fn more_than_the_bound_fails() {
        let counted = |instructions| Counted {
            instructions,
            text_bytes: 100,
        };
        assert!(hold("archive", counted(765), Some(7.65)).is_ok());
        let error = hold("archive", counted(766), Some(7.65)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "archive: 7.66 instructions a byte are more than 7.65"
        );
        assert!(hold("archive", counted(766), None).is_ok());
    }
}
