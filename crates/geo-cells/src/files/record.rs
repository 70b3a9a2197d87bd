//! Lines of separated fields (RFC 4180), read strictly and with a limit of length.

use std::io::BufRead;

use super::table_error::TableError;

/// Most bytes of a row, line breaks in quoted fields included (1 MiB). A longer one is an error, so
/// that a file without line breaks takes no more memory than that.
pub const MAX_ROW_BYTES: usize = 1 << 20;

/// The fields of one row, without quotes and without white space around them.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Line on which the row begins, from 1.
    pub(super) line: u64,
    /// Whether text follows the closing quote of a field.
    pub(super) stray_quote: bool,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        Some(self.text.get(start..end)?.trim_ascii())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|k| self.get(k))
    }

    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.stray_quote = false;
    }
}

/// What tells that a line inside a quoted field is a row of its own: the number of fields, and the
/// columns that hold numbers.
#[derive(Debug, Default)]
pub(super) struct RowShape {
    pub(super) fields: usize,
    pub(super) numbers: Vec<usize>,
}

impl RowShape {
    /// Whether a line looks like a row. Without columns of numbers nothing does.
    fn fits(&self, line: &[u8], separator: u8) -> bool {
        let fields: Vec<&[u8]> = line.split(|&b| b == separator).collect();
        let number = |&at: &usize| {
            let text = fields.get(at).map(|field| field.trim_ascii());
            text.and_then(|t| std::str::from_utf8(t).ok())
                .is_some_and(|t| t.parse::<f64>().is_ok())
        };
        fields.len() == self.fields && !self.numbers.is_empty() && self.numbers.iter().all(number)
    }
}

/// A reader of rows.
pub(super) struct RecordReader<R> {
    source: R,
    separator: u8,
    pub(super) shape: RowShape,
    /// Lines read so far.
    line: u64,
    /// Whether a carriage return was read, so that a line feed belongs to it.
    after_return: bool,
    raw: Vec<u8>,
}

impl<R: BufRead> RecordReader<R> {
    /// `line` is the number of lines before the source begins.
    pub(super) fn new(source: R, separator: u8, line: u64) -> Self {
        Self {
            source,
            separator,
            shape: RowShape::default(),
            line,
            after_return: false,
            raw: Vec::new(),
        }
    }

    /// Reads the next row; `false` at the end. Empty lines are skipped.
    pub(super) fn read(&mut self, record: &mut Record) -> Result<bool, TableError> {
        record.clear();
        loop {
            self.raw.clear();
            if !self.append_line()? {
                return Ok(false);
            }
            if !self.raw.trim_ascii().is_empty() || self.raw.contains(&self.separator) {
                break;
            }
        }
        record.line = self.line;
        let mut at = 0;
        loop {
            at = self.field(at, record)?;
            record.ends.push(record.text.len());
            // Beyond the last byte: the row ends. On a separator: another field follows.
            if at >= self.raw.len() {
                return Ok(true);
            }
            at += 1;
        }
    }

    /// Reads the field that begins at byte `at` of the row; gives the position of the separator behind
    /// it, or the end.
    fn field(&mut self, at: usize, record: &mut Record) -> Result<usize, TableError> {
        let rest = &self.raw[at..];
        let blanks = rest
            .iter()
            .take_while(|&&b| b != self.separator && matches!(b, b' ' | b'\t'))
            .count();
        if rest.get(blanks) == Some(&b'"') {
            return self.quoted(at + blanks, record);
        }
        let length = rest.iter().position(|&b| b == self.separator);
        let end = length.map_or(self.raw.len(), |length| at + length);
        record.text.extend(&self.raw[at..end]);
        Ok(end)
    }

    /// Reads the field whose opening quote is byte `open` of the row.
    fn quoted(&mut self, open: usize, record: &mut Record) -> Result<usize, TableError> {
        let opened_on = self.line;
        let never_ends = || TableError::OpenQuote { line: opened_on };
        let mut at = open + 1;
        loop {
            match (self.raw.get(at), self.raw.get(at + 1)) {
                (Some(b'"'), Some(b'"')) => {
                    record.text.push(b'"');
                    at += 2;
                }
                (Some(b'"'), _) => break,
                (Some(&byte), _) => {
                    record.text.push(byte);
                    at += 1;
                }
                (None, _) => {
                    self.raw.push(b'\n');
                    match self.append_line() {
                        Ok(true) => {}
                        Ok(false) | Err(TableError::LongRow { .. }) => return Err(never_ends()),
                        Err(e) => return Err(e),
                    }
                }
            }
        }
        let spans_lines = self.line > opened_on;
        if spans_lines && self.swallows_rows(open, at, record.len()) {
            return Err(never_ends());
        }
        let behind = &self.raw[at + 1..];
        let length = behind.iter().position(|&b| b == self.separator);
        let (text, end) = match length {
            Some(length) => (&behind[..length], at + 1 + length),
            None => (behind, self.raw.len()),
        };
        if !text.trim_ascii().is_empty() {
            // Over several lines: the quote that closed it was the opening one of another field.
            if spans_lines {
                return Err(never_ends());
            }
            record.stray_quote = true;
            record.text.extend(text);
        }
        Ok(end)
    }

    /// Whether a quoted field (bytes `open` to `close` of the row, column `column`) holds what looks
    /// like rows, or begins on a line that is a whole row if its quote is taken for a letter.
    fn swallows_rows(&self, open: usize, close: usize, column: usize) -> bool {
        let inside = &self.raw[..close];
        // The line on which the field begins, with what stands before the field. A last column that is
        // text always ends a whole row: numbers must stand behind the quote.
        let mut lines = inside.split(|&b| b == b'\n');
        let whole_row = lines.next().is_some_and(|first| {
            first.len() > open
                && self.shape.numbers.iter().any(|&number| number > column)
                && self.shape.fits(first, self.separator)
        });
        let later = inside[open..].split(|&b| b == b'\n').skip(1);
        whole_row
            || later
                .into_iter()
                .any(|line| self.shape.fits(line, self.separator))
    }

    /// Appends the next line to the row, without its end; `false` at the end of the source. Lines end
    /// with a line feed, a carriage return, or both.
    fn append_line(&mut self) -> Result<bool, TableError> {
        let mut started = false;
        loop {
            let mut bytes = self.source.fill_buf()?;
            let mut skipped = 0;
            if self.after_return && !bytes.is_empty() {
                self.after_return = false;
                if let Some(rest) = bytes.strip_prefix(b"\n") {
                    (bytes, skipped) = (rest, 1);
                }
            }
            if bytes.is_empty() && skipped == 0 {
                return Ok(started);
            }
            if !bytes.is_empty() && !started {
                started = true;
                self.line += 1;
            }
            let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r'));
            let line = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
            if self.raw.len() + line.len() > MAX_ROW_BYTES {
                return Err(TableError::LongRow {
                    line: self.line,
                    limit: MAX_ROW_BYTES,
                });
            }
            self.raw.extend(line);
            let taken = skipped + line.len() + usize::from(end.is_some());
            self.after_return = end.is_some_and(|end| bytes.get(end) == Some(&b'\r'));
            self.source.consume(taken);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
