//! The arithmetic: edges by table, laws by property.

use proptest::prelude::*;

use super::{Attack, BUDGETS, Change, Measurement, Score, Share, Span, Truth, measure};

const DAY: i64 = 86_400;

fn score(time: i64, principal: &str, score: f64) -> Score {
    Score {
        time,
        principal: principal.to_owned(),
        account: "111122223333".to_owned(),
        score,
        rule: format!("rule of {principal}"),
        event_ids: Vec::new(),
    }
}

fn attack(kind: &str, principal: &str, first: i64, last: i64) -> Attack {
    Attack {
        kind: kind.to_owned(),
        strength: "low".to_owned(),
        principal: principal.to_owned(),
        first,
        last,
        event_ids: vec![format!("event of {principal}")],
    }
}

fn days(days: i64) -> Span {
    Span {
        from: 0,
        until: days * DAY,
        accounts: 1,
    }
}

fn one(scores: &[Score], attacks: Vec<Attack>, budget: f64) -> super::AtBudget {
    let truth = Truth {
        attacks,
        changes: Vec::new(),
    };
    let measured = measure(scores, &truth, days(10), &[budget]);
    measured.budgets.into_iter().next().unwrap()
}

#[test]
fn a_line_finds_an_attack_from_its_first_record_to_an_hour_after_its_last() {
    for (time, found) in [
        (999, false),
        (1_000, true),
        (1_500, true),
        (2_000 + 3_600, true),
        (2_001 + 3_600, false),
    ] {
        let at = one(
            &[score(time, "a", 5.0)],
            vec![attack("theft", "a", 1_000, 2_000)],
            0.0,
        );
        assert_eq!(at.found.part == 1, found, "at {time}");
        // A false line that the budget does not allow leaves no threshold.
        assert_eq!(at.threshold.is_some(), found, "at {time}");
    }
}

#[test]
fn a_line_of_another_principal_finds_by_event_id_only() {
    let attacks = || vec![attack("grant", "ext:1/A", 1_000, 2_000)];
    let mut line = score(1_500, "b", 5.0);
    assert_eq!(
        one(std::slice::from_ref(&line), attacks(), 1.0).found.part,
        0
    );
    line.event_ids = vec!["other".to_owned(), "event of ext:1/A".to_owned()];
    assert_eq!(
        one(std::slice::from_ref(&line), attacks(), 1.0).found.part,
        1
    );
    line.time = 9_000;
    assert_eq!(one(&[line], attacks(), 1.0).found.part, 0, "too late");
}

#[test]
fn false_lines_of_a_principal_are_one_case_for_a_day() {
    let cases = |scores: &[Score]| one(scores, Vec::new(), 100.0).false_alerts;
    assert_eq!(cases(&[]), 0);
    let first = score(100, "a", 1.0);
    assert_eq!(cases(&[first.clone(), score(99 + DAY, "a", 2.0)]), 1);
    assert_eq!(cases(&[first.clone(), score(100 + DAY, "a", 2.0)]), 2);
    assert_eq!(cases(&[first.clone(), score(101, "b", 2.0)]), 2);
    let mut elsewhere = first.clone();
    elsewhere.account = "444455556666".to_owned();
    assert_eq!(cases(&[first, elsewhere]), 2);
}

#[test]
fn a_budget_chooses_the_lowest_threshold_that_keeps_to_it() {
    // False cases at 9, 7, 5, 3 and 1 on days of their own; attacks that score 8 and 4.
    let mut scores: Vec<Score> = (0..5)
        .map(|day| score(day * DAY, "noise", (9 - 2 * day) as f64))
        .collect();
    scores.push(score(6 * DAY, "a", 8.0));
    scores.push(score(7 * DAY + 90, "b", 4.0));
    let attacks = || {
        vec![
            attack("loud", "a", 6 * DAY - 30, 6 * DAY),
            attack("quiet", "b", 7 * DAY, 7 * DAY + 60),
        ]
    };
    for (budget, threshold, found, false_alerts, seconds) in [
        (0.0, None, 0, 0, None),
        (0.1, Some(8.0), 1, 1, Some(30.0)),
        (0.2, Some(7.0), 1, 2, Some(30.0)),
        (0.3, Some(4.0), 2, 3, Some(60.0)),
        (0.5, Some(1.0), 2, 5, Some(60.0)),
    ] {
        let at = one(&scores, attacks(), budget);
        assert_eq!(at.threshold, threshold, "budget {budget}");
        assert_eq!(
            (at.found.part, at.false_alerts),
            (found, false_alerts),
            "budget {budget}"
        );
        assert_eq!(at.seconds_to_detect, seconds, "budget {budget}");
        assert!(at.false_alerts_per_account_day <= budget + 1e-9);
    }
    let at = one(&scores, attacks(), 0.3);
    assert_eq!(at.kinds["loud"], Share { part: 1, of: 1 });
    assert_eq!(at.kinds["quiet"], Share { part: 1, of: 1 });
    assert_eq!(at.precision, Some(0.4));
}

#[test]
fn the_area_under_the_curve_is_the_mean_precision_at_each_attack() {
    let scores = [
        score(10, "a", 9.0),
        score(20, "noise", 8.0),
        score(30, "b", 7.0),
    ];
    let truth = Truth {
        attacks: vec![
            attack("theft", "a", 0, 100),
            attack("theft", "b", 0, 100),
            attack("theft", "never scored", 0, 100),
        ],
        changes: Vec::new(),
    };
    let measured = measure(&scores, &truth, days(1), &[]);
    let expected = (1.0 + 2.0 / 3.0 + 0.0) / 3.0;
    assert!((measured.average_precision.unwrap() - expected).abs() < 1e-12);
    let unscored = measure(&[], &truth, days(1), &[]).average_precision;
    assert!(unscored.is_some_and(|none| none == 0.0 && none.is_sign_positive()));
    assert_eq!(
        measure(&scores, &Truth::default(), days(1), &[]).average_precision,
        None
    );
}

#[test]
fn learning_days_count_for_nothing() {
    let span = Span {
        from: 5 * DAY,
        until: 15 * DAY,
        accounts: 2,
    };
    let truth = Truth {
        attacks: vec![
            attack("theft", "a", 0, 6 * DAY),
            attack("theft", "b", 6 * DAY, 6 * DAY),
        ],
        changes: vec![Change {
            kind: "deploy".to_owned(),
            principal: "c".to_owned(),
            first: 4 * DAY,
            last: 6 * DAY,
        }],
    };
    let scores = [
        score(DAY, "a", 9.0),
        score(2 * DAY, "noise", 9.0),
        score(20 * DAY, "noise", 9.0),
    ];
    let measured = measure(&scores, &truth, span, &BUDGETS);
    assert_eq!((measured.attacks, measured.lines), (1, 0));
    assert!((measured.account_days - 20.0).abs() < 1e-12);
    assert_eq!(measured.budgets.len(), 3);
    assert!(
        measured
            .budgets
            .iter()
            .all(|at| at.changes.is_empty() && at.false_alerts == 0)
    );
}

#[test]
fn a_change_that_alerts_is_false_and_is_named() {
    let truth = Truth {
        attacks: vec![attack("theft", "c", DAY, DAY + 10)],
        changes: vec![
            Change {
                kind: "deploy".to_owned(),
                principal: "c".to_owned(),
                first: 100,
                last: 2 * DAY,
            },
            Change {
                kind: "travel".to_owned(),
                principal: "d".to_owned(),
                first: 100,
                last: 2 * DAY,
            },
        ],
    };
    let of = |scores: &[Score]| measure(scores, &truth, days(10), &[1.0]).budgets.remove(0);
    let at = of(&[score(2 * DAY + 3_600, "c", 4.0)]);
    assert_eq!(at.changes["deploy"], Share { part: 1, of: 1 });
    assert_eq!(at.changes["travel"], Share { part: 0, of: 1 });
    assert_eq!(at.false_alerts, 1);
    let at = of(&[score(DAY + 5, "c", 4.0)]);
    assert_eq!(at.changes["deploy"].part, 0, "that line is the attack's");
    assert_eq!((at.false_alerts, at.found.part), (0, 1));
}

fn any_scores() -> impl Strategy<Value = Vec<Score>> {
    let line = (0..10 * DAY, 0..6_u8, 0..20_u8).prop_map(|(time, principal, value)| {
        score(
            time,
            &format!("principal {principal}"),
            f64::from(value) / 2.0,
        )
    });
    proptest::collection::vec(line, 0..60)
}

fn any_truth() -> impl Strategy<Value = Truth> {
    let attack =
        (0..10 * DAY, 0..2 * DAY, 0..6_u8, 0..3_u8).prop_map(|(first, length, principal, kind)| {
            attack(
                &format!("kind {kind}"),
                &format!("principal {principal}"),
                first,
                first + length,
            )
        });
    proptest::collection::vec(attack, 0..8).prop_map(|attacks| Truth {
        attacks,
        changes: Vec::new(),
    })
}

fn recalls(measured: &Measurement) -> Vec<u64> {
    measured.budgets.iter().map(|at| at.found.part).collect()
}

proptest! {
    #[test]
    fn more_budget_never_finds_less_and_never_overdraws(scores in any_scores(), truth in any_truth()) {
        let budgets = [0.0, 0.1, 0.3, 1.0, 5.0];
        let measured = measure(&scores, &truth, days(10), &budgets);
        prop_assert!(recalls(&measured).is_sorted());
        for at in &measured.budgets {
            prop_assert!(at.false_alerts as f64 <= at.budget * 10.0);
            prop_assert_eq!(at.kinds.values().map(|share| share.of).sum::<u64>(), measured.attacks);
            prop_assert_eq!(at.kinds.values().map(|share| share.part).sum::<u64>(), at.found.part);
            prop_assert_eq!(at.strengths.values().map(|share| share.of).sum::<u64>(), measured.attacks);
            prop_assert_eq!(at.false_alert_rules.values().sum::<u64>(), at.false_alerts);
            prop_assert!(at.precision.is_none_or(|it| (0.0..=1.0).contains(&it)));
        }
        prop_assert!(measured.average_precision.is_none_or(|it| (0.0..=1.0).contains(&it)));
    }

    #[test]
    fn the_order_of_lines_and_any_rising_function_of_scores_change_nothing(
        scores in any_scores(),
        truth in any_truth(),
    ) {
        let measured = measure(&scores, &truth, days(10), &BUDGETS);
        let mut other = scores;
        other.reverse();
        for line in &mut other {
            line.score = line.score * 3.0 - 7.0;
        }
        let mut again = measure(&other, &truth, days(10), &BUDGETS);
        for at in &mut again.budgets {
            at.threshold = at.threshold.map(|threshold| (threshold + 7.0) / 3.0);
        }
        prop_assert_eq!(measured, again);
    }

    #[test]
    fn the_threshold_is_the_lowest_that_keeps_to_the_budget(scores in any_scores(), truth in any_truth()) {
        let at = measure(&scores, &truth, days(10), &[0.3]).budgets.remove(0);
        let false_cases = |least: f64| {
            let mut kept = scores.clone();
            kept.retain(|line| line.score >= least);
            measure(&kept, &truth, days(10), &[1e9]).budgets[0].false_alerts
        };
        for line in &scores {
            let keeps = false_cases(line.score) <= 3;
            prop_assert_eq!(keeps, at.threshold.is_some_and(|threshold| line.score >= threshold));
        }
    }

    #[test]
    fn scores_that_know_the_truth_are_perfect(truth in any_truth()) {
        let scores: Vec<Score> =
            truth.attacks.iter().map(|it| score(it.first, &it.principal, 1.0)).collect();
        let measured = measure(&scores, &truth, days(10), &[0.0]);
        prop_assert_eq!(measured.budgets[0].found.part, measured.attacks);
        prop_assert_eq!(measured.budgets[0].false_alerts, 0);
        prop_assert!(measured.average_precision.is_none_or(|it| (it - 1.0).abs() < 1e-12));
    }
}
