//! Having the C library give memory back.

/// Has free memory of a mebibyte and more given back to the system. Unless told, glibc keeps for itself what large
/// days took, and that again for every thread. Other C libraries have no such setting.
pub fn give_back_early() {
    #[cfg(target_env = "gnu")]
    {
        const KEPT_BYTES_MAX: libc::c_int = 1 << 20;
        // SAFETY: it sets a number of the allocator, and no thread has been started yet. Where it is refused,
        // memory is kept as before.
        let _ = unsafe { libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES_MAX) };
    }
}

/// Gives the system back all that is free, wherever it lies: what one thread has let go of is of no use to another, and
/// stays taken between what still stands. To be called where much has just gone.
pub fn give_back_now() {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: it takes no pointer, changes nothing that is in use, and may be called at any time by any thread.
        let _ = unsafe { libc::malloc_trim(0) };
    }
}
