//! Histories made at random, undone in any order: after every step the folder is byte for byte what the model says.
//!
//! The whole engine is driven, in both lanes: three branches stop before each model call, and the test answers in the
//! model's place. So a step is a real tool call, an undo or a redo as the screen sends it, or someone outside.

mod driver;
mod model;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tama_tui::model::CaptureMode;

use driver::Driver;

/// A step, as numbers; what they mean depends on what is there.
type Seed = (u8, u16, u16, u16);

/// Steps generated in each lane.
const STEPS: u32 = 2_600;
/// Steps of one history, at most.
const LONGEST: u32 = 240;

fn histories(lane: CaptureMode, steps: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if !runtime.block_on(driver::has_lane(lane)) {
        return;
    }
    let cases = steps.div_ceil(LONGEST * 3 / 4);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut done = 0;
    let count = std::cell::Cell::new(0_u32);
    let shape = prop::collection::vec(any::<Seed>(), (LONGEST / 2) as usize..=LONGEST as usize);
    // The short form is the same histories each time; the long one has new ones.
    let same = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = if is_long() { TestRunner::new(config) } else { TestRunner::new_with_rng(config, same) };
    let result = runner.run(&shape, |seeds| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let made = runtime.block_on(async {
            let mut driver = Driver::start(lane).await?;
            for (at, seed) in seeds.iter().enumerate() {
                driver
                    .step(*seed, at > seeds.len() / 2)
                    .await
                    .map_err(|why| format!("step {at}: {why}\n{}", driver.told()))?;
            }
            driver.end().await.map_err(|why| format!("at the end: {why}\n{}", driver.told()))?;
            Ok::<_, String>(driver.close().await)
        });
        match made {
            Ok(made) => {
                count.set(count.get() + made);
                Ok(())
            }
            Err(why) => Err(TestCaseError::fail(why)),
        }
    });
    done += count.get();
    if let Err(error) = result {
        panic!("{error}");
    }
    eprintln!("{} lane: {done} steps", lane.name());
}

/// True when new histories are wanted, not the same ones each time.
fn is_long() -> bool {
    std::env::var_os("TAMA_TUI_STEPS").is_some()
}

/// More steps than in CI: `TAMA_TUI_STEPS=100000`.
fn wanted() -> u32 {
    std::env::var("TAMA_TUI_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(STEPS)
}

#[test]
fn every_order_of_undo_is_as_the_model_says_in_the_overlay_lane() {
    histories(CaptureMode::Overlay, wanted());
}

#[test]
fn every_order_of_undo_is_as_the_model_says_in_the_portable_lane() {
    histories(CaptureMode::Snapshot, wanted());
}
