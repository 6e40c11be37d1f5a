//! The organisation: its two accounts, its keys and everybody who calls AWS there.

use crate::actor::{Actor, Kind};
use crate::key::Key;
use crate::random::Random;
use crate::record::FieldOrder;

/// The account that runs the shop.
pub(crate) const SHOP: &str = "111122223333";
/// The account that holds the warehouse and the analysts.
pub(crate) const DATA: &str = "444455556666";
/// An account outside the organisation.
pub(crate) const STRANGER: &str = "777788889999";
/// Where everything runs.
pub(crate) const HOME: &str = "eu-central-1";
/// Where global services log.
pub(crate) const GLOBAL: &str = "us-east-1";

const ECS_AGENT: &str = "aws-sdk-java/2.25.11 Linux/5.10.215 OpenJDK_64-Bit_Server_VM/21.0.2+13-LTS Java/21.0.2 io/sync http/Apache cfg/retry-mode/legacy";
const LAMBDA_AGENT: &str = "aws-internal/3 aws-sdk-java/1.12.708 Linux/5.10.215 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS java/17.0.11 cfg/retry-mode/standard";
const TERRAFORM_AGENT: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.7.5 (+https://www.terraform.io) terraform-provider-aws/5.46.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.26.1 os/linux lang/go#1.21.9 md/GOOS#linux md/GOARCH#amd64 api/kms#1.30.0";
const BROWSER_AGENT: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36";
const BACKUP_AGENT: &str =
    "aws-sdk-go/1.51.2 (go1.22.1; linux; amd64) restic-vault/0.16.4 S3Manager";

/// Every key, by what it protects.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) orders: Key,
    pub(crate) payments: Key,
    pub(crate) customers: Key,
    pub(crate) secrets: Key,
    pub(crate) reports: Key,
    pub(crate) parameters: Key,
    pub(crate) managed_secrets: Key,
    pub(crate) volumes: Key,
    pub(crate) trail: Key,
    pub(crate) backups: Key,
    pub(crate) settlements: Key,
    /// Made by a deployment while the archive runs.
    pub(crate) flags: Key,
    /// Made by the saboteur.
    pub(crate) planted: Key,
    pub(crate) warehouse: Key,
    pub(crate) logs: Key,
}

/// Everybody who calls.
#[derive(Debug, Clone)]
pub(crate) struct Cast {
    pub(crate) seed: u64,
    pub(crate) keys: Keys,
    pub(crate) orders_api: Actor,
    pub(crate) payments: Actor,
    pub(crate) crm_sync: Actor,
    pub(crate) reporting: Actor,
    pub(crate) invoices: Actor,
    pub(crate) web: Actor,
    pub(crate) deploy: Actor,
    pub(crate) scaling: Actor,
    pub(crate) etl: Actor,
    pub(crate) ledger: Actor,
    pub(crate) backup: Actor,
    pub(crate) admin: Actor,
    pub(crate) developers: [Actor; 2],
    pub(crate) auditor: Actor,
    pub(crate) analyst: Actor,
    pub(crate) cloudtrail: Actor,
    pub(crate) logs: Actor,
}

impl Cast {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::stream(seed, "cast");
        let keys = Keys::new(&mut random);
        let mut role = |account, name: &str, hours, agent: &str| {
            Actor::role(seed, account, name, hours, agent, &mut random)
        };
        let orders_api = role(SHOP, "orders-api-task", 12, ECS_AGENT).inside("10.20.4.", SHOP);
        let payments = role(SHOP, "payments-service-task", 12, ECS_AGENT).inside("10.20.7.", SHOP);
        let crm_sync = role(SHOP, "crm-sync-task", 12, ECS_AGENT).inside("10.20.9.", SHOP);
        let reporting = role(SHOP, "reporting-job", 12, ECS_AGENT).inside("10.20.11.", SHOP);
        let invoices = role(SHOP, "invoice-renderer", 12, LAMBDA_AGENT)
            .named("invoice-renderer")
            .at(&["3.120.181.40", "18.184.12.9", "35.156.77.201"])
            .below("/service-role/");
        let web = role(SHOP, "web-instance", 6, ECS_AGENT)
            .named("i-0a7f3c19be52d4c61")
            .at(&["10.20.2.31"]);
        let deploy = role(SHOP, "github-deploy", 1, TERRAFORM_AGENT)
            .named("GitHubActions")
            .at(&["192.0.2.17", "192.0.2.44", "192.0.2.91", "192.0.2.120"])
            .modern();
        let scaling = role(SHOP, "AWSServiceRoleForAutoScaling", 1, ECS_AGENT)
            .named("AutoScaling")
            .below("/aws-service-role/autoscaling.amazonaws.com/");
        let etl = role(DATA, "warehouse-etl", 4, ECS_AGENT)
            .named("GlueJobRunnerSession")
            .at(&["10.40.3.12", "10.40.3.77"])
            .below("/service-role/");
        let ledger = role(DATA, "ledger-sync", 6, ECS_AGENT).inside("10.40.8.", DATA);
        let mut person = |account, set: &str, mail: &str, address: &str| {
            Actor::person(seed, account, set, mail, address, &mut random)
        };
        Self {
            admin: person(SHOP, "PlatformAdmin", "marek@example.com", "198.51.100.10"),
            developers: [
                person(SHOP, "Developer", "chloe@example.com", "198.51.100.11"),
                person(SHOP, "Developer", "ben@example.com", "198.51.100.12"),
            ],
            auditor: person(SHOP, "SecurityAudit", "ines@example.com", "198.51.100.13"),
            analyst: person(DATA, "DataAnalyst", "david@example.com", "198.51.100.14"),
            backup: Actor::user(seed, SHOP, "backup-agent", "198.51.100.200", &mut random),
            cloudtrail: Actor::service(seed, SHOP, "cloudtrail.amazonaws.com"),
            logs: Actor::service(seed, DATA, "logs.eu-central-1.amazonaws.com"),
            seed,
            keys,
            orders_api,
            payments,
            crm_sync,
            reporting,
            invoices,
            web,
            deploy,
            scaling,
            etl,
            ledger,
        }
    }
}

impl Keys {
    fn new(random: &mut Random) -> Self {
        let mut shop = |alias: &str| Key::new(SHOP, HOME, alias, random);
        let orders = shop("orders-data");
        let payments = shop("payments");
        let customers = shop("customer-records");
        let secrets = shop("app-secrets");
        let reports = shop("reports");
        let parameters = shop("aws/ssm");
        let managed_secrets = shop("aws/secretsmanager");
        let volumes = shop("volumes");
        let trail = shop("audit-trail");
        let backups = shop("backups");
        let settlements = shop("settlements");
        let flags = shop("feature-flags");
        let planted = shop("orders-data-new");
        Self {
            orders,
            payments,
            customers,
            secrets,
            reports,
            parameters,
            managed_secrets,
            volumes,
            trail,
            backups,
            settlements,
            flags,
            planted,
            warehouse: Key::new(DATA, HOME, "warehouse", random),
            logs: Key::new(DATA, HOME, "analytics-logs", random),
        }
    }

    /// The shop's customer managed keys that exist from the first day.
    pub(crate) fn of_shop(&self) -> [&Key; 9] {
        [
            &self.orders,
            &self.payments,
            &self.customers,
            &self.secrets,
            &self.reports,
            &self.volumes,
            &self.trail,
            &self.backups,
            &self.settlements,
        ]
    }
}

impl Actor {
    /// A role that nothing is known of but its name and its tool.
    pub(crate) fn role(
        seed: u64,
        account: &'static str,
        name: &str,
        hours: i64,
        agent: &str,
        random: &mut Random,
    ) -> Self {
        Self {
            kind: Kind::Role { hours },
            account,
            name: name.to_owned(),
            path: "/",
            session: String::new(),
            id: random.unique_id("AROA"),
            agent: agent.to_owned(),
            addresses: Vec::new(),
            endpoint: None,
            version: "1.08",
            order: FieldOrder::Delivered,
            seed,
            signed_in: None,
        }
    }

    fn person(
        seed: u64,
        account: &'static str,
        set: &str,
        mail: &str,
        address: &str,
        random: &mut Random,
    ) -> Self {
        let name = format!("AWSReservedSSO_{set}_{}", random.hex(16));
        Self {
            kind: Kind::Person,
            path: "/aws-reserved/sso.amazonaws.com/eu-central-1/",
            session: mail.to_owned(),
            addresses: vec![address.to_owned()],
            ..Self::role(seed, account, &name, 12, BROWSER_AGENT, random).modern()
        }
    }

    fn user(
        seed: u64,
        account: &'static str,
        name: &str,
        address: &str,
        random: &mut Random,
    ) -> Self {
        Self {
            kind: Kind::User,
            id: random.unique_id("AIDA"),
            addresses: vec![address.to_owned()],
            order: FieldOrder::Alphabetical,
            ..Self::role(seed, account, name, 0, BACKUP_AGENT, random)
        }
    }

    fn service(seed: u64, account: &'static str, name: &str) -> Self {
        let mut random = Random::stream(seed, name);
        Self {
            kind: Kind::Service,
            ..Self::role(seed, account, name, 0, name, &mut random)
        }
    }

    /// Calls from a private network, through the account's VPC endpoint for KMS.
    fn inside(mut self, network: &str, account: &str) -> Self {
        self.addresses = [18, 43, 90, 131, 177, 226]
            .iter()
            .map(|host| format!("{network}{host}"))
            .collect();
        self.endpoint = Some(format!("vpce-0{}{}", &account[..8], "a5c3d01"));
        self
    }

    fn at(mut self, addresses: &[&str]) -> Self {
        self.addresses = addresses.iter().map(|&text| text.to_owned()).collect();
        self
    }

    fn below(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    fn named(mut self, session: &str) -> Self {
        if let Kind::Role { hours } = self.kind {
            self.kind = Kind::NamedRole { hours };
        }
        self.session = session.to_owned();
        self
    }

    fn modern(mut self) -> Self {
        self.version = "1.11";
        self
    }
}
