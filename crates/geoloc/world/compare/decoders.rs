//! Parts of an output, decoded by themselves.

use std::sync::Arc;

use crate::core::{CellLogits, CellOffsets, DecodeError, Decoder, GeoclassLogits};
use crate::geo_cells::{Estimate, Partition};
use crate::heads::cell::CellDecoder;

/// One class set of a combinatorial partition.
pub(super) struct OneSet {
    pub(super) set: usize,
    pub(super) cells: CellDecoder,
}

impl Decoder<GeoclassLogits> for OneSet {
    fn decode(
        &self,
        output: GeoclassLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        let found = output.0.len();
        let logits = output.0.into_iter().nth(self.set);
        let logits = logits.ok_or(DecodeError::Width {
            expected: self.set + 1,
            found,
        })?;
        self.cells.decode(CellLogits(logits))
    }
}

/// The cells of a classifier with offsets, without the offsets.
pub(super) struct CellsAlone(pub(super) CellDecoder);

impl CellsAlone {
    pub(super) fn new(partition: Arc<Partition>, keep: usize) -> Self {
        Self(CellDecoder::new(partition, keep))
    }
}

impl Decoder<CellOffsets> for CellsAlone {
    fn decode(
        &self,
        output: CellOffsets,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        self.0.decode(CellLogits(output.logits))
    }
}
