//! Parts of a model that are trained in their own way, or not at all.
//!
//! Parts are named by the beginning of the names of their parameters: `model.encoder` is the encoder
//! of a [`Training`](crate::core::Training), `model.encoder.layer4` the last stage of a `ResNet` in
//! it.

use std::collections::BTreeSet;

use burn::module::{Flag, Module, ModuleMapper, ModuleVisitor, Param, ParamGroup};
use burn::optim::lr_scheduler::module_lr_scheduler::{ModuleLearningRate, ModuleLrScheduler};
use burn::optim::{AdamWConfig, ModuleOptimizer};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::{TrainError, TrainerConfig};

/// Parameters with a learning rate of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// The beginning of the names of their parameters, whole parts of a name.
    pub parameters: String,
    /// The learning rate is multiplied by this.
    pub rate: f64,
    /// Weight decay instead of that of the run; of vectors too only with
    /// [`decay_vectors`](super::TrainerConfig::decay_vectors).
    #[serde(default)]
    pub weight_decay: Option<f32>,
}

/// One part of a run: which parameters rest, and how the learning rate goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Number of optimiser steps.
    pub steps: u64,
    /// Highest learning rate, reached after the warm-up.
    pub learning_rate: f64,
    /// The learning rate rises linearly from 0 during this many steps.
    pub warmup_steps: u64,
    /// The learning rate then falls along a half cosine to this share of the highest.
    pub final_rate_share: f64,
    /// Parameters that are not trained, by the beginnings of their names; their batch norms use
    /// their running statistics and leave them as they are, their dropout is off.
    #[serde(default)]
    pub frozen: Vec<String>,
}

/// Whether `prefix` is `path` or whole parts from its beginning.
pub(crate) fn begins(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The parameters below a part, and its flags.
fn group_of(prefix: &str) -> Result<ParamGroup, TrainError> {
    // Names are letters, digits and underscores between points.
    let pattern = format!("^{}(\\.|$)", prefix.replace('.', "\\."));
    ParamGroup::from_regex(pattern).map_err(|_| TrainError::Config {
        field: "frozen or parameters (not the beginning of a name)",
    })
}

/// Fails unless each beginning is that of a parameter of the module.
pub(super) fn check_names<'a, M: Module>(
    module: &M,
    prefixes: impl Iterator<Item = &'a String>,
) -> Result<(), TrainError> {
    let mut names = Names::default();
    module.visit(&mut names);
    for prefix in prefixes {
        group_of(prefix)?;
        if !names.all.iter().any(|name| begins(name, prefix)) {
            return Err(TrainError::NoParameters {
                prefix: prefix.clone(),
                known: names.beginnings(),
            });
        }
    }
    Ok(())
}

/// Names of all parameters, and of the flags of layers without any.
#[derive(Default)]
struct Names {
    path: Vec<String>,
    all: Vec<String>,
    /// Of parameters of one axis.
    vectors: Vec<String>,
}

impl Names {
    /// The first two parts of the names, each once.
    fn beginnings(&self) -> Vec<String> {
        let two = |name: &String| name.split('.').take(2).collect::<Vec<_>>().join(".");
        let set: BTreeSet<String> = self.all.iter().map(two).collect();
        set.into_iter().collect()
    }
}

impl ModuleVisitor for Names {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, _param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        if D == 1 {
            self.vectors.push(name.clone());
        }
        self.all.push(name);
    }

    fn visit_flag(&mut self, _flag: &Param<Flag>) {
        self.all.push(self.path.join("."));
    }
}

/// Parameters that are never trained, whatever the phase: running statistics, constants.
#[derive(Clone, Debug, Default)]
pub(super) struct Constants(BTreeSet<u64>);

impl Constants {
    pub(super) fn of<M: Module>(module: &M) -> Self {
        let mut constants = Self::default();
        module.visit(&mut constants);
        constants
    }
}

impl ModuleVisitor for Constants {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if !param.is_require_grad() {
            self.0.insert(param.id.val());
        }
    }
}

/// Puts constants back to rest after a part was freed as a whole.
struct Rest<'a>(&'a Constants);

impl ModuleMapper for Rest<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.0.0.contains(&param.id.val()) {
            return param.set_require_grad(false);
        }
        param
    }
}

/// Frees the parts `from` and freezes the parts `to`.
pub(super) fn refreeze<M: Module>(
    mut module: M,
    from: &[String],
    to: &[String],
    constants: &Constants,
) -> Result<M, TrainError> {
    for prefix in from {
        module = module.unfreeze_group(group_of(prefix)?);
    }
    if !from.is_empty() {
        module = module.map(&mut Rest(constants));
    }
    for prefix in to {
        module = module.freeze_group(group_of(prefix)?);
    }
    Ok(module)
}

/// The learning rate of each group.
pub(super) fn rates(
    rate: f64,
    groups: &[ParameterGroup],
) -> Result<ModuleLearningRate, TrainError> {
    let mut rates = ModuleLrScheduler::new(rate);
    for group in groups {
        rates = rates.with_group(group_of(&group.parameters)?, rate * group.rate);
    }
    Ok(rates.step())
}

/// AdamW for the parameters of `module`, with the weight decays of its groups; vectors have none
/// unless the settings say so.
pub(super) fn optimizer<M: Module>(
    config: &TrainerConfig,
    module: &M,
) -> Result<ModuleOptimizer, TrainError> {
    let adam = |decay| {
        AdamWConfig::new()
            .with_epsilon(1e-8)
            .with_weight_decay(decay)
    };
    let mut optimizer = adam(config.weight_decay).init();
    for group in &config.groups {
        if let Some(decay) = group.weight_decay {
            let part = group_of(&group.parameters)?;
            optimizer = optimizer.with_group(part, adam(decay).build(), None);
        }
    }
    if !config.decay_vectors {
        let mut names = Names::default();
        module.visit(&mut names);
        // The last group that a parameter is in counts. By name: a resumed run has other ids.
        let vectors = ParamGroup::from_paths(names.vectors);
        optimizer = optimizer.with_group(vectors, adam(0.0).build(), None);
    }
    Ok(optimizer)
}
