//! The same records give the same bytes, however many threads read them and in whatever order.

use std::path::{Path, PathBuf};

use keytrail_tests::{real_data, root};

use crate::sandbox::Sandbox;

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A number that looks like chance, the same every time.
pub fn scrambled(index: usize) -> usize {
    index.wrapping_mul(2_654_435_761) % 1_000_003
}

fn check(archive: &Path) {
    let sandbox = Sandbox::new();
    // A copy in which every file stands in another folder.
    let mut paths = files(archive);
    paths.sort();
    for (index, path) in paths.iter().enumerate() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let folder = format!("copy/{:02}/{:06}", scrambled(index) % 7, scrambled(index));
        sandbox.write(format!("{folder}/{name}"), std::fs::read(path).unwrap());
    }
    // Every file by name, in an order of chance.
    let mut named: Vec<PathBuf> = paths.clone();
    named.sort_by_key(|path| scrambled(paths.iter().position(|known| known == path).unwrap()));
    assert_ne!(named, paths);
    let inputs = [vec![archive.to_owned()], vec![PathBuf::from("copy")], named];
    for format in ["json", "table"] {
        check_command(&sandbox, &["replay", "--format", format], &inputs);
    }
    check_command(&sandbox, &["events", "--format", "jsonl"], &inputs);
}

/// The same bytes on standard output, and the same words on standard error.
fn check_command(sandbox: &Sandbox, command: &[&str], inputs: &[Vec<PathBuf>]) {
    let mut expected = None;
    for input in inputs {
        for threads in ["1", "2"] {
            let mut arguments: Vec<_> = command.iter().map(Into::into).collect();
            arguments.extend(["--threads".into(), threads.into()]);
            arguments.extend(input.iter().map(|path| path.as_os_str().to_owned()));
            let ran = sandbox.run(&arguments);
            assert_eq!(ran.code, Some(0), "{}", ran.stderr());
            let result = (ran.stdout(), ran.stderr());
            let expected = expected.get_or_insert_with(|| result.clone());
            assert!(
                *expected == result,
                "{command:?} differs with {threads} threads over {} inputs",
                input.len()
            );
        }
    }
}

#[test]
fn of_the_example() {
    check(&root().join("examples/archive"));
}

#[test]
fn of_real_records() {
    if let Some(data) = real_data("order::of_real_records") {
        check(&data.join("archives/invictus_2023_MIT"));
    }
}
