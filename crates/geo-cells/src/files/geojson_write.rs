//! Partitions as GeoJSON.

use geojson::{Feature, FeatureCollection, GeoJson, GeometryValue, JsonObject, JsonValue};
use serde_json::json;

use crate::partition::{Class, Geometry, LatLngBox, Partition, Polygon, RegionIndex};

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
                let grounds = rings.into_iter().zip(tokens);
                for (class, (rings, tokens)) in self.classes().zip(grounds) {
                    let mut feature = class.feature(polygons(rings));
                    feature.set_property("tokens", tokens);
                    features.push(feature);
                }
                "cells"
            }
            Geometry::Boxes(boxes) => {
                for (class, b) in self.classes().zip(boxes.boxes()) {
                    features.push(class.feature(polygons(vec![vec![box_ring(b)]])));
                }
                "boxes"
            }
            Geometry::Nearest(anchors) => {
                if let Some(km) = anchors.max_km() {
                    member.insert("max_km".into(), json!(km));
                }
                for (class, p) in self.classes().zip(anchors.places()) {
                    let point = GeometryValue::new_point([p.lng(), p.lat()]);
                    features.push(class.feature(point));
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

    /// The classes, each with its number.
    fn classes(&self) -> impl Iterator<Item = NumberedClass<'_>> {
        (0..self.len()).filter_map(|number| {
            Some(NumberedClass {
                number,
                class: self.class(number)?,
                name: self.name(number),
            })
        })
    }

    fn region_features(&self, regions: &RegionIndex) -> Vec<Feature> {
        let mut features = Vec::new();
        for (polygon, group) in regions.polygons() {
            let mut feature = Feature::from(polygons(vec![closed(polygon)]));
            feature.set_property("group", group);
            features.push(feature);
        }
        let classes: Vec<NumberedClass<'_>> = self.classes().collect();
        for (group, members) in regions.groups().enumerate() {
            // Members are checked against the seeds when the index is made.
            for &class in members {
                let (class, seed) = (&classes[class as usize], regions.seeds()[class as usize]);
                let point = GeometryValue::new_point([seed.lng(), seed.lat()]);
                let mut feature = class.feature(point);
                feature.set_property("group", group);
                features.push(feature);
            }
        }
        features
    }
}

struct NumberedClass<'a> {
    number: usize,
    class: Class,
    name: Option<&'a str>,
}

impl NumberedClass<'_> {
    fn feature(&self, geometry: GeometryValue) -> Feature {
        let mut feature = Feature::from(geometry);
        feature.set_property("class", self.number);
        feature.set_property("count", self.class.count);
        feature.set_property("latitude", self.class.location.lat());
        feature.set_property("longitude", self.class.location.lng());
        feature.set_property("spread_km", self.class.spread_km);
        if let Some(name) = self.name {
            feature.set_property("name", name);
        }
        feature
    }
}

/// The outline of a box; the edges of a wide one have a vertex in the middle, since an edge of more
/// than 180 degrees would go the shorter way around the world.
fn box_ring(b: &LatLngBox) -> Vec<[f64; 2]> {
    let along = |lat: f64, from: f64, to: f64| {
        let middle = ((to - from).abs() > 180.0).then_some([0.5 * (from + to), lat]);
        [Some([from, lat]), middle, Some([to, lat])]
            .into_iter()
            .flatten()
    };
    let south = along(b.min_lat, b.min_lng, b.max_lng);
    let north = along(b.max_lat, b.max_lng, b.min_lng);
    let start = [b.min_lng, b.min_lat];
    south.chain(north).chain([start]).collect()
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
