//! Any bytes as a table of coordinates, and what can be read through the builders.
#![no_main]

use geoloc_geo_cells::{
    AdaptivePartition, PartitionBuilder, PlacesOptions, QuadtreePartition, read_places,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // A header in front reaches the rows more often.
    let (with_header, rest) = match data.split_first() {
        Some((first, rest)) => (first % 2 == 0, rest),
        None => return,
    };
    let text = if with_header {
        [b"lat,lng\n", rest].concat()
    } else {
        rest.to_vec()
    };
    if let Ok(table) = read_places(text.as_slice(), &PlacesOptions::default()) {
        let adaptive = AdaptivePartition {
            split_above: 2,
            drop_below: 1,
            ..Default::default()
        };
        let (partition, report) = adaptive.build(&table.places).expect("there are points");
        assert_eq!(report.placed, table.places.len() as u64);
        assert_eq!(partition.counts().iter().sum::<u64>(), report.placed);
        let quadtree = QuadtreePartition {
            split_above: 2,
            ..Default::default()
        };
        let (_, report) = quadtree.build(&table.places).expect("there are points");
        assert_eq!(report.placed, table.places.len() as u64);
    }
});
