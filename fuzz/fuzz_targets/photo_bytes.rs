//! Any bytes as a photo, and as the EXIF data of a good one.
#![no_main]

use geoloc_datasets::{ExifLocation, Photo, decode_photo_bytes};
use libfuzzer_sys::fuzz_target;

/// A JPEG of 80 x 80 pixels.
const JPEG: &[u8] = include_bytes!("../../crates/datasets/tests/fixtures/gps_srational.jpg");
/// How files begin.
const MARKS: [&[u8]; 5] = [
    b"",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR",
    b"GIF89a",
    b"RIFF\0\x01\0\0WEBPVP8",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let kind = usize::from(*first) % (MARKS.len() + 1);
    if let Some(mark) = MARKS.get(kind) {
        if let Ok(photo) = decode_photo_bytes(&[mark, rest].concat()) {
            check(&photo);
        }
        return;
    }
    // A segment with EXIF data stands behind the first marker.
    let Ok(length) = u16::try_from(2 + 6 + rest.len()) else {
        return;
    };
    let (start, image) = JPEG.split_at(2);
    let segment = [b"\xff\xe1", &length.to_be_bytes()[..], b"Exif\0\0", rest].concat();
    let photo = decode_photo_bytes(&[start, &segment, image].concat()).expect("a good image");
    check(&photo);
});

fn check(photo: &Photo) {
    let expected = 3 * u64::from(photo.width()) * u64::from(photo.height());
    assert_eq!(photo.rgb().len() as u64, expected);
    let place = photo.exif_location();
    assert_eq!(place.problem().is_none(), place.location().is_some());
    if let ExifLocation::Malformed { reason } = place {
        assert!(!reason.is_empty());
    }
}
