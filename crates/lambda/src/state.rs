//! The state of a deployment: the bucket and the table that the function's environment names.

use keytrail_aws::Connection;
use keytrail_aws::objects::Objects;
use keytrail_aws::store::AwsStore;

use crate::settings::{SettingError, required};

/// What stays when a function ends.
#[derive(Debug)]
pub struct State {
    /// The bucket.
    pub bucket: String,
    /// Objects of it, and of others.
    pub objects: Objects,
    /// The store on both.
    pub store: AwsStore,
}

impl State {
    /// Reads the names of bucket and table from the environment.
    ///
    /// # Errors
    /// When one is missing.
    pub fn from_environment(connection: &Connection) -> Result<Self, SettingError> {
        let bucket = required("KEYTRAIL_STATE_BUCKET")?;
        let table = required("KEYTRAIL_STATE_TABLE")?;
        Ok(Self {
            objects: Objects::new(connection),
            store: AwsStore::new(connection, &bucket, &table, ""),
            bucket,
        })
    }
}
