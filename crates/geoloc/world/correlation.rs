//! The baseline without learning: correlation of gray levels.

/// Turns square RGB tiles into vectors whose inner product is the correlation of their gray
/// levels (Rec. 601 luma), row-major `[tiles, pixels]`; a tile of one gray level gives zeros.
#[must_use]
pub fn gray_vectors(tiles: &[Vec<u8>]) -> Vec<f32> {
    let mut rows = Vec::new();
    for tile in tiles {
        let gray: Vec<f64> = tile
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&[r, g, b]| 0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b))
            .collect();
        let mean = gray.iter().sum::<f64>() / gray.len().max(1) as f64;
        let norm = gray.iter().map(|v| (v - mean).powi(2)).sum::<f64>().sqrt();
        let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
        rows.extend(gray.iter().map(|v| ((v - mean) * scale) as f32));
    }
    rows
}
