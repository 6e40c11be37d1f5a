//! The function `sweep`.

use keytrail_aws::Connection;
use keytrail_function_sweep::{AwsServices, handle};
use keytrail_lambda::run_configured;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let connection = Connection::from_environment().await;
    let services = AwsServices::from_environment(&connection)?;
    run_configured(services.state(), async |configuration, invocation| {
        handle(&services, configuration?, &invocation).await
    })
    .await
}
