//! Which regions share a border.

use std::collections::{BTreeSet, HashMap};

use super::Region;

/// Neighbours of each region: those with a vertex within `tolerance` degrees of one of its own.
pub(super) fn adjacency(regions: &[Region], tolerance: f64) -> Vec<BTreeSet<usize>> {
    // Vertices by squares of the tolerance: near vertices are in the same or an adjoining square.
    let mut squares: HashMap<(i64, i64), BTreeSet<usize>> = HashMap::new();
    let columns = (360.0 / tolerance).ceil() as i64;
    for (i, region) in regions.iter().enumerate() {
        for &[lng, lat] in region
            .polygons
            .iter()
            .flat_map(|p| p.rings().iter().flatten())
        {
            let x = ((lng + 180.0).rem_euclid(360.0) / tolerance) as i64;
            squares
                .entry((x, (lat / tolerance).floor() as i64))
                .or_default()
                .insert(i);
        }
    }
    let mut neighbors = vec![BTreeSet::new(); regions.len()];
    for (&(x, y), here) in &squares {
        for dx in -1..=1 {
            for dy in -1..=1 {
                let there = ((x + dx).rem_euclid(columns), y + dy);
                let Some(others) = squares.get(&there) else {
                    continue;
                };
                for &a in here {
                    if let Some(set) = neighbors.get_mut(a) {
                        set.extend(others.iter().filter(|&&b| b != a));
                    }
                }
            }
        }
    }
    neighbors
}
