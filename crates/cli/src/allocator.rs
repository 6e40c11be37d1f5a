//! Where memory comes from.
//!
//! A record is a handful of small texts that live as long as it is read, and a day is a great many small tables that
//! go at once when the day is judged. glibc spends more on both than jemalloc does, and lets what is free lie about.

/// jemalloc, for everything in the process.
#[cfg(target_os = "linux")]
#[global_allocator]
static JEMALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Pages that were free for a quarter of a second go back to the system when memory is next asked for or given back: a
/// day that was just judged must not stand beside the next one for long, since the bounds of memory that are documented
/// are those of the process. Given back at once they are taken anew at once: a replay of KMS records alone then has twice
/// as many page faults, and its threads wait for each other.
#[cfg(target_os = "linux")]
// SAFETY: jemalloc reads a pointer to a text that ends with a zero under this name, once, before anything is
// allocated; a reference to a static array is that.
#[expect(
    unsafe_code,
    reason = "jemalloc is configured by a name that it looks for"
)]
#[unsafe(export_name = "malloc_conf")]
static JEMALLOC_CONFIGURATION: &[u8; 36] = b"dirty_decay_ms:250,muzzy_decay_ms:0\0";
