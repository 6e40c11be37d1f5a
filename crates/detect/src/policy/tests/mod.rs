//! Policies with their answers, and the properties that must hold for every policy.

#![allow(clippy::unwrap_used)]

mod answers;
mod properties;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::*;

const OWNER: &str = "111111111111";

static ACCOUNTS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| BTreeSet::from(["222222222222".to_owned()]));
static ORGANISATIONS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| BTreeSet::from(["o-own1234567".to_owned()]));

fn home() -> Home<'static> {
    Home {
        owner: OWNER,
        accounts: &ACCOUNTS,
        organisations: &ORGANISATIONS,
    }
}

/// Reads the short form: JSON values one after another, with `!` before what is negated.
fn statements(short: &str) -> Vec<Value> {
    let mut statements: Vec<Value> = Vec::new();
    let mut rest = short.trim();
    let mut position = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['A', 'D']) {
            let effect = if rest.starts_with('A') {
                "Allow"
            } else {
                "Deny"
            };
            statements.push(json!({ "Effect": effect, "Resource": "*" }));
            (rest, position) = (after.trim_start(), 0);
            continue;
        }
        let (negated, after) = rest
            .strip_prefix('!')
            .map_or((false, rest), |after| (true, after));
        let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
        let value = values.next().unwrap().unwrap();
        rest = after[values.byte_offset()..].trim_start();
        let element = match (position, negated) {
            (0, false) => "Principal",
            (0, true) => "NotPrincipal",
            (1, false) => "Action",
            (1, true) => "NotAction",
            _ => "Condition",
        };
        statements.last_mut().unwrap()[element] = value;
        position += 1;
    }
    statements
}

fn policy_of(statements: &[Value]) -> Policy {
    Policy::parse(&json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap()
}
