use super::*;

const OF: (&str, &str) = ("Query", "http://h:1");

fn pace(calls: u32, load: Option<f64>, rate: Option<u64>) -> Pace {
    Pace::new(PaceLimits { calls, load, rate })
}

#[tokio::test(start_paused = true)]
async fn a_load_below_one_is_a_call_and_a_pause() {
    let (pace, cancel) = (pace(8, Some(0.25), None), CancellationToken::new());
    let started = Instant::now();
    for _ in 0..3 {
        let turn = pace.turn(0, &cancel, OF).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        turn.succeeded("rows", 0, 1 << 20);
    }
    // Two pauses of three seconds between three calls of one.
    assert_eq!(started.elapsed().as_secs(), 9);
    assert_eq!(pace.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_load_above_one_bounds_the_calls() {
    for (load, most) in [(1.0, 1), (1.5, 2), (2.0, 2), (64.0, 8)] {
        let pace = pace(8, Some(load), None);
        assert_eq!(pace.state().concurrency.most(), most, "{load}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_are_sent_at_the_rate_that_is_allowed() {
    let (pace, cancel) = (pace(4, None, Some(1_000_000)), CancellationToken::new());
    let started = Instant::now();
    for _ in 0..10 {
        let turn = pace.turn(1_000_000, &cancel, OF).await.unwrap();
        turn.succeeded("rows", 1_000_000, 0);
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!((8.0..=10.0).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_can_be_cancelled() {
    let (pace, cancel) = (pace(1, None, None), CancellationToken::new());
    let held = pace.turn(0, &cancel, OF).await.unwrap();
    let mut others = Vec::new();
    while pace.shared.places.available_permits() > 0 {
        others.push(pace.turn(0, &cancel, OF).await.unwrap());
    }
    cancel.cancel();
    let error = pace.turn(0, &cancel, OF).await.unwrap_err();
    assert_eq!(error.kind, Kind::Cancelled);
    drop((held, others));
}

#[tokio::test(start_paused = true)]
async fn whoever_pauses_lets_another_one_go() {
    let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
    let held = pace.turn(0, &cancel, OF).await.unwrap();
    assert_eq!(pace.shared.places.available_permits(), 0);
    let other = pace.clone();
    let pause = async {
        let meanwhile = other.turn(0, &cancel, OF).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(meanwhile)
    };
    let mut meanwhile = None;
    held.lend(async {
        meanwhile = Some(pause.await?);
        Ok(())
    })
    .await
    .unwrap();
    // Both run now, and one place is left when they have ended.
    assert_eq!(pace.shared.places.available_permits(), 0);
    drop((held, meanwhile));
    assert_eq!(pace.shared.places.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_stepped_over() {
    let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
    let hangs = pace.turn(0, &cancel, OF).await.unwrap();
    let started = Instant::now();
    let next = pace.turn(0, &cancel, OF).await.unwrap();
    assert!(started.elapsed() >= STUCK && started.elapsed() < 2 * STUCK);
    drop(next);
    // Calls that end show that the server is at work.
    let slow = pace.turn(0, &cancel, OF).await.unwrap();
    assert_eq!(pace.calls(), 2);
    drop((hangs, slow));
    assert_eq!(pace.shared.places.available_permits(), 2);
}

#[tokio::test(start_paused = true)]
async fn overload_leaves_fewer_places_when_calls_have_ended() {
    let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
    // Calls that take as long however many there are.
    for _ in 0..50 {
        let mut turns = Vec::new();
        while pace.shared.places.available_permits() > 0 {
            turns.push(pace.turn(0, &cancel, OF).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        for turn in turns {
            turn.succeeded("rows", 0, 1 << 20);
        }
    }
    assert_eq!(pace.calls(), 8);
    let mut turns = Vec::new();
    while pace.shared.places.available_permits() > 0 {
        turns.push(pace.turn(0, &cancel, OF).await.unwrap());
    }
    let error = Error::new(Kind::RateLimited, OF.0, OF.1, "");
    for turn in turns {
        turn.failed(&error);
    }
    // All of them tell of the same overload.
    assert_eq!((pace.calls(), pace.shared.places.available_permits()), (4, 4));
}

proptest::proptest! {
    #[test]
    fn no_place_is_lost_and_none_is_made_up(
        steps in proptest::collection::vec((0u8..5, 0usize..16, 0u64..400), 1..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (pace, cancel) = (pace(8, None, None), CancellationToken::new());
            let mut turns = Vec::new();
            for (step, which, millis) in steps {
                let place = which % turns.len().max(1);
                match step {
                    0 | 1 if pace.shared.places.available_permits() > 0 => {
                        turns.push(pace.turn(0, &cancel, OF).await.unwrap());
                    }
                    2 if place < turns.len() => {
                        turns.swap_remove(place).succeeded("rows", 0, 1 << 20);
                    }
                    3 if place < turns.len() => {
                        let error = Error::new(Kind::RateLimited, OF.0, OF.1, "");
                        turns[place].failed(&error);
                    }
                    _ => tokio::time::sleep(Duration::from_millis(millis)).await,
                }
                let surplus = pace.state().surplus;
                let places = pace.shared.places.available_permits();
                assert_eq!(pace.calls() + surplus, places + turns.len());
            }
            turns.clear();
            assert_eq!(pace.calls(), pace.shared.places.available_permits());
        });
    }
}
