//! Labelled photos: read from a list or a folder, split into parts, made into batches.
//!
//! [`read_photos`] reads a CSV file or a folder with one folder for each class; bad rows and files
//! that are no photos are named and left out. [`SplitConfig`] divides them into training, validation
//! and test, [`PhotoBatches`] gives them to the trainer.

mod batches;
mod inputs;
mod list;
mod places;
mod split;

pub use batches::{NoPhotos, PhotoBatches};
pub use inputs::{FeatureInputs, ImageInputs, InputError, PhotoInputs};
pub use list::{Columns, LabelledPhoto, PhotoList, PhotosError, read_photos};
pub use places::PlaceDrawError;
pub(crate) use places::check_places;
pub use split::{SplitConfig, SplitError};
