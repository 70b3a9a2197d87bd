//! The table itself.

use std::ops::Range;
use std::path::Path;

use geoloc_geo_cells::CellId;

use super::candidates::choose;
use super::checks::{check, finite, shape};
use super::file::Rows;
use super::record::{Record, weights_of};
use super::softmax::Softmax;
use super::{BatchGradients, Candidates, TableConfig, TableError, adam};

/// Rows changed between two writes of the journal.
const TOGETHER: usize = 8192;

/// Prototypes of S2 cells, sorted by id, with the moments of their optimiser.
///
/// A row holds its weights w as they are learned; the prototype is w / |w|. Memory: 8 bytes a row for the
/// ids, and `12 dim + 8` bytes for each row **touched** so far; in a file, those bytes lie on disk and
/// the system keeps in memory what there is room for.
///
/// # Files
///
/// [`create`](Self::create) makes `PATH`, and journals `PATH.undo0` and `PATH.undo1` beside it. After
/// [`checkpoint`](Self::checkpoint), the first change of a row writes down what it was; a process that
/// is killed therefore finds the table of the last checkpoint, and on request that of the one before,
/// for the case that it was killed after the table's checkpoint and before the encoder's. Checkpoints are
/// forced to the disk; after a power failure between two of them a row may be found damaged, which is
/// told by its checksum. A file is held by one process at a time, and is not portable between machines
/// of different byte order.
#[derive(Debug)]
pub struct PrototypeTable {
    cells: Vec<CellId>,
    config: TableConfig,
    rows: Rows,
    shards: usize,
}

impl PrototypeTable {
    /// A new table in memory.
    ///
    /// # Errors
    ///
    /// [`TableError`] if cells are not strictly ascending or a setting is out of range.
    pub fn in_memory(cells: Vec<CellId>, config: TableConfig) -> Result<Self, TableError> {
        check(&cells, &config)?;
        let rows = Rows::in_memory(cells.len(), config.dim)?;
        Ok(Self::new(cells, config, rows))
    }

    /// A new table in a file that must not exist yet.
    ///
    /// # Errors
    ///
    /// As [`in_memory`](Self::in_memory); [`TableError::Io`] if the system refuses.
    pub fn create(
        path: impl AsRef<Path>,
        cells: Vec<CellId>,
        config: TableConfig,
    ) -> Result<Self, TableError> {
        check(&cells, &config)?;
        let rows = Rows::create(path.as_ref(), &cells, config)?;
        Ok(Self::new(cells, config, rows))
    }

    /// Opens a table as it was at its last checkpoint.
    ///
    /// # Errors
    ///
    /// [`TableError`] if the file is no table, damaged, of another version, or in use.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TableError> {
        Self::opened(Rows::open(path.as_ref(), None)?)
    }

    /// Opens a table as it was at the checkpoint of a step: the last one, or the one before.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); [`TableError::Step`] if that state is not kept.
    pub fn open_at(path: impl AsRef<Path>, step: u64) -> Result<Self, TableError> {
        Self::opened(Rows::open(path.as_ref(), Some(step))?)
    }

    fn opened((rows, cells): (Rows, Vec<CellId>)) -> Result<Self, TableError> {
        let config = rows.file.as_ref().map(|file| file.header.config);
        let config = config.unwrap_or_else(|| TableConfig::new(1));
        check(&cells, &config)?;
        Ok(Self::new(cells, config, rows))
    }

    fn new(cells: Vec<CellId>, config: TableConfig, rows: Rows) -> Self {
        Self {
            cells,
            config,
            rows,
            shards: rayon::current_num_threads().max(1),
        }
    }

    /// The same table worked on in so many ranges of rows at a time (at least 1); by default one for each
    /// thread.
    #[must_use]
    pub fn with_shards(self, shards: usize) -> Self {
        Self {
            shards: shards.max(1),
            ..self
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cells, row by row, ascending.
    #[must_use]
    pub fn cells(&self) -> &[CellId] {
        &self.cells
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &TableConfig {
        &self.config
    }

    /// The row of a cell.
    #[must_use]
    pub fn row_of(&self, cell: CellId) -> Option<usize> {
        self.cells.binary_search(&cell).ok()
    }

    /// The ranges of rows that are worked on side by side: contiguous in S2 order, of even size.
    #[must_use]
    pub fn shards(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        let (n, shards) = (self.len(), self.shards);
        (0..shards).map(move |k| n * k / shards..n * (k + 1) / shards)
    }

    /// The prototype of a row, of unit length; `None` past the end. Rows no step has touched are random.
    #[must_use]
    pub fn prototype(&self, row: usize) -> Option<Vec<f32>> {
        let mut out = self.weights(row)?;
        let length = out.iter().map(|w| w * w).sum::<f32>().sqrt().max(1e-12);
        for w in &mut out {
            *w /= length;
        }
        Some(out)
    }

    /// The weights of a row as they are stored; `None` past the end.
    #[must_use]
    pub fn weights(&self, row: usize) -> Option<Vec<f32>> {
        let mut out = vec![0.0; self.config.dim];
        (row < self.len()).then(|| self.copy_weights(row, &mut out))?;
        Some(out)
    }

    /// How many steps have touched a row, as target, neighbour or drawn negative; 0 past the end.
    #[must_use]
    pub fn steps(&self, row: usize) -> u32 {
        let bytes = if row < self.len() {
            self.rows.record(row)
        } else {
            &[]
        };
        bytes
            .first_chunk::<4>()
            .map_or(0, |b| u32::from_ne_bytes(*b))
    }

    pub(super) fn copy_weights(&self, row: usize, out: &mut [f32]) {
        if let Some(&cell) = self.cells.get(row) {
            weights_of(self.rows.record(row), cell, self.config.seed, out);
        }
    }

    /// Cross-entropy of a batch: query j belongs to row `targets[j]`; logits are `scale` times the
    /// inner product of a query with a prototype, a cosine if queries have unit length.
    ///
    /// # Shapes
    ///
    /// `queries` is row-major `[n, dim]`, `targets` has n entries.
    ///
    /// # Errors
    ///
    /// [`TableError`] if shapes do not fit, a query is not finite or a target is no row.
    pub fn loss(
        &self,
        queries: &[f32],
        targets: &[usize],
        candidates: &Candidates,
    ) -> Result<BatchGradients, TableError> {
        let expected = targets.len() * self.config.dim;
        shape("queries", expected, queries.len())?;
        finite("queries", queries, self.config.dim)?;
        let outside = |(_, row): &(usize, &usize)| **row >= self.len();
        if let Some((index, &row)) = targets.iter().enumerate().find(outside) {
            return Err(TableError::Target {
                index,
                row,
                rows: self.len(),
            });
        }
        let softmax = Softmax {
            table: self,
            queries,
            targets,
            chosen: choose(&self.cells, targets, *candidates),
        };
        Ok(softmax.evaluate())
    }

    /// One step of row-sparse Adam on the rows of `gradients`: moments and bias correction count, row by
    /// row, the steps that touched the row; rows that are not named stay as they are. Where every
    /// step names every row this is Adam.
    ///
    /// # Errors
    ///
    /// [`TableError`] if shapes do not fit, a number is not finite, a row is found damaged (no row of its
    /// block of 8,192 is changed then), or the system refuses.
    pub fn update(&mut self, gradients: &BatchGradients, rate: f64) -> Result<(), TableError> {
        let dim = self.config.dim;
        let rows = &gradients.rows;
        shape(
            "gradients of rows",
            rows.len() * dim,
            gradients.row_gradients.len(),
        )?;
        finite("gradients of rows", &gradients.row_gradients, dim)?;
        finite("learning rate", &[rate as f32], 1)?;
        if let Some(row) = rows.windows(2).position(|pair| pair[0] >= pair[1]) {
            return Err(TableError::Order { row });
        }
        if let Some(&row) = rows.last().filter(|row| **row >= self.len()) {
            return Err(TableError::Target {
                index: rows.len() - 1,
                row,
                rows: self.len(),
            });
        }
        let blocks = gradients.row_gradients.chunks(TOGETHER * dim);
        for (rows, gradients) in rows.chunks(TOGETHER).zip(blocks) {
            let mut records = Vec::with_capacity(rows.len());
            for (&row, gradient) in rows.iter().zip(gradients.chunks_exact(dim)) {
                let mut record = self.read(row)?;
                adam::step(&mut record, gradient, rate, &self.config);
                records.push(record);
            }
            self.rows.replace(rows, |k, bytes| {
                if let Some(record) = records.get(k) {
                    record.write(bytes);
                }
            })?;
        }
        Ok(())
    }

    fn read(&self, row: usize) -> Result<Record, TableError> {
        let cell = self.cells.get(row).copied();
        cell.and_then(|cell| {
            Record::read(
                self.rows.record(row),
                self.config.dim,
                cell,
                self.config.seed,
            )
        })
        .ok_or_else(|| {
            let path = self
                .rows
                .file
                .as_ref()
                .map_or(Path::new("memory"), |f| &f.path);
            TableError::damaged(path, format!("row {row}"))
        })
    }

    /// Makes the present state, that of training step `step`, the one that [`open`](Self::open) finds;
    /// nothing happens in memory. Cost: the pages changed since the last checkpoint are written.
    ///
    /// # Errors
    ///
    /// [`TableError::Io`] if the system refuses.
    pub fn checkpoint(&mut self, step: u64) -> Result<(), TableError> {
        self.rows.checkpoint(step, self.cells.len())
    }

    /// Step of the last checkpoint; 0 before the first and in memory.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.rows.file.as_ref().map_or(0, |file| file.header.step)
    }

    /// Reads every row and compares it with its checksum.
    ///
    /// # Errors
    ///
    /// [`TableError::Damaged`], naming the first damaged row.
    pub fn verify(&self) -> Result<(), TableError> {
        (0..self.len()).try_for_each(|row| self.read(row).map(|_| ()))
    }
}
