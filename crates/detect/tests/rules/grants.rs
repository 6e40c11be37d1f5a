//! Whose grants are ended, and by whom.

use serde_json::{Value, json};

use super::calls::*;
use super::{findings_over, key_arn, lines, summary};

const OWNER: &str = "111122223333";
/// An account of the organisation.
const OTHER: &str = "777788889999";

fn check(what: &str, records: &[Value], expected: &[(&str, &str)]) {
    let findings = findings_over(lines(records).as_bytes());
    let of_rule = findings
        .iter()
        .filter(|finding| finding.rule == "grant-revoked-in-use");
    let mut found: Vec<(&str, String)> = of_rule
        .map(|finding| {
            let title = finding.title.replace("One principal ended ", "");
            (finding.severity.as_str(), title[..8].to_owned())
        })
        .collect();
    found.sort();
    let found: Vec<(&str, &str)> = found.iter().map(|(one, two)| (*one, &**two)).collect();
    assert_eq!(found, expected, "{what}: {}", summary(&findings));
}

/// A grant for an instance of the account, made for whoever attaches the volume.
fn for_volume(number: i64, account: &str) -> Value {
    let grantee = format!("{account}:aws:ec2-infrastructure:i-{number:08x}");
    let mut more = grant(&grantee, &["Decrypt"]);
    more["responseElements"]["grantId"] = json!(format!("volume{number}"));
    more["requestParameters"]["constraints"] =
        json!({"encryptionContextSubset": {"aws:ebs:id": format!("vol-{number}")}});
    more["userIdentity"] = match account {
        OWNER => through("ec2.amazonaws.com")["userIdentity"].clone(),
        _ => {
            json!({"type": "AWSAccount", "principalId": "AROAEXAMPLEEXAMPLE12:AutoScaling", "accountId": account})
        }
    };
    call(second_of(number), "CreateGrant", 1, more)
}

fn by_hand(number: i64) -> Value {
    let mut more = grant("arn:aws:iam::111122223333:role/job", &["Encrypt"]);
    more["responseElements"]["grantId"] = json!(format!("hand{number}"));
    call(second_of(number), "CreateGrant", 1, more)
}

/// Eve ends a grant, so many minutes later.
fn end(name: &str, id: &str, minute: i64) -> Value {
    let mut end = call(at(minute), name, 1, json!({}));
    match name {
        "RevokeGrant" => end["requestParameters"] = json!({"keyId": key_arn(1), "grantId": id}),
        _ => {
            end["requestParameters"] = json!(null);
            end["additionalEventData"] = json!({"grantId": id});
        }
    }
    end["eventID"] = json!(format!("{name}{id}{minute}"));
    end
}

fn all(name: &str, what: &str, count: i64, apart: i64) -> Vec<Value> {
    (0..count)
        .map(|number| end(name, &format!("{what}{number}"), 60 + apart * number))
        .collect()
}

fn as_service(mut records: Vec<Value>, service: &Value) -> Vec<Value> {
    for record in &mut records {
        record["userIdentity"] = service["userIdentity"].clone();
    }
    records
}

#[test]
fn what_a_service_granted_nobody_else_ends_unseen() {
    let volumes = |account: &str| -> Vec<Value> {
        (0..5).map(|number| for_volume(number, account)).collect()
    };
    let own = || volumes(OWNER);
    let one = ("low", "A grant ");
    let with = |made: Vec<Value>, ended: Vec<Value>| [made, ended].concat();
    let infrastructure = json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-1", "accountId": "111122223333"}});
    check(
        "one",
        &with(own(), all("RevokeGrant", "volume", 1, 1)),
        &[one],
    );
    check(
        "one retired",
        &with(own(), all("RetireGrant", "volume", 1, 1)),
        &[one],
    );
    check(
        "several, apart",
        &with(own(), all("RevokeGrant", "volume", 5, 31)),
        &[one],
    );
    for name in ["RevokeGrant", "RetireGrant"] {
        for account in [OWNER, OTHER] {
            check(
                "several within an hour",
                &with(volumes(account), all(name, "volume", 3, 30)),
                &[one, ("medium", "3 grants")],
            );
        }
        for service in [
            through("ec2.amazonaws.com"),
            service_linked("autoscaling.amazonaws.com"),
            infrastructure.clone(),
        ] {
            let ended = as_service(all(name, "volume", 5, 1), &service);
            check("by the service", &with(own(), ended), &[]);
        }
    }
    let orchestrated = as_service(
        all("RevokeGrant", "volume", 5, 1),
        &through("states.amazonaws.com"),
    );
    check(
        "by a state machine",
        &with(own(), orchestrated),
        &[one, ("medium", "5 grants")],
    );
}

#[test]
fn who_makes_grants_ends_them() {
    let made: Vec<Value> = (0..5).map(by_hand).collect();
    check(
        "its own",
        &[made, all("RevokeGrant", "hand", 5, 1)].concat(),
        &[],
    );
    check(
        "not seen, and others that are its own",
        &[vec![by_hand(9)], all("RevokeGrant", "old", 5, 1)].concat(),
        &[("low", "5 grants")],
    );
    let on_days = |days: i64| -> Vec<Value> {
        let made = (1..=days).map(|day| by_hand(-day * 86_400));
        made.chain(all("RevokeGrant", "old", 5, 1)).collect()
    };
    check("a habit", &on_days(3), &[]);
    check("no habit", &on_days(2), &[("low", "5 grants")]);
    check("two", &all("RevokeGrant", "old", 2, 1), &[]);
    check("given back", &all("RetireGrant", "old", 5, 1), &[]);
    check(
        "not seen",
        &all("RevokeGrant", "old", 3, 1),
        &[("low", "3 grants")],
    );
    let again = |minute: i64, count| {
        let later =
            (0..count).map(|number| end("RevokeGrant", &format!("older{number}"), minute + number));
        [all("RevokeGrant", "old", 3, 1), later.collect()].concat()
    };
    let (three, eight) = (("low", "3 grants"), ("low", "8 grants"));
    check("in the same week", &again(1_440, 3), &[three]);
    check("more in the same week", &again(1_440, 8), &[eight]);
    check("weeks later", &again(20_000, 3), &[three, three]);
}

#[test]
fn a_crowd_of_grants_by_hand_hides_no_services() {
    let mut records: Vec<Value> = (0..70).map(by_hand).collect();
    records.push(for_volume(90, OWNER));
    records.extend([
        end("RevokeGrant", "hand0", 100),
        end("RevokeGrant", "volume90", 101),
    ]);
    check("a crowd", &records, &[("low", "A grant ")]);
}

#[test]
fn no_crowd_of_grants_hides_the_next() {
    for crowd in [
        (0..70).map(|number| for_volume(number, OTHER)).collect(),
        (0..70).map(by_hand).collect::<Vec<Value>>(),
    ] {
        let mut records = crowd;
        for minute in [100, 105] {
            let mut more = grant(EVE, &["Decrypt"]);
            more["responseElements"]["grantId"] = json!(format!("{minute}"));
            records.push(call(at(minute), "CreateGrant", 1, more));
        }
        records.push(call(at(110), "Decrypt", 1, json!({})));
        records.push(end("RevokeGrant", "105", 112));
        check("a crowd", &records, &[("medium", "Grant on")]);
    }
}
