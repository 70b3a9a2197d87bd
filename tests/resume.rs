//! Trainings that are resumed: with the photos that they were begun with, or not at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail loudly"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use geoloc::burn::tensor::Device;
use geoloc::datasets::Photo;
use geoloc::images::encode_png;
use geoloc::photos::{PhotoList, read_photos};
use geoloc::recipe::{Recipe, RecipeError, TrainOptions, TrainOutcome, train};
use geoloc::trainer::{ProgressMode, TrainError};

/// The generator of the CPU backend is one for the whole process.
static GENERATOR: Mutex<()> = Mutex::new(());

fn turn() -> MutexGuard<'static, ()> {
    GENERATOR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn photo(path: &Path, tint: u8) {
    let pixel = |p: usize| [tint, (p % 97) as u8, tint.wrapping_mul(3)];
    let photo = Photo::from_rgb(16, 16, (0..256).flat_map(pixel).collect()).unwrap();
    std::fs::write(path, encode_png(&photo).unwrap()).unwrap();
}

/// 24 photos of three places.
fn data(folder: &Path) {
    let mut csv = String::from("path,latitude,longitude\n");
    for i in 0..24_usize {
        let (lat, lng) = [(48.8, 2.3), (-33.9, 151.2), (40.7, -74.0)][i % 3];
        photo(&folder.join(format!("{i:02}.png")), 10 * i as u8);
        writeln!(csv, "{i:02}.png,{lat},{lng}").unwrap();
    }
    std::fs::write(folder.join("photos.csv"), csv).unwrap();
}

fn recipe(batch: usize, check: bool) -> Recipe {
    let text = format!(
        "title = \"resumed\"\n[data]\ncheck = {check}\n[partition]\ntype = \"level\"\nlevel = 3\n[encoder]\n\
         config = {{ type = \"small_cnn\", input_size = 16, channels = [4, 8] }}\n[approach]\ntype = \
         \"classifier\"\n[training]\nbatch = {batch}\nvalidate_every_epochs = 0\n\
         [[training.phases]]\nsteps = 4\nlearning_rate = 1e-3\n"
    );
    Recipe::parse(&text, "test").unwrap()
}

fn photos(list: &Path, recipe: &Recipe) -> PhotoList {
    read_photos(list, &recipe.data, ProgressMode::Hidden).unwrap()
}

fn options(out: &Path) -> TrainOptions {
    TrainOptions {
        progress: ProgressMode::Hidden,
        device: Device::flex(),
        ..TrainOptions::to(out)
    }
}

/// Ends the training after its first step.
fn cut_off(recipe: &Recipe, list: &Path, out: &Path) {
    let mut options = options(out);
    options.interrupt = Some(Arc::new(AtomicBool::new(true)));
    let cut = train(recipe, photos(list, recipe), &options);
    let Err(RecipeError::Train(TrainError::Interrupted { .. })) = cut else {
        panic!("{cut:?}");
    };
}

fn refusal(outcome: Result<TrainOutcome, RecipeError>) -> String {
    match outcome {
        Err(RecipeError::Job(e)) => e.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn photos_that_were_replaced_or_moved_are_named() {
    let _turn = turn();
    for check in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        data(folder.path());
        let (list, out) = (folder.path().join("photos.csv"), folder.path().join("out"));
        let recipe = recipe(8, check);
        cut_off(&recipe, &list, &out);
        let again = || train(&recipe, photos(&list, &recipe), &options(&out));
        // Another picture under the old name.
        let path = folder.path().join("05.png");
        let old = std::fs::read(&path).unwrap();
        let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
        photo(&path, 251);
        let error = refusal(again());
        assert!(error.contains("`05.png` was changed since"), "{error}");
        assert!(error.contains(&out.display().to_string()), "{error}");
        std::fs::write(&path, old).unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        // A corrected place.
        let text = std::fs::read_to_string(&list).unwrap();
        std::fs::write(&list, text.replacen("07.png,-33.9", "07.png,33.9", 1)).unwrap();
        let error = refusal(again());
        assert!(
            error.contains("`07.png`") && error.contains("-33.9"),
            "{error}"
        );
        std::fs::write(&list, text).unwrap();
        // A checkpoint whose record is gone.
        let record = out.join("run.json");
        let kept = std::fs::read(&record).unwrap();
        std::fs::remove_file(&record).unwrap();
        let error = refusal(again());
        assert!(error.contains("train.checkpoint"), "{error}");
        std::fs::write(&record, kept).unwrap();
        assert_eq!(again().unwrap().steps, 4);
    }
}

#[test]
fn results_stay_until_all_of_the_new_ones_are_whole() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let (list, out) = (folder.path().join("photos.csv"), folder.path().join("out"));
    let recipe = recipe(8, true);
    let again = || train(&recipe, photos(&list, &recipe), &options(&out));
    again().unwrap();
    let read = || ["model.bpk", "report.json", "report.html"].map(|f| std::fs::read(out.join(f)));
    let before = read().map(Result::unwrap);
    // The page cannot be written.
    std::fs::create_dir(out.join("report.html.partial")).unwrap();
    let error = again().unwrap_err().to_string();
    assert!(error.contains("report.html.partial"), "{error}");
    assert!(read().map(Result::unwrap) == before);
    assert!(!out.join("model.bpk.partial").exists());
}

#[test]
fn a_batch_larger_than_the_data_is_noted() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let list = folder.path().join("photos.csv");
    for (batch, noted) in [(8, false), (200, true)] {
        let recipe = recipe(batch, true);
        let out = folder.path().join(batch.to_string());
        let outcome = train(&recipe, photos(&list, &recipe), &options(&out)).unwrap();
        let hint = |note: &String| note.contains("`training.batch` = 200 is more than the");
        assert_eq!(outcome.report.notes.iter().any(hint), noted);
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf_8_are_trained_on() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join(OsStr::from_bytes(b"root\xfe"));
    for class in ["a", "b"] {
        std::fs::create_dir_all(root.join(class)).unwrap();
        for i in 0..12_u8 {
            let name = [b"p\xff", [b'a' + i].as_slice(), b".png"].concat();
            photo(&root.join(class).join(OsStr::from_bytes(&name)), i * 20);
        }
    }
    let places = "name,latitude,longitude\na,48.8,2.3\nb,40.7,-74.0\n";
    std::fs::write(root.join("classes.csv"), places).unwrap();
    let recipe = recipe(8, true);
    let out = folder.path().join(OsStr::from_bytes(b"out\xff"));
    cut_off(&recipe, &root, &out);
    let list = photos(&root, &recipe);
    assert_eq!((list.photos.len(), list.skipped.len()), (24, 0));
    assert_eq!(train(&recipe, list, &options(&out)).unwrap().steps, 4);
}

#[test]
fn photos_without_a_place_are_counted_and_their_class_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        std::fs::create_dir(folder.path().join(class)).unwrap();
        for i in 0..4 {
            photo(&folder.path().join(format!("{class}/{i}.png")), i);
        }
    }
    let places = "name,latitude,longitude\na,48.8,2.3\n";
    std::fs::write(folder.path().join("classes.csv"), places).unwrap();
    let list = photos(folder.path(), &recipe(8, true));
    assert_eq!((list.photos.len(), list.skipped.len()), (4, 4));
    assert!(list.remarks[0].contains("class b"), "{:?}", list.remarks);
}
