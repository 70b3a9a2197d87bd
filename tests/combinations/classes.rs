//! Heads that choose classes.

use crate::batches::Scenes;
use crate::check::{check, with_every_encoder};
use crate::ground::Ground;
use geoloc::geo_cells::Partition;
use geoloc::heads::cell::{CellDecoder, CellHeadConfig};
use geoloc::heads::combinatorial::{GeoclassHeadConfig, TupleScore, TupleVoteDecoder};
use geoloc::heads::cosine::CosineHeadConfig;
use geoloc::heads::density::ModeDecoder;
use geoloc::heads::experts::{ExpertsHeadConfig, RoutedDecoder};
use geoloc::heads::hierarchical::{HierarchicalDecoder, HierarchicalHeadConfig};
use geoloc::heads::named::{NamedClassDecoder, NamedClassHeadConfig};
use geoloc::losses::{
    AncestorCrossEntropy, AncestorMembers, BalancedCrossEntropy, CellClasses, ClassWeights,
    CrossEntropy, GeoclassTargets, HierarchyClasses, Margin, MarginSoftmax, SceneExpertsLoss,
    SmoothedCells, SmoothingAnchor, SoftCrossEntropy, SummedCrossEntropy,
};
use std::sync::Arc;

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
