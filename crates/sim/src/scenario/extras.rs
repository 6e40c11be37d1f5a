//! Objects that share the bucket and are no logs: a digest and an Insight.

use crate::json::{Object, array};
use crate::layout::{Folder, ORGANISATION, Packer, path};
use crate::moment::{DAY, HOUR, MINUTE, Moment};
use crate::random::Random;
use crate::{SimulateError, SimulatedFile};

use super::calendar::Calendar;
use super::cast::{HOME, SHOP};

const TRAIL: &str = "prod-audit";
const BUCKET: &str = "nordlicht-audit";

/// Both objects, with their sizes before compression.
pub(crate) fn files(
    seed: u64,
    calendar: Calendar,
    packer: &mut Packer,
) -> Result<Vec<(SimulatedFile, u64)>, SimulateError> {
    let mut random = Random::stream(seed, "extras");
    let moment = calendar.day(calendar.days / 4);
    let mut files = Vec::new();
    for (path, text) in [digest(&mut random, moment), insight(&mut random, moment)] {
        let bytes = text.len() as u64;
        files.push((packer.gzip(path, text.as_bytes())?, bytes));
    }
    Ok(files)
}

/// The first digest of the shop's own trail: an hour without files, and none before it.
fn digest(random: &mut Random, day: Moment) -> (String, String) {
    let end = day + 8 * HOUR;
    let p = end.parts();
    let path = format!(
        "AWSLogs/{SHOP}/CloudTrail-Digest/{HOME}/{}/{SHOP}_CloudTrail-Digest_{HOME}_{TRAIL}_{HOME}_{:04}{:02}{:02}T{:02}{:02}{:02}Z.json.gz",
        end.folders(),
        p.year,
        p.month,
        p.day,
        p.hour,
        p.minute,
        p.second
    );
    let text = Object::new()
        .text("awsAccountId", SHOP)
        .text("digestStartTime", &(end + -HOUR).to_string())
        .text("digestEndTime", &end.to_string())
        .text("digestS3Bucket", BUCKET)
        .text("digestS3Object", &path)
        .raw("newestEventTime", "null")
        .raw("oldestEventTime", "null")
        .raw("previousDigestS3Bucket", "null")
        .raw("previousDigestS3Object", "null")
        .raw("previousDigestHashValue", "null")
        .raw("previousDigestHashAlgorithm", "null")
        .raw("previousDigestSignature", "null")
        .text("digestPublicKeyFingerprint", &random.hex(32))
        .text("digestSignatureAlgorithm", "SHA256withRSA")
        .raw("logFiles", "[]")
        .finish();
    (path, text)
}

/// CloudTrail Insights noticed that the web instances were restarted.
fn insight(random: &mut Random, day: Moment) -> (String, String) {
    let start = day + 13 * HOUR + 4 * MINUTE;
    let shared = random.uuid();
    let records: Vec<String> = [("Start", start), ("End", start + 11 * MINUTE)]
        .into_iter()
        .map(|(state, time)| {
            Object::new()
                .text("eventVersion", "1.08")
                .text("eventTime", &time.to_string())
                .text("awsRegion", HOME)
                .text("eventID", &random.uuid())
                .text("eventType", "AwsCloudTrailInsight")
                .text("recipientAccountId", SHOP)
                .text("sharedEventID", &shared)
                .raw("insightDetails", &insight_details(state))
                .text("eventCategory", "Insight")
                .finish()
        })
        .collect();
    let text = Object::new().raw("Records", &array(&records)).finish();
    let stamp = (start + DAY / 48).ceil(5 * MINUTE);
    let suffix = random.alphanumeric(16);
    let path = path(ORGANISATION, Folder::Insight, SHOP, HOME, stamp, &suffix);
    (path, text)
}

fn insight_details(state: &str) -> String {
    let average = |value: &str| Object::new().raw("average", value).finish();
    let mut statistics = Object::new()
        .raw("baseline", &average("0.0020833333"))
        .raw("insight", &average("6"));
    if state == "End" {
        statistics = statistics
            .number("insightDuration", 11)
            .number("baselineDuration", 10_092);
    }
    let context = Object::new()
        .raw("statistics", &statistics.finish())
        .finish();
    Object::new()
        .text("state", state)
        .text("eventSource", "ec2.amazonaws.com")
        .text("eventName", "RunInstances")
        .text("insightType", "ApiCallRateInsight")
        .raw("insightContext", &context)
        .finish()
}
