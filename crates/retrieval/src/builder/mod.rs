//! Building an index file from a stream of rows, in bounded memory and across interruptions.

mod journal;
mod settings;
mod spool;

use std::path::{Path, PathBuf};

use crate::codes::Rotation;
use crate::flat::{FLAT_KIND, Segment};
use crate::ivf::{ListSegment, group, save_lists};
use crate::kernels::Kernel;
use crate::row_table::RowSlices;
use crate::store::{Manifest, SegmentManifest, StoreError, beside, replace_file};
use crate::{AddError, IvfConfig, MAX_DIM, Rows};

pub use settings::{BuildSettings, IndexKind};
use spool::Spool;

/// What [`IndexBuilder::finish`] is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildStage {
    /// Checking the stored rows and their ids.
    Check,
    /// Training centroids.
    Train,
    /// Finding the list of each row.
    Assign,
    /// Sorting, coding and writing.
    Write,
    /// The file is in place.
    Done,
}

/// Builds an index file from rows that come in blocks.
///
/// Rows go to a folder beside the file (`NAME.building`) as they come, and a journal records how far
/// they are safely on the disk. A build that was killed is resumed by [`open`](Self::open):
/// [`rows`](Self::rows) tells from where to continue. The file itself appears when the build is
/// [finished](Self::finish), by renaming; until then an older file of that name stays as it is.
///
/// The journal also records the [`BuildSettings`]: a build with other settings, or of another
/// [input](BuildSettings::input), is refused. The journal is locked while a builder is open, so that a second
/// builder for the same file is refused with [`StoreError::InUse`].
///
/// # Memory
///
/// - Flat: 32 bytes a row while sorting (S2 id, id and position).
/// - Lists: up to 20 bytes a row while sorting (list and positions); before that, for k-means, the sample
///   ([`sample_per_list`](IvfConfig::sample_per_list) rows of `4 dim` bytes for each list, at most
///   [`sample_bytes`](IvfConfig::sample_bytes)) and 13 bytes a value of the centroids; after it 4 bytes a value
///   of the means of the lists.
/// - Both: windows of 64 MiB of the vectors read and 16 MiB of those written.
///
/// All else is mapped, so that the files may be larger than the machine's memory: pages of vectors and codes are
/// given back as the build passes over them, those of ids and places (32 bytes a row of the source, at most 32 of
/// the index) are left to the system, which takes them back when it needs them.
///
/// # Examples
///
/// ```
/// use geoloc_retrieval::{FlatIndex, IndexBuilder, IndexKind, Query, Rows, VectorIndex};
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("cells.index");
/// let mut builder = IndexBuilder::open(&path, 2, IndexKind::Flat)?;
/// builder.add(&Rows::new(&[1.0, 0.0, 0.0, 1.0]))?;
/// builder.finish(|_| {})?;
/// let index = FlatIndex::open(&path)?;
/// assert_eq!(index.search(&Query::new(&[0.0, 1.0]).k(1))?.ids(), [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct IndexBuilder {
    path: PathBuf,
    settings: BuildSettings,
    spool: Spool,
}

impl IndexBuilder {
    /// Starts a build for a file, or resumes the one that was interrupted.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>, dim: usize, kind: IndexKind) -> Result<Self, StoreError> {
        Self::open_with(path, BuildSettings::new(dim, kind))
    }

    /// As [`open`](Self::open), and names what makes the vectors, for instance by the hash of a model.
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with).
    pub fn open_for(
        path: impl AsRef<Path>,
        dim: usize,
        kind: IndexKind,
        embedding: &str,
    ) -> Result<Self, StoreError> {
        Self::open_with(path, BuildSettings::new(dim, kind).embedding(embedding))
    }

    /// Starts a build for a file, or resumes the one that was interrupted if its journal records the same
    /// settings and input.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherBuild`] names the setting in which the interrupted build differs,
    /// [`StoreError::DamagedBuild`] what of it is damaged; [`StoreError::InUse`] if another builder is at work;
    /// [`StoreError`] otherwise if the system refuses or the dimension is out of range.
    pub fn open_with(path: impl AsRef<Path>, settings: BuildSettings) -> Result<Self, StoreError> {
        let dim = settings.dim;
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim }.into());
        }
        let path = path.as_ref().to_path_buf();
        let spool = Spool::open(&beside(&path, ".building")?, &settings)?;
        Ok(Self {
            path,
            settings,
            spool,
        })
    }

    /// Rows safely on the disk: after an interruption, continue with the row of this number.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.spool.committed()
    }

    /// One past the largest id so far, 0 at first: where to go on if ids are positions in a list of which
    /// some were left out.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.spool.next_id()
    }

    /// Adds rows. About every 65,536 rows they are forced to the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the rows are malformed (nothing is added then; a row is named by its number among all
    /// rows of the build) or the system refuses.
    pub fn add(&mut self, rows: &Rows<'_>) -> Result<(), StoreError> {
        self.spool.add(rows)
    }

    /// Forces the rows added so far to the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the system refuses.
    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.spool.checkpoint()
    }

    /// Sorts, codes and writes the index, puts the file in its place and removes the folder.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoRows`] if no row was added: an older file stays as it is, and nothing is kept of this
    /// build. [`StoreError`] if two rows share an id, the stored rows are damaged, or the system refuses; the
    /// build stays resumable then.
    pub fn finish(mut self, mut progress: impl FnMut(BuildStage)) -> Result<(), StoreError> {
        self.spool.checkpoint()?;
        if self.spool.committed() == 0 {
            self.spool.discard()?;
            return Err(StoreError::NoRows { file: self.path });
        }
        progress(BuildStage::Check);
        let stored = self.spool.map()?;
        stored.check(&self.spool)?;
        let source = stored.slices(&self.spool);
        check_ids(source.ids)?;
        match &self.settings.kind {
            IndexKind::Ivf(config) => self.lists(config, &source, &mut progress)?,
            IndexKind::Flat => {
                progress(BuildStage::Write);
                self.flat(&source)?;
            }
        }
        drop(stored);
        self.spool.discard()?;
        progress(BuildStage::Done);
        Ok(())
    }

    fn flat(&self, source: &RowSlices<'_>) -> Result<(), StoreError> {
        let written = replace_file(&self.path, |mut to| {
            let segment = Segment::build(source, &mut to)?;
            let segment = SegmentManifest {
                len: segment.store.len,
                unplaced: segment.store.unplaced,
                sections: to.reserved()?,
                ..SegmentManifest::default()
            };
            to.finish(&Manifest {
                kind: FLAT_KIND.to_owned(),
                dim: source.dim,
                next_id: self.spool.next_id(),
                config: None,
                lists: 0,
                embedding: self.settings.embedding.clone(),
                shared: std::collections::BTreeMap::new(),
                segments: vec![segment],
            })
        });
        written.map(|_| ())
    }

    fn lists(
        &self,
        config: &IvfConfig,
        source: &RowSlices<'_>,
        progress: &mut impl FnMut(BuildStage),
    ) -> Result<(), StoreError> {
        let kernel = Kernel::detect();
        let written = replace_file(&self.path, |mut to| {
            progress(BuildStage::Train);
            let (router, owners) = group(config, source, kernel, &mut to)?;
            let shared = to.reserved()?;
            progress(BuildStage::Assign);
            let owners = owners.unwrap_or_else(|| {
                let blocks = source.blocks().map(|rows| router.assign(rows, kernel));
                blocks.collect::<Vec<_>>().concat()
            });
            progress(BuildStage::Write);
            let rotation = Rotation::new(source.dim);
            let codes = config.codes;
            let segment =
                ListSegment::build(source, &owners, router.lists, codes, &rotation, &mut to)?;
            let rest = (self.spool.next_id(), self.settings.embedding.as_deref());
            save_lists(to, config, &router, shared, &segment, rest)
        });
        written.map(|_| ())
    }
}

/// No id may stand twice.
fn check_ids(ids: &[u64]) -> Result<(), AddError> {
    if ids.is_sorted_by(|a, b| a < b) {
        return Ok(());
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    for pair in sorted.windows(2) {
        if let [a, b] = pair
            && a == b
        {
            return Err(AddError::DuplicateId { id: *a });
        }
    }
    Ok(())
}
