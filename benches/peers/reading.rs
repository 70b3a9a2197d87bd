//! How fast one core reads memory: the sum of its 64-bit words, by the fastest of several ways.

use memmap2::MmapMut;

/// Memory like that of an index: anonymous, on huge pages where the system has them.
pub(crate) struct Array {
    size: usize,
    map: MmapMut,
}

impl Array {
    pub(crate) fn new(size: usize) -> std::io::Result<Self> {
        let mut map = MmapMut::map_anon(size.next_multiple_of(8 * LINE))?;
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        map.fill(3);
        Ok(Self { size, map })
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The least time by a clock, and how it was reached.
    pub(crate) fn read(&self, clock: fn() -> f64) -> Result<(f64, String), String> {
        let expected = (self.map.len() as u64 / 8).wrapping_mul(0x0303_0303_0303_0303);
        let mut best = (f64::MAX, String::new());
        for ahead in [0, 1024, 4096, 8192] {
            for (name, sum) in WAYS {
                let start = clock();
                let Some(total) = sum(&self.map, ahead) else {
                    continue;
                };
                let seconds = clock() - start;
                if total != expected {
                    return Err(format!("{name}: the sum is wrong"));
                }
                if seconds < best.0 {
                    best = (seconds, format!("{name}, asking {ahead} bytes ahead"));
                }
            }
        }
        Ok(best)
    }
}

/// A way to add up words, asking the cache for some bytes ahead; `None` if the machine lacks it.
type Sum = fn(&[u8], usize) -> Option<u64>;

const WAYS: [(&str, Sum); 3] = [
    ("plain", |bytes, ahead| Some(sum_words(bytes, ahead))),
    ("AVX2", sum_avx2),
    ("AVX-512", sum_avx512),
];

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Eight running sums of eight words; what is left of a last eight lines is not read.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "compiled anew with the caller's instructions"
)]
fn sum_words(bytes: &[u8], ahead: usize) -> u64 {
    let mut sums = [[0u64; 8]; 8];
    for lines in bytes.as_chunks::<{ 8 * LINE }>().0 {
        if ahead > 0 {
            for line in lines.as_chunks::<LINE>().0 {
                prefetch(line.as_ptr().wrapping_add(ahead));
            }
        }
        for (sums, line) in sums.iter_mut().zip(lines.as_chunks::<LINE>().0) {
            for (sum, word) in sums.iter_mut().zip(line.as_chunks::<8>().0) {
                *sum = sum.wrapping_add(u64::from_le_bytes(*word));
            }
        }
    }
    sums.as_flattened()
        .iter()
        .fold(0, |a, b| a.wrapping_add(*b))
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "one instruction")]
fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "a hint to the cache")]
    // SAFETY: a prefetch never faults, wherever it points.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

fn sum_avx2(bytes: &[u8], ahead: usize) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn sum(bytes: &[u8], ahead: usize) -> u64 {
            sum_words(bytes, ahead)
        }
        #[allow(unsafe_code, reason = "calls a function that needs AVX2")]
        // SAFETY: the condition has checked the feature.
        return is_x86_feature_detected!("avx2").then(|| unsafe { sum(bytes, ahead) });
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (bytes, ahead);
        None
    }
}

fn sum_avx512(bytes: &[u8], ahead: usize) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f")]
        fn sum(bytes: &[u8], ahead: usize) -> u64 {
            sum_words(bytes, ahead)
        }
        #[allow(unsafe_code, reason = "calls a function that needs AVX-512")]
        // SAFETY: the condition has checked the feature.
        return is_x86_feature_detected!("avx512f").then(|| unsafe { sum(bytes, ahead) });
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (bytes, ahead);
        None
    }
}
