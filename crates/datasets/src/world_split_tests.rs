#![cfg(feature = "world")]

use geoloc_geo_cells::haversine_km;

use super::*;
use crate::{LongitudeBand, Surface, TileJitter};

fn shipped() -> WorldSplit {
    WorldSplit::new(
        WorldSplitConfig::default(),
        crate::world::surface().unwrap(),
    )
    .unwrap()
}

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// No circle of the training stream may touch a band: checked on the ground, not by the formula.
#[test]
fn no_training_tile_reaches_a_held_out_place() {
    let split = shipped();
    let bands = &split.config().bands;
    let seen = split.seen_queries(split.seen_len(), 0).unwrap();
    let side = split.config().side_km;
    for index in 0..1500 {
        let centre = split.sample_train(3, index);
        let base = TileSpec::new(centre, side, 16).unwrap();
        let jitter = TileJitter {
            rotation_deg: 180.0,
            ..split.config().jitter
        };
        let tile = jitter.apply(base, 9, index).unwrap();
        for k in 0..=16 {
            let k = f64::from(k);
            for edge in [(k, 0.0), (k, 16.0), (0.0, k), (16.0, k)] {
                let p = tile.place_at(edge.0, edge.1);
                let inside = bands.iter().any(|b| b.holds(p, 0.0));
                assert!(
                    !inside,
                    "{p}, of the training tile at {centre}, lies in a band"
                );
            }
        }
        let nearest = seen
            .iter()
            .map(|&s| haversine_km(s, tile.center()))
            .fold(f64::MAX, f64::min);
        assert!(
            nearest >= side / 2.0 - 1e-6,
            "{nearest} km from a seen query"
        );
    }
}

#[test]
fn a_thousand_unseen_tiles_lie_inside_the_bands_whatever_their_turn() {
    let split = shipped();
    let queries = split.unseen_queries(1000, 4).unwrap();
    assert_eq!(queries.len(), 1000);
    let surface = crate::world::surface().unwrap();
    for (k, &centre) in queries.iter().enumerate() {
        let tile = TileSpec::new(centre, 384.0, 4).unwrap();
        let tile = tile.with_rotation(k as f64 * 7.0).unwrap();
        let band = split
            .config()
            .bands
            .iter()
            .find(|b| b.holds(centre, 0.0))
            .unwrap();
        for corner in [(0.0, 0.0), (4.0, 0.0), (0.0, 4.0), (4.0, 4.0)] {
            assert!(band.holds(tile.place_at(corner.0, corner.1), 0.0));
        }
        let upright = TileSpec::new(centre, 384.0, 4).unwrap();
        assert!(surface.land_share(&upright) >= 0.5);
    }
    // Each band gets its part.
    for band in &split.config().bands {
        let inside = queries.iter().filter(|q| band.holds(**q, 0.0)).count();
        assert!(inside > 100, "{inside} queries in {band:?}");
    }
}

#[test]
fn draws_depend_on_seed_and_index_alone() {
    let (a, b) = (shipped(), shipped());
    assert_eq!(a.sample_train(5, 77), b.sample_train(5, 77));
    assert_ne!(a.sample_train(5, 77), a.sample_train(5, 78));
    assert_ne!(a.sample_train(5, 77), a.sample_train(6, 77));
    let tile = |view| a.train_tile(5, 77, view, 32).unwrap();
    assert_eq!(tile(0), b.train_tile(5, 77, 0, 32).unwrap());
    assert_ne!(tile(0), tile(1));
    assert!(haversine_km(tile(0).center(), a.sample_train(5, 77)) <= 27.2);
    let few = a.unseen_queries(10, 1).unwrap();
    assert_eq!(
        few[..],
        a.unseen_queries(20, 1).unwrap()[..10],
        "more queries move no query"
    );
    assert_ne!(few, a.unseen_queries(10, 2).unwrap());
    let seen = a.seen_queries(10, 1).unwrap();
    assert_eq!(seen, b.seen_queries(10, 1).unwrap());
    assert_eq!(seen[..], a.seen_queries(20, 1).unwrap()[..10]);
    for q in seen {
        assert!(!a.is_train(q) && !a.is_unseen(q));
    }
    let error = a.seen_queries(100_000, 1).unwrap_err();
    assert!(
        matches!(error, WorldSplitError::TooFewSeen { asked: 100_000, .. }),
        "{error}"
    );
}

#[test]
fn training_places_are_even_by_area() {
    let split = shipped();
    let surface = crate::world::surface().unwrap();
    // Against an independent count: the lattice of equal-area points that may train.
    let lattice = surface.land_lattice(100.0, 384.0, 0.5);
    let allowed: Vec<_> = lattice.into_iter().filter(|&p| split.is_train(p)).collect();
    let share = |places: &[LatLng], south: f64, north: f64| {
        let inside = places
            .iter()
            .filter(|p| (south..north).contains(&p.lat()))
            .count();
        inside as f64 / places.len() as f64
    };
    let drawn: Vec<LatLng> = (0..4000).map(|i| split.sample_train(8, i)).collect();
    for (south, north) in [(-60.0, 0.0), (0.0, 30.0), (30.0, 55.0), (55.0, 80.0)] {
        let (a, b) = (share(&allowed, south, north), share(&drawn, south, north));
        // Four deviations of a binomial share of 4000.
        assert!(
            (a - b).abs() < 0.032,
            "{south} to {north}: {a} of the area, {b} of the draws"
        );
    }
}

#[test]
fn the_land_map_knows_some_places() {
    let map = crate::world::surface().unwrap();
    for (lat, lng, expected) in [
        (48.85, 2.35, Surface::Land),
        (-25.0, 135.0, Surface::Land),
        (66.0, 179.5, Surface::Land),
        (0.0, 0.0, Surface::Water),
        (30.0, -179.99, Surface::Water),
        (42.0, 51.0, Surface::Water),
        (75.0, -40.0, Surface::Ice),
        (-90.0, 0.0, Surface::Ice),
        (90.0, 10.0, Surface::Water),
    ] {
        assert_eq!(map.at(place(lat, lng)), expected, "{lat}, {lng}");
    }
    let share = |lat, lng| map.land_share(&TileSpec::new(place(lat, lng), 384.0, 3).unwrap());
    assert!(share(23.0, 10.0) > 0.999);
    assert!(share(75.0, -40.0) < 0.05, "{}", share(75.0, -40.0));
    assert!(
        (0.3..0.7).contains(&share(36.8, -6.3)),
        "{}",
        share(36.8, -6.3)
    );
}

#[test]
fn the_gallery_lattice_is_near_regular() {
    let map = crate::world::surface().unwrap();
    let gallery = map.land_lattice(300.0, 384.0, 0.5);
    let area = gallery.len() as f64 * 9e4 / 1e6;
    assert!((125.0..140.0).contains(&area), "{area} million km2 of land");
    for &p in &gallery {
        let others = gallery.iter().filter(|&&q| q != p);
        let nearest = others.map(|&q| haversine_km(p, q)).fold(f64::MAX, f64::min);
        assert!(nearest > 0.75 * 300.0, "{nearest} km between neighbours");
    }
    assert!(map.land_lattice(f64::NAN, 384.0, 0.5).is_empty());
    assert!(map.land_lattice(-5.0, 384.0, 0.5).is_empty());
}

#[test]
fn senseless_configurations_are_errors() {
    let surface = crate::world::surface().unwrap();
    let config = WorldSplitConfig::default;
    let cases = [
        WorldSplitConfig {
            side_km: -1.0,
            ..config()
        },
        WorldSplitConfig {
            side_km: f64::NAN,
            ..config()
        },
        WorldSplitConfig {
            min_land: 2.0,
            ..config()
        },
        WorldSplitConfig {
            latitudes: [50.0, 40.0],
            ..config()
        },
        WorldSplitConfig {
            seen_spacing_km: 0.0,
            ..config()
        },
        WorldSplitConfig {
            bands: vec![LongitudeBand {
                west: 0.0,
                east: f64::NAN,
            }],
            ..config()
        },
        WorldSplitConfig {
            bands: vec![LongitudeBand {
                west: -180.0,
                east: 179.99,
            }],
            ..config()
        },
        WorldSplitConfig {
            latitudes: [-60.0, -58.0],
            ..config()
        },
    ];
    for (k, case) in cases.into_iter().enumerate() {
        assert!(
            WorldSplit::new(case, Arc::clone(&surface)).is_err(),
            "case {k}"
        );
    }
}

#[test]
fn enough_land_is_the_share_compared() {
    let map = crate::world::surface().unwrap();
    let mut draws = Draws::new(1, 1);
    for _ in 0..500 {
        let centre = place(120.0 * draws.unit() - 50.0, 360.0 * draws.unit());
        let tile = TileSpec::new(centre, 1200.0, 4).unwrap();
        let share = map.land_share(&tile);
        for least in [0.0, 0.25, 0.5, 1.0, share] {
            assert_eq!(
                map.has_land(&tile, least),
                share >= least,
                "{share} at {centre}"
            );
        }
    }
}
