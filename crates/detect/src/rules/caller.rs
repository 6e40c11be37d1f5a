//! Who stands behind a call: a person, a tool that deploys, or an AWS service.

use keytrail_event::arn::Arn;
use keytrail_event::principal::{AWS_INTERNAL, is_service_name};
use keytrail_event::source::DIRECT;
use keytrail_event::{PrincipalType, Record};

use super::past::Past;
use crate::configuration::Configuration;

/// CloudFormation, as it names itself where it calls for somebody.
const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";
/// Services that make whatever call they are told to, as the principal that tells them: a label of their names.
const ORCHESTRATORS: [&str; 10] = [
    "apigateway",
    "appsync",
    "bedrock-agentcore",
    "cloudcontrolapi",
    "cloudformation",
    "events",
    "pipes",
    "scheduler",
    "ssm",
    "states",
];
/// The service path of a service that does not say which it is, as S3 does not.
pub const AWS_INTERNAL_PATH: &str = "AWS Internal";
/// Tools that announce themselves in the user agent, as [`Record::agent_family`] tells it.
const DEPLOYING_AGENTS: [&str; 3] = ["Terraform", "OpenTofu", "Pulumi"];
/// Roles that AWS services make for themselves have this path.
const SERVICE_LINKED: &str = "role/aws-service-role/";
/// A key created by the caller itself this long ago belongs to the same deploy, in seconds.
const DEPLOY_SECONDS: i64 = 3_600;

/// Whether AWS made the call by itself: a service, a service-linked role, or KMS's own doing.
pub fn is_aws(record: &Record<'_>) -> bool {
    record.is_service_event
        || record.identity.principal_type == PrincipalType::AWSService
        || is_aws_principal(record.principal())
}

/// Whether this canonical principal is AWS itself: a service, a service-linked role, or KMS's own doing.
pub fn is_aws_principal(principal: &str) -> bool {
    if principal.starts_with("arn:") {
        return Arn::parse(principal)
            .is_some_and(|arn| arn.service == "iam" && arn.resource.starts_with(SERVICE_LINKED));
    }
    principal == AWS_INTERNAL || is_service_name(principal)
}

/// Whether this canonical principal is what a service runs in an account: the role of its sessions has a name that IAM
/// gives nobody (`aws:ec2-infrastructure`). A path may begin so, and anybody can give one.
pub fn is_infrastructure(principal: &str) -> bool {
    Arn::parse(principal).is_some_and(|arn| {
        let name = arn.resource.strip_prefix("role/aws:");
        arn.service == "iam" && name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
    })
}

/// The account a canonical key belongs to: that of its ARN, or of `alias:<account>:…`.
pub fn account_of_key(key: &str) -> &str {
    let place = if key.starts_with("alias:") { 1 } else { 4 };
    key.split(':').nth(place).unwrap_or_default()
}

/// Whether a rule of the caller's side judges this principal's calls in this account: its own, and those of
/// accounts outside the organisation, whose own copies nobody reads here.
pub fn is_judged_at(principal: &str, account: &str, configuration: &Configuration) -> bool {
    let of_principal = match principal.strip_prefix("ext:") {
        Some(rest) => rest.split('/').next(),
        None => Arn::parse(principal).map(|arn| arn.account),
    };
    of_principal.is_none_or(|known| {
        known == account || !configuration.organisation.accounts.contains(known)
    })
}

/// Whether CloudFormation made the call for the principal. CloudTrail writes that, no caller can.
pub fn is_by_cloudformation(record: &Record<'_>) -> bool {
    record.service_path() == CLOUDFORMATION
}

/// Whether a service chose this call that it made for the principal, as EBS does for a volume. What an orchestrator
/// calls, its user chose.
pub fn is_chosen_by_service(record: &Record<'_>) -> bool {
    is_path_chosen_by_service(record.service_path())
}

/// Whether calls on this service path are of the service's choosing, likewise.
pub fn is_path_chosen_by_service(path: &str) -> bool {
    path != DIRECT && !path.split('.').any(|label| ORCHESTRATORS.contains(&label))
}

/// Whether a person may have made the call: not AWS, not CloudFormation, and no tool that says it
/// deploys. The last is the caller's own word, so nothing grave may hang on it.
pub fn is_by_person(record: &Record<'_>) -> bool {
    may_be_by_person(record) && !says_it_deploys(record)
}

/// Whether a person may have made the call, whatever the caller says of itself: neither AWS nor CloudFormation.
pub fn may_be_by_person(record: &Record<'_>) -> bool {
    !is_aws(record) && !is_by_cloudformation(record)
}

/// Whether the caller says that it is a tool that deploys.
pub fn says_it_deploys(record: &Record<'_>) -> bool {
    let agent = record.agent_family();
    let product = agent.as_deref().and_then(|agent| agent.split('/').next());
    product.is_some_and(|product| DEPLOYING_AGENTS.contains(&product))
}

/// Whether the call belongs to the deploy that made the key: the same principal created it within
/// the hour before. Nothing worth taking is encrypted with it yet.
pub fn is_of_new_key(record: &Record<'_>, key: Option<&str>, past: &Past) -> bool {
    let life = key.and_then(|key| past.key(key));
    life.is_some_and(|life| {
        let age = life
            .created
            .map(|created| record.time.seconds_since(created));
        age.is_some_and(|age| (0..=DEPLOY_SECONDS).contains(&age))
            && life.creator.as_deref() == Some(record.principal())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_judged_where_its_caller_is_at_home_or_unknown() {
        let mut configuration = Configuration::default();
        let accounts = &mut configuration.organisation.accounts;
        accounts.insert("777788889999".to_owned());
        for (principal, expected) in [
            ("arn:aws:iam::111122223333:role/app", true),
            ("arn:aws:iam::777788889999:role/app", false),
            ("arn:aws:iam::444455556666:role/app", true),
            ("ext:777788889999/AROAX", false),
            ("ext:444455556666/AROAX", true),
            ("accounts.google.com:app:user", true),
        ] {
            let judged = is_judged_at(principal, "111122223333", &configuration);
            assert_eq!(judged, expected, "{principal}");
        }
    }

    #[test]
    fn who_is_called_like_a_service_is_none() {
        for (principal, expected) in [
            ("s3.amazonaws.com", true),
            ("ec2.amazonaws.com.cn", true),
            (AWS_INTERNAL, true),
            (
                "arn:aws:iam::111122223333:role/aws-service-role/rds.amazonaws.com/AWSServiceRoleForRDS",
                true,
            ),
            ("arn:aws:iam::111122223333:user/s3.amazonaws.com", false),
            ("arn:aws:iam::111122223333:role/backup.amazonaws.com", false),
            (
                "arn:aws:iam::111122223333:role/x:role/aws-service-role/mine",
                false,
            ),
            (
                "arn:aws:sts::111122223333:federated-user/s3.amazonaws.com",
                false,
            ),
            ("login.example.com:app:me.amazonaws.com", false),
            ("ext:444455556666/s3.amazonaws.com", false),
        ] {
            assert_eq!(is_aws_principal(principal), expected, "{principal}");
        }
    }

    #[test]
    fn a_path_makes_no_infrastructure() {
        for (role, expected) in [
            ("role/aws:ec2-infrastructure", true),
            ("role/aws:x/evil", false),
            ("role/aws:", false),
            ("role/x/aws:ec2-infrastructure", false),
            ("user/aws:ec2-infrastructure", false),
        ] {
            let principal = format!("arn:aws:iam::111122223333:{role}");
            assert_eq!(is_infrastructure(&principal), expected, "{role}");
        }
    }

    #[test]
    fn the_account_of_a_key() {
        for (key, account) in [
            ("arn:aws:kms:us-west-2:111122223333:key/1", "111122223333"),
            ("alias:111122223333:us-west-2:app", "111122223333"),
            ("", ""),
        ] {
            assert_eq!(account_of_key(key), account);
        }
    }
}
