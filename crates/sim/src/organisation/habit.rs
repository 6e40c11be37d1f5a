//! What somebody does with a key, through what, and in which encryption context.

use crate::key::Naming;
use crate::moment::Moment;
use crate::random::Random;

use super::places::{HOME_ACCOUNT, HOME_REGION};

/// How S3 and Systems Manager appear in the records of calls that they pass on.
pub(crate) const INTERNAL: &str = "AWS Internal";

/// What a key protects: it decides the service path and the encryption context.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Resource {
    /// Objects of an S3 bucket.
    Bucket(String),
    /// A DynamoDB table.
    Table(String),
    /// A secret of Secrets Manager, with the six characters at the end of its ARN.
    Secret(String),
    /// Parameters of Systems Manager below a path.
    Parameters(String),
    /// A Lambda function's environment.
    Function(String),
    /// EBS volumes.
    Volumes,
    /// A log group.
    LogGroup(String),
    /// Files of a trail.
    Trail,
    /// What an application encrypts itself, with a fixed context.
    Own(Vec<(&'static str, String)>),
    /// What an application encrypts itself, without context.
    Bare,
    /// Nothing: the call reads or lists keys.
    Nothing,
}

/// Something a principal does again and again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Habit {
    /// Index of the key; none for ListKeys and its like.
    pub(crate) key: Option<usize>,
    pub(crate) operation: &'static str,
    /// The service that calls KMS for the principal; none when it calls itself.
    pub(crate) via: Option<&'static str>,
    pub(crate) resource: Resource,
    pub(crate) naming: Naming,
    /// Its share of the principal's calls, relative to the other habits.
    pub(crate) weight: f64,
}

impl Resource {
    /// The service that calls KMS when somebody touches the resource; none when applications call themselves.
    pub(crate) fn via(&self) -> Option<&'static str> {
        match self {
            Self::Bucket(_) | Self::Parameters(_) => Some(INTERNAL),
            Self::Table(_) => Some("dynamodb.amazonaws.com"),
            Self::Secret(_) => Some("secretsmanager.amazonaws.com"),
            Self::Function(_) => Some("lambda.amazonaws.com"),
            Self::Volumes => Some("ec2.amazonaws.com"),
            _ => None,
        }
    }

    /// The encryption context of one call.
    pub(crate) fn context(&self, time: Moment, random: &mut Random) -> Vec<(&'static str, String)> {
        match self {
            Self::Bucket(bucket) => {
                let part = random.hex(6);
                let object = format!("arn:aws:s3:::{bucket}/{}/{part}.parquet", time.folders());
                vec![("aws:s3:arn", object)]
            }
            Self::Table(table) => vec![
                ("aws:dynamodb:tableName", table.clone()),
                ("aws:dynamodb:subscriberId", HOME_ACCOUNT.to_owned()),
            ],
            Self::Secret(secret) => vec![
                (
                    "SecretARN",
                    format!("arn:aws:secretsmanager:{HOME_REGION}:{HOME_ACCOUNT}:secret:{secret}"),
                ),
                (
                    "SecretVersionId",
                    "7C2F5B0E-91D4-4C0B-8E2A-5D6B0F3A1E77".to_owned(),
                ),
            ],
            Self::Parameters(path) => {
                let name = random.pick(
                    &[
                        "database-password",
                        "api-token",
                        "signing-key",
                        "smtp-password",
                    ],
                    "api-token",
                );
                let arn =
                    format!("arn:aws:ssm:{HOME_REGION}:{HOME_ACCOUNT}:parameter{path}/{name}");
                vec![("PARAMETER_ARN", arn)]
            }
            Self::Function(function) => vec![(
                "aws:lambda:FunctionArn",
                format!("arn:aws:lambda:{HOME_REGION}:{HOME_ACCOUNT}:function:{function}"),
            )],
            Self::Volumes => vec![("aws:ebs:id", format!("vol-0{}", random.hex(16)))],
            Self::LogGroup(group) => vec![(
                "aws:logs:arn",
                format!("arn:aws:logs:{HOME_REGION}:{HOME_ACCOUNT}:log-group:{group}"),
            )],
            Self::Trail => {
                let name = random.alphanumeric(16);
                vec![
                    (
                        "aws:cloudtrail:arn",
                        format!("arn:aws:cloudtrail:{HOME_REGION}:{HOME_ACCOUNT}:trail/audit"),
                    ),
                    (
                        "aws:s3:arn",
                        format!(
                            "arn:aws:s3:::example-audit/AWSLogs/{HOME_ACCOUNT}/CloudTrail/{HOME_REGION}/{}/{HOME_ACCOUNT}_CloudTrail_{HOME_REGION}_{}_{name}.json.gz",
                            time.folders(),
                            time.ceil(300).stamp()
                        ),
                    ),
                ]
            }
            Self::Own(context) => context.clone(),
            Self::Bare | Self::Nothing => Vec::new(),
        }
    }
}

impl Habit {
    /// Uses a key for a resource, through the service that the resource belongs to.
    pub(crate) fn through(
        key: usize,
        operation: &'static str,
        resource: Resource,
        weight: f64,
    ) -> Self {
        Self {
            key: Some(key),
            operation,
            via: resource.via(),
            resource,
            naming: Naming::Arn,
            weight,
        }
    }

    /// Calls KMS itself.
    pub(crate) fn direct(
        key: usize,
        operation: &'static str,
        resource: Resource,
        weight: f64,
    ) -> Self {
        Self {
            via: None,
            ..Self::through(key, operation, resource, weight)
        }
    }

    /// Looks at a key.
    pub(crate) fn look(key: usize, operation: &'static str, weight: f64) -> Self {
        Self {
            naming: Naming::Id,
            ..Self::direct(key, operation, Resource::Nothing, weight)
        }
    }

    /// Lists keys or aliases.
    pub(crate) fn list(operation: &'static str, weight: f64) -> Self {
        Self {
            key: None,
            operation,
            via: None,
            resource: Resource::Nothing,
            naming: Naming::Id,
            weight,
        }
    }
}
