//! Records that follow one another as a session writes them.

use proptest::prelude::*;
use proptest::sample::select;

use super::records::inside;

/// Records as a session writes them, one after the other, that differ in values: what templates are
/// made of. Each change replaces a value of the record before it by another.
pub(super) fn session() -> impl Strategy<Value = String> {
    const BASES: [&str; 4] = [
        r#"{"eventVersion":"1.08","userIdentity":{"type":"AWSService","invokedBy":"s3.amazonaws.com"},"eventTime":"2024-03-15T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"us-east-1","sourceIPAddress":"s3.amazonaws.com","userAgent":"s3.amazonaws.com","requestParameters":{"encryptionContext":{"b":"2","aws:s3:arn":"arn:aws:s3:::bucket/object"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"},"responseElements":null,"requestID":"32f824be-d73d-46f8-baaf-a7f523be62a2","eventID":"3d7ea91a-cac3-401e-869b-827504e370ff","readOnly":true,"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:us-east-1:111122223333:key/1bfb3a21-c872-48b0-b60a-ff06037da950"}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","sharedEventID":"fb0429dc-ce31-4d98-bc5b-e81a471c232d","eventCategory":"Management"}"#,
        r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:ceb0e030ec3b","arn":"arn:aws:sts::111122223333:assumed-role/api/ceb0e030ec3b","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONN","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/api"}}},"eventTime":"2024-03-15T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"ReEncrypt","awsRegion":"eu-west-1","sourceIPAddress":"10.1.2.3","userAgent":"aws-cli/2.15.30 Python/3.11.8","errorCode":"AccessDenied","errorMessage":"no","requestParameters":{"sourceKeyId":"1bfb3a21-c872-48b0-b60a-ff06037da950","destinationKeyId":"alias/x","numberOfBytes":32,"sourceEncryptionContext":{"a":"1","c":"2","b":"3"}},"responseElements":{"keyId":"1bfb3a21-c872-48b0-b60a-ff06037da951"},"additionalEventData":{"keyMaterialId":"0"},"requestID":"r","eventID":"e","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333","vpcEndpointId":"vpce-1","tlsDetails":{"tlsVersion":"TLSv1.3"},"eventCategory":"Management"}"#,
        r#"{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROASIMUREBNM3G3TGGOO:ceb0e030ec3b","arn":"arn:aws:sts::111122223333:assumed-role/api/ceb0e030ec3b","accountId":"111122223333","accessKeyId":"ASIASIMUR5AQZ2NCWONN","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/api"}}},"eventTime":"2024-03-15T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"us-east-1","sourceIPAddress":"10.1.2.3","userAgent":"aws-cli/2.15.30 Python/3.11.8","requestParameters":{"bucketName":"b","key":"o","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/1bfb3a21-c872-48b0-b60a-ff06037da950"},"responseElements":null,"additionalEventData":{"bytesTransferredIn":0,"x":[1,{"y":"z"}]},"requestID":"r","eventID":"e","readOnly":true,"eventType":"AwsApiCall","recipientAccountId":"111122223333"}"#,
        r#"{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDASIMPNHFXSYEISJYJW","arn":"arn:aws:iam::111122223333:user/sender","accountId":"111122223333"},"eventTime":"2024-03-15T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"us-east-1","sourceIPAddress":"10.1.2.3","userAgent":"u","requestParameters":{"filterSet":{"items":[{"name":"n"}]}},"responseElements":null,"requestID":"r","eventID":"e","eventType":"AwsApiCall","recipientAccountId":"111122223333"}"#,
    ];
    let value = prop_oneof![
        8 => "[a-zA-Z0-9:/._ -]{0,80}",
        2 => inside(),
        1 => select(vec![
            "kms.amazonaws.com",
            "Encrypt",
            "eventSource",
            "2024-03-15T10:00:00Z",
            "2024-03-15T10:00:0xZ",
            "999999999999",
            "AwsServiceEvent",
            "alias/x",
            "arn:aws:kms:us-east-1:999999999999:key/1bfb3a21-c872-48b0-b60a-ff06037da950",
        ])
        .prop_map(str::to_owned),
    ];
    let change = (any::<prop::sample::Index>(), value, any::<bool>(), 0..40_u8);
    let changes = proptest::collection::vec(change, 3..12);
    (select(BASES.to_vec()), any::<bool>(), changes).prop_map(|(base, is_sorted, changes)| {
        let mut record = base.to_owned();
        if is_sorted {
            record = sorted(base);
        }
        let mut records = vec![record.clone(), record.clone()];
        for (index, value, stays, damage) in changes {
            let mut quotes: Vec<usize> = record.match_indices('"').map(|(at, _)| at).collect();
            quotes.truncate(quotes.len() / 2 * 2);
            let pair = 2 * index.index(quotes.len() / 2);
            let (start, end) = (quotes[pair] + 1, quotes[pair + 1]);
            // Of names, too, some are changed; and sometimes what stands between two strings.
            let is_value = record.as_bytes().get(end + 1) != Some(&b':');
            let mut changed = record.clone();
            match damage {
                0 => changed.replace_range(end..end + 1, "\"x"),
                1 => changed.insert(start - 1, ' '),
                2 => changed = record.replacen("true", "false", 1),
                3 => changed = record.replacen("32", "033", 1),
                4 => {
                    changed =
                        record.replacen("\"requestID\"", "\"eventName\":\"Sign\",\"requestID\"", 1)
                }
                5.. if is_value || damage == 5 => changed.replace_range(start..end, &value),
                _ => {}
            }
            if stays && damage > 5 {
                record.clone_from(&changed);
            }
            records.push(changed);
            records.push(record.clone());
        }
        // Near the end of the bytes nothing is compared in blocks: more must follow.
        format!("{{\"Records\":[{}]}}{}", records.join(","), " ".repeat(300))
    })
}

/// The same record with its members sorted by name, as some exports write them.
fn sorted(record: &str) -> String {
    let members: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(record).expect("it is JSON");
    let mut members: Vec<(String, String)> = members
        .into_iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    // Without `additionalEventData`, which would come first, as in most records of KMS.
    members.retain(|(name, _)| name != "additionalEventData" && !name.starts_with("error"));
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}
