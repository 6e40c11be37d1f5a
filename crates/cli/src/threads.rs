//! The threads of a run: they read files, and judge accounts where a day ends.
//!
//! Those of a replay in memory are the same from the first file to the last. An allocator keeps what is free for each thread, and what one
//! that ended had is of no use to the others, so that reading and judging on threads of their own take memory twice.

use anyhow::Context as _;
use keytrail_detect::engine::Workers;
use rayon::ThreadPool;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

/// Accounts taken up together, for each thread: more would even out accounts of different sizes better, and keep more
/// plans in memory.
const ACCOUNTS_PER_THREAD: usize = 2;
/// Accounts taken up together at most, however many threads there are: each has a plan in memory.
const ACCOUNTS_AT_ONCE_MAX: usize = 16;

/// Some threads; the calling thread where one is enough.
pub struct Threads(Option<ThreadPool>);

impl Threads {
    /// So many threads.
    ///
    /// # Errors
    /// When the system starts no more threads.
    pub fn new(threads: usize) -> anyhow::Result<Self> {
        if threads <= 1 {
            return Ok(Self(None));
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("keytrail-{index}"))
            .build()
            .context("cannot start threads")?;
        Ok(Self(Some(pool)))
    }

    /// How many.
    pub fn number(&self) -> usize {
        self.0.as_ref().map_or(1, ThreadPool::current_num_threads)
    }

    /// The threads beside the calling one; `None` where that does all.
    pub const fn pool(&self) -> Option<&ThreadPool> {
        self.0.as_ref()
    }
}

impl Workers for Threads {
    fn count(&self) -> usize {
        match &self.0 {
            Some(_) => (self.number() * ACCOUNTS_PER_THREAD).min(ACCOUNTS_AT_ONCE_MAX),
            None => 1,
        }
    }

    fn each<T: Send, R: Send>(&self, items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
        match &self.0 {
            Some(pool) if items.len() > 1 => {
                pool.install(|| items.into_par_iter().map(&work).collect())
            }
            _ => items.into_iter().map(work).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_items_order() {
        for threads in [1, 2, 50] {
            let pool = Threads::new(threads).unwrap();
            let squares = pool.each((0..100).collect(), |item: u64| item * item);
            assert!(squares.into_iter().eq((0..100).map(|item| item * item)));
            assert!((1..=ACCOUNTS_AT_ONCE_MAX).contains(&pool.count()));
        }
    }
}
