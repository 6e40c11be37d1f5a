//! The program under test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use cargo_metadata::Message;

use crate::root;

/// Set where the whole workspace was built for its tests: the program is among what was built, then.
const IS_BUILT: &str = "KEYTRAIL_PROGRAM_IS_BUILT";

/// The program, built once: cargo builds programs for the tests of their own package only.
///
/// # Panics
/// When it does not build: no test can go on without it.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if std::env::var_os(IS_BUILT).is_some() {
            let here = std::env::current_exe().unwrap();
            let folder = here.parent().and_then(Path::parent).unwrap();
            let built = folder
                .join("keytrail")
                .with_extension(std::env::consts::EXE_EXTENSION);
            assert!(built.is_file(), "{} is not there", built.display());
            return built;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(root())
            .args(["build", "--quiet", "--package", "keytrail-cli"])
            .args(["--bin", "keytrail", "--message-format", "json"]);
        if !cfg!(debug_assertions) {
            command.arg("--release");
        }
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
        assert!(output.status.success(), "{command:?} failed");
        Message::parse_stream(&output.stdout[..])
            .find_map(|message| match message.unwrap() {
                Message::CompilerArtifact(artifact) => artifact.executable,
                _ => None,
            })
            .expect("cargo names what it built")
            .into_std_path_buf()
    })
}
