//! Suppressions and expected changes, laid over findings.

use super::*;
use crate::finding::Severity;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ROSE: &str = "arn:aws:iam::111122223333:user/rose";

fn moment(text: &str) -> Moment {
    Moment::try_from(text.to_owned()).unwrap()
}

fn finding() -> Finding {
    let at = moment("2024-01-31T10:00:00Z").time();
    Finding {
        severity: Severity::Medium,
        score: Severity::Medium.score(),
        principal: Some(ROSE.to_owned()),
        key: Some(KEY.to_owned()),
        ..Finding::sample("key-disabled", at)
    }
}

fn state(configuration: &Configuration) -> FindingState {
    let mut findings = [finding()];
    dispose(&mut findings, configuration);
    let once = findings.clone();
    dispose(&mut findings, configuration);
    assert_eq!(findings, once);
    findings[0].state
}

fn suppression(change: impl FnOnce(&mut Suppression)) -> Configuration {
    let mut suppression = Suppression {
        rule: None,
        principal: None,
        key: None,
        account: None,
        until: moment("2024-02-01"),
        reason: "a drill".to_owned(),
        owner: "rose".to_owned(),
    };
    change(&mut suppression);
    Configuration {
        suppress: vec![suppression],
        ..Configuration::default()
    }
}

#[test]
fn a_suppression_covers_what_fits_all_of_it() {
    let check = |change: fn(&mut Suppression), expected| {
        assert_eq!(state(&suppression(change)), expected);
    };
    check(|s| s.rule = Some("key-*".into()), FindingState::Suppressed);
    check(|s| s.rule = Some("key".into()), FindingState::Final);
    check(
        |s| s.account = Some("1111*".into()),
        FindingState::Suppressed,
    );
    check(|s| s.account = Some("4444*".into()), FindingState::Final);
    check(
        |s| s.principal = Some("*user/ROSE".into()),
        FindingState::Suppressed,
    );
    check(
        |s| s.principal = Some("rose".into()),
        FindingState::Suppressed,
    );
    check(|s| s.principal = Some("ros".into()), FindingState::Final);
    check(|s| s.key = Some(KEY.into()), FindingState::Suppressed);
    check(
        |s| s.key = Some("1234abcd-*".into()),
        FindingState::Suppressed,
    );
    check(|s| s.key = Some("abcd*".into()), FindingState::Final);
    let both = |s: &mut Suppression| {
        s.rule = Some("key-*".into());
        s.principal = Some("*user/lily".into());
    };
    check(both, FindingState::Final);
}

#[test]
fn what_is_about_several_keys_goes_by_all_of_them() {
    let of = |keys: &[&str]| Finding {
        key: None,
        further_keys: keys.iter().map(|&key| key.to_owned()).collect(),
        ..finding()
    };
    assert!(fits_keys(Some(KEY), &of(&[KEY])));
    assert!(!fits_keys(Some(KEY), &of(&[KEY, "another"])));
    assert!(!fits_keys(Some(KEY), &of(&[])));
    assert!(fits_keys(Some("*"), &of(&[KEY, "another"])));
    // There may be more of them than it has room for.
    assert!(!fits_keys(Some("*"), &of(&[KEY; FINDING_FURTHER_KEYS_MAX])));
    assert!(fits_keys(None, &of(&[KEY; FINDING_FURTHER_KEYS_MAX])));
    let beside = Finding {
        further_keys: vec!["another".to_owned()],
        ..finding()
    };
    assert!(fits_keys(Some(KEY), &beside));
    assert!(!fits_keys(Some("another"), &beside));
}

#[test]
fn a_principal_goes_by_the_names_that_filters_take() {
    let of = |account: &str, principal: Option<&str>| Finding {
        account: account.to_owned(),
        principal: principal.map(str::to_owned),
        ..finding()
    };
    let role = Some("arn:aws:iam::111122223333:role/service-role/app");
    let (own, strangers) = (of("111122223333", role), of("444455556666", role));
    for name in [
        "app",
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:sts::111122223333:assumed-role/app/6fe0b5b2d1de",
        "*:role/*",
    ] {
        assert!(fits_principal(Some(name), &own), "{name}");
        // Anybody may call a role so.
        assert_eq!(
            fits_principal(Some(name), &strangers),
            name != "app",
            "{name}"
        );
        assert!(
            !fits_principal(Some(name), &of("111122223333", None)),
            "{name}"
        );
    }
    for name in [
        "service-role",
        "arn:aws:sts::444455556666:assumed-role/app/s",
    ] {
        assert!(!fits_principal(Some(name), &own), "{name}");
    }
    assert!(fits_principal(None, &of("111122223333", None)));
}

#[test]
fn a_suppression_ends() {
    let until = |text| suppression(|s| s.until = moment(text));
    assert_eq!(
        state(&until("2024-01-31T10:00:01Z")),
        FindingState::Suppressed
    );
    assert_eq!(state(&until("2024-01-31T10:00:00Z")), FindingState::Final);
    assert_eq!(state(&until("2024-01-31")), FindingState::Final);
}

#[test]
fn an_expected_change_has_a_window() {
    let window = |from, until| Configuration {
        expected: vec![ExpectedChange {
            principal: Some(ROSE.to_owned()),
            key: None,
            from: Some(moment(from)),
            until: moment(until),
            reason: "a restore".to_owned(),
        }],
        ..Configuration::default()
    };
    assert_eq!(
        state(&window("2024-01-31", "2024-02-01")),
        FindingState::Expected
    );
    assert_eq!(
        state(&window("2024-01-30", "2024-01-31")),
        FindingState::Final
    );
    assert_eq!(
        state(&window("2024-02-01", "2024-02-02")),
        FindingState::Final
    );
}

/// An episode that began in time was hidden for as long as it went on.
#[test]
fn what_goes_on_beyond_the_end_is_told() {
    let going_on = |configuration: &Configuration, until| {
        let mut findings = [Finding {
            last_seen: moment(until).time(),
            ..finding()
        }];
        dispose(&mut findings, configuration);
        findings[0].state
    };
    let suppressed = suppression(|_| ());
    let expected = Configuration {
        expected: vec![ExpectedChange {
            principal: Some(ROSE.to_owned()),
            key: None,
            from: None,
            until: moment("2024-02-01"),
            reason: "a restore".to_owned(),
        }],
        ..Configuration::default()
    };
    for (until, states) in [
        (
            "2024-01-31T23:59:59Z",
            [FindingState::Suppressed, FindingState::Expected],
        ),
        ("2024-02-01", [FindingState::Final; 2]),
    ] {
        let told = [&suppressed, &expected].map(|configuration| going_on(configuration, until));
        assert_eq!(told, states, "{until}");
    }
}

/// Neither of two windows, of which one begins where the other ends, covers what goes on over both.
#[test]
fn windows_that_follow_one_another_cover_together() {
    let window = |from: &str, until, principal: &str| ExpectedChange {
        principal: Some(principal.to_owned()),
        key: None,
        from: Some(moment(from)),
        until: moment(until),
        reason: format!("since {from}"),
    };
    let check = |windows: Vec<ExpectedChange>, expected: Option<&str>| {
        let configuration = Configuration {
            expected: windows,
            ..Configuration::default()
        };
        let mut findings = [Finding {
            last_seen: moment("2024-02-02T10:00:00Z").time(),
            ..finding()
        }];
        dispose(&mut findings, &configuration);
        let evidence = findings[0].evidence.iter();
        let mut told = evidence.filter(|evidence| evidence.feature == "expected");
        let told = told.next().map(|evidence| evidence.text.as_str());
        assert_eq!(told, expected, "{:?}", configuration.expected);
    };
    let first = || window("2024-01-31", "2024-02-01", ROSE);
    let second = || window("2024-02-01", "2024-02-03", ROSE);
    let both = Some(
        "Declared as expected until 2024-02-01: since 2024-01-31; until 2024-02-03: since 2024-02-01",
    );
    check(vec![first()], None);
    check(vec![second()], None);
    check(vec![first(), second()], both);
    check(vec![second(), first()], both);
    let gap = || window("2024-02-01T00:00:01Z", "2024-02-03", ROSE);
    check(vec![first(), gap()], None);
    let lily = window(
        "2024-02-01",
        "2024-02-03",
        "arn:aws:iam::111122223333:user/lily",
    );
    check(vec![first(), lily], None);
    let short = window("2024-02-01", "2024-02-02T10:00:00Z", ROSE);
    check(vec![first(), short], None);
    let all = window("2024-01-01", "2024-02-04", "*");
    let alone = Some("Declared as expected until 2024-02-04: since 2024-01-01");
    check(vec![first(), second(), all], alone);
}

#[test]
fn shadow_lies_over_suppressed_and_withdrawn_stays() {
    let mut configuration = suppression(|s| s.rule = Some("*".into()));
    configuration.shadow.insert("key-disabled".to_owned());
    assert_eq!(state(&configuration), FindingState::Shadow);
    let withdrawn = Finding {
        state: FindingState::Withdrawn,
        ..finding()
    };
    let mut findings = [withdrawn.clone()];
    dispose(&mut findings, &configuration);
    assert_eq!(findings, [withdrawn]);
}

#[test]
fn who_answers_for_it_is_told() {
    let mut findings = [finding()];
    dispose(&mut findings, &suppression(|_| ()));
    let evidence = findings[0].evidence.last().unwrap();
    assert_eq!(
        evidence.text,
        "Suppressed until 2024-02-01 by rose: a drill"
    );
}

/// Every account would be judged anew for a comment in a suppression.
#[test]
fn dispositions_do_not_change_what_is_judged() {
    let plain = Configuration::default().fingerprint();
    let mut changed = suppression(|_| ());
    changed.shadow.insert("key-disabled".to_owned());
    assert_eq!(changed.fingerprint(), plain);
    changed.rules.bulk_keys += 1;
    assert_ne!(changed.fingerprint(), plain);
}
