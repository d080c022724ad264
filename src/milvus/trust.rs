//! Which server certificates are trusted, and in words why one is not.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use x509_cert::certificate::Version;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};

/// Why TLS is not agreed on, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Untrusted {
    pub(super) why: String,
    pub(super) help: String,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Untrusted {}

impl Untrusted {
    fn new(why: impl Into<String>, help: impl Into<String>) -> Self {
        Self { why: why.into(), help: help.into() }
    }
}

/// The reason behind a failed call, when it is one of ours.
pub(super) fn untrusted<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Untrusted> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An error of input and output hides the one inside of it from its sources.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = match inner {
            Some(inner) => inner.downcast_ref::<rustls::Error>(),
            None => error.downcast_ref::<rustls::Error>(),
        };
        if let Some(rustls::Error::InvalidCertificate(CertificateError::Other(other))) = tls
            && let Some(untrusted) = other.0.downcast_ref::<Untrusted>()
        {
            return Some(untrusted);
        }
        cause = error.source();
    }
    None
}

/// Trusts what authorities signed, and certificates that were given byte for byte.
#[derive(Debug)]
pub(super) struct Trust {
    authorities: Arc<WebPkiServerVerifier>,
    /// The certificates of `ca_file`; empty where the system's are taken.
    given: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The host of the endpoint and its port.
    address: String,
}

impl Trust {
    /// By the certificates of a PEM file, or the system's where there is none.
    pub(super) fn new(ca: Option<&[u8]>, address: &str) -> Result<Self, Untrusted> {
        let given = ca.map(certificates).transpose()?.unwrap_or_default();
        let mut roots = RootCertStore::empty();
        for certificate in &given {
            roots.add(certificate.clone()).map_err(|error| {
                Untrusted::new(
                    format!("`tls.ca_file` holds something that is no certificate: {error}"),
                    "look at it with `openssl x509 -noout -text -in FILE`",
                )
            })?;
        }
        if ca.is_none() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let provider: Arc<CryptoProvider> = Arc::new(crypto::ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| {
                Untrusted::new(
                    format!("no certificates to trust: {error}"),
                    "name a file with some in `tls.ca_file`",
                )
            })?;
        Ok(Self { authorities, given, algorithms, address: address.to_owned() })
    }

    fn why(&self, error: &rustls::Error, shown: &CertificateDer<'_>, host: &str) -> Untrusted {
        let host = host.trim_matches(['[', ']']);
        let make = format!(
            "make one with `openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout key.pem -out \
             cert.pem -subj /CN={host} -addext subjectAltName={}:{host}`, give both files to the \
             server, and name cert.pem in `tls.ca_file`",
            if host.parse::<std::net::IpAddr>().is_ok() { "IP" } else { "DNS" }
        );
        let Ok(certificate) = x509_cert::Certificate::from_der(shown) else {
            return Untrusted::new(
                format!("the server's certificate cannot be read: {error}"),
                make,
            );
        };
        let certificate = certificate.tbs_certificate;
        if certificate.version != Version::V3 {
            return Untrusted::new(
                "the server's certificate is of X.509 version 1, which says neither its names nor what \
                 it is for, and is not taken (`openssl x509 -req` makes such ones without `-extfile`)",
                make,
            );
        }
        let (subject, issuer) = (&certificate.subject, &certificate.issuer);
        let rustls::Error::InvalidCertificate(cause) = error else {
            return Untrusted::new(format!("the server's certificate is not taken: {error}"), make);
        };
        match cause {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Untrusted::new(
                format!(
                    "the server's certificate ({subject}) expired on {}",
                    certificate.validity.not_after
                ),
                format!("renew it at the server; {make}"),
            ),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Untrusted::new(
                    format!(
                        "the server's certificate ({subject}) is not valid before {}",
                        certificate.validity.not_before
                    ),
                    "check the clocks of this machine and of the server",
                )
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                wrong_name(&certificate, host, &make)
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                self.unknown_issuer(&subject.to_string(), &issuer.to_string())
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Untrusted::new(
                    format!(
                        "the certificate ({subject}) is not one for servers (extendedKeyUsage)"
                    ),
                    make,
                )
            }
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => Untrusted::new(
                format!(
                    "the server shows the certificate of an authority as its own ({subject}, CA:TRUE, \
                     as `openssl req -x509` makes them)"
                ),
                self.name_it(),
            ),
            _ => Untrusted::new(format!("the server's certificate is not taken: {error}"), make),
        }
    }

    /// How the very certificate of the server gets into `ca_file`.
    fn name_it(&self) -> String {
        format!(
            "if it is the right one, `openssl s_client -connect {} </dev/null | openssl x509 > \
             server.pem` fetches it: compare it with the server's own file, then name it in \
             `tls.ca_file`",
            self.address
        )
    }

    fn unknown_issuer(&self, subject: &str, issuer: &str) -> Untrusted {
        let own = if subject == issuer {
            format!("the server's certificate ({subject}) is signed by itself")
        } else {
            format!("the server's certificate ({subject}) is signed by {issuer}")
        };
        if self.given.is_empty() {
            let why = format!("{own}, which this system does not trust");
            let help = if subject == issuer {
                self.name_it()
            } else {
                format!("name a file with the certificate of {issuer} in `tls.ca_file`")
            };
            return Untrusted::new(why, help);
        }
        let listed: Vec<String> = self.given.iter().map(described).collect();
        let why = format!("{own}; `tls.ca_file` holds {}", listed.join(" and "));
        let help = format!(
            "name the file with the certificate of {issuer} in `tls.ca_file`, or one with the server's \
             own certificate; {}",
            self.name_it()
        );
        Untrusted::new(why, help)
    }
}

/// A certificate of `ca_file`, in words.
fn described(certificate: &CertificateDer<'static>) -> String {
    let Ok(certificate) = x509_cert::Certificate::from_der(certificate) else {
        return "a certificate that cannot be read".to_owned();
    };
    let certificate = certificate.tbs_certificate;
    let authority = certificate.get::<BasicConstraints>();
    let of = match authority {
        Ok(Some((_, constraints))) if constraints.ca => "the certificate of an authority",
        _ if certificate.version != Version::V3 => "a certificate",
        _ => "a server's certificate, which is not the one that is shown",
    };
    format!("{} ({of})", certificate.subject)
}

fn wrong_name(certificate: &x509_cert::TbsCertificate, host: &str, make: &str) -> Untrusted {
    let names: Vec<String> = match certificate.get::<SubjectAltName>() {
        Ok(Some((_, names))) => names.0.iter().filter_map(name).collect(),
        _ => Vec::new(),
    };
    let Some(first) = names.first() else {
        return Untrusted::new(
            format!(
                "the server's certificate ({}) has no names (subjectAltName), so that it cannot be \
                 known to be that of {host}",
                certificate.subject
            ),
            make,
        );
    };
    Untrusted::new(
        format!("the server's certificate is for {}, not for {host}", names.join(", ")),
        format!(
            "if that is the server, write `tls.server_name = \"{first}\"`; else correct the endpoint"
        ),
    )
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => match bytes.as_bytes() {
            [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
            long => {
                <[u8; 16]>::try_from(long).ok().map(|ip| std::net::Ipv6Addr::from(ip).to_string())
            }
        },
        _ => None,
    }
}

/// The certificates of a PEM file.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Untrusted> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let text = String::from_utf8_lossy(pem);
    let not_pem = x509_cert::Certificate::from_der(pem).is_ok();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ if not_pem => Err(Untrusted::new(
            "`tls.ca_file` is a certificate in DER form, not PEM",
            "convert it: `openssl x509 -inform der -in FILE -out FILE.pem`",
        )),
        _ if text.contains("PRIVATE KEY-----") => Err(Untrusted::new(
            "`tls.ca_file` holds a private key and no certificate",
            "name the certificate of the authority there, or the server's own; keys stay where they are",
        )),
        _ if text.contains("CERTIFICATE REQUEST-----") => Err(Untrusted::new(
            "`tls.ca_file` holds a request for a certificate, which nobody signed",
            "name the certificate of the authority there, or the server's own",
        )),
        Ok(_) => Err(Untrusted::new(
            "`tls.ca_file` holds no certificate",
            "it has to be a PEM file, with `-----BEGIN CERTIFICATE-----` in it",
        )),
        Err(error) => Err(Untrusted::new(
            format!("`tls.ca_file` cannot be read as PEM: {error}"),
            "look at it with `openssl x509 -noout -text -in FILE`",
        )),
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self.authorities.verify_server_cert(shown, between, name, ocsp, now);
        let Err(error) = checked else { return checked };
        // Whoever gave this very certificate trusts it, whoever signed it, and whatever its names.
        // (Dates are looked at first.)
        let in_time = !matches!(
            &error,
            rustls::Error::InvalidCertificate(
                CertificateError::Expired
                    | CertificateError::ExpiredContext { .. }
                    | CertificateError::NotValidYet
                    | CertificateError::NotValidYetContext { .. }
            )
        );
        let is_given = self.given.iter().any(|given| given.as_ref() == shown.as_ref());
        if is_given && in_time && readable(shown) {
            return Ok(ServerCertVerified::assertion());
        }
        let why = self.why(&error, shown, &name.to_str());
        Err(CertificateError::Other(OtherError(Arc::new(why))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether signatures by the key of this certificate can be checked: of version 1 it cannot be read.
fn readable(certificate: &CertificateDer<'_>) -> bool {
    rustls::server::ParsedCertificate::try_from(certificate).is_ok()
}
