//! Retries against an oracle: pipelines made at random are run and retried with a changed outcome, and compared with
//! the same pipeline run with that outcome from the start.

mod case;
mod choose;
mod compared;
mod edit;
mod edit_choice;
mod forks;
mod generate;
mod models;
mod order;
mod outcome;
mod play;
mod retry;
mod rng;
mod run;
mod seeds;
mod tools;
