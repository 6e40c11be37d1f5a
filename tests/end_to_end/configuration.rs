//! The configuration: defaults, file, environment, flags.

use insta::assert_snapshot;

use crate::sandbox::{Ran, Sandbox};

/// Whether the grant to 777788889999 counts as external.
fn is_external(ran: &Ran) -> bool {
    assert_eq!(ran.code, Some(0), "{ran}");
    ran.stdout().contains("grant-external")
}

const REPLAY: [&str; 5] = ["replay", "incident", "-q", "--format", "jsonl"];
const OURS: &str = "[organisation]\naccounts = [\"777788889999\"]\n";

#[test]
fn each_source_lies_over_the_one_below() {
    let sandbox = Sandbox::new();
    assert!(is_external(&sandbox.run(REPLAY)));
    // A file that is named.
    sandbox.write("ours.toml", OURS);
    let named = [&REPLAY[..], &["--config", "ours.toml"]].concat();
    assert!(!is_external(&sandbox.run(&named)));
    // The environment lies over the file, and names one too.
    let accounts = "KEYTRAIL_ORGANISATION_ACCOUNTS";
    assert!(is_external(&sandbox.run_changed(&named, |command| {
        command.env(accounts, "111122223333,444455556666");
    })));
    assert!(!is_external(&sandbox.run_changed(REPLAY, |command| {
        command.env("KEYTRAIL_CONFIG", "ours.toml");
    })));
    // A flag lies over the environment.
    let flagged = [&REPLAY[..], &["--organisation-account", "777788889999"]].concat();
    assert!(!is_external(&sandbox.run_changed(&flagged, |command| {
        command.env(accounts, "111122223333");
    })));
    // The file of the folder is read unasked.
    sandbox.write("keytrail.toml", OURS);
    assert!(!is_external(&sandbox.run(REPLAY)));
}

#[test]
fn what_is_wrong_with_it() {
    let sandbox = Sandbox::new();
    let files = [
        (
            "unknown-key.toml",
            "[organisation]\naccounts = []\nregions = []\n",
        ),
        ("unknown-section.toml", "[organization]\naccounts = []\n"),
        ("no-toml.toml", "[organisation\n"),
        ("a-type.toml", "[behaviour]\nfindings_a_day = \"many\"\n"),
        ("an-account.toml", "[organisation]\naccounts = [\"123\"]\n"),
        (
            "an-organisation.toml",
            "[organisation]\naccounts = []\nids = [\"111122223333\"]\n",
        ),
        ("a-number.toml", "[behaviour]\nfindings_a_day = 0.0\n"),
        ("a-rule.toml", "shadow = [\"key-*\"]\n"),
        (
            "an-owner.toml",
            "[[suppress]]\nrule = \"key-*\"\nuntil = \"2024-02-01\"\nreason = \"a drill\"\n",
        ),
        (
            "everything.toml",
            "[[suppress]]\nuntil = \"2024-02-01\"\nreason = \"a drill\"\nowner = \"rose\"\n",
        ),
        (
            "a-time.toml",
            "[[suppress]]\nrule = \"key-*\"\nuntil = \"soon\"\nreason = \"a drill\"\nowner = \"rose\"\n",
        ),
        (
            "a-window.toml",
            "[[expected]]\nkey = \"*\"\nfrom = \"2024-02-02\"\nuntil = \"2024-02-01\"\nreason = \"a drill\"\n",
        ),
    ];
    let mut all = String::new();
    for (name, text) in files {
        sandbox.write(name, text);
        let ran = sandbox.keytrail(&format!("replay incident --config {name}"));
        all.push_str(&format!("===== {name} =====\n{ran}"));
    }
    let ran = sandbox.keytrail("replay incident --config missing.toml");
    all.push_str(&format!("===== missing.toml =====\n{ran}"));
    assert_snapshot!(all);
}

/// One rule on trial, one that is suppressed until a time that has passed, one planned change.
const DECIDED: &str = r#"
shadow = ["key-disabled"]

[[suppress]]
rule = "grant-*"
account = "4444*"
until = "2024-02-01"
reason = "a drill"
owner = "rose\u001b[2J"

[[expected]]
principal = "*:root"
from = "2024-01-31"
until = "2024-02-01"
reason = "a break-glass drill"
"#;

#[test]
fn what_users_decided_about_findings() {
    let sandbox = Sandbox::new();
    sandbox.write("keytrail.toml", DECIDED);
    assert_snapshot!(sandbox.keytrail("replay incident"));
    let shown = sandbox.keytrail("replay incident -q --show-suppressed --rule grant-*");
    assert!(shown.stdout().contains("[suppressed]"), "{shown}");
    // Data holds all of them, with their state.
    let plain = Sandbox::new().keytrail("replay incident -q --format jsonl");
    let decided = sandbox.keytrail("replay incident -q --format jsonl");
    let mut states: Vec<String> = decided
        .json_lines()
        .iter()
        .map(|finding| format!("{} {}", finding["rule"], finding["state"]))
        .collect();
    states.sort();
    assert_eq!(plain.json_lines().len(), states.len());
    assert_snapshot!(states.join("\n"));
}

/// A rule or a role that is written wrong hides nothing, and nobody was told.
#[test]
fn what_fits_no_finding_is_named_and_is_no_error() {
    let sandbox = Sandbox::new();
    let suppress = |key: &str| {
        let text = format!(
            "[[suppress]]\nrule = \"root-used\"\nkey = \"{key}\"\nuntil = \"2999-01-01\"\nreason = \"r\"\nowner = \"o\"\n"
        );
        sandbox.write("keytrail.toml", text);
        sandbox.keytrail("replay incident")
    };
    let ran = suppress("00000009-*");
    assert_eq!(ran.code, Some(0));
    let named = "The suppression of rule root-used, key 00000009-* fits no finding of this run";
    assert!(ran.stderr().contains(named), "{ran}");
    let quiet = sandbox.keytrail("replay incident -q");
    assert!(!quiet.stderr().contains(named), "{quiet}");
    let ran = suppress("00000003-*");
    assert!(!ran.stderr().contains("fits no finding"), "{ran}");
}

#[test]
fn what_users_decided_about_does_not_fail() {
    let sandbox = Sandbox::new();
    let words = "replay incident -q --rule grant-external --fail-on low";
    assert_eq!(sandbox.keytrail(words).code, Some(1));
    sandbox.write("keytrail.toml", DECIDED);
    assert_eq!(sandbox.keytrail(words).code, Some(0));
    sandbox.write("keytrail.toml", "shadow = [\"grant-external\"]\n");
    assert_eq!(sandbox.keytrail(words).code, Some(0));
}

/// A state holds what was judged; what users decided is laid over it at every run, and taken off again.
#[test]
fn what_users_decided_leaves_no_trace_in_a_state() {
    let sandbox = Sandbox::new();
    let states = || {
        let ran = sandbox.keytrail("replay incident -q --state state.sqlite --format jsonl");
        let findings = ran.json_lines();
        let states = findings.iter().map(|finding| finding["state"].to_string());
        states.collect::<Vec<_>>()
    };
    let before = states();
    sandbox.write("keytrail.toml", DECIDED);
    let decided = states();
    assert!(
        decided.contains(&"\"suppressed\"".to_owned()),
        "{decided:?}"
    );
    sandbox.write("keytrail.toml", "");
    assert_eq!(states(), before);
}

#[test]
fn everything_that_is_wrong_with_a_file() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "keytrail.toml",
        "[organisation]\nacounts = []\naccounts = [\"123\\u001b[2J\"]\n\n[rules]\nbulk_keys = \"many\"\n\n\
         [[suppress]]\nrule = \"no-such-rule\"\nuntil = \"soon\"\nreason = \"a drill\"\n",
    );
    let ran = sandbox.keytrail("config check");
    assert_eq!(ran.code, Some(2), "{ran}");
    assert_snapshot!(ran);
    sandbox.write("right.toml", DECIDED);
    let right = sandbox.keytrail("config check right.toml");
    assert_eq!(right.code, Some(0), "{right}");
    assert_eq!(right.stdout(), "right.toml: nothing is wrong\n");
}

#[test]
fn where_values_come_from() {
    let sandbox = Sandbox::new();
    let decided = format!("{DECIDED}\n[rules]\nbulk_keys = 7\n");
    sandbox.write("keytrail.toml", decided);
    let ran = sandbox.keytrail("config show --allowed-region eu-west-1");
    let shown = ran.stdout();
    let line = |start: &str| {
        let found = shown.lines().find(|line| line.starts_with(start));
        found.unwrap_or_else(|| panic!("{ran}")).to_owned()
    };
    assert!(
        line("rules.bulk_keys").ends_with("= 7  # keytrail.toml:18"),
        "{ran}"
    );
    assert!(line("rules.churn_loops").ends_with("# built in"), "{ran}");
    assert!(line("shadow").ends_with("# keytrail.toml:2"), "{ran}");
    assert!(line("suppress").ends_with("# keytrail.toml:4"), "{ran}");
    assert!(
        line("organisation.allowed_regions").ends_with("# a flag or the environment"),
        "{ran}"
    );
    // What is shown is a configuration that means the same.
    sandbox.write("shown.toml", shown.replace("\\u{1b}", ""));
    let again = sandbox.keytrail("config check shown.toml");
    assert_eq!(again.code, Some(0), "{again}");
}
