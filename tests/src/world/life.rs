//! The life of a few accounts: jobs and people, changes to keys, and now and then a theft.

use super::chance::Chance;
use super::records::Call;

pub(super) const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The last account is quiet for days.
pub(super) const ACCOUNTS: [&str; 3] = ["111122223333", "222233334444", "333344445555"];

/// A record of the world.
#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub second: i64,
    pub account: usize,
    pub region: usize,
    pub record: String,
}

/// Everything that happens, and for how many days.
#[derive(Debug)]
pub(super) struct Life {
    pub days: i64,
    pub records: Vec<Happened>,
}

pub(super) fn live(chance: &mut Chance) -> Life {
    // Behaviours are judged with full confidence from the fifteenth day on.
    let days = *chance.one_of(&[3, 5, 8, 17, 20]);
    let mut author = Author {
        records: Vec::new(),
        events: 0,
        world: chance.below(1_000_000),
    };
    let busy = if days > 10 { 1 } else { 3 };
    for account in 0..ACCOUNTS.len() {
        for day in 0..days {
            if account == 2 && !chance.percent(25) {
                continue;
            }
            author.jobs(account, day, busy, chance);
            author.people(account, day, chance);
        }
    }
    author.incidents(days, chance);
    Life {
        days,
        records: author.records,
    }
}

struct Author {
    records: Vec<Happened>,
    events: usize,
    world: usize,
}

impl Author {
    fn id(&mut self) -> String {
        self.events += 1;
        format!("{:08x}-0000-4000-8000-{:012x}", self.world, self.events)
    }

    fn write(&mut self, region: usize, account: usize, call: &Call<'_>) {
        self.records.push(Happened {
            second: call.second,
            account,
            region,
            record: call.record(),
        });
    }

    /// A call by somebody of the account on one of its keys.
    fn call<'a>(
        &mut self,
        (account, region, second): (usize, usize, i64),
        who: &str,
        operation: &'a str,
        key: &'a str,
    ) -> Call<'a> {
        Call {
            second,
            account: ACCOUNTS[account],
            region: REGIONS[region],
            caller: format!("arn:aws:iam::{}:{who}", ACCOUNTS[account]),
            caller_account: ACCOUNTS[account],
            operation,
            key: Some((ACCOUNTS[account], key)),
            request: String::new(),
            error: None,
            source: "198.51.100.7".to_owned(),
            invoked_by: None,
            event_id: self.id(),
            shared_event_id: None,
        }
    }

    fn jobs(&mut self, account: usize, day: i64, busy: i64, chance: &mut Chance) {
        for hour in (0..24).step_by(if busy == 1 { 3 } else { 1 }) {
            let start = day * DAY + hour * HOUR;
            for number in 0..busy {
                let second = start + number * 60 + chance.between(0, 50);
                let mut call = self.call((account, 0, second), "role/job", "Decrypt", "job-key");
                if chance.percent(50) {
                    call.invoked_by = Some("s3.amazonaws.com");
                }
                if chance.percent(4) {
                    call.error = Some("AccessDenied");
                }
                self.write(0, account, &call);
            }
        }
    }

    fn people(&mut self, account: usize, day: i64, chance: &mut Chance) {
        for who in ["user/ana", "user/ben"] {
            if !chance.percent(70) {
                continue;
            }
            let start = day * DAY + 9 * HOUR + chance.between(0, 8 * HOUR);
            for _ in 0..chance.between(1, 4) {
                let second = start + chance.between(0, 600);
                let region = chance.below(REGIONS.len());
                let operation = *chance.one_of(&["Decrypt", "GenerateDataKey", "DescribeKey"]);
                let call = self.call((account, region, second), who, operation, "team-key");
                self.write(region, account, &call);
            }
        }
    }

    fn incidents(&mut self, days: i64, chance: &mut Chance) {
        for _ in 0..chance.between(4, 12) {
            let account = chance.below(ACCOUNTS.len());
            let region = chance.below(REGIONS.len());
            // Some near midnight, where days and bases meet.
            let second = if chance.percent(30) {
                chance.between(1, days) * DAY + chance.between(-5, 5)
            } else {
                chance.between(0, days * DAY - 1)
            };
            let at = (account, region, second.min(days * DAY - 1));
            match chance.below(8) {
                0 => self.burst(at, chance),
                1 => self.change(at, "DisableKey", "", chance),
                2 => self.change(
                    at,
                    "ScheduleKeyDeletion",
                    r#""pendingWindowInDays":7"#,
                    chance,
                ),
                3 => self.alias(at, chance),
                4 => self.grant(at, chance),
                5 => self.policy(at, chance),
                6 => self.refusals(at, chance),
                _ => self.cross_account(at, chance),
            }
        }
    }

    /// More calls in a few minutes than a cell counts exactly, sometimes.
    fn burst(&mut self, (account, region, second): (usize, usize, i64), chance: &mut Chance) {
        let calls = *chance.one_of(&[60, 127, 129, 300]);
        let who = *chance.one_of(&["user/ana", "user/eve", "role/job"]);
        let key = *chance.one_of(&["job-key", "team-key"]);
        // A first try, some minutes before, comes from one of the networks that the burst has all of.
        let first_try = std::iter::once((-600, chance.between(0, 19)));
        let calls = (0..calls).map(|number| (number / 4, number % 20));
        for (after, network) in first_try.chain(calls) {
            let second = (second + after).max(0);
            let mut call = self.call((account, region, second), who, "Decrypt", key);
            // From more networks than a cell remembers.
            call.source = format!("198.{network}.100.7");
            self.write(region, account, &call);
        }
    }

    fn change(
        &mut self,
        at: (usize, usize, i64),
        operation: &str,
        request: &str,
        chance: &mut Chance,
    ) {
        let key = *chance.one_of(&["job-key", "team-key", "old-key"]);
        let mut call = self.call(at, "user/ana", operation, key);
        call.request = request.to_owned();
        if chance.percent(20) {
            call.error = Some("AccessDenied");
        }
        self.write(at.1, at.0, &call);
        if chance.percent(50) {
            let mut after = self.call((at.0, at.1, at.2 + 40), "role/job", "Decrypt", key);
            after.error = Some("DisabledException");
            self.write(at.1, at.0, &after);
        }
    }

    /// Somebody tries the same again and again: records that are carried as one group.
    fn refusals(&mut self, (account, region, second): (usize, usize, i64), chance: &mut Chance) {
        for _ in 0..chance.between(2, 8) {
            let second = second + chance.between(0, 1_200);
            let at = (account, region, second);
            let mut call = self.call(at, "user/eve", "ScheduleKeyDeletion", "old-key");
            call.request = r#""pendingWindowInDays":7"#.to_owned();
            call.error = Some("AccessDenied");
            self.write(region, account, &call);
        }
    }

    fn alias(&mut self, at: (usize, usize, i64), chance: &mut Chance) {
        for (number, key) in ["job-key", "team-key", "job-key"].into_iter().enumerate() {
            let second = at.2 + number as i64 * chance.between(1, 30 * HOUR);
            let mut call = self.call((at.0, at.1, second), "user/ben", "UpdateAlias", key);
            call.request = r#""aliasName":"alias/data""#.to_owned();
            self.write(at.1, at.0, &call);
        }
    }

    fn grant(&mut self, at: (usize, usize, i64), chance: &mut Chance) {
        for number in 0..chance.between(1, 3) {
            let grantee = *chance.one_of(&[
                "arn:aws:iam::999988887777:role/theirs",
                "arn:aws:iam::111122223333:role/job",
            ]);
            let mut call = self.call(
                (at.0, at.1, at.2 + number),
                "user/ana",
                "CreateGrant",
                "job-key",
            );
            call.request =
                format!(r#""granteePrincipal":"{grantee}","operations":["Decrypt","CreateGrant"]"#);
            self.write(at.1, at.0, &call);
        }
    }

    fn policy(&mut self, at: (usize, usize, i64), chance: &mut Chance) {
        let principal = *chance.one_of(&["*", "arn:aws:iam::999988887777:root"]);
        let policy = format!(
            r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"kms:*","Resource":"*"}}]}}"#
        );
        let mut call = self.call(at, "user/ben", "PutKeyPolicy", "team-key");
        call.request = format!(r#""policy":"{}""#, policy.replace('"', "\\\""));
        self.write(at.1, at.0, &call);
    }

    /// A call on another account's key: two records, one in each account.
    fn cross_account(&mut self, at: (usize, usize, i64), chance: &mut Chance) {
        let owner = (at.0 + 1) % ACCOUNTS.len();
        let shared = self.id();
        for account in [at.0, owner] {
            let mut call = self.call(at, "role/reader", "Decrypt", "team-key");
            call.account = ACCOUNTS[account];
            call.key = Some((ACCOUNTS[owner], "team-key"));
            call.shared_event_id = Some(shared.clone());
            self.write(at.1, account, &call);
            if chance.percent(10) {
                // Refused calls are logged in the caller's account only.
                break;
            }
        }
    }
}
