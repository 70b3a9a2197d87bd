//! Asking the cache for what will be read soon.
#![allow(unsafe_code, reason = "hints to the cache")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};

/// Bytes of a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE: usize = 64;

/// Asks for a line some way ahead of the one being read.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn prefetch_line(bytes: &[u8; LINE], ahead: usize) {
    // SAFETY: a prefetch never faults, wherever it points.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast::<i8>().wrapping_add(ahead));
    }
}

/// As [`prefetch_line`], into the second-level cache only.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn prefetch_far(bytes: &[u8; LINE], ahead: usize) {
    // SAFETY: a prefetch never faults, wherever it points.
    unsafe {
        _mm_prefetch::<_MM_HINT_T1>(bytes.as_ptr().cast::<i8>().wrapping_add(ahead));
    }
}

/// Asks for two lines some way ahead of those being read.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn prefetch_bytes(bytes: &[u8; 2 * LINE], ahead: usize) {
    for line in bytes.as_chunks().0 {
        prefetch_line(line, ahead);
    }
}

/// Asks for values that will be read soon.
pub(crate) fn prefetch<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((LINE / size_of::<T>().max(1)).max(1)) {
        // SAFETY: a prefetch never faults, and the address lies inside `values`.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}
