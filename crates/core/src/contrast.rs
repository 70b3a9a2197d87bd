//! Images against places: the model that learns embeddings of both.

use std::fmt::Debug;

use burn::module::{Module, ModuleDisplay, Param};
use burn::tensor::{Device, Tensor};
use geoloc_geo_cells::LatLng;

use crate::{Embedding, Encoder, GeoModel, Head, Learner, Loss, PlaceEmbeddings, limit_log_scale};

/// A network that embeds places.
pub trait PlaceEncoder: Module + ModuleDisplay + Sync {
    /// Embeds places, `[places, width]`; rows need not be of unit length.
    fn embed_places(&self, places: &[LatLng], device: &Device) -> Tensor<2>;
}

/// A model of images and one of places with a common space, and the learned scale of their cosine
/// (`GeoCLIP`, Vivanco Cepeda et al. 2023).
#[derive(Module, Debug)]
pub struct PlaceContrastModel<E: Module, H: Module, P: Module> {
    /// Embeds images.
    pub image: GeoModel<E, H>,
    /// Embeds places.
    pub place: P,
    /// Natural logarithm of the factor on the cosine, `[1]`.
    pub log_scale: Param<Tensor<1>>,
}

impl<E: Encoder, H: Head<Output = Embedding>, P: PlaceEncoder> PlaceContrastModel<E, H, P> {
    /// Joins both; the cosine starts with factor `scale`, 1/0.07 as published.
    pub fn new(image: GeoModel<E, H>, place: P, scale: f64, device: &Device) -> Self {
        Self {
            image,
            place,
            log_scale: Param::from_tensor(Tensor::full([1], scale.ln(), device)),
        }
    }

    /// Embeds a batch of inputs and any number of places.
    pub fn forward(&self, input: E::Input, places: &[LatLng]) -> PlaceEmbeddings {
        let image = self.image.forward(input).0;
        let raw = self.place.embed_places(places, &image.device());
        let length = raw.clone().square().sum_dim(1).add_scalar(1e-12).sqrt();
        PlaceEmbeddings {
            image,
            places: raw / length,
            scale: self.log_scale.val().exp(),
        }
    }
}

/// A batch of images with their places, and further places as negatives.
#[derive(Clone, Debug)]
pub struct PlaceContrastBatch<I, T> {
    /// What the image encoder reads.
    pub input: I,
    /// What the loss compares with.
    pub target: T,
    /// The true places, in the order of the batch.
    pub truth: Vec<LatLng>,
    /// Places of earlier batches, of any number.
    pub queue: Vec<LatLng>,
}

/// A [`PlaceContrastModel`] with a loss.
#[derive(Module, Debug)]
pub struct PlaceContrastTraining<E: Module, H: Module, P: Module, L: Clone + Debug + Send> {
    /// What is trained.
    pub model: PlaceContrastModel<E, H, P>,
    /// What it is trained for.
    #[module(skip)]
    pub criterion: L,
}

impl<E, H, P, L> Learner for PlaceContrastTraining<E, H, P, L>
where
    E: Encoder,
    H: Head<Output = Embedding>,
    P: PlaceEncoder,
    L: Loss<PlaceEmbeddings>,
{
    type Batch = PlaceContrastBatch<E::Input, L::Target>;

    fn loss(&self, batch: Self::Batch) -> Tensor<1> {
        let places = [batch.truth, batch.queue].concat();
        let output = self.model.forward(batch.input, &places);
        self.criterion.forward(&output, &batch.target)
    }
    fn constrain(mut self) -> Self {
        self.model.log_scale = limit_log_scale(self.model.log_scale);
        self.model.image.head = self.model.image.head.constrain();
        self
    }
}
