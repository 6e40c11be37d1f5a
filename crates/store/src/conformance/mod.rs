//! What every store must do, as functions that panic when one does not.
//!
//! A store's tests call [`all`] with a way to make an empty store. The suite is for tests only:
//! the feature `conformance` brings it in.
#![allow(
    clippy::unwrap_used,
    reason = "a test suite: what fails should stop it"
)]

pub mod commits;
pub mod faults;
pub mod findings;
pub mod gaps;
pub mod model;
pub(crate) mod samples;
pub mod values;

use crate::Store;

/// Runs the whole suite. Each part gets an empty store of its own.
pub async fn all<S: Store>(make: impl AsyncFn() -> S) {
    parts(&make).await;
    faults::every_call_may_fail(&make, 1).await;
    for seed in 0..8 {
        model::behaves_like_memory(&make().await, seed, 200).await;
    }
}

/// The suite without its long parts: faults at every call, and random operations.
pub async fn parts<S: Store>(make: impl AsyncFn() -> S) {
    values::a_tally_is_replaced_only_by_who_read_it(&make().await).await;
    values::writing_a_tally_again_is_a_success(&make().await).await;
    values::accounts_and_days_are_listed(&make().await).await;
    values::values_keep_every_byte(&make().await).await;
    values::values_over_their_bound_are_refused(&make().await).await;
    values::a_covered_base_is_never_replaced(&make().await).await;
    values::leftovers_of_a_close_are_replaced(&make().await).await;
    values::pruning_keeps_what_can_still_be_read(&make().await).await;
    values::the_pointer_flips_by_comparison(&make().await).await;
    values::documents_are_replaced(&make().await).await;
    values::quarantine_is_kept_by_name(&make().await).await;
    values::quarantine_is_in_the_order_of_names(&make().await).await;
    findings::a_revision_is_recorded_once(&make().await).await;
    findings::only_the_latest_revision_is_pending(&make().await).await;
    findings::what_people_were_told_stands(&make().await).await;
    findings::marking_is_by_condition(&make().await).await;
    findings::a_revision_during_sending_stays_pending(&make().await).await;
    findings::pages_reach_everything(&make().await).await;
    findings::findings_that_can_change_are_found(&make().await).await;
    findings::findings_come_back_as_they_were_given(&make().await).await;
    findings::notes_of_triage_are_kept(&make().await).await;
    commits::a_commit_writes_everything(&make().await).await;
    commits::a_commit_can_be_repeated(&make().await).await;
    commits::a_lost_race_changes_no_pointer_and_no_base(&make().await).await;
    commits::a_commit_of_two_minds_is_refused(&make().await).await;
    gaps::deleted_files_stand_as_gaps(&make().await).await;
}
