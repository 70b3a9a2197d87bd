//! The mode of samples from a flow.

use geoloc_core::{DecodeError, Decoder, PlaceMass, SphericalFlow, VelocityField, estimate_about};
use geoloc_geo_cells::{Estimate, LatLng};

use super::FlowSampler;
use crate::rows::{check_finite, read_rows};
use crate::sphere::{Kernel, highest_mode, kappa_of};

/// Draws places from the flow and answers where they lie closest: the highest mode of their kernel
/// density, found by mean shift from every sample. Candidates are samples, each with an equal
/// share, in the order of drawing; the radius holds half of the samples.
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
    /// Number of samples to keep as candidates.
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
    fn decode_row(&self, index: usize, row: &[f32]) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        check_finite(index, row)?;
        let mut masses = Vec::with_capacity(row.len() / 3);
        for sample in row.chunks_exact(3) {
            let sample = <[f32; 3]>::try_from(sample).map_err(|_| not_finite.clone())?;
            let location = LatLng::from_vector(sample.map(f64::from)).ok_or(not_finite.clone())?;
            masses.push(PlaceMass {
                location,
                probability: 1.0,
                spread_km: 0.0,
                cell: None,
            });
        }
        let kernel = |mass: &PlaceMass| Kernel {
            mean: mass.location.to_unit_vector(),
            weight: 1.0,
            kappa: kappa_of(self.bandwidth_km),
        };
        let kernels: Vec<Kernel> = masses.iter().map(kernel).collect();
        let starts = kernels.iter().map(|k| k.mean);
        highest_mode(&kernels, starts, 50)
            .and_then(|mode| estimate_about(mode.location, &masses, self.keep))
            .ok_or(not_finite)
    }
}

impl<F: VelocityField> Decoder<SphericalFlow<F>> for FlowDecoder {
    /// # Errors
    ///
    /// The outer error if the sampler makes no sense or the device fails.
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
