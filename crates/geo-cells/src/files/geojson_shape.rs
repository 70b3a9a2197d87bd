//! Outlines of cells on a flat map.

use crate::{CellId, LatLng};

/// Rings of `[longitude, latitude]` inside [-180, 180]: one, or one for each side of the
/// antimeridian. Edges of large cells are drawn with intermediate points, since they are great
/// circles and the edges of GeoJSON are not.
pub(super) fn cell_rings(cell: CellId) -> Vec<Vec<[f64; 2]>> {
    let steps: u32 = match cell.level().get() {
        0 | 1 => 32,
        2..=4 => 8,
        5..=7 => 2,
        _ => 1,
    };
    let corners = cell.corners();
    let mut ring: Vec<[f64; 2]> = Vec::new();
    let mut previous = cell.center().lng();
    for k in 0..4 {
        let (a, b) = (corners[k], corners[(k + 1) % 4]);
        for step in 0..steps {
            let t = f64::from(step) / f64::from(steps);
            let v = [0, 1, 2].map(|i| a[i] + t * (b[i] - a[i]));
            let Some(p) = LatLng::from_vector(v) else {
                continue;
            };
            // At a pole every longitude is right: that of the neighbour is kept.
            let pole = p.lat().abs() > 90.0 - 1e-9;
            let lng = if pole {
                previous
            } else {
                near(p.lng(), previous)
            };
            previous = lng;
            ring.push([lng, p.lat()]);
        }
    }
    close_over_pole(&mut ring, cell);
    cut(&ring)
}

/// `lng` plus whole turns, nearest to `other`.
fn near(lng: f64, other: f64) -> f64 {
    lng + 360.0 * ((other - lng) / 360.0).round()
}

/// A ring that runs once around the world is led along the pole it holds, and one with a corner at
/// a pole gets both meridians there.
fn close_over_pole(ring: &mut Vec<[f64; 2]>, cell: CellId) {
    let (Some(&first), Some(&last)) = (ring.first(), ring.last()) else {
        return;
    };
    let pole = 90.0_f64.copysign(cell.center().lat());
    let end = near(first[0], last[0]);
    if (end - first[0]).abs() > 180.0 {
        ring.extend([[end, first[1]], [end, pole], [first[0], pole]]);
        return;
    }
    if let Some(k) = ring.iter().position(|p| p[1].abs() > 90.0 - 1e-9) {
        let next = ring[(k + 1) % ring.len()][0];
        let before = ring[(k + ring.len() - 1) % ring.len()][0];
        ring[k][0] = before;
        ring.insert(k + 1, [next, ring[k][1]]);
    }
}

/// Cuts at the antimeridian and closes the parts.
fn cut(ring: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut parts = Vec::new();
    for turn in [-360.0, 0.0, 360.0] {
        let moved: Vec<[f64; 2]> = ring.iter().map(|[x, y]| [x + turn, *y]).collect();
        let mut part = clip(&clip(&moved, -180.0, 1.0), 180.0, -1.0);
        part.dedup();
        let wide = part.iter().any(|p| (p[0] - part[0][0]).abs() > 0.0);
        if part.len() >= 3 && wide {
            part.push(part[0]);
            parts.push(part);
        }
    }
    parts
}

/// The part of a ring where `side * (longitude - limit)` is not negative (Sutherland and Hodgman
/// 1974).
fn clip(ring: &[[f64; 2]], limit: f64, side: f64) -> Vec<[f64; 2]> {
    let inside = |p: &[f64; 2]| side * (p[0] - limit) >= 0.0;
    let mut out = Vec::with_capacity(ring.len() + 4);
    for (k, p) in ring.iter().enumerate() {
        let q = ring[(k + 1) % ring.len()];
        if inside(p) {
            out.push(*p);
        }
        if inside(p) != inside(&q) {
            let t = (limit - p[0]) / (q[0] - p[0]);
            out.push([limit, p[1] + t * (q[1] - p[1])]);
        }
    }
    out
}
