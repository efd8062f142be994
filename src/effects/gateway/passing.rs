//! Requests that are no model calls: passed on as they are.

use hyper::Response;
use hyper::body::Bytes;
use hyper::http::StatusCode;
use tokio::time::timeout;

use super::arrival::{Came, Passed};
use super::body::{Outgoing, Pieces};
use super::client::reply;
use super::headers::{to_client, to_upstream};
use super::route::Streams;
use super::service::Service;
use super::shape::Shape;
use super::shared::Shared;
use crate::effects::llm::describe_passing;
use crate::wire::Dialect;

/// Passes a request on, and its answer back as it comes. `note` says why it is no model call, where it looked like one.
pub(super) async fn pass(shared: &Shared, service: Service, came: Came, note: Option<String>) -> Response<Outgoing> {
    let upstream = shared.upstreams.get(service);
    // The query may hold a key: it is not shown.
    let mut what = format!("{} {}", came.method, came.path);
    if let Some(note) = note {
        what = format!("{what}: {note}");
    }
    let url = upstream.url(&came.path, came.query.as_deref());
    let request = upstream.http().request(came.method, url).headers(to_upstream(&came.headers)).body(came.body);
    let answer = timeout(shared.limits.upstream, request.send()).await;
    let why = match answer {
        Ok(Ok(answer)) => {
            let status = answer.status();
            shared.report_passed(Passed { what, status: Some(status.as_u16()) });
            let headers = to_client(answer.headers());
            let (pieces, body) = Outgoing::channel();
            tokio::spawn(copy(answer, pieces, shared.limits.upstream));
            return reply(status, headers, body);
        }
        Ok(Err(error)) => describe_passing(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    let shown = upstream.shown();
    shared.report_passed(Passed { what: format!("{what}: failed to reach {shown}: {why}"), status: None });
    let dialect = match service {
        Service::Anthropic => Dialect::Messages,
        Service::OpenAi => Dialect::Responses,
        Service::Google => Dialect::Gemini,
    };
    let message = format!("tama-tui failed to reach {shown}: {why}");
    let (status, headers, bytes) = Shape::new(dialect, Streams::Whole).error(StatusCode::BAD_GATEWAY, &message);
    reply(status, headers, Outgoing::whole(bytes))
}

/// Copies an answer as it comes, until one of both sides ends.
async fn copy(mut answer: reqwest::Response, pieces: Pieces, longest: std::time::Duration) {
    loop {
        let next: Result<Option<Bytes>, String> = tokio::select! {
            () = pieces.closed() => return,
            chunk = timeout(longest, answer.chunk()) => match chunk {
                Ok(chunk) => chunk.map_err(|error| describe_passing(&error)),
                Err(_) => Err("nothing came in time".to_owned()),
            },
        };
        let piece = match next {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => return,
            Err(why) => Err(std::io::Error::other(why)),
        };
        let broken = piece.is_err();
        if pieces.send(piece).await.is_err() || broken {
            return;
        }
    }
}
