//! Loading a model whose type is known only from its file.

use burn::tensor::Device;

use super::encoders::{AnyEncoderConfig, WithEncoder};
use super::models::{
    CELL_CLASSIFIER, CellClassifierSettings, RETRIEVAL, RetrievalSettings, build_cell_classifier,
    build_retrieval, component_name, unusable,
};
use crate::artifact::{Artifact, ArtifactError};
use crate::core::{Backbone, EncoderConfig, Locator};

/// Loads component `name`, or the default one, whatever its kind and encoder.
///
/// # Errors
///
/// [`ArtifactError`]; a kind or an encoder that this library does not know is named.
pub fn load_any(
    artifact: &Artifact,
    name: Option<&str>,
    device: &Device,
) -> Result<Box<dyn Locator>, ArtifactError> {
    let name = component_name(artifact, name);
    match artifact.component(name)?.kind.as_str() {
        CELL_CLASSIFIER => {
            let settings: CellClassifierSettings<AnyEncoderConfig> =
                artifact.settings(name, CELL_CLASSIFIER)?;
            settings.encoder.with(LoadCellClassifier {
                artifact,
                name,
                settings: &settings,
                device,
            })
        }
        RETRIEVAL => {
            let settings: RetrievalSettings<AnyEncoderConfig> =
                artifact.settings(name, RETRIEVAL)?;
            settings.encoder.with(LoadRetrieval {
                artifact,
                name,
                settings: &settings,
                device,
            })
        }
        kind => Err(unusable(name, kind, &"this library does not know the kind")),
    }
}

struct LoadCellClassifier<'a> {
    artifact: &'a Artifact,
    name: &'a str,
    settings: &'a CellClassifierSettings<AnyEncoderConfig>,
    device: &'a Device,
}

impl WithEncoder for LoadCellClassifier<'_> {
    type Output = Result<Box<dyn Locator>, ArtifactError>;

    fn call<C>(self, encoder: &C) -> Self::Output
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static,
    {
        let Self {
            artifact,
            name,
            settings,
            device,
        } = self;
        let pipeline = build_cell_classifier(artifact, name, encoder, settings, device)?;
        Ok(Box::new(pipeline))
    }
}

struct LoadRetrieval<'a> {
    artifact: &'a Artifact,
    name: &'a str,
    settings: &'a RetrievalSettings<AnyEncoderConfig>,
    device: &'a Device,
}

impl WithEncoder for LoadRetrieval<'_> {
    type Output = Result<Box<dyn Locator>, ArtifactError>;

    fn call<C>(self, encoder: &C) -> Self::Output
    where
        C: EncoderConfig,
        C::Encoder: Backbone + 'static,
    {
        let Self {
            artifact,
            name,
            settings,
            device,
        } = self;
        let pipeline = build_retrieval(artifact, name, encoder, settings, device)?;
        Ok(Box::new(pipeline))
    }
}
