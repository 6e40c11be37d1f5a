//! What an operation can do: how much the surprise of its being new weighs.

/// How the surprise of a new operation is weighed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk {
    /// Multiplies the surprise.
    pub factor: f64,
    /// Is added, once the surprise reaches 1; less before.
    pub plus: f64,
}

/// The risk of an operation by name.
#[must_use]
pub fn risk(operation: &str) -> Risk {
    let (factor, plus) = match operation {
        "ScheduleKeyDeletion"
        | "DisableKey"
        | "DeleteImportedKeyMaterial"
        | "DeleteCustomKeyStore"
        | "DisconnectCustomKeyStore" => (1.0, 2.0),
        "PutKeyPolicy"
        | "CreateGrant"
        | "ReplicateKey"
        | "UpdatePrimaryRegion"
        | "ImportKeyMaterial"
        | "UpdateAlias"
        | "DeleteAlias" => (1.0, 1.0),
        "DisableKeyRotation" => (1.0, 0.7),
        "RevokeGrant" | "RetireGrant" => (1.0, 0.5),
        "CreateKey"
        | "CreateAlias"
        | "TagResource"
        | "UntagResource"
        | "UpdateKeyDescription"
        | "EnableKey"
        | "EnableKeyRotation" => (0.3, 0.0),
        _ if operation.starts_with("List")
            || operation.starts_with("Describe")
            || operation.starts_with("Get") =>
        {
            (0.8, 0.0)
        }
        _ => (1.0, 0.0),
    };
    Risk { factor, plus }
}

impl Risk {
    /// The weighed surprise. It never falls as the surprise grows, and 0 stays 0.
    #[must_use]
    pub fn weigh(self, surprise: f64) -> f64 {
        surprise * self.factor + self.plus * surprise.min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destruction_weighs_most() {
        let weighed = |operation: &str| risk(operation).weigh(2.0);
        assert_eq!(weighed("ScheduleKeyDeletion"), 4.0);
        assert_eq!(weighed("CreateGrant"), 3.0);
        assert_eq!(weighed("Decrypt"), 2.0);
        assert_eq!(weighed("ListKeys"), 1.6);
        assert_eq!(weighed("TagResource"), 0.6);
        assert_eq!(risk("ScheduleKeyDeletion").weigh(0.0), 0.0);
    }
}
