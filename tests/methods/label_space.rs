//! Partitions about given places.

use std::sync::Arc;

use geoloc::geo_cells::{
    AdaptivePartition, GeoclassSetConfig, GeoclassSets, Hierarchy, LatLng, NamedPlaces,
    NestedPartition, Partition, PartitionBuilder,
};

/// One of each kind of partition, of the same places.
pub(crate) struct LabelSpaces {
    pub(crate) cells: Arc<Partition>,
    pub(crate) named: Arc<Partition>,
    pub(crate) hierarchy: Arc<Hierarchy>,
    pub(crate) sets: Arc<GeoclassSets>,
}

impl LabelSpaces {
    /// Partitions of `places` whose cells are divided above so many of them, finest last; names at
    /// `named`; two sets of about so many classes.
    pub(crate) fn new(
        places: &[LatLng],
        named: &[LatLng],
        thresholds: [u64; 3],
        classes: [usize; 2],
    ) -> Self {
        let adaptive = |split_above| AdaptivePartition {
            split_above,
            drop_below: 1,
            ..AdaptivePartition::default()
        };
        let [coarse, middle, fine] = thresholds;
        let nested = NestedPartition {
            split_above: vec![coarse, middle],
            drop_below: 1,
            ..NestedPartition::default()
        };
        let [first, second] = classes;
        let sets = [(first, 0.0), (second, 1.0)].map(|(classes, node_cells)| GeoclassSetConfig {
            classes,
            node_cells,
            ..GeoclassSetConfig::default()
        });
        let base = adaptive(fine).build(places).unwrap().0;
        let names = named.iter().enumerate();
        let names = names.map(|(i, &at)| (format!("place {i}"), at)).collect();
        Self {
            cells: Arc::new(adaptive(middle).build(places).unwrap().0),
            named: Arc::new(NamedPlaces::new(names).build(places).unwrap().0),
            hierarchy: Arc::new(nested.build(places).unwrap().0),
            sets: Arc::new(GeoclassSets::build(base, &sets, &[]).unwrap()),
        }
    }
}
