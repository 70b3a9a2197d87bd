//! Training by a file: everything from the split to the learning rates, and no code.
//!
//! A [`Recipe`] is a TOML file; those in the folder `recipes` are ready to use. [`train`] takes one,
//! and the photos that [`read_photos`](crate::photos::read_photos) read, to a model file that
//! [`load_any`](crate::locate::load_any) opens, and to a report on the photos held out. Cut off, it
//! resumes from its last checkpoint.
//!
//! ```no_run
//! use geoloc::photos::read_photos;
//! use geoloc::recipe::{Recipe, TrainOptions, train};
//! use geoloc::trainer::ProgressMode;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let recipe = Recipe::read("recipes/laptop.toml")?;
//! let photos = read_photos("photos.csv", &recipe.data, ProgressMode::Auto)?;
//! let outcome = train(&recipe, photos, &TrainOptions::to("target/geoloc/train"))?;
//! println!("{}", outcome.model.display());
//! # Ok(())
//! # }
//! ```

mod calibration;
mod check;
mod choices;
mod domain;
mod encoder;
mod error;
mod evaluation;
mod finish;
mod fit;
mod partition;
mod prepare;
mod run;
mod scored_gallery;
mod training;

pub use choices::{EvaluationChoice, InputChoice, Recipe};
pub use encoder::{EncoderChoice, TrainedPart, in_weights_folder};
pub use error::RecipeError;
pub use partition::{ClassPlaces, CombinatorialChoice, PartitionChoice};
pub use run::{TrainOptions, TrainOutcome, train};
pub use training::{Length, PhaseChoice, TrainingChoice};
