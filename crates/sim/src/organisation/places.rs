//! Accounts, Regions, networks and tools. All networks are reserved ones (private, shared, documentation, class E):
//! nobody's.

use crate::random::Random;

/// The account that everything happens in.
pub(crate) const HOME_ACCOUNT: &str = "111122223333";
/// Another account of the organisation: its roles use keys of the first, and both log it.
pub(crate) const DATA_ACCOUNT: &str = "444455556666";
/// Accounts of partners: their roles use keys of the first, and only the key's owner's records are here.
pub(crate) const PARTNERS: [&str; 3] = ["777788889999", "123456789012", "555555555555"];
/// An account that nobody knows.
pub(crate) const STRANGER: &str = "999999999999";
/// Where everything runs.
pub(crate) const HOME_REGION: &str = "eu-central-1";
/// Where it runs after a failover.
pub(crate) const SECOND_REGION: &str = "eu-west-1";

/// A private network, `10.n`.
pub(crate) fn private(second: i64, random: &mut Random, hosts: usize) -> Vec<String> {
    (0..hosts)
        .map(|_| {
            let third = random.between(0, 63);
            format!("10.{second}.{third}.{}", random.between(4, 250))
        })
        .collect()
}

/// Some addresses in a /16 of the internet that is drawn at random: a cloud's, a provider's, a hotel's.
pub(crate) fn internet(random: &mut Random, hosts: usize) -> Vec<String> {
    let (first, second) = (random.between(240, 254), random.between(0, 255));
    (0..hosts)
        .map(|_| {
            let third = random.between(0, 255);
            format!("{first}.{second}.{third}.{}", random.between(1, 254))
        })
        .collect()
}

/// An office's exit to the internet.
pub(crate) fn office(index: usize) -> String {
    ["198.51.100.17", "203.0.113.40", "192.0.2.88"]
        .get(index)
        .copied()
        .unwrap_or("198.51.100.17")
        .to_owned()
}

/// A line at somebody's home, from one of a country's providers.
pub(crate) fn home(random: &mut Random) -> String {
    let provider = random.between(64, 75);
    format!(
        "100.{provider}.{}.{}",
        random.between(0, 255),
        random.between(1, 254)
    )
}

/// What a program calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    JavaOne,
    Java,
    Boto,
    GoOne,
    Go,
    ScriptTwo,
    Script,
    DotNet,
    Rust,
    CliOne,
    Cli,
    Terraform,
    Browser,
    Curl,
}

impl Tool {
    /// The user agent of one of its releases.
    pub(crate) fn agent(self, release: i64) -> String {
        match self {
            Self::JavaOne => format!(
                "aws-sdk-java/1.12.{} Linux/5.10.215 OpenJDK_64-Bit_Server_VM/17.0.11+9-LTS java/17.0.11 cfg/retry-mode/standard",
                600 + release
            ),
            Self::Java => format!(
                "aws-sdk-java/2.{}.11 Linux/5.10.215 OpenJDK_64-Bit_Server_VM/21.0.2+13-LTS Java/21.0.2 io/sync http/Apache cfg/retry-mode/legacy",
                20 + release
            ),
            Self::Boto => format!(
                "Boto3/1.{}.84 md/Botocore#1.{}.84 ua/2.0 os/linux#6.1.0 md/arch#x86_64 lang/python#3.11.8 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.{}.84",
                30 + release,
                30 + release,
                30 + release
            ),
            Self::GoOne => format!("aws-sdk-go/1.{}.2 (go1.20.1; linux; amd64)", 44 + release),
            Self::Go => format!(
                "aws-sdk-go-v2/1.{}.1 os/linux lang/go#1.22.2 md/GOOS#linux md/GOARCH#amd64 api/kms#1.31.0",
                24 + release
            ),
            Self::ScriptTwo => format!(
                "aws-sdk-nodejs/2.{}.0 linux/v18.19.0 exec-env/AWS_Lambda_nodejs18.x promise",
                1_500 + release
            ),
            Self::Script => format!(
                "aws-sdk-js/3.{}.0 ua/2.0 os/linux#5.10.215 lang/js md/nodejs#20.11.1 api/kms#3.556.0 exec-env/AWS_Lambda_nodejs20.x",
                540 + release
            ),
            Self::DotNet => format!(
                "aws-sdk-dotnet-coreclr/3.7.{} ua/2.0 os/linux#5.10.0 lang/.NET_Core#8.0.4 md/ARCH#X64 api/KeyManagementService#3.7.300.69",
                300 + release
            ),
            Self::Rust => format!(
                "aws-sdk-rust/1.{}.0 ua/2.1 api/kms/1.24.0 os/linux lang/rust/1.78.0",
                2 + release
            ),
            Self::CliOne => format!(
                "aws-cli/1.{}.7 Python/3.9.16 Linux/5.10.215 botocore/1.34.7",
                32 + release
            ),
            Self::Cli => format!(
                "aws-cli/2.{}.38 Python/3.11.8 Linux/5.15.0-105-generic exe/x86_64.ubuntu.22 prompt/off",
                15 + release
            ),
            Self::Terraform => format!(
                "APN/1.0 HashiCorp/1.0 Terraform/1.{}.5 (+https://www.terraform.io) terraform-provider-aws/5.46.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.26.1 os/linux lang/go#1.21.9 md/GOOS#linux md/GOARCH#amd64 api/kms#1.30.0",
                7 + release
            ),
            Self::Browser => format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
                124 + release
            ),
            Self::Curl => format!("curl/8.{}.0", 5 + release),
        }
    }

    /// The tool that such a user agent belongs to.
    pub(crate) fn of(agent: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| {
            let own = tool.agent(0);
            let product = own.find('.').and_then(|dot| own.get(..=dot));
            product.is_some_and(|product| agent.starts_with(product))
        })
    }

    const ALL: [Self; 14] = [
        Self::JavaOne,
        Self::Java,
        Self::Boto,
        Self::GoOne,
        Self::Go,
        Self::ScriptTwo,
        Self::Script,
        Self::DotNet,
        Self::Rust,
        Self::CliOne,
        Self::Cli,
        Self::Terraform,
        Self::Browser,
        Self::Curl,
    ];

    /// What it becomes when somebody at last moves on to the next major version; itself when there is none.
    pub(crate) fn successor(self) -> Self {
        match self {
            Self::JavaOne => Self::Java,
            Self::GoOne => Self::Go,
            Self::ScriptTwo => Self::Script,
            Self::CliOne => Self::Cli,
            other => other,
        }
    }
}
