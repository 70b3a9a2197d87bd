//! The highest mode of a mixture.

use geoloc_core::{DecodeError, Decoder, PlaceMass, SphericalMixture, estimate_about};
use geoloc_geo_cells::{Estimate, LatLng};

use crate::rows::{check_finite, read_rows, softmax};
use crate::sphere::{Kernel, highest_mode, spread_km};

/// Answers the place where the density is highest, found by mean shift from every mean; candidates
/// are the components with their weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixtureDecoder {
    /// Number of components to keep as candidates.
    pub keep: usize,
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
        let weights = softmax(index, log_weights)?;
        for ((weight, mean), kappa) in weights.into_iter().zip(means.chunks_exact(3)).zip(kappas) {
            let mean = <[f32; 3]>::try_from(mean).map_err(|_| not_finite.clone())?;
            let location = LatLng::from_vector(mean.map(f64::from)).ok_or(not_finite.clone())?;
            let kappa = f64::from(*kappa).max(0.0);
            kernels.push(Kernel {
                mean: location.to_unit_vector(),
                weight,
                kappa,
            });
            masses.push(PlaceMass {
                location,
                probability: weight,
                spread_km: spread_km(kappa),
                cell: None,
            });
        }
        let starts = kernels.iter().map(|k| k.mean);
        highest_mode(&kernels, starts, 200)
            .and_then(|mode| estimate_about(mode.location, &masses, self.keep))
            .ok_or(not_finite)
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
