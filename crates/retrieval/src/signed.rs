//! S2 ids and row ids for engines that know only signed numbers.

/// An id as a signed number; order is kept.
pub(crate) fn to_signed(id: u64) -> i64 {
    (id ^ (1 << 63)).cast_signed()
}

/// The inverse of [`to_signed`].
pub(crate) fn from_signed(value: i64) -> u64 {
    value.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        let ids = [0, 1, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX];
        assert!(ids.map(to_signed).is_sorted());
        assert_eq!(ids.map(|id| from_signed(to_signed(id))), ids);
    }
}
