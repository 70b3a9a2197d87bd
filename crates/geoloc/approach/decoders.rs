//! Decoders of trained models: some are there before, others need a gallery.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use thiserror::Error;

use super::alignment::{AlignmentDecoder, PlaceAlignment, PlaceAlignmentHead};
use crate::core::{
    CellOffsets, ConfigError, DecodeError, Decoder, Embedding, Head, TemperatureScaling,
};
use crate::geo_cells::LatLng;
use crate::heads::embedding::EmbeddingHead;
use crate::heads::hybrid::{HybridDecoder, HybridHead};
use crate::locate::{GalleryDecoder, index_embeddings};
use crate::retrieval::AddError;

/// Gallery rows that share the probability.
pub(crate) const NEIGHBOURS: usize = 100;

/// Vectors with their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gallery {
    /// Row-major `[rows, dim]`.
    pub embeddings: Vec<f32>,
    /// Length of a vector.
    pub dim: usize,
    /// The place of each row.
    pub places: Vec<LatLng>,
}

/// What a gallery is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GalleryOf {
    /// There is none.
    Nothing,
    /// The training photos, embedded by the model.
    Photos,
    /// The training places, embedded by the head; so many at most.
    Places(usize),
}

/// Makes the decoder of a trained model.
pub trait MakeDecoder<H: Head>: Clone + Send + Sync {
    /// What it makes.
    type Decoder: Decoder<H::Output> + 'static;

    /// Whether [`scores`](Self::scores) gives any.
    const OVER_CLASSES: bool = false;

    /// What gallery it needs.
    fn gallery(&self) -> GalleryOf {
        GalleryOf::Nothing
    }

    /// The rows of a gallery of photos, `[batch, dim]`, from the output for the photos.
    fn photo_rows(&self, output: H::Output) -> Option<Tensor<2>> {
        let _ = output;
        None
    }

    /// The rows of a gallery of places, `[places, dim]`.
    fn place_rows(&self, head: &H, places: &[LatLng], device: &Device) -> Option<Tensor<2>> {
        let _ = (head, places, device);
        None
    }

    /// The scores over the finest classes that probabilities are the softmax of, one row an item;
    /// `None` if there are no classes.
    fn scores(&self, output: H::Output) -> Option<Scores> {
        let _ = output;
        None
    }

    /// How the rows of a gallery become probabilities; `None` if there is no gallery.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the head cannot be read.
    fn similarity(&self, head: &H) -> Result<Option<Similarity>, DecodeError> {
        let _ = head;
        Ok(None)
    }

    /// For photos with true places what [`HybridDecoder::residuals`] gives; `None` if classes are not
    /// moved.
    fn residuals(&self, output: H::Output, truth: &[LatLng]) -> Option<Residuals> {
        let _ = (output, truth);
        None
    }

    /// Divides scores, or the scale of a gallery, by `temperature` before the softmax.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] unless it is positive and finite; and unless it is 1 where probabilities are
    /// no softmax.
    fn with_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        let expected = "1: these answers have no temperature";
        ConfigError::check(is_one(temperature), "temperature", temperature, expected)?;
        Ok(self)
    }

    /// The decoder over a gallery, which is empty where none is needed.
    ///
    /// # Errors
    ///
    /// [`MakeDecoderError`] if the gallery cannot be searched, or the head cannot be read.
    fn make(&self, head: &H, gallery: Gallery) -> Result<Self::Decoder, MakeDecoderError>;
}

/// Scores of classes, one row an item, or one error for the whole batch.
pub type Scores = Result<Vec<Result<Vec<f64>, DecodeError>>, DecodeError>;

/// Distances from moved classes in spreads of the class.
pub type Residuals = Result<Vec<Option<f64>>, DecodeError>;

/// How the rows of a gallery become probabilities: the softmax of `scale` times the cosine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// The factor on the cosine, before a temperature.
    pub scale: f64,
    /// Rows within this distance of the true place are right, in km; `None`: only the nearest row.
    pub right_km: Option<f64>,
}

/// Why a decoder cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MakeDecoderError {
    /// The gallery cannot be searched.
    #[error(transparent)]
    Gallery(#[from] AddError),
    /// The head cannot be read.
    #[error("the head cannot be read: {0}")]
    Head(#[from] DecodeError),
}

fn is_one(x: f64) -> bool {
    x.total_cmp(&1.0).is_eq()
}

/// A decoder that needs nothing but the output and whose probabilities have no temperature.
#[derive(Clone, Debug)]
pub struct Ready<D>(pub D);

impl<H: Head, D: Decoder<H::Output> + Clone + 'static> MakeDecoder<H> for Ready<D> {
    type Decoder = D;

    fn make(&self, _head: &H, _gallery: Gallery) -> Result<D, MakeDecoderError> {
        Ok(self.0.clone())
    }
}

/// A decoder over classes.
#[derive(Clone, Debug)]
pub struct OverClasses<D>(pub D);

impl<H, D> MakeDecoder<H> for OverClasses<D>
where
    H: Head,
    D: TemperatureScaling<H::Output> + Clone + 'static,
{
    type Decoder = D;
    const OVER_CLASSES: bool = true;

    fn scores(&self, output: H::Output) -> Option<Scores> {
        Some(self.0.scores(output))
    }

    fn with_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        Ok(Self(self.0.at_temperature(temperature)?))
    }

    fn make(&self, _head: &H, _gallery: Gallery) -> Result<D, MakeDecoderError> {
        Ok(self.0.clone())
    }
}

/// Cells that are moved by offsets.
#[derive(Clone, Debug)]
pub struct OverMovedCells(pub HybridDecoder);

impl MakeDecoder<HybridHead> for OverMovedCells {
    type Decoder = HybridDecoder;
    const OVER_CLASSES: bool = true;

    fn scores(&self, output: CellOffsets) -> Option<Scores> {
        Some(self.0.scores(output))
    }

    fn residuals(&self, output: CellOffsets, truth: &[LatLng]) -> Option<Residuals> {
        Some(self.0.residuals(output, truth))
    }

    fn with_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        Ok(Self(self.0.with_temperature(temperature)?))
    }

    fn make(&self, _: &HybridHead, _: Gallery) -> Result<HybridDecoder, MakeDecoderError> {
        Ok(self.0.clone())
    }
}

/// Nearest training photos.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GalleryOfPhotos {
    /// Factor of the cosine before the softmax.
    pub scale: f64,
    /// How far a query typically lies from its gallery photo, in km.
    pub spread_km: f64,
}

impl MakeDecoder<EmbeddingHead> for GalleryOfPhotos {
    type Decoder = GalleryDecoder;

    fn gallery(&self) -> GalleryOf {
        GalleryOf::Photos
    }

    fn photo_rows(&self, output: Embedding) -> Option<Tensor<2>> {
        Some(output.0)
    }

    fn similarity(&self, _: &EmbeddingHead) -> Result<Option<Similarity>, DecodeError> {
        Ok(Some(Similarity {
            scale: self.scale,
            right_km: Some(self.spread_km),
        }))
    }

    fn with_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        Ok(Self {
            scale: self.scale / temperature,
            ..self
        })
    }

    fn make(
        &self,
        _head: &EmbeddingHead,
        gallery: Gallery,
    ) -> Result<GalleryDecoder, MakeDecoderError> {
        Ok(decoder(gallery, self.scale, self.spread_km)?)
    }
}

/// Places that fit the photo best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GalleryOfPlaces {
    /// Places at most.
    pub most: usize,
    /// What the learned factor of the cosine is divided by.
    pub temperature: f64,
}

impl MakeDecoder<PlaceAlignmentHead> for GalleryOfPlaces {
    type Decoder = AlignmentDecoder;

    fn gallery(&self) -> GalleryOf {
        GalleryOf::Places(self.most)
    }

    fn photo_rows(&self, output: PlaceAlignment) -> Option<Tensor<2>> {
        Some(output.image)
    }

    fn place_rows(
        &self,
        head: &PlaceAlignmentHead,
        places: &[LatLng],
        device: &Device,
    ) -> Option<Tensor<2>> {
        Some(head.embed_places(places, device))
    }

    fn similarity(&self, head: &PlaceAlignmentHead) -> Result<Option<Similarity>, DecodeError> {
        Ok(Some(Similarity {
            scale: head.scale()? / self.temperature,
            right_km: None,
        }))
    }

    fn with_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        Ok(Self {
            temperature: self.temperature * temperature,
            ..self
        })
    }

    fn make(
        &self,
        head: &PlaceAlignmentHead,
        gallery: Gallery,
    ) -> Result<AlignmentDecoder, MakeDecoderError> {
        let scale = head.scale()? / self.temperature;
        Ok(AlignmentDecoder(decoder(gallery, scale, 0.0)?))
    }
}

fn check_temperature(temperature: f64) -> Result<(), ConfigError> {
    let ok = temperature.is_finite() && temperature > 0.0;
    ConfigError::check(ok, "temperature", temperature, "positive and finite")
}

fn decoder(gallery: Gallery, scale: f64, spread_km: f64) -> Result<GalleryDecoder, AddError> {
    let index = index_embeddings(&gallery.embeddings, gallery.dim)?;
    let places: Arc<[LatLng]> = gallery.places.into();
    Ok(GalleryDecoder::new(
        Arc::new(index),
        places,
        scale,
        spread_km,
        NEIGHBOURS,
    ))
}
