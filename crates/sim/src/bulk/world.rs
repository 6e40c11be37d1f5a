//! Accounts, keys and principals of a bulk archive.

use crate::actor::{Actor, Kind};
use crate::key::Key;
use crate::random::Random;
use crate::record::FieldOrder;

use super::BulkOptions;

/// Account numbers; documentation's and made-up ones.
const ACCOUNTS: [&str; super::ACCOUNTS_MAX as usize] = [
    "111122223333",
    "444455556666",
    "123456789012",
    "210987654321",
    "111111111111",
    "222222222222",
    "333333333333",
    "444444444444",
    "555555555555",
    "666666666666",
    "777777777777",
    "888888888888",
    "999999999999",
    "121212121212",
    "343434343434",
    "565656565656",
];
/// An account outside the organisation.
pub(crate) const STRANGER: &str = "777788889999";
/// Regions of every account, with the share of its records and keys.
pub(crate) const REGIONS: [(&str, f64); 2] = [("eu-central-1", 0.6), ("us-east-1", 0.4)];
/// Of ten keys one is managed by AWS and named by its alias.
const MANAGED: [&str; 4] = ["aws/ssm", "aws/secretsmanager", "aws/ebs", "aws/kinesis"];
/// What roles are for, and what a function's session is called.
const DUTIES: [&str; 12] = [
    "orders-api-task",
    "payments-service",
    "customer-sync",
    "reporting-batch",
    "invoice-renderer-lambda",
    "ingest-stream-consumer",
    "warehouse-etl-glue",
    "search-indexer",
    "notification-sender",
    "media-transcoder",
    "ledger-reconciliation",
    "backup-orchestrator",
];
const AGENTS: [&str; 4] = [
    "aws-sdk-java/2.25.11 Linux/5.10.215-203.850.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/21.0.2+13-LTS Java/21.0.2 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/legacy",
    "Boto3/1.34.84 md/Botocore#1.34.84 ua/2.0 os/linux#5.10.215 md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython exec-env/AWS_Lambda_python3.11 cfg/retry-mode#legacy Botocore/1.34.84",
    "aws-sdk-go/1.51.2 (go1.22.1; linux; amd64) exec-env/AWS_ECS_FARGATE",
    "aws-internal/3 aws-sdk-java/1.12.708 Linux/5.10.215-225.879.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS java/17.0.11 kotlin/1.9.22 vendor/Amazon.com_Inc. cfg/retry-mode/standard",
];

/// Everything that exists before the first record.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<&'static str>,
    pub(crate) keys: Vec<Key>,
    pub(crate) principals: Vec<Actor>,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) fn new(options: &BulkOptions) -> Self {
        let mut random = Random::stream(options.seed, "bulk-world");
        let accounts: Vec<&str> = ACCOUNTS
            .into_iter()
            .take(options.accounts as usize)
            .collect();
        let of = |index: u32| accounts[index as usize % accounts.len()];
        let keys = (0..options.keys)
            .map(|index| key(of(index), index / options.accounts, &mut random))
            .collect();
        let principals = (0..options.principals)
            .map(|index| {
                principal(
                    options.seed,
                    of(index),
                    index / options.accounts,
                    &mut random,
                )
            })
            .collect();
        Self {
            accounts,
            keys,
            principals,
            seed: options.seed,
        }
    }

    /// An AWS service that acts for itself in that account.
    pub(crate) fn service(&self, account: &'static str, name: &str) -> Actor {
        Actor {
            kind: Kind::Service,
            account,
            name: name.to_owned(),
            path: "/",
            session: String::new(),
            id: String::new(),
            agent: name.to_owned(),
            addresses: Vec::new(),
            endpoint: None,
            version: "1.08",
            order: FieldOrder::Delivered,
            seed: self.seed,
            signed_in: None,
        }
    }
}

fn key(account: &'static str, index: u32, random: &mut Random) -> Key {
    // Six of ten keys are at home.
    let (region, _) = REGIONS[usize::from(index % 5 > 2)];
    let alias = if index % 10 == 9 {
        random.pick(&MANAGED, "aws/ssm").to_owned()
    } else {
        format!("{}-{index}", random.pick(&DUTIES, "orders-api-task"))
    };
    Key::new(account, region, &alias, random)
}

fn principal(seed: u64, account: &'static str, index: u32, random: &mut Random) -> Actor {
    let duty = random.pick(&DUTIES, "orders-api-task");
    let agent = random.pick(&AGENTS, "aws-cli/2.15.38");
    let kind = match index % 10 {
        0..=5 => Kind::Role { hours: 1 },
        6 | 7 => Kind::NamedRole { hours: 1 },
        8 => Kind::User,
        _ => Kind::Person,
    };
    let name = match kind {
        Kind::Person => format!("AWSReservedSSO_Developer_{}", random.hex(16)),
        _ => format!("{duty}-{index}"),
    };
    let session = match kind {
        Kind::Role { .. } => String::new(),
        Kind::Person => format!("person{index}@example.com"),
        _ => format!("{duty}-{}", random.alphanumeric(12)),
    };
    let inside = random.chance(0.4);
    Actor {
        kind,
        account,
        name,
        path: match kind {
            Kind::Person => "/aws-reserved/sso.amazonaws.com/eu-central-1/",
            Kind::NamedRole { .. } => "/service-role/",
            _ => "/",
        },
        session,
        id: random.unique_id(if kind == Kind::User { "AIDA" } else { "AROA" }),
        agent: agent.to_owned(),
        addresses: vec![if inside {
            format!(
                "10.{}.{}.{}",
                random.below(99),
                random.below(250),
                random.below(250)
            )
        } else {
            format!("198.51.100.{}", random.below(250))
        }],
        endpoint: inside.then(|| format!("vpce-0{}", random.hex(16))),
        version: if random.chance(0.2) { "1.11" } else { "1.08" },
        // Producers differ in their fields' order, and each keeps to its own.
        order: if random.chance(0.15) {
            FieldOrder::Alphabetical
        } else {
            FieldOrder::Delivered
        },
        seed,
        signed_in: None,
    }
}
