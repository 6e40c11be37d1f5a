//! The store on S3 and DynamoDB passes the suite of all stores, also when every few calls fail.
//!
//! `cargo xtask test` starts an endpoint on this machine and names it in `KEYTRAIL_AWS_ENDPOINT`;
//! without one these tests only say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod local;

use std::sync::atomic::{AtomicU64, Ordering};

use keytrail_aws::Connection;
use keytrail_aws::store::AwsStore;
use keytrail_store::conformance;
use local::{Endpoint, Faults};

/// Makes empty stores: each under a name of its own.
async fn make(endpoint: &Endpoint, faults: Faults) -> impl AsyncFn() -> AwsStore {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let connection = endpoint.connection(faults);
    let place = endpoint.state(&endpoint.connection(Faults::None)).await;
    async move || {
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}/", std::process::id());
        AwsStore::new(&connection, &place.bucket, &place.table, &name)
    }
}

#[tokio::test]
async fn s3_and_dynamodb_conform() {
    let Some(endpoint) = Endpoint::from_environment() else {
        return;
    };
    let make = make(&endpoint, Faults::None).await;
    conformance::parts(&make).await;
    for seed in 0..2 {
        conformance::model::behaves_like_memory(&make().await, seed, 120).await;
    }
}

#[tokio::test]
async fn a_commit_that_stops_at_any_call_can_be_made_again() {
    let Some(endpoint) = Endpoint::from_environment() else {
        return;
    };
    let make = make(&endpoint, Faults::None).await;
    conformance::faults::every_call_may_fail(&make, 5).await;
}

#[tokio::test]
async fn throttled_calls_and_lost_answers_do_not_show() {
    let Some(endpoint) = Endpoint::from_environment() else {
        return;
    };
    for faults in [Faults::RefuseEvery(3), Faults::LoseAnswerOfEvery(3)] {
        let make = make(&endpoint, faults).await;
        conformance::parts(&make).await;
        conformance::model::behaves_like_memory(&make().await, 7, 60).await;
    }
}

#[tokio::test]
async fn a_place_that_is_not_there_is_unavailable() {
    let Some(endpoint) = Endpoint::from_environment() else {
        return;
    };
    let connection: Connection = endpoint.connection(Faults::None);
    let store = AwsStore::new(&connection, "no-such-bucket", "no-such-table", "");
    let failed = keytrail_store::Store::pointer(&store, "1")
        .await
        .unwrap_err();
    assert!(failed.is_worth_a_retry(), "{failed}");
}
