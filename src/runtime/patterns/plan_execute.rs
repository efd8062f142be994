//! `plan-execute`: a plan, its steps one after another, and a check if that was all.

use std::ops::ControlFlow::{Break, Continue};

use super::super::ask::Output;
use super::super::failure::Failure;
use super::primitives::{loop_until, sequence};
use super::read_plan::read_plan;
use super::steps::{DONE, Steps, parts};

/// Plans that are made before it gives up.
const CYCLES: u32 = 3;

/// Each step sees the task and all earlier results; the check sees them too, and a further plan is made of them. The
/// output is all of it.
pub(super) async fn run(steps: &Steps<'_>, input: &str) -> Result<Output, Failure> {
    let ended = loop_until(CYCLES, Vec::new(), |results| async move {
        let plan = steps.value("plan", &so_far(input, &results)).await?;
        let mut results = sequence(read_plan(&plan), results, |mut results, step| async move {
            let result = steps.value("execute", &format!("{}\n\nStep:\n{step}", so_far(input, &results))).await?;
            results.push(format!("## {step}\n\n{result}"));
            Ok(results)
        })
        .await?;
        let verdict = steps.run("verify", &so_far(input, &results)).await?;
        if steps.is_done("verify", &verdict) {
            return Ok(Break(Output::new(DONE, results.join("\n\n"))));
        }
        results.push(format!("## not done yet\n\n{}", verdict.value));
        Ok(Continue(results))
    });
    match ended.await? {
        Break(output) => Ok(output),
        Continue(_) => Err(Failure::new(format!("it was not done after {CYCLES} plans"))),
    }
}

fn so_far(input: &str, results: &[String]) -> String {
    let all = results.join("\n\n");
    if all.is_empty() { input.to_owned() } else { parts(&[("Task", input), ("Results so far", &all)]) }
}
