//! What holds for every policy: adding a Deny never widens, removing a condition never narrows.

use proptest::prelude::*;

use super::*;

fn one_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::sample::select(values).prop_map(|text| serde_json::from_str(text).unwrap())
}

fn any_statement() -> impl Strategy<Value = Value> {
    let principal = one_of(&[
        r#""*""#,
        r#"{"AWS":"*"}"#,
        r#"{"AWS":"111111111111"}"#,
        r#"{"AWS":"999999999999"}"#,
        r#"{"AWS":["arn:aws:iam::999999999999:role/x","arn:aws:iam::111111111111:role/Admin"]}"#,
        r#"{"Service":"s3.amazonaws.com"}"#,
        r#"{"Federated":"accounts.google.com"}"#,
    ]);
    let action = one_of(&[
        r#""kms:*""#,
        r#""*""#,
        r#"["kms:Decrypt","kms:Encrypt"]"#,
        r#""kms:De*""#,
        r#""kms:PutKeyPolicy""#,
        r#""kms:List*""#,
    ]);
    let operators = one_of(&[
        r#""StringEquals""#,
        r#""StringNotEquals""#,
        r#""StringLike""#,
        r#""StringEqualsIfExists""#,
        r#""ForAllValues:StringEquals""#,
        r#""ForAnyValue:StringNotEquals""#,
        r#""Null""#,
        r#""Bool""#,
    ]);
    let keys = one_of(&[
        r#""kms:CallerAccount""#,
        r#""aws:PrincipalOrgID""#,
        r#""aws:PrincipalArn""#,
        r#""kms:ViaService""#,
        r#""aws:PrincipalIsAWSService""#,
    ]);
    let values = one_of(&[
        r#""111111111111""#,
        r#"["111111111111","999999999999"]"#,
        r#""o-a1b2c3d4e5""#,
        r#""o-own1234567""#,
        r#""${aws:ResourceOrgID}""#,
        r#""*""#,
        "[]",
        r#""arn:aws:iam::111111111111:role/*""#,
        r#""false""#,
    ]);
    let conditions = proptest::collection::vec((operators, keys, values), 0..4);
    let shape = (
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.9),
    );
    (shape, principal, action, conditions).prop_map(
        |((allow, not_principal, not_action, on_key), principal, action, conditions)| {
            let mut statement = json!({ "Effect": if allow { "Allow" } else { "Deny" } });
            if on_key {
                statement["Resource"] = json!("*");
            }
            statement[if not_principal {
                "NotPrincipal"
            } else {
                "Principal"
            }] = principal;
            statement[if not_action { "NotAction" } else { "Action" }] = action;
            statement["Condition"] = json!({});
            for (operator, key, value) in conditions {
                statement["Condition"][operator.as_str().unwrap()][key.as_str().unwrap()] = value;
            }
            statement
        },
    )
}

fn any_statements() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(any_statement(), 0..6)
}

/// What is open to the world, action by action, by the text of the statement.
fn open_to_the_world(statements: &[Value]) -> Vec<ActionSet> {
    let mut open = vec![ActionSet::NONE; statements.len()];
    for found in public_access(&policy_of(statements)) {
        open[found.statement.index] = found.actions;
    }
    open
}

/// The actions that some outsider has, statement by statement.
fn open_to_outsiders(statements: &[Value]) -> Vec<ActionSet> {
    let mut open = vec![ActionSet::NONE; statements.len()];
    for found in external_principals(&policy_of(statements), &home()) {
        let all = &mut open[found.statement.index];
        *all = all.union(found.actions);
    }
    open
}

fn never_wider(narrow: &[ActionSet], wide: &[ActionSet]) -> bool {
    narrow
        .iter()
        .zip(wide)
        .all(|(narrow, wide)| wide.contains(*narrow))
}

proptest! {
    #[test]
    fn adding_a_deny_never_widens(statements in any_statements(), deny in any_statement()) {
        let mut more = statements.clone();
        let mut deny = deny;
        deny["Effect"] = json!("Deny");
        more.push(deny);
        prop_assert!(never_wider(&open_to_the_world(&more), &open_to_the_world(&statements)));
        prop_assert!(never_wider(&open_to_outsiders(&more), &open_to_outsiders(&statements)));
        let changes = diff(&digest(&policy_of(&statements)), &digest(&policy_of(&more)));
        prop_assert!(changes.iter().all(|change| !change.kind.weakens()), "{:?}", changes);
        let (before, after) = (policy_of(&statements), policy_of(&more));
        prop_assert!(!root_delegation(&after, OWNER).is_whole() || root_delegation(&before, OWNER).is_whole());
    }

    #[test]
    fn removing_a_condition_never_narrows(statements in any_statements(), operator in any::<proptest::sample::Index>()) {
        for position in 0..statements.len() {
            let mut fewer = statements.clone();
            let Value::Object(operators) = &mut fewer[position]["Condition"] else { continue };
            if operators.is_empty() {
                continue;
            }
            let name = operators.keys().nth(operator.index(operators.len())).unwrap().clone();
            operators.remove(&name);
            let is_allow = statements[position]["Effect"] == "Allow";
            let (narrow, wide) = if is_allow { (&statements, &fewer) } else { (&fewer, &statements) };
            prop_assert!(never_wider(&open_to_the_world(narrow), &open_to_the_world(wide)));
            prop_assert!(never_wider(&open_to_outsiders(narrow), &open_to_outsiders(wide)));
            let changes = diff(&digest(&policy_of(wide)), &digest(&policy_of(narrow)));
            prop_assert!(changes.iter().all(|change| !change.kind.weakens()), "{:?}", changes);
        }
    }

    #[test]
    fn what_is_public_is_external_too(statements in any_statements()) {
        prop_assert!(never_wider(&open_to_the_world(&statements), &open_to_outsiders(&statements)));
    }

    #[test]
    fn whatever_opens_a_policy_weakens_it(before in any_statements(), after in any_statements()) {
        let all = |open: Vec<ActionSet>| open.into_iter().fold(ActionSet::NONE, ActionSet::union);
        let opened = all(open_to_the_world(&after)).minus(all(open_to_the_world(&before)));
        let outsiders = all(open_to_outsiders(&after)).minus(all(open_to_outsiders(&before)));
        if !opened.is_empty() || !outsiders.is_empty() {
            let changes = diff(&digest(&policy_of(&before)), &digest(&policy_of(&after)));
            prop_assert!(changes.iter().any(|change| change.kind.weakens()), "{:?}", changes);
        }
    }

    #[test]
    fn a_digest_knows_no_order(statements in any_statements(), seed in any::<proptest::sample::Index>()) {
        let mut turned = statements.clone();
        if !turned.is_empty() {
            let middle = seed.index(turned.len());
            turned.rotate_left(middle);
        }
        let (one, other) = (digest(&policy_of(&statements)), digest(&policy_of(&turned)));
        prop_assert_eq!(&one, &other);
        prop_assert!(diff(&one, &other).is_empty());
        prop_assert!(serde_json::to_string(&one).unwrap().len() <= DIGEST_BYTES_MAX);
    }

    #[test]
    fn no_text_panics(text in ".{0,200}", statements in any_statements(), cut in any::<proptest::sample::Index>(), noise in ".{0,4}") {
        let mut policy = json!({ "Statement": statements }).to_string();
        let at = (0..=cut.index(policy.len())).rev().find(|at| policy.is_char_boundary(*at)).unwrap_or_default();
        policy.insert_str(at, &noise);
        for text in [text, policy] {
            if let Ok(policy) = Policy::parse(&text) {
                public_access(&policy);
                external_principals(&policy, &home());
                lockout(&policy, OWNER, Some(&text));
                diff(&digest(&policy), &digest(&policy));
            }
        }
    }

    #[test]
    fn odd_values_never_panic(values in proptest::collection::vec("[*?:/$\\{\\}a-z0-9.é-]{0,24}", 6)) {
        let arn = format!("arn:{}:{}::111111111111:{}", values[3], values[4], values[5]);
        let statement = json!({ "Effect": "Allow", "Principal": { "AWS": [&values[0], &arn], "Federated": &values[1] },
            "Action": [&values[2], "kms:PutKeyPolicy"], "Resource": [&values[0]], "Condition": {
            "ArnLike": { "aws:PrincipalArn": &arn, "aws:SourceArn": &values }, "IpAddress": { "aws:SourceIp": &values },
            "StringLike": { "kms:CallerAccount": &values[1], "aws:PrincipalOrgPaths": &values[2] }, } });
        let mut deny = statement.clone();
        deny["Effect"] = json!("Deny");
        let policy = policy_of(&[statement, deny]);
        public_access(&policy);
        external_principals(&policy, &home());
        lockout(&policy, OWNER, Some(&arn));
        digest(&policy);
    }
}
