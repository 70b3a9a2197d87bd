//! The heaviest mode of a mixture.

use geoloc_core::{DecodeError, Decoder, PlaceMass, SphericalMixture, estimate_about};
use geoloc_geo_cells::{Estimate, LatLng};

use crate::rows::{check_finite, read_rows, softmax};
use crate::sphere::{Kernel, kappa_of, median_km, weighted_modes};

/// Answers the heaviest mode of the density, blurred by a bandwidth: mean shift leads every component
/// to a mode, and the mode with the largest weight of components is the answer. Its probability is
/// that weight. Candidates are the components with their weights.
///
/// The *highest* density would be another rule and a bad one: a component of 2 % of the weight that
/// is certain to 20 km is higher than one of 90 % that is certain to 600 km.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MixtureDecoder {
    /// Width of the blur along each axis in km; components much nearer than this make one mode.
    pub bandwidth_km: f64,
    /// Number of components to keep as candidates.
    pub keep: usize,
}

impl Default for MixtureDecoder {
    fn default() -> Self {
        Self {
            bandwidth_km: 100.0,
            keep: 5,
        }
    }
}

impl MixtureDecoder {
    fn decode_row(
        self,
        index: usize,
        log_weights: &[f32],
        means: &[f32],
        kappas: &[f32],
    ) -> Result<Estimate, DecodeError> {
        let not_finite = DecodeError::NotFinite { index };
        check_finite(index, means)?;
        check_finite(index, kappas)?;
        let mut kernels = Vec::with_capacity(kappas.len());
        let mut masses = Vec::with_capacity(kappas.len());
        let mut parts = Vec::new();
        let weights = softmax(index, log_weights)?;
        for ((weight, mean), kappa) in weights.into_iter().zip(means.chunks_exact(3)).zip(kappas) {
            let mean = <[f32; 3]>::try_from(mean).map_err(|_| not_finite.clone())?;
            let location = LatLng::from_vector(mean.map(f64::from)).ok_or(not_finite.clone())?;
            let kappa = f64::from(*kappa).max(0.0);
            let kernel = Kernel {
                mean: location.to_unit_vector(),
                weight,
                kappa,
            };
            parts.extend(kernel.parts());
            kernels.push(kernel.blurred(kappa_of(self.bandwidth_km)));
            masses.push(PlaceMass::at(location, weight, median_km(kappa)));
        }
        let modes = weighted_modes(&kernels, 0.1 * self.bandwidth_km, 200);
        let mode = modes.first().ok_or(not_finite.clone())?;
        let estimate = estimate_about(mode.location, &masses, self.keep);
        let estimate = estimate.ok_or_else(|| not_finite.clone())?;
        // The tails of a component hold more than those of a disc: the radius is that of its parts.
        let whole = estimate_about(mode.location, &parts, 0).ok_or(not_finite)?;
        Ok(Estimate {
            probability: Some(mode.weight),
            radius50_km: whole.radius50_km,
            ..estimate
        })
    }
}

impl Decoder<SphericalMixture> for MixtureDecoder {
    fn decode(
        &self,
        output: SphericalMixture,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let [_, components] = output.log_weights.dims();
        let [batch, found, axes] = output.means.dims();
        let weights = read_rows(output.log_weights, components)?;
        let means = output.means.reshape([batch, found * axes]);
        let means = read_rows(means, 3 * components)?;
        let kappas = read_rows(output.kappas, components)?;
        Ok(weights
            .iter()
            .zip(&means)
            .zip(&kappas)
            .enumerate()
            .map(|(index, ((w, m), k))| self.decode_row(index, w, m, k))
            .collect())
    }
}
