//! The parameters of KMS calls, as CloudTrail writes them.

use crate::json::Object;
use crate::key::Key;
use crate::moment::Moment;
use crate::random::Random;

/// `requestParameters` of a cryptographic call. Decrypt names no key; the order of fields is chance.
pub(crate) fn cryptographic(
    random: &mut Random,
    operation: &str,
    key: &Key,
    name: &str,
    context: &[(&'static str, String)],
) -> String {
    let fields = context.iter().fold(Object::new(), |object, (name, value)| {
        object.text(name, value)
    });
    let fields = (!context.is_empty()).then(|| fields.finish());
    let key_first = random.chance(0.5);
    let mut request = Object::new();
    let names_key = operation != "Decrypt";
    if names_key && key_first {
        request = request.text("keyId", name);
    }
    if let Some(fields) = &fields {
        request = request.raw("encryptionContext", fields);
    }
    if names_key && !key_first {
        request = request.text("keyId", name);
    }
    let request = match operation {
        "GenerateDataKey" if key.alias.starts_with("alias/aws/") => {
            request.number("numberOfBytes", 32)
        }
        "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => request.text("keySpec", "AES_256"),
        _ => request.text("encryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    };
    request.finish()
}

/// `requestParameters` and `responseElements` of CreateKey with a policy that delegates to the account's root.
pub(crate) fn create_key(key: &Key, time: Moment, description: &str) -> (String, String) {
    let request = Object::new()
        .text("policy", &key.safe_policy(&[]))
        .text("description", description)
        .text("keyUsage", "ENCRYPT_DECRYPT")
        .text("customerMasterKeySpec", "SYMMETRIC_DEFAULT")
        .text("keySpec", "SYMMETRIC_DEFAULT")
        .text("origin", "AWS_KMS")
        .flag("bypassPolicyLockoutSafetyCheck", false)
        .flag("multiRegion", false)
        .finish();
    let metadata = Object::new()
        .text("aWSAccountId", key.account)
        .text("keyId", &key.id)
        .text("arn", &key.arn())
        .text("creationDate", &time.java_date())
        .flag("enabled", true)
        .text("description", description)
        .text("keyUsage", "ENCRYPT_DECRYPT")
        .text("keyState", "Enabled")
        .text("origin", "AWS_KMS")
        .text("keyManager", "CUSTOMER")
        .text("keySpec", "SYMMETRIC_DEFAULT")
        .list("encryptionAlgorithms", &["SYMMETRIC_DEFAULT"])
        .flag("multiRegion", false)
        .finish();
    let response = Object::new().raw("keyMetadata", &metadata).finish();
    (request, response)
}

/// The message of a refused call; without a key it is about all of them.
pub(crate) fn refusal(caller_arn: &str, operation: &str, key: Option<&Key>) -> String {
    let target = key.map_or_else(|| "*".to_owned(), Key::arn);
    format!(
        "User: {caller_arn} is not authorized to perform: kms:{operation} on resource: {target} because no identity-based policy allows the kms:{operation} action"
    )
}
