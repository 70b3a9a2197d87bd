//! Every method learns: trained for a few hundred steps on features that tell places apart, it reaches
//! an accuracy that no untrained one has. A fault between head, loss and decoder shows here, however
//! right each of them is alone.
//!
//! On `flex`, with the feature `ndarray` on that backend too, and on the device that
//! `GEOLOC_TEST_DEVICE` names.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they measured"
)]

mod approach;
mod embedding;
mod goal;
mod method;
#[path = "../methods/mod.rs"]
mod methods;

use goal::Goal;
use method::Learns;
use methods::Size;
use methods::devices::devices;
use methods::embeddings;
use methods::separable::{LITTLE_NUISANCE, NUISANCE, World};

fn on_every_device(goal: Goal, test: impl Fn(&World, &geoloc::burn::tensor::Device)) {
    let world = World::new(match goal {
        Goal::Right => NUISANCE,
        Goal::TenthOfConstant => LITTLE_NUISANCE,
    });
    for device in devices() {
        println!("{device:?}");
        test(&world, &device);
    }
}

#[test]
fn classifiers_learn() {
    let goal = Goal::Right;
    on_every_device(goal, |world, device| {
        let visit = &mut Learns {
            world,
            device,
            goal,
        };
        methods::classes::classifiers(&world.spaces, visit);
    });
}

#[test]
fn cosine_classifiers_learn() {
    let goal = Goal::Right;
    on_every_device(goal, |world, device| {
        let visit = &mut Learns {
            world,
            device,
            goal,
        };
        methods::classes::cosine_classifiers(&world.spaces, visit);
    });
}

#[test]
fn several_classifiers_at_once_learn() {
    let goal = Goal::Right;
    on_every_device(goal, |world, device| {
        let visit = &mut Learns {
            world,
            device,
            goal,
        };
        methods::classes::several_classifiers(&world.spaces, visit);
    });
}

#[test]
fn coordinates_are_learned() {
    let goal = Goal::TenthOfConstant;
    on_every_device(goal, |world, device| {
        let visit = &mut Learns {
            world,
            device,
            goal,
        };
        methods::coordinates::coordinates(&world.spaces, Size::Full, visit);
    });
}

#[test]
fn embeddings_of_one_branch_learn() {
    on_every_device(Goal::Right, |world, device| {
        embeddings::embeddings(&mut embedding::Learns { world, device });
    });
}

#[test]
fn embeddings_of_two_branches_learn() {
    on_every_device(Goal::Right, |world, device| {
        embeddings::pairs(&mut embedding::Learns { world, device });
    });
}

#[test]
fn two_tasks_learn() {
    on_every_device(Goal::Right, |world, device| {
        embeddings::two_tasks(&mut embedding::Learns { world, device });
    });
}

#[test]
fn classes_of_recipes_learn() {
    let goal = Goal::Right;
    on_every_device(goal, |world, device| approach::learn(world, device, goal));
}

#[test]
fn coordinates_of_recipes_are_learned() {
    let goal = Goal::TenthOfConstant;
    on_every_device(goal, |world, device| approach::learn(world, device, goal));
}
