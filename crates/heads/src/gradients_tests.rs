//! Every trainable parameter of every head gets a finite gradient.

use burn::tensor::{Device, Tensor, TensorData};
use geoloc_core::{
    CellOffsets, CosineLogits, Encoder, FeatureSpec, Features, GeoBatch, GeoModel, Head,
    HeadConfig, Loss, SceneExperts, SphericalFlow, SphericalMixture, Training, TwoTasks,
    VelocityField, contract,
};

use crate::album::AlbumHeadConfig;
use crate::cell::CellHeadConfig;
use crate::combinatorial::GeoclassHeadConfig;
use crate::cosine::CosineHeadConfig;
use crate::experts::ExpertsHeadConfig;
use crate::flow::{FlowHeadConfig, FlowNetwork};
use crate::hierarchical::HierarchicalHeadConfig;
use crate::hybrid::HybridHeadConfig;
use crate::mixture::MixtureHeadConfig;
use crate::multitask::TwoTaskHeadConfig;
use crate::named::NamedClassHeadConfig;
use crate::regression::{DirectionHeadConfig, ScaledRegressionHeadConfig};

/// Features as they come.
#[derive(burn::module::Module, Debug)]
struct Given {
    width: usize,
}

impl Encoder for Given {
    type Input = Tensor<2>;

    fn encode(&self, input: Tensor<2>) -> Features {
        Features::pooled(input)
    }

    fn spec(&self) -> FeatureSpec {
        FeatureSpec::pooled(self.width)
    }
}

/// A sum of all numbers of an output with uneven weights, so that no symmetry cancels gradients.
#[derive(Clone, Debug)]
struct Uneven<O>(fn(&O) -> Vec<Tensor<2>>);

impl<O: Clone + std::fmt::Debug + 'static> Loss<O> for Uneven<O> {
    type Target = ();

    fn forward(&self, output: &O, (): &()) -> Tensor<1> {
        let terms = (self.0)(output).into_iter().map(|t| {
            let shape = t.dims();
            let weights: Vec<f32> = (0..shape[0] * shape[1]).map(|k| (k as f32).sin()).collect();
            let weights = Tensor::from_data(TensorData::new(weights, shape), &t.device());
            (t * weights).sum()
        });
        Tensor::cat(terms.collect(), 0).sum()
    }
}

fn check<C: HeadConfig>(config: &C, parts: fn(&<C::Head as Head>::Output) -> Vec<Tensor<2>>)
where
    <C::Head as Head>::Output: std::fmt::Debug,
{
    let device = Device::flex().autodiff();
    let encoder = Given { width: 6 };
    let head = config.init(&encoder.spec(), &device).unwrap();
    let training = Training {
        model: GeoModel { encoder, head },
        criterion: Uneven(parts),
    };
    let values: Vec<f32> = (0..24).map(|k| (k as f32 * 0.7).cos()).collect();
    let batch = GeoBatch {
        input: Tensor::from_data(TensorData::new(values, [4, 6]), &device),
        target: (),
        truth: Vec::new(),
    };
    contract::check_learner(&training, batch).unwrap();
}

#[test]
fn gradients_reach_every_parameter_of_every_head() {
    check(
        &CellHeadConfig {
            cells: 3,
            dropout: 0.0,
        },
        |o| vec![o.0.clone()],
    );
    check(
        &CosineHeadConfig {
            cells: 3,
            scale: 30.0,
        },
        |o: &CosineLogits| vec![o.logits().0],
    );
    check(&NamedClassHeadConfig::new(3), |o| vec![o.0.clone()]);
    check(&ScaledRegressionHeadConfig::default(), |o| {
        vec![o.0.clone()]
    });
    check(&DirectionHeadConfig::default(), |o| vec![o.0.clone()]);
    let levels = HierarchicalHeadConfig {
        cells: vec![2, 5],
        dropout: 0.0,
    };
    check(&levels, |o| o.0.clone());
    let sets = GeoclassHeadConfig {
        classes: vec![4, 3],
        dropout: 0.0,
    };
    check(&sets, |o| o.0.clone());
    for shared in [false, true] {
        let hybrid = HybridHeadConfig {
            cells: 3,
            dropout: 0.0,
            shared,
        };
        check(&hybrid, |o: &CellOffsets| {
            vec![o.logits.clone(), o.offsets.clone().reshape([4, 6])]
        });
    }
    check(&MixtureHeadConfig::default(), |o: &SphericalMixture| {
        let means = o.means.clone().reshape([4, 9]);
        vec![o.log_weights.clone(), means, o.kappas.clone().log()]
    });
    for bidirectional in [false, true] {
        let album = AlbumHeadConfig {
            cells: 3,
            hidden: 5,
            offset: usize::from(!bidirectional),
            repeat: !bidirectional,
            bidirectional,
        };
        check(&album, |o| vec![o.0.clone()]);
    }
    let experts = ExpertsHeadConfig {
        scenes: 2,
        expert: CellHeadConfig {
            cells: 3,
            dropout: 0.0,
        },
    };
    check(&experts, |o: &SceneExperts<_>| {
        let outputs = o.experts.iter().map(|e| e.0.clone());
        outputs.chain([o.scenes.0.clone()]).collect()
    });
    let flow = FlowHeadConfig {
        blocks: 2,
        width: 8,
        expansion: 2,
    };
    check(&flow, |o: &SphericalFlow<FlowNetwork>| {
        let device = o.condition.device();
        let points = Tensor::<2>::from_data([[0.6, 0.0, 0.8]; 4], &device);
        let progress = Tensor::full([4, 1], 0.4, &device);
        vec![o.field.velocity(points, progress, o.condition.clone())]
    });
    let two = TwoTaskHeadConfig {
        first: CellHeadConfig {
            cells: 3,
            dropout: 0.0,
        },
        second: DirectionHeadConfig::default(),
    };
    check(&two, |o: &TwoTasks<_, _>| {
        let variances = o.log_variances.clone().unsqueeze::<2>();
        vec![o.first.0.clone(), o.second.0.clone(), variances]
    });
}
