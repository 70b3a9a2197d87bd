//! What an encoder sees of the tiles: their pixels, or features that another one computed.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;

use super::CompareConfig;
use super::ground::{Ground, Set};
use crate::backbones::SmallCnn;
use crate::backbones::feature_file::{FeatureFile, Precision, Precomputed};
use crate::core::{
    Backbone, BatchSource, ConfigError, Encoder, EncoderConfig, Features, GeoBatch, TargetEncoder,
};
use crate::datasets::{Preprocess, TileJitter, View, stable_hash};
use crate::features::{FeatureBatches, FeatureRun, FeatureRunError};
use crate::trainer::ProgressMode;
use crate::world::{CellBatches, WorldError};

/// Batches for one encoder and one kind of target.
pub(super) type Batches<'a, I, T> = Box<dyn BatchSource<Batch = GeoBatch<I, T>> + 'a>;

/// Where inputs come from.
pub(super) trait Views: Sync {
    type Encoder: Encoder;

    fn encoder(&self, device: &Device) -> Result<Self::Encoder, ConfigError>;

    /// What inputs depend on beside the tiles.
    fn source(&self) -> String;

    /// Training batches: the same tiles for every approach whose targets exist everywhere.
    fn batches<T: TargetEncoder>(
        &self,
        targets: T,
    ) -> Result<Batches<'_, <Self::Encoder as Encoder>::Input, T::Target>, WorldError>;

    /// Unchanged tiles of a set.
    fn inputs(
        &self,
        set: Set,
        rows: Range<usize>,
        device: &Device,
    ) -> Result<<Self::Encoder as Encoder>::Input, WorldError>;
}

/// Pixels, and an encoder trained from scratch.
pub(super) struct Pixels<'a> {
    pub(super) ground: &'a Ground,
    pub(super) config: &'a CompareConfig,
}

impl Views for Pixels<'_> {
    type Encoder = SmallCnn;

    fn encoder(&self, device: &Device) -> Result<SmallCnn, ConfigError> {
        self.config.encoder().init(device)
    }

    fn source(&self) -> String {
        "pixels".to_owned()
    }

    fn batches<T: TargetEncoder>(
        &self,
        targets: T,
    ) -> Result<Batches<'_, <SmallCnn as Encoder>::Input, T::Target>, WorldError> {
        Ok(Box::new(CellBatches {
            task: self.ground.task.clone(),
            places: None,
            targets,
            batch: self.config.batch,
            jitter: TileJitter::default(),
            seed: self.config.seed,
        }))
    }

    fn inputs(
        &self,
        set: Set,
        rows: Range<usize>,
        device: &Device,
    ) -> Result<<SmallCnn as Encoder>::Input, WorldError> {
        // Rows are those of a part of the set.
        let places = &self.ground.set(set)[rows];
        let tiles = self.ground.task.tiles(View::Query, places)?;
        self.ground.task.images(&tiles, device)
    }
}

/// A pretrained encoder that is not trained further.
#[derive(Clone, Debug)]
pub struct FrozenEncoder<E> {
    /// The network.
    pub encoder: E,
    /// What it reads.
    pub input: Preprocess,
    /// Its name before those of the methods.
    pub name: String,
    /// Hash of its weights.
    pub weights: String,
}

/// Features of a frozen encoder, computed once.
pub(super) struct Frozen<'a> {
    ground: &'a Ground,
    config: &'a CompareConfig,
    source: String,
    files: [Arc<FeatureFile>; 5],
}

impl<'a> Frozen<'a> {
    /// Encodes gallery and queries into files in `folder`, or takes them from there.
    pub(super) fn new<E: Backbone>(
        frozen: &FrozenEncoder<E>,
        ground: &'a Ground,
        config: &'a CompareConfig,
        folder: &Path,
        progress: ProgressMode,
        device: &Device,
    ) -> Result<Self, WorldError> {
        let run = FeatureRun::new(&frozen.encoder, frozen.input, Precision::F16, device)
            .pooled_only()
            .with_progress(progress);
        // Tiles of the size that the network reads.
        let (width, height) = frozen.input.output_size();
        let task = ground.task.at_pixels(width.max(height));
        let file = |set: Set| {
            let places = ground.set(set);
            let path = folder.join(format!("{set:?}.features").to_lowercase());
            let data = stable_hash(&format!("{} {places:?}", task.pixels()), 0).to_string();
            let photos = task.photos(View::Query, places, "tile")?;
            let photo = |row: u64| {
                let found = photos.get(row as usize).map(|p| p.photo.clone());
                found.ok_or(FeatureRunError::NoRow { row })
            };
            let file = run.run(places.len() as u64, &data, &frozen.weights, path, photo)?;
            Ok::<_, WorldError>(Arc::new(file))
        };
        Ok(Self {
            ground,
            config,
            source: format!("{} {:?}", frozen.weights, frozen.input),
            files: [
                file(Set::Gallery)?,
                file(Set::Seen)?,
                file(Set::Random)?,
                file(Set::Unseen)?,
                file(Set::Validation)?,
            ],
        })
    }

    fn file(&self, set: Set) -> &Arc<FeatureFile> {
        let [gallery, seen, random, unseen, validation] = &self.files;
        match set {
            Set::Gallery => gallery,
            Set::Seen => seen,
            Set::Random => random,
            Set::Unseen => unseen,
            Set::Validation => validation,
        }
    }
}

impl Views for Frozen<'_> {
    type Encoder = Precomputed;

    fn encoder(&self, _: &Device) -> Result<Precomputed, ConfigError> {
        Ok(Precomputed::new(self.file(Set::Gallery).layout().spec))
    }

    fn source(&self) -> String {
        self.source.clone()
    }

    fn batches<T: TargetEncoder>(
        &self,
        targets: T,
    ) -> Result<Batches<'_, Features, T::Target>, WorldError> {
        // Rows without a target would cost the whole batch.
        let device = Device::default();
        let rows = (0..)
            .zip(self.ground.set(Set::Gallery).iter().copied())
            .filter(|(_, place)| targets.encode(&[*place], &device).is_ok())
            .collect();
        Ok(Box::new(FeatureBatches::of_rows(
            self.file(Set::Gallery).clone(),
            rows,
            targets,
            self.config.batch,
            self.config.seed,
        )?))
    }

    fn inputs(
        &self,
        set: Set,
        rows: Range<usize>,
        device: &Device,
    ) -> Result<Features, WorldError> {
        let rows: Vec<u64> = rows.map(|row| row as u64).collect();
        Ok(self.file(set).features(&rows, device)?)
    }
}
