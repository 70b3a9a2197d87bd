//! How fast one core reads memory: the sum of its 64-bit words, by the fastest of several ways.

use memmap2::MmapMut;

/// Memory like that of an index: anonymous, on huge pages where the system has them.
pub(crate) struct Array {
    size: usize,
    map: MmapMut,
    /// The fastest way of reading it, once known.
    way: Option<(usize, usize)>,
}

impl Array {
    pub(crate) fn new(size: usize) -> std::io::Result<Self> {
        let mut map = MmapMut::map_anon(size.next_multiple_of(8 * LINE))?;
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        map.fill(3);
        Ok(Self {
            size,
            map,
            way: None,
        })
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Seconds by a clock for reading it once, `None` if the machine lacks the way.
    fn timed(
        &self,
        (way, ahead): (usize, usize),
        clock: fn() -> f64,
    ) -> Result<Option<f64>, String> {
        let (name, sum) = WAYS[way];
        let expected = (self.map.len() as u64 / 8).wrapping_mul(0x0303_0303_0303_0303);
        let start = clock();
        match sum(&self.map, ahead) {
            None => Ok(None),
            Some(total) if total == expected => Ok(Some(clock() - start)),
            Some(_) => Err(format!("{name}: the sum is wrong")),
        }
    }

    /// The mean time of so many readings, in the way that was the fastest of all at first, and that way.
    pub(crate) fn read(
        &mut self,
        count: usize,
        clock: fn() -> f64,
    ) -> Result<(f64, String), String> {
        if self.way.is_none() {
            let mut best = (f64::MAX, (0, 0));
            for ahead in [0, 1024, 4096, 8192] {
                for way in 0..WAYS.len() {
                    for _ in 0..3 {
                        if let Some(seconds) = self.timed((way, ahead), clock)?
                            && seconds < best.0
                        {
                            best = (seconds, (way, ahead));
                        }
                    }
                }
            }
            self.way = Some(best.1);
        }
        let way = self.way.unwrap_or_default();
        let mut seconds = 0.0;
        for _ in 0..count {
            seconds += self.timed(way, clock)?.unwrap_or(f64::NAN);
        }
        let how = format!("{}, asking {} bytes ahead", WAYS[way.0].0, way.1);
        Ok((seconds / count as f64, how))
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
