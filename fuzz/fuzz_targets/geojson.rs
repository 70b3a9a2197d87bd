//! Any text as regions or a partition in GeoJSON, or regions in TopoJSON.
#![no_main]

use geoloc_geo_cells::{LatLng, Partition, RegionMap, read_regions_geojson, read_regions_topojson};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(partition) = Partition::from_geojson(text) {
        let _ = partition.to_bytes();
    }
    let geojson = read_regions_geojson(text, "name", Some("land")).ok();
    let topojson = read_regions_topojson(text, "land", "name", None).ok();
    for regions in geojson.into_iter().chain(topojson) {
        let map = RegionMap::new(regions).expect("there are regions");
        for lat in [-90.0, -10.0, 0.0, 48.0, 90.0] {
            for lng in [-180.0, -1.0, 0.0, 2.0, 179.0] {
                let _ = map.region_of(LatLng::new(lat, lng).expect("a place"));
            }
        }
    }
});
