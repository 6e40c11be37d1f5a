//! Which files to read, and in which order.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keytrail_aws::listing::Days;
use keytrail_event::time::DAY_SECONDS;
use keytrail_event::{DeliveryKind, EventTime};
use walkdir::WalkDir;

use super::InputFile;
use super::file::STANDARD_INPUT;
use crate::bucket::{Buckets, Location};
use crate::failure::UsageError;
use crate::time_argument::TimeSpan;
use keytrail_report::escape;
use keytrail_report::summary::UnreadableFile;

/// What was found under the names the user gave.
#[derive(Debug, Default)]
pub struct Discovered {
    /// The files to read, in order.
    pub files: Vec<InputFile>,
    /// What was found but can not be opened.
    pub unreadable: Vec<UnreadableFile>,
    /// Files that were left out, since their names tell of another time or of none.
    pub left_out: u64,
    /// Whether a file may have been found under two names.
    may_repeat: bool,
    /// Where objects are read from, once one was named.
    buckets: Option<Arc<Buckets>>,
}

/// Finds the files: each argument is a file, a folder (searched with its subfolders), a glob, a place in a bucket, or
/// `-`.
///
/// # Errors
/// When an argument names nothing.
pub fn discover(arguments: &[PathBuf]) -> anyhow::Result<Discovered> {
    discover_delivered(arguments, TimeSpan::default())
}

/// Finds the files whose names say that they were delivered in this span; all of them, where it has no ends.
///
/// # Errors
/// When an argument names nothing.
pub fn discover_delivered(
    arguments: &[PathBuf],
    delivered: TimeSpan,
) -> anyhow::Result<Discovered> {
    let mut found = Discovered {
        may_repeat: arguments.len() > 1,
        ..Discovered::default()
    };
    for argument in arguments {
        if argument.as_os_str() == STANDARD_INPUT {
            found.files.push(InputFile::standard_input());
        } else if let Some(place) = Location::parse(argument)? {
            found.objects(&place, delivered)?;
        } else {
            found.argument(argument)?;
        }
    }
    found.leave_out(delivered);
    found.files.sort_by(|a, b| a.order().cmp(&b.order()));
    found.forget_repeated();
    found.unreadable.sort_by(|a, b| a.file.cmp(&b.file));
    found.unreadable.dedup();
    Ok(found)
}

impl Discovered {
    /// Whether one of them can be read only once: standard input, or a pipe that was named, as `<(zcat …)` is.
    pub fn is_read_once(&self) -> bool {
        self.files.iter().any(|file| file.is_read_once)
    }

    /// Whether there are digests, and log files which can be read only once and which these may name.
    pub fn is_verified_once(&self) -> bool {
        let is_digest = |file: &InputFile| file.delivery.kind == DeliveryKind::Digest;
        let is_named = |file: &InputFile| file.is_read_once && file.delivery.stamp.is_some();
        let mut others = self.files.iter().filter(|file| !is_digest(file));
        self.files.iter().any(is_digest) && others.any(is_named)
    }

    /// The bytes to read, as far as they are known; `None` when an input has no size.
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn argument(&mut self, argument: &Path) -> Result<(), UsageError> {
        match fs::metadata(argument) {
            Ok(metadata) => {
                self.named(argument, &metadata);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.glob(argument),
            Err(error) => Err(UsageError::new(format_args!(
                "cannot read `{}`: {error}",
                escape::path(argument)
            ))),
        }
    }

    /// What lies below a place in a bucket.
    fn objects(&mut self, place: &Location, delivered: TimeSpan) -> anyhow::Result<()> {
        let buckets = match &self.buckets {
            Some(buckets) => Arc::clone(buckets),
            None => Arc::clone(self.buckets.insert(Buckets::connect()?)),
        };
        let listed = buckets.list(place, days_of(delivered))?;
        // The console makes empty objects that stand for folders.
        let is_file = |key: &str| !key.ends_with('/');
        let before = self.files.len();
        let bucket: Arc<str> = place.bucket.as_str().into();
        for object in listed.iter().filter(|object| is_file(&object.key)) {
            self.files
                .push(InputFile::object(&buckets, &bucket, place, object));
        }
        if self.files.len() == before {
            let shown = place.to_string();
            let error = UsageError::new(format_args!(
                "no object below `{}`",
                escape::terminal(&shown)
            ));
            return Err(error
                .hint("a trail's files are below AWSLogs/; --delivered-since and --delivered-until choose days")
                .into());
        }
        Ok(())
    }

    /// Keeps the files delivered in this span. Standard input has no name to go by.
    fn leave_out(&mut self, delivered: TimeSpan) {
        if delivered == TimeSpan::default() {
            return;
        }
        let before = self.files.len();
        self.files.retain(|file| {
            let is_delivered = |stamp| delivered.contains(stamp);
            file.path().is_none() || file.delivery.stamp.is_some_and(is_delivered)
        });
        self.left_out = (before - self.files.len()) as u64;
    }

    /// A path that exists and was named by the user, who may name a pipe as well.
    fn named(&mut self, path: &Path, metadata: &fs::Metadata) {
        if metadata.is_dir() {
            self.folder(path);
        } else {
            let bytes = metadata.is_file().then_some(metadata.len());
            let name_bytes = path.file_name().map_or(0, |name| name.len());
            let relative_from = path.as_os_str().len().saturating_sub(name_bytes);
            let mut file = InputFile::new(path.to_owned(), relative_from, bytes);
            file.is_read_once = !metadata.is_file();
            self.files.push(file);
        }
    }

    fn glob(&mut self, argument: &Path) -> Result<(), UsageError> {
        let shown = escape::path(argument);
        let nothing = || {
            UsageError::new(format_args!("no such file or folder: `{shown}`"))
                .hint("a path is a file, a folder, a glob such as 'logs/**/*.json.gz', or - for standard input")
        };
        let pattern = argument
            .to_str()
            .filter(|text| text.contains(['*', '?', '[']))
            .ok_or_else(nothing)?;
        let matches = glob::glob(pattern)
            .map_err(|error| UsageError::new(format_args!("bad glob `{shown}`: {}", error.msg)))?;
        let mut count = 0_usize;
        for entry in matches {
            count += 1;
            let found = entry.map_err(|error| {
                let path = error.path().to_owned();
                (path, std::io::Error::from(error))
            });
            match found.and_then(|path| match fs::metadata(&path) {
                Ok(metadata) => Ok((path, metadata)),
                Err(error) => Err((path, error)),
            }) {
                Ok((path, metadata)) => self.named(&path, &metadata),
                Err((path, error)) => self.refuse(&path, error.to_string()),
            }
        }
        // `a/**` matches folders and the files in them.
        self.may_repeat = true;
        if count == 0 {
            return Err(UsageError::new(format_args!("no file matches `{shown}`"))
                .hint("quote the glob, so that keytrail and not the shell expands it"));
        }
        Ok(())
    }

    fn folder(&mut self, root: &Path) {
        for entry in WalkDir::new(root).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => {
                    self.may_repeat |= entry.path_is_symlink();
                    let is_file = entry.file_type().is_file();
                    let bytes = entry.metadata().ok().map(|metadata| metadata.len());
                    let path = entry.into_path();
                    if is_file {
                        let relative_from = below(root, &path);
                        self.files.push(InputFile::new(path, relative_from, bytes));
                    } else {
                        self.refuse(&path, "neither a file nor a folder".to_owned());
                    }
                }
                Err(error) => {
                    let reason = if error.loop_ancestor().is_some() {
                        "a symbolic link that leads back to a folder above it".to_owned()
                    } else {
                        error
                            .io_error()
                            .map_or_else(|| error.to_string(), ToString::to_string)
                    };
                    self.refuse(error.path().unwrap_or(root), reason);
                }
            }
        }
    }

    fn refuse(&mut self, path: &Path, reason: String) {
        self.unreadable.push(UnreadableFile {
            file: escape::path(path),
            reason,
        });
    }

    /// Keeps the first of the names under which a file was found.
    fn forget_repeated(&mut self) {
        if self.may_repeat {
            let mut seen = HashSet::new();
            self.files
                .retain(|file| seen.insert(file.path().map(canonical)));
        }
    }
}

/// The path without links and detours; as it stands when it is gone by now.
fn canonical(path: &Path) -> OsString {
    let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // Text, not a path: `a//b` and `a/b` are two objects of a bucket.
    canonical.into_os_string()
}

/// The days whose folders can hold files delivered in this span, with a day to spare at either end.
fn days_of(delivered: TimeSpan) -> Days {
    let day = |time: EventTime, spare: i64| time.plus_seconds(spare * DAY_SECONDS).day();
    Days {
        first: delivered.since.map(|time| day(time, -1)),
        last: delivered.until.map(|time| day(time, 1)),
    }
}

/// Where the part of the path below the folder begins.
fn below(root: &Path, path: &Path) -> usize {
    let whole = path.as_os_str().len();
    path.strip_prefix(root)
        .map_or(0, |relative| whole - relative.as_os_str().len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "111122223333_CloudTrail_eu-west-1_20240131T2350Z_a.json.gz";
    const NEW: &str = "111122223333_CloudTrail_eu-west-1_20240131T2355Z_b.json.gz";

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        folder
    }

    fn names(found: &Discovered, root: &Path) -> Vec<String> {
        let root = format!("{}/", root.display());
        let name = |file: &InputFile| file.name().replace(&root, "");
        found.files.iter().map(name).collect()
    }

    #[test]
    fn files_come_in_the_order_of_their_stamps() {
        let folder = folder(&[&format!("z/{OLD}"), &format!("a/{NEW}"), "export.json"]);
        let root = folder.path();
        let expected = [
            "export.json".to_owned(),
            format!("z/{OLD}"),
            format!("a/{NEW}"),
        ];
        let whole = discover(&[root.to_owned()]).unwrap();
        assert_eq!(names(&whole, root), expected);
        assert!(whole.bytes().is_some());
        let parts = [root.join("a"), root.join("export.json"), root.join("z")];
        let reversed: Vec<_> = parts.iter().rev().cloned().collect();
        assert_eq!(names(&discover(&parts).unwrap(), root), expected);
        assert_eq!(names(&discover(&reversed).unwrap(), root), expected);
    }

    #[test]
    fn a_file_named_twice_is_read_once() {
        let folder = folder(&["a/x.json", "b[1].json"]);
        let root = folder.path();
        let twice = [
            root.to_owned(),
            root.join("a/x.json"),
            root.join("a/../a/x.json"),
            root.join("**/*.json"),
            root.join("b[1].json"),
        ];
        assert_eq!(discover(&twice).unwrap().files.len(), 2);
        let stdin = [PathBuf::from("-"), PathBuf::from("-")];
        assert_eq!(discover(&stdin).unwrap().files.len(), 1);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let folder = folder(&["x.json"]);
        for name in ["missing.json", "*.gz", "[.json", "x.json/y"] {
            assert!(discover(&[folder.path().join(name)]).is_err(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_read_once() {
        let folder = folder(&["x.json"]);
        let is_read_once = |name: &Path| {
            let arguments = [folder.path().to_owned(), name.to_owned()];
            discover(&arguments).unwrap().is_read_once()
        };
        assert!(!is_read_once(&folder.path().join("x.json")));
        assert!(is_read_once(Path::new("/dev/null")));
        assert!(is_read_once(Path::new("-")));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf8_and_links_are_read() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let folder = folder(&["x.json"]);
        let root = folder.path();
        fs::write(root.join(OsStr::from_bytes(b"\xff.json")), "y").unwrap();
        std::os::unix::fs::symlink(root.join("x.json"), root.join("link.json")).unwrap();
        std::os::unix::fs::symlink(root, root.join("loop")).unwrap();
        std::os::unix::fs::symlink(root.join("gone"), root.join("dangling")).unwrap();
        let found = discover(&[root.to_owned()]).unwrap();
        assert_eq!(names(&found, root), ["link.json", "\\xff.json"]);
        assert_eq!(found.unreadable.len(), 2);
    }
}
