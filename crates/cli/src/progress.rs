//! The progress bar: bytes, events a second and the time left, on a terminal only.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the bar is drawn, in frames a second.
const DRAWS_PER_SECOND: u8 = 5;

/// What the user sees of the work while it goes on; or nothing.
pub struct Progress {
    bar: ProgressBar,
    events: Arc<AtomicU64>,
}

impl Progress {
    /// A bar up to that many bytes, or without an end when they are not known; nothing when it is
    /// not wanted or standard error is no terminal.
    pub fn new(is_wanted: bool, bytes: Option<u64>) -> Self {
        let events = Arc::new(AtomicU64::new(0));
        if !is_wanted || !std::io::stderr().is_terminal() {
            return Self {
                bar: ProgressBar::hidden(),
                events,
            };
        }
        let target = ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(bytes, target);
        let template = match bytes {
            Some(_) => "{bar:24} {bytes}/{total_bytes} {events_per_second} {eta} left",
            None => "{spinner} {bytes} {events_per_second}",
        };
        let counted = Arc::clone(&events);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.with_key(
                "events_per_second",
                move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                    let events = counted.load(Ordering::Relaxed) as f64;
                    let seconds = state.elapsed().as_secs_f64().max(0.001);
                    // The bar may stay without this number; there is nobody to tell.
                    let _ = write!(out, "{:.0} events/s", events / seconds);
                },
            ));
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, events }
    }

    /// That many bytes were read.
    pub fn bytes(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// That many records were read.
    pub fn events(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Takes the bar away, before anything else is said.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
