//! An encoder over a data set.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use burn::tensor::Device;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::backbones::feature_file::{
    FeatureFile, FeatureFileError, FeatureKey, FeatureLayout, FeatureWriter, Precision,
};
use crate::core::Backbone;
use crate::datasets::{Photo, PhotoFileError, Preprocess, PreprocessError, decode_photo};
use crate::images::stack;
use crate::job::{JobError, JobInput, JobRecord, content_of, hex, path_text};
use crate::trainer::{Progress, ProgressMode};

/// Runs a frozen encoder over photos and keeps its features in a file.
#[derive(Clone, Debug)]
pub struct FeatureRun<E> {
    encoder: E,
    input: Preprocess,
    precision: Precision,
    tokens: bool,
    batch: usize,
    progress: ProgressMode,
    device: Device,
}

/// Why there are no features.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FeatureRunError {
    /// A photo cannot be read. Leave it out of the list: a row of zeros would be a lie.
    #[error(transparent)]
    Photo(#[from] PhotoFileError),
    /// A photo cannot be brought into the form that the encoder reads.
    #[error("row {row}: {source}")]
    Input {
        /// Position in the list.
        row: u64,
        /// What is wrong with it.
        #[source]
        source: PreprocessError,
    },
    /// A row is asked for that is not there.
    #[error("there is no row {row}")]
    NoRow {
        /// Which one.
        row: u64,
    },
    /// The preprocessing cannot be written into the key of the file.
    #[error("the preprocessing cannot be written as JSON: {0}")]
    Key(#[source] serde_json::Error),
    /// A file cannot be read for its hash.
    #[error("{}: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file was made of other photos, or with another preprocessing or other weights.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The features cannot be written or read.
    #[error(transparent)]
    File(#[from] FeatureFileError),
}

impl<E: Backbone> FeatureRun<E> {
    /// Encodes with `encoder`, put into inference mode, what `input` makes of the photos.
    #[must_use]
    pub fn new(encoder: &E, input: Preprocess, precision: Precision, device: &Device) -> Self {
        Self {
            encoder: encoder.valid().for_inference(),
            input,
            precision,
            tokens: true,
            batch: 16,
            progress: ProgressMode::Auto,
            device: device.clone(),
        }
    }

    /// Keeps only the pooled features: a `tokens + 1`-th of the size.
    #[must_use]
    pub fn pooled_only(mut self) -> Self {
        self.tokens = false;
        self
    }

    /// Photos that are encoded together; also what is lost at most when the run is cut off.
    #[must_use]
    pub fn with_batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Shows progress or not.
    #[must_use]
    pub fn with_progress(mut self, progress: ProgressMode) -> Self {
        self.progress = progress;
        self
    }

    /// The features of photo files in their order, from `path` if they were computed before, else
    /// written there. `weights` is the hash of the encoder's weights, and whatever else tells the
    /// encoder from others. The data are told by their content; `PATH.inputs` records it, so that a photo
    /// that was changed since is named.
    ///
    /// # Errors
    ///
    /// [`FeatureRunError`]; what was computed before the error stays.
    pub fn of_photos(
        &self,
        photos: &[PathBuf],
        weights: &str,
        path: impl AsRef<Path>,
    ) -> Result<FeatureFile, FeatureRunError> {
        let path = path.as_ref();
        let (data, contents) = contents(photos)?;
        self.record(contents, weights, path)?;
        self.run(photos.len() as u64, &data, weights, path, |row| {
            let path = usize::try_from(row).ok().and_then(|row| photos.get(row));
            let path = path.ok_or(FeatureRunError::NoRow { row })?;
            Ok(decode_photo(path.clone())?)
        })
    }

    /// Records beside a file that is not there yet what it is made of, and compares with the record of
    /// one that is: the photo that differs is named.
    fn record(
        &self,
        inputs: Vec<JobInput>,
        weights: &str,
        path: &Path,
    ) -> Result<(), FeatureRunError> {
        let settings = serde_json::json!({ "weights": weights, "input": self.input });
        let record = JobRecord { settings, inputs };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".inputs");
        let beside = PathBuf::from(beside);
        if !path.exists() {
            record.write(&beside)?;
        } else if beside.exists() {
            record.check(&beside, path)?;
        }
        Ok(())
    }

    /// The features of `rows` photos that `photo` gives by their position; `data` is a hash of all of
    /// them. Photos are made one batch ahead on another thread.
    ///
    /// # Errors
    ///
    /// As [`of_photos`](Self::of_photos).
    pub fn run(
        &self,
        rows: u64,
        data: &str,
        weights: &str,
        path: impl AsRef<Path>,
        photo: impl Fn(u64) -> Result<Photo, FeatureRunError> + Sync,
    ) -> Result<FeatureFile, FeatureRunError> {
        let path = path.as_ref();
        let key = FeatureKey {
            data: data.to_owned(),
            weights: weights.to_owned(),
            input: serde_json::to_string(&self.input).map_err(FeatureRunError::Key)?,
        };
        let mut spec = self.encoder.spec();
        if !self.tokens {
            spec.grid = None;
        }
        let layout = FeatureLayout {
            rows,
            spec,
            precision: self.precision,
        };
        match FeatureFile::open_for(path, &key) {
            Ok(file) if file.layout() == layout => {
                file.verify()?;
                return Ok(file);
            }
            Err(other @ FeatureFileError::OtherKey { .. }) => return Err(other.into()),
            // Absent, unfinished or of another layout: the writer says which.
            _ => {}
        }
        let mut writer = FeatureWriter::open(path, key, layout)?;
        let done = writer.done();
        let prepare = |row: u64| {
            let prepared = self.input.apply(&photo(row)?);
            prepared.map_err(|source| FeatureRunError::Input { row, source })
        };
        let mut progress = Progress::new(self.progress, "features", done, rows);
        std::thread::scope(|scope| -> Result<(), FeatureRunError> {
            let (sender, receiver) = sync_channel(1);
            let (prepare, size) = (&prepare, self.batch as u64);
            scope.spawn(move || {
                for first in (done..rows).step_by(size as usize) {
                    let batch = (first..rows.min(first + size)).map(prepare).collect();
                    let batch: Result<Vec<Vec<f32>>, FeatureRunError> = batch;
                    let failed = batch.is_err();
                    // The receiver is gone once a write has failed.
                    if sender.send(batch).is_err() || failed {
                        break;
                    }
                }
            });
            for batch in receiver {
                let images = stack(&batch?, &self.input, &self.device);
                let mut features = self.encoder.encode(images);
                if !self.tokens {
                    features.tokens = None;
                }
                writer.append(features)?;
                progress.advance(writer.done(), rows);
            }
            Ok(())
        })?;
        progress.finish();
        Ok(writer.finish()?)
    }
}

/// SHA-256 over the contents of files in their order, in hexadecimal digits.
///
/// # Errors
///
/// [`FeatureRunError::Io`] names the file.
pub fn hash_of_files(paths: &[PathBuf]) -> Result<String, FeatureRunError> {
    Ok(contents(paths)?.0)
}

/// The hash over all files, and that of each.
fn contents(paths: &[PathBuf]) -> Result<(String, Vec<JobInput>), FeatureRunError> {
    let mut all = Sha256::new();
    let mut inputs = Vec::with_capacity(paths.len());
    for path in paths {
        let failed = |source| FeatureRunError::Io {
            path: path.clone(),
            source,
        };
        let bytes = std::fs::metadata(path).map_err(failed)?.len();
        all.update(bytes.to_le_bytes());
        let (read, sha256) = content_of(path, |block| all.update(block)).map_err(failed)?;
        if read != bytes {
            let reason = "the file changed while it was read";
            return Err(failed(std::io::Error::other(reason)));
        }
        let mut input = JobInput::new(path_text(path), serde_json::Value::Null);
        input.bytes = Some(bytes);
        input.sha256 = Some(sha256);
        inputs.push(input);
    }
    Ok((hex(&all.finalize()), inputs))
}
