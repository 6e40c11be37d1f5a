//! Archives and findings as tests compare them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use keytrail_detect::finding::Finding;

/// The bytes of every file below a folder, by its path below `root`.
///
/// # Errors
/// When one cannot be read.
pub fn files_below(folder: &Path, root: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path, root)?);
        } else {
            let key = path.strip_prefix(root).unwrap_or(&path);
            files.insert(key.to_string_lossy().into_owned(), fs::read(&path)?);
        }
    }
    Ok(files)
}

/// The findings as sorted JSON, without what tells how they came about.
///
/// # Errors
/// When one has no form in JSON.
pub fn finding_lines(findings: Vec<Finding>) -> serde_json::Result<Vec<String>> {
    let lines = findings.into_iter().map(|finding| {
        serde_json::to_string(&Finding {
            revision: 1,
            published_at: None,
            ..finding
        })
    });
    let mut lines: Vec<String> = lines.collect::<Result<_, _>>()?;
    lines.sort();
    Ok(lines)
}
