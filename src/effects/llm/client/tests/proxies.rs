//! Proxies from an environment that is given as a value.

use super::super::Client;
use super::super::address::Address;
use super::super::proxy::choose;
use super::server::{Server, good, reply};
use super::{Heard, Settings, call, failure, settings};
use crate::wire::Dialect;

type Env<'a> = &'a [(&'a str, &'a str)];

fn lookup(env: Env<'_>) -> impl Fn(&str) -> Option<String> + '_ {
    move |name| env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn chosen(url: &str, env: Env<'_>) -> Option<String> {
    let address = Address::parse(Dialect::Chat, Some(url)).unwrap();
    choose(&address, &lookup(env)).unwrap().map(|proxy| proxy.describe())
}

#[test]
fn the_scheme_s_own_variable_comes_first() {
    let all: Env<'_> =
        &[("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://u:pw@b:2/"), ("ALL_PROXY", "socks5://c:3")];
    let name = |text: &str| Some(format!("the proxy {text}"));
    assert_eq!(chosen("http://h/v1", all), name("http://a:1 (HTTP_PROXY)"));
    assert_eq!(chosen("https://h/v1", all), name("http://b:2 (HTTPS_PROXY)"));
    assert_eq!(chosen("https://h/v1", &all[2..]), name("socks5://c:3 (ALL_PROXY)"));
    assert_eq!(chosen("http://h/v1", &[("http_proxy", "b:1"), ("HTTP_PROXY", "a:1")]), name("http://b:1 (http_proxy)"));
    assert_eq!(chosen("https://h/v1", &all[..1]), None);
    assert_eq!(chosen("https://h/v1", &[("HTTPS_PROXY", " ")]), None);
    assert_eq!(chosen("http://h/v1", &[("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "GET")]), None);
}

#[test]
fn this_machine_is_never_reached_through_a_proxy() {
    let all: Env<'_> = &[("HTTP_PROXY", "http://a:1"), ("ALL_PROXY", "http://c:3")];
    for url in ["http://127.0.0.1:8089/v1", "http://localhost:1", "http://[::1]:1/v1"] {
        assert_eq!(chosen(url, all), None);
    }
}

#[test]
fn exceptions_are_names_addresses_networks_and_all() {
    let cases = [
        ("http://api.example.com", "example.com", true),
        ("http://api.example.com", ".example.com", true),
        ("http://api.example.com", "*.example.com", true),
        ("http://example.com", ".Example.com", true),
        ("http://badexample.com", "example.com", false),
        ("http://example.com:8080", "example.com:8080", true),
        ("http://example.com:8081", "example.com:8080", false),
        ("http://example.com", "a.com, b.com,example.com", true),
        ("http://example.com", "*", true),
        ("http://10.1.2.3", "10.0.0.0/8", true),
        ("http://11.1.2.3", "10.0.0.0/8", false),
        ("http://10.1.2.3", "10.1.2.3", true),
        ("http://10.1.2.3:99", "10.1.2.3:99", true),
        ("http://10.1.2.3", "2.3", false),
        ("http://[fd00::1]", "fd00::/8", true),
        ("http://[fd00::1]", "[fd00::1]", true),
        ("http://[fe00::1]", "fd00::/8", false),
        ("http://10.1.2.3", "0.0.0.0/0", true),
        ("http://10.1.2.3", "10.0.0.0/99", false),
    ];
    for (url, exceptions, expected) in cases {
        for variable in ["NO_PROXY", "no_proxy"] {
            let env = [("HTTP_PROXY", "http://a:1"), (variable, exceptions)];
            assert_eq!(chosen(url, &env).is_none(), expected, "{url} {exceptions}");
        }
    }
}

#[test]
fn a_proxy_that_is_none_is_an_error_without_its_password() {
    for written in ["ftp://u:pw@proxy", "http://u:pw@", "http://u:pw@pro xy", "http://u:pw@proxy:x"] {
        let settings = Settings::new("lab", Dialect::Chat);
        let error = Client::build(&settings, &lookup(&[("HTTPS_PROXY", written)])).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("HTTPS_PROXY") && error.contains("NO_PROXY") && !error.contains("pw"), "{error}");
    }
}

#[tokio::test]
async fn calls_go_through_the_proxy() {
    let proxy = Server::start(vec![good("ok")]);
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some("http://models.invalid/v1"));
    let url = format!("http://me:hush-hush@{}", proxy.place());
    let client = Client::build(&settings, &lookup(&[("HTTP_PROXY", &url)])).unwrap();
    let (result, _) = call(&client).await;
    assert_eq!(result.unwrap().answer.text(), "ok");
    let head = &proxy.seen()[0].head;
    assert!(head.starts_with("POST http://models.invalid/v1/chat/completions HTTP/1.1"), "{head}");
    assert!(head.to_ascii_lowercase().contains("proxy-authorization: basic"), "{head}");
}

#[tokio::test]
async fn a_failing_proxy_is_named() {
    let cases = [
        ("http://models.invalid/v1", reply(407, "", "no"), "HTTP 407: no"),
        ("https://models.invalid/v1", reply(407, "", "no"), ""),
        ("http://models.invalid/v1", reply(502, "", "<title>no route</title>"), "HTTP 502: no route"),
        ("https://models.invalid/v1", reply(502, "", ""), ""),
        ("http://models.invalid/v1", vec![], "the server closed the connection"),
    ];
    for (base_url, script, words) in cases {
        let proxy = Server::start(vec![script]);
        let settings = Settings::new("lab", Dialect::Chat).base_url(Some(base_url)).waits(super::quick(1));
        let url = format!("http://me:hush-hush@{}", proxy.place());
        let env = [("HTTP_PROXY", url.as_str()), ("HTTPS_PROXY", url.as_str())];
        let error = failure(&Client::build(&settings, &lookup(&env)).unwrap()).await;
        assert!(error.starts_with(words) && error.contains(&format!("the proxy http://{}", proxy.place())), "{error}");
        assert!(error.contains("_PROXY)") || error.contains("_PROXY;"), "{error}");
        assert!(!error.contains("hush"), "{error}");
        println!("{error}");
    }
}

#[tokio::test]
async fn a_connection_that_did_not_come_about_is_tried_again() {
    let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let waits = super::super::Waits { tries: 5, total: super::ms(700) };
    let settings = Settings::new("lab", Dialect::Chat).base_url(Some("http://models.invalid/v1")).waits(waits);
    let url = format!("http://{place}");
    let client = Client::build(&settings, &lookup(&[("all_proxy", &url)])).unwrap();
    let (result, heard) = call(&client).await;
    assert!(
        matches!(&heard[..], [Heard::Waiting { why, .. }, Heard::TryingAgain] if why.contains("refused")),
        "{heard:?}"
    );
    let error = result.unwrap_err().to_string();
    assert!(
        error.starts_with("connection refused (the call went through the proxy") && error.contains("after 2 tries")
    );
    assert!(error.ends_with("correct all_proxy, unset it, or add the server to NO_PROXY"), "{error}");
}

#[tokio::test]
async fn a_local_server_is_reached_although_a_proxy_is_set() {
    let server = Server::start(vec![good("ok")]);
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let client = Client::build(&settings(&server), &lookup(&[(variable, "http://127.0.0.1:9")])).unwrap();
        assert!(call(&client).await.0.is_ok(), "{variable}");
    }
}
