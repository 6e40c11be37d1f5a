//! Work on many items by several threads, with the results in the items' order.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::threads::Threads;

/// Parts of one item that wait to be merged, at most; then its worker waits.
const PARTS_WAITING_MAX: usize = 4;
/// Items that are done or under way ahead of the merge, at most, for each thread.
const ITEMS_AHEAD_PER_THREAD: usize = 4;

/// Takes a part of an item; breaks when nobody wants more.
pub type Emit<'e, T> = dyn FnMut(T) -> ControlFlow<()> + 'e;

/// Calls `work` for the items 0 to `count`, on these threads with a state each, and `merge` on
/// this thread with the parts that `work` emits: in the order of the items, and within an item in
/// the order they were emitted. So what `merge` sees does not depend on the number of threads.
/// Whatever the number of items, a bounded number of parts is in memory.
///
/// # Errors
/// The first error of `merge`; nothing is merged after it.
pub fn ordered<S, T: Send>(
    count: usize,
    threads: &Threads,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize, &mut Emit<'_, T>) + Sync,
    mut merge: impl FnMut(usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Some(pool) = threads.pool().filter(|_| count > 1) else {
        return one_by_one(count, &mut state(), work, merge);
    };
    let threads = threads.number().min(count);
    let (announce, announced) = sync_channel(threads * ITEMS_AHEAD_PER_THREAD);
    let queue = Arc::new(Mutex::new(Queue { next: 0, announce }));
    pool.in_place_scope(|scope| {
        for _ in 0..threads {
            let (queue, state, work) = (Arc::clone(&queue), &state, &work);
            scope.spawn(move |_| {
                let mut state = state();
                while let Some((item, parts)) = take(&queue, count) {
                    work(&mut state, item, &mut |part| match parts.send(part) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(_) => ControlFlow::Break(()),
                    });
                }
            });
        }
        // Only the workers may hold the queue: when the last one is gone, so is the channel.
        drop(queue);
        let mut result = Ok(());
        for item in 0..count {
            // Nobody is left to announce when every worker panicked; the scope passes that on.
            let Ok(parts) = announced.recv() else { break };
            result = parts.into_iter().try_for_each(|part| merge(item, part));
            if result.is_err() {
                break;
            }
        }
        drop(announced);
        result
    })
}

/// The next item, and where to announce its parts.
struct Queue<T> {
    next: usize,
    announce: SyncSender<Receiver<T>>,
}

/// Takes the next item. Taking and announcing are one step, so that the announcements come in the
/// items' order; while too many items are ahead, everybody waits here.
fn take<T>(queue: &Mutex<Queue<T>>, count: usize) -> Option<(usize, SyncSender<T>)> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let item = queue.next;
    if item >= count {
        return None;
    }
    let (send, receive) = sync_channel(PARTS_WAITING_MAX);
    queue.announce.send(receive).ok()?;
    queue.next += 1;
    Some((item, send))
}

fn one_by_one<S, T>(
    count: usize,
    state: &mut S,
    work: impl Fn(&mut S, usize, &mut Emit<'_, T>),
    mut merge: impl FnMut(usize, T) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for item in 0..count {
        let mut result = Ok(());
        work(state, item, &mut |part| {
            if result.is_ok() {
                result = merge(item, part);
            }
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        result?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use keytrail_detect::engine::Workers as _;

    use super::*;

    /// Merges item × 10 + part, with items of very different sizes, up to an error after `limit` parts.
    fn run(threads: &Threads, limit: usize) -> (Vec<usize>, bool) {
        let mut merged = Vec::new();
        let result = ordered(
            50,
            threads,
            || (),
            |(), item, emit| {
                for part in 0..(item * 7) % 10 {
                    if item % 5 == 0 {
                        std::thread::yield_now();
                    }
                    if emit(item * 10 + part).is_break() {
                        return;
                    }
                }
            },
            |item, part| {
                anyhow::ensure!(merged.len() < limit, "enough");
                assert_eq!(item, part / 10);
                merged.push(part);
                Ok(())
            },
        );
        (merged, result.is_ok())
    }

    fn threads(number: usize) -> Threads {
        Threads::new(number).unwrap()
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        let expected = run(&threads(1), usize::MAX);
        assert!(expected.1 && expected.0.is_sorted() && expected.0.len() == 225);
        for number in [2, 3, 8, 100] {
            assert_eq!(run(&threads(number), usize::MAX), expected);
        }
    }

    #[test]
    fn an_error_ends_it_and_the_threads_go_on() {
        let all = run(&threads(1), usize::MAX);
        let expected = run(&threads(1), 30);
        assert!(!expected.1 && expected.0.len() == 30);
        for number in [2, 8] {
            let threads = threads(number);
            assert_eq!(run(&threads, 30), expected);
            let squares = threads.each((0..10).collect(), |item: u64| item * item);
            assert!(squares.into_iter().eq((0..10).map(|item| item * item)));
            assert_eq!(run(&threads, usize::MAX), all);
        }
    }
}
