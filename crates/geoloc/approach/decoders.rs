//! Decoders of trained models: some are there before, others need a gallery.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};

use super::alignment::{AlignmentDecoder, PlaceAlignment, PlaceAlignmentHead};
use crate::core::{CellLogits, CosineLogits, Decoder, Embedding, Head};
use crate::geo_cells::LatLng;
use crate::heads::cell::{CellDecoder, CellHead};
use crate::heads::cosine::CosineHead;
use crate::heads::embedding::EmbeddingHead;
use crate::locate::{GalleryDecoder, index_embeddings};
use crate::retrieval::AddError;

/// Gallery rows that share the probability.
const NEIGHBOURS: usize = 100;

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

    /// The logits over classes that the answer is chosen by, `[batch, classes]`, and that
    /// [`with_temperature`](Self::with_temperature) divides; `None` if there are none.
    fn logits(&self, output: H::Output) -> Option<Tensor<2>> {
        let _ = output;
        None
    }

    /// Divides logits by `temperature` before the softmax.
    #[must_use]
    fn with_temperature(self, temperature: f64) -> Self {
        let _ = temperature;
        self
    }

    /// The decoder over a gallery, which is empty where none is needed.
    ///
    /// # Errors
    ///
    /// [`AddError`] if the gallery cannot be searched.
    fn make(&self, head: &H, gallery: Gallery) -> Result<Self::Decoder, AddError>;
}

/// A decoder that needs nothing but the output.
#[derive(Clone, Debug)]
pub struct Ready<D>(pub D);

impl<H: Head, D: Decoder<H::Output> + Clone + 'static> MakeDecoder<H> for Ready<D> {
    type Decoder = D;

    fn make(&self, _head: &H, _gallery: Gallery) -> Result<D, AddError> {
        Ok(self.0.clone())
    }
}

/// The most probable cell.
#[derive(Clone, Debug)]
pub struct MostProbable(pub CellDecoder);

impl MakeDecoder<CellHead> for MostProbable {
    type Decoder = CellDecoder;

    fn logits(&self, output: CellLogits) -> Option<Tensor<2>> {
        Some(output.0)
    }

    fn with_temperature(self, temperature: f64) -> Self {
        Self(self.0.with_temperature(temperature))
    }

    fn make(&self, _head: &CellHead, _gallery: Gallery) -> Result<CellDecoder, AddError> {
        Ok(self.0.clone())
    }
}

impl MakeDecoder<CosineHead> for MostProbable {
    type Decoder = CellDecoder;

    fn logits(&self, output: CosineLogits) -> Option<Tensor<2>> {
        Some(output.logits().0)
    }

    fn with_temperature(self, temperature: f64) -> Self {
        Self(self.0.with_temperature(temperature))
    }

    fn make(&self, _head: &CosineHead, _gallery: Gallery) -> Result<CellDecoder, AddError> {
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

    fn make(&self, _head: &EmbeddingHead, gallery: Gallery) -> Result<GalleryDecoder, AddError> {
        decoder(gallery, self.scale, self.spread_km)
    }
}

/// Places that fit the photo best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GalleryOfPlaces {
    /// Places at most.
    pub most: usize,
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

    fn make(
        &self,
        head: &PlaceAlignmentHead,
        gallery: Gallery,
    ) -> Result<AlignmentDecoder, AddError> {
        Ok(AlignmentDecoder(decoder(gallery, head.scale(), 0.0)?))
    }
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
