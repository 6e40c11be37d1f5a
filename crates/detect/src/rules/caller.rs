//! Who stands behind a call: a person, a tool that deploys, or an AWS service.

use keytrail_event::principal::AWS_INTERNAL;
use keytrail_event::{PrincipalType, Record};

use super::past::Past;

/// CloudFormation, as it names itself where it calls for somebody.
const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";
/// Tools that announce themselves in the user agent, as [`Record::agent_family`] tells it.
const DEPLOYING_AGENTS: [&str; 3] = ["Terraform", "OpenTofu", "Pulumi"];
/// Roles that AWS services make for themselves have this path.
const SERVICE_LINKED: &str = ":role/aws-service-role/";
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
    principal == AWS_INTERNAL
        || principal.contains(SERVICE_LINKED)
        || principal.ends_with(".amazonaws.com")
        || principal.ends_with(".amazonaws.com.cn")
}

/// Whether CloudFormation made the call for the principal. CloudTrail writes that, no caller can.
pub fn is_by_cloudformation(record: &Record<'_>) -> bool {
    record.service_path() == CLOUDFORMATION
}

/// Whether a person may have made the call: not AWS, not CloudFormation, and no tool that says it
/// deploys. The last is the caller's own word, so nothing grave may hang on it.
pub fn is_by_person(record: &Record<'_>) -> bool {
    let says_it_deploys = || {
        let agent = record.agent_family();
        let product = agent.as_deref().and_then(|agent| agent.split('/').next());
        product.is_some_and(|product| DEPLOYING_AGENTS.contains(&product))
    };
    !is_aws(record) && !is_by_cloudformation(record) && !says_it_deploys()
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
