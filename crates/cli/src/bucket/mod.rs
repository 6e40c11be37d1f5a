//! Buckets, read and written with the user's own credentials.

mod fault;
mod location;

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use keytrail_aws::listing::Days;
use keytrail_aws::objects::{ListedObject, Objects};
use keytrail_aws::{CallFault, Connection};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::failure::UsageError;

pub use location::Location;

/// Threads that speak with S3.
const THREADS: usize = 2;
/// Longest object that is read, in bytes. CloudTrail's own have some 50 MB at most.
const OBJECT_BYTES_MAX: usize = 512 << 20;

/// A connection to S3, and the threads that serve it.
pub struct Buckets {
    runtime: Runtime,
    objects: Objects,
}

impl fmt::Debug for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Buckets")
    }
}

/// An object that is being read.
pub struct Reading(JoinHandle<Result<Vec<u8>, CallFault>>);

impl Buckets {
    /// Connects as the user does: by the environment, profiles, or IAM Identity Center.
    ///
    /// # Errors
    /// When there are no credentials or no Region.
    pub fn connect() -> anyhow::Result<Arc<Self>> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("keytrail-s3")
            .enable_all()
            .build()
            .context("cannot start threads")?;
        let connection = runtime.block_on(async {
            let connection = Connection::from_environment().await;
            connection
                .check()
                .await
                .map_err(|missing| fault::missing(&missing))?;
            Ok::<_, UsageError>(connection)
        })?;
        let objects = Objects::new(&connection);
        Ok(Arc::new(Self { runtime, objects }))
    }

    /// The objects below a place, without those in the folders of other days.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn list(&self, place: &Location, days: Days) -> Result<Vec<ListedObject>, UsageError> {
        let listing = self.objects.list_days(&place.bucket, &place.prefix, days);
        self.runtime
            .block_on(listing)
            .map_err(|fault| fault::told(&fault, "cannot list", place))
    }

    /// Begins to read an object.
    pub fn begin(&self, bucket: &str, key: &str) -> Reading {
        let objects = self.objects.clone();
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let reading = async move { objects.read(&bucket, &key, OBJECT_BYTES_MAX).await };
        Reading(self.runtime.spawn(reading))
    }

    /// The bytes of an object, once they are there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn end(&self, reading: Reading) -> std::io::Result<Vec<u8>> {
        let read = self.runtime.block_on(reading.0);
        let read = read.map_err(std::io::Error::other)?;
        read.map_err(|fault| std::io::Error::other(format!("{}: {}", fault.kind, fault.detail)))
    }

    /// Writes an object.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, place: &Location, bytes: Vec<u8>) -> Result<(), UsageError> {
        let writing = self.objects.write(&place.bucket, &place.prefix, bytes);
        self.runtime
            .block_on(writing)
            .map_err(|fault| fault::told(&fault, "cannot write", place))
    }
}
