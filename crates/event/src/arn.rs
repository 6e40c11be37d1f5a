//! Amazon Resource Names, taken apart without copying.

/// The parts of `arn:<partition>:<service>:<region>:<account>:<resource>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`, …
    pub partition: &'a str,
    /// `kms`, `iam`, `s3`, …
    pub service: &'a str,
    /// The Region, empty for global services.
    pub region: &'a str,
    /// The account, empty for some services (S3).
    pub account: &'a str,
    /// Everything after the account, colons included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart; `None` when the text is not one.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix("arn:")?;
        let mut colons = memchr::memchr_iter(b':', rest.as_bytes());
        let [a, b, c, d] = [
            colons.next()?,
            colons.next()?,
            colons.next()?,
            colons.next()?,
        ];
        let arn = Self {
            partition: &rest[..a],
            service: &rest[a + 1..b],
            region: &rest[b + 1..c],
            account: &rest[c + 1..d],
            resource: &rest[d + 1..],
        };
        (!arn.partition.is_empty() && !arn.service.is_empty() && !arn.resource.is_empty())
            .then_some(arn)
    }
}

/// The partition a Region belongs to, by the prefix of its name.
#[must_use]
pub fn partition_of_region(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ if region.starts_with("us-iso-") => "aws-iso",
        _ if region.starts_with("us-isob-") => "aws-iso-b",
        _ if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ if region.starts_with("us-isof-") => "aws-iso-f",
        _ if region.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// Whether the text is an account id: twelve digits.
#[must_use]
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_comes_apart() {
        let arn = Arn::parse("arn:aws:logs:eu-west-1:111122223333:log-group:/a:*")
            .map(|arn| (arn.service, arn.region, arn.account, arn.resource));
        assert_eq!(
            arn,
            Some(("logs", "eu-west-1", "111122223333", "log-group:/a:*"))
        );
        for text in [
            "",
            "arn:",
            "arn:aws:kms",
            "arn:aws:kms:a:b:",
            "ARN:aws:kms:a:b:c",
        ] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }
}
