//! Runs seeded worlds until one shows what must not be: `cargo xtask simulate-faults`.

use std::io::Write as _;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use keytrail_tests::world::{Outcome, World};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [first, count, until] = &arguments[..] else {
        return usage();
    };
    let (Ok(first), Ok(count)) = (first.parse::<u64>(), count.parse::<u64>()) else {
        return usage();
    };
    let ends_at_first = until == "first";
    let next = AtomicU64::new(first);
    let failures = Mutex::new(Vec::new());
    let sum = Mutex::new(Outcome::default());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_enough = ends_at_first && failures.lock().is_ok_and(|f| !f.is_empty());
                    if seed >= first + count || is_enough {
                        return;
                    }
                    // What fails by a panic has failed as well, and its message stands above.
                    match catch_unwind(|| World::of(seed).run()) {
                        Ok(Ok(outcome)) => add(&sum, &outcome),
                        Ok(Err(what)) => note(&failures, what),
                        Err(_) => note(&failures, format!("seed {seed}: it panicked")),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_default();
    let sum = sum.into_inner().unwrap_or_default();
    let mut out = std::io::stdout().lock();
    for failure in &failures {
        let _ = writeln!(out, "{failure}\n");
    }
    let _ = writeln!(
        out,
        "{count} worlds from seed {first}: {} failed; {} deliveries, {} store calls failed, {} days folded again, {} findings, {} withdrawn, {} records late or from the future",
        failures.len(),
        sum.deliveries,
        sum.faults,
        sum.refolds,
        sum.findings,
        sum.withdrawn,
        sum.untimely
    );
    if failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(
        std::io::stderr(),
        "usage: simulate-faults FIRST-SEED COUNT all|first (run all, or end at the first that fails)"
    );
    ExitCode::FAILURE
}

fn note(failures: &Mutex<Vec<String>>, what: String) {
    if let Ok(mut failures) = failures.lock() {
        failures.push(what);
    }
}

fn add(sum: &Mutex<Outcome>, outcome: &Outcome) {
    if let Ok(mut sum) = sum.lock() {
        sum.add(outcome);
    }
}
