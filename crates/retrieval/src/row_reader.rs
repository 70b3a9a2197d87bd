//! Reading the vectors of a mapped source without keeping all of them resident.

use crate::row_table::RowSlices;
use crate::store::RESIDENT;

/// Bytes that the system may map together when one of them is touched: a huge page of its file cache.
const WINDOW: usize = 2 << 20;
/// Windows that may be resident: few, and yet more than one row a release where rows come in any order.
const WINDOWS: usize = 4 * RESIDENT / WINDOW;

/// Rows of a source, one by one in any order; the pages of a mapped one are given back from time to time.
pub(crate) struct RowReader<'a> {
    source: RowSlices<'a>,
    /// The window read last.
    window: usize,
    /// Windows touched since pages were given back, at most.
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
            self.touched += 1;
            if self.touched > WINDOWS {
                self.source.release();
                self.touched = 1;
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
