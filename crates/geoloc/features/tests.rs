use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::*;
use crate::backbones::SmallCnnConfig;
use crate::backbones::feature_file::{FeatureFileError, Precision, Precomputed};
use crate::core::{
    BatchSource, Encoder, EncoderConfig, GeoModel, HeadConfig, TargetEncoder, TargetError, Training,
};
use crate::datasets::{Photo, Preprocess};
use crate::geo_cells::LatLng;
use crate::heads::cell::CellHeadConfig;
use crate::images::stack;
use crate::losses::CrossEntropy;
use crate::trainer::tests::turn;
use crate::trainer::{ProgressMode, Trainer, TrainerConfig};

const PHOTOS: u64 = 23;

/// A photo of one colour, which differs from photo to photo.
fn photo(row: u64) -> Photo {
    let shade = (row * 11) as u8;
    let pixels = [shade, 255 - shade, 40].repeat(10 * 8);
    Photo::from_rgb(10, 8, pixels).unwrap()
}

fn config() -> SmallCnnConfig {
    SmallCnnConfig {
        input_size: 8,
        channels: vec![4, 6],
    }
}

/// East or west.
#[derive(Clone, Debug)]
struct Side;

impl TargetEncoder for Side {
    type Target = Tensor<1, burn::tensor::Int>;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<Self::Target, TargetError> {
        let sides: Vec<i64> = truth.iter().map(|p| i64::from(p.lng() > 0.0)).collect();
        Ok(Tensor::from_data(
            burn::tensor::TensorData::new(sides, [truth.len()]),
            device,
        ))
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().unwrap()
}

#[test]
fn a_run_that_fails_in_the_middle_goes_on_and_encodes_no_photo_twice() {
    let _turn = turn();
    let device = Device::flex();
    device.seed(7);
    let encoder = config().init(&device).unwrap().materialize();
    let input = Preprocess::square(8);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.features");
    let run = FeatureRun::new(&encoder, input, Precision::F32, &device)
        .with_batch(5)
        .with_progress(ProgressMode::Hidden);
    let asked = AtomicU64::new(0);
    let attempt = |most: u64| {
        run.run(PHOTOS, "photos", "weights", &path, |row| {
            asked.fetch_add(1, Ordering::Relaxed);
            if row >= most {
                return Err(FeatureRunError::Io {
                    path: PathBuf::from("gone"),
                    source: std::io::Error::other("gone"),
                });
            }
            Ok(photo(row))
        })
    };
    assert!(matches!(attempt(12), Err(FeatureRunError::Io { .. })));
    let before = asked.swap(0, Ordering::Relaxed);
    assert_eq!(before, 13);
    let file = attempt(u64::MAX).unwrap();
    // Two whole batches were kept.
    assert_eq!(asked.swap(0, Ordering::Relaxed), PHOTOS - 10);
    attempt(0).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    file.verify().unwrap();
    for row in [0, 11, 22] {
        let prepared = vec![input.apply(&photo(row)).unwrap()];
        let expected = encoder.valid().encode(stack(&prepared, &input, &device));
        let found = file.features(&[row], &device).unwrap();
        let pairs = values(expected.pooled)
            .into_iter()
            .zip(values(found.pooled));
        for (a, b) in pairs {
            assert!((a - b).abs() < 1e-5, "{row}: {a} {b}");
        }
    }
    let other = FeatureRun::new(&encoder, Preprocess::imagenet(), Precision::F32, &device);
    assert!(matches!(
        other.run(PHOTOS, "photos", "weights", &path, |row| Ok(photo(row))),
        Err(FeatureRunError::File(FeatureFileError::OtherKey {
            what: "preprocessing",
            ..
        }))
    ));
    // A flipped bit is told, not trained on.
    drop(file);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        attempt(0),
        Err(FeatureRunError::File(FeatureFileError::Damaged { .. }))
    ));
}

#[test]
fn a_head_trains_on_the_file() {
    let _turn = turn();
    let device = Device::flex();
    device.seed(7);
    let encoder = config().init(&device).unwrap().materialize();
    let folder = tempfile::tempdir().unwrap();
    let run = FeatureRun::new(&encoder, Preprocess::square(8), Precision::F16, &device)
        .with_progress(ProgressMode::Hidden);
    let file = run
        .run(
            PHOTOS,
            "photos",
            "weights",
            folder.path().join("x"),
            |row| Ok(photo(row)),
        )
        .unwrap();
    let spec = file.layout().spec;
    // Dark photos lie in the west, light ones in the east.
    let places: Vec<LatLng> = (0..PHOTOS)
        .map(|row| LatLng::new(0.0, row as f64 - 11.5).unwrap())
        .collect();
    let batches = |seed| {
        FeatureBatches::new(
            Arc::new(reopen(folder.path())),
            places.clone(),
            Side,
            8,
            seed,
        )
    };
    let source = batches(3).unwrap();
    // Every epoch holds each row once, and the same step is the same batch.
    let seen: Vec<f64> = (0..PHOTOS)
        .flat_map(|step| source.batch(step, &device).unwrap().truth)
        .map(LatLng::lng)
        .collect();
    for epoch in seen.chunks(PHOTOS as usize) {
        let mut sorted = epoch.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert!(
            sorted.windows(2).all(|w| (w[1] - w[0] - 1.0).abs() < 1e-9),
            "{sorted:?}"
        );
    }
    assert_ne!(seen[..23], seen[23..46]);
    let again = source.batch(2, &device).unwrap();
    let first: Vec<f64> = again.truth.iter().map(|p| p.lng()).collect();
    assert_eq!(first, seen[16..24]);

    let device = device.autodiff();
    let head = CellHeadConfig {
        cells: 2,
        dropout: 0.0,
    };
    let learner = Training {
        model: GeoModel {
            encoder: Precomputed::new(spec),
            head: head.init(&spec, &device).unwrap(),
        },
        criterion: CrossEntropy::default(),
    };
    let fitted = Trainer::new(TrainerConfig {
        steps: 150,
        learning_rate: 0.05,
        ..TrainerConfig::default()
    })
    .with_progress(ProgressMode::Hidden)
    .fit(learner, &source, None, &device)
    .unwrap();
    let losses = &fitted.history.train;
    let (start, end) = (losses[0].loss, losses.last().unwrap().loss);
    assert!(end < 0.7 * start, "{start} to {end}");
    assert!(matches!(
        FeatureBatches::new(Arc::new(file), places[1..].to_vec(), Side, 8, 0),
        Err(FeatureBatchesError::Places {
            places: 22,
            rows: 23
        })
    ));
}

fn reopen(folder: &std::path::Path) -> crate::backbones::feature_file::FeatureFile {
    crate::backbones::feature_file::FeatureFile::open(folder.join("x")).unwrap()
}
