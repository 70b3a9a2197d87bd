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
    in_batches(task, view, places, device, |images| {
        branch.forward(images).0
    })
}

/// As [`embed_tiles`], in all eight turns and mirror images of each tile: row-major
/// `[places, 8 * dim]`, of unit length.
///
/// The inner product of two such vectors is the mean similarity of two tiles over the eight ways to
/// look at both alike. A view from above has no up and down to lose by that.
///
/// # Errors
///
/// [`WorldError`].
pub fn embed_tiles_all_round<E: Backbone, H: Head<Output = Embedding>>(
    task: &WorldTask,
    branch: &GeoModel<E, H>,
    view: View,
    places: &[LatLng],
    device: &Device,
) -> Result<Vec<f32>, WorldError> {
    in_batches(task, view, places, device, |images| {
        let views = all_round(images).map(|images| branch.forward(images).0);
        Tensor::cat(views.to_vec(), 1) / 8f64.sqrt()
    })
}

/// The vectors that `embed` makes of the tiles of all places, row-major.
fn in_batches(
    task: &WorldTask,
    view: View,
    places: &[LatLng],
    device: &Device,
    embed: impl Fn(Tensor<4>) -> Tensor<2>,
) -> Result<Vec<f32>, WorldError> {
    let mut rows = Vec::new();
    for chunk in places.chunks(BATCH) {
        let images = task.images(&task.tiles(view, chunk)?, device)?;
        rows.extend(host(embed(images))?);
    }
    Ok(rows)
}

/// The eight turns and mirror images of square images.
fn all_round(images: Tensor<4>) -> [Tensor<4>; 8] {
    let turned = images.clone().swap_dims(2, 3);
    let four = |x: Tensor<4>| {
        [
            x.clone(),
            x.clone().flip([2]),
            x.clone().flip([3]),
            x.flip([2, 3]),
        ]
    };
    let ([a, b, c, d], [e, f, g, h]) = (four(images), four(turned));
    [a, b, c, d, e, f, g, h]
}

/// The values of a tensor on the host.
pub(super) fn host<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, WorldError> {
    tensor
        .try_into_vec_as::<f32>()
        .map_err(|e| WorldError::Device {
            reason: e.to_string(),
        })
}
