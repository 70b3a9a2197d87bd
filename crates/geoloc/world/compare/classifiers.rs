//! Approaches that choose a cell.

use std::sync::Arc;

use super::arena::{Arena, KEEP, TrainedModel};
use super::decoders::{CellsAlone, OneSet};
use super::neighbours::neighbours;
use super::outcome::ApproachOutcome;
use super::scenes::TerrainCells;
use super::views::Views;
use crate::core::{CellFrames, CellLogits, Loss, TargetEncoder};
use crate::geo_cells::Partition;
use crate::heads::cell::{CellDecoder, CellHeadConfig};
use crate::heads::combinatorial::{GeoclassHeadConfig, TupleScore, TupleVoteDecoder};
use crate::heads::cosine::CosineHeadConfig;
use crate::heads::density::ModeDecoder;
use crate::heads::experts::{ExpertsHeadConfig, RoutedDecoder};
use crate::heads::hierarchical::{HierarchicalDecoder, HierarchicalHeadConfig};
use crate::heads::hybrid::{HybridDecoder, HybridHeadConfig};
use crate::heads::named::{NamedClassDecoder, NamedClassHeadConfig};
use crate::losses::{
    CellClasses, CellOffsetLoss, CellsWithOffsets, CrossEntropy, GeoclassTargets, HierarchyClasses,
    Margin, MarginSoftmax, SceneExpertsLoss, SmoothedCells, SoftCrossEntropy, SummedCrossEntropy,
};
use crate::world::WorldError;

/// Width of the kernel of mode seeking, in km: about half a cell.
const BANDWIDTH_KM: f64 = 200.0;

impl<V: Views> Arena<'_, V> {
    fn cell_head(&self, partition: &Partition) -> CellHeadConfig {
        CellHeadConfig {
            cells: partition.len(),
            dropout: self.config.dropout,
        }
    }

    /// A softmax over the cells of a partition, and what its most probable cell answers.
    fn softmax<L, T>(
        &self,
        cells: &Arc<Partition>,
        criterion: L,
        targets: T,
        about: &str,
    ) -> Result<TrainedModel<V, CellHeadConfig>, WorldError>
    where
        L: Loss<CellLogits, Target = T::Target>,
        T: TargetEncoder,
    {
        let mut trained = self.train(&self.cell_head(cells), criterion, targets)?;
        let decoder = CellDecoder::new(cells.clone(), KEEP);
        let method = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods.push(method);
        Ok(trained)
    }

    /// The same with cross-entropy.
    fn plain(&self, cells: &Arc<Partition>) -> Result<TrainedModel<V, CellHeadConfig>, WorldError> {
        let about = format!("Softmax over {} adaptive S2 cells.", cells.len());
        let targets = CellClasses::new(cells.clone());
        self.softmax(cells, CrossEntropy::default(), targets, &about)
    }

    pub(super) fn cells(&self) -> Result<ApproachOutcome, WorldError> {
        let cells = &self.ground.cells;
        let mut trained = self.plain(cells)?;
        let decoder = ModeDecoder::new(cells.clone(), BANDWIDTH_KM, KEEP);
        let about = "The same, answered by the mode of the smoothed cells.";
        let mode = self.judge_model("mode", about, &trained.model, &decoder)?;
        trained.outcome.methods.push(mode);
        let near = neighbours(self, &trained.model, cells)?;
        trained.outcome.methods.extend(near);
        Ok(trained.outcome)
    }

    pub(super) fn fine_cells(&self) -> Result<ApproachOutcome, WorldError> {
        Ok(self.plain(&self.ground.fine)?.outcome)
    }

    pub(super) fn smoothed_cells(&self) -> Result<ApproachOutcome, WorldError> {
        let cells = &self.ground.fine;
        // PIGEON smooths over 75 km for cells of some tens of km.
        let targets = SmoothedCells::normalized(cells.clone(), BANDWIDTH_KM);
        let about = format!(
            "Softmax over {} cells, targets smoothed over {BANDWIDTH_KM} km.",
            cells.len()
        );
        let trained = self.softmax(cells, SoftCrossEntropy, targets, &about)?;
        Ok(trained.outcome)
    }

    pub(super) fn cosine(&self) -> Result<ApproachOutcome, WorldError> {
        let cells = &self.ground.cells;
        let head = CosineHeadConfig {
            cells: cells.len(),
            scale: 30.0,
        };
        let criterion = MarginSoftmax {
            margin: Margin::Cosine(0.1),
        };
        let mut trained = self.train(&head, criterion, CellClasses::new(cells.clone()))?;
        let decoder = CellDecoder::new(cells.clone(), KEEP);
        let about = format!("Cosine classifier of {} cells, margin 0.1.", cells.len());
        let plain = self.judge_model("", &about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![plain];
        Ok(trained.outcome)
    }

    pub(super) fn cities(&self) -> Result<ApproachOutcome, WorldError> {
        let cities = &self.ground.cities;
        let head = NamedClassHeadConfig::new(cities.len());
        let targets = CellClasses::new(cities.clone());
        let mut trained = self.train(&head, CrossEntropy::default(), targets)?;
        let decoder = NamedClassDecoder::new(cities.clone(), KEEP);
        let about = format!(
            "Softmax over the regions of {} cities, dropout 0.5.",
            cities.len()
        );
        let plain = self.judge_model("", &about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![plain];
        Ok(trained.outcome)
    }

    pub(super) fn hierarchical(&self) -> Result<ApproachOutcome, WorldError> {
        let hierarchy = &self.ground.hierarchy;
        let cells: Vec<usize> = hierarchy.partitions().map(Partition::len).collect();
        let about = format!("Product of the probabilities of {cells:?} nested cells.");
        let levels = cells.len();
        let head = HierarchicalHeadConfig {
            cells,
            dropout: self.config.dropout,
        };
        let targets = HierarchyClasses {
            hierarchy: hierarchy.clone(),
        };
        let mut trained = self.train(&head, SummedCrossEntropy::default(), targets)?;
        let decoder = HierarchicalDecoder::new(hierarchy.clone(), KEEP);
        let joint = self.judge_model("", &about, &trained.model, &decoder)?;
        let mut exponents = vec![0.0; levels];
        if let Some(finest) = exponents.last_mut() {
            *finest = 1.0;
        }
        let decoder = decoder.with_exponents(&exponents)?;
        let about = "The same model, its finest level alone.";
        let finest = self.judge_model("finest level", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![joint, finest];
        Ok(trained.outcome)
    }

    pub(super) fn combinatorial(&self) -> Result<ApproachOutcome, WorldError> {
        let sets = &self.ground.sets;
        let set = |i| sets.set(i).map_or(0, Partition::len);
        let classes: Vec<usize> = (0..sets.set_count()).map(set).collect();
        let about = format!(
            "Vote of {} sets of {classes:?} classes for {} fine cells.",
            classes.len(),
            sets.fine().len()
        );
        let head = GeoclassHeadConfig {
            classes: classes.clone(),
            dropout: self.config.dropout,
        };
        let targets = GeoclassTargets { sets: sets.clone() };
        let mut trained = self.train(&head, SummedCrossEntropy::default(), targets)?;
        for (variant, score) in [
            ("", TupleScore::SimpleSum),
            ("NormSum", TupleScore::NormSum),
        ] {
            let decoder = TupleVoteDecoder::new(sets.clone(), score, KEEP);
            let method = self.judge_model(variant, &about, &trained.model, &decoder)?;
            trained.outcome.methods.push(method);
        }
        for set in 0..sets.set_count() {
            let Some(partition) = sets.set(set) else {
                continue;
            };
            let decoder = OneSet {
                set,
                cells: CellDecoder::new(Arc::new(partition.clone()), KEEP),
            };
            let variant = format!("set {}", set + 1);
            let about = "The same model, one of its sets alone.";
            let method = self.judge_model(&variant, about, &trained.model, &decoder)?;
            trained.outcome.methods.push(method);
        }
        Ok(trained.outcome)
    }

    pub(super) fn cell_offset(&self) -> Result<ApproachOutcome, WorldError> {
        let cells = &self.ground.cells;
        let head = HybridHeadConfig {
            cells: cells.len(),
            dropout: self.config.dropout,
            shared: false,
        };
        let frames = CellFrames::new(cells.clone(), 25.0);
        let targets = CellsWithOffsets {
            frames: frames.clone(),
        };
        let mut trained = self.train(&head, CellOffsetLoss::default(), targets)?;
        let about = format!("Softmax over {} cells and an offset each.", cells.len());
        let decoder = HybridDecoder::new(frames, KEEP);
        let offset = self.judge_model("", &about, &trained.model, &decoder)?;
        let decoder = CellsAlone::new(cells.clone(), KEEP);
        let about = "The same model without its offsets.";
        let alone = self.judge_model("cells alone", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![offset, alone];
        Ok(trained.outcome)
    }

    pub(super) fn scene_experts(&self) -> Result<ApproachOutcome, WorldError> {
        let cells = &self.ground.cells;
        let head = ExpertsHeadConfig {
            scenes: TerrainCells::KINDS,
            expert: self.cell_head(cells),
        };
        let places = &self.ground.places;
        let places = &places[..places.len().min(2000)];
        let targets = CellClasses::new(cells.clone());
        let targets = TerrainCells::new(targets, &self.ground.task, places)?;
        let mut trained = self.train(&head, SceneExpertsLoss::default(), targets)?;
        let decoder = RoutedDecoder {
            experts: vec![CellDecoder::new(cells.clone(), KEEP); TerrainCells::KINDS],
        };
        let about = "One softmax for flat, hilly and rugged tiles each, routed by the model.";
        let routed = self.judge_model("", about, &trained.model, &decoder)?;
        trained.outcome.methods = vec![routed];
        Ok(trained.outcome)
    }
}
