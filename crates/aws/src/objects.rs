//! Objects in S3, read whole and within a bound, and written.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;

use crate::{CallFault, Connection, FaultKind};

/// Most times that an object is begun anew because its bytes stopped coming.
const READS_MAX: u32 = 3;
const GET: &str = "s3:GetObject";

/// Reads and writes objects.
#[derive(Debug, Clone)]
pub struct Objects {
    client: aws_sdk_s3::Client,
}

/// An object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Objects {
    /// Objects that this connection reaches.
    #[must_use]
    pub fn new(connection: &Connection) -> Self {
        Self {
            client: connection.s3(),
        }
    }

    /// The bytes of an object.
    ///
    /// # Errors
    /// When it is longer than `bytes_max` (refused), or the call failed.
    pub async fn read(
        &self,
        bucket: &str,
        key: &str,
        bytes_max: usize,
    ) -> Result<Vec<u8>, CallFault> {
        let mut reads = 1;
        loop {
            match self.read_once(bucket, key, bytes_max).await {
                Err(Broken::Body(_)) if reads < READS_MAX => reads += 1,
                Err(Broken::Body(detail)) => {
                    return Err(CallFault::new(GET, FaultKind::Unavailable, &detail));
                }
                Err(Broken::Call(fault)) => return Err(fault),
                Ok(bytes) => return Ok(bytes),
            }
        }
    }

    async fn read_once(
        &self,
        bucket: &str,
        key: &str,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Broken> {
        let request = self.client.get_object().bucket(bucket).key(key);
        let answer = request.send().await.map_err(|error| {
            // An object in an archive class is there, and cannot be read until it is restored.
            let is_archived = matches!(&error, SdkError::ServiceError(service)
                if service.err().is_invalid_object_state());
            let mut fault = CallFault::of(GET, error);
            if is_archived {
                fault.kind = FaultKind::Refused;
            }
            Broken::Call(fault)
        })?;
        let too_long = || {
            let detail = format!("longer than {} MiB", bytes_max >> 20);
            Broken::Call(CallFault::new(GET, FaultKind::Refused, &detail))
        };
        let announced = answer.content_length().unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or_default();
        if announced > bytes_max {
            return Err(too_long());
        }
        let mut bytes = Vec::with_capacity(announced);
        let mut body = answer.body;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| Broken::Body(error.to_string()))?;
            if bytes.len() + piece.len() > bytes_max {
                return Err(too_long());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Writes an object, in place of what stands there.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn write(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), CallFault> {
        let request = self.client.put_object().bucket(bucket).key(key);
        let sent = request.body(ByteStream::from(bytes)).send().await;
        sent.map(|_| ())
            .map_err(|error| CallFault::of("s3:PutObject", error))
    }

    /// Removes an object; nothing happens if there is none.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn remove(&self, bucket: &str, key: &str) -> Result<(), CallFault> {
        let sent = self.client.delete_object().bucket(bucket).key(key).send();
        sent.await
            .map(|_| ())
            .map_err(|error| CallFault::of("s3:DeleteObject", error))
    }

    /// A page of a listing in the order of keys, after that key: at most 1,000; an empty page is the end.
    ///
    /// # Errors
    /// When the call failed.
    pub async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<Vec<ListedObject>, CallFault> {
        let page = self.page(bucket, prefix, None, after, None).await?;
        Ok(page.objects)
    }

    /// A page of a listing, after that key or from that token on. With a delimiter, what lies below the
    /// next one is told as a folder.
    pub(crate) async fn page(
        &self,
        bucket: &str,
        prefix: &str,
        delimiter: Option<&str>,
        after: Option<&str>,
        token: Option<String>,
    ) -> Result<Page, CallFault> {
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let request = request
            .set_delimiter(delimiter.map(str::to_owned))
            .set_start_after(after.map(str::to_owned))
            .set_continuation_token(token);
        let answer = request.send().await;
        let answer = answer.map_err(|error| CallFault::of("s3:ListObjectsV2", error))?;
        let listed = answer.contents.unwrap_or_default().into_iter();
        let listed = listed.filter_map(|object| {
            Some(ListedObject {
                key: object.key?,
                bytes: u64::try_from(object.size.unwrap_or_default()).unwrap_or_default(),
            })
        });
        let folders = answer.common_prefixes.unwrap_or_default().into_iter();
        Ok(Page {
            objects: listed.collect(),
            folders: folders.filter_map(|folder| folder.prefix).collect(),
            next: answer.next_continuation_token,
        })
    }
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) objects: Vec<ListedObject>,
    /// With their delimiter at the end.
    pub(crate) folders: Vec<String>,
    /// What the next page begins with; `None` at the end.
    pub(crate) next: Option<String>,
}

/// Why one reading came to nothing.
enum Broken {
    /// The call failed, after its own retries.
    Call(CallFault),
    /// The bytes stopped coming.
    Body(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Answer, Script};

    fn answering(status: u16, body: &'static str) -> Script {
        Script::new(move |_, _| {
            let body = body.to_owned();
            Some(Answer { status, body })
        })
    }

    async fn read(script: &Script) -> Result<Vec<u8>, CallFault> {
        let objects = Objects::new(&script.connection());
        objects.read("trail", "a/b c.json.gz", 10).await
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_is_read_within_the_bound() {
        let script = answering(200, "0123456789");
        assert_eq!(read(&script).await.unwrap(), b"0123456789");
        assert!(script.sent()[0].uri.contains("/trail/a/b%20c.json.gz"));
        let fault = read(&answering(200, "0123456789a")).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Refused);
        assert!(!fault.kind.is_worth_a_retry());
    }

    #[tokio::test(start_paused = true)]
    async fn faults_are_told_apart() {
        let xml = |code: &str| format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
        for (status, code, kind, calls) in [
            (404, "NoSuchKey", FaultKind::Missing, 1),
            (403, "AccessDenied", FaultKind::Denied, 1),
            (403, "InvalidObjectState", FaultKind::Refused, 1),
            (503, "SlowDown", FaultKind::Unavailable, 3),
            (500, "InternalError", FaultKind::Unavailable, 3),
        ] {
            let body = xml(code);
            let script = Script::new(move |_, _| {
                let body = body.clone();
                Some(Answer { status, body })
            });
            let fault = read(&script).await.unwrap_err();
            assert_eq!((fault.kind, script.sent().len()), (kind, calls), "{code}");
        }
        let fault = read(&Script::new(|_, _| None)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_passes_is_tried_again() {
        let script = Script::new(|number, _| {
            (number > 0).then(|| Answer {
                status: if number == 1 { 503 } else { 200 },
                body: "ok".to_owned(),
            })
        });
        assert_eq!(read(&script).await.unwrap(), b"ok");
        assert_eq!(script.sent().len(), 3);
    }
}
