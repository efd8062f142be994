//! HTTP requests: one is sent once, within one server, and its answer is bounded in size and time.

use reqwest::{Client, Method, Url, redirect};

use super::call::{HttpCall, HttpMethod, RemoteAnswer};
use super::content::read_text;
use super::headers::fill_headers;
use super::variables::fill;
use crate::effects::mask::Masker;

const USER_AGENT: &str = concat!("tama-tui/", env!("CARGO_PKG_VERSION"));
/// How often a request is passed on within one server.
const REDIRECTS: usize = 5;

/// Writes an address as the rules of a policy are compared with it: lower-case host, no `..`, no port that goes without
/// saying. `None`: it is no address before its variables are filled in.
#[must_use]
pub fn normal_url(written: &str) -> Option<String> {
    let url = Url::parse(written.trim()).ok()?;
    Some(url.to_string().replace("$%7B", "${").replace("%7D", "}"))
}

/// Makes the client of a run. A request is passed on only within one server: another one was not asked for, and must
/// not get the headers.
pub(super) fn client() -> Result<Client, String> {
    // An error only says that there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let within = redirect::Policy::custom(|attempt| {
        let is_same = attempt.previous().last().is_some_and(|last| last.origin() == attempt.url().origin());
        if is_same && attempt.previous().len() <= REDIRECTS { attempt.follow() } else { attempt.stop() }
    });
    let built = Client::builder().user_agent(USER_AGENT).redirect(within).pool_max_idle_per_host(0).build();
    built.map_err(|error| format!("the HTTP client can't be set up: {}", innermost(&error)))
}

/// Sends a request; `env` looks up its variables, whose values are masked in the answer.
pub(super) async fn send(
    client: &Client,
    call: &HttpCall,
    masker: &Masker,
    env: &(dyn Fn(&str) -> Option<String> + Sync),
) -> RemoteAnswer {
    let headers = match fill_headers(call.headers.iter().map(|(name, value)| (name, value)), env) {
        Ok(headers) => headers,
        Err(why) => return RemoteAnswer::unsent(why),
    };
    let address = fill(&call.url, env);
    let masker = masker.clone().with(headers.used.into_iter().chain(address.used));
    let url = match Url::parse(address.text.trim()) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(_) => return RemoteAnswer::unsent(format!("{:?} begins neither with http:// nor with https://", call.url)),
        Err(error) => return RemoteAnswer::unsent(format!("{:?} is no address: {error}", call.url)),
    };
    let method = match call.method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Post => Method::POST,
    };
    let mut request = client.request(method, url).headers(headers.map);
    if let Some(body) = &call.body {
        request = request.body(body.clone());
    }
    let answer = match request.send().await {
        Ok(response) => answer(response).await,
        Err(error) => {
            let why = format!("{} got no answer: {}", call.url, describe(&error));
            if error.is_connect() || error.is_builder() { RemoteAnswer::unsent(why) } else { RemoteAnswer::failed(why) }
        }
    };
    RemoteAnswer { text: masker.mask(&answer.text).into_owned(), ..answer }
}

async fn answer(response: reqwest::Response) -> RemoteAnswer {
    let status = response.status();
    let passed_on = response.headers().get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok());
    let to = passed_on.filter(|_| status.is_redirection()).map(|to| format!("; it leads to {to}")).unwrap_or_default();
    let head = format!("[HTTP {status}{to}]");
    match read_text(response).await {
        Ok(text) if status.is_success() && !text.is_empty() => RemoteAnswer::good(text),
        Ok(_) if status.is_success() => RemoteAnswer::good(head),
        Ok(text) => RemoteAnswer::failed(format!("{head}\n{text}").trim_end()),
        Err(error) => RemoteAnswer::failed(format!("{head}\n[its body did not come whole: {}]", describe(&error))),
    }
}

/// Describes an error without the address, which may have a secret in it.
fn describe(error: &reqwest::Error) -> String {
    let hint = if error.is_connect() { "; check the address, and that its server runs" } else { "" };
    format!("{}{hint}", innermost(error))
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}
