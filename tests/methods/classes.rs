//! Heads that choose classes.

use std::sync::Arc;

use geoloc::burn::tensor::{Device, Int, Tensor, TensorData};
use geoloc::core::{TargetEncoder, TargetError};
use geoloc::geo_cells::{LatLng, Partition};
use geoloc::heads::cell::{CellDecoder, CellHeadConfig};
use geoloc::heads::combinatorial::{GeoclassHeadConfig, TupleScore, TupleVoteDecoder};
use geoloc::heads::cosine::CosineHeadConfig;
use geoloc::heads::density::ModeDecoder;
use geoloc::heads::experts::{ExpertsHeadConfig, RoutedDecoder};
use geoloc::heads::hierarchical::{HierarchicalDecoder, HierarchicalHeadConfig};
use geoloc::heads::named::{NamedClassDecoder, NamedClassHeadConfig};
use geoloc::losses::{
    AncestorCrossEntropy, AncestorMembers, BalancedCrossEntropy, CellClasses, ClassWeights,
    CrossEntropy, GeoclassTargets, HierarchyClasses, Margin, MarginSoftmax, SceneCells,
    SceneExpertsLoss, SmoothedCells, SmoothingAnchor, SoftCrossEntropy, SummedCrossEntropy,
};

use super::label_space::LabelSpaces;
use super::{Named, Visit};

/// A cell for each place, and a scene that depends on the cell.
#[derive(Clone, Debug)]
pub(crate) struct Scenes(pub(crate) Arc<Partition>);

impl TargetEncoder for Scenes {
    type Target = SceneCells;

    fn encode(&self, truth: &[LatLng], device: &Device) -> Result<SceneCells, TargetError> {
        let scene = |&at: &LatLng| self.0.index_of(at).map_or(0, |cell| (cell % 2) as i32);
        let scenes: Vec<i32> = truth.iter().map(scene).collect();
        let scenes = TensorData::new(scenes, [truth.len()]);
        Ok(SceneCells {
            cells: CellClasses::new(self.0.clone()).encode(truth, device)?,
            scenes: Tensor::<1, Int>::from_data(scenes, device),
        })
    }
}

/// One softmax.
pub(crate) fn classifiers(spaces: &LabelSpaces, visit: &mut impl Visit) {
    let cells = &spaces.cells;
    let classes = || CellClasses::new(cells.clone());
    let head = CellHeadConfig {
        cells: cells.len(),
        dropout: 0.1,
    };
    let argmax = CellDecoder::new(cells.clone(), 3);
    let mode = ModeDecoder::new(cells.clone(), 100.0, 3);
    let smoothed = CrossEntropy {
        label_smoothing: 0.1,
    };
    let both: [Named<_>; 2] = [("argmax", &argmax), ("mode", &mode)];
    visit.method("cells", &head, smoothed, classes(), &both);
    let one: [Named<_>; 1] = [("argmax", &argmax)];
    let balanced = BalancedCrossEntropy {
        weights: ClassWeights::effective_number(cells.counts(), 0.9),
        focus: 2.0,
    };
    visit.method("balanced cells", &head, balanced, classes(), &one);
    for (anchor, normalize) in [
        (SmoothingAnchor::NearestCell, true),
        (SmoothingAnchor::NearestCell, false),
        (SmoothingAnchor::OwnCell, true),
        (SmoothingAnchor::OwnCell, false),
    ] {
        let mut targets = SmoothedCells::pigeon(cells.clone());
        targets.anchor = anchor;
        targets.normalize = normalize;
        let name = format!("smoothed cells, {anchor:?}, normalised: {normalize}");
        visit.method(&name, &head, SoftCrossEntropy, targets, &one);
    }
    let finest = Arc::new(spaces.hierarchy.finest().clone());
    let head = CellHeadConfig {
        cells: finest.len(),
        dropout: 0.0,
    };
    let targets = AncestorMembers {
        hierarchy: spaces.hierarchy.clone(),
    };
    let decoder = CellDecoder::new(finest, 3);
    let decoders: [Named<_>; 1] = [("argmax", &decoder)];
    visit.method(
        "summed leaves",
        &head,
        AncestorCrossEntropy,
        targets,
        &decoders,
    );

    let head = NamedClassHeadConfig::new(spaces.named.len());
    let targets = CellClasses::new(spaces.named.clone());
    let decoder = NamedClassDecoder::new(spaces.named.clone(), 3);
    let decoders: [Named<_>; 1] = [("names", &decoder)];
    visit.method(
        "named classes",
        &head,
        CrossEntropy::default(),
        targets,
        &decoders,
    );
}

/// Cosines to prototypes.
pub(crate) fn cosine_classifiers(spaces: &LabelSpaces, visit: &mut impl Visit) {
    let cells = &spaces.cells;
    let classes = || CellClasses::new(cells.clone());
    let argmax = CellDecoder::new(cells.clone(), 3);
    let one: [Named<_>; 1] = [("argmax", &argmax)];
    let head = CosineHeadConfig {
        cells: cells.len(),
        scale: 30.0,
    };
    let margin = |margin| MarginSoftmax { margin };
    visit.method(
        "CosFace",
        &head,
        margin(Margin::Cosine(0.4)),
        classes(),
        &one,
    );
    visit.method(
        "ArcFace",
        &head,
        margin(Margin::Angle(0.3)),
        classes(),
        &one,
    );
    visit.method("cosine", &head, CrossEntropy::default(), classes(), &one);
}

/// Several softmaxes at once.
pub(crate) fn several_classifiers(spaces: &LabelSpaces, visit: &mut impl Visit) {
    let hierarchy = &spaces.hierarchy;
    let head = HierarchicalHeadConfig {
        cells: hierarchy.partitions().map(Partition::len).collect(),
        dropout: 0.1,
    };
    let targets = HierarchyClasses {
        hierarchy: hierarchy.clone(),
    };
    let decoder = HierarchicalDecoder::new(hierarchy.clone(), 3);
    let decoders: [Named<_>; 1] = [("f*", &decoder)];
    let summed = SummedCrossEntropy::default;
    visit.method("hierarchical", &head, summed(), targets, &decoders);

    let sets = &spaces.sets;
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
    let decoders: [Named<_>; 3] = [("SimpleSum", a), ("NormSum", b), ("NormMax", c)];
    visit.method("combinatorial", &head, summed(), targets, &decoders);

    let cells = &spaces.cells;
    let expert = CellHeadConfig {
        cells: cells.len(),
        dropout: 0.0,
    };
    let head = ExpertsHeadConfig { scenes: 2, expert };
    let decoder = RoutedDecoder {
        experts: vec![CellDecoder::new(cells.clone(), 3); 2],
    };
    let decoders: [Named<_>; 1] = [("routed", &decoder)];
    let loss = SceneExpertsLoss::default();
    visit.method(
        "scene experts",
        &head,
        loss,
        Scenes(cells.clone()),
        &decoders,
    );
}
