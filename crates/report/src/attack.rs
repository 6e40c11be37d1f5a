//! Names and addresses of MITRE ATT&CK ids, for people who do not know them by heart.

use std::fmt::Write as _;

use keytrail_detect::finding::Attack;

use crate::escape;

/// Tactics of the enterprise matrix (attack.mitre.org/versions/v18/tactics/enterprise/), and the one that v19 adds.
const TACTICS: [(&str, &str); 15] = [
    ("TA0001", "Initial Access"),
    ("TA0002", "Execution"),
    ("TA0003", "Persistence"),
    ("TA0004", "Privilege Escalation"),
    ("TA0005", "Defense Evasion"),
    ("TA0006", "Credential Access"),
    ("TA0007", "Discovery"),
    ("TA0008", "Lateral Movement"),
    ("TA0009", "Collection"),
    ("TA0010", "Exfiltration"),
    ("TA0011", "Command and Control"),
    ("TA0040", "Impact"),
    ("TA0042", "Resource Development"),
    ("TA0043", "Reconnaissance"),
    ("TA0112", "Defense Impairment"),
];

/// The techniques that rules name, by their v18 ids, and what v19 renamed; others go by their id alone.
const TECHNIQUES: [(&str, &str); 20] = [
    ("T1078.004", "Valid Accounts: Cloud Accounts"),
    ("T1098", "Account Manipulation"),
    ("T1485", "Data Destruction"),
    ("T1486", "Data Encrypted for Impact"),
    ("T1489", "Service Stop"),
    ("T1490", "Inhibit System Recovery"),
    ("T1499", "Endpoint Denial of Service"),
    ("T1530", "Data from Cloud Storage"),
    ("T1531", "Account Access Removal"),
    ("T1535", "Unused/Unsupported Cloud Regions"),
    ("T1537", "Transfer Data to Cloud Account"),
    ("T1548", "Abuse Elevation Control Mechanism"),
    ("T1552", "Unsecured Credentials"),
    ("T1553", "Subvert Trust Controls"),
    ("T1562.008", "Impair Defenses: Disable or Modify Cloud Logs"),
    ("T1565", "Data Manipulation"),
    ("T1578", "Modify Cloud Compute Infrastructure"),
    ("T1580", "Cloud Infrastructure Discovery"),
    ("T1606", "Forge Web Credentials"),
    (
        "T1685.002",
        "Disable or Modify Tools: Disable or Modify Cloud Log",
    ),
];

/// The name of a tactic or technique, where it is known.
pub(crate) fn name_of(id: &str) -> Option<&'static str> {
    let mut known = TACTICS.iter().chain(&TECHNIQUES);
    known.find(|(known, _)| *known == id).map(|(_, name)| *name)
}

/// `v18:T1485`.
pub(crate) fn short(attack: &Attack) -> String {
    format!("{}:{}", attack.version, attack.technique)
}

/// Ids and names in words: `T1552 Unsecured Credentials (TA0006 Credential Access), ATT&CK v18`. Safe to show.
pub(crate) fn words(attack: &Attack) -> String {
    let named = |id: &str, names: &[(&str, &str)]| {
        let mut words = escape::terminal(id).into_owned();
        if let Some((_, name)) = names.iter().find(|(known, _)| *known == id) {
            let _ = write!(words, " {name}");
        }
        words
    };
    format!(
        "{} ({}), ATT&CK {}",
        named(&attack.technique, &TECHNIQUES),
        named(&attack.tactic, &TACTICS),
        escape::terminal(&attack.version)
    )
}

/// The technique's page in that version of ATT&CK; none for an id that is not one.
pub(crate) fn address(attack: &Attack) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = attack.technique.strip_prefix('T')?;
    let version = attack.version.strip_prefix('v').filter(|v| is_number(v))?;
    let page = match number.split_once('.') {
        Some((parent, child)) if is_number(parent) && is_number(child) => {
            format!("T{parent}/{child}")
        }
        None if is_number(number) => format!("T{number}"),
        _ => return None,
    };
    Some(format!(
        "https://attack.mitre.org/versions/v{version}/techniques/{page}/"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attack(tactic: &str, technique: &str) -> Attack {
        Attack {
            version: "v18".to_owned(),
            tactic: tactic.to_owned(),
            technique: technique.to_owned(),
        }
    }

    #[test]
    fn known_ids_have_names() {
        let logs = attack("TA0005", "T1562.008");
        assert_eq!(
            words(&logs),
            "T1562.008 Impair Defenses: Disable or Modify Cloud Logs (TA0005 Defense Evasion), ATT&CK v18"
        );
        assert_eq!(
            address(&logs).as_deref(),
            Some("https://attack.mitre.org/versions/v18/techniques/T1562/008/")
        );
        assert_eq!(short(&logs), "v18:T1562.008");
    }

    #[test]
    fn what_is_no_id_gets_no_address() {
        for technique in ["", "T", "1552", "T1552.", "T1552/../x", "T15\u{1b}"] {
            assert_eq!(address(&attack("TA0006", technique)), None, "{technique}");
        }
        assert_eq!(words(&attack("\u{1b}", "T9")), "T9 (\\u{1b}), ATT&CK v18");
    }
}
