//! The dictionary of a tally that is read.

/// The names of a dictionary, one behind the other.
#[derive(Default)]
pub(super) struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    pub(super) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// The last name, or the empty one.
    pub(super) fn last(&self) -> &str {
        let last = self.len().checked_sub(1);
        last.and_then(|last| self.get(last)).unwrap_or_default()
    }

    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }
}
