//! A recurrent head learns what a photo alone does not show.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::tests::turn;
use super::{ProgressMode, Trainer, TrainerConfig};
use crate::backbones::feature_file::Precomputed;
use crate::core::{
    BatchError, BatchSource, CellLogits, FeatureSpec, Features, GeoBatch, GeoModel, Head,
    HeadConfig, Training, contract,
};
use crate::geo_cells::LatLng;
use crate::heads::album::AlbumHeadConfig;
use crate::losses::CrossEntropy;
use crate::seed::mix;

const ALBUMS: usize = 8;
const PHOTOS: usize = 4;
const TOWNS: usize = 3;
/// One number a town, and one that differs from photo to photo.
const WIDTH: usize = TOWNS + 1;

/// Albums of one town each, which only the photo number `shown` shows.
struct Albums {
    shown: usize,
}

type Batch = GeoBatch<Features, Tensor<1, Int>>;

impl BatchSource for Albums {
    type Batch = Batch;

    fn batch(&self, step: u64, device: &Device) -> Result<Batch, BatchError> {
        let (mut values, mut towns) = (Vec::new(), Vec::new());
        for album in 0..ALBUMS {
            let town = (mix(step, album as u64) % TOWNS as u64) as usize;
            for photo in 0..PHOTOS {
                let shows = |at| {
                    if photo == self.shown && at == town {
                        1.0
                    } else {
                        0.0
                    }
                };
                values.extend((0..TOWNS).map(shows));
                let noise = mix(mix(step, album as u64), photo as u64);
                values.push((noise >> 40) as f32 / (1 << 24) as f32);
                towns.push(town as i64);
            }
        }
        let photos = ALBUMS * PHOTOS;
        let tokens = TensorData::new(values, [ALBUMS, PHOTOS, WIDTH]);
        Ok(GeoBatch {
            input: Features {
                pooled: Tensor::zeros([ALBUMS, WIDTH], device),
                tokens: Some(Tensor::from_data(tokens, device)),
            },
            target: Tensor::from_data(TensorData::new(towns, [photos]), device),
            truth: vec![LatLng::default(); photos],
        })
    }
}

/// Share of the photos after 200 steps whose town is right, on batches that were not trained on.
fn accuracy(config: &AlbumHeadConfig, shown: usize) -> f64 {
    let spec = FeatureSpec {
        width: WIDTH,
        grid: None,
    };
    let device = Device::flex().autodiff();
    device.seed(5);
    let model = |device: &Device| GeoModel {
        encoder: Precomputed::new(spec),
        head: config.init(&spec, device).unwrap(),
    };
    let learner = Training {
        model: model(&device),
        criterion: CrossEntropy::default(),
    };
    let config = TrainerConfig {
        steps: 200,
        learning_rate: 0.03,
        ..TrainerConfig::default()
    };
    let trainer = Trainer::new(config).with_progress(ProgressMode::Hidden);
    let fitted = trainer.fit(learner, &Albums { shown }, None, &device);
    let trained = fitted.unwrap().learner.model;
    contract::check_round_trip(trained.clone(), model(&Device::flex())).unwrap();
    let batch = Albums { shown }.batch(1 << 30, &Device::flex()).unwrap();
    let CellLogits(logits) = trained.head.forward(batch.input);
    let answers = logits.argmax(1).flatten::<1>(0, 1);
    let right = answers.equal(batch.target).int().sum();
    right.into_scalar::<i64>() as f64 / (ALBUMS * PHOTOS) as f64
}

#[test]
fn albums_tell_later_photos_what_the_first_showed_and_earlier_ones_if_asked() {
    let _turn = turn();
    let forward = AlbumHeadConfig {
        cells: TOWNS,
        hidden: 16,
        offset: 0,
        repeat: false,
        bidirectional: false,
    };
    assert!(accuracy(&forward, 0) > 0.95);
    // Read forwards, three of four photos come before the one that shows the town.
    let blind = accuracy(&forward, PHOTOS - 1);
    assert!(blind < 0.75, "{blind}");
    for (offset, repeat, bidirectional) in [
        (PHOTOS - 1, false, false),
        (0, true, false),
        (0, false, true),
    ] {
        let config = AlbumHeadConfig {
            offset,
            repeat,
            bidirectional,
            ..forward.clone()
        };
        let seen = accuracy(&config, PHOTOS - 1);
        assert!(seen > 0.95, "{config:?} {seen}");
    }
}
