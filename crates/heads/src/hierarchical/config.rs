//! Configuration of the hierarchical head.

use burn::tensor::Device;
use geoloc_core::{ConfigError, FeatureSpec, HeadConfig};
use serde::{Deserialize, Serialize};

use super::HierarchicalHead;
use crate::several::SeveralLinear;

/// Configuration of a [`HierarchicalHead`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HierarchicalHeadConfig {
    /// Number of cells of each level, coarsest first: the lengths of the partitions.
    pub cells: Vec<usize>,
    /// Probability with which a feature is dropped in training, in [0, 1).
    #[serde(default)]
    pub dropout: f64,
}

impl HeadConfig for HierarchicalHeadConfig {
    type Head = HierarchicalHead;

    fn init(
        &self,
        features: &FeatureSpec,
        device: &Device,
    ) -> Result<HierarchicalHead, ConfigError> {
        Ok(HierarchicalHead {
            levels: SeveralLinear::new("cells", &self.cells, self.dropout, features, device)?,
        })
    }
}
