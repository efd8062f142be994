//! The client's side of one call: the reply to the wrapped program, kept alive while nobody has decided.
//!
//! A task owns the reply, so that a call which waits for a person needs no one to look after it: after a while it begins
//! the reply and sends signs of life, and it knows at once when the client has gone.

use std::io;
use std::time::Duration;

use hyper::Response;
use hyper::body::Bytes;
use hyper::http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::body::{Outgoing, Pieces};
use super::limits::Limits;
use super::shape::Shape;

/// Orders that wait for the task.
const ORDERS: usize = 4;
/// No timer: longer than any call.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// The state of the client of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// It waits, and nothing was sent to it: an error can still be one by its status.
    Waiting,
    /// Its reply has begun.
    Begun,
    /// It has gone before its reply was whole.
    Left,
    /// Its reply was sent.
    Answered,
}

/// The result of beginning a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// The head was sent.
    Sent,
    /// The reply had begun before, with a head of its own.
    Before,
    /// The client has gone.
    Left,
}

enum Order {
    Open {
        status: StatusCode,
        headers: HeaderMap,
        opened: oneshot::Sender<Opened>,
    },
    Bytes(Bytes),
    End,
    Break(String),
    /// True: the reply begins only by an order. False: it begins by itself after a while.
    Wait(bool),
}

/// Sends to the client.
pub(super) struct Client {
    orders: mpsc::Sender<Order>,
    state: watch::Receiver<ClientState>,
}

/// The reply's head, to be given to the server.
pub(super) type Head = oneshot::Receiver<Response<Outgoing>>;

impl Client {
    /// The client of a call, and the head of its reply. A client that is left without a word gets `abandoned`. `gives_up`:
    /// the time after which it goes when nothing has come.
    pub(super) fn start(shape: Shape, limits: &Limits, gives_up: Option<Duration>) -> (Self, Head) {
        let (orders, received) = mpsc::channel(ORDERS);
        let (head, begun) = oneshot::channel();
        let (state, watched) = watch::channel(ClientState::Waiting);
        let patience = if shape.is_streamed() { limits.commit } else { limits.commit_whole };
        let patience = gives_up.map_or(patience, |time| patience.min(time / 2));
        let commit = Instant::now() + patience;
        let ping = gives_up.map_or(limits.ping, |time| limits.ping.min(time / 2));
        let task = Task { shape, orders: received, state, patience, commit, ping };
        tokio::spawn(task.run(head));
        (Self { orders, state: watched }, begun)
    }

    pub(super) fn state(&self) -> ClientState {
        *self.state.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<ClientState> {
        self.state.clone()
    }

    /// Waits until the client has gone; for ever if it does not.
    pub(super) async fn left(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| *state == ClientState::Left).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// From now on, the reply begins only by an order (true), or by itself after a while (false).
    pub(super) async fn wait(&self, for_order: bool) {
        self.give(Order::Wait(for_order)).await;
    }

    /// Begins the reply.
    pub(super) async fn open(&self, status: StatusCode, headers: HeaderMap) -> Opened {
        let (opened, answer) = oneshot::channel();
        self.give(Order::Open { status, headers, opened }).await;
        answer.await.unwrap_or(Opened::Left)
    }

    /// Sends bytes of a reply that has begun. Waits for a slow client.
    pub(super) async fn send(&self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.give(Order::Bytes(bytes)).await;
        }
    }

    /// Ends the reply, and returns the state after it.
    pub(super) async fn end(&self) -> ClientState {
        self.give(Order::End).await;
        self.over().await
    }

    /// Breaks the connection: the reply did not come to its end.
    pub(super) async fn break_off(&self, why: &str) -> ClientState {
        self.give(Order::Break(why.to_owned())).await;
        self.over().await
    }

    async fn give(&self, order: Order) {
        // The task ends only after the client has gone, or after the reply.
        let _ = self.orders.send(order).await;
    }

    async fn over(&self) -> ClientState {
        let mut state = self.state.clone();
        let over = |state: &ClientState| matches!(state, ClientState::Left | ClientState::Answered);
        state.wait_for(over).await.map_or(ClientState::Left, |state| *state)
    }
}

struct Task {
    shape: Shape,
    orders: mpsc::Receiver<Order>,
    state: watch::Sender<ClientState>,
    /// How long the reply waits for an order, and the time at which it then begins by itself.
    patience: Duration,
    commit: Instant,
    ping: Duration,
}

enum Next {
    Order(Option<Order>),
    Timer,
    Left,
}

impl Task {
    async fn run(mut self, mut head: oneshot::Sender<Response<Outgoing>>) {
        let (pieces, body) = Outgoing::channel();
        loop {
            let next = tokio::select! {
                biased;
                () = head.closed() => Next::Left,
                order = self.orders.recv() => Next::Order(order),
                () = sleep_until(self.commit) => Next::Timer,
            };
            let (status, headers, opened) = match next {
                Next::Order(Some(Order::Open { status, headers, opened })) => (status, headers, Some(opened)),
                Next::Timer => (StatusCode::OK, self.shape.headers(), None),
                Next::Order(Some(Order::Wait(for_order))) => {
                    self.commit = Instant::now() + if for_order { NEVER } else { self.patience };
                    continue;
                }
                Next::Order(Some(Order::Bytes(_))) => continue,
                // No reply has begun that could end: the server answers with an error.
                Next::Order(Some(Order::End | Order::Break(_))) => {
                    self.state.send_replace(ClientState::Answered);
                    return;
                }
                Next::Order(None) => {
                    let (status, headers, bytes) = self.shape.abandoned();
                    let sent = head.send(reply(status, headers, Outgoing::whole(bytes)));
                    self.state.send_replace(if sent.is_ok() { ClientState::Answered } else { ClientState::Left });
                    return;
                }
                Next::Left => return self.leave().await,
            };
            let by_itself = opened.is_none();
            if head.send(reply(status, headers, body)).is_err() {
                if let Some(opened) = opened {
                    let _ = opened.send(Opened::Left);
                }
                return self.leave().await;
            }
            self.state.send_replace(ClientState::Begun);
            if let Some(opened) = opened {
                let _ = opened.send(Opened::Sent);
            }
            return self.stream(pieces, by_itself).await;
        }
    }

    /// Sends the body. A reply that began by itself has signs of life until the first bytes.
    async fn stream(mut self, pieces: Pieces, mut alive: bool) {
        let mut ping = Instant::now();
        loop {
            let next = tokio::select! {
                biased;
                () = pieces.closed() => Next::Left,
                order = self.orders.recv() => Next::Order(order),
                () = sleep_until(ping), if alive => Next::Timer,
            };
            match next {
                Next::Timer => {
                    ping = Instant::now() + self.ping;
                    // One that is full has a client that does not read: it needs no sign of life.
                    let _ = pieces.try_send(Ok(self.shape.ping()));
                }
                Next::Order(Some(Order::Bytes(bytes))) => {
                    alive = false;
                    if pieces.send(Ok(bytes)).await.is_err() {
                        return self.leave().await;
                    }
                }
                Next::Order(Some(Order::End)) => {
                    drop(pieces);
                    self.state.send_replace(ClientState::Answered);
                    return;
                }
                Next::Order(Some(Order::Break(why))) => {
                    let sent = pieces.send(Err(io::Error::other(why))).await;
                    self.state.send_replace(if sent.is_ok() { ClientState::Answered } else { ClientState::Left });
                    return;
                }
                Next::Order(None) => {
                    let _ = pieces.send(Ok(self.shape.abandoned_stream())).await;
                    self.state.send_replace(ClientState::Answered);
                    return;
                }
                Next::Order(Some(Order::Open { opened, .. })) => {
                    let _ = opened.send(Opened::Before);
                }
                Next::Order(Some(Order::Wait(_))) => {}
                Next::Left => return self.leave().await,
            }
        }
    }

    /// The client has gone: whatever is still sent is thrown away.
    async fn leave(mut self) {
        self.state.send_replace(ClientState::Left);
        while let Some(order) = self.orders.recv().await {
            if let Order::Open { opened, .. } = order {
                let _ = opened.send(Opened::Left);
            }
        }
    }
}

/// A reply with a head and a body.
pub(super) fn reply(status: StatusCode, headers: HeaderMap, body: Outgoing) -> Response<Outgoing> {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    reply
}
