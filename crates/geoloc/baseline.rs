//! What every method should be compared with.

use crate::core::{LocateError, Locator, Photo};
use crate::geo_cells::{CellLocation, Estimate, LatLng, haversine_km};

/// Answers the same place for every photo.
#[derive(Clone, Debug)]
pub struct ConstantLocator {
    estimate: Estimate,
}

impl ConstantLocator {
    /// The geometric median of the training places: no other constant has a lower mean distance to
    /// them. The radius is the one about it that holds half of them.
    ///
    /// Returns `None` without places.
    #[must_use]
    pub fn geometric_median(training: &[LatLng]) -> Option<Self> {
        let location = CellLocation::GeometricMedian.of(training)?;
        let mut distances: Vec<f64> = training
            .iter()
            .map(|&p| haversine_km(location, p))
            .collect();
        distances.sort_by(f64::total_cmp);
        let radius50_km = *distances.get((distances.len() - 1) / 2)?;
        Some(Self {
            estimate: Estimate {
                location,
                radius50_km,
                probability: None,
                candidates: Vec::new(),
            },
        })
    }
}

impl Locator for ConstantLocator {
    fn name(&self) -> &'static str {
        "constant"
    }

    fn locate(&self, photos: &[Photo]) -> Vec<Result<Estimate, LocateError>> {
        photos.iter().map(|_| Ok(self.estimate.clone())).collect()
    }
}
