//! A folder of its own for each test, and the program that runs in it.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keytrail_tests::{program, root};
use tempfile::TempDir;

/// A new folder that holds the fixtures, and is gone after the test.
pub struct Sandbox {
    folder: TempDir,
}

/// What a run came to.
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// Paths that differ from run to run, and what they are shown as.
    paths: [(String, &'static str); 2],
}

impl Sandbox {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&root().join("tests/fixtures"), folder.path());
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Runs `keytrail` with these words, which are split at spaces.
    pub fn keytrail(&self, words: &str) -> Ran {
        self.run(words.split_whitespace())
    }

    /// Runs `keytrail` with these arguments.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        self.run_changed(arguments, |_| ())
    }

    /// Runs `keytrail` with something changed about the command.
    pub fn run_changed(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        change: impl FnOnce(&mut Command),
    ) -> Ran {
        let mut command = self.command(arguments);
        change(&mut command);
        let output = command.output().unwrap();
        self.ran(output)
    }

    /// Runs `keytrail` with something on its standard input.
    pub fn run_fed(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Ran {
        let mut command = self.command(arguments);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        self.ran(child.wait_with_output().unwrap())
    }

    /// Runs `keytrail` with a standard output that nobody reads.
    pub fn run_unread(&self, words: &str) -> Ran {
        let mut command = self.command(words.split_whitespace());
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        self.ran(child.wait_with_output().unwrap())
    }

    fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(program());
        command
            .env_clear()
            .current_dir(self.path())
            .stdin(Stdio::null())
            .args(arguments);
        command
    }

    fn ran(&self, output: std::process::Output) -> Ran {
        let shown = |path: &Path| path.to_str().unwrap().to_owned();
        Ran {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: output.stderr,
            paths: [
                (shown(self.path()), "[SANDBOX]"),
                (shown(&root()), "[ROOT]"),
            ],
        }
    }
}

impl Ran {
    pub fn stdout(&self) -> String {
        self.shown(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        self.shown(&self.stderr)
    }

    /// The lines of standard output as JSON.
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let text = self.stdout();
        let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
        values.collect()
    }

    fn shown(&self, bytes: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(bytes).replace('\u{1b}', "␛");
        for (path, shown) in &self.paths {
            text = text.replace(path, shown);
        }
        text.replace(
            concat!("keytrail ", env!("CARGO_PKG_VERSION")),
            "keytrail [VERSION]",
        )
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code: {code}")?,
            None => writeln!(f, "ended by a signal")?,
        }
        for (name, text) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            writeln!(f, "----- {name} -----")?;
            f.write_str(&text)?;
            if !text.is_empty() && !text.ends_with('\n') {
                f.write_str("(no line end)\n")?;
            }
        }
        Ok(())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}
