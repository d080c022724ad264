//! What stands between a client and a server: a real nginx, a real tinyproxy, and certificates that
//! openssl makes. Each runs on a port of its own in a folder of its own, and ends when it is dropped.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process that ends with the value.
struct Process(Child);

impl Process {
    /// Starts a program that listens on a port, and waits until it does.
    fn listening(command: &mut Command, port: u16, log: &Path) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Self(command.spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}; .ci/run installs what the tests need")
        }));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = process.0.try_wait().unwrap();
            let late = began.elapsed() > Duration::from_secs(20);
            if ended.is_some() || late {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                panic!("{command:?} does not listen ({ended:?}):\n{said}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Configures the server of an nginx: lines of its `server` block.
pub struct Nginx {
    folder: TempDir,
    port: u16,
    tls: bool,
    process: Option<Process>,
}

impl Nginx {
    /// One that passes gRPC on to a server, with these lines in its `location /`.
    pub fn before(server: &str, lines: &str) -> Self {
        let server = server.trim_start_matches("http://");
        Self::with("http2", "", &format!("location / {{ grpc_pass grpc://{server}; {lines} }}"))
    }

    /// [`Nginx::before`], which speaks TLS with this certificate.
    pub fn with_tls(server: &str, certificate: &Pair) -> Self {
        let server = server.trim_start_matches("http://");
        let (certificate, key) = (certificate.certificate.display(), certificate.key.display());
        let tls = format!("ssl_certificate {certificate}; ssl_certificate_key {key};");
        let lines = format!("{tls} location / {{ grpc_pass grpc://{server}; }}");
        Self { tls: true, ..Self::with("ssl http2", "", &lines) }
    }

    /// One with these words behind its `listen`, these lines in `http`, and these in `server`.
    pub fn with(listen: &str, http: &str, server: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("milvus-ferry-nginx-").tempdir().unwrap();
        let mut nginx =
            Self { folder, port: free_port(), tls: listen.contains("ssl"), process: None };
        nginx.configure(listen, http, server);
        nginx.start();
        nginx
    }

    fn configure(&self, listen: &str, http: &str, server: &str) {
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {}/{name};\n", self.folder.path().display()))
            .collect();
        // One process, so that its end is the end of all of it.
        let text = format!(
            "daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log info;\n\
             events {{ worker_connections 256; }}\n\
             http {{ access_log {folder}/access.log; {temporary}{http}\n\
             server {{ listen 127.0.0.1:{port} {listen};\n{server}\n}} }}\n",
            folder = self.folder.path().display(),
            port = self.port,
        );
        std::fs::write(self.folder.path().join("nginx.conf"), text).unwrap();
    }

    /// Starts it again, on the same port.
    pub fn start(&mut self) {
        let folder = self.folder.path();
        let mut command = Command::new(program("nginx"));
        command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
        command.arg("-e").arg(folder.join("error.log"));
        self.process = Some(Process::listening(&mut command, self.port, &folder.join("error.log")));
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.process = None;
    }

    pub fn uri(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The lines of its access log.
    pub fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("access.log"));
        log.unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// A forward proxy.
pub struct TinyProxy {
    folder: TempDir,
    port: u16,
    _process: Process,
}

impl TinyProxy {
    /// With these lines of configuration.
    pub fn start(lines: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("milvus-ferry-proxy-").tempdir().unwrap();
        let port = free_port();
        let (configuration, log) = (folder.path().join("conf"), folder.path().join("log"));
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\nLogFile \"{}\"\n\
             LogLevel Connect\nAllow 127.0.0.1\n{lines}\n",
            log.display()
        );
        std::fs::write(&configuration, text).unwrap();
        let mut command = Command::new(program("tinyproxy"));
        command.arg("-d").arg("-c").arg(&configuration);
        let process = Process::listening(&mut command, port, &log);
        Self { folder, port, _process: process }
    }

    /// Its address, as variables name it.
    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many tunnels were asked for.
    pub fn tunnels(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("CONNECT ") && line.contains("Request")).count()
    }
}

/// Where a program of the system is: servers are not always in the path of those who are not root.
fn program(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let found =
        folders.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from(name))
}

/// A certificate and its key, in files.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// A folder of files that openssl makes.
pub struct OpenSsl(TempDir);

impl Default for OpenSsl {
    fn default() -> Self {
        Self(tempfile::Builder::new().prefix("milvus-ferry-tls-").tempdir().unwrap())
    }
}

impl OpenSsl {
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs openssl in the folder. Panics when it fails.
    pub fn run(&self, arguments: &str) {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let mut command = Command::new("openssl");
        let output = command.args(&arguments).current_dir(self.0.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
    }

    fn pair(&self, name: &str) -> Pair {
        let (certificate, key) =
            (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")));
        Pair { certificate, key }
    }

    /// A self-signed certificate, with more options of `openssl req -x509`.
    pub fn self_signed(&self, name: &str, options: &str) -> Pair {
        self.run(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key \
             -out {name}.pem -subj /CN={name} {options}"
        ));
        self.pair(name)
    }

    /// A certificate that another one signs, with these extensions, one a line. Without any it is of
    /// version 1.
    pub fn signed_by(&self, authority: &str, name: &str, extensions: &str, options: &str) -> Pair {
        self.run(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {name}.key -out \
             {name}.csr -subj /CN={name}"
        ));
        let mut command = format!(
            "x509 -req -in {name}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -out \
             {name}.pem {options}"
        );
        if !extensions.is_empty() {
            std::fs::write(self.path(&format!("{name}.ext")), extensions).unwrap();
            command = format!("{command} -extfile {name}.ext");
        }
        self.run(&command);
        self.pair(name)
    }
}
