//! The most probable cell, moved by its offset.

use burn::tensor::Tensor;
use geoloc_core::{
    CellFrames, CellOffsets, ConfigError, DecodeError, Decoder, PlaceMass, TemperatureScaling,
    estimate_from_masses,
};
use geoloc_geo_cells::{Estimate, LatLng, haversine_km};

use crate::rows::{Scores, check_finite, check_temperature, read_rows, scores, softmax_of_scores};

/// Answers the place of the most probable cell, moved by the offset of that cell; every candidate
/// is moved by its own offset.
///
/// About a place that was moved the mass of its cell lies closer than about the place of the cell:
/// its spread is that of the cell times the [residual](Self::with_residual), 1 unless it was
/// measured.
#[derive(Clone, Debug)]
pub struct HybridDecoder {
    frames: CellFrames,
    temperature: f64,
    residual: f64,
    keep: usize,
}

impl HybridDecoder {
    /// Decodes in the frames that the targets were made with, keeping the `keep` most probable
    /// cells as candidates.
    #[must_use]
    pub fn new(frames: CellFrames, keep: usize) -> Self {
        Self {
            frames,
            temperature: 1.0,
            residual: 1.0,
            keep,
        }
    }

    /// Divides logits by `temperature` before the softmax. It changes probabilities and radii, not
    /// the ranking.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is positive and finite.
    pub fn with_temperature(mut self, temperature: f64) -> Result<Self, ConfigError> {
        check_temperature(temperature)?;
        self.temperature = temperature;
        Ok(self)
    }

    /// The share of a cell's spread that is left once its offset is known: the median over
    /// validation photos of the distance from the moved place of their own cell, in spreads of that
    /// cell.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] unless it is finite and not negative.
    pub fn with_residual(mut self, residual: f64) -> Result<Self, ConfigError> {
        let ok = residual.is_finite() && residual >= 0.0;
        ConfigError::check(ok, "residual", residual, "finite and not negative")?;
        self.residual = residual;
        Ok(self)
    }

    /// What [`with_residual`](Self::with_residual) is the median of: for each item with a true place
    /// the distance of that place from the moved place of its own cell, in spreads of the cell.
    /// `None` for places in no cell, in a cell without spread, and for offsets that are not finite.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn residuals(
        &self,
        output: CellOffsets,
        truth: &[LatLng],
    ) -> Result<Vec<Option<f64>>, DecodeError> {
        let partition = self.frames.partition();
        let residual = |offsets: &Vec<f32>, place: LatLng| {
            let class = partition.index_of(place)?;
            let spread_km = partition.spread_km(class).filter(|&s| s > 0.0)?;
            let offset = offsets.get(2 * class..2 * class + 2)?;
            let offset = <[f32; 2]>::try_from(offset).ok()?.map(f64::from);
            let moved = self.frames.place(class, offset)?;
            Some(haversine_km(moved, place) / spread_km)
        };
        let offsets = self.offset_rows(output.offsets)?;
        let pairs = offsets.iter().zip(truth);
        Ok(pairs.map(|(row, &place)| residual(row, place)).collect())
    }

    /// East and north of each cell, `[batch, 2 cells]`.
    fn offset_rows(&self, offsets: Tensor<3>) -> Result<Vec<Vec<f32>>, DecodeError> {
        let [batch, found, two] = offsets.dims();
        let offsets = offsets.reshape([batch, found * two]);
        read_rows(offsets, 2 * self.frames.partition().len())
    }

    fn decode_row(
        &self,
        index: usize,
        logits: &[f32],
        offsets: &[f32],
    ) -> Result<Estimate, DecodeError> {
        check_finite(index, logits)?;
        check_finite(index, offsets)?;
        let partition = self.frames.partition();
        let scores: Vec<f64> = logits.iter().map(|&l| f64::from(l)).collect();
        let masses: Vec<PlaceMass> = softmax_of_scores(&scores, self.temperature)
            .into_iter()
            .zip(offsets.chunks_exact(2))
            .enumerate()
            .filter_map(|(class, (probability, offset))| {
                let offset = <[f32; 2]>::try_from(offset).ok()?.map(f64::from);
                let mass = PlaceMass::of_class(partition, class, probability)?;
                Some(PlaceMass {
                    location: self.frames.place(class, offset)?,
                    spread_km: self.residual * mass.spread_km,
                    ..mass
                })
            })
            .collect();
        estimate_from_masses(&masses, self.keep).ok_or(DecodeError::NotFinite { index })
    }
}

impl Decoder<CellOffsets> for HybridDecoder {
    fn decode(
        &self,
        output: CellOffsets,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let cells = self.frames.partition().len();
        let logits = read_rows(output.logits, cells)?;
        let offsets = self.offset_rows(output.offsets)?;
        Ok(logits
            .iter()
            .zip(&offsets)
            .enumerate()
            .map(|(index, (logits, offsets))| self.decode_row(index, logits, offsets))
            .collect())
    }
}

impl TemperatureScaling<CellOffsets> for HybridDecoder {
    /// The logits of the cells.
    fn scores(&self, output: CellOffsets) -> Scores {
        scores(output.logits, self.frames.partition().len())
    }

    fn at_temperature(self, temperature: f64) -> Result<Self, ConfigError> {
        self.with_temperature(temperature)
    }
}
