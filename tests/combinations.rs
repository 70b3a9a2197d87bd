//! Every encoder with every head, its losses and its decoders: three training steps, saved, loaded,
//! and the same answers.
//!
//! On `flex`, and with the feature `ndarray` on that backend too.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::large_enum_variant,
    reason = "helpers of tests fail loudly and print what they check"
)]

use std::sync::Arc;

use geoloc::backbones::efficientnet_lite::LiteStage;
use geoloc::backbones::geoclip::LocationEncoderConfig;
use geoloc::backbones::resnet::ResNetBlock;
use geoloc::backbones::{
    ConvNext, ConvNextConfig, EfficientNetLite, EfficientNetLiteConfig, ResNet, ResNetConfig,
    SmallCnn, SmallCnnConfig, Vit, VitConfig,
};
use geoloc::burn::module::Module;
use geoloc::burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc::core::{
    BatchError, BatchSource, CellFrames, Decoder, Encoder, EncoderConfig, FeatureSpec, Features,
    GeoBatch, GeoModel, HeadConfig, Learner, Loss, PairBatch, PairTraining, PlaceContrastBatch,
    PlaceContrastModel, PlaceContrastTraining, TargetEncoder, TargetError, Training, TwoBranch,
    contract,
};
use geoloc::geo_cells::{
    AdaptivePartition, GeoclassSetConfig, GeoclassSets, Hierarchy, LatLng, NamedPlaces,
    NestedPartition, Partition, PartitionBuilder,
};
use geoloc::heads::cell::{CellDecoder, CellHeadConfig};
use geoloc::heads::combinatorial::{GeoclassHeadConfig, TupleScore, TupleVoteDecoder};
use geoloc::heads::cosine::CosineHeadConfig;
use geoloc::heads::density::{ModeDecoder, NeighbourDensity};
use geoloc::heads::embedding::EmbeddingHeadConfig;
use geoloc::heads::experts::{ExpertsHeadConfig, RoutedDecoder};
use geoloc::heads::flow::{FlowDecoder, FlowHeadConfig, FlowSampler};
use geoloc::heads::hierarchical::{HierarchicalDecoder, HierarchicalHeadConfig};
use geoloc::heads::hybrid::{HybridDecoder, HybridHeadConfig};
use geoloc::heads::mixture::{MixtureDecoder, MixtureHeadConfig};
use geoloc::heads::multitask::{FirstTask, TwoTaskHeadConfig};
use geoloc::heads::named::{NamedClassDecoder, NamedClassHeadConfig};
use geoloc::heads::prototype::{Prototype, PrototypeDecoder};
use geoloc::heads::regression::{
    DirectionDecoder, DirectionHeadConfig, ScaledCoordinatesDecoder, ScaledRegressionHeadConfig,
};
use geoloc::heads::within_cell::SearchWithinCell;
use geoloc::locate::{GalleryDecoder, NeighbourDecoder, index_embeddings};
use geoloc::losses::{
    AncestorCrossEntropy, AncestorMembers, BalancedCrossEntropy, CellClasses, CellOffsetLoss,
    CellsWithOffsets, ClassWeights, CrossEntropy, DecoupledInfoNce, DirectionLoss, Discrepancy,
    DistanceRelations, FlowMatching, FlowTargets, GeoclassTargets, HaversineLoss, HierarchyClasses,
    InfoNce, Margin, MarginSoftmax, MilNce, MixtureNll, MultiSimilarity, PairMasks, PlaceContrast,
    PlaceMask, PlaceMasks, ScaledPlaces, SceneCells, SceneExpertsLoss, SmoothedCells,
    SmoothingAnchor, SoftCrossEntropy, SoftMarginTriplet, SummedCrossEntropy, UncertaintyWeighted,
    UnitVectors, WeightedSum,
};
use geoloc::trainer::{ProgressMode, Trainer, TrainerConfig};

/// Side of the images.
const SIDE: usize = 32;
/// Images of a batch.
const BATCH: usize = 4;

/// One network of each family: heads see nothing of an encoder but its features.
#[derive(Module, Debug)]
enum AnyEncoder {
    Small(SmallCnn),
    ResNet(ResNet),
    Lite(EfficientNetLite),
    ConvNext(ConvNext),
    Vit(Vit),
}

impl Encoder for AnyEncoder {
    type Input = Tensor<4>;

    fn encode(&self, input: Tensor<4>) -> Features {
        match self {
            Self::Small(e) => e.encode(input),
            Self::ResNet(e) => e.encode(input),
            Self::Lite(e) => e.encode(input),
            Self::ConvNext(e) => e.encode(input),
            Self::Vit(e) => e.encode(input),
        }
    }

    fn spec(&self) -> FeatureSpec {
        match self {
            Self::Small(e) => e.spec(),
            Self::ResNet(e) => e.spec(),
            Self::Lite(e) => e.spec(),
            Self::ConvNext(e) => e.spec(),
            Self::Vit(e) => e.spec(),
        }
    }
}

type Build = fn(&Device) -> AnyEncoder;

/// Tiny networks; what they are in full size is not asked here.
fn encoders() -> [(&'static str, Build); 5] {
    const SIZE: [usize; 2] = [SIDE, SIDE];
    [
        ("small CNN", |device| {
            let config = SmallCnnConfig {
                input_size: SIDE,
                channels: vec![4, 6],
            };
            AnyEncoder::Small(config.init(device).unwrap())
        }),
        ("ResNet", |device| {
            let config = ResNetConfig {
                input_size: SIZE,
                block: ResNetBlock::Bottleneck,
                blocks: [1; 4],
                width: 2,
                classes: None,
            };
            AnyEncoder::ResNet(config.init(device).unwrap())
        }),
        ("EfficientNet-Lite", |device| {
            let stage = |stride, expansion, channels| LiteStage {
                blocks: 1,
                kernel: 3,
                stride,
                expansion,
                channels,
            };
            let config = EfficientNetLiteConfig {
                input_size: SIZE,
                stem: 4,
                stages: vec![stage(1, 1, 4), stage(2, 2, 6)],
                head: 10,
                classes: None,
            };
            AnyEncoder::Lite(config.init(device).unwrap())
        }),
        ("ConvNeXt", |device| {
            let config = ConvNextConfig {
                input_size: SIZE,
                blocks: [1; 4],
                channels: [4, 4, 6, 8],
                classes: None,
            };
            AnyEncoder::ConvNext(config.init(device).unwrap())
        }),
        ("ViT", |device| {
            let config = VitConfig {
                patch: 16,
                width: 12,
                depth: 1,
                heads: 3,
                hidden: 24,
                position_grid: [2, 2],
                ..VitConfig::dinov2_small()
            };
            let config = config.with_input_size(SIDE, SIDE);
            AnyEncoder::Vit(config.init(device).unwrap())
        }),
    ]
}

fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..BATCH * 3 * SIDE * SIDE)
        .map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0)
        .collect();
    Tensor::from_data(TensorData::new(values, [BATCH, 3, SIDE, SIDE]), device)
}

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// The places of every batch: two of them near each other.
fn truth() -> Vec<LatLng> {
    vec![
        at(48.9, 2.3),
        at(48.901, 2.3),
        at(-33.9, 151.2),
        at(40.7, -74.0),
    ]
}

/// Always the same images with the targets of their places.
struct Same<T>(T);

impl<T: TargetEncoder> BatchSource for Same<T> {
    type Batch = GeoBatch<Tensor<4>, T::Target>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let target = self.0.encode_seeded(&truth(), step, device);
        Ok(GeoBatch {
            input: images(device),
            target: target.map_err(|e| BatchError {
                step,
                source: e.into(),
            })?,
            truth: truth(),
        })
    }
}

/// Batches of two branches.
struct SamePairs(PairMasks);

impl BatchSource for SamePairs {
    type Batch = PairBatch<Tensor<4>, geoloc::losses::PairMask>;

    fn batch(&self, _: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        Ok(PairBatch {
            query: images(device),
            aerial: images(device).flip([3]),
            target: self.0.mask(&truth(), device),
            truth: truth(),
        })
    }
}

/// Batches of images against places.
struct SamePlaces;

impl BatchSource for SamePlaces {
    type Batch = PlaceContrastBatch<Tensor<4>, PlaceMask>;

    fn batch(&self, _: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let queue = vec![at(0.0, 0.0), at(10.0, 10.0)];
        let masks = PlaceMasks { radius_km: 1.0 };
        Ok(PlaceContrastBatch {
            input: images(device),
            target: masks.mask(&truth(), &queue, device),
            truth: truth(),
            queue,
        })
    }
}

/// A cell and a scene for each place.
#[derive(Clone, Debug)]
struct Scenes(CellClasses);

impl TargetEncoder for Scenes {
    type Target = SceneCells;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<SceneCells, TargetError> {
        let scenes: Vec<i32> = (0..truth.len()).map(|i| (i % 2) as i32).collect();
        let scenes = TensorData::new(scenes, [truth.len()]);
        Ok(SceneCells {
            cells: self.0.encode(truth, device)?,
            scenes: Tensor::<1, Int>::from_data(scenes, device),
        })
    }
}

fn fit<M: Learner>(learner: M, batches: &dyn BatchSource<Batch = M::Batch>, device: &Device) -> M {
    let config = TrainerConfig {
        steps: 3,
        warmup_steps: 1,
        learning_rate: 1e-3,
        log_every: 1,
        ..TrainerConfig::default()
    };
    let trainer = Trainer::new(config).with_progress(ProgressMode::Hidden);
    let fitted = trainer.fit(learner, batches, None, device).unwrap();
    assert_eq!(fitted.steps, 3);
    assert!(fitted.history.train.iter().all(|p| p.loss.is_finite()));
    fitted.learner
}

/// Trains encoder and head, loads what was saved, and asks both for places.
fn check<HC, L, T>(
    (build, device): (Build, &Device),
    head: &HC,
    criterion: L,
    targets: T,
    decoders: &[&dyn Decoder<<HC::Head as geoloc::core::Head>::Output>],
) where
    HC: HeadConfig,
    L: Loss<<HC::Head as geoloc::core::Head>::Output, Target = T::Target>,
    T: TargetEncoder,
{
    let autodiff = device.clone().autodiff();
    let model = |device: &Device| {
        let encoder = build(device);
        let head = head.init(&encoder.spec(), device).unwrap();
        GeoModel { encoder, head }
    };
    let learner = Training {
        model: model(&autodiff),
        criterion,
    };
    let trained = fit(learner, &Same(targets), &autodiff).model;
    contract::check_round_trip(trained.clone(), model(device)).unwrap();
    let loaded = model(device).try_load_record(trained.clone().into_record());
    let loaded = loaded.unwrap();
    for decoder in decoders {
        let answers = decoder.decode(trained.forward(images(device))).unwrap();
        assert_eq!(answers.len(), BATCH);
        for answer in &answers {
            let answer = answer.as_ref().unwrap();
            assert!(answer.radius50_km.is_finite() && answer.radius50_km >= 0.0);
        }
        let again = decoder.decode(loaded.forward(images(device))).unwrap();
        assert_eq!(answers, again);
    }
}

/// Partitions about the places of the batch.
struct Ground {
    cells: Arc<Partition>,
    named: Arc<Partition>,
    hierarchy: Arc<Hierarchy>,
    sets: Arc<GeoclassSets>,
}

impl Ground {
    fn new() -> Self {
        let mut places = truth();
        for i in 0..60 {
            let t = f64::from(i);
            places.push(at(70.0 * (0.7 * t).sin(), 170.0 * (0.31 * t).sin()));
        }
        let adaptive = |split_above| AdaptivePartition {
            split_above,
            drop_below: 1,
            ..AdaptivePartition::default()
        };
        let nested = NestedPartition {
            split_above: vec![30, 8],
            drop_below: 1,
            ..NestedPartition::default()
        };
        let set = |classes, node_cells| GeoclassSetConfig {
            classes,
            node_cells,
            ..GeoclassSetConfig::default()
        };
        let base = adaptive(4).build(&places).unwrap().0;
        let names = ["Paris", "Sydney", "New York"];
        let names = names.map(str::to_owned).into_iter().zip([0, 2, 3]);
        let names = names.map(|(name, i)| (name, places[i])).collect();
        Self {
            cells: Arc::new(adaptive(10).build(&places).unwrap().0),
            named: Arc::new(NamedPlaces::new(names).build(&places).unwrap().0),
            hierarchy: Arc::new(nested.build(&places).unwrap().0),
            sets: Arc::new(GeoclassSets::build(base, &[set(6, 0.0), set(8, 1.0)], &[]).unwrap()),
        }
    }
}

fn devices() -> Vec<Device> {
    #[allow(unused_mut, reason = "other features add devices")]
    let mut devices = vec![Device::flex()];
    #[cfg(feature = "ndarray")]
    {
        #[allow(
            deprecated,
            reason = "kept for users of the backend until burn 0.23 removes it"
        )]
        devices.push(Device::ndarray());
    }
    devices
}

fn with_every_encoder(run: impl Fn((Build, &Device))) {
    for device in &devices() {
        for (name, build) in encoders() {
            println!("{name}");
            device.seed(3);
            run((build, device));
        }
    }
}

#[test]
fn classifiers() {
    let ground = Ground::new();
    let cells = &ground.cells;
    let classes = CellClasses::new(cells.clone());
    let head = CellHeadConfig {
        cells: cells.len(),
        dropout: 0.1,
    };
    let argmax = CellDecoder::new(cells.clone(), 3);
    let mode = ModeDecoder::new(cells.clone(), 500.0, 3);
    with_every_encoder(|on| {
        let ce = CrossEntropy {
            label_smoothing: 0.1,
        };
        check(on, &head, ce, classes.clone(), &[&argmax, &mode]);
        let balanced = BalancedCrossEntropy {
            weights: ClassWeights::effective_number(cells.counts(), 0.9),
            focus: 2.0,
        };
        check(on, &head, balanced, classes.clone(), &[&argmax]);
        for (anchor, normalize) in [
            (SmoothingAnchor::NearestCell, true),
            (SmoothingAnchor::NearestCell, false),
            (SmoothingAnchor::OwnCell, true),
            (SmoothingAnchor::OwnCell, false),
        ] {
            let mut targets = SmoothedCells::pigeon(cells.clone());
            targets.anchor = anchor;
            targets.normalize = normalize;
            check(on, &head, SoftCrossEntropy, targets, &[&argmax]);
        }
        let finest = Arc::new(ground.hierarchy.finest().clone());
        let head = CellHeadConfig {
            cells: finest.len(),
            dropout: 0.0,
        };
        let targets = AncestorMembers {
            hierarchy: ground.hierarchy.clone(),
        };
        let decoder = CellDecoder::new(finest, 3);
        check(on, &head, AncestorCrossEntropy, targets, &[&decoder]);

        let head = CosineHeadConfig {
            cells: cells.len(),
            scale: 10.0,
        };
        let margin = |margin| MarginSoftmax { margin };
        let targets = || classes.clone();
        check(
            on,
            &head,
            margin(Margin::Cosine(0.1)),
            targets(),
            &[&argmax],
        );
        check(on, &head, margin(Margin::Angle(0.1)), targets(), &[&argmax]);
        check(on, &head, CrossEntropy::default(), targets(), &[&argmax]);

        let head = NamedClassHeadConfig::new(ground.named.len());
        let targets = CellClasses::new(ground.named.clone());
        let decoder = NamedClassDecoder::new(ground.named.clone(), 3);
        check(on, &head, CrossEntropy::default(), targets, &[&decoder]);
    });
}

#[test]
fn several_classifiers_at_once() {
    let ground = Ground::new();
    let cells = &ground.cells;
    with_every_encoder(|on| {
        let hierarchy = &ground.hierarchy;
        let head = HierarchicalHeadConfig {
            cells: hierarchy.partitions().map(Partition::len).collect(),
            dropout: 0.1,
        };
        let targets = HierarchyClasses {
            hierarchy: hierarchy.clone(),
        };
        let decoder = HierarchicalDecoder::new(hierarchy.clone(), 3);
        let summed = SummedCrossEntropy::default;
        check(on, &head, summed(), targets, &[&decoder]);

        let sets = &ground.sets;
        let size = |i| sets.set(i).map_or(0, Partition::len);
        let head = GeoclassHeadConfig {
            classes: (0..sets.set_count()).map(size).collect(),
            dropout: 0.1,
        };
        let targets = GeoclassTargets { sets: sets.clone() };
        let vote = |score| TupleVoteDecoder::new(sets.clone(), score, 3);
        let decoders = [
            vote(TupleScore::SimpleSum),
            vote(TupleScore::NormSum),
            vote(TupleScore::NormMax),
        ];
        let [a, b, c] = &decoders;
        check(on, &head, summed(), targets, &[a, b, c]);

        let expert = CellHeadConfig {
            cells: cells.len(),
            dropout: 0.0,
        };
        let head = ExpertsHeadConfig { scenes: 2, expert };
        let targets = Scenes(CellClasses::new(cells.clone()));
        let decoder = RoutedDecoder {
            experts: vec![CellDecoder::new(cells.clone(), 3); 2],
        };
        check(on, &head, SceneExpertsLoss::default(), targets, &[&decoder]);
    });
}

#[test]
fn coordinates() {
    let ground = Ground::new();
    let cells = &ground.cells;
    with_every_encoder(|on| {
        let head = ScaledRegressionHeadConfig {
            hidden: 8,
            sigmoid: true,
            ..ScaledRegressionHeadConfig::default()
        };
        let decoder = ScaledCoordinatesDecoder { spread_km: 100.0 };
        let linear = ScaledRegressionHeadConfig {
            sigmoid: false,
            ..head.clone()
        };
        for head in [head, linear] {
            let loss = HaversineLoss::default();
            check(on, &head, loss, ScaledPlaces, &[&decoder]);
        }

        let head = DirectionHeadConfig {
            hidden: 8,
            ..DirectionHeadConfig::default()
        };
        let decoder = DirectionDecoder { spread_km: 100.0 };
        for discrepancy in [
            Discrepancy::HalfSquaredChord,
            Discrepancy::Angle,
            Discrepancy::Score { scale_km: 1492.7 },
        ] {
            let loss = DirectionLoss { discrepancy };
            check(on, &head, loss, UnitVectors, &[&decoder]);
        }

        let frames = CellFrames::new(cells.clone(), 25.0);
        let decoder = HybridDecoder::new(frames.clone(), 3);
        for shared in [false, true] {
            let head = HybridHeadConfig {
                cells: cells.len(),
                dropout: 0.0,
                shared,
            };
            let targets = CellsWithOffsets {
                frames: frames.clone(),
            };
            check(on, &head, CellOffsetLoss::default(), targets, &[&decoder]);
        }

        let head = MixtureHeadConfig {
            components: 3,
            ..MixtureHeadConfig::default()
        };
        let decoder = MixtureDecoder { keep: 3 };
        check(on, &head, MixtureNll, UnitVectors, &[&decoder]);

        let head = FlowHeadConfig {
            blocks: 1,
            width: 8,
            expansion: 2,
        };
        let decoder = FlowDecoder {
            sampler: FlowSampler {
                steps: 4,
                ..FlowSampler::default()
            },
            samples: 4,
            ..FlowDecoder::default()
        };
        check(on, &head, FlowMatching, FlowTargets::default(), &[&decoder]);
    });
}

#[test]
fn two_tasks() {
    let ground = Ground::new();
    let cells = &ground.cells;
    let prototypes = (0..cells.len())
        .map(|class| {
            let place = cells.location(class).unwrap();
            vec![Prototype::new(vec![(vec![0.5; 4], place)]).unwrap()]
        })
        .collect();
    let refined = PrototypeDecoder::new(cells.clone(), prototypes);
    let photos: Vec<(Vec<f32>, LatLng)> = (0..cells.len())
        .map(|class| (vec![0.5; 4], cells.location(class).unwrap()))
        .collect();
    let within = SearchWithinCell::new(cells.clone(), &photos).unwrap();
    let first = FirstTask(CellDecoder::new(cells.clone(), 3));
    with_every_encoder(|on| {
        let cell = CellHeadConfig {
            cells: cells.len(),
            dropout: 0.0,
        };
        let relations = DistanceRelations {
            positive_km: 1.0,
            negative_km: 10.0,
        };
        let targets = (CellClasses::new(cells.clone()), relations);
        let head = TwoTaskHeadConfig {
            first: cell,
            second: EmbeddingHeadConfig { dim: 4 },
        };
        let uncertain = UncertaintyWeighted {
            first: CrossEntropy::default(),
            second: MultiSimilarity::default(),
        };
        check(
            on,
            &head,
            uncertain,
            targets.clone(),
            &[&first, &refined, &within],
        );
        let weighted = WeightedSum {
            first: CrossEntropy::default(),
            second: MilNce::default(),
            weights: [1.0, 0.5],
        };
        check(on, &head, weighted, targets, &[&first]);
    });
}

#[test]
fn embeddings() {
    let rows: Vec<f32> = (0..8)
        .flat_map(|i| [0.6, 0.8, 0.0, 0.1 * i as f32])
        .collect();
    let places: Arc<[LatLng]> = (0..8).map(|i| at(5.0 * f64::from(i), 20.0)).collect();
    let index = Arc::new(index_embeddings(&rows, 4).unwrap());
    let gallery = GalleryDecoder::new(index.clone(), places.clone(), 10.0, 50.0, 3);
    let density = NeighbourDecoder::new(index, places, NeighbourDensity::default(), 5);
    let head = EmbeddingHeadConfig { dim: 4 };
    let relations = DistanceRelations {
        positive_km: 1.0,
        negative_km: 10.0,
    };
    with_every_encoder(|on| {
        let similar = MultiSimilarity::default();
        check(on, &head, similar, relations, &[&gallery, &density]);
        check(on, &head, MilNce::default(), relations, &[&gallery]);
    });
}

#[test]
fn two_branches() {
    let masks = PairMasks { radius_km: 1.0 };
    let branch = |build: Build, device: &Device| {
        let encoder = build(device);
        let head = EmbeddingHeadConfig { dim: 4 };
        let head = head.init(&encoder.spec(), device).unwrap();
        GeoModel { encoder, head }
    };
    with_every_encoder(|(build, device)| {
        let model = |device: &Device| {
            TwoBranch::new(branch(build, device), branch(build, device), 10.0, device)
        };
        macro_rules! check {
            ($criterion:expr) => {
                let autodiff = device.clone().autodiff();
                let learner = PairTraining {
                    model: model(&autodiff),
                    criterion: $criterion,
                };
                let trained = fit(learner, &SamePairs(masks), &autodiff).model;
                contract::check_round_trip(trained.clone(), model(device)).unwrap();
                // The tiles of the batch are the gallery.
                let tiles = trained.aerial.forward(images(device).flip([3])).0;
                let rows: Vec<f32> = tiles.try_into_vec_as().unwrap();
                let index = Arc::new(index_embeddings(&rows, 4).unwrap());
                let gallery = GalleryDecoder::new(index, truth().into(), 10.0, 50.0, 3);
                let query = || trained.query.forward(images(device));
                let answers = gallery.decode(query()).unwrap();
                let of = |k: usize| answers[k].as_ref().unwrap().location;
                assert!((0..BATCH).all(|k| truth().contains(&of(k))));
                let loaded = model(device).try_load_record(trained.clone().into_record());
                let again = loaded.unwrap().query.forward(images(device));
                assert_eq!(gallery.decode(again).unwrap(), answers);
            };
        }
        check!(InfoNce::default());
        check!(DecoupledInfoNce {
            label_smoothing: 0.1
        });
        check!(SoftMarginTriplet::default());
    });
}

#[test]
fn images_against_places() {
    with_every_encoder(|(build, device)| {
        let model = |device: &Device| {
            let encoder = build(device);
            let head = EmbeddingHeadConfig { dim: 4 };
            let head = head.init(&encoder.spec(), device).unwrap();
            let place = LocationEncoderConfig {
                sigmas: vec![1.0, 16.0],
                frequencies: 4,
                hidden: 8,
                width: 4,
            };
            let image = GeoModel { encoder, head };
            PlaceContrastModel::new(image, place.init(device).unwrap(), 10.0, device)
        };
        let autodiff = device.clone().autodiff();
        let learner = PlaceContrastTraining {
            model: model(&autodiff),
            criterion: PlaceContrast,
        };
        let trained = fit(learner, &SamePlaces, &autodiff).model;
        contract::check_round_trip(trained.clone(), model(device)).unwrap();
        let answer = trained.forward(images(device), &truth());
        assert_eq!(answer.places.dims(), [BATCH, 4]);
        let rows: Vec<f32> = answer.places.try_into_vec_as().unwrap();
        let index = Arc::new(index_embeddings(&rows, 4).unwrap());
        let gallery = GalleryDecoder::new(index, truth().into(), 10.0, 50.0, 3);
        let found = gallery.decode(trained.image.forward(images(device)));
        assert!(found.unwrap().iter().all(Result::is_ok));
    });
}
