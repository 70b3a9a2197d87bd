//! Reading and writing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use burn::tensor::Bytes;
use burn_pack::{Reader, Tensor, Writer as PackWriter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{ArtifactError, Component, FORMAT_VERSION, Manifest};

const MANIFEST: &str = "geoloc.manifest";
const CHECKSUM: &str = "geoloc.sha256";

/// A model file in memory.
pub struct Artifact {
    manifest: Manifest,
    pub(super) tensors: BTreeMap<String, Tensor>,
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifact")
            .field("manifest", &self.manifest)
            .field("tensors", &self.tensors.len())
            .finish()
    }
}

impl Artifact {
    /// An artifact without components.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self {
            manifest,
            tensors: BTreeMap::new(),
        }
    }

    /// What it holds and where it comes from.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest, to be changed before saving.
    pub fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Adds the settings of a component; its parts are added by the other `insert` methods.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Settings`] if the settings have no JSON form.
    pub fn insert_component(
        &mut self,
        name: &str,
        kind: &str,
        settings: &impl Serialize,
    ) -> Result<(), ArtifactError> {
        let settings = serde_json::to_value(settings).map_err(|e| ArtifactError::Settings {
            name: name.into(),
            kind: kind.into(),
            reason: e.to_string(),
        })?;
        let component = Component {
            kind: kind.into(),
            settings,
        };
        self.manifest.components.insert(name.into(), component);
        Ok(())
    }

    /// A component by name.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::NoComponent`] lists those that there are.
    pub fn component(&self, name: &str) -> Result<&Component, ArtifactError> {
        let components = &self.manifest.components;
        components
            .get(name)
            .ok_or_else(|| ArtifactError::NoComponent {
                name: name.into(),
                known: components.keys().cloned().collect(),
            })
    }

    /// The settings of a component that must be of kind `kind`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::NoComponent`], or [`ArtifactError::Settings`] if the kind differs or the
    /// settings cannot be read as `S`.
    pub fn settings<S: for<'de> Deserialize<'de>>(
        &self,
        name: &str,
        kind: &str,
    ) -> Result<S, ArtifactError> {
        let component = self.component(name)?;
        let unusable = |reason: String| ArtifactError::Settings {
            name: name.into(),
            kind: component.kind.clone(),
            reason,
        };
        if component.kind != kind {
            return Err(unusable(format!("expected the kind `{kind}`")));
        }
        S::deserialize(&component.settings).map_err(|e| unusable(e.to_string()))
    }

    /// Writes the file; it is either the old one or the new one, never half of one.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Io`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), ArtifactError> {
        let path = path.as_ref();
        let failed = |reason: String| ArtifactError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(reason),
        };
        let json = serde_json::to_string(&self.manifest).map_err(|e| failed(e.to_string()))?;
        let checksum =
            content_hash(&json, &self.tensors, true).map_err(|e| failed(e.to_string()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| ArtifactError::Io {
                path: folder.to_owned(),
                source,
            })?;
        }
        PackWriter::new(self.tensors.values().cloned().collect())
            .with_metadata(MANIFEST, &json)
            .with_metadata(CHECKSUM, &checksum)
            .auto_extension(false)
            .overwrite(true)
            .write_to_file(path)
            .map_err(|e| failed(e.to_string()))
    }

    /// Reads a file and checks all of it.
    ///
    /// # Errors
    ///
    /// [`ArtifactError`]: not to be read, no artifact, damaged, or newer than this library.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ArtifactError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|source| ArtifactError::Io {
            path: path.to_owned(),
            source,
        })?;
        Self::from_bytes(bytes, path)
    }

    /// Reads an artifact from memory; `origin` is what errors name.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn from_bytes(bytes: Vec<u8>, origin: &Path) -> Result<Self, ArtifactError> {
        let damaged = |reason: String| ArtifactError::Damaged {
            path: origin.to_owned(),
            reason,
        };
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|e| match e {
            burn_pack::Error::InvalidHeader
            | burn_pack::Error::InvalidMagicNumber
            | burn_pack::Error::InvalidVersion => ArtifactError::NotAnArtifact {
                path: origin.to_owned(),
                reason: e.to_string(),
            },
            other => damaged(other.to_string()),
        })?;
        let json = reader.metadata().get(MANIFEST).cloned().ok_or_else(|| {
            ArtifactError::NotAnArtifact {
                path: origin.to_owned(),
                reason: "it has no manifest".into(),
            }
        })?;
        let expected = reader.metadata().get(CHECKSUM).cloned();
        let version: Version = serde_json::from_str(&json).map_err(|e| damaged(e.to_string()))?;
        if version.format > FORMAT_VERSION {
            return Err(ArtifactError::Newer {
                path: origin.to_owned(),
                found: version.format,
                supported: FORMAT_VERSION,
            });
        }
        let tensors: BTreeMap<String, Tensor> = reader
            .into_tensors()
            .map_err(|e| damaged(e.to_string()))?
            .into_iter()
            .map(|t| (t.name.clone(), t))
            .collect();
        let found = content_hash(&json, &tensors, true).map_err(|e| damaged(e.to_string()))?;
        if expected.as_deref() != Some(found.as_str()) {
            return Err(damaged("its checksum does not fit its content".into()));
        }
        let manifest = serde_json::from_str(&json).map_err(|e| damaged(e.to_string()))?;
        Ok(Self { manifest, tensors })
    }
}

/// Read before the rest, so that a newer manifest need not fit the current form.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// SHA-256 over a text and over name, type, shape and bytes of every tensor, in hex; with the
/// parameters' ids, which change when a module is made anew, if `ids` says so.
pub(super) fn content_hash(
    text: &str,
    tensors: &BTreeMap<String, Tensor>,
    ids: bool,
) -> Result<String, burn_pack::Error> {
    let mut hash = Sha256::new();
    let mut update = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    update(text.as_bytes());
    for (name, tensor) in tensors {
        update(name.as_bytes());
        update(format!("{:?} {:?}", tensor.dtype, tensor.shape).as_bytes());
        if ids {
            // A part that is no parameter, for instance a gallery, has no id. That it counts as 0 is
            // part of the format.
            update(&tensor.param_id.unwrap_or(0).to_le_bytes());
        }
        update(&tensor.to_bytes()?);
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}
