//! Filling the coverage of a run, file by file.

use keytrail_report::summary::{Coverage, NamedIssue, UnreadableFile};

use crate::input::InputFile;
use crate::scan::FileEnd;

/// Issues that are kept with file, record and reason; the rest is only counted.
pub const ISSUES_KEPT_MAX: usize = 100;
/// Files with bytes behind their packed data that are named.
const TRAILING_NAMED_MAX: usize = 100;

/// Counts files that could not even be opened.
pub fn add_all_unopened(coverage: &mut Coverage, files: Vec<UnreadableFile>) {
    coverage.files += files.len() as u64;
    coverage.unreadable.extend(files);
}

/// Counts a file that was read.
pub fn add(coverage: &mut Coverage, file: &InputFile, end: FileEnd) {
    debug_assert!(end.report.reading.is_conserved(), "{end:?}");
    coverage.files += 1;
    coverage.files_unstamped += u64::from(file.delivery.stamp.is_none());
    coverage.bytes += end.report.bytes;
    coverage.text_bytes += end.report.text_bytes;
    coverage.reading.add(&end.report.reading);
    coverage.without_event_id += end.without_event_id;
    if let Some((first, last)) = end.times {
        coverage.first_event = Some(coverage.first_event.map_or(first, |time| time.min(first)));
        coverage.last_event = Some(coverage.last_event.map_or(last, |time| time.max(last)));
    }
    if end.report.has_trailing_bytes {
        coverage.files_with_trailing_bytes += 1;
        if coverage.trailing_bytes.len() < TRAILING_NAMED_MAX {
            coverage.trailing_bytes.push(file.name());
        }
    }
    // What is said of the whole file need not be said of its records again.
    if !(end.report.is_hopeless() && end.report.problem.is_some()) {
        coverage.issues_count += end.report.reading.malformed;
        let room = ISSUES_KEPT_MAX - coverage.issues.len();
        for issue in end.issues.into_iter().take(room) {
            coverage.issues.push(NamedIssue {
                file: file.name(),
                issue,
            });
        }
    }
    if let Some(reason) = end.report.problem {
        coverage.unreadable.push(UnreadableFile {
            file: file.name(),
            reason,
        });
    }
}
