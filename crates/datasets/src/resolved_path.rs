//! Whether two paths name the same file.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Brings paths of the same file to the same form.
#[derive(Debug, Default)]
pub(crate) struct PathResolver {
    folders: HashMap<PathBuf, PathBuf>,
}

impl PathResolver {
    /// The path without `.`, `..` and links in its folder; a link that is the file itself is a photo of
    /// its own. Where the folder does not exist, only the text of the path is brought to form.
    pub(crate) fn resolve(&mut self, path: &Path) -> PathBuf {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return without_dots(path);
        };
        if let Some(known) = self.folders.get(folder) {
            return known.join(name);
        }
        let here = Path::new(".");
        let asked = if folder.as_os_str().is_empty() {
            here
        } else {
            folder
        };
        let resolved = std::fs::canonicalize(asked).unwrap_or_else(|_| without_dots(folder));
        let path = resolved.join(name);
        self.folders.insert(folder.to_path_buf(), resolved);
        path
    }
}

/// The path with `.` and `folder/..` left out.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(out.components().next_back(), Some(Component::Normal(_))) =>
            {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_path_are_one() {
        let mut resolver = PathResolver::default();
        let of = |resolver: &mut PathResolver, path: &str| resolver.resolve(Path::new(path));
        let first = of(&mut resolver, "nowhere/p/00.jpg");
        for same in [
            "nowhere/./p/00.jpg",
            "./nowhere/p//00.jpg",
            "nowhere/p/q/../00.jpg",
        ] {
            assert_eq!(of(&mut resolver, same), first, "{same}");
        }
        assert_ne!(of(&mut resolver, "../nowhere/p/00.jpg"), first);
        assert_ne!(of(&mut resolver, "nowhere/p/01.jpg"), first);
    }

    #[cfg(unix)]
    #[test]
    fn links_to_folders_are_followed_and_links_to_files_are_not() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("p")).unwrap();
        std::os::unix::fs::symlink("p", root.path().join("q")).unwrap();
        let mut resolver = PathResolver::default();
        let first = resolver.resolve(&root.path().join("p/a.jpg"));
        assert_eq!(resolver.resolve(&root.path().join("q/a.jpg")), first);
        std::os::unix::fs::symlink("a.jpg", root.path().join("p/b.jpg")).unwrap();
        assert_ne!(resolver.resolve(&root.path().join("p/b.jpg")), first);
    }
}
