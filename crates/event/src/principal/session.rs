//! A role's session as CloudTrail writes it: the commonest `userIdentity`, read by its form.

use super::texts::{Texts, plain_string};

/// What is left of a text that is read piece by piece.
struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Pieces<'a> {
    /// Passes over these bytes; `None` where others stand.
    #[inline(always)]
    fn pass<const N: usize>(&mut self, form: &[u8; N]) -> Option<()> {
        let here = self.text.as_bytes().get(self.at..)?.first_chunk::<N>()?;
        (here == form).then(|| self.at += N)
    }

    /// What the plain string holds that begins here.
    #[inline(always)]
    fn string(&mut self) -> Option<&'a str> {
        let inside = plain_string(self.text, self.at)?;
        self.at += inside.len() + 2;
        Some(inside)
    }
}

/// The texts of the identity of a role's session, in the form and order in which CloudTrail writes it; `None` for any
/// other. What is read here is sound JSON.
pub(super) fn read(text: &str) -> Option<Texts<'_>> {
    let mut pieces = Pieces { text, at: 0 };
    pieces.pass(b"{\"type\":\"AssumedRole\",\"principalId\":")?;
    let principal_id = pieces.string()?;
    pieces.pass(b",\"arn\":")?;
    let arn = pieces.string()?;
    pieces.pass(b",\"accountId\":")?;
    let account = pieces.string()?;
    pieces.pass(b",\"accessKeyId\":")?;
    let access_key_id = pieces.string()?;
    pieces.pass(b",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":")?;
    pieces.string()?;
    pieces.pass(b",\"arn\":")?;
    let issuer_arn = pieces.string()?;
    pieces.pass(b",\"accountId\":")?;
    pieces.string()?;
    pieces.pass(b",\"userName\":")?;
    pieces.string()?;
    pieces.pass(b"},\"")?;
    // Records of older versions are without it.
    let _ = pieces.pass(b"webIdFederationData\":{},\"");
    pieces.pass(b"attributes\":{\"creationDate\":")?;
    pieces.string()?;
    pieces.pass(b",\"mfaAuthenticated\":")?;
    pieces.string()?;
    pieces.pass(b"}}")?;
    let invoked_by = match pieces.pass(b",\"invokedBy\":") {
        Some(()) => Some(pieces.string()?),
        None => None,
    };
    pieces.pass(b"}")?;
    (pieces.at == text.len()).then_some(Texts {
        type_name: Some("AssumedRole"),
        arn: Some(arn),
        principal_id: Some(principal_id),
        issuer_arn: Some(issuer_arn),
        account: Some(account),
        on_behalf_of: None,
        invoked_by,
        access_key_id: Some(access_key_id),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const FORM: &str = concat!(
        r#"{"type":"AssumedRole","principalId":"AROA:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s","#,
        r#""accountId":"111122223333","accessKeyId":"ASIA","sessionContext":{"sessionIssuer":{"type":"Role","#,
        r#""principalId":"AROA","arn":"arn:aws:iam::111122223333:role/r","accountId":"111122223333","userName":"r"},"#,
        r#""webIdFederationData":{},"attributes":{"creationDate":"2026-03-02T00:00:00Z","mfaAuthenticated":"false"}},"#,
        r#""invokedBy":"s3.amazonaws.com"}"#
    );

    fn forms() -> [String; 3] {
        let older = FORM.replace(r#""webIdFederationData":{},"#, "");
        let direct = FORM.replace(r#","invokedBy":"s3.amazonaws.com""#, "");
        [FORM.to_owned(), older, direct]
    }

    #[test]
    fn the_form_says_the_same_as_any_other_way_of_reading_it() {
        for form in forms() {
            assert!(read(&form).is_some(), "{form}");
            assert_eq!(read(&form), Some(Texts::read(&form)), "{form}");
        }
    }

    proptest! {
        #[test]
        fn what_is_changed_is_read_as_it_is_or_not_at_all(
            which in 0..3_usize,
            at in any::<prop::sample::Index>(),
            gone in 0..3_usize,
            put in r#"["{}:,\\a\x01é ]{0,3}"#,
        ) {
            let mut form = forms()[which].clone();
            let at = at.index(form.len());
            form.replace_range(at..(at + gone).min(form.len()), &put);
            if let Some(texts) = read(&form) {
                prop_assert!(serde_json::from_str::<Value>(&form).is_ok(), "{}", form);
                prop_assert_eq!(texts, Texts::read(&form));
            }
        }
    }
}
