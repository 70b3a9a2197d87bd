//! The encoding of a text: UTF-8, with or without a byte order mark.

use thiserror::Error;

/// Why bytes are not a text that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The text is UTF-16.
    #[error("the text is UTF-16: save it as UTF-8")]
    Utf16,
    /// The text is UTF-32.
    #[error("the text is UTF-32: save it as UTF-8")]
    Utf32,
    /// A byte is zero, which no text has.
    #[error("byte {at} is zero: this is no text")]
    Binary {
        /// Position of the byte, from 0.
        at: usize,
    },
    /// The bytes are another encoding, such as Latin-1.
    #[error("the text is not UTF-8 from byte {at} on: save it as UTF-8")]
    NotUtf8 {
        /// Position of the first byte that does not fit, from 0.
        at: usize,
    },
}

/// The text without its byte order mark; `start` is how a text begins, or all of it.
pub(super) fn without_mark(start: &[u8]) -> Result<&[u8], EncodingError> {
    if let Some(rest) = start.strip_prefix(b"\xef\xbb\xbf") {
        return Ok(rest);
    }
    // The mark of UTF-32 begins with that of UTF-16.
    if start.starts_with(b"\xff\xfe\0\0") || start.starts_with(b"\0\0\xfe\xff") {
        return Err(EncodingError::Utf32);
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Err(EncodingError::Utf16);
    }
    // Without a mark: Latin letters and digits have every other byte zero in UTF-16.
    match start
        .first_chunk::<4>()
        .map(|four| four.map(|byte| byte > 0))
    {
        Some([false, false, false, true] | [true, false, false, false]) => {
            Err(EncodingError::Utf32)
        }
        Some([false, true, false, true] | [true, false, true, false]) => Err(EncodingError::Utf16),
        _ => Ok(start),
    }
}

/// The text of bytes, without its byte order mark.
pub(super) fn text_of(bytes: &[u8]) -> Result<&str, EncodingError> {
    let rest = without_mark(bytes)?;
    std::str::from_utf8(rest).map_err(|e| EncodingError::NotUtf8 {
        at: bytes.len() - rest.len() + e.valid_up_to(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_skipped_and_other_encodings_named() {
        assert_eq!(text_of(b"\xef\xbb\xbf{}"), Ok("{}"));
        assert_eq!(text_of(b"{}"), Ok("{}"));
        assert_eq!(text_of(b""), Ok(""));
        for utf16 in [
            &b"\xff\xfei\0d\0"[..],
            b"\xfe\xff\0i\0d",
            b"i\0d\0",
            b"\0i\0d",
        ] {
            assert_eq!(text_of(utf16), Err(EncodingError::Utf16), "{utf16:?}");
        }
        for utf32 in [
            &b"\xff\xfe\0\0i\0\0\0"[..],
            b"\0\0\xfe\xff\0\0\0i",
            b"i\0\0\0",
        ] {
            assert_eq!(text_of(utf32), Err(EncodingError::Utf32), "{utf32:?}");
        }
        assert_eq!(text_of(b"caf\xe9"), Err(EncodingError::NotUtf8 { at: 3 }));
    }
}
