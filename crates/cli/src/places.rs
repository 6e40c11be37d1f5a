//! Where results may go: each into a file of its own, and none over what is read.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::failure::UsageError;
use crate::input::{Discovered, InputFile};
use keytrail_report::escape;

/// How standard input is asked what file it comes from.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Checks that no two results go into one file, none into the state's, and that none would replace what is read:
/// `arguments` as the user named it, `found` as it was found there. A file inside a folder that is read counts as read, whether it was found
/// to be wanted or not; a new one may be made there.
///
/// # Errors
/// When a result would take something away.
pub fn check_places<'p>(
    results: impl IntoIterator<Item = &'p Path>,
    state: Option<&Path>,
    arguments: &[PathBuf],
    found: &Discovered,
) -> Result<(), UsageError> {
    let mut seen: HashSet<PathBuf> = state.map(place).into_iter().collect();
    for path in results {
        let existing = fs::metadata(path).ok();
        // A device or pipe may take several results; a file would keep only the last.
        if existing
            .as_ref()
            .is_some_and(|metadata| !metadata.is_file())
        {
            continue;
        }
        if !seen.insert(place(path)) {
            return Err(UsageError::new(format_args!(
                "two results would go into `{}`",
                escape::path(path)
            ))
            .hint("give every --output, --stats and --scores, and --state, a file of its own"));
        }
        if existing.is_some_and(|file| is_read(path, &file, arguments, found)) {
            return Err(UsageError::new(format_args!(
                "`{}` is part of what is read, and would be replaced",
                escape::path(path)
            ))
            .hint("write to another file; one in a folder that is read must not be there yet"));
        }
    }
    Ok(())
}

/// The path without links and detours, also of a file that is not there yet.
fn place(path: &Path) -> PathBuf {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = fs::canonicalize(folder.unwrap_or(Path::new("."))).unwrap_or_default();
        folder.join(path.file_name().unwrap_or_default())
    })
}

fn is_read(path: &Path, file: &Metadata, arguments: &[PathBuf], found: &Discovered) -> bool {
    let place = place(path);
    let is_inside = |argument: &PathBuf| {
        let folder = fs::canonicalize(argument).ok();
        folder.is_some_and(|folder| folder.is_dir() && place.starts_with(folder))
    };
    let is_it = |input: &InputFile| {
        let input = input.path().unwrap_or(Path::new(STANDARD_INPUT));
        is_same(&place, file, input)
    };
    arguments.iter().any(is_inside) || found.files.iter().any(is_it)
}

/// Whether the file of this place stands under that name, too: by a link of whatever kind.
#[cfg(unix)]
fn is_same(_: &Path, file: &Metadata, name: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(name).is_ok_and(|other| (other.dev(), other.ino()) == (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn is_same(place: &Path, _: &Metadata, name: &Path) -> bool {
    fs::canonicalize(name).is_ok_and(|other| other == place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::discover;

    #[test]
    fn two_results_do_not_go_into_one_file() {
        let found = Discovered::default();
        let check = |results: &[&str]| {
            check_places(
                results.iter().map(Path::new),
                Some(Path::new("state.db")),
                &[],
                &found,
            )
            .is_ok()
        };
        assert!(!check(&["a.csv", "./a.csv"]));
        assert!(!check(&["./state.db"]));
        assert!(check(&["a.csv", "b.json"]));
    }

    #[test]
    fn what_is_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("logs")).unwrap();
        for name in ["logs/in.json", "logs/notes.txt", "out.csv"] {
            fs::write(root.join(name), "{}").unwrap();
        }
        let check = |input: &str, result: &str| {
            let arguments = [root.join(input)];
            let found = discover(&arguments).unwrap();
            check_places([&*root.join(result)], None, &arguments, &found).is_ok()
        };
        for input in [
            "logs",
            "logs/in.json",
            "logs/*.json",
            "logs/../logs/in.json",
        ] {
            assert!(!check(input, "logs/in.json"), "{input}");
            assert!(check(input, "out.csv"), "{input}");
            assert!(check(input, "logs/out.csv"), "{input}");
        }
        assert!(!check("logs", "logs/notes.txt"));
        assert!(check("logs/in.json", "logs/notes.txt"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("logs/in.json"), root.join("link")).unwrap();
            fs::hard_link(root.join("logs/in.json"), root.join("hard")).unwrap();
            for result in ["link", "hard"] {
                assert!(!check("logs", result), "{result}");
                assert!(!check("logs/in.json", result), "{result}");
            }
            assert!(!check("link", "logs/in.json"));
        }
    }
}
