//! Tiles as vectors.

use burn::tensor::{Device, Tensor};

use super::{WorldError, WorldTask};
use crate::core::{Backbone, Embedding, GeoModel, Head};
use crate::datasets::View;
use crate::geo_cells::LatLng;

/// Tiles that go through a network together.
const BATCH: usize = 128;

/// Embeds the tiles of `places` with one branch: row-major `[places, dim]`.
///
/// # Errors
///
/// [`WorldError`].
pub fn embed_tiles<E: Backbone, H: Head<Output = Embedding>>(
    task: &WorldTask,
    branch: &GeoModel<E, H>,
    view: View,
    places: &[LatLng],
    device: &Device,
) -> Result<Vec<f32>, WorldError> {
    let mut rows = Vec::new();
    for chunk in places.chunks(BATCH) {
        let images = task.images(&task.tiles(view, chunk)?, device)?;
        let Embedding(vectors) = branch.forward(images);
        rows.extend(host(vectors)?);
    }
    Ok(rows)
}

/// The values of a tensor on the host.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, WorldError> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| WorldError::Device {
            reason: e.to_string(),
        })
}
