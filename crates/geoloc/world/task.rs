//! Tiles, splits and preprocessing of the benchmark.

use std::path::PathBuf;
use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use thiserror::Error;

use crate::artifact::ArtifactError;
use crate::backbones::feature_file::FeatureFileError;
use crate::core::{ConfigError, DecodeError};
use crate::datasets::{
    Photo, PhotoSizeError, Preprocess, PreprocessError, RasterError, Tile, TileError, TileSpec,
    View, WorldSplit, WorldSplitConfig, WorldSplitError, render_batch, world,
};
use crate::evaluate::LocatedPhoto;
use crate::features::{FeatureBatchesError, FeatureRunError};
use crate::geo_cells::{LatLng, LatLngError, PartitionError};
use crate::heads::within_cell::ReferencePhotoError;
use crate::hybrid::{HybridCellsError, PrototypesError};
use crate::images::{EncodeError, stack};
use crate::locate::{BiasedIndexError, DomainError};
use crate::metrics::{MetricError, ReportError};
use crate::output::OutputError;
use crate::retrieval::{AddError, CalibrationError, FusedError, RefineError, SearchError};
use crate::trainer::TrainError;

/// What can go wrong in the benchmark.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorldError {
    /// The imagery could not be decoded.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// A tile could not be described.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// The world could not be split.
    #[error(transparent)]
    Split(#[from] WorldSplitError),
    /// The places could not be divided into cells.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// A tile is no photo.
    #[error(transparent)]
    Photo(#[from] PhotoSizeError),
    /// A tile could not be prepared for a model.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// A model could not be built.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A model could not be trained.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// Rows could not be indexed.
    #[error(transparent)]
    Index(#[from] AddError),
    /// Codes and biases make no index.
    #[error(transparent)]
    BiasedIndex(#[from] BiasedIndexError),
    /// Photos cannot be searched within cells.
    #[error(transparent)]
    ReferencePhoto(#[from] ReferencePhotoError),
    /// A metric could not be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The report could not be put together.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A picture could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A file of results could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The model file could not be put together.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// There are no statistics of the domain.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// No place of a kind was found.
    #[error("no place was found: are there cells with and without ground photos?")]
    NoPlace,
    /// The cells make no hybrid database.
    #[error(transparent)]
    Cells(#[from] HybridCellsError),
    /// Prototypes could not be read back.
    #[error(transparent)]
    Prototypes(#[from] PrototypesError),
    /// Cell codes could not be fused.
    #[error(transparent)]
    Fused(#[from] FusedError),
    /// The best cells could not be made into one place.
    #[error(transparent)]
    Refine(#[from] RefineError),
    /// No weight of the prototypes was found.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// Features could not be computed.
    #[error(transparent)]
    Features(#[from] FeatureRunError),
    /// Features could not be read.
    #[error(transparent)]
    FeatureFile(#[from] FeatureFileError),
    /// Features make no batches.
    #[error(transparent)]
    FeatureBatches(#[from] FeatureBatchesError),
    /// A place is none.
    #[error(transparent)]
    Place(#[from] LatLngError),
    /// The output of a model does not fit its decoder.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A file of results could not be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Settings could not be written as JSON, by which results on the disk are recognised.
    #[error("the settings cannot be written as JSON: {0}")]
    Settings(#[source] serde_json::Error),
    /// No query was answered, so that no error can be typical.
    #[error("{method}: no query was answered")]
    NoAnswer {
        /// The method.
        method: String,
    },
    /// The report lacks a figure.
    #[error("the report has no {figure} of {method}")]
    NoFigure {
        /// The method.
        method: &'static str,
        /// The figure.
        figure: String,
    },
    /// A tensor could not be read from its device.
    #[error("a tensor could not be read: {reason}")]
    Device {
        /// What burn said.
        reason: String,
    },
}

/// The benchmark at one size of tile.
#[derive(Clone, Debug)]
pub struct WorldTask {
    split: Arc<WorldSplit>,
    input: Preprocess,
    pixels: u32,
}

impl WorldTask {
    /// The default split with tiles of `pixels` pixels a side.
    ///
    /// # Errors
    ///
    /// [`WorldError`] if the shipped imagery cannot be decoded.
    pub fn new(pixels: u32) -> Result<Self, WorldError> {
        Self::with_split(WorldSplitConfig::default(), pixels)
    }

    /// Another split.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn with_split(split: WorldSplitConfig, pixels: u32) -> Result<Self, WorldError> {
        Ok(Self {
            split: Arc::new(WorldSplit::new(split, world::surface()?)?),
            input: Preprocess::square(pixels),
            pixels,
        })
    }

    /// The same benchmark with tiles of another number of pixels.
    #[must_use]
    pub fn at_pixels(&self, pixels: u32) -> Self {
        Self {
            split: self.split.clone(),
            input: Preprocess::square(pixels),
            pixels,
        }
    }

    /// Side of a tile in pixels.
    #[must_use]
    pub fn pixels(&self) -> u32 {
        self.pixels
    }

    /// Which places train and which are held out.
    #[must_use]
    pub fn split(&self) -> &Arc<WorldSplit> {
        &self.split
    }

    /// Preprocessing of every model trained here.
    #[must_use]
    pub fn input(&self) -> &Preprocess {
        &self.input
    }

    /// Side of a tile in km.
    #[must_use]
    pub fn side_km(&self) -> f64 {
        self.split.config().side_km
    }

    /// RGB bytes of one tile per place, in order.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn tiles(&self, view: View, places: &[LatLng]) -> Result<Vec<Vec<u8>>, WorldError> {
        self.changed_tiles(view, places, |_, spec| Ok(spec))
    }

    /// Tiles with the spec of tile number `i` changed by `change(i, spec)`.
    ///
    /// # Errors
    ///
    /// [`WorldError`], also if `change` fails.
    pub fn changed_tiles(
        &self,
        view: View,
        places: &[LatLng],
        change: impl Fn(u64, TileSpec) -> Result<TileSpec, TileError>,
    ) -> Result<Vec<Vec<u8>>, WorldError> {
        let raster = view.raster()?;
        let specs = places
            .iter()
            .zip(0u64..)
            .map(|(&place, i)| {
                let spec = TileSpec::new(place, self.side_km(), self.pixels as usize)?;
                change(i, spec)
            })
            .collect::<Result<Vec<_>, TileError>>()?;
        Ok(render_batch(&specs, &raster)
            .into_iter()
            .map(Tile::into_rgb)
            .collect())
    }

    /// Tiles as photos with their places, named `<prefix>-0000` and so on.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn photos(
        &self,
        view: View,
        places: &[LatLng],
        prefix: &str,
    ) -> Result<Vec<LocatedPhoto>, WorldError> {
        let side = self.pixels;
        self.tiles(view, places)?
            .into_iter()
            .zip(places)
            .enumerate()
            .map(|(i, (rgb, &location))| {
                Ok(LocatedPhoto {
                    id: format!("{prefix}-{i:04}"),
                    photo: Photo::from_rgb(side, side, rgb)?,
                    location,
                })
            })
            .collect()
    }

    /// Prepares tiles and stacks them into `[batch, 3, pixels, pixels]`.
    ///
    /// # Errors
    ///
    /// [`WorldError::Preprocess`] if a tile has another size.
    pub fn images(&self, tiles: &[Vec<u8>], device: &Device) -> Result<Tensor<4>, WorldError> {
        let prepared = tiles
            .iter()
            .map(|tile| self.input.apply_rgb(tile, self.pixels, self.pixels))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(stack(&prepared, &self.input, device))
    }
}
