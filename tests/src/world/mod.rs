//! A world that one seed decides: accounts and their life, trails and their deliveries, and everything
//! that goes wrong between a delivery and a finding.
//!
//! The world is streamed through the executor in an order of chance, with deliveries that come twice,
//! late, divided and joined, with store calls that fail before or after they worked, with processes
//! that end in the middle and with folds that begin anew under live traffic. What must hold is checked
//! after every step and at the end; the end is compared with a plain replay of the same files.

mod chance;
mod check;
mod delivery;
mod life;
mod publisher;
mod records;
mod stream;

pub use chance::Chance;

use delivery::File;

/// What one seed makes.
#[derive(Debug)]
pub struct World {
    seed: u64,
    /// Files in the order of their stamps, each once.
    files: Vec<File>,
    /// Steps in the order they happen.
    steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// This file is delivered, perhaps not for the first time.
    Deliver(usize),
    /// The clock ticks, as far as the deliveries that wait let it.
    Tick,
    /// Pending findings are sent.
    Publish,
    /// Somebody asks for everything to be folded again.
    Rebuild,
}

/// What a world came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files delivered, repetitions included.
    pub deliveries: usize,
    /// Store calls that were made to fail.
    pub faults: usize,
    /// Findings that stood at the end.
    pub findings: usize,
    /// Days that were folded again.
    pub refolds: usize,
    /// Findings that were published provisionally and withdrawn.
    pub withdrawn: usize,
    /// Records that were late or from the future.
    pub untimely: u64,
}

impl Outcome {
    /// Adds what another world came to.
    pub const fn add(&mut self, other: &Self) {
        self.deliveries += other.deliveries;
        self.faults += other.faults;
        self.findings += other.findings;
        self.refolds += other.refolds;
        self.withdrawn += other.withdrawn;
        self.untimely += other.untimely;
    }
}

impl World {
    /// The world of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let life = life::live(&mut chance);
        let files = delivery::deliver(&life, &mut chance);
        let steps = stream::steps(&files, &mut chance);
        Self { seed, files, steps }
    }

    /// Runs it, and says what it came to or what did not hold.
    ///
    /// # Errors
    /// What did not hold, with the command that shows it again.
    pub fn run(&self) -> Result<Outcome, String> {
        stream::Stream::new(self).run().map_err(|what| {
            format!(
                "seed {}: {what}\nto see it again: cargo xtask simulate-faults --seed {}",
                self.seed, self.seed
            )
        })
    }
}
