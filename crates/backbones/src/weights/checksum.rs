//! SHA-256 of weight files.

use std::fs::File;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::WeightsError;

/// SHA-256 of a file, 64 lower-case hexadecimal digits.
///
/// # Errors
///
/// [`WeightsError::Io`] if the file cannot be read.
pub fn sha256_of(path: impl AsRef<Path>) -> Result<String, WeightsError> {
    let path = path.as_ref();
    let fail = |source| WeightsError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut file = File::open(path).map_err(fail)?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(fail)?;
    Ok(hash.finalize().iter().fold(String::new(), |mut text, b| {
        use std::fmt::Write;
        // Writing to a string does not fail.
        let _ = write!(text, "{b:02x}");
        text
    }))
}

/// Checks that a file has the SHA-256 `expected`, in hexadecimal digits of either case, or begins
/// with it: the first eight digits are what torchvision puts into the names of its files.
///
/// # Errors
///
/// [`WeightsError::Checksum`] if it differs, [`WeightsError::Io`] if the file cannot be read.
pub fn verify_sha256(path: impl AsRef<Path>, expected: &str) -> Result<(), WeightsError> {
    let found = sha256_of(&path)?;
    let beginning = found.get(..expected.len());
    if expected.len() >= 8 && beginning.is_some_and(|b| b.eq_ignore_ascii_case(expected)) {
        return Ok(());
    }
    Err(WeightsError::Checksum {
        path: path.as_ref().to_path_buf(),
        expected: expected.to_owned(),
        found,
    })
}
