//! An archive that is made to fill memory: names that never repeat, a cell of millions of events, a key with
//! as many grants as KMS allows, a policy as long as KMS takes, all in one account and on one day. Among them are
//! records that rules find one by one, so that a loss shows.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::layout::{Folder, Packer, path};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::{SimulateError, Sink};

/// The account that is flooded.
pub const ACCOUNT: &str = "111122223333";
/// The account that some grants give away to.
const FOREIGN_ACCOUNT: &str = "444455556666";
const REGION: &str = "eu-central-1";
/// Every so many grants goes to another account.
const GRANTS_A_FOREIGN_ONE: u64 = 1_000;
/// Records of a file.
const FILE_RECORDS: u64 = 20_000;
/// Floods are packed quickly: nobody keeps them.
const LEVEL: i32 = 1;

/// What to make.
#[derive(Debug, Clone, PartialEq)]
pub struct FloodOptions {
    /// Distinct principals, keys, contexts, agents and networks, a call each.
    pub names: u64,
    /// Calls by one principal with one key within an hour.
    pub cell_events: u64,
    /// Grants on one key.
    pub grants: u64,
    /// How many of the grants demand no encryption context, so that each is a finding.
    pub open_grants: u64,
    /// Bytes of one policy, which opens its key to everybody.
    pub policy_bytes: usize,
    /// Keys that are disabled.
    pub disabled_keys: u64,
    /// One seed, one archive.
    pub seed: u64,
    /// The day, UTC.
    pub day: Date,
}

/// What was made, and what is to be found in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FloodSummary {
    /// Records in all files.
    pub records: u64,
    /// Grants to another account.
    pub foreign_grants: u64,
    /// Grants within the account that demand no encryption context.
    pub open_grants: u64,
}

/// Makes the archive, file by file.
///
/// # Errors
/// When the sink refuses a file.
pub fn generate(
    options: &FloodOptions,
    sink: &mut Sink<'_>,
) -> Result<FloodSummary, SimulateError> {
    let mut files = Files {
        random: Random::stream(options.seed, "flood"),
        packer: Packer::new(LEVEL)?,
        text: String::new(),
        waiting: 0,
        written: 0,
        newest: Moment(0),
        sink,
    };
    let mut summary = FloodSummary::default();
    let midnight = Moment::midnight(options.day);
    let at = |index: u64, of: u64, from: i64, span: i64| {
        let step = u128::from(index) * span as u128 / u128::from(of.max(1));
        midnight + from + i64::try_from(step).unwrap_or_default()
    };
    for index in 0..options.names {
        let who = Caller::role(&format!("flooding-role-{index}"));
        let call = Call {
            who: &who,
            name: "Decrypt",
            agent: &format!("agent-{index}/1.0"),
            address: &address(index),
            request: &format!(
                r#"{{"encryptionContext":{{"tenant-{index}":"{index}"}},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}}"#
            ),
            response: "null",
            key: &flooded_key(index),
        };
        files.add(&call, at(index, options.names, 0, DAY))?;
    }
    let reader = Caller::role("busy-reader");
    for index in 0..options.cell_events {
        let call = Call {
            name: "Decrypt",
            request: r#"{"encryptionContext":{"table":"orders"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
            ..Call::of(&reader, "busy-key")
        };
        files.add(&call, at(index, options.cell_events, 12 * HOUR, HOUR))?;
    }
    let administrator = Caller::role("administrator");
    for index in 0..options.grants {
        let is_foreign = index % GRANTS_A_FOREIGN_ONE == 7;
        let account = if is_foreign { FOREIGN_ACCOUNT } else { ACCOUNT };
        summary.foreign_grants += u64::from(is_foreign);
        let is_open = index < options.open_grants;
        summary.open_grants += u64::from(is_open && !is_foreign);
        let constraints = if is_open {
            ""
        } else {
            r#","constraints":{"encryptionContextSubset":{"table":"orders"}}"#
        };
        let grant = format!("{:064x}", u128::from(index) + 1);
        let call = Call {
            name: "CreateGrant",
            request: &format!(
                r#"{{"keyId":"{}","granteePrincipal":"arn:aws:iam::{account}:role/grantee-{index}","operations":["Decrypt"]{constraints}}}"#,
                key_arn("granted-key")
            ),
            response: &format!(r#"{{"grantId":"{grant}"}}"#),
            ..Call::of(&administrator, "granted-key")
        };
        files.add(&call, at(index, options.grants, 14 * HOUR, HOUR))?;
    }
    for index in 0..options.disabled_keys {
        let id = format!("disabled-key-{index}");
        let call = Call {
            name: "DisableKey",
            request: &format!(r#"{{"keyId":"{}"}}"#, key_arn(&id)),
            ..Call::of(&administrator, &id)
        };
        files.add(&call, at(index, options.disabled_keys, 0, DAY))?;
    }
    if options.policy_bytes > 0 {
        let policy = public_policy(options.policy_bytes).replace('"', "\\\"");
        let call = Call {
            name: "PutKeyPolicy",
            request: &format!(
                r#"{{"keyId":"{}","policyName":"default","policy":"{policy}","bypassPolicyLockoutSafetyCheck":false}}"#,
                key_arn("public-key")
            ),
            ..Call::of(&administrator, "public-key")
        };
        files.add(&call, midnight + 16 * HOUR)?;
    }
    files.finish()?;
    summary.records = files.written;
    Ok(summary)
}

/// Who calls.
struct Caller {
    identity: String,
}

impl Caller {
    fn role(name: &str) -> Self {
        let identity = format!(
            r#"{{"type":"AssumedRole","principalId":"AROASIMFLOODINGROLES0:session","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session","accountId":"{ACCOUNT}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROASIMFLOODINGROLES0","arn":"arn:aws:iam::{ACCOUNT}:role/{name}","accountId":"{ACCOUNT}","userName":"{name}"}},"attributes":{{"mfaAuthenticated":"false"}}}}}}"#
        );
        Self { identity }
    }
}

/// One call of KMS that succeeds.
#[derive(Clone, Copy)]
struct Call<'c> {
    who: &'c Caller,
    name: &'c str,
    agent: &'c str,
    address: &'c str,
    request: &'c str,
    response: &'c str,
    key: &'c str,
}

impl<'c> Call<'c> {
    fn of(who: &'c Caller, key: &'c str) -> Self {
        Self {
            who,
            name: "",
            agent: "aws-sdk-java/2.20.1",
            address: "198.51.100.7",
            request: "null",
            response: "null",
            key,
        }
    }
}

fn key_arn(id: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{id}")
}

fn flooded_key(index: u64) -> String {
    format!("{index:08x}-0000-4000-8000-000000000000")
}

/// A network of its own for each.
fn address(index: u64) -> String {
    format!(
        "2001:db8:{:x}:{:x}::1",
        index >> 16 & 0xffff,
        index & 0xffff
    )
}

/// A policy of so many bytes, whose last statement lets everybody in.
fn public_policy(bytes: usize) -> String {
    const END: &str =
        r#"{"Sid":"All","Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}"#;
    let mut policy = r#"{"Version":"2012-10-17","Statement":["#.to_owned();
    let mut index = 0;
    loop {
        let statement = format!(
            r#"{{"Sid":"S{index}","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:role/reader-{index}"}},"Action":"kms:Decrypt","Resource":"*"}},"#
        );
        if policy.len() + statement.len() + END.len() > bytes {
            break;
        }
        policy.push_str(&statement);
        index += 1;
    }
    policy.push_str(END);
    policy
}

/// The files on their way.
struct Files<'s, 'f> {
    random: Random,
    packer: Packer,
    text: String,
    /// Records of the file under way.
    waiting: u64,
    /// Records of the files before it.
    written: u64,
    /// The time of the last record.
    newest: Moment,
    sink: &'s mut Sink<'f>,
}

impl Files<'_, '_> {
    /// Adds a call; the records of a file are of one hour, so that each is in time.
    fn add(&mut self, call: &Call<'_>, time: Moment) -> Result<(), SimulateError> {
        let is_other_hour = time.floor(HOUR) != self.newest.floor(HOUR);
        if self.waiting >= FILE_RECORDS || (is_other_hour && self.waiting > 0) {
            self.finish()?;
        }
        self.newest = time;
        let before = if self.waiting == 0 {
            "{\"Records\":["
        } else {
            ","
        };
        let event_time = time.bytes();
        let event_time = String::from_utf8_lossy(&event_time);
        let (request_id, event_id) = (self.random.uuid(), self.random.uuid());
        // Writing to memory does not fail.
        let _ = write!(
            self.text,
            r#"{before}{{"eventVersion":"1.11","userIdentity":{},"eventTime":"{event_time}","eventSource":"kms.amazonaws.com","eventName":"{}","awsRegion":"{REGION}","sourceIPAddress":"{}","userAgent":"{}","requestParameters":{},"responseElements":{},"requestID":"{request_id}","eventID":"{event_id}","readOnly":{},"resources":[{{"accountId":"{ACCOUNT}","type":"AWS::KMS::Key","ARN":"{}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{ACCOUNT}","eventCategory":"Management"}}"#,
            call.who.identity,
            call.name,
            call.address,
            call.agent,
            call.request,
            call.response,
            call.name == "Decrypt",
            key_arn(call.key),
        );
        self.waiting += 1;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), SimulateError> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.text.push_str("]}");
        let stamp = (self.newest + MINUTE).ceil(5 * MINUTE);
        let suffix = self.random.alphanumeric(16);
        let path = path("", Folder::Logs, ACCOUNT, REGION, stamp, &suffix);
        let file = self.packer.gzip(path, self.text.as_bytes())?;
        self.text.clear();
        self.written += self.waiting;
        self.waiting = 0;
        Ok((self.sink)(file)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_the_length_that_was_asked_for() {
        let policy = public_policy(32_768);
        assert!(
            (32_500..=32_768).contains(&policy.len()),
            "{}",
            policy.len()
        );
        let policy: serde_json::Value = serde_json::from_str(&policy).unwrap();
        assert_eq!(policy["Statement"][0]["Sid"], "S0");
    }

    #[test]
    fn a_flood_has_its_records() {
        let mut paths = Vec::new();
        let options = FloodOptions {
            names: 30,
            cell_events: 20,
            grants: 10,
            open_grants: 9,
            policy_bytes: 1_000,
            disabled_keys: 3,
            seed: 1,
            day: jiff::civil::date(2026, 3, 2),
        };
        let summary = generate(&options, &mut |file| {
            paths.push(file.path);
            Ok(())
        });
        let expected = FloodSummary {
            records: 64,
            foreign_grants: 1,
            open_grants: 8,
        };
        assert_eq!(summary.unwrap(), expected);
        assert!(paths.len() > 24, "{paths:?}");
    }
}
