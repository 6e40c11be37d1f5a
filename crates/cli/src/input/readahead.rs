//! Objects of a bucket are asked for ahead of their turn: an answer takes long, however little is in it.

use std::collections::HashMap;
use std::io::{Cursor, Read, Result};
use std::sync::{Mutex, PoisonError};

use super::InputFile;
use crate::bucket::Reading;

/// Objects that are asked for and not taken yet, at most.
const OBJECTS_AHEAD_MAX: usize = 32;
/// Bytes of them, at most, by the sizes that the listing told.
const BYTES_AHEAD_MAX: u64 = 64 << 20;

/// Files that are opened once each, about in their order, by several threads.
pub struct Readahead<'f> {
    files: Vec<&'f InputFile>,
    ahead: Mutex<Ahead>,
}

/// The objects that are asked for.
#[derive(Default)]
struct Ahead {
    /// The first file that nobody has looked at.
    next: usize,
    asked: HashMap<usize, Reading>,
    bytes: u64,
}

impl<'f> Readahead<'f> {
    /// Nothing is asked for before the first file is opened.
    pub fn new(files: impl IntoIterator<Item = &'f InputFile>) -> Self {
        Self {
            files: files.into_iter().collect(),
            ahead: Mutex::default(),
        }
    }

    /// Opens the file of this index.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, index: usize) -> Result<Box<dyn Read>> {
        let file = self.files[index];
        let Some(object) = &file.object else {
            return file.open();
        };
        let asked = {
            let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
            ahead.ask(&self.files, index);
            ahead.take(index, file)
        };
        let reading = asked.unwrap_or_else(|| file.begin(object));
        let bytes = object.buckets.end(reading)?;
        Ok(Box::new(Cursor::new(bytes)))
    }
}

impl Ahead {
    /// Asks for everything up to this file, and for as much behind it as there is room for.
    fn ask(&mut self, files: &[&InputFile], index: usize) {
        while let Some(file) = files.get(self.next) {
            let bytes = file.bytes.unwrap_or_default();
            let is_due = self.next <= index;
            let has_room = self.asked.len() < OBJECTS_AHEAD_MAX
                && self.bytes.saturating_add(bytes) <= BYTES_AHEAD_MAX;
            if !is_due && !has_room {
                return;
            }
            if let Some(object) = &file.object {
                self.bytes += bytes;
                self.asked.insert(self.next, file.begin(object));
            }
            self.next += 1;
        }
    }

    fn take(&mut self, index: usize, file: &InputFile) -> Option<Reading> {
        let reading = self.asked.remove(&index)?;
        self.bytes -= file.bytes.unwrap_or_default();
        Some(reading)
    }
}
