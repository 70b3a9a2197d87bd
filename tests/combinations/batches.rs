//! Batches of a few places.

use crate::encoders::SIDE;
use geoloc::burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc::core::{
    BatchError, BatchSource, GeoBatch, PairBatch, PlaceContrastBatch, TargetEncoder, TargetError,
};
use geoloc::geo_cells::LatLng;
use geoloc::losses::{CellClasses, PairMasks, PlaceMask, PlaceMasks, SceneCells};

/// Images of a batch.
pub(crate) const BATCH: usize = 4;

pub(crate) fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..BATCH * 3 * SIDE * SIDE)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [BATCH, 3, SIDE, SIDE]), device)
}

pub(crate) fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// The places of every batch: two of them near each other.
pub(crate) fn truth() -> Vec<LatLng> {
    vec![
        at(48.9, 2.3),
        at(48.901, 2.3),
        at(-33.9, 151.2),
        at(40.7, -74.0),
    ]
}

/// Always the same images with the targets of their places.
pub(crate) struct Same<T>(pub(crate) T);

impl<T: TargetEncoder> BatchSource for Same<T> {
    type Batch = GeoBatch<Tensor<4>, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let target = self.0.encode_seeded(&truth(), step, device);
        Ok(GeoBatch {
            input: images(device),
            target: target.map_err(|e| BatchError {
                step,
                source: e.into(),
            })?,
            truth: truth(),
        })
    }
}

/// Batches of two branches.
pub(crate) struct SamePairs(pub(crate) PairMasks);

impl BatchSource for SamePairs {
    type Batch = PairBatch<Tensor<4>, geoloc::losses::PairMask>;

    fn batch(&self, _: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        Ok(PairBatch {
            query: images(device),
            aerial: images(device).flip([3]),
            target: self.0.mask(&truth(), device),
            truth: truth(),
        })
    }
}

/// Batches of images against places.
pub(crate) struct SamePlaces;

impl BatchSource for SamePlaces {
    type Batch = PlaceContrastBatch<Tensor<4>, PlaceMask>;

    fn batch(&self, _: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let queue = vec![at(0.0, 0.0), at(10.0, 10.0)];
        let masks = PlaceMasks { radius_km: 1.0 };
        Ok(PlaceContrastBatch {
            input: images(device),
            target: masks.mask(&truth(), &queue, device),
            truth: truth(),
            queue,
        })
    }
}

/// A cell and a scene for each place.
#[derive(Clone, Debug)]
pub(crate) struct Scenes(pub(crate) CellClasses);

impl TargetEncoder for Scenes {
    type Target = SceneCells;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<SceneCells, TargetError> {
        let scenes: Vec<i32> = (0..truth.len()).map(|i| (i % 2) as i32).collect();
        let scenes = TensorData::new(scenes, [truth.len()]);
        Ok(SceneCells {
            cells: self.0.encode(truth, device)?,
            scenes: Tensor::<1, Int>::from_data(scenes, device),
        })
    }
}
