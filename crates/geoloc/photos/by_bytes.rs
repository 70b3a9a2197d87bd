//! Photos that are held in memory together.

use std::path::Path;

use image::ImageReader;

/// Cuts a list of files into pieces of at most `most` photos whose pixels take at most `bytes` together;
/// a larger photo is a piece of its own. Sizes are read from the headers.
pub(crate) fn by_bytes<P: AsRef<Path>>(
    paths: &[P],
    most: usize,
    bytes: u64,
) -> impl Iterator<Item = &[P]> {
    let mut rest = paths;
    std::iter::from_fn(move || {
        let (mut held, mut count) = (0_u64, 0);
        for path in rest.iter().take(most.max(1)) {
            held = held.saturating_add(pixel_bytes(path.as_ref()));
            if count > 0 && held > bytes {
                break;
            }
            count += 1;
        }
        let (piece, others) = rest.split_at_checked(count)?;
        rest = others;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Bytes of the decoded photo; 0 if the header cannot be read, for then nothing is decoded.
fn pixel_bytes(path: &Path) -> u64 {
    // Reading a pipe would wait.
    if !path.is_file() {
        return 0;
    }
    let size = ImageReader::open(path)
        .and_then(ImageReader::with_guessed_format)
        .ok()
        .and_then(|reader| reader.into_dimensions().ok());
    size.map_or(0, |(width, height)| {
        3 * u64::from(width) * u64::from(height)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_bounded_by_number_and_by_bytes() {
        let folder = tempfile::tempdir().unwrap();
        // 3,000 bytes each, one of 30,000, and one that is no photo.
        let mut paths = Vec::new();
        for (k, side) in [(0, 10), (1, 10), (2, 100), (3, 10), (4, 10), (5, 10)] {
            let path = folder.path().join(format!("{k}.png"));
            image::RgbImage::new(100, side).save(&path).unwrap();
            paths.push(path);
        }
        paths.push(folder.path().join("none.png"));
        let lengths =
            |most, bytes| -> Vec<usize> { by_bytes(&paths, most, bytes).map(<[_]>::len).collect() };
        assert_eq!(lengths(32, 1 << 30), [7]);
        assert_eq!(lengths(3, 1 << 30), [3, 3, 1]);
        assert_eq!(lengths(32, 6000), [2, 1, 2, 2]);
        assert_eq!(lengths(32, 1), [1; 7]);
        assert_eq!(lengths(0, 6000).iter().sum::<usize>(), paths.len());
        assert!(by_bytes::<&Path>(&[], 32, 1).next().is_none());
    }
}
