//! Matrices of f32 in `.npy` files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// A matrix that is read row by row, so that a file larger than memory can be indexed.
pub(crate) struct Matrix {
    from: BufReader<File>,
    name: String,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl Matrix {
    /// Opens a file that holds a two-dimensional array of little-endian f32 in C order.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let failed = |reason: &str| format!("{}: {reason}", path.display());
        let io = |e: std::io::Error| failed(&e.to_string());
        let mut from = BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?);
        let mut start = [0u8; 8];
        from.read_exact(&mut start).map_err(io)?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err(failed("is no .npy file"));
        }
        // Version 1 has a length of two bytes, later ones of four.
        let length = if start[6] == 1 {
            let mut length = [0u8; 2];
            from.read_exact(&mut length).map_err(io)?;
            usize::from(u16::from_le_bytes(length))
        } else {
            let mut length = [0u8; 4];
            from.read_exact(&mut length).map_err(io)?;
            u32::from_le_bytes(length) as usize
        };
        if length > 1 << 16 {
            return Err(failed("has a header of more than 64 KiB"));
        }
        let mut header = vec![0u8; length];
        from.read_exact(&mut header).map_err(io)?;
        let header = String::from_utf8_lossy(&header);
        let plain = header.contains("'<f4'") && header.contains("'fortran_order': False");
        let shape: Vec<usize> = header
            .split_once("'shape': (")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(shape, _)| shape.split(',').filter_map(|n| n.trim().parse().ok()))
            .map(Iterator::collect)
            .unwrap_or_default();
        match shape.as_slice() {
            &[rows, columns] if plain => Ok(Self {
                from,
                name: path.display().to_string(),
                rows,
                columns,
            }),
            _ => Err(failed(&format!(
                "must hold a matrix of little-endian f32 in C order, not {}",
                header.trim()
            ))),
        }
    }

    /// The next `rows` rows.
    pub(crate) fn read(&mut self, rows: usize) -> Result<Vec<f32>, String> {
        let mut bytes = vec![0u8; rows * self.columns * 4];
        self.from
            .read_exact(&mut bytes)
            .map_err(|e| format!("{}: the matrix ends early: {e}", self.name))?;
        let values = bytes.as_chunks::<4>().0.iter();
        Ok(values.map(|v| f32::from_le_bytes(*v)).collect())
    }
}
