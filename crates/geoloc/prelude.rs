//! What most programs need: `use geoloc::prelude::*;`.

pub use burn::tensor::Device;

pub use crate::artifact::{Artifact, Manifest};
pub use crate::core::{
    Backbone, Decoder, Encoder, EncoderConfig, Features, Head, HeadConfig, Locator, Loss, Photo,
    TargetEncoder,
};
pub use crate::datasets::{Preprocess, decode_all, decode_photo, list_images};
pub use crate::evaluate::{LocatedPhoto, evaluate};
pub use crate::geo_cells::{CellId, Estimate, LatLng, Level, Partition, haversine_km};
pub use crate::locate::{Pipeline, load_any};
pub use crate::metrics::{Conventions, HtmlReport, Report};
pub use crate::retrieval::{FlatIndex, Query, Rows, VectorIndex, VectorIndexMut};
pub use crate::trainer::{Trainer, TrainerConfig};
