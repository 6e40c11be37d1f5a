//! The names of AWS Regions.

/// What a Region is named like, for who named none.
pub const REGION_HINT: &str = "a Region is a name such as eu-west-1, in small letters";

/// Whether a text is formed as the name of a Region: `eu-west-1`, `us-gov-west-1`, `eusc-de-east-1`. Which of them
/// exist changes by the month.
#[must_use]
pub fn is_region_name(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, words @ .., number] = &parts[..] else {
        return false;
    };
    let is_word = |part: &&str| {
        (2..=10).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    is_word(area)
        && area.len() <= 5
        && (1..=2).contains(&words.len())
        && words.iter().all(is_word)
        && matches!(
            number.as_bytes(),
            [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9']
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_every_partition_are_known() {
        for region in [
            "eu-west-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-isob-east-1",
            "eu-isoe-west-1",
            "us-isof-south-1",
            "eusc-de-east-1",
            "il-central-1",
            "mx-central-1",
            "ap-southeast-7",
            "cn-northwest-1",
        ] {
            assert!(is_region_name(region), "{region}");
        }
        for text in [
            "",
            "eu",
            "eu-west",
            "eu-west-0",
            "EU-WEST-1",
            "eu_west_1",
            "eu-west-1a",
            "eu-west-1 ",
            "eu-west-*",
            "eu--1",
            "-west-1",
            "eu-west-1-",
            "111122223333",
            "global",
        ] {
            assert!(!is_region_name(text), "{text}");
        }
    }
}
