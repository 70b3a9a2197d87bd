//! Nearest of many places.

use geoloc_geo_cells::{LatLng, haversine_km};

use crate::sphere::dot;

/// A k-d tree over unit vectors: implicit, balanced, the median of each slice is its root.
#[derive(Debug, Clone)]
pub(crate) struct NearestPlace {
    nodes: Vec<([f64; 3], LatLng)>,
}

impl NearestPlace {
    pub(crate) fn new(places: impl IntoIterator<Item = LatLng>) -> Self {
        let mut nodes: Vec<_> = places
            .into_iter()
            .map(|p| (p.to_unit_vector(), p))
            .collect();
        arrange(&mut nodes, 0);
        Self { nodes }
    }

    /// Distance in km to the nearest place; none if there is no place.
    pub(crate) fn distance_km(&self, to: LatLng) -> Option<f64> {
        let mut best: Option<(f64, LatLng)> = None;
        search(&self.nodes, 0, to.to_unit_vector(), &mut best);
        best.map(|(_, place)| haversine_km(to, place))
    }
}

fn arrange(nodes: &mut [([f64; 3], LatLng)], axis: usize) {
    if nodes.len() < 2 {
        return;
    }
    let middle = nodes.len() / 2;
    let along = |n: &([f64; 3], LatLng)| n.0[axis % 3];
    nodes.select_nth_unstable_by(middle, |a, b| along(a).total_cmp(&along(b)));
    let (low, high) = nodes.split_at_mut(middle);
    arrange(low, (axis + 1) % 3);
    if let Some((_, high)) = high.split_first_mut() {
        arrange(high, (axis + 1) % 3);
    }
}

fn search(
    nodes: &[([f64; 3], LatLng)],
    axis: usize,
    to: [f64; 3],
    best: &mut Option<(f64, LatLng)>,
) {
    let (low, rest) = nodes.split_at(nodes.len() / 2);
    let Some((&(vector, place), high)) = rest.split_first() else {
        return;
    };
    let difference: [f64; 3] = std::array::from_fn(|k| to[k] - vector[k]);
    let squared = dot(difference, difference);
    if best.is_none_or(|(d, _)| squared < d) {
        *best = Some((squared, place));
    }
    let gap = difference[axis % 3];
    let (near, far) = if gap < 0.0 { (low, high) } else { (high, low) };
    search(near, (axis + 1) % 3, to, best);
    if best.is_none_or(|(d, _)| gap * gap < d) {
        search(far, (axis + 1) % 3, to, best);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stable_hash::Draws;

    #[test]
    fn agrees_with_a_full_search() {
        let mut draws = Draws::new(1, 2);
        let mut place = || LatLng::new(180.0 * draws.unit() - 90.0, 360.0 * draws.unit()).unwrap();
        let places: Vec<_> = (0..500).map(|_| place()).collect();
        let tree = NearestPlace::new(places.iter().copied());
        for _ in 0..500 {
            let to = place();
            let full = places
                .iter()
                .map(|&p| haversine_km(to, p))
                .fold(f64::MAX, f64::min);
            assert!((tree.distance_km(to).unwrap() - full).abs() < 1e-6);
        }
        assert_eq!(NearestPlace::new([]).distance_km(place()), None);
    }
}
