//! Rows into every place the user wants them, each in its format.

use std::io::{self, Write as _};

use keytrail_report::Page;
use keytrail_report::events::{EventWriter, writer};

use crate::arguments::OutputArguments;
use crate::failure::UsageError;
use crate::output::{Destination, Format, check_record_formats};
use crate::talk::Talk;

/// All places.
pub struct RowWriters {
    writers: Vec<RowWriter>,
    /// Whether the work goes on when nobody reads the rows any more.
    goes_on_unread: bool,
}

/// One place.
struct RowWriter {
    form: Box<dyn EventWriter>,
    destination: Destination,
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
        let formats = arguments.output.iter().map(|output| output.format);
        check_record_formats(formats.chain(arguments.format))?;
        let mut writers = Vec::new();
        for output in &arguments.output {
            let destination = Destination::file(&output.path)?;
            writers.push(RowWriter::new(
                output.format,
                &talk.plain_page(),
                destination,
            ));
        }
        let default = arguments.output.is_empty().then_some(Format::Table);
        if let Some(format) = arguments.format.or(default)
            && is_wanted
        {
            let destination = Destination::standard_output(format, talk.color());
            writers.push(RowWriter::new(format, &talk.page(), destination));
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
        self.each(|writer| writer.form.encoded(json, &mut writer.destination))
    }

    /// Completes everything.
    ///
    /// # Errors
    /// When a place cannot be written.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.each(|writer| {
            writer.form.finish(&mut writer.destination)?;
            writer.destination.flush()
        })?;
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
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl RowWriter {
    fn new(format: Format, page: &Page, destination: Destination) -> Self {
        Self {
            form: writer(format.into(), page),
            destination,
        }
    }
}
