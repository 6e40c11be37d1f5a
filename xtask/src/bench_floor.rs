//! How fast, in multiples of decompressing alone: every program on the same files, in turn, in one run.
//!
//! Machines are noisy: what is printed are medians of ratios between neighbours in time, not seconds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use wait4::Wait4;

use crate::checks::{cargo, run};

/// Runs every program over the archive, `rounds` times in turn; of keytrail this one, if one is named.
pub fn measure(folder: &Path, rounds: usize, program: Option<PathBuf>) -> Result<()> {
    ensure!(
        folder.is_dir(),
        "{} is no folder; write one with `keytrail simulate --records N --out FOLDER`",
        folder.display()
    );
    build()?;
    let release = crate::root()?.join("target/release");
    let program = program.unwrap_or_else(|| release.join("keytrail"));
    let floor = |threads: &str| {
        command(
            &release.join("floor"),
            &[folder.as_os_str().to_owned(), threads.into()],
        )
    };
    let keytrail = |words: &[&str], threads: &str| {
        let mut arguments: Vec<std::ffi::OsString> = words.iter().map(Into::into).collect();
        arguments.extend([
            "--threads".into(),
            threads.into(),
            "--no-progress".into(),
            "--quiet".into(),
            folder.into(),
        ]);
        command(&program, &arguments)
    };
    let text_bytes = text_bytes(folder)?;
    let mut rows: Vec<Row> = ["libdeflate alone", "events --count", "replay"]
        .map(Row::new)
        .into();
    let mut two = ["libdeflate alone", "replay"].map(Row::new);
    for _ in 0..rounds {
        rows[0].add(floor("1"))?;
        rows[1].add(keytrail(&["events", "--count"], "1"))?;
        rows[2].add(keytrail(&["replay", "--format", "jsonl"], "1"))?;
        two[0].add(floor("2"))?;
        two[1].add(keytrail(&["replay", "--format", "jsonl"], "2"))?;
    }
    print(&rows, &two, text_bytes);
    Ok(())
}

/// Builds the programs that are measured.
pub fn build() -> Result<()> {
    let mut build = cargo();
    build.args([
        "build",
        "--release",
        "--package",
        "keytrail-cli",
        "--package",
        "keytrail-benches",
    ]);
    run(build)
}

fn command(program: &Path, arguments: &[std::ffi::OsString]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

/// The decompressed bytes of an archive, as the floor counts them.
pub fn text_bytes(folder: &Path) -> Result<u64> {
    let floor = crate::root()?.join("target/release/floor");
    let output = command(&floor, &[folder.as_os_str().to_owned(), "2".into()])
        .stdout(Stdio::piped())
        .output()
        .context("could not start the floor")?;
    let bytes = String::from_utf8(output.stdout)?.trim().parse()?;
    ensure!(bytes > 0, "the folder holds no gzip file");
    Ok(bytes)
}

/// The rounds of one program.
struct Row {
    name: &'static str,
    cpu: Vec<f64>,
    wall: Vec<f64>,
    memory_bytes: u64,
}

impl Row {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            cpu: Vec::new(),
            wall: Vec::new(),
            memory_bytes: 0,
        }
    }

    fn add(&mut self, mut command: Command) -> Result<()> {
        let from = Instant::now();
        let ended = command
            .spawn()
            .with_context(|| format!("could not start {command:?}"))?
            .wait4()?;
        let wall = from.elapsed();
        ensure!(
            ended.status.success(),
            "{command:?} ended with {}",
            ended.status
        );
        let cpu: Duration = ended.rusage.utime + ended.rusage.stime;
        self.cpu.push(cpu.as_secs_f64());
        self.wall.push(wall.as_secs_f64());
        self.memory_bytes = self.memory_bytes.max(ended.rusage.maxrss);
        Ok(())
    }
}

/// The median of the ratios round by round.
fn ratio(a: &[f64], b: &[f64]) -> f64 {
    median(a.iter().zip(b).map(|(a, b)| a / b).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn print(rows: &[Row], two: &[Row; 2], text_bytes: u64) {
    let mut text = format!(
        "{:<18} {:>14} {:>8} {:>10} {:>12}\n",
        "one thread", "CPU ÷ floor", "CPU s", "GB/s", "peak MiB"
    );
    for row in rows {
        let cpu = median(row.cpu.clone());
        text.push_str(&format!(
            "{:<18} {:>14.2} {:>8.2} {:>10.2} {:>12.1}\n",
            row.name,
            ratio(&row.cpu, &rows[0].cpu),
            cpu,
            text_bytes as f64 / 1e9 / cpu,
            row.memory_bytes as f64 / 1_048_576.0
        ));
    }
    let speed_up = |one: &Row, two: &Row| ratio(&one.wall, &two.wall);
    let (floor, replay) = (speed_up(&rows[0], &two[0]), speed_up(&rows[2], &two[1]));
    text.push_str(&format!(
        "two threads against one, wall: libdeflate {floor:.2}, replay {replay:.2} ({:.2} of it), peak {:.1} MiB\n",
        replay / floor,
        two[1].memory_bytes as f64 / 1_048_576.0
    ));
    text.push_str(&format!(
        "{} rounds over {} bytes of text; ratios are medians of paired rounds\n",
        rows[0].cpu.len(),
        text_bytes
    ));
    say(&text);
}

/// Writes to standard output.
pub fn say(text: &str) {
    // Nobody to tell when standard output is closed.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
}
