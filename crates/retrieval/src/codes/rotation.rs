//! A fixed random rotation: signs and Walsh-Hadamard transforms.

/// An orthogonal map of vectors of one dimension, the same in every program.
///
/// Two rounds of random signs, a Hadamard transform of the first 2^m columns, signs, and one of the
/// last 2^m columns, where 2^m is the largest power of two that fits: any dimension, no padding,
/// O(dim log dim).
#[derive(Debug, Clone)]
pub(crate) struct Rotation {
    block: usize,
    signs: [Vec<f32>; 4],
}

impl Rotation {
    pub(crate) fn new(dim: usize) -> Self {
        let mut state = 0x9E37_79B9_7F4A_7C15u64;
        let mut sign = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state >> 40 & 1 == 1 { 1.0 } else { -1.0 }
        };
        let block = if dim == 0 { 0 } else { 1 << dim.ilog2() };
        Self {
            block,
            signs: std::array::from_fn(|_| (0..dim).map(|_| sign()).collect()),
        }
    }

    pub(crate) fn apply(&self, x: &mut [f32]) {
        let from = x.len().saturating_sub(self.block);
        for (round, signs) in self.signs.iter().enumerate() {
            for (v, s) in x.iter_mut().zip(signs) {
                *v *= s;
            }
            hadamard(if round % 2 == 0 {
                &mut x[..self.block]
            } else {
                &mut x[from..]
            });
        }
    }
}

/// The orthonormal Walsh-Hadamard transform of a power of two of values.
fn hadamard(x: &mut [f32]) {
    let mut half = 1;
    while half < x.len() {
        for pair in x.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = 1.0 / (x.len().max(1) as f32).sqrt();
    for v in x {
        *v *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_inner_products() {
        for dim in [1usize, 2, 3, 8, 12, 100, 128, 200] {
            let a: Vec<f32> = (0..dim).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..dim).map(|i| (i as f32 * 1.3).cos()).collect();
            let before: f32 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            let rotation = Rotation::new(dim);
            let (mut ra, mut rb) = (a.clone(), b.clone());
            rotation.apply(&mut ra);
            rotation.apply(&mut rb);
            let after: f32 = ra.iter().zip(&rb).map(|(x, y)| x * y).sum();
            assert!((before - after).abs() < 1e-4, "{dim}: {before} {after}");
            assert!(dim < 8 || ra != a);
        }
    }
}
