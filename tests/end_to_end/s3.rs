//! As much of S3 as `keytrail` asks for: one bucket in memory, on the loopback address.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// Entries of a page: so few that listings have several.
const PAGE_ENTRIES: usize = 7;

/// The bucket `trail`, which is served until the test ends.
pub struct S3 {
    address: String,
    bucket: Arc<Bucket>,
}

#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    /// What every request is answered with, instead.
    refusal: Option<(u16, &'static str)>,
    /// Keys that nobody may read.
    denied: Option<&'static str>,
    reading: AtomicUsize,
    most_reading: AtomicUsize,
    listed: AtomicUsize,
}

impl S3 {
    pub fn of(objects: BTreeMap<String, Vec<u8>>) -> Self {
        Self::start(Bucket {
            objects: objects.into(),
            ..Bucket::default()
        })
    }

    /// Refuses everything so.
    pub fn refusing(status: u16, code: &'static str) -> Self {
        Self::start(Bucket {
            refusal: Some((status, code)),
            ..Bucket::default()
        })
    }

    /// Refuses to read keys with this in them.
    pub fn denying(objects: BTreeMap<String, Vec<u8>>, denied: &'static str) -> Self {
        Self::start(Bucket {
            objects: objects.into(),
            denied: Some(denied),
            ..Bucket::default()
        })
    }

    fn start(bucket: Bucket) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let bucket = Arc::new(bucket);
        let served = Arc::clone(&bucket);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let bucket = Arc::clone(&served);
                thread::spawn(move || bucket.serve(connection));
            }
        });
        Self { address, bucket }
    }

    /// Lets a command speak with it.
    pub fn reach(&self, command: &mut Command) {
        command.envs([
            ("AWS_ENDPOINT_URL", format!("http://{}", self.address)),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "example".to_owned()),
        ]);
    }

    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.bucket.objects.lock().unwrap().clone()
    }

    /// The most objects that were read at once, and the objects that were listed.
    pub fn counts(&self) -> (usize, usize) {
        let bucket = &self.bucket;
        let load = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (load(&bucket.most_reading), load(&bucket.listed))
    }
}

impl Bucket {
    fn serve(&self, connection: TcpStream) {
        let mut reader = BufReader::new(connection.try_clone().unwrap());
        let mut head = String::new();
        while reader.read_line(&mut head).unwrap_or(0) > 0 && !head.ends_with("\r\n\r\n") {}
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse().unwrap())
        });
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        let mut words = head.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return;
        };
        let (status, answer) = self.answer(method, target, body);
        let head = format!(
            "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        let mut connection = connection;
        // Who asked may have ended.
        let _ = connection.write_all(&[head.into_bytes(), answer].concat());
    }

    fn answer(&self, method: &str, target: &str, body: Vec<u8>) -> (u16, Vec<u8>) {
        if let Some((status, code)) = self.refusal {
            return (status, refusal(code));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let key = path.strip_prefix("/trail").unwrap().trim_start_matches('/');
        let key = percent_decode_str(key).decode_utf8().unwrap().into_owned();
        match method {
            "PUT" => {
                self.objects.lock().unwrap().insert(key, body);
                (200, Vec::new())
            }
            _ if key.is_empty() => (200, self.list(query).into_bytes()),
            _ if self.denied.is_some_and(|denied| key.contains(denied)) => {
                (403, refusal("AccessDenied"))
            }
            _ => self.read(&key),
        }
    }

    fn read(&self, key: &str) -> (u16, Vec<u8>) {
        let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_reading.fetch_max(reading, Ordering::SeqCst);
        // As long as S3 takes, so that readings meet.
        thread::sleep(Duration::from_millis(5));
        let found = self.objects.lock().unwrap().get(key).cloned();
        self.reading.fetch_sub(1, Ordering::SeqCst);
        found.map_or_else(|| (404, refusal("NoSuchKey")), |bytes| (200, bytes))
    }

    fn list(&self, query: &str) -> String {
        let of = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.find(|(it, _)| *it == name).map(|(_, value)| value);
            let value = value.unwrap_or_default();
            percent_decode_str(value)
                .decode_utf8()
                .unwrap()
                .into_owned()
        };
        let (prefix, delimiter) = (of("prefix"), of("delimiter"));
        let after = of("start-after").max(of("continuation-token"));
        let objects = self.objects.lock().unwrap();
        let mut entries: BTreeMap<String, String> = BTreeMap::new();
        for (key, bytes) in objects.iter().filter(|(key, _)| key.starts_with(&prefix)) {
            let rest = &key[prefix.len()..];
            let end = (delimiter == "/").then(|| rest.find('/')).flatten();
            let (name, entry) = match end {
                Some(end) => {
                    let folder = &key[..=prefix.len() + end];
                    // Behind everything in it.
                    let entry =
                        format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
                    (format!("{folder}~"), entry)
                }
                None => {
                    let size = bytes.len();
                    let entry = format!("<Contents><Key>{key}</Key><Size>{size}</Size></Contents>");
                    (key.clone(), entry)
                }
            };
            if name > after {
                entries.insert(name, entry);
            }
        }
        let page: Vec<_> = entries.iter().take(PAGE_ENTRIES).collect();
        let objects = page.iter().filter(|(name, _)| !name.ends_with('~'));
        self.listed.fetch_add(objects.count(), Ordering::SeqCst);
        let mut text: String = page.iter().map(|(_, entry)| entry.as_str()).collect();
        if let Some((last, _)) = page.last().filter(|_| entries.len() > PAGE_ENTRIES) {
            text += &format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
            );
        }
        format!("<ListBucketResult>{text}</ListBucketResult>")
    }
}

fn refusal(code: &str) -> Vec<u8> {
    format!("<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>")
        .into_bytes()
}
