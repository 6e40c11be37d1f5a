//! The names that people call a principal by.

use std::borrow::Cow;

use super::clues::AssumedRole;

/// The principal that records have, for what their `userIdentity.arn` says: a role's session is its role, here without
/// a path. Any other text stays as it is.
#[must_use]
pub fn principal_of_arn(arn: &str) -> Cow<'_, str> {
    match AssumedRole::parse(arn) {
        Some(session) if !session.is_a_person() => Cow::Owned(session.role_arn()),
        Some(_) | None => Cow::Borrowed(arn),
    }
}

/// What a canonical principal is called: its whole text, the same without a role's path, which the ARNs of its sessions
/// do not have, and what follows the last slash.
#[must_use]
pub fn principal_names(principal: &str) -> [Cow<'_, str>; 3] {
    let whole = Cow::Borrowed(principal);
    let Some((before, name)) = principal.rsplit_once('/') else {
        return [whole.clone(), whole.clone(), whole];
    };
    let without_path = match before.split_once(":role/") {
        Some((before, _)) => Cow::Owned(format!("{before}:role/{name}")),
        None => whole.clone(),
    };
    [whole, without_path, Cow::Borrowed(name)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_by_its_role() {
        for (arn, expected) in [
            (
                "arn:aws:sts::111122223333:assumed-role/app/s1",
                "arn:aws:iam::111122223333:role/app",
            ),
            (
                "arn:aws-cn:sts::111122223333:assumed-role/app/*",
                "arn:aws-cn:iam::111122223333:role/app",
            ),
            (
                "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_1/ann@example.com",
                "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_1/ann@example.com",
            ),
            (
                "arn:aws:iam::111122223333:role/app",
                "arn:aws:iam::111122223333:role/app",
            ),
            ("app", "app"),
            ("", ""),
        ] {
            assert_eq!(principal_of_arn(arn), expected);
        }
    }

    #[test]
    fn a_role_goes_by_its_name_whatever_its_path() {
        assert_eq!(
            principal_names("arn:aws:iam::111122223333:role/service-role/a/etl"),
            [
                "arn:aws:iam::111122223333:role/service-role/a/etl",
                "arn:aws:iam::111122223333:role/etl",
                "etl"
            ]
        );
        assert_eq!(
            principal_names("arn:aws:iam::111122223333:user/team/ann"),
            [
                "arn:aws:iam::111122223333:user/team/ann",
                "arn:aws:iam::111122223333:user/team/ann",
                "ann"
            ]
        );
        assert_eq!(principal_names("s3.amazonaws.com"), ["s3.amazonaws.com"; 3]);
    }
}
