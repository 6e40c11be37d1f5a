//! What runs below the applications: pipelines, the warehouse, scanners, service-linked roles, AWS services that act
//! for themselves, and principals of other accounts.

use crate::key::Naming;
use crate::random::Random;

use super::habit::{Habit, Resource};
use super::keys::{APPLICATIONS, Keys};
use super::places::{DATA_ACCOUNT, PARTNERS, Tool, internet, private};
use super::principal::{Class, Principal, below, foreign, named, role, service, service_linked};
use super::rhythm::Rhythm;

/// Adds everything that no team calls its own.
pub(crate) fn add(seed: u64, keys: &Keys, out: &mut Vec<Principal>) {
    let mut random = Random::stream(seed, "platform");
    pipelines(seed, keys, &mut random, out);
    warehouse(seed, keys, &mut random, out);
    scanners(seed, keys, &mut random, out);
    linked(seed, keys, &mut random, out);
    services(seed, keys, &mut random, out);
    foreigners(seed, keys, &mut random, out);
}

fn principal(class: Class, rhythm: Rhythm, volume: f64, habits: Vec<Habit>) -> Principal {
    Principal {
        class,
        actors: Vec::new(),
        rhythm,
        volume,
        unrest: 0.25,
        habits,
        curiosity: 0.0,
        reach: Vec::new(),
        refused: 0.0,
        team: 0,
        since: None,
        until: None,
    }
}

fn bucket(name: &str) -> Resource {
    Resource::Bucket(format!("example-{name}"))
}

/// Build and deployment roles: bursts of every size, on what they build.
fn pipelines(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    // All run on hosted runners, whose networks are many and change with every job.
    let runners: Vec<String> = (0..40).flat_map(|_| internet(random, 1)).collect();
    for index in 0..11_usize {
        let team = index * 2;
        let own = keys.of(team);
        let name = APPLICATIONS.get(team).copied().unwrap_or("orders");
        let is_terraform = index % 4 == 3;
        let tool = if is_terraform {
            Tool::Terraform
        } else {
            Tool::Cli
        };
        let title = if is_terraform {
            "ci-terraform"
        } else {
            "ci-deploy"
        };
        let actors = role(
            seed,
            &format!("{title}-{name}"),
            1,
            (tool, random.between(0, 4)),
            &runners,
            random,
        );
        let mut habits = vec![
            Habit::through(keys.artifacts, "GenerateDataKey", bucket("artifacts"), 0.7),
            Habit::through(keys.artifacts, "Decrypt", bucket("artifacts"), 0.7),
            Habit::through(
                own.secrets,
                "Decrypt",
                Resource::Parameters(format!("/{name}")),
                0.3,
            ),
            Habit::direct(
                keys.shared_secrets,
                "Decrypt",
                Resource::Own(vec![("sops", name.to_owned())]),
                0.3,
            ),
        ];
        if is_terraform {
            habits.extend([
                Habit::through(keys.terraform_state, "Decrypt", bucket("terraform"), 0.5),
                Habit::through(
                    keys.terraform_state,
                    "GenerateDataKey",
                    bucket("terraform"),
                    0.3,
                ),
                Habit::look(own.data, "DescribeKey", 0.6),
                Habit::look(own.data, "GetKeyPolicy", 0.6),
                Habit::look(own.secrets, "DescribeKey", 0.6),
                Habit::look(own.secrets, "ListResourceTags", 0.4),
                Habit::list("ListAliases", 0.3),
            ]);
        }
        out.push(Principal {
            actors: named(actors, "GitHubActions"),
            volume: 70.0 * random.lognormal(0.6),
            unrest: 0.4,
            refused: 0.002,
            team,
            ..principal(Class::Pipeline, Rhythm::Builds { zone: 1 }, 0.0, habits)
        });
    }
}

fn warehouse(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    for index in 0..8_usize {
        let own = keys.of(index * 3 + 1);
        let source = APPLICATIONS
            .get(index * 3 % 22 + 1)
            .copied()
            .unwrap_or("orders");
        let addresses = private(60, random, 4);
        let actors = role(
            seed,
            &format!("warehouse-load-{source}"),
            4,
            (Tool::JavaOne, random.between(0, 4)),
            &addresses,
            random,
        );
        let rhythm = match index % 3 {
            0 => Rhythm::Nightly {
                hour: 2 + index as i64 % 3,
                minutes: 100,
                sunday: 1.0,
            },
            1 => Rhythm::Hourly { minute: 20 },
            _ => Rhythm::Weekly {
                weekday: index as i64 % 7,
                hour: 4,
            },
        };
        let habits = vec![
            Habit::through(own.data, "Decrypt", bucket(source), 1.0),
            Habit::through(keys.warehouse, "GenerateDataKey", bucket("warehouse"), 0.7),
            Habit::through(keys.warehouse, "Decrypt", bucket("warehouse"), 0.3),
        ];
        out.push(Principal {
            actors: below(named(actors, "GlueJobRunnerSession"), "/service-role/"),
            volume: 240.0 * random.lognormal(0.7),
            team: index * 3 + 1,
            ..principal(Class::Batch, rhythm, 0.0, habits)
        });
    }
}

/// Inventories: every key is looked at every night, as an intruder would do it once.
fn scanners(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    for (index, (name, tool)) in [
        ("posture-scanner", Tool::Boto),
        ("asset-inventory", Tool::Go),
        ("cost-explorer", Tool::Script),
    ]
    .into_iter()
    .enumerate()
    {
        let addresses = internet(random, 3);
        let actors = role(seed, name, 1, (tool, 3), &addresses, random);
        let all = keys.customer_managed();
        let mut habits = vec![
            Habit::list("ListKeys", 2.0),
            Habit::list("ListAliases", 2.0),
        ];
        for key in all {
            habits.push(Habit::look(key, "DescribeKey", 1.0));
            if index == 0 {
                habits.push(Habit::look(key, "GetKeyPolicy", 0.8));
                habits.push(Habit::look(key, "GetKeyRotationStatus", 0.8));
                habits.push(Habit::look(key, "ListGrants", 0.4));
            }
        }
        let rhythm = if index == 2 {
            Rhythm::Weekly {
                weekday: 0,
                hour: 6,
            }
        } else {
            Rhythm::Nightly {
                hour: 3,
                minutes: 25,
                sunday: 1.0,
            }
        };
        out.push(Principal {
            actors: named(actors, name),
            unrest: 0.1,
            ..principal(Class::Scanner, rhythm, [320.0, 200.0, 120.0][index], habits)
        });
    }
}

fn linked(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    let all: [(&str, &'static str, &'static str); 7] = [
        (
            "AWSServiceRoleForAutoScaling",
            "/aws-service-role/autoscaling.amazonaws.com/",
            "autoscaling.amazonaws.com",
        ),
        (
            "AWSServiceRoleForRDS",
            "/aws-service-role/rds.amazonaws.com/",
            "rds.amazonaws.com",
        ),
        (
            "AWSServiceRoleForBackup",
            "/aws-service-role/backup.amazonaws.com/",
            "backup.amazonaws.com",
        ),
        (
            "AWSServiceRoleForAmazonEKSNodegroup",
            "/aws-service-role/eks-nodegroup.amazonaws.com/",
            "eks-nodegroup.amazonaws.com",
        ),
        (
            "AWSServiceRoleForAmazonMSK",
            "/aws-service-role/kafka.amazonaws.com/",
            "kafka.amazonaws.com",
        ),
        (
            "AWSServiceRoleForElastiCache",
            "/aws-service-role/elasticache.amazonaws.com/",
            "elasticache.amazonaws.com",
        ),
        (
            "AWSServiceRoleForEC2Spot",
            "/aws-service-role/spot.amazonaws.com/",
            "spot.amazonaws.com",
        ),
    ];
    for (index, (name, path, via)) in all.into_iter().enumerate() {
        let key = if index == 2 {
            keys.backups
        } else {
            keys.volumes
        };
        let with = |operation, weight| Habit {
            via: Some(via),
            ..Habit::through(key, operation, Resource::Volumes, weight)
        };
        let habits = vec![
            with("CreateGrant", 0.4),
            with("GenerateDataKeyWithoutPlaintext", 0.5),
            with("Decrypt", 0.5),
            with("RetireGrant", 0.2),
        ];
        let rhythm = match index {
            0 | 3 | 6 => Rhythm::Curve {
                zone: 1,
                weekend: 0.7,
            },
            2 => Rhythm::Nightly {
                hour: 5,
                minutes: 60,
                sunday: 1.0,
            },
            _ => Rhythm::Sparse,
        };
        out.push(Principal {
            actors: service_linked(seed, name, path, random),
            volume: 24.0 * random.lognormal(0.8),
            ..principal(Class::ServiceLinked, rhythm, 0.0, habits)
        });
    }
}

fn services(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    let logs = |group: &str| Resource::LogGroup(group.to_owned());
    let mut all = vec![
        (
            "cloudtrail.amazonaws.com",
            900.0,
            vec![Habit::direct(
                keys.trail,
                "GenerateDataKey",
                Resource::Trail,
                1.0,
            )],
        ),
        (
            "logs.eu-central-1.amazonaws.com",
            420.0,
            vec![
                Habit::direct(keys.logs, "GenerateDataKey", logs("/aws/ecs"), 0.6),
                Habit::direct(keys.logs, "Decrypt", logs("/aws/ecs"), 0.2),
                Habit::direct(keys.logs, "GenerateDataKey", logs("/aws/lambda"), 0.3),
            ],
        ),
        (
            "config.amazonaws.com",
            40.0,
            vec![Habit::direct(
                keys.trail,
                "GenerateDataKey",
                bucket("audit"),
                1.0,
            )],
        ),
        (
            "guardduty.amazonaws.com",
            12.0,
            vec![Habit::direct(
                keys.trail,
                "GenerateDataKey",
                bucket("findings"),
                1.0,
            )],
        ),
        ("sns.amazonaws.com", 200.0, Vec::new()),
        ("sqs.amazonaws.com", 260.0, Vec::new()),
        ("dynamodb.amazonaws.com", 500.0, Vec::new()),
        ("s3.amazonaws.com", 520.0, Vec::new()),
        (
            "secretsmanager.amazonaws.com",
            30.0,
            vec![Habit::direct(
                keys.managed_secrets,
                "Decrypt",
                Resource::Secret("rotated/database-Qx71aP".to_owned()),
                1.0,
            )],
        ),
        (
            "delivery.logs.amazonaws.com",
            150.0,
            vec![Habit::direct(
                keys.managed_s3,
                "GenerateDataKey",
                bucket("flow-logs"),
                1.0,
            )],
        ),
    ];
    for (index, name) in APPLICATIONS.iter().enumerate() {
        let own = keys.of(index);
        let weight = random.lognormal(0.8);
        for (service, _, habits) in &mut all {
            match *service {
                "dynamodb.amazonaws.com" if index % 3 == 0 => habits.push(Habit::direct(
                    own.records,
                    "Decrypt",
                    Resource::Table((*name).to_owned()),
                    weight,
                )),
                "s3.amazonaws.com" => habits.push(Habit::direct(
                    own.data,
                    "GenerateDataKey",
                    Resource::Bucket(format!("example-{name}-replica")),
                    weight,
                )),
                "sns.amazonaws.com" if index % 4 == 1 => habits.push(Habit::direct(
                    own.data,
                    "GenerateDataKey",
                    Resource::Own(vec![(
                        "aws:sns:topicArn",
                        format!("arn:aws:sns:eu-central-1:111122223333:{name}"),
                    )]),
                    weight,
                )),
                "sqs.amazonaws.com" if index % 4 == 3 => habits.push(Habit::direct(
                    own.data,
                    "Decrypt",
                    Resource::Own(vec![(
                        "aws:sqs:arn",
                        format!("arn:aws:sqs:eu-central-1:111122223333:{name}"),
                    )]),
                    weight,
                )),
                _ => {}
            }
        }
    }
    for (name, volume, habits) in all {
        let rhythm = if volume > 100.0 {
            Rhythm::Curve {
                zone: 1,
                weekend: 0.8,
            }
        } else {
            Rhythm::Steady
        };
        out.push(Principal {
            actors: service(seed, name, random),
            ..principal(Class::AwsService, rhythm, volume, habits)
        });
    }
}

/// Roles of the data account and of partners that use keys of this account.
fn foreigners(seed: u64, keys: &Keys, random: &mut Random, out: &mut Vec<Principal>) {
    for (index, (account, name)) in [
        (DATA_ACCOUNT, "ledger-sync"),
        (DATA_ACCOUNT, "forecast-training"),
        (DATA_ACCOUNT, "analytics-reader"),
        (PARTNERS[0], "settlement-service"),
        (PARTNERS[0], "reconciliation"),
        (PARTNERS[1], "fulfilment"),
        (PARTNERS[2], "tax-adviser"),
    ]
    .into_iter()
    .enumerate()
    {
        let key = if index % 2 == 0 {
            keys.settlements
        } else {
            keys.of(21).data
        };
        let addresses = if account == DATA_ACCOUNT {
            private(40, random, 3)
        } else {
            internet(random, 3)
        };
        let context = Resource::Own(vec![("exchange", name.to_owned())]);
        let mut decrypt = Habit::direct(key, "Decrypt", context.clone(), 0.7);
        decrypt.naming = Naming::Arn;
        let encrypt = Habit::direct(key, "Encrypt", context, 0.3);
        let rhythm = match index % 3 {
            0 => Rhythm::Hourly { minute: 33 },
            1 => Rhythm::Nightly {
                hour: 4,
                minutes: 45,
                sunday: 1.0,
            },
            _ => Rhythm::Curve {
                zone: 1,
                weekend: 0.2,
            },
        };
        out.push(Principal {
            actors: foreign(seed, account, name, &addresses, random),
            volume: 40.0 * random.lognormal(0.5),
            ..principal(Class::Foreign, rhythm, 0.0, vec![decrypt, encrypt])
        });
    }
}
