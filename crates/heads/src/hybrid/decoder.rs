//! The most probable cell, moved by its offset.

use geoloc_core::{CellFrames, CellOffsets, DecodeError, Decoder, PlaceMass, estimate_from_masses};
use geoloc_geo_cells::Estimate;

use crate::rows::{check_finite, read_rows, softmax};

/// Answers the place of the most probable cell, moved by the offset of that cell; every candidate
/// is moved by its own offset.
#[derive(Clone, Debug)]
pub struct HybridDecoder {
    frames: CellFrames,
    keep: usize,
}

impl HybridDecoder {
    /// Decodes in the frames that the targets were made with, keeping the `keep` most probable
    /// cells as candidates.
    #[must_use]
    pub fn new(frames: CellFrames, keep: usize) -> Self {
        Self { frames, keep }
    }

    fn decode_row(
        &self,
        index: usize,
        logits: &[f32],
        offsets: &[f32],
    ) -> Result<Estimate, DecodeError> {
        check_finite(index, offsets)?;
        let partition = self.frames.partition();
        let masses: Vec<PlaceMass> = softmax(index, logits)?
            .into_iter()
            .zip(offsets.chunks_exact(2))
            .enumerate()
            .filter_map(|(class, (probability, offset))| {
                let offset = <[f32; 2]>::try_from(offset).ok()?.map(f64::from);
                Some(PlaceMass {
                    location: self.frames.place(class, offset)?,
                    probability,
                    spread_km: partition.spread_km(class)?,
                    cell: partition.cell(class),
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
        let [batch, found, two] = output.offsets.dims();
        let logits = read_rows(output.logits, cells)?;
        let offsets = read_rows(output.offsets.reshape([batch, found * two]), 2 * cells)?;
        Ok(logits
            .iter()
            .zip(&offsets)
            .enumerate()
            .map(|(index, (logits, offsets))| self.decode_row(index, logits, offsets))
            .collect())
    }
}
