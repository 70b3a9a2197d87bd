//! Images and places in one space (`GeoCLIP`, Vivanco Cepeda et al. 2023).

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{PhotoLabel, PhotoTargets};
use crate::backbones::geoclip::{
    ImageProjection, LocationEncoder, LocationEncoderConfig, equal_earth,
};
use crate::core::{
    ConfigError, DecodeError, Decoder, Embedding, Encoder, EncoderConfig, FeatureSpec, Features,
    Head, HeadConfig, Loss, PlaceEmbeddings, TargetError, limit_log_scale,
};
use crate::geo_cells::{Estimate, LatLng};
use crate::locate::GalleryDecoder;
use crate::losses::{PlaceContrast, PlaceMask, PlaceMasks, draw_places};

/// Images as vectors, and what makes vectors of places.
#[derive(Clone, Debug)]
pub struct PlaceAlignment {
    /// L2-normalised image vectors, `[batch, dim]`.
    pub image: Tensor<2>,
    /// The encoder of places.
    pub location: LocationEncoder,
    /// What the cosine is multiplied by, `[1]`.
    pub scale: Tensor<1>,
}

/// Configuration of a [`PlaceAlignmentHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceAlignmentHeadConfig {
    /// The encoder of places.
    pub location: LocationEncoderConfig,
}

impl HeadConfig for PlaceAlignmentHeadConfig {
    type Head = PlaceAlignmentHead;

    fn init(
        &self,
        features: &FeatureSpec,
        device: &Device,
    ) -> Result<PlaceAlignmentHead, ConfigError> {
        let log_scale = Tensor::full([1], (1.0 / 0.07_f64).ln(), device);
        Ok(PlaceAlignmentHead {
            image: ImageProjection::new(features.width, self.location.width, device),
            location: self.location.init(device)?,
            log_scale: Param::from_tensor(log_scale),
        })
    }
}

/// Two layers over the features, an encoder of places, and the learned scale of their cosine, which
/// starts at 1 / 0.07.
#[derive(Module, Debug)]
pub struct PlaceAlignmentHead {
    image: ImageProjection,
    location: LocationEncoder,
    log_scale: Param<Tensor<1>>,
}

impl PlaceAlignmentHead {
    /// L2-normalised vectors of places, `[places, dim]`.
    #[must_use]
    pub fn embed_places(&self, places: &[LatLng], device: &Device) -> Tensor<2> {
        unit(self.location.embed(places, device))
    }

    /// The learned factor on the cosine.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Device`] if it cannot be read from the device, [`DecodeError::NotFinite`] if
    /// it is not finite.
    pub fn scale(&self) -> Result<f64, DecodeError> {
        let value = self.log_scale.val().try_into_vec_as::<f32>();
        let value = value.map_err(|e| DecodeError::Device {
            reason: e.to_string(),
        })?;
        let scale = value.first().map(|&v| f64::from(v).exp());
        let finite = scale.filter(|s| s.is_finite());
        finite.ok_or(DecodeError::NotFinite { index: 0 })
    }
}

impl Head for PlaceAlignmentHead {
    type Output = PlaceAlignment;

    /// # Shapes
    ///
    /// Features `[batch, width]` to image vectors `[batch, dim]`.
    fn forward(&self, features: Features) -> PlaceAlignment {
        PlaceAlignment {
            image: unit(self.image.forward(features.pooled)),
            location: self.location.clone(),
            scale: self.log_scale.val().exp(),
        }
    }

    fn constrain(self) -> Self {
        Self {
            log_scale: limit_log_scale(self.log_scale),
            ..self
        }
    }
}

/// Rows of length 1.
fn unit(rows: Tensor<2>) -> Tensor<2> {
    let length = rows.clone().square().sum_dim(1).add_scalar(1e-12).sqrt();
    rows / length
}

/// Makes [`PlaceQueueTarget`]s.
///
/// The published queue holds the places of the last batches; here the further places of a batch are
/// drawn from all training places but those of the batch itself, by its seed. A resumed run needs no
/// queue to be saved.
#[derive(Clone, Debug)]
pub struct PlaceQueue {
    /// The training places.
    pub places: Arc<[LatLng]>,
    /// Further places for each batch.
    pub length: usize,
    /// Wrong places nearer than this are left out, in km; 0 for none.
    pub mask_km: f64,
}

/// The places that a batch is compared with.
#[derive(Clone, Debug)]
pub struct PlaceQueueTarget {
    /// The places of the batch, then further ones, on the Equal Earth map, `[places, 2]`.
    pub map: Tensor<2>,
    /// Which of them are left out for each image.
    pub mask: PlaceMask,
}

impl PhotoTargets for PlaceQueue {
    type Target = PlaceQueueTarget;

    fn encode(
        &self,
        photos: &[PhotoLabel],
        seed: u64,
        device: &Device,
    ) -> Result<PlaceQueueTarget, TargetError> {
        let truth: Vec<LatLng> = photos.iter().map(|p| p.location).collect();
        let queue = draw_places(&self.places, &truth, self.length, seed);
        let masks = PlaceMasks {
            radius_km: self.mask_km,
        };
        let places = truth.iter().chain(&queue);
        let values: Vec<f32> = places
            .flat_map(|&place| equal_earth(place).map(|v| v as f32))
            .collect();
        let shape = [truth.len() + queue.len(), 2];
        Ok(PlaceQueueTarget {
            map: Tensor::from_data(TensorData::new(values, shape), device),
            mask: masks.mask(&truth, &queue, device),
        })
    }
}

/// Cross-entropy of each image over the places of its batch and queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceAlignmentLoss;

impl Loss<PlaceAlignment> for PlaceAlignmentLoss {
    type Target = PlaceQueueTarget;

    fn forward(&self, output: &PlaceAlignment, target: &PlaceQueueTarget) -> Tensor<1> {
        let places = output.location.encode(target.map.clone()).pooled;
        let embeddings = PlaceEmbeddings {
            image: output.image.clone(),
            places: unit(places),
            scale: output.scale.clone(),
        };
        PlaceContrast.forward(&embeddings, &target.mask)
    }
}

/// Searches a gallery of places for those that fit the image best.
#[derive(Clone, Debug)]
pub struct AlignmentDecoder(pub GalleryDecoder);

impl Decoder<PlaceAlignment> for AlignmentDecoder {
    fn decode(
        &self,
        output: PlaceAlignment,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.0.decode(Embedding(output.image))
    }
}
