//! The canonical name of a key, as far as one record can tell it.

use std::borrow::Cow;
use std::sync::Arc;

use crate::arn::{Arn, is_account_id, partition_of_region};

/// Longest key id that is believed, in bytes. Real ones have 36 (UUID) or 36 (`mrk-` and 32 digits).
const KEY_ID_BYTES_MAX: usize = 64;
/// Longest alias that KMS allows, in characters (KMS API Reference, CreateAlias).
const ALIAS_BYTES_MAX: usize = 256;

/// A key as a record names it: its ARN, or an alias that only the alias's history can resolve. Cheap
/// to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(Arc<str>);

impl KeyName {
    /// The key whose ARN this is; `None` when the text is not the ARN of a KMS key.
    #[must_use]
    pub fn from_key_arn(text: &str) -> Option<Self> {
        let arn = kms_arn(text)?;
        is_key_id(arn.resource.strip_prefix("key/")?).then(|| Self(text.into()))
    }

    /// The key that a caller named in a request: key ARN, alias ARN, bare id or alias name, in the
    /// caller's account and Region where the name does not say.
    #[must_use]
    pub fn from_request(text: &str, account: &str, region: &str) -> Option<Self> {
        if let Some(arn) = kms_arn(text) {
            return match arn.resource.strip_prefix("alias/") {
                Some(name) => Self::alias(arn.account, arn.region, name),
                None => Self::from_key_arn(text),
            };
        }
        if let Some(name) = text.strip_prefix("alias/") {
            return Self::alias(account, region, name);
        }
        Self::from_key_id(text, account, region)
    }

    /// A bare UUID or `mrk-` id, completed by account and Region.
    #[must_use]
    pub fn from_key_id(id: &str, account: &str, region: &str) -> Option<Self> {
        let looks_like_one = id.starts_with("mrk-") || (id.len() == 36 && id.as_bytes()[8] == b'-');
        (looks_like_one && is_key_id(id) && is_account_id(account) && is_region(region)).then(
            || {
                let partition = partition_of_region(region);
                Self(format!("arn:{partition}:kms:{region}:{account}:key/{id}").into())
            },
        )
    }

    /// The alias `alias/<name>` of an account and Region, written `alias:<account>:<Region>:<name>`.
    #[must_use]
    pub fn alias(account: &str, region: &str, name: &str) -> Option<Self> {
        let good = !name.is_empty()
            && name.len() <= ALIAS_BYTES_MAX
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte));
        (good && is_account_id(account) && is_region(region))
            .then(|| Self(format!("alias:{account}:{region}:{name}").into()))
    }

    /// The first key ARN inside a longer text, such as an error message.
    #[must_use]
    pub fn find_in_text(text: &str) -> Option<Self> {
        text.match_indices("arn:").find_map(|(at, _)| {
            let tail = &text[at..];
            let end = tail
                .find(|c: char| !(c.is_ascii_alphanumeric() || ":/_-".contains(c)))
                .unwrap_or(tail.len());
            // A colon or hyphen behind the ARN belongs to the sentence.
            Self::from_key_arn(tail[..end].trim_end_matches([':', '/', '_', '-']))
        })
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an alias still to be resolved.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        self.0.starts_with("alias:")
    }

    /// The account that owns the key or alias.
    #[must_use]
    pub fn account(&self) -> &str {
        match self.alias_parts() {
            Some((account, ..)) => account,
            None => Arn::parse(&self.0).map_or("", |arn| arn.account),
        }
    }

    /// The Region of the key or alias.
    #[must_use]
    pub fn region(&self) -> &str {
        match self.alias_parts() {
            Some((_, region, _)) => region,
            None => Arn::parse(&self.0).map_or("", |arn| arn.region),
        }
    }

    /// The alias's name without `alias/`, for an alias.
    #[must_use]
    pub fn alias_name(&self) -> Option<&str> {
        self.alias_parts().map(|(.., name)| name)
    }

    fn alias_parts(&self) -> Option<(&str, &str, &str)> {
        alias_parts(&self.0)
    }
}

/// What a record offers for finding its key, in the order of preference of [`KeyName::choose`].
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyClues<'a> {
    /// The ARNs of `resources[]`, in the record's order.
    pub resource_arns: &'a [String],
    /// Keys named by the request: `keyId`, or `sourceKeyId`, `targetKeyId`, …
    pub requested: Option<&'a str>,
    /// Whether `requested` outranks `resources[]` (ReEncrypt lists two keys there).
    pub requested_first: bool,
    /// The key named by the response or by `serviceEventDetails`.
    pub answered: Option<&'a str>,
    /// The alias that the request names, when it is about an alias.
    pub alias: Option<&'a str>,
    /// `errorMessage`.
    pub error_message: Option<&'a str>,
}

impl KeyName {
    /// The key a record is about. In order: a key ARN in `resources[]`, a key ARN in the request, an
    /// id completed by Region and account, a key ARN in the error message, an alias, none.
    #[must_use]
    pub fn choose(clues: &KeyClues<'_>, account: &str, region: &str) -> Option<Self> {
        let requested = clues
            .requested
            .and_then(|text| Self::from_request(text, account, region));
        let requested_key = requested.as_ref().filter(|name| !name.is_alias());
        if clues.requested_first
            && let Some(key) = requested_key
        {
            return Some(key.clone());
        }
        let from_resources = clues
            .resource_arns
            .iter()
            .find_map(|text| Self::from_key_arn(text));
        from_resources
            .or_else(|| requested_key.cloned())
            .or_else(|| {
                let answered = Self::from_request(clues.answered?, account, region)?;
                (!answered.is_alias()).then_some(answered)
            })
            .or_else(|| Self::find_in_text(clues.error_message?))
            .or(requested)
            .or_else(|| Self::from_request(clues.alias?, account, region))
            .or_else(|| {
                clues.resource_arns.iter().find_map(|text| {
                    Self::from_request(text, account, region).filter(Self::is_alias)
                })
            })
    }
}

/// The text as an ARN of KMS with a believable partition, account and Region.
fn kms_arn(text: &str) -> Option<Arn<'_>> {
    Arn::parse(text).filter(|arn| {
        arn.service == "kms"
            && is_region(arn.partition)
            && is_region(arn.region)
            && is_account_id(arn.account)
    })
}

fn is_key_id(id: &str) -> bool {
    (1..=KEY_ID_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Regions and partitions are short, of lower-case letters, digits and hyphens.
fn is_region(region: &str) -> bool {
    (1..=32).contains(&region.len())
        && region
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The last part of a key's ARN, or the alias's name: what a table has room for.
#[must_use]
pub fn short_key_name(canonical: &str) -> Cow<'_, str> {
    if let Some((.., name)) = alias_parts(canonical) {
        return Cow::Owned(format!("alias/{name}"));
    }
    match canonical.rsplit_once(":key/") {
        Some((_, id)) => Cow::Borrowed(id),
        None => Cow::Borrowed(canonical),
    }
}

/// What a canonical key is called: its whole text and its short name; an alias also by its bare name and its ARN.
#[must_use]
pub fn key_names(canonical: &str) -> Vec<Cow<'_, str>> {
    let mut names = vec![Cow::Borrowed(canonical), short_key_name(canonical)];
    if let Some((account, region, name)) = alias_parts(canonical) {
        let partition = partition_of_region(region);
        names.push(Cow::Borrowed(name));
        names.push(format!("arn:{partition}:kms:{region}:{account}:alias/{name}").into());
    }
    names
}

/// Account, Region and name of `alias:<account>:<Region>:<name>`.
fn alias_parts(canonical: &str) -> Option<(&str, &str, &str)> {
    let mut parts = canonical.strip_prefix("alias:")?.splitn(3, ':');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "111122223333";
    const REGION: &str = "us-west-2";
    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const ARN: &str = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn requested(text: &str, expected: Option<&str>) {
        let name = KeyName::from_request(text, ACCOUNT, REGION);
        assert_eq!(name.as_ref().map(KeyName::as_str), expected, "{text}");
    }

    #[test]
    fn every_form_of_a_key_id_becomes_one_name() {
        requested(ID, Some(ARN));
        requested(ARN, Some(ARN));
        requested(
            "alias/aws/ssm",
            Some("alias:111122223333:us-west-2:aws/ssm"),
        );
        requested(
            "arn:aws:kms:eu-west-1:999999999999:alias/theirs",
            Some("alias:999999999999:eu-west-1:theirs"),
        );
        requested(
            "mrk-1234abcd12ab34cd56ef1234567890ab",
            Some("arn:aws:kms:us-west-2:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"),
        );
        requested("not a key", None);
        requested("arn:aws:s3:::bucket", None);
        requested("alias/<script>", None);
        requested("", None);
    }

    #[test]
    fn the_partition_follows_the_region() {
        let name = KeyName::from_key_id(ID, ACCOUNT, "cn-north-1");
        assert!(name.is_some_and(|name| name.as_str().starts_with("arn:aws-cn:kms:cn-north-1:")));
    }

    #[test]
    fn the_key_is_chosen_in_the_documented_order() {
        let resources = vec![
            "arn:aws:kms:us-west-2:111122223333:alias/mine".to_owned(),
            ARN.to_owned(),
        ];
        let message = format!("User is not authorized on resource: {ARN} because");
        let choose = |clues: KeyClues<'_>| {
            KeyName::choose(&clues, ACCOUNT, REGION).map(|name| name.as_str().to_owned())
        };
        let other = "0987dcba-09fe-87dc-65ba-ab0987654321";
        let other_arn = format!("arn:aws:kms:us-west-2:111122223333:key/{other}");
        let clues = KeyClues {
            resource_arns: &resources,
            requested: Some(other),
            ..KeyClues::default()
        };
        assert_eq!(choose(clues).as_deref(), Some(ARN));
        let source_first = KeyClues {
            requested_first: true,
            ..clues
        };
        assert_eq!(choose(source_first), Some(other_arn));
        let denied_by_alias = KeyClues {
            requested: Some("alias/mine"),
            error_message: Some(&message),
            ..KeyClues::default()
        };
        assert_eq!(choose(denied_by_alias).as_deref(), Some(ARN));
        let only_alias = KeyClues {
            requested: Some("alias/mine"),
            ..KeyClues::default()
        };
        assert_eq!(
            choose(only_alias).as_deref(),
            Some("alias:111122223333:us-west-2:mine")
        );
        assert_eq!(choose(KeyClues::default()), None);
    }

    #[test]
    fn parts_of_a_name() {
        let alias = KeyName::from_request("alias/a/b", ACCOUNT, REGION);
        let alias = alias.as_ref();
        assert_eq!(alias.and_then(KeyName::alias_name), Some("a/b"));
        assert_eq!(alias.map(KeyName::account), Some(ACCOUNT));
        assert_eq!(alias.map(KeyName::region), Some(REGION));
        assert_eq!(short_key_name(ARN), ID);
        assert_eq!(short_key_name("alias:1:r:x/y"), "alias/x/y");
        let arn = "arn:aws-cn:kms:cn-north-1:1:alias/x";
        let names = ["alias:1:cn-north-1:x", "alias/x", "x", arn];
        assert_eq!(key_names("alias:1:cn-north-1:x"), names);
        assert_eq!(key_names(ARN), [ARN, ID]);
    }
}
