//! `keytrail explain`: one finding, from a file or from the records themselves.

use insta::assert_snapshot;

use crate::sandbox::Sandbox;

fn with_findings() -> Sandbox {
    let sandbox = Sandbox::new();
    let outputs = "--output jsonl=findings.jsonl --output json=findings.json";
    let ran = sandbox.keytrail(&format!("replay incident -q {outputs}"));
    assert_eq!(ran.code, Some(0), "{ran}");
    sandbox
}

#[test]
fn from_a_file() {
    let sandbox = with_findings();
    let ran = sandbox.keytrail("explain key-disabled --findings findings.jsonl");
    assert_snapshot!(ran);
    let from_array = sandbox.keytrail("explain key-disabled --findings findings.json");
    assert_eq!(from_array.to_string(), ran.to_string());
}

#[test]
fn from_the_records() {
    let sandbox = with_findings();
    let from_file = sandbox.keytrail("explain key-disabled --findings findings.jsonl");
    let from_records = sandbox.keytrail("explain key-disabled incident");
    assert_eq!(from_records.to_string(), from_file.to_string());
}

#[test]
fn by_the_whole_id_and_episode() {
    let sandbox = with_findings();
    let finding = &sandbox
        .keytrail("replay incident -q --format jsonl --rule root-used")
        .json_lines()[0];
    for name in ["id", "episode"] {
        let ran = sandbox.run([
            "explain",
            finding[name].as_str().unwrap(),
            "--findings",
            "findings.jsonl",
        ]);
        assert_eq!(ran.code, Some(0), "{ran}");
        assert!(
            ran.stdout().contains("The root user called Decrypt"),
            "{ran}"
        );
    }
}

#[test]
fn what_cannot_be_explained() {
    let sandbox = with_findings();
    sandbox.write("other.jsonl", "{\"id\":7}\n");
    let mut all = String::new();
    for words in [
        "explain nothing --findings findings.jsonl",
        "explain key- --findings findings.jsonl",
        "explain key-disabled --findings missing.jsonl",
        "explain key-disabled --findings other.jsonl",
        "explain key-disabled missing",
        "explain key-disabled",
        "explain key-disabled incident --findings findings.jsonl",
    ] {
        all.push_str(&format!("===== {words} =====\n{}", sandbox.keytrail(words)));
    }
    assert_snapshot!(all);
}
