//! Addresses from `base_url`.

use super::super::address::Address;
use super::super::is_loopback;
use crate::wire::Dialect;
use crate::wire::Dialect::{Chat, Gemini, Messages, Ollama, Responses};

fn call(dialect: Dialect, base_url: &str, stream: bool) -> String {
    Address::parse(dialect, Some(base_url)).unwrap().call("m-1", stream).to_string()
}

#[test]
fn an_address_is_read_as_people_write_it() {
    let cases = [
        (Chat, "http://h:1/v1", "http://h:1/v1/chat/completions"),
        (Chat, "http://h:1/v1/", "http://h:1/v1/chat/completions"),
        (Chat, "  http://h:1/v1// \n", "http://h:1/v1/chat/completions"),
        (Chat, "http://h:1/v1/chat/completions", "http://h:1/v1/chat/completions"),
        (Chat, "http://h:1/v1/chat/completions/", "http://h:1/v1/chat/completions"),
        (Chat, "http://h:1/v1/responses", "http://h:1/v1/chat/completions"),
        (Chat, "HTTP://h:1/v1#top", "http://h:1/v1/chat/completions"),
        (Chat, "http://h:1", "http://h:1/chat/completions"),
        (Chat, "http://h:1/v1?api-version=2024-10-21", "http://h:1/v1/chat/completions?api-version=2024-10-21"),
        (
            Chat,
            "https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
            "https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=1",
        ),
        (Responses, "https://api.openai.com/v1/responses", "https://api.openai.com/v1/responses"),
        (Responses, "https://me.openai.azure.com/openai/v1/", "https://me.openai.azure.com/openai/v1/responses"),
        (Messages, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        (Messages, "https://api.anthropic.com/v1/messages", "https://api.anthropic.com/v1/messages"),
        (Messages, "http://h/v1/", "http://h/v1/messages"),
        (Messages, "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1/messages"),
        (Ollama, "http://localhost:11434", "http://localhost:11434/api/chat"),
        (Ollama, "http://localhost:11434/api/chat", "http://localhost:11434/api/chat"),
        (Ollama, "http://localhost:11434/v1/", "http://localhost:11434/api/chat"),
        (Gemini, "https://g.com", "https://g.com/v1beta/models/m-1:generateContent"),
        (Gemini, "https://g.com/v1beta/", "https://g.com/v1beta/models/m-1:generateContent"),
        (
            Gemini,
            "https://g.com/v1beta/models/x:streamGenerateContent?alt=sse",
            "https://g.com/v1beta/models/m-1:generateContent",
        ),
        (Gemini, "https://g.com/v1beta/models", "https://g.com/v1beta/models/m-1:generateContent"),
        (
            Gemini,
            "https://g.com/v1/projects/p/locations/l/publishers/google",
            "https://g.com/v1/projects/p/locations/l/publishers/google/models/m-1:generateContent",
        ),
    ];
    for (dialect, base_url, expected) in cases {
        assert_eq!(call(dialect, base_url, false), expected, "{base_url}");
    }
    assert_eq!(
        call(Gemini, "https://g.com/v1beta?x=1", true),
        "https://g.com/v1beta/models/m-1:streamGenerateContent?x=1&alt=sse"
    );
}

#[test]
fn each_dialect_has_its_own_server() {
    let cases = [
        (Chat, "https://api.openai.com/v1/chat/completions"),
        (Responses, "https://api.openai.com/v1/responses"),
        (Messages, "https://api.anthropic.com/v1/messages"),
        (Gemini, "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"),
        (Ollama, "http://localhost:11434/api/chat"),
    ];
    for (dialect, expected) in cases {
        assert_eq!(Address::parse(dialect, None).unwrap().call("m", false).as_str(), expected);
    }
}

#[test]
fn a_model_s_name_stays_in_its_place() {
    let address = Address::parse(Gemini, None).unwrap();
    let path = |model: &str| address.call(model, false).path().to_owned();
    assert_eq!(path("models/gemini-3"), "/v1beta/models/gemini-3:generateContent");
    assert_eq!(path("tunedModels/a"), "/v1beta/tunedModels/a:generateContent");
    assert_eq!(path("a?b#c d"), "/v1beta/models/a%3Fb%23c%20d:generateContent");
}

#[test]
fn an_address_that_is_none_is_an_error_that_says_so() {
    let cases = [
        ("", "base_url is empty; write the server's address, such as https://api.openai.com/v1/"),
        (" \t", "base_url is empty"),
        ("127.0.0.1:8089/v1", "write http://127.0.0.1:8089/v1"),
        ("localhost:8089/v1", "write http://localhost:8089/v1"),
        (
            "u:pw@api.example.com/v1",
            "base_url \"api.example.com/v1\" doesn't begin with http:// or https://; write https://api.example.com/v1",
        ),
        ("https://u:p/pw@h/v1", "base_url \"https://h/v1\" is not an address"),
        ("//api.example.com", "write https://api.example.com"),
        ("ftp://api.example.com", "write https://api.example.com"),
        ("http://", "is not an address (empty host)"),
        ("https://a b/v1", "is not an address"),
        ("http://h:99999/", "invalid port number"),
    ];
    for (base_url, words) in cases {
        let error = Address::parse(Chat, Some(base_url)).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("base_url") && !error.contains("pw"), "{base_url}: {error}");
    }
    let error = Address::parse(Gemini, Some("https://g.com/v1beta?key=AIzaSecret")).unwrap_err().to_string();
    assert!(error.contains("environment variable") && !error.contains("AIza"), "{error}");
}

#[test]
fn loopback_is_this_machine_only() {
    for url in ["http://127.0.0.1:8089/v1/", "http://localhost/v1/", "http://[::1]:80/", "http://u@127.1.2.3/"] {
        assert!(is_loopback(url), "{url}");
    }
    for url in ["http://127.0.0.1.example.com/", "https://api.openai.com/", "http://localhost@example.com/"] {
        assert!(!is_loopback(url), "{url}");
    }
}

#[test]
fn shown_addresses_have_nothing_secret() {
    let address = Address::parse(Chat, Some("https://me:pw@h.example.com/v1?sig=s")).unwrap();
    assert_eq!(address.shown(), "https://h.example.com/v1/");
}
