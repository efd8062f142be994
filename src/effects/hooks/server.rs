//! Takes the hooks of an agent: loopback, a random port, a secret in the path. Each waits for its answer, however long a
//! person takes.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::http::StatusCode;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::answer::HookAnswer;
use super::call::HookCall;
use super::dialect::HookDialect;
use crate::effects::gateway::{Secret, StartError};

/// Bytes of a hook that are read: the arguments and the result of a tool.
const LARGEST: usize = 64 << 20;
/// Connections at once.
const CONNECTIONS: usize = 256;
/// Hooks that wait to be looked at; further ones wait in their connections.
const WAITING: usize = 64;

/// Listens for hooks, until it is dropped.
pub struct HookServer {
    root: String,
    stop: CancellationToken,
}

/// A hook that was called, and the way to answer it.
pub struct Hooked {
    /// The hook.
    pub call: HookCall,
    /// Answers it. Dropped, it leaves everything as the agent wants it.
    pub reply: HookReply,
}

/// The way to answer a hook.
pub struct HookReply {
    dialect: HookDialect,
    call: HookCall,
    answer: oneshot::Sender<HookAnswer>,
}

impl HookReply {
    /// Answers; false when the agent waits no longer: what it asked for went on unseen.
    pub fn send(self, answer: HookAnswer) -> bool {
        self.answer.send(answer).is_ok()
    }

    /// True when the agent waits no longer.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.answer.is_closed()
    }

    /// Returns as soon as the agent waits no longer.
    pub async fn gone(&mut self) {
        self.answer.closed().await;
    }

    /// The form in which the agent speaks.
    #[must_use]
    pub fn dialect(&self) -> HookDialect {
        self.dialect
    }

    /// True when another result can be put in the place of the tool's own.
    #[must_use]
    pub fn can_change_result(&self) -> bool {
        self.call.event.can_change_result(self.dialect)
    }
}

struct Shared {
    secret: Secret,
    calls: mpsc::Sender<Hooked>,
}

impl HookServer {
    /// Opens a port. The hooks come out of the channel in the order in which they are called.
    ///
    /// # Errors
    /// When there is no port, or no random bytes for the secret.
    pub async fn start() -> Result<(Self, mpsc::Receiver<Hooked>), StartError> {
        let secret = Secret::random().ok_or(StartError::Secret)?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let root = format!("http://{}{}", listener.local_addr()?, secret.path());
        let (calls, received) = mpsc::channel(WAITING);
        let stop = CancellationToken::new();
        tokio::spawn(listen(listener, Arc::new(Shared { secret, calls }), stop.clone()));
        Ok((Self { root, stop }, received))
    }

    /// The address for the hooks of an agent, with the secret in it.
    #[must_use]
    pub fn address(&self, dialect: HookDialect) -> String {
        format!("{}/{}", self.root, dialect.name())
    }
}

impl Drop for HookServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = accept(&listener, &connections) => accepted,
        };
        let Ok((stream, permit)) = accepted else {
            // Too many open files, for one: it may pass.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let (shared, stop) = (shared.clone(), stop.clone());
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(stream, shared) => {}
            }
        });
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
    Ok((listener.accept().await?.0, permit))
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(serve(&shared, request).await) }
    });
    // One that breaks off is known by its reply, which is gone.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn serve(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_owned();
    let dialect = shared.secret.strip(&path).and_then(|rest| HookDialect::named(rest.trim_start_matches('/')));
    let Some(dialect) = dialect else { return status(StatusCode::NOT_FOUND) };
    let Ok(body) = Limited::new(request.into_body(), LARGEST).collect().await else {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let Some(call) = HookCall::read(dialect, &body.to_bytes()) else { return status(StatusCode::BAD_REQUEST) };
    let event = call.event.clone();
    let (answer, answered) = oneshot::channel();
    let reply = HookReply { dialect, call: call.clone(), answer };
    if shared.calls.send(Hooked { call, reply }).await.is_err() {
        return status(StatusCode::SERVICE_UNAVAILABLE);
    }
    let answer = answered.await.unwrap_or_default();
    let text = answer.write(dialect, &event).to_string();
    let mut response = Response::new(Full::new(Bytes::from(text)));
    response.headers_mut().insert("content-type", hyper::http::HeaderValue::from_static("application/json"));
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
