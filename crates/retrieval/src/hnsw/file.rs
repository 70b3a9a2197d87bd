//! An [`HnswIndex`] on disk: the file of a [`FlatIndex`], and in it the graph and its settings.

use std::collections::BTreeMap;
use std::path::Path;

use crate::origin::Origin;
use crate::store::{Manifest, Reader, StoreError, Writer};
use crate::{AddError, FlatIndex, HnswConfig, VectorIndexMut};

use super::HnswIndex;
use super::graph::Graph;

pub(crate) const KIND: &str = "hnsw";
const GRAPH: &str = "graph";
const SETTINGS: &str = "settings";

impl HnswIndex {
    /// Seals the index and writes rows and graph to one file, which appears whole or not at all.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another writer saves or appends there; [`StoreError`] otherwise if the system
    /// refuses, or a file that this index reads is damaged.
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), StoreError> {
        self.seal()?;
        let graph = self.graph.to_bytes().map_err(AddError::from)?;
        let settings = serde_json::to_vec(&self.config)
            .map_err(|_| StoreError::inconsistent(path.as_ref(), SETTINGS))?;
        let shared = |to: &mut Writer| {
            let sections = [(GRAPH, &graph), (SETTINGS, &settings)];
            let written = sections
                .map(|(name, bytes)| to.section(bytes).map(|section| (name.to_owned(), section)));
            written.into_iter().collect::<Result<BTreeMap<_, _>, _>>()
        };
        let manifest = |shared, segments| Manifest {
            kind: KIND.to_owned(),
            shared,
            ..self.rows.manifest(segments)
        };
        let sealed = &self.rows.rows.sealed;
        self.rows.origin = Some(Origin::save(path.as_ref(), sealed, shared, manifest)?);
        Ok(())
    }

    /// Opens an index file. The rows are mapped, as [`FlatIndex::open`] does; the graph is checked and
    /// read into memory.
    ///
    /// # Trusted files only
    ///
    /// The checks find damage, not intent: the graph is handed to a C++ library, which follows its links
    /// unchecked, so a file made with right checksums and wrong links can read or write memory that is not
    /// its own. Open only files whose writer you trust. (Files of the other kinds may come from anyone: they are
    /// read by Rust alone, and at worst answer with what the writer put in.)
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the file is not an index of this kind, is damaged, or of a later version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let from = Reader::open(path.as_ref(), KIND)?;
        let bytes = |name: &'static str| {
            let sections = &from.manifest.shared;
            let len = sections.get(name).map_or(0, |s| s.bytes as usize);
            from.column::<u8>(sections, name, len)
        };
        let settings = bytes(SETTINGS)?;
        let config: HnswConfig = serde_json::from_slice(settings.all()?)
            .map_err(|_| from.inconsistent("section settings"))?;
        let graph = bytes(GRAPH)?;
        let refused = from.inconsistent("section graph");
        let dim = from.manifest.dim;
        let rows = FlatIndex::read(from)?;
        let positions = rows.rows.sealed.iter().map(|s| s.store.len).sum();
        let graph = Graph::from_bytes(dim, &config, positions, graph.all()?);
        Ok(Self {
            config,
            graph: graph.map_err(|_| refused)?,
            rows,
        })
    }

    /// Reads the whole file and checks every block.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], naming the section and the offset.
    pub fn verify(&self) -> Result<(), StoreError> {
        self.rows.verify()
    }
}
