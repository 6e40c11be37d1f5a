//! Where a call came from and through what: source address, service path, agent family.

use std::borrow::Cow;
use std::net::IpAddr;

/// Longest product name kept from a user agent, in bytes.
const PRODUCT_BYTES_MAX: usize = 48;
/// Longest service path kept, in bytes.
const SERVICE_PATH_BYTES_MAX: usize = 128;
/// The service path of a call that no service made for the principal.
pub const DIRECT: &str = "direct";

/// `sourceIPAddress`, told apart: an address, or the name of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// The caller's address.
    Address(IpAddr),
    /// A service's DNS name, `AWS Internal`, or text that is neither.
    Named(&'a str),
    /// The record gives none.
    Absent,
}

impl<'a> Source<'a> {
    /// Tells what `sourceIPAddress` holds.
    #[must_use]
    pub fn read(source_ip_address: Option<&'a str>) -> Self {
        match source_ip_address {
            None | Some("") => Self::Absent,
            Some(text) => text.parse().map_or(Self::Named(text), Self::Address),
        }
    }

    /// The network that novelty is judged by: /16 for IPv4, /32 for IPv6.
    #[must_use]
    pub fn network(&self) -> Option<String> {
        match self {
            Self::Address(IpAddr::V4(address)) => {
                let [a, b, ..] = address.octets();
                Some(format!("{a}.{b}.0.0/16"))
            }
            Self::Address(IpAddr::V6(address)) => {
                let [a, b, ..] = address.segments();
                Some(format!("{a:x}:{b:x}::/32"))
            }
            Self::Named(_) | Self::Absent => None,
        }
    }
}

/// The service path: the service that called KMS for the principal, or `direct`.
#[must_use]
pub fn service_path<'a>(
    invoked_by: Option<&'a str>,
    source_ip_address: Option<&'a str>,
) -> &'a str {
    let path = invoked_by
        .filter(|name| !name.is_empty())
        .or_else(|| source_ip_address.filter(|source| is_service_name(source)))
        .unwrap_or(DIRECT);
    &path[..path.floor_char_boundary(SERVICE_PATH_BYTES_MAX)]
}

fn is_service_name(text: &str) -> bool {
    text == "AWS Internal"
        || text.ends_with(".amazonaws.com")
        || text.ends_with(".amazonaws.com.cn")
}

/// Product and major version of a user agent: `aws-cli/2`, `Boto3/1`, `Terraform/1`.
/// `None` when the agent is a service's name or absent: those say nothing about the caller.
#[must_use]
pub fn agent_family(user_agent: Option<&str>) -> Option<Cow<'_, str>> {
    let agent = user_agent?.trim_start_matches('[').trim();
    if agent.is_empty() || is_service_name(agent) || agent.starts_with("AWS Internal") {
        return None;
    }
    let products = agent.split([' ', ',']).filter(|token| token.contains('/'));
    // Terraform and its kin announce themselves behind a partner token.
    let first = products
        .clone()
        .find(|token| token.starts_with("Terraform/") || token.starts_with("OpenTofu/"))
        .or_else(|| products.clone().find(|token| !token.starts_with("APN/")))
        .unwrap_or_else(|| agent.split([' ', ',']).next().unwrap_or(agent));
    Some(major_version(first))
}

fn major_version(token: &str) -> Cow<'_, str> {
    let token = token.trim_end_matches([']', ',', ';']);
    let (name, version) = token.split_once('/').unwrap_or((token, ""));
    let name = &name[..name.floor_char_boundary(PRODUCT_BYTES_MAX)];
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 4 {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("{name}/{}", &version[..digits]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        for (text, network) in [
            ("45.197.12.9", Some("45.197.0.0/16")),
            ("2001:db8:1::5", Some("2001:db8::/32")),
            ("secretsmanager.amazonaws.com", None),
            ("AWS Internal", None),
            ("", None),
        ] {
            assert_eq!(
                Source::read(Some(text)).network().as_deref(),
                network,
                "{text}"
            );
        }
    }

    #[test]
    fn paths() {
        assert_eq!(
            service_path(Some("ssm.amazonaws.com"), Some("1.2.3.4")),
            "ssm.amazonaws.com"
        );
        assert_eq!(service_path(None, Some("AWS Internal")), "AWS Internal");
        assert_eq!(service_path(None, Some("1.2.3.4")), DIRECT);
        assert_eq!(service_path(Some(""), None), DIRECT);
    }

    #[test]
    fn families() {
        for (agent, family) in [
            ("aws-cli/2.15.30 Python/3.11.8 Linux/6.1", Some("aws-cli/2")),
            ("Boto3/1.26.1 Python/3.8", Some("Boto3/1")),
            (
                "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io)",
                Some("Terraform/1"),
            ),
            (
                "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11]",
                Some("S3Console/0"),
            ),
            ("kms.amazonaws.com", None),
            ("AWS Internal", None),
            ("curl", Some("curl")),
            ("x/99999.1", Some("x")),
        ] {
            assert_eq!(agent_family(Some(agent)).as_deref(), family, "{agent}");
        }
        assert_eq!(agent_family(None), None);
    }
}
