//! The behaviours as a table: id, title, technique, practice, what raises it.

use super::AboutBehaviour;

/// All behaviours, sorted by id.
pub const BEHAVIOURS: [&AboutBehaviour; 14] = [
    &AboutBehaviour {
        id: "breadth",
        title: "A principal used far more keys in an hour than it does",
        attack: ("TA0007", "T1580"),
        practice: "least privilege",
        fires_when: "The number of distinct keys named in an hour, against the mean of that hour of the week for the principal.",
    },
    &AboutBehaviour {
        id: "dormant-key",
        title: "A key that lay unused was used or tried by somebody new",
        attack: ("TA0006", "T1552"),
        practice: "retire unused keys",
        fires_when: "A key known for a week and unused for five days is used by a principal that never used it, or tried: calls that are refused count, and the title says whether any succeeded.",
    },
    &AboutBehaviour {
        id: "dormant-principal",
        title: "A principal came back after a long silence",
        attack: ("TA0005", "T1078"),
        practice: "retire unused principals",
        fires_when: "A principal is active again after ten days of silence or more.",
    },
    &AboutBehaviour {
        id: "new-context",
        title: "A key was used in an encryption context it never had",
        attack: ("TA0009", "T1530"),
        practice: "bind keys to their data",
        fires_when: "A principal uses a key that it knows in an encryption context that neither it nor the key's other days show, or without one.",
    },
    &AboutBehaviour {
        id: "new-operation",
        title: "A principal called an operation that it never calls",
        attack: ("TA0004", "T1098"),
        practice: "separation of duties",
        fires_when: "An operation, or the grantee of a grant, that is new for the principal, its peers and the account. What destroys, grants or opens weighs more.",
    },
    &AboutBehaviour {
        id: "new-pair",
        title: "A principal used a key that it never used before",
        attack: ("TA0006", "T1552"),
        practice: "least privilege",
        fires_when: "A principal calls with a key that it never used, or was itself never seen; keys whose CreateKey was seen in the last three days are being deployed and do not count.",
    },
    &AboutBehaviour {
        id: "new-service-path",
        title: "A key was reached through a service it is never reached through",
        attack: ("TA0006", "T1552"),
        practice: "bind keys to services",
        fires_when: "A service path, or a direct call, that is new for the principal, or new for it on this key.",
    },
    &AboutBehaviour {
        id: "new-source",
        title: "A principal called from a network or with an agent it never had",
        attack: ("TA0001", "T1078.004"),
        practice: "restrict where keys are used from",
        fires_when: "A network (/16, or /32 of IPv6) or an agent's product and major version that is new for the principal, its peers and the account. Only direct calls tell them. A new Region counts here as well.",
    },
    &AboutBehaviour {
        id: "off-hours",
        title: "A principal was active at an hour it never is",
        attack: ("TA0005", "T1078"),
        practice: "least privilege",
        fires_when: "An hour of the day, or a weekend, around which the principal is not active, once more than three of its days are known.",
    },
    &AboutBehaviour {
        id: "rate-error",
        title: "A principal's calls were refused or failed more often than usual",
        attack: ("TA0007", "T1580"),
        practice: "least privilege",
        fires_when: "Refused calls, or calls that failed otherwise, in an hour, against the principal's own.",
    },
    &AboutBehaviour {
        id: "rate-key",
        title: "A key was used far more than usual, by all principals together",
        attack: ("TA0009", "T1530"),
        practice: "limit what one key opens",
        fires_when: "Successful cryptographic calls with a key in an hour by everybody, against the key's mean of that hour of the week. It counts for principals that had a notable part in it.",
    },
    &AboutBehaviour {
        id: "rate-pair",
        title: "A principal used a key far more than it ever does",
        attack: ("TA0009", "T1530"),
        practice: "limit what one key opens",
        fires_when: "Successful cryptographic calls of a principal with a key in an hour, against the pair's mean of that time of the week.",
    },
    &AboutBehaviour {
        id: "rate-principal",
        title: "A principal called far more than it ever does",
        attack: ("TA0009", "T1530"),
        practice: "limit what one principal may open",
        fires_when: "Successful calls of a principal in an hour, in the day so far or day after day, against its own.",
    },
    &AboutBehaviour {
        id: "slow-breadth",
        title: "A principal used one new key after the other, for days",
        attack: ("TA0007", "T1580"),
        practice: "least privilege",
        fires_when: "The surprises of new keys, added up and forgotten with a half-life of five days.",
    },
];
