//! A measurement as a table: a column for each budget.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use keytrail_report::{escape, grouped};
use keytrail_sim::measure::{AtBudget, Share};

use super::Evaluation;

/// Width of the column of names, and of each budget's.
const NAME_WIDTH: usize = 24;
const COLUMN_WIDTH: usize = 17;

/// Writes the table.
///
/// # Errors
/// When `out` takes no more.
pub fn write(evaluation: &Evaluation, out: &mut dyn Write) -> io::Result<()> {
    let measured = &evaluation.measurement;
    writeln!(
        out,
        "{} attacks in {} account-days, {} score lines",
        grouped(measured.attacks),
        measured.account_days,
        grouped(measured.lines)
    )?;
    let area = fraction(measured.average_precision);
    writeln!(
        out,
        "area under the curve of precision and recall: {area}\n"
    )?;
    let budgets = &measured.budgets;
    row(out, "false alerts a day, most", budgets, |at| {
        at.budget.to_string()
    })?;
    row(out, "threshold", budgets, |at| {
        at.threshold.map_or_else(none, |it| format!("{it:.2}"))
    })?;
    row(out, "attacks found", budgets, |at| share(at.found))?;
    row(out, "false alerts", budgets, |at| {
        let per_day = at.false_alerts_per_account_day;
        format!("{} ({per_day:.2} a day)", grouped(at.false_alerts))
    })?;
    row(out, "precision", budgets, |at| fraction(at.precision))?;
    row(out, "time to detect, median", budgets, |at| {
        at.seconds_to_detect.map_or_else(none, span)
    })?;
    section(out, "attacks found, by kind", budgets, |at| {
        shares(&at.kinds)
    })?;
    section(out, "attacks found, by strength", budgets, |at| {
        shares(&at.strengths)
    })?;
    section(out, "legitimate changes that alerted", budgets, |at| {
        shares(&at.changes)
    })?;
    section(
        out,
        "false alerts, by what speaks most for each",
        budgets,
        |at| {
            let rules = at.false_alert_rules.iter();
            rules
                .map(|(rule, count)| (rule.as_str(), grouped(*count)))
                .collect()
        },
    )
}

/// What stands in a section's rows, by name.
type Cells<'m> = BTreeMap<&'m str, String>;

fn shares(shares: &BTreeMap<String, Share>) -> Cells<'_> {
    shares
        .iter()
        .map(|(name, it)| (name.as_str(), share(*it)))
        .collect()
}

fn section(
    out: &mut dyn Write,
    title: &str,
    budgets: &[AtBudget],
    cells: impl Fn(&AtBudget) -> Cells<'_>,
) -> io::Result<()> {
    let names: BTreeSet<&str> = budgets
        .iter()
        .flat_map(|at| cells(at).into_keys())
        .collect();
    if !names.is_empty() {
        writeln!(out, "\n{title}")?;
    }
    for name in names {
        let shown = match name {
            "" => "  not told".to_owned(),
            name => format!("  {}", escape::terminal(name)),
        };
        row(out, &shown, budgets, |at| {
            cells(at).remove(name).unwrap_or_else(none)
        })?;
    }
    Ok(())
}

fn row(
    out: &mut dyn Write,
    name: &str,
    budgets: &[AtBudget],
    value: impl Fn(&AtBudget) -> String,
) -> io::Result<()> {
    write!(out, "{name:<NAME_WIDTH$}")?;
    for at in budgets {
        write!(out, "{:>COLUMN_WIDTH$}", value(at))?;
    }
    writeln!(out)
}

fn none() -> String {
    "none".to_owned()
}

fn fraction(fraction: Option<f64>) -> String {
    fraction.map_or_else(none, |it| format!("{it:.3}"))
}

/// `7 of 8 (88 %)`.
fn share(share: Share) -> String {
    let percent = share.fraction().unwrap_or(0.0) * 100.0;
    format!("{} of {} ({percent:.0} %)", share.part, share.of)
}

fn span(seconds: f64) -> String {
    match seconds {
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}
