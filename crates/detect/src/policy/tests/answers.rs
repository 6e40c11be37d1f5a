//! A table of policies, questions and answers.

use super::*;

/// The table; its head says how it is written.
const TABLE: &str = include_str!("answers.txt");

/// One policy of the table.
#[derive(Debug, Default)]
struct Case {
    story: &'static str,
    before: Option<&'static str>,
    policy: &'static str,
    questions: Vec<(&'static str, &'static str)>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut story, mut before) = ("", None);
    for line in TABLE.lines() {
        if let Some(question) = line.strip_prefix("  ") {
            let (question, answer) = question.split_once(": ").unwrap();
            let case = cases.last_mut().unwrap();
            case.questions.push((question, answer));
        } else if let Some(text) = line.strip_prefix("# ") {
            story = text;
        } else if let Some(text) = line.strip_prefix("< ") {
            before = Some(text);
        } else if line.starts_with(['A', 'D']) {
            cases.push(Case {
                story,
                before: before.take(),
                policy: line,
                questions: Vec::new(),
            });
        }
    }
    cases
}

/// A session of the role that puts the policy, where that matters.
const CALLER: &str = "arn:aws:sts::111111111111:assumed-role/Admin/session";

fn answer(question: &str, policy: &Policy, before: Option<&Policy>) -> String {
    let words: Vec<String> = match question {
        "public" => public_access(policy)
            .iter()
            .map(|found| found.statement.index.to_string())
            .collect(),
        "external" => external_principals(policy, &home())
            .iter()
            .map(|found| found.party.to_string())
            .collect(),
        "delegation" => vec![delegation_word(&root_delegation(policy, OWNER)).to_owned()],
        "lockout" => lockout(policy, OWNER, Some(CALLER))
            .iter()
            .map(|reason| lockout_word(reason).to_owned())
            .collect(),
        "changes" => diff(&digest(before.unwrap()), &digest(policy))
            .iter()
            .map(|change| format!("{:?}", change.kind))
            .collect(),
        "every_key" => allows_on_every_key(policy, opening_actions())
            .iter()
            .map(|found| found.actions.to_string())
            .collect(),
        unknown => panic!("nobody asks {unknown}"),
    };
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join("; ")
    }
}

fn delegation_word(found: &RootDelegation) -> &'static str {
    match found {
        RootDelegation::Whole(_) => "whole",
        RootDelegation::Conditional(_) => "conditional",
        RootDelegation::Denied { .. } => "denied",
        RootDelegation::DeniedUnless { .. } => "unless",
        RootDelegation::WithoutPutKeyPolicy(_) => "without",
        RootDelegation::Missing => "missing",
    }
}

fn lockout_word(reason: &LockoutReason) -> &'static str {
    match reason {
        LockoutReason::RootDelegationMissing(_) => "root",
        LockoutReason::NoAdministrator => "nobody",
        LockoutReason::CallerOnlyAdministrator(_) => "caller",
        LockoutReason::CallerOnlyCertainAdministrator(_) => "certain",
        LockoutReason::OnlyForeignAdministrators(_) => "foreign",
    }
}

#[test]
fn every_policy_has_its_answers() {
    let cases = cases();
    assert!(cases.len() >= 240, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(!case.questions.is_empty(), "{} asks nothing", case.story);
        let policy = policy_of(&statements(case.policy));
        let before = case.before.map(|before| policy_of(&statements(before)));
        for (question, expected) in &case.questions {
            let found = answer(question, &policy, before.as_ref());
            if found != *expected {
                let Case { story, policy, .. } = case;
                wrong.push(format!(
                    "{story}: {policy}\n  {question}: {found}, not {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn resources_count_against_the_doubtful_side() {
    let elsewhere = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000000";
    let mut allow = statements(r#"A "*" "kms:Decrypt""#);
    allow[0]["Resource"] = json!(elsewhere);
    assert_eq!(
        public_access(&policy_of(&allow)).len(),
        1,
        "a named key may be this one"
    );
    let mut denied = statements(r#"A "*" "kms:Decrypt" D "*" "kms:*""#);
    denied[1]["Resource"] = json!([elsewhere]);
    assert_eq!(
        public_access(&policy_of(&denied)).len(),
        1,
        "a named key may be another one"
    );
    let mut root = statements(r#"A {"AWS":"111111111111"} "kms:*""#);
    root[0]["Resource"] = json!(elsewhere);
    assert_eq!(
        root_delegation(&policy_of(&root), OWNER),
        RootDelegation::Missing
    );
}

#[test]
fn a_statement_without_a_resource_binds_nobody() {
    let without = |short: &str, position: usize| {
        let mut statements = statements(short);
        let statement = statements[position].as_object_mut().unwrap();
        statement.remove("Resource").unwrap();
        policy_of(&statements)
    };
    let closing =
        r#"A "*" "kms:*" D "*" "kms:*" {"StringNotEquals":{"kms:CallerAccount":"111111111111"}}"#;
    assert!(public_access(&policy_of(&statements(closing))).is_empty());
    assert_eq!(public_access(&without(closing, 1)).len(), 1);
    assert_eq!(
        public_access(&without(closing, 0)).len(),
        0,
        "what closes an open statement closes one that is a word away from it"
    );
    assert_eq!(
        public_access(&without(r#"A "*" "kms:*""#, 0)).len(),
        1,
        "one word opens it"
    );
    let two = r#"A {"AWS":"111111111111"} "kms:*" A {"AWS":"arn:aws:iam::111111111111:role/Admin"} "kms:*""#;
    let reasons = lockout(&without(two, 0), OWNER, Some(CALLER));
    let words: Vec<&str> = reasons.iter().map(lockout_word).collect();
    assert_eq!(words, ["root", "caller"]);
    let denied = r#"A {"AWS":"111111111111"} "kms:*" D "*" "kms:PutKeyPolicy""#;
    assert!(lockout(&without(denied, 1), OWNER, Some(CALLER)).is_empty());
    assert!(without(two, 1).named_users().is_empty());
}

#[test]
fn a_key_may_be_named_by_its_arn() {
    let key = "arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000000";
    let root_on = |resource: &str| {
        let mut root = statements(r#"A {"AWS":"111111111111"} "kms:*""#);
        root[0]["Resource"] = json!(resource);
        policy_of(&root)
    };
    let check = |resource: &str, is_whole: bool| {
        let policy = root_on(resource).on_key(key);
        let found = root_delegation(&policy, OWNER);
        assert_eq!(found.is_whole(), is_whole, "{resource}");
    };
    check(key, true);
    check("arn:aws:kms:*:111111111111:key/*", true);
    check("*", true);
    check("arn:aws:kms:eu-west-1:111111111111:key/1*", false);
    check("arn:aws:kms:eu-west-1:222222222222:key/*", false);
    check("arn:aws:kms:*", false);
    check("", false);
    assert!(
        !root_delegation(&root_on(key), OWNER).is_whole(),
        "which key it is may not be known"
    );
    let star = policy_of(&statements(r#"A {"AWS":"111111111111"} "kms:*""#));
    assert_eq!(digest(&root_on(key).on_key(key)), digest(&star));
    let mut closed = statements(r#"A "*" "kms:*" D "*" "kms:*""#);
    closed[1]["Resource"] = json!([key]);
    assert_eq!(public_access(&policy_of(&closed)).len(), 1);
    assert!(public_access(&policy_of(&closed).on_key(key)).is_empty());
}
