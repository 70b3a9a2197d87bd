//! Names with probabilities.

use std::sync::Arc;

use geoloc_core::{CellLogits, DecodeError, Decoder};
use geoloc_geo_cells::{Estimate, Partition};

use crate::cell::CellDecoder;
use crate::rows::{read_rows, softmax};

/// A class that was recognised.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedClass {
    /// Index of the class in the partition.
    pub class: usize,
    /// Its name, or its index in words where classes have no names.
    pub name: String,
    /// Its probability.
    pub probability: f64,
}

/// Answers names, and as a [`Decoder`] the places that stand for them.
#[derive(Clone, Debug)]
pub struct NamedClassDecoder {
    partition: Arc<Partition>,
    keep: usize,
}

impl NamedClassDecoder {
    /// Decodes logits over `partition`, keeping the `keep` most probable names.
    #[must_use]
    pub fn new(partition: Arc<Partition>, keep: usize) -> Self {
        Self { partition, keep }
    }

    /// The most probable names of each item, best first; of equals the lower class comes first.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn names(
        &self,
        output: CellLogits,
    ) -> Result<Vec<Result<Vec<NamedClass>, DecodeError>>, DecodeError> {
        let rows = read_rows(output.0, self.partition.len())?;
        Ok(rows
            .iter()
            .enumerate()
            .map(|(index, row)| {
                let mut ranked: Vec<(usize, f64)> =
                    softmax(index, row)?.into_iter().enumerate().collect();
                ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
                ranked.truncate(self.keep);
                let named = |(class, probability)| NamedClass {
                    class,
                    name: self
                        .partition
                        .name(class)
                        .map_or_else(|| format!("class {class}"), str::to_owned),
                    probability,
                };
                Ok(ranked.into_iter().map(named).collect())
            })
            .collect())
    }
}

impl Decoder<CellLogits> for NamedClassDecoder {
    fn decode(
        &self,
        output: CellLogits,
    ) -> Result<Vec<Result<Estimate, DecodeError>>, DecodeError> {
        CellDecoder::new(self.partition.clone(), self.keep).decode(output)
    }
}
