use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::{CellPrototypes, HybridCells, HybridCellsError, HybridLevels, HybridModel};
use super::{HybridTraining, PrototypesError};
use crate::backbones::{SmallCnn, SmallCnnConfig};
use crate::core::{BatchError, BatchSource, Learner, PairBatch, TwoBranch, contract};
use crate::geo_cells::{CellId, LatLng, Level};
use crate::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use crate::locate::build_model;
use crate::losses::{EdgeLoss, TriangleRelations, TriangleTargets, Triangular};
use crate::retrieval::{FusedIndex, Query, VectorIndex};
use crate::seed::mix;
use crate::trainer::tests::turn;
use crate::trainer::{ProgressMode, Trainer, TrainerConfig};

fn levels() -> HybridLevels {
    HybridLevels {
        fine: Level::new(7).unwrap(),
        parent: Level::new(6).unwrap(),
    }
}

fn at(lat: f64, lng: f64) -> LatLng {
    LatLng::new(lat, lng).unwrap()
}

/// All children of two parents that touch, and of one far away.
fn cells() -> (HybridCells, [CellId; 3]) {
    let parent = |p: LatLng| CellId::from_lat_lng(p).parent(levels().parent).unwrap();
    let first = parent(at(48.0, 11.0));
    let parents = [first, first.edge_neighbors()[0], parent(at(-33.0, 18.0))];
    let rows: Vec<CellId> = parents.iter().flat_map(|p| p.children().unwrap()).collect();
    (HybridCells::new(levels(), &rows).unwrap(), parents)
}

#[test]
fn cells_know_their_rows_and_parents() {
    let (cells, parents) = cells();
    assert_eq!((cells.rows().len(), cells.parents().len()), (12, 3));
    for (i, row) in cells.rows().iter().enumerate() {
        assert_eq!(cells.row_of(row.center()), Some(i));
        let parent = cells.parent_about(row.center()).unwrap();
        assert!(parents.contains(&parent));
    }
    assert_eq!(cells.row_of(at(0.0, 0.0)), None);
    assert!((70.0..75.0).contains(&cells.cell_width_km()));
    let upside_down = HybridLevels {
        fine: levels().parent,
        parent: levels().fine,
    };
    let found = HybridCells::new(upside_down, &[]);
    assert!(matches!(found, Err(HybridCellsError::Levels { .. })));
    let found = HybridCells::new(levels(), &parents);
    assert!(matches!(found, Err(HybridCellsError::Level { .. })));
}

#[test]
fn prototypes_go_down_the_tree_and_blend_across_borders() {
    let (cells, parents) = cells();
    let mut ordered = parents.to_vec();
    ordered.truncate(2);
    let vectors = vec![1.0, 0.0, 0.0, 1.0];
    let prototypes = CellPrototypes::new(ordered, vectors, vec![9, 1], 2).unwrap();
    let aerial = vec![0.0; 2 * cells.rows().len()];
    let index = FusedIndex::new(&prototypes.table(&cells, &aerial).unwrap()).unwrap();
    let hits = index.search(&Query::new(&[1.0, 0.0]).k(12)).unwrap().hits;
    for hit in &hits {
        let row = cells.rows()[hit.id as usize];
        let own = row.parent(levels().parent).unwrap() == parents[0];
        assert!((hit.score - f32::from(u8::from(own))).abs() < 1e-6);
    }
    // Interpolated, a child near the border has something of the other parent, one at the far
    // side less, and the weights of a row sum to 1.
    let blended = prototypes.interpolated(&cells);
    assert_eq!(
        blended.cells().len(),
        8,
        "the third parent has no prototype"
    );
    let share: Vec<f32> = blended
        .cells()
        .iter()
        .zip(blended.vectors().chunks_exact(2))
        .filter(|(cell, _)| cell.parent(levels().parent) == Some(parents[0]))
        .map(|(_, v)| {
            assert!((v[0] + v[1] - 1.0).abs() < 1e-6);
            v[1]
        })
        .collect();
    let most = share.iter().copied().fold(0.0, f32::max);
    let least = share.iter().copied().fold(1.0, f32::min);
    assert!(most > 0.1 && least < most / 2.0, "{share:?}");
    assert!(share.iter().all(|&s| s < 0.5));
    // Few photos, little weight.
    let weighted = prototypes.weighted_by_photos(1.0);
    assert!((weighted.vectors()[0] - 0.9).abs() < 1e-6);
    assert!((weighted.vectors()[3] - 0.5).abs() < 1e-6);
    assert_eq!(prototypes.weighted_by_photos(0.0), prototypes);
    let short = CellPrototypes::new(parents.to_vec(), vec![0.0; 5], vec![1; 3], 2);
    assert!(matches!(short, Err(PrototypesError { values: 5, .. })));
}

type Model = HybridModel<SmallCnn, EmbeddingHead>;

fn model(seed: u64, device: &Device) -> Model {
    device.seed(seed);
    let encoder = SmallCnnConfig {
        input_size: 8,
        channels: vec![4],
    };
    let head = EmbeddingHeadConfig { dim: 6 };
    let branch = || build_model(&encoder, &head, device).unwrap().materialize();
    let branches = TwoBranch::new(branch(), branch(), 10.0, device);
    HybridModel::new(branches, 3, 6, device).materialize()
}

/// Noise pictures of three places, each with its prototype.
#[derive(Debug)]
struct Pictures;

impl BatchSource for Pictures {
    type Batch = PairBatch<Tensor<4>, TriangleRelations>;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        let truth = vec![at(0.0, 0.0), at(0.0, 20.0), at(0.0, 40.0)];
        let picture = |view: u64| {
            let values: Vec<f32> = (0..3 * 3 * 64)
                .map(|i| (mix(i, view) >> 40) as f32 / (1 << 24) as f32)
                .map(|v| v + (mix(step, view) >> 40) as f32 * 1e-9)
                .collect();
            Tensor::from_data(TensorData::new(values, [3, 3, 8, 8]), device)
        };
        let targets = TriangleTargets {
            prototypes: truth.clone(),
            mask_km: 100.0,
            prototype_mask_km: 100.0,
            neighbours_km: None,
        };
        let own = [Some(0), Some(1), None];
        Ok(PairBatch {
            query: picture(1),
            aerial: picture(2),
            target: targets.relations(&truth, &truth, &own, device),
            truth,
        })
    }
}

fn training(device: &Device) -> HybridTraining<SmallCnn, EmbeddingHead, Triangular> {
    HybridTraining {
        model: model(3, device),
        criterion: Triangular {
            edge: EdgeLoss::InfoNce,
            ..Triangular::default()
        },
    }
}

#[test]
fn meets_the_contract_of_a_learner() {
    let _turn = turn();
    let device = Device::default().autodiff();
    contract::check_learner(&training(&device), Pictures.batch(0, &device).unwrap()).unwrap();
    contract::check_round_trip(model(3, &device), model(4, &device)).unwrap();
}

#[test]
fn a_killed_training_resumes_to_the_same_curve() {
    let _turn = turn();
    let device = Device::default().autodiff();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hybrid.checkpoint");
    let config = TrainerConfig {
        steps: 12,
        warmup_steps: 2,
        checkpoint_every: 4,
        log_every: 1,
        ..TrainerConfig::default()
    };
    let start = training(&device);
    let trainer = || Trainer::new(config.clone()).with_progress(ProgressMode::Hidden);
    let whole = trainer()
        .fit(start.clone(), &Pictures, None, &device)
        .unwrap();
    // Killed after step 7: the checkpoint of step 4 is what is left.
    let stopping = KillAt(7);
    let cut = trainer()
        .with_checkpoint(&path)
        .fit(start.clone(), &stopping, None, &device);
    assert!(cut.is_err());
    let resumed = trainer()
        .with_checkpoint(&path)
        .fit(start.clone(), &Pictures, None, &device)
        .unwrap();
    assert_eq!(resumed.history, whole.history);
    let table = |m: &Model| m.prototypes.val().try_into_vec_as::<f32>().unwrap();
    assert_eq!(table(&resumed.learner.model), table(&whole.learner.model));
    // It learned something, prototypes included.
    let first = &whole.history.train[0];
    let last = whole.history.train.last().unwrap();
    assert!(last.loss < first.loss, "{} {}", first.loss, last.loss);
    assert_ne!(table(&whole.learner.model), table(&start.model));
}

/// [`Pictures`] up to a step, then an error.
#[derive(Debug)]
struct KillAt(u64);

impl BatchSource for KillAt {
    type Batch = <Pictures as BatchSource>::Batch;

    fn batch(&self, step: u64, device: &Device) -> Result<Self::Batch, BatchError> {
        if step == self.0 {
            return Err(BatchError {
                step,
                source: "killed".into(),
            });
        }
        Pictures.batch(step, device)
    }
}

#[test]
fn loss_reaches_every_parameter() {
    let _turn = turn();
    let device = Device::default().autodiff();
    let training = training(&device);
    let gradients = training
        .loss(Pictures.batch(0, &device).unwrap())
        .backward();
    let table = training.model.prototypes.val().grad(&gradients).unwrap();
    let values = table.try_into_vec_as::<f32>().unwrap();
    assert!(values[..12].iter().all(|v| v.is_finite()));
    assert!(values[..12].iter().any(|v| v.abs() > 1e-6));
}
