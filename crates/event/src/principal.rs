//! Who called: one canonical string per identity, whatever shape `userIdentity` has.

mod clues;
mod kind;
mod likeness;
mod names;
mod session;
mod texts;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use self::clues::{AssumedRole, Clues};
pub use self::kind::PrincipalType;
pub(crate) use self::likeness::Likenesses;
pub use self::names::{principal_names, principal_of_arn};
use self::texts::Texts;
use crate::arn::{Arn, is_account_id};

/// Longest piece of identity text that is kept, in bytes; real ones stay far below.
const IDENTITY_TEXT_BYTES_MAX: usize = 512;
/// The principal of what AWS does by itself.
pub const AWS_INTERNAL: &str = "aws-internal";

/// Whether a canonical principal is an AWS service: a DNS name and nothing else. The name of a user, role or session may
/// end like one, but it stands behind a colon or slash.
#[must_use]
pub fn is_service_name(principal: &str) -> bool {
    (principal.ends_with(".amazonaws.com") || principal.ends_with(".amazonaws.com.cn"))
        && !principal.contains([':', '/'])
}

/// The identity behind a record. Sessions of one role share the texts that they have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// One string per identity: never the session or the access key, except behind Identity Center.
    pub principal: Arc<str>,
    /// What kind of identity it is.
    pub principal_type: PrincipalType,
    /// The account the identity belongs to, where the record says.
    pub account: Option<Arc<str>>,
    /// The session's name: evidence, never identity.
    pub session_name: Option<String>,
    /// The service that called KMS for the principal.
    pub invoked_by: Option<Arc<str>>,
    /// The access key id: evidence, never identity.
    pub access_key_id: Option<String>,
}

/// What beside `userIdentity` decides who the principal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentitySurroundings<'a> {
    /// `eventSource`.
    pub event_source: &'a str,
    /// Whether `eventType` is `AwsServiceEvent`.
    pub is_service_event: bool,
    /// `recipientAccountId`: the account that the record was delivered to.
    pub recipient_account: Option<&'a str>,
}

impl Identity {
    /// Reads `userIdentity`. Whatever shape it has, an identity comes out: fields of a wrong type
    /// count as absent, text beyond 512 bytes is cut.
    #[must_use]
    pub fn read(user_identity: &Value, surroundings: IdentitySurroundings<'_>) -> Self {
        let text = |pointer: &str| user_identity.pointer(pointer).and_then(Value::as_str);
        let texts = Texts {
            type_name: text("/type"),
            arn: text("/arn"),
            principal_id: text("/principalId"),
            issuer_arn: text("/sessionContext/sessionIssuer/arn"),
            account: text("/accountId"),
            on_behalf_of: text("/onBehalfOf/userId"),
            invoked_by: text("/invokedBy"),
            access_key_id: text("/accessKeyId"),
        };
        Self::of_texts(&texts, surroundings)
    }

    /// [`Identity::read`] of a text as CloudTrail writes it, which is shown to be sound JSON on the way; `None`
    /// for any other.
    #[cfg(test)]
    fn read_usual(user_identity: &str, surroundings: IdentitySurroundings<'_>) -> Option<Self> {
        let texts = Texts::read_usual(user_identity)?;
        Some(Self::of_texts(&texts, surroundings))
    }

    /// [`Identity::read`] of a text that is sound JSON.
    pub(crate) fn read_text(user_identity: &str, surroundings: IdentitySurroundings<'_>) -> Self {
        if memchr::memchr(b'\\', user_identity.as_bytes()).is_some() {
            let value = serde_json::from_str(user_identity).unwrap_or(Value::Null);
            return Self::read(&value, surroundings);
        }
        Self::of_texts(&Texts::read(user_identity), surroundings)
    }

    fn of_texts(texts: &Texts<'_>, surroundings: IdentitySurroundings<'_>) -> Self {
        fn text(text: Option<&str>) -> Option<&str> {
            text.filter(|text| !text.is_empty()).map(cut)
        }
        let type_name = text(texts.type_name);
        let principal_type = PrincipalType::of(type_name);
        let arn = text(texts.arn);
        let clues = Clues {
            arn,
            session: arn.and_then(AssumedRole::parse),
            principal_id: text(texts.principal_id),
            issuer_arn: text(texts.issuer_arn),
            account: text(texts.account).filter(|account| is_account_id(account)),
            on_behalf_of: text(texts.on_behalf_of),
            invoked_by: text(texts.invoked_by),
            type_name,
        };
        let principal = if surroundings.is_service_event {
            Cow::Borrowed(AWS_INTERNAL)
        } else {
            clues.principal(principal_type, surroundings)
        };
        let account = Arn::parse(&principal)
            .map(|arn| arn.account)
            .filter(|account| is_account_id(account))
            .or(clues.account)
            .map(Arc::from);
        Self {
            session_name: clues.session.map(|session| session.session.to_owned()),
            access_key_id: text(texts.access_key_id).map(str::to_owned),
            invoked_by: clues.invoked_by.map(Arc::from),
            principal: principal.into(),
            principal_type,
            account,
        }
    }

    /// The identity of a record that has none.
    #[must_use]
    pub fn missing() -> Self {
        Self {
            principal: AWS_INTERNAL.into(),
            principal_type: PrincipalType::Absent,
            account: None,
            session_name: None,
            invoked_by: None,
            access_key_id: None,
        }
    }

    /// Whether the identity belongs to another account than this one.
    #[must_use]
    pub fn is_foreign_to(&self, account: &str) -> bool {
        self.account.as_deref().is_some_and(|own| own != account)
    }
}

/// The text, cut to the bound at a character's edge.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(IDENTITY_TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    fn check(identity: &Value, expected: &str) {
        let surroundings = IdentitySurroundings {
            event_source: "kms.amazonaws.com",
            is_service_event: false,
            recipient_account: Some("111122223333"),
        };
        let read = Identity::read(identity, surroundings);
        assert_eq!(&*read.principal, expected, "{identity}");
        let of_text = Identity::read_text(&identity.to_string(), surroundings);
        assert_eq!(of_text, read, "{identity}");
    }

    /// Any identity, rich in the names that are read and in duplicates of them.
    fn identity() -> impl Strategy<Value = String> {
        let name = select(vec![
            "type",
            "arn",
            "principalId",
            "accountId",
            "invokedBy",
            "accessKeyId",
            "sessionContext",
            "sessionIssuer",
            "onBehalfOf",
            "userId",
            "x",
        ]);
        let leaf = prop_oneof![
            4 => select(vec!["\"a\"", "\"\"", "\"AssumedRole\"", "\"111122223333\"", "\"a:{b,[c\"",
                "\"arn:aws:iam::111122223333:role/r\"", "\"arn:aws:sts::111122223333:assumed-role/r/s\""]),
            1 => select(vec!["null", "5", "true", "{}", "[]", "[ \"arn\" ]"]),
        ];
        let leaf = leaf.prop_map(str::to_owned);
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let member = (name.clone(), select(vec!["", " "]), inner.clone());
            let member = member.prop_map(|(name, space, value)| format!("\"{name}\"{space}:{space}{value}"));
            prop_oneof![
                5 => proptest::collection::vec(member, 0..6).prop_map(|all| format!("{{{}}}", all.join(" , "))),
                1 => proptest::collection::vec(inner, 0..3).prop_map(|all| format!("[{}]", all.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn one_pass_reads_what_a_tree_says(text in identity()) {
            let at = IdentitySurroundings {
                event_source: "kms.amazonaws.com",
                is_service_event: false,
                recipient_account: Some("999999999999"),
            };
            let tree: Value = serde_json::from_str(&text).expect("it is JSON");
            let read = Identity::read(&tree, at);
            prop_assert_eq!(&Identity::read_text(&text, at), &read, "{}", text);
            // The usual way takes no spaces, and not every value.
            let tight = tree.to_string();
            for text in [&text, &tight] {
                if let Some(usual) = Identity::read_usual(text, at) {
                    prop_assert_eq!(&usual, &Identity::read(&serde_json::from_str(text).expect("it is JSON"), at), "{}", text);
                }
            }
        }
    }

    #[test]
    fn a_session_is_its_role() {
        let role = json!({"type":"AssumedRole","principalId":"AROA:s1","arn":"arn:aws:sts::111122223333:assumed-role/app/s1",
            "sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/path/app"}}});
        check(&role, "arn:aws:iam::111122223333:role/path/app");
        let bare = json!({"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/aws:ec2-infrastructure/i-81e2f56c",
            "sessionContext":{"sessionIssuer":{},"webIdFederationData":{}}});
        check(
            &bare,
            "arn:aws:iam::111122223333:role/aws:ec2-infrastructure",
        );
    }

    #[test]
    fn people_behind_identity_center_are_told_apart_by_session() {
        let person = json!({"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/ana@example.com",
            "sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123"}}});
        check(
            &person,
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/ana@example.com",
        );
    }

    #[test]
    fn users_root_and_federated_users_are_their_arn() {
        for (kind, arn) in [
            ("IAMUser", "arn:aws:iam::111122223333:user/Alice"),
            ("Root", "arn:aws:iam::111122223333:root"),
            (
                "FederatedUser",
                "arn:aws:sts::111122223333:federated-user/Bob",
            ),
            ("SAMLUser", "arn:aws:sts::111122223333:assumed-saml/x"),
        ] {
            check(
                &json!({"type":kind,"arn":arn,"sessionContext":{"attributes":{}}}),
                arn,
            );
        }
        check(
            &json!({"type":"WebIdentityUser","principalId":"accounts.google.com:app:user"}),
            "accounts.google.com:app:user",
        );
    }

    #[test]
    fn services_foreign_accounts_and_nobody() {
        check(
            &json!({"type":"AWSService","invokedBy":"cloudtrail.amazonaws.com"}),
            "cloudtrail.amazonaws.com",
        );
        check(&json!({"type":"AWSService"}), "kms.amazonaws.com");
        check(
            &json!({"type":"AWSAccount","principalId":"AROAX:session","accountId":"444455556666"}),
            "ext:444455556666/AROAX",
        );
        check(
            &json!({"accountId":"111122223333","invokedBy":"AWS Internal"}),
            AWS_INTERNAL,
        );
        check(&json!({}), AWS_INTERNAL);
        check(&json!(null), AWS_INTERNAL);
        check(&json!({"type":"Directory"}), "unknown:Directory");
        check(&json!({"type":"Martian","arn":5}), "unknown:Martian");
        check(
            &json!({"type":"IdentityCenterUser","onBehalfOf":{"userId":"u-1"}}),
            "identity-center:u-1",
        );
    }

    #[test]
    fn a_service_event_is_aws_itself() {
        let surroundings = IdentitySurroundings {
            event_source: "kms.amazonaws.com",
            is_service_event: true,
            recipient_account: None,
        };
        let identity = Identity::read(&json!({"invokedBy":"AWS Internal"}), surroundings);
        assert_eq!(&*identity.principal, AWS_INTERNAL);
    }
}
