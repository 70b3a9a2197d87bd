//! Approaches as recipes name them, with the decoders that they make.

use std::sync::Arc;

use geoloc::approach::{
    Approach, ApproachConfig, Gallery, GalleryOf, Ground, GroundKind, MakeDecoder, OutputOf,
    PhotoTargets, WithApproach,
};
use geoloc::burn::tensor::Device;
use geoloc::core::{HeadConfig, Loss, Training};

use crate::embedding::rows;
use crate::goal::{Goal, train};
use crate::method::untrained;
use crate::methods::approaches::approaches;
use crate::methods::separable::{Separable, World};

/// What an approach has to reach.
fn goal(approach: &ApproachConfig) -> Goal {
    match approach {
        ApproachConfig::ScaledRegression(_)
        | ApproachConfig::UnitRegression(_)
        | ApproachConfig::Hybrid(_)
        | ApproachConfig::Mixture(_)
        | ApproachConfig::Flow(_)
        | ApproachConfig::Geoclip(_) => Goal::TenthOfConstant,
        _ => Goal::Right,
    }
}

/// Trains all approaches with this goal.
pub(crate) fn learn(world: &World, device: &Device, wanted: Goal) {
    let spaces = &world.spaces;
    for approach in approaches() {
        let goal = goal(&approach);
        if goal != wanted {
            continue;
        }
        let ground = match approach.ground() {
            GroundKind::Whole => Ground::Whole,
            GroundKind::Cells if approach.needs_classes() => Ground::Cells(spaces.named.clone()),
            GroundKind::Cells => Ground::Cells(spaces.cells.clone()),
            GroundKind::Nested => Ground::Nested(spaces.hierarchy.clone()),
            GroundKind::Sets => Ground::Sets(spaces.sets.clone()),
        };
        let name = format!("{approach:?}");
        let name = name.split(" {").next().unwrap().to_owned();
        let learns = Learns {
            name,
            world,
            device,
            goal,
        };
        approach.with(&ground, &world.places, learns).unwrap();
    }
}

struct Learns<'a> {
    name: String,
    world: &'a World,
    device: &'a Device,
    goal: Goal,
}

impl WithApproach for Learns<'_> {
    type Output = ();

    fn call<C, L, T, D>(self, approach: Approach<C, L, T, D>)
    where
        C: HeadConfig<Head: 'static>,
        L: Loss<OutputOf<C>, Target = T::Target>,
        T: PhotoTargets,
        D: MakeDecoder<C::Head>,
    {
        let (world, device) = (self.world, self.device);
        let learner = Training {
            model: untrained(&approach.head, device),
            criterion: approach.loss,
        };
        let batches = Separable {
            world,
            targets: approach.targets,
        };
        let trained = train(self.goal, learner, &batches, &device.clone().autodiff()).model;
        let gallery = match approach.decoder.gallery() {
            GalleryOf::Nothing => Gallery::default(),
            GalleryOf::Photos => {
                let (places, features) = world.training(device);
                let output = trained.forward(features);
                let embeddings = approach.decoder.photo_rows(output).unwrap();
                let [_, dim] = embeddings.dims();
                Gallery {
                    embeddings: rows(embeddings),
                    dim,
                    places,
                }
            }
            GalleryOf::Places(_) => {
                let places = Arc::clone(&world.places);
                let head = &trained.head;
                let embeddings = approach.decoder.place_rows(head, &places, device).unwrap();
                let [_, dim] = embeddings.dims();
                Gallery {
                    embeddings: rows(embeddings),
                    dim,
                    places: places.to_vec(),
                }
            }
        };
        let decoder = approach.decoder.make(&trained.head, gallery).unwrap();
        let (truth, features) = world.held_out(device);
        let output = trained.forward(features);
        self.goal.check(&self.name, world, &truth, &decoder, output);
    }
}
