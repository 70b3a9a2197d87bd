use super::*;

fn place(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// 8 x 4 pixels whose red is 10 times the column, green 50 times the row.
fn small() -> EquirectangularRaster {
    let rgb = (0..32_u8)
        .flat_map(|k| [k % 8 * 10, k / 8 * 50, 7])
        .collect();
    EquirectangularRaster::new(8, 4, rgb).unwrap()
}

#[test]
fn pixel_centres_give_the_pixels() {
    let raster = small();
    for row in 0..4 {
        for column in 0..8 {
            let lat = 90.0 - (f64::from(row) + 0.5) * 45.0;
            let lng = (f64::from(column) + 0.5) * 45.0 - 180.0;
            let expected = [column as u8 * 10, row as u8 * 50, 7];
            assert_eq!(raster.sample(place(lat, lng)), expected);
        }
    }
}

#[test]
fn between_centres_the_mean_is_taken() {
    let raster = small();
    assert_eq!(raster.sample(place(0.0, 0.0)), [35, 75, 7]);
    // Across the antimeridian: the mean of columns 7 and 0.
    assert_eq!(raster.sample(place(22.5, 180.0)), [35, 50, 7]);
}

#[test]
fn a_step_over_the_pole_lands_half_a_turn_away() {
    let raster = small();
    // At the pole both sides of the same meridian weigh half: columns k and k + 4.
    for (lng, red) in [(-157.5, 20), (-112.5, 30), (22.5, 20)] {
        assert_eq!(raster.sample(place(90.0, lng)), [red, 0, 7]);
        assert_eq!(raster.sample(place(-90.0, lng)), [red, 150, 7]);
    }
}

#[test]
fn wrong_shapes_and_lengths_are_errors() {
    let shape = EquirectangularRaster::new(8, 8, vec![0; 192]);
    assert!(matches!(shape, Err(RasterError::Shape { .. })), "{shape:?}");
    let empty = EquirectangularRaster::new(0, 0, Vec::new());
    assert!(matches!(empty, Err(RasterError::Shape { .. })));
    let short = EquirectangularRaster::new(8, 4, vec![0; 95]);
    assert!(matches!(
        short,
        Err(RasterError::Length {
            expected: 96,
            found: 95,
            ..
        })
    ));
    let text = EquirectangularRaster::from_encoded("map.jpg", b"not an image").unwrap_err();
    assert!(text.to_string().contains("map.jpg"), "{text}");
}

#[test]
fn coarser_copies_are_chosen_by_ground_resolution() {
    let raster = EquirectangularRaster::new(1024, 512, vec![9; 1024 * 512 * 3]).unwrap();
    let full = raster.resolution_km();
    for (step, height) in [
        (0.1, 512),
        (1.0, 512),
        (1.99, 512),
        (2.01, 256),
        (4.01, 128),
        (99.0, 64),
    ] {
        let (level, resolution) = raster.level_for(step * full).unwrap();
        assert_eq!(level.height, height, "step {step}");
        assert!((resolution / full - 512.0 / height as f64).abs() < 1e-9);
    }
}
