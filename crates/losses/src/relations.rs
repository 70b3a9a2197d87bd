//! Which items of a batch show the same place.

use burn::tensor::{Bool, Device, Tensor, TensorData};
use geoloc_core::{TargetEncoder, TargetError};
use geoloc_geo_cells::{LatLng, haversine_km};

/// Positive and negative pairs of a batch; a pair that is neither is left out.
#[derive(Clone, Debug)]
pub struct PairRelations {
    /// `[batch, batch]`, true where two items show the same place; never on the diagonal.
    pub positive: Tensor<2, Bool>,
    /// `[batch, batch]`, true where two items show different places.
    pub negative: Tensor<2, Bool>,
}

impl PairRelations {
    /// Pairs of the same label are positive, all others negative.
    #[must_use]
    pub fn from_labels(labels: &[u64], device: &Device) -> Self {
        let related = |i: usize, j: usize| labels.get(i) == labels.get(j);
        Self::from_fn(labels.len(), related, |i, j| !related(i, j), device)
    }

    fn from_fn(
        n: usize,
        positive: impl Fn(usize, usize) -> bool,
        negative: impl Fn(usize, usize) -> bool,
        device: &Device,
    ) -> Self {
        let matrix = |relation: &dyn Fn(usize, usize) -> bool| {
            let values: Vec<bool> = (0..n * n)
                .map(|k| (k / n, k % n))
                .map(|(i, j)| i != j && relation(i, j))
                .collect();
            Tensor::from_data(TensorData::new(values, [n, n]), device)
        };
        Self {
            positive: matrix(&positive),
            negative: matrix(&negative),
        }
    }
}

/// Pairs near each other are positive, pairs far from each other negative; between the two radii
/// they are left out. The place recognition benchmarks take 10 m and 25 m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistanceRelations {
    /// Largest distance of a positive pair, in km.
    pub positive_km: f64,
    /// Smallest distance of a negative pair, in km.
    pub negative_km: f64,
}

impl TargetEncoder for DistanceRelations {
    type Target = PairRelations;

    /// Never fails.
    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<PairRelations, TargetError> {
        let km = |i: usize, j: usize| match (truth.get(i), truth.get(j)) {
            (Some(&a), Some(&b)) => haversine_km(a, b),
            _ => f64::NAN,
        };
        Ok(PairRelations::from_fn(
            truth.len(),
            |i, j| km(i, j) <= self.positive_km,
            |i, j| km(i, j) > self.positive_km && km(i, j) >= self.negative_km,
            device,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_decide() {
        let places = [(0.0, 0.0), (0.0, 0.01), (0.0, 0.05), (0.0, 180.0)]
            .map(|(lat, lng)| LatLng::new(lat, lng).unwrap());
        let relations = DistanceRelations {
            positive_km: 2.0,
            negative_km: 5.0,
        };
        let pairs = relations.encode(&places, &Device::flex()).unwrap();
        let bools = |t: Tensor<2, Bool>| t.into_data().try_to_vec::<bool>().unwrap();
        let positive = bools(pairs.positive);
        let negative = bools(pairs.negative);
        let expected: Vec<usize> = vec![1, 4];
        let at = |v: &[bool]| (0..16).filter(|&k| v[k]).collect::<Vec<_>>();
        assert_eq!(at(&positive), expected);
        // 1.1 km is positive, 4.4 km is neither, the rest negative.
        assert_eq!(at(&negative), [2, 3, 7, 8, 11, 12, 13, 14]);
    }
}
