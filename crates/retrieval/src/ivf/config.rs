//! How an [`IvfIndex`](crate::IvfIndex) is built and searched.

use serde::{Deserialize, Serialize};

/// How the rows of a list are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListCodes {
    /// One byte a value, with the certificate of [`FlatIndex`](crate::FlatIndex): exact within the
    /// lists visited.
    Int8,
    /// Four bits a value: half the memory, and the fastest.
    FourBit,
    /// One bit a value: for tables that would not fit otherwise.
    OneBit,
}

/// How the rows are first grouped into lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// By spherical k-means: rows that look alike.
    #[default]
    Means,
    /// By runs of S2 ids: rows that lie together. Needs no training, and a region touches few lists. How
    /// many lists a query must visit depends on how much places that lie together look alike.
    Cells,
}

/// Settings of an [`IvfIndex`](crate::IvfIndex). All have defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IvfConfig {
    /// Number of lists; by default about 2 sqrt(n), at most n / 32.
    pub lists: Option<usize>,
    /// How rows are grouped at first.
    pub grouping: Grouping,
    /// How rows are coded.
    pub codes: ListCodes,
    /// Lists visited per query, unless the query says otherwise.
    pub probes: usize,
    /// Rows scored in full per query, unless the query says otherwise; by default 2k, at least 20, for 4
    /// bits, and 15k, at least 150, for 1 bit.
    pub rerank: Option<usize>,
    /// Rounds of k-means.
    pub rounds: usize,
    /// Rows per list that k-means sees, as far as `sample_bytes` allows.
    pub sample_per_list: usize,
    /// Bytes of the rows that k-means sees, which are copied into memory; one row per list there is at least.
    pub sample_bytes: usize,
}

impl Default for IvfConfig {
    fn default() -> Self {
        Self {
            lists: None,
            grouping: Grouping::Means,
            codes: ListCodes::FourBit,
            probes: 16,
            rerank: None,
            rounds: 10,
            sample_per_list: 64,
            sample_bytes: 1 << 30,
        }
    }
}

impl IvfConfig {
    pub(crate) fn list_count(&self, rows: usize) -> usize {
        let default = (2.0 * (rows as f64).sqrt()).round() as usize;
        self.lists
            .unwrap_or_else(|| default.min(rows / 32))
            .clamp(1, rows.max(1))
    }

    /// Rows that k-means sees, of `rows` rows of `dim` columns.
    pub(crate) fn sample_count(&self, rows: usize, dim: usize, lists: usize) -> usize {
        let wanted = self.sample_per_list.max(1).saturating_mul(lists);
        let room = self.sample_bytes / (4 * dim.max(1));
        wanted.min(room).clamp(lists, rows.max(lists))
    }

    pub(crate) fn rerank_count(&self, k: usize, asked: Option<usize>) -> usize {
        let default = match self.codes {
            ListCodes::Int8 => k,
            ListCodes::FourBit => k.saturating_mul(2).max(20),
            ListCodes::OneBit => k.saturating_mul(15).max(150),
        };
        asked.or(self.rerank).unwrap_or(default).max(k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_bounded() {
        let config = IvfConfig::default();
        // 100 million rows of 128 columns in 20,000 lists: 655 MB, as asked for.
        let count = config.sample_count(100_000_000, 128, 20_000);
        assert_eq!(count, 64 * 20_000);
        // A billion rows of 512 columns: the bound, still several rows per list.
        let count = config.sample_count(1_000_000_000, 512, 63_246);
        assert_eq!(count, (1 << 30) / (4 * 512));
        // No more than there are, and a row per list at least.
        assert_eq!(config.sample_count(900, 128, 60), 900);
        let tight = IvfConfig {
            sample_bytes: 0,
            ..config
        };
        assert_eq!(tight.sample_count(900, 128, 60), 60);
    }
}
