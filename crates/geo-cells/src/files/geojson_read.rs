//! Regions and partitions from GeoJSON.

use geojson::{Feature, FeatureCollection, GeoJson, Geometry as Shape, GeometryValue, JsonValue};
use thiserror::Error;

use crate::partition::{
    Anchors, BoxIndex, CellIndex, Class, Geometry, LatLngBox, Partition, PartitionError, Polygon,
    PolygonError, Region, RegionIndex,
};
use crate::{CellId, LatLng};

use super::encoding::{EncodingError, text_of};
use super::geojson_write::MEMBER;
use super::rings::polygon;

/// Why GeoJSON is not what was expected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GeoJsonError {
    /// The file is no UTF-8 text.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
    /// The text is not GeoJSON.
    #[error("the text is not GeoJSON: {0}")]
    Syntax(#[from] Box<geojson::Error>),
    /// The text is GeoJSON, but no feature collection.
    #[error("expected a feature collection")]
    Collection,
    /// The collection is not a partition of this library, or of a later version.
    #[error("the feature collection is not a partition of this library, version 1")]
    Partition,
    /// A feature lacks a property or has it with another type.
    #[error("feature {feature}: the property {property:?} is missing or of another type")]
    Property {
        /// Index of the feature.
        feature: usize,
        /// Name of the property.
        property: String,
    },
    /// A feature has no geometry, or none of the kind that is needed.
    #[error("feature {feature} has no usable geometry")]
    Geometry {
        /// Index of the feature.
        feature: usize,
    },
    /// Rings are not a polygon.
    #[error("feature {feature}: {source}")]
    Polygon {
        /// Index of the feature.
        feature: usize,
        /// What is wrong.
        source: PolygonError,
    },
    /// The features do not make a partition.
    #[error(transparent)]
    Classes(#[from] PartitionError),
}

fn collection(bytes: &[u8]) -> Result<FeatureCollection, GeoJsonError> {
    match text_of(bytes)?.parse::<GeoJson>().map_err(Box::new)? {
        GeoJson::FeatureCollection(collection) => Ok(collection),
        _ => Err(GeoJsonError::Collection),
    }
}

/// Regions from a GeoJSON feature collection: each feature with polygons is a region named by the
/// property `name`; `parent` is the property of the larger unit.
///
/// Features without polygons are skipped; a feature without the name is called by its number. The text
/// is UTF-8, with or without a byte order mark.
///
/// An edge of more than 180 degrees of longitude goes the shorter way around the world, as in files
/// that are not cut at the antimeridian: a region wider than that needs vertices between. A ring that
/// runs around a pole holds it.
///
/// # Errors
///
/// [`GeoJsonError`] if the text is not a feature collection, a polygon is none, or no feature has
/// polygons.
pub fn read_regions_geojson(
    text: impl AsRef<[u8]>,
    name: &str,
    parent: Option<&str>,
) -> Result<Vec<Region>, GeoJsonError> {
    let mut regions = Vec::new();
    for (index, feature) in collection(text.as_ref())?.features.into_iter().enumerate() {
        let Some(shape) = &feature.geometry else {
            continue;
        };
        let polygons = polygons_of(shape, polygon).map_err(|source| GeoJsonError::Polygon {
            feature: index,
            source,
        })?;
        if polygons.is_empty() {
            continue;
        }
        let text = |key: &str| feature.property(key).and_then(as_text);
        regions.push(Region {
            name: text(name).unwrap_or_else(|| format!("region {index}")),
            parent: parent.and_then(text),
            polygons,
        });
    }
    if regions.is_empty() {
        return Err(GeoJsonError::Geometry { feature: 0 });
    }
    Ok(regions)
}

/// Text as it is, numbers in digits.
pub(super) fn as_text(value: &JsonValue) -> Option<String> {
    match value {
        JsonValue::String(text) => Some(text.clone()),
        JsonValue::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

type Ring = Vec<[f64; 2]>;

/// The polygons of a shape, each made of its rings by `make`.
fn polygons_of(
    shape: &Shape,
    make: fn(Vec<Ring>) -> Result<Polygon, PolygonError>,
) -> Result<Vec<Polygon>, PolygonError> {
    let vertices = |ring: &Vec<geojson::Position>| {
        ring.iter()
            .map(|p| match p.as_slice() {
                [lng, lat, ..] => [*lng, *lat],
                // A position of fewer than two numbers is no place: the polygon refuses it.
                _ => [f64::NAN, f64::NAN],
            })
            .collect::<Vec<_>>()
    };
    let polygon = |rings: &Vec<Vec<geojson::Position>>| make(rings.iter().map(vertices).collect());
    match &shape.value {
        GeometryValue::Polygon { coordinates } => Ok(vec![polygon(coordinates)?]),
        GeometryValue::MultiPolygon { coordinates } => coordinates.iter().map(polygon).collect(),
        GeometryValue::GeometryCollection { geometries } => {
            let parts = geometries.iter().map(|part| polygons_of(part, make));
            Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
        }
        _ => Ok(Vec::new()),
    }
}

impl Partition {
    /// Reads what [`to_geojson`](Self::to_geojson) writes.
    ///
    /// # Errors
    ///
    /// [`GeoJsonError`] if the text is not a partition in GeoJSON, a feature is incomplete, or the
    /// classes contradict each other.
    pub fn from_geojson(text: impl AsRef<[u8]>) -> Result<Self, GeoJsonError> {
        let collection = collection(text.as_ref())?;
        let member = collection
            .foreign_members
            .as_ref()
            .and_then(|m| m.get(MEMBER));
        let get = |key: &str| member.and_then(|m| m.get(key));
        if get("version").and_then(JsonValue::as_u64) != Some(1) {
            return Err(GeoJsonError::Partition);
        }
        let features = collection.features.iter().enumerate();
        let features = features.map(|(index, feature)| Row { index, feature });
        let (rows, polygons): (Vec<Row<'_>>, Vec<Row<'_>>) =
            features.partition(|row| row.feature.contains_property("class"));
        let rows = in_order(rows)?;
        let geometry = match get("ground").and_then(JsonValue::as_str) {
            Some("cells") => cells(&rows)?,
            Some("boxes") => boxes(&rows)?,
            Some("nearest") => {
                let max_km = match get("max_km") {
                    None => None,
                    Some(value) => {
                        let km = value.as_f64().filter(|km| *km >= 0.0);
                        Some(km.ok_or(GeoJsonError::Partition)?)
                    }
                };
                let places = rows.iter().map(Row::point).collect::<Result<_, _>>()?;
                Geometry::Nearest(Anchors::new(places, max_km))
            }
            Some("regions") => regions(&rows, &polygons)?,
            _ => return Err(GeoJsonError::Partition),
        };
        let classes = rows.iter().map(Row::class).collect::<Result<Vec<_>, _>>()?;
        let named = rows.iter().any(|r| r.feature.contains_property("name"));
        let names = named.then(|| rows.iter().map(Row::name).collect::<Result<Vec<_>, _>>());
        Ok(Self::from_parts(&classes, names.transpose()?, geometry)?)
    }
}

/// The features of classes by their class, which must be numbered from 0 without gaps.
fn in_order(rows: Vec<Row<'_>>) -> Result<Vec<Row<'_>>, GeoJsonError> {
    let mut numbered = rows
        .into_iter()
        .map(|row| Ok((row.integer("class")?, row)))
        .collect::<Result<Vec<_>, GeoJsonError>>()?;
    numbered.sort_by_key(|(class, _)| *class);
    let mut gap = numbered.iter().zip(0_u64..);
    if let Some(((_, row), _)) = gap.find(|((class, _), expected)| class != expected) {
        return Err(row.missing("class"));
    }
    Ok(numbered.into_iter().map(|(_, row)| row).collect())
}

/// A feature with its index, for messages.
#[derive(Clone, Copy)]
struct Row<'a> {
    index: usize,
    feature: &'a Feature,
}

impl Row<'_> {
    fn missing(&self, property: &str) -> GeoJsonError {
        GeoJsonError::Property {
            feature: self.index,
            property: property.to_owned(),
        }
    }

    fn number(&self, property: &str) -> Result<f64, GeoJsonError> {
        let value = self.feature.property(property).and_then(JsonValue::as_f64);
        value.ok_or_else(|| self.missing(property))
    }

    fn integer(&self, property: &str) -> Result<u64, GeoJsonError> {
        let value = self.feature.property(property).and_then(JsonValue::as_u64);
        value.ok_or_else(|| self.missing(property))
    }

    fn name(&self) -> Result<String, GeoJsonError> {
        let name = self.feature.property("name").and_then(as_text);
        name.ok_or_else(|| self.missing("name"))
    }

    fn class(&self) -> Result<Class, GeoJsonError> {
        let location = LatLng::of_file(self.number("latitude")?, self.number("longitude")?)
            .map_err(|_| self.missing("latitude"))?;
        let spread_km = self.number("spread_km")?;
        if !(spread_km.is_finite() && spread_km >= 0.0) {
            return Err(self.missing("spread_km"));
        }
        Ok(Class {
            location,
            spread_km,
            count: self.integer("count")?,
        })
    }

    fn shape(&self) -> Result<&Shape, GeoJsonError> {
        self.feature
            .geometry
            .as_ref()
            .ok_or(GeoJsonError::Geometry {
                feature: self.index,
            })
    }

    fn point(&self) -> Result<LatLng, GeoJsonError> {
        let error = GeoJsonError::Geometry {
            feature: self.index,
        };
        match &self.shape()?.value {
            GeometryValue::Point { coordinates } => match coordinates.as_slice() {
                [lng, lat, ..] => LatLng::of_file(*lat, *lng).map_err(|_| error),
                _ => Err(error),
            },
            _ => Err(error),
        }
    }

    /// As `to_geojson` wrote them: edges were led the right way before.
    fn polygons(&self) -> Result<Vec<Polygon>, GeoJsonError> {
        polygons_of(self.shape()?, Polygon::new).map_err(|source| GeoJsonError::Polygon {
            feature: self.index,
            source,
        })
    }
}

fn cells(rows: &[Row<'_>]) -> Result<Geometry, GeoJsonError> {
    let mut cells = Vec::new();
    for (class, row) in (0_u32..).zip(rows) {
        let tokens = row.feature.property("tokens").and_then(JsonValue::as_array);
        for token in tokens.ok_or_else(|| row.missing("tokens"))? {
            let cell = token.as_str().and_then(|t| CellId::from_token(t).ok());
            cells.push((cell.ok_or_else(|| row.missing("tokens"))?, class));
        }
    }
    Ok(Geometry::Cells(CellIndex::new(cells, rows.len())?))
}

fn boxes(rows: &[Row<'_>]) -> Result<Geometry, GeoJsonError> {
    let mut boxes = Vec::with_capacity(rows.len());
    for row in rows {
        let polygons = row.polygons()?;
        let Some(polygon) = polygons.first() else {
            return Err(GeoJsonError::Geometry { feature: row.index });
        };
        let [min_lng, min_lat, max_lng, max_lat] = polygon.bounds();
        boxes.push(LatLngBox {
            min_lat,
            min_lng,
            max_lat,
            max_lng,
        });
    }
    Ok(Geometry::Boxes(BoxIndex::new(boxes)?))
}

fn regions(rows: &[Row<'_>], shapes: &[Row<'_>]) -> Result<Geometry, GeoJsonError> {
    let mut members: Vec<Vec<u32>> = Vec::new();
    for (class, row) in (0_u32..).zip(rows) {
        let group = row.integer("group")?;
        // Every group has a class, so there are no more groups than classes.
        let group = usize::try_from(group).ok().filter(|g| *g < rows.len());
        let group = group.ok_or_else(|| row.missing("group"))?;
        if members.len() <= group {
            members.resize(group + 1, Vec::new());
        }
        if let Some(list) = members.get_mut(group) {
            list.push(class);
        }
    }
    let mut polygons = Vec::new();
    for row in shapes {
        let group = u32::try_from(row.integer("group")?).map_err(|_| row.missing("group"))?;
        polygons.extend(row.polygons()?.into_iter().map(|polygon| (polygon, group)));
    }
    let seeds = rows.iter().map(Row::point).collect::<Result<_, _>>()?;
    Ok(Geometry::Regions(RegionIndex::new(
        polygons, members, seeds,
    )?))
}
