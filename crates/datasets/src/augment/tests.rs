use super::geometry::{Picture, Placement};
use super::*;
use crate::{Interpolation, Resize};

/// Red is the column, green the row, blue constant.
fn coded(width: u32, height: u32) -> Photo {
    let pixel = |i: u32| [(i % width) as u8, (i / width) as u8, 200];
    Photo::from_rgb(width, height, (0..width * height).flat_map(pixel).collect()).unwrap()
}

/// Keeps sizes and bytes: value = byte.
fn plain(resize: Resize, crop: (u32, u32)) -> Preprocess {
    Preprocess {
        resize,
        crop: Some(crop),
        interpolation: Interpolation::Bilinear,
        mean: [0.0; 3],
        std: [1.0 / 255.0; 3],
    }
}

fn exact(width: u32, height: u32, crop: (u32, u32)) -> Preprocess {
    plain(Resize::Exact { width, height }, crop)
}

const STILL: Placement = Placement {
    corner: None,
    part: None,
    flip: false,
    turn: 0.0,
};

#[test]
fn without_ranges_the_preprocessing_is_as_it_was() {
    let inputs = [
        Preprocess::imagenet(),
        Preprocess::square(32),
        plain(Resize::ShorterSide(31), (20, 30)),
        exact(40, 25, (40, 25)),
    ];
    for input in inputs {
        for photo in [coded(1, 1), coded(3, 100), coded(255, 180)] {
            let own = Augment::default().apply(&photo, &input, 7, 9).unwrap();
            assert_eq!(own, input.apply(&photo).unwrap());
        }
    }
    assert!(Augment::default().is_identity());
    assert!(!Augment::comparison().is_identity());
}

#[test]
fn the_same_draw_gives_the_same_photo_and_another_draw_another() {
    let (photo, input) = (coded(200, 150), Preprocess::square(48));
    let strong = Augment {
        min_area: 0.3,
        hue: 0.1,
        gray: 0.1,
        ..Augment::comparison()
    };
    for augment in [Augment::comparison(), strong] {
        let of = |seed, index| augment.apply(&photo, &input, seed, index).unwrap();
        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
        assert!(of(5, 5).iter().all(|v| (-1.0..=1.0).contains(v)));
    }
}

#[test]
fn draws_fill_their_ranges_and_do_not_leave_them() {
    let augment = Augment {
        min_area: 0.25,
        hue: 0.1,
        color_share: 0.8,
        gray: 0.2,
        ..Augment::comparison()
    };
    let draws: Vec<_> = (0..4000).map(|i| augment.draw(3, i)).collect();
    let share = |of: &dyn Fn(&(Placement, ColorChange)) -> bool| {
        draws.iter().filter(|d| of(d)).count() as f64 / draws.len() as f64
    };
    // Five standard errors of a share of 4000 draws are below 0.04.
    assert!((share(&|d| d.0.flip) - 0.5).abs() < 0.04);
    assert!((share(&|d| d.1.gray) - 0.2).abs() < 0.04);
    assert!((share(&|d| d.1.hue != 0.0) - 0.8).abs() < 0.04);
    let range = |of: &dyn Fn(&(Placement, ColorChange)) -> f64| {
        let values: Vec<f64> = draws.iter().map(of).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let fills = |(low, high): (f64, f64), from: f64, to: f64| {
        let slack = 0.01 * (to - from);
        let inside = low >= from - 1e-6 && high <= to + 1e-6;
        assert!(inside && low < from + slack && high > to - slack);
    };
    fills(range(&|d| d.0.turn.to_degrees()), -15.0, 15.0);
    fills(range(&|d| d.1.brightness.into()), 0.8, 1.2);
    fills(range(&|d| d.1.contrast.into()), 0.8, 1.2);
    fills(range(&|d| d.1.saturation.into()), 0.8, 1.2);
    fills(range(&|d| d.1.hue.into()), -0.1, 0.1);
    fills(range(&|d| d.0.part.unwrap().area), 0.25, 1.0);
    fills(range(&|d| d.0.part.unwrap().proportions), 0.75, 4.0 / 3.0);
    fills(range(&|d| d.0.corner.unwrap()[0]), 0.0, 1.0);
}

#[test]
fn random_crops_are_windows_that_reach_every_border() {
    let (photo, input) = (coded(40, 30), exact(40, 30, (24, 20)));
    let augment = Augment {
        random_crop: true,
        ..Augment::default()
    };
    let mut corners = std::collections::BTreeSet::new();
    for index in 0..3000 {
        let out = augment.apply(&photo, &input, 5, index).unwrap();
        let (left, top) = (out[0].round() as usize, out[480].round() as usize);
        corners.insert((left, top));
        for (i, value) in out[..480].iter().enumerate() {
            assert!((value - (left + i % 24) as f32).abs() < 1e-3);
            assert!((out[480 + i] - (top + i / 24) as f32).abs() < 1e-3);
        }
    }
    // 17 columns and 11 rows: all of the 187 corners.
    assert_eq!(corners.len(), 17 * 11);
}

#[test]
fn parts_keep_their_area_and_lie_inside() {
    let (photo, input) = (coded(200, 100), exact(64, 64, (64, 64)));
    let augment = Augment {
        min_area: 0.1,
        ..Augment::default()
    };
    let (mut narrowest, mut widest) = (f32::INFINITY, 0.0_f32);
    for index in 0..300 {
        let out = augment.apply(&photo, &input, 1, index).unwrap();
        let ends = |plane: &[f32]| {
            let low = plane.iter().copied().fold(f32::INFINITY, f32::min);
            let high = plane.iter().copied().fold(0.0_f32, f32::max);
            (low, high)
        };
        let ((left, right), (top, bottom)) = (ends(&out[..4096]), ends(&out[4096..8192]));
        assert!(left >= 0.0 && right <= 199.0 && top >= 0.0 && bottom <= 99.0);
        let area = (right - left + 1.0) * (bottom - top + 1.0) / 20_000.0;
        narrowest = narrowest.min(area);
        widest = widest.max(area);
        assert!((0.08..=1.0).contains(&area), "{area}");
    }
    assert!(narrowest < 0.15 && widest > 0.9);
}

#[test]
fn flips_and_turns_move_pixels_where_they_should() {
    let photo = coded(5, 5);
    let picture = Picture {
        rgb: photo.rgb().to_vec(),
        width: 5,
        height: 5,
    };
    let at = |out: &[u8], x: usize, y: usize| [out[3 * (5 * y + x)], out[3 * (5 * y + x) + 1]];
    let flip = Placement {
        flip: true,
        ..STILL
    };
    let out = flip.sample(&picture, [0, 0], [5, 5]);
    assert_eq!(at(&out, 0, 3), [4, 3]);
    let quarter = Placement {
        turn: std::f64::consts::FRAC_PI_2,
        ..STILL
    };
    let out = quarter.sample(&picture, [0, 0], [5, 5]);
    for (x, y) in [(0, 0), (1, 3), (4, 2), (2, 2)] {
        // Clockwise on the screen: the new pixel was a quarter turn before.
        assert_eq!(at(&out, x, y), [y as u8, 4 - x as u8]);
    }
    let both = Placement {
        flip: true,
        ..quarter
    };
    let out = both.sample(&picture, [0, 0], [5, 5]);
    assert_eq!(at(&out, 1, 3), [4 - 3, 4 - 1]);
    // Beyond the border the picture is mirrored: no colour that it does not have.
    let eighth = Placement {
        turn: std::f64::consts::FRAC_PI_4,
        ..STILL
    };
    let out = eighth.sample(&picture, [0, 0], [5, 5]);
    assert!(out.chunks(3).all(|p| p[0] <= 4 && p[1] <= 4 && p[2] == 200));
}

#[test]
fn tiny_photos_and_bad_ranges() {
    let augment = Augment {
        min_area: 0.05,
        ..Augment::comparison()
    };
    for (width, height) in [(1, 1), (1, 40), (40, 1), (2, 3)] {
        for augment in [augment, Augment::comparison()] {
            let out = augment.apply(&coded(width, height), &Preprocess::square(16), 1, 1);
            assert_eq!(out.unwrap().len(), 3 * 16 * 16);
        }
    }
    let bad = Augment {
        flip: 1.5,
        ..Augment::default()
    };
    let error = bad.apply(&coded(9, 9), &Preprocess::square(8), 0, 0);
    assert!(error.unwrap_err().to_string().contains("flip = 1.5"));
    let nan = Augment {
        rotation_deg: f64::NAN,
        ..Augment::default()
    };
    assert!(nan.check().is_err());
}
