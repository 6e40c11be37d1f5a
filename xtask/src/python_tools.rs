//! Tools written in Python, each in a virtual environment of its own below `target/tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// A tool and what is installed for it.
#[derive(Debug, Clone, Copy)]
pub struct PythonTool {
    /// The name of its folder.
    pub name: &'static str,
    /// The packages, with their versions.
    pub packages: &'static [&'static str],
}

/// The linter of CloudFormation templates.
pub const CFN_LINT: PythonTool = PythonTool {
    name: "cfn-lint",
    packages: &["cfn-lint==1.58.0"],
};

/// AWS services on this machine. Installed by one command, since it pins what they share.
pub const MINISTACK: PythonTool = PythonTool {
    name: "ministack",
    packages: &[
        "ministack==1.5.33",
        "aws-sam-translator==1.115.0",
        "boto3==1.43.106",
        "cbor2==6.2.1",
    ],
};

impl PythonTool {
    /// The path of one of its programs; it is installed unless it was before.
    pub fn program(&self, program: &str) -> Result<PathBuf> {
        let folder = crate::root()?.join("target/tools").join(self.name);
        let stamp = folder.join("installed");
        let wanted = self.packages.join("\n");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(folder.join("bin").join(program));
        }
        self.install(&folder)
            .with_context(|| format!("could not install {}", self.name))?;
        fs::write(&stamp, wanted)?;
        Ok(folder.join("bin").join(program))
    }

    fn install(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        let mut venv = Command::new("python3");
        venv.args(["-m", "venv"]).arg(folder);
        quietly(venv)?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"])
            .args(self.packages);
        quietly(pip)
    }
}

fn quietly(mut command: Command) -> Result<()> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("could not start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
