//! The addresses of `--upstream`: `URL` for all services, `SERVICE=URL` for one, or `script:FILE`.

use std::path::PathBuf;

use super::start::WrapError;
use crate::effects::gateway::Service;

/// The beginning of an address that is a script.
const SCRIPT: &str = "script:";
/// Stands in a record for the part of an address that may hold a secret.
const NOT_STORED: &str = "<not stored>";

/// The places that answer an agent's model calls instead of the provider.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answering {
    /// The addresses by service.
    pub services: Vec<(Service, String)>,
    /// A script.
    pub script: Option<PathBuf>,
}

/// Reads addresses as a user gives them.
///
/// # Errors
/// When a service is not known, or an address was not stored whole.
pub(super) fn read(given: &[String]) -> Result<Answering, WrapError> {
    let mut found = Answering::default();
    for one in given {
        if let Some(script) = one.strip_prefix(SCRIPT) {
            found.script.get_or_insert_with(|| script.into());
            continue;
        }
        if one.contains(NOT_STORED) {
            return Err(WrapError::UpstreamSecret(one.clone()));
        }
        match one.split_once('=').filter(|(name, _)| !name.contains(':')) {
            Some((name, url)) => {
                let service = Service::ALL.into_iter().find(|service| service.provider() == name);
                let service =
                    service.ok_or_else(|| WrapError::UpstreamName { given: one.clone(), name: name.to_owned() })?;
                found.services.push((service, url.to_owned()));
            }
            None => found.services.extend(Service::ALL.map(|service| (service, one.clone()))),
        }
    }
    Ok(found)
}

/// The addresses as a run stores them: without names, passwords and queries.
pub(super) fn to_store(given: &[String]) -> Vec<String> {
    let stored = |one: &String| {
        if one.starts_with(SCRIPT) {
            return one.clone();
        }
        let host = one.find("://").map_or(0, |at| at + 3);
        let secret = if one[host..].contains('@') { Some(host) } else { one.find('?') };
        secret.map_or_else(|| one.clone(), |at| format!("{}{NOT_STORED}", &one[..at]))
    };
    given.iter().map(stored).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(all: &[&str]) -> Vec<String> {
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_for_all_services_or_one() {
        let read_one = |one: &str| read(&given(&[one])).unwrap();
        assert_eq!(read_one("http://h/v1").services.len(), Service::ALL.len());
        assert_eq!(read_one("openai=http://h/a=b").services, [(Service::OpenAi, "http://h/a=b".to_owned())]);
        assert_eq!(read_one("script:a.toml"), Answering { services: vec![], script: Some("a.toml".into()) });
        assert!(read(&given(&["mistral=http://h"])).unwrap_err().to_string().contains("mistral is none of"));
    }

    #[test]
    fn a_record_holds_no_secret_of_an_address_and_says_so_when_it_is_read() {
        let all = given(&["script:/work/a.toml", "http://h:1/v1", "openai=https://me:pw@h/v1", "https://h/v1?key=k"]);
        let stored = to_store(&all);
        let wanted =
            ["script:/work/a.toml", "http://h:1/v1", "openai=https://<not stored>", "https://h/v1<not stored>"];
        assert_eq!(stored, wanted);
        assert!(read(&stored[..2]).is_ok());
        assert!(read(&stored[2..3]).unwrap_err().to_string().contains("not stored"));
    }
}
