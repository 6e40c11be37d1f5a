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
