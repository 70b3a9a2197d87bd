use super::*;

fn rows(text: &str) -> Result<Vec<Vec<String>>, TableError> {
    let mut reader = RecordReader::new(text.as_bytes(), b',', 0);
    reader.shape = RowShape {
        fields: 3,
        numbers: vec![1, 2],
    };
    let (mut record, mut out) = (Record::default(), Vec::new());
    while reader.read(&mut record)? {
        let mut row = vec![record.line.to_string()];
        row.extend(
            record
                .iter()
                .map(|f| String::from_utf8_lossy(f).into_owned()),
        );
        out.push(row);
    }
    Ok(out)
}

/// The line of a quote that does not end.
fn open_quote(text: &str) -> Option<u64> {
    match rows(text) {
        Err(TableError::OpenQuote { line }) => Some(line),
        Err(e) => panic!("{e}"),
        Ok(_) => None,
    }
}

#[test]
fn fields_lines_and_quotes() {
    let read = rows("a,b\r\n\n\"x \"\"y\"\", z\" , 1 ,\"two\nlines\"\r\rlast,").unwrap();
    assert_eq!(
        read,
        [
            vec!["1", "a", "b"],
            vec!["3", "x \"y\", z", "1", "two\nlines"],
            vec!["6", "last", ""],
        ]
    );
    // A quote inside an unquoted field is a letter.
    assert_eq!(rows("5\" pipe,1\n").unwrap(), [vec!["1", "5\" pipe", "1"]]);
    assert!(rows("").unwrap().is_empty());
}

#[test]
fn quotes_that_do_not_end_in_their_row_are_errors_with_their_line() {
    // To the end of the file.
    assert_eq!(open_quote("a,1,2\n\"b,1,2\nc,1,2\n"), Some(2));
    // To the opening quote of a later row.
    assert_eq!(open_quote("\"b,1,2\nc,1,2\n\"d\",1,2\n"), Some(1));
    assert_eq!(open_quote("a,1,\"2\nc,1,2\nd,1,\"2\n"), Some(1));
    // To a quote at the end of a field: the lines between look like rows.
    assert_eq!(open_quote("\"b,1,2\nc,3,4\nd\",1,2\n"), Some(1));
    assert_eq!(open_quote("\"b,1,2\nd\",1,2\n"), Some(1));
    assert_eq!(open_quote("a,1,\"x\nc,3,4\n5\"\n"), Some(1));
    // A field may hold line breaks.
    assert_eq!(open_quote("\"one\ntwo, three\",1,2\n"), None);
    assert_eq!(
        open_quote("a,1,\"Cafe, old\nnear, the station\nopen 1, 2\"\n"),
        None
    );
}

#[test]
fn rows_without_end_take_no_more_memory_than_the_limit() {
    let endless = std::io::BufReader::new(std::io::repeat(b'x'));
    let mut reader = RecordReader::new(endless, b',', 0);
    let error = reader.read(&mut Record::default()).unwrap_err();
    assert!(
        matches!(error, TableError::LongRow { line: 1, .. }),
        "{error}"
    );
    let longest = "x".repeat(MAX_ROW_BYTES);
    assert!(rows(&longest).is_ok());
    let error = rows(&format!("a\n{longest}y\n")).unwrap_err();
    assert!(
        matches!(error, TableError::LongRow { line: 2, .. }),
        "{error}"
    );
    let quoted = format!("a\n\"{}", "x\n".repeat(MAX_ROW_BYTES));
    assert_eq!(open_quote(&quoted), Some(2));
}
