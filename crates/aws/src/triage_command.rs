//! The commands by which people note what they did about a finding of a deployment.

use keytrail_detect::finding::{Finding, Triage};
use keytrail_report::escape;
use serde_json::Value;

/// Stands for the name of whoever notes something.
pub const NAME_HERE: &str = "NAME";
/// Stands for the reason.
pub const REASON_HERE: &str = "WHY";

/// The function that takes notes, as whoever invokes it names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageFunction {
    /// Its name.
    pub name: String,
    /// Its Region.
    pub region: String,
}

impl TriageFunction {
    /// The part of an alert that says how to note what was done about its finding.
    #[must_use]
    pub fn section(&self, finding: &Finding) -> String {
        format!(
            "\nWhen you have looked\n  \
             Say so, so that nobody looks twice. Put your name in place of {NAME_HERE}, and what\n  \
             came of it in place of {REASON_HERE}:\n    {}\n  \
             The same when it is dealt with. If it goes on, it is opened and told again:\n    {}\n",
            self.command(finding, Triage::Acknowledged),
            self.command(finding, Triage::Resolved),
        )
    }

    fn command(&self, finding: &Finding, triage: Triage) -> String {
        let episode = Value::from(finding.episode.clone());
        let state = triage.as_str();
        let payload = format!(
            r#"{{"keytrail":"triage","finding":{episode},"state":"{state}","by":"{NAME_HERE}","note":"{REASON_HERE}"}}"#
        );
        format!(
            "aws lambda invoke --region {} --function-name {} \
             --cli-binary-format raw-in-base64-out --payload {} /dev/stdout",
            escape::shell_word(&self.region),
            escape::shell_word(&self.name),
            escape::shell_word(&payload),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_stays_one_command() {
        let function = TriageFunction {
            name: "keytrail-sweep".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let mut finding = crate::alerts::sample();
        finding.episode = "a'; rm -rf ~; echo '\n\u{202e}\"".to_owned();
        let command = function.command(&finding, Triage::Resolved);
        assert!(
            command.contains(r"a'\''; rm -rf ~; echo '\''\n*\"),
            "{command}"
        );
        assert_eq!(command.lines().count(), 1);
    }
}
