//! What one large delivery costs a function: the real bootstrap, between a Runtime API and services that say yes to
//! everything.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use keytrail_sim::bulk::{self, BulkOptions};

/// Bytes of text of the delivery.
const TEXT_BYTES: usize = 50 << 20;
/// Records that are surely more than that.
const RECORDS: u64 = 60_000;
/// How long reading it may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A name without a stamp, so that no record is late and each is counted.
const KEY: &str = "measured/delivery.json.gz";

/// A delivery.
pub struct Delivery {
    /// As it lies in the bucket.
    pub packed: Vec<u8>,
    /// Records in it.
    pub records: u64,
}

/// What a delivery cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Time of the processor from the first byte of the delivery to the function's answer.
    pub processor: Duration,
    /// The most memory that the process had, in bytes.
    pub peak_bytes: u64,
}

/// A delivery of 50 MiB of text, records of KMS alone: those that are counted.
pub fn delivery() -> Result<Delivery> {
    let options = BulkOptions {
        records: RECORDS,
        kms_fraction: 1.0,
        accounts: 1,
        ..BulkOptions::default()
    };
    let mut text = b"{\"Records\":[".to_vec();
    bulk::generate(&options, &mut |file| {
        if text.len() < TEXT_BYTES {
            let mut records = Vec::new();
            GzDecoder::new(&*file.bytes).read_to_end(&mut records)?;
            let from = records.iter().position(|byte| *byte == b'[');
            let to = records.iter().rposition(|byte| *byte == b']');
            let records = from
                .zip(to)
                .and_then(|(from, to)| records.get(from + 1..to));
            if !text.ends_with(b"[") {
                text.push(b',');
            }
            text.extend_from_slice(records.unwrap_or_default());
        }
        Ok(())
    })?;
    text.extend_from_slice(b"]}");
    ensure!(text.len() >= TEXT_BYTES, "{} bytes are too few", text.len());
    let is_kms = b"\"eventSource\":\"kms.amazonaws.com\"";
    let records = text.windows(is_kms.len()).filter(|part| part == is_kms);
    let records = records.count() as u64;
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&text)?;
    let packed = packed.finish()?;
    Ok(Delivery { packed, records })
}

/// What it costs `ingest` to read the delivery. `command` makes the process, given the address of everything it
/// speaks with.
pub fn cost(delivery: &Delivery, command: impl FnOnce(&str) -> Command) -> Result<Cost> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (heard, hears) = channel();
    let world = Arc::new(World {
        delivery: delivery.packed.clone(),
        is_given: Mutex::new(false),
        heard,
    });
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let world = Arc::clone(&world);
            std::thread::spawn(move || world.serve(connection));
        }
    });
    let child = command(&address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("could not start ingest")?;
    let child = Ended(child);
    let process = Path::new("/proc").join(child.0.id().to_string());
    let mut began = None;
    loop {
        let said = hears.recv_timeout(PATIENCE);
        match said.context("ingest gave no answer")? {
            Said::Asked => began = Some(processor_time(&process)?),
            Said::Answered(answer) => {
                ensure!(
                    answer.contains("\"batchItemFailures\":[]"),
                    "ingest could not read the delivery: {answer}"
                );
                let began = began.context("ingest never asked for the delivery")?;
                return Ok(Cost {
                    processor: processor_time(&process)?.saturating_sub(began),
                    peak_bytes: peak_bytes(&process)?,
                });
            }
        }
    }
}

fn peak_bytes(process: &Path) -> Result<u64> {
    let status = fs::read_to_string(process.join("status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let kilobytes = kilobytes.and_then(|kilobytes| kilobytes.parse::<u64>().ok());
    let kilobytes = kilobytes.context("the system does not say how much memory a process had")?;
    Ok(kilobytes << 10)
}

/// The time that all threads of a process were on a processor.
fn processor_time(process: &Path) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in fs::read_dir(process.join("task"))? {
        let times = fs::read_to_string(task?.path().join("schedstat"))?;
        let first = times.split(' ').next().unwrap_or_default();
        nanoseconds += first.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// A process that ends with this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the function sees of the world.
struct World {
    delivery: Vec<u8>,
    /// Whether the one invocation was given.
    is_given: Mutex<bool>,
    heard: Sender<Said>,
}

/// What the function says.
enum Said {
    /// It wants the delivery.
    Asked,
    /// It is done.
    Answered(String),
}

impl World {
    fn serve(&self, connection: TcpStream) {
        // A connection that breaks tells its end to the function, which says so in its answer.
        let _ = self.answer(connection);
    }

    fn answer(&self, mut connection: TcpStream) -> Result<()> {
        connection.set_nodelay(true)?;
        let mut reader = BufReader::new(connection.try_clone()?);
        let mut head = String::new();
        while reader.read_line(&mut head)? > 0 && !head.ends_with("\r\n\r\n") {}
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body)?;
        let target = head.split(' ').nth(1).unwrap_or_default();
        let (headers, answer): (&str, Vec<u8>) = if target.ends_with("/invocation/next") {
            if std::mem::replace(&mut *lock(&self.is_given), true) {
                // There is nothing more to do; the process ends while it waits.
                std::thread::sleep(PATIENCE);
                return Ok(());
            }
            let headers = "Lambda-Runtime-Aws-Request-Id: measured\r\n\
                Lambda-Runtime-Deadline-Ms: 9999999999999\r\n\
                Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:111122223333:function:measured\r\n";
            (headers, invocation().into_bytes())
        } else if target.contains("/invocation/") {
            // Who waited may have given up.
            let answer = String::from_utf8_lossy(&body).into_owned();
            let _ = self.heard.send(Said::Answered(answer));
            ("", b"{}".to_vec())
        } else if target.contains(KEY) {
            let _ = self.heard.send(Said::Asked);
            ("", self.delivery.clone())
        } else if target.contains("putmetricdata") {
            (
                "smithy-protocol: rpc-v2-cbor\r\nContent-Type: application/cbor\r\n",
                vec![0xbf, 0xff],
            )
        } else if head.contains("sendmessagebatch") {
            ("", b"{\"Successful\":[],\"Failed\":[]}".to_vec())
        } else {
            ("", Vec::new())
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        connection.write_all(&[head.into_bytes(), answer].concat())?;
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A message of the queue that announces the delivery.
fn invocation() -> String {
    let body = format!(
        r#"{{\"detail-type\":\"Object Created\",\"source\":\"aws.s3\",\"detail\":{{\"bucket\":{{\"name\":\"trail\"}},\"object\":{{\"key\":\"{KEY}\",\"size\":7}}}}}}"#
    );
    format!(
        r#"{{"Records":[{{"messageId":"m-1","eventSource":"aws:sqs","attributes":{{"ApproximateReceiveCount":"1"}},"body":"{body}"}}]}}"#
    )
}
