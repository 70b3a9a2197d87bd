//! Loading a model whose type is known only from its file.

use burn::tensor::Device;

use super::encoders::AnyEncoderConfig;
use super::models::{
    CELL_CLASSIFIER, RETRIEVAL, component_name, load_cell_classifier, load_retrieval, unusable,
};
use crate::approach::{APPROACH, load_approach};
use crate::artifact::{Artifact, ArtifactError};
use crate::core::Locator;

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
            let pipeline = load_cell_classifier::<AnyEncoderConfig>(artifact, name, device)?;
            Ok(Box::new(pipeline))
        }
        RETRIEVAL => {
            let pipeline = load_retrieval::<AnyEncoderConfig>(artifact, name, device)?;
            Ok(Box::new(pipeline))
        }
        APPROACH => load_approach(artifact, name, device),
        kind => Err(unusable(name, kind, &"this library does not know the kind")),
    }
}
