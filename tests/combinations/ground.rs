//! Partitions about the places of the batches.

use crate::batches::{at, truth};
use geoloc::geo_cells::{
    AdaptivePartition, GeoclassSetConfig, GeoclassSets, Hierarchy, NamedPlaces, NestedPartition,
    Partition, PartitionBuilder,
};
use std::sync::Arc;

/// Partitions about the places of the batch.
pub(crate) struct Ground {
    pub(crate) cells: Arc<Partition>,
    pub(crate) named: Arc<Partition>,
    pub(crate) hierarchy: Arc<Hierarchy>,
    pub(crate) sets: Arc<GeoclassSets>,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let mut places = truth();
        for i in 0..60 {
            let t = f64::from(i);
            places.push(at(70.0 * (0.7 * t).sin(), 170.0 * (0.31 * t).sin()));
        }
        let adaptive = |split_above| AdaptivePartition {
            split_above,
            drop_below: 1,
            ..AdaptivePartition::default()
        };
        let nested = NestedPartition {
            split_above: vec![30, 8],
            drop_below: 1,
            ..NestedPartition::default()
        };
        let set = |classes, node_cells| GeoclassSetConfig {
            classes,
            node_cells,
            ..GeoclassSetConfig::default()
        };
        let base = adaptive(4).build(&places).unwrap().0;
        let names = ["Paris", "Sydney", "New York"];
        let names = names.map(str::to_owned).into_iter().zip([0, 2, 3]);
        let names = names.map(|(name, i)| (name, places[i])).collect();
        Self {
            cells: Arc::new(adaptive(10).build(&places).unwrap().0),
            named: Arc::new(NamedPlaces::new(names).build(&places).unwrap().0),
            hierarchy: Arc::new(nested.build(&places).unwrap().0),
            sets: Arc::new(GeoclassSets::build(base, &[set(6, 0.0), set(8, 1.0)], &[]).unwrap()),
        }
    }
}
