use super::*;

fn phase(steps: u64, learning_rate: f64, frozen: &[&str]) -> Phase {
    Phase {
        steps,
        learning_rate,
        warmup_steps: 2,
        final_rate_share: 0.5,
        frozen: frozen.iter().map(|&name| name.to_owned()).collect(),
    }
}

fn phased() -> TrainerConfig {
    TrainerConfig {
        phases: vec![
            phase(8, 0.02, &["first", "dropout"]),
            phase(9, 0.01, &["second.bias"]),
            phase(10, 0.01, &[]),
        ],
        groups: vec![ParameterGroup {
            parameters: "first".into(),
            rate: 0.1,
            weight_decay: Some(0.3),
        }],
        ..config(27)
    }
}

/// The bytes of a parameter.
fn bytes<'a>(weights: &'a [(String, Vec<u8>)], name: &str) -> &'a [u8] {
    &weights.iter().find(|(n, _)| n == name).unwrap().1
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|&b| f32::from_le_bytes(b)).collect()
}

/// Learns nothing: all its gradients are 0.
#[derive(Module, Debug)]
struct Still {
    toy: Toy,
}

impl Learner for Still {
    type Batch = (Tensor<2>, Tensor<2>);

    fn loss(&self, batch: Self::Batch) -> Tensor<1> {
        self.toy.loss(batch) * 0.0
    }
}

#[test]
fn what_is_frozen_stays_and_the_rest_is_trained() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let start = Toy::new(&device).weights();
    // Up to a number of steps: the flag is up from the start, so that each run takes one step.
    let after = |steps: u64| {
        let folder = tempfile::tempdir().unwrap();
        let mut fitted = None;
        for _ in 0..steps {
            let flag = Arc::new(AtomicBool::new(true));
            fitted = Some(
                trainer(phased())
                    .with_checkpoint(folder.path().join("x"))
                    .with_interrupt(flag)
                    .fit(Toy::new(&device), &CLEAN, None, &device)
                    .unwrap(),
            );
        }
        let fitted = fitted.unwrap();
        assert_eq!(fitted.steps, steps);
        fitted.learner.weights()
    };
    let first = after(8);
    let same = |a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)], name: &str| {
        bytes(a, name) == bytes(b, name)
    };
    assert!(same(&start, &first, "first.weight") && same(&start, &first, "first.bias"));
    assert!(!same(&start, &first, "second.weight") && !same(&start, &first, "second.bias"));
    let second = after(17);
    assert!(!same(&first, &second, "first.weight"));
    assert!(!same(&first, &second, "second.weight"));
    assert!(same(&first, &second, "second.bias"));
    let third = after(27);
    assert!(!same(&second, &third, "second.bias"));
}

#[test]
fn a_run_with_phases_resumes_exactly() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let whole = trainer(phased())
        .fit(Toy::new(&device), &CLEAN, None, &device)
        .unwrap();
    assert_eq!(whole.history.phases, [8, 17]);
    assert_eq!(whole.reason, StopReason::Steps);
    let folder = tempfile::tempdir().unwrap();
    let mut resumed = None;
    for last_step in [3, 9, 16, 17, u64::MAX] {
        let flag = Arc::new(AtomicBool::new(false));
        let source = StopAfter {
            last_step,
            flag: flag.clone(),
        };
        resumed = Some(
            trainer(phased())
                .with_checkpoint(folder.path().join("run.checkpoint"))
                .with_interrupt(flag)
                .fit(Toy::new(&device), &source, None, &device)
                .unwrap(),
        );
    }
    let resumed = resumed.unwrap();
    assert_eq!(resumed.history, whole.history);
    assert_eq!(resumed.learner.weights(), whole.learner.weights());
}

#[test]
fn a_phase_without_progress_makes_way_for_the_next() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let config = TrainerConfig {
        validate_every: 2,
        patience: Some(2),
        ..phased()
    };
    // Best at once; the first phase ends after 6 steps, the second after 4, the last after 4.
    let mut validate = |_: &Toy| Ok(1.0);
    let fitted = trainer(config)
        .fit(Toy::new(&device), &CLEAN, Some(&mut validate), &device)
        .unwrap();
    assert_eq!(fitted.history.phases, [6, 10]);
    assert_eq!(fitted.steps, 14);
    assert_eq!(fitted.reason, StopReason::Patience);
}

#[test]
fn a_group_learns_at_its_own_rate() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let start = Toy::new(&device).weights();
    let moved = |rate: f64| {
        let config = TrainerConfig {
            groups: vec![ParameterGroup {
                parameters: "first".into(),
                rate,
                weight_decay: Some(0.0),
            }],
            weight_decay: 0.0,
            ..config(1)
        };
        let fitted = trainer(config)
            .fit(Toy::new(&device), &CLEAN, None, &device)
            .unwrap();
        let end = fitted.learner.weights();
        ["first.weight", "second.weight"].map(|name| {
            let pairs = floats(bytes(&start, name)).into_iter();
            let pairs = pairs.zip(floats(bytes(&end, name)));
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        })
    };
    let ([slow, other], [fast, same]) = (moved(0.01), moved(1.0));
    // The first step of Adam is as long as the rate: 0.02 / 5 in the warm-up.
    assert!((fast - 4e-3).abs() < 1e-4, "{fast}");
    assert!((slow - 4e-5).abs() < 1e-6, "{slow}");
    assert!((other - same).abs() < 1e-7);
}

#[test]
fn only_matrices_decay_unless_vectors_are_asked_for() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let still = || Still {
        toy: Toy::new(&device),
    };
    // Group and run decay; a resumed run is cut off after each step, and its parameters get the ids in
    // the checkpoint.
    let fitted = |decay: f32, decay_vectors: bool, resumed: bool| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainerConfig {
            weight_decay: decay,
            decay_vectors,
            groups: vec![ParameterGroup {
                parameters: "toy.first".into(),
                rate: 1.0,
                weight_decay: Some(2.0 * decay),
            }],
            ..config(6)
        };
        let mut trainer = trainer(config);
        if resumed {
            let flag = Arc::new(AtomicBool::new(true));
            trainer = trainer.with_checkpoint(folder.path().join("x"));
            for _ in 0..5 {
                let interrupted = trainer.clone().with_interrupt(flag.clone());
                let cut = interrupted.fit(still(), &CLEAN, None, &device);
                assert_eq!(cut.unwrap().reason, StopReason::Interrupted);
            }
        }
        let end = trainer.fit(still(), &CLEAN, None, &device);
        end.unwrap().learner.toy.weights()
    };
    let start = fitted(0.0, false, false);
    let share = |end: &[(String, Vec<u8>)], name: &str| {
        let (start, end) = (floats(bytes(&start, name)), floats(bytes(end, name)));
        let shares: Vec<f32> = start.iter().zip(&end).map(|(a, b)| b / a).collect();
        assert!(
            shares.iter().all(|s| (s - shares[0]).abs() < 1e-5),
            "{name}: {shares:?}"
        );
        shares[0]
    };
    for resumed in [false, true] {
        let end = fitted(2.0, false, resumed);
        for bias in ["first.bias", "second.bias"] {
            assert_eq!(bytes(&start, bias), bytes(&end, bias), "{bias}");
        }
        // The group decays twice as much.
        let (first, second) = (share(&end, "first.weight"), share(&end, "second.weight"));
        assert!(
            first < 0.9 && (first.sqrt() - second).abs() < 0.01,
            "{first} {second}"
        );
    }
    let all = fitted(2.0, true, false);
    assert!((share(&all, "first.bias") - share(&all, "first.weight")).abs() < 1e-5);
    assert!((share(&all, "second.bias") - share(&all, "second.weight")).abs() < 1e-5);
}

#[test]
fn settings_written_before_vectors_were_told_apart_are_those_of_another_run() {
    let mut old = serde_json::to_value(TrainerConfig::default()).unwrap();
    old.as_object_mut()
        .unwrap()
        .remove("decay_vectors")
        .unwrap();
    let old: TrainerConfig = serde_json::from_value(old).unwrap();
    assert!(old.decay_vectors, "they decayed all parameters");
    assert_ne!(old, TrainerConfig::default());
}

#[test]
fn constants_stay_at_rest_when_their_part_is_freed() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    let mut toy = Toy::new(&device);
    toy.second.bias = toy.second.bias.map(|bias| bias.set_require_grad(false));
    let start = toy.weights();
    let config = TrainerConfig {
        phases: vec![phase(3, 0.02, &["second"]), phase(3, 0.02, &[])],
        ..config(6)
    };
    let fitted = trainer(config).fit(toy, &CLEAN, None, &device).unwrap();
    let end = fitted.learner.weights();
    assert_eq!(bytes(&start, "second.bias"), bytes(&end, "second.bias"));
    assert_ne!(bytes(&start, "second.weight"), bytes(&end, "second.weight"));
}

#[test]
fn parameters_that_are_not_there_are_named() {
    let _turn = turn();
    let device = Device::flex().autodiff();
    // Whole parts of a name: `firs` is none.
    for wrong in ["third", "firs", "first.weight.x"] {
        let config = TrainerConfig {
            phases: vec![phase(8, 0.02, &[wrong])],
            ..config(8)
        };
        match trainer(config).fit(Toy::new(&device), &CLEAN, None, &device) {
            Err(TrainError::NoParameters { prefix, known }) => {
                assert_eq!(prefix, wrong);
                assert!(known.contains(&"first.weight".to_owned()), "{known:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    let short = TrainerConfig {
        steps: 28,
        ..phased()
    };
    assert!(matches!(
        short.validate(),
        Err(TrainError::Config { field }) if field.starts_with("steps")
    ));
}
