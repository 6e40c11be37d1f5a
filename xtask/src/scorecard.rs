//! How much detection finds on simulated organisations, beside plain baselines, as the table of `docs/baselines.md`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use keytrail_sim::measure::Score;
use keytrail_sim::measure::plain::{Call, Hours, Plain};
use serde_json::{Value, json};

use crate::checks::{cargo, run};

/// Which organisations, and where they are kept.
#[derive(Debug, Args)]
pub struct Scorecard {
    /// A folder for the organisations and their scores. It is not removed; what is there is not made anew.
    folder: PathBuf,
    /// The seeds of the organisations.
    #[arg(long, value_delimiter = ',', default_values_t = [21, 22, 23])]
    seeds: Vec<u64>,
    /// Attacks of each kind in each organisation.
    #[arg(long, default_value_t = 3)]
    attack_count: u16,
}

/// Attacks found of all, by budget and by (budget, kind).
#[derive(Debug, Default)]
struct Found {
    attacks: u64,
    organisations: u64,
    by_budget: BTreeMap<usize, u64>,
    by_kind: BTreeMap<(String, usize), (u64, u64)>,
    changes: BTreeMap<(String, usize), (u64, u64)>,
}

/// Writes the organisations that are not there yet, scores them, and prints the tables.
pub fn measure(scorecard: &Scorecard) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "keytrail-cli"]);
    run(build)?;
    let program = crate::root()?.join("target/release/keytrail");
    let mut keytrail = Found::default();
    let mut plain: BTreeMap<usize, Found> = BTreeMap::new();
    for seed in &scorecard.seeds {
        let folder = scorecard.folder.join(format!("organisation-{seed}"));
        let archive = folder.join("AWSLogs");
        if !archive.exists() {
            let mut simulate = Command::new(&program);
            simulate.args(["simulate", "--organisation", "--no-progress", "--seed"]);
            simulate.args([seed.to_string(), "--attack-count".to_owned()]);
            simulate.arg(scorecard.attack_count.to_string());
            simulate.arg("--out").arg(&folder).stdout(Stdio::null());
            run(simulate)?;
        }
        let scores = folder.join("scores.jsonl");
        let mut replay = Command::new(&program);
        replay
            .args(["replay", "--no-progress", "--scores"])
            .arg(&scores);
        replay
            .arg(&archive)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        run(replay)?;
        let measured = evaluate(&program, &folder, &scores)?;
        line(&format!("organisation {seed}"), &measured)?;
        keytrail.add(&measured);
        let hours = hours(&program, &archive)?;
        for (number, kind) in Plain::ALL.into_iter().enumerate() {
            let file = folder.join(format!("plain-{number}.jsonl"));
            write(&file, &hours.scores(kind))?;
            plain
                .entry(number)
                .or_default()
                .add(&evaluate(&program, &folder, &file)?);
        }
    }
    print(&keytrail, &plain)
}

/// The measurement of a file of scores.
fn evaluate(program: &Path, folder: &Path, scores: &Path) -> Result<Value> {
    let mut evaluate = Command::new(program);
    evaluate.args(["evaluate", "--format", "json", "--scores"]);
    evaluate
        .arg(scores)
        .arg("--labels")
        .arg(folder.join("labels.jsonl"));
    let ran = evaluate.arg(folder.join("AWSLogs")).output()?;
    ensure!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    Ok(serde_json::from_slice(&ran.stdout)?)
}

/// The hours of an archive, as plain baselines see them.
fn hours(program: &Path, archive: &Path) -> Result<Hours> {
    let mut events = Command::new(program);
    events
        .args(["events", "--no-progress", "--format", "jsonl"])
        .arg(archive);
    events.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = events.spawn().context("could not start keytrail")?;
    let out = running.stdout.take().context("keytrail has an output")?;
    let mut hours = Hours::default();
    for line in BufReader::new(out).lines() {
        let record: Value = serde_json::from_str(&line?)?;
        let text = |field: &str| record[field].as_str().unwrap_or_default();
        hours.add(&Call {
            time: seconds(text("time")).context("a record without a time")?,
            account: text("account"),
            principal: text("principal"),
            event_id: text("event_id"),
            values: [
                text("key"),
                text("operation"),
                text("service_path"),
                text("source"),
            ],
        });
    }
    ensure!(running.wait()?.success(), "keytrail events failed");
    Ok(hours)
}

/// Unix seconds of a time such as `2026-03-02T10:07:50Z`.
fn seconds(time: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| time.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // Days since 1970-01-01 of the proleptic Gregorian calendar, with years that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    let days = shifted.div_euclid(400) * 146_097 + of_days - 719_468;
    Some(days * 86_400 + number(11..13)? * 3_600 + number(14..16)? * 60 + number(17..19)?)
}

fn write(path: &Path, scores: &[Score]) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for score in scores {
        let line = json!({
            "t": score.time,
            "p": score.principal,
            "score": score.score,
            "eventIDs": score.event_ids,
        });
        writeln!(file, "{line}")?;
    }
    Ok(file.flush()?)
}

impl Found {
    fn add(&mut self, measured: &Value) {
        self.organisations += 1;
        self.attacks += measured["attacks"].as_u64().unwrap_or_default();
        for (number, budget) in measured["budgets"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            *self.by_budget.entry(number).or_default() +=
                budget["attacks_found"].as_u64().unwrap_or_default();
            for (field, sums) in [
                ("recall_by_kind", &mut self.by_kind),
                ("changes_alerted_by_kind", &mut self.changes),
            ] {
                for (kind, part) in budget[field].as_object().into_iter().flatten() {
                    let sum = sums.entry((kind.clone(), number)).or_default();
                    sum.0 += part["part"].as_u64().unwrap_or_default();
                    sum.1 += part["of"].as_u64().unwrap_or_default();
                }
            }
        }
    }

    fn recall(&self, budget: usize) -> f64 {
        let found = self.by_budget.get(&budget).copied().unwrap_or_default();
        found as f64 / self.attacks.max(1) as f64
    }
}

fn line(name: &str, measured: &Value) -> Result<()> {
    let recall = |number: usize| {
        measured["budgets"][number]["recall"]
            .as_f64()
            .unwrap_or_default()
    };
    say(&format!(
        "{name}: {:.2}, {:.2}, {:.2}\n",
        recall(0),
        recall(1),
        recall(2)
    ))
}

fn print(keytrail: &Found, plain: &BTreeMap<usize, Found>) -> Result<()> {
    say(&format!(
        "\n{} organisations, {} attacks\n\n| at false alerts per account and day | 1 | 0.5 | 0.1 |\n|---|---|---|---|\n",
        keytrail.organisations, keytrail.attacks
    ))?;
    let row = |name: &str, found: &Found| {
        say(&format!(
            "| {name} | {:.2} | {:.2} | {:.2} |\n",
            found.recall(0),
            found.recall(1),
            found.recall(2)
        ))
    };
    row("Keytrail", keytrail)?;
    for (number, found) in plain {
        row(
            Plain::ALL.get(*number).map_or("", |plain| plain.name()),
            found,
        )?;
    }
    let mut header = "\n| attack, found at 0.5 | Keytrail |".to_owned();
    for kind in Plain::ALL {
        header.push_str(&format!(" {} |", kind.name()));
    }
    say(&format!("{header}\n|---|---|---|---|---|\n"))?;
    for ((kind, budget), (part, of)) in &keytrail.by_kind {
        if *budget != 1 {
            continue;
        }
        let mut cells = format!("| {kind} | {part} of {of} |");
        for found in plain.values() {
            let part = found
                .by_kind
                .get(&(kind.clone(), 1))
                .map_or(0, |(part, _)| *part);
            cells.push_str(&format!(" {part} |"));
        }
        say(&format!("{cells}\n"))?;
    }
    say("\n| change | alerts at 1 | at 0.5 | at 0.1 | of |\n|---|---|---|---|---|\n")?;
    let kinds: std::collections::BTreeSet<&String> =
        keytrail.changes.keys().map(|(kind, _)| kind).collect();
    for kind in kinds {
        let at = |budget: usize| {
            keytrail
                .changes
                .get(&(kind.clone(), budget))
                .copied()
                .unwrap_or_default()
        };
        say(&format!(
            "| {kind} | {} | {} | {} | {} |\n",
            at(0).0,
            at(1).0,
            at(2).0,
            at(0).1
        ))?;
    }
    Ok(())
}

fn say(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds("1970-01-01T00:00:01Z"), Some(1));
        assert_eq!(seconds("2026-01-05T00:00:00Z"), Some(1_767_571_200));
        assert_eq!(seconds("2024-02-29T12:30:00Z"), Some(1_709_209_800));
        assert_eq!(seconds("soon"), None);
    }
}
