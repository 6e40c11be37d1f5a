//! The function `ingest`.

use keytrail_aws::Connection;
use keytrail_delivery::notification::Lane;
use keytrail_function_ingest::{AwsServices, Settings, handle};
use keytrail_lambda::{SettingError, run, setting};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Settings {
        counting_lane: counting_lane()?,
        ..Settings::default()
    };
    let connection = Connection::from_environment().await;
    let services = AwsServices::from_environment(&connection)?;
    run(async |invocation| Box::pin(handle(&services, &settings, &invocation)).await).await
}

fn counting_lane() -> Result<Lane, SettingError> {
    const NAME: &str = "KEYTRAIL_COUNTING_LANE";
    match setting(NAME).as_deref() {
        None | Some("files") => Ok(Lane::Files),
        Some("logs") => Ok(Lane::Logs),
        Some(other) => Err(SettingError::Bad {
            name: NAME,
            value: other.to_owned(),
            why: "it is `files` or `logs`".to_owned(),
        }),
    }
}
