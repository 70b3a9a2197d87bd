//! Modules, partitions and galleries as parts of an artifact.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor, Writer};

use super::compact::is_scale;
use super::file::content_hash;
use super::{Artifact, ArtifactError};
use crate::geo_cells::{LatLng, Partition};

const PARTITION: &str = "partition";

impl Artifact {
    /// Adds the parameters of a module as `<name>/weights/...`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if burn cannot write them.
    pub fn insert_module<M: Module>(&mut self, name: &str, module: M) -> Result<(), ArtifactError> {
        let prefix = weights(name);
        let failed = |reason: String| ArtifactError::Part {
            part: prefix.clone(),
            reason,
        };
        let bytes = module
            .into_record()
            .into_bytes()
            .map_err(|e| failed(e.to_string()))?;
        let tensors = Reader::from_bytes(bytes)
            .and_then(Reader::into_tensors)
            .map_err(|e| failed(e.to_string()))?;
        for mut tensor in tensors {
            tensor.name = format!("{prefix}{}", tensor.name);
            self.tensors.insert(tensor.name.clone(), tensor);
        }
        Ok(())
    }

    /// Loads `<name>/weights/...` into a module of the same form; its own weights are replaced.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] names tensors that are missing, left over or of another shape.
    pub fn load_module<M: Module>(&self, name: &str, fresh: M) -> Result<M, ArtifactError> {
        let prefix = weights(name);
        let failed = |reason: String| ArtifactError::Part {
            part: prefix.clone(),
            reason,
        };
        let tensors: Vec<Tensor> = self
            .tensors
            .iter()
            .filter(|(name, _)| !is_scale(name))
            .filter_map(|(name, tensor)| {
                let short = name.strip_prefix(&prefix)?;
                let Some(mut tensor) = self.expanded(name, tensor) else {
                    return Some(Err(failed(format!("the scales of {short} do not fit"))));
                };
                short.clone_into(&mut tensor.name);
                Some(Ok(tensor))
            })
            .collect::<Result<_, _>>()?;
        let bytes = Writer::new(tensors)
            .into_bytes()
            .map_err(|e| failed(e.to_string()))?;
        let record = ModuleRecord::from_bytes(bytes).map_err(|e| failed(e.to_string()))?;
        fresh
            .try_load_record(record)
            .map_err(|e| failed(e.to_string()))
    }

    /// A hash of the parameters of a component and of whatever else shapes its output, in hex.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if the component has no parameters, or they cannot be read.
    pub fn weights_hash(&self, name: &str, made_by: &str) -> Result<String, ArtifactError> {
        let prefix = weights(name);
        let failed = |reason: String| ArtifactError::Part {
            part: prefix.clone(),
            reason,
        };
        let tensors: BTreeMap<String, Tensor> = self
            .tensors
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.into(), tensor.clone())))
            .collect();
        if tensors.is_empty() {
            return Err(failed("it is missing".into()));
        }
        content_hash(made_by, &tensors, false).map_err(|e| failed(e.to_string()))
    }

    /// Adds a partition as `<name>/partition`.
    pub fn insert_partition(&mut self, name: &str, partition: &Partition) {
        self.insert_bytes(name, PARTITION, partition.to_bytes());
    }

    /// The partition `<name>/partition`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if it is missing or not a partition.
    pub fn partition(&self, name: &str) -> Result<Partition, ArtifactError> {
        let bytes = self.bytes(name, PARTITION)?;
        Partition::from_bytes(&bytes).map_err(|e| ArtifactError::Part {
            part: format!("{name}/{PARTITION}"),
            reason: e.to_string(),
        })
    }

    /// Adds a gallery: row-major embeddings `[n, dim]` and one place per row.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if the lengths do not fit.
    pub fn insert_gallery(
        &mut self,
        name: &str,
        embeddings: &[f32],
        dim: usize,
        places: &[LatLng],
    ) -> Result<(), ArtifactError> {
        if embeddings.len() != places.len() * dim {
            return Err(ArtifactError::Part {
                part: embeddings_part(name),
                reason: format!(
                    "{} places of dimension {dim} need {} values, not {}",
                    places.len(),
                    places.len() * dim,
                    embeddings.len()
                ),
            });
        }
        let values = embeddings.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.insert_raw(
            &embeddings_part(name),
            DType::F32,
            &[places.len(), dim],
            Bytes::from_bytes_vec(values),
        );
        let degrees = places
            .iter()
            .flat_map(|p| [p.lat(), p.lng()])
            .flat_map(f64::to_le_bytes)
            .collect();
        self.insert_raw(
            &places_part(name),
            DType::F64,
            &[places.len(), 2],
            Bytes::from_bytes_vec(degrees),
        );
        Ok(())
    }

    /// The gallery of a component: row-major embeddings `[n, dim]`, `dim`, and one place per row.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if it is missing or its parts do not fit.
    pub fn gallery(&self, name: &str) -> Result<(Vec<f32>, usize, Vec<LatLng>), ArtifactError> {
        let part = embeddings_part(name);
        let (shape, bytes) = self.raw(&part, DType::F32)?;
        let embeddings: Vec<f32> = words(&bytes).map(f32::from_le_bytes).collect();
        let (place_shape, bytes) = self.raw(&places_part(name), DType::F64)?;
        let degrees: Vec<f64> = words(&bytes).map(f64::from_le_bytes).collect();
        let (&[rows, dim], &[places, 2]) = (shape.as_slice(), place_shape.as_slice()) else {
            return Err(ArtifactError::Part {
                part,
                reason: format!("shapes {shape:?} and {place_shape:?}"),
            });
        };
        if rows != places {
            return Err(ArtifactError::Part {
                part,
                reason: format!("{rows} embeddings, {places} places"),
            });
        }
        let places = degrees
            .chunks_exact(2)
            .map(|pair| match pair {
                &[lat, lng] => LatLng::new(lat, lng).map_err(|e| e.to_string()),
                _ => Err("half a place".into()),
            })
            .collect::<Result<Vec<LatLng>, String>>()
            .map_err(|reason| ArtifactError::Part {
                part: places_part(name),
                reason,
            })?;
        Ok((embeddings, dim, places))
    }

    /// What is added to the score of each row of the gallery of a component.
    pub fn insert_biases(&mut self, name: &str, biases: &[f32]) {
        let values = biases.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.insert_raw(
            &biases_part(name),
            DType::F32,
            &[biases.len()],
            Bytes::from_bytes_vec(values),
        );
    }

    /// What [`insert_biases`](Self::insert_biases) added; `None` without such a part.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if it is of another type.
    pub fn biases(&self, name: &str) -> Result<Option<Vec<f32>>, ArtifactError> {
        let part = biases_part(name);
        if !self.tensors.contains_key(&part) {
            return Ok(None);
        }
        let (_, bytes) = self.raw(&part, DType::F32)?;
        Ok(Some(words(&bytes).map(f32::from_le_bytes).collect()))
    }

    /// Adds bytes of any form as `<name>/<part>`.
    pub fn insert_bytes(&mut self, name: &str, part: &str, bytes: Vec<u8>) {
        let shape = [bytes.len()];
        let bytes = Bytes::from_bytes_vec(bytes);
        self.insert_raw(&format!("{name}/{part}"), DType::U8, &shape, bytes);
    }

    /// The bytes `<name>/<part>`.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if they are missing or not bytes.
    pub fn bytes(&self, name: &str, part: &str) -> Result<Vec<u8>, ArtifactError> {
        Ok(self.raw(&format!("{name}/{part}"), DType::U8)?.1)
    }

    /// The bytes `<name>/<part>`; `None` if there are none.
    ///
    /// # Errors
    ///
    /// [`ArtifactError::Part`] if they are not bytes.
    pub fn optional_bytes(&self, name: &str, part: &str) -> Result<Option<Vec<u8>>, ArtifactError> {
        if self.tensors.contains_key(&format!("{name}/{part}")) {
            self.bytes(name, part).map(Some)
        } else {
            Ok(None)
        }
    }

    fn insert_raw(&mut self, part: &str, dtype: DType, shape: &[usize], bytes: Bytes) {
        let tensor = Tensor::new(part.into(), dtype, shape.to_vec(), None, bytes);
        self.tensors.insert(part.into(), tensor);
    }

    fn raw(&self, part: &str, dtype: DType) -> Result<(Vec<usize>, Vec<u8>), ArtifactError> {
        let failed = |reason: String| ArtifactError::Part {
            part: part.into(),
            reason,
        };
        let tensor = self
            .tensors
            .get(part)
            .ok_or_else(|| failed("it is missing".into()))?;
        let tensor = self
            .expanded(part, tensor)
            .ok_or_else(|| failed("its scales do not fit".into()))?;
        if tensor.dtype != dtype {
            return Err(failed(format!(
                "its type is {:?}, expected {dtype:?}",
                tensor.dtype
            )));
        }
        let bytes = tensor.to_bytes().map_err(|e| failed(e.to_string()))?;
        Ok((tensor.shape.to_vec(), bytes.to_vec()))
    }
}

fn weights(name: &str) -> String {
    format!("{name}/weights/")
}

fn embeddings_part(name: &str) -> String {
    format!("{name}/gallery/embeddings")
}

fn places_part(name: &str) -> String {
    format!("{name}/gallery/places")
}

fn biases_part(name: &str) -> String {
    format!("{name}/gallery/biases")
}

fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
