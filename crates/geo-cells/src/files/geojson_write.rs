//! Partitions as GeoJSON.

use geojson::{Feature, FeatureCollection, GeoJson, GeometryValue, JsonObject, JsonValue};
use serde_json::json;

use crate::partition::{Geometry, Partition, Polygon, RegionIndex};

use super::geojson_shape::cell_rings;

/// Name of the member that holds what concerns the whole partition.
pub(super) const MEMBER: &str = "geoloc_partition";

impl Partition {
    /// The partition as a GeoJSON feature collection (RFC 7946: longitude first), for maps and for
    /// [`from_geojson`](Self::from_geojson).
    ///
    /// Each class is a feature with the properties `class`, `count`, `latitude`, `longitude`,
    /// `spread_km`, `name` where there is one, and `tokens` (always text) for S2 cells. Its geometry
    /// is the outline of its cells or box, cut at the antimeridian, or the anchor of nearest-place
    /// ground. Polygons of regions are features of their own with the property `group`, and their
    /// classes are points with the group they share.
    #[must_use]
    pub fn to_geojson(&self) -> String {
        let mut features = Vec::with_capacity(self.len());
        let mut member = JsonObject::new();
        member.insert("version".into(), json!(1));
        let ground = match self.geometry() {
            Geometry::Cells(cells) => {
                let mut rings = vec![Vec::new(); self.len()];
                let mut tokens = vec![Vec::new(); self.len()];
                for (cell, class) in cells.iter() {
                    if let (Some(r), Some(t)) = (rings.get_mut(class), tokens.get_mut(class)) {
                        r.extend(cell_rings(cell).into_iter().map(|ring| vec![ring]));
                        t.push(json!(cell.token()));
                    }
                }
                for (class, (rings, tokens)) in rings.into_iter().zip(tokens).enumerate() {
                    let mut feature = self.feature(class, polygons(rings));
                    feature.set_property("tokens", tokens);
                    features.push(feature);
                }
                "cells"
            }
            Geometry::Boxes(boxes) => {
                for (class, b) in boxes.boxes().iter().enumerate() {
                    let ring = vec![
                        [b.min_lng, b.min_lat],
                        [b.max_lng, b.min_lat],
                        [b.max_lng, b.max_lat],
                        [b.min_lng, b.max_lat],
                        [b.min_lng, b.min_lat],
                    ];
                    features.push(self.feature(class, polygons(vec![vec![ring]])));
                }
                "boxes"
            }
            Geometry::Nearest(anchors) => {
                if let Some(km) = anchors.max_km() {
                    member.insert("max_km".into(), json!(km));
                }
                for (class, p) in anchors.places().iter().enumerate() {
                    let point = GeometryValue::new_point([p.lng(), p.lat()]);
                    features.push(self.feature(class, point));
                }
                "nearest"
            }
            Geometry::Regions(regions) => {
                features.extend(self.region_features(regions));
                "regions"
            }
        };
        member.insert("ground".into(), json!(ground));
        let mut collection = FeatureCollection::new(features);
        collection.foreign_members = Some(JsonObject::from_iter([(
            MEMBER.to_owned(),
            JsonValue::Object(member),
        )]));
        GeoJson::from(collection).to_string()
    }

    fn feature(&self, class: usize, geometry: GeometryValue) -> Feature {
        let location = self.location(class).unwrap_or_default();
        let mut feature = Feature::from(geometry);
        feature.set_property("class", class);
        feature.set_property("count", self.count(class).unwrap_or_default());
        feature.set_property("latitude", location.lat());
        feature.set_property("longitude", location.lng());
        feature.set_property("spread_km", self.spread_km(class).unwrap_or_default());
        if let Some(name) = self.name(class) {
            feature.set_property("name", name);
        }
        feature
    }

    fn region_features(&self, regions: &RegionIndex) -> Vec<Feature> {
        let mut features = Vec::new();
        for (polygon, group) in regions.polygons() {
            let mut feature = Feature::from(polygons(vec![closed(polygon)]));
            feature.set_property("group", group);
            features.push(feature);
        }
        for group in 0..regions.group_count() {
            for &class in regions.classes_of_group(group).unwrap_or_default() {
                let class = class as usize;
                let Some(seed) = regions.seeds().get(class) else {
                    continue;
                };
                let point = GeometryValue::new_point([seed.lng(), seed.lat()]);
                let mut feature = self.feature(class, point);
                feature.set_property("group", group);
                features.push(feature);
            }
        }
        features
    }
}

fn closed(polygon: &Polygon) -> Vec<Vec<[f64; 2]>> {
    let close = |ring: &Vec<[f64; 2]>| {
        let mut ring = ring.clone();
        ring.extend(ring.first().copied());
        ring
    };
    polygon.rings().iter().map(close).collect()
}

/// One polygon, or several.
fn polygons(mut list: Vec<Vec<Vec<[f64; 2]>>>) -> GeometryValue {
    match list.pop() {
        Some(only) if list.is_empty() => GeometryValue::new_polygon(only),
        Some(last) => {
            list.push(last);
            GeometryValue::new_multi_polygon(list)
        }
        None => GeometryValue::new_multi_polygon(list),
    }
}
