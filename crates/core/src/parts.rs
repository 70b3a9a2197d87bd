//! Names of the parts of an encoder.

/// Prefixes of parameter names inside an encoder, from the input to the output, so that it can be
/// trained in part. What is in neither list comes after the blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EncoderParts {
    /// Before the first block.
    pub stem: Vec<String>,
    /// The blocks.
    pub blocks: Vec<String>,
}

impl EncoderParts {
    /// The parts of an encoder inside another module, where its names begin with `prefix` and a
    /// point.
    #[must_use]
    pub fn under(self, prefix: &str) -> Self {
        let below = |names: Vec<String>| {
            let names = names.into_iter();
            names.map(|name| format!("{prefix}.{name}")).collect()
        };
        Self {
            stem: below(self.stem),
            blocks: below(self.blocks),
        }
    }

    /// What to freeze so that only the last `count` blocks and what comes after them are trained:
    /// stem and earlier blocks. The whole stem stays free if `count` reaches beyond the first block.
    #[must_use]
    pub fn before_last(&self, count: usize) -> Vec<String> {
        let Some(frozen) = self.blocks.len().checked_sub(count) else {
            return Vec::new();
        };
        let blocks = self.blocks.iter().take(frozen);
        self.stem.iter().chain(blocks).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::EncoderParts;

    #[test]
    fn the_last_blocks_stay_free() {
        let parts = EncoderParts {
            stem: vec!["conv".into(), "norm".into()],
            blocks: vec!["a.0".into(), "a.1".into(), "b.0".into()],
        }
        .under("encoder");
        let stem = ["encoder.conv", "encoder.norm"];
        assert_eq!(parts.before_last(3), stem);
        assert_eq!(
            parts.before_last(1),
            [&stem[..], &["encoder.a.0", "encoder.a.1"]].concat()
        );
        assert_eq!(parts.before_last(0).len(), 5);
        assert!(parts.before_last(4).is_empty());
    }
}
