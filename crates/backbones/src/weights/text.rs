//! What is saved in the place of weights by mistake: text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::WeightsError;

/// Bytes that are looked at: each binary format has one that is no text among its first.
const LOOKED_AT: u64 = 512;

/// Refuses a file that begins as text does: a pointer of Git LFS, a web page, a message.
pub(super) fn refuse(path: &Path) -> Result<(), WeightsError> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LOOKED_AT).read_to_end(&mut start))
        .map_err(|source| WeightsError::Io {
            path: path.to_path_buf(),
            source,
        })?;
    match kind(&start) {
        Some(kind) => Err(WeightsError::Text {
            path: path.to_path_buf(),
            kind,
        }),
        None => Ok(()),
    }
}

/// What the text is, if it is text.
fn kind(start: &[u8]) -> Option<&'static str> {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // A character may be cut at the end.
        Err(e) if e.error_len().is_none() => {
            std::str::from_utf8(start.get(..e.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.is_empty() || text.contains(is_control) {
        return None;
    }
    Some(if text.starts_with("version https://git-lfs") {
        "a pointer of Git LFS; `git lfs pull` fetches the file itself"
    } else if text.starts_with('<') {
        "a web page; download the file itself"
    } else {
        "text"
    })
}
