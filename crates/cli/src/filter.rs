//! Which records the user wants to see.

use std::borrow::Cow;

use keytrail_detect::glob_pattern::GlobPattern;
use keytrail_event::key::short_key_name;
use keytrail_event::{EventTime, KeyName, Record};

use crate::arguments::FilterArguments;
use crate::failure::UsageError;
use crate::time_argument::TimeSpan;

/// A choice of records. Everything given must hold; of one flag given several times, one value must.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    span: TimeSpan,
    account: Choice,
    region: Choice,
    key: Choice,
    principal: Choice,
    operation: Choice,
}

/// The patterns of one field.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    wanted: Vec<GlobPattern>,
    unwanted: Vec<GlobPattern>,
}

impl Choice {
    /// The choice of these patterns.
    pub fn new(wanted: &[String], unwanted: &[String]) -> Self {
        let patterns = |texts: &[String]| {
            texts
                .iter()
                .map(|text| GlobPattern::from(text.as_str()))
                .collect()
        };
        Self {
            wanted: patterns(wanted),
            unwanted: patterns(unwanted),
        }
    }

    fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }

    /// Whether a field that has these names is chosen.
    pub fn accepts(&self, names: &[&str]) -> bool {
        let any = |patterns: &[GlobPattern]| {
            patterns
                .iter()
                .any(|pattern| names.iter().any(|name| pattern.matches(name)))
        };
        (self.wanted.is_empty() || any(&self.wanted)) && !any(&self.unwanted)
    }
}

impl Filter {
    /// The filter of the command line.
    ///
    /// # Errors
    /// When no record could pass it.
    pub fn new(arguments: &FilterArguments, now: EventTime) -> Result<Self, UsageError> {
        Ok(Self {
            span: TimeSpan::resolve(arguments.since, arguments.until, now)?,
            account: Choice::new(&arguments.account, &arguments.exclude_account),
            region: Choice::new(&arguments.region, &arguments.exclude_region),
            key: Choice::new(&arguments.key, &arguments.exclude_key),
            principal: Choice::new(&arguments.principal, &arguments.exclude_principal),
            operation: Choice::new(&arguments.operation, &arguments.exclude_operation),
        })
    }

    /// Whether every record passes.
    pub fn is_empty(&self) -> bool {
        self.span == TimeSpan::default()
            && [
                &self.account,
                &self.region,
                &self.key,
                &self.principal,
                &self.operation,
            ]
            .into_iter()
            .all(Choice::is_empty)
    }

    /// Whether the record passes.
    pub fn accepts(&self, record: &Record<'_>) -> bool {
        self.span.contains(record.time)
            && self.account.accepts(&[&record.account])
            && self.region.accepts(&[&record.region])
            && self.principal.accepts(&[record.principal()])
            && self.operation.accepts(&[record.operation.name()])
            && self.accepts_key(record)
    }

    fn accepts_key(&self, record: &Record<'_>) -> bool {
        if self.key.is_empty() {
            return true;
        }
        let requested = requested_aliases(record);
        let mut names: Vec<&str> = Vec::new();
        for alias in &requested {
            names.push(alias);
            names.extend(alias.strip_prefix("alias/"));
        }
        let keys = [record.key.as_ref(), record.destination_key.as_ref()];
        let short_names: Vec<_> = keys.into_iter().flatten().map(short).collect();
        for (key, short_name) in keys.into_iter().flatten().zip(&short_names) {
            names.push(key.as_str());
            names.push(short_name);
            names.extend(key.alias_name());
        }
        self.key.accepts(&names)
    }
}

fn short(key: &KeyName) -> Cow<'_, str> {
    short_key_name(key.as_str())
}

/// The aliases that the request names beside the key: `alias/…`, cut out of an ARN where it is one.
fn requested_aliases(record: &Record<'_>) -> Vec<String> {
    const NAMED_IN: [&str; 4] = [
        "/requestParameters/keyId",
        "/requestParameters/sourceKeyId",
        "/requestParameters/destinationKeyId",
        "/requestParameters/aliasName",
    ];
    let body = record.body();
    NAMED_IN
        .iter()
        .filter_map(|pointer| {
            let name = body.pointer(pointer)?.as_str()?;
            Some(name[name.find("alias/")?..].to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use keytrail_event::{Issue, Reader, Sink};

    use super::*;

    struct Ask<'f>(&'f Filter, Vec<bool>);

    impl Sink for Ask<'_> {
        fn record(&mut self, record: &Record<'_>) {
            self.1.push(self.0.accepts(record));
        }
        fn issue(&mut self, _: Issue) {}
    }

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    const ARN: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    fn check(change: impl FnOnce(&mut FilterArguments), expected: bool) {
        let record = format!(
            r#"{{"eventTime":"2024-01-31T10:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Encrypt","awsRegion":"eu-west-1","eventID":"1","recipientAccountId":"111122223333","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann"}},"requestParameters":{{"keyId":"alias/prod"}},"resources":[{{"ARN":"{ARN}"}}]}}"#
        );
        let mut arguments = FilterArguments::default();
        change(&mut arguments);
        let now = EventTime::from_unix_seconds(1_706_700_000);
        let filter = Filter::new(&arguments, now).unwrap();
        let mut ask = Ask(&filter, Vec::new());
        Reader::default().read(record.as_bytes(), &mut ask);
        assert_eq!(ask.1, [expected], "{arguments:?}");
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_key_goes_by_all_its_names() {
        for name in [ARN, ID, "alias/prod", "prod", "*1234567890ab", "pr*"] {
            check(|a| a.key = texts(&[name]), true);
            check(|a| a.exclude_key = texts(&[name]), false);
        }
        check(|a| a.key = texts(&["alias/other"]), false);
        check(|a| a.key = texts(&["alias/other", ID]), true);
    }

    #[test]
    fn all_flags_must_hold() {
        check(|_| (), true);
        check(|a| a.account = texts(&["1111*"]), true);
        check(|a| a.account = texts(&["2222*"]), false);
        check(|a| a.region = texts(&["eu-*"]), true);
        check(|a| a.exclude_region = texts(&["eu-west-1"]), false);
        check(|a| a.operation = texts(&["encrypt"]), true);
        check(|a| a.principal = texts(&["*user/ann"]), true);
        check(|a| a.since = "2024-01-31".parse().ok(), true);
        check(|a| a.until = "2024-01-31".parse().ok(), false);
        let both = |a: &mut FilterArguments| {
            a.operation = texts(&["Encrypt"]);
            a.exclude_principal = texts(&["*ann"]);
        };
        check(both, false);
    }
}
