//! The facts of a model call besides its request: who makes it, and how.

use std::fmt;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::http::HeaderMap;
use serde_json::Value as Json;

use super::headers::text;
use super::history::History;
use crate::wire::Dialect;

/// The longest id that is taken from a header or a body, in bytes.
const LONGEST: usize = 200;

/// The facts of a model call. It has no keys and no cookies in it.
#[derive(Clone)]
pub struct Facts {
    /// Its number in this gateway, from 1.
    pub number: u64,
    /// The dialect in which it is made.
    pub dialect: Dialect,
    /// The model, in the program's words.
    pub model: String,
    /// True if the answer is wanted as a stream.
    pub stream: bool,
    /// The reason why it is a side call (a title, a topic, a quota probe), which belongs to no turn of its own; `None`: it
    /// is a call of the agent's own work.
    pub aux: Option<&'static str>,
    /// The session, as the program names it.
    pub session: Option<String>,
    /// The agent within the session; `None`: the main one, or the program doesn't say.
    pub agent: Option<String>,
    /// The agent that started this agent.
    pub parent_agent: Option<String>,
    /// How often the program had tried this call before.
    pub retry: u32,
    /// The time after which the program gives up when no byte of a reply has come; `None`: it doesn't say.
    pub gives_up: Option<Duration>,
    /// The program's name for itself.
    pub program: Option<String>,
    /// How much of the conversation the request holds.
    pub history: History,
    /// The body, unpacked, with all its secrets: it must be masked before it is stored or shown.
    pub body: Bytes,
    /// BLAKE3 of the body.
    pub body_hash: [u8; 32],
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, dialect, model, stream, aux, session, agent, retry, .. } = self;
        let call = (number, dialect.name(), model, stream, aux, session, agent, retry);
        f.debug_tuple("Facts").field(&call).finish()
    }
}

/// The ids of a session and of its agents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ids {
    pub(super) session: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) parent_agent: Option<String>,
}

/// Finds the ids in the headers, else in the body.
pub(super) fn ids(headers: &HeaderMap, body: &Json) -> Ids {
    let first = |names: &[&str]| names.iter().find_map(|name| text(headers, name)).map(clean);
    let session =
        first(&["x-claude-code-session-id", "session-id", "session_id", "x-opencode-session", "x-session-id"]);
    let thread = first(&["thread-id", "thread_id"]);
    let agent = first(&["x-claude-code-agent-id"]).or_else(|| thread.filter(|thread| Some(thread) != session.as_ref()));
    Ids {
        session: session.or_else(|| session_in(body)),
        agent,
        parent_agent: first(&["x-claude-code-parent-agent-id", "x-codex-parent-thread-id"]),
    }
}

/// The session in a body: Claude Code puts it into `metadata.user_id`, as JSON or as the end of a name; others name a
/// cache after it.
fn session_in(body: &Json) -> Option<String> {
    let user = body.pointer("/metadata/user_id").and_then(Json::as_str);
    let within = user.and_then(|user| {
        let json: Option<Json> = serde_json::from_str(user).ok();
        let named = json.as_ref().and_then(|json| json.get("session_id")).and_then(Json::as_str);
        named.or_else(|| user.rsplit_once("_session_").map(|(_, session)| session)).map(clean)
    });
    within.or_else(|| body.get("prompt_cache_key").and_then(Json::as_str).map(clean)).filter(|id| !id.is_empty())
}

/// How often a program tried a call before: libraries made by Stainless say so.
pub(super) fn retry(headers: &HeaderMap) -> u32 {
    text(headers, "x-stainless-retry-count").and_then(|count| count.parse().ok()).unwrap_or_default()
}

/// Headers of the same libraries with the seconds after which they give up: on the whole call until its reply begins, and
/// on the next byte.
const TIMERS: [&str; 2] = ["x-stainless-timeout", "x-stainless-read-timeout"];

/// The time after which a program gives up when no byte of a reply has come.
pub(super) fn gives_up(headers: &HeaderMap) -> Option<Duration> {
    let seconds = TIMERS.iter().filter_map(|name| text(headers, name)?.parse().ok());
    let times = seconds.filter_map(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    times.filter(|time| !time.is_zero()).min()
}

/// The program's name for itself.
pub(super) fn program(headers: &HeaderMap) -> Option<String> {
    text(headers, "user-agent").map(clean)
}

/// An id without control characters, of bounded length.
fn clean(id: &str) -> String {
    id.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn found(headers: &HeaderMap, body: &Json) -> [Option<String>; 3] {
        let Ids { session, agent, parent_agent } = ids(headers, body);
        [session, agent, parent_agent]
    }

    #[test]
    fn sessions_and_agents_are_named_as_each_program_does() {
        let some = |text: &str| Some(text.to_owned());
        let claude = headers(&[
            ("x-claude-code-session-id", "s"),
            ("x-claude-code-agent-id", "a"),
            ("x-claude-code-parent-agent-id", "p"),
        ]);
        assert_eq!(found(&claude, &json!({})), [some("s"), some("a"), some("p")]);
        let codex = headers(&[("session-id", "s"), ("thread-id", "s")]);
        assert_eq!(found(&codex, &json!({})), [some("s"), None, None]);
        let codex = headers(&[("session-id", "s"), ("thread-id", "t")]);
        assert_eq!(found(&codex, &json!({})), [some("s"), some("t"), None]);
        let none = HeaderMap::new();
        let json = json!({"metadata": {"user_id": "{\"device_id\":\"d\",\"session_id\":\"s-1\"}"}});
        assert_eq!(found(&none, &json)[0], some("s-1"));
        let name = json!({"metadata": {"user_id": "user_1_account__session_s-2"}});
        assert_eq!(found(&none, &name)[0], some("s-2"));
        assert_eq!(found(&none, &json!({"prompt_cache_key": "k"}))[0], some("k"));
        assert_eq!(found(&none, &json!({"metadata": {"user_id": "me"}}))[0], None);
    }

    #[test]
    fn tries_and_timers_are_read() {
        let came = headers(&[("x-stainless-retry-count", "2"), ("x-stainless-timeout", "600")]);
        assert_eq!((retry(&came), gives_up(&came)), (2, Some(Duration::from_secs(600))));
        let odd = headers(&[("x-stainless-retry-count", "many"), ("x-stainless-timeout", "-1")]);
        assert_eq!((retry(&odd), gives_up(&odd)), (0, None));
        assert_eq!(gives_up(&headers(&[("x-stainless-read-timeout", "600.0")])), Some(Duration::from_secs(600)));
    }
}
