//! What the models of the benchmark are made for, from its tiles.

use std::sync::Arc;

use burn::tensor::Device;

use super::{WorldError, WorldTask};
use crate::artifact::{Artifact, ArtifactError};
use crate::core::Photo;
use crate::datasets::{EquirectangularRaster, TileError, render_batch};
use crate::geo_cells::LatLng;
use crate::locate::{
    AnyEncoderConfig, CELL_CLASSIFIER, RETRIEVAL, load_cell_classifier, load_retrieval,
};

/// Side of the tiles in pixels; models read them through their own preprocessing.
const PIXELS: usize = 64;
/// Training tiles of each imagery, at most.
const TRAINING: usize = 1500;
/// Seed of the places and of the fit.
const SEED: u64 = 77;

/// Training tiles, and held-out tiles of the seen area, each in all of `imagery`. Of the held-out tiles only
/// the first half by hash is given ([`held_out_places`] has both halves).
fn tiles(
    task: &WorldTask,
    imagery: &[Arc<EquirectangularRaster>],
) -> Result<[Vec<Photo>; 2], WorldError> {
    let split = task.split();
    let training: Vec<LatLng> = (0..TRAINING as u64)
        .map(|index| split.sample_train(SEED, index))
        .collect();
    let [held_out, _] = held_out_places(task)?;
    let photos = |places: &[LatLng]| {
        let specs = places.iter().map(|&place| split.tile(place, PIXELS));
        let specs: Vec<_> = specs.collect::<Result<_, TileError>>()?;
        let mut photos = Vec::with_capacity(places.len() * imagery.len());
        for raster in imagery {
            for tile in render_batch(&specs, raster) {
                let side = PIXELS as u32;
                photos.push(Photo::from_rgb(side, side, tile.into_rgb())?);
            }
        }
        Ok::<_, WorldError>(photos)
    };
    Ok([photos(&training)?, photos(&held_out)?])
}

/// The held-out tiles between the training tiles in two halves: [`calibrate_domain`] takes its threshold
/// from the first, the second is left to judge it.
///
/// # Errors
///
/// [`WorldError`].
pub fn held_out_places(task: &WorldTask) -> Result<[Vec<LatLng>; 2], WorldError> {
    let mut first = task.split().seen_queries(task.split().seen_len(), SEED)?;
    let second = first.split_off(first.len() / 2);
    Ok([first, second])
}

/// Adds statistics of the domain to a component of a model file that was trained on tiles of this
/// imagery: cell classifiers and retrieval models. Weights and everything else stay as they are.
///
/// # Errors
///
/// [`WorldError`].
pub fn calibrate_domain(
    artifact: &mut Artifact,
    component: &str,
    imagery: &[Arc<EquirectangularRaster>],
    device: &Device,
) -> Result<(), WorldError> {
    let task = WorldTask::new(PIXELS as u32)?;
    let [training, held_out] = tiles(&task, imagery)?;
    let statistics = match artifact.component(component)?.kind.as_str() {
        CELL_CLASSIFIER => load_cell_classifier::<AnyEncoderConfig>(artifact, component, device)?
            .fit_domain(&training, &held_out, SEED)?,
        RETRIEVAL => load_retrieval::<AnyEncoderConfig>(artifact, component, device)?
            .fit_domain(&training, &held_out, SEED)?,
        kind => {
            return Err(ArtifactError::Settings {
                name: component.into(),
                kind: kind.into(),
                reason: "it locates no photos".into(),
            }
            .into());
        }
    };
    Ok(artifact.insert_domain(component, &statistics)?)
}
