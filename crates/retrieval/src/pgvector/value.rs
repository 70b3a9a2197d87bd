//! pgvector's binary form of a vector.

use std::error::Error;

use postgres::types::private::BytesMut;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A vector as pgvector sends it: dimension (u16), zero (u16), then f32 values, all big endian.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector(pub(super) Vec<f32>);

impl ToSql for Vector {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let dim = u16::try_from(self.0.len())?;
        out.extend_from_slice(&dim.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        for value in &self.0 {
            out.extend_from_slice(&value.to_be_bytes());
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Vector {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let (head, values) = raw
            .split_first_chunk::<4>()
            .ok_or("a vector of no length")?;
        let dim = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let (values, rest) = values.as_chunks::<4>();
        if values.len() != dim || !rest.is_empty() {
            return Err("a vector of another length than it says".into());
        }
        Ok(Self(
            values.iter().map(|v| f32::from_be_bytes(*v)).collect(),
        ))
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_survive_the_wire() {
        let vector = Vector(vec![1.5, -0.0, 3e-39]);
        let mut out = BytesMut::new();
        vector.to_sql(&Type::BYTEA, &mut out).unwrap();
        assert_eq!(Vector::from_sql(&Type::BYTEA, &out).unwrap(), vector);
        assert!(Vector::from_sql(&Type::BYTEA, &out[..7]).is_err());
        assert!(Vector::from_sql(&Type::BYTEA, &[]).is_err());
    }
}
