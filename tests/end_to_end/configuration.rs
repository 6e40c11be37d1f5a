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
        ("a-type.toml", "[behaviour]\nrate_floor_calls = \"many\"\n"),
        ("an-account.toml", "[organisation]\naccounts = [\"123\"]\n"),
        ("a-factor.toml", "[behaviour]\nrate_times_peak = 0.5\n"),
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
