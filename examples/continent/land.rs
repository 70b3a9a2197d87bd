//! Which ground the scale run covers.

use geoloc_geo_cells::{CellId, LatLng, Level, RegionMap, haversine_km, read_regions_topojson};

use crate::Failure;

/// Land of Natural Earth 1:110 million, public domain.
const LAND: &str = include_str!("../data/land-110m.json");

/// The cells of `level` whose centre is on land, nearest to `middle` first, until they cover `km2`;
/// sorted by id. Answers also the area that they cover.
pub(crate) fn nearest_land(
    middle: LatLng,
    km2: f64,
    level: Level,
) -> Result<(Vec<CellId>, f64), Failure> {
    let land = RegionMap::new(read_regions_topojson(LAND, "land", "name", None)?)?;
    let mut radius = (km2 / std::f64::consts::PI).sqrt() * 1.2 + 20.0;
    loop {
        let mut found = Vec::new();
        for face in CellId::faces() {
            collect(face, level, middle, radius, &mut found);
        }
        found.retain(|(_, cell)| land.index_of(cell.center()).is_some());
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (mut chosen, mut area) = (Vec::new(), 0.0);
        for (_, cell) in found {
            if area >= km2 {
                break;
            }
            area += cell.area_km2();
            chosen.push(cell);
        }
        if area >= km2 {
            chosen.sort_unstable();
            return Ok((chosen, area));
        }
        if radius > 20_000.0 {
            return Err(format!("the Earth has less land than {km2} km2").into());
        }
        radius *= 1.5;
    }
}

fn collect(cell: CellId, level: Level, middle: LatLng, radius: f64, out: &mut Vec<(f64, CellId)>) {
    if cell.distance_km(middle) > radius {
        return;
    }
    if cell.level() < level {
        for child in cell.children().into_iter().flatten() {
            collect(child, level, middle, radius, out);
        }
        return;
    }
    let away = haversine_km(cell.center(), middle);
    if away <= radius {
        out.push((away, cell));
    }
}
