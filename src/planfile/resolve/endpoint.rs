//! The two ends: addresses, credentials, TLS.

use std::path::PathBuf;

use super::super::document::child;
use super::super::draft::PLACEHOLDER;
use super::super::file::{FromEnv, SourceEnd, TargetEnd, TlsTable};
use super::Context;
use crate::diagnostic::Diagnostic;
use crate::model::{Credentials, Endpoint, EnvName, Tls};

/// One of the two tables, without what only one of them has.
pub(super) struct End<'a> {
    pointer: &'static str,
    endpoint: Option<&'a str>,
    username: Option<&'a FromEnv>,
    password: Option<&'a FromEnv>,
    token: Option<&'a FromEnv>,
    tls: Option<&'a TlsTable>,
}

impl<'a> End<'a> {
    pub(super) fn source(end: &'a SourceEnd) -> Self {
        Self {
            pointer: "/source",
            endpoint: end.endpoint.as_deref(),
            username: end.username.as_ref(),
            password: end.password.as_ref(),
            token: end.token.as_ref(),
            tls: end.tls.as_ref(),
        }
    }

    pub(super) fn target(end: &'a TargetEnd) -> Self {
        Self {
            pointer: "/target",
            endpoint: end.endpoint.as_deref(),
            username: end.username.as_ref(),
            password: end.password.as_ref(),
            token: end.token.as_ref(),
            tls: end.tls.as_ref(),
        }
    }
}

/// The endpoint of an end, when it can be told.
pub(super) fn resolve(end: &End<'_>, context: &mut Context<'_>) -> Option<Endpoint> {
    let credentials = credentials(end, context);
    let address = end.endpoint.and_then(|text| match address(text) {
        Ok(address) => Some(address),
        Err(fault) => {
            let finding = Diagnostic::error(fault.code, fault.message).help(fault.help);
            context.report(&child(end.pointer, "endpoint"), finding);
            None
        }
    });
    let encrypted = address.as_ref().map(|address| address.encrypted);
    let tls = tls(end, encrypted, context);
    let place = context.location(&child(end.pointer, "endpoint"));
    let given = [("username", end.username), ("password", end.password), ("token", end.token)];
    let given = given.into_iter().filter(|(_, from)| from.is_some());
    let login_places = given.map(|(key, _)| context.location(&child(end.pointer, key))).collect();
    let Address { uri, assumed_port, .. } = address?;
    let (credentials, tls) = (credentials?, tls?);
    Some(Endpoint { uri, assumed_port, credentials, tls, place, login_places })
}

fn credentials(end: &End<'_>, context: &mut Context<'_>) -> Option<Credentials> {
    let known = ["username", "password", "token"]
        .iter()
        .all(|key| !context.has_invalid(&child(end.pointer, key)));
    if !known {
        return None;
    }
    let name = |from: &FromEnv| from.env.clone().map(EnvName);
    let pair = |pointer: &'static str, has: &str, lacks: &str| {
        (
            child(pointer, has),
            Diagnostic::error("incomplete_credentials", format!("`{has}` without `{lacks}`")).help(
                format!("add `{lacks} = {{ env = \"NAME\" }}`, or log in with a `token` instead"),
            ),
        )
    };
    let (pointer, finding) = match (end.username, end.password, end.token) {
        (None, None, None) => return Some(Credentials::None),
        (None, None, Some(token)) => return Some(Credentials::Token(name(token)?)),
        (Some(username), Some(password), None) => {
            return Some(Credentials::UserPassword {
                username: name(username)?,
                password: name(password)?,
            });
        }
        (_, _, Some(_)) => (
            child(end.pointer, "token"),
            Diagnostic::error(
                "conflicting_credentials",
                "`token` together with `username` or `password`",
            )
            .help("keep one of them: either is enough to log in"),
        ),
        (Some(_), None, None) => pair(end.pointer, "username", "password"),
        (None, Some(_), None) => pair(end.pointer, "password", "username"),
    };
    context.report_key(&pointer, finding);
    None
}

fn tls(end: &End<'_>, encrypted: Option<bool>, context: &mut Context<'_>) -> Option<Tls> {
    let pointer = child(end.pointer, "tls");
    if context.has_invalid(&pointer) {
        return None;
    }
    let Some(table) = end.tls else {
        return Some(Tls::default());
    };
    let mut valid = true;
    let mut fault = |key: &str, finding: Diagnostic, context: &mut Context<'_>| {
        context.report_key(
            &if key.is_empty() { pointer.clone() } else { child(&pointer, key) },
            finding,
        );
        valid = false;
    };
    if encrypted == Some(false) {
        let finding = Diagnostic::error("tls_without_https", "`tls` on an `http` endpoint")
            .help("TLS is for `https://…` endpoints; change the endpoint or remove `tls`");
        fault("", finding, context);
    }
    for (has, value, lacks, other) in [
        ("client_cert_file", &table.client_cert_file, "client_key_file", &table.client_key_file),
        ("client_key_file", &table.client_key_file, "client_cert_file", &table.client_cert_file),
    ] {
        if value.is_some() && other.is_none() {
            let finding = Diagnostic::error("incomplete_tls", format!("`{has}` without `{lacks}`"))
                .help("a client certificate is used with its key: give both or none");
            fault(has, finding, context);
        }
    }
    for (key, value) in [
        ("ca_file", &table.ca_file),
        ("client_cert_file", &table.client_cert_file),
        ("client_key_file", &table.client_key_file),
        ("server_name", &table.server_name),
    ] {
        if value.as_deref() == Some("") {
            let finding = Diagnostic::error("invalid_value", format!("`{key}` is empty"));
            fault(key, finding, context);
        }
    }
    let folder = context.path.parent().unwrap_or(context.path);
    let file = |text: &Option<String>| text.as_ref().map(|text| -> PathBuf { folder.join(text) });
    valid.then(|| Tls {
        ca_file: file(&table.ca_file),
        client_cert_file: file(&table.client_cert_file),
        client_key_file: file(&table.client_key_file),
        server_name: table.server_name.clone(),
    })
}

/// An address as a plan file takes it, in its normal form, and its port where that was left out; or why
/// it is none, without quoting it.
pub(in crate::planfile) fn uri(text: &str) -> Result<(String, Option<u16>), String> {
    match address(text) {
        Ok(address) => Ok((address.uri, address.assumed_port)),
        Err(fault) => Err(format!("{}\n  {}", fault.message, fault.help)),
    }
}

/// An address in its normal form.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    uri: String,
    encrypted: bool,
    /// The port, where the text has none.
    assumed_port: Option<u16>,
}

/// Why a text is no address. Never quotes the text: it may hold a password.
#[derive(Debug, PartialEq, Eq)]
struct AddressFault {
    code: &'static str,
    message: &'static str,
    help: &'static str,
}

fn address(text: &str) -> Result<Address, AddressFault> {
    const FORM: &str = "write `http://HOST:PORT` or `https://HOST:PORT`";
    let fault = |message, help| Err(AddressFault { code: "invalid_endpoint", message, help });
    if text == PLACEHOLDER {
        return Err(AddressFault {
            code: "endpoint_to_fill_in",
            message: "this is not filled in yet",
            help: "write the server's address here, as `http://HOST:PORT` or `https://HOST:PORT`, and name the variables of its login if it has one",
        });
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return fault("the endpoint has no `http://` or `https://`", FORM);
    };
    let (encrypted, default_port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => (false, 19530),
        "https" => (true, 443),
        _ => return fault("the endpoint is neither `http` nor `https`", FORM),
    };
    // An `@` anywhere: passwords may have slashes.
    if rest.contains('@') {
        return Err(AddressFault {
            code: "literal_credential",
            message: "a credential is named in the plan file, never written in it",
            help: "leave `user:password@` out of the endpoint, and name environment variables: `username = { env = \"NAME\" }` and `password = { env = \"NAME\" }`",
        });
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#']) {
        return fault("the endpoint has more than a host and a port", FORM);
    }
    let (host, port) = match rest.rfind(':') {
        Some(colon) if !rest[colon..].contains(']') => (&rest[..colon], Some(&rest[colon + 1..])),
        _ => (rest, None),
    };
    let assumed_port = port.is_none().then_some(default_port);
    let port = match port {
        None => default_port,
        Some(port) => match port.parse::<u16>() {
            Ok(port) if port != 0 => port,
            _ => return fault("the endpoint's port is not a number from 1 to 65535", FORM),
        },
    };
    let host = host.to_ascii_lowercase();
    let valid = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.len() <= 253
                && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        }
    };
    if !valid {
        return fault("the endpoint has no valid host", FORM);
    }
    let scheme = if encrypted { "https" } else { "http" };
    Ok(Address { uri: format!("{scheme}://{host}:{port}"), encrypted, assumed_port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_get_a_normal_form() {
        for (text, uri) in [
            ("http://localhost", "http://localhost:19530"),
            ("https://In01.Zillizcloud.com", "https://in01.zillizcloud.com:443"),
            ("https://a.b:19540/", "https://a.b:19540"),
            ("HTTP://127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://[::1]:19531", "http://[::1]:19531"),
            ("http://[::1]", "http://[::1]:19530"),
        ] {
            let address = address(text).unwrap();
            assert_eq!(address.uri, uri);
            let port = uri.rsplit(':').next().unwrap().parse().ok();
            let left_out = !text.trim_end_matches('/').ends_with(|c: char| c.is_ascii_digit());
            assert_eq!(address.assumed_port, port.filter(|_| left_out), "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_addresses() {
        for text in [
            "",
            "localhost:19530",
            "tcp://a:1",
            "http://",
            "http://:1",
            "http://a:0",
            "http://a:65536",
            "http://a:x",
            "http://a:",
            "http://a/b",
            "http://a?b",
            "http://a b",
            "http://[x]:1",
            "http://::1",
            "http://a\"b",
            "https://user:pw@host",
            "http://u:p/w@h",
        ] {
            assert!(address(text).is_err(), "{text}");
        }
        assert_eq!(address("http://u:p/w@h").unwrap_err().code, "literal_credential");
    }
}
