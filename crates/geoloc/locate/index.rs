//! Index files of a model's embeddings: which model they belong to, and searching them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use thiserror::Error;

use super::embedder::ModelEmbedder;
use super::models::{NEIGHBOURS, RETRIEVAL, RetrievalSettings, component_name, retrieval_model};
use super::{AnyEncoderConfig, Embedder, GalleryDecoder, Pipeline, WithEncoder};
use crate::artifact::{Artifact, ArtifactError};
use crate::core::{Backbone, EncoderConfig, Locator};
use crate::retrieval::{Query, SearchError, StoreError, StoredIndex, VectorIndex};

/// Why an index file cannot be searched with a model.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// The model cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// The index file cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vectors of the index were made by another model, or by none that it names.
    #[error(
        "{}: made with the model {found}, but component `{component}` is {expected}",
        index.display()
    )]
    OtherModel {
        /// The index file.
        index: PathBuf,
        /// The component.
        component: String,
        /// Name of the component's embedding.
        expected: String,
        /// The name in the index file.
        found: String,
    },
    /// The vectors have another dimension.
    #[error(
        "{}: vectors of {found} columns, but component `{component}` makes {expected}",
        index.display()
    )]
    Width {
        /// The index file.
        index: PathBuf,
        /// The component.
        component: String,
        /// Columns that the component makes.
        expected: usize,
        /// Columns of the index.
        found: usize,
    },
    /// The index has rows without a place, or cannot be read.
    #[error("{}: {source}", index.display())]
    Search {
        /// The index file.
        index: PathBuf,
        /// Why.
        source: SearchError,
    },
}

/// The name of a retrieval component's embedding: a hash of its weights and of everything that goes
/// before them. Two components of one name give a photo the same vector.
///
/// # Errors
///
/// [`ArtifactError`] if the component is missing or of another kind.
pub fn embedding_name(artifact: &Artifact, name: Option<&str>) -> Result<String, ArtifactError> {
    let name = component_name(artifact, name);
    let settings: RetrievalSettings<serde_json::Value> = artifact.settings(name, RETRIEVAL)?;
    let made_by = serde_json::json!({
        "input": settings.input, "encoder": settings.encoder, "head": settings.head,
    });
    artifact.weights_hash(name, &made_by.to_string())
}

/// What turns photos into the vectors of a retrieval component.
///
/// # Errors
///
/// [`ArtifactError`] if the component is missing, of another kind, or does not fit its settings.
pub fn load_embedder(
    artifact: &Artifact,
    name: Option<&str>,
    device: &Device,
) -> Result<Box<dyn Embedder>, ArtifactError> {
    let name = component_name(artifact, name);
    let settings: RetrievalSettings<AnyEncoderConfig> = artifact.settings(name, RETRIEVAL)?;
    settings.encoder.with(LoadEmbedder(Loading {
        artifact,
        name,
        settings: &settings,
        device,
    }))
}

/// A retrieval component that searches an index file instead of the gallery in the artifact.
///
/// # Errors
///
/// [`IndexError`] if either cannot be used, or the index was not made by this model (see
/// [`embedding_name`]).
pub fn load_over_index(
    artifact: &Artifact,
    name: Option<&str>,
    index: impl AsRef<Path>,
    device: &Device,
) -> Result<Box<dyn Locator>, IndexError> {
    let (name, path) = (component_name(artifact, name), index.as_ref());
    let index = open_index(artifact, Some(name), path)?;
    let settings: RetrievalSettings<AnyEncoderConfig> = artifact.settings(name, RETRIEVAL)?;
    let from = Loading {
        artifact,
        name,
        settings: &settings,
        device,
    };
    Ok(settings.encoder.with(LoadOverIndex { from, index })?)
}

/// Where a retrieval component comes from.
struct Loading<'a> {
    artifact: &'a Artifact,
    name: &'a str,
    settings: &'a RetrievalSettings<AnyEncoderConfig>,
    device: &'a Device,
}

struct LoadEmbedder<'a>(Loading<'a>);

impl WithEncoder for LoadEmbedder<'_> {
    type Output = Result<Box<dyn Embedder>, ArtifactError>;

    fn call<C>(self, encoder: &C) -> Self::Output
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static,
    {
        let Loading {
            artifact,
            name,
            settings,
            device,
        } = self.0;
        let model = retrieval_model(artifact, name, encoder, settings, device)?;
        let embedder = ModelEmbedder::new(&model, settings.head.dim, settings.input, device);
        Ok(Box::new(embedder))
    }
}

struct LoadOverIndex<'a> {
    from: Loading<'a>,
    index: StoredIndex,
}

impl WithEncoder for LoadOverIndex<'_> {
    type Output = Result<Box<dyn Locator>, ArtifactError>;

    fn call<C>(self, encoder: &C) -> Self::Output
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static,
    {
        let Loading {
            artifact,
            name,
            settings,
            device,
        } = self.from;
        let model = retrieval_model(artifact, name, encoder, settings, device)?;
        let decoder = GalleryDecoder::over_places(
            Arc::new(self.index),
            settings.scale,
            settings.spread_km,
            NEIGHBOURS,
        );
        let pipeline = Pipeline::new(name, &model, decoder, settings.input, device);
        Ok(Box::new(pipeline.with_domain(artifact.domain(name)?)))
    }
}

/// Opens an index file that holds embeddings of a component, with places.
///
/// # Errors
///
/// As [`load_over_index`].
pub fn open_index(
    artifact: &Artifact,
    name: Option<&str>,
    path: &Path,
) -> Result<StoredIndex, IndexError> {
    let component = component_name(artifact, name);
    let expected = embedding_name(artifact, Some(component))?;
    let settings: RetrievalSettings<serde_json::Value> = artifact.settings(component, RETRIEVAL)?;
    let index = StoredIndex::open(path)?;
    let width = settings.head.dim;
    if index.dim() != width {
        return Err(IndexError::Width {
            index: path.to_owned(),
            component: component.to_owned(),
            expected: width,
            found: index.dim(),
        });
    }
    let found = index.embedding().unwrap_or("(not named)");
    if found != expected {
        return Err(IndexError::OtherModel {
            index: path.to_owned(),
            component: component.to_owned(),
            expected,
            found: found.to_owned(),
        });
    }
    // Whether all rows have places is told by a search that needs them.
    let probe = Query::new(&vec![0.0; width])
        .k(1)
        .distinct_cells()
        .probes(1);
    index.search(&probe).map_err(|source| IndexError::Search {
        index: path.to_owned(),
        source,
    })?;
    Ok(index)
}
