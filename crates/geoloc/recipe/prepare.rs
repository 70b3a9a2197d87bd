//! From a list of photos to labelled rows of the three parts, and the ground.

use std::path::PathBuf;
use std::sync::Arc;

use super::{PartitionChoice, Recipe, RecipeError};
use crate::approach::{Ground, PhotoLabel};
use crate::datasets::Part;
use crate::geo_cells::{LatLng, Partition};
use crate::photos::{LabelledPhoto, PhotoList, place_batches};

/// Photos with what the training needs to know of them.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) photos: Vec<LabelledPhoto>,
    pub(super) paths: Arc<[PathBuf]>,
    pub(super) labels: Arc<[PhotoLabel]>,
    /// Rows that have a target.
    pub(super) train: Vec<usize>,
    /// Rows that have a target.
    pub(super) validation: Vec<usize>,
    /// The validation rows that make up each batch of a validation; none if nothing is validated.
    pub(super) validation_batches: Vec<Vec<usize>>,
    pub(super) test: Vec<usize>,
    pub(super) ground: Ground,
    /// Places of the training rows.
    pub(super) places: Arc<[LatLng]>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

impl Prepared {
    pub(super) fn new(recipe: &Recipe, list: PhotoList) -> Result<Self, RecipeError> {
        let PhotoList {
            photos, skipped, ..
        } = list;
        let mut notes = Vec::new();
        if let Some(first) = skipped.first() {
            let count = skipped.len();
            notes.push(format!(
                "{count} rows or files were left out, the first: {first}"
            ));
        }
        let parts = recipe.split.split(&photos)?;
        let rows = |part: Part| -> Vec<usize> {
            let rows = parts.iter().enumerate();
            rows.filter(|(_, p)| **p == part).map(|(k, _)| k).collect()
        };
        let dropped = rows(Part::Dropped).len();
        if dropped > 0 {
            notes.push(format!(
                "{dropped} photos lie too near to another part of the split and were left out"
            ));
        }
        let mut train = rows(Part::Train);
        let of_labels = matches!(recipe.partition, Some(PartitionChoice::Classes(_)));
        if recipe.approach.needs_classes() || of_labels {
            let all = train.len();
            train.retain(|&k| photos.get(k).is_some_and(|p| p.class.is_some()));
            left_out(&mut notes, all - train.len(), "training", "have no class");
        }
        // Rows of all parts are positions in `photos`.
        let of = |rows: &[usize]| -> Vec<&LabelledPhoto> {
            rows.iter().filter_map(|&k| photos.get(k)).collect()
        };
        if train.is_empty() {
            let reason = "no photo is left for training";
            return Err(RecipeError::key("split", reason));
        }
        let ground = match &recipe.partition {
            None => Ground::Whole,
            Some(partition) => {
                let training = of(&train);
                let places: Vec<LatLng> = training.iter().map(|p| p.sample.location).collect();
                // Where they are used, all training photos have one.
                let class = |p: &&'_ LabelledPhoto| p.class.clone();
                let classes: Vec<String> = training.iter().filter_map(class).collect();
                let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
                partition.build(&places, &classes)?
            }
        };
        let labels: Arc<[PhotoLabel]> = photos
            .iter()
            .map(|photo| label(photo, recipe, &ground))
            .collect();
        let mut validation = rows(Part::Validation);
        for (rows, part) in [(&mut train, "training"), (&mut validation, "validation")] {
            let all = rows.len();
            rows.retain(|&k| {
                labels
                    .get(k)
                    .is_some_and(|l| has_target(l, recipe, &ground))
            });
            let why = "belong to no class and were left out";
            left_out(&mut notes, all - rows.len(), part, why);
        }
        if train.is_empty() {
            let reason = "no training photo belongs to a class";
            return Err(RecipeError::key("partition", reason));
        }
        if validation.is_empty() {
            notes.push("there are no validation photos: all steps are trained".into());
        }
        if ground.sizes().contains(&1) {
            notes
                .push("a partition has a single class: its classifier has nothing to learn".into());
        }
        let validation_batches = validation_batches(recipe, &validation, &labels, &mut notes)?;
        let places = of(&train).iter().map(|p| p.sample.location).collect();
        Ok(Self {
            paths: photos.iter().map(|p| p.sample.path.clone()).collect(),
            labels,
            train,
            validation,
            validation_batches,
            test: rows(Part::Test),
            ground,
            places,
            notes,
            photos,
        })
    }

    /// The class of a photo among the finest ones: that of its label where `labelled`, else the one that
    /// it lies in.
    pub(super) fn class_of(&self, row: usize, labelled: bool) -> Option<usize> {
        let label = self.labels.get(row)?;
        if labelled {
            return label.class;
        }
        self.ground.finest()?.index_of(label.location)
    }

    /// What the model is judged by, and the name of the part: test, or without any validation, or
    /// without any training.
    pub(super) fn judged(&self) -> (&[usize], &'static str) {
        if !self.test.is_empty() {
            (&self.test, "test")
        } else if !self.validation.is_empty() {
            (&self.validation, "validation")
        } else {
            (&self.train, "training")
        }
    }
}

/// Batches for the validation loss: in the order of the list, or for a loss over pairs place by place.
fn validation_batches(
    recipe: &Recipe,
    rows: &[usize],
    labels: &[PhotoLabel],
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<usize>>, RecipeError> {
    let batch = recipe.training.batch;
    if !recipe.training.validates() || rows.is_empty() {
        return Ok(Vec::new());
    }
    let Some(width_km) = recipe.approach.place_km() else {
        return Ok(rows.chunks(batch).map(<[usize]>::to_vec).collect());
    };
    // Every row has a label, and the positions in a batch are those of rows.
    let (rows, locations): (Vec<usize>, Vec<LatLng>) = rows
        .iter()
        .filter_map(|&row| Some((row, labels.get(row)?.location)))
        .unzip();
    let places = place_batches(&locations, width_km, batch);
    let places = places.map_err(|e| RecipeError::key("approach", e))?;
    if places.batches.is_empty() {
        let reason = format!(
            "the loss over pairs says nothing about {} validation photos: there are no two places with \
             two of them within {width_km} km; set 0, or split so that more validation photos show one \
             place",
            rows.len()
        );
        return Err(RecipeError::key("training.validate_every_epochs", reason));
    }
    let why = "have no other one at their place and are not in the validation loss";
    left_out(notes, places.lone, "validation", why);
    let of_batch = |batch: Vec<usize>| batch.iter().filter_map(|&k| rows.get(k).copied()).collect();
    Ok(places.batches.into_iter().map(of_batch).collect())
}

fn left_out(notes: &mut Vec<String>, count: usize, part: &str, why: &str) {
    if count > 0 {
        notes.push(format!("{count} {part} photos {why}"));
    }
}

fn label(photo: &LabelledPhoto, recipe: &Recipe, ground: &Ground) -> PhotoLabel {
    let names = ground.finest().and_then(Partition::names);
    let position = |names: &[String], name: &Option<String>| {
        let name = name.as_ref()?;
        names.iter().position(|known| known == name)
    };
    PhotoLabel {
        location: photo.sample.location,
        class: names.and_then(|names| position(names, &photo.class)),
        scene: recipe
            .approach
            .scenes()
            .and_then(|names| position(names, &photo.scene)),
    }
}

fn has_target(label: &PhotoLabel, recipe: &Recipe, ground: &Ground) -> bool {
    if recipe.approach.needs_classes() {
        return label.class.is_some();
    }
    if recipe.approach.scenes().is_some() && label.scene.is_none() {
        return false;
    }
    ground.contains(label.location)
}
