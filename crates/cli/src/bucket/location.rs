//! `s3://bucket/prefix` as the user writes it.

use std::fmt;
use std::path::Path;

use keytrail_report::escape;

use crate::failure::UsageError;

/// What such a name begins with.
const SCHEME: &str = "s3://";

/// A bucket and what keys begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// What keys begin with; empty for all.
    pub prefix: String,
}

impl Location {
    /// Reads an argument; `None` when it is a path.
    ///
    /// # Errors
    /// When it names no bucket.
    pub fn parse(argument: &Path) -> Result<Option<Self>, UsageError> {
        let text = argument.to_str().and_then(|text| text.strip_prefix(SCHEME));
        let Some(text) = text else { return Ok(None) };
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let is_name = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
        };
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_name) {
            return Err(UsageError::new(format_args!(
                "`{}` names no bucket",
                escape::path(argument)
            ))
            .hint("write s3://BUCKET/PREFIX, such as s3://my-trail-bucket/AWSLogs/"));
        }
        Ok(Some(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
        }))
    }

    /// The place below this one.
    pub fn below(&self, path: &str) -> Self {
        let prefix = &self.prefix;
        let separator = if prefix.is_empty() || prefix.ends_with('/') {
            ""
        } else {
            "/"
        };
        Self {
            bucket: self.bucket.clone(),
            prefix: format!("{prefix}{separator}{path}"),
        }
    }

    /// `s3://bucket/`.
    pub fn root(&self) -> String {
        format!("{SCHEME}{}/", self.bucket)
    }

    /// The bytes of the name up to the folder that the prefix lies in.
    pub fn folder_bytes(&self) -> usize {
        let folder = self.prefix.rfind('/').map_or(0, |slash| slash + 1);
        self.root().len() + folder
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Option<Location>, UsageError> {
        Location::parse(Path::new(text))
    }

    #[test]
    fn places_on_the_command_line() {
        for (text, bucket, prefix, folder) in [
            ("s3://trail", "trail", "", "s3://trail/"),
            ("s3://trail/", "trail", "", "s3://trail/"),
            (
                "s3://my.trail-1/AWSLogs/11",
                "my.trail-1",
                "AWSLogs/11",
                "s3://my.trail-1/AWSLogs/",
            ),
        ] {
            let place = parse(text).unwrap().unwrap();
            assert_eq!((&*place.bucket, &*place.prefix), (bucket, prefix));
            assert_eq!(place.folder_bytes(), folder.len());
        }
        assert_eq!(parse("logs/s3://x").unwrap(), None);
        for text in ["s3://", "s3:///x", "s3://a b/c", "s3://UPPER"] {
            assert!(parse(text).is_err(), "{text}");
        }
        let below = |text| parse(text).unwrap().unwrap().below("AWSLogs/a").to_string();
        assert_eq!(below("s3://trail"), "s3://trail/AWSLogs/a");
        assert_eq!(below("s3://trail/x"), "s3://trail/x/AWSLogs/a");
        assert_eq!(below("s3://trail/x/"), "s3://trail/x/AWSLogs/a");
    }
}
