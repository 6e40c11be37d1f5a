//! The organisation's keys: three for each application, some that many share, AWS managed ones, and some that nobody
//! uses any more.

use crate::key::Key;
use crate::random::Random;

use super::places::{HOME_ACCOUNT, HOME_REGION, SECOND_REGION};

/// What the applications are called, and their teams.
pub(crate) const APPLICATIONS: [&str; 22] = [
    "orders",
    "payments",
    "catalogue",
    "search",
    "invoices",
    "accounts",
    "messages",
    "shipping",
    "inventory",
    "pricing",
    "loyalty",
    "reviews",
    "identity",
    "consent",
    "support",
    "returns",
    "forecast",
    "ledger",
    "payroll",
    "documents",
    "telemetry",
    "partners",
];

/// Keys that nobody has used for long: their aliases.
const DORMANT: [&str; 6] = [
    "legacy-crm",
    "migration-2022",
    "old-archive",
    "acquisition-vault",
    "pilot",
    "signing-retired",
];

/// All keys, and where each is in the list.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    pub(crate) all: Vec<Key>,
    pub(crate) applications: Vec<ApplicationKeys>,
    pub(crate) terraform_state: usize,
    pub(crate) artifacts: usize,
    pub(crate) shared_secrets: usize,
    pub(crate) warehouse: usize,
    pub(crate) backups: usize,
    pub(crate) trail: usize,
    pub(crate) logs: usize,
    pub(crate) volumes: usize,
    pub(crate) settlements: usize,
    pub(crate) managed_ssm: usize,
    pub(crate) managed_secrets: usize,
    pub(crate) managed_s3: usize,
    pub(crate) dormant: Vec<usize>,
}

/// The keys of one application.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApplicationKeys {
    /// Of its bucket, a multi-Region key.
    pub(crate) data: usize,
    /// Of its table, or for what it encrypts itself.
    pub(crate) records: usize,
    /// Of its secrets and parameters.
    pub(crate) secrets: usize,
}

impl Keys {
    pub(crate) fn new(seed: u64) -> Self {
        let mut all = Vec::new();
        let mut key = |alias: &str| add(&mut all, seed, alias);
        let applications = APPLICATIONS
            .iter()
            .map(|name| ApplicationKeys {
                data: key(&format!("{name}-data")),
                records: key(&format!("{name}-records")),
                secrets: key(&format!("{name}-secrets")),
            })
            .collect::<Vec<_>>();
        let terraform_state = key("terraform-state");
        let artifacts = key("build-artifacts");
        let shared_secrets = key("shared-secrets");
        let warehouse = key("warehouse");
        let backups = key("backups");
        let trail = key("audit-trail");
        let logs = key("logs");
        let volumes = key("volumes");
        let settlements = key("settlements");
        let managed_ssm = key("aws/ssm");
        let managed_secrets = key("aws/secretsmanager");
        let managed_s3 = key("aws/s3");
        let dormant = DORMANT.iter().map(|alias| key(alias)).collect();
        for keys in &applications {
            if let Some(data) = all.get_mut(keys.data) {
                data.id = format!("mrk-{}", data.id.replace('-', ""));
            }
        }
        Self {
            all,
            applications,
            terraform_state,
            artifacts,
            shared_secrets,
            warehouse,
            backups,
            trail,
            logs,
            volumes,
            settlements,
            managed_ssm,
            managed_secrets,
            managed_s3,
            dormant,
        }
    }

    /// The keys of an application; those of the first for an index that is none.
    pub(crate) fn of(&self, application: usize) -> ApplicationKeys {
        let index = application % self.applications.len().max(1);
        self.applications
            .get(index)
            .copied()
            .unwrap_or(ApplicationKeys {
                data: 0,
                records: 0,
                secrets: 0,
            })
    }

    pub(crate) fn key(&self, index: usize) -> Option<&Key> {
        self.all.get(index)
    }

    /// A key that is made while the archive runs.
    pub(crate) fn make(&mut self, seed: u64, alias: &str) -> usize {
        add(&mut self.all, seed, alias)
    }

    /// Keys that customers made, which is those that a policy can give away.
    pub(crate) fn customer_managed(&self) -> Vec<usize> {
        (0..self.all.len())
            .filter(|index| {
                self.key(*index)
                    .is_some_and(|key| !key.alias.starts_with("alias/aws/"))
            })
            .collect()
    }

    /// The replica of a multi-Region key in the other Region; the key itself when it has none.
    pub(crate) fn replica(key: &Key) -> Key {
        let mut replica = key.clone();
        if key.id.starts_with("mrk-") {
            replica.region = SECOND_REGION;
        }
        replica
    }
}

fn add(all: &mut Vec<Key>, seed: u64, alias: &str) -> usize {
    let mut random = Random::stream(seed, &format!("key {alias}"));
    all.push(Key::new(HOME_ACCOUNT, HOME_REGION, alias, &mut random));
    all.len() - 1
}

#[cfg(test)]
mod tests {
    use super::Keys;
    use crate::organisation::places::SECOND_REGION;

    #[test]
    fn eighty_keys_and_more() {
        let mut keys = Keys::new(1);
        assert!((80..90).contains(&keys.all.len()), "{}", keys.all.len());
        assert!(keys.all.iter().enumerate().all(|(index, key)| {
            keys.all
                .iter()
                .skip(index + 1)
                .all(|other| other.id != key.id)
        }));
        assert_eq!(keys.customer_managed().len() + 3, keys.all.len());
        let made = keys.make(1, "flags");
        assert_eq!(keys.key(made).unwrap().alias, "alias/flags");
    }

    #[test]
    fn data_keys_have_replicas_of_the_same_id() {
        let keys = Keys::new(1);
        let data = keys.key(keys.of(3).data).unwrap();
        let replica = Keys::replica(data);
        assert_eq!(replica.id, data.id);
        assert_eq!(replica.region, SECOND_REGION);
        assert!(data.id.starts_with("mrk-") && data.id.len() == 36);
    }
}
