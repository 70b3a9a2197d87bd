//! From the names of a checkpoint to those of a module.

use std::borrow::Cow;

/// One step of renaming. Names are those of the file, in the vocabulary of `PyTorch`: the weight of
/// a norm is `weight`, and linear weights are `[out, in]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Keeps only the tensors whose names start so, without that start.
    Under(Cow<'static, str>),
    /// Sets aside the tensors whose names start so.
    DropPrefix(Cow<'static, str>),
    /// Sets aside the tensors whose names end so.
    DropSuffix(Cow<'static, str>),
    /// Replaces every occurrence of a piece of a name.
    Replace {
        /// Piece of the name in the file.
        from: Cow<'static, str>,
        /// Piece of the name in the module.
        to: Cow<'static, str>,
    },
    /// Replaces a whole name.
    Rename {
        /// Name in the file.
        from: Cow<'static, str>,
        /// Name in the module.
        to: Cow<'static, str>,
    },
    /// Cuts a tensor whose name ends with `suffix` into equal parts along its first axis, and
    /// puts each ending of `into` in the place of `suffix`.
    Split {
        /// Ending of the name in the file.
        suffix: Cow<'static, str>,
        /// Endings of the parts.
        into: Vec<Cow<'static, str>>,
    },
    /// Stacks the tensors whose names differ only in these pieces along their first axis, in this
    /// order, and puts `into` in the place of the piece; the opposite of [`Rule::Split`].
    Join {
        /// Pieces of the names in the file.
        pieces: Vec<Cow<'static, str>>,
        /// Piece of the name of the whole.
        into: Cow<'static, str>,
    },
    /// Transposes the matrix of this name.
    Transpose(Cow<'static, str>),
    /// Gives the tensor of this name another shape with as many values.
    Reshape {
        /// Name, after the rules before this one.
        name: Cow<'static, str>,
        /// New shape.
        shape: Vec<usize>,
    },
}

/// Rules that turn the tensors of a file into those of a module, applied one after the other, each
/// to all tensors.
///
/// # Examples
///
/// ```
/// use geoloc_backbones::weights::KeyMap;
///
/// let keys = KeyMap::new()
///     .under("backbone.")
///     .drop_suffix(".num_batches_tracked")
///     .replace("downsample.0.", "downsample.conv.");
/// assert_eq!(keys.rules().len(), 3);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyMap {
    rules: Vec<Rule>,
}

impl KeyMap {
    /// No rules: names stay.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds [`Rule::Under`] after the other rules; [`within`](Self::within) puts it before them.
    #[must_use]
    pub fn under(self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Rule::Under(prefix.into()))
    }

    /// Puts a [`Rule::Under`] before all other rules: for a checkpoint whose names have something before those
    /// that these rules are for. Wrappers leave such prefixes: `module.`, `_orig_mod.`,
    /// `module._orig_mod.`, or `state_dict.` where the weights are one of several entries.
    ///
    /// ```
    /// use geoloc_backbones::ResNetConfig;
    ///
    /// let keys = ResNetConfig::resnet18().torchvision_keys().within("state_dict.module.");
    /// ```
    #[must_use]
    pub fn within(mut self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.rules.insert(0, Rule::Under(prefix.into()));
        self
    }

    /// Adds [`Rule::DropPrefix`].
    #[must_use]
    pub fn drop_prefix(self, prefix: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Rule::DropPrefix(prefix.into()))
    }

    /// Adds [`Rule::DropSuffix`].
    #[must_use]
    pub fn drop_suffix(self, suffix: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Rule::DropSuffix(suffix.into()))
    }

    /// Adds [`Rule::Replace`].
    #[must_use]
    pub fn replace(
        self,
        from: impl Into<Cow<'static, str>>,
        to: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.rule(Rule::Replace {
            from: from.into(),
            to: to.into(),
        })
    }

    /// Adds [`Rule::Rename`].
    #[must_use]
    pub fn rename(
        self,
        from: impl Into<Cow<'static, str>>,
        to: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.rule(Rule::Rename {
            from: from.into(),
            to: to.into(),
        })
    }

    /// Adds [`Rule::Split`].
    #[must_use]
    pub fn split<T: Into<Cow<'static, str>>>(
        self,
        suffix: impl Into<Cow<'static, str>>,
        into: impl IntoIterator<Item = T>,
    ) -> Self {
        self.rule(Rule::Split {
            suffix: suffix.into(),
            into: into.into_iter().map(Into::into).collect(),
        })
    }

    /// Adds [`Rule::Join`].
    #[must_use]
    pub fn join<T: Into<Cow<'static, str>>>(
        self,
        pieces: impl IntoIterator<Item = T>,
        into: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.rule(Rule::Join {
            pieces: pieces.into_iter().map(Into::into).collect(),
            into: into.into(),
        })
    }

    /// Adds [`Rule::Transpose`].
    #[must_use]
    pub fn transpose(self, name: impl Into<Cow<'static, str>>) -> Self {
        self.rule(Rule::Transpose(name.into()))
    }

    /// Adds [`Rule::Reshape`].
    #[must_use]
    pub fn reshape(self, name: impl Into<Cow<'static, str>>, shape: impl Into<Vec<usize>>) -> Self {
        self.rule(Rule::Reshape {
            name: name.into(),
            shape: shape.into(),
        })
    }
}
