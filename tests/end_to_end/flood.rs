//! An archive that is made to fill memory: nothing that one record shows is lost, and what is not seen is said.

use keytrail_sim::flood::{FloodOptions, generate};

use crate::sandbox::Sandbox;

/// More names than a day of an account has room for.
#[test]
fn nothing_that_one_record_shows_is_lost() {
    let sandbox = Sandbox::new();
    let options = FloodOptions {
        names: 20_200,
        cell_events: 500,
        grants: 1_100,
        open_grants: 1_100,
        policy_bytes: 32_768,
        disabled_keys: 100,
        seed: 1,
        day: "2026-03-02".parse().unwrap(),
    };
    let made = generate(&options, &mut |file| {
        sandbox.write(format!("flood/{}", file.path), &file.bytes);
        Ok(())
    });
    assert_eq!(made.unwrap().foreign_grants, 2);
    let mut outputs = Vec::new();
    for words in ["--threads 1", "--threads 2 --state flood.db"] {
        let ran = sandbox.keytrail(&format!("replay flood --format jsonl {words}"));
        assert_eq!(ran.code, Some(0), "{ran}");
        let findings = ran.json_lines();
        let of_rule = |rule: &str| {
            let of_rule = findings.iter().filter(|finding| finding["rule"] == rule);
            of_rule.collect::<Vec<_>>()
        };
        assert_eq!(of_rule("key-disabled").len(), 100);
        assert_eq!(of_rule("policy-public").len(), 1);
        assert_eq!(of_rule("grant-external")[0]["count"], 2);
        // More than one step holds (step_findings_max).
        assert_eq!(of_rule("grant-broad").len(), 1_098);
        // What rests on more than one record names the bound.
        for finding in of_rule("key-deletion-bulk") {
            assert!(
                finding.to_string().contains("day_principals_max"),
                "{finding}"
            );
        }
        assert!(!of_rule("key-deletion-bulk").is_empty());
        assert!(
            ran.stderr().contains("(day_principals_max = 20,000)"),
            "{ran}"
        );
        outputs.push(crate::state::unrevised(&ran.stdout()));
    }
    assert!(outputs.iter().all(|output| *output == outputs[0]));
}
