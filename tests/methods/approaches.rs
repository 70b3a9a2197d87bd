//! What a recipe can name.

use geoloc::approach::{
    ApproachConfig, CellLoss, ClassesOptions, ClassifierOptions, CombinatorialOptions,
    CosineOptions, FlowOptions, GeoclipOptions, HierarchicalOptions, HybridOptions, MixtureOptions,
    RetrievalOptions, ScaledRegressionOptions, SceneExpertsOptions, UnitRegressionOptions, Vote,
};
use geoloc::backbones::geoclip::LocationEncoderConfig;
use geoloc::heads::flow::FlowHeadConfig;

/// Every approach with every loss and vote that it offers, by its published settings but for sizes.
pub(crate) fn approaches() -> Vec<ApproachConfig> {
    let classifier = |loss| ApproachConfig::Classifier(ClassifierOptions { dropout: 0.1, loss });
    let combinatorial = |vote| {
        ApproachConfig::Combinatorial(CombinatorialOptions {
            vote,
            ..CombinatorialOptions::default()
        })
    };
    let scaled = |sigmoid| {
        ApproachConfig::ScaledRegression(ScaledRegressionOptions {
            sigmoid,
            dropout: 0.0,
            hidden_dropout: 0.0,
            ..ScaledRegressionOptions::default()
        })
    };
    let unit = |angle| {
        ApproachConfig::UnitRegression(UnitRegressionOptions {
            angle,
            ..UnitRegressionOptions::default()
        })
    };
    let hybrid = |shared| {
        ApproachConfig::Hybrid(HybridOptions {
            shared,
            ..HybridOptions::default()
        })
    };
    vec![
        classifier(CellLoss::default()),
        classifier(CellLoss::Smoothed { tau_km: 75.0 }),
        classifier(CellLoss::Balanced {
            beta: 0.9,
            focus: 2.0,
        }),
        ApproachConfig::Cosine(CosineOptions::default()),
        ApproachConfig::Classes(ClassesOptions::default()),
        scaled(false),
        scaled(true),
        unit(false),
        unit(true),
        ApproachConfig::Hierarchical(HierarchicalOptions::default()),
        combinatorial(Vote::SimpleSum),
        combinatorial(Vote::NormSum),
        combinatorial(Vote::NormMax),
        hybrid(false),
        hybrid(true),
        ApproachConfig::Mixture(MixtureOptions {
            components: 8,
            ..MixtureOptions::default()
        }),
        ApproachConfig::Flow(FlowOptions {
            head: FlowHeadConfig {
                blocks: 3,
                width: 96,
                expansion: 2,
            },
            steps: 24,
            samples: 8,
            ..FlowOptions::default()
        }),
        ApproachConfig::SceneExperts(SceneExpertsOptions {
            scenes: ["even", "odd"].map(str::to_owned).into(),
            ..SceneExpertsOptions::default()
        }),
        ApproachConfig::Geoclip(GeoclipOptions {
            location: LocationEncoderConfig {
                sigmas: vec![1.0, 16.0],
                frequencies: 64,
                hidden: 128,
                width: 64,
            },
            queue: 256,
            ..GeoclipOptions::default()
        }),
        ApproachConfig::Retrieval(RetrievalOptions {
            dim: 32,
            positive_km: 300.0,
            negative_km: 1000.0,
            ..RetrievalOptions::default()
        }),
    ]
}
