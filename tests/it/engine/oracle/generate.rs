//! Makes a case from a seed: agents nested in agents, and for each place that they may run at a script.

use serde_json::{Value as Json, json};
use tama_tui::model::CaptureMode;

use super::case::{
    Agent, Answer, Case, Held, MOST_CHANGES, NEW, Neighbor, Place, Reply, Size, Spot, SpotKind, changed_commands,
};
use super::rng::Rng;
use super::tools::{Calls, TOOLS, command_number, text, text_of};

/// Visits of an agent in a loop that have a script of their own.
const VISITS: usize = 3;

/// Makes the case of a seed.
pub fn generate(seed: u64, size: Size) -> Case {
    let mut rng = Rng::new(seed);
    // Half of the cases; and each of them in both modes.
    let (shares, snapshot) = (seed % 2 == 1, seed / 2 % 2 == 1);
    let capture = if snapshot { CaptureMode::Snapshot } else { CaptureMode::Overlay };
    let max_parallel = if shares { None } else { *rng.pick(&[None, Some(1), Some(2), Some(3)]) };
    let case = Case {
        seed,
        size,
        shares,
        capture,
        max_parallel,
        agents: Vec::new(),
        replies: Vec::new(),
        spots: Vec::new(),
        held: None,
        commands: 0,
        others: Vec::new(),
        written: Vec::new(),
    };
    let calls = Calls { shares, commands: 0, written: Vec::new() };
    let mut maker = Maker { calls, branches: 0, rng, case };
    let root = maker.agent(size.depth);
    let mut place = Place { own: vec!["top".into(), "start".into()], ..Place::default() };
    maker.script(&root, &root.name, &mut place, &["done"]);
    maker.hold();
    maker.case.commands = maker.calls.commands;
    maker.case.written = maker.calls.written;
    let mut case = maker.case;
    case.others = other_replies(&mut maker.rng, &case);
    case
}

/// The replies of the other model: it answers some calls otherwise.
fn other_replies(rng: &mut Rng, case: &Case) -> Vec<Reply> {
    let numbered = case.spots.iter().zip(MOST_CHANGES + 1..);
    let differs = |_: &(&Spot, usize)| rng.chance(40);
    let chosen: Vec<(&Spot, usize)> = numbered.filter(differs).collect();
    chosen.into_iter().map(|(spot, number)| changed_reply(rng, case, spot, number)).collect()
}

/// An agent to be scripted.
struct Node {
    name: String,
    shape: Shape,
}

enum Shape {
    Oneshot,
    Loop,
    Fsm(Vec<Node>),
    Parallel(Vec<(Node, usize)>),
    Scatter { worker: Box<Node>, items: usize, loops: bool },
}

struct Maker {
    rng: Rng,
    case: Case,
    calls: Calls,
    /// Branches of fan-outs so far; each has keys of its own.
    branches: usize,
}

impl Maker {
    /// Makes an agent and all that it runs.
    fn agent(&mut self, depth: usize) -> Node {
        let at = self.case.agents.len();
        let name = format!("a{at}");
        self.case.agents.push(Agent { name: name.clone(), keys: String::new(), prompt: None });
        let many = 2 + self.rng.below(self.case.size.width.saturating_sub(1));
        // Where keys are shared, branches meet at once.
        let least = if at == 0 && self.case.shares { 7 } else { 4 };
        let shape = match if depth <= 1 {
            self.rng.below(if self.case.shares { 8 } else { 4 }).min(3)
        } else {
            least + self.rng.below(11 - least)
        } {
            0 => Shape::Oneshot,
            1..=3 => Shape::Loop,
            4..=6 => Shape::Fsm((0..many).map(|_| self.below(depth)).collect()),
            7..=8 => Shape::Parallel((0..many).map(|_| (self.below(depth), 1 + self.rng.below(5) / 4)).collect()),
            _ => Shape::Scatter {
                worker: Box::new(self.below(depth)),
                items: self.rng.below(many + 1),
                loops: self.rng.chance(50),
            },
        };
        let keys = self.keys(&shape);
        let prompt = matches!(shape, Shape::Oneshot | Shape::Loop).then(|| format!("{name} works."));
        self.case.agents[at] = Agent { keys, prompt, name: name.clone() };
        Node { name, shape }
    }

    fn below(&mut self, depth: usize) -> Node {
        let depth = if self.rng.chance(70) { depth - 1 } else { 1 };
        self.agent(depth)
    }

    /// The keys of an agent's table.
    fn keys(&mut self, shape: &Shape) -> String {
        let tools = json!(TOOLS);
        match shape {
            Shape::Oneshot => "pattern = \"oneshot\"".into(),
            Shape::Loop => format!("pattern = \"react\"\ntools = {tools}"),
            Shape::Fsm(states) => {
                let next = |at: usize| states.get(at + 1).map_or("$end", |node| &node.name).to_owned();
                let routes: Vec<String> = (0..states.len())
                    .map(|at| {
                        let back = &states[self.rng.below(at + 1)].name;
                        format!("{} = {{ again = \"{back}\", \"*\" = \"{}\" }}", states[at].name, next(at))
                    })
                    .collect();
                format!("pattern = \"fsm\"\ninitial = \"{}\"\nstates = {{ {} }}", states[0].name, routes.join(", "))
            }
            Shape::Parallel(workers) => {
                let names: Vec<&String> = workers.iter().flat_map(|(node, times)| vec![&node.name; *times]).collect();
                format!("pattern = \"parallel\"\nworkers = {}", json!(names))
            }
            Shape::Scatter { worker, loops, .. } => {
                let reduce = if *loops { format!("pattern = \"react\", tools = {tools}, ") } else { String::new() };
                format!(
                    "pattern = \"scatter\"\nworker = \"{}\"\nsteps = {{ map = {{ prompt = \"map it\", tools = {tools} \
                     }}, reduce = {{ {reduce}prompt = \"reduce it\" }} }}",
                    worker.name
                )
            }
        }
    }

    /// Writes the script of an agent at a path. `ends`: the finish keys that it may come to.
    fn script(&mut self, node: &Node, path: &str, place: &mut Place, ends: &[&str]) {
        match &node.shape {
            Shape::Oneshot => self.oneshot(path, place),
            Shape::Loop => self.tool_loop(path, place, ends),
            Shape::Fsm(states) => {
                for visit in 1..=VISITS {
                    for (at, state) in states.iter().enumerate() {
                        let last = at + 1 == states.len();
                        let mut keys = if last { ends.to_vec() } else { vec!["done"] };
                        if visit < VISITS {
                            keys.push("again");
                        }
                        self.script(state, &child(path, &state.name, visit), place, &keys);
                    }
                }
            }
            Shape::Parallel(workers) => {
                let visits = workers.iter().flat_map(|(node, times)| (1..=*times).map(move |visit| (node, visit)));
                let branches: Vec<_> = visits.map(|(node, visit)| (node, child(path, &node.name, visit))).collect();
                self.branches(&branches, place);
            }
            Shape::Scatter { worker, items, loops } => {
                self.map(&child(path, "map", 1), place, *items);
                let branches: Vec<_> =
                    (1..=items + 1).map(|visit| (&**worker, child(path, &worker.name, visit))).collect();
                self.branches(&branches, place);
                let reduce = child(path, "reduce", 1);
                if *loops { self.tool_loop(&reduce, place, ends) } else { self.oneshot(&reduce, place) }
            }
        }
    }

    /// Each branch of a fan-out has keys of its own, and reads those from before it; where keys are shared, those of
    /// the branches beside it too. What runs after the fan-out has them all.
    fn branches(&mut self, branches: &[(&Node, String)], place: &mut Place) {
        let first = self.branches + 1;
        self.branches += branches.len();
        let named = branches.iter().zip(first..).map(|((_, path), at)| (format!("w{at}"), path.clone()));
        let all: Vec<Neighbor> = named.map(|(key, path)| Neighbor { key, path }).collect();
        let read: Vec<String> = place.own.iter().chain(&place.read).cloned().collect();
        for ((node, path), own) in branches.iter().zip(&all) {
            let others = all.iter().filter(|other| self.case.shares && other.key != own.key);
            let beside = others.chain(&place.beside).cloned().collect();
            let mut inner = Place { own: vec![own.key.clone()], read: read.clone(), beside, is_branch: true };
            self.script(node, path, &mut inner, &["done"]);
            place.own.extend(inner.own);
        }
    }

    fn oneshot(&mut self, path: &str, place: &Place) {
        self.spot(path, 1, SpotKind::Oneshot, place);
        let answer = if self.rng.chance(trouble(place)) {
            Answer::Error("overloaded".into())
        } else {
            Answer::Text(text(path, false))
        };
        self.reply(path, 1, Some(NEW), Answer::Text(text(path, true)));
        self.reply(path, 1, None, answer);
    }

    fn tool_loop(&mut self, path: &str, place: &Place, ends: &[&str]) {
        let meets = !place.beside.is_empty();
        let steps = 1 + usize::from(meets) + self.rng.below(self.case.size.steps);
        for step in 0..=steps {
            let call = u32::try_from(step + 1).unwrap();
            self.spot(path, call, SpotKind::Loop, place);
            if self.rng.chance(60) {
                let answer = if self.rng.chance(25) {
                    self.finish(path, ends, true)
                } else {
                    self.some_calls(place, &format!("{path}:{call}"), true)
                };
                self.reply(path, call, Some(NEW), answer);
            }
            if step > 0 && meets && self.rng.chance(50) {
                self.reply_to_neighbor(path, place, call, ends);
            }
            let answer = match step {
                _ if self.rng.chance(trouble(place)) => Answer::Error("overloaded".into()),
                0 if self.rng.chance(if meets { 30 } else { 70 }) => Answer::Calls(vec![("start".into(), json!({}))]),
                _ if step == steps => self.finish(path, ends, false),
                _ => self.some_calls(place, &format!("{path}:{call}"), false),
            };
            self.reply(path, call, None, answer);
        }
        let last = u32::try_from(steps + 2).unwrap();
        let new = self.finish(path, ends, true);
        self.reply(path, last, Some(NEW), new);
        let end = self.finish(path, ends, false);
        self.reply(path, last, None, end);
    }

    /// An agent that read what a branch beside it wrote does other things then.
    fn reply_to_neighbor(&mut self, path: &str, place: &Place, call: u32, ends: &[&str]) {
        let neighbor = self.rng.pick(&place.beside).path.clone();
        let answer = if self.rng.chance(15) {
            self.finish(&format!("{path} saw {neighbor}"), ends, false)
        } else {
            self.some_calls(place, &format!("{path}:{call} saw {neighbor}"), false)
        };
        self.reply(path, call, Some(&text_of(&neighbor)), answer);
    }

    /// The first step of a scatter: some calls, then the items.
    fn map(&mut self, path: &str, place: &Place, items: usize) {
        self.spot(path, 1, SpotKind::Map, place);
        let calls = self.some_calls(place, &format!("{path}:1"), false);
        self.reply(path, 1, None, calls);
        self.spot(path, 2, SpotKind::Map, place);
        let new = self.map_end(items, true);
        self.reply(path, 2, Some(NEW), new);
        let end = self.map_end(items, false);
        self.reply(path, 2, None, end);
    }

    /// The items of a scatter; changed ones are others, or none at all.
    fn map_end(&mut self, items: usize, new: bool) -> Answer {
        match self.rng.below(6) {
            0 if new => finish("alone", &text("map", true)),
            1..=2 if new => finish("parallel", &list(items + 1, true)),
            _ => finish("parallel", &list(items, new)),
        }
    }

    fn finish(&mut self, path: &str, ends: &[&str], new: bool) -> Answer {
        if self.rng.chance(15) {
            Answer::Text(text(path, new))
        } else {
            finish(self.rng.pick::<&str>(ends), &text(path, new))
        }
    }

    fn some_calls(&mut self, place: &Place, tag: &str, new: bool) -> Answer {
        let count = 1 + if place.beside.is_empty() { self.rng.below(5) / 3 } else { self.rng.below(3) };
        Answer::Calls(
            (0..count)
                .map(|at| {
                    let tag = format!("{tag}.{at}");
                    self.calls.make(&mut self.rng, place, &tag, new)
                })
                .collect(),
        )
    }

    fn reply(&mut self, agent: &str, call: u32, contains: Option<&str>, answer: Answer) {
        let contains = contains.map(str::to_owned);
        self.case.replies.push(Reply { agent: agent.to_owned(), call, contains, answer });
    }

    fn spot(&mut self, agent: &str, call: u32, kind: SpotKind, place: &Place) {
        self.case.spots.push(Spot { agent: agent.to_owned(), call, kind, place: place.clone() });
    }

    /// In some cases one call does not come to its end.
    fn hold(&mut self) {
        if !self.rng.chance(if self.case.shares { 25 } else { 40 }) {
            return;
        }
        let first: Vec<&Reply> = self.case.replies.iter().filter(|reply| reply.contains.is_none()).collect();
        let reply = *self.rng.pick(&first);
        let command = match &reply.answer {
            Answer::Calls(calls) => calls.iter().find_map(|(_, args)| command_number(args)),
            _ => None,
        };
        self.case.held = Some(match command {
            Some(number) => Held::Command(number),
            None => Held::Llm { agent: reply.agent.clone(), call: reply.call },
        });
    }
}

/// Another answer for a call, with the text of changed outcomes; the run's change of this number.
pub fn changed_reply(rng: &mut Rng, case: &Case, spot: &Spot, number: usize) -> Reply {
    let tag = format!("{}:{}!", spot.agent, spot.call);
    let commands = changed_commands(number).start - 1;
    let mut calls = Calls { shares: case.shares, commands, written: case.written.clone() };
    let answer = match (spot.kind, rng.below(10)) {
        (SpotKind::Map, 0..=4) => finish("parallel", &list(1 + rng.below(3), true)),
        (SpotKind::Oneshot, 0..=7) | (_, 0) => Answer::Text(text(&tag, true)),
        (_, 8) => Answer::Error(format!("overloaded, {}", text(&tag, true))),
        (_, 1..=2) => finish("done", &text(&tag, true)),
        (SpotKind::Oneshot, _) => Answer::Text(text(&tag, true)),
        _ => Answer::Calls((0..=rng.below(2)).map(|_| calls.make(rng, &spot.place, &tag, true)).collect()),
    };
    Reply { agent: spot.agent.clone(), call: spot.call, contains: None, answer }
}

pub fn finish(key: &str, value: &str) -> Answer {
    Answer::Calls(vec![("finish".into(), json!({ "key": key, "value": value }))])
}

fn list(items: usize, new: bool) -> String {
    let items: Vec<String> = (0..items).map(|at| text(&format!("item {at}"), new)).collect();
    Json::from(items).to_string()
}

fn child(path: &str, name: &str, visit: usize) -> String {
    if visit > 1 { format!("{path}/{name}#{visit}") } else { format!("{path}/{name}") }
}

/// How many calls of a hundred fail: many in a branch, where it is not the end of the run.
fn trouble(place: &Place) -> usize {
    if place.is_branch { 8 } else { 1 }
}
