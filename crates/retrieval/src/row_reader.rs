//! Reading the vectors of a mapped source without keeping all of them resident.

use crate::row_table::RowSlices;
use crate::store::RESIDENT;

/// Bytes that the system may map together when one of them is touched.
const WINDOW: usize = 64 << 10;

/// Rows of a source, one by one in any order; the pages of a mapped one are given back from time to time.
pub(crate) struct RowReader<'a> {
    source: RowSlices<'a>,
    /// The window read last.
    window: usize,
    /// Bytes touched since pages were given back, at most.
    touched: usize,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(source: &RowSlices<'a>) -> Self {
        Self {
            source: *source,
            window: usize::MAX,
            touched: 0,
        }
    }

    pub(crate) fn row(&mut self, at: usize) -> &'a [f32] {
        let bytes = 4 * self.source.dim;
        let window = at * bytes / WINDOW;
        if window != self.window {
            self.window = window;
            self.touched += WINDOW.max(bytes.next_multiple_of(WINDOW));
            if self.touched > RESIDENT {
                self.source.release();
                self.touched = 0;
            }
        }
        self.source.row(at)
    }
}

impl Drop for RowReader<'_> {
    fn drop(&mut self) {
        self.source.release();
    }
}
