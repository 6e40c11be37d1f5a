//! KMS keys and the ways a request names one.

use crate::json::Object;
use crate::random::Random;

/// One KMS key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) account: &'static str,
    pub(crate) region: &'static str,
    pub(crate) id: String,
    /// With its prefix: `alias/orders-data`.
    pub(crate) alias: String,
    /// The id of its current key material, which newer records carry.
    pub(crate) material: String,
}

/// How a request names its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Arn,
    Id,
    Alias,
    AliasArn,
}

impl Key {
    pub(crate) fn new(
        account: &'static str,
        region: &'static str,
        alias: &str,
        random: &mut Random,
    ) -> Self {
        Self {
            account,
            region,
            id: random.uuid(),
            alias: format!("alias/{alias}"),
            material: random.hex(64),
        }
    }

    pub(crate) fn arn(&self) -> String {
        format!(
            "arn:aws:kms:{}:{}:key/{}",
            self.region, self.account, self.id
        )
    }

    pub(crate) fn alias_arn(&self) -> String {
        format!(
            "arn:aws:kms:{}:{}:{}",
            self.region, self.account, self.alias
        )
    }

    pub(crate) fn named(&self, naming: Naming) -> String {
        match naming {
            Naming::Arn => self.arn(),
            Naming::Id => self.id.clone(),
            Naming::Alias => self.alias.clone(),
            Naming::AliasArn => self.alias_arn(),
        }
    }

    /// Its entry in a record's `resources`.
    pub(crate) fn resource(&self) -> String {
        resource(self.account, &self.arn())
    }

    /// The entry of its alias, which CreateAlias, UpdateAlias and DeleteAlias add.
    pub(crate) fn alias_resource(&self) -> String {
        resource(self.account, &self.alias_arn())
    }

    /// The policy that the console and every careful template write: the account's root delegates to IAM.
    pub(crate) fn safe_policy(&self, users: &[String]) -> String {
        let root = format!("arn:aws:iam::{}:root", self.account);
        let delegation = statement("EnableIAMUserPermissions", &[root], &["kms:*"]);
        let mut statements = vec![delegation];
        if !users.is_empty() {
            statements.push(statement(
                "AllowUse",
                users,
                &["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"],
            ));
        }
        policy(&statements)
    }
}

/// A policy document around its statements.
pub(crate) fn policy(statements: &[String]) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Id":"key-policy","Statement":[{}]}}"#,
        statements.join(",")
    )
}

/// A statement that allows the actions to AWS principals.
pub(crate) fn statement(sid: &str, principals: &[String], actions: &[&str]) -> String {
    Object::new()
        .text("Sid", sid)
        .text("Effect", "Allow")
        .raw("Principal", &Object::new().list("AWS", principals).finish())
        .list("Action", actions)
        .text("Resource", "*")
        .finish()
}

fn resource(account: &str, arn: &str) -> String {
    Object::new()
        .text("accountId", account)
        .text("type", "AWS::KMS::Key")
        .text("ARN", arn)
        .finish()
}

#[cfg(test)]
mod tests {
    use super::{Key, Naming};
    use crate::random::Random;

    #[test]
    fn a_key_has_four_names() {
        let mut random = Random::stream(1, "key");
        let key = Key::new("111122223333", "eu-central-1", "orders", &mut random);
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:key/{}", key.id);
        assert_eq!(key.named(Naming::Arn), arn);
        assert_eq!(key.named(Naming::Id), key.id);
        assert_eq!(key.named(Naming::Alias), "alias/orders");
        assert_eq!(
            key.named(Naming::AliasArn),
            "arn:aws:kms:eu-central-1:111122223333:alias/orders"
        );
        let policy: serde_json::Value = serde_json::from_str(&key.safe_policy(&[arn])).unwrap();
        assert_eq!(policy["Statement"][1]["Action"][0], "kms:Decrypt");
    }
}
