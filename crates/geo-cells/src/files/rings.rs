//! Rings as files have them: around the antimeridian, around a pole.

use crate::partition::{Polygon, PolygonError};

/// A polygon of rings of `[longitude, latitude]`, whose edges go the shorter way around the world.
pub(super) fn polygon(rings: Vec<Vec<[f64; 2]>>) -> Result<Polygon, PolygonError> {
    let rings = rings.into_iter().map(the_shorter_way).collect();
    Polygon::new(beside_the_first(rings))
}

/// Leads a ring on beyond the antimeridian instead of back around the world, and over the pole if it
/// runs around one. A ring that would have no width then, such as a band around the whole world from
/// -180 to 180 degrees, stays as it is.
fn the_shorter_way(mut ring: Vec<[f64; 2]>) -> Vec<[f64; 2]> {
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    let original = ring.clone();
    let mut previous = None;
    for vertex in &mut ring {
        if let Some(before) = previous {
            let offset: f64 = before - vertex[0];
            if offset.abs() > 180.0 {
                vertex[0] += 360.0 * (offset / 360.0).round();
            }
        }
        previous = Some(vertex[0]);
    }
    if let (Some(&[start, _]), Some(&[end, lat])) = (ring.first(), ring.last())
        && (end - start).abs() > 180.0
    {
        let pole = 90.0_f64.copysign(lat);
        // What is led over the pole already is led there once.
        while ring.len() > 1
            && ring
                .last()
                .is_some_and(|p| p[1].to_bits() == pole.to_bits())
        {
            ring.pop();
        }
        let end = ring.last().map_or(end, |p| p[0]);
        ring.extend([[end, pole], [start, pole]]);
    }
    if width(&ring) == 0.0 { original } else { ring }
}

fn width(ring: &[[f64; 2]]) -> f64 {
    let west = ring.iter().fold(f64::INFINITY, |west, p| west.min(p[0]));
    let east = ring
        .iter()
        .fold(f64::NEG_INFINITY, |east, p| east.max(p[0]));
    east - west
}

/// Moves holes by whole turns to where their outer ring is.
fn beside_the_first(mut rings: Vec<Vec<[f64; 2]>>) -> Vec<Vec<[f64; 2]>> {
    let mut bounds = (f64::INFINITY, f64::NEG_INFINITY);
    for [lng, _] in rings.first().into_iter().flatten() {
        bounds = (bounds.0.min(*lng), bounds.1.max(*lng));
    }
    for hole in rings.iter_mut().skip(1) {
        let Some(&[lng, _]) = hole.first() else {
            continue;
        };
        let inside = |turn: &f64| (bounds.0..=bounds.1).contains(&(lng + turn));
        // A hole outside its outer ring stays where it is.
        if let Some(turn) = [0.0, 360.0, -360.0].into_iter().find(inside) {
            for vertex in hole {
                vertex[0] += turn;
            }
        }
    }
    rings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp, reason = "vertices are moved by whole turns")]

    use super::*;

    fn bounds(ring: &[[f64; 2]]) -> [f64; 4] {
        polygon(vec![ring.to_vec()]).unwrap().bounds()
    }

    #[test]
    fn edges_go_the_shorter_way() {
        let fiji = [
            [178.0, -19.0],
            [-178.0, -19.0],
            [-178.0, -15.0],
            [178.0, -15.0],
        ];
        assert_eq!(bounds(&fiji), [178.0, -19.0, 182.0, -15.0]);
        // With vertices on the antimeridian itself.
        let seam = [
            [178.0, -17.0],
            [180.0, -17.0],
            [-180.0, -17.0],
            [-178.0, -17.0],
            [-178.0, -19.0],
            [-180.0, -19.0],
            [180.0, -19.0],
            [178.0, -19.0],
        ];
        assert_eq!(bounds(&seam), [178.0, -19.0, 182.0, -17.0]);
        let drawn_on = [
            [178.0, -19.0],
            [182.0, -19.0],
            [182.0, -15.0],
            [178.0, -15.0],
        ];
        assert_eq!(bounds(&drawn_on), [178.0, -19.0, 182.0, -15.0]);
    }

    #[test]
    fn bands_around_the_world_stay_and_rings_around_a_pole_hold_it() {
        let band = [
            [-180.0, -60.0],
            [180.0, -60.0],
            [180.0, 60.0],
            [-180.0, 60.0],
        ];
        assert_eq!(bounds(&band), [-180.0, -60.0, 180.0, 60.0]);
        let south: Vec<[f64; 2]> = (0..36)
            .map(|k| [f64::from(10 * k) - 180.0, -70.0])
            .collect();
        let once = polygon(vec![south]).unwrap();
        assert_eq!(once.bounds(), [-180.0, -90.0, 170.0, -70.0]);
        // Read again, it is the same.
        assert_eq!(polygon(once.rings().to_vec()).unwrap(), once);
        let closed = [
            [-180.0, -70.0],
            [0.0, -70.0],
            [180.0, -70.0],
            [180.0, -90.0],
            [-180.0, -90.0],
        ];
        let once = polygon(vec![closed.to_vec()]).unwrap();
        assert_eq!(once.bounds(), [-180.0, -90.0, 180.0, -70.0]);
        assert!(once.contains(90.0, -80.0) && once.contains(-90.0, -80.0));
    }
}
