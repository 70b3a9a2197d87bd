//! What is known of a training photo, and targets made from it.

use std::fmt::Debug;

use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::core::{TargetEncoder, TargetError};
use crate::geo_cells::LatLng;
use crate::losses::SceneCells;

/// What is known of a training photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PhotoLabel {
    /// Where it was taken.
    pub location: LatLng,
    /// Its class, where classes are named by labels.
    pub class: Option<usize>,
    /// What kind of scene it shows, where that is told.
    pub scene: Option<usize>,
}

impl From<LatLng> for PhotoLabel {
    fn from(location: LatLng) -> Self {
        Self {
            location,
            class: None,
            scene: None,
        }
    }
}

/// Turns labels of photos into targets: a [`TargetEncoder`] for what the place alone does not tell.
pub trait PhotoTargets: Clone + Send + Sync + Debug + 'static {
    /// What it makes of a batch.
    type Target: Clone + Send + 'static;

    /// Encodes a batch; equal seeds give equal random parts.
    ///
    /// # Errors
    ///
    /// [`TargetError`] names the first photo that has no target.
    fn encode(
        &self,
        photos: &[PhotoLabel],
        seed: u64,
        device: &Device,
    ) -> Result<Self::Target, TargetError>;
}

/// Targets that the places tell.
#[derive(Clone, Debug)]
pub struct ByPlace<T>(pub T);

impl<T: TargetEncoder> PhotoTargets for ByPlace<T> {
    type Target = T::Target;

    fn encode(
        &self,
        photos: &[PhotoLabel],
        seed: u64,
        device: &Device,
    ) -> Result<T::Target, TargetError> {
        let places: Vec<LatLng> = photos.iter().map(|p| p.location).collect();
        self.0.encode_seeded(&places, seed, device)
    }
}

/// The labelled class of each photo, `[batch]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByClass;

impl PhotoTargets for ByClass {
    type Target = Tensor<1, Int>;

    fn encode(
        &self,
        photos: &[PhotoLabel],
        _seed: u64,
        device: &Device,
    ) -> Result<Self::Target, TargetError> {
        labels(photos, "known class", device, |p| p.class)
    }
}

/// The cell of each photo by its place, and the labelled scene.
#[derive(Clone, Debug)]
pub struct ByScene<T>(pub T);

impl<T: TargetEncoder<Target = Tensor<1, Int>>> PhotoTargets for ByScene<T> {
    type Target = SceneCells;

    fn encode(
        &self,
        photos: &[PhotoLabel],
        seed: u64,
        device: &Device,
    ) -> Result<SceneCells, TargetError> {
        let places: Vec<LatLng> = photos.iter().map(|p| p.location).collect();
        Ok(SceneCells {
            cells: self.0.encode_seeded(&places, seed, device)?,
            scenes: labels(photos, "known scene", device, |p| p.scene)?,
        })
    }
}

fn labels(
    photos: &[PhotoLabel],
    what: &'static str,
    device: &Device,
    of: impl Fn(&PhotoLabel) -> Option<usize>,
) -> Result<Tensor<1, Int>, TargetError> {
    let label = |(index, photo)| match of(photo) {
        Some(label) => Ok(label as i64),
        None => Err(TargetError::NoLabel { index, what }),
    };
    let values = photos.iter().enumerate().map(label);
    let values = values.collect::<Result<Vec<i64>, _>>()?;
    let shape = [photos.len()];
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}
