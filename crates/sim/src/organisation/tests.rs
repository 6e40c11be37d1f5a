//! The organisation: its life, its labels, and that attacks only add.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use keytrail_event::{Issue, Reader, Record, Sink};

use super::{Category, ChangeKind, OrganisationOptions, Summary, generate, world::World};
use crate::attacks::{self, AttackKind};
use crate::moment::{DAY, Moment};
use crate::testing::{assert_is_layout, stamp_seconds, unzip};

/// What a reader makes of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    id: String,
    principal: String,
    key: Option<String>,
    time: i64,
    text: String,
}

#[derive(Default)]
struct Collector(Vec<Seen>, Vec<Issue>);

impl Sink for Collector {
    fn record(&mut self, record: &Record<'_>) {
        self.0.push(Seen {
            id: record.event_id.as_deref().unwrap_or_default().to_owned(),
            principal: record.principal().to_owned(),
            key: record.key.as_ref().map(|key| key.as_str().to_owned()),
            time: record.time.unix_seconds(),
            text: record.raw.to_owned(),
        });
    }

    fn issue(&mut self, issue: Issue) {
        self.1.push(issue);
    }
}

struct Archive {
    summary: Summary,
    files: BTreeMap<String, Vec<Seen>>,
}

impl Archive {
    fn make(kinds: &[AttackKind]) -> Self {
        let options = OrganisationOptions {
            days: 4,
            volume_percent: 20,
            attacks: kinds.to_vec(),
            attack_count: 1,
            ..OrganisationOptions::default()
        };
        let mut reader = Reader::default();
        let mut files = BTreeMap::new();
        let mut last_stamp = 0;
        let summary = generate(&options, &mut |file| {
            if file.path == crate::LABELS_PATH {
                return Ok(());
            }
            assert_is_layout(&file.path);
            let stamp = stamp_seconds(&file.path);
            assert!(stamp >= last_stamp, "{} comes too late", file.path);
            last_stamp = stamp;
            let mut seen = Collector::default();
            let reading = reader.read(&unzip(&file.bytes), &mut seen);
            assert_eq!((reading.malformed, &seen.1[..]), (0, &[][..]));
            assert_eq!(reading.kms, reading.records);
            assert!(seen.0.iter().all(|it| it.time < stamp), "{}", file.path);
            assert!(files.insert(file.path, seen.0).is_none());
            Ok(())
        })
        .unwrap();
        Self { summary, files }
    }

    /// Four calm days with an attack of each kind, made once.
    fn attacked() -> &'static Self {
        static ARCHIVE: OnceLock<Archive> = OnceLock::new();
        ARCHIVE.get_or_init(|| Self::make(&AttackKind::ALL))
    }

    fn records(&self) -> HashMap<&str, &Seen> {
        let all = self.files.values().flatten();
        all.map(|seen| (seen.id.as_str(), seen)).collect()
    }

    fn attack_ids(&self) -> HashSet<&str> {
        let labels = self.summary.labels.iter();
        let attacks = labels.filter(|label| label.category == Category::Attack);
        attacks
            .flat_map(|it| it.event_ids.iter().map(String::as_str))
            .collect()
    }
}

#[test]
fn days_are_busy_but_bounded() {
    let archive = Archive::attacked();
    let per_day = archive.summary.records / 4;
    assert!((4_000..12_000).contains(&per_day), "{per_day} a day");
    let read: usize = archive.files.values().map(Vec::len).sum();
    assert_eq!(read as u64, archive.summary.records);
    let distinct = archive.records().len() as u64;
    assert_eq!(
        distinct + archive.summary.duplicates,
        archive.summary.records
    );
    assert!(archive.summary.duplicates > 0);
    assert!(archive.summary.late * 100 < archive.summary.records);
    let principals: HashSet<&str> = archive
        .records()
        .values()
        .map(|it| it.principal.as_str())
        .collect();
    assert!(
        (170..230).contains(&principals.len()),
        "{}",
        principals.len()
    );
    let keys: HashSet<_> = archive
        .records()
        .values()
        .filter_map(|it| it.key.clone())
        .collect();
    assert!((80..130).contains(&keys.len()), "{} keys", keys.len());
}

#[test]
fn volumes_are_spread_like_zipfs() {
    let mut counts: HashMap<&str, u32> = HashMap::new();
    for seen in Archive::attacked().records().values() {
        *counts.entry(&seen.principal).or_default() += 1;
    }
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let sum: u32 = counts.iter().sum();
    let busiest: u32 = counts.iter().take(counts.len() / 10).sum();
    assert!(
        busiest * 100 > sum * 40,
        "the busiest tenth has {busiest} of {sum}"
    );
    assert!(
        counts[counts.len() / 2] < 80,
        "the median has {}",
        counts[counts.len() / 2]
    );
}

#[test]
fn labels_name_records_of_their_principal_and_time() {
    let archive = Archive::attacked();
    let records = archive.records();
    let mut ids = HashSet::new();
    for label in &archive.summary.labels {
        assert!(ids.insert(&label.id), "{} twice", label.id);
        assert!(!label.event_ids.is_empty(), "{}", label.id);
        let seen: Vec<&&Seen> = label
            .event_ids
            .iter()
            .map(|id| {
                records
                    .get(id.as_str())
                    .unwrap_or_else(|| panic!("{} of {}", id, label.id))
            })
            .collect();
        let mut own = seen.iter().filter(|it| it.principal == label.principal);
        assert!(
            own.clone().next().is_some(),
            "{} by {}",
            label.id,
            label.principal
        );
        if label.category == Category::Attack {
            assert_eq!(seen.iter().map(|it| it.time).min(), Some(label.first));
            assert_eq!(seen.iter().map(|it| it.time).max(), Some(label.last));
            let keys = &label.keys;
            assert!(
                seen.iter()
                    .filter_map(|it| it.key.as_ref())
                    .all(|key| keys.contains(key))
            );
        } else {
            let window = label.first..=label.last;
            assert!(
                own.all(|it| window.contains(&it.time)),
                "{} ends early",
                label.id
            );
        }
    }
    let kinds: HashSet<&str> = archive.summary.labels.iter().map(|it| it.kind).collect();
    for kind in AttackKind::ALL {
        assert!(kinds.contains(kind.name()), "no {}", kind.name());
    }
}

#[test]
fn attacks_only_add_records() {
    let attacked = Archive::attacked();
    let quiet = Archive::make(&[]);
    assert!(quiet.attack_ids().is_empty());
    let ids = attacked.attack_ids();
    let is_attack = |seen: &&Seen| ids.contains(seen.id.as_str());
    for (path, records) in &quiet.files {
        let with = attacked
            .files
            .get(path)
            .unwrap_or_else(|| panic!("{path} is gone"));
        let without: Vec<&Seen> = with.iter().filter(|it| !is_attack(it)).collect();
        assert!(records.iter().eq(without), "{path} differs");
    }
    for (path, records) in &attacked.files {
        assert!(quiet.files.contains_key(path) || records.iter().all(|it| is_attack(&it)));
    }
    let changes = |archive: &Archive| {
        let mut labels = archive.summary.labels.clone();
        labels.retain(|label| label.category == Category::Change);
        labels
    };
    assert_eq!(changes(attacked), changes(&quiet));
}

#[test]
fn attacks_do_not_move_each_other() {
    let start = Moment::midnight(jiff::civil::date(2026, 1, 5));
    let world = World::new(7, start, 60, 1.0);
    let all = attacks::plan(&world, &AttackKind::ALL, 3);
    let some = attacks::plan(&world, &[AttackKind::DormantKey], 3);
    let of_all = all
        .iter()
        .filter(|it| format!("{it:?}").contains("dormant-key-"));
    let of_all: Vec<String> = of_all.map(|it| format!("{it:?}")).collect();
    assert_eq!(of_all.len(), 3);
    let alone: Vec<String> = some.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(of_all, alone);
}

#[test]
fn one_seed_is_one_archive() {
    let make = |seed| {
        let mut files = Vec::new();
        let options = OrganisationOptions {
            seed,
            days: 1,
            ..OrganisationOptions::default()
        };
        generate(&options, &mut |file| {
            files.push(file);
            Ok(())
        })
        .unwrap();
        files
    };
    let first = make(3);
    assert_eq!(first, make(3));
    assert_ne!(first, make(4));
}

#[test]
fn sixty_days_hold_every_change_and_leave_time_to_learn() {
    let start = Moment::midnight(jiff::civil::date(2026, 1, 5));
    for seed in 1..=3 {
        let world = World::new(seed, start, 60, 1.0);
        for kind in ChangeKind::ALL {
            let count = world.changes.iter().filter(|it| it.kind == kind).count();
            assert!(count > 0, "seed {seed}: no {}", kind.name());
        }
        let planned = attacks::plan(&world, &AttackKind::ALL, 12);
        assert_eq!(planned.len(), 13 * 12, "seed {seed}");
        for attack in planned {
            let (first, last) = attack.span().unwrap();
            assert!(
                first >= start + 16 * DAY && last < world.end(),
                "{attack:?}"
            );
        }
    }
}

#[test]
fn options_out_of_range_are_told() {
    for options in [
        OrganisationOptions {
            days: 0,
            ..OrganisationOptions::default()
        },
        OrganisationOptions {
            attack_count: super::ATTACKS_MAX + 1,
            ..OrganisationOptions::default()
        },
    ] {
        assert!(generate(&options, &mut |_| Ok(())).is_err());
    }
}
