//! The function `sweep`.

use keytrail_aws::Connection;
use keytrail_function_sweep::{AwsServices, handle};
use keytrail_lambda::{Failed, configuration, run};
use tokio::sync::OnceCell;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let connection = Connection::from_environment().await;
    let services = AwsServices::from_environment(&connection)?;
    let (objects, bucket) = services.state();
    // Read by the first invocation, so that a start waits for nobody; a failure is tried again by the next.
    let read = OnceCell::new();
    run(async |invocation| {
        let configuration = read
            .get_or_try_init(|| Box::pin(configuration(objects, bucket)))
            .await
            .map_err(|error| Failed(error.to_string()))?;
        Box::pin(handle(&services, configuration, &invocation)).await
    })
    .await
}
