//! Images against encoded places (`GeoCLIP`, Vivanco Cepeda et al. 2023).

use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;

use super::arena::Arena;
use super::ground::Set;
use super::outcome::ApproachOutcome;
use super::views::{Batches, Views};
use crate::backbones::geoclip::LocationEncoderConfig;
use crate::core::{
    BatchError, BatchSource, Decoder, Encoder, EncoderConfig, GeoModel, HeadConfig,
    PlaceContrastBatch, PlaceContrastModel, PlaceContrastTraining, PlaceEncoder, TargetEncoder,
    TargetError, mix,
};
use crate::geo_cells::LatLng;
use crate::heads::embedding::EmbeddingHeadConfig;
use crate::locate::{GalleryDecoder, index_embeddings};
use crate::losses::{PlaceContrast, PlaceMask, PlaceMasks, draw_places};
use crate::world::WorldError;

/// Length of the embeddings.
const DIM: usize = 128;
/// Places beside those of the batch.
const QUEUE: usize = 512;
/// Places nearer than this are no negatives, in km.
const MASK_KM: f64 = 100.0;

/// Batches whose targets are made later.
#[derive(Clone, Debug)]
struct NoTargets;

impl TargetEncoder for NoTargets {
    type Target = ();

    fn encode(&self, _: &[LatLng], _: &Device) -> Result<(), TargetError> {
        Ok(())
    }
}

/// Adds places to batches. Those of a published queue are of earlier batches; these are drawn from
/// the same training places, but for those of the batch.
struct QueuedBatches<'a, I> {
    inner: Batches<'a, I, ()>,
    places: &'a [LatLng],
    seed: u64,
}

impl<I: Send + 'static> BatchSource for QueuedBatches<'_, I> {
    type Batch = PlaceContrastBatch<I, PlaceMask>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let batch = self.inner.batch(step, device)?;
        let seed = mix(self.seed, step);
        let queue = draw_places(self.places, &batch.truth, QUEUE, seed);
        let masks = PlaceMasks { radius_km: MASK_KM };
        Ok(PlaceContrastBatch {
            target: masks.mask(&batch.truth, &queue, device),
            input: batch.input,
            truth: batch.truth,
            queue,
        })
    }
}

impl<V: Views> Arena<'_, V> {
    pub(super) fn place_contrast(&self) -> Result<ApproachOutcome, WorldError> {
        let device = self.device.clone().autodiff();
        self.device.seed(self.config.seed);
        let encoder = self.views.encoder(&device)?;
        let head = EmbeddingHeadConfig { dim: DIM }.init(&encoder.spec(), &device)?;
        let place = LocationEncoderConfig {
            frequencies: 64,
            hidden: 256,
            width: DIM,
            ..LocationEncoderConfig::default()
        };
        let image = GeoModel { encoder, head };
        let place = place.init(&device)?;
        let model = PlaceContrastModel::new(image, place, 1.0 / 0.07, &device).materialize();
        let learner = PlaceContrastTraining {
            model,
            criterion: PlaceContrast,
        };
        let batches = QueuedBatches {
            inner: self.views.batches(NoTargets)?,
            places: &self.ground.places,
            seed: self.config.seed,
        };
        let mut trained = self.fit(learner, &batches)?;
        let PlaceContrastModel {
            image,
            place,
            log_scale,
        } = trained.model.model;
        let image = GeoModel {
            encoder: image.encoder.for_inference(),
            head: image.head,
        };
        let places: Arc<[LatLng]> = self.ground.set(Set::Gallery).into();
        let vectors = place.embed_places(&places, &self.device);
        let length = vectors.clone().square().sum_dim(1).add_scalar(1e-12).sqrt();
        let failed = |reason: String| WorldError::Device { reason };
        let rows = (vectors / length).into_data().try_into_vec_as::<f32>();
        let rows = rows.map_err(|e| failed(e.to_string()))?;
        let scale = log_scale.val().exp().into_data().try_into_vec_as::<f32>();
        let scale = scale.map_err(|e| failed(e.to_string()))?;
        let scale = scale.first().map(|&s| f64::from(s));
        let scale = scale.filter(|s| s.is_finite());
        let scale = scale.ok_or_else(|| failed("the learned scale is not finite".into()))?;
        let index = Arc::new(index_embeddings(&rows, DIM)?);
        // Far from the nearest of the places by about this much.
        let spread_km = 100.0;
        let decoder = GalleryDecoder::new(index, places.clone(), scale, spread_km, places.len());
        let about = format!(
            "Softmax over {} encoded training places; the best one.",
            places.len()
        );
        let method = self.judge("", &about, &|input| decoder.decode(image.forward(input)))?;
        trained.outcome.methods = vec![method];
        Ok(trained.outcome)
    }
}
