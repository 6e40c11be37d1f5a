//! `keytrail rules`: what Keytrail looks for.

use insta::assert_snapshot;
use keytrail_tests::root;

use crate::sandbox::Sandbox;

#[test]
fn the_list() {
    assert_snapshot!(Sandbox::new().keytrail("rules list"));
}

#[test]
fn each_one() {
    let sandbox = Sandbox::new();
    let ran = sandbox.keytrail("rules list --format json");
    assert_eq!(ran.code, Some(0), "{ran}");
    let rules: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    let mut all = String::new();
    for rule in rules.as_array().unwrap() {
        let id = rule["id"].as_str().unwrap();
        let page = root().join(format!("docs/rules/{id}.md"));
        assert!(page.exists(), "{id} has no page");
        let shown = sandbox.keytrail(&format!("rules show {id}"));
        assert_eq!(shown.code, Some(0), "{shown}");
        all.push_str(&format!("{}\n", shown.stdout()));
    }
    assert_snapshot!(all);
}

#[test]
fn one_that_is_not_there() {
    assert_snapshot!(Sandbox::new().keytrail("rules show no-such-rule"));
}
