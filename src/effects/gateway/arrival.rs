//! Requests as they arrive, and model calls made of them.

use std::sync::Arc;

use hyper::Response;
use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};
use serde_json::Value as Json;

use super::body::Outgoing;
use super::came::Came;
use super::client::{Client, reply};
use super::encoding::unpack;
use super::exchange::{Asked, Exchange};
use super::facts::{Facts, Ids, gives_up, ids, program, retry};
use super::history::{History, Joined, is_partial};
use super::passing::pass;
use super::route::{Called, Streams};
use super::service::Service;
use super::shape::Shape;
use super::shared::Shared;
use crate::model::LlmRequest;
use crate::wire::{Dialect, Outline, parse};

/// Something that came through the gateway.
#[derive(Debug)]
#[non_exhaustive]
pub enum Arrived {
    /// A model call, which waits for a decision.
    Call(Box<ModelCall>),
    /// Something else, which was passed on already.
    Passed(Passed),
    /// A request without the secret, by another program: how many there were so far.
    Forged(u64),
}

/// A model call, which waits for a decision.
#[derive(Debug)]
pub struct ModelCall {
    /// Its facts.
    pub facts: Facts,
    /// The request in neutral form, without secrets.
    pub request: LlmRequest,
    /// Decides on it.
    pub exchange: Exchange,
}

/// A request that was passed on, or refused, without a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its method and path, and what was odd about it. Without its query.
    pub what: String,
    /// The status of its answer; `None`: its provider was not reached.
    pub status: Option<u16>,
}

/// The body of a call as it was read.
struct Body {
    unpacked: Bytes,
    /// As it came.
    own: Json,
    joined: Option<Joined>,
    outline: Outline,
}

/// Makes a model call of a request, reports it, and waits for the head of its reply.
pub(super) async fn arrive(shared: Arc<Shared>, came: Came, called: Called) -> Response<Outgoing> {
    let service = Service::of(called.dialect);
    let reader = (Arc::clone(&shared), came.headers.clone(), came.body.clone(), called.clone());
    // A large body takes a while.
    let read = tokio::task::spawn_blocking(move || {
        let (shared, headers, body, called) = reader;
        read_body(&shared, &headers, &body, &called)
    });
    let body = match read.await {
        Ok(Ok(body)) => body,
        Ok(Err(why)) => return pass(&shared, service, came, Some(format!("not read as a model call: {why}"))).await,
        Err(_) => return pass(&shared, service, came, Some("not read as a model call".to_owned())).await,
    };
    let streams = called.stream.unwrap_or_else(|| {
        let streamed = body.own.get("stream") == Some(&Json::Bool(true));
        if streamed { Streams::Events } else { Streams::Whole }
    });
    let shape = Shape::new(called.dialect, streams);
    let Ok(permit) = Arc::clone(&shared.undecided).try_acquire_owned() else {
        return overloaded(shape, "too many calls wait for a decision in tama-tui");
    };
    let facts = facts(&shared, &came, &called, streams, &body);
    let request = body.outline.request().clone();
    let (client, head) = Client::start(shape, &shared.limits, facts.gives_up);
    let asked = Asked { came, own: body.own, joined: body.joined, outline: body.outline };
    let exchange = Exchange::new(Arc::clone(&shared), client, shape, asked, permit);
    let call = Box::new(ModelCall { facts, request, exchange });
    // Meanwhile the reply may begin. A call that nobody listens to is dropped, which answers it.
    tokio::spawn(async move { shared.arrived.send(Arrived::Call(call)).await });
    match head.await {
        Ok(reply) => reply,
        Err(_) => overloaded(shape, "tama-tui has ended"),
    }
}

fn read_body(shared: &Shared, headers: &HeaderMap, body: &Bytes, called: &Called) -> Result<Body, String> {
    let unpacked = if super::encoding::is_plain(headers) {
        body.clone()
    } else {
        unpack(headers, body, shared.limits.request).map_err(|error| error.to_string())?.into()
    };
    let own = parse(&unpacked)?;
    let joined = if called.dialect == Dialect::Responses { shared.responses().join(&own) } else { None };
    let whole = joined.as_ref().map_or(&own, |joined| &joined.body);
    let provider = Service::of(called.dialect).provider();
    let outline = Outline::read(called.dialect, provider, called.model.as_deref(), whole, &|text| shared.mask(text));
    let outline = outline.map_err(|error| error.to_string())?;
    Ok(Body { unpacked, own, joined, outline })
}

fn facts(shared: &Shared, came: &Came, called: &Called, streams: Streams, body: &Body) -> Facts {
    let Ids { session, agent, parent_agent } = ids(&came.headers, &body.own);
    let request = body.outline.request();
    Facts {
        number: shared.count_call(),
        dialect: called.dialect,
        model: request.model.model.clone(),
        stream: streams != Streams::Whole,
        aux: shared.sides().reason(session.as_deref(), request),
        session,
        agent,
        parent_agent,
        retry: retry(&came.headers),
        gives_up: gives_up(&came.headers),
        program: program(&came.headers),
        history: match &body.joined {
            Some(_) => History::Joined,
            None if called.dialect == Dialect::Responses && is_partial(&body.own) => History::AtProvider,
            None => History::Whole,
        },
        body_hash: *blake3::hash(&body.unpacked).as_bytes(),
        body: body.unpacked.clone(),
    }
}

fn overloaded(shape: Shape, message: &str) -> Response<Outgoing> {
    let (status, headers, bytes) = shape.error(StatusCode::SERVICE_UNAVAILABLE, message);
    reply(status, headers, Outgoing::whole(bytes))
}
