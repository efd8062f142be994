//! The patterns as data: their keys and steps. The loader reads by this table, and the documentation is compared with it.

/// One pattern.
#[derive(Debug)]
pub struct PatternRow {
    /// Its name in `pattern = `.
    pub name: &'static str,
    /// Its meaning in a line.
    pub does: &'static str,
    /// Keys that it has beside `description`.
    pub keys: &'static [&'static str],
    /// Its steps, in the order in which they first run.
    pub steps: &'static [StepRow],
    /// `max_iter` when it is left out; 0: it has no such key.
    pub(super) max_iter: u32,
}

/// One step of a pattern.
#[derive(Debug)]
pub struct StepRow {
    /// Its name in the tree and in `[agents.X.steps.NAME]`.
    pub name: &'static str,
    /// Where its prompt stands.
    pub(super) prompt: PromptPlace,
    /// True for a tool loop where its `pattern` is left out.
    pub(super) react: bool,
}

/// Where the prompt of a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PromptPlace {
    /// In the agent's own table.
    Agent,
    /// In the step's table.
    Step,
}

const fn own(name: &'static str, react: bool) -> StepRow {
    StepRow { name, prompt: PromptPlace::Agent, react }
}

const fn step(name: &'static str) -> StepRow {
    StepRow { name, prompt: PromptPlace::Step, react: false }
}

/// Model calls of a tool loop without `max_iter`.
pub(super) const MAX_ITER: u32 = 10;

/// Keys of a pattern whose agent has a prompt that is a single call.
const CALLS: &[&str] = &["prompt", "model", "steps"];

/// The patterns that can be run.
pub const PATTERNS: [PatternRow; 13] = [
    PatternRow { name: "oneshot", does: "one model call", keys: &["prompt", "model"], steps: &[], max_iter: 0 },
    PatternRow {
        name: "react",
        does: "a tool loop: `start()` gives the input, `finish(key, value)` ends it",
        keys: &["prompt", "model", "tools", "skills", "max_iter"],
        steps: &[],
        max_iter: MAX_ITER,
    },
    PatternRow {
        name: "fsm",
        does: "agents one after another, by finish key, at most 50",
        keys: &["initial", "states"],
        steps: &[],
        max_iter: 0,
    },
    PatternRow {
        name: "parallel",
        does: "all workers at once on the same input; output a JSON object",
        keys: &["workers"],
        steps: &[],
        max_iter: 0,
    },
    PatternRow {
        name: "scatter",
        does: "`map` finishes with key `parallel` and a JSON array of strings; one worker per item at once; `reduce` joins",
        keys: &["worker", "model", "max_iter", "steps"],
        steps: &[StepRow { name: "map", prompt: PromptPlace::Step, react: true }, step("reduce")],
        max_iter: MAX_ITER,
    },
    PatternRow {
        name: "critic",
        does: "`draft`, `critique` (sees the draft), `refine` (sees the task and the critique)",
        keys: &["model", "skills", "max_iter", "steps"],
        steps: &[step("draft"), step("critique"), step("refine")],
        max_iter: MAX_ITER,
    },
    PatternRow {
        name: "reflexion",
        does: "`act`, `reflect`, and `act` again with the feedback, until the reflection finishes with key `done` (a tool \
               loop) or begins with DONE; at most `max_iter` attempts, 4",
        keys: &["model", "skills", "max_iter", "steps"],
        steps: &[step("act"), step("reflect")],
        max_iter: 4,
    },
    PatternRow {
        name: "constitutional",
        does: "its prompt answers (`generate`), `critique`, `revise` (sees request, response, critique)",
        keys: CALLS,
        steps: &[own("generate", false), step("critique"), step("revise")],
        max_iter: 0,
    },
    PatternRow {
        name: "chain-of-verification",
        does: "its prompt answers (`generate`), `verify` lists the claims, one in a line, `check` looks at each, `revise`",
        keys: CALLS,
        steps: &[own("generate", false), step("verify"), step("check"), step("revise")],
        max_iter: 0,
    },
    PatternRow {
        name: "plan-execute",
        does: "its prompt makes a JSON array of steps (`plan`), `execute` does each with all earlier results, `verify` says \
               DONE or what is missing; at most 3 plans",
        keys: CALLS,
        steps: &[own("plan", false), step("execute"), step("verify")],
        max_iter: 0,
    },
    PatternRow {
        name: "debate",
        does: "`agents` argue at once, `rounds` times, each sees all earlier rounds; then `judge`",
        keys: &["agents", "rounds", "judge"],
        steps: &[],
        max_iter: 0,
    },
    PatternRow {
        name: "best-of-n",
        does: "its prompt makes `n` variants at once (`variant`, a tool loop), the step `judge` picks",
        keys: &["prompt", "model", "tools", "skills", "max_iter", "n", "steps"],
        steps: &[own("variant", true), step("judge")],
        max_iter: 15,
    },
    PatternRow {
        name: "human",
        does: "its prompt asks (`ask`, a tool loop: the finish value is the question, the key its channel), a person answers \
               (`a` on the screen, `--answer` without), `resume` continues: `start()` gives it the answer",
        keys: &["prompt", "model", "tools", "skills", "max_iter", "steps"],
        steps: &[own("ask", true), StepRow { name: "resume", prompt: PromptPlace::Step, react: true }],
        max_iter: MAX_ITER,
    },
];

/// Finds a pattern.
pub(super) fn find(name: &str) -> Option<&'static PatternRow> {
    PATTERNS.iter().find(|row| row.name == name)
}

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> + Clone {
    PATTERNS.iter().map(|row| row.name)
}
