//! Many large photos take no more memory than a few. Alone in its process, which is measured.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and print"
)]

use geoloc_datasets::{decode_all, decode_map};
use image::codecs::jpeg::JpegEncoder;

/// Photos of 48 million pixels, 144 MB each once decoded.
const PHOTOS: usize = 12;

/// The most memory that the process has had, in MB.
fn peak_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

#[test]
fn large_photos_are_decoded_a_few_at_a_time() {
    if peak_mb().is_none() {
        println!("skipped: no /proc/self/status");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("48mp.jpg");
    let pixels: Vec<u8> = [90, 120, 60].repeat(8000 * 6000);
    let file = std::io::BufWriter::new(std::fs::File::create(&path).unwrap());
    let color = image::ExtendedColorType::Rgb8;
    JpegEncoder::new_with_quality(file, 30)
        .encode(&pixels, 8000, 6000, color)
        .unwrap();
    drop(pixels);
    let mut paths = vec![path; PHOTOS];
    paths.insert(3, folder.path().join("missing.jpg"));
    let mut read = 0;
    for (k, photo) in decode_all(&paths).enumerate() {
        assert_eq!(photo.is_err(), k == 3);
        read += usize::from(photo.is_ok_and(|photo| photo.width() == 8000));
    }
    assert_eq!(read, PHOTOS);
    let one_by_one = peak_mb().unwrap();
    let places = decode_map(&paths[..6], |k, _photo| k);
    let places: Vec<Option<usize>> = places.into_iter().map(Result::ok).collect();
    assert_eq!(places, [Some(0), Some(1), Some(2), None, Some(4), Some(5)]);
    println!(
        "{PHOTOS} photos: {one_by_one} MB, mapped {} MB",
        peak_mb().unwrap()
    );
    assert!(peak_mb().unwrap() < 1500, "{} MB", peak_mb().unwrap());
}
