//! Findings on their way to the user: in the order of their episodes, packed until each is written.

use std::borrow::Cow;
use std::slice;

use keytrail_detect::configuration::Configuration;
use keytrail_detect::disposition::{self, Unmatched};
use keytrail_detect::finding::{Finding, FindingState};
use keytrail_detect::packed_finding::{PackedFinding, Packer};
use keytrail_event::EventTime;

use crate::output::Format;

/// Findings, sorted by (episode, id). An archive of years has tens of thousands: no more than one of them is
/// unpacked at a time.
#[derive(Debug, Default)]
pub struct FindingList {
    packed: Vec<PackedFinding>,
    packer: Packer,
}

impl FindingList {
    /// Adds findings.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        let Self { packed, packer } = self;
        packed.extend(findings.into_iter().map(|finding| packer.pack(&finding)));
        self.sort();
    }

    /// An episode is its id and a day, and no id begins with another: this is the order of (episode, id), too.
    fn sort(&mut self) {
        self.packed.sort_by(|a, b| a.episode().cmp(b.episode()));
    }

    /// Marks those that the user decided about beforehand.
    pub fn dispose(&mut self, configuration: &Configuration) {
        if !disposition::decides(configuration) {
            return;
        }
        for packed in &mut self.packed {
            let mut finding = packed.unpack();
            disposition::dispose(slice::from_mut(&mut finding), configuration);
            if finding.state != packed.state() {
                *packed = self.packer.pack(&finding);
            }
        }
    }

    /// What the user decided beforehand about none of these findings, whose records lie between these times.
    pub fn unmatched<'c>(
        &self,
        configuration: &'c Configuration,
        times: (EventTime, EventTime),
        now: EventTime,
    ) -> Unmatched<'c> {
        let mut unmatched = Unmatched::of(configuration, times, now);
        for finding in self.iter() {
            if unmatched.suppressions.is_empty() && unmatched.changes.is_empty() {
                break;
            }
            unmatched.see(&finding);
        }
        unmatched
    }

    /// Keeps those that are wanted; how many were not.
    pub fn retain(&mut self, is_wanted: impl Fn(&Finding) -> bool) -> usize {
        let all = self.packed.len();
        self.packed.retain(|packed| is_wanted(&packed.unpack()));
        all - self.packed.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// The findings, each unpacked when it is asked for.
    pub fn iter(&self) -> impl Iterator<Item = Finding> {
        self.packed.iter().map(PackedFinding::unpack)
    }

    /// The findings as they are kept.
    pub fn packed(&self) -> &[PackedFinding] {
        &self.packed
    }

    /// What a format shows: a table leaves out what is suppressed, unless the user wants it.
    pub fn visible(&self, format: Format, show_suppressed: bool) -> Cow<'_, [PackedFinding]> {
        let is_hidden = |packed: &PackedFinding| packed.state() == FindingState::Suppressed;
        if format != Format::Table || show_suppressed || !self.packed.iter().any(is_hidden) {
            return self.packed.as_slice().into();
        }
        let mut visible = self.packed.clone();
        visible.retain(|packed| !is_hidden(packed));
        visible.into()
    }
}

impl From<Vec<PackedFinding>> for FindingList {
    fn from(packed: Vec<PackedFinding>) -> Self {
        let mut list = Self {
            packed,
            packer: Packer::default(),
        };
        list.sort();
        list
    }
}

#[cfg(test)]
mod tests {
    use keytrail_detect::disposition::Suppression;

    use super::*;

    fn finding(rule: &str, at: &str) -> Finding {
        Finding::sample(rule, EventTime::parse(at).unwrap())
    }

    fn list() -> FindingList {
        let mut list = FindingList::default();
        list.extend([
            finding("root-used", "2026-03-02T10:00:00Z"),
            finding("key-disabled", "2026-03-03T10:00:00Z"),
        ]);
        list.extend([finding("key-disabled", "2026-03-02T10:00:00Z")]);
        list
    }

    fn suppression() -> Configuration {
        let suppression: Suppression = toml::from_str(
            "rule = \"root-used\"\nuntil = \"2026-12-31\"\nreason = \"known\"\nowner = \"ann\"",
        )
        .unwrap();
        Configuration {
            suppress: vec![suppression],
            ..Configuration::default()
        }
    }

    #[test]
    fn they_are_in_the_order_of_episode_and_id() {
        let mut sorted: Vec<Finding> = list().iter().collect();
        let given = sorted.clone();
        sorted.sort_by(|a, b| (&a.episode, &a.id).cmp(&(&b.episode, &b.id)));
        assert_eq!(given, sorted);
        assert_eq!(given[0].first_seen.day().to_string(), "2026-03-02");
    }

    #[test]
    fn what_is_suppressed_is_no_part_of_a_table() {
        let mut list = list();
        list.dispose(&suppression());
        assert_eq!(list.len(), 3);
        let states: Vec<FindingState> = list.iter().map(|finding| finding.state).collect();
        use FindingState::{Final, Suppressed};
        assert_eq!(states, [Final, Final, Suppressed]);
        assert_eq!(list.visible(Format::Table, false).len(), 2);
        assert_eq!(list.visible(Format::Table, true).len(), 3);
        assert_eq!(list.visible(Format::Jsonl, false).len(), 3);
    }

    #[test]
    fn what_is_not_wanted_is_counted() {
        let mut list = list();
        let left_out = list.retain(|finding| finding.rule == "key-disabled");
        assert_eq!((left_out, list.len()), (1, 2));
    }
}
