//! Listing the files of a trail without looking at the days that nobody wants.
//!
//! CloudTrail names its objects `…/<account>/CloudTrail/<Region>/<year>/<month>/<day>/…`, so that below a Region
//! the order of keys is the order of days: a listing begins at the first day wanted and ends behind the last.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use keytrail_event::Day;
use keytrail_event::arn::is_account_id;

use crate::CallFault;
use crate::objects::{ListedObject, Objects};

/// Most listings under way at once.
const LISTINGS_AT_ONCE: usize = 16;

/// The days of the folders to list, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days {
    /// The first; `None` for all from the beginning.
    pub first: Option<Day>,
    /// The last; `None` for all to the end.
    pub last: Option<Day>,
}

impl Objects {
    /// The objects whose keys begin so, without those that lie in the folders of other days. In no order.
    ///
    /// # Errors
    /// When a call failed.
    pub async fn list_days(
        &self,
        bucket: &str,
        prefix: &str,
        days: Days,
    ) -> Result<Vec<ListedObject>, CallFault> {
        let mut found = Vec::new();
        let mut waiting = vec![prefix.to_owned()];
        while !waiting.is_empty() {
            let levels = waiting
                .drain(..)
                .map(|prefix| self.list_level(bucket, prefix, days));
            let mut levels = stream::iter(levels).buffer_unordered(LISTINGS_AT_ONCE);
            let mut folders = Vec::new();
            while let Some((objects, below)) = levels.try_next().await? {
                found.extend(objects);
                folders.extend(below);
            }
            drop(levels);
            waiting = folders;
        }
        Ok(found)
    }

    /// The objects wanted of one prefix, and the prefixes in it that are to be listed on their own.
    async fn list_level(
        &self,
        bucket: &str,
        prefix: String,
        days: Days,
    ) -> Result<(Vec<ListedObject>, Vec<String>), CallFault> {
        let root = region_folder(&prefix);
        let is_whole = days == Days::default();
        let delimiter = (root.is_none() && !is_whole).then_some("/");
        let (first, behind) = root.map_or((None, None), |root| days.of_folder(root));
        let (mut objects, mut folders) = (Vec::new(), Vec::new());
        let mut token = None;
        loop {
            let page = self
                .page(bucket, &prefix, delimiter, first.as_deref(), token)
                .await?;
            folders.extend(page.folders);
            let before = objects.len();
            let listed = page.objects.len();
            let is_wanted =
                |object: &ListedObject| behind.as_ref().is_none_or(|end| object.key < *end);
            objects.extend(page.objects.into_iter().filter(is_wanted));
            token = page.next;
            // Keys come in order: behind the last day there is nothing more.
            let is_behind = objects.len() - before < listed;
            if token.is_none() || is_behind {
                return Ok((objects, folders));
            }
        }
    }
}

impl Days {
    /// The key behind which the first day of a Region's folder begins, and that behind its last day.
    fn of_folder(self, root: &str) -> (Option<String>, Option<String>) {
        let folder = |day: Day| format!("{root}{}", day.to_string().replace('-', "/"));
        // `0` is what follows `/`.
        let behind = |day| folder(day) + "0";
        (self.first.map(folder), self.last.map(behind))
    }
}

/// The part of a prefix up to and with the folder of a Region, where it reaches so far.
fn region_folder(prefix: &str) -> Option<&str> {
    let mut before = "";
    let mut length = 0;
    let mut parts = prefix.split_inclusive('/');
    while let Some(part) = parts.next() {
        length += part.len();
        if part.starts_with("CloudTrail") && is_account_id(before.trim_end_matches('/')) {
            let region = parts.next().filter(|part| part.ends_with('/'))?;
            return Some(&prefix[..length + region.len()]);
        }
        before = part;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{Answer, Script};

    fn day(text: &str) -> Option<Day> {
        Some(Day::parse(text).unwrap())
    }

    #[test]
    fn the_folder_of_a_region() {
        let root = "x/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/";
        for below in ["", "2024/", "2024/01/3"] {
            assert_eq!(region_folder(&format!("{root}{below}")), Some(root));
        }
        let digests = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/";
        assert_eq!(region_folder(digests), Some(digests));
        for short in [
            "",
            "AWSLogs/",
            "AWSLogs/111122223333/CloudTrail/",
            "AWSLogs/111122223333/CloudTrail/eu-west-1",
            "CloudTrail/eu-west-1/",
        ] {
            assert_eq!(region_folder(short), None, "{short}");
        }
    }

    /// A bucket that answers as S3 does, two entries a page.
    fn bucket(keys: Vec<String>) -> Script {
        Script::new(move |_, sent| {
            let query = sent.uri.split_once('?').unwrap().1;
            let of = |name: &str| {
                let found = query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
                found.unwrap_or_default().replace("%2F", "/")
            };
            let (prefix, delimiter) = (of("prefix"), of("delimiter"));
            let after = of("start-after").max(of("continuation-token"));
            let mut entries: Vec<(String, bool)> = Vec::new();
            for key in keys
                .iter()
                .filter(|key| key.starts_with(&prefix) && **key > after)
            {
                let folder = (!delimiter.is_empty())
                    .then(|| key[prefix.len()..].find('/'))
                    .flatten();
                let entry = match folder {
                    Some(end) => (key[..=prefix.len() + end].to_owned(), true),
                    None => (key.clone(), false),
                };
                if entries.last() != Some(&entry) {
                    entries.push(entry);
                }
            }
            let more = entries.len() > 2;
            entries.truncate(2);
            let mut body = "<ListBucketResult>".to_owned();
            for (name, is_folder) in &entries {
                body += &if *is_folder {
                    format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>")
                } else {
                    format!("<Contents><Key>{name}</Key><Size>7</Size></Contents>")
                };
            }
            if let Some((last, is_folder)) = entries.last().filter(|_| more) {
                let token = if *is_folder {
                    format!("{last}~")
                } else {
                    last.clone()
                };
                body += &format!(
                    "<NextContinuationToken>{token}</NextContinuationToken><IsTruncated>true</IsTruncated>"
                );
            }
            Some(Answer {
                status: 200,
                body: body + "</ListBucketResult>",
            })
        })
    }

    fn keys() -> Vec<String> {
        let mut keys = vec!["AWSLogs/readme".to_owned(), "other/file".to_owned()];
        for account in ["111122223333", "444455556666"] {
            for kind in ["CloudTrail", "CloudTrail-Digest"] {
                for region in ["eu-west-1", "us-east-1"] {
                    for date in [
                        "2022/11/30",
                        "2022/12/01",
                        "2022/12/02",
                        "2022/12/03",
                        "2023/12/31",
                        "2024/01/01",
                        "2024/01/02",
                        "2024/01/03",
                        "2024/02/01",
                    ] {
                        for file in ["a", "b", "c"] {
                            keys.push(format!("AWSLogs/{account}/{kind}/{region}/{date}/{file}"));
                        }
                    }
                }
            }
        }
        keys.sort();
        keys
    }

    async fn listed(prefix: &str, days: Days) -> (Vec<String>, usize) {
        let script = bucket(keys());
        let objects = Objects::new(&script.connection());
        let listed = objects.list_days("trail", prefix, days).await.unwrap();
        assert!(listed.iter().all(|object| object.bytes == 7));
        let mut found: Vec<String> = listed.into_iter().map(|object| object.key).collect();
        found.sort();
        (found, script.sent().len())
    }

    #[tokio::test(start_paused = true)]
    async fn everything_below_a_prefix() {
        let (found, calls) = listed("", Days::default()).await;
        assert_eq!((found, calls), (keys(), 109));
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_days_wanted_are_listed() {
        let days = Days {
            first: day("2024-01-01"),
            last: day("2024-01-02"),
        };
        let is_wanted = |key: &String| {
            !key.contains("/20") || key.contains("/2024/01/01/") || key.contains("/2024/01/02/")
        };
        for prefix in [
            "",
            "AWSLogs/",
            "AWSLogs/1",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/",
            "AWSLogs/111122223333/CloudTrail/eu-west-1/2024/0",
        ] {
            let expected: Vec<String> = keys()
                .into_iter()
                .filter(|key| key.starts_with(prefix) && is_wanted(key))
                .collect();
            let (found, calls) = listed(prefix, days).await;
            assert_eq!(found, expected, "{prefix}");
            assert!(calls < 50, "{calls}");
        }
        let open = Days { last: None, ..days };
        let (found, _) = listed("AWSLogs/111122223333/CloudTrail/", open).await;
        assert_eq!(found.len(), 2 * 4 * 3);
    }
}
