//! One input: standard input, a file, or an object in a bucket.

use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keytrail_aws::objects::ListedObject;
use keytrail_event::DeliveryName;

use crate::bucket::{Buckets, Location, Reading};
use keytrail_report::escape;

/// How the user names standard input.
pub const STANDARD_INPUT: &str = "-";

/// One input to read.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// `None` for standard input. Of an object, its place as `s3://bucket/key`.
    path: Option<PathBuf>,
    /// Set for an object in a bucket.
    pub(super) object: Option<Object>,
    /// Where in the path's bytes the part below the named folder begins.
    relative_from: usize,
    /// What the name tells: stamp and kind.
    pub delivery: DeliveryName,
    /// Size in bytes, where it is known before reading.
    pub bytes: Option<u64>,
    /// Whether whoever opens it again finds nothing in it: standard input, and pipes that were named.
    pub(super) is_read_once: bool,
}

/// An object in a bucket.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) buckets: Arc<Buckets>,
    bucket: Arc<str>,
    /// Where in the path's bytes the key begins.
    key_from: usize,
}

impl InputFile {
    /// The name as it is shown: bytes that are no printable text are escaped.
    pub fn name(&self) -> String {
        match &self.path {
            Some(path) => escape::path(path),
            None => "standard input".to_owned(),
        }
    }

    /// The path; `None` for standard input.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Opens it.
    pub fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match (&self.object, &self.path) {
            (Some(object), _) => Box::new(Cursor::new(object.buckets.end(self.begin(object))?)),
            (None, None) => Box::new(io::stdin().lock()),
            (None, Some(path)) => Box::new(fs::File::open(path)?),
        })
    }

    /// Begins to read an object.
    pub(super) fn begin(&self, object: &Object) -> Reading {
        let place = self.path.as_deref().and_then(Path::to_str);
        let key = place.and_then(|place| place.get(object.key_from..));
        object
            .buckets
            .begin(&object.bucket, key.unwrap_or_default())
    }

    /// The object of this key, found below that place.
    pub fn object(
        buckets: &Arc<Buckets>,
        bucket: &Arc<str>,
        place: &Location,
        listed: &ListedObject,
    ) -> Self {
        let root = place.root();
        let path = format!("{root}{}", listed.key);
        let object = Object {
            buckets: Arc::clone(buckets),
            bucket: Arc::clone(bucket),
            key_from: root.len(),
        };
        Self {
            object: Some(object),
            ..Self::new(path.into(), place.folder_bytes(), Some(listed.bytes))
        }
    }

    /// Standard input.
    pub fn standard_input() -> Self {
        Self {
            path: None,
            object: None,
            relative_from: 0,
            delivery: DeliveryName::parse(""),
            bytes: None,
            is_read_once: true,
        }
    }

    /// The file at this path, whose part below the named folder begins at this byte.
    pub fn new(mut path: PathBuf, relative_from: usize, bytes: Option<u64>) -> Self {
        // Of all files the paths are in memory at once, made with room for more.
        path.shrink_to_fit();
        let delivery = DeliveryName::parse(&path.to_string_lossy());
        Self {
            path: Some(path),
            object: None,
            relative_from,
            delivery,
            bytes,
            is_read_once: false,
        }
    }

    /// What files are sorted by: the stamp (without one first), then the path below the folder that
    /// was named, then the whole path. The order of the arguments has no say.
    pub fn order(&self) -> impl Ord + '_ {
        let path = self
            .path
            .as_ref()
            .map_or(STANDARD_INPUT.as_bytes(), |path| {
                path.as_os_str().as_encoded_bytes()
            });
        let relative = path.get(self.relative_from..).unwrap_or(path);
        (self.delivery.stamp, relative, path)
    }
}
