//! The functions as Lambda takes them: one zip each with a `bootstrap`, measured.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use zip::write::SimpleFileOptions;

use crate::bench_floor::say;
use crate::checks::{cargo, run};
use crate::large_delivery::{self, Cost};

/// The functions, by the names of their binaries.
pub const FUNCTIONS: [&str; 3] = ["detect", "ingest", "sweep"];
/// The glibc of `provided.al2023`.
const GLIBC_MAX: (u32, u32) = (2, 34);
/// Largest zip, in bytes.
const ZIP_BYTES_MAX: u64 = 8 << 20;
/// Longest median from the start of the process to its first poll.
const START_MAX: Duration = Duration::from_millis(30);
/// Starts that are measured.
const STARTS: usize = 31;
/// Most memory for a delivery of 50 MiB of text, in bytes.
const PEAK_BYTES_MAX: u64 = 128 << 20;
const MIB: f64 = 1_048_576.0;
/// Times that a large delivery is read.
const DELIVERIES: usize = 7;
/// How long a start may take at all.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// Builds, packs and measures. `budgets` says whether going over one is an error.
pub fn package(budgets: Budgets) -> Result<()> {
    let root = crate::root()?;
    let mut build = cargo();
    build
        .current_dir(&root)
        .args(["build", "--profile", "lambda"]);
    for function in FUNCTIONS {
        build.args(["--package", &format!("keytrail-function-{function}")]);
    }
    run(build)?;
    let folder = root.join("target/lambda");
    let mut over = Vec::new();
    say(&format!(
        "{:<8} {:>12} {:>12} {:>8} {:>12}\n",
        "function", "bytes", "zipped", "glibc", "start, ms"
    ));
    for function in FUNCTIONS {
        let binary = folder.join(function);
        let glibc = glibc(&binary)?;
        ensure!(
            glibc <= GLIBC_MAX,
            "{function} needs glibc {}.{}, and provided.al2023 has {}.{}",
            glibc.0,
            glibc.1,
            GLIBC_MAX.0,
            GLIBC_MAX.1
        );
        let packed = pack(&binary, &folder.join(format!("{function}.zip")))?;
        let start = start(&binary)?;
        say(&format!(
            "{function:<8} {:>12} {packed:>12} {:>8} {:>12.1}\n",
            fs::metadata(&binary)?.len(),
            format!("{}.{}", glibc.0, glibc.1),
            start.as_secs_f64() * 1_000.0
        ));
        if packed > ZIP_BYTES_MAX {
            over.push(format!(
                "{function}.zip has {packed} bytes, over {ZIP_BYTES_MAX}"
            ));
        }
        if start > START_MAX {
            over.push(format!(
                "{function} starts in {start:?}, over {START_MAX:?}"
            ));
        }
    }
    let cost = cost(&folder.join("ingest"))?;
    if cost.peak_bytes > PEAK_BYTES_MAX {
        let peak = cost.peak_bytes;
        over.push(format!("ingest takes {peak} bytes, over {PEAK_BYTES_MAX}"));
    }
    match budgets {
        Budgets::Hold => ensure!(over.is_empty(), "{}", over.join("; ")),
        Budgets::Show => say(&over
            .iter()
            .map(|over| format!("note: {over}\n"))
            .collect::<String>()),
    }
    Ok(())
}

/// What a large delivery costs ingest: the median of the runs.
fn cost(ingest: &Path) -> Result<Cost> {
    let delivery = large_delivery::delivery()?;
    let mut costs = Vec::with_capacity(DELIVERIES);
    for _ in 0..DELIVERIES {
        costs.push(large_delivery::cost(&delivery, |address| {
            let mut command = environment(ingest, address);
            command.env("AWS_ENDPOINT_URL", format!("http://{address}"));
            command
        })?);
    }
    costs.sort_unstable();
    let cost = costs[DELIVERIES / 2];
    say(&format!(
        "ingest, a delivery of 50 MiB ({:.1} MiB packed) with {} records of KMS: {:.1} MiB of memory at most, {:.0} ms of processor \
         from its first byte to the answer, {:.0} records a second\n",
        delivery.packed.len() as f64 / MIB,
        delivery.records,
        cost.peak_bytes as f64 / MIB,
        cost.processor.as_secs_f64() * 1_000.0,
        delivery.records as f64 / cost.processor.as_secs_f64()
    ));
    Ok(cost)
}

/// Whether going over a budget is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budgets {
    /// It is.
    Hold,
    /// It is only said.
    Show,
}

/// Packs a binary as the `bootstrap` of a zip. The same binary makes the same zip.
pub fn pack(binary: &Path, zip: &Path) -> Result<u64> {
    let bytes = fs::read(binary).with_context(|| format!("cannot read {}", binary.display()))?;
    let file = fs::File::create(zip).with_context(|| format!("cannot write {}", zip.display()))?;
    let mut writer = zip::ZipWriter::new(file);
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(9))
        .unix_permissions(0o755);
    writer.start_file("bootstrap", options)?;
    writer.write_all(&bytes)?;
    writer.finish()?;
    Ok(fs::metadata(zip)?.len())
}

/// The newest glibc that a binary asks for.
fn glibc(binary: &Path) -> Result<(u32, u32)> {
    let output = Command::new("objdump")
        .arg("-T")
        .arg(binary)
        .output()
        .context("could not start objdump; install binutils")?;
    ensure!(
        output.status.success(),
        "objdump failed on {}",
        binary.display()
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let versions = text.split("GLIBC_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let mut parts = rest[..end.unwrap_or(rest.len())].split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    });
    versions
        .max()
        .context("the binary asks for no glibc at all")
}

/// The median time from the start of the process to its first poll of the Runtime API.
fn start(binary: &Path) -> Result<Duration> {
    let mut times = Vec::with_capacity(STARTS);
    for _ in 0..STARTS {
        times.push(start_once(binary)?);
    }
    times.sort_unstable();
    Ok(times[STARTS / 2])
}

fn start_once(binary: &Path) -> Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let from = Instant::now();
    let mut child = environment(binary, &listener.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start {}", binary.display()))?;
    let polled = loop {
        match listener.accept() {
            Ok((connection, _)) => break is_poll(connection).map(|()| from.elapsed()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if child.try_wait()?.is_some() || from.elapsed() > START_PATIENCE {
                    break Err(anyhow::anyhow!("it never polled"));
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => break Err(error.into()),
        }
    };
    let _ = child.kill();
    let output = child.wait_with_output()?;
    polled.with_context(|| {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        format!("{} did not begin: {said}", binary.display())
    })
}

fn is_poll(mut connection: TcpStream) -> Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(START_PATIENCE))?;
    let mut head = [0; 64];
    let length = connection.read(&mut head)?;
    let line = String::from_utf8_lossy(&head[..length]).into_owned();
    if !line.starts_with("GET /2018-06-01/runtime/invocation/next") {
        bail!("it asked for something else: {line}");
    }
    Ok(())
}

/// A function's process, with every setting that any function asks for.
fn environment(binary: &Path, runtime_api: &str) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().envs([
        ("AWS_LAMBDA_RUNTIME_API", runtime_api),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "measured"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "measured"),
        ("AWS_SECRET_ACCESS_KEY", "measured"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("KEYTRAIL_STATE_BUCKET", "measured"),
        ("KEYTRAIL_STATE_TABLE", "measured"),
        ("KEYTRAIL_TALLY_QUEUE_URL", "http://127.0.0.1:9/measured"),
        ("KEYTRAIL_DELIVERY_QUEUE_URL", "http://127.0.0.1:9/measured"),
        (
            "KEYTRAIL_ALERT_TOPIC_ARN",
            "arn:aws:sns:us-east-1:111122223333:measured",
        ),
        ("KEYTRAIL_EVENT_BUS", "default"),
    ]);
    command
}
