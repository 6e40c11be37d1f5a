//! AWS services locally, for as long as the tests take.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::python_tools::MINISTACK;
use crate::temporary_folder::TemporaryFolder;

/// How long they may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Running services; they end with this value.
#[derive(Debug)]
pub struct AwsServices {
    process: Child,
    port: u16,
    /// Their temporary files, the unpacked functions among them. Removed once they have ended.
    _folder: TemporaryFolder,
}

impl AwsServices {
    /// Starts them on a free port of the loopback address.
    pub fn start() -> Result<Self> {
        let program = MINISTACK.program("ministack")?;
        let log = Self::log()?;
        let folder = TemporaryFolder::new_in(&crate::root()?.join("target/tools/ministack-tmp"))?;
        // Somebody could take the port in between; then the services end, and say so in their log.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let output = fs::File::create(&log)?;
        let process = Command::new(program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            // Functions inherit it: what they call is here, too, and never elsewhere.
            .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("could not start the services")?;
        let mut services = Self {
            process,
            port,
            _folder: folder,
        };
        services.wait()?;
        Ok(services)
    }

    /// Their address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends them, and looks whether they left anything where it would stay.
    pub fn end(self) -> Result<()> {
        let port = self.port.to_string();
        drop(self);
        let everybodys = std::env::temp_dir();
        for entry in fs::read_dir(&everybodys)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_theirs = name.starts_with("ministack-") && name.contains(&port);
            ensure!(
                !is_theirs,
                "the services left {} behind",
                everybodys.join(name).display()
            );
        }
        Ok(())
    }

    fn log() -> Result<PathBuf> {
        Ok(crate::root()?.join("target/tools/ministack.log"))
    }

    fn wait(&mut self) -> Result<()> {
        let from = Instant::now();
        loop {
            if self.is_healthy() {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait()? {
                bail!(
                    "the services ended with {status}; see {}",
                    Self::log()?.display()
                );
            }
            if from.elapsed() > PATIENCE {
                bail!("the services do not answer; see {}", Self::log()?.display());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn is_healthy(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut connection = TcpStream::connect(("127.0.0.1", self.port))?;
            connection.set_read_timeout(Some(Duration::from_secs(2)))?;
            let request =
                "GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
            connection.write_all(request.as_bytes())?;
            let mut head = [0; 15];
            connection.read_exact(&mut head)?;
            Ok(head.windows(5).any(|part| part == b" 200 "))
        };
        ask().unwrap_or_default()
    }
}

impl Drop for AwsServices {
    fn drop(&mut self) {
        // Asked politely it ends what it started itself, the functions' processes among them.
        let asked = Command::new("kill")
            .arg(self.process.id().to_string())
            .status();
        let from = Instant::now();
        while asked.is_ok() && from.elapsed() < Duration::from_secs(5) {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
