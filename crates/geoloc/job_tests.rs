use serde_json::json;

use super::*;

fn record(batch: u32, rows: &[(&str, f64)]) -> JobRecord {
    let input = |&(name, lat): &(&str, f64)| JobInput::new(name, json!([lat, 2.5]));
    JobRecord {
        settings: json!({ "recipe": { "training": { "batch": batch, "rate": 0.1_f32 } } }),
        inputs: rows.iter().map(input).collect(),
    }
}

#[test]
fn the_same_job_is_resumed_and_others_are_told_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let own = record(8, &[("a.jpg", 10.0), ("b.jpg", 20.0)]);
    drop(own.claim(&path, folder.path()).unwrap());
    let before = std::fs::read(&path).unwrap();
    drop(own.claim(&path, folder.path()).unwrap());
    let cases = [
        (
            record(16, &[("a.jpg", 10.0), ("b.jpg", 20.0)]),
            "the setting `recipe.training.batch` is 8 there, 16 here",
        ),
        (
            record(8, &[("a.jpg", 10.0), ("b.jpg", 50.0)]),
            "number 2: `b.jpg`: [20.0,2.5] there, [50.0,2.5] here",
        ),
        (
            record(8, &[("a.jpg", 10.0), ("c.jpg", 20.0)]),
            "number 2: `b.jpg` there, `c.jpg` here",
        ),
        (
            record(8, &[("a.jpg", 10.0)]),
            "2 inputs there, 1 here; `b.jpg` is missing",
        ),
        (
            record(8, &[("a.jpg", 10.0), ("b.jpg", 20.0), ("c.jpg", 30.0)]),
            "2 inputs there, 3 here; `c.jpg` is new",
        ),
    ];
    for (other, difference) in cases {
        let error = other.claim(&path, folder.path()).unwrap_err().to_string();
        assert!(error.contains(difference), "{error}");
        assert!(
            error.contains(&folder.path().display().to_string()),
            "{error}"
        );
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_claim_holds_until_it_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let own = record(8, &[]);
    let claim = own.claim(&path, folder.path()).unwrap();
    let second = own.claim(&path, folder.path());
    assert!(matches!(second, Err(JobError::Busy { .. })));
    drop(claim);
    own.claim(&path, folder.path()).unwrap();
}

#[test]
fn files_are_told_apart_by_content_or_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let (photo, path) = (folder.path().join("a.jpg"), folder.path().join("run.json"));
    std::fs::write(&photo, "one").unwrap();
    let of = |content: bool| {
        let input = JobInput::new("a.jpg", Value::Null);
        let input = if content {
            input.with_content_of(&photo).unwrap()
        } else {
            input.with_times_of(&photo)
        };
        JobRecord {
            settings: Value::Null,
            inputs: vec![input],
        }
    };
    let touch = || {
        let file = File::options().append(true).open(&photo).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
        file.set_modified(later).unwrap();
    };
    let differs = |record: &JobRecord| {
        let checked = record.check(&path, folder.path());
        checked.err().map(|e| e.to_string()).unwrap_or_default()
    };
    of(true).write(&path).unwrap();
    touch();
    assert_eq!(differs(&of(true)), "");
    std::fs::write(&photo, "two").unwrap();
    assert!(differs(&of(true)).contains("its content differs"));
    of(false).write(&path).unwrap();
    assert_eq!(differs(&of(false)), "");
    touch();
    assert!(differs(&of(false)).contains("modified at another time"));
    std::fs::write(&photo, "three").unwrap();
    assert!(differs(&of(false)).contains("3 bytes there, 5 here"));
    std::fs::remove_file(&photo).unwrap();
    assert!(differs(&of(false)).contains("not there any more"));
}

#[test]
fn a_record_of_another_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    for text in [
        "",
        "{\n",
        "{\"geoloc_job\":2,\"settings\":null,\"inputs\":0}\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = record(8, &[]).check(&path, folder.path()).unwrap_err();
        assert!(error.to_string().contains("another version"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn paths_that_are_not_utf_8_keep_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"p/\xff\xfe.jpg");
    assert_eq!(path_text(Path::new(name)), "p/\\xff\\xfe.jpg");
}
