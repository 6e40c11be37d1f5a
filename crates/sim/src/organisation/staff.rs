//! People: developers, analysts, operators and auditors in three time zones, and the IAM users that are left.

use crate::random::Random;

use super::habit::{Habit, Resource};
use super::keys::{APPLICATIONS, Keys};
use super::places::{Tool, home, office, private};
use super::principal::{Class, Principal, person, user};
use super::rhythm::Rhythm;

/// What people are called; their mail addresses follow from it.
const NAMES: [&str; 64] = [
    "ada", "akira", "amara", "anton", "asha", "ben", "bruno", "carla", "chloe", "chen", "clara",
    "daan", "david", "deepa", "diego", "elif", "emil", "erik", "esra", "farah", "felix", "fatima",
    "finn", "freya", "gita", "greta", "hana", "hugo", "ines", "ivan", "jana", "jonas", "jun",
    "kai", "karin", "kofi", "lars", "lea", "leon", "lina", "luis", "maja", "marek", "maria",
    "marta", "milan", "mina", "nadia", "nils", "noor", "olga", "omar", "paul", "petra", "priya",
    "rafael", "rosa", "samir", "sara", "sven", "tara", "tomas", "vera", "yusuf",
];

/// Permission sets and how many people have each, from the first name on.
const SETS: [(&str, usize); 5] = [
    ("Developer", 34),
    ("DataAnalyst", 11),
    ("PlatformAdmin", 6),
    ("SecurityAudit", 3),
    ("Support", 6),
];

/// Zones people live in, and the office of each.
const ZONES: [(i64, usize); 6] = [(1, 0), (1, 0), (1, 0), (0, 1), (-5, 2), (5, 1)];

/// Adds everybody who works here from the first day on.
pub(crate) fn add(seed: u64, keys: &Keys, out: &mut Vec<Principal>) {
    let mut names = NAMES.iter();
    for (set, count) in SETS {
        for (index, name) in names.by_ref().take(count).enumerate() {
            out.push(hire(seed, keys, set, name, index));
        }
    }
    users(seed, keys, out);
}

/// Somebody with this permission set; the index spreads people over teams.
pub(crate) fn hire(seed: u64, keys: &Keys, set: &str, name: &str, index: usize) -> Principal {
    let mut random = Random::stream(seed, &format!("person {name}"));
    let team = index % APPLICATIONS.len();
    let (zone, office_index) = random.pick(&ZONES, (1, 0));
    let line = home(&mut random);
    // An office or home, day by day, and now and then a telephone's network, which many share.
    let telephone = format!(
        "100.76.{}.{}",
        random.between(0, 255),
        random.between(1, 254)
    );
    let office = || office(office_index);
    let addresses = [
        office(),
        line.clone(),
        office(),
        line.clone(),
        office(),
        line,
        office(),
        telephone,
    ];
    let release = random.between(0, 6);
    let cli = if random.chance(0.2) {
        Tool::CliOne
    } else {
        Tool::Cli
    };
    let tools: &[(Tool, i64)] = match set {
        "Developer" | "PlatformAdmin" => &[(Tool::Browser, 0), (cli, release)],
        "DataAnalyst" => &[(Tool::Browser, 1), (Tool::Boto, release)],
        _ => &[(Tool::Browser, 0)],
    };
    let mail = format!("{name}@example.com");
    let actors = person(seed, set, &mail, tools, &addresses, &mut random);
    let (habits, reach, volume) = work(set, keys, team, &mut random);
    Principal {
        class: Class::Person,
        actors,
        rhythm: Rhythm::Office {
            zone,
            shift: random.between(-1, 2),
            seed: random.bits(),
        },
        volume: volume * random.lognormal(0.6),
        unrest: 0.5,
        habits,
        curiosity: 0.03,
        reach,
        refused: 0.012,
        team,
        since: None,
        until: None,
    }
}

/// The habits of a permission set in a team, the keys it reaches beyond them, and its calls a day.
pub(crate) fn work(
    set: &str,
    keys: &Keys,
    team: usize,
    random: &mut Random,
) -> (Vec<Habit>, Vec<usize>, f64) {
    let own = keys.of(team);
    let name = APPLICATIONS.get(team).copied().unwrap_or("orders");
    let bucket = || Resource::Bucket(format!("example-{name}"));
    let parameters = || Resource::Parameters(format!("/{name}"));
    let mut secret = |what: &str| Resource::Secret(format!("{name}/{what}-{}", random.hex(6)));
    let reach = vec![
        own.data,
        own.records,
        own.secrets,
        keys.shared_secrets,
        keys.artifacts,
    ];
    match set {
        "DataAnalyst" => (
            vec![
                Habit::through(
                    keys.warehouse,
                    "Decrypt",
                    Resource::Bucket("example-warehouse".to_owned()),
                    1.0,
                ),
                Habit::through(
                    keys.warehouse,
                    "GenerateDataKey",
                    Resource::Bucket("example-athena-results".to_owned()),
                    0.5,
                ),
                Habit::through(own.data, "Decrypt", bucket(), 0.15),
                Habit::list("ListAliases", 0.02),
            ],
            vec![
                keys.warehouse,
                own.data,
                keys.of(team + 1).data,
                keys.of(team + 2).data,
            ],
            45.0,
        ),
        "PlatformAdmin" => (
            vec![
                Habit::look(own.data, "DescribeKey", 0.4),
                Habit::look(keys.terraform_state, "DescribeKey", 0.2),
                Habit::look(keys.shared_secrets, "GetKeyPolicy", 0.15),
                Habit::list("ListAliases", 0.3),
                Habit::list("ListKeys", 0.15),
                Habit::through(
                    keys.terraform_state,
                    "Decrypt",
                    Resource::Bucket("example-terraform".to_owned()),
                    0.6,
                ),
                Habit::through(
                    keys.shared_secrets,
                    "Decrypt",
                    Resource::Parameters("/platform".to_owned()),
                    0.2,
                ),
            ],
            keys.customer_managed(),
            18.0,
        ),
        "SecurityAudit" => (
            vec![
                Habit::list("ListKeys", 0.3),
                Habit::list("ListAliases", 0.3),
                Habit::look(own.secrets, "GetKeyPolicy", 0.3),
                Habit::look(own.secrets, "DescribeKey", 0.3),
                Habit::look(keys.trail, "ListGrants", 0.1),
                Habit::through(
                    keys.trail,
                    "Decrypt",
                    Resource::Bucket("example-audit".to_owned()),
                    0.8,
                ),
            ],
            keys.customer_managed(),
            16.0,
        ),
        "Support" => (
            vec![
                Habit::through(own.data, "Decrypt", bucket(), 1.0),
                Habit::through(own.secrets, "Decrypt", secret("support"), 0.1),
            ],
            vec![own.data],
            14.0,
        ),
        _ => (
            vec![
                Habit::through(own.data, "Decrypt", bucket(), 0.5),
                Habit::through(own.secrets, "Decrypt", secret("database"), 0.3),
                Habit::through(keys.managed_ssm, "Decrypt", parameters(), 0.25),
                Habit::through(
                    keys.artifacts,
                    "Decrypt",
                    Resource::Bucket("example-artifacts".to_owned()),
                    0.2,
                ),
                Habit::direct(
                    keys.shared_secrets,
                    "Decrypt",
                    Resource::Own(vec![("sops", name.to_owned())]),
                    0.15,
                ),
                Habit::list("ListAliases", 0.05),
                Habit::look(own.data, "DescribeKey", 0.08),
            ],
            reach,
            14.0,
        ),
    }
}

/// Programs and people that still have long-lived access keys.
fn users(seed: u64, keys: &Keys, out: &mut Vec<Principal>) {
    let mut random = Random::stream(seed, "users");
    for (index, (name, tool)) in [
        ("backup-agent", Tool::GoOne),
        ("erp-export", Tool::DotNet),
        ("scanner-room", Tool::Boto),
        ("vendor-sync", Tool::JavaOne),
        ("print-service", Tool::ScriptTwo),
        ("legacy-ci", Tool::CliOne),
        ("mainframe-bridge", Tool::JavaOne),
        ("release-manager", Tool::Cli),
    ]
    .into_iter()
    .enumerate()
    {
        let own = keys.of(index * 5 + 2);
        let release = random.between(0, 5);
        let addresses = if index % 2 == 0 {
            vec![office(index % 3)]
        } else {
            private(90 + index as i64, &mut random, 2)
        };
        let actors = user(seed, name, (tool, release), &addresses, &mut random);
        let context = Resource::Own(vec![("client", name.to_owned())]);
        let rhythm = match index % 3 {
            0 => Rhythm::Nightly {
                hour: 1 + index as i64 % 4,
                minutes: 30,
                sunday: 1.0,
            },
            1 => Rhythm::Hourly {
                minute: 7 * index as i64,
            },
            _ => Rhythm::Sparse,
        };
        out.push(Principal {
            class: Class::User,
            actors,
            rhythm,
            volume: 22.0 * random.lognormal(0.6),
            unrest: 0.3,
            habits: vec![
                Habit::direct(own.records, "Decrypt", context.clone(), 0.6),
                Habit::direct(own.records, "Encrypt", context, 0.4),
                Habit::through(
                    own.data,
                    "GenerateDataKey",
                    Resource::Bucket(format!("example-{name}")),
                    0.5,
                ),
            ],
            curiosity: 0.0,
            reach: Vec::new(),
            refused: 0.002,
            team: (index * 5 + 2) % APPLICATIONS.len(),
            since: None,
            until: None,
        });
    }
}
