//! Index files: mapped sections that are checked as they are read.

mod section;

pub(crate) use section::MappedSection;
