//! Circles that hold a given share of the mass of several discs.

use std::f64::consts::PI;

/// Mass that is even over a disc on the ground.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disc {
    /// From the centre of the circle to that of the disc, in km.
    pub(crate) distance_km: f64,
    /// Radius of the disc in km; 0 is a point.
    pub(crate) radius_km: f64,
    /// Its mass.
    pub(crate) share: f64,
}

impl Disc {
    /// The part of the disc within a circle of radius `r` km, in [0, 1]. Plane geometry: distances
    /// are those of the sphere, the curvature within a disc is left out.
    fn within(&self, r: f64) -> f64 {
        let (d, radius) = (self.distance_km, self.radius_km);
        if r >= d + radius {
            return 1.0;
        }
        if r <= d - radius {
            return 0.0;
        }
        // From here on the edges differ, so the radius is positive.
        if r <= radius - d {
            return (r / radius).powi(2);
        }
        if radius < 1e-3 * d {
            // Seen from a disc far away the circle is a straight line.
            let h = (r - d) / radius;
            return 0.5 + (h * (1.0 - h * h).max(0.0).sqrt() + h.asin()) / PI;
        }
        let angle = |own: f64, other: f64| {
            let cosine = (d * d + own * own - other * other) / (2.0 * d * own);
            cosine.clamp(-1.0, 1.0).acos()
        };
        let kite = (r + radius - d) * (d + r - radius) * (d - r + radius) * (d + r + radius);
        let lens = r * r * angle(r, radius) + radius * radius * angle(radius, r)
            - 0.5 * kite.max(0.0).sqrt();
        (lens / (PI * radius * radius)).clamp(0.0, 1.0)
    }
}

/// The radius in km of the smallest circle that holds `share` of all mass, to a millionth; 0 without
/// discs. Masses sum to 1.
pub(crate) fn radius_holding(share: f64, discs: &[Disc]) -> f64 {
    let held = |r: f64| discs.iter().map(|d| d.share * d.within(r)).sum::<f64>();
    // Rounding of the sum must not let a circle that holds exactly the share fail.
    let wanted = share - 1e-12;
    if held(0.0) >= wanted {
        return 0.0;
    }
    let far = |d: &Disc| d.distance_km + d.radius_km;
    let (mut low, mut high) = (0.0, discs.iter().map(far).fold(0.0, f64::max));
    while high - low > 1e-6 * high {
        let middle = f64::midpoint(low, high);
        if held(middle) >= wanted {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_within_a_circle_is_that_of_points_drawn_evenly() {
        // A grid of points over the disc, for discs inside, across and around the circle.
        for (d, radius) in [
            (0.0, 3.0),
            (1.0, 3.0),
            (5.0, 2.0),
            (4.0, 4.5),
            (3000.0, 2.0),
        ] {
            for r in [0.5, 2.0, 3.9, 5.0, 6.5, 2998.5, 3000.0, 3001.7] {
                let (mut inside, mut all) = (0.0, 0.0);
                let n = 400;
                for i in 0..n {
                    for j in 0..n {
                        let at = |k: i32| radius * ((f64::from(k) + 0.5) / 200.0 - 1.0);
                        let (x, y) = (at(i), at(j));
                        if x.hypot(y) <= radius {
                            all += 1.0;
                            inside += f64::from(u8::from((d + x).hypot(y) <= r));
                        }
                    }
                }
                let disc = Disc {
                    distance_km: d,
                    radius_km: radius,
                    share: 1.0,
                };
                let found = disc.within(r);
                assert!(
                    (found - inside / all).abs() < 2e-3,
                    "{d} {radius} {r} {found}"
                );
            }
        }
    }

    #[test]
    fn the_circle_holds_the_share() {
        let disc = |distance_km, radius_km, share| Disc {
            distance_km,
            radius_km,
            share,
        };
        let discs = [
            disc(0.0, 10.0, 0.3),
            disc(40.0, 25.0, 0.3),
            disc(9000.0, 300.0, 0.4),
        ];
        for share in [0.1, 0.5, 0.9] {
            let r = radius_holding(share, &discs);
            let held: f64 = discs.iter().map(|d| d.share * d.within(r)).sum();
            assert!((held - share).abs() < 1e-3, "{share} {r} {held}");
        }
        // Points: the one that completes the share. Nothing: no circle.
        let points = [disc(0.0, 0.0, 0.5), disc(7.0, 0.0, 0.5)];
        assert!(radius_holding(0.5, &points) < 1e-9);
        assert!((radius_holding(0.6, &points) - 7.0).abs() < 1e-4);
        assert!(radius_holding(0.5, &[]) < 1e-9);
    }
}
