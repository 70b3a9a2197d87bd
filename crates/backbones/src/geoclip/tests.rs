use burn::module::Module;
use burn::tensor::Device;
use geoloc_core::{ConfigError, EncoderConfig, contract};
use geoloc_geo_cells::LatLng;

use super::location::project;
use super::{GalleryError, LocationEncoderConfig, LocationGallery};
use crate::feature_file::FeatureFileError;

fn config() -> LocationEncoderConfig {
    LocationEncoderConfig {
        sigmas: vec![1.0, 8.0],
        frequencies: 6,
        hidden: 10,
        width: 4,
    }
}

fn places(n: usize) -> Vec<LatLng> {
    let at = |i: usize| LatLng::new((i * 37 % 170) as f64 - 85.0, (i * 91 % 360) as f64 - 180.0);
    (0..n).map(|i| at(i).unwrap()).collect()
}

#[test]
fn meets_the_contract_of_encoders() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap();
    contract::check_encoder(&encoder, |n| project(&places(n), &device)).unwrap();
    contract::check_round_trip(encoder, config().init(&device).unwrap()).unwrap();
}

#[test]
fn a_gallery_is_encoded_once() {
    let device = Device::flex();
    let encoder = config().init(&device).unwrap().materialize();
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("gallery.features");
    let encode = |places: Vec<LatLng>, weights: &str| {
        LocationGallery::encode(&encoder, places, weights, &cache, &device)
    };
    let first = encode(places(1500), "a").unwrap();
    assert_eq!(first.embeddings.len(), 1500 * 4);
    let one = encoder.embed(&places(1500)[1400..1401], &device);
    let one = one.try_into_vec_as::<f32>().unwrap();
    let pairs = first.embeddings[1400 * 4..].iter().zip(&one);
    assert!(pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5), "{one:?}");
    let written = std::fs::metadata(&cache).unwrap().modified().unwrap();
    let second = encode(places(1500), "a").unwrap();
    assert_eq!(first.embeddings, second.embeddings);
    assert_eq!(
        written,
        std::fs::metadata(&cache).unwrap().modified().unwrap()
    );
    for other in [encode(places(1499), "a"), encode(places(1500), "b")] {
        assert!(matches!(
            other,
            Err(GalleryError::Cache(FeatureFileError::OtherKey { .. }))
        ));
    }
}

#[test]
fn lines_that_are_no_places_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("places.csv");
    std::fs::write(&path, "LAT,LON\n-50.5,-72.25\n\n12,95.0\n").unwrap();
    let read = LocationGallery::read_places(&path).unwrap();
    assert_eq!(
        read,
        [(-50.5, -72.25), (12.0, 95.0)].map(|(a, b)| LatLng::new(a, b).unwrap())
    );
    for bad in ["91,0", "1;2", "nan,3", "x,3"] {
        std::fs::write(&path, format!("LAT,LON\n1,2\n{bad}\n")).unwrap();
        match LocationGallery::read_places(&path) {
            Err(GalleryError::Line { line: 3, text, .. }) => assert_eq!(text, bad),
            other => panic!("{bad}: {other:?}"),
        }
    }
    std::fs::write(&path, "\u{feff}lat, lon\r\n1,2\r\n").unwrap();
    assert_eq!(LocationGallery::read_places(&path).unwrap().len(), 1);
    // The first line is no place that could be lost.
    for headless in [
        "1,2\n3,4\n",
        "",
        "LON,LAT\n1,2\n",
        "version https://git-lfs\n",
    ] {
        std::fs::write(&path, headless).unwrap();
        let read = LocationGallery::read_places(&path);
        assert!(
            matches!(read, Err(GalleryError::Header { .. })),
            "{headless:?}"
        );
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused_by_name() {
    let refused = |change: fn(&mut LocationEncoderConfig)| {
        let mut config = config();
        change(&mut config);
        match config.init(&Device::flex()) {
            Err(ConfigError::Value { field, .. }) => field,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(|c| c.sigmas.clear()), "sigmas.len()");
    assert_eq!(refused(|c| c.sigmas[1] = f64::INFINITY), "sigmas");
    assert_eq!(refused(|c| c.frequencies = 0), "frequencies");
    assert_eq!(refused(|c| c.hidden = 0), "hidden");
    assert_eq!(refused(|c| c.width = 0), "width");
}
