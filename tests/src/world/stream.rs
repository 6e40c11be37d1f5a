//! The world as a stream: deliveries, ticks and publishing, each tried again until it works.

use std::collections::BTreeMap;

use keytrail_detect::configuration::Configuration;
use keytrail_store::executor::{ExecuteError, Executor};
use keytrail_store::faulty::{Commits, Ending, Fault, Faulty, Moment};
use keytrail_store::{MemoryStore, StoreError};
use pollster::block_on;

use super::chance::Chance;
use super::check::{Checks, end};
use super::delivery::File;
use super::life::ACCOUNTS;
use super::publisher::Publisher;
use super::records::moment;
use super::{Outcome, Step, World};

/// Failures of one step after which the step is a loop: each fault fires once.
const FAILURES_MAX: usize = 20;

/// In which order things happen: files as they arrive, some twice, with ticks between them.
pub(super) fn steps(files: &[File], chance: &mut Chance) -> Vec<Step> {
    let mut order: Vec<(i64, usize)> = files
        .iter()
        .enumerate()
        .map(|(index, file)| (file.arrival, index))
        .collect();
    for (index, file) in files.iter().enumerate() {
        if chance.percent(5) {
            let again = file.arrival + chance.between(0, 2 * 86_400);
            order.push((again, index));
        }
    }
    order.sort_unstable();
    let mut steps = Vec::new();
    let ticks = chance.between(5, 40) as usize;
    for (_, index) in order {
        steps.push(Step::Deliver(index));
        if chance.percent(ticks) {
            steps.push(Step::Tick);
        }
        if chance.percent(10) {
            steps.push(Step::Publish);
        }
        if chance.below(400) == 0 {
            steps.push(Step::Rebuild);
        }
    }
    steps
}

pub(super) struct Stream<'w> {
    world: &'w World,
    chance: Chance,
    store: Faulty<MemoryStore>,
    configuration: Configuration,
    publisher: Publisher,
    checks: Checks,
    /// Seconds after the start of the world: no delivery that came before this waits.
    now: i64,
    outcome: Outcome,
}

impl<'w> Stream<'w> {
    pub fn new(world: &'w World) -> Self {
        let mut chance = Chance::of(world.seed ^ 0x5eed);
        let commits = *chance.one_of(&[Commits::AsTheStore, Commits::InOrder]);
        Self {
            world,
            chance,
            store: Faulty::new(MemoryStore::default(), commits, None),
            configuration: Configuration::default(),
            publisher: Publisher::default(),
            checks: Checks::default(),
            now: 0,
            outcome: Outcome::default(),
        }
    }

    pub fn run(mut self) -> Result<Outcome, String> {
        for step in &self.world.steps {
            match step {
                Step::Deliver(index) => self.deliver(&self.world.files[*index])?,
                Step::Tick => self.tick()?,
                Step::Publish => self.publish()?,
                Step::Rebuild => {
                    let account = ACCOUNTS[self.chance.below(ACCOUNTS.len())];
                    self.until_it_works(|executor| block_on(executor.rebuild(account)))?;
                    self.checks.forget_scores();
                }
            }
        }
        let newest = self.world.files.iter().map(|file| file.stamp).max();
        self.now = self.now.max(newest.unwrap_or(0)) + 3 * 3_600;
        self.tick()?;
        self.publish()?;
        let executor = Executor::new(self.store.inner(), &self.configuration);
        self.outcome.findings = end(&executor, &self.world.files, moment(self.now))?;
        self.publisher.everything_was_sent(&executor)?;
        self.outcome.withdrawn = self.publisher.withdrawn();
        self.outcome.untimely = self.checks.untimely();
        Ok(self.outcome)
    }

    fn deliver(&mut self, file: &File) -> Result<(), String> {
        self.now = self.now.max(file.arrival);
        self.outcome.deliveries += 1;
        let tally = file.tally()?;
        self.checks.delivered(file, &tally);
        // The parts of a delivery can be taken in by several at once, in any order.
        let mut parts = if self.chance.percent(20) {
            tally.split(3)
        } else {
            vec![tally]
        };
        self.chance.shuffle(&mut parts);
        for part in parts {
            for ((account, day), tally) in part.into_account_days() {
                self.until_it_works(|executor| {
                    let days = BTreeMap::from([(day, tally.clone())]);
                    block_on(executor.absorb(&account, days)).map(|_| ())
                })?;
            }
        }
        if self.chance.percent(3) {
            let executor = Executor::new(self.store.inner(), &self.configuration);
            self.checks.counts(&executor, file.account)?;
        }
        Ok(())
    }

    fn tick(&mut self) -> Result<(), String> {
        let clock = moment(self.now);
        for account in ACCOUNTS {
            let mut refolded = false;
            loop {
                let mut unfinished = false;
                self.until_it_works(|executor| {
                    let ticked = block_on(executor.tick(account, clock))?;
                    unfinished = ticked.is_unfinished;
                    refolded |= ticked.refolded.is_some();
                    Ok(())
                })?;
                if !unfinished {
                    break;
                }
            }
            self.outcome.refolds += usize::from(refolded);
            let executor = Executor::new(self.store.inner(), &self.configuration);
            self.checks.scores(&executor, account, refolded)?;
        }
        Ok(())
    }

    fn publish(&mut self) -> Result<(), String> {
        for _ in 0..FAILURES_MAX {
            self.arm();
            match block_on(self.publisher.publish(&self.store)) {
                Ok(()) => return Ok(()),
                Err(StoreError::Unavailable { .. }) => self.outcome.faults += 1,
                Err(error) => return Err(error.to_string()),
            }
        }
        Err("publishing never ends".to_owned())
    }

    fn arm(&mut self) {
        let fault = self.chance.percent(15).then(|| Fault {
            call: 1 + self.chance.below(20) as u64,
            moment: *self.chance.one_of(&[Moment::Before, Moment::After]),
            ending: Ending::Error,
        });
        self.store.arm(fault);
    }

    /// Makes a step by a new process each time, until one of them comes to the end.
    fn until_it_works(
        &mut self,
        mut step: impl FnMut(&Executor<'_, Faulty<MemoryStore>>) -> Result<(), ExecuteError>,
    ) -> Result<(), String> {
        let days_a_tick = *self.chance.one_of(&[1, 2, usize::MAX]);
        for _ in 0..FAILURES_MAX {
            self.arm();
            let executor = Executor::new(&self.store, &self.configuration).days_a_tick(days_a_tick);
            match step(&executor) {
                Ok(()) => return Ok(()),
                Err(ExecuteError::Store(StoreError::Unavailable { .. })) => {
                    self.outcome.faults += 1;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Err("a step never ends".to_owned())
    }
}
