//! Proxies between us and a server, as the environment names them.

use std::fmt;

use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::error::{Error, Kind};

/// What the environment says of proxies.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// The variable that names a proxy, and its value.
    pub proxy: Option<(&'static str, String)>,
    /// Hosts that are reached without it, separated by commas.
    pub except: Option<String>,
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        let variable = self.proxy.as_ref().map(|(variable, _)| variable);
        f.debug_struct("ProxySettings")
            .field("proxy", &variable)
            .field("except", &self.except)
            .finish()
    }
}

/// A proxy that opens a tunnel to a server, by `CONNECT`.
#[derive(Clone)]
pub struct Proxy {
    variable: &'static str,
    address: Uri,
    login: Option<HeaderValue>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.to_string();
        write!(f, "{} ({})", address.trim_end_matches('/'), self.variable)
    }
}

impl Proxy {
    /// The proxy for a server, where there is one.
    ///
    /// # Errors
    /// When the variable does not name a proxy that can be used; its value is not quoted, as it may
    /// hold a password.
    pub fn to(server: &str, settings: &ProxySettings) -> Result<Option<Self>, String> {
        let Some((variable, value)) = &settings.proxy else { return Ok(None) };
        let unusable = |why: &str| {
            Err(format!(
                "the variable {variable} {why}\n  write `http://HOST:PORT`, or \
                 `http://USER:PASSWORD@HOST:PORT`; for hosts that need no proxy set no_proxy"
            ))
        };
        let Ok(server) = server.parse::<Uri>() else { return Ok(None) };
        if let Some(except) = &settings.except
            && except.split(',').any(|entry| entry.trim() == "*")
        {
            return Ok(None);
        }
        if let Some(except) = &settings.except
            && proxy(&server, value, &without_ports(except, &server)).is_none()
            && proxy(&server, value, "").is_some()
        {
            return Ok(None);
        }
        let Some(found) = proxy(&server, value, "") else {
            return unusable("does not hold the address of a proxy");
        };
        if found.uri().scheme_str() != Some("http") {
            return unusable("names a proxy that is not spoken to by plain HTTP");
        }
        // Without a port the standard one is taken, as by other clients.
        Ok(Some(Self {
            variable,
            address: found.uri().clone(),
            login: found.basic_auth().cloned(),
        }))
    }

    /// What connects through it.
    pub(super) fn tunnel(&self, mut tcp: HttpConnector) -> Tunnel<HttpConnector> {
        tcp.enforce_http(true);
        let tunnel = Tunnel::new(self.address.clone(), tcp);
        match &self.login {
            Some(login) => tunnel.with_auth(login.clone()),
            None => tunnel,
        }
    }

    /// The failure of a call in words that say what the proxy has to do with it.
    pub(super) fn explain(&self, error: Error) -> Error {
        let Some((_, cause)) = error.message.split_once("tunnel error: ") else { return error };
        let variable = self.variable;
        let (kind, why, help) = if cause.starts_with("proxy authorization required") {
            (
                Kind::Unauthenticated,
                format!("the proxy {self} asks for a login"),
                format!("write the login into {variable}: `http://USER:PASSWORD@HOST:PORT`"),
            )
        } else if let Some(cause) = cause.strip_prefix("failed to create underlying connection") {
            (
                Kind::Unavailable,
                format!("the proxy {self} cannot be reached{cause}"),
                format!("correct {variable}, or add the server's host to no_proxy"),
            )
        } else {
            (
                Kind::Unavailable,
                format!("the proxy {self} does not open a tunnel to the server ({cause})"),
                "check that the server is reached from the proxy, and that the proxy lets `CONNECT` \
                 through to this port (many only to 443); or add the server's host to no_proxy"
                    .to_owned(),
            )
        };
        Error { kind, message: why, ..error }.with_help(help)
    }
}

fn proxy(server: &Uri, value: &str, except: &str) -> Option<Intercept> {
    Matcher::builder().all(value).no(except).build().intercept(server)
}

/// Entries like `host:19530`, which only some clients know, without their ports where it is the
/// server's, and left out where it is not.
fn without_ports(except: &str, server: &Uri) -> String {
    let entries = except.split(',').map(str::trim).filter_map(|entry| {
        let Some((host, port)) = entry.rsplit_once(':') else { return Some(entry) };
        match port.parse::<u16>() {
            Ok(port) if !host.contains(':') => (server.port_u16() == Some(port)).then_some(host),
            _ => Some(entry),
        }
    });
    entries.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: &str, except: &str) -> ProxySettings {
        let except = (!except.is_empty()).then(|| except.to_owned());
        ProxySettings { proxy: Some(("https_proxy", value.to_owned())), except }
    }

    #[test]
    fn a_proxy_is_taken_for_every_server_that_is_not_excepted() {
        const SERVER: &str = "http://db.internal:19530";
        for (except, through) in [
            ("", true),
            ("*", false),
            ("db.internal", false),
            (".internal", false),
            ("internal", false),
            ("other,db.internal:19530", false),
            ("db.internal:443", true),
            ("10.0.0.0/8", true),
        ] {
            let found = Proxy::to(SERVER, &settings("http://p:3128", except)).unwrap();
            assert_eq!(found.is_some(), through, "{except}");
        }
        for (server, through) in [
            ("https://10.1.2.3:443", false),
            ("https://11.1.2.3:443", true),
            ("http://[fe80::1]:19530", false),
            ("http://[2001::1]:19530", true),
        ] {
            let settings = settings("http://p:3128", "10.0.0.0/8,fe80::/16");
            assert_eq!(Proxy::to(server, &settings).unwrap().is_some(), through, "{server}");
        }
        assert!(Proxy::to("http://10.1.2.3:1", &settings("p:1", "x,*")).unwrap().is_none());
        assert!(Proxy::to(SERVER, &ProxySettings::default()).unwrap().is_none());
    }

    #[test]
    fn a_login_is_sent_and_not_shown() {
        let settings = settings("http://me:s%40cret@proxy:3128", "");
        let proxy = Proxy::to("https://a:443", &settings).unwrap().unwrap();
        assert_eq!(proxy.to_string(), "http://proxy:3128 (https_proxy)");
        assert_eq!(proxy.login.as_ref().unwrap(), "Basic bWU6c0BjcmV0");
        assert!(!format!("{proxy:?}{settings:?}").contains("cret"));
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_value() {
        for value in ["socks5://me:secret@p:1080", "https://p:3128", "http://", "a b", "ftp://p"] {
            let why = Proxy::to("http://a:19530", &settings(value, "")).unwrap_err();
            assert!(why.contains("https_proxy") && !why.contains("secret"), "{why}");
        }
        // Without a scheme it is plain HTTP.
        let proxy = Proxy::to("http://a:1", &settings("p:3128", "")).unwrap().unwrap();
        assert_eq!(proxy.to_string(), "http://p:3128 (https_proxy)");
    }
}
