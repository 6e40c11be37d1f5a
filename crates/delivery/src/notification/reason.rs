//! Why nothing is read: names of few values, fit for a metric.

/// Why a part of a message is passed over, as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// `s3:TestEvent`, sent when a notification is set up.
    TestEvent,
    /// The plain text that CloudTrail sends when a topic is set on a trail.
    ValidationMessage,
    /// What SNS sends when a subscription begins or ends.
    SubscriptionMessage,
    /// A control message of CloudWatch Logs.
    ControlMessage,
    /// A digest file.
    Digest,
    /// A file of CloudTrail Insights.
    Insight,
    /// A folder's marker.
    Folder,
    /// An object under `AWSLogs` that another service wrote.
    OtherService,
    /// An object was removed, restored, tagged or moved, not created.
    NotCreated,
    /// An EventBridge event that carries no CloudTrail record.
    OtherEvent,
    /// A batch or a list without anything in it.
    Empty,
}

impl Ignored {
    /// The reason as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TestEvent => "test-event",
            Self::ValidationMessage => "validation-message",
            Self::SubscriptionMessage => "subscription-message",
            Self::ControlMessage => "control-message",
            Self::Digest => "digest",
            Self::Insight => "insight",
            Self::Folder => "folder",
            Self::OtherService => "other-service",
            Self::NotCreated => "not-created",
            Self::OtherEvent => "other-event",
            Self::Empty => "empty",
        }
    }
}

/// Why a part of a message cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Text that is no JSON.
    NotJson,
    /// JSON of a shape that nobody knows.
    UnknownShape,
    /// Wrapped more often than anybody wraps.
    TooDeep,
    /// No bucket or key where one must be, or one that is too long.
    NoObject,
    /// A key that does not decode to UTF-8.
    BadKey,
    /// Data that is no base64.
    BadBase64,
    /// Data that is no whole gzip file.
    BadGzip,
    /// Log data that unpacks to more than the bound.
    TooLarge,
}

impl Fault {
    /// The reason as text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not-utf8",
            Self::NotJson => "not-json",
            Self::UnknownShape => "unknown-shape",
            Self::TooDeep => "too-deep",
            Self::NoObject => "no-object",
            Self::BadKey => "bad-key",
            Self::BadBase64 => "bad-base64",
            Self::BadGzip => "bad-gzip",
            Self::TooLarge => "too-large",
        }
    }
}
