//! Rows as points, regions as filters.

use std::collections::HashMap;

use geoloc_geo_cells::{CellId, LatLng};
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vector_output::Vector;
use qdrant_client::qdrant::vectors_output::VectorsOptions;
use qdrant_client::qdrant::{
    Condition, Filter, PointId, PointStruct, Range, ScoredPoint, Struct, Value,
};

use crate::candidates::Candidate;
use crate::signed::{from_signed, to_signed};
use crate::{Place, Region};

/// The S2 id, as a signed number of the same order.
pub(super) const CELL: &str = "cell";
/// The id of the row, as a signed number of the same order: what rows are numbered on from.
pub(super) const ROW: &str = "row";
/// Latitude and longitude, as Qdrant's own filters by place want them.
pub(super) const LOCATION: &str = "location";

/// A row as a point.
pub(super) fn point(id: u64, values: &[f32], place: Option<Place>) -> PointStruct {
    let mut payload = HashMap::from([(ROW.to_owned(), Value::from(to_signed(id)))]);
    if let Some(place) = place.map(Place::with_cell) {
        let degrees = HashMap::from([
            ("lat".to_owned(), Value::from(place.location.lat())),
            ("lon".to_owned(), Value::from(place.location.lng())),
        ]);
        let degrees = Kind::StructValue(Struct { fields: degrees });
        payload.insert(
            LOCATION.to_owned(),
            Value {
                kind: Some(degrees),
            },
        );
        if let Some(cell) = place.cell {
            payload.insert(CELL.to_owned(), Value::from(to_signed(cell.raw())));
        }
    }
    PointStruct {
        id: Some(id.into()),
        payload,
        vectors: Some(values.to_vec().into()),
    }
}

/// The row of a point; `None` if the point is none of this library's.
pub(super) fn candidate(point: ScoredPoint) -> Option<Candidate> {
    let id = number(&point.id?)?;
    let Vector::Dense(values) = (match point.vectors?.vectors_options? {
        VectorsOptions::Vector(vector) => vector.into_vector(),
        VectorsOptions::Vectors(_) => return None,
    }) else {
        return None;
    };
    Some(Candidate {
        id,
        place: place(&point.payload),
        values: values.data,
    })
}

/// The number of a point; `None` for one that has a UUID.
pub(super) fn number(id: &PointId) -> Option<u64> {
    match id.point_id_options {
        Some(PointIdOptions::Num(id)) => Some(id),
        _ => None,
    }
}

fn place(payload: &HashMap<String, Value>) -> Option<Place> {
    let Some(Kind::StructValue(location)) = &payload.get(LOCATION)?.kind else {
        return None;
    };
    let degrees = |key: &str| match location.fields.get(key)?.kind {
        Some(Kind::DoubleValue(degrees)) => Some(degrees),
        Some(Kind::IntegerValue(degrees)) => Some(degrees as f64),
        _ => None,
    };
    let location = LatLng::new(degrees("lat")?, degrees("lon")?).ok()?;
    let cell = match payload.get(CELL).and_then(|value| value.kind.as_ref()) {
        Some(Kind::IntegerValue(cell)) => CellId::try_from(from_signed(*cell)).ok(),
        _ => None,
    };
    Some(Place { location, cell })
}

/// The ranges of a region, each a little too wide: Qdrant compares numbers as f64, which has room for
/// 53 of the 64 bits of an S2 id. Rounding keeps order, so no row of the region is lost; what is too
/// much is taken away where candidates are ranked.
pub(super) fn filter(region: &Region) -> Filter {
    Filter::should(region.ranges.iter().map(|&(low, high)| {
        let range = Range {
            gte: Some((to_signed(low) as f64).next_down()),
            lte: Some((to_signed(high) as f64).next_up()),
            ..Range::default()
        };
        Condition::range(CELL, range)
    }))
}

/// Rows without a place.
pub(super) fn unplaced() -> Filter {
    Filter::must([Condition::is_empty(CELL)])
}
