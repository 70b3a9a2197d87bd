//! Tokens: the text form of a cell id.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::CellId;

/// Why a text is not the token of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The text is empty or longer than 16 characters.
    #[error("a cell token has 1 to 16 characters, this text has {length}")]
    Length {
        /// Number of bytes of the text.
        length: usize,
    },
    /// A character is not a hexadecimal digit; `4.7E+064` is what a spreadsheet makes of `47e64`.
    #[error("{token:?} is not a cell token: {character:?} is not a hexadecimal digit")]
    Digit {
        /// The text.
        token: String,
        /// The first offending character.
        character: char,
    },
    /// The digits are no valid cell id.
    #[error("{token:?} is not a cell token: no cell has the id {raw:#018x}")]
    Id {
        /// The text.
        token: String,
        /// The number it stands for.
        raw: u64,
    },
}

impl CellId {
    /// The token: the id in hexadecimal without trailing zeros, at most 16 characters.
    ///
    /// Keep tokens as text: `47e4` is a number to many readers of tables.
    #[must_use]
    pub fn token(self) -> String {
        let digits = 16 - (self.raw().trailing_zeros() / 4) as usize;
        let mut token = format!("{:016x}", self.raw());
        token.truncate(digits);
        token
    }

    /// Reads a token; upper and lower case digits are accepted, as in Google's library.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if the text is empty, too long, not hexadecimal or no valid id.
    pub fn from_token(token: &str) -> Result<Self, TokenError> {
        if !(1..=16).contains(&token.len()) {
            return Err(TokenError::Length {
                length: token.len(),
            });
        }
        let mut raw = 0_u64;
        for (i, character) in token.chars().enumerate() {
            let Some(digit) = character.to_digit(16) else {
                return Err(TokenError::Digit {
                    token: token.to_owned(),
                    character,
                });
            };
            raw |= u64::from(digit) << (60 - 4 * i);
        }
        Self::try_from(raw).map_err(|_| TokenError::Id {
            token: token.to_owned(),
            raw,
        })
    }
}

impl std::fmt::Display for CellId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.token())
    }
}

impl std::str::FromStr for CellId {
    type Err = TokenError;
    fn from_str(token: &str) -> Result<Self, TokenError> {
        Self::from_token(token)
    }
}

impl Serialize for CellId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.token())
    }
}

impl<'de> Deserialize<'de> for CellId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let token = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_token(&token).map_err(serde::de::Error::custom)
    }
}
