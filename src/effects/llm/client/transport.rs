//! Trouble on the way to a server and back.

use std::error::Error;
use std::io;

use rustls::CertificateError;

use super::error::report;
use super::setup::Client;

const REFUSED: &str = "connection refused";
const NOT_AGAIN: &str = "it may have received the call, so the call was not sent again";

/// The cause of trouble with a connection.
#[derive(Debug, Default)]
struct Causes<'a> {
    io: Option<io::ErrorKind>,
    tls: Option<&'a rustls::Error>,
    /// The words of the innermost error.
    last: String,
    /// The words of all.
    all: String,
}

/// A call that was not sent, because no connection came about; or one whose fate is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreached {
    /// The description.
    pub(super) why: String,
    /// Advice.
    pub(super) hint: Option<String>,
    /// True when the call was not sent for certain, and trying again may help.
    pub(super) again: bool,
}

/// Describes an error that came before any of the answer.
pub(super) fn describe_unreached(client: &Client, error: &reqwest::Error) -> Unreached {
    let causes = Causes::of(error);
    let hint = match client.proxy() {
        Some(proxy) => proxy.hint(),
        None => format!("check base_url ({})", client.shown_address()),
    };
    let with = |why: String, again: bool| Unreached { why, hint: Some(hint.clone()), again };
    if let Some(tls) = causes.tls {
        let (why, hint) = describe_tls(tls);
        return Unreached { why, hint: Some(hint), again: false };
    }
    if error.is_timeout() {
        return with(format!("no connection within {} s", client.limits().0.connect.as_secs_f64()), true);
    }
    if causes.all.contains("invalid HTTP") {
        return with("the server doesn't speak HTTP at this address".to_owned(), false);
    }
    if !error.is_connect() {
        let why = causes.describe_loss();
        return Unreached { why: format!("{why} without an answer"), hint: Some(NOT_AGAIN.to_owned()), again: false };
    }
    if causes.all.contains("dns error") || causes.all.contains("failed to lookup address") {
        let passes = causes.last.contains("Temporary") || causes.last.contains("try again");
        return with(format!("a name is not known ({})", causes.last), passes);
    }
    match causes.io {
        Some(io::ErrorKind::ConnectionRefused) if client.proxy().is_some() => with(REFUSED.to_owned(), true),
        Some(io::ErrorKind::ConnectionRefused) => Unreached {
            why: REFUSED.to_owned(),
            hint: Some(format!("start the server, or correct base_url ({})", client.shown_address())),
            // On this machine nothing will listen in a second if nothing does now.
            again: !client.address().is_loopback(),
        },
        _ if causes.all.contains("proxy auth") => with("the proxy wants a user and a password".to_owned(), false),
        _ => with(format!("no connection: {}", causes.last), true),
    }
}

/// Describes an error in the middle of an answer.
pub(super) fn describe_cut(error: &reqwest::Error) -> String {
    Causes::of(error).describe_loss()
}

/// Describes why a request of another program got no answer. The words hold no address: it may have a key in it.
pub fn describe_passing(error: &reqwest::Error) -> String {
    let causes = Causes::of(error);
    if let Some(tls) = causes.tls {
        return describe_tls(tls).0;
    }
    match causes.io {
        _ if error.is_timeout() => "no connection in time".to_owned(),
        _ if !error.is_connect() => causes.describe_loss(),
        Some(io::ErrorKind::ConnectionRefused) => REFUSED.to_owned(),
        _ if causes.all.contains("proxy auth") => "the proxy wants a user and a password".to_owned(),
        _ => format!("no connection: {}", causes.last),
    }
}

/// Describes trouble with encryption, and gives advice.
fn describe_tls(error: &rustls::Error) -> (String, String) {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let (why, hint) = describe_certificate(why);
            (format!("the server's certificate is not accepted: {why}"), hint.to_owned())
        }
        rustls::Error::InvalidMessage(_) => (
            "the server doesn't speak TLS at this address".to_owned(),
            "write http:// in base_url, or correct its port".to_owned(),
        ),
        other => (format!("no encrypted connection: {other}"), "check base_url".to_owned()),
    }
}

fn describe_certificate(why: &CertificateError) -> (String, &'static str) {
    let (why, hint) = match why {
        CertificateError::UnknownIssuer => (
            "this system does not know its issuer",
            "if it is from your own organisation, add its root certificate to the system's, or name a file with it in \
             SSL_CERT_FILE",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            ("it has expired", "renew it, or check this machine's clock")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("it is not valid yet", "check this machine's clock")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("it is for another name", "check the name in base_url")
        }
        other => return (other.to_string(), "check base_url and the server's certificate"),
    };
    (why.to_owned(), hint)
}

impl<'a> Causes<'a> {
    fn of(error: &'a reqwest::Error) -> Self {
        let mut causes = Self { all: report(error), ..Self::default() };
        let mut next: Option<&'a (dyn Error + 'static)> = error.source();
        while let Some(error) = next {
            causes.last = error.to_string();
            causes.tls = causes.tls.or(error.downcast_ref::<rustls::Error>());
            next = match error.downcast_ref::<io::Error>() {
                Some(io) => {
                    causes.io = Some(io.kind());
                    // An error in an io error is not its source.
                    io.get_ref().map(|inner| inner as &(dyn Error + 'static))
                }
                None => error.source(),
            };
        }
        causes
    }

    fn describe_loss(&self) -> String {
        let closed = ["before message completed", "end of file", "unexpected EOF", "unexpected eof", "message length"];
        match self.io {
            Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "the connection was reset".to_owned(),
            _ if closed.iter().any(|words| self.all.contains(words)) => "the server closed the connection".to_owned(),
            _ => format!("the connection broke: {}", self.last),
        }
    }
}
