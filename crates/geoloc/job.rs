//! What a resumable job was begun with, recorded beside what it has done so far.
//!
//! A job that is cut off is resumed by the same call. What it did before belongs to the settings and
//! the inputs of that time: a [`JobRecord`] of both is written when it begins, and a later call with
//! others is refused, with the setting or the input that differs.

use std::fs::{File, TryLockError};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::output::{OutputError, OutputFiles};

/// Form of the record.
const VERSION: u32 = 1;
/// Characters of a value that a message shows.
const SHOWN: usize = 120;

/// One input of a job: a file, a row of a list, or a block of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobInput {
    /// What a person calls it.
    pub name: String,
    /// What the job knows of it beside the file, such as its place.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Size of the file; none if there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// When the file was modified, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<String>,
    /// SHA-256 of the content, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl JobInput {
    /// An input without a file.
    pub fn new(name: impl Into<String>, data: Value) -> Self {
        Self {
            name: name.into(),
            data,
            bytes: None,
            modified: None,
            sha256: None,
        }
    }

    /// Adds size and time of modification; a file that is not there has neither.
    #[must_use]
    pub fn with_times_of(mut self, path: &Path) -> Self {
        if let Ok(meta) = std::fs::metadata(path) {
            let modified = meta.modified().ok();
            let since = modified.and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
            self.bytes = Some(meta.len());
            self.modified = since.map(|s| format!("{}.{:09}", s.as_secs(), s.subsec_nanos()));
        }
        self
    }

    /// Adds size and hash of the content, whatever the time of modification.
    ///
    /// # Errors
    ///
    /// What the system says if the file cannot be read.
    pub fn with_content_of(mut self, path: &Path) -> std::io::Result<Self> {
        let (bytes, sha256) = content_of(path, |_| ())?;
        self.bytes = Some(bytes);
        self.sha256 = Some(sha256);
        Ok(self)
    }

    /// How `self`, recorded before, differs from `now`.
    fn difference(&self, now: &Self) -> String {
        let name = &now.name;
        if self.name != now.name {
            return format!("`{}` there, `{name}` here", self.name);
        }
        if self.data != now.data {
            let (there, here) = (short(&self.data), short(&now.data));
            return format!("`{name}`: {there} there, {here} here");
        }
        match (self.bytes, now.bytes) {
            (Some(there), Some(here)) if there != here => {
                format!("`{name}` was changed since: {there} bytes there, {here} here")
            }
            (None, Some(_)) => format!("`{name}` is there now, and was not"),
            (Some(_), None) => format!("`{name}` is not there any more"),
            _ if self.sha256 != now.sha256 => {
                format!("`{name}` was changed since: its content differs")
            }
            _ => format!("`{name}` was changed since: it was modified at another time"),
        }
    }
}

/// Settings and inputs of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobRecord {
    /// Everything beside the inputs that the results depend on.
    pub settings: Value,
    /// All inputs in their order.
    pub inputs: Vec<JobInput>,
}

/// Why a job is not begun, or not resumed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JobError {
    /// What is there was begun with other settings or inputs.
    #[error(
        "{} was begun with other settings or another input: {difference}; name another place for \
         the results, or remove {} to start anew", .results.display(), .results.display()
    )]
    Other {
        /// What is there.
        results: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// Another process is at work there.
    #[error("{}: another process is at work there", .results.display())]
    Busy {
        /// What it writes.
        results: PathBuf,
    },
    /// The record cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The record.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The record cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// The right to a job, until it is dropped.
#[derive(Debug)]
pub struct JobClaim {
    /// The record, locked.
    _locked: File,
}

#[derive(Serialize, Deserialize)]
struct Head {
    geoloc_job: u32,
    settings: Value,
    inputs: usize,
}

impl JobRecord {
    /// Writes the record to `path`, or compares with the one that is there. `results` is what messages
    /// name: removing it starts the job anew.
    ///
    /// # Errors
    ///
    /// [`JobError::Other`] with the first difference, [`JobError::Busy`] if another process holds the
    /// claim, [`JobError::Io`] and [`JobError::Output`] if the system refuses.
    pub fn claim(&self, path: &Path, results: &Path) -> Result<JobClaim, JobError> {
        if !path.exists() {
            self.write(path)?;
        }
        let failed = |source| JobError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JobError::Busy {
                    results: results.to_owned(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        self.check(path, results)?;
        Ok(JobClaim { _locked: file })
    }

    /// Writes the record; an older one stays until the new one is whole.
    ///
    /// # Errors
    ///
    /// [`JobError::Output`].
    pub fn write(&self, path: &Path) -> Result<(), JobError> {
        let mut files = OutputFiles::default();
        files.write(path, |to| {
            writeln!(to, "{}", self.head())?;
            self.inputs
                .iter()
                .try_for_each(|input| writeln!(to, "{}", line(input)))
        })?;
        Ok(files.commit()?)
    }

    /// Compares with the record at `path`.
    ///
    /// # Errors
    ///
    /// [`JobError::Other`] with the first difference; [`JobError::Io`] if it cannot be read.
    pub fn check(&self, path: &Path, results: &Path) -> Result<(), JobError> {
        let failed = |source| JobError::Io {
            path: path.to_owned(),
            source,
        };
        let difference = File::open(path)
            .and_then(|file| self.difference(BufReader::new(file)))
            .map_err(failed)?;
        match difference {
            None => Ok(()),
            Some(difference) => Err(JobError::Other {
                results: results.to_owned(),
                difference,
            }),
        }
    }

    /// The first difference to a record.
    fn difference(&self, record: impl BufRead) -> std::io::Result<Option<String>> {
        let mut lines = record.lines();
        let head = lines.next().transpose()?.unwrap_or_default();
        let Ok(found) = serde_json::from_str::<Head>(&head) else {
            return Ok(Some("its record is of another version".to_owned()));
        };
        if found.geoloc_job != VERSION {
            return Ok(Some("its record is of another version".to_owned()));
        }
        let own = serde_json::from_str::<Head>(&self.head()).map(|own| own.settings);
        // Compared as read: numbers may change their last digit when they are.
        if let Ok(own) = own
            && let Some(difference) = setting_difference(&found.settings, &own, "")
        {
            return Ok(Some(difference));
        }
        let count = |n: usize| format!("{} inputs there, {n} here", found.inputs);
        for (row, input) in self.inputs.iter().enumerate() {
            let Some(text) = lines.next().transpose()? else {
                let more = format!("{}; `{}` is new", count(self.inputs.len()), input.name);
                return Ok(Some(more));
            };
            if text != line(input) {
                let before = serde_json::from_str::<JobInput>(&text);
                let what = before.map_or_else(
                    |_| "its record is damaged".to_owned(),
                    |before| before.difference(input),
                );
                return Ok(Some(format!("number {}: {what}", row + 1)));
            }
        }
        Ok(match lines.next().transpose()? {
            None => None,
            Some(text) => {
                let name = serde_json::from_str::<JobInput>(&text).map(|input| input.name);
                let name = name.unwrap_or_default();
                let count = count(self.inputs.len());
                Some(format!("{count}; `{name}` is missing"))
            }
        })
    }

    fn head(&self) -> String {
        serde_json::json!({
            "geoloc_job": VERSION, "settings": self.settings, "inputs": self.inputs.len(),
        })
        .to_string()
    }
}

/// One line; all fields are texts, numbers and JSON, so that this does not fail.
#[allow(
    clippy::expect_used,
    reason = "an empty line would make two inputs equal"
)]
fn line(input: &JobInput) -> String {
    serde_json::to_string(input).expect("texts, numbers and JSON have a JSON form")
}

/// The first setting that differs, with the keys that lead to it.
fn setting_difference(there: &Value, here: &Value, key: &str) -> Option<String> {
    if there == here {
        return None;
    }
    let inner = |name: &str| match key {
        "" => name.to_owned(),
        _ => format!("{key}.{name}"),
    };
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let of = |map: &serde_json::Map<String, Value>, name: &str| {
                map.get(name).cloned().unwrap_or(Value::Null)
            };
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names
                .into_iter()
                .find_map(|name| setting_difference(&of(a, name), &of(b, name), &inner(name)))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let pairs = a.iter().zip(b).enumerate();
            pairs
                .map(|(i, (a, b))| setting_difference(a, b, &format!("{key}[{i}]")))
                .find_map(|found| found)
        }
        _ => Some(format!(
            "the setting `{key}` is {} there, {} here",
            short(there),
            short(here)
        )),
    }
}

fn short(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        value => value.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Size and SHA-256 of a regular file, which is read block by block; `also` gets the blocks too.
pub(crate) fn content_of(
    path: &Path,
    mut also: impl FnMut(&[u8]),
) -> std::io::Result<(u64, String)> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(
            ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => {
                let read = block.get(..read).unwrap_or_default();
                hash.update(read);
                also(read);
                bytes += read.len() as u64;
            }
        }
    }
    Ok((bytes, hex(&hash.finalize())))
}

/// Hexadecimal digits, two for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
    digits.concat()
}

/// A path as text that loses nothing: bytes that are not UTF-8 are written as `\xNN`.
///
/// # Examples
///
/// ```
/// use std::path::Path;
///
/// assert_eq!(geoloc::job::path_text(Path::new("a/ü.jpg")), "a/ü.jpg");
/// ```
#[must_use]
pub fn path_text(path: &Path) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string does not fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
