//! One try of a call: sends it, and reads its answer.

use std::time::SystemTime;

use reqwest::Response;
use reqwest::header::LOCATION;
use tokio::time::{Instant, timeout, timeout_at};

use super::call::{Again, Call, Failure};
use super::heard::{Exchange, Heard};
use super::hints::hint;
use super::refusal::Refusal;
use super::retry::is_passing;
use super::transport::describe_unreached;

/// Bytes of an error's body that are read.
const ERROR_BODY: usize = 1 << 20;

impl Call<'_> {
    /// Sends the call once.
    pub(super) async fn attempt(&self, heard: &mut (dyn FnMut(Heard) + Send)) -> Result<Exchange, Failure> {
        let request = self.request();
        let limit = self.client().limits().0.first_byte;
        let response = match timeout(limit, request.send()).await {
            Err(_) => return Err(Failure::last(self.describe_silence("no answer came", limit))),
            Ok(Err(error)) => return Err(self.unreached(&error)),
            Ok(Ok(response)) => response,
        };
        match response.status().as_u16() {
            200..=299 => self.read(response, heard).await,
            300..=399 => Err(self.redirected(&response)),
            _ => Err(self.refused(response).await),
        }
    }

    /// Reads an answer with an error status.
    async fn refused(&self, mut response: Response) -> Failure {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let mut body = Vec::new();
        let deadline = Instant::now() + self.client().limits().0.idle;
        while let Ok(Ok(Some(bytes))) = timeout_at(deadline, response.chunk()).await {
            body.extend_from_slice(&bytes[..bytes.len().min(ERROR_BODY - body.len())]);
            if body.len() == ERROR_BODY {
                break;
            }
        }
        let clean = |text: &str| self.client().redact(text);
        let now = SystemTime::now();
        let refusal = Refusal::from_response(self.client().dialect(), status, &headers, &body, now, &clean);
        let mut why = format!("HTTP {status}");
        if !refusal.words.is_empty() {
            why = format!("{why}: {}", refusal.words);
        }
        if let Some(proxy) = self.client().proxy().filter(|_| refusal.is_foreign || status == 407) {
            why = format!("{why} (the call went through {})", proxy.describe());
        }
        let again = if is_passing(&refusal) { Again::Refused(refusal.asked) } else { Again::No };
        Failure { why, hint: hint(self.client(), self.model(), &refusal), so_far: None, raw: Vec::new(), again }
    }

    fn redirected(&self, response: &Response) -> Failure {
        let status = response.status().as_u16();
        let place = response.headers().get(LOCATION).and_then(|place| place.to_str().ok());
        let place = place.and_then(|place| response.url().join(place).ok()).map(|mut place| {
            place.set_query(None);
            place.set_fragment(None);
            self.client().redact(place.as_str())
        });
        let why = match place {
            Some(place) => format!("HTTP {status}: the server redirects to {place}, where the call was not sent"),
            None => format!("HTTP {status}: a redirect to nowhere"),
        };
        let hint = format!("check base_url ({})", self.client().shown_address());
        Failure { hint: Some(hint), ..Failure::last(why) }
    }

    fn unreached(&self, error: &reqwest::Error) -> Failure {
        let unreached = describe_unreached(self.client(), error);
        let mut why = self.client().redact(&unreached.why);
        if let Some(proxy) = self.client().proxy() {
            why = format!("{why} (the call went through {})", proxy.describe());
        }
        let again = if unreached.again { Again::Unreached } else { Again::No };
        Failure { hint: unreached.hint, again, ..Failure::last(why) }
    }
}
