//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! Householder reflections to tridiagonal form, then the QL algorithm with implicit shifts (Golub
//! and Van Loan, "Matrix Computations", sections 8.3.1 and 8.3.3), in f64.

/// Rounds of QL for each eigenvalue; two or three are usual.
const MOST_ROUNDS: usize = 50;

/// Eigenvalues in falling order and, row by row, their eigenvectors of length 1, of a symmetric
/// matrix `[n, n]`; none if the values are not finite.
pub(super) fn symmetric_eigen(mut matrix: Vec<f64>, n: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    if matrix.len() != n * n || !matrix.iter().all(|v| v.is_finite()) {
        return None;
    }
    // Rows of `basis` are turned along with the matrix; at the end they are the eigenvectors.
    let mut basis = vec![0.0; n * n];
    for i in 0..n {
        basis[i * n + i] = 1.0;
    }
    let (mut diagonal, mut side) = tridiagonal(&mut matrix, &mut basis, n);
    ql(&mut diagonal, &mut side, &mut basis, n)?;
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| diagonal[b].total_cmp(&diagonal[a]));
    let values = order.iter().map(|&i| diagonal[i]).collect();
    let rows = order.iter().flat_map(|&i| basis[i * n..(i + 1) * n].iter());
    Some((values, rows.copied().collect()))
}

/// The diagonal and the values beside it of the matrix in the turned basis.
fn tridiagonal(matrix: &mut [f64], basis: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    for k in 0..n.saturating_sub(2) {
        // Reflects column k below the diagonal onto its first value.
        let mut v: Vec<f64> = (k + 1..n).map(|i| matrix[i * n + k]).collect();
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if v.iter().skip(1).all(|&x| x == 0.0) {
            continue;
        }
        v[0] += length.copysign(v[0]);
        let square = v.iter().map(|x| x * x).sum::<f64>();
        let m = n - k - 1;
        // A <- (1 - b v v') A (1 - b v v'), b = 2 / v'v, by a rank-2 update.
        let b = 2.0 / square;
        let mut p: Vec<f64> = (0..m)
            .map(|i| {
                let row = &matrix[(k + 1 + i) * n + k + 1..(k + 2 + i) * n];
                b * dot(row, &v)
            })
            .collect();
        let half = b / 2.0 * dot(&p, &v);
        for (p, v) in p.iter_mut().zip(&v) {
            *p -= half * v;
        }
        for i in 0..m {
            let row = &mut matrix[(k + 1 + i) * n + k + 1..(k + 2 + i) * n];
            for ((a, vj), pj) in row.iter_mut().zip(&v).zip(&p) {
                *a -= v[i] * pj + p[i] * vj;
            }
        }
        let first = -length.copysign(matrix[(k + 1) * n + k]);
        matrix[(k + 1) * n + k] = first;
        for i in k + 2..n {
            matrix[i * n + k] = 0.0;
        }
        reflect_rows(&mut basis[(k + 1) * n..], &v, b, n);
    }
    let diagonal = (0..n).map(|i| matrix[i * n + i]).collect();
    let side = (1..n).map(|i| matrix[i * n + i - 1]).collect();
    (diagonal, side)
}

/// Applies the reflection to rows of the basis.
fn reflect_rows(rows: &mut [f64], v: &[f64], b: f64, n: usize) {
    let mut sums = vec![0.0; n];
    for (row, &v) in rows.chunks_exact(n).zip(v) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += v * x;
        }
    }
    for (row, &v) in rows.chunks_exact_mut(n).zip(v) {
        for (x, sum) in row.iter_mut().zip(&sums) {
            *x -= b * v * sum;
        }
    }
}

/// Turns neighbouring rows until nothing is left beside the diagonal.
fn ql(diagonal: &mut [f64], side: &mut Vec<f64>, basis: &mut [f64], n: usize) -> Option<()> {
    side.push(0.0);
    // What is small beside the largest values is a rounding error: where the matrix lacks rank, both
    // diagonal and side are nothing else, and never small beside each other.
    let values = diagonal.iter().zip(side.iter());
    let largest = values.fold(0.0_f64, |most, (d, s)| most.max(d.abs() + s.abs()));
    for l in 0..n {
        let mut rounds = 0;
        loop {
            let m = (l..n - 1)
                .find(|&m| side[m].abs() <= f64::EPSILON * largest)
                .unwrap_or(n - 1);
            if m == l {
                break;
            }
            rounds += 1;
            if rounds > MOST_ROUNDS {
                return None;
            }
            // Wilkinson's shift from the 2 x 2 block at the top.
            let g = (diagonal[l + 1] - diagonal[l]) / (2.0 * side[l]);
            let r = g.hypot(1.0);
            let mut g = diagonal[m] - diagonal[l] + side[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (l..m).rev() {
                let f = s * side[i];
                let b = c * side[i];
                let r = f.hypot(g);
                side[i + 1] = r;
                if r == 0.0 {
                    diagonal[i + 1] -= p;
                    side[m] = 0.0;
                    whole = false;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = diagonal[i + 1] - p;
                let r = (diagonal[i] - g) * s + 2.0 * c * b;
                p = s * r;
                diagonal[i + 1] = g + p;
                g = c * r - b;
                let (upper, lower) = basis[i * n..(i + 2) * n].split_at_mut(n);
                for (x, y) in upper.iter_mut().zip(lower) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
            if whole {
                diagonal[l] -= p;
                side[l] = g;
                side[m] = 0.0;
            }
        }
    }
    Some(())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::symmetric_eigen;

    #[test]
    fn eigenvectors_turn_the_matrix_into_its_eigenvalues() {
        for n in [1_usize, 2, 3, 17, 40] {
            // A covariance of n / 2 vectors: half of the eigenvalues are 0.
            let value = |i: usize, k: usize| ((i * 37 + k * 101) % 29) as f64 / 7.0 - 2.0;
            let rank = n.div_ceil(2);
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    matrix[i * n + j] = (0..rank).map(|k| value(i, k) * value(j, k)).sum();
                }
            }
            let (values, vectors) = symmetric_eigen(matrix.clone(), n).unwrap();
            assert!(values.is_sorted_by(|a, b| a >= b));
            let scale = 1.0 + values[0];
            for (a, row) in values.iter().zip(vectors.chunks(n)) {
                for i in 0..n {
                    let turned: f64 = (0..n).map(|j| matrix[i * n + j] * row[j]).sum();
                    assert!((turned - a * row[i]).abs() < 1e-11 * scale, "{n} {i}");
                }
            }
            for (i, a) in vectors.chunks(n).enumerate() {
                for (j, b) in vectors.chunks(n).enumerate() {
                    let dot: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((dot - expected).abs() < 1e-12, "{n} {i} {j} {dot}");
                }
            }
        }
    }

    /// A covariance of fewer rows than it has columns, as of a small gallery.
    #[test]
    fn matrices_that_lack_most_of_their_rank_are_solved() {
        let (n, rows) = (200, 50);
        // The finaliser of splitmix64 (Steele, Lea and Flood 2014), as numbers of -1/2 to 1/2.
        let x = |row: usize, i: usize| {
            let mut z = ((row * n + i) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                matrix[i * n + j] = (0..rows).map(|row| x(row, i) * x(row, j)).sum();
            }
        }
        let trace: f64 = (0..n).map(|i| matrix[i * n + i]).sum();
        let (values, _) = symmetric_eigen(matrix, n).unwrap();
        assert!((values.iter().sum::<f64>() - trace).abs() < 1e-12 * trace);
        assert!(values[rows..].iter().all(|v| v.abs() < 1e-12 * values[0]));
    }

    #[test]
    fn values_that_are_not_finite_are_refused() {
        assert!(symmetric_eigen(vec![f64::NAN], 1).is_none());
        assert!(symmetric_eigen(vec![1.0], 2).is_none());
    }
}
