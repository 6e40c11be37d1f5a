//! Every constant of the baselines, named, with its unit and its reason.
//!
//! "Measured" means: on the simulated organisations of `keytrail simulate`, on seeds that were used for
//! tuning.

/// The version of the mathematics. A base folded by another version is folded anew, never migrated.
pub const MATHS_VERSION: u32 = 6;

/// Days in which a count loses half its weight: two working weeks, so that weekends stay visible
/// and a change of habits is forgotten within a month.
pub const HALF_LIFE_DAYS: f64 = 14.0;

/// The same for histograms of calibration, which need more weight in their tails.
pub const CALIBRATION_HALF_LIFE_DAYS: f64 = 21.0;

/// The same for the slow breadth sum: long enough for one new key a day to add up, short enough
/// that a project's first week is forgotten.
pub const SLOW_HALF_LIFE_DAYS: f64 = 5.0;

/// Tokens below this are dropped from tables: one token after 107 days.
pub const TOKENS_MIN: f32 = 0.005;

// New values.

/// New tokens assumed in a class before any were seen, and the active days they are spread over:
/// one new value in twenty days.
pub const NEW_TOKENS_PRIOR: f64 = 0.3;
/// See [`NEW_TOKENS_PRIOR`].
pub const NEW_DAYS_PRIOR: f64 = 6.0;
/// Active days that the class's rate of new values is worth in a principal's own.
pub const CLASS_WEIGHT_DAYS: f64 = 5.0;
/// The rate of new values of a principal that was never seen: everything it does is new.
pub const UNSEEN_RATE: f64 = 0.5;
/// The rate of new values is never below this once a principal's table overflowed: what was evicted looks new.
pub const OVERFLOW_RATE_MIN: f64 = 0.1;
/// Weight of the account in a peer group's share of a value, in principal-days.
pub const ACCOUNT_WEIGHT: f64 = 2.0;
/// Tokens assumed for a value that nobody in the account has shown, over [`ACCOUNT_DAYS_PRIOR`].
pub const ACCOUNT_TOKENS_PRIOR: f64 = 0.01;
/// Principal-days assumed in an account beside those it has.
pub const ACCOUNT_DAYS_PRIOR: f64 = 20.0;
/// New values of the class that its own share of unknown ones is held to the account's by.
pub const REACH_PRIOR_VALUES: f64 = 5.0;
/// New principals assumed for every key, and the fewest keys they are spread over.
pub const KEY_NEW_PRINCIPALS_PRIOR: f64 = 0.3;
/// See [`KEY_NEW_PRINCIPALS_PRIOR`].
pub const KEYS_MIN: f64 = 20.0;
/// Days a key must be known before a user whose peers never used it is a stranger to it.
pub const USERS_KNOWN_DAYS: i64 = 4;
/// Strangers assumed before any were seen, and the days of use of keys they are spread over.
pub const STRANGERS_PRIOR: f64 = 0.3;
/// See [`STRANGERS_PRIOR`].
pub const STRANGER_DAYS_PRIOR: f64 = 20.0;
/// Days of use that all keys' rate of strangers is worth in one key's own.
pub const STRANGER_WEIGHT_DAYS: f64 = 3.0;
/// Days after its observed CreateKey in which a key is being deployed, so that new users are no news.
pub const DEPLOY_DAYS: i64 = 3;
/// The least probability of a new value on a key that is being deployed.
pub const DEPLOY_PROBABILITY: f64 = 0.5;
/// Age in days from which a key's contexts are known.
pub const CONTEXT_KEY_AGE_DAYS_MIN: i64 = 3;
/// What every surprise of a value gives up before it counts: a value as likely as 1 in 5 is no news.
pub const VALUE_OFFSET: f64 = 0.7;
/// The most that further new values of one feature add to the most surprising one.
pub const REST_MAX: f64 = 4.0;
/// Days assumed for a path or context never seen on a key, over [`KEY_DAYS_PRIOR`].
pub const KEY_PATH_PRIOR: f64 = 0.02;
/// Days assumed for a key beside those it has.
pub const KEY_DAYS_PRIOR: f64 = 0.4;
/// The most that a new Region says: whole applications fail over to one, and it brings new keys with
/// it, which say the same. That it is the account's first is told by the rule `region-new`.
pub const REGION_MAX: f64 = 2.0;
/// What a grantee of an account never granted to before adds.
pub const FOREIGN_GRANTEE: f64 = 1.5;

// Novelty.

/// Days a key must be known, and unused, before its use is a return.
pub const DORMANT_KEY_KNOWN_DAYS: i64 = 7;
/// See [`DORMANT_KEY_KNOWN_DAYS`].
pub const DORMANT_KEY_UNUSED_DAYS: i64 = 5;
/// Days since its observed CreateKey in which a key that was never used is young, not dormant.
pub const YOUNG_KEY_DAYS: i64 = 30;
/// Days a principal must have been silent before its return is one.
pub const DORMANT_PRINCIPAL_UNUSED_DAYS: i64 = 10;
/// Days of silence after which a return is a month's work: closings come around the same day of each month, which
/// is 26 to 34 days later where weekends move them.
pub const MONTH_OF_SILENCE: std::ops::RangeInclusive<i64> = 26..=34;
/// What remains of the surprise of a key that was tried and never opened: a role that is refused after a deploy
/// says so by its refusals, and the key says little more. Measured.
pub const REFUSED_KEY: f64 = 0.5;
/// The sum of decayed days of something that happens every day: 1/(1 − 2^(−1/14)) ≈ 20.7.
pub const STEADY_DAYS: f64 = 20.0;
/// Added for a principal never seen, for an unseen peer group, and for another account's principal.
pub const NEW_PRINCIPAL: f64 = 1.0;
/// See [`NEW_PRINCIPAL`].
pub const NEW_GROUP: f64 = 1.0;
/// See [`NEW_PRINCIPAL`].
pub const NEW_FOREIGN: f64 = 2.0;
/// Multiplies the logarithm of the slow breadth sum.
pub const SLOW_BREADTH: f64 = 3.0;

// Volume.

/// Active hours that the flat mean is worth in a slot's own.
pub const SLOT_PRIOR_HOURS: f64 = 3.0;
/// Weight of the hours beside a slot.
pub const NEIGHBOUR: f64 = 0.5;
/// Added to counts before their ratio is taken, in calls: three calls against one are no ratio of three.
pub const KAPPA: f64 = 3.0;
/// The same for refused calls, which are rare enough to count singly.
pub const KAPPA_DENIED: f64 = 1.0;
/// Hours that the prior tail of the ratio is worth.
pub const RATIO_PRIOR_HOURS: f64 = 3.0;
/// The prior tail of the ratio, which a stream's own ratios make steeper or flatter: 2^(−1.6 z), a doubling is a third as
/// likely.
pub const RATIO_PRIOR_SLOPE: f64 = 1.6;
/// Hours above the mean that the prior slope is worth.
pub const RATIO_SLOPE_HOURS: f64 = 30.0;
/// The flattest slope.
pub const RATIO_SLOPE_MIN: f64 = 1.0;
/// The steepest: a steady stream's hour of ten times its mean is rare beyond what can be known.
pub const RATIO_SLOPE_MAX: f64 = 4.0;
/// The effect size at no excess, and the binary logarithm of the excess that makes it whole:
/// 0.25 + log2(1 + excess)/8 reaches 1 at 63 calls.
pub const EFFECT_FLOOR: f64 = 0.25;
/// See [`EFFECT_FLOOR`].
pub const EFFECT_DOUBLINGS: f64 = 8.0;
/// What one hour can teach: at most this many times the mean, and so many more.
pub const WINSOR_TIMES: f64 = 4.0;
/// See [`WINSOR_TIMES`].
pub const WINSOR_PLUS: f64 = 8.0;
/// The largest ratio (binary logarithm) that enters a histogram.
pub const RATIO_MAX: f64 = 6.0;

// Day totals.

/// Days that the prior of a day's total is worth.
pub const DAY_PRIOR_DAYS: f64 = 2.0;
/// The prior spread of a day's total, a factor in binary logarithm.
pub const DAY_SPREAD_PRIOR: f64 = 1.5;
/// The least spread: a principal that does exactly the same each day may do a quarter more.
pub const DAY_SPREAD_MIN: f64 = 0.35;

// Growth.

/// Days of a kind (weekdays, weekends) from which a day adds to the sum of growth.
pub const DRIFT_DAYS_MIN: f64 = 2.0;
/// The prior spread of a day's total around its mean, a factor in binary logarithm.
pub const DRIFT_SPREAD_PRIOR: f64 = 0.7;
/// The most spreads that one day is above: a backfill is one day, not growth. Measured: 1.5 finds less, and so does 2.5.
pub const DRIFT_STEP_MAX: f64 = 2.0;
/// The most spreads that one day is below: a day off does not undo a week of growth.
pub const DRIFT_STEP_DOWN_MAX: f64 = 1.5;
/// Spreads that a day must be above the mean to add anything: half of a shift of one spread, which is what such a
/// sum finds soonest (Page, Biometrika 41, 1954).
pub const DRIFT_ALLOWANCE: f64 = 0.5;

// Time of day.

/// Active days from which a principal's hours are judged.
pub const TIME_DAYS_MIN: f64 = 3.0;

// Calibration and combination.

/// Hours that the model's own probability is worth in a calibration.
pub const CALIBRATION_PRIOR_HOURS: f64 = 30.0;
/// The tail above u holds at least this weight and this share of it.
pub const TAIL_WEIGHT_MIN: f64 = 12.0;
/// See [`TAIL_WEIGHT_MIN`].
pub const TAIL_SHARE_MIN: f64 = 0.001;
/// The exponential tail begins no lower than this surprise.
pub const TAIL_START_MIN: f64 = 1.0;
/// Hours that the model is worth against a principal's own history.
pub const OWN_PRIOR_HOURS: f64 = 30.0;
/// The score from which an hour teaches less of how unusual its principal usually is, so that the first days of an
/// attack do not make the next ones usual: about what an account shows twice a day. Measured: no such limit costs 3
/// points of recall at 0.5 false alerts a day.
pub const TEACHES_LESS_FROM: f64 = 9.0;
/// The weight such an hour has: whoever is that unusual again and again becomes usual all the same.
pub const TEACHES_LESS_WEIGHT: f32 = 0.1;
/// The most that calibration adds to a surprise: what is rare in a short history is not known to be
/// rarer than the model says by more than a hundred times.
pub const CALIBRATION_GAIN_MAX: f64 = 2.0;
/// The most that calibration multiplies a surprise by: of what hardly ever happens at all, the slightest trace is rare, and
/// remains slight. Measured: without it 1 point of recall less at 1 and 0.5 false alerts a day, at 3 one less as well.
pub const CALIBRATION_TIMES_MAX: f64 = 4.0;
/// What a family must exceed to count: 1 in 10. Measured: half of it cost 4 points of recall.
pub const FAMILY_THRESHOLD: f64 = 1.0;
/// Where a family ends: what is rarer than 1 in ten thousand million is as rare as that. Measured: without an end one
/// restore or deploy takes the place of several attacks at 0.1 false alerts a day; 8 costs 2 points of recall there.
pub const FAMILY_MAX: f64 = 10.0;
/// What the second of a family must exceed, and how much of the rest counts.
pub const SECOND_THRESHOLD: f64 = 1.0;
/// Weight of the rarity in the score: effect size tells attacks apart better than how rare it is. Measured: 1 costs
/// 1 point of recall at 0.5 false alerts a day, ½ one at 0.1.
pub const RARITY_WEIGHT: f64 = 0.75;
/// Weight of the effect size in the score, and where it ends.
pub const EFFECT_WEIGHT: f64 = 1.5;
/// See [`EFFECT_WEIGHT`].
pub const EFFECT_MAX: f64 = 20.0;
/// Mean of a principal's T below which it is quiet, and from which it is noisy.
pub const QUIET_BELOW: f64 = 0.15;
/// See [`QUIET_BELOW`].
pub const NOISY_FROM: f64 = 0.6;

// From score to finding.

/// Days an account is learnt before its behaviour is judged.
pub const LEARNING_DAYS: u32 = 14;
/// Days whose scores make the threshold.
pub const BUDGET_DAYS: i64 = 28;
/// Scores remembered of a day, the highest: enough for three times three findings a day.
pub const BUDGET_MAXIMA_PER_DAY: usize = 32;
/// The least rank that the extrapolation starts from.
pub const BUDGET_RANK_MIN: usize = 25;
/// Principal-days below which the floor decides alone.
pub const BUDGET_PRINCIPAL_DAYS_MIN: u64 = 200;
/// The score below which nothing is reported, unless the configuration says otherwise: about what organisations without
/// attacks reach once a week. Measured.
pub const SCORE_FLOOR: f64 = 21.0;
/// Points by which scores of organisations without attacks exceed [`SCORE_FLOOR`] on average, so that one so much higher is
/// e times rarer. Measured: 5.2 over 23 principal-days of 180 days, four such organisations.
pub const SCORE_TAIL: f64 = 5.2;
/// How many times rarer than the floor a score has to be at least to be of medium severity: about once in three weeks of
/// an organisation without attacks, however quiet the account.
pub const MEDIUM_TIMES_RARER: f64 = 3.0;
/// The same for high severity, which wakes people: about once in ten weeks. Measured, beside the floor alone for all levels: of
/// the findings without an attack of seven organisations 3 are high instead of 20, of those about an attack 7 instead of 11.
pub const HIGH_TIMES_RARER: f64 = 10.0;

// Bounds. The smallest token goes first.

/// Keys (pairs) a principal's table holds.
pub const PAIRS_PER_PRINCIPAL_MAX: usize = 64;
/// Values a principal's tables hold, by feature.
pub const NETWORKS_MAX: usize = 16;
/// See [`NETWORKS_MAX`].
pub const AGENTS_MAX: usize = 12;
/// See [`NETWORKS_MAX`].
pub const REGIONS_MAX: usize = 6;
/// See [`NETWORKS_MAX`].
pub const PATHS_MAX: usize = 8;
/// See [`NETWORKS_MAX`].
pub const OPERATIONS_MAX: usize = 24;
/// See [`NETWORKS_MAX`].
pub const GRANTEES_MAX: usize = 6;
/// See [`NETWORKS_MAX`].
pub const CONTEXTS_MAX: usize = 32;
/// See [`NETWORKS_MAX`].
pub const KEY_PATHS_MAX: usize = 24;
/// Values of one feature an account or a peer group holds.
pub const SHARED_VALUES_MAX: usize = 1_024;
/// Contexts and paths a key's tables hold, each.
pub const KEY_VALUES_MAX: usize = 16;
/// Names in an account's dictionary.
pub const NAMES_MAX: usize = 4_096;
/// Principals, keys and peer groups of one account; beyond, the longest unused go.
pub const PRINCIPALS_MAX: usize = 50_000;
/// See [`PRINCIPALS_MAX`].
pub const KEYS_MAX: usize = 50_000;
/// See [`PRINCIPALS_MAX`].
pub const GROUPS_MAX: usize = 2_048;
