//! Trained approaches in model files.

use std::fmt::Display;
use std::sync::Arc;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::options::is_one;
use super::{
    Approach, ApproachConfig, Gallery, GalleryOf, Ground, MakeDecoder, OutputOf, PhotoTargets,
    WithApproach,
};
use crate::artifact::{Artifact, ArtifactError};
use crate::core::{GeoModel, Head, HeadConfig, Locator, Loss};
use crate::datasets::Preprocess;
use crate::geo_cells::{LatLng, Partition};
use crate::heads::cell::CellHeadConfig;
use crate::heads::embedding::EmbeddingHeadConfig;
use crate::locate::{
    AnyEncoder, AnyEncoderConfig, CELL_CLASSIFIER, CellClassifierSettings, Pipeline, RETRIEVAL,
    RetrievalSettings, build_model, check_input,
};

/// Kind of the components of [`insert_approach`], but for plain classifiers and retrieval, which are
/// [`CELL_CLASSIFIER`] and [`RETRIEVAL`].
pub const APPROACH: &str = "approach";

/// Settings of a component of kind [`APPROACH`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApproachSettings {
    /// Preprocessing.
    pub input: Preprocess,
    /// Encoder.
    pub encoder: AnyEncoderConfig,
    /// Head, loss and decoder.
    pub approach: ApproachConfig,
    /// Hash of the ground that the classes belong to.
    pub ground_hash: String,
    /// Divisor of the scores of classes, or of the scale of a gallery, before the softmax.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub temperature: f64,
}

fn one() -> f64 {
    1.0
}

/// Adds a trained approach under `name`, in a form that [`load_any`](crate::locate::load_any) reads.
///
/// # Errors
///
/// [`ArtifactError`].
pub fn insert_approach<H: Head>(
    artifact: &mut Artifact,
    name: &str,
    settings: &ApproachSettings,
    model: &GeoModel<AnyEncoder, H>,
    ground: &Ground,
    gallery: &Gallery,
) -> Result<(), ArtifactError> {
    let ApproachSettings {
        input,
        encoder,
        approach,
        ground_hash,
        temperature,
    } = settings.clone();
    let classifier = |dropout| CellClassifierSettings {
        input,
        encoder: encoder.clone(),
        head: CellHeadConfig {
            cells: ground.finest().map_or(0, Partition::len),
            dropout,
        },
        temperature,
        partition_hash: ground_hash,
    };
    match approach {
        ApproachConfig::Classifier(options) => {
            artifact.insert_component(name, CELL_CLASSIFIER, &classifier(options.dropout))?;
        }
        ApproachConfig::Classes(options) => {
            artifact.insert_component(name, CELL_CLASSIFIER, &classifier(options.dropout))?;
        }
        ApproachConfig::Retrieval(options) => {
            let settings = RetrievalSettings {
                input,
                encoder,
                head: EmbeddingHeadConfig { dim: options.dim },
                scale: options.scale / temperature,
                spread_km: options.positive_km,
            };
            artifact.insert_component(name, RETRIEVAL, &settings)?;
        }
        _ => artifact.insert_component(name, APPROACH, settings)?,
    }
    artifact.insert_module(name, model.valid())?;
    ground.insert(artifact, name);
    if gallery.dim > 0 {
        artifact.insert_gallery(name, &gallery.embeddings, gallery.dim, &gallery.places)?;
    }
    Ok(())
}

/// Loads a component of kind [`APPROACH`].
///
/// # Errors
///
/// [`ArtifactError`] if it is missing, of another kind, or does not fit its settings.
pub fn load_approach(
    artifact: &Artifact,
    name: &str,
    device: &Device,
) -> Result<Box<dyn Locator>, ArtifactError> {
    let settings: ApproachSettings = artifact.settings(name, APPROACH)?;
    let ground = Ground::read(artifact, name, settings.approach.ground())?;
    let found = ground.content_hash();
    if found != settings.ground_hash {
        return Err(unusable(
            name,
            &format!(
                "its partition has hash {found}, the model was trained on {}",
                settings.ground_hash
            ),
        ));
    }
    check_input(&settings.encoder, &settings.input).map_err(|e| unusable(name, &e))?;
    let load = Load {
        artifact,
        name,
        settings: &settings,
        device,
    };
    let none: Arc<[LatLng]> = Arc::new([]);
    let loaded = settings.approach.with(&ground, &none, load);
    loaded.map_err(|e| unusable(name, &e))?
}

struct Load<'a> {
    artifact: &'a Artifact,
    name: &'a str,
    settings: &'a ApproachSettings,
    device: &'a Device,
}

impl WithApproach for Load<'_> {
    type Output = Result<Box<dyn Locator>, ArtifactError>;

    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>) -> Self::Output
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let Self {
            artifact,
            name,
            settings,
            device,
        } = self;
        let fresh = build_model(&settings.encoder, &approach.head, device);
        let model = artifact.load_module(name, fresh.map_err(|e| unusable(name, &e))?)?;
        let gallery = match approach.decoder.gallery() {
            GalleryOf::Nothing => Gallery::default(),
            GalleryOf::Photos | GalleryOf::Places(_) => {
                let (embeddings, dim, places) = artifact.gallery(name)?;
                Gallery {
                    embeddings,
                    dim,
                    places,
                }
            }
        };
        let decoder = approach.decoder.with_temperature(settings.temperature);
        let decoder = decoder.map_err(|e| unusable(name, &e))?;
        let decoder = decoder.make(&model.head, gallery);
        let decoder = decoder.map_err(|e| unusable(name, &e))?;
        let pipeline = Pipeline::new(name, &model, decoder, settings.input, device);
        Ok(Box::new(pipeline.with_domain(artifact.domain(name)?)))
    }
}

fn unusable(name: &str, reason: &dyn Display) -> ArtifactError {
    ArtifactError::Settings {
        name: name.into(),
        kind: APPROACH.into(),
        reason: reason.to_string(),
    }
}
