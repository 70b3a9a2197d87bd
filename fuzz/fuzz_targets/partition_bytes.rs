//! Any bytes as the binary forms. The checksum is set right, so that the fields behind it are
//! reached.
#![no_main]

use geoloc_geo_cells::{GeoclassSets, Hierarchy, Partition};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fuzz_target!(|data: &[u8]| {
    read(data);
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let mut bytes = b"GEOCELLS".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend((1 + u32::from(first % 3)).to_le_bytes());
    bytes.extend(rest);
    let digest = Sha256::digest(&bytes);
    bytes.extend(digest);
    read(&bytes);
});

fn read(bytes: &[u8]) {
    if let Ok(partition) = Partition::from_bytes(bytes) {
        assert_eq!(partition.to_bytes(), bytes);
        for place in partition.locations() {
            let class = partition.index_of(*place);
            assert!(class.is_none_or(|c| c < partition.len()));
        }
        let _ = partition.to_geojson();
    }
    if let Ok(hierarchy) = Hierarchy::from_bytes(bytes) {
        assert_eq!(hierarchy.to_bytes(), bytes);
    }
    if let Ok(sets) = GeoclassSets::from_bytes(bytes) {
        assert_eq!(sets.to_bytes(), bytes);
    }
}
