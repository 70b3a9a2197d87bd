//! Photos good and bad: every file gets its own answer, and a bad one spoils no other.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "tests stop at the first surprise and say what they skip"
)]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};
use geoloc_datasets::{
    Augment, ExifLocation, MIN_SIDE, Photo, PhotoError, Preprocess, decode_all, decode_photo,
    decode_photo_bytes, list_images,
};
use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, Frame, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

/// Red above, blue below, green at the left edge: tells all eight orientations apart.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 4 {
            Rgb([0, 200, 0])
        } else if y < height / 2 {
            Rgb([200, 0, 0])
        } else {
            Rgb([0, 0, 200])
        }
    })
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn pixel(photo: &Photo, x: u32, y: u32) -> [u8; 3] {
    let at = 3 * (y * photo.width() + x) as usize;
    photo.rgb()[at..at + 3].try_into().unwrap()
}

fn close(a: [u8; 3], b: [u8; 3], tolerance: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= tolerance)
}

/// A JPEG whose EXIF data hold `fields`.
fn with_exif(fields: &[Field]) -> Vec<u8> {
    let mut writer = Writer::new();
    for field in fields {
        writer.push_field(field);
    }
    let mut exif = Cursor::new(Vec::new());
    writer.write(&mut exif, false).unwrap();
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut out, 95);
    encoder.set_exif_metadata(exif.into_inner()).unwrap();
    encoder.encode_image(&picture(64, 32)).unwrap();
    out
}

fn field(tag: Tag, value: Value) -> Field {
    Field {
        tag,
        ifd_num: In::PRIMARY,
        value,
    }
}

fn text(letter: &str) -> Value {
    Value::Ascii(vec![letter.as_bytes().to_vec()])
}

fn degrees(parts: &[(u32, u32)]) -> Value {
    Value::Rational(
        parts
            .iter()
            .map(|&(num, denom)| Rational { num, denom })
            .collect(),
    )
}

#[test]
fn every_orientation_comes_out_upright() {
    // (orientation, a corner-ish pixel each of what was left, top right and low right)
    for orientation in 1..=8_u16 {
        let bytes = with_exif(&[field(Tag::Orientation, Value::Short(vec![orientation]))]);
        let photo = decode_photo_bytes(&bytes).unwrap();
        let turned = orientation >= 5;
        let size = if turned { (32, 64) } else { (64, 32) };
        assert_eq!(
            (photo.width(), photo.height()),
            size,
            "orientation {orientation}"
        );
        // The stored pixel (x, y) must land where the EXIF standard says its row and column are.
        for (x, y) in [(3, 16), (50, 4), (50, 28)] {
            let (right, low) = (63 - x, 31 - y);
            let (u, v) = match orientation {
                1 => (x, y),
                2 => (right, y),
                3 => (right, low),
                4 => (x, low),
                5 => (y, x),
                6 => (low, x),
                7 => (low, right),
                _ => (y, right),
            };
            let expected = picture(64, 32).get_pixel(x, y).0;
            let found = pixel(&photo, u, v);
            assert!(
                close(found, expected, 12),
                "orientation {orientation}: {found:?}"
            );
        }
    }
    let odd = with_exif(&[field(Tag::Orientation, Value::Short(vec![77]))]);
    assert_eq!(decode_photo_bytes(&odd).unwrap().width(), 64);
}

#[test]
fn positions_in_exif_are_read_or_refused_with_a_reason() {
    let gps = |lat: &[(u32, u32)], ns: Option<&str>, lng: &[(u32, u32)], ew: &str| {
        let mut fields = vec![
            field(Tag::GPSLatitude, degrees(lat)),
            field(Tag::GPSLongitude, degrees(lng)),
            field(Tag::GPSLongitudeRef, text(ew)),
        ];
        fields.extend(ns.map(|ns| field(Tag::GPSLatitudeRef, text(ns))));
        decode_photo_bytes(&with_exif(&fields))
            .unwrap()
            .exif_location()
            .clone()
    };
    let good = [(33, 1), (30, 1), (1800, 100)];
    let ExifLocation::Found(place) = gps(&good, Some("S"), &[(70, 1), (15, 1), (0, 1)], "W") else {
        panic!("no position");
    };
    assert!(
        (place.lat() + 33.505).abs() < 1e-9 && (place.lng() + 70.25).abs() < 1e-9,
        "{place}"
    );
    // Degrees and minutes only, or seconds of 0/0.
    for parts in [
        &[(70, 1), (15, 1)][..],
        &[(70, 1), (15, 1), (0, 0)],
        &[(281, 4)],
    ] {
        assert!(matches!(
            gps(&good, Some("N"), parts, "e"),
            ExifLocation::Found(_)
        ));
    }
    let zero = [(0, 1), (0, 1), (0, 1)];
    for (location, reason) in [
        (gps(&good, None, &good, "E"), "does not say N or S"),
        (gps(&good, Some("X"), &good, "E"), "does not say N or S"),
        (gps(&[(1, 0), (0, 1), (0, 1)], Some("N"), &good, "E"), "1/0"),
        (gps(&[(0, 0), (0, 0), (0, 0)], Some("N"), &good, "E"), "0/0"),
        (
            gps(&[(91, 1), (0, 1), (0, 1)], Some("N"), &good, "E"),
            "above 90",
        ),
        (gps(&good, Some("N"), &[(181, 1)], "E"), "above 180"),
        (gps(&zero, Some("N"), &zero, "E"), "0, 0"),
    ] {
        match location {
            ExifLocation::Malformed { reason: found } => {
                assert!(found.contains(reason), "{found:?} lacks {reason:?}");
            }
            other => panic!("{other:?} instead of {reason}"),
        }
    }
    for (parts, reason) in [
        (&[(48, 1), (61, 1), (0, 1)][..], "61 minutes, more than 60"),
        (&[(48, 1), (10, 1), (6100, 100)], "61 seconds, more than 60"),
        (
            &[(48, 1), (10, 1), (5, 0)],
            "seconds of the latitude are the fraction 5/0",
        ),
        (
            &[(48_856, 1000), (51, 1), (0, 1)],
            "48.856 degrees and 51 minutes besides",
        ),
        (
            &[(48, 1), (5139, 100), (23, 1)],
            "51.39 minutes and 23 seconds besides",
        ),
        (&[(1, 1); 4], "4 numbers instead of 3"),
    ] {
        let location = gps(parts, Some("N"), &good, "E");
        let problem = location.problem().unwrap();
        assert!(problem.contains(reason), "{problem:?} lacks {reason:?}");
    }
    // Numbers that were rounded up.
    let rounded = gps(&[(48, 1), (59, 1), (60, 1)], Some("N"), &good, "E");
    assert!((rounded.location().unwrap().lat() - 49.0).abs() < 1e-9);
    let half = with_exif(&[field(Tag::GPSLatitude, degrees(&good))]);
    let half = decode_photo_bytes(&half).unwrap();
    assert!(matches!(
        half.exif_location(),
        ExifLocation::Malformed { .. }
    ));
    let plain = encode(&picture(32, 32).into(), ImageFormat::Jpeg);
    assert_eq!(
        *decode_photo_bytes(&plain).unwrap().exif_location(),
        ExifLocation::Absent
    );
}

#[test]
fn every_kind_of_pixel_becomes_rgb() {
    let rgb = picture(32, 32);
    for format in [ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP] {
        let photo = decode_photo_bytes(&encode(&rgb.clone().into(), format)).unwrap();
        assert_eq!(photo.rgb(), rgb.as_raw().as_slice(), "{format:?}");
    }
    let deep = DynamicImage::ImageRgb8(rgb.clone()).into_rgb16();
    let photo = decode_photo_bytes(&encode(&deep.into(), ImageFormat::Png)).unwrap();
    assert_eq!(photo.rgb(), rgb.as_raw().as_slice());
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let gray =
            DynamicImage::ImageLuma8(image::GrayImage::from_pixel(20, 20, image::Luma([77])));
        let photo = decode_photo_bytes(&encode(&gray, format)).unwrap();
        assert!(close(pixel(&photo, 9, 9), [77; 3], 1), "{format:?}");
    }
    let alpha = RgbaImage::from_fn(16, 16, |x, _| {
        Rgba([10, 20, 30, if x < 8 { 0 } else { 255 }])
    });
    let photo = decode_photo_bytes(&encode(&alpha.into(), ImageFormat::Png)).unwrap();
    assert_eq!(pixel(&photo, 0, 0), [255; 3]);
    assert_eq!(pixel(&photo, 15, 0), [10, 20, 30]);
    let cmyk = decode_photo_bytes(include_bytes!("fixtures/cmyk.jpg")).unwrap();
    for (x, y, expected) in [
        (8, 8, [255, 0, 0]),
        (24, 8, [0, 255, 0]),
        (8, 24, [0, 0, 255]),
        (24, 24, [255; 3]),
    ] {
        let found = pixel(&cmyk, x, y);
        assert!(
            close(found, expected, 12),
            "{found:?} instead of {expected:?}"
        );
    }
}

#[test]
fn of_an_animation_the_first_frame_is_taken() {
    let mut bytes = Vec::new();
    let mut encoder = GifEncoder::new(&mut bytes);
    for shade in [40, 120, 200] {
        let frame = RgbaImage::from_pixel(20, 18, Rgba([shade, shade, shade, 255]));
        encoder.encode_frame(Frame::new(frame)).unwrap();
    }
    drop(encoder);
    let photo = decode_photo_bytes(&bytes).unwrap();
    assert_eq!((photo.width(), photo.height()), (20, 18));
    assert!(
        close(pixel(&photo, 5, 5), [40; 3], 2),
        "{:?}",
        pixel(&photo, 5, 5)
    );
}

/// The header of a PNG with no data behind it.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    ihdr.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(&ihdr);
    bytes.extend(crc32(&ihdr).to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            if c & 1 == 1 {
                (c >> 1) ^ 0xedb8_8320
            } else {
                c >> 1
            }
        })
    })
}

#[test]
fn every_bad_file_gets_its_own_message_and_the_good_ones_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let jpeg = encode(&picture(200, 150).into(), ImageFormat::Jpeg);
    let png = encode(&picture(200, 150).into(), ImageFormat::Png);
    let write = |name: &str, bytes: &[u8]| std::fs::write(at(name), bytes).unwrap();
    write("good.jpg", &jpeg);
    write("png_named.jpg", &png);
    write("text.jpg", b"Dear diary,\n\ntoday I saw a mountain.\n");
    write("cut.jpg", &jpeg[..jpeg.len() / 2]);
    write("cut_header.jpg", &jpeg[..30]);
    write("cut.png", &png[..png.len() / 2]);
    write("dot.png", &encode(&picture(1, 1).into(), ImageFormat::Png));
    write("huge.png", &png_header(20_000, 20_000));
    let mut gif = b"GIF89a".to_vec();
    gif.extend([0x60, 0xea, 0x60, 0xea, 0, 0, 0, 0x3b]);
    write("huge.gif", &gif);
    let mut wide = jpeg.clone();
    let frame = wide.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xf0, 0, 0xf0, 0]);
    write("huge.jpg", &wide);
    write("no_data.png", &png_header(200, 200));
    write("empty.jpg", b"");
    write("phone.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    write("noise.jpg", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    std::fs::create_dir(at("folder.jpg")).unwrap();
    let cases = [
        ("good.jpg", ""),
        ("missing.jpg", "no such file"),
        ("folder.jpg", "is a folder"),
        ("text.jpg", "looks like text"),
        ("cut.jpg", "cut short"),
        ("cut_header.jpg", "JPEG"),
        ("cut.png", "PNG"),
        ("dot.png", "1 x 1 pixels, too small"),
        ("huge.png", "20000 x 20000 pixels, more than the limit"),
        ("huge.gif", "60000 x 60000 pixels, more than the limit"),
        ("huge.jpg", "61440 x 61440 pixels, more than the limit"),
        ("no_data.png", "PNG"),
        ("empty.jpg", "empty"),
        ("phone.heic", "HEIC"),
        ("noise.jpg", "not an image in a supported format"),
        ("png_named.jpg", ""),
    ];
    let paths: Vec<PathBuf> = cases.iter().map(|(name, _)| at(name)).collect();
    let answers: Vec<_> = decode_all(&paths).collect();
    assert_eq!(answers.len(), cases.len());
    for ((name, message), answer) in cases.iter().zip(&answers) {
        match answer {
            Ok(photo) => {
                assert_eq!(*message, "", "{name} was read");
                assert_eq!((photo.width(), photo.height()), (200, 150));
            }
            Err(error) => {
                let shown = error.to_string();
                assert!(shown.contains(name), "{shown} names no file");
                assert!(!message.is_empty() && shown.contains(message), "{shown}");
            }
        }
    }
    let listed = list_images(folder.path()).unwrap();
    assert_eq!(listed.photos.first(), Some(&at("cut.jpg")));
    assert_eq!(
        listed.photos.len(),
        13,
        "folder.jpg, phone.heic and what is missing are not listed"
    );
    assert_eq!(
        listed.passed_over.to_string(),
        "1 file of another format (1 .heic), 1 subfolder"
    );
    assert!(
        list_images(at("nowhere"))
            .unwrap_err()
            .to_string()
            .contains("nowhere")
    );
}

#[test]
fn the_smallest_side_is_what_the_constant_says() {
    let side = |n: u32| decode_photo_bytes(&encode(&picture(n, 50).into(), ImageFormat::Png));
    assert!(side(MIN_SIDE).is_ok());
    assert!(matches!(
        side(MIN_SIDE - 1),
        Err(PhotoError::TooSmall { .. })
    ));
}

#[test]
fn bytes_after_the_image_and_large_exif_do_no_harm() {
    let mut long = encode(&picture(64, 64).into(), ImageFormat::Jpeg);
    long.extend([0x55; 5000]);
    assert!(decode_photo_bytes(&long).is_ok());
    let note = field(Tag::UserComment, Value::Undefined(vec![65; 60_000], 0));
    let orientation = field(Tag::Orientation, Value::Short(vec![6]));
    let photo = decode_photo_bytes(&with_exif(&[orientation, note])).unwrap();
    assert_eq!((photo.width(), photo.height()), (32, 64));
}

fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var("GEOLOC_DATA").map_or_else(
        |_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("photos").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: there is no {}", path.display());
    None
}

#[test]
fn real_cameras_positions_match_the_expected_values() {
    let Some(folder) = data("exif_gps") else {
        return;
    };
    let manifest = geoloc_datasets::parse_manifest(
        unique_lines(&std::fs::read(folder.join("exif_gps.csv")).unwrap()).as_slice(),
        &folder,
        &geoloc_datasets::ManifestColumns::default(),
    )
    .unwrap();
    assert!(
        manifest.samples.len() >= 40,
        "{} files",
        manifest.samples.len()
    );
    for sample in &manifest.samples {
        let file = sample.tag("file").unwrap();
        let photo = decode_photo(folder.join(file)).unwrap();
        let size: Vec<u32> = ["width", "height"]
            .iter()
            .map(|t| sample.tag(t).unwrap().parse().unwrap())
            .collect();
        let stored = [photo.width(), photo.height()];
        if stored != size[..] && [stored[1], stored[0]] != size[..] {
            continue; // Two files of one name were collected; the other one is in the folder.
        }
        let found = photo.exif_location().location().unwrap_or_else(|| {
            panic!("{file}: {:?}", photo.exif_location());
        });
        let apart = geoloc_geo_cells::haversine_km(found, sample.location);
        assert!(apart < 0.001, "{file}: {apart} km from the expected place");
    }
}

/// The list with a line number as the id, since one name occurs twice.
fn unique_lines(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let lines = text.lines().enumerate().map(|(k, line)| match k {
        0 => format!("path,{}\n", line.replace("image,", "file,")),
        _ => format!("{k},{line}\n"),
    });
    lines.collect::<String>().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Damaged files of every format are errors or pictures, never a panic.
    #[test]
    fn damaged_files_never_panic(
        format in 0_usize..4,
        cut in 0.0_f64..1.2,
        changes in prop::collection::vec((0.0_f64..1.0, any::<u8>()), 0..12),
    ) {
        let image = DynamicImage::from(picture(40, 40));
        let kinds = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Gif, ImageFormat::WebP];
        let mut bytes = encode(&image, kinds[format]);
        for (place, value) in changes {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        bytes.truncate((cut * bytes.len() as f64) as usize);
        let answer = decode_photo_bytes(&bytes);
        let broke = matches!(answer, Err(PhotoError::DecoderPanicked { .. }));
        prop_assert!(!broke, "the decoder panicked");
        if let Ok(photo) = answer {
            let expected = 3 * u64::from(photo.width()) * u64::from(photo.height());
            prop_assert_eq!(photo.rgb().len() as u64, expected);
        }
    }
}

#[test]
fn positions_in_signed_fractions_are_read_unless_they_are_negative() {
    let photo = decode_photo_bytes(include_bytes!("fixtures/gps_srational.jpg")).unwrap();
    let place = photo.exif_location().location();
    assert!(place.is_some(), "{:?}", photo.exif_location());
    assert_eq!(photo.exif_location().problem(), None);
    let negative = include_bytes!("fixtures/gps_srational_negative_west.jpg");
    let photo = decode_photo_bytes(negative).unwrap();
    let problem = photo.exif_location().problem().unwrap();
    assert!(problem.contains("below 0"), "{problem}");
    let plain = encode(&picture(32, 32).into(), ImageFormat::Jpeg);
    let photo = decode_photo_bytes(&plain).unwrap();
    assert!(
        photo
            .exif_location()
            .problem()
            .unwrap()
            .contains("no place")
    );
}

#[test]
fn tiny_files_with_huge_canvases_are_refused_before_memory_is_taken() {
    let error = decode_photo_bytes(include_bytes!("fixtures/canvas_10000.gif")).unwrap_err();
    assert!(
        matches!(error, PhotoError::Blank { bytes: 86, .. }),
        "{error}"
    );
    // A JPEG whose header claims more than its data can hold would be gray.
    let mut wide = encode(&picture(200, 150).into(), ImageFormat::Jpeg);
    let frame = wide.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0x0f, 0xa0, 0x0f, 0xa0]);
    let error = decode_photo_bytes(&wide).unwrap_err();
    assert!(matches!(error, PhotoError::Truncated { .. }), "{error}");
    // Pictures of one colour are fine.
    let plain = RgbImage::from_pixel(3000, 2000, Rgb([9, 9, 9]));
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        assert!(decode_photo_bytes(&encode(&plain.clone().into(), format)).is_ok());
    }
}

#[test]
fn photos_that_are_too_thin_are_known_by_their_size() {
    let photo = decode_photo_bytes(include_bytes!("fixtures/thin_20000x17.png")).unwrap();
    let (width, height) = (photo.width(), photo.height());
    let input = Preprocess::imagenet();
    let expected = input.apply(&photo).unwrap_err();
    assert_eq!(input.check_photo(width, height), Err(expected.clone()));
    assert_eq!(
        input.check_photo(0, 10).is_err(),
        input.apply_rgb(&[], 0, 10).is_err()
    );
    assert!(input.check_photo(4000, 3000).is_ok());
    let crop = Augment::comparison();
    assert_eq!(crop.check_photo(&input, width, height), Err(expected));
    let part = Augment {
        min_area: 0.5,
        ..crop
    };
    assert!(part.check_photo(&input, width, height).is_ok());
    assert!(part.apply(&photo, &input, 1, 2).is_ok());
}
