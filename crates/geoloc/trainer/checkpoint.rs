//! Checkpoints: all that a run needs to go on as if it had not been interrupted.

use std::fmt::Write as _;
use std::path::Path;

use burn::module::Module;
use burn::optim::ModuleOptimizer;
use burn::store::ModuleRecord;
use burn::tensor::{Bytes, DType};
use burn_pack::{Reader, Tensor, Writer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::history::{History, Window};
use super::{TrainError, TrainerConfig};

const STATE: &str = "geoloc.trainer";
const CHECKSUM: &str = "geoloc.sha256";
const MODEL: &str = "model";
const BEST: &str = "best";
const OPTIMIZER: &str = "optimizer";

/// Where a run stands, apart from tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) config: TrainerConfig,
    /// Number of steps taken.
    pub(super) step: u64,
    pub(super) history: History,
    pub(super) window: Window,
    /// Lowest validation loss so far.
    pub(super) best_loss: Option<f64>,
    /// Validations in a row without a lower loss.
    pub(super) stale: u64,
    /// Whether the run has ended.
    pub(super) finished: bool,
    /// Number of the phase, counted from 0.
    #[serde(default)]
    pub(super) phase: usize,
    /// Number of steps taken when it began.
    #[serde(default)]
    pub(super) phase_start: u64,
    /// Seconds of training up to here.
    #[serde(default)]
    pub(super) seconds: f64,
}

/// A checkpoint read from disk.
pub(super) struct Checkpoint {
    pub(super) state: State,
    pub(super) model: ModuleRecord,
    pub(super) best: Option<ModuleRecord>,
    optimizer: Bytes,
}

impl Checkpoint {
    pub(super) fn restore_optimizer(
        &self,
        optimizer: ModuleOptimizer,
        path: &Path,
    ) -> Result<ModuleOptimizer, TrainError> {
        optimizer
            .from_bytes(self.optimizer.clone())
            .map_err(|e| failed(path, e))
    }
}

/// Writes a checkpoint; the file is either the old one or the new one, never half of one.
pub(super) fn write<M: Module>(
    path: &Path,
    state: &State,
    model: &M,
    best: Option<&ModuleRecord>,
    optimizer: &ModuleOptimizer,
) -> Result<(), TrainError> {
    let json = serde_json::to_string(state).map_err(|e| failed(path, e))?;
    let model = model.clone().into_record();
    let mut tensors = vec![
        blob(MODEL, model.into_bytes().map_err(|e| failed(path, e))?),
        blob(
            OPTIMIZER,
            optimizer.into_bytes().map_err(|e| failed(path, e))?,
        ),
    ];
    if let Some(best) = best {
        let bytes = best.clone().into_bytes().map_err(|e| failed(path, e))?;
        tensors.push(blob(BEST, bytes));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| failed(path, e))?;
    }
    let checksum = checksum(&json, &tensors).map_err(|e| failed(path, e))?;
    Writer::new(tensors)
        .with_metadata(STATE, &json)
        .with_metadata(CHECKSUM, &checksum)
        .auto_extension(false)
        .overwrite(true)
        .write_to_file(path)
        .map_err(|e| failed(path, e))
}

/// Reads a checkpoint; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Checkpoint>, TrainError> {
    if !path.exists() {
        return Ok(None);
    }
    let reader = Reader::from_file(path).map_err(|e| failed(path, e))?;
    let json = reader
        .metadata()
        .get(STATE)
        .ok_or_else(|| failed(path, "it is no checkpoint of this trainer"))?;
    let state: State = serde_json::from_str(json).map_err(|e| failed(path, e))?;
    let bytes = |name: &str| {
        reader
            .tensor_data(name)
            .map(Bytes::from_bytes_vec)
            .map_err(|e| failed(path, e))
    };
    let names: Vec<String> = reader.tensor_names().iter().map(|&n| n.into()).collect();
    let tensors = names
        .iter()
        .map(|name| Ok(blob(name, bytes(name)?)))
        .collect::<Result<Vec<Tensor>, TrainError>>()?;
    let found = checksum(json, &tensors).map_err(|e| failed(path, e))?;
    if reader.metadata().get(CHECKSUM) != Some(&found) {
        return Err(failed(path, "its checksum does not fit its content"));
    }
    let record = |name: &str| ModuleRecord::from_bytes(bytes(name)?).map_err(|e| failed(path, e));
    let has_best = reader.tensor_names().contains(&BEST);
    Ok(Some(Checkpoint {
        model: record(MODEL)?,
        best: has_best.then(|| record(BEST)).transpose()?,
        optimizer: bytes(OPTIMIZER)?,
        state,
    }))
}

/// SHA-256 over the state and over name and bytes of every tensor in the order of names, in hex:
/// burn's readers trust what they read.
fn checksum(state: &str, tensors: &[Tensor]) -> Result<String, burn_pack::Error> {
    let mut order: Vec<&Tensor> = tensors.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    hash.update((state.len() as u64).to_le_bytes());
    hash.update(state);
    for tensor in order {
        hash.update(&tensor.name);
        hash.update((tensor.byte_len() as u64).to_le_bytes());
        hash.update(&tensor.to_bytes()?[..]);
    }
    let mut hex = String::with_capacity(64);
    for byte in hash.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok(hex)
}

fn blob(name: &str, bytes: Bytes) -> Tensor {
    let length = bytes.len();
    Tensor::new(name.into(), DType::U8, [length], None, bytes)
}

fn failed(path: &Path, reason: impl std::fmt::Display) -> TrainError {
    TrainError::Checkpoint {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
