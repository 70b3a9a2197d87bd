//! Files of results: written beside the old ones, moved into their place together.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Files that take the place of older ones only once all of them are whole.
///
/// Each is written beside its place (`NAME.partial`). [`commit`](Self::commit) moves them, one after
/// the other. Until then, and if anything fails, the older files stay; what was written beside them is
/// removed.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// use geoloc::output::OutputFiles;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("cells.csv");
/// let mut files = OutputFiles::default();
/// files.write(&path, |to| to.write_all(b"token\n"))?;
/// assert!(!path.exists());
/// files.commit()?;
/// assert_eq!(std::fs::read_to_string(&path)?, "token\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct OutputFiles {
    /// Where each file is, and where it goes.
    staged: Vec<(PathBuf, PathBuf)>,
}

/// Why a result was not written; an older file of the name stays.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The system refused.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The new file is empty.
    #[error("{}: the new file is empty, the place is left as it is", .path.display())]
    Empty {
        /// Where the file would go.
        path: PathBuf,
    },
}

impl OutputFiles {
    /// Writes a file beside `path`; folders that are missing are made.
    ///
    /// # Errors
    ///
    /// [`OutputError`].
    pub fn write(
        &mut self,
        path: impl AsRef<Path>,
        write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), OutputError> {
        self.stage(path, |beside| {
            let written = File::create(beside).and_then(|file| {
                let mut file = BufWriter::new(file);
                write(&mut file)?;
                file.flush()
            });
            written.map_err(|source| io(beside, source))
        })
        .map(|_| ())
    }

    /// As [`write`](Self::write), by a function that takes the path to write to; answers that path.
    ///
    /// # Errors
    ///
    /// Those of the function, and [`OutputError`].
    pub fn stage<E: From<OutputError>>(
        &mut self,
        path: impl AsRef<Path>,
        write: impl FnOnce(&Path) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = path.as_ref();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| io(folder, source))?;
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(".partial");
        let beside = PathBuf::from(beside);
        // Entered before it is written, so that what a failure leaves is removed.
        self.staged.push((beside.clone(), path.to_owned()));
        write(&beside)?;
        let synced = File::open(&beside).and_then(|file| {
            file.sync_all()?;
            file.metadata()
        });
        if synced.map_err(|source| io(&beside, source))?.len() == 0 {
            let path = path.to_owned();
            return Err(OutputError::Empty { path }.into());
        }
        Ok(beside)
    }

    /// Moves all files into their places.
    ///
    /// # Errors
    ///
    /// [`OutputError::Io`] with the first place that could not be taken.
    pub fn commit(mut self) -> Result<(), OutputError> {
        while !self.staged.is_empty() {
            let (beside, path) = self.staged.remove(0);
            if let Err(source) = std::fs::rename(&beside, &path) {
                self.staged.push((beside, path.clone()));
                return Err(io(&path, source));
            }
        }
        Ok(())
    }
}

impl Drop for OutputFiles {
    fn drop(&mut self) {
        for (beside, _) in &self.staged {
            // It may not be there; nothing depends on it.
            let _ = std::fs::remove_file(beside);
        }
    }
}

/// Writes one file beside `path` and moves it there.
///
/// # Errors
///
/// [`OutputError`]; an older file stays.
pub fn write_whole(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), OutputError> {
    let mut files = OutputFiles::default();
    files.write(path, |to| to.write_all(bytes))?;
    files.commit()
}

fn io(path: &Path, source: std::io::Error) -> OutputError {
    OutputError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_replaced_before_all_files_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("a"), folder.path().join("new/b"));
        std::fs::write(&first, "old").unwrap();
        let mut files = OutputFiles::default();
        files.write(&first, |to| to.write_all(b"new")).unwrap();
        let failed = files.write(&second, |to| {
            to.write_all(b"half")?;
            Err(std::io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("b.partial"));
        drop(files);
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "old");
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 2, "the old file and the folder");
        assert_eq!(
            std::fs::read_dir(folder.path().join("new"))
                .unwrap()
                .count(),
            0
        );

        let mut files = OutputFiles::default();
        files.write(&first, |to| to.write_all(b"new")).unwrap();
        files.write(&second, |to| to.write_all(b"b")).unwrap();
        files.commit().unwrap();
        assert_eq!(std::fs::read_to_string(&first).unwrap(), "new");
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "b");
    }

    #[test]
    fn an_empty_file_takes_no_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "old").unwrap();
        let error = write_whole(&path, b"").unwrap_err();
        assert!(matches!(error, OutputError::Empty { .. }));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    }
}
