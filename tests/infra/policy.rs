//! What a template must hold to. Each check says what is wrong; none is an opinion of a linter.

use serde_json::Value;

use crate::again::redelivery;
use crate::alarms::{ALARM, alarms, is_watched};
use crate::losses::{losses, of_arrivals};
use crate::template::{list, references, resources};
use crate::triage::notes;

/// Types that hold what cannot be made again.
const KEPT: [&str; 3] = ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::KMS::Key"];
/// The type of functions.
pub const FUNCTION: &str = "AWS::Serverless::Function";
/// The type of queues.
pub const QUEUE: &str = "AWS::SQS::Queue";

/// Everything that is wrong with the template. `runbooks` is the text of the runbooks, `sources` that of the functions.
pub fn violations(template: &Value, runbooks: &str, sources: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut wrong = |what: String| found.push(what);
    statements(template, &mut wrong);
    resource_policies(template, &mut wrong);
    queues(template, &mut wrong);
    functions(template, &mut wrong);
    buckets(template, &mut wrong);
    kept(template, &mut wrong);
    logs(template, &mut wrong);
    alarms(template, runbooks, sources, &mut wrong);
    losses(template, &mut wrong);
    notes(template, &mut wrong);
    redelivery(template, &mut wrong);
    partitions(template, &mut wrong);
    found
}

/// The statements of every policy: the resource's name, its type, the statement.
pub fn all_statements(template: &Value) -> Vec<(&str, &str, &Value)> {
    let mut found = Vec::new();
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap();
        let properties = &resource["Properties"];
        let of_role = list(&properties["Policies"]);
        let documents = of_role.iter().map(|policy| &policy["PolicyDocument"]);
        let documents = documents.chain([&properties["PolicyDocument"], &properties["KeyPolicy"]]);
        for document in documents {
            for statement in list(&document["Statement"]) {
                // Those that stand under a condition are judged as if they always stood.
                let conditional = list(&statement["Fn::If"]);
                let statement = conditional.get(1).copied().unwrap_or(statement);
                found.push((name.as_str(), kind, statement));
            }
        }
    }
    found
}

/// No wildcard action, and no wildcard resource except where the service knows no other.
fn statements(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, kind, statement) in all_statements(template) {
        if statement["Effect"] != "Allow" {
            continue;
        }
        let is_key = kind == "AWS::KMS::Key";
        let is_account = is_key && statement["Principal"]["AWS"].is_object();
        let actions = list(&statement["Action"]);
        for action in &actions {
            if action.as_str().is_none_or(|action| action.contains('*')) && !is_account {
                wrong(format!("{name} allows {action}"));
            }
        }
        if statement.get("NotAction").is_some() || statement.get("NotResource").is_some() {
            wrong(format!("{name} allows all but something"));
        }
        // These two know no resources: one is bound to a namespace, the other only reads numbers.
        let namespace = &statement["Condition"]["StringEquals"]["cloudwatch:namespace"];
        let is_metrics = actions.len() == 1
            && (actions[0] == "cloudwatch:PutMetricData" && namespace.is_string()
                || actions[0] == "cloudwatch:GetMetricStatistics");
        for resource in list(&statement["Resource"]) {
            // In a key's own policy, "*" is that key.
            if resource == "*" && !is_metrics && !is_key {
                wrong(format!("{name} allows {actions:?} on everything"));
            }
        }
        if kind == "AWS::IAM::Role" && list(&statement["Resource"]).is_empty() {
            wrong(format!("{name} has a statement without resources"));
        }
    }
}

/// Services are let in only for this account or one source, and nothing passes without TLS.
fn resource_policies(template: &Value, wrong: &mut impl FnMut(String)) {
    let mut guarded: Vec<String> = Vec::new();
    for (name, kind, statement) in all_statements(template) {
        if statement["Effect"] == "Deny" {
            let without_tls = &statement["Condition"]["Bool"]["aws:SecureTransport"];
            if statement["Principal"] == "*" && without_tls == "false" {
                guarded.extend(references(&statement["Resource"]));
            }
            continue;
        }
        let is_service = statement["Principal"]["Service"] != Value::Null;
        let condition = statement["Condition"].to_string();
        let is_bound = condition.contains("aws:SourceAccount")
            || condition.contains("aws:SourceArn")
            || condition.contains("kms:EncryptionContext:aws:logs:arn");
        if is_service && !is_bound {
            wrong(format!("{name} lets a service in for any account"));
        }
        if kind != "AWS::IAM::Role" && statement["Principal"] == "*" {
            wrong(format!("{name} lets everybody in"));
        }
    }
    for kind in [QUEUE, "AWS::SNS::Topic", "AWS::S3::Bucket"] {
        for (name, resource) in resources(template, kind) {
            let own_name = references(&resource["Properties"]["BucketName"]);
            let is_guarded = guarded
                .iter()
                .any(|guarded| guarded == name || own_name.contains(guarded));
            if !is_guarded {
                wrong(format!("{name} can be reached without TLS"));
            }
        }
    }
}

/// Names of resources are right in every partition, also in those of China and of governments.
fn partitions(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, resource) in template["Resources"].as_object().unwrap() {
        let text = resource["Properties"].to_string();
        if text.contains("arn:aws:") || text.contains("${AWS::Region}.amazonaws.com") {
            wrong(format!("{name} names a resource of one partition"));
        }
    }
}

/// Every queue that is read has dead letters, is encrypted, and is watched.
fn queues(template: &Value, wrong: &mut impl FnMut(String)) {
    let is_queue = |name: &str| template["Resources"][name]["Type"] == QUEUE;
    let all: Vec<_> = resources(template, QUEUE).collect();
    let of_arrivals = of_arrivals(template);
    let dead: Vec<String> = all
        .iter()
        .flat_map(|(_, queue)| {
            references(&queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"])
        })
        .collect();
    for (name, queue) in &all {
        let properties = &queue["Properties"];
        let is_dead = name.ends_with("DeadLetters");
        if !is_dead {
            let target = references(&properties["RedrivePolicy"]["deadLetterTargetArn"]);
            if target.len() != 1 || !is_queue(&target[0]) {
                wrong(format!("{name} has no dead letters"));
            }
            if !is_watched(template, name, "ApproximateAgeOfOldestMessage") {
                wrong(format!("no alarm watches the age of {name}"));
            }
        } else if !is_watched(template, name, "ApproximateNumberOfMessagesVisible") {
            wrong(format!("no alarm watches {name}"));
        }
        let keeps_arrivals = of_arrivals.iter().any(|(_, queue)| queue == name);
        if properties["KmsMasterKeyId"].is_null() && !keeps_arrivals {
            wrong(format!("{name} is not encrypted by the state's key"));
        }
        if is_dead && properties["MessageRetentionPeriod"] != 1_209_600 {
            wrong(format!("{name} forgets before 14 days"));
        }
    }
    for name in dead.iter().filter(|name| !is_queue(name)) {
        wrong(format!("dead letters go to {name}, which is no queue"));
    }
}

/// Each function has a role of its own, its alarms, and queues that wait long enough.
fn functions(template: &Value, wrong: &mut impl FnMut(String)) {
    let mut roles = Vec::new();
    for (name, function) in resources(template, FUNCTION) {
        let properties = &function["Properties"];
        let role = references(&properties["Role"]);
        if role.len() != 1 || roles.contains(&role) {
            wrong(format!("{name} has no role of its own"));
        }
        roles.push(role);
        let timeout = properties["Timeout"].as_u64().unwrap_or_default();
        if timeout == 0 {
            wrong(format!("{name} has no timeout"));
        }
        for (event, source) in properties["Events"].as_object().into_iter().flatten() {
            if source["Type"] != "SQS" {
                continue;
            }
            for queue in references(&source["Properties"]["Queue"]) {
                let queue_properties = &template["Resources"][&queue]["Properties"];
                let visibility = queue_properties["VisibilityTimeout"].as_u64();
                if visibility.is_none_or(|visibility| visibility < 6 * timeout) {
                    wrong(format!(
                        "{queue} shows messages again before six timeouts of {name}"
                    ));
                }
            }
            if source["Properties"]["ScalingConfig"]["MaximumConcurrency"].is_null() {
                wrong(format!("{event} may start {name} without a bound"));
            }
            let partial = &source["Properties"]["FunctionResponseTypes"];
            if !list(partial)
                .iter()
                .any(|it| *it == "ReportBatchItemFailures")
            {
                wrong(format!("{name} fails all of a batch of {event} for one"));
            }
        }
        for metric in ["Errors", "Throttles", "Duration"] {
            if !is_watched(template, name, metric) {
                wrong(format!("no alarm watches {metric} of {name}"));
            }
        }
        let durations = resources(template, ALARM).filter(|(_, alarm)| {
            let properties = &alarm["Properties"];
            properties["MetricName"] == "Duration"
                && references(&properties["Dimensions"])
                    .iter()
                    .any(|it| it == name)
        });
        for (alarm, duration) in durations {
            let threshold = duration["Properties"]["Threshold"].as_u64();
            if threshold != Some(timeout * 800) {
                wrong(format!("{alarm} does not watch 80 % of {name}'s timeout"));
            }
        }
    }
    if template["Globals"]["Function"]["Runtime"] != "provided.al2023" {
        wrong("functions run on another runtime than provided.al2023".to_owned());
    }
}

/// The bucket that is announced is the one that is read; what a function writes is the bucket it is told of.
fn buckets(template: &Value, wrong: &mut impl FnMut(String)) {
    let of_trail: Vec<String> = resources(template, "AWS::Events::Rule")
        .flat_map(|(_, rule)| references(&rule["Properties"]["EventPattern"]["detail"]["bucket"]))
        .collect();
    if of_trail.len() != 1 {
        wrong(format!(
            "deliveries of {of_trail:?} are announced, not of one bucket"
        ));
    }
    let pseudo = |name: &String| !name.starts_with("AWS::");
    for (name, kind, statement) in all_statements(template) {
        let is_s3 = |action: &&Value| action.as_str().is_some_and(|it| it.starts_with("s3:"));
        if kind != "AWS::IAM::Role" || !list(&statement["Action"]).iter().any(is_s3) {
            continue;
        }
        let reads_files = ["ReadFiles", "ListFiles"]
            .iter()
            .any(|sid| statement["Sid"] == *sid);
        for resource in list(&statement["Resource"]) {
            let named: Vec<_> = references(resource).into_iter().filter(pseudo).collect();
            let is_right = if reads_files {
                named == of_trail
            } else {
                named == ["StateBucket"]
            };
            if !is_right {
                wrong(format!("{name} names the wrong bucket: {resource}"));
            }
        }
    }
    for role in ["IngestRole", "BackfillRole"] {
        let reads = all_statements(template)
            .into_iter()
            .any(|(name, _, statement)| {
                name == role
                    && ["ReadFiles", "ListFiles"]
                        .iter()
                        .any(|sid| statement["Sid"] == *sid)
            });
        if !reads {
            wrong(format!("{role} may not read the trail's bucket"));
        }
    }
    for (name, function) in resources(template, FUNCTION) {
        let variables = &function["Properties"]["Environment"]["Variables"];
        if references(&variables["KEYTRAIL_STATE_BUCKET"]) != ["StateBucket"]
            || references(&variables["KEYTRAIL_STATE_TABLE"]) != ["StateTable"]
        {
            wrong(format!(
                "{name} is told of another state than the one it may use"
            ));
        }
    }
    for (name, machine) in resources(template, "AWS::StepFunctions::StateMachine") {
        let bucket = &machine["Properties"]["DefinitionSubstitutions"]["Bucket"];
        if references(bucket) != of_trail {
            wrong(format!("{name} lists another bucket than the trail's"));
        }
    }
}

/// What cannot be made again stays when the stack goes, and can be restored. It does not stay when the deployment that
/// made it fails: the next one could not take its name.
fn kept(template: &Value, wrong: &mut impl FnMut(String)) {
    for kind in KEPT {
        for (name, resource) in resources(template, kind) {
            for (policy, right) in [
                ("DeletionPolicy", "RetainExceptOnCreate"),
                ("UpdateReplacePolicy", "Retain"),
            ] {
                if resource[policy] != right {
                    wrong(format!("{name} has no {policy} of {right}"));
                }
            }
        }
    }
    for (name, bucket) in resources(template, "AWS::S3::Bucket") {
        let properties = &bucket["Properties"];
        let closed = properties["PublicAccessBlockConfiguration"].as_object();
        let closed = closed.is_some_and(|it| it.len() == 4 && it.values().all(|it| it == true));
        if !closed || properties["BucketEncryption"].is_null() {
            wrong(format!("{name} is open or not encrypted"));
        }
    }
    for (name, table) in resources(template, "AWS::DynamoDB::Table") {
        let properties = &table["Properties"];
        let recovery = &properties["PointInTimeRecoverySpecification"];
        let is_right = properties["BillingMode"] == "PAY_PER_REQUEST"
            && recovery["PointInTimeRecoveryEnabled"] == true
            && properties["TimeToLiveSpecification"]["Enabled"] == true
            && properties["SSESpecification"]["SSEType"] == "KMS";
        if !is_right {
            wrong(format!(
                "{name} is not on demand, restorable, expiring and encrypted"
            ));
        }
    }
    for (name, key) in resources(template, "AWS::KMS::Key") {
        if key["Properties"]["EnableKeyRotation"] != true {
            wrong(format!("{name} is not rotated"));
        }
    }
}

/// Every function has a log group that ends and is encrypted.
fn logs(template: &Value, wrong: &mut impl FnMut(String)) {
    for (name, group) in resources(template, "AWS::Logs::LogGroup") {
        let properties = &group["Properties"];
        if properties["RetentionInDays"].is_null() || properties["KmsKeyId"].is_null() {
            wrong(format!("{name} is kept for ever or not encrypted"));
        }
    }
    for (name, function) in resources(template, FUNCTION) {
        let expected = function["Properties"]["FunctionName"]["Fn::Sub"].as_str();
        let expected = expected.map(|name| format!("/aws/lambda/{name}"));
        let has_group = resources(template, "AWS::Logs::LogGroup").any(|(_, group)| {
            group["Properties"]["LogGroupName"]["Fn::Sub"].as_str() == expected.as_deref()
        });
        if !has_group {
            wrong(format!("{name} has no log group"));
        }
    }
}
