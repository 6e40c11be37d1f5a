//! Cutting a finding to the size of a message: what helps least goes first, evidence goes last.

use keytrail_detect::finding::{Evidence, Finding};

/// Longest text that is kept once texts are cut, in bytes.
const TEXT_BYTES_MAX: usize = 1_024;
/// Event ids kept once they are cut: the first and the last.
const EVENT_IDS_KEPT: usize = 2;
/// Next steps kept once they are cut.
const NEXT_STEPS_KEPT: usize = 3;
/// Further keys kept once they are cut.
const FURTHER_KEYS_KEPT: usize = 3;

/// The finding as what `write` makes of it, in at most `bytes_max` bytes. What had to go is said in
/// its evidence; reasons go last, and the last of them first.
#[must_use]
pub fn within(finding: &Finding, bytes_max: usize, write: impl Fn(&Finding) -> String) -> String {
    let whole = write(finding);
    if whole.len() <= bytes_max {
        return whole;
    }
    let mut cut = finding.clone();
    let steps: [fn(&mut Finding); 3] = [cut_lists, cut_names, cut_evidence];
    let note = Evidence::new(
        "shortened",
        format!(
            "This finding has {} bytes and was cut to fit; the store has all of it.",
            whole.len()
        ),
    );
    let note = note.observed(whole.len()).expected(bytes_max);
    cut.evidence.push(note.clone());
    for step in steps {
        step(&mut cut);
        let written = write(&cut);
        if written.len() <= bytes_max {
            return written;
        }
    }
    // The note stays; before it stand as many of the reasons as there is room for.
    cut.evidence.pop();
    let reasons = std::mem::take(&mut cut.evidence);
    let with = |kept: usize| {
        let mut cut = cut.clone();
        cut.evidence.extend_from_slice(&reasons[..kept]);
        cut.evidence.push(note.clone());
        write(&cut)
    };
    let (mut fitting, mut too_many) = (0, reasons.len());
    while fitting + 1 < too_many {
        let middle = fitting.midpoint(too_many);
        if with(middle).len() <= bytes_max {
            fitting = middle;
        } else {
            too_many = middle;
        }
    }
    with(fitting)
}

/// The finding as JSON on one line.
#[must_use]
pub fn json(finding: &Finding) -> String {
    // Finite numbers and strings under fixed names always make JSON.
    serde_json::to_string(finding).unwrap_or_default()
}

fn cut_lists(finding: &mut Finding) {
    if finding.event_ids.len() > EVENT_IDS_KEPT
        && let Some(last) = finding.event_ids.pop()
    {
        finding.event_ids.truncate(EVENT_IDS_KEPT - 1);
        finding.event_ids.push(last);
    }
    finding.next_steps.truncate(NEXT_STEPS_KEPT);
    finding.further_keys.truncate(FURTHER_KEYS_KEPT);
    let lists = [
        &mut finding.next_steps,
        &mut finding.event_ids,
        &mut finding.further_keys,
    ];
    lists.into_iter().flatten().for_each(cut_text);
}

fn cut_names(finding: &mut Finding) {
    cut_text(&mut finding.title);
    for name in [
        &mut finding.region,
        &mut finding.principal,
        &mut finding.key,
        &mut finding.practice,
    ] {
        name.iter_mut().for_each(cut_text);
    }
    cut_text(&mut finding.account);
}

fn cut_evidence(finding: &mut Finding) {
    for reason in &mut finding.evidence {
        cut_text(&mut reason.text);
        for text in [
            &mut reason.observed,
            &mut reason.expected,
            &mut reason.history,
        ] {
            text.iter_mut().for_each(cut_text);
        }
    }
}

/// Cuts a text at a character, and shows that it did.
fn cut_text(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8()));
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn what_fits_stays_whole() {
        let finding = samples::deletion();
        let read: Finding = serde_json::from_str(&within(&finding, 1 << 18, json)).unwrap();
        assert_eq!(read, finding);
    }

    #[test]
    fn evidence_goes_last() {
        let mut finding = samples::deletion();
        finding.event_ids = (0..10).map(|id| format!("{id}").repeat(2_000)).collect();
        let first_reason = finding.evidence[0].clone();
        let cut: Finding = serde_json::from_str(&within(&finding, 8_000, json)).unwrap();
        assert_eq!(cut.event_ids.len(), 2);
        assert_eq!(cut.evidence[0], first_reason);
        assert_eq!(cut.evidence.last().unwrap().feature, "shortened");
    }

    #[test]
    fn any_finding_comes_within_the_bound() {
        let mut finding = samples::deletion();
        finding.title = "\u{0}\u{e9}".repeat(100_000);
        finding.further_keys = vec!["\"".repeat(100_000); 24];
        finding.principal = Some("\"".repeat(300_000));
        finding.evidence = (0..1_000)
            .map(|_| Evidence::new("text", "x".repeat(2_000)))
            .collect();
        let json = within(&finding, 64 << 10, json);
        assert!(json.len() <= 64 << 10, "{}", json.len());
        let cut: Finding = serde_json::from_str(&json).unwrap();
        assert!(cut.evidence.len() > 10 && cut.id == finding.id);
        let ocsf = within(&finding, 64 << 10, crate::ocsf::line);
        assert!(ocsf.len() <= 64 << 10, "{}", ocsf.len());
        let cut: serde_json::Value = serde_json::from_str(&ocsf).unwrap();
        assert!(cut["evidences"].as_array().unwrap().len() > 10);
        assert_eq!(cut["finding_info"]["uid"], finding.id.as_str());
    }
}
