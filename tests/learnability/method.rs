//! Methods whose decoders need nothing but the output.

use geoloc::approach::ByPlace;
use geoloc::backbones::feature_file::Precomputed;
use geoloc::burn::tensor::Device;
use geoloc::core::{FeatureSpec, GeoModel, HeadConfig, Loss, TargetEncoder, Training};

use crate::goal::{Goal, train};
use crate::methods::separable::{Separable, WIDTH, World};
use crate::methods::{Named, OutputOf, Visit};

pub(crate) struct Learns<'a> {
    pub(crate) world: &'a World,
    pub(crate) device: &'a Device,
    pub(crate) goal: Goal,
}

/// A head on given features.
pub(crate) fn untrained<C: HeadConfig>(
    head: &C,
    device: &Device,
) -> GeoModel<Precomputed, C::Head> {
    let spec = FeatureSpec::pooled(WIDTH);
    device.seed(3);
    GeoModel {
        encoder: Precomputed::new(spec),
        head: head.init(&spec, &device.clone().autodiff()).unwrap(),
    }
}

impl Visit for Learns<'_> {
    fn method<C, L, T>(
        &mut self,
        name: &str,
        head: &C,
        loss: L,
        targets: T,
        decoders: &[Named<'_, OutputOf<C>>],
    ) where
        C: HeadConfig,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: TargetEncoder,
    {
        let learner = Training {
            model: untrained(head, self.device),
            criterion: loss,
        };
        let batches = Separable {
            world: self.world,
            targets: ByPlace(targets),
        };
        let trained = train(
            self.goal,
            learner,
            &batches,
            &self.device.clone().autodiff(),
        )
        .model;
        let (truth, features) = self.world.held_out(self.device);
        for (decoder_name, decoder) in decoders {
            let output = trained.forward(features.clone());
            let name = format!("{name}, {decoder_name}");
            self.goal.check(&name, self.world, &truth, *decoder, output);
        }
    }
}
