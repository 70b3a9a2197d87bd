//! The trained model as a small file, and back.

use std::fmt::Display;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::HybridOutcome;
use super::shipped::ShippedGallery;
use crate::artifact::{Artifact, ArtifactError, Manifest};
use crate::backbones::{SmallCnn, SmallCnnConfig};
use crate::core::{EncoderConfig, GeoModel};
use crate::datasets::{Preprocess, View, world};
use crate::evaluate::diagonal_ranks;
use crate::heads::embedding::{EmbeddingHead, EmbeddingHeadConfig};
use crate::locate::{
    AnyEncoderConfig, RetrievalSettings, build_model, index_embeddings, insert_retrieval,
};
use crate::metrics::{Conventions, Measure, RetrievalSummary};
use crate::world::{WorldError, WorldTask, calibrate_domain, embed_tiles_all_round};

/// Kind of a component that is an encoder with an embedding head and nothing else.
const ENCODER: &str = "encoder";
/// Names of the components.
const QUERY: &str = "retrieval";
const AERIAL: &str = "aerial";

/// Settings of a component of kind `encoder`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EncoderSettings {
    input: Preprocess,
    encoder: SmallCnnConfig,
    head: EmbeddingHeadConfig,
}

/// Both branches of a hybrid model read from a file.
#[derive(Debug)]
pub struct HybridBranches {
    query: GeoModel<SmallCnn, EmbeddingHead>,
    aerial: GeoModel<SmallCnn, EmbeddingHead>,
    task: WorldTask,
    dim: usize,
    device: Device,
}

/// Packs both branches, and fused codes of the parent cells of all land as the gallery of the query
/// branch. Large parts are stored in int8.
///
/// # Errors
///
/// [`WorldError`].
pub fn hybrid_artifact(outcome: &HybridOutcome) -> Result<Artifact, WorldError> {
    let (run, cells) = (&outcome.run, outcome.run.ground.cells());
    let dim = run.dim();
    let gallery = ShippedGallery::new(run, &run.prototypes()?, &outcome.fusion)?;
    let input = *run.task().input();
    let head = EmbeddingHeadConfig { dim };
    let encoder = run.encoder().clone();
    let settings = RetrievalSettings {
        input,
        encoder: AnyEncoderConfig::from(encoder.clone()),
        head: head.clone(),
        scale: run.scale,
        // Root mean square distance of a point from the centre of its square.
        spread_km: cells.levels().parent.average_area_km2().sqrt() / 6f64.sqrt(),
    };
    let mut artifact = Artifact::new(manifest(outcome));
    let branches = &run.model.branches;
    insert_retrieval(
        &mut artifact,
        QUERY,
        &settings,
        &branches.query,
        &gallery.codes,
        &gallery.places,
    )?;
    artifact.insert_biases(QUERY, &gallery.biases);
    let settings = EncoderSettings {
        input,
        encoder,
        head,
    };
    artifact.insert_component(AERIAL, ENCODER, &settings)?;
    artifact.insert_module(AERIAL, branches.aerial.clone().valid())?;
    artifact.compact();
    Ok(artifact)
}

/// Adds statistics of the domain to a file of [`hybrid_artifact`]: tiles of all imagery that the query
/// branch is trained on.
///
/// # Errors
///
/// [`WorldError`].
pub fn calibrate_hybrid_domain(artifact: &mut Artifact, device: &Device) -> Result<(), WorldError> {
    let imagery = [
        world::relief()?,
        world::summer()?,
        world::spring()?,
        world::natural_earth()?,
    ];
    calibrate_domain(artifact, QUERY, &imagery, device)
}

fn manifest(outcome: &HybridOutcome) -> Manifest {
    let mut manifest = Manifest::new("Hybrid: places of satellite and relief tiles");
    manifest.default_component = Some(QUERY.into());
    manifest.licence = "MIT OR Apache-2.0".into();
    manifest.training_note =
        "Trained from scratch on shaded relief, Natural Earth II and NASA Blue \
        Marble, all in the public domain, without the held-out longitudes. The gallery holds the \
        fused codes of S2 cells of about 144 km over all land."
            .into();
    manifest.intended_use =
        "Views of the Earth from above, 384 km wide. Not for photos of people or \
        of private places."
            .into();
    for (name, slice) in ["covered", "uncovered", "unseen"]
        .into_iter()
        .zip(outcome.slices)
    {
        for (what, share) in [
            ("aerial", slice.aerial_r1),
            ("prototypes", slice.prototype_r1),
            ("fused", slice.fused_r1),
        ] {
            manifest
                .metrics
                .insert(format!("{name}: {what} R@1"), share);
        }
    }
    for (slice, share) in ["covered", "uncovered", "unseen"]
        .into_iter()
        .zip(outcome.shipped)
    {
        let name = format!("{slice}: R@1 of the gallery within one of its cells");
        manifest.metrics.insert(name, share);
    }
    manifest
}

impl HybridBranches {
    /// Reads both branches.
    ///
    /// # Errors
    ///
    /// [`ArtifactError`] if a component is missing, of another kind, or does not fit.
    pub fn load(artifact: &Artifact, device: &Device) -> Result<Self, WorldError> {
        let query: RetrievalSettings<AnyEncoderConfig> =
            artifact.settings(QUERY, crate::locate::RETRIEVAL)?;
        let AnyEncoderConfig::SmallCnn(encoder) = &query.encoder else {
            return Err(ArtifactError::Settings {
                name: QUERY.into(),
                kind: crate::locate::RETRIEVAL.into(),
                reason: "the benchmark trains the small encoder, this is another".into(),
            }
            .into());
        };
        let aerial: EncoderSettings = artifact.settings(AERIAL, ENCODER)?;
        let branch = |name: &str, encoder: &SmallCnnConfig, head: &EmbeddingHeadConfig| {
            let failed = |e: &dyn Display| ArtifactError::Settings {
                name: name.into(),
                kind: ENCODER.into(),
                reason: e.to_string(),
            };
            let size = encoder.input_size;
            encoder.check_input(size, size).map_err(|e| failed(&e))?;
            let fresh = build_model(encoder, head, device).map_err(|e| failed(&e))?;
            artifact.load_module(name, fresh)
        };
        if (encoder, &query.head) != (&aerial.encoder, &aerial.head) {
            return Err(ArtifactError::Settings {
                name: AERIAL.into(),
                kind: ENCODER.into(),
                reason: "its architecture is not that of the query branch".into(),
            }
            .into());
        }
        Ok(Self {
            query: branch(QUERY, encoder, &query.head)?.valid(),
            aerial: branch(AERIAL, &aerial.encoder, &aerial.head)?.valid(),
            task: WorldTask::new(encoder.input_size as u32)?,
            dim: query.head.dim,
            device: device.clone(),
        })
    }

    /// Recall at 1, 5 and 10 of `n` unseen relief tiles among their own aerial tiles: the default
    /// gallery of the benchmark, both sides seen all round ([`embed_tiles_all_round`]).
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn default_gallery(
        &self,
        n: usize,
        seed: u64,
    ) -> Result<Vec<(usize, Measure)>, WorldError> {
        let places = self.task.split().unseen_queries(n, seed)?;
        let embed =
            |branch, view| embed_tiles_all_round(&self.task, branch, view, &places, &self.device);
        let index = index_embeddings(&embed(&self.aerial, View::Aerial)?, 8 * self.dim)?;
        let ranks = diagonal_ranks(&index, &embed(&self.query, View::Query)?)?;
        let summary =
            RetrievalSummary::from_ranks(&ranks, n, &[1, 5, 10], &Conventions::default())?;
        Ok(summary.recall.iter().map(|r| (r.k, r.share)).collect())
    }
}
