//! The store in memory passes the suite, at once and call by call.

use keytrail_store::MemoryStore;
use keytrail_store::conformance;
use keytrail_store::faulty::{Commits, Faulty};

#[test]
fn memory_conforms() {
    pollster::block_on(conformance::all(async || MemoryStore::default()));
}

/// A store without transactions does what the suite asks, by the order of its calls alone.
#[test]
fn commits_in_order_conform() {
    let make = async || Faulty::new(MemoryStore::default(), Commits::InOrder, None);
    pollster::block_on(conformance::parts(make));
}

#[test]
fn memory_behaves_like_itself_for_many_seeds() {
    for seed in 100..200 {
        let store = MemoryStore::default();
        pollster::block_on(conformance::model::behaves_like_memory(&store, seed, 100));
    }
}
