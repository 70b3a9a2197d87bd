//! Patches of maps as the columns of a matrix.

use std::ops::Range;

/// Where the values of a column lie: column `(y, x)` of the grid takes from every map the values at
/// `(y * step[0] + tap[0], x * step[1] + tap[1])`, and zero outside the map.
#[derive(Debug, Clone)]
pub(super) struct Patches {
    /// Height and width of a map.
    pub plane: [usize; 2],
    /// Height and width of the grid of columns.
    pub grid: [usize; 2],
    pub step: [usize; 2],
    pub taps: Vec<[isize; 2]>,
}

/// Consecutive columns whose values lie `step` apart in a row of a map.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// The first column.
    to: usize,
    len: usize,
    /// Where its value lies, from the first map of the first image on.
    from: usize,
}

impl Patches {
    /// Columns of an image.
    pub(super) fn columns(&self) -> usize {
        self.grid[0] * self.grid[1]
    }

    /// Whether the matrix is the maps as they lie.
    pub(super) fn is_identity(&self) -> bool {
        self.taps == [[0, 0]] && self.step == [1, 1] && self.grid == self.plane
    }

    /// Writes the rows of `channels` of the columns `range`, counted through the images one after
    /// another: `rows` is `[channels * taps, range]`, an image of `maps` has `stride` values, and
    /// the first channel of `channels` is `channels.start` maps into it.
    pub(super) fn fill(
        &self,
        rows: &mut [f32],
        maps: &[f32],
        stride: usize,
        channels: Range<usize>,
        range: Range<usize>,
    ) {
        let length = range.len();
        let [height, width] = self.plane;
        let pieces: Vec<_> = self
            .taps
            .iter()
            .map(|tap| self.pieces(*tap, stride, &range))
            .collect();
        let plane = height * width;
        let kernels = rows.chunks_exact_mut(length * self.taps.len().max(1));
        for (rows, channel) in kernels.zip(channels) {
            let map = &maps[channel * plane..];
            for (row, (pieces, whole)) in rows.chunks_exact_mut(length).zip(&pieces) {
                if !whole {
                    row.fill(0.0);
                }
                for piece in pieces {
                    let part = &mut row[piece.to..piece.to + piece.len];
                    copy(part, &map[piece.from..], self.step[1]);
                }
            }
        }
    }

    /// What a value of the kernel meets, and whether that is a value of a map in every column.
    fn pieces(&self, tap: [isize; 2], stride: usize, range: &Range<usize>) -> (Vec<Piece>, bool) {
        let [height, width] = self.plane;
        let [_, across] = self.grid;
        let step = self.step[1];
        let columns = self.columns();
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut at, mut covered) = (range.start, 0);
        while at < range.end {
            let (image, place) = (at / columns, at % columns);
            let (y, x) = (place / across, place % across);
            let len = (across - x).min(range.end - at);
            let to = at - range.start;
            at += len;
            let row = (y * self.step[0]).checked_add_signed(tap[0]);
            let Some(row) = row.filter(|row| *row < height) else {
                continue;
            };
            // Columns to the left of the map, and those up to its right end.
            let first = (x * step).cast_signed() + tap[1];
            let before = (-first).max(0).cast_unsigned().div_ceil(step);
            let start = (first + (before * step).cast_signed()).cast_unsigned();
            let end = width.saturating_sub(start).div_ceil(step) + before;
            let len = end.min(len).saturating_sub(before);
            if len == 0 {
                continue;
            }
            covered += len;
            let from = image * stride + row * width + start;
            let to = to + before;
            match pieces.last_mut() {
                Some(last)
                    if step == 1 && last.from + last.len == from && last.to + last.len == to =>
                {
                    last.len += len;
                }
                _ => pieces.push(Piece { to, len, from }),
            }
        }
        (pieces, covered == range.len())
    }
}

/// Copies values that lie `step` apart.
fn copy(part: &mut [f32], values: &[f32], step: usize) {
    match step {
        1 if part.len() >= 32 => part.copy_from_slice(&values[..part.len()]),
        1 => {
            for (value, source) in part.iter_mut().zip(values) {
                *value = *source;
            }
        }
        2 => {
            let (pairs, odd) = values.as_chunks::<2>();
            let (even, last) = part.split_at_mut(pairs.len().min(part.len()));
            for (value, pair) in even.iter_mut().zip(pairs) {
                *value = pair[0];
            }
            for (value, source) in last.iter_mut().zip(odd) {
                *value = *source;
            }
        }
        _ => {
            for (value, source) in part.iter_mut().zip(values.iter().step_by(step)) {
                *value = *source;
            }
        }
    }
}
