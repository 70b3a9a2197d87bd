//! A normal density over vectors.

use serde::{Deserialize, Serialize};

/// Added to each variance, as a share of it.
const RIDGE: f64 = 0.01;

/// Mean, and the Cholesky factor of a covariance that is shrunk towards its diagonal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Density {
    mean: Vec<f32>,
    /// Lower triangle, row by row.
    factor: Vec<f32>,
}

impl Density {
    pub(super) fn dim(&self) -> usize {
        self.mean.len()
    }

    /// Whether the parts fit each other and are finite, and the factor can be solved with.
    pub(super) fn is_sound(&self) -> bool {
        let d = self.dim();
        let diagonal = |i: usize| self.factor.get(i * (i + 3) / 2);
        self.factor.len() == d * (d + 1) / 2
            && self.mean.iter().chain(&self.factor).all(|v| v.is_finite())
            && (0..d).all(|i| diagonal(i).is_some_and(|&v| v > 0.0))
    }

    /// The density of rows of one length; `None` without rows or if they are not finite.
    ///
    /// Of few rows the covariance counts less: it is shrunk by `d / (d + 10 n)` towards its diagonal.
    pub(super) fn fit(rows: &[Vec<f64>]) -> Option<Self> {
        let d = rows.first()?.len();
        let n = rows.len() as f64;
        let mut mean = vec![0.0; d];
        for row in rows {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += v / n);
        }
        let mut covariance = vec![0.0; d * (d + 1) / 2];
        for row in rows {
            let off: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| v - m).collect();
            let mut at = covariance.iter_mut();
            for (i, a) in off.iter().enumerate() {
                for (b, slot) in off.iter().take(i + 1).zip(at.by_ref()) {
                    *slot += a * b / n;
                }
            }
        }
        let shrink = d as f64 / (d as f64 + 10.0 * n);
        for i in 0..d {
            for j in 0..=i {
                let value = &mut covariance[i * (i + 1) / 2 + j];
                if i == j {
                    *value += RIDGE * *value + 1e-9;
                } else {
                    *value *= 1.0 - shrink;
                }
            }
        }
        let found = Self {
            mean: mean.iter().map(|&m| m as f32).collect(),
            factor: cholesky(covariance, d)?.iter().map(|&v| v as f32).collect(),
        };
        found.is_sound().then_some(found)
    }

    /// The Mahalanobis distance of a vector, divided by the root of its length.
    pub(super) fn distance(&self, row: &[f64]) -> f64 {
        let mut solved: Vec<f64> = Vec::with_capacity(row.len());
        let mut factor = self.factor.iter().map(|&v| f64::from(v));
        for (value, &mean) in row.iter().zip(&self.mean) {
            let known: f64 = solved.iter().zip(factor.by_ref()).map(|(s, f)| s * f).sum();
            // `zip` takes from `solved` first, so that the factor stands at the diagonal.
            let diagonal = factor.next().unwrap_or(1.0);
            solved.push((value - f64::from(mean) - known) / diagonal);
        }
        let squares: f64 = solved.iter().map(|s| s * s).sum();
        (squares / self.dim().max(1) as f64).sqrt()
    }
}

/// The lower factor of a packed positive definite matrix, in place.
fn cholesky(mut a: Vec<f64>, d: usize) -> Option<Vec<f64>> {
    let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
    for i in 0..d {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| a[at(i, k)] * a[at(j, k)]).sum();
            let rest = a[at(i, j)] - known;
            a[at(i, j)] = if i == j {
                (rest > 0.0).then(|| rest.sqrt())?
            } else {
                rest / a[at(j, j)]
            };
        }
    }
    Some(a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{mix, uniform};

    #[test]
    fn a_step_across_the_cloud_is_farther_than_one_along_it() {
        let rows: Vec<Vec<f64>> = (0..2000)
            .map(|i| {
                let [a, b] = [1, 2].map(|k| uniform(mix(i, k)) - 0.5);
                vec![5.0 + a + 0.1 * b, 2.0 + a - 0.1 * b, 7.0]
            })
            .collect();
        let density = Density::fit(&rows).unwrap();
        assert!(density.is_sound());
        let mean = rows.iter().map(|r| density.distance(r).powi(2));
        let mean = mean.sum::<f64>() / 2000.0;
        // Two of the three directions vary; along the narrow one the ridge adds half of the variance.
        assert!((mean - 5.0 / 9.0).abs() < 0.02, "{mean}");
        let (along, across) = ([5.4, 2.4, 7.0], [5.4, 1.6, 7.0]);
        assert!(density.distance(&across) > 2.0 * density.distance(&along));
        assert!(
            density.distance(&[5.0, 2.0, 7.1]) > 100.0,
            "a constant that changed"
        );
        assert!(Density::fit(&[]).is_none());
        assert!(Density::fit(&[vec![f64::NAN], vec![0.0]]).is_none());
    }
}
