//! Batches of a few places.

use crate::encoders::SIDE;
use crate::methods::label_space::LabelSpaces;
use geoloc::burn::tensor::{Device, Tensor, TensorData};
use geoloc::core::{
    BatchError, BatchSource, GeoBatch, PairBatch, PlaceContrastBatch, TargetEncoder,
};
use geoloc::geo_cells::LatLng;
use geoloc::losses::{PairMasks, PlaceMask, PlaceMasks};

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

/// Partitions about the places of the batch.
pub(crate) fn spaces() -> LabelSpaces {
    let mut places = truth();
    for i in 0..60 {
        let t = f64::from(i);
        places.push(at(70.0 * (0.7 * t).sin(), 170.0 * (0.31 * t).sin()));
    }
    let named = [places[0], places[2], places[3]];
    LabelSpaces::new(&places, &named, [30, 10, 4], [6, 8])
}
