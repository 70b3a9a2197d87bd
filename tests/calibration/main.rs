//! Stated probabilities mean what they say: a perfect model is sure of its right answers, and the
//! radius that holds half of the probability holds half of the answers of a model that states true
//! probabilities.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail loudly and print what they measured"
)]

mod outputs;
mod simulated;

#[path = "../methods/mod.rs"]
mod methods;

use std::sync::Arc;

use geoloc::burn::tensor::Device;
use geoloc::core::{CellFrames, CellLogits, Decoder, Embedding, TwoTasks};
use geoloc::geo_cells::{LatLng, haversine_km};
use geoloc::heads::album::{AlbumDecoder, AlbumPhoto, AlbumRule, SpeedMixture};
use geoloc::heads::cell::CellDecoder;
use geoloc::heads::combinatorial::{TupleScore, TupleVoteDecoder};
use geoloc::heads::density::{GridDensity, ModeDecoder, Neighbour, NeighbourDensity};
use geoloc::heads::experts::RoutedDecoder;
use geoloc::heads::flow::FlowDecoder;
use geoloc::heads::hierarchical::HierarchicalDecoder;
use geoloc::heads::hybrid::HybridDecoder;
use geoloc::heads::mixture::MixtureDecoder;
use geoloc::heads::named::NamedClassDecoder;
use geoloc::heads::prototype::{Prototype, PrototypeDecoder};
use geoloc::heads::within_cell::SearchWithinCell;
use geoloc::locate::{GalleryDecoder, index_embeddings};
use methods::devices::devices;
use methods::separable::{NUISANCE, PHOTOS, World};
use outputs::{Answers, cell_logits, matrix};
use simulated::{Simulation, holds_half, sure};

/// Whether the right class is all but certain, or drawn with the probability that is stated.
fn certain_then_simulated(check: impl Fn(&World, &Device, bool)) {
    let world = World::new(NUISANCE);
    for device in devices() {
        check(&world, &device, true);
        check(&world, &device, false);
    }
}

/// Answers of a decoder over cells, and the true places.
fn over_cells(
    world: &World,
    device: &Device,
    certain: bool,
    decoder: &dyn Decoder<CellLogits>,
) -> Answers {
    let partition = &world.spaces.cells;
    let simulation = Simulation::new(world, partition, certain);
    Answers {
        estimates: decoder.decode(cell_logits(&simulation, device)).unwrap(),
        truth: simulation.truth,
    }
}

fn check(name: &str, certain: bool, answers: Answers) {
    if certain {
        sure(name, answers);
    } else {
        holds_half(name, &answers);
    }
}

#[test]
fn the_most_probable_cell() {
    certain_then_simulated(|world, device, certain| {
        let decoder = CellDecoder::new(world.spaces.cells.clone(), 3);
        check(
            "cells",
            certain,
            over_cells(world, device, certain, &decoder),
        );
    });
}

#[test]
fn named_classes() {
    certain_then_simulated(|world, device, certain| {
        let partition = &world.spaces.named;
        let simulation = Simulation::new(world, partition, certain);
        let decoder = NamedClassDecoder::new(partition.clone(), 3);
        let answers = Answers {
            estimates: decoder.decode(cell_logits(&simulation, device)).unwrap(),
            truth: simulation.truth,
        };
        check("named classes", certain, answers);
    });
}

#[test]
fn the_mode_of_cells() {
    certain_then_simulated(|world, device, certain| {
        let decoder = ModeDecoder::new(world.spaces.cells.clone(), 100.0, 3);
        check(
            "mode",
            certain,
            over_cells(world, device, certain, &decoder),
        );
    });
}

#[test]
fn a_temperature_makes_a_model_right_that_is_too_sure() {
    let world = World::new(NUISANCE);
    let device = Device::flex();
    let partition = &world.spaces.cells;
    let mut simulation = Simulation::new(&world, partition, false);
    for row in &mut simulation.logits {
        for logit in row {
            *logit *= 4.0;
        }
    }
    let answers = |decoder: &CellDecoder| Answers {
        estimates: decoder.decode(cell_logits(&simulation, &device)).unwrap(),
        truth: simulation.truth.clone(),
    };
    let decoder = CellDecoder::new(partition.clone(), 3);
    let held = simulated::share_within(&answers(&decoder));
    assert!(held < 0.4, "too sure, yet {held}");
    holds_half(
        "at its temperature",
        &answers(&decoder.with_temperature(4.0).unwrap()),
    );
}

#[test]
fn the_product_along_ancestors() {
    certain_then_simulated(|world, device, certain| {
        let hierarchy = &world.spaces.hierarchy;
        let simulation = Simulation::new(world, hierarchy.finest(), certain);
        // Levels that share out the scores of the finest one: their product states what it does.
        let output = outputs::hierarchical(hierarchy, &simulation, device);
        let decoder = HierarchicalDecoder::new(hierarchy.clone(), 3);
        let answers = Answers {
            estimates: decoder.decode(output).unwrap(),
            truth: simulation.truth,
        };
        check("f*", certain, answers);
    });
}

#[test]
fn combinatorial_sets() {
    certain_then_simulated(|world, device, certain| {
        let sets = &world.spaces.sets;
        for score in [
            TupleScore::SimpleSum,
            TupleScore::NormSum,
            TupleScore::NormMax,
        ] {
            let simulation = outputs::TupleSimulation::new(world, sets, certain);
            let decoder = TupleVoteDecoder::new(sets.clone(), score, 3);
            let answers = Answers {
                estimates: decoder.decode(simulation.output(device)).unwrap(),
                truth: simulation.truth,
            };
            check("combinatorial", certain, answers);
        }
    });
}

#[test]
fn scene_experts() {
    certain_then_simulated(|world, device, certain| {
        let partition = &world.spaces.cells;
        let simulation = Simulation::new(world, partition, certain);
        let output = outputs::experts(&simulation, device);
        let decoder = RoutedDecoder {
            experts: vec![CellDecoder::new(partition.clone(), 3); 2],
        };
        let answers = Answers {
            estimates: decoder.decode(output).unwrap(),
            truth: simulation.truth,
        };
        check("experts", certain, answers);
    });
}

#[test]
fn cells_that_are_moved() {
    certain_then_simulated(|world, device, certain| {
        let frames = CellFrames::new(world.spaces.cells.clone(), 25.0);
        let simulation = Simulation::new(world, frames.partition(), certain);
        // The offset takes off two thirds of the way from the place of the cell to the truth.
        let output = || outputs::moved(&frames, &simulation, 2.0 / 3.0, device);
        let decoder = HybridDecoder::new(frames.clone(), 3);
        let residuals = decoder.residuals(output(), &simulation.truth).unwrap();
        let mut residuals: Vec<f64> = residuals.into_iter().flatten().collect();
        residuals.sort_by(f64::total_cmp);
        let decoder = decoder
            .with_residual(residuals[residuals.len() / 2])
            .unwrap();
        let answers = Answers {
            estimates: decoder.decode(output()).unwrap(),
            truth: simulation.truth.clone(),
        };
        check("cell and offset", certain, answers);
    });
}

#[test]
fn mixtures() {
    certain_then_simulated(|_, device, certain| {
        let (output, truth) = outputs::mixture(certain, device);
        let answers = Answers {
            estimates: MixtureDecoder::default().decode(output).unwrap(),
            truth,
        };
        check("mixture", certain, answers);
    });
}

#[test]
fn samples_of_a_flow() {
    // The samples and the truth are drawn from the same density.
    let decoder = FlowDecoder::default();
    for certain in [true, false] {
        let draws = outputs::Draws::new(certain);
        let (estimates, truth) = (0..3000)
            .map(|item| {
                let samples = draws.samples(item, 32);
                (decoder.of_samples(item, &samples), draws.truth(item))
            })
            .unzip();
        check("flow", certain, Answers { estimates, truth });
    }
}

#[test]
fn neighbours() {
    let world = World::new(NUISANCE);
    for certain in [true, false] {
        let simulation = Simulation::flat(&world, &world.spaces.cells, certain);
        let density = NeighbourDensity::default();
        let grid = GridDensity::default();
        // The weight of a neighbour is the -10th power of its distance.
        let neighbours = |row: &[f32]| -> Vec<Neighbour> {
            let best = row.iter().copied().fold(f32::MIN, f32::max);
            let cells = &world.spaces.cells;
            let cell = |(class, logit): (usize, &f32)| Neighbour {
                cosine: 1.0 - 5e-5 * f64::from((best - logit) / 5.0).exp(),
                location: cells.location(class).unwrap(),
            };
            row.iter().enumerate().map(cell).collect()
        };
        // Places are those of cells: photos of the gallery.
        let truth: Vec<LatLng> = simulation
            .classes
            .iter()
            .map(|&class| world.spaces.cells.location(class).unwrap())
            .collect();
        let rows = || simulation.logits.iter().enumerate();
        let estimates = rows().map(|(k, row)| density.locate(k, &neighbours(row)));
        let answers = Answers {
            estimates: estimates.collect(),
            truth: truth.clone(),
        };
        check("neighbour density", certain, answers);
        let few = rows().take(150);
        let answers = Answers {
            estimates: few
                .map(|(k, row)| grid.locate(k, &neighbours(row)))
                .collect(),
            truth: truth[..150].to_vec(),
        };
        if certain {
            sure("grid density", answers);
        }
    }
}

#[test]
fn a_gallery() {
    certain_then_simulated(|world, device, certain| {
        // One photo in the middle of each site; the truth lies about it.
        let simulation = Simulation::of_sites(world, certain);
        let n = world.sites.len();
        let gallery: Vec<f32> = (0..n * n)
            .map(|k| if k / n == k % n { 1.0 } else { 0.0 })
            .collect();
        let index = Arc::new(index_embeddings(&gallery, n).unwrap());
        // A query whose cosines are the logits, scaled to unit length.
        let (queries, scale) = outputs::queries(&simulation);
        let spread_km = simulation.spread_km;
        let places: Arc<[LatLng]> = world.sites.clone().into();
        let estimates = queries.iter().zip(&scale).map(|(query, &scale)| {
            let decoder = GalleryDecoder::new(index.clone(), places.clone(), scale, spread_km, n);
            let output = Embedding(matrix(std::slice::from_ref(query), device));
            decoder.decode(output).unwrap().remove(0)
        });
        let answers = Answers {
            estimates: estimates.collect(),
            truth: simulation.truth.clone(),
        };
        check("gallery", certain, answers);
    });
}

#[test]
fn cells_refined_by_photos() {
    certain_then_simulated(|world, device, certain| {
        let cells = &world.spaces.cells;
        let simulation = Simulation::new(world, cells, certain);
        let photo = |class| (vec![1.0, 0.0], cells.location(class).unwrap());
        // One photo in the middle of each cell, all alike: the answer stays that of the cell.
        let photos: Vec<(Vec<f32>, LatLng)> = (0..cells.len()).map(photo).collect();
        let prototypes = photos
            .iter()
            .map(|p| vec![Prototype::new(vec![p.clone()]).unwrap()]);
        let mut refined = PrototypeDecoder::new(cells.clone(), prototypes.collect());
        refined.cells = cells.len();
        refined.max_move_km = f64::INFINITY;
        let mut within = SearchWithinCell::new(cells.clone(), &photos).unwrap();
        within.cells = cells.len();
        let queries = vec![vec![1.0, 0.0]; simulation.truth.len()];
        let output = || TwoTasks {
            first: cell_logits(&simulation, device),
            second: Embedding(matrix(&queries, device)),
            log_variances: matrix(&[vec![0.0, 0.0]], device).reshape([2]),
        };
        let decoders: [(&str, &dyn Decoder<_>); 2] =
            [("prototypes", &refined), ("search within cell", &within)];
        for (name, decoder) in decoders {
            let answers = Answers {
                estimates: decoder.decode(output()).unwrap(),
                truth: simulation.truth.clone(),
            };
            check(name, certain, answers);
        }
    });
}

#[test]
fn albums_of_one_photo() {
    let world = World::new(NUISANCE);
    let partition = &world.spaces.cells;
    for certain in [true, false] {
        for rule in [AlbumRule::EachPhoto, AlbumRule::WholePath] {
            let simulation = Simulation::new(&world, partition, certain);
            let mut decoder = AlbumDecoder::new(partition.clone(), SpeedMixture::default());
            decoder.rule = rule;
            let estimates = simulation.logits.iter().map(|row| {
                let photo = AlbumPhoto {
                    logits: row.clone(),
                    seconds: None,
                };
                decoder.locate(&[photo]).unwrap().remove(0)
            });
            let answers = Answers {
                estimates: estimates.collect(),
                truth: simulation.truth.clone(),
            };
            check("album", certain, answers);
        }
    }
}

#[test]
fn the_probability_of_an_answer_is_its_own_where_another_is_more_probable() {
    // Two near cells share the mode; a third, far away, is the most probable one.
    let world = World::new(NUISANCE);
    let cells = &world.spaces.cells;
    let place = |class: usize| cells.location(class).unwrap();
    let (a, b) = (0..cells.len())
        .flat_map(|a| (0..a).map(move |b| (a, b)))
        .min_by(|x, y| {
            let km = |p: &(usize, usize)| haversine_km(place(p.0), place(p.1));
            km(x).total_cmp(&km(y))
        })
        .unwrap();
    let far = (0..cells.len())
        .find(|&c| haversine_km(place(c), place(a)) > 5000.0)
        .unwrap();
    let mut logits = vec![-30.0; cells.len()];
    logits[far] = 0.4f32.ln();
    logits[a] = 0.3f32.ln();
    logits[b] = 0.3f32.ln();
    let decoder = ModeDecoder::new(cells.clone(), 400.0, 3);
    let output = CellLogits(matrix(&[logits], &Device::flex()));
    let answer = decoder.decode(output).unwrap().remove(0).unwrap();
    assert!(haversine_km(answer.location, place(a)) < 1000.0);
    assert!((answer.candidates[0].probability - 0.4).abs() < 1e-3);
    assert!((answer.probability.unwrap() - 0.3).abs() < 1e-3);
    assert_eq!(world.places.len(), world.sites.len() * PHOTOS);
}
