//! Any bytes as a table of a partition: what can be read is written and read again unchanged.
#![no_main]

use geoloc_geo_cells::Partition;
use libfuzzer_sys::fuzz_target;

const HEADERS: [&str; 4] = [
    "class,token,latitude,longitude,count,spread_km\n",
    "cluster_id,min_lat,min_lon,max_lat,max_lon,mean_lat,mean_lon\n",
    "name,lat,lng\n",
    "",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let header = HEADERS[usize::from(*first) % HEADERS.len()];
    let text = [header.as_bytes(), rest].concat();
    if let Ok((partition, _)) = Partition::read_csv(text.as_slice()) {
        let bytes = partition.to_bytes();
        assert_eq!(
            Partition::from_bytes(&bytes).expect("own bytes").to_bytes(),
            bytes
        );
        let geojson = Partition::from_geojson(partition.to_geojson()).expect("own GeoJSON");
        assert_eq!(geojson.len(), partition.len());
        for place in partition.locations() {
            let _ = partition.index_of(*place);
            assert!(partition.nearest(*place).is_some());
        }
    }
});
