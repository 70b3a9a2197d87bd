//! Writing trained models to an artifact and reading them back.

use std::fmt::Display;
use std::sync::Arc;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{GalleryDecoder, Pipeline};
use burn::module::Module;

use crate::artifact::{Artifact, ArtifactError};
use crate::core::{Backbone, ConfigError, Encoder, EncoderConfig, GeoModel, HeadConfig};
use crate::datasets::Preprocess;
use crate::geo_cells::{CellId, LatLng, Partition};
use crate::heads::cell::{CellDecoder, CellHead, CellHeadConfig};
use crate::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use crate::retrieval::{AddError, FlatIndex, Place, Prior, PriorError, Rows, VectorIndexMut};

/// Kind of the components of [`insert_cell_classifier`].
pub const CELL_CLASSIFIER: &str = "cell-classifier";
/// Kind of the components of [`insert_retrieval`].
pub const RETRIEVAL: &str = "retrieval";

/// Ranked places that a loaded model keeps.
const KEEP: usize = 10;
/// Gallery rows that share the probability.
pub(super) const NEIGHBOURS: usize = 100;

/// Settings of a component of kind [`CELL_CLASSIFIER`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellClassifierSettings<E> {
    /// Preprocessing.
    pub input: Preprocess,
    /// Encoder.
    pub encoder: E,
    /// Head.
    pub head: CellHeadConfig,
    /// Logits are divided by it.
    pub temperature: f64,
    /// Hash of the partition that the classes belong to.
    pub partition_hash: String,
}

/// Settings of a component of kind [`RETRIEVAL`]. The weights are those of the query branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetrievalSettings<E> {
    /// Preprocessing of the photo.
    pub input: Preprocess,
    /// Encoder of the query branch.
    pub encoder: E,
    /// Head of the query branch.
    pub head: EmbeddingHeadConfig,
    /// Factor of the cosine before the softmax.
    pub scale: f64,
    /// How far a query typically lies from its gallery item, in km.
    pub spread_km: f64,
}

impl<E> CellClassifierSettings<E> {
    /// The same settings with the encoder's configuration in another form, for instance as an
    /// [`AnyEncoderConfig`](super::AnyEncoderConfig) that [`load_any`](super::load_any) understands.
    pub fn map_encoder<F>(self, map: impl FnOnce(E) -> F) -> CellClassifierSettings<F> {
        CellClassifierSettings {
            input: self.input,
            encoder: map(self.encoder),
            head: self.head,
            temperature: self.temperature,
            partition_hash: self.partition_hash,
        }
    }
}

impl<E> RetrievalSettings<E> {
    /// The same settings with the encoder's configuration in another form, for instance as an
    /// [`AnyEncoderConfig`](super::AnyEncoderConfig) that [`load_any`](super::load_any) understands.
    pub fn map_encoder<F>(self, map: impl FnOnce(E) -> F) -> RetrievalSettings<F> {
        RetrievalSettings {
            input: self.input,
            encoder: map(self.encoder),
            head: self.head,
            scale: self.scale,
            spread_km: self.spread_km,
        }
    }
}

/// Adds a cell classifier under `name`.
///
/// # Errors
///
/// [`ArtifactError`].
pub fn insert_cell_classifier<E: Backbone>(
    artifact: &mut Artifact,
    name: &str,
    settings: &CellClassifierSettings<impl Serialize>,
    model: &GeoModel<E, CellHead>,
    partition: &Partition,
) -> Result<(), ArtifactError> {
    artifact.insert_component(name, CELL_CLASSIFIER, settings)?;
    artifact.insert_module(name, model.valid())?;
    artifact.insert_partition(name, partition);
    Ok(())
}

/// Adds a retrieval model under `name`: the query branch and the embedded gallery.
///
/// # Errors
///
/// [`ArtifactError`].
pub fn insert_retrieval<E: Backbone>(
    artifact: &mut Artifact,
    name: &str,
    settings: &RetrievalSettings<impl Serialize>,
    query: &GeoModel<E, EmbeddingHead>,
    embeddings: &[f32],
    places: &[LatLng],
) -> Result<(), ArtifactError> {
    artifact.insert_component(name, RETRIEVAL, settings)?;
    artifact.insert_module(name, query.valid())?;
    artifact.insert_gallery(name, embeddings, settings.head.dim, places)
}

/// Loads a cell classifier whose encoder is configured by `C`.
///
/// # Errors
///
/// [`ArtifactError`] if the component is missing, of another kind, or does not fit its settings.
pub fn load_cell_classifier<C>(
    artifact: &Artifact,
    name: &str,
    device: &Device,
) -> Result<Pipeline<C::Encoder, CellHead, CellDecoder>, ArtifactError>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let settings: CellClassifierSettings<C> = artifact.settings(name, CELL_CLASSIFIER)?;
    build_cell_classifier(artifact, name, &settings.encoder, &settings, device)
}

/// Loads a retrieval model whose encoder is configured by `C`, and indexes its gallery.
///
/// # Errors
///
/// [`ArtifactError`] if the component is missing, of another kind, or does not fit its settings.
pub fn load_retrieval<C>(
    artifact: &Artifact,
    name: &str,
    device: &Device,
) -> Result<Pipeline<C::Encoder, EmbeddingHead, GalleryDecoder>, ArtifactError>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let settings: RetrievalSettings<C> = artifact.settings(name, RETRIEVAL)?;
    build_retrieval(artifact, name, &settings.encoder, &settings, device)
}

/// The component asked for, or the default one.
pub(super) fn component_name<'a>(artifact: &'a Artifact, name: Option<&'a str>) -> &'a str {
    let manifest = artifact.manifest();
    name.or(manifest.default_component.as_deref())
        .or(manifest.components.keys().next().map(String::as_str))
        .unwrap_or("")
}

pub(super) fn build_cell_classifier<C, S>(
    artifact: &Artifact,
    name: &str,
    encoder: &C,
    settings: &CellClassifierSettings<S>,
    device: &Device,
) -> Result<Pipeline<C::Encoder, CellHead, CellDecoder>, ArtifactError>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let failed = |e: &dyn Display| unusable(name, CELL_CLASSIFIER, e);
    let partition = artifact.partition(name)?;
    let found = partition.content_hash();
    if found != settings.partition_hash || partition.len() != settings.head.cells {
        return Err(failed(&format!(
            "its partition has {} cells and hash {found}, the model was trained on {} cells and \
             hash {}",
            partition.len(),
            settings.head.cells,
            settings.partition_hash
        )));
    }
    check_input(encoder, &settings.input).map_err(|e| failed(&e))?;
    let fresh = build_model(encoder, &settings.head, device).map_err(|e| failed(&e))?;
    let model = artifact.load_module(name, fresh)?;
    let decoder = CellDecoder::new(Arc::new(partition), KEEP);
    let decoder = decoder.with_temperature(settings.temperature);
    let decoder = decoder.map_err(|e| failed(&e))?;
    let pipeline = Pipeline::new(name, &model, decoder, settings.input, device);
    Ok(pipeline.with_domain(artifact.domain(name)?))
}

pub(super) fn build_retrieval<C, S>(
    artifact: &Artifact,
    name: &str,
    encoder: &C,
    settings: &RetrievalSettings<S>,
    device: &Device,
) -> Result<Pipeline<C::Encoder, EmbeddingHead, GalleryDecoder>, ArtifactError>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let failed = |e: &dyn Display| unusable(name, RETRIEVAL, e);
    let model = retrieval_model(artifact, name, encoder, settings, device)?;
    let (embeddings, dim, places) = artifact.gallery(name)?;
    let (index, prior) = match artifact.biases(name)? {
        None => (
            index_embeddings(&embeddings, dim).map_err(|e| failed(&e))?,
            None,
        ),
        Some(biases) => {
            let found = index_with_biases(&embeddings, dim, &places, &biases);
            let (index, prior) = found.map_err(|e| failed(&e))?;
            (index, Some(prior))
        }
    };
    let mut decoder = GalleryDecoder::new(
        Arc::new(index),
        places.into(),
        settings.scale,
        settings.spread_km,
        NEIGHBOURS,
    );
    if let Some(prior) = prior {
        decoder = decoder.with_prior(prior);
    }
    let pipeline = Pipeline::new(name, &model, decoder, settings.input, device);
    Ok(pipeline.with_domain(artifact.domain(name)?))
}

/// The query branch of a retrieval model.
pub(super) fn retrieval_model<C, S>(
    artifact: &Artifact,
    name: &str,
    encoder: &C,
    settings: &RetrievalSettings<S>,
    device: &Device,
) -> Result<GeoModel<C::Encoder, EmbeddingHead>, ArtifactError>
where
    C: EncoderConfig,
    C::Encoder: Backbone,
{
    let failed = |e: &dyn Display| unusable(name, RETRIEVAL, e);
    check_input(encoder, &settings.input).map_err(|e| failed(&e))?;
    let fresh = build_model(encoder, &settings.head, device).map_err(|e| failed(&e))?;
    artifact.load_module(name, fresh)
}

/// Whether the preprocessing makes sense and gives images that the encoder reads.
pub(crate) fn check_input(encoder: &impl EncoderConfig, input: &Preprocess) -> Result<(), String> {
    input.check().map_err(|e| e.to_string())?;
    let (width, height) = input.output_size();
    encoder
        .check_input(width as usize, height as usize)
        .map_err(|e| e.to_string())
}

/// Builds encoder and head with fresh weights.
///
/// # Errors
///
/// [`ConfigError`] if a value of a configuration is out of range.
pub fn build_model<C: EncoderConfig, H: HeadConfig>(
    encoder: &C,
    head: &H,
    device: &Device,
) -> Result<GeoModel<C::Encoder, H::Head>, ConfigError> {
    let encoder = encoder.init(device)?;
    let head = head.init(&encoder.spec(), device)?;
    Ok(GeoModel { encoder, head })
}

/// An exact index over row-major `[n, dim]` embeddings; row ids are positions.
///
/// # Errors
///
/// [`AddError`] if a vector is not finite or the length is no multiple of `dim`.
pub fn index_embeddings(embeddings: &[f32], dim: usize) -> Result<FlatIndex, AddError> {
    let mut index = FlatIndex::new(dim)?;
    index.add(&Rows::new(embeddings))?;
    index.seal()?;
    Ok(index)
}

/// Why embeddings, places and biases make no index.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BiasedIndexError {
    /// The rows.
    #[error(transparent)]
    Rows(#[from] AddError),
    /// The biases.
    #[error(transparent)]
    Biases(#[from] PriorError),
    /// There are more or fewer biases or places than rows.
    #[error("{rows} rows, {places} places, {biases} biases")]
    Count {
        /// Number of rows.
        rows: usize,
        /// Number of places.
        places: usize,
        /// Number of biases.
        biases: usize,
    },
}

/// As [`index_embeddings`], with a place for each row, and the prior that adds a bias to the score of
/// each: search with weight 1.
///
/// # Errors
///
/// [`BiasedIndexError`] if counts differ, a number is not finite, or two places are the same.
pub fn index_with_biases(
    embeddings: &[f32],
    dim: usize,
    places: &[LatLng],
    biases: &[f32],
) -> Result<(FlatIndex, Arc<Prior>), BiasedIndexError> {
    let rows = embeddings.len() / dim.max(1);
    if (places.len(), biases.len()) != (rows, rows) {
        return Err(BiasedIndexError::Count {
            rows,
            places: places.len(),
            biases: biases.len(),
        });
    }
    let cells: Vec<(CellId, f32)> = places
        .iter()
        .map(|&place| CellId::from_lat_lng(place))
        .zip(biases.iter().copied())
        .collect();
    let prior = Prior::new(&cells, 0.0)?;
    let places: Vec<Place> = places.iter().map(|&place| place.into()).collect();
    let mut index = FlatIndex::new(dim)?;
    index.add(&Rows::new(embeddings).with_places(&places))?;
    index.seal()?;
    Ok((index, Arc::new(prior)))
}

pub(super) fn unusable(name: &str, kind: &str, reason: &dyn Display) -> ArtifactError {
    ArtifactError::Settings {
        name: name.into(),
        kind: kind.into(),
        reason: reason.to_string(),
    }
}
