//! Every bound of detection, named, with its unit and its reason.

/// Seconds after the end of an event's hour until which a file's stamp counts as in time.
/// CloudTrail typically delivers within 15 minutes; two hours leave room for an outage.
pub const LATE_SECONDS: i64 = 2 * 3_600;

/// Seconds after the end of an hour or day until it is sealed or closed: [`LATE_SECONDS`] and an hour of grace.
pub const CLOSE_LAG_SECONDS: i64 = LATE_SECONDS + 3_600;

/// Seconds that an event may lie after its file's stamp. Stamps are cut to five minutes, clocks differ.
pub const FUTURE_SECONDS: i64 = 15 * 60;

/// Distinct events a cell counts exactly. As large as the sketch that replaces it: 128 × 8 bytes.
pub const EXACT_EVENTS_MAX: usize = 128;

/// Registers of a cell's sketch, one byte each: a standard error of 1.04/√1024 = 3.25 %.
pub const SKETCH_REGISTERS: usize = 1_024;

/// Values of one kind (networks, agents, contexts) a cell remembers; the smallest by hash stay.
pub const CELL_VALUES_MAX: usize = 8;

/// Longest value a cell remembers, in bytes.
pub const CELL_VALUE_BYTES_MAX: usize = 256;

/// Bytes of the cells of one account's day and of the names in them. Beyond, the principals that are last by hash
/// lose the day's cells, and findings say so. Some 250,000 cells of a busy account fit, one for each
/// principal, key, operation, outcome and hour.
pub const DAY_CELLS_BYTES_MAX: usize = 64 * 1_024 * 1_024;

/// Principals whose cells one account's day has; of more, those that are last by hash lose them, and findings
/// say so. Each takes some 2 KiB more once the day is learnt.
pub const DAY_PRINCIPALS_MAX: usize = 20_000;

/// Event ids a finding carries.
pub const FINDING_EVENT_IDS_MAX: usize = 10;

/// Keys that a finding names besides the one it is about.
pub const FINDING_FURTHER_KEYS_MAX: usize = 24;

/// Evidence that a finding carries of what was done, over all repeats of its episode.
pub const EPISODE_FACTS_MAX: usize = 24;

/// Steps that a finding asks for, over all repeats of its episode.
pub const EPISODE_STEPS_MAX: usize = 12;

/// Days without a repeat after which a rule's finding begins a new episode.
pub const RULE_QUIET_DAYS: i64 = 7;

/// Seconds without a repeat after which a behaviour's finding begins a new episode.
pub const BEHAVIOUR_QUIET_SECONDS: i64 = 24 * 3_600;

/// Pairs with a history in one account; beyond, the longest unused are forgotten, and counted.
pub const PAIRS_MAX: usize = 200_000;

/// Aliases, keys, policies and foreign users remembered in one account, each.
pub const PAST_ENTRIES_MAX: usize = 50_000;

/// Changes of keys remembered in one account for three days; beyond, the oldest grants and aliases are forgotten
/// first, and counted.
pub const KEY_CHANGES_MAX: usize = 20_000;

/// Open grants of one key, made by hand, whose terms are remembered; beyond, those of whoever made most are forgotten, and counted.
pub const GRANTS_A_KEY_MAX: usize = 64;

/// Open grants of one key that are remembered by a hash of their id; beyond, they are a number. KMS allows 50,000.
pub const GRANT_IDS_A_KEY_MAX: usize = 16_384;

/// Ended grants of one key whose making was not read; the oldest are forgotten.
pub const GRANTS_ENDED_MAX: usize = 64;

/// Days on which grants of one key were made, remembered.
pub const GRANT_DAYS_MAX: usize = 28;

/// Notable records, and selected groups, of one account's day, each. Beyond, grants and moves of data go first, then what
/// is last by hash; they are counted. A record has about 1.2 KiB, one with a policy up to 40 KiB.
pub const NOTABLES_MAX: usize = 60_000;

/// Bytes of notable records, and of selected groups, of one account's day, each: 50,000 grants fit, or
/// 2,000 policies of the largest size.
pub const NOTABLES_BYTES_MAX: usize = 80 * 1_024 * 1_024;

/// Hashes of records that rules judged on closed days, remembered so that a copy delivered afterwards is known.
pub const CLOSED_HASHES_MAX: usize = 500_000;

/// Longest record that is carried whole, in bytes. CloudTrail's own limit is 256 KiB an event.
pub const NOTABLE_BYTES_MAX: usize = 256 * 1_024;

/// Service paths, operations and kinds of encryption context remembered of a key, each. A key with more has
/// no customs to be judged by.
pub const CUSTOMS_PER_KEY_MAX: usize = 32;

/// Days whose silences are remembered of a Region.
pub const REGION_HISTORY_DAYS_MAX: usize = 28;

/// Calls remembered of the last hour of a day, for windows that cross midnight.
pub const LATELY_CALLS_MAX: usize = 20_000;

/// Pairs of keys between which one bulk use of ReEncrypt moved data, remembered; of more it is not known where all went.
pub const MOVES_MAX: usize = 16;

/// Sweeps and bulk uses remembered of the day before, each, for chains that cross midnight.
pub const STEPS_MAX: usize = 2_000;
