//! The mode of samples from a flow.

use geoloc_core::{DecodeError, Decoder, PlaceMass, SphericalFlow, VelocityField, estimate_about};
use geoloc_geo_cells::{Candidate, Estimate, LatLng, haversine_km};

use super::FlowSampler;
use crate::rows::{check_finite, read_rows};
use crate::sphere::{Kernel, highest_mode, kappa_of};

/// Draws places from the flow and answers where they lie closest: the highest mode of their kernel
/// density, found by mean shift from every sample. Candidates are this mode and those of the samples
/// farther than two bandwidths from the modes before, most probable first; the probability of one is the
/// share of the samples about it, and that of the answer the share about the highest. Another
/// draw lies within the radius with probability one half.
///
/// With one sample the answer is that sample, as in the published figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowDecoder {
    /// How samples are drawn.
    pub sampler: FlowSampler,
    /// How many; 0 counts as 1.
    pub samples: usize,
    /// Width of the kernel along each axis, in km.
    pub bandwidth_km: f64,
    /// Number of modes to keep as candidates.
    pub keep: usize,
}

impl Default for FlowDecoder {
    fn default() -> Self {
        Self {
            sampler: FlowSampler::default(),
            samples: 32,
            bandwidth_km: 100.0,
            keep: 5,
        }
    }
}

impl FlowDecoder {
    pub(super) fn decode_row(&self, index: usize, row: &[f32]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        check_finite(index, row)?;
        let samples = row.chunks_exact(3).map(|sample| {
            let sample = <[f32; 3]>::try_from(sample).ok()?;
            LatLng::from_vector(sample.map(f64::from))
        });
        let samples: Vec<LatLng> = samples.collect::<Option<_>>().ok_or(not_finite)?;
        self.of_samples(index, &samples)
    }

    /// The answer for item `index` from places drawn for it, by this flow or otherwise.
    ///
    /// # Errors
    ///
    /// [`DecodeError::NotFinite`] without places.
    pub fn of_samples(&self, index: usize, samples: &[LatLng]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        let masses: Vec<PlaceMass> = samples
            .iter()
            .map(|&location| PlaceMass::at(location, 1.0, 0.0))
            .collect();
        let mut places = self.modes(&masses);
        let best = places.next().ok_or(not_finite.clone())?;
        let mut estimate =
            estimate_about(best.location, &masses, 0).ok_or_else(|| not_finite.clone())?;
        estimate.radius50_km = radius50_km(best.location, samples).ok_or(not_finite)?;
        estimate.probability = Some(best.probability / masses.len() as f64);
        // Shares of all samples, also of those that are in no candidate.
        let share = 1.0 / masses.len() as f64;
        estimate.candidates = std::iter::once(best)
            .chain(places)
            .take(self.keep)
            .map(|mode| Candidate {
                location: mode.location,
                probability: mode.probability * share,
                cell: None,
                class: None,
            })
            .collect();
        estimate
            .candidates
            .sort_by(|a, b| b.probability.total_cmp(&a.probability));
        Ok(estimate)
    }

    /// The highest mode with the number of samples about it, then that of the samples that are left, and
    /// so on.
    fn modes(&self, samples: &[PlaceMass]) -> impl Iterator<Item = PlaceMass> {
        let mut left = samples.to_vec();
        let (kappa, reach) = (kappa_of(self.bandwidth_km), 2.0 * self.bandwidth_km);
        std::iter::from_fn(move || {
            let kernels: Vec<Kernel> = left
                .iter()
                .map(|mass| Kernel {
                    mean: mass.location.to_unit_vector(),
                    weight: 1.0,
                    kappa,
                })
                .collect();
            let mode = highest_mode(&kernels, kernels.iter().map(|k| k.mean), 50)?;
            let before = left.len();
            left.retain(|mass| haversine_km(mass.location, mode.location) > reach);
            if left.len() == before {
                // A mode between samples that are far apart still takes one of them.
                let km = |mass: &PlaceMass| haversine_km(mass.location, mode.location);
                left.sort_by(|a, b| km(b).total_cmp(&km(a)));
                left.pop();
            }
            let taken = (before - left.len()) as f64;
            Some(PlaceMass::at(mode.location, taken, 0.0))
        })
    }
}

/// The distance that another draw lies within with probability one half: it is nearer than the k-th
/// nearest of n with probability k / (n + 1), and between two of them the distance is interpolated.
fn radius50_km(answer: LatLng, samples: &[LatLng]) -> Option<f64> {
    let mut km: Vec<f64> = samples.iter().map(|&s| haversine_km(answer, s)).collect();
    km.sort_by(f64::total_cmp);
    let (below, above) = (km.len().div_ceil(2).checked_sub(1)?, km.len() / 2);
    let above = *km.get(above.min(km.len() - 1))?;
    Some(f64::midpoint(*km.get(below)?, above))
}

impl<F: VelocityField> Decoder<SphericalFlow<F>> for FlowDecoder {
    /// # Errors
    ///
    /// The outer error if the sampler is out of range or the device fails.
    fn decode(
        &self,
        output: SphericalFlow<F>,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.sampler.check().map_err(|e| DecodeError::Search {
            reason: e.to_string(),
        })?;
        let samples = self.samples.max(1);
        let [batch, _] = output.condition.dims();
        let drawn = self.sampler.sample(&output, samples);
        let rows = read_rows(drawn.reshape([batch, 3 * samples]), 3 * samples)?;
        Ok(rows
            .iter()
            .enumerate()
            .map(|(index, row)| self.decode_row(index, row))
            .collect())
    }
}
