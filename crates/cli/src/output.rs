//! Where results go: standard output and files, each in its format.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anstream::{AutoStream, ColorChoice};
use anyhow::Context as _;
use clap::ValueEnum;
use tempfile::NamedTempFile;

use crate::failure::UsageError;
use crate::talk::takes_color;
use keytrail_report::escape;

/// Buffer of an output, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns to read on a terminal.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values with a line of names.
    Csv,
    /// One OCSF Detection Finding (2004, version 1.5) a line. Of findings only.
    Ocsf,
    /// One finding of the AWS Security Finding Format a line. Of findings only.
    Asff,
}

impl From<Format> for keytrail_report::Format {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Jsonl => Self::Jsonl,
            Format::Csv => Self::Csv,
            Format::Ocsf => Self::Ocsf,
            Format::Asff => Self::Asff,
        }
    }
}

/// `FORMAT=PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputArgument {
    /// The format.
    pub format: Format,
    /// The file.
    pub path: PathBuf,
}

impl FromStr for OutputArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text
            .split_once('=')
            .ok_or("write FORMAT=PATH, such as csv=events.csv")?;
        let format = Format::from_str(format, false).map_err(|_| {
            format!(
                "`{}` is no format; there are table, json, jsonl, csv, ocsf and asff",
                escape::terminal(format)
            )
        })?;
        match path {
            "" => Err("the path is missing behind the =".to_owned()),
            "-" => Err("standard output is chosen by --format".to_owned()),
            path => Ok(Self {
                format,
                path: path.into(),
            }),
        }
    }
}

/// Checks that no records are wanted in a format of findings.
///
/// # Errors
/// When one is.
pub fn check_record_formats(mut formats: impl Iterator<Item = Format>) -> Result<(), UsageError> {
    match formats.find(|format| matches!(format, Format::Ocsf | Format::Asff)) {
        Some(_) => Err(UsageError::new("ocsf and asff are formats of findings, not of records")
            .hint("`keytrail replay` writes findings; events are written as table, json, jsonl or csv")),
        None => Ok(()),
    }
}

/// Something that results are written to.
pub struct Destination {
    writer: Box<dyn Write>,
    /// Set for a file that appears under its name only when it is complete.
    unfinished: Option<Unfinished>,
    name: String,
}

struct Unfinished {
    file: NamedTempFile,
    path: PathBuf,
}

impl Destination {
    /// Standard output. Only a table may have colour; data passes as it is.
    pub fn standard_output(format: Format, color: ColorChoice) -> Self {
        let stdout = io::stdout().lock();
        let writer: Box<dyn Write> = match format {
            // What has no colour needs none taken out.
            Format::Table if takes_color(color) => Box::new(BufWriter::with_capacity(
                BUFFER_BYTES,
                AutoStream::new(stdout, color),
            )),
            Format::Table
            | Format::Json
            | Format::Jsonl
            | Format::Csv
            | Format::Ocsf
            | Format::Asff => Box::new(BufWriter::with_capacity(BUFFER_BYTES, stdout)),
        };
        Self {
            writer,
            unfinished: None,
            name: "standard output".to_owned(),
        }
    }

    /// A file. It is written beside its place and moved there at the end, so that nobody ever
    /// finds half of it; a pipe or device is written to as it is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn file(path: &Path) -> Result<Self, UsageError> {
        let name = format!("`{}`", escape::path(path));
        let cannot = |error: io::Error| {
            let told = match error.kind() {
                io::ErrorKind::NotFound => UsageError::new(format_args!(
                    "cannot write {name}: its folder does not exist"
                ))
                .hint("make the folder first"),
                _ => UsageError::new(format_args!("cannot write {name}: {error}")),
            };
            match is_misnamed(error.kind()) {
                true => told,
                false => told.not_finished(),
            }
        };
        let existing = fs::metadata(path).ok();
        if existing.as_ref().is_some_and(fs::Metadata::is_dir) {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        if existing.is_some_and(|metadata| !metadata.is_file()) {
            let file = File::options().write(true).open(path).map_err(cannot)?;
            return Ok(Self {
                writer: Box::new(BufWriter::with_capacity(BUFFER_BYTES, file)),
                unfinished: None,
                name,
            });
        }
        // A link stays a link: what it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        // The kind alone: the name of the temporary file would tell the user nothing.
        let file = temporary(folder.unwrap_or(Path::new(".")))
            .map_err(|error| cannot(error.kind().into()))?;
        let writer = file.reopen().map_err(cannot)?;
        Ok(Self {
            writer: Box::new(BufWriter::with_capacity(BUFFER_BYTES, writer)),
            unfinished: Some(Unfinished { file, path }),
            name,
        })
    }

    /// Writes out what is left and puts a file into its place.
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(mut self) -> anyhow::Result<()> {
        let name = self.name;
        self.writer
            .flush()
            .with_context(|| format!("cannot write {name}"))?;
        if let Some(Unfinished { file, path }) = self.unfinished {
            file.persist(path)
                .map_err(|error| error.error)
                .with_context(|| format!("cannot write {name}"))?;
        }
        Ok(())
    }
}

/// What cannot be written is told with the destination's name, of the same kind.
impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes);
        written.map_err(|error| named(&self.name, &error))
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.writer.flush();
        written.map_err(|error| named(&self.name, &error))
    }
}

fn named(name: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write {name}: {error}"))
}

/// Whether a file that cannot be made has a name that cannot be one; else the place takes none now.
fn is_misnamed(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound};
    matches!(
        kind,
        NotFound | NotADirectory | IsADirectory | InvalidFilename | InvalidInput
    )
}

#[cfg(unix)]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt as _;
    // As any new file: readable as far as the user's umask allows.
    tempfile::Builder::new()
        .prefix(".keytrail-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".keytrail-")
        .tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_on_the_command_line() {
        let parsed = "csv=a=b.csv".parse::<OutputArgument>();
        let expected = OutputArgument {
            format: Format::Csv,
            path: "a=b.csv".into(),
        };
        assert_eq!(parsed, Ok(expected));
        for text in ["", "csv", "csv=", "csv=-", "xml=x", "=x"] {
            assert!(text.parse::<OutputArgument>().is_err(), "{text}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_written_is_told_by_name() {
        let mut destination = Destination::file(Path::new("/dev/full")).unwrap();
        destination.write_all(b"text").unwrap();
        let error = destination.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        let told = "cannot write `/dev/full`: ";
        assert!(error.to_string().starts_with(told), "{error}");
        let much = vec![b'x'; 2 * BUFFER_BYTES];
        let error = destination.write_all(&much).unwrap_err();
        assert!(error.to_string().starts_with(told), "{error}");
    }

    #[test]
    fn a_file_appears_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.jsonl");
        fs::write(&path, "old").unwrap();
        let mut destination = Destination::file(&path).unwrap();
        destination.write_all(b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        destination.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(Destination::file(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(Destination::file(folder.path()).is_err());
        assert!(is_misnamed(io::ErrorKind::NotFound));
        assert!(!is_misnamed(io::ErrorKind::PermissionDenied));
        assert!(Destination::file(&folder.path().join("no/such/out")).is_err());
    }
}
