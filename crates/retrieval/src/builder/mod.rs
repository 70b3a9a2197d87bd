//! Building an index file from a stream of rows, in bounded memory and across interruptions.

mod journal;
mod spool;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::codes::Rotation;
use crate::flat::{FLAT_KIND, Segment};
use crate::ivf::{ListSegment, group, save_lists};
use crate::kernels::Kernel;
use crate::row_table::RowSlices;
use crate::store::{Manifest, SegmentManifest, StoreError, replace_file};
use crate::{AddError, IvfConfig, MAX_DIM, Rows};

use journal::Header;
use spool::Spool;

/// Which index to build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKind {
    /// A [`FlatIndex`](crate::FlatIndex).
    Flat,
    /// An [`IvfIndex`](crate::IvfIndex).
    Ivf(IvfConfig),
}

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
/// [`rows`](Self::rows) tells from where to go on. The file itself appears when the build is
/// [finished](Self::finish), by renaming; until then an older file of that name stays as it is.
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
    header: Header,
    spool: Spool,
}

impl IndexBuilder {
    /// Starts a build for a file, or takes up the one that was interrupted.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherBuild`] if the interrupted build is of another dimension or kind;
    /// [`StoreError`] otherwise if the system refuses or the dimension is out of range.
    pub fn open(path: impl AsRef<Path>, dim: usize, kind: IndexKind) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), dim, kind, None)
    }

    /// As [`open`](Self::open), and names what makes the vectors, for instance by the hash of a model;
    /// the name is kept in the file. A build that was begun with another name is not taken up.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_for(
        path: impl AsRef<Path>,
        dim: usize,
        kind: IndexKind,
        embedding: &str,
    ) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), dim, kind, Some(embedding.to_owned()))
    }

    fn start(
        path: &Path,
        dim: usize,
        kind: IndexKind,
        embedding: Option<String>,
    ) -> Result<Self, StoreError> {
        if dim == 0 || dim > MAX_DIM {
            return Err(AddError::Dim { dim }.into());
        }
        let path = path.to_path_buf();
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(".building");
        let header = Header {
            dim,
            kind,
            embedding,
        };
        let spool = Spool::open(&path.with_file_name(name), &header)?;
        Ok(Self {
            path,
            header,
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
    /// [`StoreError`] if the rows are malformed (nothing is added then) or the system refuses.
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
    /// [`StoreError`] if two rows share an id, the stored rows are damaged, or the system refuses; the
    /// build stays resumable.
    pub fn finish(mut self, mut progress: impl FnMut(BuildStage)) -> Result<(), StoreError> {
        self.spool.checkpoint()?;
        progress(BuildStage::Check);
        let stored = self.spool.map()?;
        stored.check(&self.spool)?;
        let source = stored.slices(&self.spool);
        check_ids(source.ids)?;
        match &self.header.kind {
            IndexKind::Ivf(config) if source.len() > 0 => {
                self.lists(config, &source, &mut progress)?;
            }
            kind => {
                progress(BuildStage::Write);
                self.flat(kind, &source)?;
            }
        }
        drop(stored);
        self.spool.discard()?;
        progress(BuildStage::Done);
        Ok(())
    }

    fn flat(&self, kind: &IndexKind, source: &RowSlices<'_>) -> Result<(), StoreError> {
        let empty_lists = match kind {
            IndexKind::Flat => None,
            IndexKind::Ivf(config) => Some(config.clone()),
        };
        let written = replace_file(&self.path, |mut to| {
            let mut segments = Vec::new();
            if source.len() > 0 {
                let segment = Segment::build(source, &mut to)?;
                segments.push(SegmentManifest {
                    len: segment.store.len,
                    unplaced: segment.store.unplaced,
                    sections: to.reserved()?,
                    ..SegmentManifest::default()
                });
            }
            let kind = empty_lists
                .as_ref()
                .map_or(FLAT_KIND, |_| crate::ivf::IVF_KIND);
            to.finish(&Manifest {
                kind: kind.to_owned(),
                dim: source.dim,
                next_id: self.spool.next_id(),
                config: empty_lists.clone(),
                lists: 0,
                embedding: self.header.embedding.clone(),
                shared: std::collections::BTreeMap::new(),
                segments,
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
            let rest = (self.spool.next_id(), self.header.embedding.as_deref());
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
