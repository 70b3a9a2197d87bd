//! Whether a JPEG stream runs to its end marker.

/// Whether the end-of-image marker of the first image is reached by walking the markers (ITU T.81,
/// annex B): segments are skipped by their length, entropy-coded data up to the next marker.
/// Bytes after the end marker (previews, sounds, second images) do not matter.
pub(crate) fn jpeg_is_complete(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    let mut at = 2;
    while let Some(marker) = next_marker(bytes, &mut at) {
        match marker {
            END_OF_IMAGE => return true,
            // Without a segment: restart markers, start of image, TEM; a stuffed 0 is data.
            0x00 | 0x01 | 0xd0..=0xd8 => {}
            _ => {
                let Some(&[high, low]) = bytes.get(at..).and_then(|b| b.first_chunk::<2>()) else {
                    return false;
                };
                let length = usize::from(u16::from_be_bytes([high, low]));
                at += length.max(2);
                if marker == START_OF_SCAN {
                    skip_scan(bytes, &mut at);
                }
            }
        }
    }
    false
}

/// Moves past the next 0xFF that is followed by something else than 0xFF, and returns that.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let rest = bytes.get(*at..)?;
    let start = rest.iter().position(|&b| b == 0xff)?;
    let length = rest.get(start..)?.iter().position(|&b| b != 0xff)?;
    *at += start + length + 1;
    rest.get(start + length).copied()
}

/// Moves to the first marker after entropy-coded data: not a stuffed zero, not a restart.
fn skip_scan(bytes: &[u8], at: &mut usize) {
    while let Some(rest) = bytes.get(*at..) {
        let Some(start) = rest.iter().position(|&b| b == 0xff) else {
            *at = bytes.len();
            return;
        };
        *at += start;
        match bytes.get(*at + 1) {
            Some(0x00 | 0xd0..=0xd7) => *at += 2,
            Some(0xff) => *at += 1,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start, one segment, a scan with a stuffed zero and a restart, end, trailing bytes.
    const STREAM: [u8; 24] = [
        0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 8, 0xff, 0xd3,
        9, 0xff, 0xd9, 5, 6,
    ];

    #[test]
    fn the_end_marker_counts_only_where_markers_stand() {
        assert!(jpeg_is_complete(&STREAM));
        assert!(jpeg_is_complete(&STREAM[..22]));
        for cut in 0..22 {
            assert!(!jpeg_is_complete(&STREAM[..cut]), "cut at {cut}");
        }
    }
}
