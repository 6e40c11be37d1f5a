//! Records of all other services: what most of an archive is, and what a reader of KMS records has to skip.

use crate::actor::Actor;
use crate::json::Object;
use crate::moment::Moment;
use crate::record::Record;

use super::place::{Builder, Voice};
use super::template::{HEX_8, HEX_16, TEXT_380};
use super::world::World;
use super::zipf::Zipf;

/// S3 data events among the others' records, over the others' own weight of 1.
pub(crate) const OBJECTS_SHARE: f64 = 0.12;
/// Callers of each operation in one place.
const CALLERS: usize = 8;

/// An operation: source, name, share, request parameters, whether it only reads.
type Operation = (&'static str, &'static str, f64, &'static str, bool);

const OPERATIONS: [Operation; 17] = [
    (
        "ec2.amazonaws.com",
        "DescribeInstances",
        0.14,
        r#"{"instancesSet":{},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#,
        true,
    ),
    (
        "ec2.amazonaws.com",
        "DescribeSecurityGroups",
        0.06,
        r#"{"securityGroupSet":{},"securityGroupIdSet":{"items":[{"groupId":"sg-0⟦hex16⟧"}]},"filterSet":{}}"#,
        true,
    ),
    (
        "ec2.amazonaws.com",
        "DescribeVolumes",
        0.05,
        r#"{"maxResults":500,"volumeSet":{},"filterSet":{}}"#,
        true,
    ),
    (
        "ssm.amazonaws.com",
        "UpdateInstanceInformation",
        0.13,
        r#"{"instanceId":"i-0⟦hex16⟧","agentVersion":"3.3.131.0","agentStatus":"Active","platformType":"Linux","platformName":"Amazon Linux","platformVersion":"2023","iPAddress":"10.12.4.77","computerName":"ip-10-12-4-77.eu-central-1.compute.internal","agentName":"amazon-ssm-agent","availabilityZone":"eu-central-1b","availabilityZoneId":"euc1-az3","sSMConnectionChannel":"ssmmessages"}"#,
        false,
    ),
    (
        "logs.amazonaws.com",
        "CreateLogStream",
        0.1,
        r#"{"logGroupName":"/aws/lambda/invoice-renderer","logStreamName":"2026/03/02/[$LATEST]⟦hex16⟧⟦hex16⟧"}"#,
        false,
    ),
    (
        "lambda.amazonaws.com",
        "GetFunction20150331v2",
        0.04,
        r#"{"functionName":"arn:aws:lambda:eu-central-1:111122223333:function:invoice-renderer"}"#,
        true,
    ),
    (
        "lambda.amazonaws.com",
        "ListFunctions20150331",
        0.03,
        "null",
        true,
    ),
    (
        "dynamodb.amazonaws.com",
        "DescribeTable",
        0.06,
        r#"{"tableName":"orders"}"#,
        true,
    ),
    (
        "secretsmanager.amazonaws.com",
        "GetSecretValue",
        0.07,
        r#"{"secretId":"production/⟦hex8⟧/database"}"#,
        true,
    ),
    (
        "s3.amazonaws.com",
        "GetBucketAcl",
        0.04,
        r#"{"bucketName":"company-audit-logs","Host":"company-audit-logs.s3.eu-central-1.amazonaws.com","acl":""}"#,
        true,
    ),
    (
        "s3.amazonaws.com",
        "ListBuckets",
        0.02,
        r#"{"Host":"s3.eu-central-1.amazonaws.com"}"#,
        true,
    ),
    (
        "ecr.amazonaws.com",
        "GetAuthorizationToken",
        0.04,
        "{}",
        true,
    ),
    (
        "ecr.amazonaws.com",
        "BatchGetImage",
        0.03,
        r#"{"repositoryName":"orders-api","imageIds":[{"imageTag":"release-⟦hex8⟧"}],"acceptedMediaTypes":["application/vnd.docker.distribution.manifest.v2+json","application/vnd.docker.distribution.manifest.list.v2+json","application/vnd.oci.image.manifest.v1+json"]}"#,
        true,
    ),
    (
        "elasticloadbalancing.amazonaws.com",
        "DescribeTargetHealth",
        0.05,
        r#"{"targetGroupArn":"arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/orders/⟦hex16⟧"}"#,
        true,
    ),
    (
        "autoscaling.amazonaws.com",
        "DescribeAutoScalingGroups",
        0.04,
        r#"{"maxRecords":100}"#,
        true,
    ),
    (
        "iam.amazonaws.com",
        "GetRole",
        0.03,
        r#"{"roleName":"orders-api-task"}"#,
        true,
    ),
    (
        "tagging.amazonaws.com",
        "GetResources",
        0.02,
        r#"{"resourcesPerPage":100,"tagFilters":[{"key":"team","values":["payments"]}]}"#,
        true,
    ),
];
/// Shares of the records whose responses are long.
const ASSUME_ROLE_SHARE: f64 = 0.12;
const RUN_INSTANCES_SHARE: f64 = 0.01;

/// Adds a place's records of other services to its builder.
pub(crate) fn add(builder: &mut Builder<'_>, principals: &[&Actor], world: &World) {
    let callers = principals.len().min(CALLERS);
    let zipf = Zipf::new(callers);
    for (source, name, share, request, read_only) in OPERATIONS {
        for rank in 0..callers {
            let Some(actor) = pick(builder, principals, rank) else {
                continue;
            };
            let mut record = builder.draft(actor, Voice::Own, source, name);
            record.request_json = Some(request.to_owned());
            record.read_only = read_only;
            builder.add_service(actor, record, share * zipf.share(rank));
        }
    }
    for rank in 0..callers {
        let Some(actor) = pick(builder, principals, rank) else {
            continue;
        };
        let share = zipf.share(rank);
        let service = world.service(builder.account, "ecs-tasks.amazonaws.com");
        let mut record = builder.draft(&service, Voice::Own, "sts.amazonaws.com", "AssumeRole");
        assume(&mut record, actor);
        builder.add_service(&service, record, share * ASSUME_ROLE_SHARE);
        let mut record = builder.draft(actor, Voice::Own, "ec2.amazonaws.com", "RunInstances");
        run(&mut record);
        builder.add_service(actor, record, share * RUN_INSTANCES_SHARE);
    }
}

/// Every operation has callers of its own.
fn pick<'a>(builder: &mut Builder<'_>, principals: &[&'a Actor], rank: usize) -> Option<&'a Actor> {
    let offset = builder.random.index(3);
    principals
        .get((rank + offset) % principals.len().max(1))
        .copied()
}

fn assume(record: &mut Record, role: &Actor) {
    let session = format!("{HEX_16}{HEX_16}");
    let credentials = Object::new()
        .text("accessKeyId", &format!("ASIASIM{HEX_8}QXWZ7"))
        .text("sessionToken", TEXT_380)
        .text("expiration", &Moment(1_772_400_000).java_date())
        .finish();
    let assumed = Object::new()
        .text("assumedRoleId", &format!("{}:task", role.id))
        .text(
            "arn",
            &format!(
                "arn:aws:sts::{}:assumed-role/{}/task",
                role.account, role.name
            ),
        )
        .finish();
    record.request_json = Some(
        Object::new()
            .text("roleArn", &role.role_arn())
            .text("roleSessionName", &session)
            .finish(),
    );
    record.response_json = Some(
        Object::new()
            .raw("credentials", &credentials)
            .raw("assumedRoleUser", &assumed)
            .finish(),
    );
    let resource = Object::new()
        .text("accountId", role.account)
        .text("type", "AWS::IAM::Role")
        .text("ARN", &role.role_arn());
    record.resources = Some(vec![resource.finish()]);
}

/// A long one: what EC2 answers to RunInstances.
fn run(record: &mut Record) {
    record.read_only = false;
    record.request_json = Some(
        r#"{"instancesSet":{"items":[{"imageId":"ami-0⟦hex16⟧","minCount":1,"maxCount":1}]},"instanceType":"m6i.large","blockDeviceMapping":{},"monitoring":{"enabled":false},"disableApiTermination":false,"ebsOptimized":false}"#.to_owned(),
    );
    let instance = Object::new()
        .text("instanceId", &format!("i-0{HEX_16}"))
        .text("imageId", &format!("ami-0{HEX_16}"))
        .raw("instanceState", r#"{"code":0,"name":"pending"}"#)
        .text("instanceType", "m6i.large")
        .raw("placement", r#"{"availabilityZone":"eu-central-1b","tenancy":"default"}"#)
        .text("subnetId", &format!("subnet-0{HEX_16}"))
        .text("vpcId", &format!("vpc-0{HEX_16}"))
        .text("privateDnsName", &format!("ip-{HEX_8}.eu-central-1.compute.internal"))
        .raw("groupSet", r#"{"items":[{"groupId":"sg-0⟦hex16⟧","groupName":"orders"},{"groupId":"sg-0⟦hex16⟧","groupName":"monitoring"}]}"#)
        .raw("tagSet", r#"{"items":[{"key":"Name","value":"orders-api"},{"key":"team","value":"shop"},{"key":"aws:autoscaling:groupName","value":"orders-api-asg"},{"key":"environment","value":"production"}]}"#)
        .raw("networkInterfaceSet", r#"{"items":[{"networkInterfaceId":"eni-0⟦hex16⟧","status":"in-use","macAddress":"02:5f:41:77:0a:13","sourceDestCheck":true,"attachment":{"attachmentId":"eni-attach-0⟦hex16⟧","deviceIndex":0,"status":"attaching","deleteOnTermination":true}}]}"#)
        .text("rootDeviceName", "/dev/xvda")
        .text("virtualizationType", "hvm")
        .finish();
    record.response_json = Some(
        Object::new()
            .text("requestId", &format!("{HEX_16}{HEX_16}"))
            .text("reservationId", &format!("r-0{HEX_16}"))
            .raw("instancesSet", &format!("{{\"items\":[{instance}]}}"))
            .finish(),
    );
}
