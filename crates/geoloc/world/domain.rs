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

/// Sides of the tiles in pixels, in turn; models read them through their own preprocessing. Small tiles are
/// sharper than large ones made small.
const PIXELS: [usize; 2] = [32, 128];
/// Training tiles of each imagery, at most.
const TRAINING: usize = 1500;
/// Tiles of the held-out longitudes.
const UNSEEN: usize = 1000;
/// Seed of the places and of the fit.
const SEED: u64 = 77;

/// Training tiles and the first set of [`held_out_places`], each in all of `imagery`.
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
        let mut photos = Vec::with_capacity(places.len() * imagery.len());
        for (number, raster) in imagery.iter().enumerate() {
            for (turn, &pixels) in PIXELS.iter().enumerate() {
                let own = places.iter().skip((number + turn) % 2).step_by(2);
                let specs = own.map(|&place| split.tile(place, pixels));
                let specs: Vec<_> = specs.collect::<Result<_, TileError>>()?;
                for tile in render_batch(&specs, raster) {
                    let side = pixels as u32;
                    photos.push(Photo::from_rgb(side, side, tile.into_rgb())?);
                }
            }
        }
        Ok::<_, WorldError>(photos)
    };
    Ok([photos(&training)?, photos(&held_out)?])
}

/// Held-out tiles in two sets, neither trained on: [`calibrate_domain`] takes its threshold from the first, the
/// second is left to judge it. Each has half of the tiles between training tiles and the unseen tiles of
/// two of the held-out bands, about 500.
///
/// # Errors
///
/// [`WorldError`].
pub fn held_out_places(task: &WorldTask) -> Result<[Vec<LatLng>; 2], WorldError> {
    let split = task.split();
    let mut first = split.seen_queries(split.seen_len(), SEED)?;
    let mut second = first.split_off(first.len() / 2);
    let bands = &split.config().bands;
    for place in split.unseen_queries(UNSEEN, SEED)? {
        match bands.iter().position(|band| band.holds(place, 0.0)) {
            Some(band) if band % 2 == 1 => second.push(place),
            _ => first.push(place),
        }
    }
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
    let task = WorldTask::new(32)?;
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
