//! The tables of the two ends.

use schemars::JsonSchema;
use serde::Deserialize;

use super::Whole;

/// Makes a struct of its own fields and of those that both ends share. (`serde(flatten)` would do
/// it too, but gives up on unknown keys.)
macro_rules! end {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(in crate::planfile) struct $name {
            /// Address of the server: `http://HOST:PORT` or `https://HOST:PORT`. Default port:
            /// 19530 for `http`, 443 for `https`.
            #[schemars(required)]
            #[schemars(extend("examples" = ["http://milvus.internal:19530", "{{ source_endpoint }}"]))]
            pub(in crate::planfile) endpoint: Option<String>,
            /// User to log in as: `{ env = "NAME" }` with the name of the environment variable
            /// that holds it.
            #[schemars(extend("examples" = [{ "env": "SOURCE_USER" }]))]
            pub(in crate::planfile) username: Option<FromEnv>,
            /// Password of the user: `{ env = "NAME" }` with the name of the environment variable
            /// that holds it.
            #[schemars(extend("examples" = [{ "env": "SOURCE_PASSWORD" }]))]
            pub(in crate::planfile) password: Option<FromEnv>,
            /// API key, or `user:password`, instead of `username` and `password`:
            /// `{ env = "NAME" }` with the name of the environment variable that holds it.
            #[schemars(extend("examples" = [{ "env": "ZILLIZ_TOKEN" }]))]
            pub(in crate::planfile) token: Option<FromEnv>,
            /// Files and names for an `https` endpoint; the system's certificates are trusted
            /// without it.
            #[schemars(extend("examples" = [{ "ca_file": "certs/ca.pem" }]))]
            pub(in crate::planfile) tls: Option<TlsTable>,
            $($own)*
        }
    };
}

end! {
    /// Where the rows come from.
    SourceEnd {
        /// Whether a source collection that is not loaded may be loaded for the copy, and
        /// released afterwards. Default: `false`.
        pub(in crate::planfile) load: Option<bool>,
        /// How many queries of the copy may run at the source at a time, on average: 4 lets four
        /// run at once; 0.25 lets one run a quarter of the time, with pauses in between. From 0.01
        /// to 64. Default: no bound but `parallelism`.
        #[schemars(range(min = 0.01, max = 64))]
        pub(in crate::planfile) max_load: Option<f64>,
    }
}

end! {
    /// Where the rows go.
    TargetEnd {
        /// What kind of server it is, as far as its limits go: `"milvus"`, `"zilliz-free"`,
        /// `"zilliz-serverless"` or `"zilliz-dedicated"`. Default: what the server tells.
        pub(in crate::planfile) kind: Option<TargetKindWord>,
        /// With `kind = "zilliz-dedicated"`: compute units of the cluster, on which its limits
        /// depend.
        #[schemars(range(min = 1, max = 1024))]
        pub(in crate::planfile) compute_units: Option<Whole>,
    }
}

/// A kind of server.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::planfile) enum TargetKindWord {
    /// Milvus, self-hosted.
    Milvus,
    /// Zilliz Cloud, Free plan.
    ZillizFree,
    /// Zilliz Cloud, Serverless plan.
    ZillizServerless,
    /// Zilliz Cloud, Dedicated plan.
    ZillizDedicated,
}

/// A credential: the name of the environment variable that holds it, never its value.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct FromEnv {
    /// Name of the environment variable, in capital letters, digits and `_`.
    #[schemars(required, regex(pattern = "^[A-Z_][A-Z0-9_]*$"))]
    pub(in crate::planfile) env: Option<String>,
}

/// TLS settings of an `https` endpoint. Files are relative to the plan file.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::planfile) struct TlsTable {
    /// PEM file with the certificates to trust instead of the system's.
    pub(in crate::planfile) ca_file: Option<String>,
    /// PEM file with our certificate, for servers that ask for one; needs `client_key_file`.
    pub(in crate::planfile) client_cert_file: Option<String>,
    /// PEM file with the key of `client_cert_file`.
    pub(in crate::planfile) client_key_file: Option<String>,
    /// Name to expect in the server's certificate. Default: the endpoint's host.
    pub(in crate::planfile) server_name: Option<String>,
}
