//! Rows into every place the user wants them, each in its format.

use std::io::{self, Write as _};

use super::row::Row;
use super::table::Table;
use crate::arguments::OutputArguments;
use crate::escape;
use crate::failure::UsageError;
use crate::output::{Destination, Format};
use crate::talk::Talk;

/// All places.
pub struct RowWriters {
    writers: Vec<RowWriter>,
    /// Whether the work goes on when nobody reads the rows any more.
    goes_on_unread: bool,
}

/// One place.
struct RowWriter {
    form: Form,
    destination: Destination,
}

/// What a format needs to remember.
enum Form {
    Table(Table),
    /// Whether a row has been written.
    Json(bool),
    Jsonl,
    Csv,
}

impl RowWriters {
    /// Opens all places, before anything is read. `goes_on_unread` says that the run has another
    /// purpose than these rows.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(
        arguments: &OutputArguments,
        is_wanted: bool,
        goes_on_unread: bool,
        talk: Talk,
    ) -> Result<Self, UsageError> {
        let mut writers = Vec::new();
        for output in &arguments.output {
            let destination = Destination::file(&output.path)?;
            writers.push(RowWriter::new(output.format, false, destination)?);
        }
        let default = arguments.output.is_empty().then_some(Format::Table);
        if let Some(format) = arguments.format.or(default)
            && is_wanted
        {
            let destination = Destination::standard_output(format, talk.color());
            writers.push(RowWriter::new(format, true, destination)?);
        }
        Ok(Self {
            goes_on_unread: goes_on_unread || writers.is_empty(),
            writers,
        })
    }

    /// Writes a row everywhere. Who closed a pipe gets no more; the others do.
    ///
    /// # Errors
    /// When a place cannot be written, or nobody reads any more.
    pub fn row(&mut self, json: &[u8]) -> anyhow::Result<()> {
        self.each(|writer| writer.row(json))
    }

    /// Completes everything.
    ///
    /// # Errors
    /// When a place cannot be written.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.each(RowWriter::close)?;
        for writer in self.writers {
            writer.destination.finish()?;
        }
        Ok(())
    }

    fn each(
        &mut self,
        mut write: impl FnMut(&mut RowWriter) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let mut index = 0;
        while let Some(writer) = self.writers.get_mut(index) {
            match write(writer) {
                Ok(()) => index += 1,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.writers.remove(index);
                    if self.writers.is_empty() && !self.goes_on_unread {
                        return Err(error.into());
                    }
                }
                Err(error) => {
                    let what = format!("cannot write {}", writer.destination.name());
                    return Err(anyhow::Error::from(error).context(what));
                }
            }
        }
        Ok(())
    }
}

impl RowWriter {
    fn new(
        format: Format,
        is_styled: bool,
        mut destination: Destination,
    ) -> Result<Self, UsageError> {
        let form = match format {
            Format::Table => Form::Table(Table::new(is_styled)),
            Format::Json => Form::Json(false),
            Format::Jsonl => Form::Jsonl,
            Format::Csv => {
                // This goes into the buffer; what cannot be written is noticed with the rows.
                write_csv(Row::NAMES, &mut destination).map_err(UsageError::new)?;
                Form::Csv
            }
        };
        Ok(Self { form, destination })
    }

    fn row(&mut self, json: &[u8]) -> io::Result<()> {
        let out = &mut self.destination;
        match &mut self.form {
            Form::Table(table) => table.row(&Row::decode(json)?, out),
            Form::Json(has_rows) => {
                let before: &[u8] = if *has_rows { b",\n" } else { b"[\n" };
                *has_rows = true;
                out.write_all(before)?;
                out.write_all(json)
            }
            Form::Jsonl => {
                out.write_all(json)?;
                out.write_all(b"\n")
            }
            Form::Csv => {
                let row = Row::decode(json)?;
                let cells = row.cells();
                write_csv(cells.each_ref().map(|cell| &**cell), out)
            }
        }
    }

    /// Writes what belongs behind the last row.
    fn close(&mut self) -> io::Result<()> {
        let out = &mut self.destination;
        match &mut self.form {
            Form::Table(table) => table.finish(out)?,
            Form::Json(true) => out.write_all(b"\n]\n")?,
            Form::Json(false) => out.write_all(b"[]\n")?,
            Form::Jsonl | Form::Csv => {}
        }
        out.flush()
    }
}

fn write_csv(cells: [&str; 15], out: &mut Destination) -> io::Result<()> {
    let mut line = csv::WriterBuilder::new().from_writer(Vec::with_capacity(512));
    line.write_record(cells.map(|cell| escape::csv_cell(cell).into_owned()))?;
    let line = line.into_inner().map_err(|error| error.into_error())?;
    out.write_all(&line)
}
