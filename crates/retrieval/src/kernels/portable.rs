//! Plain Rust, for every machine; defines what the others must equal.

/// The score: f64 products in 16 running sums (column j into sum j mod 16), the sums added as a
/// balanced tree, rounded once to f32.
///
/// A product of two f32 is exact in f64, so a fused multiply-add gives the same sums, and any machine
/// that keeps this order gives the same score.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot64(a, b) as f32
}

/// [`dot`] before the last rounding.
pub(crate) fn dot64(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0f64; 16];
    let (a16, a_rest) = a.as_chunks::<16>();
    let (b16, b_rest) = b.as_chunks::<16>();
    for (x, y) in a16.iter().zip(b16) {
        for ((s, &p), &q) in sums.iter_mut().zip(x).zip(y) {
            *s += f64::from(p) * f64::from(q);
        }
    }
    for ((s, &p), &q) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *s += f64::from(p) * f64::from(q);
    }
    let mut width = 8;
    while width > 0 {
        let (low, high) = sums.split_at_mut(width);
        for (l, h) in low.iter_mut().zip(high) {
            *l += *h;
        }
        width /= 2;
    }
    sums[0]
}
