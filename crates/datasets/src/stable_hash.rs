//! Hashes that never change: the source of every split and of every random draw in this crate.

/// One step of the finaliser of splitmix64 (Steele, Lea and Flood 2014).
#[must_use]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A 64-bit hash of `key` and `seed` that is the same on every machine and in every release:
/// FNV-1a over the bytes, then the finaliser of splitmix64 with the seed.
///
/// # Examples
///
/// ```
/// use geoloc_datasets::stable_hash;
///
/// assert_eq!(stable_hash("paris", 1), stable_hash("paris", 1));
/// assert_ne!(stable_hash("paris", 1), stable_hash("paris", 2));
/// ```
#[must_use]
pub fn stable_hash(key: &str, seed: u64) -> u64 {
    let fnv = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mix(fnv ^ mix(seed))
}

/// `hash` as a number in [0, 1), from its upper 53 bits.
#[must_use]
pub(crate) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// A stream of random numbers that is a pure function of its seeds.
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Draws {
    /// The stream of `seed` and `index`.
    pub(crate) fn new(seed: u64, index: u64) -> Self {
        Self(mix(seed) ^ mix(index.wrapping_mul(0xd1b5_4a32_d192_ed03)))
    }

    /// The next number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        unit(mix(self.0))
    }

    /// The next number in [-1, 1).
    pub(crate) fn signed(&mut self) -> f64 {
        2.0 * self.unit() - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_frozen() {
        // Changing these values would move every item of every split ever made.
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(stable_hash("", 0), mix(0xcbf2_9ce4_8422_2325 ^ mix(0)));
    }

    #[test]
    fn draws_fill_the_unit_interval_evenly() {
        let mut bins = [0_u32; 10];
        for index in 0..10_000 {
            let value = Draws::new(7, index).unit();
            bins[(value * 10.0) as usize] += 1;
        }
        // Binomial with mean 1000 and deviation 30: five deviations.
        assert!(bins.iter().all(|&b| (850..1150).contains(&b)), "{bins:?}");
    }
}
