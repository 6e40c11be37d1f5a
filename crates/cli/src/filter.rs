//! Which records the user wants to see.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use keytrail_event::key::key_names;
use keytrail_event::{EventTime, KeyName, Outcome, Record};

use crate::arguments::FilterArguments;
use crate::choice::{Choice, PrincipalChoice, why_nothing};
use crate::failure::UsageError;
use crate::time_argument::TimeSpan;

/// A choice of records. Everything given must hold; of one flag given several times, one value must.
#[derive(Debug, Default)]
pub struct Filter {
    span: TimeSpan,
    /// Whether any record lay in the span.
    span_is_met: AtomicBool,
    account: Choice,
    region: Choice,
    key: Choice,
    principal: PrincipalChoice,
    operation: Choice,
    outcome: Choice,
}

impl Filter {
    /// The filter of the command line.
    ///
    /// # Errors
    /// When no record could pass it.
    pub fn new(arguments: &FilterArguments, now: EventTime) -> Result<Self, UsageError> {
        Ok(Self {
            span: TimeSpan::resolve(arguments.since, arguments.until, now)?,
            span_is_met: AtomicBool::new(false),
            account: Choice::new("account", &arguments.account, &arguments.exclude_account),
            region: Choice::new("region", &arguments.region, &arguments.exclude_region),
            key: Choice::new("key", &arguments.key, &arguments.exclude_key),
            principal: PrincipalChoice::new(&arguments.principal, &arguments.exclude_principal),
            operation: Choice::new(
                "operation",
                &arguments.operation,
                &arguments.exclude_operation,
            ),
            outcome: Choice::new("outcome", &arguments.outcome, &arguments.exclude_outcome),
        })
    }

    /// Whether every record passes.
    pub fn is_empty(&self) -> bool {
        self.span == TimeSpan::default() && self.choices().into_iter().all(Choice::is_empty)
    }

    /// Whether the record passes.
    pub fn accepts(&self, record: &Record<'_>) -> bool {
        self.is_in_span(record.time)
            && self.account.accepts(&[&record.account])
            && self.region.accepts(&[&record.region])
            && self.operation.accepts(&[record.operation.name()])
            && self.outcome.accepts(&outcome_names(&record.outcome))
            && self.principal.accepts(record.principal())
            && self.accepts_key(record)
    }

    /// What to tell of the filters when all records have passed by: `matched` is how many were chosen.
    pub fn notes(&self, matched: u64) -> Vec<String> {
        let mut notes: Vec<String> = self.principal.notes().collect();
        if matched == 0 && !self.span_is_met.load(Ordering::Relaxed) {
            notes.push("Nothing is of the time that --since and --until leave".to_owned());
        } else if matched == 0 {
            notes.extend(why_nothing(&self.choices()));
        }
        notes
    }

    /// The choices in the order in which a record is asked.
    fn choices(&self) -> [&Choice; 6] {
        let principal = self.principal.names();
        [
            &self.account,
            &self.region,
            &self.operation,
            &self.outcome,
            principal,
            &self.key,
        ]
    }

    fn is_in_span(&self, time: EventTime) -> bool {
        let is_in_span = self.span.contains(time);
        if is_in_span && !self.span_is_met.load(Ordering::Relaxed) {
            self.span_is_met.store(true, Ordering::Relaxed);
        }
        is_in_span
    }

    fn accepts_key(&self, record: &Record<'_>) -> bool {
        if self.key.is_empty() {
            return true;
        }
        let requested = requested_aliases(record);
        let keys = [record.key.as_ref(), record.destination_key.as_ref()];
        let keys = keys.into_iter().flatten().map(KeyName::as_str);
        let keys = keys.flat_map(key_names);
        let names: Vec<Cow<'_, str>> = keys.chain(requested.into_iter().map(Cow::Owned)).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        self.key.accepts(&names)
    }
}

/// What an outcome is called: `success`, or the error code, its family and that it failed.
fn outcome_names<'o>(outcome: &'o Outcome<'_>) -> [&'o str; 3] {
    let failed = if outcome.is_success() {
        "success"
    } else {
        "failed"
    };
    [outcome.as_str(), outcome.family().as_str(), failed]
}

/// The names of the aliases that the request names beside the key, whether it writes an ARN or `alias/…`.
fn requested_aliases(record: &Record<'_>) -> Vec<String> {
    const NAMED_IN: [&str; 4] = [
        "/requestParameters/keyId",
        "/requestParameters/sourceKeyId",
        "/requestParameters/destinationKeyId",
        "/requestParameters/aliasName",
    ];
    let body = record.body();
    let requested = NAMED_IN.iter().filter_map(|pointer| {
        let text = body.pointer(pointer)?.as_str()?;
        let name = &text[text.find("alias/")?..];
        let alias = KeyName::from_request(text, &record.account, &record.region);
        let alias = alias.filter(KeyName::is_alias);
        let mut names: Vec<String> = vec![name.to_owned(), name["alias/".len()..].to_owned()];
        let canonical = alias.iter().flat_map(|alias| key_names(alias.as_str()));
        names.extend(canonical.map(Cow::into_owned));
        Some(names)
    });
    requested.flatten().collect()
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
        let alias_arn = "arn:aws:kms:eu-west-1:111122223333:alias/prod";
        for name in [
            ARN,
            ID,
            "alias/prod",
            "prod",
            "*1234567890ab",
            "pr*",
            alias_arn,
        ] {
            check(|a| a.key = texts(&[name]), true);
            check(|a| a.exclude_key = texts(&[name]), false);
        }
        check(|a| a.key = texts(&["alias/other"]), false);
        let elsewhere = "arn:aws:kms:eu-west-2:111122223333:alias/prod";
        check(|a| a.key = texts(&[elsewhere]), false);
        check(|a| a.key = texts(&["alias/other", ID]), true);
    }

    #[test]
    fn an_outcome_goes_by_code_family_and_failure() {
        let denied = Outcome::Error("AccessDeniedException".into());
        assert_eq!(
            outcome_names(&denied),
            ["AccessDeniedException", "denied", "failed"]
        );
        assert_eq!(outcome_names(&Outcome::Success), ["success"; 3]);
        check(|a| a.outcome = texts(&["success"]), true);
        check(|a| a.outcome = texts(&["failed", "denied"]), false);
        check(|a| a.exclude_outcome = texts(&["success"]), false);
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
        check(|a| a.principal = texts(&["ann"]), true);
        check(|a| a.since = "2024-01-31".parse().ok(), true);
        check(|a| a.until = "2024-01-31".parse().ok(), false);
        let both = |a: &mut FilterArguments| {
            a.operation = texts(&["Encrypt"]);
            a.exclude_principal = texts(&["*ann"]);
        };
        check(both, false);
    }
}
