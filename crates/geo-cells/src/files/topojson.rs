//! Regions from TopoJSON, the compact form in which country borders are often published.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::partition::{Polygon, PolygonError, Region};

use super::encoding::{EncodingError, text_of};
use super::geojson_read::as_text;
use super::rings::polygon;

/// Why TopoJSON cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TopoJsonError {
    /// The file is no UTF-8 text.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The text is not TopoJSON.
    #[error("the text is not TopoJSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// There is no object of this name.
    #[error("no object {name:?} among {found:?}")]
    Object {
        /// The name asked for.
        name: String,
        /// The names there are.
        found: Vec<String>,
    },
    /// A geometry refers to an arc that does not exist, or an arc has a position of fewer than two
    /// numbers.
    #[error("geometry {geometry}: arc {arc} does not exist or is damaged")]
    Arc {
        /// Index of the geometry.
        geometry: usize,
        /// Reference to the arc.
        arc: i64,
    },
    /// Rings are not a polygon.
    #[error("geometry {geometry}: {source}")]
    Polygon {
        /// Index of the geometry.
        geometry: usize,
        /// What is wrong.
        source: PolygonError,
    },
    /// No geometry has polygons.
    #[error("the object {name:?} has no polygons")]
    NoPolygons {
        /// The name asked for.
        name: String,
    },
}

#[derive(Deserialize)]
struct Topology {
    objects: BTreeMap<String, Object>,
    arcs: Vec<Vec<Vec<f64>>>,
    transform: Option<Transform>,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 2],
    translate: [f64; 2],
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    geometries: Vec<Geometry>,
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    arcs: Value,
    id: Option<Value>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

/// Regions from the object `object` of a TopoJSON text (UTF-8, with or without a byte order mark): each geometry with polygons is a region
/// named by the property `name`, or else by its id; `parent` is the property of the larger unit.
///
/// Edges go the shorter way around the world, as in the published world atlas, whose polygons are
/// not cut at the antimeridian; a ring that runs around a pole holds it.
///
/// # Errors
///
/// [`TopoJsonError`] if the text is not TopoJSON, the object does not exist, arcs are missing, or
/// nothing in it has polygons.
pub fn read_regions_topojson(
    text: impl AsRef<[u8]>,
    object: &str,
    name: &str,
    parent: Option<&str>,
) -> Result<Vec<Region>, TopoJsonError> {
    let mut topology: Topology = serde_json::from_str(text_of(text.as_ref())?)?;
    let Some(found) = topology.objects.remove(object) else {
        return Err(TopoJsonError::Object {
            name: object.to_owned(),
            found: topology.objects.into_keys().collect(),
        });
    };
    let arcs: Vec<Option<Vec<[f64; 2]>>> = topology
        .arcs
        .iter()
        .map(|arc| decode(arc, topology.transform.as_ref()))
        .collect();
    let mut regions = Vec::new();
    for (index, geometry) in found.geometries.iter().enumerate() {
        let polygons = geometry.polygons(index, &arcs)?;
        if polygons.is_empty() {
            continue;
        }
        let text = |key: &str| geometry.properties.get(key).and_then(as_text);
        let id = || geometry.id.as_ref().and_then(as_text);
        regions.push(Region {
            name: text(name)
                .or_else(id)
                .unwrap_or_else(|| format!("region {index}")),
            parent: parent.and_then(text),
            polygons,
        });
    }
    if regions.is_empty() {
        return Err(TopoJsonError::NoPolygons {
            name: object.to_owned(),
        });
    }
    Ok(regions)
}

/// Positions of an arc: with a transform they are differences of whole numbers.
fn decode(arc: &[Vec<f64>], transform: Option<&Transform>) -> Option<Vec<[f64; 2]>> {
    let mut sum = [0.0, 0.0];
    arc.iter()
        .map(|position| {
            let [x, y, ..] = *position.as_slice() else {
                return None;
            };
            let Some(t) = transform else {
                return Some([x, y]);
            };
            sum = [sum[0] + x, sum[1] + y];
            let place = |k: usize| t.translate[k] + t.scale[k] * sum[k];
            // Rounding must not push a border at a pole or the antimeridian beyond it.
            Some([place(0).clamp(-540.0, 540.0), place(1).clamp(-90.0, 90.0)])
        })
        .collect()
}

impl Geometry {
    fn polygons(
        &self,
        index: usize,
        arcs: &[Option<Vec<[f64; 2]>>],
    ) -> Result<Vec<Polygon>, TopoJsonError> {
        let one: Vec<Vec<i64>>;
        let many: Vec<Vec<Vec<i64>>> = match self.kind.as_deref() {
            Some("Polygon") => {
                one = serde_json::from_value(self.arcs.clone())?;
                vec![one]
            }
            Some("MultiPolygon") => serde_json::from_value(self.arcs.clone())?,
            _ => Vec::new(),
        };
        many.iter()
            .map(|rings| {
                let rings = rings
                    .iter()
                    .map(|ring| stitch(ring, index, arcs))
                    .collect::<Result<Vec<_>, _>>()?;
                polygon(rings).map_err(|source| TopoJsonError::Polygon {
                    geometry: index,
                    source,
                })
            })
            .collect()
    }
}

/// Joins arcs to a ring; a negative reference `!k` is arc `k` backwards.
fn stitch(
    ring: &[i64],
    geometry: usize,
    arcs: &[Option<Vec<[f64; 2]>>],
) -> Result<Vec<[f64; 2]>, TopoJsonError> {
    let mut vertices: Vec<[f64; 2]> = Vec::new();
    for &reference in ring {
        let index = if reference < 0 { !reference } else { reference };
        let arc = usize::try_from(index)
            .ok()
            .and_then(|i| arcs.get(i))
            .and_then(Option::as_ref);
        let Some(arc) = arc else {
            return Err(TopoJsonError::Arc {
                geometry,
                arc: reference,
            });
        };
        // The first position repeats the last of the arc before.
        let skip = usize::from(!vertices.is_empty());
        if reference < 0 {
            vertices.extend(arc.iter().rev().skip(skip));
        } else {
            vertices.extend(arc.iter().skip(skip));
        }
    }
    Ok(vertices)
}
