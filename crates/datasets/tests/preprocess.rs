//! Resizing against Pillow, and the shape and values of the network's input.

use geoloc_datasets::{Interpolation, Preprocess, PreprocessError, Resize};

/// The image of `golden/make_golden.py`.
fn pattern(width: u32, height: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                out.push(64 + ((x * x * 7 + y * 13 + c * 50 + x * y * (c + 1)) % 128) as u8);
            }
        }
    }
    out
}

#[test]
fn resizing_and_cropping_agree_with_pillow() {
    let mut lines = include_str!("golden/resize.txt")
        .lines()
        .filter(|l| !l.starts_with('#'));
    let mut cases = 0;
    while let (Some(case), Some(values)) = (lines.next(), lines.next()) {
        let words: Vec<&str> = case.split(' ').collect();
        let n: Vec<u32> = words[1..].iter().map(|w| w.parse().unwrap()).collect();
        let interpolation = match words[0] {
            "bilinear" => Interpolation::Bilinear,
            "bicubic" => Interpolation::Bicubic,
            _ => Interpolation::Lanczos3,
        };
        let preprocess = Preprocess {
            resize: Resize::ShorterSide(n[2]),
            crop: Some((n[3], n[3])),
            interpolation,
            ..Preprocess::imagenet()
        };
        let found = preprocess
            .resize_crop(&pattern(n[0], n[1]), n[0], n[1])
            .unwrap();
        let expected: Vec<u8> = values.split(' ').map(|v| v.parse().unwrap()).collect();
        assert_eq!(found.len(), expected.len(), "{case}");
        for (f, e) in found.iter().zip(&expected) {
            // Both round in fixed point, at different bits.
            assert!(f.abs_diff(*e) <= 1, "{case}: {f} instead of {e}");
        }
        cases += 1;
    }
    assert_eq!(cases, 9);
}

#[test]
fn values_are_normalised_plane_by_plane() {
    let rgb: Vec<u8> = (0..4).flat_map(|k| [k * 10, 100 + k, 255]).collect();
    let preprocess = Preprocess {
        resize: Resize::Exact {
            width: 2,
            height: 2,
        },
        crop: None,
        interpolation: Interpolation::Nearest,
        mean: [127.0 / 255.0; 3],
        std: [128.0 / 255.0; 3],
    };
    let out = preprocess.apply_rgb(&rgb, 2, 2).unwrap();
    let expected = [
        0.0, 10.0, 20.0, 30.0, 100.0, 101.0, 102.0, 103.0, 255.0, 255.0, 255.0, 255.0,
    ];
    for (found, byte) in out.iter().zip(expected) {
        let value = (byte - 127.0) / 128.0;
        assert!((found - value).abs() < 1e-6, "{found} instead of {value}");
    }
}

#[test]
fn descriptions_survive_json() {
    let preprocess = Preprocess {
        interpolation: Interpolation::Bicubic,
        ..Preprocess::imagenet()
    };
    let text = serde_json::to_string(&preprocess).unwrap();
    assert_eq!(
        serde_json::from_str::<Preprocess>(&text).unwrap(),
        preprocess
    );
}

#[test]
fn senseless_descriptions_and_pixels_are_errors() {
    let good = Preprocess::imagenet();
    let rgb = vec![0; 300];
    let apply = |p: Preprocess| p.apply_rgb(&rgb, 10, 10);
    let crop = apply(Preprocess {
        crop: Some((300, 10)),
        ..good
    });
    assert!(matches!(crop, Err(PreprocessError::Crop { .. })));
    assert_eq!(
        apply(Preprocess { crop: None, ..good }),
        Err(PreprocessError::NoCrop)
    );
    let zero = apply(Preprocess {
        resize: Resize::ShorterSide(0),
        ..good
    });
    assert!(matches!(zero, Err(PreprocessError::Size { .. })));
    for std in [[0.0, 1.0, 1.0], [f32::NAN, 1.0, 1.0], [1.0, 1.0, -1.0]] {
        let bad = apply(Preprocess { std, ..good });
        assert!(matches!(bad, Err(PreprocessError::Normalisation { .. })));
    }
    assert!(matches!(
        good.apply_rgb(&rgb, 10, 11),
        Err(PreprocessError::Length { .. })
    ));
    assert!(matches!(
        good.apply_rgb(&[], 0, 0),
        Err(PreprocessError::Size { .. })
    ));
    // A strip so long that keeping its proportions would fill the memory.
    let strip = good.apply_rgb(&vec![0; 3 * 16 * 200_000], 16, 200_000);
    assert!(matches!(strip, Err(PreprocessError::Size { .. })));
}
